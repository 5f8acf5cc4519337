// The page of the chosen segment, beside the table.
const isShare = data.inShares;
const shareForm = isShare ? percent : amount;
const hasAmounts = () => data.nodes.some((node) => node.categories.some((row) => !isNone(row.amount))) && isShare;
const heading = (text, made = null) => make("h4", {}, make("span", {}, ...[text].flat()), made && csvButton(made, made.dataset.csv));

function drawSegment() {
  const node = nodes.get(chosen);
  const width = Math.max(260, byId("about").clientWidth || byId("detail").clientWidth - 26);
  if (byId("icicle")) byId("icicle").replaceChildren(icicle(width));
  byId("way").replaceChildren(...waySince(node.parent).map((id) => make("button", { type: "button", onclick: () => choose(id) }, nodes.get(id).name)));
  byId("name").replaceChildren(...(chosen ? [dot(node), " ", node.name] : [node.name]));
  byId("who").textContent = node.who;
  byId("about").replaceChildren(...[
    showParts(node), showSpending(node), showTraits(node), showHistory(node, width), showMoves(node, width), showExemplars(node), showTrust(node), showRates(node),
  ].flat().filter(Boolean));
  byId("detail").scrollTop = 0;
}

function showParts(node) {
  const parts = partsOf(node.id);
  if (!parts.length || node.id === 0) return null;
  return [make("h4", { class: "parts-title" }, "Parts"), make("div", { class: "parts" }, ...parts.map((part) => make("button", { type: "button", onclick: () => choose(part.id) }, dot(part), ` ${part.name} `, make("small", {}, percent(part.share)))))];
}

function showSpending(node) {
  if (node.id === 0) {
    const most = Math.max(...node.categories.map((row) => row.share));
    const header = ["Category", "", isShare ? "Share" : "Amount", ...(hasAmounts() ? ["Amount"] : [])];
    const made = table("spending", header.map((title) => title || "Size"), node.categories.map((row) => [
      clamp(row.category), bar(row.share, most), figure(row.share, shareForm), ...(hasAmounts() ? [figure(row.amount, amount)] : []),
    ]), { class: "bars", classes: [null, "bar", "number", "number"] });
    made.id = "spending";
    const hint = nodes.size > 1 ? make("p", { class: "small" }, "Choose a segment in the table or in the tree to see who is in it, what its members spend, where they came from and how sure this is.") : null;
    return [hint, heading("Spends most on", made), scroll("Spending", made)];
  }
  if (!node.categories.length) return [heading("Spending"), make("p", {}, "No category differs from the other customers by more than a fifth of a standard deviation.")];
  const most = Math.max(...node.categories.map((row) => Math.abs(row.effect)));
  const header = ["Category", "Less or more", isShare ? "Share" : "Amount", "Others"];
  if (hasAmounts()) header.push("Amount", "Others");
  header.push(term("Difference", "difference"));
  const classes = header.map((_, at) => [null, "bar"][at] ?? (at ? "number" : null));
  const made = table("spending", header, node.categories.map((row) => [
    clamp(row.category), bar(row.effect, most, `${row.category}: ${shareForm(row.share)}, others ${shareForm(row.others)}`),
    figure(row.share, shareForm), figure(row.others, shareForm),
    ...(hasAmounts() ? [figure(row.amount, amount), figure(row.amount_others, amount)] : []),
    figure(row.effect, two),
  ]), { class: "bars", classes });
  made.id = "spending";
  const note = hasAmounts() ? make("p", { class: "small" }, `An amount is what one customer spends in one ${data.period}, on average.`) : null;
  return [heading("Spends more and less than other customers", made), scroll("Spending", made), note];
}

function showTraits(node) {
  if (!data.traits.length || !node.id) return null;
  const values = node.traits.flatMap(([median, low, high]) => [median, low, high]).filter((value) => !isNone(value)).map(Math.abs);
  const reach = 1.1 * Math.max(0.25, ...values);
  const edge = two(reach);
  const colors = new Map(data.traits.map((trait) => [trait, data.traitColors[trait]]));
  const header = ["Trait", `−${edge} to ${edge}`, term("Median score", "median score"), term("95 % interval", "interval"), "Above, below the median"];
  const made = table("traits", header, data.traits.map((trait, i) => {
    const [median, low, high, above, below] = node.traits[i];
    return [clamp(trait), whisker(median, low, high, reach, colors.get(trait)), figure(median, two), { value: null, shown: between(low, high, two), isNumber: true }, { value: null, shown: `${percent(above)}, ${percent(below)}`, isNumber: true }];
  }), { class: "bars", classes: [null, "bar", "number", "number", "number"] });
  made.id = "traits";
  return [heading("Traits, compared with the median customer", made), scroll("Traits", made)];
}

function showHistory(node, width) {
  if (data.nPeriods === 1 || nodes.size === 1) return null;
  const own = { node, isOwn: true };
  const shown = node.id ? [node] : partsOf(0);
  const { customers, share, stayed, rate, low, high } = node.history;
  const half = width > 480 && node.id ? Math.floor(width / 2) - 8 : width;
  const most = Math.max(0.02, ...shown.flatMap((each) => each.history.share));
  const size = lines(half, 170, "Share of all customers by period", shown.map((each) => ({ node: each, values: each.history.share, isOwn: each.id === node.id && node.id > 0 })), 1.1 * most);
  const charts = [make("figure", {}, make("figcaption", {}, "Share of all customers"), size)];
  if (node.id) {
    const stay = lines(half, 170, "Share of the members who are still there in the last period", [{ ...own, values: rate, low, high }], 1);
    charts.push(make("figure", {}, make("figcaption", {}, "Members still here at the end"), stay));
  }
  const made = table("history", [data.period, "Customers", "Share", "Still here in the last", "95 % interval"], customers.map((n, i) => [
    `${i + 1}`, figure(n, count), figure(share[i], percent), node.id ? { ...figure(rate[i], percent), shown: isNone(rate[i]) ? "" : `${count(stayed[i])} (${percent(rate[i])})` } : "", node.id ? { value: null, shown: between(low[i], high[i], percent), isNumber: true } : "",
  ]));
  made.id = "history";
  return [
    heading("How it changed", made), make("div", { class: half < width ? "two" : "" }, ...charts),
    make("details", {}, make("summary", {}, "Numbers"), scroll("How it changed", made)),
  ];
}

function showMoves(node, width) {
  if (data.nPeriods === 1 || nodes.size === 1) return null;
  const inside = node.id ? node.parent : 0;
  const nameOf = (id) => nodes.get(id)?.name ?? "elsewhere";
  const rows = (data.moves[inside] ?? []).filter(([, , origin, target]) => node.id === 0 || origin === node.id || target === node.id);
  const made = table("moves", ["From", "To", `From ${data.period}`, `To ${data.period}`, "Customers"], rows.map(([start, end, origin, target, n]) => [clamp(nameOf(origin)), clamp(nameOf(target)), figure(start, count), figure(end, count), figure(n, count)]));
  made.id = "moves";
  return [
    heading(node.id ? "Where customers come from and go" : "Where customers go", made), ...node.moved.map((text) => make("p", {}, text)), alluvial(width, inside, node.id || null),
    make("details", {}, make("summary", {}, "Numbers"), scroll("Moves", made)),
  ];
}

function showExemplars(node) {
  const rows = data.exemplars[node.id] ?? [];
  if (!node.id || !rows.length) return null;
  const withTypes = rows.some((row) => row.type);
  const made = table("typical", ["Customer", ...(withTypes ? ["Type"] : []), "Strength", `Active ${data.period}s`, "Spends most on"],
    rows.map((row) => [clamp(row.called), ...(withTypes ? [row.type] : []), figure(row.strength, two), figure(row.active_periods, count), clamp(row.spends_on.join(", "))]));
  made.id = "typical";
  return [heading("Typical customers, nearest to the centre", made), scroll("Typical customers", made)];
}

function showTrust(node) {
  if (!node.id) return null;
  const facts = [];
  if (node.isSmall) facts.push(make("li", {}, make("strong", {}, "So few customers: the figures are nearly those of single persons. Do not pass them on.")));
  if (node.nameCheck) facts.push(make("li", {}, node.nameCheck));
  if (!isNone(node.strength)) facts.push(make("li", {}, "Mean ", term("strength"), ` ${two(node.strength)}: 1 at the centre, 0 halfway to the next segment `, badge(node.grade), "."));
  if (node.found) {
    const { jaccard, low, high, held_out: n, grade } = node.found;
    const range = isNone(low) ? "" : `, ${between(low, high, two)}`;
    facts.push(isNone(jaccard)
      ? make("li", {}, "No customer of it was held out of other fits, so nothing is known of whether they find it.")
      : make("li", {}, term("Found again", "found again"), ` by other fits at ${two(jaccard)}${range} (${count(n)} held-out customers) `, badge(grade), "."));
  } else facts.push(make("li", {}, "Whether another fit finds this segment is not measured."));
  return [heading("How sure this is"), make("ul", {}, ...facts)];
}

function showRates(node) {
  const rows = data.rates[node.id] ?? [];
  if (!node.id || !rows.length) return null;
  const made = table("groups", ["Attribute", "Group", "Rate", "95 % interval", "Overall"], rows.map((row) => [clamp(row.attribute), clamp(row.group), { ...figure(row.rate, percent), shown: `${percent(row.rate)} (${count(row.members)})` }, { value: null, shown: between(row.low, row.high, percent), isNumber: true }, figure(row.overall, percent)]));
  made.id = "groups-here";
  rows.forEach((row, i) => made.tBodies[0].rows[i].classList.toggle("differs", row.low > row.overall || row.high < row.overall));
  return [heading("Protected groups: how much of each is here", made), scroll("Rates of protected groups in this segment", made)];
}
document.addEventListener("chosen", drawSegment);
