"""How many parts a cloud of points has, if it has any, and where they are.

Points come in; out come the centres of the parts. Every part is found again among other customers,
and among equally separate numbers of parts the largest counts.
"""

from functools import cached_property

import numpy as np
from scipy.cluster.hierarchy import fcluster, ward
from scipy.spatial.distance import pdist, squareform
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances_argmin, silhouette_score
from sklearn.neighbors import NearestNeighbors

from ..metrics import jaccard

SAMPLE = 4000
"""Points from which parts are proposed and found again."""
JUDGED = 1000
"""Points for Ward's tree and silhouettes, whose cost grows with the square of their number."""
FOUND_AGAIN = 0.8
"""A part is found again if the mean Jaccard coefficient with the most similar part of other fits is
this high. Hennig calls clusters stable from 0.75 on, and highly stable from 0.85 on."""
N_CLOUDS = 5
"""Clouds without parts, of each kind, all of whose silhouettes those of parts must exceed."""
TIE = 0.02
"""Silhouettes that differ by no more than this are equal."""
N_DIVISIONS = 5
"""How often the points are divided into two halves to look for the parts again."""
N_STARTS = 3
"""Starts of each k-means, of which the best one counts."""
N_NEIGHBORS = 10
FAR = 5.0
"""A point whose neighbours are this many times as far away as is typical belongs to no part."""


def divide(points, max_parts, smallest, random_state, proposed=()):
    """Find the centres of two or more parts of a cloud, or none; a part has `smallest` points.

    Two or more `proposed` centres win if k-means that starts from them ends in parts that are found
    again. Otherwise, or without them, the parts are searched for as follows.

    k-means in halves of the points must find every part again (Hennig 2007, Cluster-wise assessment
    of cluster stability, Computational Statistics & Data Analysis 52). Halves also agree on how to
    cut a long cloud or a box. Therefore the silhouette must exceed that of as many parts of clouds
    without parts, as in Tibshirani, Walther & Hastie (2001), Estimating the number of clusters in a
    data set via the gap statistic, JRSS B 63. Of the numbers of parts whose silhouettes are about
    the best, the largest counts: parts of parts, which are less separate, belong to the next level.
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
        if is_large and _are_found_again(sample, parts, random_state):
            return _settle(parts, crowd)
    proposer = _Proposer(sample, random_state)
    clouds = _Clouds(sample, random_state)
    tried = {n_parts: proposer.propose(n_parts) for n_parts in range(2, most + 1)}
    silhouettes = {
        n_parts: proposer.judge(parts)
        for n_parts, parts in tried.items()
        if np.bincount(parts.labels_).min() >= least
    }
    found, best = 0, None
    for n_parts in sorted(silhouettes, key=silhouettes.get, reverse=True):
        if found and silhouettes[n_parts] < best - TIE:
            break
        if n_parts < found or not _are_found_again(sample, tried[n_parts], random_state):
            continue
        if silhouettes[n_parts] > clouds.best_silhouette(n_parts):
            best = silhouettes[n_parts] if best is None else best
            found = n_parts
    return _settle(tried[found], crowd) if found else []


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


class _Proposer:
    """Proposes parts of points by k-means, also started from Ward's tree, and judges them."""

    def __init__(self, points, random_state):
        self.points, self.random_state = points, random_state
        self.judged = sample_rows(points, JUDGED, random_state)
        distances = pdist(self.judged)
        self.tree, self.distances = ward(distances), squareform(distances)

    def propose(self, n_parts):
        found = [_fit(n_parts, self.points, self.random_state), *self.start_from_ward(n_parts)]
        return min(found, key=lambda kmeans: kmeans.inertia_)

    def start_from_ward(self, n_parts):
        labels = fcluster(self.tree, n_parts, criterion="maxclust")
        centers = [self.judged[labels == label].mean(axis=0) for label in np.unique(labels)]
        if len(centers) < n_parts:
            return []
        return [KMeans(n_parts, init=np.array(centers), n_init=1).fit(self.points)]

    def judge(self, parts):
        """The silhouette of the parts; -1 if there is a single one among the points judged."""
        labels = parts.predict(self.judged)
        if len(np.unique(labels)) == 1:
            return -1.0
        return silhouette_score(self.distances, labels, metric="precomputed")


class _Clouds:
    """Clouds without parts, normal and boxes, that spread along the axes of the points."""

    def __init__(self, points, random_state):
        self.points, self.random_state = points, random_state

    @cached_property
    def proposers(self):
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
        return [_Proposer(cloud, draw) for cloud in clouds]

    def best_silhouette(self, n_parts):
        return max(
            cloud.judge(parts)
            for cloud in self.proposers
            for parts in cloud.start_from_ward(n_parts)
        )


def _fit(n_parts, points, random_state):
    seed = random_state.randint(2**31 - 1)
    return KMeans(n_parts, n_init=N_STARTS, random_state=seed).fit(points)


def _settle(parts, points):
    """The centres of the parts of a sample, moved to where k-means puts them among all points."""
    centers = parts.cluster_centers_
    return KMeans(len(centers), init=centers, n_init=1).fit(points).cluster_centers_


def _are_found_again(points, parts, random_state):
    """Whether k-means in halves of the points finds every part again."""
    n_parts, found = len(parts.cluster_centers_), []
    is_in = np.eye(n_parts)
    own = is_in[parts.labels_]
    for _ in range(N_DIVISIONS):
        order = random_state.permutation(len(points))
        for half in np.array_split(points[order], 2):
            if len(np.unique(half, axis=0)) < n_parts:
                return False
            others = _fit(n_parts, half, random_state)
            others = pairwise_distances_argmin(points, others.cluster_centers_)
            found.append(jaccard(own, is_in[others]).max(axis=1))
        # What is far from found again in the first halves takes no more time.
        if np.mean(found, axis=0).min() < FOUND_AGAIN - 0.1:
            return False
    return np.mean(found, axis=0).min() >= FOUND_AGAIN


def sample_rows(points, most, random_state):
    """Up to `most` of the points, in their order."""
    if len(points) <= most:
        return points
    return points[np.sort(random_state.choice(len(points), most, replace=False))]
