"""HierarchyDisplay: the tree of segments at a glance.

A fitted clusterer and the names of its nodes come in; out comes an icicle chart with their sizes,
which Fig. 2 of Maree & Omlin (2021) leaves out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from ._axes import plain, prepare_axes
from ._colors import text_color, type_color

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .._utils._typing import Estimator

ROOT_COLOR = 0.93, 0.93, 0.93
COLUMN_INCHES, HEIGHT_INCHES = 2.4, 7
ROOT_WIDTH = 0.3
"""Width of the column of all customers, in columns: its label is short."""
LARGEST_FONT, SMALLEST_FONT = 9, 6
"""Points; a segment too thin for the smallest has no label."""
POINTS_PER_LETTER = 0.6
"""Width of a letter, in sizes of its font."""


class HierarchyDisplay:
    """An icicle chart of the tree of segments: one column per level, heights are customers.

    Segments have the colour of the trait that their name begins with, or grey if it begins with a
    category, and are pale if the trait or category is low. :meth:`from_estimator` makes it.

    Parameters
    ----------
    tree : DataFrame
        As ``TrajectoryClusterer.tree_``.
    names : dict from int to str
        Node to name, as by :func:`~skspend.inspection.name_segments`; others are numbered.

    Attributes
    ----------
    figure_ : matplotlib Figure
    ax_ : matplotlib Axes
    patches_ : dict from int to Rectangle
        Node to its rectangle; the height is the share of the customers.
    texts_ : dict from int to Text
        Node to its label, for segments of about 1.7 % of the customers and more. A long name leaves
        out the number of customers.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skspend import TrajectoryClusterer
    >>> from skspend.plotting import HierarchyDisplay
    >>> X, _ = make_blobs(300, centers=[[0, 0], [9, 0], [0, 9]], random_state=0)
    >>> clusterer = TrajectoryClusterer(max_depth=1, random_state=0).fit(X)
    >>> display = HierarchyDisplay.from_estimator(clusterer)
    >>> [round(float(patch.get_height()), 2) for patch in display.patches_.values()]
    [1.0, 0.33, 0.33, 0.33]
    """

    ax_: Axes
    figure_: Figure
    patches_: dict[int, Rectangle]
    texts_: dict[int, Text]

    def __init__(self, tree: pd.DataFrame, names: dict[int, str]) -> None:
        self.tree = tree
        self.names = names

    @classmethod
    def from_estimator(
        cls, clusterer: Estimator, names: dict[int, str] | None = None, *, ax: Axes | None = None
    ) -> Self:
        """Draw the tree of a fitted clusterer.

        Parameters
        ----------
        clusterer : TrajectoryClusterer
        names : dict from int to str, default=None
            As :func:`~skspend.inspection.name_segments` returns them; by default numbers.
        ax : matplotlib Axes, default=None
            By default those of a new figure, outside of pyplot.
        """
        return cls(clusterer.tree_, {} if names is None else names).plot(ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw on `ax`, as in :meth:`from_estimator`."""
        n_levels = int(self.tree["depth"].max())
        width = COLUMN_INCHES * (n_levels + ROOT_WIDTH)
        (self.ax_,), self.figure_ = prepare_axes(ax, width=width, height=HEIGHT_INCHES)
        self.patches_, self.texts_ = {}, {}
        self._draw(0, top=1.0)
        self.ax_.set(xlim=(-ROOT_WIDTH, n_levels), ylim=(0, 1), yticks=[])
        levels = [f"level {level}" for level in range(1, n_levels + 1)]
        self.ax_.set_xticks([-ROOT_WIDTH / 2, *np.arange(n_levels) + 0.5], ["all", *levels])
        self.ax_.xaxis.tick_top()
        self.ax_.tick_params(length=0)
        self.ax_.spines[:].set_visible(False)
        return self

    def _draw(self, node, top):
        """Draw a node below `top`, and its children beside it, the largest first."""
        total = max(1, self.tree.loc[0, "size"])
        depth, size = self.tree.loc[node, ["depth", "size"]]
        height = size / total
        left, width = (depth - 1, 1) if node else (-ROOT_WIDTH, ROOT_WIDTH)
        name = self.names.get(node, f"segment {node}")
        color = type_color(name) if node else ROOT_COLOR
        name = plain(name)
        corner = left, top - height
        patch = self.ax_.add_patch(Rectangle(corner, width, height, fc=color, ec="white", lw=1.2))
        self.patches_[node] = patch
        fitting = 0.7 * 72 * HEIGHT_INCHES * height
        if fitting >= SMALLEST_FONT:
            label = f"{name}   {size:,} ({height:.1%})" if node else f"{size:,}"
            room = 72 * (COLUMN_INCHES * width - 0.1) / POINTS_PER_LETTER
            if room < SMALLEST_FONT * len(label):
                label = name
            points = np.clip(min(fitting, room / len(label)), SMALLEST_FONT, LARGEST_FONT)
            style = {"fontsize": points, "color": text_color(color)}
            style |= {"clip_path": patch, "clip_on": True}
            place = left + 0.03, top - height / 2
            self.texts_[node] = self.ax_.text(*place, label, va="center", **style)
        children = self.tree[self.tree["parent"] == node].sort_values("size", ascending=False)
        for child in children.index:
            self._draw(child, top)
            top -= self.tree.loc[child, "size"] / total
