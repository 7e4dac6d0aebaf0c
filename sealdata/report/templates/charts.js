// Where limits stand on a histogram. Widths are in the units of the drawing (see figures.py).
const svgNS = "http://www.w3.org/2000/svg";
const [TOP, BASE] = [14, 92];

function drawn(name, attributes, text) {
  const element = document.createElementNS(svgNS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function place(svg, score, value) {
  const bars = score.bars;
  const [left, right] = [Number(svg.dataset.left), Number(svg.dataset.right)];
  const inside = Math.min(Math.max(value, bars[0]), bars.at(-1));
  const next = Math.max(1, bars.findIndex((edge) => edge >= inside));
  const share = (inside - bars[next - 1]) / (bars[next] - bars[next - 1]);
  return left + ((next - 1 + share) / (bars.length - 1)) * (right - left);
}

// `low` and `high` are indices of edges, or null where there is no limit.
function drawLimits(figure, score, low, high) {
  const svg = figure.querySelector("svg");
  const { width } = svg.viewBox.baseVal; // wider on a page of few languages
  const shades = svg.querySelector(".shades");
  const limits = svg.querySelector(".limits");
  shades.replaceChildren();
  limits.replaceChildren();
  for (const [index, isLow] of [[low, true], [high, false]]) {
    if (index === null) continue;
    const x = place(svg, score, score.edges[index]);
    const [from, to] = isLow ? [0, x] : [x, width];
    shades.append(drawn("rect", { class: "outside", x: from, y: TOP, width: Math.max(0, to - from), height: BASE - TOP }));
    const anchor = x < 20 ? "start" : x > width - 20 ? "end" : "middle";
    limits.append(drawn("path", { class: "limit", d: `M${x} ${TOP}V${BASE}` }));
    limits.append(drawn("text", { class: "limit", x, y: 10, "text-anchor": anchor }, String(score.edges[index])));
  }
}
