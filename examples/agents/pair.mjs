#!/usr/bin/env node
// The agents of pair.py in Node: one event loop, its own fetch.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

const { scenario, options, agents } = JSON.parse(readFileSync(new URL("work.json", import.meta.url)));

const { values: flags } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    solo: { type: "boolean", default: false },
    only: { type: "string" },
    warmup: { type: "boolean", default: false },
    "first-number": { type: "string", default: "1" },
    topology: { type: "string", default: "dual" },
    labels: { type: "string", default: "{}" },
    model: { type: "string", default: options.model },
    "max-tokens": { type: "string", default: String(options.max_tokens) },
    seed: { type: "string", default: String(options.seed) },
  },
});
const seed = Number(flags.seed);

/** Where an agent's recorder listens, if there is one. */
function recorder(agent) {
  return process.env[`TOKENTAPE_${agent.name.toUpperCase()}_URL`]?.replace(/\/+$/, "") || null;
}

/** One run: a first answer to the material, a second built on the first. The tokens written. */
async function work(agent) {
  const { port } = flags.topology === "single" ? agents[0] : agent;
  const url = recorder(agent) ?? `http://127.0.0.1:${port}`;
  const first = await chat(url, `${agent.material}\n\n${agent.first}`);
  const sentences = first.text.slice(0, first.text.lastIndexOf(".") + 1); // max_tokens cuts the last one short
  const then = await chat(url, `${agent.first}${sentences}\n\n${agent.then}`);
  return first.tokens + then.tokens;
}

/** One streamed chat completion: its text and the number of tokens the server counted. */
async function chat(url, prompt) {
  const response = await post(`${url}/v1/chat/completions`, {
    ...options,
    model: flags.model,
    max_tokens: Number(flags["max-tokens"]),
    seed,
    messages: [{ role: "user", content: prompt }],
  });
  const answer = { text: "", tokens: 0 };
  for await (const data of dataLines(response.body)) {
    if (data === "[DONE]") continue;
    const event = JSON.parse(data);
    if (event.error) throw new Error(`${url} broke off: ${event.error.message ?? JSON.stringify(event.error)}`);
    for (const choice of event.choices) answer.text += choice.delta.content ?? "";
    answer.tokens = event.usage?.completion_tokens ?? answer.tokens;
  }
  return answer;
}

/** What the lines `data: ...` of a stream say, wherever its chunks are cut. */
async function* dataLines(body) {
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.startsWith("data: ")) yield line.slice("data: ".length).trim();
  }
}

/** A connection for each call, as in all these agents. */
async function post(url, body) {
  const headers = { "content-type": "application/json", connection: "close" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (response.ok) return response;
  const said = (await response.text()).trim().slice(0, 200);
  throw new Error(`${url} answered ${response.status}: ${said}`);
}

/** One run: mark it for the recorder, if there is one, and let the agents work at once. */
async function run(phase, agents, number) {
  const names = agents.map((agent) => agent.name).join("+");
  if (recorder(agents[0])) {
    const marked = await post(`${recorder(agents[0])}/_tokentape/run`, {
      scenario,
      runtime: "node",
      topology: flags.topology,
      phase,
      run_number: number,
      model: flags.model,
      labels: { agents: names, ...JSON.parse(flags.labels) },
    });
    await marked.text();
  }
  const began = performance.now();
  const tokens = await Promise.all(agents.map(work));
  const seconds = ((performance.now() - began) / 1000).toFixed(2);
  const shares = agents.map((agent, i) => `${agent.name} ${tokens[i]} tokens`).join(", ");
  console.log(`${phase.padEnd(10)} ${String(number).padStart(2)}  ${seconds.padStart(5)} s  ${shares}`);
}

/** [phase, agents, number] of each run: rounds, each begun with another kind, so that no kind is always first. */
function* plan() {
  const alone = agents.map((agent) => ["solo", [agent]]);
  let kinds = [["concurrent", agents], ...(flags.solo ? alone : [])];
  if (flags.only) kinds = alone.filter(([, [agent]]) => agent.name === flags.only);
  if (kinds.length === 0) throw new Error(`--only ${flags.only}: there is no such agent`);
  if (flags.warmup) yield ["warmup", agents, 1];
  const first = Number(flags["first-number"]);
  for (let number = first; number < first + Number(flags.runs); number++) {
    for (const place of kinds.keys()) yield [...kinds[(seed + number + place) % kinds.length], number];
  }
}

try {
  for (const planned of plan()) await run(...planned);
} catch (problem) {
  console.error(`pair: ${problem.cause?.message ?? problem.message}`);
  process.exitCode = 3;
}
