"""Which states make trajectories and segments, and do the segments follow traits and last."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import check_random_state

from .._utils._sklearn import array_scaler
from ..clustering import TrajectoryClusterer
from ..metrics import hierarchy_agreement, temporal_stability
from ..metrics._movement import mean_direction_change, middle_period
from ..panel import Panel, fold
from ..personality import BigFivePersonalityScorer, encode_types
from ._states import (
    EachPeriod,
    MeanScores,
    TypeSegments,
    check_transformer,
    compared_networks,
    complete,
    read_data,
)
from ._tasks import How, Runner

if TYPE_CHECKING:
    from .._utils._typing import Estimator, Floats, PanelLike
    from ..transactions import TransactionLog

BASELINE = "mean scores so far"
N_PERMUTATIONS = 39
"""Shuffles behind the baseline of a level, so that the smallest p is .025. With 100 they would take
as long as the trees."""


def trajectory_study(
    X: TransactionLog | PanelLike,
    *,
    spend: Estimator | None = None,
    scorer: Estimator | None = None,
    n_units: int = 3,
    extractors: Mapping[str, Estimator] | None = None,
    test_size: float = 0.2,
    **how: Unpack[How],
) -> pd.DataFrame:
    """Measure the claims about trajectories and segments on several kinds of states.

    Parameters
    ----------
    X, spend
        See :func:`elbow_study`.
    scorer
        See :func:`noise_study`.
    n_units : int, default=3
        Dimensions of the states of the paper's networks and of PCA; the default network of skspend
        has its own.
    extractors : dict of str to transformer, default=None
        As ``extractor`` of :func:`noise_study`, by name. By default :func:`paper_networks`; the
        paper's "recurrent predictor with noise" on the states and a penalty on steps; and
        "skspend's default", ``LSTMStateExtractor()``.
    test_size : float or int, default=0.2
        Share or number of the customers that are held out.
    **how : n_jobs, memory, progress, random_state
        See :class:`How`. There is a task for each kind of states. One seed serves all networks,
        trees and shuffles.

    Returns
    -------
    study : DataFrame
        Two rows for each kind of states:

        - ``states``: "raw spending"; "scores", of every period; "mean scores so far", the baseline
          that needs no network, whose segments are the types of these scores; "PCA" of the
          standardised spending of single periods; and the names of the extractors.
          ``TrajectoryClusterer`` divides all but the baseline.
        - ``customers``: "fitted", those on whom scales, states and tree were fitted; or "held out".
        - ``n_segments``: top-level segments that hold any of these customers; ``largest``, the
          share of customers in the largest.
        - ``ami``: adjusted mutual information of the top level with the type (trait and sign) of
          the scores over all periods. That of the baseline is 1 by definition, so that a network
          can add only to ``kappa`` and ``turn``.
        - ``predicted``: the same of the type that a network predicts, at the last period if it
          predicts one for every period. NaN without such a prediction.
        - ``kappa``: Cohen's kappa of the top-level segments at the middle and at the last period.
          NaN with one period.
        - ``turn``: mean angle between successive steps, in degrees. NaN with fewer than three
          periods, or if no customer moves.
        - ``level2_ami``, ``level2_baseline_95``, ``level2_p`` and the same of level 3: agreement
          with the second and third trait inside each parent, the 95th percentile of 39 shuffles,
          and p, see :func:`skspend.metrics.hierarchy_agreement`. NaN where the tree ends above.
        - ``seconds``: to fit states and tree and to place the customers; to place them alone if
          they are held out.

    Raises
    ------
    ValueError
        If X is not a panel, its columns do not divide into its periods, `test_size` leaves no
        customer on one side, or an extractor has the name of a kind of states without a network.
    TypeError
        If X is a raw table of transactions, `extractors` is not a mapping, or an extractor is not
        a transformer.

    References
    ----------
    Maree & Omlin (2021), section IV-A: trajectories "with low average change of direction", which
    "formed clusters" by dominant trait, "a hierarchy of sub-clusters for lesser personality
    traits", and clusters that "were stable in time".

    Examples
    --------
    >>> from skspend import BigFivePersonalityScorer, LSTMStateExtractor
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(300, 3, 12, random_state=0)
    >>> study = trajectory_study(
    ...     bank.data,
    ...     scorer=BigFivePersonalityScorer(bank.coefficients),
    ...     extractors={"two units": LSTMStateExtractor.paper(2, epochs=2)},
    ... )
    >>> study.loc[study["customers"] == "held out", "states"].tolist()
    ['raw spending', 'scores', 'mean scores so far', 'PCA', 'two units']
    """
    runner = Runner(**how)
    panel = read_data(X, spend)
    scorer = BigFivePersonalityScorer() if scorer is None else scorer
    random_state = check_random_state(runner.random_state)
    rows = train_test_split(np.arange(len(panel)), test_size=test_size, random_state=random_state)
    seed = random_state.randint(2**31 - 1)
    extractors = compared_networks(n_units) if extractors is None else extractors
    transformers = _transformers(scorer, n_units, extractors, seed)
    panels = [panel.iloc[np.sort(some)].reset_index(drop=True) for some in rows]
    overall = clone(scorer).set_params(level="overall").fit(panels[0])
    scores = [np.asarray(overall.transform(some)) for some in panels]
    n_periods = Panel.read(panel.iloc[:1]).cube.shape[1]
    tasks = [{"states": name, "transformer": transformers[name]} for name in transformers]
    found = runner.run_tasks(_judge, (panels, scores, n_periods, seed), tasks)
    return pd.DataFrame([row for pair in found for row in pair])


def _transformers(scorer, n_units, extractors, seed):
    transformers = {
        "raw spending": FunctionTransformer(),
        "scores": clone(scorer).set_params(level="period"),
        BASELINE: MeanScores(scorer),
        "PCA": EachPeriod(make_pipeline(array_scaler(), PCA(n_units, random_state=seed))),
    }
    if not hasattr(extractors, "items"):
        raise TypeError(
            f"extractors is a {type(extractors).__name__}; expected a dict from names to "
            f"transformers, such as paper_networks()."
        )
    for name, extractor in extractors.items():
        if name in transformers:
            raise ValueError(
                f"extractors has {name!r}, which is a kind of states that the study makes itself. "
                f"Choose a name other than {', '.join(map(repr, transformers))}."
            )
        check_transformer(f"extractors[{name!r}]", extractor)
    return transformers | {name: complete(one, scorer, seed) for name, one in extractors.items()}


def _judge(customers, *, states, transformer):
    """Fit one kind of states and its tree; return the two rows of the study."""
    panels, scores, n_periods, seed = customers
    transformer = clone(transformer)
    clusterer = TypeSegments() if states == BASELINE else TrajectoryClusterer(random_state=seed)
    rows = []
    for name, panel, of_panel in zip(("fitted", "held out"), panels, scores, strict=True):
        started = time.perf_counter()
        if name == "fitted":
            transformer.fit(panel)
        trajectories = fold(np.asarray(transformer.transform(panel)), n_periods)
        if name == "fitted":
            clusterer.fit(trajectories)
        levels = clusterer.predict_levels(trajectories)
        seconds = time.perf_counter() - started
        types = encode_types(of_panel)
        _, sizes = np.unique(levels[:, 0], return_counts=True)
        row = {
            "states": states,
            "customers": name,
            "n_segments": len(sizes),
            "largest": sizes.max() / len(levels),
            "ami": adjusted_mutual_info_score(types, levels[:, 0]),
            "predicted": np.nan,
            "kappa": np.nan,
            "turn": mean_turn(trajectories),
        }
        if getattr(transformer, "objective", None) == "type":
            predicted = transformer.predict_target(panel).reshape(len(panel), -1)[:, -1]
            row["predicted"] = adjusted_mutual_info_score(types, predicted)
        if n_periods > 1:
            middle = clusterer.predict_levels(trajectories, period=middle_period(n_periods))
            row["kappa"] = temporal_stability(middle[:, 0], levels[:, 0])
        rows.append(row | _agree(levels, of_panel, seed) | {"seconds": seconds})
    return rows


def _agree(levels, scores, seed):
    found = hierarchy_agreement(levels, scores, n_permutations=N_PERMUTATIONS, random_state=seed)
    found = found.set_index("level").rename(columns={"p_value": "p"}).reindex([2, 3])
    names = "ami", "baseline_95", "p"
    return {f"level{level}_{name}": found.loc[level, name] for level in (2, 3) for name in names}


def mean_turn(trajectories: Floats) -> float:
    """Return the mean angle between steps, in degrees; NaN without customers or two steps."""
    if not len(trajectories) or trajectories.shape[1] < 3:
        return np.nan
    return mean_direction_change(trajectories)
