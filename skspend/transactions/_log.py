"""TransactionLog: who spent what, when.

A long table of transactions comes in; out goes a collection with one item per customer, which
every scikit-learn splitter, search and pipeline can index, however many transactions each customer
has. The data behind section III-A of Maree & Omlin (2021).
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd

from .._utils._errors import refuse
from ._columns import Screen, days_since_1970, known_customer_codes, read_amounts
from ._engines import fetch_columns, is_polars
from ._files import TransactionFiles
from ._periods import month_end, month_number
from ._reader import NothingLeft, Reader
from ._rows import ROUNDING, Rows, sum_by_cell
from ._sums import RESOLUTIONS, PeriodSums

if TYPE_CHECKING:
    import pyarrow.dataset
    from narwhals.typing import IntoFrame
    from numpy.typing import ArrayLike, NDArray

    from .._utils._typing import Cutoff, FilePath, Names, Resolution, Selection

AFTER_CUTOFF = "after the cutoff"


class TransactionLog(PeriodSums):
    """Transactions as a collection of customers, one sample each.

    Parameters
    ----------
    frame : frame of pandas, polars, pyarrow, DuckDB, Dask or PySpark
        One row per transaction. What is not in memory (polars lazy frames, DuckDB relations, Dask
        and PySpark frames) is grouped by its own engine, and only the sums by customer, day or
        `resolution`, and category are collected; a pyarrow dataset is read as by :meth:`scan`.
    customer, date, category, amount : str
        Names of the four columns. Dates may be dates, timestamps (the day counts, in their own
        time zone; a Spark timestamp has that of the session) or ISO 8601 text, from 1900 to 2100;
        amounts are numbers in any one currency. Integers (such as cents) and decimals are added up
        exactly.
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
    resolution : {"day", "month", "quarter", "half", "year"}, default="day"
        What transactions are merged into: those of one customer and category on a day, or in so
        many whole months, counted back from the last day. Periods that are no multiple of it
        cannot be told afterwards; in exchange, memory is needed for these sums alone. A frame in
        memory keeps its transactions at ``"day"``.
    errors : {"raise", "drop"}, default="raise"
        Whether a row that cannot be read raises an error, or is dropped and counted in
        ``quality_``. The customers and categories of dropped rows stay known.

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
    quality_ : pandas.DataFrame
        What was left out: transactions and amount, by reason.

    Raises
    ------
    TypeError
        If `frame` is no frame, or dates are numbers.
    ValueError
        If a column is missing, or holds missing, unreadable, implausible or infinite values and
        ``errors="raise"`` (the message gives column, count, first row and remedy; an engine that
        has grouped its rows knows no first one), if `customers` repeats a customer, or if nothing
        is left.

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

    customers: NDArray[Any]
    categories: Names
    income_categories: Names
    span: tuple[np.datetime64, np.datetime64]
    shape: tuple[int]
    resolution: Resolution
    is_polars: bool

    def __init__(
        self,
        frame: IntoFrame | pyarrow.dataset.Dataset | TransactionFiles,
        *,
        customer: str = "customer",
        date: str = "date",
        category: str = "category",
        amount: str = "amount",
        income: IntoFrame | None = None,
        customers: ArrayLike | None = None,
        cutoff: Cutoff = None,
        outflow: Literal["positive", "negative"] = "positive",
        resolution: Resolution = "day",
        errors: Literal["raise", "drop"] = "raise",
    ) -> None:
        _check_choice("outflow", outflow, ("positive", "negative"))
        _check_choice("resolution", resolution, RESOLUTIONS)
        _check_choice("errors", errors, ("raise", "drop"))
        self.resolution = resolution
        self.is_polars = is_polars(frame)
        names = {"customer": customer, "date": date, "category": category, "amount": amount}
        reader = Reader(
            names,
            customers=customers,
            n_months=RESOLUTIONS[resolution],
            last_month=_month_of(cutoff),
            is_outflow_negative=outflow == "negative",
            errors=errors,
        )
        found = reader.read(frame)
        self.customers, self._unit, self._dropped = found.customers, found.unit, found.dropped
        self.shape = (len(self.customers),)
        self._set_ends(cutoff, found.first_day, found.last_day)
        self._rows = self._until_cutoff(found.rows)
        self._count_after_cutoff(found.rows)
        is_income = self._flows_in(found.categories)
        self._set_categories(self._rows["category"], found.categories, is_income)
        self._incomes = None if income is None else self._read_income(income, customer, date)

    @classmethod
    def scan(
        cls,
        path: FilePath,
        *,
        customer: str = "customer",
        date: str = "date",
        category: str = "category",
        amount: str = "amount",
        **options: Any,
    ) -> TransactionLog:
        """Read Parquet or CSV files that need not fit into memory.

        Files are read piece by piece, and transactions of one customer and category are merged, on
        the same day or within `resolution`: memory is needed for these sums alone, so choose the
        coarsest that will do.

        Parameters
        ----------
        path : str or path
            A file, or a pattern such as ``"bank/*.parquet"``.
        customer, date, category, amount : str
            Names of the four columns. Those of CSV files are read as text, so 007 stays 007.
        **options
            As for :class:`TransactionLog`.

        Returns
        -------
        log : TransactionLog

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If a file is neither Parquet nor CSV, or as for the log itself. The message names the
            file, and the line where a line is to blame.

        Examples
        --------
        >>> import tempfile
        >>> frame = pd.DataFrame({"customer": ["007", "007"], "date": ["2024-02-05", "2024-03-05"],
        ...                       "category": ["pets", "pets"], "amount": [1.0, 2.0]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     frame.to_csv(f"{folder}/2024.csv", index=False)
        ...     TransactionLog.scan(f"{folder}/*.csv", resolution="month")
        TransactionLog(1 customers, 2 transactions, 1 categories, 2024-02-05 to 2024-03-31)
        """
        names: dict[str, Any]
        names = {"customer": customer, "date": date, "category": category, "amount": amount}
        files = TransactionFiles(path, names, options.get("errors", "raise"))
        return cls(files, **names, **options)

    def _set_ends(self, cutoff, first, last):
        """Set the last day that counts: one per customer, in days since 1970."""
        if cutoff is None:
            ends = np.full(len(self), month_end(last.astype("M8[M]")))
        elif isinstance(cutoff, (pd.Series, dict)):
            given = pd.Series(cutoff)
            remedy = "Give one date for each"
            refuse(given.index.duplicated(), "cutoff", "repeated customer", remedy)
            given = given.reindex(self.customers)
            refuse(given.isna().to_numpy(), "cutoff", "no date for a customer", remedy)
            ends = days_since_1970(given, "cutoff")
        else:
            ends = np.repeat(days_since_1970(pd.Series([cutoff]), "cutoff"), len(self))
        ends = ends.astype("M8[D]")
        self._ends = ends.astype(np.int32)
        if self.resolution != "day" and len(ends):
            last_month = ends.max().astype("M8[M]")
            if (ends != month_end(last_month)).any():
                raise ValueError(
                    f"resolution={self.resolution!r} counts whole months back from one last day, "
                    f"and cutoff= gives days within a month or one per customer. Pass "
                    f"resolution='day'."
                )
        if len(self) and first > ends.max():
            raise NothingLeft(
                f"All transactions lie after the cutoff; the first is of {first}. Check the cutoff "
                f"and the dates.",
                self.customers,
            )
        self.span = first, ends.max()

    def _until_cutoff(self, rows):
        if not len(rows) or rows["day"].max() <= self._ends.min():
            return rows
        counts = rows["day"] <= self._ends[rows.customer]
        return rows if counts.all() else rows.select(counts)

    def _count_after_cutoff(self, rows):
        """Say by customer how many of the rows no longer count, and what they add up to."""
        if rows is self._rows:
            self._n_after_cutoff = np.zeros(len(self), dtype=np.int64)
            self._amount_after_cutoff = np.zeros(len(self))
            return
        after = rows.select(rows["day"] > self._ends[rows.customer])
        n = np.bincount(after.customer, after.columns.get("transactions"), len(self))
        self._n_after_cutoff = n.astype(np.int64)
        total = sum_by_cell(after["amount"], after.customer, len(self))
        self._amount_after_cutoff = total / self._unit

    def _flows_in(self, categories):
        """In which categories more money comes in than goes out."""
        rows = self._rows
        if rows["amount"].min(initial=0) >= 0:
            return np.zeros(len(categories), dtype=bool)
        net = sum_by_cell(rows["amount"], rows["category"], len(categories))
        refunds = sum_by_cell(rows.refunds, rows["category"], len(categories))
        return net < -ROUNDING * (net - 2 * refunds)

    def _set_categories(self, codes, all_categories, is_income):
        """Number the categories of spending 0 ... n - 1 and those of income -1 ... -n."""
        self.categories = all_categories[~is_income]
        self.income_categories = all_categories[is_income]
        if is_income.any():
            position = np.where(is_income, -np.cumsum(is_income), np.cumsum(~is_income) - 1)
            codes = position.astype(codes.dtype)[codes]
        self._rows.columns["category"] = codes

    def _read_income(self, income, customer, date):
        names = {"customer": customer, "income": "income", "date": date}
        table = fetch_columns(income, names, "income", optional={"date"})
        has_dates = "date" in table
        codes = known_customer_codes(table["customer"], customer, self.customers)
        # An income table often covers more customers than the log: theirs is not asked for.
        known = codes >= 0
        amounts, unit = read_amounts(table["income"], "income", Screen("raise", len(codes)))
        columns = {"amount": amounts[known] / unit}
        if has_dates:
            columns["day"] = days_since_1970(table["date"], date)[known]
        rows = Rows(codes[known], len(self), columns)
        return self._until_cutoff(rows) if has_dates else rows

    @property
    def n_after_cutoff(self) -> int:
        return int(self._n_after_cutoff.sum())

    @property
    def quality_(self) -> pd.DataFrame:
        """What was left out, also before customers were selected, but for the cutoff."""
        left_out = self._dropped | {
            AFTER_CUTOFF: (self.n_after_cutoff, float(self._amount_after_cutoff.sum()))
        }
        return pd.DataFrame.from_dict(left_out, orient="index", columns=["transactions", "amount"])

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def n_transactions(self) -> int:
        """Number of transactions that count."""
        return self._rows.n_transactions

    def __getitem__(self, key: Selection) -> TransactionLog:
        positions = np.atleast_1d(np.arange(len(self))[key])
        selected = copy.copy(self)
        selected.customers = self.customers[positions]
        selected.shape = (len(positions),)
        selected._ends = self._ends[positions]
        selected._n_after_cutoff = self._n_after_cutoff[positions]
        selected._amount_after_cutoff = self._amount_after_cutoff[positions]
        selected._rows = self._rows.take(positions)
        if self._incomes is not None:
            selected._incomes = self._incomes.take(positions)
        return selected

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TransactionLog):
            return NotImplemented
        everyone = np.arange(len(self))
        return (
            np.array_equal(self.customers, other.customers)
            and np.array_equal(self.categories, other.categories)
            and np.array_equal(self.income_categories, other.income_categories)
            and np.array_equal(self._ends, other._ends)
            and self.to_frame().equals(other.to_frame())
            and (self._incomes is None) == (other._incomes is None)
            and (
                self._incomes is None
                or self._incomes.take(everyone) == other._incomes.take(everyone)
            )
        )

    __hash__: ClassVar[None]  # type: ignore[assignment] # as Python has it for what is not hashable

    def __repr__(self) -> str:
        first, last = self.span
        return (
            f"TransactionLog({len(self):,} customers, {self.n_transactions:,} transactions, "
            f"{len(self.categories):,} categories, {first} to {last})"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the transactions as a pandas frame, customer by customer.

        Returns
        -------
        frame : pandas.DataFrame
            Columns customer, date, category and amount, money spent being positive. Transactions
            that were merged are one row, at the first day of what they were merged into.
        """
        rows = self._rows.take(np.arange(len(self)))
        # Income categories are numbered -1, -2, ...: they index the reversed tail.
        names = np.concatenate([self.categories, self.income_categories[::-1]])
        return pd.DataFrame(
            {
                "customer": self.customers[rows.customer],
                "date": rows["day"].astype("M8[D]").astype("M8[s]"),
                "category": names[rows["category"]],
                "amount": rows["amount"] / self._unit,
            }
        )


def with_income(log: TransactionLog, income: Names) -> TransactionLog:
    """Count these categories as income and all others as spending, whatever flows in here.

    Then a category counts the same whoever else is in the log.
    """
    names = np.concatenate([log.categories, log.income_categories[::-1]])
    was_income = np.arange(len(names)) >= len(log.categories)
    is_income = np.isin(names, income)
    if (is_income == was_income).all():
        return log
    order = np.argsort(names)
    codes = np.argsort(order)[log._rows["category"]]
    found = copy.copy(log)
    found._rows = log._rows.select(slice(None))
    found._set_categories(codes.astype(np.int32), names[order], is_income[order])
    return found


def _check_choice(parameter, value, choices):
    if value not in choices:
        *most, last = map(repr, choices)
        raise ValueError(f"{parameter} must be {', '.join(most)} or {last}, got {value!r}.")


def _month_of(cutoff):
    """Months from 1970 to the month of a cutoff that all customers share; None without."""
    if cutoff is None or isinstance(cutoff, (pd.Series, dict)):
        return None
    return int(month_number(days_since_1970(pd.Series([cutoff]), "cutoff").astype("M8[D]"))[0])
