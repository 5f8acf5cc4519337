"""Transactions fetched from the frame or the engine that holds them.

A lazy frame (polars, DuckDB, Dask, Spark) is grouped by its own engine, and only the cells are
fetched: one row for each customer, day or months, and category.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from os import PathLike

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from ._columns import not_amounts, not_dates
from ._moments import expressions, is_largest, split_name
from ._quality import FIRST_YEAR, LAST_YEAR

# Digits and spaces are spelt out, because \d and \s are more than ASCII to some engines.
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
ROWS_AT_ONCE = 2**20
"""Rows of files that are held in memory; four times as many take 1.3 times as long to read."""
MOST_LISTED = 30
"""Number of columns that a message lists."""
DAYS_OF_A_MONTH = 32
"""A day is coded as month * 32 + day of the month, which every engine can compute."""
FIRST_DAY = 12 * FIRST_YEAR * DAYS_OF_A_MONTH + 1
LAST_DAY = 12 * (LAST_YEAR + 1) * DAYS_OF_A_MONTH - 1


@dataclass
class Piece:
    """A part of a table: `read` returns its columns by role as pandas Series, in any thread.

    `n_before` rows are before it, None if that is not known yet; then it can be read again.
    `find_row` says in which file a row of the piece is.
    """

    read: Callable
    n_before: int | None = 0
    find_row: Callable = lambda row: ""


def fetch_columns(frame, names, what, optional=()):
    """Fetch columns of any frame as pandas Series by role; the roles in `optional` may be missing.

    `what` is the word for the frame in messages.
    """
    frame = _as_narwhals(frame, what)
    columns = frame.collect_schema().names()
    check_columns(columns, {role: names[role] for role in names if role not in optional}, what)
    found = {role: name for role, name in names.items() if name in columns}
    _refuse_moments(frame, found)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.select(*dict.fromkeys(found.values())).collect()
    return {role: _to_pandas(frame.get_column(name)) for role, name in found.items()}


def fetch_transactions(frame, names, n_months=0, last_month=None, moments=()):
    """Fetch transactions by role or, from a lazy frame, cells of days or of `n_months` months.

    Cells also have ``"refunds"``, ``"transactions"`` and, missing where there is an amount, the
    text in its place: ``"not_amount"``. They have the `moments`, too. Cells of months also have
    their ``"first_day"`` and ``"last_day"``, and ``"end"``: the month since 1970 from which they
    are counted back.
    """
    frame = _as_narwhals(frame, "frame")
    if isinstance(frame, nw.DataFrame):
        return fetch_columns(frame, names, "frame")
    schema = frame.collect_schema()
    check_columns(schema.names(), names, "frame")
    _refuse_moments(frame, names)
    types = {role: schema[name] for role, name in names.items()}
    columns = {role: nw.col(name) for role, name in names.items()}
    amount, not_amount = _number(columns["amount"], types["amount"], names["amount"])
    is_text = _is_text(types["date"])
    day = _day(columns["date"], types["date"], names["date"])
    ends, exact_day = {}, day
    if n_months and not is_text:
        if last_month is None:
            last_month = _find_last_month(frame, day)
        ends = {"first_day": nw.col("exact_day").min(), "last_day": nw.col("exact_day").max()}
        day = _first_day(day, n_months, last_month + 12 * 1970)
    carried = expressions(moments, nw.col("amount"), nw.col("exact_day") if ends else None)
    kept = [name for name in carried if is_largest(name)]
    added = ["amount", "refunds", *(name for name in carried if name not in kept)]
    cells = (
        frame.select(
            columns["customer"].alias("customer"),
            columns["category"].alias("category"),
            day.alias("day"),
            *([exact_day.alias("exact_day")] if ends else []),
            amount.alias("amount"),
            not_amount.alias("not_amount"),
        )
        .with_columns(
            nw.when(nw.col("amount") < 0).then(nw.col("amount")).alias("refunds"), **carried
        )
        .group_by("customer", "day", "category", "not_amount")
        .agg(
            nw.col(*added).sum(),
            nw.len().alias("transactions"),
            **ends | {name: nw.col(name).max() for name in kept},
        )
    )
    # Of polars' engines, the one that needs less memory.
    streaming = {"engine": "streaming"} if cells.implementation.is_polars() else {}
    cells = cells.collect(**streaming)
    columns = {name: _to_pandas(cells.get_column(name)) for name in cells.columns}
    columns["date"] = columns.pop("day") if is_text else _read_days(columns.pop("day"))
    if types["amount"].is_integer():
        # Sums outside the bounds are refused later as too large.
        sums = {name: columns[name].clip(-(2**62), 2**62) for name in ("amount", "refunds")}
        columns |= {name: values.astype("Int64") for name, values in sums.items()}
    if ends:
        columns |= {name: _read_days(columns[name]) for name in ends} | {"end": last_month}
        lasts = [name for name in kept if split_name(name)[1] == "last"]
        columns |= {name: _read_days(columns[name]) for name in lasts}
    return columns


def fetch_balances(frame, names):
    """Fetch customers, dates and balances or, from a lazy frame, the lowest balance of each day.

    Days then also have ``"transactions"`` and ``"not_amount"``, as in `fetch_transactions`.
    """
    frame = _as_narwhals(frame, "frame")
    if isinstance(frame, nw.DataFrame):
        return fetch_columns(frame, names, "frame")
    schema = frame.collect_schema()
    check_columns(schema.names(), names, "frame")
    types = {role: schema[name] for role, name in names.items()}
    columns = {role: nw.col(name) for role, name in names.items()}
    balance, not_balance = _number(columns["balance"], types["balance"], names["balance"])
    cells = (
        frame.select(
            columns["customer"].alias("customer"),
            _day(columns["date"], types["date"], names["date"]).alias("date"),
            balance.alias("balance"),
            not_balance.alias("not_amount"),
        )
        .group_by("customer", "date", "not_amount")
        .agg(nw.col("balance").min(), nw.len().alias("transactions"))
        .collect()
    )
    columns = {name: _to_pandas(cells.get_column(name)) for name in cells.columns}
    if not _is_text(types["date"]):
        columns["date"] = _read_days(columns["date"])
    return columns


def is_polars(frame):
    return nw.dependencies.is_polars_dataframe(frame) or nw.dependencies.is_polars_lazyframe(frame)


def stream_pieces(data, names):
    """Yield Pieces of an arrow dataset, of a million rows or more, in their order."""
    check_columns(data.schema.names, names, "the dataset")
    columns = list(dict.fromkeys(names.values()))
    # Reading is faster than the work on a piece, so little is read ahead.
    scanner = data.scanner(columns, batch_size=ROWS_AT_ONCE // 8, batch_readahead=2,
                           fragment_readahead=1)  # fmt: skip
    n_before = 0
    for batches in gather(scanner.to_batches(), len, ROWS_AT_ONCE):
        found = fetch_columns(pa.Table.from_batches(batches), names, "the dataset")
        n_rows = sum(map(len, batches))
        # Beside the columns, which are freed one by one, they are large.
        batches.clear()
        yield Piece(partial(_same, found), n_before)
        n_before += n_rows


def _same(value):
    return value


def gather(values, size, enough):
    """Yield lists of values in their order, each as soon as its sizes add up to enough."""
    found, total = [], 0
    for value in values:
        found.append(value)
        total += size(value)
        if total >= enough:
            yield found
            found, total = [], 0
    if found:
        yield found


def _as_narwhals(frame, what):
    try:
        return nw.from_native(frame)
    except TypeError as error:
        remedy = ""
        if isinstance(frame, (str, PathLike)):
            remedy = (
                f" Read files with TransactionLog.scan({str(frame)!r})."
                if what == "frame"
                else " TransactionLog.scan takes the name of a column for it."
            )
        raise TypeError(
            f"{what} must be a frame of pandas, polars, pyarrow, DuckDB, Dask or Spark, got "
            f"{type(frame).__name__}.{remedy}"
        ) from error


def check_columns(found, names, what):
    """Refuse a table unless it has exactly one column of each name."""
    found = list(found)
    absent = {role: name for role, name in names.items() if name not in found}
    if absent:
        missing = [f"{name!r} (keyword {role}=)" for role, name in absent.items()]
        listed = ", ".join(map(repr, found[:MOST_LISTED]))
        listed += f" and {len(found) - MOST_LISTED:,} more" if len(found) > MOST_LISTED else ""
        raise ValueError(
            f"{what} has no column {', '.join(missing)}. Its columns are: {listed}. Name the right "
            f"ones by keyword.{_how_to_melt(names, absent)}"
        )
    for name in names.values():
        if found.count(name) > 1:
            raise ValueError(
                f"{what} has {found.count(name)} columns named {name!r}. Rename all but one."
            )


def _how_to_melt(names, absent):
    """The call that makes one row per transaction of a table with a column for each category."""
    if not {"category", "amount"} <= absent.keys() or "customer" in absent:
        return ""
    call = f".assign({names['date']}='YYYY-MM-DD')" if "date" in absent else ""
    call += (
        f".melt([{names['customer']!r}, {names['date']!r}], var_name={names['category']!r}, "
        f"value_name={names['amount']!r})"
    )
    return f" If each category has a column of its own, pass TransactionLog(frame{call}, ...)."


def _to_pandas(column):
    """Convert a column to pandas; zoned times keep the clock of the customer."""
    # Arrow keeps them in UTC, where the day may be another one.
    if column.dtype == nw.Datetime and column.dtype.time_zone:
        column = column.dt.replace_time_zone(None)
    native = column.to_native()
    if isinstance(native, pd.Series):
        return native
    # Values go through arrow, without a Python object for each.
    arrow = native if isinstance(native, pa.ChunkedArray) else column.to_arrow()
    if column.dtype == nw.Decimal or (column.dtype.is_integer() and arrow.null_count):
        # As floats, large identifiers would be rounded.
        return pd.Series(pd.arrays.ArrowExtensionArray(arrow))
    if column.dtype == nw.String:
        return pd.Series(pd.array(arrow, dtype=pd.StringDtype("pyarrow", na_value=np.nan)))
    return arrow.to_pandas(date_as_object=False)


def _refuse_moments(frame, names):
    """Refuse times whose day depends on the session, and not on a time zone of their own."""
    if not frame.implementation.is_duckdb():
        return
    dtype = frame.collect_schema().get(names.get("date"))
    if dtype == nw.Datetime and dtype.time_zone:
        name = names["date"]
        raise TypeError(
            f"Column {name!r} is of DuckDB's type TIMESTAMP WITH TIME ZONE, which keeps no time "
            f"zone, so the day would be that of this session. Name the zone: "
            f"frame.project(\"* REPLACE (timezone('{dtype.time_zone}', {name}) AS {name})\")."
        )


def _find_last_month(frame, day):
    """Return the last month, since 1970, of any plausible date; 0 if there is none."""
    last = frame.select(
        nw.when(day.is_between(FIRST_DAY, LAST_DAY)).then(day).max().alias("last")
    ).collect()
    last = last["last"].to_list()[0]
    return 0 if last is None or last != last else int(last) // DAYS_OF_A_MONTH - 12 * 1970


def _number(amount, dtype, name):
    """Return an amount that every engine can add up, and the text in place of an amount."""
    if _is_text(dtype):
        amount = amount.cast(nw.String)
        is_number = amount.str.contains(NUMBER)
        text = nw.when(~is_number).then(amount)
        not_amount = nw.when(amount.is_null()).then(nw.lit("")).otherwise(text)
        number = nw.when(is_number).then(amount.str.strip_chars())
        return number.cast(nw.Float64), not_amount
    if not dtype.is_numeric():
        raise not_amounts(name, dtype)
    is_bad = amount.is_null()
    if dtype.is_float():
        is_bad = is_bad | ~amount.is_finite()
        amount = nw.when(amount.is_finite()).then(amount)
    if not dtype.is_decimal():
        # Sums of integers may overflow. Those of float64 are exact until they are too large.
        amount = amount.cast(nw.Float64)
    return amount, nw.when(is_bad).then(nw.lit("missing or infinite"))


def _is_text(dtype):
    """Return whether values are text, or a column of nulls, which has no type."""
    return dtype in (nw.String, nw.Categorical, nw.Enum, nw.Unknown)


def _day(date, dtype, name):
    """Return the day of a date: its text if it is text, else a code."""
    if _is_text(dtype):
        # The first ten letters of times in ISO 8601 are the day on the customer's clock.
        date = date.cast(nw.String)
        is_time = date.str.contains(ISO_TIME)
        return nw.when(is_time).then(date.str.slice(0, 10)).otherwise(date)
    if dtype in (nw.Date, nw.Datetime):
        return _day_as_number(date)
    is_number = dtype.is_numeric() or dtype == nw.Boolean
    raise not_dates(name, dtype, "numbers" if is_number else "values")


def _day_as_number(date):
    """Return the code of a day, the same on every engine and in every time zone."""
    # Dask has NaN for a missing date, which cannot be cast.
    parts = date.dt.year(), date.dt.month(), date.dt.day()
    year, month, day = (part.fill_null(0).cast(nw.Int64) for part in parts)
    return nw.when(month > 0).then((year * 12 + month - 1) * DAYS_OF_A_MONTH + day)


def _first_day(day, n_months, end):
    """Return the first day of the cell that holds a day; cells count back from month `end`."""
    month = (day - day % DAYS_OF_A_MONTH) // DAYS_OF_A_MONTH
    # Engines divide negative numbers in different ways, so the number is made positive.
    back = (end + n_months * 12 * LAST_YEAR - month) % n_months
    first = (month - (n_months - 1 - back)) * DAYS_OF_A_MONTH + 1
    # A day that will be refused shares a cell with no other.
    first = nw.when(first >= FIRST_DAY).then(first).otherwise(FIRST_DAY)
    return nw.when(day.is_between(FIRST_DAY, LAST_DAY)).then(first).otherwise(day)


def _read_days(codes):
    codes = codes.to_numpy(dtype=np.float64, na_value=np.nan)
    is_missing = np.isnan(codes)
    codes = np.where(is_missing, 12 * 1970 * DAYS_OF_A_MONTH + 1, codes).astype(np.int64)
    month, day = np.divmod(codes, DAYS_OF_A_MONTH)
    dates = (month - 12 * 1970).astype("M8[M]").astype("M8[D]") + (day - 1).astype("m8[D]")
    dates[is_missing] = np.datetime64("NaT", "D")
    return pd.Series(dates.astype("M8[s]"))
