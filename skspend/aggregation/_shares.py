"""Shares of spending or income, and other statistics, of the customers of a log.

A log and a fitted SpendingAggregator come in; out go values by customer, period and feature.
Maree & Omlin (2021), section III-A.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from scipy.sparse import csr_array, vstack
from sklearn.utils import gen_batches

from .._utils._sklearn import _get_output_config
from .._utils._sparse import make_sparse_frame
from .._utils._text import count, some, warn
from ..panel import Panel, unfold
from ..transactions._incomes import are_among, with_income
from ._columns import is_mostly_zero

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .._utils._typing import Estimator, Floats, Integers, Names, Selection
    from ..transactions import TransactionLog

CELLS_OF_BLOCK = 2**21
"""Shares are computed for this many cells of the panel at a time."""
CUSTOMERS_AT_ONCE, CELLS_OF_PART = 2048, 2**24
"""A part of a panel has a multiple of this many customers, because networks run on so many or on a
fraction of them, and at most so many cells, unless the customers of one multiple have more."""


class LazyPanel:
    """The panel of a log, whose rows are computed when they are asked for.

    All rows may be too many to hold. Iterating over the panel yields pandas frames of some
    customers each, in their order. An estimator that reads row by row does the same to each frame
    as to the whole. `spend` is a SpendingAggregator, fitted on a log. The panel warns of a log of
    fewer months than its periods and, after the last customer, of spending in unknown categories.
    It passes the sums of spending to a `tally`, and checks it at the end.
    """

    def __init__(self, log: TransactionLog, spend: Estimator, tally: Any = None) -> None:
        warn_of_short_history(log, spend)
        self._log, self._spend = with_income(log, spend.income_categories_), spend
        self._tally = tally
        # Of the libraries of frames, pandas has sparse ones.
        is_pandas = _get_output_config("transform", spend)["dense"] in ("default", "pandas")
        may_be_sparse = is_pandas and not log.is_polars
        self._is_sparse = may_be_sparse and is_mostly_zero(self._log, spend)

    @property
    def customers(self) -> Names:
        return self._log.customers

    def __len__(self) -> int:
        return len(self._log)

    def __iter__(self) -> Iterator[Any]:
        n_columns = self._spend.n_periods_ * len(self._spend.features_)
        n_at_once = CUSTOMERS_AT_ONCE * max(1, CELLS_OF_PART // (CUSTOMERS_AT_ONCE * n_columns))
        return self._make(gen_batches(max(1, len(self)), n_at_once))

    def take(self, rows: Selection) -> Any:
        """Make the pandas frame of some customers."""
        [frame] = self._make([rows])
        return frame

    def whole(self) -> Any:
        """Make the frame of all customers, of polars if the log was made of one."""
        [frame] = self._make([None])
        return frame

    @cached_property
    def _income(self):
        by_income = self._spend.normalize_ == "income"
        return positive_income(self._log, self._spend) if by_income else None

    def _make(self, selections: Iterable[Selection | None]) -> Iterator[Any]:
        """Make a frame of each selection of customers, and then tell what is unknown in them."""
        spend, categories = self._spend, self._log.categories
        unknown = categories[_Columns.of(categories, spend).is_unknown]
        if len(unknown) and spend.handle_unknown_ == "error":
            raise ValueError(
                f"{len(unknown)} of {count(len(categories), 'category', 'categories')} were "
                f"not in fit: {some(unknown)}. Rename them, or use "
                f"handle_unknown='infrequent_if_exist'."
            )
        totals = np.zeros(3)
        for rows in selections:
            yield self._frame(rows, totals)
        if self._tally is not None:
            self._tally.check()
        if spend.handle_unknown_ == "warn":
            _warn_of_unknown(spend, unknown, *totals)

    def _frame(self, rows, totals):
        spend, is_sparse = self._spend, self._is_sparse
        log, income = self._log, self._income
        if rows is not None:
            log, income = log[rows], None if income is None else income[rows]
        panel, missed = compute_panel(log, spend, income, sparse=is_sparse, tally=self._tally)
        totals += missed
        if is_sparse:
            return make_sparse_frame(panel, log.customers, spend.get_feature_names_out())
        named = Panel(panel, spend.period_, spend.features_)
        if rows is None and log.is_polars:
            return nw.from_numpy(named.table, list(named.names), backend="polars").to_native()
        return pd.DataFrame(named.table, index=log.customers, columns=named.names, copy=False)


def compute_panel(
    log: TransactionLog,
    spend: Estimator,
    income: Floats | None = None,
    *,
    sparse: bool = False,
    tally: Any = None,
) -> tuple[Any, Floats]:
    """Compute the features of all customers, shape (n_customers, n_periods, n_features).

    With `sparse`, they are a sparse array of shape (n_customers, n_periods * n_features).
    `spend` is a SpendingAggregator, fitted on a log whose categories of income `log` has, and
    `income` is what to divide by, if it is not the spending. The sums of spending are passed to a
    `tally`, if there is one. Also returned are three totals, as :func:`_shares_of_block`.
    """
    columns = _Columns.of(log.categories, spend)
    n_features = len(spend.features_)
    widest = max(1, n_features, len(log.categories))
    n_at_once = max(1, CELLS_OF_BLOCK // (spend.n_periods_ * widest))
    dtype = spend.dtype_ or np.float64
    panel: Any
    n_rows = n_at_once if sparse else len(log)
    panel, parts = np.empty((n_rows, spend.n_periods_, n_features), dtype=dtype), []
    totals = np.zeros(3)
    for block in gen_batches(max(1, len(log)), n_at_once):
        part = log[block] if len(log) > n_at_once else log
        found = panel[: len(part)] if sparse else panel[block]
        totals += _compute_block(
            part, spend, None if income is None else income[block], columns, found, tally
        )
        if sparse:
            parts.append(csr_array(unfold(found)))
    if sparse:
        panel = vstack(parts, format="csr")
    return panel, totals


def _warn_of_unknown(spend, unknown, missed, total, came_in):
    lacks_income = spend.normalize_ == "income" or "in" in spend.flows_
    if not missed and not (came_in and lacks_income):
        return
    is_one, has_column = len(unknown) == 1, spend.infrequent_categories_ is not None
    were, are, get = ("was", "is", "gets") if is_one else ("were", "are", "get")
    their = "Its" if is_one else "Their"
    become = f"{are} infrequent" if has_column else f"{get} no column"
    becomes = "is no income" if spend.normalize_ == "income" else "gets no column"
    income = f"; {came_in:,.2f} that came in there {becomes}" if came_in else ""
    warn(
        f"{count(len(unknown), 'category', 'categories')} {were} not in fit and {become}: "
        f"{some(unknown)}. {their} share of the spending is {missed / (total or 1):.1%}{income}."
    )


class _Columns(NamedTuple):
    """Where the categories of a log stand among those of the fit, found once for all blocks."""

    is_unknown: NDArray[np.bool_]
    known: Integers | None
    selected: Integers | None
    is_rare: NDArray[np.bool_] | None

    @classmethod
    def of(cls, categories: Names, spend: Estimator) -> Self:
        every, rare = spend.spending_categories_, spend.infrequent_categories_
        return cls(
            is_unknown=~are_among(categories, every),
            known=find_places(categories, every),
            selected=find_places(every, spend.categories_),
            is_rare=None if rare is None else are_among(every, rare),
        )


def _compute_block(log, spend, income, columns, out, tally):
    """Write the features of a few customers into `out`, and return three totals, as
    :func:`_shares_of_block`."""
    spent, totals = None, np.zeros(3)
    has_sums = "sum" in spend.statistics_ and "out" in spend.flows_
    if has_sums or columns.is_unknown.any() or tally is not None:
        spent, totals = _shares_of_block(log, spend, income, columns, tally)
    start = 0
    for flow in spend.flows_:
        measured = {}
        if others := [name for name in spend.statistics_ if (flow, name) != ("out", "sum")]:
            wanted = _columns_of_flow(log, spend, flow, columns.is_unknown)
            found = log.measure(others, flow, spend.n_months_, spend.n_periods_, wanted)
            measured = dict(zip(others, found, strict=True))
        if "sum" in measured and spend.normalize_ is not None:
            measured["sum"] /= divisor(_sum_inflow(log, spend) if income is None else income)
        for name in spend.statistics_:
            values = measured.get(name, spent)
            out[:, :, start : start + values.shape[2]] = values
            start += values.shape[2]
    if spend.balances_:
        balances = log.measure_balances(spend.n_months_, spend.n_periods_)
        out[:, :, start:] = np.stack([balances[name] for name in spend.balances_], axis=2)
    return totals


def _columns_of_flow(log, spend, flow, is_unknown):
    """The column of each category in the features of a flow."""
    names = spend.categories_ if flow == "out" else spend.inflow_categories_
    columns = {name: position for position, name in enumerate(names)}
    if flow == "out" and spend.infrequent_categories_ is not None:
        rare = [*spend.infrequent_categories_]
        if spend.handle_unknown_ != "ignore":
            rare += [*log.categories[is_unknown]]
        columns |= dict.fromkeys(rare, len(names) - 1)
    return columns


def _sum_inflow(log, spend):
    """Sum all money that comes in, refunds too, shape (n_customers, n_periods)."""
    every = dict.fromkeys([*log.categories, *log.income_categories], 0)
    [total] = log.measure(["sum"], "in", spend.n_months_, spend.n_periods_, every)
    return total[:, :, 0]


def _shares_of_block(log, spend, income, columns, tally):
    """Shares of a few customers, and three totals: spending in unknown categories, all spending,
    and money that came in by unknown categories."""
    panel = log.sum_spending(spend.n_months_, spend.n_periods_)
    if tally is not None:
        tally.add(panel)
    known = arrange(panel, columns.known)
    # Unknown amounts are added up one by one: which categories are unknown depends on who is in
    # the log, and the last bit of a sum depends on the number of its terms.
    found = panel[:, :, columns.is_unknown]
    unknown = found.clip(min=0).cumsum(axis=2)[:, :, -1:].sum(axis=2)
    gross = None
    if columns.is_unknown.any() or spend.normalize_ == "spending":
        gross = gross_spending(known) + unknown
    selected = arrange(known, columns.selected)
    if columns.is_rare is not None:
        selected[:, :, -1] = known[:, :, columns.is_rare].sum(axis=2)
        if spend.handle_unknown_ != "ignore":
            selected[:, :, -1] += unknown
    if spend.normalize_ is not None:
        selected /= divisor(gross if income is None else income)
    totals = unknown.sum(), 0 if gross is None else gross.sum(), -found.clip(max=0).sum()
    return selected, np.array(totals)


def find_places(categories: Names, wanted: Names) -> Integers | None:
    """Find categories among others, -1 for one that is not there; None if they are the same."""
    if np.array_equal(categories, wanted):
        return None
    places: Integers = pd.Index(categories).get_indexer(pd.Index(wanted))
    return places


def arrange(panel: Floats, places: Integers | None) -> Floats:
    """Take the categories of a panel from the places that were found; the others are zero."""
    if places is None:
        return panel
    arranged = np.zeros((*panel.shape[:2], len(places)))
    arranged[:, :, places >= 0] = panel[:, :, places[places >= 0]]
    return arranged


def positive_income(log: TransactionLog, spend: Estimator) -> Floats:
    """Income by period, shape (n_customers, n_periods); the customer's mean where there is none."""
    income = log.sum_income(spend.n_months_, spend.n_periods_)
    has_income = income > 0
    without = ~has_income.any(axis=1)
    if without.any():
        have = "has" if without.sum() == 1 else "have"
        first = str(log.customers[np.argmax(without)])
        raise ValueError(
            f"{without.sum():,} of {count(len(log), 'customer')} {have} no positive income in any "
            f"period; the first is {first!r}. Give their income or leave their rows out, or "
            f"use normalize='spending' and no income."
        )
    mean = np.where(has_income, income, 0).sum(axis=1) / has_income.sum(axis=1)
    return np.where(has_income, income, mean[:, None])


def gross_spending(panel: Floats) -> Floats:
    """Sum of absolute amounts, so that refunds cannot inflate shares."""
    return np.abs(panel).sum(axis=2)


def divisor(total: Floats) -> Floats:
    """What divides the categories of each customer and period; 0 becomes 1."""
    return np.where(total == 0, total.dtype.type(1), total)[:, :, None]


def count_months(log: TransactionLog) -> int:
    """Number of months that a log spans, the first from its first day."""
    first, last = log.span
    months = (last + np.timedelta64(1, "D")).astype("M8[M]") - first.astype("M8[M]")
    return int(months.astype(int))


def count_whole_periods(log: TransactionLog, n_months: int) -> int:
    """Number of whole periods that a log spans, at least one."""
    return max(1, count_months(log) // n_months)


def warn_of_short_history(log: TransactionLog, spend: Estimator) -> None:
    """Warn if a log spans fewer whole periods than a fitted SpendingAggregator has."""
    if count_whole_periods(log, spend.n_months_) < spend.n_periods_:
        warn(
            f"The transactions span {count_months(log):,} of the "
            f"{spend.n_months_ * spend.n_periods_:,} months that the model reads, and to it nobody "
            f"spends in the months before: give the earlier transactions, too."
        )
