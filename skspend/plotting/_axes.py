"""Axes for the displays: the user's, or those of a new figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    SeveralAxes: TypeAlias = Sequence[Axes] | NDArray[np.object_]


def prepare_axes(
    ax: Axes | SeveralAxes | None,
    n_panels: int = 1,
    *,
    width: float,
    height: float,
    n_columns: int | None = None,
    what: str = "projections",
) -> tuple[NDArray[np.object_], bool]:
    """The axes to draw on, and whether their figure is ours.

    Parameters
    ----------
    ax : matplotlib Axes, array of Axes or None
        What the user gave.
    n_panels : int, default=1
        Number of axes that are needed.
    width, height : float
        Inches of one of our panels. The figure is outside of pyplot, so that no window opens.
    n_columns : int, default=None
        Most of our panels beside each other; default all.
    what : str, default="projections"
        What the panels show, for the message.

    Returns
    -------
    axes : ndarray of Axes, shape (n_panels,)
    is_own : bool

    Raises
    ------
    ValueError
        If the number of axes is another.
    """
    if ax is None:
        n_columns = min(n_panels, n_columns or n_panels)
        n_rows = -(-n_panels // n_columns)
        size = width * n_columns + 0.5, height * n_rows
        figure = Figure(figsize=size, dpi=150, layout="constrained")
        axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for unused in axes[n_panels:]:
            unused.remove()
        return axes[:n_panels], True
    axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
    if len(axes) != n_panels:
        raise ValueError(f"There are {n_panels} {what} to draw, but ax has {len(axes)} axes.")
    return axes, False
