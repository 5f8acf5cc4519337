"""The model card of a report: the model, its figures, its intended and its forbidden use.

Maree & Omlin (2021), section I, warn of unfair treatment by segments. Mitchell et al. (2019) define
the content of a card. skops writes it.
"""

from __future__ import annotations

import re
import reprlib
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from skops.card import Card

from .._utils._text import count, cut
from ..inspection._segments import EVERYBODY
from ..segmentation import versions
from . import _limits

DIGITS = 3
LONGEST = 300
"""Characters of a text in a table."""


def write(report: Any) -> Card:
    """Write the card of a SegmentReport."""
    card = Card(report.pipeline, template=None)
    title = f"Model card: segments of {report.data['customers']:,} customers"
    card.add(**{title: _describe(report)})
    card.add(**{f"{title}/Intended use": _bullets(_limits.INTENDED_USE)})
    card.add(**{f"{title}/Forbidden use": _bullets(_limits.FORBIDDEN_USE)})
    data = pd.DataFrame({"": list(report.data), "value": map(str, report.data.values())})
    _add(card, f"{title}/Data", data)
    _add(card, f"{title}/Data/What was left out", report.quality.query("transactions > 0"))
    _add(card, f"{title}/Metrics", _with_intervals(report.metrics))
    _add(card, f"{title}/Segments", _segments(report))
    coverage = report.coverage
    n_read = int(coverage["is_read"].sum())
    unknown = ", ".join(map(_escaped, coverage.query("~has_coefficient")["category"][:5]))
    card.add(**{f"{title}/Coverage of the coefficients": (
        f"{coverage['has_coefficient'].sum()} of {len(coverage)} categories have a coefficient; "
        f"{coverage.loc[coverage['has_coefficient'], 'share'].sum():.1%} of the spending is in "
        f"them. The network reads {count(n_read, 'category', 'categories')}. "
        f"The largest categories without a coefficient are: {unknown or 'none'}."
    )})  # fmt: skip
    _add_fairness(card, title, report)
    if report.transfer is not None:
        _add(card, f"{title}/Transfer", report.transfer)
    card.add(**{f"{title}/Limits": _bullets(_limits.LIMITS)})
    _add(card, f"{title}/Hyperparameters", _hyperparameters(report))
    libraries = pd.DataFrame(versions().items(), columns=["library", "version"])
    _add(card, f"{title}/Versions", libraries)
    return card


def _describe(report: Any) -> str:
    extractor = report.customers_.extractor
    steps = " → ".join(type(step).__name__ for _, step in report.pipeline.steps)
    depth = int(report.customers_.clusterer.tree_["depth"].max())
    return (
        f"{_limits.EVIDENCE}\n\n"
        f"The model is a pipeline of {steps}, after Maree & Omlin (2021). "
        f"{count(extractor.network_.n_networks, 'network')} with the objective "
        f"{extractor.objective_!r} give {report.customers_.states.shape[2]} states per period; "
        f"the tree has {count(len(report.segments), 'segment')} on {count(depth, 'level')}."
    )


def _bullets(texts: tuple[str, ...]) -> str:
    return "\n".join(f"- {text}" for text in texts)


def _add(card: Card, section: str, table: pd.DataFrame) -> None:
    if len(table):
        card.add_table(**{section: _rounded(table)})
        # skops gives a table its whole path as a title.
        card.select(section).title = section.rpartition("/")[2]
    else:
        card.add(**{section: "None."})


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Figures with few digits, and text that cannot break a Markdown table."""
    shown = table.copy()
    for name in shown:
        if pd.api.types.is_float_dtype(shown[name]):
            digits = 0 if (shown[name] % 1 == 0).all() else DIGITS
            shown[name] = shown[name].map(f"{{:.{digits}f}}".format, na_action="ignore").fillna("")
        else:
            shown[name] = shown[name].map(str).map(_escaped)
    return shown.rename(columns=_escaped)


def _escaped(text: str) -> str:
    """Text that reads the same as Markdown: no HTML, no links, no ends of cells, no control codes.

    Where a backslash would not do everywhere, a character is written as an HTML entity.
    """
    text = escape(cut(text, LONGEST), quote=False)
    text = re.sub(r"[\\|@]|:(?=//)|(?<=www)\.", lambda sign: f"&#{ord(sign[0])};", text)
    return re.sub(r"[`*_\[\]~$]", r"\\\g<0>", text)


def _with_intervals(metrics: pd.DataFrame) -> pd.DataFrame:
    interval = [
        f"{low:.{DIGITS}f} to {high:.{DIGITS}f}" if np.isfinite(low) else "none"
        for low, high in metrics[["low", "high"]].to_numpy()
    ]
    table = metrics[["metric", "value"]].assign(interval=interval, meaning=metrics["meaning"])
    return table.rename(columns={"interval": "95 % interval"})


def _segments(report: Any) -> pd.DataFrame:
    if not len(report.segments):
        return pd.DataFrame({"segment": [EVERYBODY], "customers": [report.data["customers"]]})
    first = report.history[report.history["period"] == 1].set_index("node")["rate"]
    table = report.segments[["path", "customers", "share", "strength"]].rename(
        columns={"path": "segment"}
    )
    table["stay from the first to the last period"] = report.segments["node"].map(first)
    for side in ("more", "less"):
        table[f"spend {side} on"] = report.segments[f"spends_{side}_on"].map(", ".join)
    return table


def _hyperparameters(report: Any) -> pd.DataFrame:
    """The parameters of each step; long values, such as a table of coefficients, are cut."""
    shown = {
        name: reprlib.repr(value)
        for name, value in report.pipeline.get_params().items()
        if "__" in name and not hasattr(value, "get_params")
    }
    return pd.DataFrame(shown.items(), columns=["parameter", "value"])


def _add_fairness(card: Card, title: str, report: Any) -> None:
    section = f"{title}/Fairness by group"
    if report.association is None or report.fairness is None:
        card.add(**{section: "Not measured: no protected attribute was given (`protected=`)."})
        return
    _add(card, section, report.association)
    rates = report.fairness[
        ["attribute", "segment", "group", "members", "customers", "rate", "low", "high", "overall"]
    ]
    _add(card, f"{section}/Rates", rates)
