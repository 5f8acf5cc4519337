"""Running a pipeline up to its trajectories, and seeing what it knows on the way."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline

from .panel import fold
from .personality import TRAITS


class Trajectories(NamedTuple):
    """What an estimator makes of X, before the segments."""

    states: Any
    """Panel of states, as the clusterer is fitted on."""
    n_periods: int
    scores: np.ndarray | None
    """Shape (n_customers, 5), mean over the periods; None if no step has a scorer_."""
    clusterer: Any
    """The TrajectoryClusterer that the estimator ends in, or None."""
    panel: Any
    """What the step with a scorer_ reads, or None."""
    extractor: Any
    """The step with a scorer_, or None."""


def run_to_trajectories(estimator, X):
    """Run a fitted estimator up to the trajectories.

    Parameters
    ----------
    estimator : extractor, TrajectoryClusterer, or Pipeline that ends in one
    X : what it was fitted on

    Returns
    -------
    trajectories : Trajectories
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
            scores = np.asarray(step.scorer_.transform(X))
            scores = fold(scores, scores.shape[1] // len(TRAITS)).mean(axis=1)
        X = step.transform(X)
    return Trajectories(X, steps[-1].n_periods_, scores, clusterer, panel, extractor)
