"""ElbowDisplay: the scores of a search over one parameter, and the value at the elbow.

The results of a search come in; out comes the curve from which Maree & Omlin (2021), section IV-A,
choose three units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from ..model_selection import elbow, elbow_curve
from ._axes import prepare_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

CURVE: dict[str, Any] = {"color": "#0072B2", "marker": "o", "ms": 5, "capsize": 3}
RING: dict[str, Any] = {
    "ls": "",
    "marker": "o",
    "ms": 14,
    "mfc": "none",
    "mec": "#D55E00",
    "mew": 2,
}


class ElbowDisplay:
    """The test scores of a search over a parameter, with 95 % intervals and the elbow.

    :meth:`from_cv_results` makes it.

    Parameters
    ----------
    curve : DataFrame
        As :func:`~skspend.model_selection.elbow_curve` returns it.
    chosen : float
        The value at the elbow, by the rule of :func:`~skspend.model_selection.elbow`.
    param : str
        Name of the parameter.

    Attributes
    ----------
    figure_ : matplotlib Figure
    ax_ : matplotlib Axes
    errorbar_ : matplotlib ErrorbarContainer
        Mean scores and intervals.
    chosen_ : matplotlib Line2D
        The ring around the score at the elbow.

    References
    ----------
    Maree & Omlin (2021), section IV-A.

    Examples
    --------
    >>> from skspend.plotting import ElbowDisplay
    >>> scores = [0.30, 0.50, 0.68, 0.70, 0.71, 0.715]
    >>> results = {"param_n_units": [1, 2, 3, 4, 5, 6], "split0_test_score": scores}
    >>> ElbowDisplay.from_cv_results(results).chosen
    3.0
    """

    ax_: Axes
    figure_: Figure
    errorbar_: ErrorbarContainer
    chosen_: Line2D

    def __init__(self, curve: pd.DataFrame, chosen: float, param: str) -> None:
        self.curve = curve
        self.chosen = chosen
        self.param = param

    @classmethod
    def from_cv_results(
        cls,
        search: Any,
        param: str | None = None,
        *,
        ax: Axes | None = None,
        score_name: str = "score",
    ) -> Self:
        """Draw the elbow of a search.

        Parameters
        ----------
        search : fitted search, or its ``cv_results_``
        param : str, default=None
            The numeric parameter; by default the only one that the search varies.
        ax, score_name
            As in :meth:`plot`.

        Raises
        ------
        ValueError
            If the search varies several parameters and `param` is None, or as
            :func:`~skspend.model_selection.elbow_curve` does.
        """
        cv_results = getattr(search, "cv_results_", search)
        if param is None:
            params = [name[6:] for name in cv_results if name.startswith("param_")]
            if len(params) != 1:
                raise ValueError(f"The search varies {params}. Pass param= to draw one elbow.")
            (param,) = params
        curve = elbow_curve(cv_results, param)
        chosen = curve.set_index("candidate")["value"].loc[elbow(param)(cv_results)]
        return cls(curve, float(chosen), param).plot(ax, score_name=score_name)

    def plot(self, ax: Axes | None = None, *, score_name: str = "score") -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            By default those of a new figure, outside of pyplot.
        score_name : str, default="score"
            Such as accuracy or R2, which are the scores of extractors.
        """
        (self.ax_,), self.figure_ = prepare_axes(ax, width=5, height=3.6)
        curve, name = self.curve, self.param.rpartition("__")[2]
        self.errorbar_ = self.ax_.errorbar(
            curve["value"],
            curve["score"],
            yerr=(curve["score"] - curve["low"], curve["high"] - curve["score"]),
            label="mean and 95 % interval over the splits",
            **CURVE,
        )
        elbow_score = curve.loc[curve["value"] == self.chosen, "score"]
        label = f"elbow: {name} = {self.chosen:g}"
        (self.chosen_,) = self.ax_.plot([self.chosen], elbow_score, label=label, **RING)
        self.ax_.set(xlabel=name, ylabel=score_name)
        if (curve["value"] % 1 == 0).all():
            self.ax_.locator_params(axis="x", integer=True)
        self.ax_.legend(frameon=False, loc="best", fontsize="small", markerscale=0.6)
        return self
