"""How segments change over the periods: sizes, who moves between them, and mean paths."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .._utils._intervals import wilson_interval
from ..plotting._shown import HALF, MOST_UNITS, balanced_sample

if TYPE_CHECKING:
    from ._measures import Customers

ELSEWHERE = -1
"""Instead of a node: in a segment that is not inside the same segment."""
OF_ALL_VARIANCE = 1e-3
"""What the variance of all customers counts beside that between the parts, so that there are always
as many directions as are drawn."""
DECIMALS = 3
"""Decimals of states: a thousandth of the state space is a third of a pixel."""


def measure_history(customers: Customers) -> pd.DataFrame:
    """The size of each node at each period, and how many of its members stay until the last."""
    rows = []
    n_customers = len(customers.names)
    for node in customers.clusterer.tree_.index:
        last = customers.members(node)
        for period in range(len(customers.nodes)):
            then = customers.members(node, period)
            n, stayed = int(then.sum()), int((then & last).sum())
            rate = low = high = np.nan
            if n:
                rate = stayed / n
                low, high = wilson_interval(stayed, n)
            rows.append((node, period + 1, n, n / n_customers, stayed, rate, low, high))
    names = ["node", "period", "customers", "share", "stayed", "rate", "low", "high"]
    return pd.DataFrame(rows, columns=names)


def measure_moves(customers: Customers) -> pd.DataFrame:
    """Who moves between the parts of each segment, from each period to the next and to the last."""
    tree, last = customers.clusterer.tree_, len(customers.nodes) - 1
    steps = dict.fromkeys([*pairwise(range(last + 1)), *((0, last),) * (last > 1)])
    columns = ["inside", "start", "end", "origin", "target", "customers"]
    found = [pd.DataFrame(columns=columns, dtype=int)]
    for inside in tree.index:
        parts = tree.index[tree["parent"] == inside]
        if not len(parts):
            continue
        # A segment that does not divide further is also its own part.
        level = customers.nodes[:, :, tree.loc[inside, "depth"]]
        level = np.where(np.isin(level, parts), level, ELSEWHERE)
        for start, end in steps:
            pairs = np.stack([level[start], level[end]])
            pairs = pairs[:, (pairs != ELSEWHERE).any(axis=0)]
            (origin, target), n = np.unique(pairs, axis=1, return_counts=True)
            values = inside, start + 1, end + 1, origin, target, n
            found.append(pd.DataFrame(dict(zip(columns, values, strict=True))))
    return pd.concat(found, ignore_index=True).astype(int)


def draw_paths(customers: Customers, most: int, random_state: Any) -> dict[int, dict[str, Any]]:
    """For each segment with parts, a view of the states that tells the parts apart.

    A view has the mean path of each part in up to three directions, an ellipse around half of its
    customers at the last period, and the paths of some customers. The directions are those of the
    largest variance between the parts.
    """
    tree = customers.clusterer.tree_
    leaves = customers.nodes[-1][:, -1]
    drawn = np.zeros(len(leaves), dtype=bool)
    drawn[balanced_sample(leaves, most, random_state)] = True
    views = {}
    for inside in tree.index:
        parts = tree.index[tree["parent"] == inside].tolist() or [0] * (inside == 0)
        members = {part: customers.members(part) for part in parts}
        members = {part: rows for part, rows in members.items() if rows.any()}
        if members:
            views[int(inside)] = _draw_view(customers.states, members, drawn)
    return views


def _draw_view(states, members, drawn):
    of_all = np.logical_or.reduce([*members.values()])
    last = states[of_all, -1].astype(np.float64)
    centre = last.mean(axis=0)
    means = np.stack([states[rows, -1].mean(axis=0) for rows in members.values()]) - centre
    sizes = np.array([rows.sum() for rows in members.values()])
    between = (means.T * sizes) @ means
    around = last - centre
    strengths, directions = np.linalg.eigh(between + OF_ALL_VARIANCE * around.T @ around)
    directions = directions[:, ::-1][:, :MOST_UNITS]
    # The sign of a direction is arbitrary.
    largest = np.abs(directions).argmax(axis=0)
    directions *= np.where(directions[largest, range(directions.shape[1])] < 0, -1, 1)
    shown = (states[of_all] - centre) @ directions
    paths = []
    for part, rows in members.items():
        own = shown[rows[of_all]]
        paths.append(
            {
                "node": int(part),
                "mean": _rounded(own.mean(axis=0)),
                "ellipse": _ellipse(own[:, -1, :2]),
                "lines": _rounded(own[drawn[rows]]),
            }
        )
    total = max(float(strengths.sum()), np.finfo(float).tiny)
    return {"paths": paths, "shares": _rounded(strengths[::-1][:MOST_UNITS] / total)}


def _ellipse(points):
    """Half axes and angle, in degrees, of an ellipse around half of some normal points."""
    if points.shape[1] < 2 or len(points) < 2:
        return None
    variances, axes = np.linalg.eigh(np.cov(points.T))
    half = HALF * np.sqrt(np.maximum(variances, 0))
    angle = np.degrees(np.arctan2(axes[1, 1], axes[0, 1]))
    return [float(half[1]), float(half[0]), float(angle)]


def _rounded(values):
    return np.round(values, DECIMALS).tolist()
