"""ExplanationDisplay: which spending moves the states, and how accurate this explanation is.

A linear explanation of an extractor comes in; out come the strongest categories of every state, and
the fidelity by period. Maree & Omlin (2021), section V, leave this to future work.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from ..inspection import explain_trajectories
from ._axes import plain, prepare_axes
from ._colors import TRAIT_COLORS

if TYPE_CHECKING:
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from numpy.typing import NDArray

    from .._utils._typing import Estimator, PanelLike, RandomState
    from ._axes import SeveralAxes

HIGHER_COLOR, LOWER_COLOR = "#0072B2", "#D55E00"
MARKERS = "osD^vP*X"
FIDELITY = {"ms": 4, "lw": 1, "elinewidth": 1, "capsize": 2}
LABEL_WIDTH = 22
"""Characters of a line of a category's name, which has two lines at most."""
LOWEST_R2 = -0.1
"""R2 below which the axis ends: a state is not reconstructed, however low its R2."""


class ExplanationDisplay:
    """The strongest categories of every state at the last period, and fidelity by period.

    One panel per state shows how much the state differs if a category is one standard deviation
    higher: full blue dots if the state rises, hollow orange dots if it falls, with 95 % intervals.
    The last panel shows the share of the variance of each state that this explains.
    :meth:`from_estimator` or :meth:`from_explanation` make it.

    Parameters
    ----------
    fidelity, coefficients : DataFrame
        As :func:`~skspend.inspection.explain_trajectories` returns them.

    Attributes
    ----------
    figure_ : matplotlib Figure
    axes_ : ndarray of matplotlib Axes, shape (n_states + 1,)
        The states, then the fidelity.
    coefficients_ : list of list of ErrorbarContainer, length n_states
        One for each category drawn, the strongest first.
    fidelity_ : list of ErrorbarContainer, length n_states
    legend_ : matplotlib Legend
        Of the states, in the last panel.

    References
    ----------
    Maree & Omlin (2021), section V. Okabe & Ito (2008), Color universal design.

    Examples
    --------
    >>> from skspend import BigFivePersonalityScorer, LSTMStateExtractor
    >>> from skspend.datasets import make_spending
    >>> from skspend.plotting import ExplanationDisplay
    >>> bank = make_spending(400, 3, 20, random_state=0)
    >>> scorer = BigFivePersonalityScorer(bank.coefficients)
    >>> extractor = LSTMStateExtractor(3, scorer=scorer, epochs=20, random_state=0).fit(bank.data)
    >>> display = ExplanationDisplay.from_estimator(extractor, bank.data, random_state=0)
    >>> [ax.get_title().split(" in ")[0] for ax in display.axes_]
    ['state0', 'state1', 'state2', 'fidelity']
    """

    axes_: NDArray[np.object_]
    figure_: Figure
    coefficients_: list[list[ErrorbarContainer]]
    fidelity_: list[ErrorbarContainer]
    legend_: Legend

    def __init__(self, fidelity: pd.DataFrame, coefficients: pd.DataFrame) -> None:
        self.fidelity = fidelity
        self.coefficients = coefficients

    @classmethod
    def from_estimator(
        cls,
        estimator: Estimator,
        X: PanelLike,
        *,
        ax: SeveralAxes | None = None,
        n_categories: int = 8,
        random_state: RandomState = None,
    ) -> Self:
        """Explain a fitted extractor, and draw.

        The parameters are as in :func:`~skspend.inspection.explain_trajectories` and :meth:`plot`.
        """
        explanation = explain_trajectories(estimator, X, random_state=random_state)
        return cls.from_explanation(explanation, ax=ax, n_categories=n_categories)

    @classmethod
    def from_explanation(
        cls, explanation: Mapping[str, Any], *, ax: SeveralAxes | None = None, n_categories: int = 8
    ) -> Self:
        """Draw the Bunch that :func:`~skspend.inspection.explain_trajectories` returns.

        The other parameters are as in :meth:`plot`.
        """
        display = cls(explanation["fidelity"], explanation["coefficients"])
        return display.plot(ax, n_categories=n_categories)

    def plot(self, ax: SeveralAxes | None = None, *, n_categories: int = 8) -> Self:
        """Draw.

        Parameters
        ----------
        ax : array of matplotlib Axes, default=None
            One for every state and one for the fidelity; another number raises ValueError. By
            default those of a new figure, outside of pyplot.
        n_categories : int, default=8
            Most categories to show for a state.
        """
        periods, states = (self.fidelity[name].unique() for name in ("period", "state"))
        last = self.coefficients[self.coefficients["period"] == periods[-1]]
        strongest = [
            last[last["state"] == state]
            .sort_values("coefficient", key=np.abs, ascending=False, kind="stable")
            .head(n_categories)
            for state in states
        ]
        self.axes_, self.figure_ = prepare_axes(
            ax,
            len(states) + 1,
            width=3.9,
            height=1.2 + 0.32 * max(map(len, strongest)),
            n_columns=2 if len(states) == 3 else 3,
            what="panels (states and fidelity)",
        )
        # One scale for all states, so that the effects can be compared.
        reach = 1.08 * pd.concat(strongest)[["coefficient", "low", "high"]].abs().to_numpy().max()
        self.coefficients_ = []
        for ax, state, rows in zip(self.axes_[:-1], states, strongest, strict=True):
            self.coefficients_.append(_draw_coefficients(ax, rows, reach or 1.0))
            ax.set_title(f"{state} in {periods[-1]}", fontsize="medium")
        self.fidelity_ = self._draw_fidelity(self.axes_[-1], periods, states)
        self.legend_ = self.axes_[-1].legend(
            frameon=False, fontsize="small", ncols=-(-len(states) // 3), loc="best"
        )
        return self

    def _draw_fidelity(self, ax, periods, states):
        colors = list(TRAIT_COLORS.values())
        # Side by side, because similar intervals would hide one another.
        offsets = np.linspace(-0.15, 0.15, len(states)) if len(states) > 1 else [0.0]
        lines = []
        for state, offset, color, marker in zip(states, offsets, cycle(colors), cycle(MARKERS)):
            rows = self.fidelity[self.fidelity["state"] == state]
            style = {"color": color, "marker": marker, "label": state, **FIDELITY}
            at = np.arange(1, len(periods) + 1) + offset
            lines.append(ax.errorbar(at, rows["r2"], yerr=_bars(rows, "r2"), **style))
        lowest = np.nan_to_num(self.fidelity["low"].min())
        ax.set(ylim=(max(LOWEST_R2, lowest) if lowest < 0 else 0, 1.02))
        name = periods[0].rstrip("0123456789")
        ax.set(xlim=(0.5, len(periods) + 0.5), xlabel=name, ylabel="R2, customers left out")
        ax.locator_params(axis="x", integer=True)
        ax.set_title("fidelity", fontsize="medium")
        return lines


def _draw_coefficients(ax, rows, reach):
    """One dot and interval per category, the strongest on top."""
    dots = []
    for place, (_, row) in enumerate(rows.iterrows()):
        rises = row["coefficient"] >= 0
        color = HIGHER_COLOR if rises else LOWER_COLOR
        face = color if rises else "white"
        style = {"color": color, "mfc": face, "marker": "o", "ms": 5, "capsize": 2}
        interval = _bars(rows.iloc[[place]], "coefficient")
        dots.append(ax.errorbar(row["coefficient"], place, xerr=interval, **style))
    ax.axvline(0, color="0.6", lw=0.8, zorder=0)
    ax.set(xlim=(-reach, reach), ylim=(len(rows) - 0.5, -0.5))
    ax.set_yticks(range(len(rows)), [_label(name) for name in rows["category"]], fontsize="small")
    ax.locator_params(axis="x", nbins=5)
    ax.set_xlabel("state per standard deviation of the share", fontsize="small")
    return dots


def _bars(rows, name):
    """Lengths of the intervals below and above, which a skewed bootstrap may leave negative."""
    below, above = rows[name] - rows["low"], rows["high"] - rows[name]
    return np.maximum(np.stack([below, above]), 0)


def _label(name):
    lines = textwrap.wrap(plain(name), LABEL_WIDTH)
    if len(lines) > 2:
        lines[1] = lines[1][: LABEL_WIDTH - 1] + "…"
    return "\n".join(lines[:2])
