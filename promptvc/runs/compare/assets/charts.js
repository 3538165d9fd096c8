// A difference and its interval, drawn.

/** A bar from zero to the difference, with the interval as a whisker; `reach` is the value at either end. */
function chart(score, reach) {
  const { difference: middle, interval: range } = score;
  if (!isNumber(middle) || !reach) return null;
  const x = (value) => Math.max(-98, Math.min(98, (96 * value) / reach)).toFixed(1);
  const bar = { x: Math.min(0, x(middle)), width: Math.abs(x(middle)), y: -4, height: 8, class: "bar" };
  return svg(
    "svg",
    { viewBox: "-100 -10 200 20", class: `chart ${tone(score)}`, "aria-hidden": "true", focusable: "false" },
    svg("line", { x1: 0, x2: 0, y1: -10, y2: 10, class: "zero" }),
    svg("rect", bar),
    Array.isArray(range) ? whisker(x(range[0]), x(range[1])) : null,
    svg("circle", { cx: x(middle), cy: 0, r: 2.5, class: "point" }),
  );
}

function whisker(low, high) {
  return svg("path", { d: `M${low} -4V4M${low} 0H${high}M${high} -4V4`, class: "whisker" });
}

/** Whether the interval excludes zero, and on which side; for numbers nobody knows which side is better. */
function tone(score) {
  const range = score.interval;
  if (!Array.isArray(range) || (range[0] <= 0 && range[1] >= 0)) return "unclear";
  if (score.kind !== "boolean") return "clear";
  return range[0] > 0 ? "better" : "worse";
}

function reachOf(found) {
  const values = found.flatMap((score) => [score.difference, ...(score.interval ?? [])]);
  return Math.max(0, ...values.filter(isNumber).map(Math.abs));
}
