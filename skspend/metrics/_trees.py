"""The segments of two fits, compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils import check_array, check_consistent_length

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .._utils._typing import Floats


def tree_agreement(levels: ArrayLike, other_levels: ArrayLike) -> pd.Series:
    """Compare the segments of the same customers in two trees by the adjusted Rand index.

    Parameters
    ----------
    levels, other_levels : array-like of int, shape (n_customers, n_levels)
        Node of each customer at each level of a tree, the top level first, as
        ``TrajectoryClusterer.predict_levels`` returns them. The numbers of the nodes and of the
        levels may differ between the trees.

    Returns
    -------
    agreement : Series of three floats
        1 if the segments are the same, about 0 if they agree by chance; NaN where neither tree
        divides the customers, which says nothing. ``top`` compares the first levels, ``leaves`` the
        last levels. ``inside`` compares the leaves without credit for the top level: among
        customers who share the top segments of both trees, a mean weighted by customers over the
        groups of them that a tree divides.

    Raises
    ------
    ValueError
        If the numbers of customers differ, or there are no customers.

    References
    ----------
    Hubert & Arabie (1985), Comparing partitions, Journal of Classification 2.

    Examples
    --------
    >>> levels = [[1, 3], [1, 3], [1, 4], [1, 4], [2, 2], [2, 2]]
    >>> other_levels = [[2, 4], [2, 3], [2, 4], [2, 3], [1, 1], [1, 1]]
    >>> tree_agreement(levels, other_levels).round(2).to_dict()
    {'top': 1.0, 'leaves': 0.17, 'inside': -0.5}
    """
    levels = check_array(levels, dtype=None, input_name="levels")
    other_levels = check_array(other_levels, dtype=None, input_name="other_levels")
    check_consistent_length(levels, other_levels)
    top, leaves = (
        pd.DataFrame({"own": levels[:, level], "other": other_levels[:, level]})
        for level in (0, -1)
    )
    groups = [group for _, group in leaves.groupby([top["own"], top["other"]])]
    divided = [group for group in groups if group.nunique().max() > 1]
    inside = np.nan
    if divided:
        inside = np.average(list(map(_adjusted_rand, divided)), weights=list(map(len, divided)))
    values = {"top": _adjusted_rand(top), "leaves": _adjusted_rand(leaves), "inside": inside}
    return pd.Series(values, dtype=float)


def _adjusted_rand(pairs):
    if pairs.nunique().max() == 1:
        return np.nan
    return adjusted_rand_score(pairs["own"], pairs["other"])


def match_labels(labels: ArrayLike, others: ArrayLike) -> dict[object, object]:
    """Match segments of two fits one to one, so that most customers are in matching segments.

    `labels` and `others` are the segments of the same customers, shape (n_customers,). Where one
    fit has more segments, some of them have no match and are missing. The assignment is that of
    Kuhn (1955), The Hungarian method for the assignment problem, Naval Research Logistics Quarterly
    2.
    """
    table = contingency_matrix(labels, others)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return dict(zip(np.unique(labels)[rows], np.unique(others)[columns], strict=True))


def jaccard(own: Floats, other: Floats) -> Floats:
    """Jaccard coefficients of two lists of sets of customers, shape (n_own, n_other).

    `own` and `other`, shape (n_customers, n_sets), are 1 for the customers in each set and 0 for
    the others. The coefficient of two empty sets is 0.
    """
    both = own.T @ other
    either = own.sum(axis=0)[:, None] + other.sum(axis=0) - both
    return np.divide(both, either, out=np.zeros_like(both), where=either > 0)
