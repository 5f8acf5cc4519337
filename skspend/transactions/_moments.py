"""What merged transactions carry, so that statistics of single transactions stay known.

A moment belongs to the transactions of one direction: ``"out"``, money spent, or ``"in"``. The
column ``out_logs`` holds the moment ``"logs"`` of money spent.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from .._utils._errors import check_choice

FLOWS = {"out": 1, "in": -1}
"""The directions, and the sign of their amounts where money spent is positive."""
STATISTICS = {
    "sum": (),
    "count": ("count",),
    "any": ("count",),
    "mean": ("count",),
    "mean_log": ("count", "logs"),
    "max": ("largest",),
    "std": ("count", "squares"),
    "days_since": ("count", "last"),
}
"""The moments that a statistic needs, beside the sum of the amounts."""
MOMENTS = ("count", "logs", "squares", "largest", "last")
LARGEST = ("largest", "last")
"""Moments of which the largest is kept when rows are merged. The others are added up."""
NEVER = -(2**30)
"""The last day of what has never happened."""


def check_statistics(statistics: Collection[str]) -> None:
    """Refuse what is not a sequence of statistics."""
    if isinstance(statistics, str):
        raise ValueError(f"statistics must be a list, got {statistics!r}. Pass [{statistics!r}].")
    for statistic in statistics:
        check_choice("statistics", statistic, STATISTICS)


def moments_of(statistics: Collection[str]) -> list[str]:
    """The moments that some statistics need."""
    needed = {moment for name in statistics for moment in STATISTICS[name]}
    return [moment for moment in MOMENTS if moment in needed]


def split_name(column: str) -> tuple[str, str]:
    """The direction and the moment of a column of rows; two empty strings if it has none."""
    flow, _, moment = column.partition("_")
    return (flow, moment) if flow in FLOWS and moment in MOMENTS else ("", "")


def is_largest(column: str) -> bool:
    """Whether a column of rows is a moment of which the largest is kept."""
    return split_name(column)[1] in LARGEST


def moments_of_rows(rows: Any, flow: str, moments: Collection[str], unit: int) -> dict[str, Any]:
    """Moments of one direction, of rows that are single transactions, by the name of the column."""
    sizes = FLOWS[flow] * rows["amount"] / unit
    is_flow = sizes > 0
    sizes = np.where(is_flow, sizes, 0)
    make = {
        "count": lambda: is_flow.astype(np.int32),
        "logs": lambda: np.log1p(sizes),
        "squares": lambda: sizes**2,
        "largest": lambda: sizes,
        "last": lambda: np.where(is_flow, rows["day"], np.int32(NEVER)),
    }
    return {f"{flow}_{moment}": make[moment]() for moment in moments}


def expressions(moments: Collection[str], amount: Any, day: Any) -> dict[str, Any]:
    """Columns of a lazy frame whose sums, or largest values, by cell are its moments.

    Without `day`, a cell is of one day, and the moment ``"last"`` needs no column.
    """
    size = amount.cast(nw.Float64).abs()
    values = {
        "count": nw.lit(1),
        "logs": (size + 1).log(),
        "squares": size * size,
        "largest": size,
        "last": day,
    }
    return {
        f"{flow}_{moment}": nw.when(is_flow).then(values[moment])
        for flow, is_flow in (("out", amount > 0), ("in", amount < 0))
        for moment in moments
        if values[moment] is not None
    }


def swap_flows(columns: dict[str, Any]) -> dict[str, Any]:
    """Exchange the moments of both directions, where money spent is negative in the data."""
    other = {"out": "in", "in": "out"}
    return {
        f"{other[flow]}_{moment}" if flow else name: values
        for name, values in columns.items()
        for flow, moment in [split_name(name)]
    }
