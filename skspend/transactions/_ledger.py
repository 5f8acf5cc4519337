"""What the customers of a log spent and earned, added up by period.

Customers and categories are numbers here; their labels are in the TransactionLog.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype
from scipy import sparse

from ._balances import measure_balances
from ._periods import RESOLUTIONS, number_periods, period_edges
from ._quality import AFTER_CUTOFF, count_left_out, join_left_out, take_left_out
from ._rows import ROUNDING, Rows, sum_by_cell
from ._statistics import Cells, check_known


def find_positions(key, customers):
    """Return the positions of the customers that a key selects."""
    if isinstance(key, pd.Series) and is_bool_dtype(key.dtype):
        if not key.index.equals(pd.Index(customers)):
            raise ValueError(
                "The index of the mask is not log.customers. Align it by "
                "mask.reindex(log.customers), or pass mask.to_numpy() if its order is theirs."
            )
        key = key.to_numpy(dtype=bool)
    return np.atleast_1d(np.arange(len(customers))[key])


def open_ledger(reading, ends, resolution):
    """Make the Ledger of ReadRows: later rows are left out, and where more comes in is income."""
    rows, left_out, unit = reading.rows, reading.left_out, reading.unit
    incomes = reading.incomes
    if rows["day"].max() > ends.min():
        reading.memory.check(len(rows), rows.n_bytes)
        is_late = rows["day"] > ends[rows.customer]
        late, rows = rows.select(is_late), rows.select(~is_late)
        counts = np.bincount(late.customer, late.transactions, len(ends))
        amounts = sum_by_cell(late["amount"], late.customer, len(ends))
        whose = np.flatnonzero(counts)
        late = count_left_out(whose, AFTER_CUTOFF, counts[whose], amounts[whose], unit)
        left_out = join_left_out([left_out, late])
    if incomes is not None and "day" in incomes.columns:
        incomes = incomes.select(incomes["day"] <= ends[incomes.customer])
    balances = reading.balances
    if balances is not None:
        balances = balances.select(balances["day"] <= ends[balances.customer])
    n_categories = len(reading.categories)
    none = np.zeros(n_categories, dtype=bool)
    ledger = Ledger(
        rows, left_out, ends, ends.max(), unit, resolution, none, none, incomes, balances
    )
    if not rows.has_refunds:
        return ledger
    net = sum_by_cell(rows["amount"], rows["category"], n_categories)
    refunds = sum_by_cell(rows.refunds, rows["category"], n_categories)
    ledger = replace(ledger, has_inflow=refunds < 0)
    return ledger.with_roles(net < -ROUNDING * (net - 2 * refunds))


@dataclass(frozen=True, eq=False)
class Ledger:
    """Transactions, in multiples of ``1 / unit``, and incomes of customers 0 ... n_customers - 1.

    Categories of spending are numbered 0, 1, ... and those of income -1, -2, ...; `is_income` is a
    mask of all by name, and `has_inflow` one of those by which any money comes in. `ends` are the
    customers' last days, and `last_day` the last of them before customers were selected. Yearly
    `incomes` have no column day. `balances` are the lowest of each day, sorted by customer and day.
    """

    rows: Rows
    left_out: pd.DataFrame
    ends: np.ndarray
    last_day: int
    unit: int
    resolution: str
    is_income: np.ndarray
    has_inflow: np.ndarray
    incomes: Rows | None = None
    balances: Rows | None = None

    def __eq__(self, other):
        if not np.array_equal(self.ends, other.ends):
            return False
        both = self, other
        everyone = np.arange(len(self.ends))
        frames = [ledger.to_frame(everyone, np.arange(len(ledger.is_income))) for ledger in both]
        return frames[0].equals(frames[1]) and all(
            (one is None) == (two is None)
            and (one is None or one.take(everyone) == two.take(everyone))
            for one, two in ((self.incomes, other.incomes), (self.balances, other.balances))
        )

    __hash__ = None  # type: ignore[assignment] # for Python, None means not hashable

    def with_roles(self, is_income):
        """Number the categories anew, when others than before are income."""
        old, codes = self.is_income, self.rows["category"]
        if (is_income == old).all():
            return self
        position = np.where(is_income, -np.cumsum(is_income), np.cumsum(~is_income) - 1)
        # Income categories are numbered -1, -2, ...: they index the reversed tail.
        order = np.concatenate([np.flatnonzero(~old), np.flatnonzero(old)[::-1]])
        codes = position[order].astype(codes.dtype)[codes]
        return replace(self, rows=self.rows.with_columns({"category": codes}), is_income=is_income)

    def take(self, customers):
        """Select customers, who are renumbered in the order given; repeats are allowed."""
        return replace(
            self,
            rows=self.rows.take(customers),
            left_out=take_left_out(self.left_out, customers),
            ends=self.ends[customers],
            incomes=None if self.incomes is None else self.incomes.take(customers),
            balances=None if self.balances is None else self.balances.take(customers),
        )

    def to_frame(self, customers, categories):
        """Return the rows, customer by customer, with these labels in place of the numbers."""
        rows = self.rows.take(np.arange(len(self.ends)))
        return pd.DataFrame({
            "customer": customers[rows.customer],
            "date": rows["day"].astype("M8[D]").astype("M8[s]"),
            "category": categories[rows["category"]],
            "amount": rows["amount"] / self.unit,
        })  # fmt: skip

    def sort_amounts(self):
        incomes = None if self.incomes is None else self.incomes.sort_amounts()
        return replace(self, rows=self.rows.sort_amounts(), incomes=incomes)

    def sum_spending(self, n_months, n_periods):
        rows, n_categories = self.rows, int((~self.is_income).sum())
        period, category = self._periods(rows, n_months, n_periods), rows["category"]
        counts = None
        if len(rows) and (period.min() < 0 or category.min() < 0):
            counts = (period >= 0) & (category >= 0)
        column = period.astype(np.int32)
        del period
        column *= n_categories
        column += category
        total = rows.sum_amounts(column, n_periods * n_categories, counts)
        if self.unit > 1:
            total /= self.unit
        return total.reshape(len(self.ends), n_periods, n_categories)

    def sum_income(self, n_months, n_periods):
        rows = self.incomes
        if rows is None and not self.is_income.any():
            raise ValueError(
                "The log knows no income: no category holds more inflow than outflow. Pass "
                "income= or normalize='spending'."
            )
        if rows is not None and "day" not in rows.columns:
            yearly = rows.sum_amounts(np.zeros(len(rows), dtype=np.int32), 1)
            return np.repeat(yearly * n_months / 12, n_periods, axis=1)
        if rows is None:
            rows = self.rows.select(self.rows["category"] < 0)
        period = self._periods(rows, n_months, n_periods).astype(np.int32)
        total = rows.sum_amounts(period, n_periods, period >= 0)
        # Zero stays zero rather than -0.
        return total if self.incomes is not None else 0 - total / self.unit

    def measure(self, statistics, flow, n_months, n_periods, place, n_columns):
        """Measure transactions of one direction; see :meth:`TransactionLog.measure`.

        `place` is the column of each category code, or -1 for a category that has none.
        """
        check_known(self.rows, statistics)
        edges = self.period_edges(n_months, n_periods)
        period = self._periods(self.rows, n_months, n_periods)
        column = place[self.rows["category"]]
        shape = len(self.ends), n_periods, n_columns
        cells = Cells.of(self.rows, flow, self.unit, period, column, shape)
        return [cells.measure(statistic, edges) for statistic in statistics]

    def measure_balances(self, n_months, n_periods):
        if self.balances is None:
            raise ValueError(
                "The log knows no balances. Pass the name of their column to it as balance=."
            )
        return measure_balances(self.balances, self.period_edges(n_months, n_periods))

    def count_transactions(self, n_months, n_periods):
        rows = self.rows
        period, is_spending = self._periods(rows, n_months, n_periods), rows["category"] >= 0
        before = rows.select((period < 0) & is_spending)
        # Rows before the first period are counted in a column of their own, which is cut off.
        column = period.astype(np.int32)
        column += 1
        counts = _are_money(rows) & is_spending
        total = rows.count(column, n_periods + 1, None if counts.all() else counts)[:, 1:]
        return total, int(before.transactions.sum()), float(before["amount"].sum() / self.unit)

    def sum_by_category(self):
        """Sum the spending by category, in currency units."""
        rows = self.rows.select(self.rows["category"] >= 0)
        n_categories = int((~self.is_income).sum())
        return sum_by_cell(rows["amount"], rows["category"], n_categories) / self.unit

    def turnover(self):
        """Add up payments and refunds, both without their sign."""
        turnover = self.rows["amount"]
        if self.rows.has_refunds:
            turnover = turnover - 2 * self.rows.refunds
        return float(turnover.sum() / self.unit)

    def count_customers(self, n_months, n_periods):
        rows = self.rows
        counts = (self._periods(rows, n_months, n_periods) >= 0) & (rows["category"] >= 0)
        counts &= _are_money(rows)
        places = rows.customer[counts], rows["category"][counts]
        shape = len(self.ends), int((~self.is_income).sum())
        # Of many customers and categories, a table of all pairs would take much memory.
        spends = sparse.coo_array((np.ones(len(places[0]), dtype=bool), places), shape=shape)
        return np.bincount(spends.tocsr().indices, minlength=shape[1])

    def period_edges(self, n_months, n_periods):
        ends = self.ends
        if (ends == ends[:1]).all():
            ends = ends[:1] if len(ends) else np.array([self.last_day])
        return period_edges(ends.astype("M8[D]"), n_months, n_periods)

    def _periods(self, rows, n_months, n_periods):
        """Number the period of every row, -1 for rows before the first."""
        smallest = RESOLUTIONS[self.resolution]
        if smallest and n_months % smallest:
            raise ValueError(
                f"The log was merged with resolution={self.resolution!r}, which has no periods of "
                f"{n_months} {'month' if n_months == 1 else 'months'}. Read it with a finer "
                f"resolution."
            )
        return number_periods(rows["day"], rows.customer, self.period_edges(n_months, n_periods))


def _are_money(rows):
    found = rows["amount"] != 0
    if "refunds" in rows.columns:
        # In merged rows, payments and refunds may cancel.
        found |= rows["refunds"] != 0
    return found
