"""Transactions fetched from the frame or the engine that holds them.

A frame in memory gives its columns. A lazy frame (polars, DuckDB, Dask, Spark) is grouped by its
own engine, and only the cells are fetched: one row for each customer, day or month, and category.
Files and arrow datasets are read piece by piece.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from ._columns import FIRST_YEAR, LAST_YEAR, no_amounts, no_dates

if TYPE_CHECKING:
    from narwhals.typing import IntoFrame
    from pyarrow.dataset import Dataset

# Digits and spaces are spelt out: to some engines \d and \s are more than those of ASCII.
_HOUR, _SIXTY = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]"
ISO_TIME = (
    rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_HOUR}:{_SIXTY}(?::{_SIXTY}(?:\.[0-9]+)?)?"
    rf"(?:Z|[+-]{_HOUR}(?::?{_SIXTY})?)?$"
)
_NUMBERS = (
    r"(?:[0-9]{1,200}(?:\.[0-9]*)?|\.[0-9]+)(?:[eE](?:\+?[0-9]{1,2}|-[0-9]+))?",
    r"[0-9](?:\.[0-9]*)?[eE]\+?(?:[12]?[0-9]{1,2}|30[0-7])",
)
NUMBER = rf"^[ \t\r\n]*[+-]?(?:{'|'.join(_NUMBERS)})[ \t\r\n]*$"
"""Text that every engine reads as the same number."""
ROWS_AT_ONCE = 2**22
"""Rows of files that are held in memory."""
MOST_LISTED = 30
"""Columns that a message lists."""
DAYS_OF_A_MONTH = 32
"""Days are coded as month times 32 plus day of the month, which every engine can compute."""
FIRST_DAY = 12 * FIRST_YEAR * DAYS_OF_A_MONTH + 1
LAST_DAY = 12 * (LAST_YEAR + 1) * DAYS_OF_A_MONTH - 1


def fetch_columns(
    frame: IntoFrame, names: Mapping[str, str], what: str, optional: Collection[str] = ()
) -> dict[str, pd.Series]:
    """Fetch the named columns of any frame as pandas Series, or say which are missing.

    Parameters
    ----------
    frame : frame in memory, or lazy frame
        A lazy one is collected.
    names : dict from role to str
    what : str
        How to call the frame in messages.
    optional : set of str
        Roles that may be missing.

    Returns
    -------
    columns : dict from role to Series
    """
    frame = _as_narwhals(frame, what)
    found = _find_columns(frame, names, what, optional)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.select(*dict.fromkeys(found.values())).collect()
    return {role: _to_pandas(frame.get_column(name)) for role, name in found.items()}


def fetch_transactions(
    frame: IntoFrame,
    names: Mapping[str, str],
    n_months: int = 0,
    last_month: int | None = None,
) -> dict[str, Any]:
    """Fetch transactions, or cells of transactions if the frame is lazy.

    Parameters
    ----------
    frame : frame in memory, or lazy frame
    names : dict from role to str
        Names of the columns customer, date, category and amount.
    n_months : int, default=0
        Cells are of so many months; 0 means of a day.
    last_month : int, default=None
        Months since 1970 of the month from which cells are counted back; by default the last one
        in the frame.

    Returns
    -------
    columns : dict from str to Series
        ``"customer"``, ``"date"``, ``"category"`` and ``"amount"``. Cells have ``"day"``
        (datetime64) instead of a date that needs no reading, and besides ``"refunds"``,
        ``"transactions"``, and ``"unreadable"``, which holds text where amounts are none. Cells of
        months have the ``"first_day"`` and the ``"last_day"`` of what they hold, and come with
        ``"end"``, the month from which they are counted back.
    """
    frame = _as_narwhals(frame, "frame")
    if isinstance(frame, nw.DataFrame):
        return fetch_columns(frame, names, "frame")
    _find_columns(frame, names, "frame")
    return _fetch_cells(frame, names, n_months, last_month)


def is_polars(frame: object) -> bool:
    """Tell whether a frame, eager or lazy, is of polars."""
    return nw.dependencies.is_polars_dataframe(frame) or nw.dependencies.is_polars_lazyframe(frame)


def stream_tables(data: Dataset, names: Mapping[str, str]) -> Iterator[dict[str, pd.Series]]:
    """Fetch columns of an arrow dataset piece by piece.

    Parameters
    ----------
    data : pyarrow.dataset.Dataset
    names : dict from role to str

    Yields
    ------
    columns : dict from role to Series
        Of some millions of rows, in the order of the files.
    """
    check_columns(data.schema.names, names, "the dataset")
    columns = list(dict.fromkeys(names.values()))
    # Little is read ahead: reading is faster than what is done with it.
    scanner = data.scanner(columns, batch_size=ROWS_AT_ONCE // 8, batch_readahead=2,
                           fragment_readahead=1)  # fmt: skip
    batches, n_rows = [], 0
    for batch in scanner.to_batches():
        batches.append(batch)
        n_rows += len(batch)
        if n_rows >= ROWS_AT_ONCE:
            yield fetch_columns(pa.Table.from_batches(batches), names, "the dataset")
            batches, n_rows = [], 0
    if batches:
        yield fetch_columns(pa.Table.from_batches(batches), names, "the dataset")


def _as_narwhals(frame, what):
    try:
        return nw.from_native(frame)
    except TypeError as error:
        raise TypeError(
            f"{what} must be a frame of pandas, polars, pyarrow, DuckDB, Dask or Spark, got "
            f"{type(frame).__name__}."
        ) from error


def _find_columns(frame, names, what, optional=()):
    columns = frame.collect_schema().names()
    check_columns(columns, {role: names[role] for role in names if role not in optional}, what)
    return {role: name for role, name in names.items() if name in columns}


def check_columns(found: Iterable[str], names: Mapping[str, str], what: str) -> None:
    """Refuse a table that has not one column of each name."""
    found = list(found)
    missing = [f"{name!r} (keyword {role}=)" for role, name in names.items() if name not in found]
    if missing:
        listed = ", ".join(map(repr, found[:MOST_LISTED]))
        listed += f" and {len(found) - MOST_LISTED:,} more" if len(found) > MOST_LISTED else ""
        other = next((sign for sign in ";\t|" if len(found) == 1 and sign in found[0]), None)
        remedy = "Name the right ones by keyword."
        if other is not None:
            remedy = (
                f"Its fields seem to be divided by {other!r}: write it with commas between them."
            )
        raise ValueError(
            f"{what} has no column {', '.join(missing)}. Its columns are: {listed}. {remedy}"
        )
    for name in names.values():
        if found.count(name) > 1:
            raise ValueError(
                f"{what} has {found.count(name)} columns named {name!r}. Rename all but one."
            )


def _to_pandas(column):
    # Arrow keeps zoned times in UTC, where the day may be another than on the customer's clock.
    if column.dtype == nw.Datetime and column.dtype.time_zone:
        column = column.dt.replace_time_zone(None)
    native = column.to_native()
    if isinstance(native, pd.Series):
        return native
    # Without the detour by a Python object for each value.
    arrow = native if isinstance(native, pa.ChunkedArray) else column.to_arrow()
    if column.dtype == nw.Decimal or (column.dtype.is_integer() and arrow.null_count):
        # As floats, large identifiers would be rounded.
        return pd.Series(pd.arrays.ArrowExtensionArray(arrow))
    if column.dtype == nw.String:
        return pd.Series(pd.array(arrow, dtype=pd.StringDtype("pyarrow", na_value=np.nan)))
    return arrow.to_pandas(date_as_object=False)


def _fetch_cells(frame, names, n_months, last_month):
    """Group on the engine: by customer, day or months, category, and whether amounts are any."""
    schema = frame.collect_schema()
    types = {role: schema[name] for role, name in names.items()}
    columns = {role: nw.col(name) for role, name in names.items()}
    amount, unreadable = _number(columns["amount"], types["amount"], names["amount"])
    is_text = _is_text(types["date"])
    if is_text:
        day = _day_as_text(columns["date"].cast(nw.String))
    elif types["date"] in (nw.Date, nw.Datetime):
        day = _day_as_number(columns["date"])
    else:
        is_number = types["date"].is_numeric() or types["date"] == nw.Boolean
        kind = "numbers" if is_number else "values"
        raise no_dates(names["date"], types["date"], kind)
    ends = {}
    if n_months and not is_text:
        if last_month is None:
            others = columns["customer"], columns["category"]
            last_month = _find_last_month(frame, day, others, unreadable)
        ends = {"first_day": nw.col("exact_day").min(), "last_day": nw.col("exact_day").max()}
    exact_day = day
    if ends:
        day = _first_day(day, n_months, last_month + 12 * 1970)
    cells = (
        frame.select(
            columns["customer"].alias("customer"),
            columns["category"].alias("category"),
            day.alias("day"),
            *([exact_day.alias("exact_day")] if ends else []),
            amount.alias("amount"),
            unreadable.alias("unreadable"),
        )
        .with_columns(nw.when(nw.col("amount") < 0).then(nw.col("amount")).alias("refunds"))
        .group_by("customer", "day", "category", "unreadable")
        .agg(nw.col("amount", "refunds").sum(), nw.len().alias("transactions"), **ends)
    )
    # Of polars' engines, the one that needs less memory.
    streaming = {"engine": "streaming"} if cells.implementation.is_polars() else {}
    cells = cells.collect(**streaming)
    columns = {name: _to_pandas(cells.get_column(name)) for name in cells.columns}
    columns["date"] = columns.pop("day") if is_text else _read_days(columns.pop("day"))
    if types["amount"].is_integer():
        columns |= {name: _whole(columns[name]) for name in ("amount", "refunds")}
    if ends:
        columns |= {name: _read_days(columns[name]) for name in ends} | {"end": last_month}
    return columns


def _find_last_month(frame, day, others, unreadable):
    """The last month, since 1970, in which anything can be read; 0 if there is nothing."""
    day = nw.when(_is_plausible(day) & unreadable.is_null()).then(day)
    for other in others:
        day = nw.when(~other.is_null()).then(day)
    last = frame.select(day.max().alias("last")).collect()["last"].to_list()[0]
    return 0 if last is None or last != last else int(last) // DAYS_OF_A_MONTH - 12 * 1970


def _number(amount, dtype, name):
    """An amount that every engine can add up, and text where there is none."""
    if _is_text(dtype):
        amount = amount.cast(nw.String)
        is_number = amount.str.contains(NUMBER)
        unreadable = nw.when(amount.is_null()).then(nw.lit("")).otherwise(
            nw.when(~is_number).then(amount)
        )  # fmt: skip
        number = nw.when(is_number).then(amount.str.strip_chars())
        return number.cast(nw.Float64), unreadable
    if not dtype.is_numeric():
        raise no_amounts(name, dtype)
    is_bad = amount.is_null()
    if dtype.is_float():
        is_bad = is_bad | ~amount.is_finite()
        amount = nw.when(amount.is_finite()).then(amount)
    if not dtype.is_decimal():
        # Sums of integers may run over; those of float64 are as exact, and then merely too large.
        amount = amount.cast(nw.Float64)
    return amount, nw.when(is_bad).then(nw.lit("missing or infinite"))


def _whole(sums):
    """Sums of integers; any that are larger are too large to be exact anyway."""
    return sums.clip(-(2**62), 2**62).astype("Int64")


def _is_text(dtype):
    """Whether values are text, or may be written as such: a column of nulls has no type."""
    return dtype in (nw.String, nw.Categorical, nw.Enum, nw.Unknown)


def _day_as_text(date):
    """The first ten letters of times in ISO 8601: the day by the customer's clock."""
    return nw.when(date.str.contains(ISO_TIME)).then(date.str.slice(0, 10)).otherwise(date)


def _day_as_number(date):
    """Month and day in one number, which is the same on every engine and in every time zone."""
    # Where a date is missing, Dask has NaN, which cannot be cast.
    parts = date.dt.year(), date.dt.month(), date.dt.day()
    year, month, day = (part.fill_null(0).cast(nw.Int64) for part in parts)
    return nw.when(month > 0).then((year * 12 + month - 1) * DAYS_OF_A_MONTH + day)


def _is_plausible(day):
    return (day >= FIRST_DAY) & (day <= LAST_DAY)


def _first_day(day, n_months, end):
    """The first day of the cell that holds a day; cells are counted back from month `end`."""
    month = (day - day % DAYS_OF_A_MONTH) // DAYS_OF_A_MONTH
    # So many cells back that what is divided is never negative, where engines differ.
    back = (end + n_months * 12 * LAST_YEAR - month) % n_months
    first = (month - (n_months - 1 - back)) * DAYS_OF_A_MONTH + 1
    # A day that will be refused shares a cell with no other.
    first = nw.when(first >= FIRST_DAY).then(first).otherwise(FIRST_DAY)
    return nw.when(_is_plausible(day)).then(first).otherwise(day)


def _read_days(codes):
    """Dates of days coded as numbers; NaT where there is none."""
    codes = codes.to_numpy(dtype=np.float64, na_value=np.nan)
    is_missing = np.isnan(codes)
    codes = np.where(is_missing, 12 * 1970 * DAYS_OF_A_MONTH + 1, codes).astype(np.int64)
    month, day = np.divmod(codes, DAYS_OF_A_MONTH)
    dates = (month - 12 * 1970).astype("M8[M]").astype("M8[D]") + (day - 1)
    dates[is_missing] = np.datetime64("NaT")
    return pd.Series(dates.astype("M8[s]"))
