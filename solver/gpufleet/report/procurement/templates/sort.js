"use strict";
// Sorts tables by the column whose heading is pressed; without scripts they stay in the order of the report.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const was = head.getAttribute("aria-sort");
      const now = was === "none" ? "ascending" : was === "ascending" ? "descending" : "none";
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", now);
      body.append(...(now === "none" ? original : sorted(original, column, now === "ascending" ? 1 : -1)));
    });
  });
}

// Numbers by value, words by alphabet; what has no value comes last either way.
function sorted(rows, column, sign) {
  const keyed = rows.map((row) => {
    const cell = row.cells[column];
    const numeric = cell.classList.contains("number");
    return { row, number: numeric && "value" in cell.dataset ? Number(cell.dataset.value) : NaN, text: cell.textContent };
  });
  const isNumeric = keyed.some((entry) => !Number.isNaN(entry.number));
  const compare = (a, b) => {
    if (!isNumeric) return sign * a.text.localeCompare(b.text, "en", { numeric: true });
    if (Number.isNaN(a.number) || Number.isNaN(b.number)) return Number.isNaN(a.number) - Number.isNaN(b.number);
    return sign * (a.number - b.number);
  };
  return keyed.sort(compare).map((entry) => entry.row);
}
