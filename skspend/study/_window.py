"""Whether segments are robust to the window of aggregation: those from states, and from scores.

Transactions come in; out goes a row for each length of a window and each way to make segments.
Maree & Omlin (2021), section V, leave the question to future work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from ..aggregation import SpendingAggregator
from ..clustering import TrajectoryClusterer
from ..extraction import LSTMStateExtractor
from ..metrics import temporal_stability
from ..panel import fold
from ..personality import BigFivePersonalityScorer, encode_types
from ._data import warn_of_coverage
from ._personality import count_windows, window_panel, window_scores
from ._tasks import draw_seeds, run_tasks
from ._trajectories import TenMeans, mean_so_far, middle_period

if TYPE_CHECKING:
    from joblib import Memory

    from .._utils._typing import Estimator, FilePath, Period, RandomState
    from ..transactions import TransactionLog

METHODS = "states", "mean scores so far", "scores of the window"


def window_study(
    log: TransactionLog,
    *,
    scorer: Estimator | None = None,
    spend: Estimator | None = None,
    periods: Sequence[Period] = ("month", "quarter", "half", "year"),
    n_units: int = 3,
    n_jobs: int | None = None,
    memory: FilePath | Memory | None = None,
    progress: Callable[[int, int], None] | None = None,
    random_state: RandomState = 0,
) -> pd.DataFrame:
    """Segment the same customers by windows of different lengths, from states and from scores.

    Parameters
    ----------
    log : TransactionLog or long frame
        A long frame has the columns customer, date, category and amount. All its customers get
        segments, also those who spend nothing in some windows.
    scorer : BigFivePersonalityScorer, default=None
        Default ``BigFivePersonalityScorer()``. Scores are always standardised.
    spend : SpendingAggregator, default=None
        Default ``SpendingAggregator()``. Its ``period`` and ``n_periods`` are replaced.
    periods : sequence of {"year", "half", "quarter", "month"} or int
        Lengths of a window; a number counts months. Each at most half of what the log spans.
    n_units : int, default=3
        Units of the LSTM.
    n_jobs, memory, progress : see :func:`skspend.study._tasks.run_tasks`
        There is a task for each length and method, and one more for each method.
    random_state : int, RandomState instance or None, default=0
        Draws two seeds: one for all rows, and one for what they are compared with.

    Returns
    -------
    study : DataFrame, shape (n_periods * 3, 9)
        A row for each length and method.

        - ``window``, ``n_windows``: its name, or its number of months; and how many whole ones the
          log spans, counted back from its last day.
        - ``method``: ``"states"``, the top level of :class:`~skspend.TrajectoryClusterer` on the
          states of :class:`~skspend.LSTMStateExtractor`; ``"mean scores so far"``, k-means with ten
          clusters (the Big Five have ten types) on the means of scores up to the last window; and
          ``"scores of the window"``, the same on the scores of the last window alone.
        - ``n_segments``: at the last window.
        - ``kappa``: :func:`~skspend.metrics.temporal_stability` of the segments from the middle of
          the span to its end. They are learned at the end.
        - ``agreement``: adjusted Rand index of the segments at the end with those that the same
          method finds with the longest window and another seed. In the row of the longest window
          it is what the seed alone leaves, by which to judge the others. 0 if one segment holds
          everybody.
        - ``ami``: adjusted mutual information of the segments at the end with the type of the
          overall scores at this window.
        - ``accuracy``: share of the customers whose overall type the network tells, in sample; NaN
          without a network.
        - ``seconds``: of one core, aggregation left out. The only figure that is not the same
          again.

    Raises
    ------
    ValueError
        If there are no periods, or one is unknown or longer than half of what the log spans; as
        the aggregator, the scorer, the extractor and k-means do.

    See Also
    --------
    skspend.study.personality_study : The same question for types.

    Notes
    -----
    The network is trained for its 100 epochs at each length. Fewer are not enough where windows are
    short: of 72 months the loss still falls after 60, of six years hardly after 40.

    The panel of short windows is large, 8 bytes for each customer, window and category, and the
    network is trained on scaled copies of it.

    References
    ----------
    Maree & Omlin (2021), section V: "we want to test our hypothesis that the extracted feature
    trajectories are robust with respect to the window of aggregation".

    Examples
    --------
    >>> from skspend import BigFivePersonalityScorer
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(200, 3, 12, transactions=True, random_state=0)
    >>> scorer = BigFivePersonalityScorer(bank.coefficients)
    >>> study = window_study(bank.data, scorer=scorer, periods=["half", "year"])
    >>> study[["window", "n_windows", "method"]]
      window  n_windows                method
    0   half          6                states
    1   half          6    mean scores so far
    2   half          6  scores of the window
    3   year          3                states
    4   year          3    mean scores so far
    5   year          3  scores of the window
    """
    log, lengths = count_windows(log, periods)
    if not lengths:
        raise ValueError("periods is empty. Pass at least one length of a window.")
    seed, other_seed = draw_seeds(random_state, 2)
    longest = max(lengths, key=lambda length: length[1])
    cases = [(*length, method) for length in lengths for method in METHODS]
    references = [(*longest, method) for method in METHODS]
    tasks = [
        {"n_months": n_months, "n_windows": n_windows, "method": method, "seed": with_seed}
        for group, with_seed in ((cases, seed), (references, other_seed))
        for _, n_months, n_windows, method in group
    ]
    scorer = clone(scorer or BigFivePersonalityScorer()).set_params(standardize=True)
    spend = spend or SpendingAggregator()
    warn_of_coverage(scorer, window_panel(log, spend, *longest[1:]))
    data = log, spend, scorer, n_units
    found = run_tasks(_segment, data, tasks, n_jobs=n_jobs, memory=memory, progress=progress)
    compared_with = dict(zip(METHODS, found[len(cases) :], strict=True))
    rows = [
        {"window": name, "n_windows": n_windows, "method": method}
        | _judge(segments, compared_with[method])
        for (name, _, n_windows, method), segments in zip(cases, found, strict=False)
    ]
    return pd.DataFrame(rows)


def _segment(data, n_months, n_windows, method, seed):
    """Segments at the middle and at the end, and what else is to be told of them."""
    log, spend, scorer, n_units = data
    panel = window_panel(log, spend, n_months, n_windows)
    types = encode_types(clone(scorer).set_params(level="overall").fit_transform(panel))
    started = time.perf_counter()
    accuracy = np.nan
    if method == "states":
        extractor = LSTMStateExtractor(n_units, scorer=scorer, random_state=seed)
        states = extractor.fit_transform(panel)
        accuracy = extractor.score(panel)
        clusterer = TrajectoryClusterer(max_depth=1, random_state=seed)
    else:
        states, _ = window_scores(panel, scorer, n_windows)
        if method == "mean scores so far":
            states = fold(mean_so_far(states), n_windows)
        clusterer = TenMeans(seed)
    clusterer.fit(states)
    middle, last = (
        clusterer.predict_levels(states, period=period)[:, 0]
        for period in (middle_period(n_windows), n_windows - 1)
    )
    seconds = time.perf_counter() - started
    return {
        "middle": middle,
        "last": last,
        "types": types,
        "accuracy": accuracy,
        "seconds": seconds,
    }


def _judge(found, reference):
    middle, last = found["middle"], found["last"]
    n_segments = len(np.unique(last))
    is_divided = n_segments > 1 and len(np.unique(reference["last"])) > 1
    return {
        "n_segments": n_segments,
        "kappa": temporal_stability(middle, last),
        "agreement": adjusted_rand_score(reference["last"], last) if is_divided else 0.0,
        "ami": adjusted_mutual_info_score(found["types"], last),
        "accuracy": found["accuracy"],
        "seconds": found["seconds"],
    }
