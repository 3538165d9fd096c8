// Words that differ between two texts.

const MOST_EDITS = 1500; // texts further apart than this are shown as replaced
const MOST_ISLAND = 20;

const segmenter = typeof Intl.Segmenter === "function" ? new Intl.Segmenter("en", { granularity: "word" }) : null;

function tokens(text) {
  if (!segmenter) return text.match(/[\p{L}\p{N}\p{M}_]+|\s+|[^]/gu) ?? [];
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** `("a b c", "a x c")` -> same "a ", gone "b", new "x", same " c". */
function wordDiff(before, after) {
  if (before === after) return before ? [{ kind: "same", text: before }] : [];
  const [left, right] = [tokens(before), tokens(after)];
  const parts = [];
  let [i, j] = [0, 0];
  for (const [nextI, nextJ] of [...keptWords(left, right), [left.length, right.length]]) {
    addPart(parts, "gone", left.slice(i, nextI).join(""));
    addPart(parts, "new", right.slice(j, nextJ).join(""));
    addPart(parts, "same", left[nextI] ?? "");
    [i, j] = [nextI + 1, nextJ + 1];
  }
  return withoutIslands(parts);
}

function addPart(parts, kind, text) {
  if (!text) return;
  const last = parts.at(-1);
  if (last?.kind === kind) last.text += text;
  else parts.push({ kind, text });
}

/** Short equal parts between long changes count as changed: nobody reads a change word by word. */
function withoutIslands(parts) {
  const joined = [];
  let [gone, added] = ["", ""];
  const flush = () => {
    addPart(joined, "gone", gone);
    addPart(joined, "new", added);
    [gone, added] = ["", ""];
  };
  parts.forEach(({ kind, text }, index) => {
    const island = kind === "same" && isIsland(text, changedBefore(parts, index), changedAfter(parts, index));
    if (kind === "gone" || island) gone += text;
    if (kind === "new" || island) added += text;
    if (kind !== "same" || island) return;
    flush();
    addPart(joined, "same", text);
  });
  flush();
  return joined;
}

/** Spaces and signs alone, or a few letters among some times as many that changed on either side. */
function isIsland(text, before, after) {
  if (!before || !after) return false;
  if (!/[\p{L}\p{N}]/u.test(text)) return true;
  return text.length <= MOST_ISLAND && 4 * text.trim().length <= Math.min(before, after);
}

function changedBefore(parts, index) {
  return changedLength(parts.slice(Math.max(0, index - 2), index).reverse());
}

function changedAfter(parts, index) {
  return changedLength(parts.slice(index + 1, index + 3));
}

function changedLength(parts) {
  const end = parts.findIndex(({ kind }) => kind === "same");
  return parts.slice(0, end < 0 ? parts.length : end).reduce((sum, { text }) => sum + text.length, 0);
}

/** Positions of the shared words, in order: the equal ends, and a longest common sequence between. */
function keptWords(left, right) {
  let start = 0;
  let [endLeft, endRight] = [left.length, right.length];
  while (start < Math.min(endLeft, endRight) && left[start] === right[start]) start++;
  while (Math.min(endLeft, endRight) > start && left[endLeft - 1] === right[endRight - 1]) {
    endLeft--;
    endRight--;
  }
  const head = Array.from({ length: start }, (_, at) => [at, at]);
  const middle = commonSequence(left.slice(start, endLeft), right.slice(start, endRight)).map(([i, j]) => [
    start + i,
    start + j,
  ]);
  const tail = Array.from({ length: left.length - endLeft }, (_, at) => [endLeft + at, endRight + at]);
  return [...head, ...middle, ...tail];
}

/** Myers, "An O(ND) difference algorithm" (1986); nothing in common if more than MOST_EDITS edits are needed. */
function commonSequence(left, right) {
  const most = Math.min(left.length + right.length, MOST_EDITS);
  const middle = most + 1;
  const reach = new Int32Array(2 * most + 3);
  const trace = [];
  for (let edits = 0; edits <= most; edits++) {
    trace.push(reach.slice(middle - edits - 1, middle + edits + 2));
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let i = goesDown(reach, middle + diagonal, diagonal, edits)
        ? reach[middle + diagonal + 1]
        : reach[middle + diagonal - 1] + 1;
      while (i < left.length && i - diagonal < right.length && left[i] === right[i - diagonal]) i++;
      reach[middle + diagonal] = i;
      if (i >= left.length && i - diagonal >= right.length) return walkBack(trace, left.length, right.length);
    }
  }
  return [];
}

function goesDown(reach, at, diagonal, edits) {
  return diagonal === -edits || (diagonal !== edits && reach[at - 1] < reach[at + 1]);
}

function walkBack(trace, i, j) {
  const pairs = [];
  for (let edits = trace.length - 1; edits >= 0; edits--) {
    const [reach, diagonal] = [trace[edits], i - j];
    const at = diagonal + edits + 1;
    const from = goesDown(reach, at, diagonal, edits) ? diagonal + 1 : diagonal - 1;
    const fromI = reach[from + edits + 1];
    while (i > fromI && j > fromI - from) pairs.push([--i, --j]);
    [i, j] = [fromI, fromI - from];
  }
  return pairs.reverse();
}
