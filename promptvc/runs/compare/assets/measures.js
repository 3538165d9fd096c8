// The table of tokens, cost, time and length.

function renderMeasures() {
  const found = data.texts?.measures ?? [];
  document.getElementById("measures-section").hidden = !found.length;
  const head = ["Per output", "Before", "After", "Change"];
  place(
    "measures",
    table(
      "Tokens, cost and time",
      head.map((label, at) => headCell({ class: at ? "number" : null }, label)),
      el("tbody", { role: "rowgroup" }, found.flatMap(measureRows)),
      { class: "stack" },
    ),
  );
}

/** A line for each number of a measure, with the row count if it is not over all rows. */
function measureRows({ name, over, parts }) {
  return parts.map(({ what, before, after, change }) =>
    rowElement({}, [
      el("th", { scope: "row", role: "rowheader" }, [name, what, over].filter(Boolean).join(", ")),
      cell("Before", { class: "number" }, shownText(before)),
      cell("After", { class: "number" }, shownText(after)),
      cell("Change", { class: "number" }, shownText(change)),
    ]),
  );
}
