"""TrajectoryClusterer: from trajectories to a tree of segments.

Trajectories in a state space come in; out go clusters, clusters inside each cluster, and a rule
that brings any customer to a leaf. Maree & Omlin (2021), section IV-A.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.metrics import pairwise_distances, pairwise_distances_argmin
from sklearn.utils import check_random_state, gen_batches
from sklearn.utils.validation import check_is_fitted

from .._utils._sklearn import CallbackSupportMixin, HasMethods, Interval, _fit_context, one_task
from .._utils._threads import one_thread
from ..metrics import temporal_stability
from ..panel import validate_panel
from ._division import divide

if TYPE_CHECKING:
    from sklearn.utils import Tags

    from .._utils._typing import Estimator, Floats, Integers, PanelLike, RandomState

FEWEST_CUSTOMERS = 10
"""Fewer customers than this could be recognised, and nothing can be said of them in general."""
BLOCK = 8192
"""Customers whose distances to all leaves are held at once."""
N_EXEMPLARS = 3
LARGEST_STATE = 1e150
"""Beyond, the square of a distance is more than a double can hold."""


class TrajectoryClusterer(CallbackSupportMixin, ClusterMixin, BaseEstimator):
    """Cluster trajectories into a hierarchy of segments, with a place for everybody.

    Parameters
    ----------
    max_depth : int, default=3
        Levels of the hierarchy: clusters, then clusters inside each cluster, and so on.
    clusterer : clusterer, default=None
        What divides a node: any scikit-learn clusterer, or ``hdbscan.HDBSCAN``, cloned for every
        node. What it calls noise belongs to the nearest cluster. By default k-means, started from
        Ward's tree, with the number of clusters of the highest silhouette; where it is not clearly
        higher than that of a cloud without parts, the node is left whole.
    max_clusters : int, default=12
        Most children of a node under the default clusterer. The Big Five have ten types.
    min_share : float, default=0.001
        Smallest share of all customers that makes a segment, and never under ten customers.
    outlier_threshold : float, default=None
        Customers whose outlier score is higher get the label -1; 0.9 means further from the centre
        of their leaf than ten times its median distance. By default everybody has a segment.
    n_periods : int, default=None
        Number of periods of a table whose columns do not say.
    max_fit_samples : int, default=20000
        With more customers the tree is learned from a sample of this size; all are routed.
    random_state : int, RandomState instance or None, default=None
        Draws samples.

    Attributes
    ----------
    labels_ : ndarray of int, shape (n_customers,)
        Leaf of each customer, 0 ... n_leaves - 1; -1 for outliers where a threshold is set.
    level_labels_ : ndarray of int, shape (n_customers, depth)
        Node of each customer at each level, as numbered in ``tree_``. A leaf above the last level
        is repeated. Outliers have a node, too.
    strengths_ : ndarray, shape (n_customers,)
        1 at the centre of the leaf, 0 halfway to the next.
    outlier_scores_ : ndarray, shape (n_customers,)
        0 up to the median distance from the leaf's centre; 0.5 at twice, 0.9 at ten times it.
    tree_ : pandas.DataFrame
        One row per node: parent (-1 for the root), depth, label (-1 unless a leaf), size and
        exemplar (the row in X of the customer nearest to the centre).
    centers_ : ndarray, shape (n_nodes, n_states)
        Where the last states of each node gather.
    exemplars_ : ndarray of int, shape (n_nodes, 3)
        Rows in X of the customers nearest to the centre of each node; -1 where there are fewer.
    n_periods_ : int
        Number of periods.

    See Also
    --------
    LSTMStateExtractor : Makes the trajectories.
    skspend.metrics.hierarchy_agreement : Tells how far the levels follow the traits.

    Notes
    -----
    A customer is placed by the state at the last period: an LSTM's state sums up what it has read,
    and what was measured agrees (``docs/measured.md``). From the root down, everybody goes to the
    child with the nearest centre. So `predict` and `fit_predict` agree, and a segment at an earlier
    period is that of its state. Customers whose neighbours are far away have no say in where the
    centres lie.

    Where a node divides, its parts are more compact and further apart than those of a normal cloud
    or a box; that does not say that nobody lives between them. A slope along which customers thin
    out is divided, too.

    References
    ----------
    Maree & Omlin (2021), section IV-A. Rousseeuw (1987), Silhouettes, Journal of Computational and
    Applied Mathematics 20. Bezdek (1981), Pattern Recognition with Fuzzy Objective Function
    Algorithms, for the memberships.

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
        "clusterer": [None, HasMethods(["fit_predict"])],
        "max_clusters": [Interval(Integral, 2, None, closed="left")],
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
    centers_: Floats
    exemplars_: Integers
    n_periods_: int

    def __init__(
        self,
        max_depth: int = 3,
        clusterer: Estimator | None = None,
        max_clusters: int = 12,
        min_share: float = 0.001,
        outlier_threshold: float | None = None,
        n_periods: int | None = None,
        max_fit_samples: int = 20_000,
        random_state: RandomState = None,
    ) -> None:
        self.max_depth = max_depth
        self.clusterer = clusterer
        self.max_clusters = max_clusters
        self.min_share = min_share
        self.outlier_threshold = outlier_threshold
        self.n_periods = n_periods
        self.max_fit_samples = max_fit_samples
        self.random_state = random_state

    @one_task
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: PanelLike, y: object = None) -> Self:
        """Grow the tree and place all customers.

        Parameters
        ----------
        X : panel of states, shape (n_customers, n_periods * n_states), or with three dimensions
        y : ignored

        Returns
        -------
        self : TrajectoryClusterer

        Raises
        ------
        ValueError
            If states are so large that their squared distances are not finite.
        """
        states = validate_panel(self, X, n_periods=self.n_periods).cube[:, -1]
        _check_size(states)
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
        typical = {}
        to_divide = [(0, sample)]
        for node, members in to_divide:
            parts = self._divide(members, depths[node], smallest, random_state)
            if not len(parts):
                distances = np.linalg.norm(members - centers[node], axis=1)
                typical[node] = np.median(distances) if len(members) else 0.0
                continue
            nearest = pairwise_distances_argmin(members, parts)
            for part, center in enumerate(parts):
                to_divide.append((len(parents), members[nearest == part]))
                parents.append(node)
                depths.append(depths[node] + 1)
                centers.append(center)
        self._parents, self._depths = np.array(parents), np.array(depths)
        self.centers_ = np.array(centers)
        is_leaf = ~np.isin(np.arange(len(parents)), parents)
        self._labels = np.where(is_leaf, np.cumsum(is_leaf) - 1, -1)
        self._typical = np.array([typical[leaf] for leaf in np.flatnonzero(is_leaf)])

    def _divide(self, members, depth, smallest, random_state):
        """Centres of the parts of a node; none if it is better left whole."""
        if depth == self.max_depth or len(members) < 2 * smallest:
            return []
        if self.clusterer is None:
            with one_thread():
                return divide(members, self.max_clusters, smallest, random_state)
        labels = clone(self.clusterer).fit_predict(members)
        found, sizes = np.unique(labels[labels >= 0], return_counts=True)
        large = found[sizes >= smallest]
        return [members[labels == label].mean(axis=0) for label in large] * (len(large) > 1)

    def _count(self, states):
        """Set what depends on who is where."""
        self.level_labels_ = self._route(states)
        self.strengths_, self.outlier_scores_ = self._judge(states, self.level_labels_[:, -1])
        self.labels_ = self._leaf_labels(self.level_labels_[:, -1], self.outlier_scores_)
        self._sizes = np.zeros(len(self._parents), dtype=np.int64)
        for node, members in self._members(self.level_labels_):
            self._sizes[node] = len(members)
        self.exemplars_ = self._nearest_to_centers(states, self.level_labels_)

    def _nearest_to_centers(self, states, nodes):
        exemplars = np.full((len(self._parents), N_EXEMPLARS), -1)
        for node, members in self._members(nodes):
            distances = np.linalg.norm(states[members] - self.centers_[node], axis=1)
            nearest = members[np.argsort(distances, kind="stable")[:N_EXEMPLARS]]
            exemplars[node, : len(nearest)] = nearest
        return exemplars

    def _members(self, nodes):
        """Yield every node with the rows of its customers."""
        yield 0, np.arange(len(nodes))
        for level in range(nodes.shape[1]):
            rows = pd.Series(np.arange(len(nodes))).groupby(nodes[:, level]).indices
            for node, members in rows.items():
                # A leaf above this level was met there.
                if node and self._depths[node] == level + 1:
                    yield node, members

    def _route(self, states):
        """Bring states down the tree: nodes, shape (n_customers, depth)."""
        nodes = np.zeros((len(states), max(1, self._depths.max())), dtype=np.int64)
        here = np.zeros(len(states), dtype=np.int64)
        for level in range(nodes.shape[1]):
            for node in np.unique(here):
                children = np.flatnonzero(self._parents == node)
                if len(children):
                    members = np.flatnonzero(here == node)
                    nearest = pairwise_distances_argmin(
                        states[members].astype(np.float64), self.centers_[children]
                    )
                    here[members] = children[nearest]
            nodes[:, level] = here
        return nodes

    def _judge(self, states, leaves):
        """Strengths and outlier scores of customers in their leaves."""
        centers = self.centers_[self._labels >= 0]
        labels = self._labels[leaves]
        own, other = np.empty(len(states)), np.empty(len(states))
        for block in gen_batches(len(states), BLOCK):
            distances = pairwise_distances(states[block].astype(np.float64), centers)
            rows = np.arange(len(distances))
            own[block] = distances[rows, labels[block]]
            distances[rows, labels[block]] = np.inf
            other[block] = distances.min(axis=1)
        # Two leaves with one centre cannot be told apart.
        ratio = np.divide(own, other, out=np.ones_like(own), where=other > 0)
        beyond = np.divide(self._typical[labels], own, out=np.ones_like(own), where=own > 0)
        return np.clip(1 - ratio, 0, 1), np.clip(1 - beyond, 0, 1)

    def _judge_last(self, X):
        states = self._states_at(X, -1)
        return self._judge(states, self._route(states)[:, -1])

    def _leaf_labels(self, leaves, outlier_scores):
        labels = self._labels[leaves]
        if self.outlier_threshold is None:
            return labels
        return np.where(outlier_scores > self.outlier_threshold, -1, labels)

    def _panel(self, X):
        check_is_fitted(self)
        return validate_panel(self, X, reset=False, shorter=True).cube

    def _states_at(self, X, period):
        panel = self._panel(X)
        n_periods = panel.shape[1]
        if not -n_periods <= period < n_periods:
            raise ValueError(
                f"period={period}, but X has {n_periods} periods. Count them from 0 to "
                f"{n_periods - 1}, or from the last, -1, to the first, {-n_periods}."
            )
        _check_size(panel[:, period])
        return panel[:, period]

    def predict(self, X: PanelLike, *, period: int = -1) -> Integers:
        """Bring customers to a leaf.

        Parameters
        ----------
        X : panel of states, as in `fit`, or of fewer periods
        period : int, default=-1
            By which period's state: 0 is the first, -1 the last that X has.

        Returns
        -------
        labels : ndarray of int, shape (n_customers,)
            As in ``labels_``.

        Raises
        ------
        ValueError
            If X has no such period, or the states or periods are not those of `fit`.
        """
        states = self._states_at(X, period)
        leaves = self._route(states)[:, -1]
        if self.outlier_threshold is None:
            return self._labels[leaves]
        return self._leaf_labels(leaves, self._judge(states, leaves)[1])

    def predict_levels(self, X: PanelLike, *, period: int = -1) -> Integers:
        """Bring customers to a node at every level.

        Parameters
        ----------
        X, period : as in `predict`

        Returns
        -------
        nodes : ndarray of int, shape (n_customers, depth)
            Rows of ``tree_``.
        """
        return self._route(self._states_at(X, period))

    def strength(self, X: PanelLike) -> Floats:
        """Tell how clearly customers belong to their leaf.

        Parameters
        ----------
        X : panel of states, as in `predict`

        Returns
        -------
        strengths : ndarray, shape (n_customers,)
            One minus the distance to the centre of the leaf over that to the nearest other leaf.
        """
        return self._judge_last(X)[0]

    def outlier_score(self, X: PanelLike) -> Floats:
        """Tell how far customers are from their leaf, in terms of who lives there.

        Parameters
        ----------
        X : panel of states, as in `predict`

        Returns
        -------
        scores : ndarray, shape (n_customers,)
            As in ``outlier_scores_``.
        """
        return self._judge_last(X)[1]

    def membership(self, X: PanelLike) -> Floats:
        """Tell how far customers belong to each leaf.

        Parameters
        ----------
        X : panel of states, as in `predict`

        Returns
        -------
        memberships : ndarray, shape (n_customers, n_leaves)
            Rows sum to one. Among the children of a node they fall with the squared distance to the
            centre, as in fuzzy c-means, and they multiply from the root down. Between two leaves
            of different parents, the largest need not be the leaf of `predict`.
        """
        states = self._states_at(X, -1).astype(np.float64)
        memberships = np.ones((len(states), len(self._parents)))
        for node in np.unique(self._parents[1:]):
            children = np.flatnonzero(self._parents == node)
            squares = pairwise_distances(states, self.centers_[children], metric="sqeuclidean")
            # Nearness in terms of the nearest child, so that a distance of none divides nothing.
            nearest = squares.min(axis=1, keepdims=True)
            nearness = np.divide(nearest, squares, out=np.ones_like(squares), where=squares > 0)
            nearness /= nearness.sum(axis=1, keepdims=True)
            memberships[:, children] = memberships[:, [node]] * nearness
        return memberships[:, self._labels >= 0]

    def find_exemplars(self, X: PanelLike) -> Integers:
        """Find who stands for each node.

        Parameters
        ----------
        X : panel of states, as in `predict`

        Returns
        -------
        exemplars : ndarray of int, shape (n_nodes, 3)
            As in ``exemplars_``.
        """
        states = self._states_at(X, -1)
        return self._nearest_to_centers(states, self._route(states))

    def score(self, X: PanelLike, y: object = None) -> float:
        """Return how stable the top level is in time.

        Parameters
        ----------
        X : panel of states, as in `predict`
        y : ignored

        Returns
        -------
        kappa : float
            :func:`~skspend.metrics.temporal_stability` from the middle to the last period.
        """
        panel = self._panel(X)
        middle, last = (
            self._route(panel[:, period])[:, 0] for period in ((panel.shape[1] - 1) // 2, -1)
        )
        return temporal_stability(middle, last)

    @property
    def tree_(self) -> pd.DataFrame:
        """The nodes of the hierarchy, as a frame."""
        check_is_fitted(self)
        return pd.DataFrame(
            {
                "parent": self._parents,
                "depth": self._depths,
                "label": self._labels,
                "size": self._sizes,
                "exemplar": self.exemplars_[:, 0],
            }
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _check_size(states):
    """States of networks are near 1, but anything may be clustered."""
    largest = float(np.abs(states).max())
    if largest > LARGEST_STATE:
        n_large = int((np.abs(states) > LARGEST_STATE).any(axis=1).sum())
        raise ValueError(
            f"X has states of up to {largest:.1e}, over {LARGEST_STATE:.0e} for {n_large} "
            f"customers, and distances between them overflow. Scale them, as by "
            f"sklearn.preprocessing.StandardScaler."
        )
