"""The figures to judge a model by, in the frame `metrics` of a report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.utils import _safe_indexing, check_random_state

from .._utils._intervals import CONFIDENCE, half_interval, wilson_interval
from .._utils._text import count
from ..metrics import direction_change, temporal_stability
from ..metrics._scorers import mean_trait_scores
from ..panel import Panel
from ..personality import personality_types
from ..segmentation import measure_drift
from ._grades import grade
from ._measures import Customers
from ._words import percent

N_RESAMPLES = 999
METRICS = ["metric", "value", "low", "high", "grade", "meaning"]


def measure_model(
    customers: Customers, stability: pd.DataFrame | None, random_state: int
) -> pd.DataFrame:
    """The figures to judge the model by, for the customers who spend in all periods.

    Intervals are Wilson's for a share, Student's for a mean, that of a ratio estimator for the
    coverage, and the bootstrap over customers for kappa. Those of other fits are as measured.
    """
    active = customers.is_active
    rows: list[tuple[Any, ...]] = []
    if len(customers.scores.columns):
        rows.append(_judge_coverage(customers))
    if active.any():
        rows += _judge_extractor(customers, active)
        random = check_random_state(random_state)
        rows += _judge_segments(customers, active, random)
        rows += _judge_halves(customers, active, random)
        rows += _judge_drift(customers)
    if stability is not None:
        rows += _judge_fits(stability.to_dict("index")["top"])
    return pd.DataFrame(rows, columns=METRICS)


def _judge_coverage(customers: Customers) -> tuple[object, ...]:
    spending = np.abs(customers.shares).sum(axis=1, dtype=np.float64)
    known = spending[:, customers.extractor.scorer_.support_].sum(axis=1)
    total = spending.sum(axis=1)
    value = known.sum() / (total.sum() or 1)
    # The error of a ratio estimator is the sum of its residuals.
    half = norm.ppf((1 + CONFIDENCE) / 2) * np.linalg.norm(known - value * total)
    half /= total.sum() or 1
    meaning = "share of all spending that is in categories with a coefficient"
    if customers.in_shares:
        meaning = "share of a customer's spending in categories with a coefficient, on average"
    interval = max(0, value - half), min(1, value + half)
    return "coverage", value, *interval, grade("coverage", value), meaning


def _judge_extractor(customers: Customers, active: np.ndarray) -> list[tuple[object, ...]]:
    """How well the network predicts its target."""
    extractor = customers.extractor
    if not hasattr(extractor, "objective_"):
        return []
    value = extractor.score(_safe_indexing(customers.source, np.flatnonzero(active)))
    if extractor.objective_ != "type":
        what = "spending" if extractor.objective_ == "reconstruct" else extractor.objective_
        meaning = f"share of the variance of the {what} that the network predicts"
        return [("R2", value, np.nan, np.nan, grade("R2", value), meaning)]
    n = int(active.sum())
    low, high = wilson_interval(round(value * n), n)
    types = pd.Series(personality_types(customers.scores[active]))
    commonest = types.value_counts(normalize=True).iloc[0]
    meaning = (
        f"share of customers whose type the network predicts; always the most frequent type would "
        f"be right for {percent(commonest)}"
    )
    saved = (value - commonest) / (1 - commonest) if commonest < 1 else np.nan
    return [("accuracy", value, low, high, grade("accuracy", saved), meaning)]


def _judge_segments(
    customers: Customers, active: np.ndarray, random_state: np.random.RandomState
) -> list[tuple[object, ...]]:
    """How clear and stable the segments are, and how straight the trajectories are."""
    rows: list[Any] = []
    n_periods = len(customers.nodes)
    # Nobody can leave a single segment.
    divides = len(customers.clusterer.tree_) > 1
    if divides:
        meaning = "mean over customers: 1 at the centre of the segment, 0 halfway to the next one"
        strength = mean_interval(customers.strengths[active])
        rows.append(("strength", *strength, grade("strength", strength[0]), meaning))
    if divides and n_periods > 1:
        middle = customers.middle
        then, now = (f"{customers.period} {number}" for number in (middle + 1, n_periods))
        pairs = {"": tuple(customers.nodes[[middle, -1]][:, active, 0])}
        if len(customers.scores.columns):
            earlier, last = _scores_until(customers, middle), customers.scores
            types = [personality_types(scores[active]) for scores in (earlier, last)]
            numbers = pd.factorize(np.concatenate(types))[0]
            pairs[" without a network"] = tuple(np.split(numbers, 2))
        for way, (earlier, last) in pairs.items():
            thing = "type of their mean spending so far" if way else "segment of the top level"
            stay, n = int((earlier == last).sum()), len(last)
            meaning = f"share of customers who have the same {thing} in {then} and in {now}"
            rows.append((f"stay{way}", stay / n, *wilson_interval(stay, n), "", meaning))
            kappa = temporal_stability(earlier, last)
            interval = _kappa_interval(earlier, last, random_state)
            meaning = (
                f"agreement of the {'types' if way else 'segments'} in {then} and in {now} "
                f"(Cohen's kappa): 1 if all customers stay, 0 by chance"
            )
            graded = "" if way else grade("stability", kappa)
            rows.append((f"stability{way}", kappa, *interval, graded, meaning))
    if n_periods > 2:
        turns = direction_change(customers.states[active])
        meaning = (
            "mean angle between successive steps of a trajectory, in degrees: 0 if it is straight, "
            "180 if it turns back"
        )
        turn = mean_interval(turns[np.isfinite(turns)])
        rows.append(("change of direction", *turn, "", meaning))
    return rows


def _judge_halves(
    customers: Customers, active: np.ndarray, random_state: np.random.RandomState
) -> list[tuple[object, ...]]:
    """Whether one half of the periods gives the segments that the other half gives."""
    if customers.halves is None:
        return []
    one, other = customers.halves[:, active, 0]
    same, n = int((one == other).sum()), len(one)
    meaning = (
        f"share of customers to whom every other {customers.period} and those between give the "
        f"same segment of the top level"
    )
    kappa = temporal_stability(one, other)
    interval = _kappa_interval(one, other, random_state)
    agreement = (
        "agreement of these two (Cohen's kappa): 1 if all customers have the same segment, 0 by "
        "chance, as if all customers bought alike; with twice as many purchases it is higher"
    )
    return [
        ("same in both halves", same / n, *wilson_interval(same, n), "", meaning),
        ("split half", kappa, *interval, grade("split half", kappa), agreement),
    ]


def _scores_until(customers: Customers, period: int) -> pd.DataFrame:
    """The scores of the mean shares of the periods up to one, for which no network is needed."""
    n_periods = customers.shares.shape[1]
    mean = customers.shares[:, : period + 1].mean(axis=1, keepdims=True)
    panel = Panel(mean.repeat(n_periods, axis=1), customers.period, customers.categories)
    scores = mean_trait_scores(customers.extractor.scorer_, panel.like(customers.source))
    return scores.set_axis(customers.scores.index)


def _judge_drift(customers: Customers) -> list[tuple[object, ...]]:
    """How these customers differ from those of the fit."""
    steps = customers.extractor, customers.clusterer
    if not hasattr(customers.extractor, "scaler_"):
        return []
    nodes = customers.nodes[-1]
    drift = measure_drift(*steps, customers.sums, customers.trajectories, nodes=nodes)
    if drift is None:
        return []
    meaning = (
        "how much the {} has changed since the fit (population stability index): below 0.1 it is "
        "little, from 0.25 on it is much"
    )
    spending = meaning.format("share of spending by category")
    rows: list[Any] = [("drift of spending", drift["spending"], spending)]
    outliers = meaning.format("distance of customers from the centre of their segment")
    rows.append(("drift of outliers", drift["outliers"], outliers))
    if np.isfinite(drift["segments"]):
        sizes = meaning.format("size of segments") + f"; by chance it is {drift['by_chance']:.2f}"
        rows.append(("drift of segments", drift["segments"], sizes))
    return [
        (name, value, np.nan, np.nan, grade("drift", value), text) for name, value, text in rows
    ]


def _judge_fits(top: dict[Any, Any]) -> list[tuple[object, ...]]:
    """Whether another fit would give the same segments; nothing if there is a single segment."""
    if np.isnan(top["ari"]):
        return []
    fits = count(int(top["fits"]), "other fit")
    same = (
        f"share of customers, held out of another fit, whom it puts into the same segment of the "
        f"top level; a mean over {fits}"
    )
    index = (
        f"agreement of the segments of the top level in two fits (adjusted Rand index): 1 if they "
        f"are the same, 0 by chance; the interval is over {fits}"
    )
    graded = grade("reproducibility", top["ari"])
    return [
        ("same segment", top["same"], np.nan, np.nan, "", same),
        ("reproducibility", top["ari"], top["low"], top["high"], graded, index),
    ]


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean of some values and its 95 % interval by Student's t; NaN without values."""
    mean = float(values.mean()) if len(values) else np.nan
    half = half_interval(values)
    return mean, mean - half, mean + half


def _kappa_interval(
    earlier: np.ndarray, last: np.ndarray, random_state: np.random.RandomState
) -> np.ndarray:
    """Percentiles of Cohen's kappa over customers drawn with replacement."""
    pairs, counts = np.unique(np.stack([earlier, last]), axis=1, return_counts=True)
    labels = np.unique(pairs)
    if len(labels) == 1:
        return np.full(2, np.nan)
    n = counts.sum()
    drawn = random_state.multinomial(n, counts / n, size=N_RESAMPLES)
    before, after = (drawn @ (labels == side[:, None]) for side in pairs)
    agreement = drawn @ (pairs[0] == pairs[1])
    by_chance = (before * after).sum(axis=1) / n
    with np.errstate(invalid="ignore"):
        kappas = (agreement - by_chance) / (n - by_chance)
    return np.nanquantile(kappas, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
