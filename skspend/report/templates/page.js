"use strict";
// Draws what depends on the chosen segment, from the numbers in the block "data".
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const nodes = new Map(data.nodes.map((node) => [node.id, node]));
  const inside = new Map(data.nodes.map((node) => [node.id, []]));
  for (const node of data.nodes) if (node.parent >= 0) inside.get(node.parent).push(node);
  const ancestors = (id) => (id < 0 ? [] : [id, ...ancestors(nodes.get(id).parent)]);
  const byId = (id) => document.getElementById(id);
  const NARROW = 600;
  const MOST_LETTERS = 26;
  let chosen = 0;

  // One format for each kind of figure.
  const count = (value) => value.toLocaleString("en");
  const percent = (value) => (value === null ? "" : `${(100 * value).toFixed(1)} %`);
  const two = (value) => (value === null ? "" : value.toFixed(2));
  // plotly reads some HTML in text, and data must not contain any.
  const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const short = (text) =>
    plain(text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS - 1)}…` : text);

  // Colours: those of the theme, and of the trait that a segment's name begins with.
  const theme = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const parse = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  const mix = (color, other, part) =>
    `#${parse(color).map((value, i) => Math.round(value + part * (parse(other)[i] - value)).toString(16).padStart(2, "0")).join("")}`;
  const strong = (node) => data.colors[node.trait] ?? "#888888";
  const fill = (node) => (node.id === 0 ? theme("panel") : node.isLow ? mix(strong(node), theme("back"), 0.6) : strong(node));
  const luminance = (color) => {
    const [r, g, b] = parse(color).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const readable = (color) => ((luminance(color) + 0.05) / 0.05 >= 1.05 / (luminance(color) + 0.05) ? "#000000" : "#ffffff");

  const config = { displayModeBar: false, responsive: true };
  const layout = (more) => ({
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, dragmode: false,
    font: { color: theme("fore"), size: 13, family: getComputedStyle(document.body).fontFamily },
    margin: { l: 50, r: 12, t: 8, b: 44 }, hoverlabel: { bgcolor: theme("panel"), font: { color: theme("fore") } },
    ...more,
  });
  const axis = (more) => ({
    gridcolor: theme("line"), zerolinecolor: theme("line"), linecolor: theme("line"),
    fixedrange: true, automargin: true, ...more,
  });
  const draw = (id, traces, more) => Plotly.react(byId(id), traces, layout(more), config);
  const width = (id) => byId(id).clientWidth;
  const periods = Array.from({ length: data.nPeriods }, (_, i) => i + 1);
  const periodAxis = () => axis({ title: { text: plain(data.period) }, dtick: Math.ceil(data.nPeriods / 12), range: [0.8, data.nPeriods + 0.2] });

  // Columns after the first are numbers, except those in `words`.
  function table(id, header, rows, words = []) {
    const isNumber = (i) => i > 0 && !words.includes(i);
    const head = document.createElement("tr");
    header.forEach((text, i) => head.append(cell("th", text, isNumber(i), "col")));
    const body = rows.map((row) => {
      const line = document.createElement("tr");
      row.forEach((text, i) => line.append(cell(i ? "td" : "th", text, isNumber(i), i ? null : "row")));
      return line;
    });
    const [thead, tbody] = ["thead", "tbody"].map((name) => document.createElement(name));
    thead.append(head);
    tbody.append(...body);
    byId(id).replaceChildren(thead, tbody);
  }

  function cell(kind, text, isNumber, scope) {
    const made = document.createElement(kind);
    made.textContent = text;
    if (isNumber) made.className = "number";
    if (scope) made.scope = scope;
    return made;
  }

  function drawIcicle() {
    const level = inside.get(chosen).length ? chosen : nodes.get(chosen).parent;
    const colors = data.nodes.map(fill);
    draw("icicle", [{
      type: "icicle", ids: data.nodes.map((n) => `${n.id}`), labels: data.nodes.map((n) => plain(n.name)),
      parents: data.nodes.map((n) => (n.parent < 0 ? "" : `${n.parent}`)), values: data.nodes.map((n) => n.customers),
      branchvalues: "total", level: `${Math.max(level, 0)}`, sort: false, maxdepth: width("icicle") < NARROW ? 2 : 4,
      customdata: data.nodes.map((n) => [percent(n.share), two(n.strength)]),
      texttemplate: "%{label}<br>%{customdata[0]}",
      hovertemplate: "%{label}<br>%{value:,} customers, %{customdata[0]}<br>strength %{customdata[1]}<extra></extra>",
      marker: {
        colors,
        line: { width: data.nodes.map((n) => (n.id === chosen ? 4 : 1)), color: data.nodes.map((n) => (n.id === chosen ? theme("fore") : theme("back"))) },
      },
      textfont: { color: colors.map(readable) }, tiling: { orientation: "h", pad: 0 }, pathbar: { visible: false },
    }], { height: width("icicle") < NARROW ? 340 : 460, uniformtext: { minsize: 9, mode: "hide" }, margin: { l: 0, r: 0, t: 0, b: 0 } });
  }

  // Rows of the customers who end in a segment.
  const rowsOf = (id) => data.lines.leaf.map((leaf, row) => [leaf, row]).filter(([leaf]) => ancestors(leaf).includes(id)).map(([, row]) => row);
  const groups = () => (inside.get(chosen).length ? inside.get(chosen) : [nodes.get(chosen)]).map((node) => ({ node, rows: rowsOf(node.id) }));

  function path(rows, unit) {
    const out = [];
    for (const row of rows) {
      for (const state of data.lines.states[row]) out.push(state[unit]);
      out.push(null);
    }
    return out;
  }
  const end = (rows, unit) => rows.map((row) => data.lines.states[row].at(-1)[unit]);

  // Components of the states of several networks may be larger than 1.
  const farthest = data.lines.states.flat(2).reduce((most, state) => Math.max(most, Math.abs(state)), 1);

  // The whole state space for everybody; inside a segment, the part of it where its customers end.
  function ranges(units, rows) {
    const edge = 1.03 * farthest;
    if (chosen === 0 || !rows.length) return units.map(() => [-edge, edge]);
    const bounds = units.map((unit) => [Math.min(...end(rows, unit)), Math.max(...end(rows, unit))]);
    const reach = Math.min(edge, Math.max(0.05, ...bounds.map(([low, high]) => 0.6 * (high - low))));
    return bounds.map(([low, high]) => {
      const middle = Math.min(edge - reach, Math.max(reach - edge, (low + high) / 2));
      return [middle - reach, middle + reach];
    });
  }

  const opacity = (n) => Math.min(0.8, Math.max(0.12, 5 / Math.sqrt(n + 1)));
  const dot = (node, size) => ({ size, color: node.isLow ? theme("back") : strong(node), line: { color: strong(node), width: 1.5 }, opacity: 1 });

  function drawSpace(found, units, limits, n) {
    const is3d = units.length > 2;
    byId("space").closest("figure").hidden = !is3d;
    if (!is3d) return;
    const traces = found.flatMap(({ node, rows }) => [
      { type: "scatter3d", mode: "lines", hoverinfo: "skip", opacity: opacity(n), line: { color: strong(node), width: 2 }, x: path(rows, units[0]), y: path(rows, units[1]), z: path(rows, units[2]) },
      { type: "scatter3d", mode: "markers", marker: dot(node, 3.5), x: end(rows, units[0]), y: end(rows, units[1]), z: end(rows, units[2]), hovertemplate: `${plain(node.name)}<extra></extra>` },
    ]);
    const side = (unit, range) => ({ title: { text: `state ${unit}` }, range, gridcolor: theme("line"), zerolinecolor: theme("line"), backgroundcolor: "rgba(0,0,0,0)", showspikes: false, nticks: 5 });
    draw("space", traces, {
      height: 440, margin: { l: 0, r: 0, t: 0, b: 0 }, dragmode: "turntable", uirevision: "camera",
      scene: { aspectmode: "cube", camera: { eye: { x: 1.75, y: 1.75, z: 0.9 }, center: { x: 0, y: 0, z: -0.12 } }, xaxis: side(units[0], limits[0]), yaxis: side(units[1], limits[1]), zaxis: side(units[2], limits[2]) },
    });
  }

  function drawProjections(found, units, limits, n) {
    const pairs = units.length === 1 ? [[null, 0]] : units.length === 2 ? [[0, 1]] : [[0, 1], [0, 2], [1, 2]];
    const columns = width("projections") < 400 ? 1 : Math.min(2, pairs.length);
    const rowsOfPanels = Math.ceil(pairs.length / columns);
    const traces = [];
    const more = { grid: { rows: rowsOfPanels, columns, pattern: "independent", xgap: 0.22, ygap: 0.22 }, height: pairs.length === 1 ? 440 : columns === 1 ? 300 * pairs.length : 540 };
    pairs.forEach(([first, second], panel) => {
      const suffix = panel ? `${panel + 1}` : "";
      const [x, y] = [`x${suffix}`, `y${suffix}`];
      for (const { node, rows } of found) {
        const across = first === null ? rows.flatMap(() => [...periods, null]) : path(rows, units[first]);
        const last = first === null ? rows.map(() => data.nPeriods) : end(rows, units[first]);
        traces.push({ type: "scatter", mode: "lines", xaxis: x, yaxis: y, hoverinfo: "skip", opacity: opacity(n), line: { color: strong(node), width: 1 }, x: across, y: path(rows, units[second]) });
        traces.push({ type: "scatter", mode: "markers", xaxis: x, yaxis: y, cliponaxis: false, marker: dot(node, n > 500 ? 3.5 : 5), x: last, y: end(rows, units[second]), hovertemplate: `${plain(node.name)}<extra></extra>` });
      }
      more[`xaxis${suffix}`] = first === null ? periodAxis() : axis({ title: { text: `state ${units[first]}`, standoff: 4 }, range: limits[first], nticks: 5 });
      more[`yaxis${suffix}`] = axis({ title: { text: `state ${units[second]}`, standoff: 4 }, range: limits[second], nticks: 5 });
    });
    draw("projections", traces, more);
  }

  function drawTrajectories() {
    const node = nodes.get(chosen);
    const found = groups();
    const rows = found.flatMap((group) => group.rows);
    const limits = ranges(node.units, rows);
    drawSpace(found, node.units, limits, rows.length);
    drawProjections(found, node.units, limits, rows.length);
    byId("space-note").textContent = `${count(rows.length)} of ${count(node.customers)} customers are drawn${
      node.units.length > 2 ? `, in the three states that separate the parts best` : ""}. Drag to rotate.`;
  }

  function drawTraits() {
    const node = nodes.get(chosen);
    const everybody = nodes.get(0);
    const names = [...data.traits].reverse();
    const of = (which, column) => names.map((name) => which.traits[data.traits.indexOf(name)][column]);
    const medians = of(node, 0);
    const reach = 1.08 * Math.max(...data.nodes.flatMap((n) => n.traits.flat().map((v) => Math.abs(v ?? 0))));
    const traces = [{
      type: "scatter", mode: "markers", y: names, x: medians,
      marker: { size: 11, color: names.map((name) => data.colors[name]) },
      error_x: { type: "data", symmetric: false, array: of(node, 2).map((v, i) => (v ?? medians[i]) - medians[i]), arrayminus: of(node, 1).map((v, i) => medians[i] - (v ?? medians[i])), color: theme("fore"), thickness: 1.5, width: 5 },
      hovertemplate: "%{y} %{x:.2f}<extra></extra>",
    }];
    if (chosen) traces.push({ type: "scatter", mode: "markers", y: names, x: of(everybody, 0), marker: { symbol: "line-ns", size: 14, line: { color: theme("muted"), width: 2 } }, hovertemplate: "everybody %{x:.2f}<extra></extra>" });
    draw("traits", traces, { height: 260, xaxis: axis({ range: [-reach, reach], zeroline: true }), yaxis: axis({ showgrid: false }) });
    table("traits-table", ["Trait", "Median", "95 % interval"], data.traits.map((name, i) => {
      const [median, low, high] = node.traits[i];
      return [name, two(median), low === null ? "" : `${two(low)} to ${two(high)}`];
    }));
  }

  function drawCategories() {
    const node = nodes.get(chosen);
    if (!chosen) return drawSpending(data.spending, "categories", "Largest categories, as shares of all spending", "categories-title", "categories-table");
    byId("categories-title").textContent = "Difference from all other customers, in standard deviations";
    const rows = [...node.categories].reverse();
    draw("categories", [{
      type: "bar", orientation: "h", y: rows.map((_, i) => i), x: rows.map((row) => row.effect),
      marker: { color: rows.map((row) => (row.effect > 0 ? "#0072B2" : "#D55E00")) },
      customdata: rows.map((row) => [plain(row.category), percent(row.share), percent(row.others)]),
      hovertemplate: "%{customdata[0]}<br>%{customdata[1]}, others %{customdata[2]}<extra></extra>",
    }], {
      height: 70 + 24 * Math.max(3, rows.length), xaxis: axis({ zeroline: true, zerolinecolor: theme("muted") }),
      yaxis: axis({ showgrid: false, tickvals: rows.map((_, i) => i), ticktext: rows.map((row) => short(row.category)) }),
    });
    byId("categories-note").textContent = rows.length ? "" : "No category differs from the other customers by more than a fifth of a standard deviation.";
    table("categories-table", ["Category", "Effect", "Share", "Others"], node.categories.map((row) => [row.category, two(row.effect), percent(row.share), percent(row.others)]));
  }

  function drawSpending(spending, id, title, titleId, tableId) {
    const { category, share, has_coefficient: known } = spending;
    const order = category.map((_, i) => i).reverse();
    if (titleId) byId(titleId).textContent = title;
    draw(id, [{
      type: "bar", orientation: "h", y: order.map((_, i) => i), x: order.map((i) => share[i]),
      marker: { color: order.map((i) => (known[i] ? "#0072B2" : theme("line"))), line: { color: theme("muted"), width: 1 } },
      hovertemplate: order.map((i) => `${plain(category[i])} ${percent(share[i])}${known[i] ? "" : ", no coefficient"}<extra></extra>`),
    }], {
      height: 70 + 24 * order.length, xaxis: axis({ tickformat: ".0%" }),
      yaxis: axis({ showgrid: false, tickvals: order.map((_, i) => i), ticktext: order.map((i) => short(category[i])) }),
    });
    if (tableId) {
      byId("categories-note").textContent = "Blue: the category has a coefficient. Other categories do not affect the traits.";
      table(tableId, ["Category", "Share", "Coefficient"], category.map((name, i) => [name, percent(share[i]), known[i] ? "yes" : "no"]), [2]);
    }
  }

  function drawHistory() {
    const node = nodes.get(chosen);
    const parts = inside.get(chosen);
    const shown = chosen || !parts.length ? [...parts, node] : parts;
    const line = (n, own) => ({ color: own ? theme("fore") : strong(n), width: own ? 3 : 1.5, dash: !own && n.isLow ? "dot" : "solid" });
    const trace = (n, y, more) => ({
      type: "scatter", mode: "lines+markers", name: plain(n.name), x: periods, y, line: line(n, n === node),
      marker: n === node ? { size: 6, color: theme("fore") } : dot(n, 6),
      hovertemplate: `${plain(n.name)} %{y:.1%}<extra></extra>`, ...more,
    });
    draw("size", shown.map((n) => trace(n, n.history.share, {})), { height: 280, xaxis: periodAxis(), yaxis: axis({ tickformat: ".0%", rangemode: "tozero" }) });
    const stay = shown.map((n) => {
      const { rate, low, high } = n.history;
      const difference = (bound, sign) => rate.map((r, i) => (r === null ? 0 : sign * (bound[i] - r)));
      return trace(n, rate, { error_y: { type: "data", symmetric: false, array: difference(high, 1), arrayminus: difference(low, -1), thickness: 1, width: 2, color: n === node ? theme("fore") : strong(n) } });
    });
    draw("stability", stay, { height: 280, xaxis: periodAxis(), yaxis: axis({ tickformat: ".0%", range: [0, 1.03] }) });
    const { customers, share, rate, low, high } = node.history;
    table("history-table", [data.period, "Customers", "Share", "Stay until the last period", "95 % interval"], periods.map((period, i) => [
      `${period}`, count(customers[i]), percent(share[i]), percent(rate[i]), rate[i] === null ? "" : `${percent(low[i])} to ${percent(high[i])}`,
    ]));
  }

  function showExemplars() {
    byId("exemplars-figure").hidden = chosen === 0;
    table("exemplars", ["Customer", "Type", "Strength", `Active ${data.period}s`, "Spends most on"],
      (data.exemplars[chosen] ?? []).map((row) => [row.called, row.type, two(row.strength), `${row.active_periods}`, row.spends_on.join(", ")]), [1, 4]);
  }

  function drawTransfer() {
    if (!byId("transfer-chart")) return;
    const labels = [...new Set(data.transfer.map((row) => row.label))];
    const symbols = ["circle", "diamond", "square", "cross"];
    const colors = ["#0072B2", "#D55E00", "#009E73", "#CC79A7"];
    const called = (row) => `${row.model} (${count(row.size)})`;
    const names = [...new Set(data.transfer.map(called))].reverse();
    const traces = labels.map((label, i) => {
      const rows = data.transfer.filter((row) => row.label === label);
      return {
        type: "scatter", mode: "markers", name: plain(label), y: rows.map((row) => names.indexOf(called(row))), x: rows.map((row) => row.r2),
        marker: { size: 10, symbol: symbols[i % symbols.length], color: colors[i % colors.length] },
        error_x: { type: "data", array: rows.map((row) => row.r2_interval ?? 0), thickness: 1.5, color: colors[i % colors.length] },
        hovertemplate: rows.map((row) => `${plain(label)}: ${plain(row.model)} ${two(row.r2)}<extra></extra>`),
      };
    });
    draw("transfer-chart", traces, {
      height: 110 + 30 * names.length, showlegend: true, legend: { orientation: "h", y: 1.02, yanchor: "bottom" }, margin: { l: 50, r: 12, t: 40, b: 44 },
      xaxis: axis({ title: { text: "R2" }, zeroline: true, zerolinecolor: theme("muted") }),
      yaxis: axis({ showgrid: false, tickvals: names.map((_, i) => i), ticktext: names.map((name) => (width("transfer-chart") < NARROW ? short(name) : plain(name))) }),
    });
  }

  // The list, as the pattern for a tree has it: one stop of the Tab key, arrows move inside.
  function makeTree() {
    const item = (node) => {
      const made = document.createElement("li");
      const label = document.createElement("span");
      const parts = inside.get(node.id);
      made.id = `node${node.id}`;
      made.tabIndex = -1;
      made.setAttribute("role", "treeitem");
      made.dataset.node = node.id;
      label.append(marker(node), text(node.name), text(`${count(node.customers)}`));
      made.append(label);
      label.addEventListener("click", () => choose(node.id));
      if (parts.length) {
        const group = document.createElement("ul");
        group.setAttribute("role", "group");
        group.append(...parts.map(item));
        made.append(group);
        made.setAttribute("aria-expanded", "true");
      }
      return made;
    };
    byId("tree").append(item(nodes.get(0)));
    byId("tree").addEventListener("keydown", (event) => {
      const here = document.activeElement.closest("[role=treeitem]");
      if (!here) return;
      const all = [...byId("tree").querySelectorAll("[role=treeitem]")];
      const at = all.indexOf(here);
      const target = {
        ArrowDown: () => all[at + 1], ArrowUp: () => all[at - 1], Home: () => all[0], End: () => all.at(-1),
        ArrowRight: () => here.querySelector("[role=treeitem]"), ArrowLeft: () => here.parentElement.closest("[role=treeitem]"),
      }[event.key]?.();
      if (event.key === "Enter" || event.key === " ") choose(Number(here.dataset.node));
      else if (!(event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End")) return;
      event.preventDefault();
      if (target) focusItem(target);
    });
  }

  function focusItem(item) {
    for (const other of byId("tree").querySelectorAll("[role=treeitem]")) other.tabIndex = other === item ? 0 : -1;
    item.focus({ preventScroll: true });
    item.firstChild.scrollIntoView({ block: "nearest" });
  }

  function text(words) {
    const made = document.createElement("span");
    made.textContent = words;
    return made;
  }

  function marker(node) {
    const made = document.createElement("span");
    made.className = "dot";
    made.dataset.dot = node.id;
    return made;
  }

  function paintDots() {
    for (const made of document.querySelectorAll("[data-dot]")) {
      const node = nodes.get(Number(made.dataset.dot));
      made.style.borderColor = node.id ? strong(node) : theme("muted");
      made.style.background = node.id && !node.isLow ? strong(node) : "transparent";
    }
  }

  function button(node, ...content) {
    const made = document.createElement("button");
    made.type = "button";
    made.append(...content);
    made.addEventListener("click", () => choose(node.id));
    return made;
  }

  function showNames() {
    const node = nodes.get(chosen);
    byId("name").textContent = node.path;
    byId("summary").textContent = `${count(node.customers)} customers, ${percent(node.share)} of all. Mean strength ${two(node.strength)}: 1 at the centre, 0 halfway to the next segment.`;
    byId("way").replaceChildren(...ancestors(chosen).toReversed().map((id) => {
      const item = document.createElement("li");
      const above = nodes.get(id);
      if (id === chosen) {
        item.textContent = above.name;
        item.setAttribute("aria-current", "true");
      } else item.append(button(above, above.name));
      return item;
    }));
    const parts = inside.get(chosen);
    byId("parts-title").hidden = byId("parts").hidden = !parts.length;
    byId("parts").replaceChildren(...parts.map((part) => button(part, marker(part), text(part.name), text(percent(part.share)))));
    for (const item of byId("tree").querySelectorAll("[role=treeitem]")) {
      const isChosen = Number(item.dataset.node) === chosen;
      item.setAttribute("aria-selected", `${isChosen}`);
      item.tabIndex = isChosen ? 0 : -1;
      const list = byId("tree");
      if (isChosen) {
        const [top, height] = [item.offsetTop - list.offsetTop, item.firstChild.offsetHeight];
        if (top < list.scrollTop || top + height > list.scrollTop + list.clientHeight) list.scrollTop = top - list.clientHeight / 2;
      }
    }
  }

  function drawChosen() {
    showNames();
    paintDots();
    drawIcicle();
    drawTrajectories();
    drawTraits();
    drawCategories();
    drawHistory();
    showExemplars();
  }

  function drawAll() {
    drawChosen();
    drawSpending(data.coverage, "coverage");
    drawTransfer();
  }

  function choose(id) {
    // In the address, so that the back button works and a segment can be linked to.
    if (id !== chosen) location.hash = `segment-${id}`;
  }

  function readAddress() {
    const id = Number(location.hash.match(/^#segment-(\d+)$/)?.[1] ?? 0);
    return nodes.has(id) ? id : 0;
  }

  function setTheme(name) {
    document.documentElement.dataset.theme = name;
    byId("theme").textContent = name === "dark" ? "Light" : "Dark";
    byId("theme").setAttribute("aria-label", `Change to ${name === "dark" ? "light" : "dark"} colours`);
  }

  const current = () => document.documentElement.dataset.theme;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  setTheme(prefersDark.matches ? "dark" : "light");
  makeTree();
  chosen = readAddress();
  drawAll();

  byId("icicle").on("plotly_icicleclick", (event) => {
    const clicked = Number(event.points[0].id);
    // A second click on the chosen segment goes up.
    choose(clicked === chosen ? Math.max(0, nodes.get(chosen).parent) : clicked);
    return false;
  });
  addEventListener("hashchange", () => {
    if (location.hash && !location.hash.startsWith("#segment-")) return;
    chosen = readAddress();
    drawChosen();
  });
  byId("theme").addEventListener("click", () => {
    setTheme(current() === "dark" ? "light" : "dark");
    drawAll();
  });
  prefersDark.addEventListener("change", (event) => {
    setTheme(event.matches ? "dark" : "light");
    drawAll();
  });
  let width0 = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width0) drawAll();
    width0 = innerWidth;
  });
  // Paper is white, whatever the screen is.
  let before = null;
  addEventListener("beforeprint", () => {
    before = current();
    document.documentElement.classList.add("paper");
    setTheme("light");
    drawAll();
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("paper");
    setTheme(before);
    drawAll();
  });
})();
