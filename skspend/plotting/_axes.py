"""Axes for the displays: those of the user, or of a new figure."""

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
    """Return the axes to draw on, without top and right spines, and whether the figure is new.

    Parameters
    ----------
    ax : matplotlib Axes, array of Axes or None
        The axes of the user. None makes a new figure outside of pyplot, so that no window opens.
    n_panels : int, default=1
        Number of axes that are needed; ValueError if the user has another number.
    width, height : float
        Inches of one panel of a new figure.
    n_columns : int, default=None
        Most panels in a row of a new figure; by default all.
    what : str, default="projections"
        Plural of what a panel shows, for the error.
    """
    is_new = ax is None
    if is_new:
        n_columns = min(n_panels, n_columns or n_panels)
        n_rows = -(-n_panels // n_columns)
        size = width * n_columns + 0.5, height * n_rows
        figure = Figure(figsize=size, dpi=150, layout="constrained")
        axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for unused in axes[n_panels:]:
            unused.remove()
        axes = axes[:n_panels]
    else:
        axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
    if len(axes) != n_panels:
        raise ValueError(
            f"There are {n_panels} {what} to draw, but ax has {len(axes)} axes. Pass {n_panels}."
        )
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    return axes, is_new
