"use strict";
// The page as a whole: colours, hints, contents, and tables that sort, fold, filter and download.
const data = JSON.parse(document.getElementById("data").textContent);
const terms = JSON.parse(document.getElementById("terms").textContent);
const nodes = new Map(data.nodes.map((node) => [node.id, node]));
const byId = (id) => document.getElementById(id);
const partsOf = (id) => data.nodes.filter((node) => node.parent === id);
const waySince = (id) => (id < 0 ? [] : [...waySince(nodes.get(id).parent), id]);
let chosen = 0;

// One format for each kind of figure, which rounds as Python does; none for what is not known.
const isNone = (value) => value === null || value === undefined;
const rounded = (digits) => new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits, roundingMode: "halfEven" });
const [whole, tenths, hundredths] = [0, 1, 2].map(rounded);
const count = (value) => whole.format(value);
// One decimal, or two below 1 %.
const percent = (value) => {
  if (isNone(value)) return "";
  const [share, size] = [100 * value, Math.abs(100 * value)];
  return `${size > 0 && size < 0.005 ? "<0.01" : (size && size < 1 ? hundredths : tenths).format(share)} %`;
};
const two = (value) => (isNone(value) ? "" : hundredths.format(value));
const amount = (value) => (isNone(value) ? "" : (Math.abs(value) < 100 ? hundredths : whole).format(value));
const between = (low, high, form) => (isNone(low) ? "" : `${form(low)} to ${form(high)}`);

const SVG = new Set(["svg", "g", "path", "rect", "line", "circle", "ellipse", "text", "polyline"]);
function make(name, attributes = {}, ...children) {
  const made = SVG.has(name) ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && !isNone(value)) made.setAttribute(key, value);
  }
  // Text is text: nothing of the data is ever read as markup.
  made.append(...children.filter((child) => child !== null));
  return made;
}
const dot = (node) => {
  const made = make("span", { class: "dot", "data-low": node.isLow && "" });
  made.style.setProperty("--own", node.color);
  return made;
};
const badge = (grade) => (grade ? make("span", { class: `badge ${grade}` }, grade) : null);
// A text of the data, which may be long.
const clamp = (text) => make("span", { class: "clamp", "data-tip": text }, text);
const term = (text, key = text) => make("a", { class: "term", href: `#term-${Object.keys(terms).indexOf(key)}`, "data-tip": terms[key] }, text);

// A table from rows of cells: text, a number with its form, or an element.
const cellOf = (content) => (content instanceof Object && "value" in content ? content : { value: null, shown: content });
const figure = (value, form) => ({ value, shown: form(value), isNumber: true });
function table(name, header, rows, options = {}) {
  const isNumber = (at) => rows.some((row) => cellOf(row[at]).isNumber);
  const head = header.map((title, at) => make("th", { scope: "col", class: options.classes?.[at] ?? (isNumber(at) && "number") }, title));
  const body = rows.map((row) => make("tr", {}, ...row.map((content, at) => {
    const { value, shown, isNumber } = cellOf(content);
    return make(at ? "td" : "th", { scope: at ? null : "row", class: options.classes?.[at] ?? (isNumber && "number"), "data-value": value }, shown ?? "");
  })));
  return make("table", { "data-csv": name, class: options.class }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
}
const scroll = (label, content) => make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, content);

// Files for a spreadsheet, which must not run what a cell says.
const FORMULA = /^\s*[=+\-@\t\r＝＋－＠]/;
function csvCell(cell) {
  const value = cell.dataset.value ?? cell.textContent.trim().replace(/\s+/g, " ");
  const isNumber = value !== "" && Number.isFinite(Number(value));
  // A spreadsheet may take another sign than the comma for the end of a cell.
  const safe = isNumber ? value : value.replace(FORMULA, "'$&").replace(/([;\t|]\s*)([=+\-@])/g, "$1'$2");
  return /[",;\t\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
const csvOf = (tableElement) => [...tableElement.rows].map((row) => [...row.cells].filter((cell) => !cell.classList.contains("bar")).map(csvCell).join(",")).join("\r\n");
function csvButton(tableElement, name) {
  return make("button", {
    type: "button", class: "csv", "aria-label": `Download the table ${name} as CSV`, onclick: () => {
      const file = new Blob(["\ufeff", csvOf(tableElement), "\r\n"], { type: "text/csv;charset=utf-8" });
      const link = make("a", { href: URL.createObjectURL(file), download: `${name}.csv` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    },
  }, "CSV");
}

function setUpHints() {
  const tip = byId("tip");
  const hide = () => { tip.hidden = true; };
  const show = (event) => {
    const at = event.target.closest?.("[data-tip]");
    // Where a text is not cut, a hint would only repeat it.
    const cut = at?.classList.contains("clamp") ? at : at?.querySelector(".clamp");
    if (!at || !at.dataset.tip || (cut && cut.scrollHeight <= cut.clientHeight + 1 && cut.textContent.trim() === at.dataset.tip)) return hide();
    tip.textContent = at.dataset.tip;
    tip.hidden = false;
    const box = at.getBoundingClientRect();
    const [width, height] = [tip.offsetWidth, tip.offsetHeight];
    const x = event.type === "focusin" ? box.left : event.clientX + 12;
    const above = (event.type === "focusin" ? box.top : event.clientY) - height - 10;
    const below = (event.type === "focusin" ? box.bottom : event.clientY) + 14;
    tip.style.left = `${Math.max(4, Math.min(x, innerWidth - width - 8))}px`;
    tip.style.top = `${below + height < innerHeight ? below : Math.max(4, above)}px`;
  };
  for (const kind of ["mouseover", "focusin"]) document.addEventListener(kind, show);
  for (const kind of ["focusout", "scroll"]) document.addEventListener(kind, hide, true);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
}

function setUpTheme() {
  const set = (name) => {
    document.documentElement.dataset.theme = name;
    byId("theme").textContent = name === "dark" ? "Light" : "Dark";
    byId("theme").setAttribute("aria-label", `Change to ${name === "dark" ? "light" : "dark"} colours`);
  };
  const current = () => document.documentElement.dataset.theme;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  set(prefersDark.matches ? "dark" : "light");
  prefersDark.addEventListener("change", (event) => set(event.matches ? "dark" : "light"));
  byId("theme").addEventListener("click", () => set(current() === "dark" ? "light" : "dark"));
  // Paper is white, whatever the screen is.
  let before = null;
  addEventListener("beforeprint", () => { before = current(); set("light"); });
  addEventListener("afterprint", () => set(before));
}

function setUpContents() {
  const links = [...document.querySelectorAll("#contents a")];
  const sections = links.map((link) => byId(link.hash.slice(1)));
  const follow = () => {
    const isAtEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
    const passed = sections.filter((section) => section.getBoundingClientRect().top < innerHeight / 3);
    const here = isAtEnd && scrollY > 0 ? sections.at(-1) : passed.at(-1) ?? sections[0];
    links.forEach((link, at) => (sections[at] === here ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current")));
  };
  addEventListener("scroll", follow, { passive: true });
  follow();
}

// The table of segments: siblings are sorted, and parts stay below the segment that they are in.
function setUpTree() {
  const tree = byId("tree");
  if (!tree) return;
  const rows = [...tree.tBodies[0].rows];
  const idOf = (row) => Number(row.dataset.node);
  const byNode = new Map(rows.map((row) => [idOf(row), row]));
  const isOpen = new Set([0]);
  const keys = {
    name: (node) => node.name.toLowerCase(), share: (node) => node.customers,
    again: (node) => node.found?.jaccard ?? -1, stay: (node) => node.stay ?? -1,
  };
  let sorted = { key: "share", sign: -1 };

  function refresh() {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const hits = rows.filter((row) => {
      const node = nodes.get(idOf(row));
      const text = [node.path, ...node.spends_more_on, ...node.spends_less_on].join(" ").toLowerCase();
      return words.length && words.every((word) => text.includes(word));
    });
    byId("found").textContent = words.length ? `${hits.length} found` : "";
    for (const row of rows) {
      const above = waySince(idOf(row)).slice(0, -1);
      row.hidden = words.length ? !hits.includes(row) : !above.every((id) => isOpen.has(id));
      row.querySelector("button.fold")?.setAttribute("aria-expanded", `${isOpen.has(idOf(row))}`);
    }
    for (const button of document.querySelectorAll("[data-level]")) {
      const isShown = rows.every((row) => row.hidden === (row.dataset.depth > button.dataset.level));
      button.setAttribute("aria-pressed", `${isShown}`);
    }
  }

  function sort() {
    const order = (a, b) => (keys[sorted.key](a) < keys[sorted.key](b) ? -1 : 1) * sorted.sign;
    const visit = (id) => partsOf(id).sort((a, b) => (keys[sorted.key](a) === keys[sorted.key](b) ? 0 : order(a, b))).flatMap((node) => [byNode.get(node.id), ...visit(node.id)]);
    tree.tBodies[0].append(...visit(0));
    for (const head of tree.querySelectorAll("[data-sort]")) {
      if (head.dataset.sort === sorted.key) head.setAttribute("aria-sort", sorted.sign > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    }
  }

  for (const head of tree.querySelectorAll("[data-sort]")) {
    const title = head.textContent;
    head.replaceChildren(make("button", {
      type: "button", onclick: () => {
        const key = head.dataset.sort;
        sorted = { key, sign: sorted.key === key ? -sorted.sign : key === "name" ? 1 : -1 };
        sort();
      },
    }, title));
  }
  for (const row of rows) {
    row.addEventListener("click", (event) => {
      if (event.target.closest(".fold")) {
        isOpen[isOpen.has(idOf(row)) ? "delete" : "add"](idOf(row));
        refresh();
      } else choose(idOf(row));
    });
  }
  for (const button of document.querySelectorAll("[data-level]")) {
    button.addEventListener("click", () => {
      isOpen.clear();
      for (const node of data.nodes) if (node.depth < Number(button.dataset.level)) isOpen.add(node.id);
      byId("search").value = "";
      refresh();
    });
  }
  byId("search").addEventListener("input", refresh);
  document.addEventListener("chosen", () => {
    for (const id of waySince(chosen).slice(0, -1)) isOpen.add(id);
    refresh();
    for (const row of rows) {
      row.classList.toggle("chosen", idOf(row) === chosen);
      if (idOf(row) === chosen) row.querySelector(".open").setAttribute("aria-current", "true");
      else row.querySelector(".open").removeAttribute("aria-current");
    }
  });
  sort();
}

function choose(id) {
  // In the address, so that the back button works and a segment can be linked to.
  if (id !== chosen) location.hash = `segment-${id}`;
  // Where the page of a segment is not beside the table, but below it.
  if (matchMedia("(max-width: 900px)").matches) byId("detail").scrollIntoView();
}

function readAddress() {
  const id = Number(location.hash.match(/^#segment-(\d+)$/)?.[1] ?? 0);
  return nodes.has(id) ? id : 0;
}

function setUp() {
  setUpTheme();
  setUpHints();
  setUpTree();
  setUpContents();
  for (const made of document.querySelectorAll("table[data-csv]")) {
    const button = csvButton(made, made.dataset.csv);
    if (made.id === "tree") document.querySelector("#segments .tools").append(button);
    else made.closest(".scroll").after(button);
  }
  const show = () => {
    chosen = readAddress();
    document.dispatchEvent(new Event("chosen"));
  };
  addEventListener("hashchange", () => {
    if (location.hash === "" || location.hash.startsWith("#segment-")) show();
  });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) document.dispatchEvent(new Event("chosen"));
    width = innerWidth;
  });
  show();
}
addEventListener("DOMContentLoaded", setUp);
