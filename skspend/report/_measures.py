"""The tables of a report, as the attributes of `SegmentReport` describe them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm, quantile_test
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, check_random_state

from .._utils._intervals import CONFIDENCE, half_interval, wilson_interval
from .._utils._text import count
from ..aggregation import SpendingAggregator
from ..aggregation._aggregator import MONTHS
from ..aggregation._known import known_share
from ..clustering import TrajectoryClusterer
from ..inspection import segment_fairness
from ..inspection._segments import EVERYBODY, compare_spending, nearest_customers
from ..metrics import direction_change, temporal_stability
from ..metrics._movement import middle_period
from ..metrics._scorers import run_to_trajectories
from ..panel import Panel
from ..personality import TRAITS, personality_types
from ..segmentation import measure_drift
from ..segmentation._reading import check_sign
from ..segmentation._thin import warn_of_short_history
from ..transactions import TransactionLog

N_RESAMPLES = 999


class Customers(NamedTuple):
    """Customers, and what each step of a pipeline makes of them: a row for each customer."""

    names: np.ndarray
    source: Any
    """Panel of shares, as the extractor reads it."""
    panel: pd.DataFrame
    """Shares by period and category, with the names of a panel, indexed by customer."""
    shares: np.ndarray
    """The same, shape (n_customers, n_periods, n_categories)."""
    active_periods: np.ndarray
    categories: list[str]
    period: str
    trajectories: Any
    """Panel of states, as the clusterer reads it."""
    states: np.ndarray
    """The same, shape (n_customers, n_periods, n_units)."""
    scores: pd.DataFrame
    nodes: np.ndarray
    """Node of each customer by period and level, shape (n_periods, n_customers, depth)."""
    strengths: np.ndarray
    extractor: Any
    clusterer: TrajectoryClusterer

    @property
    def is_active(self) -> np.ndarray:
        """Whether each customer spends in all periods, a mask."""
        return self.active_periods == self.shares.shape[1]

    def members(self, node: int, period: int = -1) -> np.ndarray:
        """Whether each customer is in a node at a period, a mask."""
        if node == 0:
            return np.ones(len(self.names), dtype=bool)
        return (self.nodes[period] == node).any(axis=1)


def see_customers(pipeline: Any, X: Any, *, allow_unknown: bool = False) -> Customers:
    """Run a pipeline on customers, and keep the output of each step."""
    if not isinstance(pipeline, Pipeline):
        raise TypeError(
            f"A report needs a fitted Pipeline that ends in a TrajectoryClusterer, got "
            f"{type(pipeline).__name__}."
        )
    found = run_to_trajectories(pipeline, X)
    if found.clusterer is None:
        raise TypeError(
            f"The pipeline ends in {type(pipeline[-1]).__name__}. A report is about segments: end "
            f"it in a TrajectoryClusterer."
        )
    if found.scores is None:
        raise TypeError(
            "No step of the pipeline computes trait scores. Use an extractor whose objective is "
            "'type' or 'scores'."
        )
    clusterer, extractor = found.clusterer, found.extractor
    read = Panel.read(found.panel, extractor.n_periods_)
    shares, categories, period = read.cube, list(read.features or ()), read.period or "period"
    if not read.is_named:
        raise ValueError(
            f"The {len(categories)} categories of the panel have no names, and a report is about "
            f"them. Fit the pipeline on a frame whose columns are named like 'year1|groceries'."
        )
    if not shares.any():
        raise ValueError(
            f"None of the {len(shares):,} customers spends on any of the {len(categories)} "
            f"categories of the model, such as {categories[0]!r}. Pass transactions of the kind "
            f"that the model was fitted on; on the command line as FILE."
        )
    known = np.ones(len(shares))
    if isinstance(X, TransactionLog) and isinstance(pipeline[0], SpendingAggregator):
        warn_of_short_history(X, pipeline[0])
        known = known_share(X, pipeline[0], allow_unknown=allow_unknown)
    names: Any = pd.RangeIndex(len(shares))
    if isinstance(X, TransactionLog):
        names = X.customers
    elif isinstance(found.panel, pd.DataFrame):
        names = found.panel.index
    panel = pd.DataFrame(read.table, index=names, columns=Panel(shares, period, categories).names)
    check_sign(panel)
    levels = [clusterer.predict_levels(found.states, period=p) for p in range(found.n_periods)]
    return Customers(
        names=np.asarray(names),
        source=found.panel,
        panel=panel,
        shares=shares,
        active_periods=read.active_periods,
        categories=categories,
        period=period,
        trajectories=found.states,
        states=Panel.read(found.states, found.n_periods).cube,
        scores=pd.DataFrame(found.scores, columns=TRAITS, index=names),
        nodes=np.stack(levels),
        strengths=clusterer.strength(found.states) * (read.active_periods > 0) * (known > 0),
        extractor=extractor,
        clusterer=clusterer,
    )


def count_data(customers: Customers, X: Any, pipeline: Pipeline) -> dict[str, Any]:
    """Numbers of customers, periods and categories, and the days of the data."""
    counts: dict[str, Any] = {
        "customers": len(customers.names),
        "active customers": int(customers.is_active.sum()),
        "periods": customers.shares.shape[1],
        "categories": len(customers.categories),
    }
    if isinstance(X, TransactionLog):
        first, last = X.span
        counts |= {"transactions": X.n_transactions, "first day": str(first), "last day": str(last)}
    spend = pipeline[0]
    if isinstance(spend, SpendingAggregator):
        counts["shares of"] = spend.normalize or "nothing: amounts"
        counts["months"] = MONTHS.get(spend.period, spend.period)
    return counts


def measure_quality(X: Any, pipeline: Pipeline) -> pd.DataFrame:
    """Transactions and amounts that are not in the periods, by reason."""
    spend = pipeline[0]
    counted = pd.DataFrame(columns=["transactions", "amount"])
    if isinstance(X, TransactionLog) and isinstance(spend, SpendingAggregator):
        # The fitted step has the counts of the customers of its fit, so a clone counts here.
        counted = clone(spend).set_params(n_periods=spend.n_periods_).fit(X).quality_
    return counted.rename_axis("reason").reset_index()


def measure_coverage(customers: Customers) -> pd.DataFrame:
    """The share of each category in all spending, and whether the scorer and the network use it."""
    spending = np.abs(customers.shares).sum(axis=(0, 1))
    scorer = customers.extractor.scorer_
    table = pd.DataFrame(
        {
            "category": customers.categories,
            "share": spending / (spending.sum() or 1),
            "has_coefficient": scorer.support_,
            "is_read": customers.extractor.support_,
        }
    )
    table[list(TRAITS)] = scorer.coefficients_
    return table.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def measure_traits(customers: Customers) -> pd.DataFrame:
    """Median score of each node on each trait, with the interval of its order statistics."""
    rows = [
        (node, trait, *median_interval(customers.scores[trait].to_numpy()[customers.members(node)]))
        for node in customers.clusterer.tree_.index
        for trait in TRAITS
    ]
    return pd.DataFrame(rows, columns=["node", "trait", "median", "low", "high"])


def measure_categories(customers: Customers) -> pd.DataFrame:
    """The spending of each node on each category, compared with all other customers."""
    shares = customers.shares.mean(axis=1, dtype=np.float64)
    spread = shares.std(axis=0)
    columns = ["node", "category", "share", "others", "effect"]
    parts = [pd.DataFrame(columns=columns)]
    for node in customers.clusterer.tree_.index[1:]:
        own, others, effect = compare_spending(shares, customers.members(node), spread)
        values = (node, customers.categories, own, others, effect)
        parts.append(pd.DataFrame(dict(zip(columns, values, strict=True))))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def measure_history(customers: Customers) -> pd.DataFrame:
    """The size of each node at each period, and how many of its members stay until the last."""
    rows = []
    n_customers = len(customers.names)
    for node in customers.clusterer.tree_.index:
        last = customers.members(node)
        for period in range(len(customers.nodes)):
            then = customers.members(node, period)
            n, stayed = int(then.sum()), int((then & last).sum())
            rate = low = high = np.nan
            if n:
                rate = stayed / n
                low, high = wilson_interval(stayed, n)
            rows.append((node, period + 1, n, n / n_customers, stayed, rate, low, high))
    names = ["node", "period", "customers", "share", "stayed", "rate", "low", "high"]
    return pd.DataFrame(rows, columns=names)


def find_exemplars(customers: Customers) -> pd.DataFrame:
    """The customers nearest to the centre of each node."""
    rows = []
    types = personality_types(customers.scores)
    found = nearest_customers(customers.clusterer, customers.trajectories, customers.active_periods)
    for node, positions in enumerate(found):
        for rank, row in enumerate(positions[positions >= 0], start=1):
            shares = customers.shares[row].mean(axis=0)
            largest = np.argsort(-shares, kind="stable")[:3]
            rows.append(
                {
                    "node": node,
                    "rank": rank,
                    "row": row,
                    "customer": customers.names[row],
                    "type": types[row],
                    "strength": customers.strengths[row],
                    **customers.scores.iloc[row],
                    "active_periods": customers.active_periods[row],
                    "spends_on": [customers.categories[i] for i in largest if shares[i] > 0],
                }
            )
    return pd.DataFrame(rows)


def measure_model(
    customers: Customers, stability: pd.DataFrame | None, random_state: int
) -> pd.DataFrame:
    """The figures to judge the model by, for the customers who spend in all periods.

    Intervals are Wilson's for a share, Student's for a mean, that of a ratio estimator for the
    coverage, and the bootstrap over customers for kappa. Those of other fits are as measured.
    """
    active = customers.is_active
    rows = [_judge_coverage(customers)]
    if active.any():
        rows += _judge_extractor(customers, active)
        rows += _judge_segments(customers, active, check_random_state(random_state))
        rows += _judge_drift(customers)
    if stability is not None:
        rows += _judge_fits(stability.to_dict("index")["top"])
    return pd.DataFrame(rows, columns=["metric", "value", "low", "high", "meaning"])


def _judge_coverage(customers: Customers) -> tuple[object, ...]:
    spending = np.abs(customers.shares).sum(axis=1, dtype=np.float64)
    known = spending[:, customers.extractor.scorer_.support_].sum(axis=1)
    total = spending.sum(axis=1)
    value = known.sum() / (total.sum() or 1)
    # The error of a ratio estimator is the sum of its residuals.
    half = norm.ppf((1 + CONFIDENCE) / 2) * np.linalg.norm(known - value * total)
    half /= total.sum() or 1
    meaning = "share of all spending that is in categories with a coefficient"
    return "coverage", value, value - half, value + half, meaning


def _judge_extractor(customers: Customers, active: np.ndarray) -> list[tuple[object, ...]]:
    """How well the network predicts its target."""
    extractor = customers.extractor
    value = extractor.score(_safe_indexing(customers.source, np.flatnonzero(active)))
    if extractor.objective_ != "type":
        meaning = f"of the {extractor.objective_} that the network predicts"
        return [("R2", value, np.nan, np.nan, meaning)]
    n = int(active.sum())
    low, high = wilson_interval(round(value * n), n)
    types = pd.Series(personality_types(customers.scores[active]))
    commonest = types.value_counts(normalize=True).iloc[0]
    meaning = (
        f"share of customers whose type the network predicts; the most frequent type has "
        f"{commonest:.1%}"
    )
    return [("accuracy", value, low, high, meaning)]


def _judge_segments(
    customers: Customers, active: np.ndarray, random_state: np.random.RandomState
) -> list[tuple[object, ...]]:
    """How clear and stable the segments are, and how straight the trajectories are."""
    meaning = "mean over customers: 1 at the centre of the segment, 0 halfway to the next one"
    rows: list[Any] = [("strength", *mean_interval(customers.strengths[active]), meaning)]
    n_periods = len(customers.nodes)
    if n_periods > 1:
        middle = middle_period(n_periods)
        earlier, last = customers.nodes[[middle, -1]][:, active, 0]
        meaning = (
            f"agreement of the segments of the top level in {customers.period} {middle + 1} and "
            f"{customers.period} {n_periods} (Cohen's kappa): 1 if all customers stay, 0 by chance"
        )
        kappa = temporal_stability(earlier, last)
        rows.append(("stability", kappa, *_kappa_interval(earlier, last, random_state), meaning))
    if n_periods > 2:
        turns = direction_change(customers.states[active])
        meaning = (
            "mean angle between successive steps of a trajectory, in degrees: 0 if it is straight, "
            "180 if it turns back"
        )
        rows.append(("change of direction", *mean_interval(turns[np.isfinite(turns)]), meaning))
    return rows


def _judge_drift(customers: Customers) -> list[tuple[object, ...]]:
    """How these customers differ from those of the fit."""
    steps = customers.extractor, customers.clusterer
    drift = measure_drift(*steps, customers.panel, customers.trajectories)
    if drift is None:
        return []
    meaning = (
        "how much the {} has changed since the fit (population stability index): below .1 it is "
        "little, from .25 on it is much"
    )
    spending = meaning.format("share of spending by category")
    rows: list[Any] = [("drift of spending", drift["spending"], spending)]
    outliers = meaning.format("distance of customers from the centre of their segment")
    rows.append(("drift of outliers", drift["outliers"], outliers))
    if np.isfinite(drift["segments"]):
        sizes = meaning.format("size of segments") + f"; by chance it is {drift['by_chance']:.2f}"
        rows.append(("drift of segments", drift["segments"], sizes))
    return [(name, value, np.nan, np.nan, text) for name, value, text in rows]


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
    return [
        ("same segment", top["same"], np.nan, np.nan, same),
        ("reproducibility", top["ari"], top["low"], top["high"], index),
    ]


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean of some values and its 95 % interval by Student's t; NaN without values."""
    mean = float(values.mean()) if len(values) else np.nan
    half = half_interval(values)
    return mean, mean - half, mean + half


def median_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Median of some values and its 95 % interval by order statistics; NaN where there are few."""
    if not len(values):
        return np.nan, np.nan, np.nan
    interval = quantile_test(values, p=0.5).confidence_interval(CONFIDENCE)
    return float(np.median(values)), float(interval.low), float(interval.high)


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


def measure_fairness(
    customers: Customers, names: dict[int, str], protected: pd.DataFrame, random_state: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rates of protected groups in segments of the top level, and their association."""
    top = pd.Series(customers.nodes[-1][:, 0]).map(names).fillna(EVERYBODY).to_numpy()
    rates, association = [], []
    for attribute in protected.columns:
        values = protected[attribute].to_numpy()
        found = segment_fairness(top, values, random_state=random_state)
        rates.append(found.rates.assign(attribute=attribute))
        association.append({"attribute": attribute, **found.association})
    table = pd.concat(rates, ignore_index=True)
    return table[["attribute", *table.columns.drop("attribute")]], pd.DataFrame(association)
