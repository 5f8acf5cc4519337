"""PersonalityDisplay: fuzzy clusters along the traits.

Trait scores come in; out comes a picture such as Fig. 1 of Maree & Omlin (2021): beyond some score
on a trait, that trait is dominant for most customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from sklearn.utils import check_array, check_random_state

from ..metrics._scorers import mean_trait_scores
from ..personality import rank_traits, trait_names
from ._axes import prepare_axes
from ._colors import NO_TRAIT, trait_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

    from .._utils._typing import Estimator, Integers, PanelLike, RandomState

MOSTLY = 0.5
"""Share of the customers beyond a threshold whose dominant trait is that of the axis."""
SHOWN = 0.995
"""Share of the absolute scores on each trait inside the frame: a few are far away."""


class PersonalityDisplay:
    """Customers by their scores on two traits, coloured by dominant trait.

    A dotted line on each side marks the score beyond which the trait on the horizontal axis is
    dominant for most customers, if there is such a score. :meth:`from_estimator` or
    :meth:`from_predictions` make it.

    Parameters
    ----------
    scores : DataFrame, shape (n_customers, n_traits)
        In standard deviations.
    traits : tuple of two str
        The traits on the axes.

    Attributes
    ----------
    figure_ : matplotlib Figure
    ax_ : matplotlib Axes
    dots_ : PathCollection
        One dot per customer drawn.
    thresholds_ : dict from "+" and "-" to float
        Positions of the dotted lines; NaN for one that is missing.
    drawn_ : ndarray of int
        Rows of the customers drawn.

    References
    ----------
    Maree & Omlin (2021), section IV-A and Fig. 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skspend.plotting import PersonalityDisplay
    >>> scores = np.random.default_rng(0).normal(size=(5000, 5))
    >>> display = PersonalityDisplay.from_predictions(scores)
    >>> bool(0.7 < display.thresholds_["+"] < 1.2)
    True
    """

    ax_: Axes
    figure_: Figure
    drawn_: Integers
    dots_: PathCollection
    thresholds_: dict[str, float]

    def __init__(self, scores: pd.DataFrame, traits: tuple[str, str]) -> None:
        self.scores = scores
        self.traits = traits

    @classmethod
    def from_estimator(
        cls,
        scorer: Estimator,
        X: PanelLike,
        *,
        traits: Sequence[str] | None = None,
        ax: Axes | None = None,
        max_customers: int = 3000,
        random_state: RandomState = 0,
    ) -> Self:
        """Draw the scores that a fitted BigFivePersonalityScorer computes.

        X is a panel, as the scorer was fitted on; scores by period are averaged. The other
        parameters are as in :meth:`from_predictions`.
        """
        scores = mean_trait_scores(scorer, X)
        return cls.from_predictions(
            scores, traits=traits, ax=ax, max_customers=max_customers, random_state=random_state
        )

    @classmethod
    def from_predictions(
        cls,
        scores: ArrayLike,
        *,
        traits: Sequence[str] | None = None,
        ax: Axes | None = None,
        max_customers: int = 3000,
        random_state: RandomState = 0,
    ) -> Self:
        """Draw scores.

        Parameters
        ----------
        scores : array-like, shape (n_customers, n_traits)
            A frame with a column for each trait, or an array of the Big Five.
        traits : sequence of two str, default=None
            The traits on the horizontal and the vertical axis; by default the first two.
        ax : matplotlib Axes, default=None
            By default those of a new figure, outside of pyplot.
        max_customers : int, default=3000
            With more customers, a sample is drawn. The thresholds are those of all customers.
        random_state : int, RandomState instance or None, default=0
            Draws the sample and the order of the dots.

        Raises
        ------
        ValueError
            If an array has other than five columns, or `traits` are not two of the traits.
        """
        known = trait_names(scores)
        table = pd.DataFrame(check_array(scores, input_name="scores"), columns=known)
        traits = known[:2] if traits is None else traits
        if len(set(traits)) != 2 or not set(traits) <= set(known):
            raise ValueError(f"traits must be two of {list(known)}, got {list(traits)}.")
        horizontal, vertical = traits
        display = cls(table, (horizontal, vertical))
        return display.plot(ax, max_customers=max_customers, random_state=random_state)

    def plot(
        self, ax: Axes | None = None, *, max_customers: int = 3000, random_state: RandomState = 0
    ) -> Self:
        """Draw, with parameters as in :meth:`from_predictions`."""
        (self.ax_,), self.figure_ = prepare_axes(ax, width=5.2, height=4.6)
        known, scores = list(map(str, self.scores)), self.scores.to_numpy()
        horizontal, vertical = map(known.index, self.traits)
        dominant = rank_traits(scores)[:, 0]
        shuffled = check_random_state(random_state).permutation(len(self.scores))
        self.drawn_ = shuffled[:max_customers]
        colors = [
            color if trait in self.traits else NO_TRAIT
            for trait, color in trait_colors(known).items()
        ]
        dots = scores[self.drawn_][:, [horizontal, vertical]]
        dot_colors = [colors[trait] for trait in dominant[self.drawn_]]
        self.dots_ = self.ax_.scatter(dots[:, 0], dots[:, 1], s=7, c=dot_colors, alpha=0.7, lw=0)
        self.thresholds_ = {
            sign: _threshold(scores[:, horizontal] * side, dominant == horizontal) * side
            for sign, side in (("+", 1), ("-", -1))
        }
        for threshold in self.thresholds_.values():
            if np.isfinite(threshold):
                self.ax_.axvline(threshold, ls=":", lw=1.2, color="0.2")
        self._frame(dots)
        self._add_legend()
        return self

    def _frame(self, drawn):
        """Leave the few dots that are far away out of the frame, and note their number."""
        reach = 1.1 * np.quantile(np.abs(drawn), SHOWN, axis=0)
        reach = np.where(reach > 0, reach, 1)
        is_outside = (np.abs(drawn) > reach).any(axis=1)
        note = f" ({is_outside.sum():,} outside the frame)" if is_outside.any() else ""
        self.ax_.set(
            xlim=(-reach[0], reach[0]),
            ylim=(-reach[1], reach[1]),
            xlabel=f"{self.traits[0]} score{note}",
            ylabel=f"{self.traits[1]} score",
        )

    def _add_legend(self):
        colors = trait_colors(map(str, self.scores))
        named = [(trait, colors[trait]) for trait in self.traits]
        handles = [
            Line2D([], [], ls="", marker="o", ms=5, color=color, label=f"{label} dominant")
            for label, color in [*named, ("another trait", NO_TRAIT)]
        ]
        if np.isfinite(list(self.thresholds_.values())).any():
            label = f"beyond: {self.traits[0]} for most"
            handles.append(Line2D([], [], ls=":", color="0.2", label=label))
        above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1), "ncols": 2}
        self.ax_.legend(handles=handles, frameon=False, fontsize="small", **above)


def _threshold(values, is_dominant):
    """The lowest value beyond which the trait is dominant for most; NaN if there is none."""
    order = np.argsort(-values, kind="stable")
    share = np.cumsum(is_dominant[order]) / np.arange(1, len(values) + 1)
    is_beyond = (share >= MOSTLY) & (values[order] > 0)
    return values[order][np.flatnonzero(is_beyond)[-1]] if is_beyond.any() else np.nan
