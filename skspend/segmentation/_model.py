"""The work behind ``skspend segment`` and ``skspend predict``, step by step and without a terminal.

A file of transactions comes in; out come a fitted pipeline, the segment of every customer, and a
folder that holds both. The main job of Maree & Omlin (2021), sections III and IV-A.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from .. import __version__
from .._utils._errors import DataError, blame_data
from ..aggregation import SpendingAggregator
from ..clustering import TrajectoryClusterer
from ..extraction import LSTMStateExtractor
from ..inspection import describe_segments, name_segments, segment_path
from ..inspection._segments import EVERYBODY, tree_order
from ..panel import Panel
from ..personality import TRAITS, BigFivePersonalityScorer, personality_types
from ..plotting import TrajectoryDisplay
from ..transactions import TransactionLog
from . import _model_file as model_file

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from .._utils._typing import (
        Aliases,
        Coefficients,
        FilePath,
        Names,
        PanelLike,
        Period,
        RandomState,
    )

FEWEST_ACTIVE = 20
"""Two segments of the fewest customers that the clusterer makes a segment of."""
_LIBRARIES = ("numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "tensorflow", "keras", "skops")


def aggregate(
    log: TransactionLog,
    *,
    period: Period = "year",
    n_periods: int | None = None,
    normalize: Literal["spending", "income"] | None = "spending",
) -> tuple[SpendingAggregator, pd.DataFrame, NDArray[np.bool_]]:
    """Fit the first step on all customers.

    Returns
    -------
    spend : SpendingAggregator
    panel : pandas.DataFrame
        Of all customers.
    is_active : ndarray of bool, shape (n_customers,)
        Who spends in all periods; these customers shape the model.

    Raises
    ------
    DataError
        If fewer than 20 customers do, or nothing is spent on any category.
    """
    if not len(log.categories):
        raise DataError(
            f"More money comes in than goes out in each of the {len(log.income_categories)} "
            f"categories, so nobody spends anything. If money spent is negative in the data, pass "
            f"--outflow negative."
        )
    spend = SpendingAggregator(period=period, n_periods=n_periods, normalize=normalize)
    with blame_data():
        panel = spend.fit(log).transform(log)
    spends = (Panel.read(panel).cube != 0).any(axis=2)
    is_active = spends.all(axis=1)
    if is_active.sum() < FEWEST_ACTIVE:
        raise DataError(_too_few(spends))
    return spend, panel, is_active


def _too_few(spends):
    n_customers, n_periods = spends.shape
    found = (
        f"Only {spends.all(axis=1).sum():,} of {n_customers:,} customers spend in all {n_periods} "
        f"periods, and {FEWEST_ACTIVE} are needed to find segments."
    )
    for fewer in range(n_periods - 1, 0, -1):
        n_active = spends[:, -fewer:].all(axis=1).sum()
        if n_active >= FEWEST_ACTIVE:
            return f"{found} With --periods {fewer}, {n_active:,} do: ask for fewer --periods."
    return f"{found} Fewer --periods do not help: give more customers, or check --date."


def train(
    panel: pd.DataFrame,
    *,
    coefficients: Coefficients = None,
    aliases: Aliases = None,
    n_units: int = 3,
    random_state: RandomState = 0,
    callback: Any = None,
) -> LSTMStateExtractor:
    """Fit the second step on the active customers.

    Parameters
    ----------
    panel : pandas.DataFrame
        Of the active customers.
    coefficients, aliases : dict, default=None
        See BigFivePersonalityScorer.
    n_units : int, default=3
    random_state : int, default=0
    callback : FitCallback, default=None
        Is told of every epoch; it does not stay in the model.

    Returns
    -------
    states : LSTMStateExtractor
    """
    scorer = BigFivePersonalityScorer(coefficients, aliases=aliases)
    states = LSTMStateExtractor(n_units, scorer=scorer, random_state=random_state)
    if callback is not None:
        states.set_callbacks(callback)
    with blame_data():
        states.fit(panel)
    return states.set_callbacks()


def cluster(
    trajectories: PanelLike, scores: ArrayLike, *, max_depth: int = 3, random_state: RandomState = 0
) -> tuple[TrajectoryClusterer, dict[int, str]]:
    """Fit the third step on the active customers, and name its nodes.

    Returns
    -------
    segment : TrajectoryClusterer
    names : dict from int to str
    """
    segment = TrajectoryClusterer(max_depth=max_depth, random_state=random_state)
    segment.fit(trajectories)
    return segment, name_segments(segment, trajectories, scores)


@dataclass(frozen=True)
class SegmentModel:
    """A fitted pipeline of the steps spend, states and segment, and the names of its nodes."""

    pipeline: Pipeline
    names: dict[int, str]

    def score_customers(self, panel: pd.DataFrame) -> pd.DataFrame:
        """Standardised scores of customers, by their panel."""
        return self.pipeline["states"].scorer_.transform(panel)

    def path(self, node: int) -> str:
        """The name of a node, after those above it."""
        return segment_path(self.pipeline["segment"], node, self.names) or EVERYBODY

    def place(
        self, customers: ArrayLike, panel: pd.DataFrame, trajectories: PanelLike
    ) -> pd.DataFrame:
        """Tell every customer's segment.

        Parameters
        ----------
        customers : array-like, shape (n_customers,)
        panel, trajectories : frame
            What the first two steps make of the customers.

        Returns
        -------
        table : pandas.DataFrame
            Columns customer, segment, level1 ..., strength, the five traits, type and
            active_periods.
        """
        segment = self.pipeline["segment"]
        nodes = segment.predict_levels(trajectories)
        paths = {node: self.path(node) for node in np.unique(nodes)}
        levels = [pd.Series(level).map(paths).to_numpy() for level in nodes.T]
        scores = self.score_customers(panel)
        return pd.DataFrame(
            {
                "customer": np.asarray(customers),
                "segment": levels[-1],
                **{f"level{number}": level for number, level in enumerate(levels, start=1)},
                "strength": segment.strength(trajectories),
                **{trait: scores[trait].to_numpy() for trait in TRAITS},
                "type": personality_types(scores),
                "active_periods": Panel.read(panel).active_periods,
            }
        )

    def predict(self, log: TransactionLog) -> pd.DataFrame:
        """Tell the segment of every customer of a log; see :meth:`place` for the table."""
        with blame_data():
            panel = self.pipeline["spend"].transform(log)
        return self.place(log.customers, panel, self.pipeline["states"].transform(panel))

    def describe(self, panel: pd.DataFrame, trajectories: PanelLike) -> pd.DataFrame:
        """Describe all nodes, children after their parent; see describe_segments."""
        segment, scores = self.pipeline["segment"], self.score_customers(panel)
        table = describe_segments(segment, trajectories, scores, panel, names=self.names)
        return table.iloc[tree_order(table)]

    def save(self, path: FilePath) -> None:
        """Write the model to a file for :meth:`load`.

        The file is a zip archive in the format of skops, and ``versions.json`` in it says which
        versions of skspend, scikit-learn and skops wrote it. Equal models are equal files. What the
        steps know of every customer of `fit` (``labels_``, ``active_periods_`` and the like) is not
        in it, so that it does not grow with the customers; the row numbers of each node's exemplars
        are.

        Parameters
        ----------
        path : path

        Raises
        ------
        DataError
            If :meth:`load` would refuse the model, or the file cannot be written.
        """
        model_file.write(self.pipeline, self.names, path)

    @classmethod
    def load(cls, path: FilePath) -> Self:
        """Read a model, and nothing but a model.

        A file of an older skspend, or of this one, is read; one of a newer is refused. So is a file
        of more than ``model_file.LARGEST`` bytes, packed or not, before they are unpacked, and one
        with any type that is not among ``model_file.TRUSTED_TYPES``, before anything is made of it:
        nothing in a file is run. Then sizes, numbers and the tree must fit together, and a customer
        of one transaction is brought to a segment on trial.

        Parameters
        ----------
        path : path

        Returns
        -------
        model : SegmentModel

        Raises
        ------
        DataError
            If the file is not there, or is refused; the message is one line and says why.
        """
        model = cls(*model_file.read(path))
        with model_file.refuse(path):
            model.predict(_trial_log(model.pipeline["spend"]))
        return model


def _trial_log(spend):
    """One customer with one transaction, and with an income in case that it is asked for."""
    known = {"customer": [1], "date": ["2000-01-01"], "category": spend._roles[0][:1]}
    income = pd.DataFrame({"customer": [1], "income": [1.0]})
    return TransactionLog(pd.DataFrame(known | {"amount": [1.0]}), income=income)


def summarise(
    model: SegmentModel,
    panel: pd.DataFrame,
    trajectories: pd.DataFrame,
    is_active: NDArray[np.bool_],
    described: pd.DataFrame,
) -> dict[str, Any]:
    """Count and measure the result, as in ``run.json``.

    Returns
    -------
    figures : dict
    """
    spend, states, segment = model.pipeline.named_steps.values()
    top = described[described["depth"] == 1]
    return {
        "customers": len(panel),
        "customers_active_in_all_periods": int(is_active.sum()),
        "periods": int(spend.n_periods_),
        "categories": len(spend.categories_),
        "coverage": states.scorer_.coverage_,
        "accuracy_in_sample": states.score(panel[is_active]),
        "stability_kappa": segment.score(trajectories[is_active]),
        "top_level_segments": len(top),
        "leaves": int((segment.tree_["label"] >= 0).sum()),
        "largest_share": float(top["share"].max()) if len(top) else 1.0,
        "left_out": spend.quality_.to_dict(orient="index"),
    }


def draw(trajectories: PanelLike, types: Names, path: FilePath) -> None:
    """Write the picture of the trajectories of the customers who shape the tree."""
    display = TrajectoryDisplay.from_predictions(trajectories, types)
    title = f"{len(types):,} customers in state space, by dominant trait"
    if len(display.drawn_) < len(types):
        title += f" ({len(display.drawn_):,} drawn)"
    display.figure_.suptitle(title)
    display.figure_.savefig(path)


def versions() -> dict[str, str]:
    """Versions of skspend, Python and the libraries that the result depends on."""
    found = {"skspend": __version__, "python": platform.python_version()}
    return found | {name: version(name) for name in _LIBRARIES}
