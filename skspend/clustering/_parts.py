"""k-means from given centres, and cuts of Ward's tree, without the checks of their libraries.

A tree of segments needs some hundred of them, on points that have been checked. On few points the
checks would take several times as long as the rest. The results are those of the libraries, except
that of two centres at the same distance, rounding may decide for the other.
"""

from typing import NamedTuple

import numpy as np
from scipy.cluster.hierarchy import ward
from scipy.spatial.distance import pdist
from sklearn.cluster import KMeans

N_STEPS, TOLERANCE = 300, 1e-4
"""Of k-means, as in scikit-learn."""


class Parts(NamedTuple):
    """Parts of a cloud of points: their centres, and the part of each point."""

    centers: np.ndarray
    labels: np.ndarray

    def place(self, points):
        """The part whose centre is nearest to each of some points."""
        return _nearest(points, self.centers)


def k_means(points, centers):
    """Find the parts at which k-means ends that starts from some centres."""
    middle = points.mean(axis=0)
    moved, before = points - middle, centers - middle
    small = TOLERANCE * moved.var(axis=0).mean()
    labels = np.full(len(points), -1)
    for _ in range(N_STEPS):
        found = _nearest(moved, before)
        is_in = np.eye(len(centers))[found]
        sizes = is_in.sum(axis=0)
        if not sizes.all():
            # scikit-learn fills a part that has lost all its points.
            parts = KMeans(len(centers), init=centers, n_init=1).fit(points)
            return Parts(parts.cluster_centers_, parts.labels_)
        after = is_in.T @ moved / sizes[:, None]
        has_settled, labels = np.array_equal(found, labels), found
        step, before = np.square(after - before).sum(), after
        if has_settled:
            break
        if step <= small:
            labels = _nearest(moved, before)
            break
    return Parts(before + middle, labels)


def _nearest(points, centers):
    """The nearest centre of each point. The squared norm of a point is the same for all centres."""
    distances = centers @ points.T
    distances *= -2
    distances += np.square(centers).sum(axis=1)[:, None]
    return distances.argmin(axis=0)


class WardTree:
    """Ward's tree of a cloud of points."""

    def __init__(self, points):
        self.merges = ward(pdist(points))

    def cut(self, n_parts):
        """Label the points by parts, from 0; None where equal heights leave no such number.

        Parts have the order of :func:`scipy.cluster.hierarchy.fcluster`.
        """
        n_points = len(self.merges) + 1
        n_merges = n_points - n_parts
        children, heights = self.merges[:, :2].astype(np.intp), self.merges[:, 2]
        if 0 < n_merges < len(heights) and heights[n_merges - 1] == heights[n_merges]:
            return None
        # Every node below the cut points at the node into which it merges, and then at its part.
        parts = np.arange(2 * n_points - 1)
        parts[children[:n_merges]] = n_points + np.arange(n_merges)[:, None]
        while not np.array_equal(above := parts[parts], parts):
            parts = above
        labels, waiting, n_found = np.empty(len(parts), dtype=np.intp), [len(parts) - 1], 0
        while waiting:
            node = waiting.pop()
            if node >= n_points + n_merges:
                # Single points come behind what has merged.
                below = sorted(children[node - n_points], key=lambda child: child < n_points)
                waiting += below[::-1]
            else:
                labels[node], n_found = n_found, n_found + 1
        return labels[parts[:n_points]]
