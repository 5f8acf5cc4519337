"""TransactionLog: a long table of transactions as a collection with one item per customer."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn

import numpy as np
import pandas as pd

from .._utils._errors import check_choice
from .._utils._text import count
from ._dialect import check_options
from ._engines import is_polars
from ._files import TransactionFiles
from ._html import write_tables
from ._incomes import read_income_table
from ._ledger import find_positions, open_ledger
from ._memory import MemoryLimit
from ._merchants import name_codes
from ._moments import check_statistics, moments_of
from ._names import ROLES
from ._periods import RESOLUTIONS, last_days, shared_last_month
from ._quality import FILE_REASONS, REASONS, tabulate_left_out
from ._reader import Reader

if TYPE_CHECKING:
    import pyarrow.dataset
    from narwhals.typing import IntoFrame
    from numpy.typing import ArrayLike, NDArray

    from .._utils._typing import Cutoff, FilePath, Floats, Integers, Names, Resolution, Selection
    from ._dialect import DateFormat, Dialect, Separator


class TransactionLog:
    """Transactions as a collection of customers, one sample each.

    Parameters
    ----------
    frame : frame of pandas, polars, pyarrow, DuckDB, Dask or PySpark
        One row per transaction. A polars lazy frame, DuckDB relation, Dask or PySpark frame is
        grouped by its own engine, and only the sums by customer, day or `resolution`, and category
        are collected. A pyarrow dataset is read piece by piece. :meth:`scan` reads files.
    customer, date, category, amount : str
        Names of the four columns. Dates may be dates, timestamps (the day on their own clock
        counts, see Notes) or ISO 8601 text, from 1900 to 2100; amounts are numbers in any one
        currency. Integers (such as cents) and decimals are added up exactly.
    income : frame, default=None
        Columns `customer`, ``"income"`` and optionally `date`, named as above. With dates, an
        income belongs to the period of its date; without, it is that of one year, in one row per
        customer. By default income is the amounts of ``income_categories``.
    customers : sequence, default=None
        All customers in the order wanted, including those without a transaction, so that labels
        `y` line up. By default the customers of `frame`, sorted.
    cutoff : date, or Series or dict from customer to date, default=None
        The last day that counts, from which periods are counted back. Later transactions are left
        out and counted in ``quality_``. By default the last day of the last month in `frame`.
    outflow : {"positive", "negative"}, default="positive"
        The sign of money spent. The other sign is a refund in a category of spending, and income
        in a category of income.
    resolution : {"day", "month", "quarter", "half", "year"}, default="day"
        Transactions of one customer and category are merged if they are on the same day (unless
        the frame is in memory), or within so many whole months, counted back from the last day.
        Then periods must be multiples of it, and memory is needed for these sums alone.
    mcc : bool, default=False
        Whether categories are merchant category codes, which get the names of
        :func:`~skspend.categories.mcc_to_category`.
    statistics : sequence of str, default=()
        Statistics of :class:`SpendingAggregator` that merged transactions are to know.
    balance : str, default=None
        Name of a column with the customer's balance after the transaction; no row may lack it. The
        lowest of a day is that of the day: transactions of a day have no known order.
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
    inflow_categories : ndarray of str
        All categories in which any money comes in, sorted.
    span : tuple of numpy.datetime64
        First and last day that count, over all customers. Stays whole under selection.
    is_polars : bool
        Whether `frame` belongs to polars; then the panel does, too.
    dialect : Dialect or None
        How :meth:`scan` read files: columns by role, separator, encoding, decimal, date_format.

    Raises
    ------
    TypeError
        If `frame` is no frame, or dates are numbers; if a log is passed where an array is needed.
    ValueError
        If a column is missing, or holds values that cannot be read and ``errors="raise"`` (the
        message gives column, count, remedy and, unless an engine has grouped the rows, the first
        row), if `customers`, or `income` without dates, repeats a customer, or nothing is left.

    Notes
    -----
    ``log[3]``, ``log[2:5]``, ``log[mask]`` and ``log[[4, 4, 0]]`` are logs of those customers,
    repeats allowed. Categories and span are kept, so that a fold knows the categories that its
    customers do not use. A mask that is a pandas Series must have ``log.customers`` as its index.

    A time belongs to the day on its own clock: its time zone, its UTC offset, or as it is written.
    A Spark timestamp has the session's time zone. DuckDB's TIMESTAMP WITH TIME ZONE is refused.

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
    >>> log[[1]].sum_spending(n_months=12, n_periods=2).tolist()
    [[[0.0, 300.0], [0.0, 0.0]]]
    """

    customers: NDArray[Any]
    categories: Names
    income_categories: Names
    inflow_categories: Names
    span: tuple[np.datetime64, np.datetime64]
    shape: tuple[int]
    resolution: Resolution
    is_polars: bool
    dialect: Dialect | None

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
        mcc: bool = False,
        statistics: Collection[str] = (),
        balance: str | None = None,
        errors: Literal["raise", "drop"] = "raise",
    ) -> None:
        check_choice("outflow", outflow, ("positive", "negative"))
        check_statistics(statistics)
        check_choice("resolution", resolution, RESOLUTIONS)
        check_choice("errors", errors, ("raise", "drop"))
        self.resolution = resolution
        self.is_polars = is_polars(frame)
        reader = Reader(
            {"customer": customer, "date": date, "category": category, "amount": amount},
            customers=customers,
            n_months=RESOLUTIONS[resolution],
            last_month=shared_last_month(cutoff),
            is_outflow_negative=outflow == "negative",
            errors=errors,
            moments=moments_of(statistics),
            balance=balance,
        )
        found = reader.read(frame)
        if mcc:
            name_codes(found)
        self._reasons = FILE_REASONS if isinstance(frame, TransactionFiles) else REASONS
        self.dialect = frame.dialect if isinstance(frame, TransactionFiles) else None
        self.customers = found.customers
        self.shape = (len(self.customers),)
        ends = last_days(cutoff, self.customers, found.first_day, found.last_day, resolution)
        self.span = found.first_day, ends.max().astype("M8[D]")
        if income is not None:
            found.incomes = read_income_table(income, customer, date, self.customers)
        self._ledger = open_ledger(found, ends, resolution)
        self.categories = found.categories[~self._ledger.is_income]
        self.income_categories = found.categories[self._ledger.is_income]
        self.inflow_categories = found.categories[self._ledger.has_inflow]

    @classmethod
    def scan(
        cls,
        path: FilePath,
        *,
        customer: str | None = None,
        date: str | None = None,
        category: str | None = None,
        amount: str | None = None,
        income: str | IntoFrame | None = None,
        separator: Separator | None = None,
        decimal: Literal[".", ","] | None = None,
        encoding: str | None = None,
        date_format: DateFormat | None = None,
        errors: Literal["raise", "drop"] = "raise",
        memory_limit: float | None = None,
        **options: Any,
    ) -> TransactionLog:
        """Read files, which need not fit into memory, piece by piece.

        Parameters
        ----------
        path : str or path
            A file, a folder, or a pattern such as ``"bank/*.parquet"``. Text (``.csv``, ``.tsv``,
            ``.txt``; packed as ``.gz``, ``.zst`` or ``.zip``), Parquet, Arrow (``.arrow``,
            ``.feather``), or Excel (``.xlsx``, which needs openpyxl and fits into memory).
        customer, date, category, amount : str, default=None
            Names of the four columns. By default a column of that name, or else the one with a
            usual name in one of eight European languages. Customers in text are integers if all are
            written as such; 007 is not.
        income : str or frame, default=None
            A column with the yearly income of the customer, the same in all of their rows that
            have one; or a frame as for :class:`TransactionLog`.
        separator, decimal, encoding, date_format : str, default=None
            How text is written. By default this is found, and `dialect` has it. Every row is
            checked.
        memory_limit : float, default=None
            Largest memory in bytes, such as 4e9, that this process may hold while it reads. It
            keeps sums by `resolution`: a coarser one needs less.
        errors, **options
            As for :class:`TransactionLog`. A row with an unreadable income loses only its income.

        Raises
        ------
        MemoryError
            If `memory_limit` is too low, before more memory is taken.
        FileNotFoundError
            If there is no such file.
        ValueError
            If a file cannot be read (the message names the file and, where possible, the line) or
            can be read in two ways (03/04/2021 or 1.234 throughout), if a row is not written like
            the others, if a customer has different incomes, or as for :class:`TransactionLog`.

        Notes
        -----
        Text is UTF-8, UTF-16 with a byte order mark, or else Windows-1252. Dates are ISO 8601,
        dd.mm.yyyy, dd/mm/yyyy, mm/dd/yyyy, dd-mm-yyyy, mm-dd-yyyy, yyyymmdd, or seconds (epoch) or
        milliseconds (epoch-ms) since 1970, in UTC.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> text = "kontonr;dato;kategori;beløp\\n007;05.02.2024;mat;1,5\\n007;13.03.2024;mat;2,0"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = pathlib.Path(folder, "2024.csv").write_text(text, encoding="utf-8")
        ...     log = TransactionLog.scan(f"{folder}/*.csv", resolution="month")
        >>> log.dialect.decimal, log.dialect.date_format, log.dialect.columns["customer"]
        (',', 'dd.mm.yyyy', 'kontonr')
        """
        names: dict[str, Any] = dict(zip(ROLES, (customer, date, category, amount), strict=True))
        if isinstance(income, str):
            names["income"], income = income, None
        if options.get("balance") is not None:
            names["balance"] = options["balance"]
        given = check_options(separator, decimal, encoding, date_format)
        files = TransactionFiles(path, names, errors, given, MemoryLimit(memory_limit))
        options |= {role: files.names[role] for role in ROLES}
        return cls(files, income=income, errors=errors, **options)

    @property
    def quality_(self) -> pd.DataFrame:
        """What was left out: a frame of transactions and amount, by reason.

        A selection of customers counts their rows alone, without those of no known customer.
        """
        return tabulate_left_out(self._ledger.left_out, self._reasons)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def n_transactions(self) -> int:
        """Number of transactions that count."""
        return int(self._ledger.rows.transactions.sum())

    @property
    def mean_amount(self) -> float:
        """Mean size of a transaction in currency units."""
        return self._ledger.turnover() / max(1, self.n_transactions)

    def __getitem__(self, key: Selection) -> TransactionLog:
        positions = find_positions(key, self.customers)
        selected = copy.copy(self)
        selected.customers = self.customers[positions]
        selected.shape = (len(positions),)
        selected._ledger = self._ledger.take(positions)
        return selected

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise TypeError(
            "A TransactionLog is no array. Aggregate it first, as by "
            "SpendingAggregator(period='year').fit_transform(log)."
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TransactionLog):
            return NotImplemented
        labels = [(log.customers, log.categories, log.income_categories) for log in (self, other)]
        return all(map(np.array_equal, *labels)) and self._ledger == other._ledger

    __hash__: ClassVar[None]  # type: ignore[assignment] # for Python, None means not hashable

    def __repr__(self) -> str:
        size = f"{count(len(self), 'customer')}, {count(self.n_transactions, 'transaction')}"
        size += f", {count(len(self.categories), 'category', 'categories')}"
        return f"TransactionLog({size}, {' to '.join(map(str, self.span))})"

    def _repr_html_(self) -> str:
        return write_tables(self)

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas frame of customer, date, category and amount, customer by customer.

        Money spent is positive. Merged transactions are one row, at the first day of their period.
        """
        return self._ledger.to_frame(self.customers, self._names())

    def with_sorted_amounts(self) -> TransactionLog:
        """Return the log with its rows in the order of amounts.

        Then no sum depends, in its last bits, on the order in which the rows were read.
        """
        found = copy.copy(self)
        found._ledger = self._ledger.sort_amounts()
        return found

    def sum_spending(self, n_months: int, n_periods: int) -> Floats:
        """Sum what each customer spent, shape (n_customers, n_periods, n_categories).

        In currency units, refunds subtracted. Periods of `n_months` months are counted back from
        each customer's last day; the oldest comes first.
        """
        return self._ledger.sum_spending(n_months, n_periods)

    def measure(
        self,
        statistics: Collection[str],
        flow: Literal["out", "in"],
        n_months: int,
        n_periods: int,
        columns: dict[str, int],
    ) -> list[Floats]:
        """Measure single transactions: an array (n_customers, n_periods, n_columns) by statistic.

        `columns` has the column of each category; others are left out. SpendingAggregator describes
        the statistics. One that merged transactions do not know is a ValueError.
        """
        place = np.array([columns.get(name, -1) for name in self._names()], dtype=np.int64)
        n_columns = max(columns.values(), default=-1) + 1
        return self._ledger.measure(statistics, flow, n_months, n_periods, place, n_columns)

    def measure_balances(self, n_months: int, n_periods: int) -> dict[str, Floats]:
        """Measure the balances of periods: arrays (n_customers, n_periods) by name."""
        return self._ledger.measure_balances(n_months, n_periods)

    def _names(self) -> Names:
        # Income categories are numbered -1, -2, ...: they index the reversed tail.
        return np.concatenate([self.categories, self.income_categories[::-1]])

    def sum_by_category(self) -> Floats:
        """Sum what all customers spent, shape (n_categories,), in currency units."""
        return self._ledger.sum_by_category()

    def sum_income(self, n_months: int, n_periods: int) -> Floats:
        """Sum each customer's income by period, shape (n_customers, n_periods), in currency units.

        Raises
        ------
        ValueError
            If no income was given and no category holds more inflow than outflow.
        """
        return self._ledger.sum_income(n_months, n_periods)

    def count_transactions(self, n_months: int, n_periods: int) -> tuple[Integers, int, float]:
        """Count the transactions of spending by period, shape (n_customers, n_periods).

        Return also how many lie before the first period, and their sum in currency units.
        """
        return self._ledger.count_transactions(n_months, n_periods)

    def count_customers(self, n_months: int, n_periods: int) -> Integers:
        """Count by category, shape (n_categories,), who spends anything on it in the periods."""
        return self._ledger.count_customers(n_months, n_periods)

    def period_edges(self, n_months: int, n_periods: int) -> Integers:
        """Return where periods begin and end, shape (n_customers or 1, n_periods + 1).

        In days since 1970, counted back from each customer's last day: period k holds the days from
        ``edges[:, k]`` to the day before ``edges[:, k + 1]``. One row if all customers share it.
        """
        return self._ledger.period_edges(n_months, n_periods)
