"""Whether segments depend on the window of aggregation: segments from states, and from scores.

Transactions come in. Out comes a row for each length of a window and each way to make segments.
Maree & Omlin (2021), section V, leave the question to future work.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

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
from ._data import count_windows, warn_of_coverage, window_panel, window_scores
from ._states import TenMeans, mean_so_far
from ._tasks import How, Runner
from ._trajectories import BASELINE, middle_period

if TYPE_CHECKING:
    from .._utils._typing import Estimator, Period
    from ..transactions import TransactionLog

METHODS = "states", BASELINE, "scores of the window"


def window_study(
    log: TransactionLog,
    *,
    scorer: Estimator | None = None,
    spend: Estimator | None = None,
    periods: Sequence[Period] = ("month", "quarter", "half", "year"),
    n_units: int = 3,
    **how: Unpack[How],
) -> pd.DataFrame:
    """Segment the same customers by windows of different lengths, from states and from scores.

    Parameters
    ----------
    log : TransactionLog
        All its customers get segments, also those who spend nothing in some windows.
    scorer : BigFivePersonalityScorer, default=None
        Default ``BigFivePersonalityScorer()``. Scores are always standardised.
    spend : SpendingAggregator, default=None
        Default ``SpendingAggregator()``. Its ``period`` and ``n_periods`` are replaced.
    periods : sequence of {"year", "half", "quarter", "month"} or int
        Lengths of a window, an int in months; each at most half of the months that the log spans.
    n_units : int, default=3
        Units of the LSTM.
    **how : n_jobs, memory, progress, random_state
        See :class:`How`. There is a task for each length and method, and one more for each method.
        Two seeds are drawn: one for all rows, and one for the segments they are compared with.

    Returns
    -------
    study : DataFrame, shape (n_periods * 3, 9)
        A row for each length and method.

        - ``window``, ``n_windows``: the length as given, and the number of whole windows that the
          log spans, counted back from its last day.
        - ``method``: ``"states"``, the top level of :class:`~skspend.TrajectoryClusterer` on the
          states of :class:`~skspend.LSTMStateExtractor`; ``"mean scores so far"``, k-means with ten
          clusters (the Big Five have ten types) on the means of scores up to the last window; and
          ``"scores of the window"``, the same on the scores of the last window alone.
        - ``n_segments``: at the last window.
        - ``kappa``: :func:`~skspend.metrics.temporal_stability` of the segments between the middle
          and the end of the span. The clusterer is fitted at the end.
        - ``agreement``: adjusted Rand index of the segments at the end with those that the same
          method finds with the longest window and another seed. In the row of the longest window
          only the seed differs, which is the yardstick for the other rows. 0 if either has one
          segment.
        - ``ami``: adjusted mutual information of the segments at the end with the type of the
          overall scores at this window.
        - ``accuracy``: share of the customers whose overall type the network predicts correctly, in
          sample; NaN without a network.
        - ``seconds``: of one core, without the aggregation.

    Raises
    ------
    ValueError
        If there are no periods, or one is unknown or longer than half of what the log spans; as
        the aggregator, the scorer, the extractor and k-means do.
    TypeError
        If the log is not a TransactionLog.

    See Also
    --------
    skspend.study.personality_study : The same question for types.

    Notes
    -----
    The network is trained for its 100 epochs at each length. Short windows need them: with 72
    months the loss still falls after 60 epochs, with six years hardly after 40. The panel takes 8
    bytes for each customer, window and category, and the network is trained on scaled copies of it.

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
    >>> study = window_study(bank.data, scorer=scorer, periods=["year"])
    >>> study[["window", "n_windows", "method"]]
      window  n_windows                method
    0   year          3                states
    1   year          3    mean scores so far
    2   year          3  scores of the window
    """
    runner = Runner(**how)
    lengths = count_windows(log, periods)
    if not lengths:
        raise ValueError("periods is empty. Pass at least one length of a window.")
    seed, other_seed = runner.draw_seeds(2)
    longest = max(lengths, key=lambda length: length[1])
    cases = [(*length, method, seed) for length in lengths for method in METHODS]
    references = [(*longest, method, other_seed) for method in METHODS]
    names = "n_months", "n_windows", "method", "seed"
    tasks = [dict(zip(names, case, strict=True)) for _, *case in cases + references]
    scorer = clone(scorer or BigFivePersonalityScorer()).set_params(standardize=True)
    spend = spend or SpendingAggregator()
    warn_of_coverage(scorer, window_panel(log, spend, *longest[1:]))
    found = runner.run_tasks(_segment, (log, spend, scorer, n_units), tasks)
    compared_with = dict(zip(METHODS, found[len(cases) :], strict=True))
    rows = [
        {"window": name, "n_windows": n_windows, "method": method}
        | _judge(segments, compared_with[method])
        for (name, _, n_windows, method, _), segments in zip(cases, found, strict=False)
    ]
    return pd.DataFrame(rows)


def _segment(data, n_months, n_windows, method, seed):
    """Find the segments at the middle and at the end, as a dict with types and accuracy."""
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
        if method == BASELINE:
            states = fold(mean_so_far(states), n_windows)
        clusterer = TenMeans(seed)
    clusterer.fit(states)
    middle, last = (
        clusterer.predict_levels(states, period=period)[:, 0]
        for period in (middle_period(n_windows), n_windows - 1)
    )
    seconds = time.perf_counter() - started
    found = {"middle": middle, "last": last, "types": types}
    return found | {"accuracy": accuracy, "seconds": seconds}


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
