"""The model card of a report: the model, its figures, its intended and its forbidden use.

Maree & Omlin (2021), section I, warn of unfair treatment by segments. Mitchell et al. (2019) define
the content of a card. skops writes it.
"""

from __future__ import annotations

import re
import reprlib
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from .._utils._text import count, cut
from ..inspection._segments import EVERYBODY
from ..segmentation import versions
from . import _limits, _words as words

if TYPE_CHECKING:
    from skops.card import Card

DIGITS = 3
LONGEST = 300
"""Characters of a text in a table."""


def write(report: Any) -> Card:
    """Write the card of a SegmentReport."""
    # Its import takes a second: it reads all of scikit-learn, with torch and dask if they are here.
    from skops.card import Card

    card = Card(report.pipeline, template=None)
    has_traits = len(report.customers_.scores.columns) > 0
    title = f"Model card: segments of {report.data['customers']:,} customers"
    card.add(**{title: _summarise(report, has_traits)})
    to_fill = pd.DataFrame({"field": _limits.OWNER_FIELDS, "value": "to fill"})
    _add(card, f"{title}/Owner and status", to_fill)
    card.add(**{f"{title}/Purpose/Intended use": _bullets(_limits.INTENDED_USE)})
    card.add(**{f"{title}/Purpose/Forbidden use": _bullets(_limits.FORBIDDEN_USE)})
    data = pd.DataFrame({"": list(report.data), "value": map(str, report.data.values())})
    _add(card, f"{title}/Data", data)
    _add(card, f"{title}/Data/What was left out", report.quality.query("transactions > 0"))
    if has_traits:
        card.add(**{f"{title}/Data/Coverage of the coefficients": _tell_coverage(report)})
    card.add(**{f"{title}/Method": f"{_describe(report)} {words.tell_sample(report)}"})
    _add(card, f"{title}/Method/Hyperparameters", _hyperparameters(report))
    libraries = pd.DataFrame(versions().items(), columns=["library", "version"])
    _add(card, f"{title}/Method/Versions", libraries)
    _add(card, f"{title}/Validation/Metrics", _with_intervals(report.metrics))
    if report.node_stability is not None:
        _add(card, f"{title}/Validation/Segments in other fits", _found_again(report))
    _add_fairness(card, f"{title}/Validation/Fairness by group", report)
    if report.transfer is not None:
        _add(card, f"{title}/Validation/Transfer", report.transfer)
    card.add(**{f"{title}/Validation/What was not tested": _bullets(_limits.NOT_TESTED)})
    _add(card, f"{title}/Segments", _segments(report))
    card.add(**{f"{title}/Limits": _bullets(_limits.limits(has_traits))})
    _add(card, f"{title}/Monitoring", _monitoring(report))
    card.add(**{f"{title}/Retention and erasure": _bullets(_retention(report))})
    places = pd.DataFrame(_limits.FRAMEWORKS, columns=["what is asked for", "by", "see"])
    _add(card, f"{title}/Where model risk finds what it asks for", places)
    return card


def _summarise(report: Any, has_traits: bool) -> str:
    tiles = [
        f"- {tile['asks']}: **{tile['value']}**{' (' * bool(tile['grade'])}{tile['grade']}"
        f"{')' * bool(tile['grade'])}; {tile['says']}"
        for tile in words.tell_tiles(report)
    ]
    return "\n\n".join([_limits.evidence(has_traits), words.tell_verdict(report), "\n".join(tiles)])


def _tell_coverage(report: Any) -> str:
    coverage = report.coverage
    known = coverage["has_coefficient"]
    unknown = ", ".join(map(_escaped, coverage.loc[~known, "category"][:5]))
    n_read = count(int(coverage["is_read"].sum()), "category", "categories")
    return (
        f"{known.sum()} of {len(coverage)} categories have a coefficient; "
        f"{words.percent(coverage.loc[known, 'share'].sum())} of the spending is in them. The "
        f"network reads {n_read}. The largest categories without a coefficient are: "
        f"{unknown or 'none'}."
    )


def _describe(report: Any) -> str:
    extractor = report.customers_.extractor
    steps = " → ".join(type(step).__name__ for _, step in report.pipeline.steps)
    depth = int(report.customers_.clusterer.tree_["depth"].max())
    said = f"The model is a pipeline of {steps}, after Maree & Omlin (2021). "
    if hasattr(extractor, "network_"):
        said += (
            f"{count(extractor.network_.n_networks, 'network')} with the objective "
            f"{extractor.objective_!r} give {report.customers_.states.shape[2]} states per period. "
        )
    n_segments = count(len(report.segments), "segment")
    return f"{said}The tree has {n_segments} on {count(depth, 'level')}."


def _retention(report: Any) -> tuple[str, ...]:
    small = words.tell_small(report)
    return (*_limits.RETENTION, small) if small else _limits.RETENTION


def _monitoring(report: Any) -> pd.DataFrame:
    """What to look at with every new period, what it is now, and when to act."""
    now = {row.metric: words.figure(row.value, row.metric) for row in report.metrics.itertuples()}
    if report.fairness is not None:
        now["fairness"] = "see Fairness by group"
    rows = [
        (name, now.get(metric) or words.NOT_MEASURED, act, how)
        for name, metric, act, how in _limits.MONITORING
        if metric != "coverage" or metric in now
    ]
    return pd.DataFrame(rows, columns=["what", "now", "act", "how"])


def _found_again(report: Any) -> pd.DataFrame:
    nodes = report.node_stability
    paths = report.segments.set_index("node")["path"]
    return pd.DataFrame(
        {
            "segment": nodes["node"].map(paths).to_numpy(),
            "found again (Jaccard index)": [*map(words.figure, nodes["jaccard"])],
            "95 % interval": [*map(words.interval, nodes["low"], nodes["high"])],
            "grade": nodes["grade"].to_numpy(),
        }
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
    names = metrics["metric"]
    table = metrics[["metric", "grade", "meaning"]].copy()
    table.insert(1, "value", [*map(words.figure, metrics["value"], names)])
    intervals = [*map(words.interval, metrics["low"], metrics["high"], names)]
    table.insert(2, "95 % interval", [text or "none" for text in intervals])
    return table


def _segments(report: Any) -> pd.DataFrame:
    if not len(report.segments):
        return pd.DataFrame({"segment": [EVERYBODY], "customers": [report.data["customers"]]})
    table = report.segments[["path", "customers"]].rename(columns={"path": "segment"})
    table["share"] = [*map(words.percent, report.segments["share"])]
    table["strength"] = [*map(words.figure, report.segments["strength"])]
    table["who"] = [words.describe_segment(report, node) for node in report.segments["node"]]
    if report.data["periods"] > 1:
        middle = report.customers_.middle + 1
        then = report.history[report.history["period"] == middle].set_index("node")["rate"]
        stay = f"stay from {report.customers_.period} {middle} to the last"
        table[stay] = [words.percent(then[node]) for node in report.segments["node"]]
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


def _add_fairness(card: Card, section: str, report: Any) -> None:
    if report.association is None or report.fairness is None:
        card.add(**{section: "Not measured: no protected attribute was given (`protected=`)."})
        return
    _add(card, section, report.association)
    rates = report.fairness[
        ["attribute", "segment", "group", "members", "customers", "rate", "low", "high", "overall"]
    ]
    _add(card, f"{section}/Rates", rates)
