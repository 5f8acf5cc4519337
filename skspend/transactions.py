"""TransactionLog: who spent what, when.

A long table of transactions comes in; out goes a collection with one item per customer, which
every scikit-learn splitter, search and pipeline can index, however many transactions each customer
has. The data behind section III-A of Maree & Omlin (2021).
"""

import copy

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from .columns import (
    category_codes,
    customer_codes,
    days_since_1970,
    finite_amounts,
    known_customer_codes,
    read_columns,
    refuse,
)

ROUNDING = 1e-12
"""Share of what was spent and refunded below which a difference is a rounding error, not money."""


class _Rows:
    """Columns of equal length whose rows belong to customers 0 ... n_customers - 1."""

    def __init__(self, customer, n_customers, columns, is_sorted=False):
        self.customer = customer
        self.n_customers = n_customers
        self.columns = columns
        self._is_sorted = is_sorted
        self._index = None

    def __len__(self):
        return len(self.customer)

    def __getstate__(self):
        # Whether somebody has indexed changes neither what is saved nor its hash.
        return vars(self) | {"_index": None}

    def __getitem__(self, column):
        return self.columns[column]

    def select(self, mask):
        columns = {name: values[mask] for name, values in self.columns.items()}
        return _Rows(self.customer[mask], self.n_customers, columns, self._is_sorted)

    def take(self, customers):
        """Rows of these customers, who are renumbered in the order given; repeats allowed."""
        order, starts = self._rows_by_customer()
        begins = starts[customers]
        counts = starts[customers + 1] - begins
        ends = np.cumsum(counts)
        rows = np.arange(ends[-1] if len(ends) else 0) + np.repeat(begins - (ends - counts), counts)
        if order is not None:
            rows = order[rows]
        owner = np.repeat(np.arange(len(customers), dtype=self.customer.dtype), counts)
        columns = {name: values[rows] for name, values in self.columns.items()}
        return _Rows(owner, len(customers), columns, is_sorted=True)

    def _rows_by_customer(self):
        """Sort once, when somebody indexes for the first time."""
        if self._index is None:
            order = None if self._is_sorted else np.argsort(self.customer, kind="stable")
            counts = np.bincount(self.customer, minlength=self.n_customers)
            self._index = order, np.concatenate([[0], np.cumsum(counts)])
        return self._index


class TransactionLog:
    """Transactions as a collection of customers, one sample each.

    Parameters
    ----------
    frame : pandas.DataFrame, polars.DataFrame or pyarrow.Table
        One row per transaction.
    customer, date, category, amount : str
        Names of the four columns. Dates may be dates, timestamps (the day counts, in their own
        time zone) or ISO 8601 text; amounts are numbers in any one currency.
    income : frame, default=None
        Columns `customer`, ``"income"`` and optionally `date`, named as above. With dates, an
        income belongs to the period that holds its date; without, it is the income of one year.
        By default income is what flows in: the amounts of the categories in which more money comes
        in than goes out.
    customers : sequence, default=None
        All customers in the order wanted, those without a transaction included, so that labels `y`
        line up. By default the customers of `frame`, sorted.
    cutoff : date, or Series or dict from customer to date, default=None
        The last day that counts. What lies after it is left out (``n_after_cutoff`` says how many
        transactions), and periods are counted back from it, so that nothing leaks past, say, the
        day before a loan. By default the last day of the last calendar month in `frame`.
    outflow : {"positive", "negative"}, default="positive"
        The sign of money spent. The other sign is a refund in a category of spending, and income
        in a category of income.

    Attributes
    ----------
    customers : ndarray, shape (n_customers,)
        Identifiers, one per sample.
    categories : ndarray of str
        The categories of spending, sorted. They stay whole when customers are selected.
    income_categories : ndarray of str
        The categories in which more money comes in than goes out.
    span : tuple of numpy.datetime64
        First and last day that count, over all customers. Stays whole under selection.
    shape : tuple
        ``(n_customers,)``.
    n_after_cutoff : int
        Transactions left out because they lie after the cutoff.

    Raises
    ------
    TypeError
        If `frame` is no eager frame, or dates are numbers.
    ValueError
        If a column is missing, or holds missing, unreadable or infinite values (the message gives
        column, count, first row and remedy), or `customers` repeats or omits a customer.

    Notes
    -----
    ``log[3]``, ``log[2:5]``, ``log[mask]`` and ``log[[4, 4, 0]]`` are logs of those customers,
    repeats allowed. Categories and span are kept: what a fold happens not to hold is still known.

    References
    ----------
    Maree & Omlin (2021), section III-A.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "customer": ["ann", "bob", "ann"],
    ...     "date": ["2023-01-31", "2023-02-01", "2024-03-05"],
    ...     "category": ["groceries", "travel", "travel"],
    ...     "amount": [20.0, 300.0, 80.0],
    ... })
    >>> log = TransactionLog(frame)
    >>> log
    TransactionLog(2 customers, 3 transactions, 2 categories, 2023-01-31 to 2024-03-31)
    >>> log[[1]].to_frame()
      customer       date category  amount
    0      bob 2023-02-01   travel   300.0
    """

    def __init__(
        self,
        frame,
        *,
        customer="customer",
        date="date",
        category="category",
        amount="amount",
        income=None,
        customers=None,
        cutoff=None,
        outflow="positive",
    ):
        if outflow not in ("positive", "negative"):
            raise ValueError(f"outflow must be 'positive' or 'negative', got {outflow!r}.")
        names = {"customer": customer, "date": date, "category": category, "amount": amount}
        table = read_columns(frame, names, "frame")
        if not len(table["customer"]):
            raise ValueError("frame holds no transactions. Check the file or the filter behind it.")
        codes, self.customers = customer_codes(table["customer"], customer, customers)
        days = days_since_1970(table["date"], date)
        category, all_categories = category_codes(table["category"], category)
        amounts = finite_amounts(table["amount"], amount)
        if outflow == "negative":
            amounts = -amounts
        self.is_polars = nw.dependencies.is_polars_dataframe(frame)
        self.shape = (len(self.customers),)
        rows = _Rows(
            codes, len(self.customers), {"day": days, "category": category, "amount": amounts}
        )
        self._set_ends(cutoff, days)
        self._rows = self._until_cutoff(rows)
        everybody = np.bincount(rows.customer, minlength=len(self))
        self._n_after_cutoff = everybody - np.bincount(self._rows.customer, minlength=len(self))
        codes, amounts = self._rows["category"], self._rows["amount"]
        net = np.bincount(codes, weights=amounts, minlength=len(all_categories))
        self._set_categories(codes, all_categories, is_income=net < 0)
        self._incomes = None if income is None else self._read_income(income, customer, date)

    def _set_ends(self, cutoff, days):
        """Set the last day that counts: one per customer, in days since 1970."""
        if cutoff is None:
            last_month = days.max().astype("M8[D]").astype("M8[M]")
            ends = np.full(len(self), _month_end(last_month))
        elif isinstance(cutoff, (pd.Series, dict)):
            given = pd.Series(cutoff)
            remedy = "Give one date for each"
            refuse(given.index.duplicated(), "cutoff", "repeated customer", remedy)
            given = given.reindex(self.customers)
            refuse(given.isna().to_numpy(), "cutoff", "no date for a customer", remedy)
            ends = days_since_1970(given, "cutoff")
        else:
            ends = np.repeat(days_since_1970(pd.Series([cutoff]), "cutoff"), len(self))
        self._ends = ends.astype("M8[D]").astype(np.int32)
        if len(self) and days.min() > self._ends.max():
            raise ValueError(
                f"All {len(days)} transactions lie after the cutoff; the first is of "
                f"{days.min().astype('M8[D]')}. Check the cutoff and the dates."
            )
        self.span = days.min().astype("M8[D]"), self._ends.max().astype("M8[D]")

    def _until_cutoff(self, rows):
        counts = rows["day"] <= self._ends[rows.customer]
        return rows if counts.all() else rows.select(counts)

    def _set_categories(self, codes, all_categories, is_income):
        """Number the categories of spending 0 ... n - 1 and those of income -1 ... -n."""
        self.categories = all_categories[~is_income]
        self.income_categories = all_categories[is_income]
        position = np.where(is_income, -np.cumsum(is_income), np.cumsum(~is_income) - 1).astype(
            np.int32
        )
        self._rows.columns["category"] = position[codes]

    def with_roles(self, spending, income):
        """Count these categories as spending and as income, whatever comes in and goes out here."""
        names = np.concatenate([self.categories, self.income_categories[::-1]])
        was_income = np.arange(len(names)) >= len(self.categories)
        is_income = np.isin(names, income) | (was_income & ~np.isin(names, spending))
        if (is_income == was_income).all():
            return self
        order = np.argsort(names)
        codes = np.argsort(order)[self._rows["category"]]
        log = copy.copy(self)
        log._rows = self._rows.select(slice(None))
        log._set_categories(codes, names[order], is_income[order])
        return log

    def _read_income(self, income, customer, date):
        names = {"customer": customer, "income": "income"}
        table = read_columns(income, names | {"date": date}, "income", optional={"date"})
        has_dates = "date" in table
        codes = known_customer_codes(table["customer"], customer, self.customers)
        # An income table often covers more customers than the log: theirs is not asked for.
        known = codes >= 0
        columns = {"amount": finite_amounts(table["income"], "income")[known]}
        if has_dates:
            columns["day"] = days_since_1970(table["date"], date)[known]
        rows = _Rows(codes[known], len(self), columns)
        return self._until_cutoff(rows) if has_dates else rows

    @property
    def n_after_cutoff(self):
        return int(self._n_after_cutoff.sum())

    def __len__(self):
        return self.shape[0]

    @property
    def n_transactions(self):
        """Number of transactions that count."""
        return len(self._rows)

    def __getitem__(self, key):
        positions = np.atleast_1d(np.arange(len(self))[key])
        selected = copy.copy(self)
        selected.customers = self.customers[positions]
        selected.shape = (len(positions),)
        selected._ends = self._ends[positions]
        selected._n_after_cutoff = self._n_after_cutoff[positions]
        selected._rows = self._rows.take(positions)
        if self._incomes is not None:
            selected._incomes = self._incomes.take(positions)
        return selected

    def __eq__(self, other):
        if not isinstance(other, TransactionLog):
            return NotImplemented
        everyone = np.arange(len(self))
        return (
            np.array_equal(self.customers, other.customers)
            and np.array_equal(self.categories, other.categories)
            and np.array_equal(self.income_categories, other.income_categories)
            and np.array_equal(self._ends, other._ends)
            and _same_rows(self._rows.take(everyone), other._rows.take(everyone))
            and (self._incomes is None) == (other._incomes is None)
            and (
                self._incomes is None
                or _same_rows(self._incomes.take(everyone), other._incomes.take(everyone))
            )
        )

    __hash__ = None

    def __repr__(self):
        first, last = self.span
        return (
            f"TransactionLog({len(self):,} customers, {len(self._rows):,} transactions, "
            f"{len(self.categories):,} categories, {first} to {last})"
        )

    def to_frame(self):
        """Return the transactions as a pandas frame, customer by customer.

        Returns
        -------
        frame : pandas.DataFrame
            Columns customer, date, category and amount, money spent being positive.
        """
        rows = self._rows.take(np.arange(len(self)))
        # Income categories are numbered -1, -2, ...: they index the reversed tail.
        names = np.concatenate([self.categories, self.income_categories[::-1]])
        return pd.DataFrame(
            {
                "customer": self.customers[rows.customer],
                "date": rows["day"].astype("M8[D]").astype("M8[s]"),
                "category": names[rows["category"]],
                "amount": rows["amount"],
            }
        )

    def sum_spending(self, n_months, n_periods):
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
        >>> frame = pd.DataFrame({"customer": [1, 1], "date": ["2024-02-05", "2024-03-05"],
        ...                       "category": ["pets", "pets"], "amount": [1.0, 2.0]})
        >>> TransactionLog(frame).sum_spending(1, 2).tolist()
        [[[1.0], [2.0]]]
        """
        rows = self._rows
        period = self._periods(rows, n_months, n_periods)
        counts = (period >= 0) & (rows["category"] >= 0)
        n_categories = len(self.categories)
        cell = (rows.customer.astype(np.int64) * n_periods + period) * n_categories
        cell += rows["category"]
        n_cells = len(self) * n_periods * n_categories
        cell, amounts = cell[counts], rows["amount"][counts]
        total = _sum_by_cell(amounts, cell, n_cells)
        if (amounts < 0).any():
            turnover = _sum_by_cell(np.abs(amounts), cell, n_cells)
            total[np.abs(total) <= ROUNDING * turnover] = 0
        return total.reshape(len(self), n_periods, n_categories)

    def sum_income(self, n_months, n_periods):
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
        if self._incomes is None:
            rows = self._rows.select(self._rows["category"] < 0)
            inflow = -rows["amount"]
        else:
            rows = self._incomes
            inflow = rows["amount"]
            if "day" not in rows.columns:
                yearly = _sum_by_cell(inflow, rows.customer, len(self))
                return np.repeat(yearly[:, None] * n_months / 12, n_periods, axis=1)
        period = self._periods(rows, n_months, n_periods)
        cell = rows.customer.astype(np.int64) * n_periods + period
        total = _sum_by_cell(inflow[period >= 0], cell[period >= 0], len(self) * n_periods)
        return total.reshape(len(self), n_periods)

    def count_transactions(self, n_months, n_periods):
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
        before = (period < 0) & (rows["category"] >= 0)
        counts = (period >= 0) & (rows["category"] >= 0) & (rows["amount"] != 0)
        cell = rows.customer.astype(np.int64) * n_periods + period
        total = np.bincount(cell[counts], minlength=len(self) * n_periods)
        return total.reshape(len(self), n_periods), before.sum(), rows["amount"][before].sum()

    def _periods(self, rows, n_months, n_periods):
        """Number the period of every row, -1 for rows before the first."""
        edges = self.period_edges(n_months, n_periods)
        if len(edges) == 1:
            return np.searchsorted(edges[0], rows["day"], side="right") - 1
        period = np.full(len(rows), -1)
        for edge in edges.T[:-1]:
            period += rows["day"] >= edge[rows.customer]
        return period

    def period_edges(self, n_months, n_periods):
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
        >>> frame = pd.DataFrame({"customer": [1], "date": ["2024-03-05"], "category": ["pets"],
        ...                       "amount": [1.0]})
        >>> TransactionLog(frame).period_edges(1, 2).astype("M8[D]").astype(str).tolist()
        [['2024-02-01', '2024-03-01', '2024-04-01']]
        """
        ends = self._ends
        if not len(ends) or (ends == ends[0]).all():
            ends = ends[:1] if len(ends) else self.span[1].astype("M8[D]").astype(np.int32)[None]
        after = (ends.astype(np.int64) + 1).astype("M8[D]")[:, None]
        back = np.arange(n_periods, -1, -1) * n_months
        month = after.astype("M8[M]") - back
        day_of_month = (after - after.astype("M8[M]")).astype(np.int64)
        # A month without a 31st ends early rather than spilling into the next.
        edges = np.minimum(month.astype("M8[D]") + day_of_month, _month_end(month))
        return edges.astype(np.int64)


def _sum_by_cell(values, cell, n_cells):
    # Of no values at all, bincount makes integers.
    return np.bincount(cell, weights=values, minlength=n_cells).astype(np.float64, copy=False)


def _month_end(month):
    return (month + 1).astype("M8[D]") - 1


def _same_rows(a, b):
    return (
        np.array_equal(a.customer, b.customer)
        and a.columns.keys() == b.columns.keys()
        and all(np.array_equal(a[name], b[name]) for name in a.columns)
    )
