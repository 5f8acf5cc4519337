"""What scores of personality look like in windows of different lengths.

Transactions come in; out goes a row for each length of a window: how far the types of single
windows are those of the customers, and whether the scores fall into parts. Maree & Omlin (2021),
section IV-A with Fig. 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import silhouette_score

from ..aggregation import SpendingAggregator
from ..aggregation._aggregator import MONTHS
from ..aggregation._shares import count_whole_periods
from ..clustering import TrajectoryClusterer
from ..metrics import temporal_stability
from ..panel import fold
from ..personality import TRAITS, BigFivePersonalityScorer, encode_types
from ..transactions import TransactionLog
from ._tasks import draw_seeds, run_tasks
from ._trajectories import mean_turn

if TYPE_CHECKING:
    from joblib import Memory
    from numpy.typing import NDArray

    from .._utils._typing import Estimator, FilePath, Floats, Period, RandomState

SILHOUETTE_SAMPLE = 5000
"""The cost of a silhouette grows with the square of the sample."""


def personality_study(
    log: TransactionLog,
    *,
    scorer: Estimator | None = None,
    spend: Estimator | None = None,
    periods: Sequence[Period] = ("year", "half", "quarter", "month"),
    n_jobs: int | None = None,
    memory: FilePath | Memory | None = None,
    progress: Callable[[int, int], None] | None = None,
    random_state: RandomState = 0,
) -> pd.DataFrame:
    """Compare the scores and types of single windows with those of the whole time.

    Parameters
    ----------
    log : TransactionLog or long frame
        A long frame has the columns customer, date, category and amount.
    scorer : BigFivePersonalityScorer, default=None
        Default ``BigFivePersonalityScorer()``. Scores are always standardised, and of each window.
    spend : SpendingAggregator, default=None
        Default ``SpendingAggregator()``. Its ``period`` and ``n_periods`` are replaced.
    periods : sequence of {"year", "half", "quarter", "month"} or int
        Lengths of a window; a number counts months. Each at most half of what the log spans.
    n_jobs, memory, progress : see :func:`skspend.study._tasks.run_tasks`
        There is a task for each length.
    random_state : int, RandomState instance or None, default=0
        Draws the sample for the silhouette, and that of the clusterer.

    Returns
    -------
    windows : DataFrame, shape (1 + n_periods, 10)
        First a row for ``"all"``, the whole months that the log spans as one window, whose types
        are the overall types; then one for each of `periods`. Windows in which a customer spends
        nothing that has a coefficient are left out: they show no type.

        - ``window``, ``months``: its name, or its number of months; and its length in months.
        - ``n_windows``: how many whole ones the log spans, counted back from its last day.
        - ``customers``: how many show a type in any of them.
        - ``same_type``: share of single windows whose type is the customer's overall type.
        - ``kappa_next``: Cohen's kappa of the types of successive windows.
        - ``turn``: mean angle between successive steps of the scores of a customer who shows a type
          in all windows, in degrees; 120 for independent noise. NaN for fewer than three windows.
        - ``silhouette``: of the ten types in the five scores of single windows, a sample of 5,000.
        - ``margin``: median lead of the largest absolute score over the second, in standard
          deviations.
        - ``n_segments``: parts that :class:`~skspend.TrajectoryClusterer` finds in the scores of
          the last window; 1 is one cloud, in which nothing is set apart. Scores with long tails may
          be divided into who is far out and who is not.

    Raises
    ------
    ValueError
        If a period is unknown, or longer than half of what the log spans; as the aggregator and the
        scorer do.

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
    log, lengths = count_windows(log, periods)
    span = count_whole_periods(log, 1)
    cases = [("all", span, 1), *lengths]
    (seed,) = draw_seeds(random_state, 1)
    spend, scorer = spend or SpendingAggregator(), scorer or BigFivePersonalityScorer()
    whole, _ = window_scores(window_panel(log, spend, span, 1), scorer, 1)
    overall = encode_types(whole[:, 0])
    tasks = [
        {"n_months": n_months, "n_windows": n_windows, "seed": seed}
        for _, n_months, n_windows in cases
    ]
    rows = run_tasks(
        _judge,
        (log, spend, scorer, overall),
        tasks,
        n_jobs=n_jobs,
        memory=memory,
        progress=progress,
    )
    cases = pd.DataFrame(cases, columns=["window", "months", "n_windows"])
    return cases.join(pd.DataFrame(rows))


def count_windows(
    log: TransactionLog, periods: Sequence[Period]
) -> tuple[TransactionLog, list[tuple[Period, int, int]]]:
    """Make a log of what came in, and count the whole windows of each length that it spans.

    Returns
    -------
    log : TransactionLog
    lengths : list of (name, n_months, n_windows)

    Raises
    ------
    ValueError
        If a period is unknown, or there are fewer than two windows.
    """
    if not isinstance(log, TransactionLog):
        log = TransactionLog(log)
    span = count_whole_periods(log, 1)
    lengths: list[tuple[Period, int, int]] = []
    for period in periods:
        n_months = MONTHS.get(period, period)
        if not isinstance(n_months, Integral) or isinstance(n_months, bool) or n_months < 1:
            raise ValueError(
                f"periods has {period!r}, which is none of {', '.join(map(str, MONTHS))}, and no "
                f"number of months."
            )
        if span < 2 * n_months:
            raise ValueError(
                f"The log spans {span} months, {log.span[0]} to {log.span[1]}, but two windows of "
                f"{period!r} are {2 * n_months}. Leave it out of periods."
            )
        lengths.append((period, int(n_months), span // n_months))
    return log, lengths


def window_panel(
    log: TransactionLog, spend: Estimator, n_months: int, n_windows: int
) -> pd.DataFrame:
    """The panel of windows of a length, a frame."""
    return clone(spend).set_params(period=n_months, n_periods=n_windows).fit_transform(log)


def window_scores(
    panel: pd.DataFrame, scorer: Estimator, n_windows: int
) -> tuple[Floats, NDArray[np.bool]]:
    """Score every window, and tell in which there is anything to score.

    Returns
    -------
    scores : ndarray, shape (n_customers, n_windows, 5)
        Standardised.
    has_scores : ndarray of bool, shape (n_customers, n_windows)
        Whether the customer spends in any category that has a coefficient.
    """
    scorer = clone(scorer).set_params(level="period", standardize=True).fit(panel)
    cube = fold(np.asarray(panel), n_windows)
    scores = fold(np.asarray(scorer.transform(panel)), n_windows)
    return scores, (cube[:, :, scorer.support_] != 0).any(axis=2)


def _judge(data, n_months, n_windows, seed):
    """The figures of one length, as a dict."""
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
