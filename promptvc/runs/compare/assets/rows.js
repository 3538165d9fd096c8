// The table of rows, a page at a time.

const PAGE_ROWS = 100;
const SNIPPET = 160;

let rowTable = null;

function buildRowTable() {
  const head = [
    sortHead("Example", "example", sortRows),
    sortHead("Status", "status", sortRows),
    ...scoreColumns.map((name) => sortHead(name, `score:change:${name}`, sortRows, { class: "score" })),
    sortHead("Input", "input", sortRows, { class: "wide" }),
    headCell({ class: "wide" }, "Output after"),
  ];
  rowTable = table("Rows", head, el("tbody", { role: "rowgroup" }), { class: "stack rows" });
  place("list", rowTable);
  place("pages", pageButton("previous", "← Previous", -1), el("span", { id: "page" }), pageButton("next", "Next →", 1));
}

function pageButton(id, text, step) {
  const turn = () => {
    change({ page: state.page + step });
    goToRows();
  };
  return el("button", { type: "button", id, onclick: turn }, text);
}

/** The extremes of changes matter most: the first click on a score shows what got worse. */
function sortRows(key) {
  const again = sortsBy(key);
  if (again && state.descending) change({ sort: "order", descending: false });
  else change({ sort: again ? state.sort : key, descending: again });
}

/** Whether the rows are sorted by this column: by any part of its score. */
function sortsBy(key) {
  const whole = (text) => text.replace(/^score:(change|before|after):/, "score:");
  return whole(state.sort) === whole(key);
}

function renderRows() {
  shown = sortedRows(matching());
  const last = Math.max(0, Math.ceil(shown.length / PAGE_ROWS) - 1);
  state.page = Math.min(state.page, last);
  const first = state.page * PAGE_ROWS;
  rowTable.querySelector("tbody").replaceChildren(...shown.slice(first, first + PAGE_ROWS).flatMap(rowElements));
  markSorted(rowTable, sortsBy, state.descending);
  markFilters();
  renderCount();
  markPages(first, last);
  markOpenAll();
}

function renderCount() {
  const text =
    shown.length === rows.length
      ? plural(rows.length, "row")
      : `${number(shown.length)} of ${plural(rows.length, "row")}`;
  place("count", shown.length || !rows.length ? text : `${text}: none matches the filters.`);
}

function markPages(first, last) {
  document.getElementById("pages").hidden = last === 0;
  document.getElementById("previous").disabled = state.page === 0;
  document.getElementById("next").disabled = state.page === last;
  const end = Math.min(first + PAGE_ROWS, shown.length);
  place("page", `${number(first + 1)}–${number(end)} of ${number(shown.length)}`);
}

function rowElements(row) {
  const line = rowLine(row);
  return state.open.has(row.key) ? [line, detail(row)] : [line];
}

function rowLine(row) {
  const open = state.open.has(row.key);
  const opener = {
    type: "button",
    class: "opener",
    "aria-expanded": String(open),
    "aria-controls": open ? detailId(row) : null,
  };
  return rowElement({ class: "line", "data-row": row.index, onclick: toggleByMouse }, [
    el("th", { scope: "row", role: "rowheader" }, el("button", opener, rowName(row))),
    cell("Status", {}, el("span", { class: `badge ${row.status}` }, STATUSES[row.status] ?? asText(row.status))),
    ...scoreColumns.map((name) => cell(name, { class: "score" }, scoreChange(row, name))),
    cell("Input", { class: "wide" }, snippet(row.input)),
    cell("Output after", { class: "wide" }, snippet(row.after?.error ?? row.after?.output ?? "")),
  ]);
}

function rowName(row) {
  const sample = several ? ` #${row.sample_index ?? 0}` : "";
  return asText(row.example_id) + sample;
}

function scoreChange(row, name) {
  const [was, is] = ["before", "after"].map((side) => scoreOf(row, side, name));
  if (was === is) return scoreValueElement(is);
  return el("span", {}, scoreValueElement(was), el("span", { class: "arrow" }, " → "), scoreValueElement(is));
}

function scoreValueElement(value) {
  if (value === null) return el("span", { class: "none" }, "–");
  if (typeof value !== "boolean") return el("span", {}, isNumber(value) ? number(value) : asText(value));
  const [mark, word] = value ? ["✓", "pass"] : ["✗", "fail"];
  return el("span", { class: word }, el("span", { "aria-hidden": "true" }, mark), ` ${word}`);
}

/** The beginning of a value on one line; of an object, its first text. */
function snippet(value) {
  if (value === null || value === undefined) return "";
  const first = isObject(value) ? (Object.values(value).find((part) => typeof part === "string") ?? value) : value;
  const text = (typeof first === "string" ? first.slice(0, 4 * SNIPPET) : JSON.stringify(first))
    .replace(/\s+/g, " ")
    .trim();
  return text.length > SNIPPET ? `${text.slice(0, SNIPPET)}…` : text;
}
