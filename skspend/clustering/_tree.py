"""The tree of segments: its nodes, and the rules that place customers in them.

States at one period come in; out come nodes, strengths, outlier scores and memberships. How a node
is divided is decided by the caller.
"""

import numpy as np
from sklearn.metrics import pairwise_distances, pairwise_distances_argmin
from sklearn.utils import gen_batches

from .._utils._threads import one_thread

BLOCK = 8192
"""Number of customers whose distances to all leaves are held in memory at once."""
N_EXEMPLARS = 3


def count_tenths(scores):
    """Count scores by tenths of the range from 0 to 1, shape (10,)."""
    return np.histogram(scores, bins=10, range=(0, 1))[0]


class SegmentTree:
    """Nodes, numbered breadth first from the root, 0, which holds everybody.

    The arrays are those of TrajectoryClusterer, with the depth and the label of each node.
    """

    def __init__(self, parents, centers, radii):
        self.parents, self.centers, self.radii = parents, centers, radii
        is_leaf = ~np.isin(np.arange(len(parents)), parents)
        self.labels = np.where(is_leaf, np.cumsum(is_leaf) - 1, -1)
        self.depths = np.zeros(len(parents), dtype=np.int64)
        for node, parent in enumerate(parents[1:], start=1):
            self.depths[node] = self.depths[parent] + 1

    @classmethod
    def grow(cls, states, divide):
        """Divide nodes from the root down until none divides.

        `divide` maps the rows of a node's members and its depth to the centres of its parts, of
        which there are none if the node stays whole.
        """
        nodes, parents, depths, radii = [np.arange(len(states))], [-1], [0], []
        centers = [states.mean(axis=0)]
        for node, rows in enumerate(nodes):
            members, parts = states[rows], divide(rows, depths[node])
            if not len(parts):
                distances = np.linalg.norm(members - centers[node], axis=1)
                radii.append(np.median(distances) if len(members) else 0.0)
                continue
            nearest = pairwise_distances_argmin(members, parts)
            nodes += [rows[nearest == part] for part in range(len(parts))]
            parents += [node] * len(parts)
            depths += [depths[node] + 1] * len(parts)
            centers += list(parts)
        return cls(np.array(parents), np.array(centers), np.array(radii))

    def route(self, states):
        """Place customers at every level: nodes, shape (n_customers, depth)."""
        nodes = np.zeros((len(states), max(1, self.depths.max())), dtype=np.int64)
        here = np.zeros(len(states), dtype=np.int64)
        # Nodes are small, and several threads would wait for each other.
        with one_thread():
            for level in range(nodes.shape[1]):
                for node in np.unique(here):
                    children = np.flatnonzero(self.parents == node)
                    if len(children):
                        members = np.flatnonzero(here == node)
                        inside = states[members].astype(np.float64)
                        nearest = pairwise_distances_argmin(inside, self.centers[children])
                        here[members] = children[nearest]
                nodes[:, level] = here
        return nodes

    def judge(self, states, leaves):
        """Strengths and outlier scores of customers in their leaves."""
        centers = self.centers[self.labels >= 0]
        labels = self.labels[leaves]
        own, other = np.empty(len(states)), np.empty(len(states))
        for block in gen_batches(len(states), BLOCK):
            distances = pairwise_distances(states[block].astype(np.float64), centers)
            rows = np.arange(len(distances))
            own[block] = distances[rows, labels[block]]
            distances[rows, labels[block]] = np.inf
            other[block] = distances.min(axis=1)
        # Two leaves with the same centre cannot be distinguished: the strength is 0.
        ratio = np.divide(own, other, out=np.ones_like(own), where=other > 0)
        beyond = np.divide(self.radii[labels], own, out=np.ones_like(own), where=own > 0)
        return np.clip(1 - ratio, 0, 1), np.clip(1 - beyond, 0, 1)

    def memberships(self, states):
        """How far customers belong to each leaf, shape (n_customers, n_leaves)."""
        memberships = np.ones((len(states), len(self.parents)))
        for node in np.unique(self.parents[1:]):
            children = np.flatnonzero(self.parents == node)
            squares = pairwise_distances(states, self.centers[children], metric="sqeuclidean")
            # Relative to the nearest child, so that nothing is divided by a distance of 0.
            nearest = squares.min(axis=1, keepdims=True)
            nearness = np.divide(nearest, squares, out=np.ones_like(squares), where=squares > 0)
            nearness /= nearness.sum(axis=1, keepdims=True)
            memberships[:, children] = memberships[:, [node]] * nearness
        return memberships[:, self.labels >= 0]

    def survey(self, states, nodes):
        """Size of each node, and rows nearest to its centre, shape (n_nodes, 3), else -1."""
        sizes = np.zeros(len(self.parents), dtype=np.int64)
        exemplars = np.full((len(self.parents), N_EXEMPLARS), -1)
        by_depth = [np.zeros(len(nodes)), *nodes.T]
        for node, depth in enumerate(self.depths):
            members = np.flatnonzero(by_depth[depth] == node)
            sizes[node] = len(members)
            distances = np.linalg.norm(states[members] - self.centers[node], axis=1)
            nearest = members[np.argsort(distances, kind="stable")[:N_EXEMPLARS]]
            exemplars[node, : len(nearest)] = nearest
        return sizes, exemplars


def sample_rows(points, most, random_state):
    """Up to `most` of the points, in their order."""
    if len(points) <= most:
        return points
    return points[np.sort(random_state.choice(len(points), most, replace=False))]
