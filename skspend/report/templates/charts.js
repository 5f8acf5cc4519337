// Charts as SVG: sizes in pixels come in, and an element goes out. Colours follow the theme.
const parse = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
const luminance = (color) => {
  const [r, g, b] = parse(color).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
// Black or white, whichever is easier to read.
const readable = (color) => ((luminance(color) + 0.05) / 0.05 >= 1.05 / (luminance(color) + 0.05) ? "#000" : "#fff");
const svg = (width, height, label, ...children) => make("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label }, ...children.flat(Infinity));
const LETTER = 6.9;
const cut = (text, width) => {
  const most = Math.floor(width / LETTER);
  return text.length <= most ? text : most < 4 ? "" : `${text.slice(0, most - 1)}…`;
};
const round = (value) => Math.round(10 * value) / 10;
const FORE = "var(--fore)", BACK = "var(--back)", MUTED = "var(--muted)", LINE = "var(--line)";

// Round numbers that cover a range, about so many.
function ticks(low, high, about = 4) {
  const raw = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}

// The tree: a row for each level, and a width for each share of the customers.
function icicle(width) {
  const depth = Math.max(...data.nodes.map((node) => node.depth));
  const height = depth > 2 ? 26 : 32;
  const total = nodes.get(0).customers;
  const boxes = [];
  const visit = (id, left) => {
    for (const node of partsOf(id).sort((a, b) => b.customers - a.customers)) {
      const wide = (width - 2) * node.customers / total;
      if (wide > 0.5) {
        const isChosen = node.id === chosen;
        const top = 1 + (node.depth - 1) * height;
        boxes.push([isChosen, make("g", { "data-tip": `${node.path}: ${count(node.customers)} customers, ${percent(node.share)}`, onclick: () => choose(isChosen ? node.parent : node.id) },
          make("rect", { x: round(left + 1), y: top, width: round(wide), height, fill: node.isLow ? BACK : node.color, stroke: isChosen ? FORE : node.isLow ? node.color : BACK, "stroke-width": isChosen ? 3 : 1 }),
          make("text", { x: round(left + 1 + wide / 2), y: top + height / 2 + 4, "text-anchor": "middle", style: `fill: ${node.isLow ? FORE : readable(node.color)}; pointer-events: none` }, cut(node.name, wide - 6)))]);
      }
      visit(node.id, left);
      left += wide;
    }
  };
  visit(0, 0);
  // The chosen one is drawn last, so that its frame is whole.
  boxes.sort(([a], [b]) => a - b);
  return svg(width, depth * height + 2, "The tree of segments; the table beside it offers the same segments", boxes.map(([, box]) => box));
}

// A bar to the left or the right of the middle.
function bar(value, most, tip = null) {
  const [width, height] = [150, 14];
  // Without a hint, all values are sizes, and the middle is on the left.
  const zero = tip ? width / 2 : 0;
  const end = zero + (width - zero) * value / most;
  return make("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true", "data-tip": tip },
    make("rect", { x: Math.min(end, zero), y: 2, width: Math.abs(end - zero), height: 10, fill: value > 0 ? "var(--over)" : "var(--under)" }),
    make("line", { x1: zero, x2: zero, y1: 0, y2: height, stroke: MUTED }));
}

// A median and its interval on an axis around 0.
function whisker(median, low, high, reach, color) {
  const [width, height] = [170, 16];
  const at = (value) => round(width / 2 * (1 + value / reach));
  return make("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
    make("line", { x1: 0, x2: width, y1: 8, y2: 8, stroke: LINE }),
    make("line", { x1: width / 2, x2: width / 2, y1: 0, y2: height, stroke: MUTED }),
    ...(isNone(low) ? [] : [make("line", { x1: at(low), x2: at(high), y1: 8, y2: 8, stroke: FORE, "stroke-width": 2 })]),
    ...(isNone(median) ? [] : [make("circle", { cx: at(median), cy: 8, r: 5, fill: color })]));
}

// Lines over the periods: series of node, values and perhaps bounds.
function lines(width, height, label, series, high) {
  const [left, right, top, bottom] = [46, 14, 8, 34];
  const x = (period) => round(left + (data.nPeriods === 1 ? 0.5 : period / (data.nPeriods - 1)) * (width - left - right));
  const y = (value) => round(height - bottom - value / high * (height - top - bottom));
  const every = Math.ceil(data.nPeriods / 8);
  const periods = Array.from({ length: data.nPeriods }, (_, i) => i);
  return svg(width, height, label,
    ticks(0, high, 3).map((value) => [
      make("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), stroke: LINE }),
      make("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end", class: "muted" }, `${Math.round(1000 * value) / 10} %`)]),
    periods.filter((i) => i % every === 0).map((i) => make("text", { x: x(i), y: height - bottom + 16, "text-anchor": "middle", class: "muted" }, `${i + 1}`)),
    make("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle", class: "muted" }, data.period),
    series.map(({ node, values, low, high: above, isOwn }) => {
      const known = periods.filter((i) => !isNone(values[i]));
      const color = isOwn ? FORE : node.color;
      return make("g", { "data-tip": `${node.name}: ${known.map((i) => percent(values[i])).join(", ")}` },
        ...(low ? known.map((i) => make("line", { x1: x(i), x2: x(i), y1: y(low[i]), y2: y(above[i]), stroke: color })) : []),
        make("polyline", { points: known.map((i) => `${x(i)},${y(values[i])}`).join(" "), fill: "none", stroke: color, "stroke-width": isOwn ? 3 : 1.5 }),
        ...known.map((i) => make("circle", { cx: x(i), cy: y(values[i]), r: isOwn ? 4 : 3, fill: node.isLow && !isOwn ? BACK : color, stroke: color })));
    }));
}

// Who moves between the parts of a segment, period by period; the ribbons of one part are strong.
function alluvial(width, inside, own) {
  const steps = (data.moves[inside] ?? []).filter(([start, end]) => end === start + 1);
  const order = [...partsOf(inside).sort((a, b) => b.customers - a.customers).map((node) => node.id), -1];
  const outside = { id: -1, name: "elsewhere", color: "#888888", isLow: true };
  const nodeOf = (id) => nodes.get(id) ?? outside;
  const sizes = Array.from({ length: data.nPeriods }, () => new Map());
  for (const [start, end, origin, target, n] of steps) {
    sizes[start - 1].set(origin, (sizes[start - 1].get(origin) ?? 0) + n);
    if (end === data.nPeriods) sizes[end - 1].set(target, (sizes[end - 1].get(target) ?? 0) + n);
  }
  const used = order.filter((id) => sizes.some((of) => of.has(id)));
  const [gap, block, top, bottom] = [4, 10, 4, 34];
  const height = Math.max(190, 22 * used.length + 40);
  const total = Math.max(1, ...sizes.map((of) => [...of.values()].reduce((a, b) => a + b, 0)));
  const unit = (height - top - bottom - gap * (used.length - 1)) / total;
  const names = Math.min(150, width / 4);
  const x = (period) => round(period * (width - names - block) / Math.max(1, data.nPeriods - 1));
  const tops = sizes.map((of) => {
    let y = top;
    return new Map(used.map((id) => {
      const place = y;
      y += unit * (of.get(id) ?? 0) + gap;
      return [id, place];
    }));
  });
  const [out, into] = [tops, tops].map((places) => places.map((place) => new Map(place)));
  const rank = (id) => used.indexOf(id);
  const ribbons = steps.toSorted((a, b) => a[0] - b[0] || rank(a[2]) - rank(b[2]) || rank(a[3]) - rank(b[3])).map(([start, end, origin, target, n]) => {
    const thick = unit * n;
    const [y0, y1] = [out[start - 1].get(origin), into[end - 1].get(target)];
    out[start - 1].set(origin, y0 + thick);
    into[end - 1].set(target, y1 + thick);
    const [x0, x1] = [x(start - 1) + block, x(end - 1)];
    const middle = (x0 + x1) / 2;
    const isOwn = origin === own || target === own;
    const path = `M${x0},${round(y0)}C${middle},${round(y0)} ${middle},${round(y1)} ${x1},${round(y1)}V${round(y1 + thick)}C${middle},${round(y1 + thick)} ${middle},${round(y0 + thick)} ${x0},${round(y0 + thick)}Z`;
    return make("path", { d: path, fill: nodeOf(origin).color, "fill-opacity": isOwn ? 0.7 : 0.14, "data-tip": `${count(n)} from ${nodeOf(origin).name} in ${data.period} ${start} to ${nodeOf(target).name} in ${data.period} ${end}` });
  });
  const blocks = sizes.flatMap((of, period) => used.filter((id) => of.has(id)).map((id) => make("rect", {
    x: x(period), y: round(tops[period].get(id)), width: block, height: round(Math.max(1, unit * of.get(id))), fill: nodeOf(id).isLow ? BACK : nodeOf(id).color, stroke: id === own ? FORE : nodeOf(id).color, "stroke-width": id === own ? 2 : 1,
    "data-tip": `${nodeOf(id).name} in ${data.period} ${period + 1}: ${count(of.get(id))} customers`,
  })));
  const last = sizes.at(-1);
  const labels = used.filter((id) => last.has(id)).map((id) => make("text", {
    x: width - names + 6, y: round(tops.at(-1).get(id) + unit * last.get(id) / 2 + 4), "font-weight": id === own ? 700 : 400, "data-tip": nodeOf(id).name,
  }, cut(nodeOf(id).name, names - 8)));
  // A label that would lie on the one above it is left out; the hint of its block has the name.
  let lowest = -Infinity;
  const free = labels.filter((label) => {
    const y = Number(label.getAttribute("y"));
    const isFree = y - lowest >= 12;
    if (isFree) lowest = y;
    return isFree;
  });
  const every = Math.ceil(data.nPeriods / 8);
  const axis = sizes.map((_, period) => (period % every ? null : make("text", { x: x(period) + (period ? block / 2 : 0), y: height - 16, "text-anchor": period ? "middle" : "start", class: "muted" }, `${period + 1}`))).filter(Boolean);
  const title = make("text", { x: (width - names) / 2, y: height - 2, "text-anchor": "middle", class: "muted" }, data.period);
  return svg(width, height, "Moves between segments from period to period; the sentences and the table say the same", ribbons, blocks, free, axis, title);
}
