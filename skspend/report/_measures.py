"""The tables of a report, as the attributes of `SegmentReport` describe them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import quantile_test
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from .._utils._intervals import CONFIDENCE, wilson_interval
from ..aggregation import SpendingAggregator
from ..aggregation._aggregator import MONTHS
from ..aggregation._known import known_share
from ..clustering import TrajectoryClusterer
from ..inspection import segment_fairness
from ..inspection._segments import EVERYBODY, compare_spending, nearest_customers
from ..metrics._scorers import run_to_trajectories
from ..panel import Panel
from ..personality import personality_types
from ..segmentation._reading import check_sign
from ..segmentation._thin import warn_of_short_history
from ..transactions import TransactionLog


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
        scores=found.scores.set_axis(names),
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
    table[list(scorer.traits_)] = scorer.coefficients_
    return table.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def measure_traits(customers: Customers) -> pd.DataFrame:
    """Median score of each node on each trait, with the interval of its order statistics."""
    rows = [
        (node, trait, *median_interval(customers.scores[trait].to_numpy()[customers.members(node)]))
        for node in customers.clusterer.tree_.index
        for trait in customers.scores
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


def median_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Median of some values and its 95 % interval by order statistics; NaN where there are few."""
    if not len(values):
        return np.nan, np.nan, np.nan
    interval = quantile_test(values, p=0.5).confidence_interval(CONFIDENCE)
    return float(np.median(values)), float(interval.low), float(interval.high)


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
