"""Axes for the displays: those of the user, or of a new figure; and the names on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib.figure import Figure

from .._utils._text import cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    SeveralAxes: TypeAlias = Sequence[Axes] | NDArray[np.object_]


LONGEST = 60
"""Characters of a name in a picture."""


def plain(name: object) -> str:
    r"""Make a name that matplotlib draws as it is, and does not take for mathematics.

    >>> print(plain("$pets$"))
    \$pets\$
    """
    return cut(str(name), LONGEST).replace("$", r"\$")


def prepare_axes(
    ax: Axes | SeveralAxes | None,
    n_panels: int = 1,
    *,
    width: float,
    height: float,
    n_columns: int | None = None,
    what: str = "projections",
) -> tuple[NDArray[np.object_], Figure]:
    """Return the axes to draw on, without top and right spines, and their figure.

    Without axes of the user they are those of a new figure outside of pyplot, so that no window
    opens: `n_columns` panels in a row, or all, of `width` by `height` inches. Axes of the user in
    another number than `n_panels` raise ValueError, which says `what` they show, in the plural.
    """
    if ax is None:
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
    return axes, axes[0].figure.figure
