"""How scores of personality look in windows of different lengths.

Transactions come in. Out comes a row for each length of a window: how often the type of a single
window is the overall type, and whether the scores form clusters. Maree & Omlin (2021), section IV-A
with Fig. 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd
from sklearn.metrics import silhouette_score

from ..aggregation import SpendingAggregator
from ..aggregation._shares import count_whole_periods
from ..clustering import TrajectoryClusterer
from ..metrics import temporal_stability
from ..personality import TRAITS, BigFivePersonalityScorer, encode_types
from ._data import count_windows, window_panel, window_scores
from ._tasks import How, Runner
from ._trajectories import mean_turn

if TYPE_CHECKING:
    from .._utils._typing import Estimator, Period
    from ..transactions import TransactionLog

SILHOUETTE_SAMPLE = 5000
"""The cost of a silhouette grows with the square of the sample."""


def personality_study(
    log: TransactionLog,
    *,
    scorer: Estimator | None = None,
    spend: Estimator | None = None,
    periods: Sequence[Period] = ("year", "half", "quarter", "month"),
    **how: Unpack[How],
) -> pd.DataFrame:
    """Compare the scores and types of single windows with those of the whole time.

    Parameters
    ----------
    log : TransactionLog
    scorer : BigFivePersonalityScorer, default=None
        Default ``BigFivePersonalityScorer()``. Scores are computed for each window, and always
        standardised.
    spend : SpendingAggregator, default=None
        Default ``SpendingAggregator()``. Its ``period`` and ``n_periods`` are replaced.
    periods : sequence of {"year", "half", "quarter", "month"} or int
        Lengths of a window, an int in months; each at most half of the months that the log spans.
    **how : n_jobs, memory, progress, random_state
        See :class:`How`. There is a task for each length. One seed draws the sample for the
        silhouette, and that of the clusterer.

    Returns
    -------
    windows : DataFrame, shape (1 + n_periods, 10)
        First a row for ``"all"``: the whole months that the log spans are one window, whose types
        are the overall types. Then a row for each of `periods`. Windows in which a customer spends
        nothing on categories with a coefficient are left out, because they have no type.

        - ``window``, ``months``: the length as given, and in months.
        - ``n_windows``: number of whole windows that the log spans, counted back from its last day.
        - ``customers``: number of customers with a type in any window.
        - ``same_type``: share of single windows whose type is the customer's overall type.
        - ``kappa_next``: Cohen's kappa of the types of successive windows.
        - ``turn``: mean angle between successive steps of the scores of customers with a type in
          every window, in degrees; 120 for independent noise. NaN for fewer than three windows.
        - ``silhouette``: of the ten types in the five scores of single windows, a sample of 5,000.
        - ``margin``: median difference between the largest and second largest absolute score, in
          standard deviations.
        - ``n_segments``: number of segments that :class:`~skspend.TrajectoryClusterer` finds in
          the scores of the last window; 1 means that there are no gaps. Scores with long tails may
          be divided into the customers far out and all others.

    Raises
    ------
    ValueError
        If a period is unknown, or longer than half of what the log spans; as the aggregator and the
        scorer do.
    TypeError
        If the log is not a TransactionLog.

    See Also
    --------
    skspend.study.window_study : The same question for segments.

    References
    ----------
    Maree & Omlin (2021), section III-B, the dominant trait; section IV-A: scores "naturally formed
    fuzzy clusters along the most dominant personality trait", and "inconsistent customer spending
    patterns for shorter time windows leading to unstable clusters".

    Examples
    --------
    >>> from skspend import BigFivePersonalityScorer
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(200, 3, 24, transactions=True, random_state=0)
    >>> scorer = BigFivePersonalityScorer(bank.coefficients)
    >>> study = personality_study(bank.data, scorer=scorer, periods=["year", 3])
    >>> study[["window", "months", "n_windows", "customers"]]
      window  months  n_windows  customers
    0    all      36          1        200
    1   year      12          3        200
    2      3       3         12        200
    >>> bool(study.loc[1, "same_type"] > study.loc[2, "same_type"])
    True
    """
    runner = Runner(**how)
    lengths = count_windows(log, periods)
    span = count_whole_periods(log, 1)
    cases = [("all", span, 1), *lengths]
    (seed,) = runner.draw_seeds(1)
    spend, scorer = spend or SpendingAggregator(), scorer or BigFivePersonalityScorer()
    whole, _ = window_scores(window_panel(log, spend, span, 1), scorer, 1)
    overall = encode_types(whole[:, 0])
    tasks = [
        {"n_months": n_months, "n_windows": n_windows, "seed": seed}
        for _, n_months, n_windows in cases
    ]
    rows = runner.run_tasks(_judge, (log, spend, scorer, overall), tasks)
    windows = pd.DataFrame(cases, columns=["window", "months", "n_windows"])
    return windows.join(pd.DataFrame(rows))


def _judge(data, n_months, n_windows, seed):
    """Measure the windows of one length; return a dict."""
    log, spend, scorer, overall = data
    panel = window_panel(log, spend, n_months, n_windows)
    scores, has_scores = window_scores(panel, scorer, n_windows)
    types = encode_types(scores.reshape(-1, len(TRAITS))).reshape(has_scores.shape)
    strengths = np.sort(np.abs(scores[has_scores]), axis=1)
    last = scores[has_scores[:, -1], -1]
    clusterer = TrajectoryClusterer(max_depth=1, random_state=seed).fit(last)
    return {
        "customers": int(has_scores.any(axis=1).sum()),
        "same_type": float((types == overall[:, None])[has_scores].mean()),
        "kappa_next": _kappa_next(types, has_scores),
        "turn": mean_turn(scores[has_scores.all(axis=1)]),
        "silhouette": _silhouette(scores[has_scores], types[has_scores], seed),
        "margin": float(np.median(strengths[:, -1] - strengths[:, -2])),
        "n_segments": len(np.unique(clusterer.labels_)),
    }


def _kappa_next(types, has_scores):
    in_both = has_scores[:, :-1] & has_scores[:, 1:]
    if not in_both.any():
        return np.nan
    return temporal_stability(types[:, :-1][in_both], types[:, 1:][in_both])


def _silhouette(scores, types, seed):
    rows = np.random.RandomState(seed).permutation(len(scores))[:SILHOUETTE_SAMPLE]
    if not 1 < len(np.unique(types[rows])) < len(rows):
        return np.nan
    return float(silhouette_score(scores[rows], types[rows]))
