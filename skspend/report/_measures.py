"""What a report tells, as tidy frames: one function for each.

A fitted pipeline and the customers it is told about come in as a `Customers`; out come frames
of a row for each thing measured, with 95 % intervals where there are any to give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, check_random_state

from .._utils._intervals import CONFIDENCE, half_interval, wilson_interval
from ..aggregation import SpendingAggregator
from ..aggregation._aggregator import MONTHS
from ..clustering import TrajectoryClusterer
from ..inspection import segment_fairness
from ..inspection._segments import EVERYBODY, compare_spending
from ..metrics import direction_change, run_to_trajectories, temporal_stability
from ..panel import Panel
from ..personality import TRAITS, personality_types
from ..transactions import TransactionLog

if TYPE_CHECKING:
    from .._utils._typing import RandomState

N_RESAMPLES = 999
N_FAVOURITES = 3
"""Categories that are told of an exemplar."""


class Customers(NamedTuple):
    """Customers and all that a pipeline makes of them."""

    names: np.ndarray
    """Identifiers, shape (n_customers,)."""
    source: Any
    """What the extractor reads, as it takes it."""
    panel: pd.DataFrame
    """Shares by period and category, with the names of a panel, indexed by customer."""
    shares: np.ndarray
    """The same, shape (n_customers, n_periods, n_categories)."""
    active_periods: np.ndarray
    """In how many periods each customer spends anything."""
    categories: list[str]
    period: str
    """What a period is called."""
    trajectories: Any
    """Panel of states, as the clusterer takes it."""
    states: np.ndarray
    """The same, shape (n_customers, n_periods, n_units)."""
    scores: pd.DataFrame
    """Standardised scores on the five traits."""
    nodes: np.ndarray
    """Node of each customer by period and level, shape (n_periods, n_customers, depth)."""
    strengths: np.ndarray
    extractor: Any
    clusterer: TrajectoryClusterer

    @property
    def is_active(self) -> np.ndarray:
        """Who spends in all periods."""
        return self.active_periods == self.shares.shape[1]

    def members(self, node: int, period: int = -1) -> np.ndarray:
        """Who is in a node at a period, as a mask."""
        if node == 0:
            return np.ones(len(self.names), dtype=bool)
        return (self.nodes[period] == node).any(axis=1)


def see_customers(pipeline: Any, X: Any) -> Customers:
    """Run a pipeline on customers, and keep what each step makes of them.

    Raises
    ------
    TypeError
        If the pipeline has no extractor that knows the traits, or does not end in a clusterer.
    ValueError
        If nobody spends on a category that the pipeline knows.
    """
    if not isinstance(pipeline, Pipeline):
        raise TypeError(
            f"A report is made of a fitted Pipeline that ends in a TrajectoryClusterer, not of "
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
            "No step of the pipeline knows the traits of a customer. Use an extractor whose "
            "objective is 'type' or 'scores'."
        )
    clusterer, extractor = found.clusterer, found.extractor
    read = Panel.read(found.panel, extractor.n_periods_)
    shares, categories = read.cube, read.features
    period = read.period or "period"
    if not shares.any():
        raise ValueError(
            f"None of the {len(shares):,} customers spends on any of the {len(categories)} "
            f"categories of the model, such as {categories[0]!r}. Give transactions of the kind "
            f"that the model was fitted on; on the command line as FILE."
        )
    columns = Panel(shares, period, categories).names
    states = Panel.read(found.states, found.n_periods).cube
    names = X.customers if isinstance(X, TransactionLog) else _index(found.panel)
    levels = [clusterer.predict_levels(found.states, period=p) for p in range(found.n_periods)]
    return Customers(
        names=np.asarray(names),
        source=found.panel,
        panel=pd.DataFrame(read.table, index=names, columns=columns),
        shares=shares,
        active_periods=read.active_periods,
        categories=categories,
        period=period,
        trajectories=found.states,
        states=states,
        scores=pd.DataFrame(found.scores, columns=TRAITS, index=names),
        nodes=np.stack(levels),
        strengths=clusterer.strength(found.states),
        extractor=extractor,
        clusterer=clusterer,
    )


def _index(panel: Any) -> Any:
    return panel.index if isinstance(panel, pd.DataFrame) else pd.RangeIndex(len(panel))


def count_data(customers: Customers, X: Any, pipeline: Pipeline) -> dict[str, Any]:
    """What the report is about: numbers of customers, periods, categories, and days."""
    counts: dict[str, Any] = {
        "customers": len(customers.names),
        "active customers": int(customers.is_active.sum()),
        "periods": customers.shares.shape[1],
        "categories": len(customers.categories),
    }
    if isinstance(X, TransactionLog):
        first, last = X.span
        counts |= {
            "transactions": X.n_transactions,
            "first day": str(first),
            "last day": str(last),
        }
    spend = pipeline[0]
    if isinstance(spend, SpendingAggregator):
        counts["shares of"] = spend.normalize or "nothing: amounts"
        period = spend.period
        counts["months"] = MONTHS[period] if isinstance(period, str) else period
    return counts


def measure_quality(X: Any, pipeline: Pipeline) -> pd.DataFrame:
    """What did not enter the periods: transactions and amount, by reason."""
    spend = pipeline[0]
    if isinstance(X, TransactionLog) and isinstance(spend, SpendingAggregator):
        # A clone counts for these customers; the fitted one knows those of its fit.
        counted = clone(spend).set_params(n_periods=spend.n_periods_).fit(X).quality_
    else:
        counted = pd.DataFrame(columns=["transactions", "amount"])
    return counted.rename_axis("reason").reset_index()


def measure_coverage(customers: Customers) -> pd.DataFrame:
    """How much is spent on each category, whether it has a coefficient, and is read.

    Returns
    -------
    coverage : DataFrame
        ``category``, ``share`` of all spending, ``has_coefficient``, ``is_read`` (by the network),
        and the five coefficients, NaN where there is none; most spending first.
    """
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
    """Mean score of every node on every trait, with the interval of the mean by Student's t.

    Returns
    -------
    traits : DataFrame
        ``node`` (0 is everybody), ``trait``, ``mean``, ``low`` and ``high``.
    """
    rows = [
        (node, trait, *mean_interval(customers.scores[trait].to_numpy()[customers.members(node)]))
        for node in customers.clusterer.tree_.index
        for trait in TRAITS
    ]
    return pd.DataFrame(rows, columns=["node", "trait", "mean", "low", "high"])


def measure_categories(customers: Customers) -> pd.DataFrame:
    """What every node spends on each category, against everybody else.

    Returns
    -------
    categories : DataFrame
        ``node``, ``category``, ``share``: the members' mean share, ``others``: that of all other
        customers, ``effect``: the difference in standard deviations.
    """
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
    """How large every node is at each period, and who of those stays until the last.

    Returns
    -------
    history : DataFrame
        ``node``, ``period`` (from 1), ``customers``, ``share`` of all, ``stayed``: how many of
        them are in the node at the last period, ``rate``: their quotient, and ``low`` and ``high``:
        its Wilson interval; NaN where nobody is.
    """
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
    """Who stands nearest to the centre of each node.

    Returns
    -------
    exemplars : DataFrame
        ``node``, ``rank`` (from 1), ``row``: position among the customers, ``customer``, ``type``,
        ``strength`` in their leaf, the five scores, ``active_periods``, and ``spends_on``: the
        categories of their largest mean shares.
    """
    found = customers.clusterer.find_exemplars(customers.trajectories)
    rows = []
    types = personality_types(customers.scores)
    for node, positions in enumerate(found):
        for rank, row in enumerate(positions[positions >= 0], start=1):
            shares = customers.shares[row].mean(axis=0)
            largest = np.argsort(-shares, kind="stable")[:N_FAVOURITES]
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


def measure_model(customers: Customers, random_state: RandomState) -> pd.DataFrame:
    """The figures by which to judge the model, on the customers who spend in all periods.

    Returns
    -------
    metrics : DataFrame
        ``metric``, ``value``, ``low`` and ``high`` (NaN without an interval) and ``meaning``.

    Notes
    -----
    Intervals say what other customers would change, with the model as it is: Wilson's for a share,
    Student's t for a mean, that of a ratio estimator for the coverage, and the bootstrap over
    customers for kappa.
    """
    active = customers.is_active
    rows = [_judge_coverage(customers)]
    if active.any():
        rows += _judge_extractor(customers, active)
        rows += _judge_segments(customers, active, check_random_state(random_state))
    return pd.DataFrame(rows, columns=["metric", "value", "low", "high", "meaning"])


def _judge_coverage(customers: Customers) -> tuple[object, ...]:
    spending = np.abs(customers.shares).sum(axis=1, dtype=np.float64)
    known = spending[:, customers.extractor.scorer_.support_].sum(axis=1)
    total = spending.sum(axis=1)
    value = known.sum() / (total.sum() or 1)
    # The residuals of a ratio estimator add up to its error.
    half = norm.ppf((1 + CONFIDENCE) / 2) * np.linalg.norm(known - value * total)
    half /= total.sum() or 1
    meaning = "share of all spending in categories with a coefficient"
    return "coverage", value, value - half, value + half, meaning


def _judge_extractor(customers: Customers, active: np.ndarray) -> list[tuple[object, ...]]:
    """How well the network tells what it was trained to tell."""
    extractor = customers.extractor
    value = extractor.score(_safe_indexing(customers.source, np.flatnonzero(active)))
    if extractor.objective != "type":
        return [("R2", value, np.nan, np.nan, f"of the network's objective, {extractor.objective}")]
    n = int(active.sum())
    low, high = wilson_interval(round(value * n), n)
    types = pd.Series(personality_types(customers.scores[active]))
    commonest = types.value_counts(normalize=True).iloc[0]
    meaning = f"share whose type the network tells; the commonest type is that of {commonest:.1%}"
    return [("accuracy", value, low, high, meaning)]


def _judge_segments(
    customers: Customers, active: np.ndarray, random_state: np.random.RandomState
) -> list[tuple[object, ...]]:
    """How clear segments are, how long they last, and how straight trajectories go."""
    meaning = "mean over customers: 1 at the centre of the leaf, 0 halfway to the next"
    rows: list[tuple[object, ...]] = [
        ("strength", *mean_interval(customers.strengths[active]), meaning)
    ]
    n_periods = len(customers.nodes)
    if n_periods > 1:
        middle = (n_periods - 1) // 2
        earlier, last = customers.nodes[[middle, -1]][:, active, 0]
        meaning = (
            f"Cohen's kappa of the top level between {customers.period} {middle + 1} and "
            f"{customers.period} {n_periods}: 1 if everybody stays, 0 by chance"
        )
        kappa = temporal_stability(earlier, last)
        rows.append(("stability", kappa, *_kappa_interval(earlier, last, random_state), meaning))
    if n_periods > 2:
        turns = direction_change(customers.states[active])
        meaning = "mean change of direction between periods in degrees: 0 is straight, 180 back"
        rows.append(("turn", *mean_interval(turns[np.isfinite(turns)]), meaning))
    return rows


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean of some values and its 95 % interval by Student's t; NaN where there is none."""
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


def measure_fairness(
    customers: Customers, names: dict[int, str], protected: pd.DataFrame, random_state: RandomState
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How often the groups of each protected attribute are in the segments of the top level.

    Returns
    -------
    rates : DataFrame
        As of :func:`~skspend.inspection.segment_fairness`, after ``attribute``; segments by name.
    association : DataFrame
        A row for each attribute.
    """
    top = pd.Series(customers.nodes[-1][:, 0]).map(names).fillna(EVERYBODY)
    rates, association = [], []
    for attribute in protected.columns:
        found = segment_fairness(
            top.to_numpy(), protected[attribute].to_numpy(), random_state=random_state
        )
        rates.append(found.rates.assign(attribute=attribute))
        association.append({"attribute": attribute, **found.association})
    table = pd.concat(rates, ignore_index=True)
    return table[["attribute", *table.columns.drop("attribute")]], pd.DataFrame(association)
