// Tables: a click on a column's title sorts by it; reasons by kind; overlap by language.
const cellValue = (row, index) => {
  const cell = row.cells[index];
  const text = (all("span", cell).find((span) => span.offsetParent !== null) ?? cell).textContent.trim();
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

byId("count-kind").addEventListener("change", (event) => {
  byId("reason-table").dataset.kind = event.target.value;
});

function showOverlap(lang) {
  const table = byId("overlap");
  if (!table) return;
  const names = Object.keys(data.overlap.all).sort();
  const shown = all("thead th", table).slice(1).map((head) => head.textContent);
  console.assert(names.length === shown.length);
  for (const row of table.tBodies[0].rows) {
    const one = row.cells[0].textContent;
    const counts = data.overlap[lang][one];
    shown.forEach((other, index) => {
      const cell = row.cells[index + 1];
      const share = counts[one] ? (100 * counts[other]) / counts[one] : 0;
      const error = data.overlap_errors[lang]?.[one]?.[other] ?? 0;
      const note = document.createElement("small");
      if (one === other) {
        const count = document.createElement("b");
        count.textContent = number(counts[one]);
        note.textContent = `± ${error.toFixed(0)}`;
        cell.replaceChildren(count);
      } else {
        cell.textContent = counts[other] ? percent(counts[other], counts[one]) : "";
        cell.style.setProperty("--heat", `${Math.round(share)}%`);
        note.textContent = `± ${(100 * error).toFixed(1)}`;
      }
      if (error) cell.append(note);
    });
  }
}
