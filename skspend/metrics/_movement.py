"""How trajectories move, and whether customers stay in their segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import cohen_kappa_score
from sklearn.utils import check_array, check_consistent_length

from .._utils._text import warn

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .._utils._typing import Floats
    from ..panel import Panel

FEW = {1: "One period is no trajectory", 2: "Two periods are hardly a trajectory"}


def direction_change(trajectories: ArrayLike) -> Floats:
    """Return the mean angle between successive displacements of each trajectory.

    Parameters
    ----------
    trajectories : array-like, shape (n_customers, n_periods, n_dimensions)
        At least three periods.

    Returns
    -------
    degrees : ndarray, shape (n_customers,)
        0 for a straight line, 180 for back and forth. NaN for a customer without two successive
        displacements, such as one who stands still.

    Raises
    ------
    ValueError
        If there are fewer than three periods, which have no two displacements.

    References
    ----------
    Maree & Omlin (2021), section IV-A: trajectories "with low average change of direction".

    Examples
    --------
    >>> direction_change([[[0, 0], [1, 0], [2, 0], [2, 1]]]).tolist()
    [45.0]
    """
    trajectories = check_array(trajectories, allow_nd=True, ensure_2d=False, dtype=np.float64)
    if trajectories.ndim != 3 or trajectories.shape[1] < 3:
        raise ValueError(
            f"trajectories has the shape {trajectories.shape}. Pass (customers, at least 3 "
            f"periods, dimensions)."
        )
    steps = np.diff(trajectories, axis=1)
    lengths = np.linalg.norm(steps, axis=2)
    products = (steps[:, 1:] * steps[:, :-1]).sum(axis=2)
    scale = lengths[:, 1:] * lengths[:, :-1]
    moves = scale > 0
    cosines = np.divide(products, scale, out=np.ones_like(products), where=moves)
    angles = np.where(moves, np.degrees(np.arccos(np.clip(cosines, -1, 1))), 0)
    n_moves = moves.sum(axis=1)
    return np.where(n_moves > 0, angles.sum(axis=1) / np.maximum(n_moves, 1), np.nan)


def middle_period(n_periods: int) -> int:
    """Position, from 0, of the last period that ends in the first half of the time."""
    return (n_periods - 1) // 2


def mean_direction_change(trajectories: ArrayLike) -> float:
    """Mean of :func:`direction_change` over customers; NaN if nobody has two displacements."""
    degrees = direction_change(trajectories)
    return float(np.nanmean(degrees)) if np.isfinite(degrees).any() else np.nan


def temporal_stability(earlier: ArrayLike, last: ArrayLike) -> float:
    """Return Cohen's kappa between the segments at an earlier period and at the last one.

    Parameters
    ----------
    earlier, last : array-like of int or str, shape (n_customers,)
        Segments of the same customers, in the same order.

    Returns
    -------
    kappa : float
        1 if everybody stays; 0 if no more customers stay than by chance, as in a single segment.

    Raises
    ------
    ValueError
        If the lengths differ, or there are no customers.

    References
    ----------
    Maree & Omlin (2021), section IV-A: "each trajectory remained in the same micro-cluster for the
    observed six-year time period". Cohen (1960), A coefficient of agreement for nominal scales.

    Examples
    --------
    >>> temporal_stability(["a", "a", "b", "b"], ["a", "a", "b", "a"])
    0.5
    >>> temporal_stability(["a", "a", "a", "a"], ["a", "a", "a", "a"])
    0.0
    """
    earlier, last = np.asarray(earlier), np.asarray(last)
    check_consistent_length(earlier, last)
    if not len(last):
        raise ValueError("There are no customers. Pass the segments of at least one.")
    is_single = len(np.union1d(earlier, last)) == 1
    return 0.0 if is_single else float(cohen_kappa_score(earlier, last))


def warn_of_few_periods(panel: Panel) -> None:
    """Warn if a panel has two periods, or a single one that its columns name."""
    n_periods = panel.cube.shape[1]
    if n_periods in FEW and (n_periods > 1 or panel.period is not None):
        warn(
            f"{FEW[n_periods]}, so the segments say little about change: ask for shorter periods "
            f"(keyword period=), or give more data."
        )
