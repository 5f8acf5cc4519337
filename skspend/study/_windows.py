"""Personality and segments in windows of different lengths."""

from __future__ import annotations

import time
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, silhouette_score

from ..aggregation import SpendingAggregator
from ..aggregation._aggregator import MONTHS
from ..aggregation._shares import count_whole_periods
from ..clustering import TrajectoryClusterer
from ..extraction import LSTMStateExtractor
from ..metrics import temporal_stability
from ..metrics._movement import middle_period
from ..panel import fold
from ..personality import TRAITS, BigFivePersonalityScorer, encode_types
from ..transactions import TransactionLog
from ._states import MeanScores, TypeSegments, check_transformer, complete
from ._tasks import How, Runner
from ._trajectories import BASELINE, mean_turn

if TYPE_CHECKING:
    from .._utils._typing import Estimator, Period

METHODS = "states", BASELINE, "scores of the window"


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
    lengths = _count_windows(log, periods)
    span = count_whole_periods(log, 1)
    cases = [("all", span, 1), *lengths]
    (seed,) = runner.draw_seeds(1)
    spend, scorer = spend or SpendingAggregator(), scorer or BigFivePersonalityScorer()
    whole, _ = _window_scores(_window_panel(log, spend, span, 1), scorer, 1)
    overall = encode_types(whole[:, 0])
    tasks = [{"n_months": n_months, "n_windows": n_windows} for _, n_months, n_windows in cases]
    rows = runner.run_tasks(_judge_windows, (log, spend, scorer, overall, seed), tasks)
    windows = pd.DataFrame(cases, columns=["window", "months", "n_windows"])
    return windows.join(pd.DataFrame(rows))


def _judge_windows(data, n_months, n_windows):
    log, spend, scorer, overall, seed = data
    panel = _window_panel(log, spend, n_months, n_windows)
    scores, has_scores = _window_scores(panel, scorer, n_windows)
    types = encode_types(scores.reshape(-1, len(TRAITS))).reshape(has_scores.shape)
    kappa_next = silhouette = np.nan
    # The cost of a silhouette grows with the square of the sample.
    rows = np.random.RandomState(seed).permutation(has_scores.sum())[:5000]
    sample, of_sample = scores[has_scores][rows], types[has_scores][rows]
    if 1 < len(np.unique(of_sample)) < len(rows):
        silhouette = float(silhouette_score(sample, of_sample))
    in_both = has_scores[:, :-1] & has_scores[:, 1:]
    if in_both.any():
        kappa_next = temporal_stability(types[:, :-1][in_both], types[:, 1:][in_both])
    strengths = np.sort(np.abs(scores[has_scores]), axis=1)
    last = scores[has_scores[:, -1], -1]
    clusterer = TrajectoryClusterer(max_depth=1, random_state=seed).fit(last)
    return {
        "customers": int(has_scores.any(axis=1).sum()),
        "same_type": float((types == overall[:, None])[has_scores].mean()),
        "kappa_next": kappa_next,
        "turn": mean_turn(scores[has_scores.all(axis=1)]),
        "silhouette": silhouette,
        "margin": float(np.median(strengths[:, -1] - strengths[:, -2])),
        "n_segments": len(np.unique(clusterer.labels_)),
    }


def window_study(
    log: TransactionLog,
    *,
    scorer: Estimator | None = None,
    spend: Estimator | None = None,
    periods: Sequence[Period] = ("month", "quarter", "half", "year"),
    extractor: Estimator | None = None,
    **how: Unpack[How],
) -> pd.DataFrame:
    """Segment the same customers by windows of different lengths, from states and from scores.

    Parameters
    ----------
    log, scorer, spend, periods
        See :func:`personality_study`. All customers of the log get segments, also those who spend
        nothing in some windows.
    extractor : transformer, default=None
        See :func:`noise_study`.
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
          states of the extractor; ``"mean scores so far"``, the baseline that needs no network: the
          type of the mean scores up to the last window; and ``"scores of the window"``, the type of
          the scores of the last window alone.
        - ``n_segments``: at the last window.
        - ``kappa``: :func:`~skspend.metrics.temporal_stability` of the segments between the middle
          and the end of the span. The clusterer is fitted at the end.
        - ``agreement``: adjusted Rand index of the segments at the end with those that the same
          method finds with the longest window and another seed. In the row of the longest window
          only the seed differs, which is the yardstick for the other rows; types need no seed. 0 if
          either has one segment.
        - ``ami``: adjusted mutual information of the segments at the end with the type of the
          overall scores at this window; 1 for the baseline by definition.
        - ``accuracy``: share of the customers whose overall type the network predicts correctly, in
          sample; NaN without a network that predicts types.
        - ``seconds``: of one core, without the aggregation.

    Raises
    ------
    ValueError
        If there are no periods, or one is unknown or longer than half of what the log spans; as
        the aggregator, the scorer and the extractor do.
    TypeError
        If the log is not a TransactionLog, or the extractor is not a transformer.

    Notes
    -----
    The panel takes 8 bytes for each customer, window and category.

    References
    ----------
    Maree & Omlin (2021), section V: "we want to test our hypothesis that the extracted feature
    trajectories are robust with respect to the window of aggregation".

    Examples
    --------
    >>> from skspend import BigFivePersonalityScorer, LSTMStateExtractor
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(200, 3, 12, transactions=True, random_state=0)
    >>> models = {"extractor": LSTMStateExtractor(epochs=5)}
    >>> models["scorer"] = BigFivePersonalityScorer(bank.coefficients)
    >>> study = window_study(bank.data, periods=["year"], **models)
    >>> study[["window", "n_windows", "method"]]
      window  n_windows                method
    0   year          3                states
    1   year          3    mean scores so far
    2   year          3  scores of the window
    """
    runner = Runner(**how)
    lengths = _count_windows(log, periods)
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
    extractor = LSTMStateExtractor() if extractor is None else extractor
    check_transformer("extractor", extractor)
    # This warns once of little coverage; tasks do not.
    clone(scorer).fit(_window_panel(log, spend, *longest[1:]))
    found = runner.run_tasks(_segment, (log, spend, scorer, extractor), tasks)
    references = dict(zip(METHODS, found[len(cases) :], strict=True))
    rows = []
    for (name, _, n_windows, method, _), (row, last) in zip(cases, found, strict=False):
        reference, at_end = references[method]
        if min(row["n_segments"], reference["n_segments"]) > 1:
            row["agreement"] = adjusted_rand_score(at_end, last)
        rows.append({"window": name, "n_windows": n_windows, "method": method} | row)
    return pd.DataFrame(rows)


def _segment(data, n_months, n_windows, method, seed):
    log, spend, scorer, extractor = data
    panel = _window_panel(log, spend, n_months, n_windows)
    types = encode_types(clone(scorer).set_params(level="overall").fit_transform(panel))
    started = time.perf_counter()
    accuracy = np.nan
    if method == "states":
        extractor = complete(extractor, scorer, seed)
        states = extractor.fit_transform(panel)
        if getattr(extractor, "objective", None) == "type":
            accuracy = extractor.score(panel)
        clusterer = TrajectoryClusterer(max_depth=1, random_state=seed)
    else:
        each_window = clone(scorer).set_params(level="period")
        scores = MeanScores(scorer) if method == BASELINE else each_window
        states = scores.fit_transform(panel)
        clusterer = TypeSegments()
    clusterer.fit(states)
    middle = clusterer.predict_levels(states, period=middle_period(n_windows))[:, 0]
    last = clusterer.predict_levels(states)[:, 0]
    seconds = time.perf_counter() - started
    row = {
        "n_segments": len(np.unique(last)),
        "kappa": temporal_stability(middle, last),
        "agreement": 0.0,
        "ami": adjusted_mutual_info_score(types, last),
        "accuracy": accuracy,
        "seconds": seconds,
    }
    return row, last


def _count_windows(log, periods):
    """Count the whole windows of each length that a log spans: (name, n_months, n_windows)."""
    if not isinstance(log, TransactionLog):
        raise TypeError(
            f"log is a {type(log).__name__}; expected a TransactionLog. Wrap a table of "
            f"transactions: TransactionLog(frame)."
        )
    span = count_whole_periods(log, 1)
    lengths = []
    for period in periods:
        n_months = MONTHS.get(period, period)
        if not isinstance(n_months, Integral) or isinstance(n_months, bool) or n_months < 1:
            raise ValueError(
                f"periods has {period!r}; expected {', '.join(map(repr, MONTHS))} or a positive "
                f"number of months."
            )
        if span < 2 * n_months:
            raise ValueError(
                f"The log spans {span} months, {log.span[0]} to {log.span[1]}, but two windows of "
                f"{period!r} are {2 * n_months} months. Leave {period!r} out of periods."
            )
        lengths.append((period, int(n_months), span // n_months))
    return lengths


def _window_panel(log, spend, n_months, n_windows):
    return clone(spend).set_params(period=n_months, n_periods=n_windows).fit_transform(log)


def _window_scores(panel, scorer, n_windows):
    """Return standardised scores, shape (n_customers, n_windows, 5), and which windows have any."""
    scorer = clone(scorer).set_params(level="period", standardize=True).fit(panel)
    cube = fold(np.asarray(panel), n_windows)
    scores = fold(np.asarray(scorer.transform(panel)), n_windows)
    return scores, (cube[:, :, scorer.support_] != 0).any(axis=2)
