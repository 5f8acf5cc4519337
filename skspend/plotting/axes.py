"""Axes for the displays: the user's, or those of a new figure."""

import numpy as np
from matplotlib.figure import Figure


def prepare_axes(ax, n_panels=1, *, width, height):
    """The axes to draw on, and whether their figure is ours.

    Parameters
    ----------
    ax : matplotlib Axes, array of Axes or None
        What the user gave.
    n_panels : int, default=1
        Number of axes that are needed.
    width, height : float
        Inches of one of our panels. The figure is outside of pyplot, so that no window opens.

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
        size = width * n_panels + 0.5, height
        figure = Figure(figsize=size, dpi=150, layout="constrained")
        return figure.subplots(1, n_panels, squeeze=False)[0], True
    axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
    if len(axes) != n_panels:
        raise ValueError(f"There are {n_panels} projections to draw, but ax has {len(axes)} axes.")
    return axes, False
