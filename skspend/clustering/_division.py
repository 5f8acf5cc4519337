"""How many parts a cloud of points has, if it has any, and where they are.

Points come in; out come the centres of the parts. Every part is found again among other customers,
and among equally separate numbers of parts the largest counts that does not divide parts again.
"""

from functools import cached_property

import numpy as np
from scipy.cluster.hierarchy import fcluster, ward
from scipy.spatial.distance import pdist, squareform
from sklearn import config_context
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from ..metrics._trees import jaccard
from ._tree import sample_rows

SAMPLE = 4000
"""Points from which parts are proposed and found again."""
JUDGED = 1500
"""Points for Ward's tree and silhouettes, whose cost grows with the square of their number."""
FOUND_AGAIN = 0.75
"""A part is found again if the mean Jaccard coefficient with the most similar part of other fits is
this high. Hennig calls such clusters stable."""
N_CLOUDS = 5
"""Clouds without parts, of each kind, all of whose silhouettes those of parts must exceed."""
TIE = 0.02
"""Silhouettes that differ by no more than this are equal."""
N_STARTS = 10
"""Of k-means, whose result depends on where it starts."""
N_DIVISIONS = 5
"""How often the points are divided into two halves to look for the parts again."""
N_NEIGHBORS = 10
FAR = 5.0
"""A point whose neighbours are this many times as far away as is typical belongs to no part."""


# Whoever calls has checked the points, and some hundred fits to them need not do so again.
@config_context(assume_finite=True, skip_parameter_validation=True)
def divide(points, max_parts, smallest, random_state, proposed=()):
    """Find the centres of two or more parts of a cloud, or none; a part has `smallest` points.

    Two or more `proposed` centres win if k-means that starts from them ends in parts that are found
    again. Otherwise, or without them, the parts are searched for as follows.

    k-means in halves of the points must find every part again (Hennig 2007, Cluster-wise assessment
    of cluster stability, Computational Statistics & Data Analysis 52). Halves also agree on how to
    cut a long cloud or a box. Therefore the silhouette must exceed that of as many parts of clouds
    without parts, as in Tibshirani, Walther & Hastie (2001), Estimating the number of clusters in a
    data set via the gap statistic, JRSS B 63. Of the numbers of parts whose silhouettes are about
    the best, the largest counts, up to the first number with a lower one: parts of parts belong to
    the next level, and until all parts of a part are divided, the silhouette is lower.
    """
    crowd = points[_is_crowded(points)]
    sample = sample_rows(crowd, SAMPLE, random_state)
    most = min(max_parts, len(sample) // 2, len(crowd) // smallest, len(np.unique(crowd, axis=0)))
    if most < 2:
        return []
    least = smallest * len(sample) / len(crowd)
    if 2 <= len(proposed) <= most:
        parts = KMeans(len(proposed), init=proposed, n_init=1).fit(sample)
        is_large = np.bincount(parts.labels_).min() >= least
        if is_large and _Halves(sample, random_state).find_again(parts):
            return _settle(parts, crowd)
    start = _Start(sample, random_state)
    clouds = _Clouds(sample, random_state)
    tried = {n_parts: start.find(n_parts) for n_parts in range(2, most + 1)}
    large = [
        n_parts
        for n_parts, parts in tried.items()
        if parts is not None and np.bincount(parts.labels_).min() >= least
    ]
    silhouettes = dict(zip(large, start.judge([tried[n_parts] for n_parts in large]), strict=True))
    halves = _Halves(sample, random_state)
    found = []
    for n_parts in sorted(silhouettes, key=silhouettes.get, reverse=True):
        if found and silhouettes[n_parts] < silhouettes[found[0]] - TIE:
            break
        is_found = halves.find_again(tried[n_parts])
        if is_found and clouds.are_exceeded(n_parts, silhouettes[n_parts]):
            found.append(n_parts)
    if not found:
        return []
    # Behind a number with a lower silhouette, parts of parts begin.
    last = min(found)
    while silhouettes.get(last + 1, -1) >= silhouettes[found[0]] - TIE:
        last += 1
    return _settle(tried[max(n_parts for n_parts in found if n_parts <= last)], crowd)


def cut(points, n_parts, smallest, random_state, proposed=()):
    """Cut a cloud into parts by k-means, whether or not they are apart, and return their centres.

    k-means starts from `proposed` centres if there are as many as parts. A part of fewer points
    than `smallest` is none of its own, and a single part is none at all.
    """
    crowd = points[_is_crowded(points)]
    most = min(n_parts, len(crowd) // smallest, len(np.unique(crowd, axis=0)))
    if most < 2:
        return []
    is_complete = len(proposed) == most
    start = {"init": proposed, "n_init": 1} if is_complete else {"n_init": N_STARTS}
    parts = KMeans(most, **start, random_state=random_state)
    sizes = np.bincount(parts.fit_predict(crowd), minlength=parts.n_clusters)
    large = parts.cluster_centers_[sizes >= smallest]
    return large if len(large) > 1 else []


def label_by_density(points, max_parts, smallest):
    """Label parts by HDBSCAN, -1 for noise; the smallest size doubles while there are too many."""
    from hdbscan import HDBSCAN

    # hdbscan refuses read-only arrays and those in another order.
    points = np.array(points, dtype=np.float64, order="C")
    while True:
        labels = HDBSCAN(min_cluster_size=smallest, core_dist_n_jobs=1).fit_predict(points)
        if labels.max() < max_parts:
            return labels
        smallest *= 2


def _is_crowded(points):
    """Which points have neighbours about as near as most points have."""
    farthest = NearestNeighbors(n_neighbors=N_NEIGHBORS).fit(points).kneighbors()[0][:, -1]
    # Where many stand in one place, as those who spend nothing, the others are no outliers.
    apart = farthest[farthest > 0]
    return farthest <= FAR * np.median(apart) if len(apart) else np.ones(len(points), dtype=bool)


class _Start:
    """Starts k-means from Ward's tree of some of the points, and judges the parts that it finds."""

    def __init__(self, points, random_state):
        self.points = points
        self.judged = sample_rows(points, JUDGED, random_state)

    @cached_property
    def tree(self):
        """Made at the first call: many starts are not needed, and this takes longest."""
        return ward(pdist(self.judged))

    def find(self, n_parts):
        """k-means, or None if there are fewer parts."""
        labels = fcluster(self.tree, n_parts, criterion="maxclust")
        centers = [self.judged[labels == label].mean(axis=0) for label in np.unique(labels)]
        if len(centers) < n_parts:
            return None
        return KMeans(n_parts, init=np.array(centers), n_init=1).fit(self.points)

    def judge(self, divisions):
        """The silhouettes of several divisions into parts among the points judged.

        Distances are computed anew at each call: keeping them would take much memory.
        """
        distances = squareform(pdist(self.judged))
        return [self._silhouette(distances, parts) for parts in divisions]

    def _silhouette(self, distances, parts):
        """One silhouette; -1 if there is a single part.

        One product has all sums of distances, for which scikit-learn goes through the points.
        """
        _, labels = np.unique(parts.predict(self.judged), return_inverse=True)
        is_in = np.eye(labels.max() + 1)[labels]
        if is_in.shape[1] == 1:
            return -1.0
        totals, sizes = distances @ is_in, is_in.sum(axis=0)
        own, n_own = is_in.astype(bool), sizes[labels]
        # The distance to itself is 0, and does not count.
        inside = totals[own] / np.maximum(n_own - 1, 1)
        outside = np.where(own, np.inf, totals / sizes).min(axis=1)
        widths = (outside - inside) / np.maximum(outside, inside)
        return np.where(n_own > 1, np.nan_to_num(widths), 0).mean()


class _Clouds:
    """Clouds without parts, normal and boxes, that spread along the axes of the points."""

    def __init__(self, points, random_state):
        self.points, self.random_state = points, random_state

    @cached_property
    def starts(self):
        """Made at the first call: most nodes have no parts to compare with clouds."""
        draw = self.random_state
        axes = PCA(svd_solver="full").set_output(transform="default").fit_transform(self.points)
        size = min(len(axes), JUDGED), axes.shape[1]
        spread, low, high = axes.std(axis=0), axes.min(axis=0), axes.max(axis=0)
        clouds = [
            cloud
            for _ in range(N_CLOUDS)
            for cloud in (draw.normal(scale=spread, size=size), draw.uniform(low, high, size=size))
        ]
        return [_Start(cloud, draw) for cloud in clouds]

    def are_exceeded(self, n_parts, silhouette):
        """Whether a silhouette exceeds that of as many parts of every cloud."""
        found = ((cloud, cloud.find(n_parts)) for cloud in self.starts)
        return all(
            silhouette > cloud.judge([parts])[0] for cloud, parts in found if parts is not None
        )


class _Halves:
    """Pairs of halves of the points, in which k-means looks for parts again."""

    def __init__(self, points, random_state):
        self.points, self.random_state = points, random_state

    @cached_property
    def starts(self):
        orders = [self.random_state.permutation(len(self.points)) for _ in range(N_DIVISIONS)]
        halves = [np.array_split(self.points[order], 2) for order in orders]
        return [[_Start(half, self.random_state) for half in pair] for pair in halves]

    def find_again(self, parts):
        """Whether the halves have every part."""
        n_parts, found = len(parts.cluster_centers_), []
        is_in = np.eye(n_parts)
        for pair in self.starts:
            for half in pair:
                others = half.find(n_parts)
                if others is None:
                    return False
                found.append(jaccard(is_in[parts.labels_], is_in[others.predict(self.points)]))
            # What is far from found again in the first halves takes no more time.
            if np.max(found, axis=2).mean(axis=0).min() < FOUND_AGAIN - 0.1:
                return False
        return np.max(found, axis=2).mean(axis=0).min() >= FOUND_AGAIN


def _settle(parts, points):
    """The centres of the parts of a sample, moved to where k-means puts them among all points."""
    centers = parts.cluster_centers_
    return KMeans(len(centers), init=centers, n_init=1).fit(points).cluster_centers_
