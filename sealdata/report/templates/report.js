"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const byId = (id) => document.getElementById(id);
document.documentElement.classList.add("scripted");

// One language at a time, everywhere on the page.
byId("language").addEventListener("change", (event) => {
  const wanted = event.target.value;
  for (const element of all("[data-lang]")) element.hidden = wanted !== "" && element.dataset.lang !== wanted;
  if (wanted) for (const group of all(`details.language[data-lang="${wanted}"]`)) group.open = true;
  search();
});

byId("count-kind").addEventListener("change", (event) => {
  byId("reason-table").dataset.kind = event.target.value;
});

// Samples: eight of each list until asked for more; a search looks at all of them.
for (const list of all(".folded")) {
  if (list.children.length <= 8) continue;
  const button = document.createElement("button");
  button.className = "more";
  button.textContent = `Show all ${list.children.length}`;
  button.addEventListener("click", () => { list.classList.remove("folded"); button.remove(); });
  list.after(button);
}
const samples = all(".sample").map((element) => ({
  element,
  text: all("p", element).map((p) => p.textContent).join("\n").toLowerCase(),
  reasons: element.dataset.reasons.split(" "),
}));
function search() {
  const text = byId("search").value.trim().toLowerCase();
  const reason = byId("reason").value;
  const asked = text !== "" || reason !== "";
  let found = 0;
  for (const sample of samples) {
    const hit = sample.text.includes(text) && (reason === "" || sample.reasons.includes(reason));
    sample.element.hidden = !hit;
    if (hit && !sample.element.closest("[data-lang]").hidden) found += 1;
  }
  if (asked) {
    for (const list of all(".sides ol")) list.classList.remove("folded");
    for (const button of all(".more")) button.remove();
    for (const group of all("details.language")) group.open = all(".sample:not([hidden])", group).length > 0;
  }
  byId("found").textContent = asked ? `${found.toLocaleString("en")} of the samples match` : "";
}
byId("search").addEventListener("input", search);
byId("reason").addEventListener("change", search);

// Tables: a click on a column's title sorts by it.
const cellValue = (row, index) => {
  const cell = row.cells[index];
  const text = (all("span", cell).find((span) => span.offsetParent !== null) ?? cell).firstChild?.textContent ?? "";
  const value = Number.parseFloat(text.replace(/[,<>%\s]/g, ""));
  return cell.classList.contains("n") ? (Number.isNaN(value) ? -1 : value) : text;
};
for (const table of all("table.sortable")) {
  all("thead th", table).forEach((head, index) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.classList.contains("n") ? head.ariaSort !== "descending" : head.ariaSort === "ascending";
      for (const other of all("th[aria-sort]", table)) other.removeAttribute("aria-sort");
      head.ariaSort = down ? "descending" : "ascending";
      const rows = [...table.tBodies[0].rows].map((row) => [cellValue(row, index), row]);
      rows.sort(([a], [b]) => (typeof a === "number" ? a - b : a.localeCompare(b, "en")) * (down ? -1 : 1));
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  });
}

// Histograms: read one bin by pointer or arrow keys.
const charts = new Map(JSON.parse(byId("chart-data").textContent).map((score) => [score.name, score]));
for (const figure of all("figure")) {
  const svg = figure.querySelector("svg");
  if (!svg) continue;
  const score = charts.get(figure.closest(".score").dataset.score);
  const { kept, dropped } = score.languages[figure.dataset.lang];
  const used = Object.values(score.languages);
  const low = used.some((h) => h.kept[0] + h.dropped[0]) ? 1 : 0;
  const last = score.edges.length;
  const high = used.some((h) => h.kept[last] + h.dropped[last]) ? 1 : 0;
  const width = (260 - 3 * (low + high)) / (last - 1 + low + high);
  const first = 1 - low;
  const end = last - 1 + high;
  const readout = figure.querySelector(".readout");
  const resting = readout.textContent;
  const cursor = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of Object.entries({ class: "cursor", y: 14, height: 78, width })) cursor.setAttribute(name, value);
  let bin = -1;
  const start = (at) => (at === 0 ? 0 : (width + 3) * low + (at - 1) * width + (at === last ? 3 : 0));
  const show = (at) => {
    bin = Math.min(Math.max(at, first), end);
    const [from, to] = [score.edges[bin - 1], score.edges[bin]];
    const range = bin === 0 ? `below ${to}` : bin === last ? `from ${from}` : `${from} to below ${to}`;
    readout.textContent = `${range}: ${kept[bin].toLocaleString("en")} kept, ${dropped[bin].toLocaleString("en")} dropped`;
    cursor.setAttribute("x", start(bin));
    svg.append(cursor);
  };
  const rest = () => { bin = -1; readout.textContent = resting; cursor.remove(); };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * 260 - (width + 3) * low;
    show(x < 0 && low ? 0 : Math.floor(x / width) + 1);
  });
  svg.addEventListener("pointerleave", rest);
  figure.addEventListener("blur", rest);
  figure.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    show(bin < 0 ? (step > 0 ? first : end) : bin + step);
  });
}

// Paper shows what the screen folds away.
window.addEventListener("beforeprint", () => {
  for (const group of all("details:not(.scores)")) group.open = true;
});
