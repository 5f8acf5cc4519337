"""From transactions of any engine or file to rows of codes, days and numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from pyarrow.dataset import Dataset

from .._utils._threads import map_in_threads
from . import _columns, _quality
from ._balances import read_balances
from ._engines import ROWS_AT_ONCE, Piece, fetch_balances, fetch_transactions, stream_pieces
from ._files import TransactionFiles, naming
from ._incomes import read_income_column
from ._memory import NO_LIMIT, START, MemoryLimit
from ._moments import FLOWS, NEVER
from ._periods import month_number
from ._rows import Rows, join as join_rows

NOTHING = "frame holds no transactions. Check the file or the filter behind it."
PIECEWISE = TransactionFiles, Dataset


@dataclass
class ReadRows:
    """Transactions as they were read, in multiples of ``1 / unit``, and the labels of their codes.

    `incomes` are those of a column of the files, and `balances` the lowest of each day. Further
    steps keep to the limit `memory`, too.
    """

    rows: Rows
    left_out: pd.DataFrame
    customers: np.ndarray
    categories: np.ndarray
    unit: int
    first_day: np.datetime64
    last_day: np.datetime64
    incomes: Rows | None = None
    balances: Rows | None = None
    memory: MemoryLimit = NO_LIMIT


@dataclass(frozen=True)
class Reader:
    """How transactions are read; `n_months` whole months, or a day if that is 0, are merged.

    They are counted back from `last_month`, in months since 1970, or the last month found, and
    carry `moments`. `text` are the files that say how their text is written, and `balance` is the
    column of balances, if they are read. Reading keeps to the limit `memory`.
    """

    names: dict[str, str]
    customers: object
    n_months: int
    last_month: int | None
    is_outflow_negative: bool
    errors: str
    moments: Sequence[str] = ()
    text: TransactionFiles | None = None
    balance: str | None = None
    memory: MemoryLimit = NO_LIMIT

    def read(self, source):
        """Return the ReadRows of files, an arrow dataset, or a frame of any engine."""
        if isinstance(source, TransactionFiles):
            with naming(source.path):
                return self._read_files(source)
        return self._read(source)

    def _read(self, source):
        end = self.last_month
        if end is None and self.n_months > 1 and isinstance(source, TransactionFiles):
            last = source.find_last_day()
            if last is not None and _columns.FIRST_DAY <= last <= _columns.LAST_DAY:
                end = int(month_number(_as_date(last)))
        reading, end = self._read_pieces(source, end)
        if reading is None:
            reading, end = self._read_pieces(source, self._find_last_month(source))
        if self.n_months > 1 and (self._end(reading) - end) % self.n_months:
            # The last months hold only unreadable rows: count back from the last readable one.
            reading, _ = self._read_pieces(source, self._end(reading))
        if self.balance is not None:
            names = {role: self.names[role] for role in ("customer", "date")}
            names["balance"] = self.balance
            pieces = replace(self, names=names)._pieces(source, None)
            tables = (piece.read() for piece in pieces)
            reading.balances = read_balances(
                tables, names, reading.customers, self.text, self.memory
            )
        return reading

    def _read_pieces(self, source, end):
        """Return a source read and merged piece by piece, and the month counted back from.

        Without `end`, that is the last month of the first piece. Where a later piece shows that it
        is another one, there is no reading.
        """
        is_piecewise = isinstance(source, PIECEWISE)

        def read(reader, piece):
            nonlocal end
            table = piece.read()
            n_rows, is_merged = len(table["customer"]), "end" in table
            end = table.pop("end", end)
            part = reader._read_table(table, piece)
            if self.n_months and not is_merged and len(part.rows) and end is None:
                end = self._end(part)
            if (self.n_months or is_piecewise) and not is_merged:
                if "transactions" not in part.rows.columns:
                    part.rows = part.rows.with_moments(self.moments, part.unit)
                _merge(part, self.n_months, end)
                part.rows = part.rows.on_own_pages()
            return part, n_rows

        def is_settled():
            is_dated = self.text is None or self.text.is_settled
            return is_dated and (end is not None or not self.n_months)

        self.memory.check(0, START)
        parts, most = [], ROWS_AT_ONCE
        for part in self._in_order(read, self._pieces(source, end), is_settled):
            if self.n_months and is_piecewise and len(part.rows):
                last = self._end(part)
                if last > end and (last - end) % self.n_months:
                    return None, end
            parts.append(part)
            # While new rows are fewer than merged ones, merging again costs little.
            n_merged, n_new = len(parts[0].rows), sum(len(part.rows) for part in parts[1:])
            self.memory.check(n_merged + n_new)
            if n_new > max(n_merged, most):
                parts = [self._join(parts)]
                if len(parts[0].rows) > 0.9 * (n_merged + n_new):
                    most = np.inf  # It makes hardly fewer of them: customers keep together.
        if not parts:
            raise ValueError(NOTHING)
        reading = self._join(parts)
        if not len(reading.rows):
            counts = _quality.tabulate_left_out(reading.left_out)["transactions"]
            if not counts.any():
                raise ValueError(NOTHING)
            reasons = ", ".join(f"{reason} ({n:,})" for reason, n in counts[counts > 0].items())
            message = f"No transaction can be read: {reasons}. Check the columns."
            raise _quality.NothingLeft(message, reading.customers)
        return reading, end

    def _in_order(self, read, pieces, is_settled):
        """Yield what is read of the pieces, by threads as soon as no piece depends on another."""
        n_before = 0
        for piece in pieces:
            piece.n_before = n_before
            part, n_rows = read(self, piece)
            n_before += n_rows
            yield part
            if is_settled():
                break
        reader = self if self.text is None else replace(self, text=self.text.fixed())

        def attempt(piece):
            try:
                return read(reader, piece)
            except ValueError:
                if piece.n_before is None:
                    return piece
                raise

        for found in map_in_threads(attempt, pieces, self.memory.n_pieces()):
            if not isinstance(found, tuple):
                # It is refused in its turn, with the number of its row.
                found.n_before = n_before
                found = read(self, found)
            part, n_rows = found
            n_before += n_rows
            yield part

    def _pieces(self, source, end):
        if isinstance(source, TransactionFiles):
            return source.pieces(self.names)
        if isinstance(source, Dataset):
            return stream_pieces(source, self.names)
        if "balance" in self.names:
            return iter([Piece(partial(fetch_balances, source, self.names))])
        fetch = partial(fetch_transactions, source, self.names, self.n_months, end, self.moments)
        return iter([Piece(fetch)])

    def _find_last_month(self, source):
        reader = replace(self, names={"date": self.names["date"]})
        lasts = [0]
        for piece in reader._pieces(source, None):
            table = piece.read()
            ignored = _quality.UnreadableRows("drop", len(table["date"]))
            days = _columns.days_since_1970(table["date"], self.names["date"], ignored, self.text)
            lasts.append(days.max(initial=0))
        return int(month_number(_as_date(max(lasts))))

    def _end(self, reading):
        return int(month_number(reading.last_day)) if self.last_month is None else self.last_month

    def _read_table(self, table, piece):
        names, transactions = self.names, table.pop("transactions", None)
        if transactions is not None:
            transactions = transactions.to_numpy(dtype=np.int64)
        n_rows = len(table["customer"])
        unreadable = _quality.UnreadableRows(
            self.errors, n_rows, transactions, piece.n_before or 0, piece.find_row
        )
        # Columns are freed one by one: together they are larger than the codes.
        customer, customers = _columns.customer_codes(
            table.pop("customer"), names["customer"], self.customers, unreadable, self.text
        )
        dates = table.pop("date")
        columns = {"day": _columns.days_since_1970(dates, names["date"], unreadable, self.text)}
        del dates
        columns["category"], categories = _columns.category_codes(
            table.pop("category"), names["category"], unreadable
        )
        amounts, unit = _read_sums(table, names["amount"], unreadable, self.text)
        columns |= amounts
        if transactions is not None:
            columns["transactions"] = transactions
            columns |= _read_moments(table, self.moments, columns["day"])
        left_out = unreadable.count(customer, columns["amount"], unit)
        rows = Rows(customer, len(customers), columns)
        if unreadable.kept is not None:
            rows = rows.select(unreadable.kept)
            table = {name: values[unreadable.kept] for name, values in table.items()}
        if self.is_outflow_negative:
            columns = {"amount": -rows["amount"]}
            if "refunds" in rows.columns:
                # The refunds are now the other part of the sum.
                columns["refunds"] = rows["refunds"] - rows["amount"]
            rows = rows.with_columns(columns).swap_flows()
        return ReadRows(rows, left_out, customers, categories, unit, *_find_ends(rows, **table))

    def _read_files(self, files):
        """Read files; in text files, customers become integers if all are written as such."""
        listed = None if self.customers is None else np.asarray(pd.Index(self.customers))
        is_numbered = files.is_text and listed is not None and listed.dtype.kind in "iu"
        reader = replace(self, text=files if files.is_text else None, memory=files.memory)
        if is_numbered:
            reader = replace(reader, customers=listed.astype(str))
        reading = reader._read(files)
        reading.memory = files.memory
        left_out = [reading.left_out]
        if files.n_malformed:
            reason, n_rows = _quality.MALFORMED, files.n_malformed
            left_out.append(_quality.count_left_out([-1], reason, n_rows, 0.0))
        if "income" in files.names:
            reading.incomes, bad = read_income_column(
                files, reading.customers, self.errors, len(reading.rows)
            )
            left_out.append(bad)
        reading.left_out = _quality.join_left_out(left_out)
        if is_numbered:
            reading.customers = listed
        elif files.is_text and listed is None:
            _number_customers(reading)
        return reading

    def _join(self, parts):
        """Join readings into one, and merge their rows."""
        if len(parts) == 1:
            return parts[0]
        customers = parts[0].customers
        customer = [np.arange(len(customers), dtype=np.int32)] * len(parts)
        if self.customers is None:
            labels = [part.customers for part in parts]
            customers, customer = _join_labels(labels, self.names["customer"], self.text)
        labels = [part.categories for part in parts]
        categories, category = _join_labels(labels, self.names["category"])
        unit = max(part.unit for part in parts)
        has_refunds = any(part.rows.has_refunds for part in parts)
        rows = []
        for part, codes, numbers in zip(parts, category, customer, strict=True):
            renumbered = _columns.take(numbers, part.left_out["customer"].to_numpy())
            part.left_out = part.left_out.assign(customer=renumbered)
            columns = part.rows.columns
            columns["category"] = _columns.smallest(codes)[columns["category"]]
            columns["transactions"] = part.rows.transactions
            if has_refunds:
                columns["refunds"] = part.rows.refunds
            if part.unit < unit:
                for name in ("amount", "refunds") if has_refunds else ("amount",):
                    columns[name] = columns[name] * (unit // part.unit)
            part.rows.customer[:] = numbers[part.rows.customer]
            rows.append(part.rows)
            part.rows = None
        return ReadRows(
            join_rows(rows, len(customers), self.memory),
            _quality.join_left_out([part.left_out for part in parts]),
            customers,
            categories,
            unit,
            np.fmin.reduce([part.first_day for part in parts]),
            np.fmax.reduce([part.last_day for part in parts]),
        )


def _join_labels(labels, column, text=None):
    """Return the labels of all arrays, sorted, and the new codes of each array."""
    codes, known = pd.factorize(np.concatenate(labels))
    position, known = _columns.sort_labels(known, column, numbers_first=text is not None)
    return known, np.split(position[codes], np.cumsum([len(part) for part in labels])[:-1])


def _number_customers(reading):
    """Make integers of customers who are all written as whole numbers; sort others as text."""
    numbers = _columns.whole_numbers(reading.customers)
    is_whole = numbers < _columns.NO_NUMBER
    if is_whole.all():
        reading.customers = numbers
    if is_whole.all() or not is_whole.any():
        # They are in this order.
        return
    reading.memory.check(len(reading.rows), reading.rows.n_bytes)
    order = np.argsort(reading.customers, kind="stable")
    reading.customers = reading.customers[order]
    reading.rows = reading.rows.take(order)
    rank = _columns.take(np.argsort(order), reading.left_out["customer"].to_numpy())
    reading.left_out = reading.left_out.assign(customer=rank)
    for name in ("incomes", "balances"):
        if (rows := getattr(reading, name)) is not None:
            setattr(reading, name, rows.take(order))


def _find_ends(rows, first_day=None, last_day=None):
    """Return the first and the last day; cells of whole months have columns of them."""
    if not len(rows):
        return np.datetime64("NaT", "D"), np.datetime64("NaT", "D")
    if first_day is None:
        return _as_date(rows["day"].min()), _as_date(rows["day"].max())
    return np.datetime64(first_day.min(), "D"), np.datetime64(last_day.max(), "D")


def _read_sums(table, name, unreadable, text):
    """Return amounts, and refunds if transactions were merged, in one unit."""
    not_amount = table.pop("not_amount", None)
    sums = {
        role: _columns.read_amounts(table.pop(role), name, unreadable, not_amount, text)
        for role in ("amount", "refunds")
        if role in table
    }
    common = max(unit for _, unit in sums.values())
    return {
        role: amounts if unit == common else amounts * (common // unit)
        for role, (amounts, unit) in sums.items()
    }, common


def _read_moments(table, moments, days):
    """Return the moments of cells that an engine has added up, as columns of rows."""
    found = {}
    for flow in FLOWS:
        for moment in moments:
            name = f"{flow}_{moment}"
            values = table.pop(name, None)
            if moment == "last":
                is_day = found[f"{flow}_count"] > 0
                lasts = days if values is None else values.to_numpy("M8[D]").astype(np.int64)
                found[name] = np.where(is_day, lasts, NEVER).astype(np.int32)
                continue
            numbers = np.nan_to_num(values.to_numpy(dtype=np.float64, na_value=np.nan))
            found[name] = numbers.astype(np.int32) if moment == "count" else numbers
    return found


def _merge(reading, n_months, end):
    """Merge the rows of a day, or of `n_months` months counted back from the month `end`."""
    rows = reading.rows
    if n_months and len(rows):
        # Days are few and rows are many: look the first day of the months up.
        first, last = np.int32(rows["day"].min()), rows["day"].max()
        months = month_number(np.arange(first, last + 1).astype("M8[D]"))
        months -= n_months - 1 - (end - months) % n_months
        first_days = months.astype("M8[M]").astype("M8[D]").astype(rows["day"].dtype)
        rows = rows.with_columns({"day": first_days[rows["day"] - first]})
    reading.rows = rows.group()


def _as_date(day):
    return np.datetime64(int(day), "D")
