"""Balances after transactions: the lowest of each day, and what they were in each period.

Transactions of one day have no order that every bank and engine keeps. The balance of a day is
therefore the lowest after any of its transactions, and holds until the next day that has one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .._utils._errors import refuse
from ._columns import days_since_1970, known_customer_codes, read_amounts
from ._memory import PIECE, MemoryLimit
from ._quality import UnreadableRows
from ._rows import Rows

if TYPE_CHECKING:
    from .._utils._typing import Floats, Integers

BALANCES = ("level", "min", "days_below_zero")
"""What is known of the balances of a period."""


def read_balances(
    tables: Iterable[Any], names: dict[str, str], customers: Any, text: Any, memory: MemoryLimit
) -> Rows:
    """Read customers, dates and balances piece by piece: Rows of the lowest balance of each day.

    A balance that is no number is a ValueError. Rows of no known customer or day are left out.
    """
    parts, n_before = [], 0
    for table in tables:
        n_rows = len(table["customer"])
        transactions, not_amount = table.get("transactions"), table.get("not_amount")
        if transactions is not None:
            transactions = transactions.to_numpy(dtype=np.int64)
        ignored = UnreadableRows("drop", n_rows)
        customer = known_customer_codes(table["customer"], names["customer"], customers, ignored)
        day = days_since_1970(table["date"], names["date"], ignored, text).astype(np.int32)
        known = customer >= 0 if ignored.kept is None else (customer >= 0) & ignored.kept
        column, marked = names["balance"], UnreadableRows("drop", n_rows)
        balance, unit = read_amounts(table["balance"], column, marked, not_amount, text)
        problem = "missing, infinite or unreadable balance"
        remedy = "Drop these rows, or do not pass balance="
        refuse(known & np.isnan(balance), column, problem, remedy, transactions, n_before)
        parts.append(_keep_lowest(customer[known], day[known], balance[known] / unit))
        n_before += n_rows
        # To join them takes the same again, and twice as much to sort them.
        held = sum(values.nbytes for part in parts for values in part)
        memory.check(sum(len(days) for _, days, _ in parts), 3 * held + PIECE)
    customer, day, balance = _keep_lowest(*map(np.concatenate, zip(*parts, strict=True)))
    columns = {"day": day, "balance": balance}
    return Rows(customer, len(customers), columns, is_sorted=True)


def _keep_lowest(customer, day, balance):
    """Sort by customer and day, and keep the lowest balance of each."""
    if not len(day):
        return customer, day, balance
    first, width = int(day.min()), int(day.max()) - int(day.min()) + 1
    keys = customer.astype(np.int64) * width + (day - first)
    order = np.argsort(keys)
    keys = keys[order]
    begins = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    customer, day = np.divmod(keys[begins], width)
    lowest = np.minimum.reduceat(balance[order], begins)
    return customer.astype(np.int32), (day + first).astype(np.int32), lowest


def measure_balances(rows: Rows, edges: Integers) -> dict[str, Floats]:
    """Measure the balances of periods: arrays (n_customers, n_periods) by name.

    `rows` are sorted by customer and day, and `edges` are those of the periods. NaN is what is not
    known, as before the first transaction.
    """
    customer, day, balance = rows.customer, rows["day"].astype(np.int64), rows["balance"]
    edges = np.broadcast_to(edges, (rows.n_customers, edges.shape[1]))
    starts = np.searchsorted(customer, np.arange(rows.n_customers))[:, None]
    if not len(rows):
        return {name: np.full((len(edges), edges.shape[1] - 1), np.nan) for name in BALANCES}
    # The place of the last row before each edge, found in one list of all customers and days.
    first = min(day.min(), edges.min(initial=0))
    width = max(day.max(), edges.max(initial=0)) - first + 1
    keys = customer * width + (day - first)
    wanted = np.arange(len(edges))[:, None] * width + (edges - first)
    last = np.searchsorted(keys, wanted) - 1
    is_known = last >= starts
    at_edge = np.where(is_known, balance[last], np.nan)
    # Of each customer's days below zero before an edge, those of the last balance are not whole.
    lengths = np.append(np.where(customer[1:] == customer[:-1], np.diff(day), 0), 0)
    whole = np.append(0, np.cumsum(lengths * (balance < 0)))
    below = whole[last] - whole[starts] + (balance[last] < 0) * (edges - day[last])
    below = np.where(is_known, below, 0)
    lowest = np.full((len(edges), edges.shape[1] - 1), np.inf)
    has_rows = last[:, 1:] > last[:, :-1]
    ends = np.column_stack([last[:, :-1][has_rows], last[:, 1:][has_rows]]) + 1
    lowest[has_rows] = np.minimum.reduceat(np.append(balance, np.inf), ends.ravel())[::2]
    days = np.where(is_known[:, 1:], np.diff(below, axis=1), np.nan)
    least = np.fmin(np.where(has_rows, lowest, np.nan), at_edge[:, :-1])
    return {"level": at_edge[:, 1:], "min": least, "days_below_zero": days}
