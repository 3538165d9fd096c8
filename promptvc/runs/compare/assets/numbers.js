// Counts, and the values of single rows; all other numbers come as texts, as the terminal shows them.

function number(value) {
  if (!isNumber(value)) return value === null || value === undefined ? "–" : asText(value);
  const whole = Number.isInteger(value) || Math.abs(value) >= 1000;
  const format = whole ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  return value.toLocaleString("en", format).replace("-", "−");
}

function plural(count, noun) {
  return `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A text of `data.texts`; a dash if there is none. */
function shownText(text) {
  return text || "–";
}
