"""TrajectoryClusterer: from trajectories to a tree of segments.

Trajectories in a state space come in; out go clusters, clusters inside each cluster, and a rule
that brings any customer to a leaf. Maree & Omlin (2021), section IV-A.
"""

from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.cluster import KMeans
from sklearn.metrics import (
    cohen_kappa_score,
    pairwise_distances,
    pairwise_distances_argmin,
    silhouette_score,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ._sklearn import CallbackSupportMixin, HasMethods, Interval, _fit_context, one_task
from ._threads import one_thread
from .panel import validate_panel

SILHOUETTE_SAMPLE = 2000
"""Customers on which the number of clusters is judged: its cost is quadratic."""
FEWEST_CUSTOMERS = 10
"""Fewer customers than this could be recognised, and nothing can be said of them in general."""


class TrajectoryClusterer(CallbackSupportMixin, ClusterMixin, BaseEstimator):
    """Cluster trajectories into a hierarchy of segments, with a place for everybody.

    Parameters
    ----------
    max_depth : int, default=3
        Levels of the hierarchy: clusters, then clusters inside each cluster, and so on.
    clusterer : clusterer, default=None
        What divides a node: any scikit-learn clusterer, or ``hdbscan.HDBSCAN``, cloned for every
        node. What it calls noise belongs to the nearest cluster. By default k-means with the number
        of clusters, up to `max_clusters`, that has the highest silhouette.
    max_clusters : int, default=12
        Most children of a node under the default clusterer. The Big Five have ten types.
    min_share : float, default=0.01
        Smallest share of all customers that makes a segment, and never under ten customers; a
        division with a smaller part is not considered.
    min_silhouette : float, default=0.25
        Separation below which a node is not divided.
    n_periods : int, default=None
        Number of periods of a table whose columns do not say.
    max_fit_samples : int, default=20000
        With more customers the tree is learned from a sample of this size; all are routed.
    random_state : int, RandomState instance or None, default=None
        Seeds k-means and samples.

    Attributes
    ----------
    labels_ : ndarray of int, shape (n_customers,)
        Leaf of each customer, 0 ... n_leaves - 1.
    level_labels_ : ndarray of int, shape (n_customers, depth)
        Node of each customer at each level, as numbered in ``tree_``. A leaf above the last level
        is repeated.
    strengths_ : ndarray, shape (n_customers,)
        1 at the centre of the leaf, 0 halfway to the next.
    outlier_scores_ : ndarray, shape (n_customers,)
        0 up to the median distance from the leaf's centre; 0.5 at twice, 0.9 at ten times it.
    tree_ : pandas.DataFrame
        One row per node: parent (-1 for the root), depth, label (-1 unless a leaf), size and
        exemplar (the row in X of the customer nearest to the centre).
    centers_ : ndarray, shape (n_nodes, n_states)
        Mean last state of each node.
    n_periods_ : int
        Number of periods.

    See Also
    --------
    LSTMStateExtractor : Makes the trajectories.

    Notes
    -----
    A customer is placed by the state at the last period: an LSTM's state sums up what it has read,
    and what was measured agrees (clusters of whole or mean trajectories match the personality types
    less well). From the root down, everybody goes to the child with the nearest centre. So
    `predict` and `fit_predict` agree, and a segment at an earlier period is that of its state.

    References
    ----------
    Maree & Omlin (2021), section IV-A. Rousseeuw (1987), Silhouettes, Journal of Computational and
    Applied Mathematics 20.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skspend import TrajectoryClusterer
    >>> X, _ = make_blobs(300, centers=[[0, 0], [9, 0], [0, 9]], cluster_std=1, random_state=0)
    >>> clusterer = TrajectoryClusterer(max_depth=1, random_state=0).fit(X)
    >>> clusterer.tree_[["parent", "depth", "label", "size"]]
       parent  depth  label  size
    0      -1      0     -1   300
    1       0      1      0   100
    2       0      1      1   100
    3       0      1      2   100
    """

    _parameter_constraints = {
        "max_depth": [Interval(Integral, 1, None, closed="left")],
        "clusterer": [None, HasMethods(["fit_predict"])],
        "max_clusters": [Interval(Integral, 2, None, closed="left")],
        "min_share": [Interval(Real, 0, 0.5, closed="both")],
        "min_silhouette": [Interval(Real, -1, 1, closed="both")],
        "n_periods": [None, Interval(Integral, 1, None, closed="left")],
        "max_fit_samples": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        max_depth=3,
        clusterer=None,
        max_clusters=12,
        min_share=0.01,
        min_silhouette=0.25,
        n_periods=None,
        max_fit_samples=20_000,
        random_state=None,
    ):
        self.max_depth = max_depth
        self.clusterer = clusterer
        self.max_clusters = max_clusters
        self.min_share = min_share
        self.min_silhouette = min_silhouette
        self.n_periods = n_periods
        self.max_fit_samples = max_fit_samples
        self.random_state = random_state

    @one_task
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Grow the tree and place all customers.

        Parameters
        ----------
        X : panel of states, shape (n_customers, n_periods * n_states), or with three dimensions
        y : ignored

        Returns
        -------
        self : TrajectoryClusterer
        """
        states = validate_panel(self, X, n_periods=self.n_periods)[:, -1]
        random_state = check_random_state(self.random_state)
        sample = states
        if len(states) > self.max_fit_samples:
            chosen = random_state.choice(len(states), self.max_fit_samples, replace=False)
            sample = states[np.sort(chosen)]
        self._grow(sample.astype(np.float64), random_state)
        self._count(states)
        return self

    def _grow(self, sample, random_state):
        """Divide nodes from the root down, breadth first, until nothing divides."""
        parents, depths, centers = [-1], [0], [sample.mean(axis=0)]
        smallest = max(FEWEST_CUSTOMERS, round(self.min_share * len(sample)))
        to_divide = [(0, sample)]
        for node, members in to_divide:
            if depths[node] == self.max_depth or len(members) < 2 * smallest:
                continue
            parts = self._divide(members, smallest, random_state)
            for center in parts:
                parents.append(node)
                depths.append(depths[node] + 1)
                centers.append(center)
            nearest = _nearest(members, parts) if len(parts) else None
            first = len(parents) - len(parts)
            to_divide += [(first + i, members[nearest == i]) for i in range(len(parts))]
        self._parents, self._depths = np.array(parents), np.array(depths)
        self.centers_ = np.array(centers)
        is_leaf = ~np.isin(np.arange(len(parents)), parents)
        self._labels = np.where(is_leaf, np.cumsum(is_leaf) - 1, -1)

    def _divide(self, members, smallest, random_state):
        """Centres of the parts of a node; none if it is better left whole."""
        seed = random_state.randint(2**31 - 1)
        if self.clusterer is not None:
            labels = clone(self.clusterer).fit_predict(members)
            found = np.unique(labels[labels >= 0])
            return [members[labels == label].mean(axis=0) for label in found] * (len(found) > 1)
        best, best_silhouette = [], self.min_silhouette
        n_distinct = len(np.unique(members, axis=0))
        most = min(self.max_clusters, len(members) // smallest, n_distinct, len(members) - 1)
        with one_thread():
            for n_clusters in range(2, most + 1):
                kmeans = KMeans(n_clusters, n_init=3, random_state=seed).fit(members)
                if np.bincount(kmeans.labels_, minlength=n_clusters).min() < smallest:
                    continue
                silhouette = _silhouette(members, kmeans.labels_, seed)
                if silhouette > best_silhouette:
                    best, best_silhouette = list(kmeans.cluster_centers_), silhouette
        return best

    def _count(self, states):
        """Set what depends on who is where."""
        nodes, distances = self._place(states)
        leaves = nodes[:, -1]
        own = distances[np.arange(len(states)), self._labels[leaves]]
        self.level_labels_ = nodes
        self.labels_ = self._labels[leaves]
        self.strengths_ = _strengths(distances, self.labels_)
        typical = pd.Series(own).groupby(self.labels_).transform("median").to_numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            beyond = 1 - typical / own
        self.outlier_scores_ = np.clip(np.nan_to_num(beyond), 0, 1)
        self._sizes = np.array(
            [(nodes == node).any(axis=1).sum() for node in range(len(self._parents))]
        )
        self._sizes[0] = len(states)
        self._exemplars = self._find_exemplars(states, nodes)

    def _find_exemplars(self, states, nodes):
        exemplars = np.full(len(self._parents), -1)
        for node in range(len(self._parents)):
            members = np.flatnonzero((nodes == node).any(axis=1) | (node == 0))
            if len(members):
                nearest = np.linalg.norm(states[members] - self.centers_[node], axis=1).argmin()
                exemplars[node] = members[nearest]
        return exemplars

    def _place(self, states):
        """Route states down the tree.

        Returns
        -------
        nodes : ndarray of int, shape (n_customers, depth)
        distances : ndarray, shape (n_customers, n_leaves)
        """
        states = states.astype(np.float64)
        depth = max(1, self._depths.max())
        nodes = np.zeros((len(states), depth), dtype=np.int64)
        here = np.zeros(len(states), dtype=np.int64)
        for level in range(depth):
            for node in np.unique(here):
                children = np.flatnonzero(self._parents == node)
                if len(children):
                    members = here == node
                    nodes[members, level] = children[
                        _nearest(states[members], self.centers_[children])
                    ]
                else:
                    nodes[here == node, level] = node
            here = nodes[:, level].copy()
        leaves = np.flatnonzero(self._labels >= 0)
        return nodes, pairwise_distances(states, self.centers_[leaves])

    def predict(self, X):
        """Bring customers to a leaf.

        Parameters
        ----------
        X : panel of states, as in `fit`

        Returns
        -------
        labels : ndarray of int, shape (n_customers,)
        """
        leaves = self.predict_levels(X)[:, -1]
        return self._labels[leaves]

    def predict_levels(self, X):
        """Bring customers to a node at every level.

        Parameters
        ----------
        X : panel of states, as in `fit`

        Returns
        -------
        nodes : ndarray of int, shape (n_customers, depth)
            Rows of ``tree_``.
        """
        check_is_fitted(self)
        return self._place(validate_panel(self, X, reset=False)[:, -1])[0]

    def strength(self, X):
        """Tell how clearly customers belong to their leaf.

        Parameters
        ----------
        X : panel of states, as in `fit`

        Returns
        -------
        strengths : ndarray, shape (n_customers,)
            One minus the distance to the centre of the leaf over that to the nearest other leaf.
        """
        check_is_fitted(self)
        nodes, distances = self._place(validate_panel(self, X, reset=False)[:, -1])
        return _strengths(distances, self._labels[nodes[:, -1]])

    def score(self, X, y=None):
        """Return how stable the top level is in time.

        Parameters
        ----------
        X : panel of states, as in `fit`
        y : ignored

        Returns
        -------
        kappa : float
            Cohen's kappa between the segments at the middle and at the last period: 1 if everybody
            stays, 0 if no more do than by chance, as when one segment holds everybody.
        """
        check_is_fitted(self)
        states = validate_panel(self, X, reset=False)
        middle, last = (
            self._place(states[:, period])[0][:, 0] for period in ((self.n_periods_ - 1) // 2, -1)
        )
        if len(np.union1d(middle, last)) == 1:
            return 0.0
        return float(cohen_kappa_score(middle, last))

    @property
    def tree_(self):
        """The nodes of the hierarchy, as a frame."""
        check_is_fitted(self)
        return pd.DataFrame(
            {
                "parent": self._parents,
                "depth": self._depths,
                "label": self._labels,
                "size": self._sizes,
                "exemplar": self._exemplars,
            }
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _nearest(states, centers):
    return pairwise_distances_argmin(states, np.asarray(centers))


def _strengths(distances, labels):
    rows = np.arange(len(labels))
    own = distances[rows, labels]
    others = distances.copy()
    others[rows, labels] = np.inf
    nearest_other = others.min(axis=1)
    # Two leaves with one centre cannot be told apart.
    ratio = np.divide(own, nearest_other, out=np.ones_like(own), where=nearest_other > 0)
    return np.clip(1 - ratio, 0, 1)


def _silhouette(members, labels, seed):
    if len(members) <= SILHOUETTE_SAMPLE:
        return silhouette_score(members, labels)
    chosen = np.random.RandomState(seed).choice(len(members), SILHOUETTE_SAMPLE, replace=False)
    if len(np.unique(labels[chosen])) < 2:
        return -1.0
    return silhouette_score(members[chosen], labels[chosen])
