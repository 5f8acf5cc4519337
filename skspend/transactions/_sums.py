"""What the customers of a log spent and earned, period by period: section III-A of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._periods import number_periods, period_edges

if TYPE_CHECKING:
    from .._utils._typing import Floats, Integers, Names, Resolution

RESOLUTIONS = {"day": 0, "month": 1, "quarter": 3, "half": 6, "year": 12}
"""Months that a row of a log stands for; 0 is a single day."""


class PeriodSums:
    """The sums of a TransactionLog, which is what its rows, incomes and last days are."""

    if TYPE_CHECKING:
        _rows: Any
        _incomes: Any
        _unit: float
        _ends: Integers
        resolution: Resolution
        categories: Names
        income_categories: Names
        span: tuple[np.datetime64, np.datetime64]

        def __len__(self) -> int: ...

    def sum_spending(self, n_months: int, n_periods: int) -> Floats:
        """Sum what each customer spent, by period and category.

        Parameters
        ----------
        n_months : int
            Length of a period in months.
        n_periods : int
            Number of periods, counted back from each customer's last day.

        Returns
        -------
        spending : ndarray, shape (n_customers, n_periods, n_categories)
            In currency units, refunds subtracted; the oldest period first.

        Examples
        --------
        >>> import pandas as pd
        >>> from skspend import TransactionLog
        >>> frame = pd.DataFrame({"customer": [1, 1], "date": ["2024-02-05", "2024-03-05"],
        ...                       "category": ["pets", "pets"], "amount": [1.0, 2.0]})
        >>> TransactionLog(frame).sum_spending(1, 2).tolist()
        [[[1.0], [2.0]]]
        """
        rows = self._rows
        n_categories = len(self.categories)
        period, category = self._periods(rows, n_months, n_periods), rows["category"]
        counts = None
        if len(rows) and (period.min() < 0 or category.min() < 0):
            counts = (period >= 0) & (category >= 0)
        column = period.astype(np.int32)
        del period
        column *= n_categories
        column += category
        total = rows.sum_amounts(column, n_periods * n_categories, counts)
        if self._unit > 1:
            total /= self._unit
        return total.reshape(len(self), n_periods, n_categories)

    def sum_income(self, n_months: int, n_periods: int) -> Floats:
        """Sum each customer's income by period.

        Returns
        -------
        income : ndarray, shape (n_customers, n_periods)
            In currency units.

        Raises
        ------
        ValueError
            If no income table was given and no category holds more inflow than outflow.
        """
        if self._incomes is None and not len(self.income_categories):
            raise ValueError(
                "The log knows no income: no category holds more inflow than outflow. Pass "
                "income= or normalize='spending'."
            )
        rows = self._incomes
        if rows is not None and "day" not in rows.columns:
            yearly = rows.sum_amounts(np.zeros(len(rows), dtype=np.int32), 1)
            return np.repeat(yearly * n_months / 12, n_periods, axis=1)
        if rows is None:
            rows = self._rows.select(self._rows["category"] < 0)
        period = self._periods(rows, n_months, n_periods).astype(np.int32)
        total = rows.sum_amounts(period, n_periods, period >= 0)
        # Zero stays zero rather than -0.
        return total if self._incomes is not None else 0 - total / self._unit

    def count_transactions(self, n_months: int, n_periods: int) -> tuple[Integers, int, float]:
        """Count the transactions of spending by period, and those before the first period.

        Returns
        -------
        counts : ndarray of int, shape (n_customers, n_periods)
        n_before : int
            Transactions that lie before the first period.
        amount_before : float
            What they add up to, in currency units.
        """
        rows = self._rows
        period = self._periods(rows, n_months, n_periods)
        is_spending = rows["category"] >= 0
        before = rows.select((period < 0) & is_spending)
        # Rows before the first period are counted in a column of their own, which is cut off.
        cell = rows.customer.astype(np.int64)
        cell *= n_periods + 1
        cell += period
        cell += 1
        transactions = rows.columns.get("transactions")
        is_money = rows["amount"] != 0
        if transactions is not None:
            is_money |= rows.refunds != 0
        counts = is_money & is_spending
        if not counts.all():
            cell = cell[counts]
            transactions = None if transactions is None else transactions[counts]
        total = np.bincount(cell, transactions, minlength=len(self) * (n_periods + 1))
        total = total.reshape(len(self), n_periods + 1)[:, 1:].astype(np.int64)
        return total, before.n_transactions, float(before["amount"].sum() / self._unit)

    def _periods(self, rows, n_months, n_periods):
        """Number the period of every row, -1 for rows before the first."""
        smallest = RESOLUTIONS[self.resolution]
        if smallest and n_months % smallest:
            raise ValueError(
                f"The log was merged with resolution={self.resolution!r}, which knows no period of "
                f"{n_months} months. Read it with a finer resolution."
            )
        return number_periods(rows["day"], rows.customer, self.period_edges(n_months, n_periods))

    def count_customers(self, n_months: int, n_periods: int) -> Integers:
        """Count by category the customers who spent anything on it within the periods.

        Returns
        -------
        counts : ndarray of int, shape (n_categories,)
        """
        rows = self._rows
        counts = (self._periods(rows, n_months, n_periods) >= 0) & (rows["category"] >= 0)
        counts &= (rows["amount"] != 0) | (rows.refunds != 0)
        spends = np.zeros((len(self), len(self.categories)), dtype=bool)
        spends[rows.customer[counts], rows["category"][counts]] = True
        return spends.sum(axis=0)

    def period_edges(self, n_months: int, n_periods: int) -> Integers:
        """Return where the periods begin and end, counted back from each customer's last day.

        Parameters
        ----------
        n_months : int
            Length of a period in months.
        n_periods : int
            Number of periods.

        Returns
        -------
        edges : ndarray of int, shape (n_customers or 1, n_periods + 1)
            Days since 1970. Period k holds the days from ``edges[:, k]`` up to and without
            ``edges[:, k + 1]``. One row if all customers share it.

        Examples
        --------
        >>> import pandas as pd
        >>> from skspend import TransactionLog
        >>> frame = pd.DataFrame({"customer": [1], "date": ["2024-03-05"], "category": ["pets"],
        ...                       "amount": [1.0]})
        >>> TransactionLog(frame).period_edges(1, 2).astype("M8[D]").astype(str).tolist()
        [['2024-02-01', '2024-03-01', '2024-04-01']]
        """
        ends = self._ends.astype("M8[D]")
        if not len(ends) or (ends == ends[0]).all():
            ends = ends[:1] if len(ends) else self.span[1:]
        return period_edges(np.asarray(ends), n_months, n_periods)
