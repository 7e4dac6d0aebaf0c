"use strict";
// What every part of the page uses, and the choice of one language.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const byId = (id) => document.getElementById(id);
const number = (value) => Math.round(value).toLocaleString("en");
const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(1)} %` : "–");
const data = JSON.parse(byId("page-data").textContent);
const scores = new Map(data.scores.map((score) => [score.name, score]));
document.documentElement.classList.add("scripted");

byId("language").addEventListener("change", (event) => {
  const wanted = event.target.value;
  for (const element of all("[data-lang]")) element.hidden = wanted !== "" && element.dataset.lang !== wanted;
  if (wanted) for (const group of all(`details.language[data-lang="${wanted}"]`)) group.open = true;
  search();
  showOverlap(wanted || "all");
});

// Paper shows the figures that the screen folds away, but only those samples and scores without a
// rule that were opened. Without this script the style sheet does the same.
const unfolded = [];
window.addEventListener("beforeprint", () => {
  for (const group of all("details[data-print]:not([open])")) { group.open = true; unfolded.push(group); }
});
window.addEventListener("afterprint", () => {
  for (const group of unfolded.splice(0)) group.open = false;
});
