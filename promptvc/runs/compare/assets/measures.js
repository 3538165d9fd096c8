// The table of tokens, cost, time and length.

const PARTS = [
  ["mean", "Mean"],
  ["p50", "Median"],
  ["p95", "95th percentile"],
  ["total", "Total"],
];

function renderMeasures() {
  const all = [
    ["Characters of output", data.characters, number],
    ["Input tokens", data.tokens?.input, number],
    ["Output tokens", data.tokens?.output, number],
    ["Cost", data.cost_usd, money],
    ["Latency", data.latency_ms, duration],
  ];
  const found = all.filter(([, value]) => value?.before?.rows || value?.after?.rows);
  document.getElementById("measures-section").hidden = !found.length;
  const head = [
    headCell({}, "Per output"),
    ...PARTS.map(([, label]) => headCell({ class: "number" }, label)),
    headCell({ class: "number" }, "Change of mean"),
  ];
  place(
    "measures",
    table("Tokens, cost and time", head, el("tbody", { role: "rowgroup" }, found.map(measureRow)), {
      class: "stack",
    }),
  );
}

function measureRow([label, { before, after }, show]) {
  const value = (side, part) => (isNumber(side?.[part]) ? show(side[part]) : "–");
  const cells = PARTS.map(([part, name]) =>
    cell(
      name,
      { class: "number" },
      el("span", {}, value(before, part), el("span", { class: "arrow" }, " → "), value(after, part)),
    ),
  );
  return rowElement({}, [
    el("th", { scope: "row", role: "rowheader" }, label),
    ...cells,
    cell("Change of mean", { class: "number" }, share(before?.mean, after?.mean)),
  ]);
}

function share(before, after) {
  if (!isNumber(before) || !isNumber(after) || !before) return "–";
  return signed(after - before, `${((100 * Math.abs(after - before)) / before).toFixed(1)}%`);
}
