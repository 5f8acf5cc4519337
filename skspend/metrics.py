"""How trajectories move, how stable segments are, and whether their hierarchy follows the traits.

Trajectories, segments and trait scores come in; out comes a figure for each claim of section IV-A
of Maree & Omlin (2021). Each of these is also a scorer for searches, which needs no y. The trees of
two fits are compared as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.stats import entropy
from sklearn.metrics import adjusted_rand_score, cohen_kappa_score, mutual_info_score
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch, check_array, check_consistent_length, check_random_state

from .panel import Panel
from .personality import TRAITS, encode_types

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ._utils._typing import Estimator, Floats, PanelLike, RandomState
    from .transactions import TransactionLog

    Input: TypeAlias = TransactionLog | PanelLike

__all__ = [
    "direction_change",
    "direction_scorer",
    "hierarchy_agreement",
    "hierarchy_scorer",
    "stability_scorer",
    "temporal_stability",
    "tree_agreement",
]


def direction_change(trajectories: ArrayLike) -> Floats:
    """Return the mean angle between successive displacements of each trajectory.

    Parameters
    ----------
    trajectories : array-like, shape (n_customers, n_periods, n_dimensions)
        At least three periods.

    Returns
    -------
    degrees : ndarray, shape (n_customers,)
        0 for a straight line, 180 for back and forth. NaN for a customer without two successive
        displacements, such as one who stands still.

    Raises
    ------
    ValueError
        If there are fewer than three periods, which have no two displacements.

    References
    ----------
    Maree & Omlin (2021), section IV-A: trajectories "with low average change of direction".

    Examples
    --------
    >>> direction_change([[[0, 0], [1, 0], [2, 0], [2, 1]]]).tolist()
    [45.0]
    """
    trajectories = check_array(trajectories, allow_nd=True, ensure_2d=False, dtype=np.float64)
    if trajectories.ndim != 3 or trajectories.shape[1] < 3:
        raise ValueError(
            f"trajectories has the shape {trajectories.shape}. Pass (customers, at least 3 "
            f"periods, dimensions)."
        )
    steps = np.diff(trajectories, axis=1)
    lengths = np.linalg.norm(steps, axis=2)
    products = (steps[:, 1:] * steps[:, :-1]).sum(axis=2)
    scale = lengths[:, 1:] * lengths[:, :-1]
    moves = scale > 0
    cosines = np.divide(products, scale, out=np.ones_like(products), where=moves)
    angles = np.where(moves, np.degrees(np.arccos(np.clip(cosines, -1, 1))), 0)
    n_moves = moves.sum(axis=1)
    return np.where(n_moves > 0, angles.sum(axis=1) / np.maximum(n_moves, 1), np.nan)


def middle_period(n_periods: int) -> int:
    """Position, from 0, of the last period that ends in the first half of the time."""
    return (n_periods - 1) // 2


def mean_direction_change(trajectories: ArrayLike) -> float:
    """Mean of :func:`direction_change` over customers; NaN if nobody has two displacements."""
    degrees = direction_change(trajectories)
    return float(np.nanmean(degrees)) if np.isfinite(degrees).any() else np.nan


def temporal_stability(earlier: ArrayLike, last: ArrayLike) -> float:
    """Return Cohen's kappa between the segments at an earlier period and at the last one.

    Parameters
    ----------
    earlier, last : array-like of int or str, shape (n_customers,)
        Segments of the same customers, in the same order.

    Returns
    -------
    kappa : float
        1 if everybody stays; 0 if no more customers stay than by chance, as in a single segment.

    Raises
    ------
    ValueError
        If the lengths differ, or there are no customers.

    References
    ----------
    Maree & Omlin (2021), section IV-A: "each trajectory remained in the same micro-cluster for the
    observed six-year time period". Cohen (1960), A coefficient of agreement for nominal scales.

    Examples
    --------
    >>> temporal_stability(["a", "a", "b", "b"], ["a", "a", "b", "a"])
    0.5
    >>> temporal_stability(["a", "a", "a", "a"], ["a", "a", "a", "a"])
    0.0
    """
    earlier, last = np.asarray(earlier), np.asarray(last)
    check_consistent_length(earlier, last)
    if not len(last):
        raise ValueError("There are no customers. Pass the segments of at least one.")
    is_single = len(np.union1d(earlier, last)) == 1
    return 0.0 if is_single else float(cohen_kappa_score(earlier, last))


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
        Node of each customer at each level, the top level first; up to five levels.
    scores : array-like, shape (n_customers, 5)
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
    if levels.shape[1] > len(TRAITS):
        raise ValueError(
            f"level_labels has {levels.shape[1]} levels, but only {len(TRAITS)} traits can be "
            f"compared with them. Pass level_labels[:, :{len(TRAITS)}]."
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


def direction_scorer(estimator: Estimator, X: Input, y: object = None) -> float:
    """Return minus the mean :func:`direction_change` in degrees, for ``scoring=`` in a search.

    Parameters
    ----------
    estimator : extractor, TrajectoryClusterer, or Pipeline that ends in one
        Fitted, on at least three periods.
    X : the input that the estimator was fitted on
    y : ignored

    Returns
    -------
    score : float
        Greater is better, as in scikit-learn; NaN if nobody has two displacements.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skspend import LSTMStateExtractor
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(100, 3, 12, random_state=0)
    >>> states = LSTMStateExtractor(objective="reconstruct", epochs=2, random_state=0)
    >>> search = GridSearchCV(states, {"n_units": [2, 3]}, scoring=direction_scorer, cv=2)
    >>> bool(search.fit(bank.data).best_score_ < 0)
    True
    """
    found = run_to_trajectories(estimator, X)
    return -mean_direction_change(Panel.read(found.states, found.n_periods).cube)


def stability_scorer(estimator: Estimator, X: Input, y: object = None) -> float:
    """Return the :func:`temporal_stability` of level 1, as ``TrajectoryClusterer.score`` does.

    The estimator is a TrajectoryClusterer, or a Pipeline that ends in one. X and y are as in
    :func:`direction_scorer`.
    """
    found = run_to_trajectories(estimator, X, "stability_scorer")
    return found.clusterer.score(found.states)


def hierarchy_scorer(estimator: Estimator, X: Input, y: object = None) -> float:
    """Return the mean ``ami`` over the levels of :func:`hierarchy_agreement`.

    The estimator is a Pipeline that ends in a TrajectoryClusterer; its extractor has the objective
    "type" or "scores", which need trait scores. X and y are as in :func:`direction_scorer`.
    """
    found = run_to_trajectories(estimator, X, "hierarchy_scorer")
    levels = found.clusterer.predict_levels(found.states)
    if found.scores is None:
        raise ValueError(
            "hierarchy_scorer needs trait scores, but no step of the estimator has a scorer_. "
            "Score a Pipeline with an extractor whose objective is 'type' or 'scores'."
        )
    return float(hierarchy_agreement(levels, found.scores, n_permutations=0)["ami"].mean())


def mean_trait_scores(scorer, X):
    """Scores by a fitted scorer, shape (n_customers, 5): the mean over the periods it returns."""
    scores = np.asarray(scorer.transform(X))
    return Panel.read(scores, scores.shape[1] // len(TRAITS)).cube.mean(axis=1)


def run_to_trajectories(estimator, X, needs_segments=""):
    """Run a fitted extractor, TrajectoryClusterer or Pipeline on X, up to the trajectories.

    Returns a Bunch: `states`, a panel; `n_periods`; `clusterer`, the TrajectoryClusterer at the
    end, or None (ValueError if `needs_segments` names a caller); `extractor`, the step with a
    scorer_, `panel`, its input, and `scores`, shape (n_customers, 5), means over the periods; these
    three are None if no step has a scorer_.
    """
    is_pipeline = isinstance(estimator, Pipeline)
    steps = [step for _, step in estimator.steps] if is_pipeline else [estimator]
    scores = clusterer = panel = extractor = None
    for step in steps:
        if hasattr(step, "predict_levels"):
            clusterer = step
            break
        if hasattr(step, "scorer_"):
            panel, extractor = X, step
            scores = mean_trait_scores(step.scorer_, X)
        X = step.transform(X)
    if clusterer is None and needs_segments:
        raise ValueError(
            f"{needs_segments} needs segments: score a TrajectoryClusterer, or a Pipeline that "
            f"ends in one."
        )
    found = {"scores": scores, "clusterer": clusterer, "panel": panel, "extractor": extractor}
    return Bunch(states=X, n_periods=steps[-1].n_periods_, **found)
