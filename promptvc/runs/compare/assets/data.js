"use strict";

// The comparison, its rows, scores and slices.

const NONE = "(none)";
const STATUSES = {
  broken: "Broken",
  fixed: "Fixed",
  changed: "Changed",
  only_before: "Only before",
  only_after: "Only after",
  same: "Same",
};
const WHEN = {
  boolean: {
    fixed: ["fixed", (was, is) => was === false && is === true],
    broken: ["broken", (was, is) => was === true && is === false],
    both: ["passed in both", (was, is) => was === true && is === true],
    neither: ["failed in both", (was, is) => was === false && is === false],
  },
  number: {
    higher: ["higher after", (was, is) => isNumber(was) && isNumber(is) && is > was],
    lower: ["lower after", (was, is) => isNumber(was) && isNumber(is) && is < was],
    equal: ["equal", (was, is) => isNumber(was) && was === is],
  },
  label: {
    changed: ["changed", (was, is) => was != null && is != null && was !== is],
    unchanged: ["unchanged", (was, is) => was != null && was === is],
  },
};
const LISTED_IDS = 200;

const collator = new Intl.Collator("en", { numeric: true });
const data = JSON.parse(document.getElementById("comparison").textContent);
const sides = { before: data.before ?? {}, after: data.after ?? {} };
const rows = (data.rows ?? []).map((row, index) => ({ ...row, index, key: rowKey(row) }));
const scores = scoreKinds();
const scoreColumns = [...scores.keys()];
const fields = sliceFields();
const several = rows.some((row) => row.sample_index > 0);

function rowKey(row) {
  return `${row.example_id ?? ""}#${row.sample_index ?? 0}`;
}

/** Score name -> kind: as declared, or else guessed from the rows' values. */
function scoreKinds() {
  const kinds = new Map((data.scores ?? []).map((score) => [score.name, score.kind]));
  for (const row of rows) {
    for (const side of [row.before, row.after]) {
      for (const [name, value] of Object.entries(side?.scores ?? {})) {
        if (!WHEN[kinds.get(name)] && value !== null) kinds.set(name, kindOf(value));
      }
    }
  }
  return kinds;
}

function kindOf(value) {
  if (typeof value === "boolean") return "boolean";
  return isNumber(value) ? "number" : "label";
}

/** Slice field -> value -> number of rows; a row with several values counts at each. */
function sliceFields() {
  const found = new Map();
  for (const row of rows) {
    for (const field of Object.keys(row.slices ?? {})) {
      if (!found.has(field)) found.set(field, new Map());
      const counts = found.get(field);
      for (const value of sliceValues(row, field)) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
  }
  return new Map([...found].map(([field, counts]) => [field, new Map([...counts].sort(byFirst))]));
}

function byFirst([left], [right]) {
  return collator.compare(left, right);
}

/** The slices of a field that a row is in. */
function sliceValues(row, field) {
  const value = Object.hasOwn(row.slices ?? {}, field) ? row.slices[field] : null;
  return (Array.isArray(value) ? value : [value]).map(asText);
}

function scoreOf(row, side, name) {
  const found = row[side]?.scores ?? {};
  return Object.hasOwn(found, name) ? found[name] : null;
}

function isNumber(value) {
  return typeof value === "number";
}

function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** Any value as text; other values as JSON. */
function asText(value) {
  if (value === null || value === undefined) return NONE;
  return typeof value === "string" ? value : JSON.stringify(value, null, 1);
}

function countOf(value) {
  return Array.isArray(value) ? value.length : Number(value ?? 0);
}
