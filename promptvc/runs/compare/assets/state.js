// Which rows are shown and how, kept in the page's address.

let state = readState();
let shown = rows;

function startState() {
  return {
    query: "",
    status: new Set(),
    slices: new Map(),
    score: null,
    when: null,
    sort: "order",
    descending: false,
    page: 0,
    open: new Set(),
    sliceScore: null,
    sliceSort: "order",
    sliceDescending: false,
  };
}

/** `#status=broken&slice.topic=refunds&sort=score:change:exact&desc=1` and so on. */
function readState() {
  const read = new URLSearchParams(location.hash.slice(1));
  const made = startState();
  made.query = read.get("q") ?? "";
  made.status = new Set(read.getAll("status").filter((status) => Object.hasOwn(STATUSES, status)));
  for (const [name, value] of read) {
    if (name.startsWith("slice.")) made.slices.set(name.slice("slice.".length), value);
  }
  made.score = read.get("score");
  made.when = read.get("when");
  made.sort = read.get("sort") ?? "order";
  made.descending = read.has("desc");
  made.page = Math.max(0, (Number.parseInt(read.get("page") ?? "1", 10) || 1) - 1);
  made.open = new Set(read.getAll("open"));
  made.sliceScore = read.get("by");
  made.sliceSort = read.get("slicesort") ?? "order";
  made.sliceDescending = read.has("slicedesc");
  return made;
}

function stateHash() {
  const write = new URLSearchParams();
  if (state.query) write.set("q", state.query);
  for (const status of state.status) write.append("status", status);
  for (const [field, value] of state.slices) write.set(`slice.${field}`, value);
  if (state.score !== null && state.when) {
    write.set("score", state.score);
    write.set("when", state.when);
  }
  if (state.sort !== "order") write.set("sort", state.sort);
  if (state.descending) write.set("desc", "1");
  if (state.page) write.set("page", String(state.page + 1));
  for (const key of state.open) write.append("open", key);
  if (state.sliceScore !== null) write.set("by", state.sliceScore);
  if (state.sliceSort !== "order") write.set("slicesort", state.sliceSort);
  if (state.sliceDescending) write.set("slicedesc", "1");
  return `#${write}`;
}

function saveState() {
  try {
    history.replaceState(null, "", stateHash());
  } catch {
    // A page inside another one (a notebook's srcdoc) has no address itself.
  }
}

/** Change which rows are shown, from the first page on. */
function change(changes) {
  state = { ...state, page: 0, ...changes };
  renderRows();
  saveState();
}

/** Show the rows of a number in a table above: just those. */
function drill(changes) {
  const { sort, descending, sliceScore, sliceSort, sliceDescending } = state;
  state = { ...startState(), sort, descending, sliceScore, sliceSort, sliceDescending };
  change(changes);
  goToRows();
}

function goToRows() {
  const section = document.getElementById("rows");
  section.focus({ preventScroll: true });
  section.scrollIntoView();
}

/** `1` -> a button that shows the rows behind the number. */
function drillButton(text, label, changes) {
  const go = () => drill(changes);
  return el("button", { type: "button", class: "link", "aria-label": label, title: label, onclick: go }, text);
}
