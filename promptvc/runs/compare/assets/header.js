// What is compared, why it differs, and what to know before any score.

function renderHeader() {
  const names = [...new Set([sides.before.name, sides.after.name].filter(Boolean))];
  place(
    "top",
    el("p", { class: "kind" }, "Comparison of runs"),
    el("h1", {}, names.map(asText).join(" and ") || "run"),
    el("div", { class: "sides" }, sideCard("before", sides.before), sideCard("after", sides.after)),
    reasons(),
    tiles(),
  );
}

/** The name of a side: its version, or the run's name if two runs are compared. */
function sideName(which) {
  const { name, label } = sides[which];
  return asText((sides.before.name === sides.after.name ? label : name) ?? "?");
}

function sideCard(which, side) {
  const facts = sideFacts(side).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  return el(
    "div",
    { class: `side ${which}` },
    el("p", { class: "which" }, which === "before" ? "Before" : "After"),
    el("p", { class: "label" }, sideName(which)),
    el("dl", { class: "facts" }, facts),
  );
}

function sideFacts(side) {
  const twoRuns = sides.before.name !== sides.after.name;
  const facts = [
    ["version", twoRuns ? side.label : null],
    ["model", side.model],
    ["rows", side.rows],
    ["samples", side.samples > 1 ? side.samples : null],
    ["failed calls", side.errors || null],
    ["stale", side.stale || null],
    ["recorded", side.recorded ? "from elsewhere" : null],
  ];
  return facts
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => [name, isNumber(value) ? number(value) : asText(value)]);
}

function reasons() {
  const why = data.why;
  if (why?.length) return reasonSection(el("ul", {}, why.map(reasonItem)));
  return reasonSection(el("p", {}, why ? nothingDiffers() : "One side has no record of how it was made."));
}

function reasonItem(reason) {
  return el("li", {}, ...reasonParts(reason));
}

function nothingDiffers() {
  const elsewhere = sides.before.recorded || sides.after.recorded;
  if (elsewhere) return "Their records name nothing that differs, but not all that made the outputs is known.";
  return "Their records name the same prompt, examples, model and settings.";
}

function reasonSection(inside) {
  return el("section", { class: "why" }, el("h2", {}, "Why they differ"), inside);
}

const CAUSES = {
  prompt: "Prompt",
  examples: "Examples",
  provider: "Provider",
  model: "Model",
  params: "Parameter",
  tools: "Tools",
  response_format: "Response format",
  samples: "Samples",
  inputs: "Input",
  scorers: "Scorer",
};

/** `{what: "params", name: "temperature", before: 0, after: 1}` -> "Parameter temperature: 0 → 1". */
function reasonParts(reason) {
  if (!isObject(reason)) return [asText(reason)];
  const what = CAUSES[reason.what] ?? asText(reason.what ?? "");
  const name = reason.name ? el("code", {}, asText(reason.name)) : null;
  const rowsDiffer = isNumber(reason.rows)
    ? `; ${plural(reason.rows, "row")} of both sides ${reason.rows === 1 ? "differs" : "differ"}`
    : null;
  return [what, name ? " " : null, name, ": ", brief(reason.before), " → ", brief(reason.after), rowsDiffer].filter(
    (part) => part !== null,
  );
}

/** A setting in a few words; for a pinned file the beginning of its id. */
function brief(value) {
  if (value === null || value === undefined) return "none";
  return isObject(value) && value.id ? String(value.id).slice(0, 10) : snippet(value) || "empty";
}

function tiles() {
  const counts = statusCounts();
  const by = data.primary ? ` by ${data.primary}` : "";
  const scored = scoreColumns.some((name) => scores.get(name) === "boolean");
  const made = [
    tile("rows in both", data.pairs, null),
    tile("requests changed", data.requests_changed, null),
    tile("outputs changed", data.outputs_changed, null),
    tile(`fixed${by}`, scored ? (counts.fixed ?? 0) : null, "fixed"),
    tile(`broken${by}`, scored ? (counts.broken ?? 0) : null, "broken"),
  ];
  return el("ul", { class: "tiles" }, made);
}

function tile(label, value, status) {
  if (value === null || value === undefined) return null;
  const count = countOf(value);
  const inside = [el("strong", {}, number(count)), ` ${label}`];
  if (!status || !count) return el("li", {}, el("span", {}, inside));
  const show = () => drill({ status: new Set([status]) });
  return el("li", { class: status }, el("button", { type: "button", onclick: show }, inside));
}

function statusCounts() {
  const counts = {};
  for (const row of rows) counts[row.status] = (counts[row.status] ?? 0) + 1;
  return counts;
}

function renderNotices() {
  place("notices", onlyNotice("before"), onlyNotice("after"));
}

/** Rows that only one side has: no score below counts them. */
function onlyNotice(which) {
  const key = `only_${which}`;
  const count = countOf(data[key]);
  if (!count) return null;
  const text = `${plural(count, "row")} only ${which} (${sideName(which)}); not part of any score.`;
  const show = () => drill({ status: new Set([key]) });
  const has = rows.some((row) => row.status === key);
  return el(
    "div",
    { class: "notice", role: "note" },
    el(
      "p",
      {},
      el("strong", {}, text),
      " ",
      has ? el("button", { type: "button", class: "link", onclick: show }, "Show") : null,
    ),
    Array.isArray(data[key]) ? listedIds(data[key]) : null,
  );
}

function listedIds(ids) {
  const more = ids.length > LISTED_IDS ? `, … ${number(ids.length - LISTED_IDS)} more` : "";
  const text = ids.slice(0, LISTED_IDS).map(idText).join(", ") + more;
  return el("details", {}, el("summary", {}, "Their ids"), el("p", { class: "ids" }, text));
}

function idText(id) {
  if (Array.isArray(id)) return id.map(asText).join(" #");
  return isObject(id) ? rowName(id) : asText(id);
}
