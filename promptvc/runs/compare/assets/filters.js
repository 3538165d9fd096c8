// The controls above the rows.

function renderFilters() {
  place("filters", searchBox(), statusChips(), sliceChoices(), scoreChoice(), sortChoice(), actions());
}

function searchBox() {
  let waiting = 0;
  const search = (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => change({ query: event.target.value }), 120);
  };
  const box = el("input", {
    type: "search",
    id: "query",
    placeholder: "Search inputs and outputs",
    oninput: search,
    autocomplete: "off",
  });
  return el("label", { class: "search" }, el("span", { class: "hidden" }, "Search"), box);
}

function statusChips() {
  const counts = statusCounts();
  const chips = Object.keys(STATUSES)
    .filter((status) => counts[status])
    .map((status) => statusChip(status, counts[status]));
  return el("div", { class: "chips", role: "group", "aria-label": "Status" }, chips);
}

function statusChip(status, count) {
  const toggle = () => {
    const wanted = new Set(state.status);
    if (!wanted.delete(status)) wanted.add(status);
    change({ status: wanted });
  };
  const attributes = { type: "button", class: `chip ${status}`, "data-status": status, onclick: toggle };
  return el("button", attributes, STATUSES[status], el("span", { class: "amount" }, ` ${number(count)}`));
}

function sliceChoices() {
  return [...fields].map(([field, counts]) => sliceChoice(field, counts));
}

function sliceChoice(field, counts) {
  const values = [...counts.keys()];
  const choose = (event) => {
    const slices = new Map(state.slices);
    if (event.target.selectedIndex) slices.set(field, values[event.target.selectedIndex - 1]);
    else slices.delete(field);
    change({ slices });
  };
  const options = values.map((value) => option("", `${shownValue(value)} (${number(counts.get(value))})`));
  return el(
    "label",
    {},
    `${field} `,
    el("select", { "data-slice": field, onchange: choose }, option("", "all"), options),
  );
}

function shownValue(value) {
  return value === "" ? "(empty)" : value;
}

function scoreChoice() {
  if (!scores.size) return null;
  const choose = (event) => {
    const [score, when] = event.target.value ? JSON.parse(event.target.value) : [null, null];
    change({ score, when });
  };
  const groups = [...scores].map(([name, kind]) =>
    el(
      "optgroup",
      { label: name },
      scoreConditions(name, kind).map(([when, text]) => option(JSON.stringify([name, when]), `${name}: ${text}`)),
    ),
  );
  return el("label", {}, "Score ", el("select", { id: "score-filter", onchange: choose }, option("", "any"), groups));
}

function scoreConditions(name, kind) {
  const known = Object.entries(WHEN[kind] ?? {}).map(([when, [text]]) => [when, text]);
  if (kind !== "label") return known;
  const labels = new Set(rows.map((row) => scoreOf(row, "after", name)).filter((value) => value !== null));
  const listed = [...labels].map(asText).sort(collator.compare).slice(0, LISTED_IDS);
  return [...known, ...listed.map((label) => [`is:${label}`, `is “${label}” after`])];
}

function sortChoice() {
  const parts = { change: "change", before: "before", after: "after" };
  const options = [
    option("order", "as in the file"),
    option("example", "example"),
    option("status", "status"),
    ...scoreColumns.flatMap((name) =>
      Object.entries(parts).map(([part, text]) => option(`score:${part}:${name}`, `${name}, ${text}`)),
    ),
    option("length", "change of length"),
    option("input", "input"),
  ];
  const select = el("select", { id: "sort", onchange: (event) => change({ sort: event.target.value }) }, options);
  const turn = el("button", {
    type: "button",
    id: "direction",
    onclick: () => change({ descending: !state.descending }),
  });
  return el("span", { class: "sorting" }, el("label", {}, "Sort by ", select), turn);
}

function actions() {
  const clear = () => change({ query: "", status: new Set(), slices: new Map(), score: null, when: null });
  return el(
    "span",
    { class: "actions" },
    el("button", { type: "button", id: "clear", onclick: clear }, "Clear filters"),
    el("button", { type: "button", id: "open-all", onclick: toggleAll }, "Open all"),
  );
}

/** Update the controls from the state. */
function markFilters() {
  const query = document.getElementById("query");
  if (document.activeElement !== query) query.value = state.query;
  for (const chip of document.querySelectorAll(".chip")) {
    chip.setAttribute("aria-pressed", String(state.status.has(chip.dataset.status)));
  }
  for (const select of document.querySelectorAll("select[data-slice]")) {
    const { slice } = select.dataset;
    select.selectedIndex = 1 + [...fields.get(slice).keys()].indexOf(state.slices.get(slice));
  }
  const byScore = document.getElementById("score-filter");
  if (byScore) byScore.value = state.score !== null && state.when ? JSON.stringify([state.score, state.when]) : "";
  document.getElementById("sort").value = state.sort;
  const direction = document.getElementById("direction");
  direction.textContent = state.descending ? "↓" : "↑";
  direction.setAttribute("aria-label", state.descending ? "Descending; turn round" : "Ascending; turn round");
  document.getElementById("clear").disabled = !filtered();
}

function filtered() {
  return Boolean(state.query || state.status.size || state.slices.size || (state.score !== null && state.when));
}
