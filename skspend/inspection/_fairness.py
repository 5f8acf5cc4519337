"""Whom segments hold: a protected attribute against the segments.

Labels of customers and an attribute that must not decide over them come in; out comes how often
each group is in each segment, and whether more often than others by more than chance. Maree & Omlin
(2021), section I, warn that coarse segments discriminate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import random_table
from scipy.stats.contingency import crosstab, expected_freq
from sklearn.utils import Bunch, check_random_state

from .._utils._intervals import wilson_interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .._utils._typing import RandomState
    from ._bunches import Fairness

MISSING = "(missing)"
"""The group of the customers whose attribute is not known."""


def segment_fairness(
    labels: ArrayLike,
    protected: ArrayLike,
    *,
    n_permutations: int = 999,
    random_state: RandomState = None,
) -> Fairness:
    """Compare how often the groups of a protected attribute are in each segment.

    Parameters
    ----------
    labels : array-like, shape (n_customers,)
        Segment of each customer, such as ``clusterer.labels_``, or a column of
        ``clusterer.level_labels_``. Outliers, -1, are a segment like any other.
    protected : array-like, shape (n_customers,)
        Group of each customer, such as the bracket of income. What is missing is a group of its
        own, ``"(missing)"``. Ordered categories keep their order. For several attributes at once
        join them: ``frame["sex"] + " " + frame["age"]``.
    n_permutations : int, default=999
        Tables with the same margins, drawn for the p value.
    random_state : int, RandomState instance or None, default=None
        Draws them.

    Returns
    -------
    fairness : Bunch
        rates : DataFrame, one row per segment and group
            ``segment``, ``group``, ``members``: how many of the group are in the segment,
            ``customers``: how many are in the group, ``rate``: their quotient, ``low`` and
            ``high``: its 95 % Wilson interval, ``overall``: the rate of all customers,
            ``difference`` and ``ratio`` of rate and overall.
        association : Series
            ``cramers_v``: between 0 and 1 (one decides the other), corrected for bias; NaN where
            there is but one segment or group, ``p_value``: how often tables without any
            association show as much, and ``customers``, ``segments``, ``groups``: their numbers.

    Raises
    ------
    ValueError
        If the lengths or the indices differ, if a label is missing, or if there are more groups
        than half the customers: a number rather than a group.

    Notes
    -----
    The intervals are of one rate each. Of 20 rates of groups that are treated alike, one will lie
    beside the overall rate by chance: look at ``p_value`` first. A small group has a wide interval,
    and a rate that cannot be told from the overall one is not thereby the same. An equal rate is
    demographic parity; whether a segment does its members good or harm is not known here.

    The p value is that of Pearson's chi-square statistic over random tables with the margins
    observed, which holds for small groups too.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22. Bergsma (2013), A bias
    correction for Cramér's V and Tschuprow's T, Journal of the Korean Statistical Society 42.
    Patefield (1981), Algorithm AS 159. Barocas & Selbst (2016), the paper's [7].

    Examples
    --------
    >>> import numpy as np
    >>> from skspend.inspection import segment_fairness
    >>> labels = np.repeat([0, 1], [60, 40])
    >>> region = np.repeat(["north", "south", "north", None], [50, 10, 10, 30])
    >>> fairness = segment_fairness(labels, region, random_state=0)
    >>> fairness.rates.query("segment == 1")[["group", "members", "rate", "low", "high"]].round(2)
           group  members  rate   low  high
    3      north       10  0.17  0.09  0.28
    4      south        0  0.00  0.00  0.28
    5  (missing)       30  1.00  0.89  1.00
    >>> fairness.association[["cramers_v", "p_value"]].round(3).tolist()
    [0.799, 0.001]
    """
    labels, groups = _align(labels, protected)
    (segments, segment_of), (names, group_of) = _number(labels), _number(groups)
    counts = crosstab(segment_of, group_of).count
    return Bunch(
        rates=_rates(counts, segments, names),
        association=_association(counts, n_permutations, check_random_state(random_state)),
    )


def _align(labels, protected):
    """Both as Series without missing values, after checks."""
    are_series = isinstance(labels, pd.Series) and isinstance(protected, pd.Series)
    if are_series and not labels.index.equals(protected.index):
        raise ValueError(
            "labels and protected are of different customers, or in another order. Align them: "
            "protected.reindex(labels.index)."
        )
    labels, protected = (pd.Series(values).reset_index(drop=True) for values in (labels, protected))
    if len(labels) != len(protected) or len(labels) == 0:
        raise ValueError(
            f"There are {len(labels)} labels and {len(protected)} values of the protected "
            f"attribute. Pass one of each for every customer."
        )
    unknown = labels.isna().to_numpy()
    if unknown.any():
        raise ValueError(
            f"{unknown.sum()} of {len(labels)} labels are missing, the first in row "
            f"{unknown.argmax()}. Leave these customers out, or give them a label."
        )
    n_groups = protected.nunique()
    if n_groups > max(2, protected.notna().sum() / 2):
        raise ValueError(
            f"The protected attribute has {n_groups} values for {protected.notna().sum()} "
            f"customers, so these are no groups. Divide it into brackets, as by pandas.qcut."
        )
    return labels, protected


def _number(values):
    """Names, in the order of the categories, else sorted, the missing last; and positions."""
    codes, names = pd.factorize(values, sort=True)
    names = list(names)
    if (codes < 0).any():
        codes = np.where(codes < 0, len(names), codes)
        names.append(MISSING)
    return names, codes


def _rates(counts, segments, groups):
    sizes, n_customers = counts.sum(axis=0), counts.sum()
    rows = []
    for segment, row in zip(segments, counts, strict=True):
        overall = row.sum() / n_customers
        for group, members, customers in zip(groups, row, sizes, strict=True):
            low, high = wilson_interval(members, customers)
            rate = members / customers
            rows.append(
                {
                    "segment": segment,
                    "group": group,
                    "members": members,
                    "customers": customers,
                    "rate": rate,
                    "low": low,
                    "high": high,
                    "overall": overall,
                    "difference": rate - overall,
                    "ratio": rate / overall,
                }
            )
    return pd.DataFrame(rows)


def _association(counts, n_permutations, random_state):
    observed = _chi_square(counts)
    if 1 in counts.shape:
        # There is only one such table, which random_table gets wrong.
        n_permutations = 0
    by_chance = random_table(counts.sum(axis=1), counts.sum(axis=0))
    as_much = [
        # The same table, added up in another order, must count as the same.
        _chi_square(by_chance.rvs(random_state=random_state)) >= observed * (1 - 1e-9)
        for _ in range(n_permutations)
    ]
    n_segments, n_groups = counts.shape
    return pd.Series(
        {
            "cramers_v": _cramers_v(observed, counts),
            "p_value": (1 + sum(as_much)) / (1 + n_permutations),
            "customers": counts.sum(),
            "segments": n_segments,
            "groups": n_groups,
        }
    )


def _chi_square(counts):
    expected = expected_freq(counts)
    return ((counts - expected) ** 2 / expected).sum()


def _cramers_v(chi_square, counts):
    """Cramér's V with Bergsma's correction."""
    n_customers, shape = counts.sum(), np.array(counts.shape)
    if shape.min() == 1:
        return np.nan
    excess = max(0, chi_square / n_customers - np.prod(shape - 1) / (n_customers - 1))
    corrected = shape - (shape - 1) ** 2 / (n_customers - 1)
    return np.sqrt(excess / (corrected.min() - 1))
