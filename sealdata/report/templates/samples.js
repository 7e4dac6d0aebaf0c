// Samples: a search looks at all of them, and opens the lists that have a match.
const samples = all(".sides .sample").map((element) => ({
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
    for (const group of all("details.language, .rest-of-samples")) group.open = all(".sample:not([hidden])", group).length > 0;
  }
  byId("found").textContent = asked ? `${number(found)} of the samples match` : "";
}
byId("search").addEventListener("input", search);
byId("reason").addEventListener("change", search);
