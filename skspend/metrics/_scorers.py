"""The metrics as scorers for searches, which need no y."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch

from ..panel import Panel
from ._hierarchy import hierarchy_agreement
from ._movement import mean_direction_change

if TYPE_CHECKING:
    from .._utils._typing import Estimator, PanelLike
    from ..transactions import TransactionLog

    Input: TypeAlias = TransactionLog | PanelLike


def direction_scorer(estimator: Estimator, X: Input, y: object = None) -> float:
    """Return minus the mean :func:`direction_change` in degrees, for ``scoring=`` in a search.

    Parameters
    ----------
    estimator : extractor, TrajectoryClusterer, or Pipeline that ends in one
        Fitted, on at least three periods.
    X : the input that the estimator was fitted on
    y : ignored

    Returns
    -------
    score : float
        Greater is better, as in scikit-learn; NaN if nobody has two displacements.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skspend import LSTMStateExtractor
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(100, 3, 12, random_state=0)
    >>> states = LSTMStateExtractor(objective="reconstruct", epochs=2, random_state=0)
    >>> search = GridSearchCV(states, {"n_units": [2, 3]}, scoring=direction_scorer, cv=2)
    >>> bool(search.fit(bank.data).best_score_ < 0)
    True
    """
    found = run_to_trajectories(estimator, X)
    return -mean_direction_change(Panel.read(found.states, found.n_periods).cube)


def stability_scorer(estimator: Estimator, X: Input, y: object = None) -> float:
    """Return the :func:`temporal_stability` of level 1, as ``TrajectoryClusterer.score`` does.

    The estimator is a TrajectoryClusterer, or a Pipeline that ends in one. X and y are as in
    :func:`direction_scorer`.
    """
    found = run_to_trajectories(estimator, X, "stability_scorer")
    return found.clusterer.score(found.states)


def hierarchy_scorer(estimator: Estimator, X: Input, y: object = None) -> float:
    """Return the mean ``ami`` over the levels of :func:`hierarchy_agreement`.

    The estimator is a Pipeline that ends in a TrajectoryClusterer; its extractor has the objective
    "type" or "scores", which need trait scores. X and y are as in :func:`direction_scorer`.
    """
    found = run_to_trajectories(estimator, X, "hierarchy_scorer")
    levels = found.clusterer.predict_levels(found.states)
    if found.scores is None:
        raise ValueError(
            "hierarchy_scorer needs trait scores, but no step of the estimator has a scorer_. "
            "Score a Pipeline with an extractor whose objective is 'type' or 'scores'."
        )
    return float(hierarchy_agreement(levels, found.scores, n_permutations=0)["ami"].mean())


def mean_trait_scores(scorer, X):
    """Scores by a fitted scorer, by trait: a frame of means over the periods that it returns."""
    scores = np.asarray(scorer.transform(X))
    means = Panel.read(scores, scores.shape[1] // len(scorer.traits_)).cube.mean(axis=1)
    return pd.DataFrame(means, columns=scorer.traits_)


def run_to_trajectories(estimator, X, needs_segments=""):
    """Run a fitted extractor, TrajectoryClusterer or Pipeline on X, up to the trajectories.

    Returns a Bunch: `states`, a panel; `n_periods`; `clusterer`, the TrajectoryClusterer at the
    end, or None (ValueError if `needs_segments` names a caller); `extractor`, the step with a
    scorer_, `panel`, its input, and `scores`, a frame of means over the periods by trait; these
    three are None if no step has a scorer_.
    """
    is_pipeline = isinstance(estimator, Pipeline)
    steps = [step for _, step in estimator.steps] if is_pipeline else [estimator]
    scores = clusterer = panel = extractor = None
    for step in steps:
        if hasattr(step, "predict_levels"):
            clusterer = step
            break
        if hasattr(step, "scorer_"):
            panel, extractor = X, step
            scores = mean_trait_scores(step.scorer_, X)
        X = step.transform(X)
    if clusterer is None and needs_segments:
        raise ValueError(
            f"{needs_segments} needs segments: score a TrajectoryClusterer, or a Pipeline that "
            f"ends in one."
        )
    found = {"scores": scores, "clusterer": clusterer, "panel": panel, "extractor": extractor}
    return Bunch(states=X, n_periods=steps[-1].n_periods_, **found)
