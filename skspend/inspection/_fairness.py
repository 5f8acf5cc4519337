"""Fairness of segments: a protected attribute compared with the segments.

Labels of customers and a protected attribute come in; out come the rate of each group in each
segment, and a test of whether the rates differ by more than chance. Maree & Omlin (2021), section
I, warn that coarse segments discriminate.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import MonteCarloMethod, chi2_contingency
from scipy.stats.contingency import crosstab
from sklearn.utils import Bunch, check_random_state

from .._utils._intervals import wilson_interval

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike

    from .._utils._typing import RandomState

    class Fairness(dict[str, Any]):
        rates: pd.DataFrame
        association: pd.Series


MISSING = "(missing)"
"""The group of the customers whose attribute is unknown."""


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
        Segment of each customer, such as ``clusterer.labels_`` or a column of
        ``clusterer.level_labels_``. Outliers, -1, are a segment of their own.
    protected : array-like, shape (n_customers,)
        Group of each customer, such as a bracket of income. Missing values are a group of their
        own, ``"(missing)"``. Ordered categories keep their order. Join several attributes:
        ``frame["sex"] + " " + frame["age"]``.
    n_permutations : int, default=999
        Number of random tables with the same margins, for the p value.
    random_state : int, RandomState instance or None, default=None
        Draws the tables.

    Returns
    -------
    fairness : Bunch
        rates : DataFrame, one row per segment and group
            ``segment``, ``group``, ``members`` of the group in the segment, ``customers`` in the
            group, ``rate``: their quotient, ``low`` and ``high``: its 95 % Wilson interval,
            ``overall``: the rate of all customers, and ``difference`` and ``ratio`` of rate and
            overall.
        association : Series
            ``cramers_v``: from 0 to 1 (one determines the other), corrected for bias; NaN if there
            is one segment or group. ``p_value``: the probability of as much association by chance;
            1 if there is one segment or group. ``customers``, ``segments``, ``groups``: counts.

    Raises
    ------
    ValueError
        If the lengths or the indices differ, a label is missing, `n_permutations` is not positive,
        or there are more groups than half the customers, as in an attribute of numbers.

    Notes
    -----
    Each interval is of one rate. Of 20 rates of groups that are treated alike, one lies outside its
    interval by chance, so look at ``p_value`` first. A small group has a wide interval; a rate
    whose interval includes the overall one may still differ. Equal rates are demographic parity.
    They do not show whether a segment is good or bad for its members.

    The p value is by Monte Carlo: the share of random tables with the observed margins that have at
    least the observed chi-square statistic of Pearson. It is valid for small groups, too.

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
    if n_permutations < 1:
        raise ValueError(f"n_permutations={n_permutations}; expected 1 or more.")
    labels, groups = _align(labels, protected)
    (segments, segment_of), (names, group_of) = _number(labels), _number(groups)
    counts = crosstab(segment_of, group_of).count
    association = _association(counts, n_permutations, check_random_state(random_state))
    return Bunch(rates=_rates(counts, segments, names), association=association)


def _align(labels, protected):
    """Both as Series without missing values, after checks."""
    are_series = isinstance(labels, pd.Series) and isinstance(protected, pd.Series)
    if are_series and not labels.index.equals(protected.index):
        raise ValueError(
            "labels and protected have different indices. Align them: "
            "protected.reindex(labels.index)."
        )
    labels, protected = (pd.Series(values).reset_index(drop=True) for values in (labels, protected))
    if len(labels) != len(protected) or len(labels) == 0:
        raise ValueError(
            f"labels has length {len(labels)}, and protected has length {len(protected)}. Pass one "
            f"of each for every customer."
        )
    unknown = labels.isna().to_numpy()
    if unknown.any():
        raise ValueError(
            f"The label of {unknown.sum()} of {len(labels)} customers is missing, first in row "
            f"{unknown.argmax()}. Leave them out, or give them a label."
        )
    n_groups = protected.nunique()
    if n_groups > max(2, protected.notna().sum() / 2):
        raise ValueError(
            f"The protected attribute has {n_groups} values for {protected.notna().sum()} "
            f"customers, which are too many groups. Divide it into brackets with pandas.qcut."
        )
    return labels, protected


def _number(values):
    """Names in the order of the categories or sorted, the missing value last; and positions."""
    codes, names = pd.factorize(values, sort=True)
    if (codes < 0).any():
        return [*names, MISSING], np.where(codes < 0, len(names), codes)
    return list(names), codes


def _rates(counts, segments, groups):
    n_segments, n_groups = counts.shape
    rates = pd.DataFrame(product(segments, groups), columns=["segment", "group"])
    rates["members"] = counts.ravel()
    rates["customers"] = np.tile(counts.sum(axis=0), n_segments)
    rates["rate"] = rates["members"] / rates["customers"]
    pairs = zip(rates["members"], rates["customers"], strict=True)
    rates[["low", "high"]] = [wilson_interval(*pair) for pair in pairs]
    rates["overall"] = np.repeat(counts.sum(axis=1) / counts.sum(), n_groups)
    rates["difference"] = rates["rate"] - rates["overall"]
    rates["ratio"] = rates["rate"] / rates["overall"]
    return rates


def _association(counts, n_permutations, random_state):
    n_customers, shape = counts.sum(), np.array(counts.shape)
    cramers_v, p_value = np.nan, 1.0
    if shape.min() > 1:
        tables = MonteCarloMethod(n_permutations, rng=np.random.default_rng(random_state))
        test = chi2_contingency(counts, correction=False, method=tables)
        p_value = test.pvalue
        # Bergsma's correction.
        excess = max(0, test.statistic / n_customers - np.prod(shape - 1) / (n_customers - 1))
        corrected = shape - (shape - 1) ** 2 / (n_customers - 1)
        cramers_v = np.sqrt(excess / (corrected.min() - 1))
    association = {"cramers_v": cramers_v, "p_value": p_value, "customers": n_customers}
    return pd.Series(association | {"segments": shape[0], "groups": shape[1]})
