// What a page can do that paper cannot: sort and copy tables, and change between light and dark.
// Without it everything can be read all the same.
"use strict";

const said = document.createElement("p");
said.className = "said";
said.setAttribute("role", "status");
document.body.append(said);

function button(text, does) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", () => does(made));
  return made;
}

// ------------------------------------------------------------------ light and dark

// A page that is opened as a file may not be allowed to remember.
function remembered(theme) {
  try {
    if (theme === undefined) return localStorage.getItem("tokentape-theme");
    localStorage.setItem("tokentape-theme", theme);
  } catch {
    return null;
  }
}

const root = document.documentElement;
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches);
const toggle = button("", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  remembered(root.dataset.theme);
  named();
});
function named() {
  toggle.textContent = isDark() ? "Light page" : "Dark page";
}
toggle.className = "theme";
const kept = remembered();
if (kept === "light" || kept === "dark") root.dataset.theme = kept;
prefersDark.addEventListener("change", named);
named();
document.querySelector("header").append(toggle);

// ------------------------------------------------------------------ tables

// Every digit is in a cell's title where the cell itself is rounded.
const exact = (cell) => cell.title || cell.textContent;

function csv(table) {
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = [...table.rows].map((row) => [...row.cells].map(exact).map(quoted).join(","));
  return lines.join("\n") + "\n";
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

// Numbers by size, texts by letters; what is empty stays last.
function compared(one, other, isNumber) {
  if (one === "" || other === "") return (one === "") - (other === "");
  return isNumber ? Number(one) - Number(other) : one.localeCompare(other, "en", { numeric: true });
}

function sort(table, head, by) {
  const isDown = head.getAttribute("aria-sort") === "ascending";
  const index = head.cellIndex;
  const isNumber = head.classList.contains("number");
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [exact(row.cells[index]), row]);
  rows.sort(([one], [other]) => {
    const order = compared(one, other, isNumber);
    return isDown && one !== "" && other !== "" ? -order : order;
  });
  body.append(...rows.map(([, row]) => row));
  for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
  said.textContent = `Sorted by ${by}, ${isDown ? "descending" : "ascending"}.`;
}

for (const table of document.querySelectorAll(".grid > table")) {
  const name = table.dataset.name;
  for (const head of table.tHead.rows[0].cells) {
    const by = head.textContent;
    const made = button("", () => sort(table, head, by));
    made.className = "sort";
    made.append(...head.childNodes);
    head.append(made);
  }
  const copy = button("Copy as CSV", async (it) => {
    const done = await copied(csv(table));
    said.textContent = done ? `Copied ${name} as CSV.` : `${name} could not be copied.`;
    it.textContent = done ? "Copied" : "Not copied";
    setTimeout(() => (it.textContent = "Copy as CSV"), 2000);
  });
  copy.className = "copy";
  copy.setAttribute("aria-label", `Copy as CSV: ${name}`);
  table.parentElement.after(copy);
}
