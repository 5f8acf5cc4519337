"""The page of a report: its frames go in, one HTML document comes out.

A template that escapes all text writes what does not change. In the browser, the scripts beside it
show what depends on the chosen segment, from numbers in a block of JSON.
"""

from __future__ import annotations

from importlib.resources import files as resources
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from sklearn.utils import check_random_state

from .. import __version__
from .._utils._output import strict
from .._utils._text import cut
from ..aggregation._aggregator import BEFORE
from ..inspection._agreement import tell_found_again
from ..inspection._names import first_word
from ..inspection._segments import EVERYBODY, WORTH_SAYING, segment_path
from ..plotting._colors import OTHER_COLORS, TRAIT_COLORS, trait_colors
from . import _limits, _words as words
from ._glossary import GLOSSARY, OF_TRAITS, TITLES
from ._grades import grade
from ._moves import draw_paths

MOST_LINES = 400
"""Customers whose trajectories are drawn; more would make the page slow."""
MOST_CATEGORIES = 8
"""Categories shown on either side of a segment."""
LONGEST = 390
"""Characters of a text on the page."""
PALETTE = (*TRAIT_COLORS.values(), *OTHER_COLORS)
"""For top-level segments where none is named by a trait."""
GREY = "#888888"
STYLES, SCRIPTS = ("page.css",), ("page.js", "charts.js", "segment.js", "paths.js")


def _shown(value: Any) -> Any:
    """Make all text printable, at any depth: the browser escapes neither control nor bidi signs."""
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [*map(_shown, value)]
    # What is safe is the style, a script, or JSON.
    return cut(value, LONGEST) if type(value) is str else value


_environment = Environment(
    loader=PackageLoader("skspend.report"),
    autoescape=True,
    finalize=_shown,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
# Strict JSON: numbers that are not finite are null by now.
_environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "ensure_ascii": False}
_environment.filters |= {
    "count": lambda value: f"{value:,.0f}",
    "percent": words.percent,
    "figure": words.figure,
    # For files: all digits, and nothing for what is not known.
    "raw": lambda value: value if np.isfinite(value) else "",
}


def render(report: Any, *, customer_ids: bool) -> str:
    """Write the page of a SegmentReport."""
    style, script = (
        "\n".join(
            resources("skspend.report").joinpath("templates", name).read_text("utf-8")
            for name in names
        )
        for names in (STYLES, SCRIPTS)
    )
    coverage = report.coverage[["category", "share", "has_coefficient"]]
    known = coverage["has_coefficient"]
    has_traits = len(report.customers_.scores.columns) > 0
    halves = [half.head(MOST_CATEGORIES) for half in (coverage[known], coverage[~known])]
    shown = pd.concat(halves).sort_index() if has_traits else coverage.head(2 * MOST_CATEGORIES)
    nodes, found = _nodes(report), report.node_stability
    glossary = {
        name: meaning for name, meaning in GLOSSARY.items() if has_traits or name not in OF_TRAITS
    }
    return _environment.get_template("page.html.jinja").render(
        report=report,
        period=report.customers_.period,
        title=f"Segments of {report.data['customers']:,} customers",
        tiles=words.tell_tiles(report),
        verdict=words.tell_verdict(report),
        found_at_top=found is None or found["depth"].max() == 1,
        found_again="" if found is None else tell_found_again(found),
        sample=words.tell_sample(report),
        small=words.tell_small(report),
        nodes=nodes,
        legend=_legend(report, nodes),
        drawn=_shown(strict(_payload(report, nodes, customer_ids))),
        style=style,
        script=script,
        limits=_limits,
        glossary=glossary,
        titles=TITLES,
        number_of=[*glossary].index,
        version=__version__,
        metrics=report.metrics.to_dict("records"),
        interval=words.interval,
        quality=_left_out(report),
        spending=shown.to_dict("records"),
        has_traits=has_traits,
        n_covered=int(known.sum()),
        n_read=int(report.coverage["is_read"].sum()),
        transfer=_records(report.transfer),
        fairness=_records(report.fairness),
        association=_records(report.association),
    )


def _records(frame: pd.DataFrame | None) -> list[dict[Any, Any]]:
    return [] if frame is None else frame.to_dict("records")


def _left_out(report: Any) -> list[dict[Any, Any]]:
    """What was left out, as a share of all transactions, with a grade unless it was asked for."""
    table = report.quality[report.quality["transactions"] > 0]
    total = report.data.get("transactions", 0) + report.quality["transactions"].sum()
    rows = table.to_dict("records")
    for row in rows:
        row["share"] = row["transactions"] / total
        row["grade"] = "" if row["reason"] == BEFORE else grade("left out", row["share"])
    return rows


def _payload(report: Any, nodes: list[dict[str, Any]], customer_ids: bool) -> dict[str, Any]:
    """The numbers that the browser draws from."""
    customers = report.customers_
    random_state = check_random_state(report.random_state)
    return {
        "period": customers.period,
        "nPeriods": len(customers.nodes),
        "inShares": customers.in_shares,
        "traits": customers.scores.columns.tolist(),
        "traitColors": trait_colors(customers.scores),
        "nodes": nodes,
        "moves": _moves(report),
        "views": draw_paths(customers, MOST_LINES, random_state),
        "exemplars": _exemplars(report, customer_ids),
        "rates": _rates(report),
    }


def _nodes(report: Any) -> list[dict[str, Any]]:
    """All customers and every segment, in the order of the tree, with all figures shown of it."""
    customers = report.customers_
    tree = customers.clusterer.tree_
    described = report.segments.set_index("node")
    traits_of, categories_of, history_of = (
        dict(iter(frame.groupby("node")))
        for frame in (report.traits, report.categories, report.history)
    )
    found = {}
    if report.node_stability is not None:
        found = report.node_stability.set_index("node").to_dict("index")
    everybody = {
        "customers": len(customers.names),
        "share": 1.0,
        "strength": customers.strengths.mean(),
        "spends_more_on": [],
        "spends_less_on": [],
    }
    colors = _colors(report)
    columns = ["median", "low", "high", "above", "below"]
    nodes = []
    for node in [0, *described.index]:
        name = report.names[node] if node else EVERYBODY
        row: Any = described.loc[node] if node else everybody
        traits = traits_of[node][columns].to_numpy().tolist() if node in traits_of else []
        history = history_of[node]
        nodes.append(
            {
                "id": int(node),
                "parent": int(tree.loc[node, "parent"]),
                "name": name,
                "color": colors[node],
                "isLow": first_word(name)[1],
                "path": segment_path(customers.clusterer, node, report.names) or EVERYBODY,
                "depth": int(tree.loc[node, "depth"]),
                "parts": int((tree["parent"] == node).sum()),
                **{name: row[name] for name in everybody},
                "grade": grade("strength", row["strength"]),
                "isSmall": bool(0 < row["customers"] < words.FEW),
                "who": words.describe_segment(report, node),
                "nameCheck": words.check_name(report, node),
                "moved": words.tell_moves(report, node),
                "found": found.get(node),
                "stay": history["rate"].iloc[customers.middle],
                "traits": traits,
                "history": history[["customers", "share", "stayed", "rate", "low", "high"]].to_dict(
                    "list"
                ),
                "categories": _shown_categories(categories_of[node]),
            }
        )
    return nodes


def _colors(report: Any) -> dict[int, str]:
    """The colour of each node: that of the trait in its name, or else of its top-level segment."""
    tree = report.customers_.clusterer.tree_
    of_traits = trait_colors(report.customers_.scores)
    colors = {0: GREY}
    named = {node: first_word(name)[0] for node, name in report.names.items()}
    if any(thing in of_traits for thing in named.values()):
        return colors | {node: of_traits.get(thing, GREY) for node, thing in named.items()}
    for node, parent in tree["parent"].iloc[1:].items():
        colors[node] = PALETTE[(node - 1) % len(PALETTE)] if parent == 0 else colors[parent]
    return colors


def _legend(report: Any, nodes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Colours and what they mean; without traits the names of the top level, which need none."""
    used = {node["color"] for node in nodes}
    of_traits = trait_colors(report.customers_.scores)
    if not any(first_word(node["name"])[0] in of_traits for node in nodes):
        return []
    legend = [(color, trait) for trait, color in of_traits.items() if color in used]
    others = any(node["color"] == GREY and node["id"] for node in nodes)
    return legend + ([(GREY, "named by a category")] if others else [])


def _shown_categories(categories: pd.DataFrame) -> list[dict[Any, Any]]:
    """The categories in which a segment differs most from the others, the largest effect first.

    Of everybody, who differs from nobody, the largest.
    """
    if categories["node"].iloc[0] == 0:
        largest = categories.nlargest(MOST_CATEGORIES, "share")
        return largest.drop(columns="node").to_dict("records")
    effects = categories[categories["effect"].abs() > WORTH_SAYING]
    ordered = effects.sort_values("effect", ascending=False, kind="stable")
    more, less = ordered[ordered["effect"] > 0], ordered[ordered["effect"] < 0]
    shown = pd.concat([more.head(MOST_CATEGORIES), less.tail(MOST_CATEGORIES)])
    return shown.drop(columns="node").to_dict("records")


def _moves(report: Any) -> dict[int, list[list[int]]]:
    """For each segment with parts: start, end, origin, target and customers."""
    return {
        int(inside): frame.drop(columns="inside").to_numpy().tolist()
        for inside, frame in report.moves.groupby("inside")
    }


def _exemplars(report: Any, customer_ids: bool) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in report.exemplars.to_dict("records"):
        called = str(row["customer"]) if customer_ids else f"no. {row['rank']}"
        found.setdefault(int(row["node"]), []).append(
            {"called": called}
            | {name: row.get(name) for name in ("type", "strength", "active_periods", "spends_on")}
        )
    return found


def _rates(report: Any) -> dict[int, list[dict[str, Any]]]:
    """The rates of protected groups, by node of the top level."""
    if report.fairness is None:
        return {}
    tree = report.customers_.clusterer.tree_
    nodes = {report.names[node]: int(node) for node in tree.index[tree["depth"] == 1]}
    found: dict[int, list[dict[str, Any]]] = {}
    for row in report.fairness.to_dict("records"):
        found.setdefault(nodes.get(row["segment"], 0), []).append(row)
    return found
