"use strict";
// The page asks the server for figures and rows, and draws them. Text of the corpus comes as JSON and
// is only ever set as text.
const byId = (id) => document.getElementById(id);
const svgNS = "http://www.w3.org/2000/svg";
const [WIDTH, TOP, BASE] = [800, 18, 148]; // of the histogram, in the units of its drawing
const OUTCOMES = { all: "All", kept: "Kept", dropped: "Dropped", added: "Would be added", removed: "Would be removed" };
const EMPTY = { text: "", regex: false, side: "both", lang: "", source: "", reason: "", label: "", ranges: {}, outcome: "all", page: 0 };
const state = { ...EMPTY, score: "", sort: "build", limits: [] };
let [build, scores, figures, shown] = [null, new Map(), null, []];

const number = (value) => value.toLocaleString("en");
const short = (value) => (typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value));
const title = (name) => name.replaceAll("_", " ");
const INVISIBLE = /([\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}])/u;

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("aria") || key === "role" || key === "for") made.setAttribute(key, value);
    else if (key === "data") Object.assign(made.dataset, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}

function drawn(name, attributes, text) {
  const made = document.createElementNS(svgNS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// Text with characters that cannot be seen as their code points.
function visible(text) {
  return text.split(INVISIBLE).filter((part) => part !== "").map((part) => (INVISIBLE.test(part)
    ? element("b", { className: "code", textContent: `U+${part.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}` })
    : part));
}

// Text with the passages marked that the search found, in their order.
function marked(text, hits) {
  const parts = [];
  let at = 0;
  for (const hit of hits ?? []) {
    const found = hit ? text.indexOf(hit, at) : -1;
    if (found < 0) continue;
    parts.push(...visible(text.slice(at, found)), element("mark", {}, ...visible(hit)));
    at = found + hit.length;
  }
  return [...parts, ...visible(text.slice(at))];
}

// ---- Asking the server -------------------------------------------------------------------------

async function ask(path, options) {
  const answer = await fetch(path, options).catch(() => null);
  if (answer === null) throw new Error("The server does not answer; start sealdata browse again and open the address that it prints.");
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error);
  return value;
}

const query = (changes = {}) => `q=${encodeURIComponent(JSON.stringify({ ...state, ...changes }))}`;

// One request at a time: what changes meanwhile is asked for once, when the answer is there.
let [running, waiting] = [false, false];
async function refresh() {
  waiting = true;
  if (running) return;
  running = true;
  document.body.classList.add("busy");
  while (waiting) {
    waiting = false;
    history.replaceState(null, "", `#${encodeURIComponent(JSON.stringify(state))}`);
    try {
      const asked = query();
      shown = await ask(`api/rows?${asked}`);
      showRows();
      if (waiting) continue;
      figures = await ask(`api/figures?${asked}`);
      showFigures();
      if (waiting) continue;
      if (shown.length) showChanges(await ask(`api/changes?${asked}`));
      if (!waiting && state.limits.length && !byId("recipe-lines").hidden) await showPatch();
      problem("");
    } catch (error) {
      problem(error.message);
    }
  }
  running = false;
  if (!timer) document.body.classList.remove("busy");
}

function problem(message) {
  byId("problem").textContent = message;
  byId("problem").hidden = message === "";
}

// ---- State -------------------------------------------------------------------------------------

function change(changes) {
  Object.assign(state, { page: 0 }, changes);
  showControls();
  refresh();
}

// What a person is still typing or dragging is acted on when it pauses.
let [timer, pending] = [0, null];
function soon(what, action) {
  clearTimeout(timer);
  if (pending && pending.what !== what) pending.action(); // of another field: not to be lost
  document.body.classList.add("busy");
  pending = { what, action };
  timer = setTimeout(() => { [timer, pending] = [0, null]; action(); }, 200);
}

const moved = (rule, score, lang) => state.limits.find((limit) => limit.rule === rule && limit.score === score && limit.lang === lang);

// The limit of a rule on one side: as moved, else as in the recipe; null is none.
function limitOf(rule, score, lang, side, ownMove = true) {
  const table = rule < 0 ? {} : build.rules[rule];
  if (lang) {
    const own = table.languages?.[lang];
    const move = moved(rule, score, lang);
    if (move && ownMove) {
      if (side in move) return move[side];
    } else if (own?.off) return null;
    if (own && own[side] !== null && own[side] !== undefined) return own[side];
  }
  const move = moved(rule, score, "");
  return move && side in move ? move[side] : (table[side] ?? null);
}

function setLimit(rule, score, lang, side, value) {
  const limit = { rule, score, lang, ...moved(rule, score, lang) };
  delete limit[side];
  if (value !== limitOf(rule, score, lang, side, false)) limit[side] = value;
  const others = state.limits.filter((other) => other !== moved(rule, score, lang));
  change({ limits: "min" in limit || "max" in limit ? [...others, limit] : others });
}

const bounds = (min, max) => (min === null ? (max === null ? "no limit" : `≤ ${short(max)}`) : max === null ? `≥ ${short(min)}` : `${short(min)} to ${short(max)}`);
const nameOf = (lang) => build.languages[lang]?.name ?? lang;

// ---- Controls ----------------------------------------------------------------------------------

function options(id, entries) {
  byId(id).replaceChildren(...entries.map(([value, text]) => element("option", { value, textContent: text })));
}

function showControls() {
  for (const id of ["text", "side", "lang", "source", "reason", "label", "score", "sort"]) if (byId(id) !== document.activeElement) byId(id).value = state[id];
  byId("regex").checked = state.regex;
  const ranges = Object.entries(state.ranges).map(([score, [from, to]]) => {
    const text = `${score} ${from === null ? "" : `from ${short(from)} `}${to === null ? "" : `to below ${short(to)}`}`;
    const chip = element("button", { type: "button", className: "chip", textContent: text, "aria-label": `Remove the range: ${text}` });
    chip.addEventListener("click", () => setRange(score, null, null));
    return chip;
  });
  byId("ranges").replaceChildren(...ranges);
  const [from, to] = state.ranges[state.score] ?? [null, null];
  if (byId("from") !== document.activeElement) byId("from").value = from ?? "";
  if (byId("to") !== document.activeElement) byId("to").value = to ?? "";
  byId("meaning").textContent = scores.get(state.score)?.meaning ?? "";
  showLimits();
  showMoved();
  showTabs();
}

function setRange(score, from, to) {
  const ranges = { ...state.ranges };
  delete ranges[score];
  if (from !== null || to !== null) ranges[score] = [from, to];
  change({ ranges });
}

function showTabs() {
  const tabs = Object.entries(OUTCOMES).filter(([name]) => state.limits.length || !["added", "removed"].includes(name));
  const held = document.activeElement?.dataset?.outcome;
  document.querySelector(".tabs").replaceChildren(...tabs.map(([name, text]) => {
    const count = element("b", { textContent: figures ? number(figures.counts[name]) : "" });
    const tab = element("button", { type: "button", "aria-pressed": String(state.outcome === name), data: { outcome: name } }, text, count);
    tab.addEventListener("click", () => change({ outcome: name }));
    return tab;
  }));
  if (held) document.querySelector(`[data-outcome="${held}"]`)?.focus();
}

// Fields of a limit stay where they are while one is moved: a new element would lose the focus.
let limitsFor = "";
function showLimits() {
  const score = scores.get(state.score);
  if (!score) return;
  const rules = build.rules.map((rule, at) => at).filter((at) => build.rules[at].score === score.name);
  if (!rules.length) rules.push(-1);
  const key = JSON.stringify([score.name, state.lang, rules]);
  if (key !== limitsFor) byId("limits").replaceChildren(...rules.map((rule) => limitRow(rule, score)));
  limitsFor = key;
  for (const row of byId("limits").children) {
    const rule = Number(row.dataset.rule);
    row.classList.toggle("moved", state.limits.some((limit) => limit.rule === rule && limit.score === score.name && ["", state.lang].includes(limit.lang)));
    for (const input of row.querySelectorAll("input")) {
      const value = limitOf(rule, score.name, state.lang, input.dataset.side);
      if (input !== document.activeElement || input.type === "range") input.value = value ?? (input.type === "range" ? input[input.dataset.side] : "");
      if (input.type === "range") input.setAttribute("aria-valuetext", value === null ? "no limit" : short(value));
    }
  }
}

function limitRow(rule, score) {
  const table = rule < 0 ? null : build.rules[rule];
  const reason = table ? table.reason : "new rule";
  const where = state.lang ? nameOf(state.lang) : "all languages";
  const row = element("div", { className: "limit-row", data: { rule } }, element("span", { className: "name", textContent: reason }));
  const [low, high] = [score.bars[0], score.bars.at(-1)];
  const step = 10 ** Math.floor(Math.log10((high - low) / 100));
  for (const side of ["min", "max"]) {
    const set = table && (table[side] !== null || Object.values(table.languages).some((own) => (own[side] ?? null) !== null));
    const label = `${reason}, ${side} of ${score.name}, ${where}`;
    const inputs = [element("input", { type: "number", step: "any", "aria-label": label, data: { side } })];
    if (set) inputs.unshift(element("input", { type: "range", min: Math.floor(low / step) * step, max: Math.ceil(high / step) * step, step, "aria-label": `${label}, slider`, data: { side } }));
    for (const input of inputs) {
      input.addEventListener("input", () => {
        const value = input.value === "" || !Number.isFinite(Number(input.value)) ? null : Number(Number(input.value).toPrecision(12));
        const { lang } = state;
        soon(`${rule}/${side}`, () => setLimit(rule, score.name, lang, side, value));
      });
    }
    row.append(element("span", {}, `${side} `, ...inputs));
  }
  const notes = [table?.languages[state.lang]?.off ? `off for ${where}` : `for ${where}`];
  const own = Object.entries(table?.languages ?? {});
  if (!state.lang && own.length) notes.push(`choose a language to move its own limit: ${own.map(([lang, limit]) => `${nameOf(lang)} ${limit.off ? "off" : bounds(limit.min ?? null, limit.max ?? null)}`).join(", ")}`);
  const sources = Object.entries(table?.sources ?? {});
  if (sources.length) notes.push(`not for sources with their own limits: ${sources.map(([name, limit]) => `${name} ${limit.off ? "off" : bounds(limit.min ?? null, limit.max ?? null)}`).join(", ")}`);
  if (!table) notes.push("the recipe has no rule on this score");
  row.append(element("span", { className: "muted", textContent: notes.join("; ") }));
  return row;
}

function showMoved() {
  byId("outcome").hidden = !state.limits.length;
  byId("after-key").hidden = !state.limits.length;
  byId("moved").replaceChildren(...state.limits.map((limit) => {
    const rule = limit.rule < 0 ? null : build.rules[limit.rule];
    const now = bounds(limitOf(limit.rule, limit.score, limit.lang, "min"), limitOf(limit.rule, limit.score, limit.lang, "max"));
    return element("li", { textContent: `${rule ? rule.reason : "new rule"}: ${limit.score} ${now}, ${limit.lang ? nameOf(limit.lang) : "all languages"}` });
  }));
}

// ---- Histogram ---------------------------------------------------------------------------------

function showFigures() {
  showTabs();
  const { counts, unseen } = figures;
  byId("moved-counts").textContent = `${number(counts.added)} pairs would be added and ${number(counts.removed)} removed, of ${number(counts.all)} that the filters let through`;
  byId("unseen").hidden = !unseen;
  byId("unseen").textContent = `${number(unseen)} of the pairs to be added were dropped before all scores were computed: a build may drop them later.`;
  drawHistogram();
  showPlace();
}

// Where a value stands: bars are equally wide, with an open one at either end.
function place(edges, value) {
  const width = WIDTH / (edges.length + 1);
  if (value <= edges[0]) return width;
  if (value >= edges.at(-1)) return width * edges.length;
  const next = edges.findIndex((edge) => edge > value);
  return width * (next + (value - edges[next - 1]) / (edges[next] - edges[next - 1]));
}

function drawHistogram() {
  const svg = byId("histogram");
  const edges = scores.get(state.score)?.bars;
  svg.replaceChildren();
  if (!edges) return;
  const width = WIDTH / (edges.length + 1);
  const scaled = byId("log").checked ? (count) => Math.log10(1 + count) : (count) => count;
  const tallest = Math.max(1, ...figures.bars.map(([kept, dropped, after]) => Math.max(kept + dropped, after)));
  const height = (count) => ((BASE - TOP) * scaled(count)) / scaled(tallest);
  let outline = "";
  figures.bars.forEach(([kept, dropped, after], bar) => {
    const [whole, below] = [height(kept + dropped), height(kept)];
    svg.append(drawn("rect", { class: "lost", x: bar * width + 0.5, width: width - 1, y: BASE - whole, height: whole - below }));
    svg.append(drawn("rect", { class: "kept", x: bar * width + 0.5, width: width - 1, y: BASE - below, height: below }));
    outline += `${bar ? "L" : "M"}${bar * width} ${BASE - height(after)}H${(bar + 1) * width}`;
  });
  if (state.limits.length) svg.append(drawn("path", { class: "after", d: outline }));
  for (const [at, rule] of build.rules.entries()) if (rule.score === state.score) drawLimit(svg, edges, at);
  if (state.limits.some((limit) => limit.rule === -1 && limit.score === state.score)) drawLimit(svg, edges, -1);
  const range = state.ranges[state.score];
  if (range) {
    const [from, to] = [range[0] === null ? 0 : place(edges, range[0]), range[1] === null ? WIDTH : place(edges, range[1])];
    svg.append(drawn("rect", { class: "chosen", x: from, width: Math.max(1, to - from), y: TOP, height: BASE - TOP }));
  }
  svg.append(drawn("path", { class: "axis", d: `M0 ${BASE}H${WIDTH}` }));
  const every = Math.ceil(edges.length / 10);
  edges.forEach((edge, at) => {
    if (at % every === 0) svg.append(drawn("text", { x: (at + 1) * width, y: BASE + 14, "text-anchor": "middle" }, short(edge)));
  });
  figures.bars.forEach(([kept, dropped], bar) => {
    const hit = drawn("rect", { class: "hit", x: bar * width, width, y: TOP, height: BASE - TOP, "data-bar": bar });
    const [from, to] = barRange(bar, bar);
    hit.append(drawn("title", {}, `${from === null ? "below" : `${short(from)} to`} ${to === null ? "more" : short(to)}: ${number(kept)} kept, ${number(dropped)} dropped`));
    svg.append(hit);
  });
  const [kept, dropped] = figures.missing;
  byId("chart-note").textContent = kept + dropped ? `${number(kept)} kept and ${number(dropped)} dropped pairs have no ${state.score}, most of them because an earlier stage dropped them.` : "";
  svg.setAttribute("aria-label", `Pairs by ${state.score}; the fields below choose a range`);
}

function drawLimit(svg, edges, rule) {
  for (const side of ["min", "max"]) {
    const value = limitOf(rule, state.score, state.lang, side);
    if (value === null) continue;
    const x = place(edges, value);
    const [from, to] = side === "min" ? [0, x] : [x, WIDTH];
    svg.append(drawn("rect", { class: "outside", x: from, width: to - from, y: TOP, height: BASE - TOP }));
    svg.append(drawn("path", { class: "limit", d: `M${x} ${TOP}V${BASE}` }));
    svg.append(drawn("text", { class: "limit", x, y: 12, "text-anchor": x < 40 ? "start" : x > WIDTH - 40 ? "end" : "middle" }, short(value)));
  }
}

function barRange(first, last) {
  const edges = scores.get(state.score).bars;
  return [first === 0 ? null : edges[first - 1], last === edges.length ? null : edges[last]];
}

function listenToHistogram() {
  const svg = byId("histogram");
  let start = null;
  const barAt = (event) => {
    const box = svg.getBoundingClientRect();
    const bars = scores.get(state.score).bars.length + 1;
    return Math.min(bars - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * bars)));
  };
  svg.addEventListener("pointerdown", (event) => {
    if (!figures || event.button !== 0) return;
    start = barAt(event);
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (start === null) return;
    const [first, last] = [start, barAt(event)].sort((a, b) => a - b);
    svg.querySelector(".chosen")?.remove();
    const width = WIDTH / (scores.get(state.score).bars.length + 1);
    svg.append(drawn("rect", { class: "chosen", x: first * width, width: (last - first + 1) * width, y: TOP, height: BASE - TOP }));
  });
  svg.addEventListener("pointerup", (event) => {
    if (start === null) return;
    const [first, last] = [start, barAt(event)].sort((a, b) => a - b);
    start = null;
    const [from, to] = barRange(first, last);
    const now = state.ranges[state.score];
    if (now && now[0] === from && now[1] === to) setRange(state.score, null, null); // a second click
    else setRange(state.score, from, to);
  });
  svg.addEventListener("pointercancel", () => { start = null; drawHistogram(); });
}

// ---- Rows --------------------------------------------------------------------------------------

function showPlace() {
  const total = figures?.counts[state.outcome];
  const first = state.page * build.page_rows + 1;
  const range = shown.length ? `${number(first)} to ${number(first + shown.length - 1)}` : "no pairs";
  byId("place").textContent = total === undefined ? range : shown.length ? `${range} of ${number(total)}` : total ? "no more pairs" : "No pair fits these filters.";
  byId("previous").disabled = state.page === 0;
  byId("next").disabled = shown.length < build.page_rows;
}

function showRows() {
  byId("rows").replaceChildren(...shown.map(rowElement));
  showPlace();
}

function textElement(row, side) {
  if (row[side] === null || row[side] === undefined) return element("p", { className: "muted", textContent: side === "src" ? "no English text" : "no text" });
  const lang = side === "src" ? "eng_Latn" : row.lang;
  const text = element("p", { lang: build.languages[lang]?.bcp47 ?? "", dir: "auto", className: "text", data: { side } }, ...marked(row[side], row.hits[side]));
  if (row.cut[side]) text.append(element("span", { className: "muted", textContent: ` … ${number(row.cut[side])} more characters` }));
  return text;
}

function whyElement(row) {
  const details = (reason) => row.fails.filter(([failed]) => failed === reason).map(([, text]) => text).join("; ");
  return element("span", { className: "why" }, ...row.reasons.map((reason) => element("span", { textContent: [title(reason), details(reason)].filter(Boolean).join(": ") })));
}

function changeElements(row) {
  if (row.after === row.kept) return [];
  const why = row.fails_after.map(([reason, text]) => `${title(reason)}: ${text}`).join("; ");
  return [element("span", { className: "change", textContent: row.after ? "would be added" : `would be removed, ${why}` })];
}

function rowElement(row, at) {
  const state_ = element("span", { className: row.kept ? "state" : "state dropped", textContent: row.kept ? `kept (${row.outcome})` : `dropped at ${row.outcome}` });
  const head = element("div", { className: "head" }, element("b", { textContent: nameOf(row.lang) }), element("span", { className: "muted", textContent: `${row.source} #${row.row}` }), state_, whyElement(row), ...changeElements(row));
  const texts = row.raw ? element("p", { className: "raw" }, ...marked(row.raw, row.hits.raw)) : element("div", { className: "texts" }, textElement(row, "src"), textElement(row, "tgt"));
  const entries = Object.entries(row.scores).map(([name, value]) => element("div", {}, element("dt", { textContent: name }), element("dd", {}, ...visible(short(value)))));
  const urls = row.urls.map((url) => element("div", {}, element("dt", { textContent: "page" }), element("dd", {}, ...visible(url))));
  const value = row.scores[state.score];
  const summary = element("summary", { textContent: value === undefined ? "scores" : `${state.score} ${short(value)}; all scores` });
  const details = element("details", { className: "scores" }, summary, element("dl", {}, ...entries, ...urls));
  const item = element("li", { className: "sample", data: { at } }, head, texts, labelsElement(row), details);
  return item;
}

function labelsElement(row) {
  const buttons = build.labels.map((name) => {
    const button = element("button", { type: "button", textContent: title(name), "aria-pressed": String(row.label === name), "aria-label": `${title(name)}: ${row.source} ${row.row}`, data: { label: name } });
    button.addEventListener("click", () => mark(row, row.label === name ? null : name));
    return button;
  });
  const group = element("div", { className: "labels", role: "group", "aria-label": `Label of ${row.source} ${row.row}` }, ...buttons);
  if (row.stale) group.append(element("span", { className: "muted", textContent: "labelled before the text changed" }));
  return group;
}

async function mark(row, label) {
  const { source, row: at, lang, text } = row;
  try {
    const counts = await ask("api/label", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ source, row: at, lang, label, text }) });
    [row.label, row.stale] = [label, false];
    const index = shown.indexOf(row);
    const old = byId("rows").querySelector(`[data-at="${index}"] .labels`);
    const held = old?.contains(document.activeElement) ? document.activeElement.dataset.label : null;
    const fresh = labelsElement(row);
    old?.replaceWith(fresh);
    if (held) fresh.querySelector(`[data-label="${held}"]`).focus();
    showLabelCounts(counts);
    problem("");
  } catch (error) {
    problem(error.message);
  }
}

// Pairs that `audit --annotate` drew: only their labels are a random sample.
function drawnOptions() {
  return build.drawn ? [["to_label", "drawn, not labelled yet"], ["drawn", `drawn for annotation (${number(build.drawn)})`]] : [];
}

function showLabelCounts(counts) {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  options("label", [["", "labelled or not"], ...drawnOptions(), ["any", `any label (${number(all)})`], ...build.labels.map((name) => [name, `${title(name)} (${number(counts[name])})`])]);
  byId("label").value = state.label;
}

// What cleaning changed, below the text that it made.
function showChanges(changes) {
  const missing = new Set();
  for (const [at, row] of shown.entries()) {
    const found = changes.find((each) => each.source === row.source && each.row === row.row);
    const item = byId("rows").querySelector(`[data-at="${at}"]`);
    if (!found || !item || row.raw) continue;
    if (!found.known) missing.add(row.source);
    for (const side of ["src", "tgt"]) {
      const text = item.querySelector(`.text[data-side="${side}"]`);
      if (!text || !found[side]) continue;
      const parts = found[side].map(([kind, part]) => (kind === "same" ? element("span", {}, ...visible(part)) : element(kind === "gone" ? "del" : "ins", {}, ...visible(part))));
      const cell = element("div");
      text.replaceWith(cell);
      cell.append(text, element("p", { className: "as-read", lang: text.lang, dir: "auto" }, "cleaning: ", ...parts));
    }
  }
  byId("raw-note").hidden = missing.size === 0;
  byId("raw-note").textContent = `What cleaning changed is not known for ${[...missing].join(", ")}: the texts as read are no longer under work/ of the build.`;
}

// ---- Recipe patch ------------------------------------------------------------------------------

async function showPatch() {
  const base = byId("base").value;
  const asked = `${query(EMPTY)}&base=${encodeURIComponent(base)}`;
  byId("download").href = `patch.toml?${asked}`;
  byId("patch").value = (await ask(`api/patch?${asked}`)).toml;
}

// ---- Start -------------------------------------------------------------------------------------

function listen() {
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("text").addEventListener("input", (event) => soon("text", () => change({ text: event.target.value })));
  byId("regex").addEventListener("change", (event) => change({ regex: event.target.checked }));
  for (const id of ["side", "lang", "source", "reason", "label", "sort", "score"]) byId(id).addEventListener("change", (event) => change({ [id]: event.target.value }));
  const range = () => {
    const [from, to] = ["from", "to"].map((id) => (byId(id).value === "" ? null : Number(byId(id).value)));
    const { score } = state;
    soon("range", () => setRange(score, from, to));
  };
  for (const id of ["from", "to"]) byId(id).addEventListener("input", range);
  byId("log").addEventListener("change", () => figures && drawHistogram());
  byId("clear").addEventListener("click", () => { byId("text").value = ""; change({ ...EMPTY }); });
  byId("reset").addEventListener("click", () => change({ limits: [], outcome: ["added", "removed"].includes(state.outcome) ? "all" : state.outcome }));
  for (const [id, step] of [["previous", -1], ["next", 1]]) byId(id).addEventListener("click", () => { change({ page: Math.max(0, state.page + step) }); byId("found").focus(); });
  byId("patch-toggle").addEventListener("click", (event) => {
    const lines = byId("recipe-lines");
    lines.hidden = !lines.hidden;
    event.target.setAttribute("aria-expanded", String(!lines.hidden));
    if (!lines.hidden) refresh();
  });
  byId("base").addEventListener("change", refresh);
  byId("copy").addEventListener("click", () => {
    byId("patch").select();
    navigator.clipboard?.writeText(byId("patch").value).catch(() => document.execCommand("copy"));
  });
  byId("rows").addEventListener("keydown", (event) => {
    const item = event.target.closest("li");
    if (!item || event.ctrlKey || event.altKey || event.metaKey) return;
    const row = shown[Number(item.dataset.at)];
    const label = build.labels[Number(event.key) - 1];
    if (label) mark(row, row.label === label ? null : label);
    const next = event.key === "j" ? item.nextElementSibling : event.key === "k" ? item.previousElementSibling : null;
    next?.querySelector("button").focus();
  });
  listenToHistogram();
}

async function start() {
  build = await ask("api/start");
  scores = new Map(build.scores.map((score) => [score.name, score]));
  const ruled = new Set(build.rules.map((rule) => rule.score));
  const names = [...scores.keys()].sort((a, b) => ruled.has(b) - ruled.has(a));
  options("lang", [["", "all languages"], ...Object.keys(build.languages).filter((lang) => lang !== "eng_Latn").map((lang) => [lang, nameOf(lang)])]);
  options("source", [["", "all sources"], ...Object.keys(build.sources).map((name) => [name, name])]);
  options("reason", [["", "any reason, or kept"], ...Object.entries(build.reasons).map(([reason, pairs]) => [reason, `${title(reason)} (${number(pairs)} first)`])]);
  options("score", names.map((name) => [name, ruled.has(name) ? name : `${name} (no rule)`]));
  showLabelCounts(build.labelled);
  byId("torn").hidden = !build.torn;
  byId("torn").textContent = `${number(build.torn)} lines of labels.jsonl hold no label, and are ignored.`;
  byId("base").value = build.base;
  state.score = [...build.rules].reverse().find((rule) => scores.has(rule.score))?.score ?? names[0] ?? "";
  try {
    const kept = JSON.parse(decodeURIComponent(location.hash.slice(1)));
    for (const key of Object.keys(state)) if (key in kept && typeof kept[key] === typeof state[key]) state[key] = kept[key];
  } catch { /* an address without a state */ }
  if (!scores.has(state.score)) state.score = names[0] ?? "";
  listen();
  showControls();
  await refresh();
}
start().catch((error) => problem(error.message)).finally(() => document.body.classList.remove("busy"));
