"""The tables of a report, as the attributes of `SegmentReport` describe them."""

from __future__ import annotations

from copy import copy
from datetime import date
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import quantile_test
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from .._utils._intervals import CONFIDENCE
from ..aggregation import SpendingAggregator
from ..aggregation._aggregator import MONTHS, SHARES
from ..aggregation._known import known_share
from ..aggregation._shares import compute_panel
from ..clustering import TrajectoryClusterer
from ..inspection import segment_fairness
from ..inspection._segments import EVERYBODY, nearest_customers, strengths_of_seen
from ..inspection._spending import compare_spending
from ..inspection._stability import name_customers
from ..metrics._halves import place_halves
from ..metrics._movement import middle_period
from ..metrics._scorers import run_to_trajectories
from ..panel import Panel
from ..personality import personality_types
from ..segmentation import PanelSums
from ..segmentation._reading import check_sign
from ..transactions import TransactionLog
from ..transactions._incomes import with_income


class Customers(NamedTuple):
    """Customers, and what each step of a pipeline makes of them: a row for each customer."""

    names: np.ndarray
    source: Any
    """Panel of shares, as the extractor reads it."""
    panel: pd.DataFrame
    """Shares by period and category, with the names of a panel, indexed by customer."""
    shares: np.ndarray
    """The same, shape (n_customers, n_periods, n_categories)."""
    sums: PanelSums
    active_periods: np.ndarray
    categories: list[str]
    period: str
    trajectories: Any
    """Panel of states, as the clusterer reads it."""
    states: np.ndarray
    """The same, shape (n_customers, n_periods, n_units)."""
    scores: pd.DataFrame
    """A column for each trait; none if no step of the pipeline knows traits."""
    in_shares: bool
    """Whether the panel has shares, and not amounts."""
    amounts: np.ndarray | None
    """Amounts by category, a mean over periods, shape (n_customers, n_categories); None if they
    are not known, as in a panel of shares."""
    nodes: np.ndarray
    """Node of each customer by period and level, shape (n_periods, n_customers, depth)."""
    halves: np.ndarray | None
    """Node of each customer by either half of the periods and by level, shape (2, n_customers,
    depth); None with one period, or where all customers are in one segment."""
    strengths: np.ndarray
    extractor: Any
    clusterer: TrajectoryClusterer

    @property
    def is_active(self) -> np.ndarray:
        """Whether each customer spends in all periods, a mask."""
        return self.active_periods == self.shares.shape[1]

    @property
    def middle(self) -> int:
        """Position of the period from which is counted who stays."""
        return middle_period(len(self.nodes))

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
    clusterer, extractor, source = found.clusterer, found.extractor, found.panel
    steps = [*pipeline.named_steps.values()]
    if extractor is None:
        # No step knows traits.
        is_aggregated = isinstance(pipeline[0], SpendingAggregator)
        extractor, source = pipeline[-2], pipeline[0].transform(X) if is_aggregated else X
        steps = steps[is_aggregated:]
    else:
        steps = steps[steps.index(extractor) :]
    has_halves = found.n_periods > 1 and len(clusterer.tree_) > 1
    read = Panel.read(source, found.n_periods)
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
        known = known_share(X, pipeline[0], allow_unknown=allow_unknown)
    names = name_customers(X if isinstance(X, TransactionLog) else source)
    panel = pd.DataFrame(read.table, index=names, columns=Panel(shares, period, categories).names)
    sums = PanelSums.of(panel, found.n_periods)
    check_sign(sums)
    levels = [clusterer.predict_levels(found.states, period=p) for p in range(found.n_periods)]
    return Customers(
        names=np.asarray(names),
        source=source,
        panel=panel,
        sums=sums,
        shares=shares,
        active_periods=read.active_periods,
        categories=categories,
        period=period,
        trajectories=found.states,
        states=Panel.read(found.states, found.n_periods).cube,
        scores=pd.DataFrame(index=names) if found.scores is None else found.scores.set_axis(names),
        in_shares=_has_shares(pipeline, shares),
        amounts=_measure_amounts(X, pipeline),
        nodes=np.stack(levels),
        halves=place_halves(steps, source) if has_halves else None,
        strengths=strengths_of_seen(clusterer.strength(found.states), read.active_periods, known),
        extractor=extractor,
        clusterer=clusterer,
    )


def _has_shares(pipeline: Any, shares: np.ndarray) -> bool:
    if isinstance(pipeline[0], SpendingAggregator):
        return pipeline[0].normalize_ is not None
    # Some spend more than their income, but few more than twice of it.
    totals = np.abs(shares).sum(axis=2)
    return bool(np.median(totals[totals > 0]) < 2)


def _measure_amounts(X: Any, pipeline: Any) -> np.ndarray | None:
    spend = pipeline[0]
    if not (isinstance(X, TransactionLog) and isinstance(spend, SpendingAggregator)):
        return None
    if (spend.statistics_, spend.flows_, spend.balances_) != SHARES:
        return None
    # The same sums, without the last step to shares, and without a second warning.
    sums = copy(spend)
    sums.normalize_, sums.dtype_, sums.handle_unknown_ = None, None, "infrequent_if_exist"
    panel, _ = compute_panel(with_income(X, spend.income_categories_), sums)
    amounts: np.ndarray = panel.mean(axis=1)
    return amounts


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
    counts["made"] = date.today().isoformat()
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
    scorer = getattr(customers.extractor, "scorer_", None)
    table = pd.DataFrame(
        {
            "category": customers.categories,
            "share": spending / (spending.sum() or 1),
            "has_coefficient": False if scorer is None else scorer.support_,
            "is_read": getattr(customers.extractor, "support_", True),
        }
    )
    if scorer is not None:
        table[list(scorer.traits_)] = scorer.coefficients_
    return table.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def measure_traits(customers: Customers) -> pd.DataFrame:
    """Median score of each node on each trait, with the interval of its order statistics."""
    rows = []
    for node in customers.clusterer.tree_.index:
        members = customers.members(node)
        for trait in customers.scores:
            scores = customers.scores[trait].to_numpy()
            inside, middle = scores[members], np.median(scores)
            sides = (
                [(inside > middle).mean(), (inside < middle).mean()]
                if len(inside)
                else [np.nan] * 2
            )
            rows.append((node, trait, *median_interval(inside), *sides))
    names = ["node", "trait", "median", "low", "high", "above", "below"]
    return pd.DataFrame(rows, columns=names)


def measure_categories(customers: Customers) -> pd.DataFrame:
    """The spending of each node on each category, compared with all other customers."""
    shares = customers.shares.mean(axis=1, dtype=np.float64)
    spread = shares.std(axis=0)
    amounts = np.full_like(shares, np.nan) if customers.amounts is None else customers.amounts
    columns = ["node", "category", "share", "others", "effect", "amount", "amount_others"]
    parts = []
    for node in customers.clusterer.tree_.index:
        members = customers.members(node)
        own, others, effect = compare_spending(shares, members, spread)
        amount, of_others, _ = compare_spending(amounts, members, spread)
        values = (node, customers.categories, own, others, effect, amount, of_others)
        parts.append(pd.DataFrame(dict(zip(columns, values, strict=True))))
    return pd.concat(parts, ignore_index=True)


def find_exemplars(customers: Customers) -> pd.DataFrame:
    """The customers nearest to the centre of each node."""
    rows = []
    types = personality_types(customers.scores) if len(customers.scores.columns) else None
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
                    **({} if types is None else {"type": types[row]}),
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
    ordered = np.append(np.sort(values), np.nan)
    low, high = ordered[_ranks_of_interval(len(values))]
    return float(np.median(values)), float(low), float(high)


@cache
def _ranks_of_interval(n: int) -> list[int]:
    """Ranks, from 0, of the ends of the interval of the median of n values; n where n is small."""
    interval = quantile_test(np.arange(n), p=0.5).confidence_interval(CONFIDENCE)
    return [n if np.isnan(rank) else int(rank) for rank in (interval.low, interval.high)]


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
