"""What customers spend on average over their periods, and how groups of them differ in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.sparsefuncs import mean_variance_axis

from .._utils._sparse import SparseCube
from ..aggregation._columns import find_shares
from ..panel import Panel

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from .._utils._typing import Floats, Integers


@dataclass(frozen=True)
class Spending:
    """Mean shares and active periods of customers: all that a description needs of their panel."""

    customers: pd.Index
    categories: Sequence[str]
    shares: Any
    """Means over periods, shape (n_customers, n_categories), an array that may be sparse."""
    active_periods: Integers

    @classmethod
    def of(cls, panel: pd.DataFrame) -> Self:
        """Average the shares of a panel over its periods."""
        read = Panel.read(panel, sparse=True)
        return cls(panel.index, *average(read), read.active_periods)


def average(panel: Panel) -> tuple[list[str], Any]:
    """Return the categories, and their shares as means over periods.

    Where a panel has no sums of spending, its other statistics stand for them.
    """
    cube = panel.cube
    means = cube.mean() if isinstance(cube, SparseCube) else cube.mean(axis=1, dtype=float)
    is_sum = find_shares(panel.features)
    if is_sum.all() or not is_sum.any():
        return panel.features, means
    return list(compress(panel.features, is_sum)), means[:, is_sum]


def compare_spending(
    shares: Floats, members: NDArray[np.bool], spread: Floats
) -> tuple[Floats, Floats, Floats]:
    """Compare the mean shares of members, a mask, with those of all others, by category.

    Returns both means, NaN if there is nobody, and their differences in units of `spread`, zeros if
    there are no members, or no others.
    """
    own, others = (
        shares[part].mean(axis=0) if part.any() else np.full(len(spread), np.nan)
        for part in (members, ~members)
    )
    comparable = (spread > 0) & ~np.isnan(own) & ~np.isnan(others)
    effects = np.divide(own - others, spread, out=np.zeros_like(spread), where=comparable)
    return own, others, effects


def deviations(shares: Any) -> Floats:
    """Standard deviation of each category over customers."""
    return np.sqrt(mean_variance_axis(shares, 0)[1]) if issparse(shares) else shares.std(axis=0)
