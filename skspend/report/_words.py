"""Sentences that are made of the figures of a report, so that they are true of these customers."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .._utils._text import count, cut
from ..inspection._names import first_word
from ..inspection._segments import WORTH_SAYING
from ._grades import FAIR, GOOD, POOR

LONGEST = 60
"""Characters of a name in a sentence."""
SAME = 1e-9
"""Drift up to this size comes from rounding."""
FEW = 5
"""Customers below which a mean tells of single ones; usual in official statistics."""
CLEAR = 0.1
"""How much more than half of the members must be on one side of the median to be worth a word."""
PERCENT = (
    "coverage", "accuracy", "stay", "stay without a network", "same segment",
    "same in both halves", "R2",
)  # fmt: skip
NOT_MEASURED = "not measured"


def percent(share: float) -> str:
    """A share as a percentage, such as 4.6 % or 0.46 %; nothing if it is not known."""
    if not np.isfinite(share):
        return ""
    value, size = 100 * share, abs(100 * share)
    if 0 < size < 0.005:
        return "<0.01 %"
    return f"{value:.{2 if 0 < size < 1 else 1}f} %"


def figure(value: float, metric: str = "") -> str:
    """A figure as the page writes it; nothing if it is not known.

    >>> figure(0.046, "stability"), figure(47.6, "change of direction")
    ('0.05', '48')
    """
    if metric in PERCENT:
        return percent(value)
    if not np.isfinite(value):
        return ""
    if metric == "change of direction":
        return f"{value:.0f}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def interval(low: float, high: float, metric: str = "") -> str:
    """An interval, such as 0.87 to 0.93; nothing if it is not known."""
    return f"{figure(low, metric)} to {figure(high, metric)}" if np.isfinite(low) else ""


def tell_tiles(report: Any) -> list[dict[str, Any]]:
    """The six figures of the first screen: what each asks, its value, what it says, its grade."""
    data, metrics = report.data, report.metrics.set_index("metric")
    period = report.customers_.period
    top = report.segments[report.segments["depth"] == 1]
    active = (
        f"{data['active customers']:,} of them spend in all {data['periods']} {period}s"
        if data["periods"] > 1
        else f"{data['active customers']:,} of them spend"
    )
    divided = "everybody is in one: the customers do not divide"
    no_names = "the names compare what is spent on each category"
    no_fits = "there is one segment, which every fit finds"
    no_halves = "there is one segment, which all purchases give"
    no_stay = "nobody can leave the only segment"
    if len(top):
        divided = f"the largest has {percent(top['share'].max())} of the customers"
        if report.segments["depth"].max() > 1:
            divided += f"; they divide further into {(report.segments['label'] >= 0).sum()}"
        no_fits = "run skspend segment without --no-stability"
        no_halves = no_stay = "nobody spends all the time"
    if data["periods"] == 1:
        no_halves = no_stay = f"the data has one {period}"
    n_customers, n_segments = f"{data['customers']:,}", f"{max(1, len(top))}"
    names = "Spending that the names rest on"
    fits, halves = "Would another fit give the same?", "Would other purchases give the same?"
    tell_stay = partial(_tell_stay, report)
    return [
        {"asks": "Customers placed", "value": n_customers, "says": active, "grade": ""},
        {"asks": "Segments", "value": n_segments, "says": divided, "grade": ""},
        _tile(metrics, names, "coverage", "coverage", _tell_coverage, no_names, "all"),
        _tile(metrics, fits, "same segment", "reproducibility", _tell_fits, no_fits),
        _tile(metrics, halves, "same in both halves", "split half", _tell_halves, no_halves),
        _tile(metrics, "Do customers stay?", "stay", "stability", tell_stay, no_stay),
    ]


def _tile(metrics, asks, metric, graded, tell, missing, instead=NOT_MEASURED):
    """The tile of a metric with the grade of one; if it is not measured, what is said instead."""
    if metric not in metrics.index:
        return {"asks": asks, "value": instead, "says": missing, "grade": ""}
    value, grade = figure(metrics.loc[metric, "value"], metric), metrics.loc[graded, "grade"]
    return {"asks": asks, "value": value, "says": tell(metrics), "grade": grade}


def _tell_coverage(metrics):
    low, high = metrics.loc["coverage", ["low", "high"]]
    return f"is in categories with a coefficient ({interval(low, high, 'coverage')})"


def _tell_fits(metrics):
    row = metrics.loc["reproducibility"]
    between = interval(row["low"], row["high"])
    return f"of the customers; agreement {figure(row['value'])}" + (
        f" ({between})" if between else ""
    )


def _tell_halves(metrics):
    chance = percent(_by_chance(metrics))
    return f"get the same segment from either half of the time; by chance {chance}"


def _by_chance(metrics):
    """Share of customers to whom both halves of the periods would give one segment by chance."""
    same, kappa = metrics.loc[["same in both halves", "split half"], "value"]
    return (same - kappa) / (1 - kappa) if kappa < 1 else 1.0


def _tell_stay(report, metrics):
    first, last = report.customers_.middle + 1, report.data["periods"]
    said = f"from {report.customers_.period} {first} to {last}"
    if "stay without a network" in metrics.index:
        other = percent(metrics.loc["stay without a network", "value"])
        said += f"; types computed without a network: {other}"
    return said


def tell_verdict(report: Any) -> str:
    """What to make of the figures, in one sentence."""
    metrics = report.metrics.set_index("metric")
    if not len(report.segments):
        return (
            "These customers do not divide into segments: there is nothing to compare, and no "
            "reason to treat one of them unlike another."
        )
    of_halves = metrics["grade"].get("split half")
    if of_halves == POOR:
        return (
            f"Do not use these segments: two halves of the time give only "
            f"{percent(metrics.loc['same in both halves', 'value'])} of the customers the same "
            f"segment, and chance alone would give it to {percent(_by_chance(metrics))}. Customers "
            f"differ little more than if all of them bought alike, even if other fits and later "
            f"periods agree."
        )
    said = []
    if "coverage" in metrics.index:
        value, graded = metrics.loc["coverage", ["value", "grade"]]
        rest = f"Names rest on {percent(value)} of the spending"
        said.append(
            f"{rest}: treat them as labels, and read what a segment spends its money on"
            if graded == POOR
            else f"{rest}, so they summarise it"
            if graded == GOOD
            else f"{rest}: compare them with what a segment spends its money on"
        )
    else:
        said.append("Names say what a segment spends more or less on than others")
    if "reproducibility" in metrics.index:
        graded = metrics.loc["reproducibility", "grade"]
        said.append(
            f"another fit finds nearly the same segments{_tell_below(report.node_stability)}"
            if graded == GOOD
            else "another fit finds other segments, so do not rely on a single one"
            if graded == POOR
            else "another fit finds most of the segments, so check the column “Found again”"
        )
    else:
        said.append("whether another fit finds these segments is not measured")
    if of_halves == FAIR:
        said.append(
            "other purchases often give a customer another segment, so speak of groups, not of "
            "single customers"
        )
    if "stability without a network" in metrics.index:
        low = metrics.loc["stability", "low"]
        than = metrics.loc["stability without a network", "value"]
        said.append(
            "customers stay in their segment longer than in a type that needs no network"
            if np.isfinite(low) and low > than
            else "types that need no network keep customers about as long"
        )
    elif "stability" in metrics.index and metrics.loc["stability", "grade"] != GOOD:
        few = "few" if metrics.loc["stability", "grade"] == POOR else "not all"
        said.append(f"{few} customers stay in their segment")
    return "; ".join(said) + "."


def _tell_below(nodes):
    """That segments inside the top level are not found again, if this is so of most of them."""
    below = [] if nodes is None else nodes.loc[nodes["depth"] > 1, "grade"]
    few = len(below) and (below == GOOD).mean() < 0.5
    return " at the top level, but few of those inside them" if few else ""


def describe_segment(report: Any, node: int) -> str:
    """Who is in a segment, in one sentence of its own figures."""
    if node == 0:
        return f"All {count(report.data['customers'], 'customer')} of this report."
    row = report.segments.set_index("node").loc[node]
    said = f"{count(int(row['customers']), 'customer')}, {percent(row['share'])} of all"
    if not row["customers"]:
        return f"{said}."
    side = find_trait(report, node)
    if side is not None:
        trait, word, share = side
        said += f", of whom {percent(share)} score {word} the median customer on {trait}"
    spending = [
        text
        for sign, word in ((1, "more"), (-1, "less"))
        if (text := _tell_spending(report, node, sign, word))
    ]
    if spending:
        said += f"{'; they' if side is None else ', and who'} spend {' and '.join(spending)}"
    return f"{said}."


def find_trait(report: Any, node: int) -> tuple[str, str, float] | None:
    """A trait, the side of the median on which most members are, and how many of them are there.

    It is the trait of the name, if this is clear, or the one in which most are on one side.
    """
    traits = report.traits[report.traits["node"] == node].set_index("trait")[["above", "below"]]
    sides = traits.stack()
    clear = sides[sides >= 0.5 + CLEAR]
    if not len(clear):
        return None
    named = clear.index.get_level_values(0) == first_word(report.names[node])[0]
    trait, side = (clear[named] if named.any() else clear).idxmax()
    return trait, side, clear[trait, side]


def _tell_spending(report, node, sign, word):
    categories = report.categories[report.categories["node"] == node]
    effects = sign * categories["effect"]
    if not len(effects) or effects.max() <= WORTH_SAYING:
        return ""
    row = categories.loc[effects.idxmax()]
    form = percent if report.customers_.in_shares else figure
    of = " of their spending" if report.customers_.in_shares else f" a {report.customers_.period}"
    return (
        f"{word} on {cut(row['category'], LONGEST)} ({form(row['share'])}{of}, other customers "
        f"{form(row['others'])})"
    )


def check_name(report: Any, node: int) -> str:
    """Whether the traits in the name of a segment are true of most of its members here."""
    words = report.names.get(node, "").split(", ")
    traits = report.traits[report.traits["node"] == node].set_index("trait")
    said, holds = [], True
    for trait, row in traits.dropna().iterrows():
        for sign, side in (("+", "above"), ("-", "below")):
            if f"{trait}{sign}" in words:
                holds &= row[side] > 0.5
                said.append(
                    f"{percent(row[side])} of the members score {side} the median on {trait}"
                )
    if not said:
        return ""
    verdict = "The name holds" if holds else "The name does not hold for these customers"
    return f"{verdict}: {'; '.join(said)}."


def tell_moves(report: Any, node: int) -> list[str]:
    """Where the members of a segment were in the first period, and where its first members are."""
    customers = report.customers_
    last = report.data["periods"]
    if node == 0 or last == 1:
        return []
    parent = int(customers.clusterer.tree_.loc[node, "parent"])
    moves = report.moves
    moves = moves[(moves["inside"] == parent) & (moves["start"] == 1) & (moves["end"] == last)]
    first = f"{customers.period} 1"
    now, then = "are here now", f"were here in {first}"
    said = []
    for own, other, nobody, these, those, way in (
        ("target", "origin", "is here now", now, then, "came from"),
        ("origin", "target", f"was here in {first}", then, now, "are in"),
    ):
        there = moves[moves[own] == node].set_index(other)["customers"]
        n, both = int(there.sum()), int(there.get(node, 0))
        if not n:
            said.append(f"Nobody {nobody}.")
            continue
        text = f"Of the {n:,} who {these}, {both:,} ({percent(both / n)}) {those}"
        others = there.drop(node, errors="ignore")
        if len(others):
            most = others.idxmax()
            name = cut(report.names.get(most, "segments elsewhere in the tree"), LONGEST)
            text += f"; most of the others {way} {name} ({others.max():,})"
        said.append(f"{text}.")
    return said


def tell_sample(report: Any) -> str:
    """Say so if these are the customers of the fit; nothing of others, or of too few to tell."""
    metrics = report.metrics.set_index("metric")["value"]
    drift = metrics.reindex(["drift of spending", "drift of outliers"])
    if not (drift < SAME).all():
        return ""
    return (
        "Their spending is that of the customers of the fit, so all figures but those of other "
        "fits are in-sample: make a report of other customers, too."
    )


def tell_small(report: Any) -> str:
    """How many segments are so small that their figures are about persons; nothing if none is."""
    few = report.segments["customers"].between(1, FEW - 1).sum()
    if not few:
        return ""
    have = "segment has" if few == 1 else "segments have"
    return (
        f"{few} {have} fewer than {FEW} customers in this report: such figures are nearly those of "
        f"single persons. Do not pass them on."
    )
