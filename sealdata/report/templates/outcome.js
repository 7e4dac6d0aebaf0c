// What moved thresholds come to. A limit is the index of an edge; a score's place among E edges is a
// cell: 2i + 1 is edge i itself, 2i lies below it. 255: the score has no meaning for the row. 254: the
// row was dropped before the score was computed.
const Z = 2.576; // 99 %
const [MISSING, UNSCORED] = [255, 254];

const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
const rowsOf = new Map(Object.entries(data.rows).map(([lang, own]) => [lang, {
  ...own,
  held: bytes(own.held),
  tokens: new Uint16Array(bytes(own.tokens).buffer),
  cells: new Map(Object.entries(own.cells).map(([name, text]) => [name, bytes(text)])),
}]));

const within = (limit, cell) => (limit.min === null || cell >= 2 * limit.min + 1) && (limit.max === null || cell <= 2 * limit.max + 1);

// Half the width of the 99 % interval of a share of a language's pairs, as in audit_rows.py.
function shareError(share, sampled, population) {
  if (data.exact || !population) return 0;
  if (!sampled) return 1;
  const centre = (share * sampled + Z ** 2 / 2) / (sampled + Z ** 2);
  const width = Z * Math.sqrt((centre * (1 - centre)) / (sampled + Z ** 2));
  return (width + Math.abs(centre - share)) * Math.sqrt(Math.max(0, 1 - sampled / population));
}

// The rows of one histogram that pass limits on its score: exact in a build's ledger.
function passing(counts, limits) {
  let sum = limits.some((limit) => limit.missingDrops) ? 0 : counts.missing;
  counts.cells.forEach((count, cell) => { if (limits.every((limit) => within(limit, cell))) sum += count; });
  return sum;
}

// Whether an embedded row passes limits; limitsOf maps a score to its limits.
function passes(rows, at, limitsOf) {
  if (rows.held[at]) return false;
  for (const [name, limits] of limitsOf) {
    const cell = rows.cells.get(name)[at];
    for (const limit of limits) {
      if (cell === UNSCORED) continue;
      if (cell === MISSING ? limit.missingDrops : !within(limit, cell)) return false;
    }
  }
  return true;
}

// Pairs and tokens of one language under moved limits, as {pairs, tokens, error, sampled, before}.
function outcomeOf(lang, before, after) {
  const moved = [...after.keys()].filter((name) => JSON.stringify(before.get(name) ?? []) !== JSON.stringify(after.get(name)));
  const [first] = scores.keys();
  const any = scores.get(moved[0] ?? first).languages[lang];
  const tokensOf = (limits) => (any.others_tokens ? passing(any.others_tokens, limits) : null);
  const name = moved[0] ?? first;
  const base = { pairs: data.kept[lang], tokens: tokensOf(before.get(name) ?? []) };
  const result = { ...base, before: base, error: moved.length ? data.errors[lang] : 0, sampled: 0 };
  if (moved.length === 1) {
    result.pairs = passing(any.others, after.get(name));
    result.tokens = tokensOf(after.get(name));
    return result;
  }
  if (moved.length === 0) return result;
  // The change is estimated, not the whole: what did not move has no error.
  const rows = rowsOf.get(lang);
  let [change, changed, tokens] = [0, 0, 0];
  for (let at = 0; at < rows.rows; at += 1) {
    const step = passes(rows, at, after) - passes(rows, at, before);
    change += step;
    changed += step !== 0;
    tokens += step * rows.tokens[at];
  }
  const n = rows.rows;
  const share = (changed + Z ** 2 / 2) / (n + Z ** 2); // Agresti and Coull
  const error = rows.of * Z * Math.sqrt(share / (n + Z ** 2)) * Math.sqrt(Math.max(0, 1 - n / rows.of));
  result.pairs = base.pairs + (change * rows.of) / n;
  result.tokens = base.tokens === null ? null : base.tokens + (tokens * rows.of) / n;
  result.error = Math.hypot(result.error, error);
  result.sampled = n;
  return result;
}
