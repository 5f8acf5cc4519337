"""How many parts a cloud of points has, if it has any, and where they are.

Points come in; out come the centres of the parts. Ward's tree proposes parts, k-means refines them,
and their silhouette, compared with that of clouds without parts, decides on their number.
"""

import numpy as np
from scipy.cluster.hierarchy import fcluster, ward
from scipy.spatial.distance import pdist
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances, silhouette_score
from sklearn.neighbors import NearestNeighbors

SAMPLE = 1000
"""Points from which parts are proposed and judged, at a cost that grows with their square."""
SEPARATION, NOISE = 0.05, 0.35
"""Parts are separate if their silhouette exceeds that of a normal cloud and of a uniform box by the
first number plus the second over the root of the number of points. At most one in 20 clouds, balls
and boxes of 50 to 200 points in up to eight dimensions is then divided, and none of 500 or more."""
TIE = 0.02
"""Silhouettes that differ by no more than this are equal, and fewer parts are simpler."""
N_NEIGHBORS = 10
FAR = 5.0
"""A point whose neighbours are this many times as far away as is typical belongs to no part."""


def divide(points, max_parts, smallest, random_state):
    """Find the centres of two or more parts of a cloud, or none; a part has `smallest` points.

    The comparison with data without parts is that of Tibshirani, Walther & Hastie (2001),
    Estimating the number of clusters in a data set via the gap statistic, JRSS B 63.
    """
    crowd = points[_is_crowded(points)]
    most = min(max_parts, len(crowd) // smallest, len(np.unique(crowd, axis=0)))
    if most < 2:
        return []
    found = _partitions(crowd, most, smallest, random_state)
    expected = [_partitions(cloud, most, 1, random_state) for cloud in _whole(crowd, random_state)]
    margin = SEPARATION + NOISE / np.sqrt(min(len(crowd), SAMPLE))
    separate = {
        n_parts: silhouette
        for n_parts, (silhouette, _) in found.items()
        if silhouette >= margin + max(cloud.get(n_parts, (0.0,))[0] for cloud in expected)
    }
    if not separate:
        return []
    best = max(separate.values())
    n_parts = min(n for n, silhouette in separate.items() if silhouette >= best - TIE)
    return found[n_parts][1]


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


def _partitions(points, most, smallest, random_state):
    """Number of parts to silhouette and centres, where every part is large enough."""
    sample = sample_rows(points, SAMPLE, random_state)
    tree = ward(pdist(sample))
    distances = pairwise_distances(sample)
    found = {}
    for n_parts in range(2, most + 1):
        proposed = fcluster(tree, n_parts, criterion="maxclust")
        centers = np.array([sample[proposed == part].mean(axis=0) for part in np.unique(proposed)])
        if len(centers) < n_parts:
            continue
        kmeans = KMeans(n_parts, init=centers, n_init=1).fit(points)
        if np.bincount(kmeans.labels_, minlength=n_parts).min() < smallest:
            continue
        labels = kmeans.predict(sample)
        if len(np.unique(labels)) > 1:
            silhouette = silhouette_score(distances, labels, metric="precomputed")
            found[n_parts] = silhouette, kmeans.cluster_centers_
    return found


def _whole(points, random_state):
    """Two clouds without parts that spread along the axes of the points: normal, and a box."""
    along_axes = PCA(svd_solver="full").set_output(transform="default").fit_transform(points)
    size = min(len(points), SAMPLE), along_axes.shape[1]
    yield random_state.normal(scale=along_axes.std(axis=0), size=size)
    yield random_state.uniform(along_axes.min(axis=0), along_axes.max(axis=0), size=size)


def sample_rows(points, most, random_state):
    """Up to `most` of the points, in their order."""
    if len(points) <= most:
        return points
    return points[np.sort(random_state.choice(len(points), most, replace=False))]
