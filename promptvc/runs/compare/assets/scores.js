// The tables of scores, labels and noise.

const LISTED_LABELS = 30;

const COLUMNS = [
  ["pairs", "Rows"],
  ["before", "Before"],
  ["after", "After"],
  ["difference", "Difference"],
  ["interval", "95% interval"],
  ["p", "p"],
  ["fixed", "Fixed"],
  ["broken", "Broken"],
];

function renderScores() {
  const found = data.scores ?? [];
  document.getElementById("scores-section").hidden = !found.length;
  const shares = reachOf(found.filter((score) => score.kind === "boolean"));
  const head = [headCell({}, "Score"), ...COLUMNS.map(([key, label]) => statHead(key, label))];
  const body = found.map((score, at) =>
    rowElement({}, [
      el(
        "th",
        { scope: "row", role: "rowheader" },
        asText(score.name),
        el("span", { class: "aside" }, score.kind ?? ""),
      ),
      ...statCells(
        score,
        data.texts.scores[at],
        score.kind === "boolean" ? shares : reachOf([score]),
        new Map(),
      ),
    ]),
  );
  place(
    "scores",
    table("Scores", head, el("tbody", { role: "rowgroup" }, body), { class: "stack scores" }),
    labelTables(found),
    noiseTable(),
  );
}

/** The label changes of each score with labels. */
function labelTables(found) {
  return found.filter((score) => score.labels?.length).map(labelTable);
}

function labelTable(score) {
  const head = [headCell({}, "Before"), headCell({}, "After"), headCell({ class: "number" }, "Rows")];
  const lines = score.labels
    .slice(0, LISTED_LABELS)
    .map(({ before, after, rows: count }) =>
      rowElement({ class: before === after ? "same" : null }, [
        cell("Before", {}, asText(before)),
        cell("After", {}, asText(after)),
        cell("Rows", { class: "number" }, number(count)),
      ]),
    );
  const more = score.labels.length - LISTED_LABELS;
  return el(
    "details",
    { class: "labels" },
    el("summary", {}, `Labels of ${score.name}: what became what`),
    table(`Labels of ${score.name}`, head, el("tbody", { role: "rowgroup" }, lines), { class: "stack" }),
    more > 0 ? el("p", { class: "none" }, `… ${plural(more, "more change")}`) : null,
  );
}

/** How much each side's mean moves by chance alone, and how much it moved between the sides. */
function noiseTable() {
  if (!data.noise?.length) return null;
  const names = ["Score", "Difference", "Mean", "Spread"];
  const head = names.map((name, at) => headCell({ class: at ? "number" : null }, name));
  return el(
    "div",
    { class: "noise" },
    el("h3", {}, "Noise within a side"),
    el(
      "p",
      { class: "none" },
      "± is by how much a side's mean moves when the same requests are asked again; the spread is among the samples of one example.",
    ),
    table("Noise within a side", head, el("tbody", { role: "rowgroup" }, data.noise.map(noiseRow)), {
      class: "stack",
    }),
  );
}

function noiseRow({ name }, at) {
  const texts = data.texts.noise[at];
  const score = data.texts.scores[data.scores.findIndex((score) => score.name === name)];
  return rowElement({}, [
    el("th", { scope: "row", role: "rowheader" }, asText(name)),
    cell("Difference", { class: "number" }, shownText(score?.difference)),
    cell("Mean", { class: "number" }, shownText(texts.of_mean)),
    cell("Spread", { class: "number" }, shownText(texts.within)),
  ]);
}

function statHead(key, label) {
  return headCell({ class: key === "interval" ? "range" : "number" }, label);
}

/** Cells of a score over all rows or those of a slice; `texts` are its numbers as they are shown. */
function statCells(score, texts, reach, slices) {
  const shown = (key) => shownText(texts?.[key]);
  const changed = texts?.changed ? `${texts.changed} changed` : shown("difference");
  return [
    cell("Rows", { class: "number pairs" }, number(countOf(score.pairs))),
    cell("Before", { class: "number" }, shown("before")),
    cell("After", { class: "number" }, shown("after")),
    cell("Difference", { class: `number difference ${tone(score)}` }, changed),
    cell("95% interval", { class: "range" }, chart(score, reach), el("span", {}, shown("interval"))),
    cell("p", { class: "number p" }, shown("p")),
    movedCell("fixed", score, slices),
    movedCell("broken", score, slices),
  ];
}

function movedCell(when, score, slices) {
  const label = when === "fixed" ? "Fixed" : "Broken";
  const moved = score[when];
  const none = moved === null || moved === undefined || score.kind !== "boolean";
  const count = none ? null : countOf(moved);
  const shows = `Show the rows ${when} by ${score.name}`;
  const inside = count ? drillButton(number(count), shows, { score: score.name, when, slices }) : number(count);
  return cell(label, { class: `number ${count ? when : ""}` }, inside);
}
