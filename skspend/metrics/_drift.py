"""Whether a population still looks like the one that a model was fitted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

SMALLEST = 1e-4
"""A share of a part that is smaller counts as this, as its logarithm would be without bounds."""


def population_stability(expected: ArrayLike, found: ArrayLike) -> float:
    """Return the population stability index of two distributions over the same parts.

    With the shares e and f of a part, it is :math:`\\sum (f - e) \\ln (f / e)`. In credit scoring,
    a value below 0.1 counts as no change, and from 0.25 on the model should be fitted again.

    Parameters
    ----------
    expected, found : array-like, shape (n_parts,)
        Counts, amounts or shares of each part, at the fit and now. Only their proportions matter.
        Shares below 0.0001 count as 0.0001.

    Returns
    -------
    index : float
        0 if the distributions are the same; NaN if nothing was found or expected. If both are
        counts of customers drawn from one population, it is about (n_parts - 1) times the sum of
        the inverses of their numbers.

    Raises
    ------
    ValueError
        If the numbers of parts differ, or a count is negative.

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards, for the index and its thresholds. Yurdakul (2018),
    Statistical properties of population stability index, for its value by chance.

    Examples
    --------
    >>> population_stability([50, 30, 20], [500, 300, 200])
    0.0
    >>> round(population_stability([50, 30, 20], [30, 30, 40]), 2)
    0.24
    """
    expected, found = (column_or_1d(values).astype(float) for values in (expected, found))
    check_consistent_length(expected, found)
    if (expected < 0).any() or (found < 0).any():
        raise ValueError(
            "expected and found must not be negative. Pass counts, amounts or shares of the parts."
        )
    if not expected.sum() or not found.sum():
        return np.nan
    before, now = (np.maximum(part / part.sum(), SMALLEST) for part in (expected, found))
    return float(((now - before) * np.log(now / before)).sum())
