"""From a frame of transactions to rows of codes, days and numbers, as in a TransactionLog.

Whatever the engine, the same checks are made here on what it gave.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from pyarrow.dataset import Dataset

from ._columns import (
    Screen,
    category_codes,
    customer_codes,
    days_since_1970,
    read_amounts,
    sort_customers,
)
from ._engines import ROWS_AT_ONCE, fetch_transactions, stream_tables
from ._files import MALFORMED, TransactionFiles
from ._periods import month_number
from ._rows import Rows

NOTHING = "frame holds no transactions. Check the file or the filter behind it."


class NothingLeft(ValueError):
    """There are customers, and no transaction of theirs counts."""

    def __init__(self, message, customers):
        super().__init__(message)
        self.customers = customers


@dataclass
class Reading:
    """What was read: rows, their labels, and what could not be read.

    ``rows`` has the columns day, category and amount, and of merged transactions also refunds and
    transactions; amounts are multiples of ``1 / unit``. ``dropped`` holds transactions and amount
    by reason.
    """

    rows: Rows
    customers: np.ndarray
    categories: np.ndarray
    unit: int
    first_day: np.datetime64
    last_day: np.datetime64
    dropped: dict[str, tuple[int, float]]


@dataclass(frozen=True)
class Reader:
    """How transactions are to be read.

    Parameters
    ----------
    names : dict from role to str
    customers : sequence or None
        All customers, in the order wanted.
    n_months : int
        Whole months that are merged into one row; 0 means a day.
    last_month : int or None
        Months since 1970 of the month from which they are counted back; None for the last found.
    is_outflow_negative : bool
    errors : {"raise", "drop"}
    """

    names: dict[str, str]
    customers: object
    n_months: int
    last_month: int | None
    is_outflow_negative: bool
    errors: str

    def read(self, frame):
        """Read a frame of any engine, or a dataset.

        Returns
        -------
        reading : Reading

        Raises
        ------
        ValueError, TypeError
            See :class:`TransactionLog`.
        """
        if isinstance(frame, TransactionFiles):
            reading = self._read_pieces(frame.tables)
            reading.dropped[MALFORMED] = frame.n_malformed, 0.0
            return reading
        if isinstance(frame, Dataset):
            return self._read_pieces(partial(stream_tables, frame))
        reading, end = self._read_frame(frame, self.last_month)
        _refuse_nothing(reading)
        if end is None and self.n_months:
            reading.rows = _merge(reading.rows, self.n_months, self._end(reading))
        elif self.n_months > 1 and self._end(reading) != end:
            # What lies in the last months could not be read, so months are counted from others.
            reading, _ = self._read_frame(frame, self._end(reading))
        return reading

    def _read_frame(self, frame, last_month):
        """Read a frame, and say from which month it counted months back if it has merged them."""
        table = fetch_transactions(frame, self.names, self.n_months, last_month)
        end = table.pop("end", None)
        return self._read_table(table), end

    def _end(self, reading):
        """The month from which months are counted back."""
        return int(month_number(reading.last_day)) if self.last_month is None else self.last_month

    def _read_table(self, table, n_before=0):
        """Read columns of one table, checking every value."""
        names, transactions = self.names, table.pop("transactions", None)
        if transactions is not None:
            transactions = transactions.to_numpy(dtype=np.int64)
        screen = Screen(self.errors, len(table["customer"]), transactions, n_before)
        # Columns are let go one by one: together they are larger than what is made of them.
        customer, customers = customer_codes(
            table.pop("customer"), names["customer"], self.customers, screen
        )
        columns = {"day": days_since_1970(table.pop("date"), names["date"], screen)}
        columns["category"], categories = category_codes(
            table.pop("category"), names["category"], screen
        )
        amounts, unit = _read_sums(table, names["amount"], screen)
        columns |= amounts
        if transactions is not None:
            columns["transactions"] = transactions
        dropped = screen.count(columns["amount"], unit)
        rows = Rows(customer, len(customers), columns)
        if screen.kept is not None:
            rows = rows.select(screen.kept)
            table = {name: values[screen.kept] for name, values in table.items()}
        if self.is_outflow_negative:
            _change_sign(rows)
        first, last = _find_ends(rows, **table)
        return Reading(rows, customers, categories, unit, first, last, dropped)

    def _read_pieces(self, read):
        """Read a table piece by piece, merging what has the same customer, day and category."""
        end = self.last_month
        if end is None:
            end = self._find_last_month(read) if self.n_months > 1 else 0
        reading = self._read_parts(read, end)
        if self.n_months > 1 and self._end(reading) != end:
            # What lies in the last months could not be read, so months are counted from others.
            reading = self._read_parts(read, self._end(reading))
        return reading

    def _read_parts(self, read, end):
        parts, n_before = [], 0
        for table in read(self.names):
            n_rows = len(table["customer"])
            part = self._read_table(table, n_before)
            part.rows = _merge(part.rows, self.n_months, end)
            parts.append(part)
            n_before += n_rows
            # As long as what is new is less than what is merged, merging again costs little.
            n_new = sum(len(part.rows) for part in parts[1:])
            if n_new > max(len(parts[0].rows), ROWS_AT_ONCE):
                parts = [self._join(parts)]
        if not parts:
            raise ValueError(NOTHING)
        reading = self._join(parts)
        _refuse_nothing(reading)
        return reading

    def _find_last_month(self, read):
        """The last month in which anything is dated."""
        name = self.names["date"]
        lasts = []
        for table in read({"date": name}):
            screen = Screen("drop", len(table["date"]))
            lasts.append(days_since_1970(table["date"], name, screen).max(initial=0))
        return int(month_number(_as_date(max(lasts, default=0))))

    def _join(self, parts):
        """Make one reading of several, merged."""
        if len(parts) == 1:
            return parts[0]
        customers, customer = self._join_customers(parts)
        categories, category = _join_categories(parts)
        unit = max(part.unit for part in parts)
        codes = list(zip(customer, category, parts, strict=True))
        owner = np.concatenate([codes[part.rows.customer] for codes, _, part in codes])
        columns = {
            "category": np.concatenate([codes[part.rows["category"]] for _, codes, part in codes]),
            "day": np.concatenate([part.rows["day"] for part in parts]),
            "transactions": np.concatenate([part.rows["transactions"] for part in parts]),
            "amount": np.concatenate([part.rows["amount"] * (unit // part.unit) for part in parts]),
        }
        if any(part.rows.has_refunds for part in parts):
            columns["refunds"] = np.concatenate(
                [part.rows.refunds * (unit // part.unit) for part in parts]
            )
        for part in parts:
            # What it holds is needed no more, and memory is.
            part.rows = None
        return Reading(
            Rows(owner, len(customers), columns).group(),
            customers,
            categories,
            unit,
            np.fmin.reduce([part.first_day for part in parts]),
            np.fmax.reduce([part.last_day for part in parts]),
            {
                reason: tuple(map(sum, zip(*(part.dropped[reason] for part in parts), strict=True)))
                for reason in parts[0].dropped
            },
        )

    def _join_customers(self, parts):
        if self.customers is not None:
            labels = parts[0].customers
            return labels, [np.arange(len(labels), dtype=np.int32)] * len(parts)
        all_labels = np.concatenate([part.customers for part in parts])
        codes, labels = pd.factorize(all_labels)
        position, labels = sort_customers(labels, self.names["customer"])
        return labels, np.split(position[codes], _starts([part.customers for part in parts]))


def _join_categories(parts):
    names, codes = np.unique(
        np.concatenate([part.categories for part in parts]), return_inverse=True
    )
    codes = codes.astype(np.min_scalar_type(-max(len(names), 1)))
    return names, np.split(codes, _starts([part.categories for part in parts]))


def _find_ends(rows, first_day=None, last_day=None):
    """First and last day; rows of whole months bring their own."""
    if not len(rows):
        return np.datetime64("NaT", "D"), np.datetime64("NaT", "D")
    if first_day is None:
        return _as_date(rows["day"].min()), _as_date(rows["day"].max())
    return np.datetime64(first_day.min(), "D"), np.datetime64(last_day.max(), "D")


def _starts(arrays):
    return np.cumsum([len(array) for array in arrays])[:-1]


def _refuse_nothing(reading):
    if len(reading.rows):
        return
    reasons = [f"{reason} ({n:,})" for reason, (n, _) in reading.dropped.items() if n]
    if not reasons:
        raise ValueError(NOTHING)
    raise NothingLeft(
        f"No transaction can be read: {', '.join(reasons)}. Check the columns.", reading.customers
    )


def _read_sums(table, name, screen):
    """Amounts, and refunds if transactions were merged, in one unit."""
    unreadable = table.pop("unreadable", None)
    amounts, unit = read_amounts(table.pop("amount"), name, screen, unreadable)
    if "refunds" not in table:
        return {"amount": amounts}, unit
    refunds, unit_of_refunds = read_amounts(table.pop("refunds"), name, screen, unreadable)
    common = max(unit, unit_of_refunds)
    amounts, refunds = amounts * (common // unit), refunds * (common // unit_of_refunds)
    return {"amount": amounts, "refunds": refunds}, common


def _change_sign(rows):
    rows.columns["amount"] = -rows["amount"]
    if "refunds" in rows.columns:
        # What was negative is now positive: the other part of the sum.
        rows.columns["refunds"] += rows["amount"]


def _merge(rows, n_months, end):
    """Merge the rows of a day, or of so many months, counted back from month `end`."""
    if n_months and len(rows):
        # Days are few and rows are many: look the first day of the months up.
        first, last = np.int32(rows["day"].min()), rows["day"].max()
        months = month_number(np.arange(first, last + 1).astype("M8[D]"))
        months -= n_months - 1 - (end - months) % n_months
        first_days = months.astype("M8[M]").astype("M8[D]").astype(rows["day"].dtype)
        rows.columns["day"] = first_days[rows["day"] - first]
    return rows.group()


def _as_date(day):
    return np.datetime64(int(day), "D")
