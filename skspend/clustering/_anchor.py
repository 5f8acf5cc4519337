"""Anchors: the nodes that an earlier tree gave the same customers, from which a new tree starts.

The nodes of an earlier tree come in, shape (n_customers, depth); out come the parts that it made of
the members of a new node, and an order of the new parts in which the same ones keep their numbers.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import pairwise_distances_argmin
from sklearn.utils import check_array, check_consistent_length

from ..metrics._trees import jaccard


def check_anchor(anchor, X):
    """Return the anchor as integers, a row for each customer of X."""
    anchor = check_array(anchor, dtype=np.int64, input_name="anchor")
    check_consistent_length(X, anchor)
    return anchor


def earlier_parts(anchor, depth):
    """Parts that the earlier tree made of the members of a new node, from 0; -1 for the others.

    The new node is taken for the earlier one at its depth that has most of its members. If that one
    was not divided, there are no parts.
    """
    parts = np.full(len(anchor), -1)
    if depth >= anchor.shape[1]:
        return parts
    inside = anchor[:, 0] >= 0
    if depth and inside.any():
        parents = anchor[:, depth - 1]
        found, sizes = np.unique(parents[inside], return_counts=True)
        inside &= parents == found[sizes.argmax()]
    found, numbers = np.unique(anchor[inside, depth], return_inverse=True)
    if len(found) > 1:
        parts[inside] = numbers
    return parts


def mean_states(states, parts, smallest):
    """Mean states of the parts that have `smallest` members or more, shape (n_parts, n_states)."""
    found, sizes = np.unique(parts[parts >= 0], return_counts=True)
    large = found[sizes >= smallest]
    return np.array([states[parts == part].mean(axis=0) for part in large])


def keep_order(centers, states, parts):
    """Order the centres of new parts so that the same parts keep their places.

    New and earlier parts are matched one to one by their Jaccard coefficients.
    """
    is_known = parts >= 0
    if not (len(centers) and is_known.any()):
        return centers
    n_new = len(centers)
    is_in = np.eye(max(n_new, parts.max() + 1))
    labels = pairwise_distances_argmin(states[is_known], centers)
    similarities = jaccard(is_in[labels], is_in[parts[is_known]])
    places = linear_sum_assignment(similarities, maximize=True)[1][:n_new]
    # With fewer new parts, those whose places are no longer there fill the gaps.
    is_beyond = places >= n_new
    places[is_beyond] = np.setdiff1d(np.arange(n_new), places)
    return [centers[part] for part in np.argsort(places)]
