"""Whether a hierarchy of segments follows the hierarchy of the traits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import entropy
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import expected_mutual_information
from sklearn.utils import check_array, check_consistent_length, check_random_state

from .._utils._text import count
from ..personality import encode_types

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .._utils._typing import RandomState


def hierarchy_agreement(
    level_labels: ArrayLike,
    scores: ArrayLike,
    *,
    n_permutations: int = 100,
    random_state: RandomState = None,
) -> pd.DataFrame:
    """Compare each level of a hierarchy of segments with the trait of the same rank.

    Level 1 is compared with the dominant trait, level 2 with the second most dominant, and so on,
    each trait with its sign. Below level 1 the comparison is made inside each parent, so that a
    level gets no credit for what its parents already divide.

    Parameters
    ----------
    level_labels : array-like of int, shape (n_customers, n_levels)
        Node of each customer at each level, the top level first; no more than traits.
    scores : array-like, shape (n_customers, n_traits)
        Trait scores of the same customers.
    n_permutations : int, default=100
        Shuffles of the traits inside each parent, from which the baseline comes.
    random_state : int, RandomState instance or None, default=None
        Draws the shuffles.

    Returns
    -------
    agreement : DataFrame
        A row for each level: ``level``; ``parents``, the number of nodes that the level divides;
        ``customers`` in them; ``ami``, the adjusted mutual information of the parts and the traits,
        a mean over the parents weighted by customers, 0 where nothing divides; ``baseline`` and
        ``baseline_95``, its mean and 95 % quantile after shuffling, NaN without permutations; and
        ``p_value``, the probability that shuffled traits agree as much.

    Raises
    ------
    ValueError
        If the numbers of customers differ, or there are more levels than traits.

    References
    ----------
    Maree & Omlin (2021), section IV-A: "the existing hierarchy of the relative strength of the
    personality traits was reflected in a hierarchy of clusters". Vinh, Epps & Bailey (2010),
    Information theoretic measures for clusterings comparison, JMLR 11.

    Examples
    --------
    >>> scores = np.random.default_rng(0).normal(size=(500, 5))
    >>> by_trait = np.abs(scores).argmax(axis=1)
    >>> found = hierarchy_agreement(by_trait[:, None], scores, n_permutations=20, random_state=0)
    >>> bool(found.loc[0, "ami"] > found.loc[0, "baseline_95"])
    True
    """
    levels = check_array(level_labels, dtype=None, input_name="level_labels")
    scores = check_array(scores, input_name="scores")
    check_consistent_length(levels, scores)
    n_traits = scores.shape[1]
    if levels.shape[1] > n_traits:
        raise ValueError(
            f"level_labels has {levels.shape[1]} levels, but only {count(n_traits, 'trait')} can "
            f"be compared with them. Pass level_labels[:, :{n_traits}]."
        )
    random_state = check_random_state(random_state)
    parents = np.zeros(len(levels), dtype=int)
    rows = []
    for level, labels in enumerate(levels.T):
        by_parent = pd.Series(range(len(labels))).groupby(parents).indices.values()
        members = [inside for inside in by_parent if len(np.unique(labels[inside])) > 1]
        types = encode_types(scores, rank=level + 1)
        pairs = [_Pair(labels[inside], types[inside]) for inside in members]
        found = _mean_ami(pairs)
        by_chance = [_mean_ami(pairs, random_state.permutation) for _ in range(n_permutations)]
        rows.append(
            {
                "level": level + 1,
                "parents": len(members),
                "customers": sum(map(len, members)),
                "ami": found,
                "baseline": np.mean(by_chance) if by_chance else np.nan,
                "baseline_95": np.quantile(by_chance, 0.95) if by_chance else np.nan,
                "p_value": (1 + np.sum(np.asarray(by_chance) >= found)) / (1 + n_permutations),
            }
        )
        parents = labels
    return pd.DataFrame(rows)


class _Pair:
    """The parts of a parent and the traits of its customers.

    To shuffle the traits changes their mutual information with the parts, but neither its expected
    value nor the entropies, of which the adjusted one is made.
    """

    def __init__(self, parts, traits):
        _, self.parts = np.unique(parts, return_inverse=True)
        _, self.traits = np.unique(traits, return_inverse=True)
        table = self._table(self.traits)
        self.expected = expected_mutual_information(table, len(parts))
        self.most = np.mean([entropy(table.sum(axis=axis)) for axis in (0, 1)])

    def _table(self, traits):
        n_parts, n_traits = self.parts.max() + 1, self.traits.max() + 1
        cells = np.bincount(self.parts * n_traits + traits, minlength=n_parts * n_traits)
        return cells.reshape(n_parts, n_traits)

    def ami(self, shuffle):
        if np.isclose(self.most, self.expected):
            return 1.0  # nobody is like another, in parts and in traits
        mutual = mutual_info_score(None, None, contingency=self._table(shuffle(self.traits)))
        return (mutual - self.expected) / (self.most - self.expected)


def _mean_ami(pairs, shuffle=np.asarray):
    if not pairs:
        return 0.0
    weights = [len(pair.parts) for pair in pairs]
    return float(np.average([pair.ami(shuffle) for pair in pairs], weights=weights))
