// The sliders: one per limit, score and language. A rule of -1 is one that the recipe does not have.
const state = new Map(); // "lang/score/rule" -> {min, max, missingDrops}
const recipeState = new Map();
const figures = all("#explorer figure").filter((figure) => figure.querySelector("svg"));
const languages = Object.keys(data.kept);
const keyOf = (lang, score, rule) => `${lang}/${score}/${rule}`;

// The recipe's own limits, on every score of every language.
for (const score of data.scores) {
  for (const lang of languages) {
    recipeState.set(keyOf(lang, score.name, -1), { min: null, max: null, missingDrops: false });
    for (const limit of score.languages[lang].limits) {
      const index = (value) => (value === null ? null : score.edges.indexOf(value));
      recipeState.set(keyOf(lang, score.name, limit.rule), { min: index(limit.min), max: index(limit.max), missingDrops: limit.missing_drops });
    }
  }
}
for (const [key, limit] of recipeState) state.set(key, { ...limit });

// Score -> limits that are set, for one language.
function limitsIn(from, lang) {
  const found = new Map();
  for (const score of data.scores) {
    const own = [-1, ...score.languages[lang].limits.map((limit) => limit.rule)]
      .map((rule) => from.get(keyOf(lang, score.name, rule)))
      .filter((limit) => limit.min !== null || limit.max !== null);
    found.set(score.name, own);
  }
  return found;
}

function valueOf(input, score) {
  const stop = Number(input.value);
  if (input.dataset.side === "min") return stop === 0 ? null : stop - 1;
  return stop === score.edges.length ? null : stop;
}

function showFigure(figure) {
  const score = scores.get(figure.dataset.score);
  const lang = figure.dataset.lang;
  const limits = limitsIn(state, lang).get(score.name);
  const counts = score.languages[lang];
  for (const input of all("input[type=range]", figure)) {
    const index = state.get(keyOf(lang, score.name, input.dataset.rule))[input.dataset.side];
    input.value = index === null ? (input.dataset.side === "min" ? 0 : score.edges.length) : input.dataset.side === "min" ? index + 1 : index;
    const text = index === null ? "off" : `${input.dataset.side === "min" ? "≥" : "≤"} ${score.edges[index]}`;
    input.setAttribute("aria-valuetext", text);
    input.parentElement.querySelector("output").textContent = text;
  }
  const lows = limits.map((limit) => limit.min).filter((index) => index !== null);
  const highs = limits.map((limit) => limit.max).filter((index) => index !== null);
  drawLimits(figure, score, lows.length ? Math.max(...lows) : null, highs.length ? Math.min(...highs) : null);
  const tokens = (counts) => (counts ? `, ${number(passing(counts, limits))} tokens` : "");
  const scored = counts.every.cells.reduce((sum, count) => sum + count, 0) + counts.every.missing;
  const withinLimits = passing(counts.every, limits);
  const pairs = data.pairs[lang];
  const within = (count) => {
    const error = shareError(count / pairs, data.sampled[lang], pairs) * pairs;
    return error ? ` ± ${number(error)}` : "";
  };
  const others = passing(counts.others, limits);
  const readout = figure.querySelector(".readout");
  readout.replaceChildren();
  for (const [label, text] of [
    ["this score only", `${number(withinLimits)}${within(withinLimits)} of ${number(scored)} pairs (${percent(withinLimits, scored)})${tokens(counts.every_tokens)}`],
    ["with the other rules", `${number(others)}${within(others)} pairs${tokens(counts.others_tokens)}`],
  ]) {
    const line = document.createElement("span");
    const name = document.createElement("b");
    name.textContent = `${label} `;
    line.append(name, text);
    readout.append(line);
  }
  figure.classList.toggle("moved", [...state].some(([key, limit]) => key.startsWith(`${lang}/${score.name}/`) && JSON.stringify(limit) !== JSON.stringify(recipeState.get(key))));
}

function showOutcome() {
  const total = { pairs: 0, tokens: 0, before: 0, tokensBefore: 0, variance: 0, sampled: 0 };
  for (const lang of languages) {
    const found = outcomeOf(lang, limitsIn(recipeState, lang), limitsIn(state, lang));
    total.pairs += found.pairs;
    total.tokens += found.tokens ?? 0;
    total.before += found.before.pairs;
    total.tokensBefore += found.before.tokens ?? 0;
    total.variance += found.error ** 2;
    total.sampled += found.sampled;
  }
  const error = Math.sqrt(total.variance);
  const signed = (change) => `${change < 0 ? "−" : "+"}${number(Math.abs(change))}`;
  byId("outcome-pairs").textContent = `${number(total.pairs)}${error ? ` ± ${number(error)}` : ""} pairs would be kept (${signed(total.pairs - total.before)})`;
  byId("outcome-tokens").textContent = total.tokensBefore ? `about ${number(total.tokens)} tokens (${signed(total.tokens - total.tokensBefore)})` : "";
  byId("outcome-basis").textContent = total.sampled
    ? `Limits on several scores moved: estimated from ${number(total.sampled)} rows in this page, ± with 99 % confidence.`
    : data.exact ? "Exact: limits on a single score moved in each language." : "Estimated from the sample of the audit, ± with 99 % confidence.";
  const moved = figures.some((figure) => figure.classList.contains("moved"));
  byId("outcome").hidden = !moved;
  document.body.classList.toggle("exploring", moved);
  byId("recipe-text").value = recipeLines();
}

// The rules whose limits moved, as TOML. What most languages have is the rule's own limit.
function recipeLines() {
  const blocks = [];
  for (const score of data.scores) {
    const rules = new Set(languages.flatMap((lang) => [-1, ...score.languages[lang].limits.map((limit) => limit.rule)]));
    for (const rule of [...rules].sort((a, b) => a - b)) {
      const own = languages.filter((lang) => state.has(keyOf(lang, score.name, rule)));
      if (own.every((lang) => JSON.stringify(state.get(keyOf(lang, score.name, rule))) === JSON.stringify(recipeState.get(keyOf(lang, score.name, rule))))) continue;
      blocks.push(ruleLines(score, rule, own));
    }
  }
  return blocks.join("\n\n");
}

function ruleLines(score, rule, own) {
  const known = rule < 0 ? null : data.rules[rule];
  const boundsOf = new Map(own.map((lang) => {
    const { min, max } = state.get(keyOf(lang, score.name, rule));
    return [lang, { min: min === null ? null : score.edges[min], max: max === null ? null : score.edges[max] }];
  }));
  const votes = new Map();
  for (const bounds of boundsOf.values()) {
    const vote = JSON.stringify(bounds);
    if (bounds.min !== null || bounds.max !== null) votes.set(vote, (votes.get(vote) ?? 0) + 1);
  }
  const [winner] = [...votes].sort((a, b) => b[1] - a[1])[0] ?? [JSON.stringify({ min: null, max: null })];
  const general = JSON.parse(winner);
  if (!votes.size) return `# No limit is left of the rule ${JSON.stringify(known ? known.reason : "")} on ${score.name}: take it out of the recipe.`;
  const written = (bounds, over) => ["min", "max"].filter((side) => bounds[side] !== over[side])
    .map((side) => `${side} = ${bounds[side] === null ? (side === "min" ? "-inf" : "inf") : bounds[side]}`).join(", ");
  const lines = ["[[rule]]", `reason = ${JSON.stringify(known ? known.reason : score.name.replace(".", "_"))}`, `score = "${score.name}"`];
  for (const side of ["min", "max"]) if (general[side] !== null) lines.push(`${side} = ${general[side]}`);
  if (known && known.missing === "drop") lines.push('missing = "drop"');
  const exceptions = Object.entries(known ? known.languages : {}).filter(([lang]) => !boundsOf.has(lang) || boundsOf.get(lang) === undefined)
    .map(([lang, bounds]) => [lang, Object.entries(bounds).map(([side, value]) => `${side} = ${value}`).join(", ")]);
  for (const [lang, bounds] of boundsOf) {
    if (JSON.stringify(bounds) === winner) continue;
    exceptions.push([lang, bounds.min === null && bounds.max === null ? "off = true" : written(bounds, general)]);
  }
  if (exceptions.length) lines.push("", "[rule.languages]", ...exceptions.map(([lang, text]) => `${lang} = { ${text} }`));
  // No slider moves the limits that a source has of its own: they are written as they are.
  const sources = Object.entries(known ? known.sources : {})
    .map(([source, bounds]) => `${JSON.stringify(source)} = { ${Object.entries(bounds).map(([side, value]) => `${side} = ${value}`).join(", ")} }`);
  if (sources.length) lines.push("", "[rule.sources]", ...sources);
  return lines.join("\n");
}

byId("explorer").addEventListener("input", (event) => {
  const input = event.target;
  if (input.type !== "range") return;
  const figure = input.closest("figure");
  const score = scores.get(figure.dataset.score);
  const together = figure.closest(".score").querySelector(".together input").checked;
  for (const other of together ? figures.filter((each) => each.dataset.score === score.name) : [figure]) {
    const limit = state.get(keyOf(other.dataset.lang, score.name, input.dataset.rule));
    const has = other.querySelector(`input[data-rule="${input.dataset.rule}"][data-side="${input.dataset.side}"]`);
    if (!limit || !has) continue;
    limit[input.dataset.side] = valueOf(input, score);
    showFigure(other);
  }
  showOutcome();
});
byId("open-scores")?.addEventListener("click", (event) => {
  for (const group of all("#explorer > .folds > details")) group.open = true;
  event.target.parentElement.remove();
});
byId("reset").addEventListener("click", () => {
  for (const [key, limit] of recipeState) state.set(key, { ...limit });
  figures.forEach(showFigure);
  showOutcome();
});
byId("recipe-toggle").addEventListener("click", (event) => {
  const lines = byId("recipe-lines");
  lines.hidden = !lines.hidden;
  event.target.ariaExpanded = String(!lines.hidden);
});
byId("copy").addEventListener("click", () => {
  byId("recipe-text").select();
  navigator.clipboard?.writeText(byId("recipe-text").value).catch(() => document.execCommand("copy"));
});
figures.forEach(showFigure);
