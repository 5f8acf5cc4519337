"""How trajectories move."""

import numpy as np
from sklearn.utils import check_array


def direction_change(trajectories):
    """Mean angle between successive displacements of each trajectory.

    Parameters
    ----------
    trajectories : array-like, shape (n_customers, n_periods, n_dimensions)
        At least three periods.

    Returns
    -------
    degrees : ndarray, shape (n_customers,)
        0 for a straight line, 180 for back and forth. NaN for a customer without two successive
        displacements, as one who stands still.

    Raises
    ------
    ValueError
        If there are fewer than three periods, and so no two displacements.

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
            f"Need an array of shape (customers, at least 3 periods, dimensions), got shape "
            f"{trajectories.shape}."
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
