"""The main job, step by step and without a terminal: Maree & Omlin (2021), sections III, IV-A."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version
from operator import index
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from .. import __version__
from .._utils._errors import DataError, blame_data
from .._utils._sklearn import default_output
from .._utils._text import count
from ..aggregation._known import panel_with_tally
from ..clustering import TrajectoryClusterer
from ..extraction import FactorStateExtractor, LSTMStateExtractor
from ..inspection import name_segments, segment_path
from ..inspection._matching import keep_names, match_nodes
from ..inspection._segments import EVERYBODY, describe_spending, strengths_of_seen, tree_order
from ..metrics import temporal_stability
from ..metrics._halves import place_halves
from ..panel import fitted_features
from ..personality import BigFivePersonalityScorer, personality_types
from ..transactions import TransactionLog
from . import _model_file as model_file
from ._model_checks import check_stable
from ._reading import Reading, check_sign
from ._seen import PanelSums, Seen

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from .._utils._typing import (
        Aliases,
        Coefficients,
        Estimator,
        FilePath,
        Floats,
        Integers,
        PanelLike,
        RandomState,
    )

N_TOP = 6
"""Segments of the top level without traits. More are no nearer to archetypes, and on some banks
another fit finds them again less often (docs/measured.md)."""
_LIBRARIES = ("numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "tensorflow", "keras", "skops")


def make_steps(
    *,
    coefficients: Coefficients = None,
    aliases: Aliases = None,
    traits: bool = True,
    max_depth: int = 3,
    random_state: RandomState = 0,
) -> Pipeline:
    """Make the second and the third step, states and segment, unfitted.

    `coefficients` and `aliases` are those of BigFivePersonalityScorer. Without `traits`, neither
    has an effect: the states are those of a FactorStateExtractor, and the top level has six
    segments, because customers differ in factors by degrees and would hardly be divided.
    """
    if not traits:
        segment = TrajectoryClusterer(max_depth, n_top=N_TOP, random_state=random_state)
        return Pipeline([("states", FactorStateExtractor()), ("segment", segment)])
    scorer = BigFivePersonalityScorer(coefficients, aliases=aliases)
    states = LSTMStateExtractor(scorer=scorer, random_state=random_state)
    segment = TrajectoryClusterer(max_depth=max_depth, random_state=random_state)
    return Pipeline([("states", states), ("segment", segment)])


@default_output
def train(states: Estimator, panel: pd.DataFrame, callback: Any = None) -> None:
    """Fit the second step on the panel of the active customers.

    A scikit-learn `callback` follows the epochs; it does not stay in the step.
    """
    if callback is not None:
        states.set_callbacks(callback)
    with blame_data():
        states.fit(panel)
    states.set_callbacks()


@default_output
def cluster(
    segment: TrajectoryClusterer,
    trajectories: PanelLike,
    scores: ArrayLike,
    panel: pd.DataFrame,
    *,
    previous: SegmentModel | None = None,
    anchor: Integers | None = None,
) -> dict[int, str]:
    """Fit the third step on the active customers, and return the names of its nodes.

    Scores and panel give the names; see :func:`~skspend.inspection.name_segments`. With a
    `previous` model and the nodes that it gives these customers, `anchor`, of shape (n_customers,
    depth), segments that are found again keep their numbers and, while they are true, their names.
    """
    segment.fit(trajectories, anchor=anchor)
    names = None
    if previous is not None and anchor is not None:
        tree = previous.pipeline["segment"].tree_
        nodes = match_nodes(anchor, segment.level_labels_, tree, segment.tree_)
        names = keep_names(nodes, previous.names)
    return name_segments(segment, trajectories, scores, panel, previous=names)


@dataclass(frozen=True)
class SegmentModel:
    """A fitted pipeline and the names of its segments, for people to read and for a file.

    Attributes
    ----------
    pipeline : Pipeline
        Fitted. Its steps are spend, states and segment: a SpendingAggregator, an
        LSTMStateExtractor or a FactorStateExtractor, and a TrajectoryClusterer.
    names : dict from int to str
        Name of each node of the tree; see :func:`~skspend.inspection.name_segments`.
    reading : Reading or None
        How the file of the fit was read; None if the data came from elsewhere.
    stable : dict from int to int, or None
        The stable segment of each node, as in the column ``stable`` of the frame ``nodes`` of
        :func:`~skspend.inspection.segment_stability`; None if it was not compared with other fits.

    Raises
    ------
    DataError
        If the categories of the pipeline or any of its segments have no name, or `stable` is not
        of its tree.

    See Also
    --------
    SegmentReport : A page about the segments.
    segment_frame : The numbers of the segments, for a part of a table.

    Examples
    --------
    >>> from sklearn.pipeline import Pipeline
    >>> from skspend import *
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(200, 3, 10, transactions=True, random_state=0)
    >>> scorer = BigFivePersonalityScorer(bank.coefficients)
    >>> pipeline = Pipeline([
    ...     ("spend", SpendingAggregator(n_periods=3)),
    ...     ("states", LSTMStateExtractor(scorer=scorer, epochs=2, random_state=0)),
    ...     ("segment", TrajectoryClusterer(max_depth=1, random_state=0)),
    ... ]).fit(bank.data)
    >>> nodes = pipeline["segment"].tree_.index[1:]
    >>> model = SegmentModel(pipeline, {node: f"segment {node}" for node in nodes})
    >>> table = model.predict(bank.data)
    >>> len(table), table.columns[:3].tolist()
    (200, ['customer', 'segment', 'level1'])
    """

    pipeline: Pipeline
    names: dict[int, str]
    reading: Reading | None = None
    stable: dict[int, int] | None = None

    def __post_init__(self) -> None:
        states = self.pipeline.named_steps.get("states")
        if hasattr(states, "n_features_in_") and fitted_features(states) is None:
            raise DataError(
                "The categories that the pipeline was fitted on have no names. Fit it on a frame "
                "whose columns are named like 'year1|groceries'."
            )
        segment = self.pipeline.named_steps.get("segment")
        if hasattr(segment, "parents_"):
            nodes = range(1, len(segment.parents_))
            nameless = [node for node in nodes if node not in self.names]
            if nameless:
                raise DataError(
                    f"names must hold one name each for all nodes but the root: "
                    f"{len(nameless):,} of {count(len(nodes), 'segment')} have none, the first is "
                    f"{nameless[0]}. Take them from skspend.inspection.name_segments."
                )
        if self.stable is not None:
            try:
                # Those of a frame are numbers of NumPy, which no file holds.
                stable = {index(node): index(own) for node, own in dict(self.stable).items()}
                check_stable(stable, self.pipeline["segment"].parents_)
            except (TypeError, ValueError) as error:
                raise DataError(
                    f"stable is not of the tree of this pipeline: {error}. Pass the column stable "
                    f"of the frame nodes that compares this very pipeline with other fits."
                ) from error
            object.__setattr__(self, "stable", stable)

    def path(self, node: int) -> str:
        """The name of a node, after the names of the nodes above it."""
        return segment_path(self.pipeline["segment"], node, self.names) or EVERYBODY

    @default_output
    def place(
        self,
        customers: ArrayLike,
        seen: Seen,
        known: Floats | None = None,
        *,
        nodes: Integers | None = None,
    ) -> pd.DataFrame:
        """Find the segment of every customer.

        Parameters
        ----------
        customers : array-like, shape (n_customers,)
        seen : Seen
            What the first two steps make of the customers.
        known : ndarray, shape (n_customers,), default=None
            The share of each customer's spending in categories that the model knows; by default 1.
        nodes : ndarray of int, shape (n_customers, depth), default=None
            The nodes of the customers at their last period, if they are known.

        Returns
        -------
        table : pandas.DataFrame
            Columns customer, segment, stable_segment, level1 ..., strength, the traits, type,
            active_periods and known_share. Without `stable`, there is no stable_segment, and
            without traits neither these nor a type. The model knows nothing about customers without
            an active period, or with a known_share of 0: their strength is 0. The known_share of
            those who spend nothing is NaN.
        """
        segment = self.pipeline["segment"]
        if nodes is None:
            nodes = segment.predict_levels(seen.trajectories)
        levels = [self._paths(level) for level in nodes.T]
        scores, active_periods = seen.scores, seen.spending.active_periods
        if known is None:
            known = np.where(active_periods > 0, 1.0, np.nan)
        strengths = segment.strength(seen.trajectories)
        table: dict[Any, Any] = {
            "customer": np.asarray(customers),
            "segment": levels[-1],
            **self._stable_paths(nodes[:, -1]),
            **{f"level{number}": level for number, level in enumerate(levels, start=1)},
            "strength": strengths_of_seen(strengths, active_periods, known),
            **{str(trait): score.to_numpy() for trait, score in scores.items()},
        }
        if len(scores.columns):
            table["type"] = personality_types(scores)
        return pd.DataFrame(table | {"active_periods": active_periods, "known_share": known})

    def _paths(self, nodes):
        paths = {node: self.path(node) for node in np.unique(nodes)}
        return pd.Series(nodes).map(paths).to_numpy()

    def _stable_paths(self, nodes):
        if self.stable is None:
            return {}
        # The root, which holds all customers, has no entry.
        return {"stable_segment": self._paths(pd.Series(nodes).map({0: 0} | self.stable))}

    @default_output
    def predict(self, log: TransactionLog, *, allow_unknown: bool = False) -> pd.DataFrame:
        """Find the segment of every customer of a log; see :meth:`place` for the table.

        More than half of the spending in categories that the model does not know is a ValueError,
        unless `allow_unknown`. A log of fewer months than the periods of the model is a warning.
        """
        _, seen, known = self.see(log, allow_unknown=allow_unknown)
        return self.place(log.customers, seen, known)

    @default_output
    def see(
        self, log: TransactionLog, *, allow_unknown: bool = False
    ) -> tuple[PanelSums, Seen, Floats]:
        """Return the sums of a log, and what :meth:`place` takes: Seen and known shares."""
        spend, states = self.pipeline["spend"], self.pipeline["states"]
        if self.reading is not None:
            self.reading.check(log)
        panel, tally = panel_with_tally(log, spend, allow_unknown=allow_unknown)
        sums = PanelSums(spend.n_periods_)
        seen = Seen.of_all(states, panel, sums)
        check_sign(sums)
        return sums, seen, tally.share

    @default_output
    def describe(self, seen: Seen) -> pd.DataFrame:
        """Describe all nodes, children after their parent; see describe_segments."""
        segment = self.pipeline["segment"]
        table = describe_spending(
            segment, seen.trajectories, seen.scores, seen.spending, names=self.names
        )
        return table.iloc[tree_order(table)]

    @default_output
    def summarise(
        self,
        seen: Seen,
        fitted: pd.DataFrame,
        is_fitted: NDArray[np.bool_],
        described: pd.DataFrame,
    ) -> dict[str, Any]:
        """Count and measure the customers, and those of `fit`, as in ``run.json``.

        `fitted` is the panel of the latter, and `described` describes all that are `seen`. Coverage
        and accuracy are None without traits, and the figures of the halves with one period or one
        segment.
        """
        spend, states, segment = self.pipeline.named_steps.values()
        top = described[described["depth"] == 1]
        has_traits = hasattr(states, "scorer_")
        is_active = seen.spending.active_periods == spend.n_periods_
        same = split_half = None
        if spend.n_periods_ > 1 and len(top):
            halves = place_halves([states, segment], fitted)[:, :, 0]
            same, split_half = float(np.equal(*halves).mean()), temporal_stability(*halves)
        return {
            "customers": len(is_active),
            "customers_active_in_all_periods": int(is_active.sum()),
            "customers_fitted": int(is_fitted.sum()),
            "periods": int(spend.n_periods_),
            "categories": len(spend.categories_),
            "coverage": states.scorer_.coverage_ if has_traits else None,
            "accuracy_in_sample": states.score(fitted) if has_traits else None,
            "stability_kappa": segment.score(_safe_indexing(seen.trajectories, is_fitted)),
            "same_in_both_halves": same,
            "split_half_kappa": split_half,
            "top_level_segments": len(top),
            "leaves": int((segment.tree_["label"] >= 0).sum()),
            "largest_share": float(top["share"].max()) if len(top) else 1.0,
            "left_out": spend.quality_.to_dict(orient="index"),
        }

    def save(self, path: FilePath) -> None:
        """Write the model to a JSON file for :meth:`load`.

        Equal models give equal files, and all numbers are kept to the last bit. The file does not
        grow with the customers of `fit`: of single customers it holds only the row numbers of the
        exemplars of each node.

        Raises
        ------
        DataError
            If :meth:`load` would refuse the model, or the file cannot be written.
        """
        model_file.write(self.pipeline, self.names, self.reading, self.stable, path)

    @classmethod
    def load(cls, path: FilePath) -> Self:
        """Read a model file. Nothing in the file is run, whoever wrote it.

        The file is JSON of at most 16 MB. Its parameters and arrays are put into new objects of a
        fixed list of classes, which must fit together. Then one customer is placed on trial.

        Raises
        ------
        DataError
            If the file does not exist, is damaged, is not a model, or was written by a newer
            skspend. The message is one line that states the reason and the remedy.
        """
        model = cls(*model_file.read(path))
        # Of a hundred years, so that the history is as long as the model reads.
        trial = {"customer": 1, "date": ["1900-01-01", "2000-01-01"], "amount": 1.0}
        trial["category"] = model.pipeline["spend"].spending_categories_[0]
        income = pd.DataFrame({"customer": [1], "income": [1.0]})
        with model_file.refuse(path):
            log = TransactionLog(pd.DataFrame(trial), income=income)
            model.predict(log)
        return model


def versions() -> dict[str, str]:
    """Versions of skspend, Python and the libraries that results depend on."""
    found = {"skspend": __version__, "python": platform.python_version()}
    return found | {name: version(name) for name in _LIBRARIES}
