"""Whether one half of the periods gives the segments that the other half gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import Pipeline

from ..aggregation import SpendingAggregator
from ..panel import take_periods

if TYPE_CHECKING:
    from .._utils._typing import Estimator, Integers, PanelLike
    from ..transactions import TransactionLog

AGREE, BY_CHANCE = 0.4, 0.2
"""Kappa of the halves from which they agree moderately, and below which slightly: Landis & Koch
(1977)."""


def split_half_segments(estimator: Estimator, X: TransactionLog | PanelLike) -> Integers:
    """Place customers twice: by every other period, and by the periods between.

    No purchase is in both halves. So the two segments of a customer agree by more than chance only
    if customers differ in what they buy. Other measures of stability cannot tell: where all
    customers buy by the same distribution, each still has sums of their own, fits with other seeds
    divide the customers by these in the same way, and later periods keep them in their segments,
    because the states remember the earlier ones.

    Parameters
    ----------
    estimator : Pipeline
        Fitted, and ends in a TrajectoryClusterer.
    X : the input that the estimator was fitted on
        At least two periods. Pass customers who spend in all of them, or a half may be empty.

    Returns
    -------
    nodes : ndarray of int, shape (2, n_customers, depth)
        As from `TrajectoryClusterer.predict_levels`: first by the last period and every other one
        before it, then by the others. The history keeps its length, because each period also takes
        the place of its neighbour.

    Raises
    ------
    ValueError
        If the estimator is no Pipeline that ends in a TrajectoryClusterer, or there is one period.

    See Also
    --------
    temporal_stability : Cohen's kappa of the two, with ``temporal_stability(*nodes[:, :, 0])``.
    skspend.inspection.segment_stability : Whether another fit gives the same segments.

    Notes
    -----
    This is the split-half reliability of a test. Each half has half of the purchases, so kappa is
    lower than that of two histories of full length, but not by as much as the formula of Spearman
    and Brown says (``docs/measured.md``).

    References
    ----------
    Spearman (1910), Correlation calculated from faulty data; Brown (1910), Some experimental
    results in the correlation of mental abilities, British Journal of Psychology 3.

    Examples
    --------
    >>> from skspend.metrics import temporal_stability
    >>> from skspend import BigFivePersonalityScorer, LSTMStateExtractor, TrajectoryClusterer
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(400, 4, 20, random_state=0)
    >>> scorer = BigFivePersonalityScorer(bank.coefficients)
    >>> pipeline = Pipeline([
    ...     ("states", LSTMStateExtractor(scorer=scorer, epochs=20, random_state=0)),
    ...     ("segment", TrajectoryClusterer(max_depth=1, random_state=0)),
    ... ]).fit(bank.data)
    >>> halves = split_half_segments(pipeline, bank.data)
    >>> halves.shape
    (2, 400, 1)
    >>> temporal_stability(*halves[:, :, 0]) > 0.2
    True
    """
    steps = [*estimator.named_steps.values()] if isinstance(estimator, Pipeline) else []
    if len(steps) < 2 or not hasattr(steps[-1], "predict_levels"):
        raise ValueError(
            f"The halves of the periods need a Pipeline that ends in a TrajectoryClusterer, got "
            f"{type(estimator).__name__}."
        )
    if isinstance(steps[0], SpendingAggregator):
        X = steps.pop(0).transform(X)
    return place_halves(steps, X)


def place_halves(steps: list[Any], X: PanelLike) -> Integers:
    """Place customers by each half of the periods, from a panel; see :func:`split_half_segments`.

    `steps` are fitted: those that read the panel, and a TrajectoryClusterer.
    """
    *others, segment = steps
    n_periods = segment.n_periods_
    if n_periods == 1:
        raise ValueError(
            "There is one period, which has no halves. Fit the pipeline on two periods or more, "
            "for example by a shorter period= of SpendingAggregator."
        )
    nodes = []
    for periods in _halves(n_periods):
        panel = take_periods(X, periods, n_periods)
        for step in others:
            panel = step.transform(panel)
        nodes.append(segment.predict_levels(panel))
    return np.stack(nodes)


def _halves(n_periods):
    """The periods of either half, each in the place of its neighbour, too: 1 1 3 3 and 0 0 2 2."""
    back = np.arange(n_periods)[::-1]
    last = back // 2 * 2
    # Of an odd number, the first period has no neighbour before it.
    before = np.minimum(last + 1, n_periods // 2 * 2 - 1)
    return n_periods - 1 - last, n_periods - 1 - before
