"""TrajectoryClusterer: from trajectories to a tree of segments.

Trajectories in a state space come in; out come clusters, clusters inside each cluster, and a rule
that places any customer in a leaf. Maree & Omlin (2021), section IV-A.
"""

from __future__ import annotations

from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._utils._sklearn import (
    CallbackSupportMixin,
    HasMethods,
    Interval,
    StrOptions,
    _fit_context,
    one_task,
    set_random_states,
)
from .._utils._threads import one_thread
from ..metrics import temporal_stability
from ..metrics._movement import middle_period, warn_of_few_periods
from ..panel import validate_panel
from ._anchor import check_anchor, earlier_parts, keep_order, mean_states
from ._tree import SegmentTree, count_tenths, sample_rows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from sklearn.utils import Tags

    from .._utils._typing import Estimator, Floats, Integers, PanelLike, RandomState

FEWEST_CUSTOMERS = 10
"""Fewest customers of a segment: in a smaller one they could be identified."""
LARGEST_STATE = 1e150
"""The squared distance between larger states exceeds the range of a double."""


class TrajectoryClusterer(CallbackSupportMixin, ClusterMixin, BaseEstimator):
    """Cluster trajectories into a hierarchy of segments, with a segment for everybody.

    Parameters
    ----------
    max_depth : int, default=3
        Most levels of the hierarchy: clusters, then clusters inside each cluster, and so on.
    clusterer : "hdbscan", clusterer or None, default=None
        Divides a node. None is k-means, with the largest number of parts that are found again: in
        halves of the customers, k-means finds each of them with a mean Jaccard coefficient of 0.75
        or more. Numbers of parts that are less separate than the best one, and parts that are no
        more separate than those of a cloud without parts, do not count. If none is left, the node
        stays whole. ``"hdbscan"`` is :class:`hdbscan.HDBSCAN`: its smallest cluster
        is the smallest segment, and doubles until there are at most `max_clusters`. Any other
        clusterer is cloned for every node. Noise belongs to the nearest cluster.
    max_clusters : int, default=12
        Most children of a node if `clusterer` is None or "hdbscan". The Big Five have ten types.
    n_top : int, default=None
        Number of segments of the top level, which k-means then makes whether or not they are apart:
        for customers who differ by degrees, of whom the default would make one segment. It is
        smaller where a segment would be too small. `clusterer` divides the levels below.
    min_share : float, default=0.001
        Smallest share of all customers that makes a segment, which has ten customers or more.
    outlier_threshold : float, default=None
        Customers with a higher :meth:`outlier_score` get the label -1, whatever divides the nodes.
        By default everybody has a segment.
    n_periods : int, default=None
        Number of periods of a table whose columns do not name them.
    max_fit_samples : int, default=20000
        With more customers, the tree is fitted on a sample of this size; everybody is placed in it.
    random_state : int, RandomState instance or None, default=None
        Draws samples. Unless it is None, it also draws a seed for every clone of `clusterer`, in
        place of the clone's own, as scikit-learn's ensembles do.

    Attributes
    ----------
    labels_ : ndarray of int, shape (n_customers,)
        Leaf of each customer, 0 ... n_leaves - 1; -1 for outliers if there is a threshold.
    level_labels_ : ndarray of int, shape (n_customers, depth)
        Node of each customer at each level, as numbered in ``tree_``. A leaf above the last level
        is repeated. Outliers have nodes, too.
    strengths_, outlier_scores_ : ndarray, shape (n_customers,)
        As `strength` and `outlier_score` return them.
    tree_ : pandas.DataFrame
        One row per node: parent, depth, label (-1 unless a leaf), size, and the first exemplar.
    parents_, sizes_ : ndarray of int, shape (n_nodes,)
        Parent of each node, -1 for the root, and number of customers.
    centers_ : ndarray, shape (n_nodes, n_states)
    exemplars_ : ndarray of int, shape (n_nodes, 3)
        Rows in X of the customers nearest to the centre of each node; -1 where there are fewer.
    radii_ : ndarray, shape (n_leaves,)
        Median distance of the members of each leaf to its centre.
    outlier_counts_ : ndarray of int, shape (10,)
        Customers by tenths of their outlier score.
    outlier_threshold_ : float or None
    n_periods_ : int

    See Also
    --------
    LSTMStateExtractor : Makes the trajectories.
    skspend.metrics.hierarchy_agreement : Compares the levels with the traits.
    skspend.inspection.describe_segments : Describes the segments.

    Notes
    -----
    A customer is placed by the state at the last period, because an LSTM's state summarises all
    periods so far; measurements agree (``docs/measured.md``). From the root down, a customer goes
    to the child with the nearest centre. Therefore `predict` and `fit_predict` agree, and the
    segment at an earlier period is that of the state at that period. Under the default clusterer,
    customers whose neighbours are far away do not influence the centres.

    The parts of a divided node are found again by other fits to the same states, and they are more
    compact and further apart than those of a normal cloud or a box. There may still be customers
    between them: a slope along which customers thin out is divided, too.

    References
    ----------
    Maree & Omlin (2021), section IV-A. Hennig (2007), Cluster-wise assessment of cluster stability,
    Computational Statistics & Data Analysis 52. Rousseeuw (1987), Silhouettes, Journal of
    Computational and Applied Mathematics 20. Bezdek (1981), Pattern Recognition with Fuzzy
    Objective Function Algorithms, for the memberships. Campello, Moulavi & Sander (2013),
    Density-based clustering based on hierarchical density estimates, PAKDD, for HDBSCAN.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skspend import TrajectoryClusterer
    >>> X, _ = make_blobs(300, centers=[[0, 0], [9, 0], [0, 9]], cluster_std=1, random_state=0)
    >>> clusterer = TrajectoryClusterer(random_state=0).fit(X)
    >>> clusterer.tree_[["parent", "depth", "label", "size"]]
       parent  depth  label  size
    0      -1      0     -1   300
    1       0      1      0   100
    2       0      1      1   100
    3       0      1      2   100
    """

    _parameter_constraints = {
        "max_depth": [Interval(Integral, 1, None, closed="left")],
        "clusterer": [None, StrOptions({"hdbscan"}), HasMethods(["fit_predict"])],
        "max_clusters": [Interval(Integral, 2, None, closed="left")],
        "n_top": [None, Interval(Integral, 2, None, closed="left")],
        "min_share": [Interval(Real, 0, 0.5, closed="both")],
        "outlier_threshold": [None, Interval(Real, 0, 1, closed="both")],
        "n_periods": [None, Interval(Integral, 1, None, closed="left")],
        "max_fit_samples": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    }
    labels_: Integers
    level_labels_: Integers
    strengths_: Floats
    outlier_scores_: Floats
    parents_: Integers
    sizes_: Integers
    centers_: Floats
    radii_: Floats
    exemplars_: Integers
    outlier_counts_: Integers
    outlier_threshold_: float | None
    n_periods_: int

    def __init__(
        self,
        max_depth: int = 3,
        *,
        clusterer: Literal["hdbscan"] | Estimator | None = None,
        max_clusters: int = 12,
        n_top: int | None = None,
        min_share: float = 0.001,
        outlier_threshold: float | None = None,
        n_periods: int | None = None,
        max_fit_samples: int = 20_000,
        random_state: RandomState = None,
    ) -> None:
        self.max_depth = max_depth
        self.clusterer = clusterer
        self.max_clusters = max_clusters
        self.n_top = n_top
        self.min_share = min_share
        self.outlier_threshold = outlier_threshold
        self.n_periods = n_periods
        self.max_fit_samples = max_fit_samples
        self.random_state = random_state

    @one_task
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: PanelLike, y: object = None, *, anchor: ArrayLike | None = None) -> Self:
        """Grow the tree and place all customers.

        Parameters
        ----------
        X : panel of states, shape (n_customers, n_periods * n_states), or with three dimensions
        y : ignored
        anchor : array-like of int, shape (n_customers, depth), default=None
            Nodes that an earlier tree gave the same customers, as its `predict_levels` returns
            them; -1 for customers whom it does not know. The new tree keeps the parts of the
            earlier one where they are still found: k-means starts from their mean states, and the
            result counts if halves of the customers find it again. Other nodes are divided as
            without an anchor. Parts that are the same keep their order, and so their numbers while
            nothing before them is new.

        Returns
        -------
        self : TrajectoryClusterer

        Raises
        ------
        ValueError
            If states are so large that their squared distances are not finite, or `anchor` does not
            have a row for each customer.

        Warns
        -----
        UserWarning
            If X has a single period, named by its columns, or two.
        """
        panel = validate_panel(self, X, n_periods=self.n_periods)
        warn_of_few_periods(panel)
        states = _check_size(panel.cube[:, -1])
        random_state = check_random_state(self.random_state)
        rows = sample_rows(np.arange(len(states)), self.max_fit_samples, random_state)
        smallest = max(FEWEST_CUSTOMERS, round(self.min_share * len(rows)))
        sample = states[rows].astype(np.float64)
        earlier = None if anchor is None else check_anchor(anchor, states)[rows]
        divide_rows = partial(self._divide, sample, earlier, smallest, random_state)
        tree = SegmentTree.grow(sample, divide_rows)
        self.parents_, self.centers_, self.radii_ = tree.parents, tree.centers, tree.radii
        self.outlier_threshold_ = self.outlier_threshold
        self.level_labels_ = nodes = tree.route(states)
        self.strengths_, self.outlier_scores_ = tree.judge(states, nodes[:, -1])
        self.outlier_counts_ = count_tenths(self.outlier_scores_)
        self.labels_ = tree.labels[nodes[:, -1]]
        if self.outlier_threshold is not None:
            self.labels_[self.outlier_scores_ > self.outlier_threshold] = -1
        self.sizes_, self.exemplars_ = tree.survey(states, nodes)
        return self

    def _divide(self, sample, earlier, smallest, random_state, rows, depth):
        """Centres of the parts of a node, `rows` of the sample; none if the node stays whole."""
        members = sample[rows]
        if depth == self.max_depth or len(members) < 2 * smallest:
            return []
        n_parts = self.n_top if depth == 0 else None
        if earlier is None:
            return self._find_parts(members, n_parts, smallest, random_state)
        parts = earlier_parts(earlier[rows], depth)
        proposed = mean_states(members, parts, smallest)
        centers = self._find_parts(members, n_parts, smallest, random_state, proposed)
        return keep_order(centers, members, parts)

    def _find_parts(self, members, n_parts, smallest, random_state, proposed=()):
        # What finds parts is imported here: to place customers in a fitted tree needs none of it.
        from ._division import cut, divide, label_by_density

        if n_parts is not None:
            with one_thread():
                return cut(members, n_parts, smallest, random_state, proposed)
        if self.clusterer is None:
            with one_thread():
                return divide(members, self.max_clusters, smallest, random_state, proposed)
        if isinstance(self.clusterer, str):
            labels = label_by_density(members, self.max_clusters, smallest)
        else:
            clusterer = clone(self.clusterer)
            if self.random_state is not None:
                set_random_states(clusterer, random_state)
            labels = clusterer.fit_predict(members)
        found, sizes = np.unique(labels[labels >= 0], return_counts=True)
        large = found[sizes >= smallest]
        return [members[labels == label].mean(axis=0) for label in large] * (len(large) > 1)

    def _read(self, X, period=-1):
        """The fitted tree, the states of X at a period, and their nodes at every level."""
        check_is_fitted(self)
        tree = SegmentTree(self.parents_, self.centers_, self.radii_)
        cube = validate_panel(self, X, reset=False, shorter=True).cube
        n_periods = cube.shape[1]
        if not -n_periods <= period < n_periods:
            raise ValueError(
                f"period={period} is not in X. Expected a number from {-n_periods}, the first, to "
                f"-1, the last, or from 0 to {n_periods - 1}."
            )
        states = _check_size(cube[:, period])
        return tree, states, tree.route(states)

    def predict(self, X: PanelLike) -> Integers:
        """Place customers in leaves, by their last states.

        Parameters
        ----------
        X : panel of states, as in `fit`, or of its first periods alone

        Returns
        -------
        labels : ndarray of int, shape (n_customers,)
            As in ``labels_``.

        Raises
        ------
        ValueError
            If the states or periods are not those of `fit`.
        """
        tree, states, nodes = self._read(X)
        labels = tree.labels[nodes[:, -1]]
        if self.outlier_threshold_ is not None:
            labels[tree.judge(states, nodes[:, -1])[1] > self.outlier_threshold_] = -1
        return labels

    def predict_levels(self, X: PanelLike, *, period: int = -1) -> Integers:
        """Return the nodes of customers, as in ``level_labels_``, shape (n_customers, depth).

        The states at `period` decide: 0 is the first, -1 the last period of X. X and the errors are
        as in `predict`; a period that X does not have raises ValueError, too.
        """
        return self._read(X, period)[2]

    def strength(self, X: PanelLike) -> Floats:
        """Return how clearly customers belong to their leaf, shape (n_customers,).

        It is 1 minus the distance to the centre of the leaf over that to the nearest other leaf: 1
        at the centre, 0 halfway. X is as in `predict`.
        """
        tree, states, nodes = self._read(X)
        return tree.judge(states, nodes[:, -1])[0]

    def outlier_score(self, X: PanelLike) -> Floats:
        """Return how far customers are from their leaf's centre, shape (n_customers,).

        It is 0 up to the median distance of the leaf's members, 0.5 at twice and 0.9 at ten times
        that distance. X is as in `predict`.
        """
        tree, states, nodes = self._read(X)
        return tree.judge(states, nodes[:, -1])[1]

    def membership(self, X: PanelLike) -> Floats:
        """Return the degree to which customers belong to each leaf, shape (n_customers, n_leaves).

        Rows sum to 1. Among the children of a node, memberships fall with the squared distance to
        the centre, as in fuzzy c-means; they multiply from the root down. Between leaves of
        different parents, the largest need not be that of the leaf of `predict`. X is as there.
        """
        tree, states, _ = self._read(X)
        return tree.memberships(states.astype(np.float64))

    def find_exemplars(self, X: PanelLike) -> Integers:
        """Return the customers nearest to the centre of each node, shape (n_nodes, 3).

        They are rows of X, as in ``exemplars_``. X is as in `predict`.
        """
        tree, states, nodes = self._read(X)
        return tree.survey(states, nodes)[1]

    def score(self, X: PanelLike, y: object = None) -> float:
        """Return how stable the top level is from the middle to the last period.

        It is their :func:`~skspend.metrics.temporal_stability`, or NaN if X has one period, in
        which nobody can move. X is as in `predict`, and y is ignored.
        """
        check_is_fitted(self)
        n_periods = validate_panel(self, X, reset=False, shorter=True).cube.shape[1]
        if n_periods == 1:
            return np.nan
        middle = self.predict_levels(X, period=middle_period(n_periods))
        return temporal_stability(middle[:, 0], self.predict_levels(X)[:, 0])

    @property
    def tree_(self) -> pd.DataFrame:
        """The nodes of the hierarchy, as a frame."""
        check_is_fitted(self)
        tree = SegmentTree(self.parents_, self.centers_, self.radii_)
        nodes = {"parent": self.parents_, "depth": tree.depths, "label": tree.labels}
        return pd.DataFrame(nodes | {"size": self.sizes_, "exemplar": self.exemplars_[:, 0]})

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _check_size(states):
    """Return the states if distances between them are finite."""
    # Converted, because the limit itself is beyond single precision.
    largest = np.abs(states).max(axis=1).astype(np.float64)
    if (is_large := largest > LARGEST_STATE).any():
        raise ValueError(
            f"X has states of up to {largest.max():.1e}, and their distances overflow beyond "
            f"{LARGEST_STATE:.0e}. Customers affected: {is_large.sum()}, first row: "
            f"{is_large.argmax()}. Scale X, for example with sklearn.preprocessing.StandardScaler."
        )
    return states
