"""What a picture shows of many customers and units, here and in the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import chi2

if TYPE_CHECKING:
    from .._utils._typing import Integers, Names

MOST_UNITS = 3
"""Most units whose projections are drawn: those of more units would be too many."""
HALF = float(np.sqrt(chi2.ppf(0.5, df=2)))
"""Standard deviations around the mean of a normal distribution that hold half of it, in a plane."""


def balanced_sample(groups: Names, most: int, random_state: np.random.RandomState) -> Integers:
    """Rows of up to `most` customers, taken from the groups in turn, in random order."""
    shuffled = random_state.permutation(len(groups))
    turn = pd.Series(shuffled).groupby(groups[shuffled]).cumcount()
    chosen = shuffled[np.argsort(turn.to_numpy(), kind="stable")][:most]
    return random_state.permutation(chosen)
