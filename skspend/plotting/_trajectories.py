"""TrajectoryDisplay: the paths of customers through the state space.

Trajectories and personality types come in; out come all two-dimensional projections of the state
space, as in Fig. 2 of Maree & Omlin (2021).
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba_array
from matplotlib.lines import Line2D
from sklearn.utils import check_random_state

from ..metrics import run_to_trajectories
from ..panel import Panel
from ..personality import TRAITS, TYPES, personality_types
from ._axes import prepare_axes
from ._colors import TRAIT_COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from numpy.typing import ArrayLike, NDArray

    from .._utils._typing import Estimator, Floats, Integers, Names, PanelLike, RandomState
    from ..transactions import TransactionLog
    from ._axes import SeveralAxes

MOST_UNITS = 3
"""Most units whose projections are drawn: those of more units would be too many."""
STATE_TICKS = -1, -0.5, 0, 0.5, 1
DOTS: dict[str, Any] = {"s": 15, "lw": 0.8, "zorder": 3, "clip_on": False}
SMALLEST_FRAME = 0.05
"""Side of the frame around a segment whose customers end in one place."""


class TrajectoryDisplay:
    """Trajectories in the state space, coloured by dominant trait.

    One line per customer leads through the periods, stronger with each, to a dot at the last one:
    a full dot if the trait is high, a hollow dot if it is low. :meth:`from_estimator`, which can
    also show one segment alone, or :meth:`from_predictions` make it.

    Parameters
    ----------
    states : ndarray, shape (n_customers, n_periods, n_units)
        Between -1 and 1, oldest period first.
    types : array-like of str, shape (n_customers,)
        Personality types, such as ``"openness-"``.
    period : str, default="period"
        The word for a period.
    rank : int, default=1
        Rank of the traits in `types`: 1 for the dominant ones. At higher ranks, the frame is the
        part of the state space in which the trajectories end.

    Attributes
    ----------
    figure_ : matplotlib Figure
    axes_ : ndarray of matplotlib Axes, shape (n_panels,)
    lines_ : list of LineCollection, length n_panels
        One line per customer drawn and step, period by period.
    dots_ : list of PathCollection, length n_panels
        One dot per customer drawn, at the last period.
    legend_ : matplotlib Legend
    drawn_ : ndarray of int
        Rows of the customers drawn.

    References
    ----------
    Maree & Omlin (2021), Fig. 2. Okabe & Ito (2008), Color universal design.

    Examples
    --------
    >>> import numpy as np
    >>> from skspend.plotting import TrajectoryDisplay
    >>> states = np.random.default_rng(0).uniform(-1, 1, size=(4, 6, 3))
    >>> types = ["openness+", "openness-", "neuroticism+", "extraversion-"]
    >>> display = TrajectoryDisplay.from_predictions(states, types)
    >>> [(ax.get_xlabel(), ax.get_ylabel()) for ax in display.axes_]
    [('state 0', 'state 1'), ('state 0', 'state 2'), ('state 1', 'state 2')]
    """

    axes_: NDArray[np.object_]
    figure_: Figure
    drawn_: Integers
    lines_: list[LineCollection]
    dots_: list[PathCollection]
    legend_: Legend

    def __init__(
        self, states: Floats, types: Names, *, period: str = "period", rank: int = 1
    ) -> None:
        self.states = states
        self.types = types
        self.period = period
        self.rank = rank

    @classmethod
    def from_estimator(
        cls,
        estimator: Estimator,
        X: TransactionLog | PanelLike,
        *,
        segment: int | None = None,
        ax: Axes | SeveralAxes | None = None,
        max_customers: int = 600,
        random_state: RandomState = 0,
    ) -> Self:
        """Draw the trajectories that a fitted estimator makes of X.

        Parameters
        ----------
        estimator : extractor, or Pipeline
            Fitted, with an extractor whose objective is the type or the scores. A pipeline may end
            in a :class:`~skspend.TrajectoryClusterer`.
        X : the input that the estimator was fitted on
        segment : int, default=None
            A node of the clusterer's ``tree_``. Only its customers are drawn, in the colours of the
            traits that distinguish its parts: the second most dominant ones in a segment of level
            1 (Fig. 2 b), the third in one of level 2 (Fig. 2 c).
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
        types = personality_types(found.scores[members], rank=rank)
        display = cls(states[members], types, period=period, rank=rank)
        return display.plot(ax, max_customers=max_customers, random_state=random_state)

    @classmethod
    def from_predictions(
        cls,
        trajectories: PanelLike,
        types: ArrayLike,
        *,
        n_periods: int | None = None,
        ax: Axes | SeveralAxes | None = None,
        max_customers: int = 600,
        random_state: RandomState = 0,
    ) -> Self:
        """Draw trajectories.

        Parameters
        ----------
        trajectories : frame with the columns of a panel, or array
            Shape (n_customers, n_periods * n_units), or (n_customers, n_periods, n_units).
        types : array-like of str, shape (n_customers,)
            Personality types, such as ``"openness-"``.
        n_periods : int, default=None
            Number of periods of a table whose columns do not name them.
        ax, max_customers, random_state
            As in :meth:`plot`.

        Raises
        ------
        ValueError
            If the number of periods is unknown, or the types are not those of the customers.
        """
        states, period = _cube(trajectories, n_periods)
        types = np.asarray(types, dtype=object)
        unknown = sorted(set(types) - set(TYPES))
        if len(types) != len(states):
            raise ValueError(f"There are {len(types)} types for {len(states)} customers.")
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no personality type. Use these: {list(TYPES)}.")
        display = cls(states, types, period=period)
        return display.plot(ax, max_customers=max_customers, random_state=random_state)

    def plot(
        self,
        ax: Axes | SeveralAxes | None = None,
        *,
        max_customers: int = 600,
        random_state: RandomState = 0,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or array of Axes, default=None
            One for every projection: one for up to two units, else three; another number raises
            ValueError. By default those of a new figure, outside of pyplot.
        max_customers : int, default=600
            With more customers, a sample is drawn, as even over the traits as possible.
        random_state : int, RandomState instance or None, default=0
            Draws the sample and the order of the lines.
        """
        units = range(min(self.states.shape[2], MOST_UNITS))
        projections: list[tuple[Any, int]] = list(combinations(units, 2)) or [(None, 0)]
        is_new = ax is None
        self.axes_, self.figure_ = prepare_axes(ax, len(projections), width=4, height=4.6)
        traits = np.array([name[:-1] for name in self.types], dtype=object)
        self.drawn_ = balanced_sample(traits, max_customers, check_random_state(random_state))
        colors = [TRAIT_COLORS[trait] for trait in traits[self.drawn_]]
        is_high = np.array([name.endswith("+") for name in self.types[self.drawn_]], dtype=bool)
        # Fewer lines can be stronger, because they do not merge into one area.
        strongest = np.clip(12 / np.sqrt(max(1, len(self.drawn_))), 0.3, 0.9)
        self.lines_, self.dots_ = [], []
        for ax, units in zip(self.axes_, projections, strict=True):
            paths = self._paths(units)
            self.lines_.append(ax.add_collection(_fading_lines(paths, colors, strongest)))
            faces, ends = np.where(is_high, colors, "white"), paths[:, -1]
            self.dots_.append(ax.scatter(*ends.T, c=faces, edgecolors=colors, **DOTS))
            self._frame(ax, units)
        self.legend_ = self._add_legend(set(traits), is_new)
        return self

    def _paths(self, units):
        """Points of the customers drawn, shape (n_drawn, n_periods, 2)."""
        states = self.states[self.drawn_]
        if units[0] is None:
            periods = np.broadcast_to(np.arange(1, states.shape[1] + 1), states.shape[:2])
            return np.stack([periods, states[:, :, units[1]]], axis=2)
        return states[:, :, units]

    def _frame(self, ax, units):
        ax.set(ylim=self._limits(units[1]), ylabel=f"state {units[1]}")
        if units[0] is None:
            n_periods = self.states.shape[1]
            ax.set(xlabel=self.period, xlim=(min(1, n_periods - 1), n_periods))
            ax.locator_params(axis="x", integer=True)
        else:
            ax.set(xlim=self._limits(units[0]), xlabel=f"state {units[0]}", aspect="equal")
        if self.rank == 1:
            ax.set(yticks=STATE_TICKS, **({} if units[0] is None else {"xticks": STATE_TICKS}))
        ax.spines[["left", "bottom"]].set_position(("outward", 6))

    def _limits(self, unit):
        """The whole state space; inside a segment, the part of it where its customers end."""
        if self.rank == 1:
            return -1, 1
        ends = self.states[self.drawn_, -1]
        reach = 0.55 * max(np.ptp(ends, axis=0).max(initial=0), SMALLEST_FRAME)
        middle = (ends[:, unit].min() + ends[:, unit].max()) / 2
        # There are no states beyond the walls of the state space.
        middle = np.clip(middle, reach - 1, 1 - reach) if reach < 1 else 0
        return middle - reach, middle + reach

    def _add_legend(self, traits, is_new):
        rank = {1: "", 2: "second ", 3: "third "}.get(self.rank, f"{self.rank}th ")
        title = f"{rank}most dominant trait" if rank else None
        handles = [
            Line2D([], [], color=TRAIT_COLORS[trait], marker="o", ms=4, label=trait)
            for trait in TRAITS
            if trait in traits
        ]
        for sign, face in (("high", "0.3"), ("low", "white")):
            label = f"last {self.period}, trait {sign}"
            dot = Line2D([], [], ls="", marker="o", ms=4, mfc=face, mec="0.3", label=label)
            handles.append(dot)
        options = {"handles": handles, "title": title, "frameon": False}
        if is_new:
            n_columns = len(handles) if len(self.axes_) > 1 else 2
            return self.figure_.legend(loc="outside lower center", ncols=n_columns, **options)
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
    rank = min(tree.loc[segment, "depth"] + 1, len(TRAITS))
    return int(rank), (levels == segment).any(axis=1) | (segment == 0)


def _fading_lines(paths, colors, strongest):
    """Lines that grow stronger with every period, up to `strongest`, the latest on top."""
    steps = np.stack([paths[:, :-1], paths[:, 1:]], axis=2)
    n_customers, n_steps = steps.shape[:2]
    opacity = strongest * np.linspace(0, 1, n_steps + 1)[1:] ** 2
    return LineCollection(
        steps.swapaxes(0, 1).reshape(-1, 2, 2),
        colors=to_rgba_array(colors * n_steps, np.repeat(opacity, n_customers)),
        linewidths=0.7,
        zorder=2,
    )


def balanced_sample(traits: Names, most: int, random_state: np.random.RandomState) -> Integers:
    """Rows of up to `most` customers, taken from the traits in turn, in random order."""
    shuffled = random_state.permutation(len(traits))
    turn = pd.Series(shuffled).groupby(traits[shuffled]).cumcount()
    chosen = shuffled[np.argsort(turn.to_numpy(), kind="stable")][:most]
    return random_state.permutation(chosen)
