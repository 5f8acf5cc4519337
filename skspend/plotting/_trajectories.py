"""TrajectoryDisplay: the paths of customers through the state space.

Trajectories and a label of each customer come in; out come two-dimensional projections of the state
space with the mean path of each label, and on demand the paths of single customers, as in Fig. 2 of
Maree & Omlin (2021).
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.colors import to_rgba_array
from matplotlib.lines import Line2D
from sklearn.utils import check_random_state

from ..metrics._scorers import run_to_trajectories
from ..panel import Panel
from ..personality import personality_types
from ._axes import plain, prepare_axes
from ._colors import name_colors
from ._shown import HALF, MOST_UNITS, balanced_sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from numpy.typing import ArrayLike, NDArray

    from .._utils._typing import Estimator, Floats, Integers, Names, PanelLike, RandomState
    from ..transactions import TransactionLog
    from ._axes import SeveralAxes

WIDTHS = 1.0, 3.5
"""Of the first and the last step of a mean path, in points."""
LARGEST_DOT, SMALLEST_DOT = 400, 20
"""Area of the dot of all customers, and that of the smallest, in square points."""


class TrajectoryDisplay:
    """The mean path of each group of customers through the state space, and how far it spreads.

    The path of a group becomes wider with every period. It ends in a dot, whose area grows with the
    number of customers, and in an ellipse that holds about half of them. If asked for, there is a
    thin line for each single customer, stronger with every period. :meth:`from_estimator`, which
    can also show one segment alone, or :meth:`from_predictions` make it.

    Parameters
    ----------
    states : ndarray, shape (n_customers, n_periods, n_units)
        Oldest period first.
    labels : array-like of str, shape (n_customers,)
        The group of each customer: the name of a segment, or a personality type such as
        ``"openness-"``. A group has the colour of the trait with which its name begins, pale if it
        is low, if this distinguishes the groups.
    period : str, default="period"
        The word for a period.
    title : str, default=None
        Title of the legend: what the labels are.

    Attributes
    ----------
    figure_ : matplotlib Figure
    axes_ : ndarray of matplotlib Axes, shape (n_panels,)
    groups_ : ndarray of str, shape (n_groups,)
        The labels in the order of the legend, the largest group first.
    paths_ : list of LineCollection, length n_panels
        One line per group and step, period by period.
    dots_ : list of PathCollection, length n_panels
        One dot per group, at its mean in the last period.
    spreads_ : list of EllipseCollection, length n_panels
        One ellipse per group.
    lines_ : list of LineCollection, length n_panels
        One line per customer drawn and step, period by period.
    legend_ : matplotlib Legend
    drawn_ : ndarray of int
        Rows of the customers drawn.

    Notes
    -----
    The ellipse is that of a normal distribution with the covariance of the group's states in the
    last period. Axes name the share of the variance of these states, over all customers and units,
    that lies along them.

    References
    ----------
    Maree & Omlin (2021), Fig. 2. Okabe & Ito (2008), Color universal design.

    Examples
    --------
    >>> import numpy as np
    >>> from skspend.plotting import TrajectoryDisplay
    >>> states = np.random.default_rng(0).uniform(-1, 1, size=(4, 6, 2))
    >>> labels = ["openness+", "openness-", "openness+", "extraversion-"]
    >>> display = TrajectoryDisplay.from_predictions(states, labels)
    >>> [text.get_text() for text in display.legend_.get_texts()]
    ['openness+ (2)', 'extraversion- (1)', 'openness- (1)']
    """

    axes_: NDArray[np.object_]
    figure_: Figure
    groups_: Names
    drawn_: Integers
    paths_: list[LineCollection]
    dots_: list[PathCollection]
    spreads_: list[EllipseCollection]
    lines_: list[LineCollection]
    legend_: Legend

    def __init__(
        self, states: Floats, labels: Names, *, period: str = "period", title: str | None = None
    ) -> None:
        self.states = states
        self.labels = labels
        self.period = period
        self.title = title

    @classmethod
    def from_estimator(
        cls,
        estimator: Estimator,
        X: TransactionLog | PanelLike,
        *,
        segment: int | None = None,
        ax: Axes | SeveralAxes | None = None,
        max_customers: int = 0,
        random_state: RandomState = 0,
    ) -> Self:
        """Draw the trajectories that a fitted estimator makes of X, by personality type.

        Parameters
        ----------
        estimator : extractor, or Pipeline
            Fitted, with an extractor whose objective is the type or the scores. A pipeline may end
            in a :class:`~skspend.TrajectoryClusterer`.
        X : the input that the estimator was fitted on
        segment : int, default=None
            A node of the clusterer's ``tree_``. Only its customers are drawn, by the traits that
            distinguish its parts: the second most dominant ones in a segment of level 1 (Fig. 2 b),
            the third in one of level 2 (Fig. 2 c).
        ax, max_customers, random_state
            As in :meth:`plot`.

        Raises
        ------
        ValueError
            If the extractor has no scorer, or the estimator has no such segment.
        """
        found = run_to_trajectories(estimator, X)
        if found.scores is None:
            raise ValueError(
                f"The {type(estimator).__name__} has no scorer_, so the personality types are "
                f"unknown. Pass them to from_predictions."
            )
        states, period = _cube(found.states, found.n_periods)
        rank, members = 1, np.ones(len(states), dtype=bool)
        if segment is not None:
            rank, members = _inside(segment, found)
        types = personality_types(found.scores.loc[members], rank=rank)
        ranks = {1: "", 2: "second ", 3: "third "}
        title = f"{ranks.get(rank, f'{rank}th ')}most dominant trait, high (+) or low (-)"
        display = cls(states[members], types, period=period, title=title)
        return display.plot(ax, max_customers=max_customers, random_state=random_state)

    @classmethod
    def from_predictions(
        cls,
        trajectories: PanelLike,
        labels: ArrayLike,
        *,
        n_periods: int | None = None,
        title: str | None = None,
        ax: Axes | SeveralAxes | None = None,
        max_customers: int = 0,
        random_state: RandomState = 0,
    ) -> Self:
        """Draw trajectories.

        Parameters
        ----------
        trajectories : frame with the columns of a panel, or array
            Shape (n_customers, n_periods * n_units), or (n_customers, n_periods, n_units).
        labels : array-like of str, shape (n_customers,)
            The group of each customer: the name of a segment, or a type such as ``"openness-"``.
        n_periods : int, default=None
            Number of periods of a table whose columns do not name them.
        title : str, default=None
            Title of the legend.
        ax, max_customers, random_state
            As in :meth:`plot`.

        Raises
        ------
        ValueError
            If the number of periods is unknown, or there is not one label for each customer.
        """
        states, period = _cube(trajectories, n_periods)
        labels = np.asarray(labels, dtype=object)
        if labels.shape != (len(states),):
            raise ValueError(f"There are {labels.size} labels for {len(states)} customers.")
        display = cls(states, labels, period=period, title=title)
        return display.plot(ax, max_customers=max_customers, random_state=random_state)

    def plot(
        self,
        ax: Axes | SeveralAxes | None = None,
        *,
        max_customers: int = 0,
        random_state: RandomState = 0,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or array of Axes, default=None
            One for every projection: one for up to two units, else three; another number raises
            ValueError. By default those of a new figure, outside of pyplot.
        max_customers : int, default=0
            Number of customers whose single lines are drawn behind the mean paths. If there are
            more, a sample is drawn, as even over the groups as possible.
        random_state : int, RandomState instance or None, default=0
            Draws the sample and the order of the lines.
        """
        units = range(min(self.states.shape[2], MOST_UNITS))
        projections: list[tuple[Any, int]] = list(combinations(units, 2)) or [(None, 0)]
        is_new = ax is None
        self.axes_, self.figure_ = prepare_axes(ax, len(projections), width=4, height=4.8)
        sizes = pd.Series(self.labels).value_counts(sort=False).sort_index()
        sizes = sizes.sort_values(ascending=False, kind="stable")
        self.groups_ = sizes.index.to_numpy(dtype=object)
        colors = dict(zip(self.groups_, name_colors(list(self.groups_)), strict=True))
        random_state = check_random_state(random_state)
        self.drawn_ = balanced_sample(self.labels, max_customers, random_state)
        inks = [colors[label] for label in self.labels[self.drawn_]]
        areas = np.maximum(SMALLEST_DOT, LARGEST_DOT * sizes.to_numpy() / max(1, sizes.sum()))
        # Fewer lines can be stronger, because they do not merge into one area.
        strongest = np.clip(12 / np.sqrt(max(1, len(self.drawn_))), 0.3, 0.9)
        self.lines_, self.paths_, self.dots_, self.spreads_ = [], [], [], []
        for ax, units in zip(self.axes_, projections, strict=True):
            points = self._project(units)
            groups = [points[self.labels == label] for label in self.groups_]
            means = np.array([group.mean(axis=0) for group in groups])
            faces = list(colors.values())
            n_steps = points.shape[1] - 1
            fade = strongest * np.linspace(0, 1, n_steps + 1)[1:] ** 2
            self.lines_.append(_add_lines(ax, points[self.drawn_], inks, 0.7, fade))
            self.spreads_.append(_add_ellipses(ax, [group[:, -1] for group in groups], faces))
            widths = np.repeat(np.linspace(*WIDTHS, n_steps), len(means))
            self.paths_.append(_add_lines(ax, means, faces, widths, np.ones(n_steps)))
            dots = ax.scatter(*means[:, -1].T, s=areas, c=faces, ec="black", lw=0.8, zorder=5)
            self.dots_.append(dots)
            self._frame(ax, units)
        self.legend_ = self._add_legend(colors, sizes, is_new)
        return self

    def _project(self, units):
        """Points of all customers in a plane, shape (n_customers, n_periods, 2)."""
        if units[0] is None:
            periods = np.broadcast_to(np.arange(1, self.states.shape[1] + 1), self.states.shape[:2])
            return np.stack([periods, self.states[:, :, units[1]]], axis=2)
        return self.states[:, :, units]

    def _frame(self, ax, units):
        """Name the axes, and give them the limits of what is drawn."""
        variances = self.states[:, -1].var(axis=0)
        shares = variances / max(variances.sum(), np.finfo(float).tiny)
        for axis, unit in zip("xy", units, strict=True):
            if unit is not None:
                ax.set(**{f"{axis}label": f"state {unit} ({shares[unit]:.0%} of the variance)"})
        if units[0] is None:
            ax.set(xlabel=self.period)
            ax.locator_params(axis="x", integer=True)
        else:
            ax.set_aspect("equal", adjustable="datalim")
        ax.autoscale_view()

    def _add_legend(self, colors, sizes, is_new):
        handles = [
            Line2D(
                [],
                [],
                color=color,
                lw=3,
                marker="o",
                mec="black",
                label=f"{plain(label)} ({size:,})",
            )
            for (label, color), size in zip(colors.items(), sizes, strict=True)
        ]
        options = {"handles": handles, "title": self.title, "frameon": False}
        if is_new:
            n_columns = 2 * len(self.axes_) - (len(self.axes_) > 1)
            place = {"loc": "outside lower center", "ncols": n_columns, "fontsize": "small"}
            return self.figure_.legend(**place, **options)
        beside = {"loc": "center left", "bbox_to_anchor": (1.02, 0.5), "fontsize": "small"}
        return self.axes_[-1].legend(**beside, **options)


def _cube(trajectories, n_periods):
    """Trajectories as (n_customers, n_periods, n_units), and the word for a period."""
    read = Panel.read(trajectories, n_periods)
    if read.period is None and n_periods is None and np.ndim(trajectories) == 2:
        raise ValueError("The columns do not name the periods. Pass n_periods.")
    return read.cube.astype(float), read.period or "period"


def _inside(segment, found):
    """Rank of the traits that distinguish the parts of a segment, and a mask of its members."""
    if found.clusterer is None:
        raise ValueError("segment= needs segments. Pass a Pipeline with a TrajectoryClusterer.")
    tree = found.clusterer.tree_
    if segment not in tree.index:
        raise ValueError(f"There is no segment {segment}: the tree has nodes 0 to {len(tree) - 1}.")
    levels = found.clusterer.predict_levels(found.states)
    rank = min(tree.loc[segment, "depth"] + 1, found.scores.shape[1])
    return int(rank), (levels == segment).any(axis=1) | (segment == 0)


def _add_lines(ax, paths, colors, widths, opacities):
    """Draw paths, shape (n_paths, n_periods, 2), step by step, with the latest on top."""
    steps = np.stack([paths[:, :-1], paths[:, 1:]], axis=2)
    n_paths, n_steps = steps.shape[:2]
    lines = LineCollection(
        steps.swapaxes(0, 1).reshape(-1, 2, 2),
        colors=to_rgba_array(list(colors) * n_steps, np.repeat(opacities, n_paths)),
        linewidths=widths,
        capstyle="round",
        zorder=2 if np.isscalar(widths) else 4,
    )
    return ax.add_collection(lines)


def _add_ellipses(ax, groups, colors):
    """Draw the ellipse around the mean of each group of points that holds about half of them."""
    centers = np.array([group.mean(axis=0) for group in groups])
    spreads = np.array([np.cov(group, rowvar=False, bias=True) for group in groups])
    variances, axes = np.linalg.eigh(spreads)
    lengths = 2 * HALF * np.sqrt(np.maximum(variances, 0))
    angles = np.degrees(np.arctan2(axes[:, 1, 1], axes[:, 0, 1]))
    ellipses = EllipseCollection(
        lengths[:, 1], lengths[:, 0], angles, units="xy", offsets=centers,
        offset_transform=ax.transData, facecolors=to_rgba_array(colors, 0.18), edgecolors=colors,
        linewidths=1, zorder=3,
    )  # fmt: skip
    # The collection itself tells the axes of its centres alone.
    reach = HALF * np.sqrt(spreads.diagonal(axis1=1, axis2=2))
    ax.update_datalim(np.concatenate([centers - reach, centers + reach]))
    return ax.add_collection(ellipses, autolim=False)
