// Which rows are shown, in which order.

function matching() {
  const tests = [statusTest(), sliceTest(), scoreTest(), queryTest()].filter(Boolean);
  return rows.filter((row) => tests.every((test) => test(row)));
}

function statusTest() {
  return state.status.size ? (row) => state.status.has(row.status) : null;
}

function sliceTest() {
  const wanted = [...state.slices];
  if (!wanted.length) return null;
  return (row) => wanted.every(([field, value]) => sliceValues(row, field).includes(value));
}

function scoreTest() {
  const { score, when } = state;
  if (score === null || !when) return null;
  if (when.startsWith("is:")) return (row) => asText(scoreOf(row, "after", score)) === when.slice(3);
  const conditions = WHEN[scores.get(score)] ?? {};
  const value = scores.get(score) === "number" ? scoreNumber : scoreOf;
  if (!Object.hasOwn(conditions, when)) return null;
  const [, holds] = conditions[when];
  return (row) => holds(value(row, "before", score), value(row, "after", score));
}

/** Every word must occur, in any case, anywhere in the row. */
function queryTest() {
  const words = state.query.toLowerCase().split(/\s+/).filter(Boolean);
  return words.length ? (row) => words.every((word) => searchText(row).includes(word)) : null;
}

function searchText(row) {
  row.searched ??= [
    row.example_id,
    row.input,
    row.expected,
    row.before?.output,
    row.after?.output,
    row.before?.error,
    row.after?.error,
  ]
    .filter((value) => value !== null && value !== undefined)
    .map(asText)
    .join("\n")
    .toLowerCase();
  return row.searched;
}

/** Sorted by value, those without one last either way; equal ones keep their order. */
function sorted(items, valueOf, descending) {
  const keyed = items.map((item) => [valueOf(item), item]);
  keyed.sort(([left], [right]) => {
    if (left === null || right === null) return (left === null) - (right === null);
    return descending ? order(right, left) : order(left, right);
  });
  return keyed.map(([, item]) => item);
}

function order(left, right) {
  if (isNumber(left) && isNumber(right)) return left - right;
  return collator.compare(String(left), String(right));
}

function sortedRows(found) {
  const valueOf = sortValue(state.sort);
  if (valueOf) return sorted(found, valueOf, state.descending);
  return state.descending ? [...found].reverse() : found;
}

function sortValue(key) {
  const [kind, part, ...rest] = key.split(":");
  const name = rest.join(":");
  if (kind === "score") return (row) => scoreValue(row, part, name);
  const ranks = Object.keys(STATUSES);
  const known = {
    example: (row) => asText(row.example_id),
    status: (row) => ranks.indexOf(row.status),
    input: (row) => snippet(row.input),
    length: (row) => lengthOf(row, "after") - lengthOf(row, "before"),
  };
  return known[kind] ?? null;
}

function lengthOf(row, side) {
  return row[side]?.output?.length ?? 0;
}

function scoreValue(row, part, name) {
  const [was, is] = [scoreNumber(row, "before", name), scoreNumber(row, "after", name)];
  if (part !== "change") return part === "before" ? was : is;
  if (was === null || is === null) return null;
  return isNumber(was) && isNumber(is) ? is - was : Number(was !== is);
}

function scoreNumber(row, side, name) {
  const value = scoreOf(row, side, name);
  return typeof value === "boolean" ? Number(value) : value;
}
