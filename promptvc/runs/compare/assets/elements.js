// Elements of the page; texts get into it here, and only as text nodes.

/** An element with attributes and children; texts become text nodes. `on…` are listeners, null is left out. */
function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

function place(id, ...children) {
  document.getElementById(id).replaceChildren(...children.flat().filter((child) => child !== null));
}

function option(value, text) {
  return el("option", { value }, text);
}

/** A cell; `label` names it where narrow screens stack the cells. */
function cell(label, attributes, ...children) {
  return el("td", { "data-label": label, role: "cell", ...attributes }, ...children);
}

function headCell(attributes, ...children) {
  return el("th", { scope: "col", role: "columnheader", ...attributes }, ...children);
}

function table(caption, head, body, attributes = {}) {
  const top = el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, head));
  const filled = el("table", { role: "table", "aria-label": caption, ...attributes }, top, body);
  return el("div", { class: "scroll" }, filled);
}

function rowElement(attributes, cells) {
  return el("tr", { role: "row", ...attributes }, cells);
}

/** A header whose button sorts; `markSorted` keeps its aria-sort. */
function sortHead(label, key, onSort, attributes = {}) {
  const button = el("button", { type: "button", class: "sort", onclick: () => onSort(key) }, label);
  return headCell({ "data-sort": key, ...attributes }, button);
}

function markSorted(head, isCurrent, descending) {
  for (const found of head.querySelectorAll("th[data-sort]")) {
    const current = isCurrent(found.dataset.sort);
    found.setAttribute("aria-sort", current ? (descending ? "descending" : "ascending") : "none");
  }
}
