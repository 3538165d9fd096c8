// The table of slices.

const SLICE_ROWS = 50;

let allSlices = false;
let sliceTable = null;

function renderSlices() {
  const found = data.slices ?? [];
  document.getElementById("slices-section").hidden = !found.length;
  if (!found.length) return;
  sliceTable = buildSliceTable();
  place("slices", sliceScoreChoice(), sliceTable, el("p", { id: "more-slices" }));
  renderSliceRows();
}

function chosenSliceScore() {
  return scores.has(state.sliceScore) ? state.sliceScore : data.primary;
}

function sliceScoreChoice() {
  const names = [...new Set(data.slices.flatMap((slice) => (slice.scores ?? []).map((score) => score.name)))];
  if (names.length < 2) return null;
  const choose = (event) => {
    state.sliceScore = event.target.value;
    renderSliceRows();
    saveState();
  };
  const select = el(
    "select",
    { id: "slice-score", onchange: choose },
    names.map((name) => option(name, asText(name))),
  );
  select.value = chosenSliceScore() ?? names[0];
  return el("p", { class: "choice" }, el("label", {}, "Score ", select));
}

function buildSliceTable() {
  const head = [
    sortHead("Slice", "value", sortSlices),
    ...COLUMNS.map(([key, label]) =>
      sortHead(label, key, sortSlices, { class: key === "interval" ? "range" : "number" }),
    ),
  ];
  return table("Scores by slice", head, el("tbody", { role: "rowgroup" }), { class: "stack scores" });
}

function sortSlices(key) {
  const again = state.sliceSort === key;
  state.sliceDescending = again ? !state.sliceDescending : key !== "value";
  state.sliceSort = key;
  renderSliceRows();
  saveState();
}

function renderSliceRows() {
  const found = data.slices.map(sliceStat);
  const all = sortedSlices(found);
  const listed = allSlices ? all : all.slice(0, SLICE_ROWS);
  const reach = reachOf(found.map(([, score]) => score));
  sliceTable.querySelector("tbody").replaceChildren(...listed.map(([slice, score, texts]) => sliceRow(slice, score, texts, reach)));
  markSorted(sliceTable, (key) => key === state.sliceSort, state.sliceDescending);
  renderMoreSlices(all.length - listed.length);
}

/** A slice, its values for the chosen score, and these as texts. */
function sliceStat(slice, at) {
  const found = slice.scores ?? [];
  const chosen = found.findIndex(({ name }) => name === chosenSliceScore());
  const score = found[Math.max(0, chosen)];
  const texts = data.texts.slices[at][Math.max(0, chosen)];
  return [slice, { pairs: slice.pairs, kind: scores.get(score?.name), ...score }, texts];
}

function sortedSlices(found) {
  if (state.sliceSort === "order") return found;
  const value = ([slice, score]) => {
    if (state.sliceSort === "value") return `${slice.field} ${asText(slice.value)}`;
    return state.sliceSort === "interval" ? intervalWidth(score) : comparable(score[state.sliceSort]);
  };
  return sorted(found, value, state.sliceDescending);
}

function intervalWidth(score) {
  return Array.isArray(score.interval) ? score.interval[1] - score.interval[0] : null;
}

function comparable(value) {
  return Array.isArray(value) ? value.length : (value ?? null);
}

function sliceRow(slice, score, texts, reach) {
  const value = asText(slice.value);
  const slices = new Map([[slice.field, value]]);
  const name = drillButton(shownValue(value), `Show the rows where ${slice.field} is ${value}`, { slices });
  const head = el(
    "th",
    { scope: "row", role: "rowheader" },
    el("span", { class: "aside first" }, asText(slice.field)),
    name,
  );
  return rowElement({}, [head, ...statCells(score, texts, reach, slices)]);
}

function renderMoreSlices(count) {
  const showAll = () => {
    allSlices = true;
    renderSliceRows();
  };
  const more = el("button", { type: "button", onclick: showAll }, `Show ${plural(count, "more slice")}`);
  document.getElementById("more-slices").replaceChildren(...(count > 0 ? [more] : []));
}
