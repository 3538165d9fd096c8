// Numbers as people read them.

function number(value) {
  if (!isNumber(value)) return value === null || value === undefined ? "–" : asText(value);
  const whole = Number.isInteger(value) || Math.abs(value) >= 1000;
  const format = whole ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  return value.toLocaleString("en", format).replace("-", "−");
}

function percent(value) {
  return isNumber(value) ? `${(100 * value).toFixed(1)}%` : number(value);
}

function signed(value, text) {
  return `${value > 0 ? "+" : value < 0 ? "−" : "±"}${text}`;
}

function difference(kind, value) {
  if (!isNumber(value)) return "–";
  return kind === "boolean" ? `${points(value)} pp` : signed(value, number(Math.abs(value)));
}

/** Percentage points, without the unit. */
function points(value) {
  const rounded = Number((100 * value).toFixed(1));
  return signed(rounded, Math.abs(rounded).toFixed(1));
}

function interval(kind, range) {
  if (!Array.isArray(range)) return "–";
  const show = kind === "boolean" ? points : (value) => signed(value, number(Math.abs(value)));
  return `${show(range[0])} to ${show(range[1])}`;
}

function pValue(value) {
  if (!isNumber(value)) return "–";
  return value < 0.001 ? "< 0.001" : value.toFixed(3);
}

function mean(kind, value) {
  return kind === "boolean" ? percent(value) : number(value);
}

function money(value) {
  if (!isNumber(value)) return number(value);
  const format =
    value >= 1
      ? { minimumFractionDigits: 2, maximumFractionDigits: 2 }
      : { minimumSignificantDigits: 3, maximumSignificantDigits: 3 };
  return `$${value.toLocaleString("en", value ? format : {})}`;
}

function duration(milliseconds) {
  return milliseconds < 10_000 ? `${number(milliseconds)} ms` : `${number(milliseconds / 1000)} s`;
}

function plural(count, noun) {
  return `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
}
