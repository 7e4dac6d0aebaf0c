// Where limits stand on a histogram. Widths are in the units of the drawing (see figures.py).
const svgNS = "http://www.w3.org/2000/svg";
const [WIDTH, TOP, BASE] = [260, 14, 92];

function drawn(name, attributes, text) {
  const element = document.createElementNS(svgNS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function place(svg, score, value) {
  const [low, high] = [score.bars[0], score.bars.at(-1)];
  const [left, right] = [Number(svg.dataset.left), Number(svg.dataset.right)];
  return left + ((Math.min(Math.max(value, low), high) - low) / (high - low)) * (right - left);
}

// `low` and `high` are indices of edges, or null where there is no limit.
function drawLimits(figure, score, low, high) {
  const svg = figure.querySelector("svg");
  const shades = svg.querySelector(".shades");
  const limits = svg.querySelector(".limits");
  shades.replaceChildren();
  limits.replaceChildren();
  for (const [index, isLow] of [[low, true], [high, false]]) {
    if (index === null) continue;
    const x = place(svg, score, score.edges[index]);
    const [from, to] = isLow ? [0, x] : [x, WIDTH];
    shades.append(drawn("rect", { class: "outside", x: from, y: TOP, width: Math.max(0, to - from), height: BASE - TOP }));
    const anchor = x < 20 ? "start" : x > WIDTH - 20 ? "end" : "middle";
    limits.append(drawn("path", { class: "limit", d: `M${x} ${TOP}V${BASE}` }));
    limits.append(drawn("text", { class: "limit", x, y: 10, "text-anchor": anchor }, String(score.edges[index])));
  }
}
