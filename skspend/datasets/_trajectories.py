"""Synthetic trajectories with a known hierarchy, which a clusterer of trajectories should find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import Bunch, check_random_state

if TYPE_CHECKING:
    from .._utils._typing import RandomState
    from ._bunches import PlantedTrajectories

SMALLEST_ANGLE = 41.0
"""Degrees between two main directions."""
OFFSETS = 0.20, 0.06
"""Distance between the ends of a child and its parent; main directions have length 1."""
N_CHILDREN = 3
NOISE = 0.012
"""Standard deviation of every coordinate in every period."""
LARGEST_WEIGHT = 3.0
"""A cluster has up to this many times as many customers as its sibling."""


def make_trajectories(
    n_customers: int = 10_000,
    n_periods: int = 6,
    n_states: int = 3,
    *,
    n_directions: int = 10,
    outlier_share: float = 0.05,
    random_state: RandomState = None,
) -> PlantedTrajectories:
    """Make straight trajectories from the origin into a hierarchy of clusters.

    As in Fig. 2 of Maree & Omlin (2021), each main direction has three children, and each child
    three of its own: 90 clusters of unequal sizes by default. The end of a main direction is 1 from
    the origin, the ends of its children are 0.20 from it, and those of their children another 0.06.

    Parameters
    ----------
    n_customers : int, default=10,000
    n_periods : int, default=6
    n_states : int, default=3
        Dimensions, at least two.
    n_directions : int, default=10
        Main directions, at least 41 degrees apart.
    outlier_share : float, default=0.05
        Share of the customers whose ends are uniform in the box of all ends.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    trajectories : Bunch
        ``data``: ndarray, shape (n_customers, n_periods, n_states); ``levels``: ndarray of int,
        shape (n_customers, 3), the cluster at each level, -1 for outliers; ``is_outlier``: ndarray
        of bool, shape (n_customers,); ``ends``: ndarray, shape (9 * n_directions, n_states).

    Raises
    ------
    ValueError
        If so many directions do not fit, or a number is too small.

    Examples
    --------
    >>> planted = make_trajectories(1000, random_state=0)
    >>> planted.data.shape, planted.levels.max(axis=0).tolist(), int(planted.is_outlier.sum())
    ((1000, 6, 3), [9, 29, 89], 50)
    """
    if n_states < 2 or n_periods < 1 or n_customers < 1 or not 0 <= outlier_share < 1:
        raise ValueError(
            f"n_customers={n_customers}, n_periods={n_periods}, n_states={n_states}, "
            f"outlier_share={outlier_share}; expected at least one customer, one period, two "
            f"states, and a share from 0 to below 1."
        )
    random_state = check_random_state(random_state)
    ends = _directions(n_directions, n_states, random_state)
    weights = random_state.uniform(1, LARGEST_WEIGHT, size=n_directions)
    for offset in OFFSETS:
        ends = _children(ends, offset, random_state)
        weights = np.repeat(weights, N_CHILDREN)
        weights = weights * random_state.uniform(1, LARGEST_WEIGHT, size=len(weights))
    leaves = random_state.choice(len(ends), n_customers, p=weights / weights.sum())
    is_outlier = np.zeros(n_customers, dtype=bool)
    n_outliers = round(outlier_share * n_customers)
    is_outlier[random_state.choice(n_customers, n_outliers, replace=False)] = True
    reached = ends[leaves]
    lowest, highest = ends.min(axis=0), ends.max(axis=0)
    reached[is_outlier] = random_state.uniform(lowest, highest, size=(n_outliers, n_states))
    grown = np.linspace(1 / n_periods, 1, n_periods)[None, :, None]
    noise = random_state.normal(scale=NOISE, size=(n_customers, n_periods, n_states))
    levels = leaves[:, None] // N_CHILDREN ** np.arange(len(OFFSETS), -1, -1)
    levels[is_outlier] = -1
    return Bunch(
        data=reached[:, None, :] * grown + noise, levels=levels, is_outlier=is_outlier, ends=ends
    )


def _directions(n_directions, n_states, random_state):
    found = np.empty((0, n_states))
    largest_cosine = np.cos(np.radians(SMALLEST_ANGLE))
    for tries in range(10_000):
        if len(found) == n_directions:
            return found
        if tries % 500 == 499:
            found = found[:0]
        direction = random_state.normal(size=n_states)
        direction /= np.linalg.norm(direction)
        if (found @ direction < largest_cosine).all():
            found = np.vstack([found, direction])
    raise ValueError(
        f"No {n_directions} directions at least {SMALLEST_ANGLE:.0f} degrees apart were found in "
        f"{n_states} dimensions. Choose a smaller n_directions or a larger n_states."
    )


def _children(ends, offset, random_state):
    """Place three ends around each end, evenly in a random plane: (3 * n_ends, n_states)."""
    angles = 2 * np.pi * np.arange(N_CHILDREN) / N_CHILDREN
    circle = offset * np.stack([np.cos(angles), np.sin(angles)])
    children = []
    for end in ends:
        plane, _ = np.linalg.qr(random_state.normal(size=(len(end), 2)))
        children.append(end + (plane @ circle).T)
    return np.concatenate(children)
