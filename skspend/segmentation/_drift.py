"""How new customers differ from those of the fit, as model risk asks every month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..aggregation._columns import find_shares
from ..clustering._tree import count_tenths
from ..metrics import population_stability

if TYPE_CHECKING:
    from .._utils._typing import Estimator, Integers, PanelLike
    from ._seen import PanelSums

FEWEST_TO_COMPARE = 100
"""Customers who spend in all periods: of fewer, the index is large by chance alone."""
N_MOVED = 3
"""Categories to list, those that differ most."""
SOME, MUCH = 0.1, 0.25
"""Thresholds of the population stability index; see there."""


def measure_drift(
    states: Estimator,
    segment: Estimator,
    sums: PanelSums,
    trajectories: PanelLike,
    *,
    nodes: Integers | None = None,
) -> dict[str, Any] | None:
    """Compare customers who spend in all periods with those of the fit.

    Parameters
    ----------
    states, segment : fitted extractor and TrajectoryClusterer
    sums : PanelSums
        Of the customers to compare. Their spending counts, and no other statistics.
    trajectories : frame
        Of the same customers.
    nodes : ndarray of int, shape (n_customers, depth), default=None
        What ``segment.predict_levels(trajectories)`` returns, if it is known.

    Returns
    -------
    drift : dict
        ``customers``, the number of those compared; ``segments``, ``outliers`` and ``spending``,
        the population stability index of the top level, of outlier scores by tenths, and of the
        spending by category; ``by_chance``, what that of the segments is on average if nothing has
        changed; ``moved``, the categories that differ most,
        with their shares of the spending at the ``fit`` and ``now``.

    None if fewer than 100 customers spend in all periods.
    """
    is_active = sums.is_active
    n_active = int(is_active.sum())
    if n_active < FEWEST_TO_COMPARE:
        return None
    top = segment.tree_.index[segment.tree_["depth"] == 1]
    if nodes is None:
        nodes = segment.predict_levels(trajectories)
    levels = pd.Series(nodes[is_active, 0])
    outliers = count_tenths(segment.outlier_score(trajectories)[is_active])
    sizes = segment.sizes_[top], levels.value_counts().reindex(top, fill_value=0)
    is_sum = find_shares(sums.features)
    now = (sums.active / n_active).reshape(states.n_periods_, -1).mean(axis=0)
    means = states.scaler_.mean_, now
    # Where more comes back than is spent, nothing is spent.
    spent = [np.maximum(mean[is_sum], 0) for mean in means]
    shares = [mean / mean.sum() for mean in spent]
    categories = np.array(sums.features, dtype=object)[is_sum]
    moved = pd.DataFrame({"category": categories, "fit": shares[0], "now": shares[1]})
    size = [population_stability([e, 1 - e], [f, 1 - f]) for e, f in zip(*shares, strict=True)]
    return {
        "customers": n_active,
        "segments": population_stability(*sizes) if len(top) else np.nan,
        "outliers": population_stability(segment.outlier_counts_, outliers),
        "by_chance": max(0, len(top) - 1) * (1 / segment.sizes_[0] + 1 / n_active),
        "spending": population_stability(*shares),
        "moved": moved.iloc[np.argsort(-np.array(size), kind="stable")[:N_MOVED]].to_dict(
            "records"
        ),
    }


def tell_drift(drift: dict[str, Any]) -> str:
    """Say what :func:`measure_drift` found, with the categories if the spending differs."""
    moved = ""
    if drift["spending"] >= SOME:
        shares = [
            f"{row['category']} {row['fit']:.1%} -> {row['now']:.1%}" for row in drift["moved"]
        ]
        moved = f" What differs most: {', '.join(shares)}."
    names = "segments", "outliers", "spending"
    segments, outliers, spending = (_tell(drift[name]) for name in names)
    index = "Compared with the customers of the fit, the population stability index of the"
    rest = f"outlier scores is {outliers}, and that of the spending is {spending}.{moved}"
    if np.isnan(drift["segments"]):
        return f"{index} {rest}"
    return f"{index} segments is {segments}, by chance {drift['by_chance']:.2f}; that of the {rest}"


def _tell(index):
    if np.isnan(index):
        return "unknown"
    word = "little" if index < SOME else "some" if index < MUCH else "much"
    return f"{index:.2f} ({word} change)"
