"""AttractorDisplay: where customers go if they spend for ever as in the last period.

The last states, the attractors and their segments come in; out comes a projection in which an arrow
leads each customer from the last state to the attractor. Maree & Omlin (2022).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from sklearn.decomposition import PCA
from sklearn.utils import check_random_state

from ..inspection import find_attractors
from ._axes import plain, prepare_axes
from ._colors import name_colors
from ._shown import balanced_sample

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from matplotlib.quiver import Quiver

    from .._utils._typing import Estimator, Integers, PanelLike, RandomState
    from ..transactions import TransactionLog

LARGEST_MARK = 700
"""Area of the mark of all customers, in square points."""
SMALLEST_MARK = 12
ARROWS: dict[str, Any] = {
    **{"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.0018},
    **{"alpha": 0.45, "zorder": 2},
}
AXES = "main", "second"


class AttractorDisplay:
    """Arrows from the last states of customers to their attractors, by segment.

    The states are projected onto the two directions in which they differ most. A small dot is the
    last state of a customer; an arrow leads to the state to which the customer goes if the last
    period repeats for ever, in the colour of its segment. A large mark is a common attractor, and
    its area grows with the number of customers who go there. :meth:`from_estimator` makes it.

    Parameters
    ----------
    customers, attractors, states, last_states : DataFrame
        As :func:`~skspend.inspection.find_attractors` returns them, with segments.
    names : dict from int to str, default=None
        Names of the nodes, as of :func:`~skspend.inspection.name_segments`; by default numbers.

    Attributes
    ----------
    figure_ : matplotlib Figure
    ax_ : matplotlib Axes
    arrows_ : Quiver
        One for each customer drawn.
    dots_ : PathCollection
        The last state of each customer drawn.
    marks_ : PathCollection
        One for each common attractor, the largest first.
    legend_ : matplotlib Legend
    drawn_ : ndarray of int
        Rows of the customers drawn.

    References
    ----------
    Maree & Omlin (2022), Understanding spending behavior: recurrent neural network explanation and
    interpretation, IEEE CIFEr.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from skspend import BigFivePersonalityScorer, LSTMStateExtractor, TrajectoryClusterer
    >>> from skspend.datasets import make_spending
    >>> from skspend.plotting import AttractorDisplay
    >>> bank = make_spending(300, 3, 20, random_state=0)
    >>> states = LSTMStateExtractor(
    ...     n_networks=2, scorer=BigFivePersonalityScorer(bank.coefficients), random_state=0
    ... )
    >>> pipeline = make_pipeline(states, TrajectoryClusterer(max_depth=1, random_state=0))
    >>> display = AttractorDisplay.from_estimator(pipeline.fit(bank.data), bank.data)
    >>> [text.get_text() for text in display.legend_.get_texts()][-1]
    'common attractor'
    """

    figure_: Figure
    ax_: Axes
    arrows_: Quiver
    dots_: PathCollection
    marks_: PathCollection
    legend_: Legend
    drawn_: Integers

    def __init__(
        self,
        customers: pd.DataFrame,
        attractors: pd.DataFrame,
        states: pd.DataFrame,
        last_states: pd.DataFrame,
        names: Mapping[int, str] | None = None,
    ) -> None:
        self.customers = customers
        self.attractors = attractors
        self.states = states
        self.last_states = last_states
        self.names = names

    @classmethod
    def from_estimator(
        cls,
        estimator: Estimator,
        X: TransactionLog | PanelLike,
        names: Mapping[int, str] | None = None,
        *,
        level: int = 1,
        ax: Axes | None = None,
        max_customers: int = 400,
        random_state: RandomState = 0,
    ) -> Self:
        """Find the attractors of a fitted pipeline that ends in a TrajectoryClusterer, and draw.

        The parameters are as in :func:`~skspend.inspection.find_attractors`,
        :class:`AttractorDisplay` and :meth:`plot`. An estimator without segments raises ValueError.
        """
        found = find_attractors(estimator, X, level=level)
        if "segment" not in found["customers"]:
            raise ValueError(
                f"The {type(estimator).__name__} has no segments. Pass a Pipeline that ends in a "
                f"TrajectoryClusterer."
            )
        display = cls(**found, names=names)
        return display.plot(ax, max_customers=max_customers, random_state=random_state)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        max_customers: int = 400,
        random_state: RandomState = 0,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            By default that of a new figure, outside of pyplot.
        max_customers : int, default=400
            With more customers, a sample is drawn, as even over the segments as possible. The marks
            count everybody.
        random_state : int, RandomState instance or None, default=0
            Draws the sample.
        """
        is_new = ax is None
        axes, self.figure_ = prepare_axes(ax, width=6, height=5.6, what="panels")
        self.ax_ = axes[0]
        (last, ends, middles), variances = self._project()
        segments = self.customers["segment"].to_numpy()
        sizes = pd.Series(segments).value_counts()
        names = {node: (self.names or {}).get(node, f"segment {node}") for node in sizes.index}
        colors = dict(zip(names, name_colors(list(names.values())), strict=True))
        random_state = check_random_state(random_state)
        self.drawn_ = drawn = balanced_sample(segments, max_customers, random_state)
        inks = [colors[node] for node in segments[drawn]]
        self.arrows_ = self.ax_.quiver(
            *last[drawn].T, *(ends - last)[drawn].T, color=inks, **ARROWS
        )
        (x, y), (common_x, common_y) = last[drawn].T, middles.T
        self.dots_ = self.ax_.scatter(x, y, c=inks, s=5, lw=0, zorder=3)
        faces = [colors[node] for node in self.attractors["segment"]]
        areas = SMALLEST_MARK + LARGEST_MARK * self.attractors["customers"] / len(segments)
        self.marks_ = self.ax_.scatter(
            common_x, common_y, s=areas, c=faces or None, edgecolors="black", lw=0.8, zorder=4
        )
        # Arrows do not widen the limits of the axes.
        self.ax_.update_datalim(ends[drawn])
        self.ax_.autoscale_view()
        for axis, word, variance in zip("xy", AXES, variances, strict=True):
            label = f"{word} direction of the states ({variance:.0%} of the variance)"
            self.ax_.set(**{f"{axis}label": label, f"{axis}ticks": []})
        texts = {f"{plain(names[node])} ({size:,})": colors[node] for node, size in sizes.items()}
        self.legend_ = self._add_legend(texts, is_new)
        return self

    def _project(self):
        """Last states, states and attractors in two dimensions; and their shares of variance."""
        n_states = self.states.shape[1]
        pca = PCA(min(2, n_states), svd_solver="full").set_output(transform="default")
        pca.fit(np.vstack([self.last_states, self.states]))
        means = self.attractors[self.states.columns]
        # A single state lies on a line.
        missing = [(0, 0), (0, 2 - min(2, n_states))]
        tables = self.last_states, self.states, means
        # PCA.transform takes no table without rows.
        along = [(table.to_numpy() - pca.mean_) @ pca.components_.T for table in tables]
        points = [np.pad(rows, missing) for rows in along]
        return points, np.pad(pca.explained_variance_ratio_, missing[1])

    def _add_legend(self, texts, is_new):
        mark = {"ls": "", "marker": "o", "mec": "black"}
        handles = [Line2D([], [], mfc=color, label=text, **mark) for text, color in texts.items()]
        handles += [
            Line2D([], [], ls="", marker="o", ms=2.5, color="0.3", label="last state"),
            Line2D([], [], color="0.3", lw=0.8, marker=">", ms=4, label="way to the attractor"),
            Line2D([], [], mfc="white", ms=10, label="common attractor", **mark),
        ]
        options = {"handles": handles, "frameon": False, "fontsize": "small"}
        if is_new:
            return self.figure_.legend(loc="outside lower center", ncols=3, **options)
        return self.ax_.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), **options)
