// Reads a report as its readers do: in Chromium, by pointer, keyboard and touch, in light and dark, on a
// phone and on paper, without scripts. Prints a line a check and exits 1 if one fails.
//
//     node run.mjs --tokentape PATH --report FILE [--trace TRACE] [--screenshots DIR]
//
// The report must be of TRACE, by default the bundled session. What the page shows is held against what
// `tokentape sql` answers. Install what it needs with `npm ci`; CHROMIUM names another browser to start.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values: flags } = parseArgs({
  options: {
    tokentape: { type: "string" }, report: { type: "string" },
    trace: { type: "string", default: "traces/gemma3-270m-pair" }, screenshots: { type: "string" },
  },
});
if (!flags.tokentape || !flags.report) {
  console.error("usage: run.mjs --tokentape PATH --report FILE [--trace TRACE] [--screenshots DIR]");
  process.exit(2);
}
const address = pathToFileURL(path.resolve(flags.report)).href;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});

// What no page may do, whichever check opened it.
const complaints = [];

async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await context.addInitScript({ content: axe });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.on("console", (said) => {
    if (["error", "warning"].includes(said.type())) complaints.push(`the console says: ${said.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`a script failed: ${error.message}`));
  page.on("request", (request) => {
    const url = request.url();
    if (url.split("#")[0] !== address && !url.startsWith("data:")) complaints.push(`the page asks for ${url}`);
  });
  await page.goto(address);
  return page;
}

function expect(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}

function equal(found, wanted, what) {
  const [one, other] = [JSON.stringify(found), JSON.stringify(wanted)];
  expect(one === other, `${what} is ${one}, not ${other}`);
}

function tokentape(...command) {
  return execFileSync(flags.tokentape, command, { encoding: "utf8" });
}

async function shoot(page, name, options = {}) {
  if (flags.screenshots) await page.screenshot({ path: path.join(flags.screenshots, `${name}.png`), ...options });
}

// ---- tables

// A table whose rows can be put in another order, by a column of numbers that are not all the same. A number that
// is rounded for reading has its digits in a title.
async function sortable(page) {
  for (const table of await page.locator("main table").all()) {
    if (!await table.isVisible() || await table.locator("tbody tr").count() < 3) continue;
    for (const [index, head] of (await table.locator("thead th").all()).entries()) {
      const button = head.getByRole("button");
      if (await button.count() !== 1) continue;
      const column = table.locator(`tbody tr td:nth-child(${index + 1})`);
      const values = async () => (await column.evaluateAll((cells) => cells.map((cell) => cell.title || cell.textContent)))
        .map((text) => (text ? Number(text) : NaN));
      const now = await values();
      if (now.some(Number.isNaN) || new Set(now).size < 3) continue;
      return { table, head, button, values };
    }
  }
  throw new Error("no table can be sorted by a column of numbers");
}

const rising = (values) => values.every((value, i) => i === 0 || values[i - 1] <= value);
const falling = (values) => rising([...values].reverse());

async function sortsBy(act) {
  const page = await open();
  const { head, button, values } = await sortable(page);
  const orders = [];
  for (let turn = 0; turn < 2; turn++) {
    await act(button);
    const sort = await head.getAttribute("aria-sort");
    const now = await values();
    expect({ ascending: rising, descending: falling }[sort]?.(now), `aria-sort is ${sort}, the rows are ${now}`);
    orders.push(sort);
  }
  equal(orders.sort(), ["ascending", "descending"], "the way in which the rows are sorted, twice");
  await page.context().close();
}

// The columns of a CSV that have any value. None of the texts in it has a comma.
function known(csv) {
  const [head, ...rows] = csv.trim().split("\n").map((line) => line.split(","));
  const columns = head.map((name, i) => [name, rows.map((row) => row[i])]);
  return columns.filter(([, values]) => values.some((value) => value !== ""));
}

// ---- the timeline

// A chunk in the middle of the first request that was made side by side with another.
const CHUNK = `
    with started as (
        select session_id, run_id, min(start_ns) as run_start_ns
        from request_times where generates and phase = 'concurrent' group by session_id, run_id
    )
    select label as run, event.agent, event.request_id, text, gap_ns, event.t_ns - run_start_ns as at_ns, size
    from content_events as event
    join started on started.session_id = event.session_id and started.run_id = event.run_id
    join run_labels as run on run.session_id = event.session_id and run.run_id = event.run_id
    join chunks as chunk on chunk.session_id = event.session_id and chunk.run_id = event.run_id
        and chunk.request_id = event.request_id and chunk.seq = event.chunk_seq
    where gap_ns is not null
    order by event.run_id, event.request_id, event.seq
    limit 1 offset 9`;

const chunkOfSql = () => JSON.parse(tokentape("sql", flags.trace, "-c", CHUNK, "--format", "json"))[0];

const timeline = (page) => ({
  canvas: page.locator(".timeline canvas"), tip: page.locator(".timeline-tip"),
  said: page.locator(".timeline-said"), select: page.locator(".timeline select"),
});

const ends = (canvas) => canvas.evaluate(({ dataset }) => [Number(dataset.fromNs), Number(dataset.untilNs)]);

async function told(tip) {
  const names = await tip.locator("dt").allTextContents();
  const values = await tip.locator("dd").allTextContents();
  return Object.fromEntries(names.map((name, i) => [name, values[i]]));
}

const number = (value, digits) => value.toLocaleString("en", {
  minimumFractionDigits: digits, maximumFractionDigits: digits });
const duration = (ns) => ns < 1e9 ? `${number(ns / 1e6, 3)} ms` : `${number(ns / 1e9, 6)} s`;
const shown = (text) => `“${text.replace(/\r?\n|\r/g, "⏎").replace(/\t/g, "⇥")}”`;

async function chooses(page, chunk) {
  const { canvas, select } = timeline(page);
  await canvas.scrollIntoViewIfNeeded();
  await select.selectOption({ label: chunk.run });
}

// Puts the pointer where the chunk must be, in the lane of its agent.
async function pointsAt(page, chunk) {
  const { canvas, tip } = timeline(page);
  const [from, until] = await ends(canvas);
  const box = await canvas.boundingBox();
  const x = box.x + (chunk.at_ns - from) / (until - from) * box.width;
  for (let y = 24; y < box.height; y += 8) {
    await page.mouse.move(x, box.y + y);
    if (await tip.isVisible() && (await told(tip)).from === `${chunk.agent}, request ${chunk.request_id}`) return x;
  }
  throw new Error(`no chunk of ${chunk.agent} is found at ${duration(chunk.at_ns)}`);
}

// ---- the checks

const checks = {
  "a table is sorted by click": () => sortsBy((button) => button.click()),

  "a table is sorted by keyboard": () => sortsBy((button) => button.press("Enter")),

  "a table is copied as CSV": async () => {
    const page = await open();
    const { table } = await sortable(page);
    const name = await table.getAttribute("data-name");
    await page.getByRole("button", { name: new RegExp(`^Copy .*\\b${name}\\b`) }).first().click();
    await page.getByText(`Copied ${name} as CSV.`).waitFor({ state: "attached" });
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    equal(known(copied), known(tokentape("sql", flags.trace, "-q", name, "--format", "csv")), `a copy of ${name}`);
    await page.context().close();
  },

  "a fold shows its SQL": async () => {
    const page = await open();
    const fold = page.locator("main details:has(pre)").filter({ visible: true }).first();
    const text = fold.locator("pre").first();
    expect(!await text.isVisible(), "the fold is open from the start");
    await fold.locator("summary").first().press("Enter");
    await text.waitFor();
    await page.context().close();
  },

  "the timeline zooms by wheel, buttons and keys, and fits again": async () => {
    const page = await open();
    const { canvas } = timeline(page);
    await canvas.scrollIntoViewIfNeeded();
    const whole = await ends(canvas);
    const box = await canvas.boundingBox();
    const span = async () => { const [from, until] = await ends(canvas); return until - from; };
    await page.mouse.move(box.x + box.width / 3, box.y + 40);
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -200);
    await page.keyboard.up("Control");
    await page.waitForFunction(([canvas, until]) => Number(canvas.dataset.untilNs) < until,
      [await canvas.elementHandle(), whole[1]]);
    const wheeled = await span();
    const [at] = await ends(canvas);
    expect(at > 0, "what is under the pointer stays there");
    const buttons = page.locator(".timeline-buttons");
    await buttons.getByRole("button", { name: "Zoom in" }).click();
    expect(Math.abs(await span() * 2 / wheeled - 1) < 1e-6, "the button halves what is seen");
    await canvas.focus();
    await page.keyboard.press("+");
    expect(Math.abs(await span() * 4 / wheeled - 1) < 1e-6, "the key halves what is seen");
    const before = await ends(canvas);
    await page.keyboard.press("ArrowRight");
    expect((await ends(canvas))[0] > before[0], "the arrow moves on");
    await page.mouse.move(box.x + 100, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + 160, box.y + 40, { steps: 4 });
    await page.mouse.up();
    expect((await ends(canvas))[0] < before[0] + 0.1 * wheeled / 4, "dragging to the right moves back");
    await page.keyboard.press("Home");
    equal(await ends(canvas), whole, "what is seen after Home");
    await page.context().close();
  },

  "a chunk under the pointer says what SQL says of it": async () => {
    const chunk = chunkOfSql();
    const page = await open();
    const { canvas, tip, said } = timeline(page);
    await chooses(page, chunk);
    for (let turn = 0; turn < 4; turn++) {
      await pointsAt(page, chunk);
      await page.keyboard.down("Control");
      await page.mouse.wheel(0, -200);
      await page.keyboard.up("Control");
    }
    await pointsAt(page, chunk);
    const wanted = {
      at: duration(chunk.at_ns), gap: duration(chunk.gap_ns), bytes: number(chunk.size, 0),
      from: `${chunk.agent}, request ${chunk.request_id}`,
    };
    equal(await told(tip), wanted, "what is said of the chunk");
    equal(await tip.locator("code").textContent(), shown(chunk.text), "its text");
    await canvas.focus();
    await page.keyboard.press("g");
    const gap = await said.textContent();
    await page.keyboard.press(".");
    expect(gap && await said.textContent() !== gap, "a step to the next chunk is said");
    await shoot(page, "zoomed");
    await page.context().close();
  },

  "a finger finds a chunk": async () => {
    const chunk = chunkOfSql();
    const page = await open({ viewport: { width: 375, height: 700 }, hasTouch: true, isMobile: true });
    const { canvas, tip } = timeline(page);
    await chooses(page, chunk);
    const box = await canvas.boundingBox();
    await page.touchscreen.tap(box.x + box.width / 2, box.y + 40);
    await tip.waitFor();
    await shoot(page, "phone-timeline");
    await page.context().close();
  },

  "the timeline follows the page's theme": async () => {
    const page = await open({ colorScheme: "light" });
    const { canvas } = timeline(page);
    const picture = () => canvas.evaluate((canvas) => canvas.toDataURL());
    const light = await picture();
    await page.evaluate(() => { document.documentElement.dataset.theme = "dark"; });
    await page.waitForFunction(([canvas, light]) => canvas.toDataURL() !== light, [await canvas.elementHandle(), light]);
    await page.context().close();
  },

  "nothing moves sideways at 375 pixels": async () => {
    const page = await open({ viewport: { width: 375, height: 800 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true });
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width <= 375, `the page is ${width} pixels wide`);
    await shoot(page, "phone");
    await page.context().close();
  },

  "without scripts there is a sentence and the figure": async () => {
    const page = await open({ javaScriptEnabled: false });
    expect(await page.locator(".timeline noscript, .timeline p").filter({ hasText: "JavaScript" }).first().isVisible(),
      "nothing says that the timeline stands still");
    expect(await page.locator(".timeline-still > *").first().isVisible(), "the figure is not seen");
    await page.context().close();
  },

  "it prints, with the figure in place of the timeline": async () => {
    const page = await open();
    const pdf = await page.pdf({ path: flags.screenshots && path.join(flags.screenshots, "report.pdf"), format: "A4" });
    expect(pdf.subarray(0, 5).toString() === "%PDF-" && pdf.length > 20_000, `the PDF has ${pdf.length} bytes`);
    await page.emulateMedia({ media: "print" });
    expect(!await timeline(page).canvas.isVisible(), "the canvas is printed");
    expect(await page.locator(".timeline-still > *").first().isVisible(), "the figure is not printed");
    await page.context().close();
  },
};

for (const colorScheme of ["light", "dark"]) {
  checks[`axe finds nothing wrong in ${colorScheme}`] = async () => {
    const page = await open({ colorScheme });
    await shoot(page, colorScheme);
    await shoot(page, `${colorScheme}-whole`, { fullPage: true });
    const { violations } = await page.evaluate(() => axe.run());
    const found = violations.map(({ id, help, nodes }) =>
      `${id} (${help}): ${nodes.slice(0, 3).map((node) => node.target.join(" ")).join("; ")}`);
    expect(!found.length, found.join("\n      "));
    await page.context().close();
  };
}

checks["nothing is fetched, and the console stays silent"] = () =>
  expect(!complaints.length, [...new Set(complaints)].join("\n      "));

if (flags.screenshots) mkdirSync(flags.screenshots, { recursive: true });
let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok    ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL  ${name}\n      ${error.message}`);
  }
}
await browser.close();
if (failed) {
  console.log(`${failed} of ${Object.keys(checks).length} checks failed`);
  process.exit(1);
}
