"""The page of a report: its frames go in, one HTML document comes out.

A template that escapes all text writes what does not change. In the browser, ``templates/page.js``
draws what depends on the chosen segment, from numbers in a block of JSON.
"""

from __future__ import annotations

from importlib.resources import files as resources
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs
from sklearn.feature_selection import f_classif
from sklearn.utils import check_random_state

from .. import __version__
from .._utils._output import strict
from .._utils._text import cut
from ..inspection._names import first_word
from ..inspection._segments import EVERYBODY, WORTH_SAYING, segment_path
from ..plotting._colors import trait_colors
from ..plotting._trajectories import MOST_UNITS, balanced_sample
from . import _limits

MOST_LINES = 1000
"""Customers whose trajectories are drawn; more would make the page slow."""
MOST_CATEGORIES = 8
"""Categories shown on either side of a segment."""
LONGEST = 300
"""Characters of a text on the page."""
DECIMALS = 3
"""Decimals of states: a thousandth of the state space is a third of a pixel."""


def _figure(value: float, metric: str = "") -> str:
    """A figure with three decimals, or none if it is large; a share as a percentage."""
    if not np.isfinite(value):
        return ""
    if metric in ("coverage", "accuracy", "same segment"):
        return f"{100 * value:.1f} %"
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.3f}".replace("0.", ".", 1)


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
    "percent": lambda value: f"{value:.1%}",
    "figure": _figure,
}


def render(report: Any, *, customer_ids: bool) -> str:
    """Write the page of a SegmentReport."""
    style, script = (
        resources("skspend.report").joinpath("templates", name).read_text("utf-8")
        for name in ("page.css", "page.js")
    )
    return _environment.get_template("page.html.jinja").render(
        report=report,
        period=report.customers_.period,
        title=f"Segments of {report.data['customers']:,} customers",
        drawn=_shown(_payload(report, customer_ids)),
        style=style,
        script=script,
        plotly=get_plotlyjs(),
        limits=_limits,
        version=__version__,
        metrics=report.metrics.to_dict("records"),
        quality=report.quality.query("transactions > 0").to_dict("records"),
        n_covered=int(report.coverage["has_coefficient"].sum()),
        n_read=int(report.coverage["is_read"].sum()),
        transfer=_records(report.transfer),
        fairness=_records(report.fairness),
        association=_records(report.association),
    )


def _records(frame: pd.DataFrame | None) -> list[dict[Any, Any]]:
    return [] if frame is None else frame.to_dict("records")


def _payload(report: Any, customer_ids: bool) -> dict[str, Any]:
    """The numbers that the browser draws from."""
    customers = report.customers_
    random_state = check_random_state(report.random_state)
    leaves = customers.nodes[-1][:, -1]
    drawn = np.sort(balanced_sample(leaves, MOST_LINES, random_state))
    coverage = report.coverage[["category", "share", "has_coefficient"]]
    known = coverage["has_coefficient"]
    halves = [half.head(MOST_CATEGORIES) for half in (coverage[known], coverage[~known])]
    return strict(
        {
            "period": customers.period,
            "nPeriods": len(customers.nodes),
            "traits": list(customers.scores),
            "colors": trait_colors(customers.scores),
            "nodes": _nodes(report),
            "spending": coverage.head(2 * MOST_CATEGORIES).to_dict("list"),
            "coverage": pd.concat(halves).to_dict("list"),
            "lines": {
                "leaf": leaves[drawn].tolist(),
                "states": customers.states[drawn].round(DECIMALS).tolist(),
            },
            "exemplars": _exemplars(report, customer_ids),
            "transfer": _records(report.transfer),
        }
    )


def _nodes(report: Any) -> list[dict[str, Any]]:
    """All customers and every segment, in the order of the tree, with all figures shown of it."""
    customers = report.customers_
    tree = customers.clusterer.tree_
    described = report.segments.set_index("node")
    traits_of, categories_of, history_of = (
        dict(iter(frame.groupby("node")))
        for frame in (report.traits, report.categories, report.history)
    )
    everybody = {
        "customers": len(customers.names),
        "share": 1.0,
        "strength": customers.strengths.mean(),
    }
    units = {0: list(range(min(MOST_UNITS, customers.states.shape[2])))}
    nodes = []
    for node in [0, *described.index]:
        name = report.names[node] if node else EVERYBODY
        thing, is_low = first_word(name)
        parent = int(tree.loc[node, "parent"])
        units[node] = _separating_units(customers, tree, node) or units[max(parent, 0)]
        traits, history = traits_of[node], history_of[node]
        row: Any = described.loc[node] if node else everybody
        nodes.append(
            {
                "id": int(node),
                "parent": parent,
                "name": name,
                "trait": thing if thing in customers.scores else None,
                "isLow": is_low,
                "path": segment_path(customers.clusterer, node, report.names) or EVERYBODY,
                "depth": int(tree.loc[node, "depth"]),
                **{name: row[name] for name in everybody},
                "units": units[node],
                "traits": traits[["median", "low", "high"]].to_numpy().tolist(),
                "history": history[["customers", "share", "rate", "low", "high"]].to_dict("list"),
                "categories": _distinctive_categories(categories_of.get(node)),
            }
        )
    return nodes


def _separating_units(customers: Any, tree: pd.DataFrame, node: int) -> list[int]:
    """The three states that separate the parts of a node best; none if it has no parts."""
    states = customers.states[:, -1]
    if states.shape[1] <= MOST_UNITS:
        return list(range(states.shape[1]))
    if not (tree["parent"] == node).any():
        return []
    inside = customers.members(node)
    parts = customers.nodes[-1][inside, tree.loc[node, "depth"]]
    if len(np.unique(parts)) < 2:
        return []
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.nan_to_num(f_classif(states[inside], parts)[0])
    return sorted(np.argsort(-ratios, kind="stable")[:MOST_UNITS].tolist())


def _distinctive_categories(categories: pd.DataFrame | None) -> list[dict[Any, Any]]:
    """The categories in which a segment differs most from the others, the largest effect first."""
    if categories is None:
        return []
    effects = categories[categories["effect"].abs() > WORTH_SAYING]
    ordered = effects.sort_values("effect", ascending=False, kind="stable")
    more, less = ordered.query("effect > 0"), ordered.query("effect < 0")
    shown = pd.concat([more.head(MOST_CATEGORIES), less.tail(MOST_CATEGORIES)])
    return shown[["category", "share", "others", "effect"]].to_dict("records")


def _exemplars(report: Any, customer_ids: bool) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in report.exemplars.to_dict("records"):
        called = str(row["customer"]) if customer_ids else f"no. {row['rank']}"
        found.setdefault(int(row["node"]), []).append(
            {"called": called}
            | {name: row[name] for name in ("type", "strength", "active_periods", "spends_on")}
        )
    return found
