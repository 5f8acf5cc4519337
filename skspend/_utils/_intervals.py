"""Intervals at 95 %, by the same rules everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from ._typing import Floats

CONFIDENCE = 0.95


def t_reach(n: int) -> float:
    """How many standard errors the interval of a mean of n values reaches, by Student's t."""
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) if n > 1 else np.nan


def half_interval(values: Floats) -> float:
    """Half of the interval of the mean of some values; NaN for fewer than two."""
    return t_reach(len(values)) * float(stats.sem(values)) if len(values) > 1 else np.nan


def wilson_interval(count: int, n: int) -> tuple[float, float]:
    """The interval of a share, count of n, by Wilson's score."""
    interval = stats.binomtest(count, n).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)
