"""Which states make trajectories and segments, and what do the segments say and last?

A panel comes in. Several kinds of states are made of it, by the networks of Maree & Omlin (2021)
and by what needs no network, and each claim of section IV-A is measured on each of them, for
customers who shaped the states and for others. Out comes a frame of figures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import check_random_state

from ..clustering import TrajectoryClusterer
from ..extraction import FeedForwardExtractor, LSTMStateExtractor
from ..metrics import hierarchy_agreement, mean_direction_change, temporal_stability
from ..panel import Panel, fold
from ..personality import TYPES, BigFivePersonalityScorer, encode_types
from ._data import read_data
from ._tasks import run_tasks

if TYPE_CHECKING:
    from joblib import Memory
    from sklearn.pipeline import Pipeline

    from .._utils._typing import (
        Estimator,
        FilePath,
        Floats,
        Integers,
        PanelLike,
        RandomState,
        Table,
    )
    from ..transactions import TransactionLog

LESSER_LEVELS = 2, 3
"""Levels of the default tree that are compared with traits of lesser rank."""
N_PERMUTATIONS = 39
"""Shuffles behind a level's baseline: p goes down to .025. With 100 they would take as long as the
trees."""


def trajectory_study(
    X: TransactionLog | PanelLike,
    *,
    spend: Estimator | None = None,
    scorer: Estimator | None = None,
    n_units: int = 3,
    extractors: Mapping[str, Estimator] | None = None,
    test_size: float = 0.2,
    n_jobs: int | None = None,
    memory: FilePath | Memory | None = None,
    progress: Callable[[int, int], None] | None = None,
    random_state: RandomState = 0,
) -> pd.DataFrame:
    """Measure the claims about trajectories and segments on several kinds of states.

    Parameters
    ----------
    X : TransactionLog, long frame, or panel
        Shares of spending or income.
        A panel has shape (n_customers, n_periods * n_categories), or three dimensions.
    spend : SpendingAggregator, default=None
        Makes the panel, if X is a log or a long frame; a log alone is aggregated by years.
    scorer : BigFivePersonalityScorer, default=None
        Computes scores and types from X; default ``BigFivePersonalityScorer()``. It is cloned.
    n_units : int, default=3
        Dimensions of the states of the networks and of PCA.
    extractors : dict of str to transformer, default=None
        Names and unfitted transformers from panels to panels of states, in place of the networks;
        by default :func:`network_extractors`. In each a ``scorer`` and a ``random_state`` that is
        None becomes that of the study.
    test_size : float or int, default=0.2
        Share or number of customers who are held out.
    n_jobs : int, default=None
        Kinds of states at once, as everywhere in scikit-learn. It changes no figure but seconds.
    memory : str or joblib.Memory, default=None
        Where results are kept, so that a study that was interrupted goes on where it stopped.
    progress : callable, default=None
        Called with the number of kinds that are done and the number of all, after each.
    random_state : int, RandomState instance or None, default=0
        Draws who is held out, and one seed for all networks, trees and shuffles. With None nothing
        is found again in `memory`.

    Returns
    -------
    study : DataFrame
        Two rows for each kind of states:

        - ``states``: "raw spending"; "scores", of every period; "mean scores so far", the baseline,
          of which k-means makes ten segments; "PCA" of the standardised spending of single
          periods; and the names of the extractors. All others are clustered by
          ``TrajectoryClusterer``.
        - ``customers``: "fitted" shaped the scales, the states and the tree; "held out" did not.
        - ``n_segments``: top-level segments that hold any of these customers, and ``largest``, the
          share of customers in the largest.
        - ``ami``: adjusted mutual information of the top level with the type (trait and sign) of
          the scores computed over all periods.
        - ``told``: the same of the type that a network itself tells; of a network that tells one
          for every period, that of the last. NaN where none is told.
        - ``kappa``: Cohen's, between top-level segments at the middle and at the last period. NaN
          with one period.
        - ``turn``: mean angle between successive steps, in degrees. NaN with fewer than three
          periods, or if everybody stands still.
        - ``level2_ami``, ``level2_baseline_95``, ``level2_p`` and the same of level 3: agreement
          with the second and third trait inside each parent, what 95 % of 39 shuffles stay below,
          and p, see :func:`skspend.metrics.hierarchy_agreement`. NaN where the tree ends above.
        - ``seconds``: to fit states and tree; for those held out, to place them.

    Raises
    ------
    ValueError
        If X is no panel, the columns do not divide into its periods, `test_size` leaves nobody on
        one side, or an extractor has the name of a kind of states that needs none.
    TypeError
        If `extractors` is no mapping, or one of them cannot fit and transform.

    See Also
    --------
    skspend.study.noise_study : What noise in the data does to the segments.

    References
    ----------
    Maree & Omlin (2021), section IV-A: trajectories "with low average change of direction", which
    "formed clusters" by dominant trait, "a hierarchy of sub-clusters for lesser personality
    traits", and clusters that "were stable in time".

    Examples
    --------
    >>> from skspend import BigFivePersonalityScorer, LSTMStateExtractor
    >>> from skspend.datasets import make_spending
    >>> from skspend.study._trajectories import trajectory_study
    >>> bank = make_spending(300, 3, 12, random_state=0)
    >>> study = trajectory_study(
    ...     bank.data,
    ...     scorer=BigFivePersonalityScorer(bank.coefficients),
    ...     extractors={"two units": LSTMStateExtractor(2, epochs=2)},
    ... )
    >>> study.loc[study["customers"] == "held out", "states"].tolist()
    ['raw spending', 'scores', 'mean scores so far', 'PCA', 'two units']
    """
    panel = read_data(X, spend)
    scorer = BigFivePersonalityScorer() if scorer is None else scorer
    random_state = check_random_state(random_state)
    rows = train_test_split(np.arange(len(panel)), test_size=test_size, random_state=random_state)
    seed = random_state.randint(2**31 - 1)
    kinds = _kinds(scorer, n_units, extractors, seed)
    panels = [panel.iloc[np.sort(some)].reset_index(drop=True) for some in rows]
    overall = clone(scorer).set_params(level="overall").fit(panels[0])
    scores = [np.asarray(overall.transform(some)) for some in panels]
    tasks = [
        {"states": states, "transformer": transformer, "clusterer": clusterer, "seed": seed}
        for states, (transformer, clusterer) in kinds.items()
    ]
    found = run_tasks(
        _judge,
        _Customers(panels, scores, Panel.read(panel.iloc[:1]).cube.shape[1]),
        tasks,
        n_jobs=n_jobs,
        memory=memory,
        progress=progress,
    )
    return pd.DataFrame([row for pair in found for row in pair])


def network_extractors(n_units: int = 3) -> dict[str, Estimator]:
    """Make the networks that :func:`trajectory_study` compares by default.

    Parameters
    ----------
    n_units : int, default=3
        Dimensions of their states.

    Returns
    -------
    extractors : dict of str to extractor
        The four of section III-C of Maree & Omlin (2021), two that learn types and two that learn
        to reconstruct; and the recurrent predictor without the noise and the penalty on steps that
        skspend adds. The states of the feed-forward ones are of single periods.

    Examples
    --------
    >>> for name in network_extractors():
    ...     print(name)
    feed-forward autoencoder
    recurrent autoencoder
    feed-forward predictor
    recurrent predictor
    recurrent predictor, paper
    """
    return {
        "feed-forward autoencoder": FeedForwardExtractor(n_units, objective="reconstruct"),
        "recurrent autoencoder": LSTMStateExtractor(n_units, objective="reconstruct"),
        "feed-forward predictor": FeedForwardExtractor(n_units),
        "recurrent predictor": LSTMStateExtractor(n_units),
        "recurrent predictor, paper": LSTMStateExtractor(n_units, state_noise=0, step_penalty=0),
    }


def mean_so_far(X: PanelLike) -> Table:
    """Average every period of a panel with those before it.

    Parameters
    ----------
    X : panel, shape (n_customers, n_periods * n_features), or with three dimensions
        A frame that is named like one, as a table without names says no periods.

    Returns
    -------
    means : shape (n_customers, n_periods * n_features)
        A frame where one came in.

    Raises
    ------
    ValueError
        If X is a table whose columns are not named like those of a panel.

    Examples
    --------
    >>> mean_so_far(pd.DataFrame([[1.0, 3.0, 8.0]], columns=["year1|a", "year2|a", "year3|a"]))
       year1|a  year2|a  year3|a
    0      1.0      2.0      4.0
    """
    panel = Panel.read(X)
    if getattr(X, "ndim", 2) == 2 and panel.period is None:
        raise ValueError(
            "The periods of X are unknown, and so are means over them. Pass a frame with columns "
            "like 'year1|state0', or three dimensions."
        )
    cube = panel.cube
    means = cube.cumsum(axis=1) / np.arange(1, cube.shape[1] + 1, dtype=cube.dtype)[:, None]
    return Panel(means, panel.period, panel.features).like(X)


def check_transformer(name: str, transformer: object) -> None:
    """Raise a TypeError unless it is an object that can fit, transform and be cloned."""
    methods = "fit", "transform", "get_params"
    if isinstance(transformer, type) or not all(hasattr(transformer, one) for one in methods):
        raise TypeError(
            f"{name} is {transformer!r}, which is no scikit-learn transformer: an object with fit, "
            f"transform and get_params is needed."
        )


def complete(transformer: Estimator, scorer: Estimator, seed: int) -> Estimator:
    """Clone a transformer, and give the scorer and the seed to each part that has none."""
    given = {"scorer": scorer, "random_state": seed}
    missing = {
        name: given[name.split("__")[-1]]
        for name, value in transformer.get_params().items()
        if value is None and name.split("__")[-1] in given
    }
    return clone(transformer).set_params(**missing)


def mean_scores(scorer: Estimator) -> Pipeline:
    """Make the transformer to the mean scores of the periods so far, which needs no network."""
    each_period = clone(scorer).set_params(level="period")
    return make_pipeline(each_period, FunctionTransformer(mean_so_far))


class TenMeans(BaseEstimator):
    """Cluster the last states by k-means, with one segment for each type: the baseline.

    Parameters
    ----------
    random_state : int, default=None
        Draws the starts.
    """

    kmeans_: KMeans

    def __init__(self, random_state: int | None = None) -> None:
        self.random_state = random_state

    def fit(self, X: PanelLike, y: object = None) -> Self:
        """Fit on a panel of states: a frame that is named like one, or three dimensions."""
        last = Panel.read(X).cube[:, -1]
        self.kmeans_ = KMeans(len(TYPES), n_init=10, random_state=self.random_state).fit(last)
        return self

    def predict(self, X: PanelLike, *, period: int = -1) -> Integers:
        """Return segments, shape (n_customers,), by the states of a period."""
        return self.kmeans_.predict(np.ascontiguousarray(Panel.read(X).cube[:, period]))

    def predict_levels(self, X: PanelLike, *, period: int = -1) -> Integers:
        """Return segments, shape (n_customers, 1), as a tree of one level does."""
        return self.predict(X, period=period)[:, None]


class EachPeriod(TransformerMixin, BaseEstimator):
    """Apply a transformer of features to the customers of all periods together.

    Parameters
    ----------
    transformer : transformer
        Cloned; it sees an array of shape (n_customers * n_periods, n_features).
    """

    transformer_: Estimator

    def __init__(self, transformer: Estimator) -> None:
        self.transformer = transformer

    def fit(self, X: PanelLike, y: object = None) -> Self:
        """Fit on a frame that is named like a panel."""
        cube = Panel.read(X).cube
        self.transformer_ = clone(self.transformer).fit(cube.reshape(-1, cube.shape[2]))
        return self

    def transform(self, X: PanelLike) -> Table:
        """Return a frame of shape (n_customers, n_periods * n_outputs)."""
        panel = Panel.read(X)
        cube = panel.cube
        states = self.transformer_.transform(cube.reshape(-1, cube.shape[2]))
        features = [f"state{number}" for number in range(states.shape[1])]
        return Panel(states.reshape(*cube.shape[:2], -1), panel.period, features).like(X)


class _Customers(NamedTuple):
    """What all kinds of states share; of those who are fitted, and of those held out."""

    panels: list[pd.DataFrame]
    scores: list[np.ndarray]
    """Of all periods together, shape (n_customers, 5) each."""
    n_periods: int


class _Model(NamedTuple):
    """A kind of states, fitted, and its segments."""

    transformer: Any
    clusterer: Any
    seed: int


def _kinds(scorer, n_units, extractors, seed):
    """Transformer and clusterer of each kind of states."""
    components = make_pipeline(StandardScaler(), PCA(n_units, random_state=seed))
    transformers = {
        "raw spending": FunctionTransformer(),
        "scores": clone(scorer).set_params(level="period"),
        "mean scores so far": mean_scores(scorer),
        "PCA": EachPeriod(components),
    }
    extractors = network_extractors(n_units) if extractors is None else extractors
    _check_extractors(extractors, transformers)
    transformers |= {name: complete(one, scorer, seed) for name, one in extractors.items()}
    kinds = {
        name: (transformer, TrajectoryClusterer(random_state=seed))
        for name, transformer in transformers.items()
    }
    kinds["mean scores so far"] = transformers["mean scores so far"], TenMeans(seed)
    return kinds


def _check_extractors(extractors, taken):
    if not hasattr(extractors, "items"):
        raise TypeError(
            f"extractors must map names to transformers, got a {type(extractors).__name__}. Pass "
            f"a dict such as network_extractors()."
        )
    for name, extractor in extractors.items():
        if name in taken:
            raise ValueError(
                f"extractors has {name!r}, but the study makes these states by itself. Choose "
                f"another name than {list(taken)}."
            )
        check_transformer(f"extractors[{name!r}]", extractor)


def _judge(customers, *, states, transformer, clusterer, seed):
    """Fit one kind of states and its tree; return the two rows of the study."""
    started = time.perf_counter()
    transformer = clone(transformer).fit(customers.panels[0])
    fitted = _trajectories(transformer, customers, 0)
    clusterer = clone(clusterer).fit(fitted)
    seconds_to_fit = time.perf_counter() - started
    started = time.perf_counter()
    held_out = _trajectories(transformer, customers, 1)
    levels = clusterer.predict_levels(held_out)
    seconds_to_place = time.perf_counter() - started
    model = _Model(transformer, clusterer, seed)
    known = _figures(model, customers, 0, fitted, clusterer.predict_levels(fitted))
    unknown = _figures(model, customers, 1, held_out, levels)
    return [
        {"states": states, "customers": "fitted"} | known | {"seconds": seconds_to_fit},
        {"states": states, "customers": "held out"} | unknown | {"seconds": seconds_to_place},
    ]


def _trajectories(transformer, customers, some):
    states = np.asarray(transformer.transform(customers.panels[some]))
    return fold(states, customers.n_periods)


def _figures(model, customers, some, trajectories, levels):
    """What the segments of these customers are worth, as a dict."""
    scores = customers.scores[some]
    types = encode_types(scores)
    _, sizes = np.unique(levels[:, 0], return_counts=True)
    figures = {
        "n_segments": len(sizes),
        "largest": sizes.max() / len(levels),
        "ami": adjusted_mutual_info_score(types, levels[:, 0]),
        "told": _told(model.transformer, customers.panels[some], types),
        "kappa": _kappa(model.clusterer, trajectories, levels[:, 0]),
        "turn": mean_turn(trajectories),
    }
    agreement = hierarchy_agreement(
        levels, scores, n_permutations=N_PERMUTATIONS, random_state=model.seed
    )
    agreement = agreement.set_index("level").reindex(LESSER_LEVELS)
    for level, row in agreement.iterrows():
        figures[f"level{level}_ami"] = row["ami"]
        figures[f"level{level}_baseline_95"] = row["baseline_95"]
        figures[f"level{level}_p"] = row["p_value"]
    return figures


def _told(transformer, panel, types):
    """Agreement of the types with those that a network tells; NaN if it tells none."""
    if getattr(transformer, "objective", None) != "type":
        return np.nan
    told = transformer.predict_target(panel).reshape(len(panel), -1)[:, -1]
    return adjusted_mutual_info_score(types, told)


def _kappa(clusterer, trajectories, last):
    """Stability of the top level, as ``TrajectoryClusterer.score`` has it."""
    n_periods = trajectories.shape[1]
    if n_periods == 1:
        return np.nan
    middle = clusterer.predict_levels(trajectories, period=middle_period(n_periods))[:, 0]
    return temporal_stability(middle, last)


def middle_period(n_periods: int) -> int:
    """The period that ends where half of the time does, or before."""
    return (n_periods - 1) // 2


def mean_turn(trajectories: Floats) -> float:
    """Mean angle between steps, in degrees; NaN with fewer than three periods, or no customers."""
    if not len(trajectories) or trajectories.shape[1] < 3:
        return np.nan
    return mean_direction_change(trajectories)
