// An open row: its input, and both outputs side by side.

function detailId(row) {
  return `detail-${row.index}`;
}

function toggleByMouse(event) {
  const onOpener = event.target.closest("button.opener");
  if (!onOpener && (event.target.closest("button, a") || String(getSelection()))) return;
  toggle(rows[event.currentTarget.dataset.row]);
}

function toggle(row) {
  setOpen(row, !state.open.has(row.key));
  markOpenAll();
  saveState();
}

function setOpen(row, open) {
  const line = rowTable.querySelector(`tr[data-row="${row.index}"]`);
  const opener = line.querySelector(".opener");
  document.getElementById(detailId(row))?.remove();
  if (open) {
    state.open.add(row.key);
    line.after(detail(row));
    opener.setAttribute("aria-controls", detailId(row));
  } else {
    state.open.delete(row.key);
    opener.removeAttribute("aria-controls");
  }
  opener.setAttribute("aria-expanded", String(open));
}

function pageRows() {
  return shown.slice(state.page * PAGE_ROWS, (state.page + 1) * PAGE_ROWS);
}

function allOpen() {
  const listed = pageRows();
  return listed.length > 0 && listed.every((row) => state.open.has(row.key));
}

function toggleAll() {
  const open = !allOpen();
  for (const row of pageRows()) if (state.open.has(row.key) !== open) setOpen(row, open);
  markOpenAll();
  saveState();
}

function markOpenAll() {
  const button = document.getElementById("open-all");
  button.textContent = allOpen() ? "Close all" : "Open all";
  button.disabled = !shown.length;
}

function detail(row) {
  const width = rowTable.querySelectorAll("th[scope=col]").length;
  const inside = el("div", { class: "inside" }, sliceTags(row), given(row), panes(row));
  return rowElement({ class: "detail", id: detailId(row) }, [el("td", { role: "cell", colspan: width }, inside)]);
}

function sliceTags(row) {
  const found = Object.keys(row.slices ?? {});
  if (!found.length) return null;
  const tags = found.map((field) =>
    el("li", {}, el("span", {}, `${field} `), sliceValues(row, field).map(shownValue).join(", ")),
  );
  return el("ul", { class: "tags", "aria-label": "Slices" }, tags);
}

/** The model's input, and the expected output. */
function given(row) {
  const named = isObject(row.input) ? Object.entries(row.input) : [["Input", row.input]];
  const parts = [...named, ["Expected", row.expected]].filter(([, value]) => value !== undefined && value !== null);
  if (!parts.length) return null;
  const blocks = parts.map(([name, value]) =>
    el("div", {}, el("dt", {}, name), el("dd", { class: "text" }, asText(value))),
  );
  return el("dl", { class: "given" }, blocks);
}

function panes(row) {
  const [was, is] = [row.before?.output, row.after?.output];
  const both = typeof was === "string" && typeof is === "string";
  const parts = both ? wordDiff(was, is) : null;
  const kept = (kind) => parts?.filter((part) => part.kind === "same" || part.kind === kind);
  return el("div", { class: "panes" }, pane("before", row, kept("gone")), pane("after", row, kept("new")));
}

function pane(which, row, parts) {
  const side = row[which];
  return el(
    "section",
    { class: `pane ${which}`, "aria-label": `Output ${which}` },
    el("h3", {}, which === "before" ? "Before" : "After", el("span", { class: "aside" }, sideName(which))),
    paneScores(side),
    side?.error ? el("p", { class: "error" }, asText(side.error)) : null,
    paneText(side, parts),
  );
}

function paneScores(side) {
  const found = Object.entries(side?.scores ?? {});
  if (!found.length) return null;
  return el(
    "ul",
    { class: "tags" },
    found.map(([name, value]) => el("li", {}, el("span", {}, `${name} `), scoreValueElement(value))),
  );
}

function paneText(side, parts) {
  if (!side) return el("p", { class: "none" }, "No such row on this side.");
  if (side.tool_calls) return el("div", { class: "text output" }, asText(side.output ?? ""), toolCalls(side));
  if (side.output === null || side.output === undefined)
    return side.error ? null : el("p", { class: "none" }, "No output.");
  if (side.output === "") return el("p", { class: "none" }, "An empty output.");
  const tags = { same: null, gone: "del", new: "ins" };
  const inside = parts
    ? parts.map(({ kind, text }) => (tags[kind] ? el(tags[kind], {}, text) : text))
    : [asText(side.output)];
  return el("div", { class: "text output" }, inside);
}

function toolCalls(side) {
  return el("pre", { class: "calls" }, JSON.stringify(side.tool_calls, null, 2));
}
