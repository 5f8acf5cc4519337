// Mean paths of the parts of a segment as small multiples, single customers on demand, and a view to turn.
const view = { yaw: 0.6, pitch: 0.4 };
const viewed = () => {
  const id = data.views[chosen] ? chosen : nodes.get(chosen).parent;
  return { id, ...(data.views[id] ?? { paths: [], shares: [] }) };
};

function drawPaths() {
  if (!byId("panels")) return;
  const { id, paths, shares } = viewed();
  const withLines = byId("single").checked;
  const is2d = shares.length > 1;
  const at = is2d ? ([x, y]) => [x, y] : ([y], period) => [period, y];
  const points = paths.flatMap((path) => [...path.mean.map(at), ...(withLines ? path.lines.flatMap((line) => line.map(at)) : [])]);
  for (const { mean, ellipse } of is2d ? paths : []) if (ellipse) {
    const [x, y] = mean.at(-1);
    points.push([x - ellipse[0], y - ellipse[0]], [x + ellipse[0], y + ellipse[0]]);
  }
  const span = (axis) => {
    const values = points.map((point) => point[axis]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return [low - 0.04 * (high - low || 1), high + 0.04 * (high - low || 1)];
  };
  const [xs, ys] = [span(0), span(1)];
  const [width, height] = [300, 220];
  // One unit is as long in both directions.
  const unit = Math.min(width / (xs[1] - xs[0]), height / (ys[1] - ys[0]));
  const [across, up] = is2d ? [unit, unit] : [width / (xs[1] - xs[0]), height / (ys[1] - ys[0])];
  const place = (values, period) => {
    const [x, y] = at(values, period);
    return [round(width / 2 + (x - (xs[0] + xs[1]) / 2) * across), round(height / 2 - (y - (ys[0] + ys[1]) / 2) * up)];
  };
  const pointsOf = (path) => path.map((values, period) => place(values, period).join(",")).join(" ");
  byId("panels").replaceChildren(...paths.map((own) => {
    const node = nodes.get(own.node);
    const [x, y] = place(own.mean.at(-1), data.nPeriods - 1);
    const rings = is2d && own.ellipse ? [make("ellipse", { cx: x, cy: y, rx: round(unit * own.ellipse[0]), ry: round(unit * own.ellipse[1]), transform: `rotate(${round(-own.ellipse[2])} ${x} ${y})`, fill: node.color, "fill-opacity": 0.18, stroke: node.color })] : [];
    const drawn = svg(width, height, `Mean path of ${node.name}`,
      make("rect", { x: 0.5, y: 0.5, width: width - 1, height: height - 1, fill: "none", stroke: LINE }),
      withLines ? own.lines.map((line) => make("polyline", { points: pointsOf(line), fill: "none", stroke: node.color, "stroke-opacity": 0.35 })) : [],
      paths.filter((other) => other !== own).map((other) => [
        make("polyline", { points: pointsOf(other.mean), fill: "none", stroke: MUTED, "stroke-opacity": 0.45, "data-tip": nodes.get(other.node).name }),
        make("circle", { cx: place(other.mean.at(-1), data.nPeriods - 1)[0], cy: place(other.mean.at(-1), data.nPeriods - 1)[1], r: 2.5, fill: MUTED, "fill-opacity": 0.6, "data-tip": nodes.get(other.node).name })]),
      rings,
      make("polyline", { points: pointsOf(own.mean), fill: "none", stroke: node.color, "stroke-width": 3.5, "stroke-linejoin": "round" }),
      make("circle", { cx: x, cy: y, r: 6, fill: node.isLow ? BACK : node.color, stroke: node.color, "stroke-width": 3 }));
    return make("figure", {}, make("figcaption", {}, dot(node), make("span", { class: "clamp", "data-tip": node.path }, node.name), make("small", { class: "muted" }, percent(node.share))), drawn);
  }));
  const shown = paths.reduce((n, path) => n + path.lines.length, 0);
  const told = is2d ? `The two directions hold ${percent(shares[0] + shares[1])} of what tells ${paths.length > 1 ? "these segments" : "customers"} apart` : `Across is the ${data.period}`;
  byId("paths-of").textContent = `${id ? `Inside ${nodes.get(id).path}. ` : ""}${told}. ${count(shown)} of ${count(nodes.get(id).customers)} customers can be drawn singly.`;
  byId("turn").hidden = shares.length < 3;
  drawSpace();
}

function drawSpace() {
  const canvas = byId("space").querySelector("canvas");
  if (byId("space").hidden || !canvas) return;
  const { paths } = viewed();
  const scale = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  [canvas.width, canvas.height] = [width * scale, height * scale];
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
  // Whichever way it is turned, nothing is cut.
  const far = (line) => Math.max(...line.map((point) => Math.hypot(...point)));
  const reach = Math.max(1e-9, ...paths.flatMap((path) => [path.mean, ...path.lines].map(far)));
  const zoom = 0.48 * Math.min(width, height) / reach;
  const [cy, sy, cp, sp] = [Math.cos(view.yaw), Math.sin(view.yaw), Math.cos(view.pitch), Math.sin(view.pitch)];
  const place = ([x, y, z = 0]) => {
    const [across, away] = [cy * x + sy * z, -sy * x + cy * z];
    return [width / 2 + zoom * across, height / 2 - zoom * (cp * y - sp * away)];
  };
  const stroke = (points, style, thick, alpha) => {
    pen.beginPath();
    points.forEach((point, i) => pen[i ? "lineTo" : "moveTo"](...place(point)));
    Object.assign(pen, { strokeStyle: style, lineWidth: thick, globalAlpha: alpha });
    pen.stroke();
  };
  for (let axis = 0; axis < 3; axis++) stroke([-1, 1].map((sign) => [0, 1, 2].map((each) => (each === axis ? sign * reach : 0))), color("--line"), 1, 1);
  for (const { node, lines: own } of paths) for (const line of own) stroke(line, nodes.get(node).color, 1, 0.3);
  for (const { node, mean } of paths) {
    stroke(mean, nodes.get(node).color, 4, 1);
    pen.beginPath();
    pen.arc(...place(mean.at(-1)), 6, 0, 7);
    Object.assign(pen, { fillStyle: nodes.get(node).isLow ? color("--back") : nodes.get(node).color, lineWidth: 3 });
    pen.fill();
    pen.stroke();
    Object.assign(pen, { fillStyle: color("--fore"), font: "12px sans-serif" });
    pen.fillText(cut(nodes.get(node).name, 180), ...place(mean.at(-1)).map((at, axis) => at + (axis ? 4 : 10)));
  }
}

function setUpSpace() {
  if (!byId("panels")) return;
  byId("single").addEventListener("change", drawPaths);
  byId("turn").addEventListener("click", () => {
    const isOpen = byId("space").hidden;
    byId("space").hidden = !isOpen;
    byId("turn").setAttribute("aria-expanded", `${isOpen}`);
    if (isOpen && !byId("space").firstChild) {
      const canvas = make("canvas", { tabindex: 0, role: "img", "aria-label": "Paths in three directions. Drag, or use the arrow keys, to turn." });
      const turn = (across, up) => {
        view.yaw += across;
        view.pitch = Math.max(-1.5, Math.min(1.5, view.pitch + up));
        drawSpace();
      };
      canvas.addEventListener("pointermove", (event) => event.buttons && turn(event.movementX / 120, event.movementY / 120));
      canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
      canvas.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
        if (!step) return;
        event.preventDefault();
        turn(...step);
      });
      byId("space").append(canvas, make("p", { class: "small" }, "Drag, or use the arrow keys, to turn. Thin lines are single customers, thick ones the means."));
    }
    drawSpace();
  });
  byId("theme").addEventListener("click", drawSpace);
}
setUpSpace();
document.addEventListener("chosen", drawPaths);
