"""Rows that are left out of a log: why, whose they are, and what they add up to."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from .._utils._errors import refuse

FIRST_YEAR, LAST_YEAR = 1900, 2100
"""Other dates are placeholders such as 9999-12-31, and one of them would shift all periods."""
NO_CUSTOMER = "missing customer"
UNLISTED = "customer not listed in customers="
NO_DATE = "missing or unreadable date"
FAR_DATE = f"date before {FIRST_YEAR} or after {LAST_YEAR}"
NO_CATEGORY = "missing category"
NO_AMOUNT = "missing, infinite or unreadable amount"
MALFORMED = "row of more or fewer fields than the header"
BAD_INCOME = "negative, infinite or unreadable income"
"""Only the income of such a row is left out; its transaction counts."""
AFTER_CUTOFF = "after the cutoff"
REASONS = (NO_CUSTOMER, UNLISTED, NO_DATE, FAR_DATE, NO_CATEGORY, NO_AMOUNT, AFTER_CUTOFF)
"""Why a row may be left out, in the order in which rows are checked."""
FILE_REASONS = (*REASONS[:-1], MALFORMED, BAD_INCOME, AFTER_CUTOFF)
"""The same for rows of files."""

NOTHING_LEFT_OUT = pd.DataFrame(
    {"customer": [0], "reason": [""], "transactions": [0], "amount": [0.0]}
).astype({"reason": object})[:0]


class NothingLeft(ValueError):
    """There are customers, but none of their transactions counts."""

    def __init__(self, message, customers):
        super().__init__(message)
        self.customers = customers


@dataclass
class UnreadableRows:
    """The rows of a table that cannot be read: refused at once, or marked with a reason.

    A row stands for one transaction or for `transactions`; `n_before` rows were read before, and
    `find` says in which file a row of the table is.
    """

    errors: str
    n_rows: int
    transactions: np.ndarray | None = None
    n_before: int = 0
    find: Callable[[int], str] | None = None
    _reasons: np.ndarray | None = field(default=None, init=False)

    def add(self, rows, column, reason, remedy, values=None):
        """Raise an error about some rows, or mark those of them that have no reason yet."""
        if not rows.any():
            return
        if self.errors == "raise":
            problem = (
                reason if values is None else f"{reason} (such as {self._one_of(values, rows)!r})"
            )
            if self.find is not None:
                remedy = self.find(int(np.argmax(rows))) + remedy
            refuse(rows, column, problem, remedy, self.transactions, self.n_before)
        if self._reasons is None:
            self._reasons = np.full(self.n_rows, -1, dtype=np.int8)
        self._reasons[rows & (self._reasons < 0)] = FILE_REASONS.index(reason)

    def _one_of(self, values, rows):
        """The first value of some rows; of cells, which an engine gives in any order, the last."""
        if self.transactions is None:
            return first_of(values, rows)
        return max(values[rows].to_numpy(dtype=object), key=str)

    @property
    def kept(self):
        """Mask of the rows that can be read; None if all can."""
        return None if self._reasons is None else self._reasons < 0

    def count(self, customer, amounts, unit=1):
        """Count the marked rows; see :func:`count_left_out`. An unknown amount adds nothing."""
        if self._reasons is None:
            return NOTHING_LEFT_OUT
        rows = np.flatnonzero(self._reasons >= 0)
        reason = np.array(FILE_REASONS, dtype=object)[self._reasons[rows]]
        transactions = 1 if self.transactions is None else self.transactions[rows]
        known = np.nan_to_num(amounts[rows], nan=0, posinf=0, neginf=0)
        return count_left_out(customer[rows], reason, transactions, known, unit)


def first_of(values, rows):
    return values.iloc[[int(np.argmax(rows))]].to_numpy(dtype=object)[0]


def count_left_out(customer, reason, transactions, amount, unit=1):
    """Return a frame of customer (-1 if not known), reason, and the sums of what is left out."""
    columns = {"customer": customer, "reason": reason, "transactions": transactions}
    rows = pd.DataFrame(columns | {"amount": amount}).astype(NOTHING_LEFT_OUT.dtypes)
    left_out = rows.groupby(["customer", "reason"], as_index=False).sum()
    return left_out.assign(amount=left_out["amount"] / unit)


def join_left_out(parts):
    """Add up such counts."""
    parts = [part for part in parts if len(part)] or [NOTHING_LEFT_OUT]
    if len(parts) == 1:
        return parts[0]
    return pd.concat(parts).groupby(["customer", "reason"], as_index=False).sum()


def take_left_out(left_out, customers):
    """Return the counts of some customers, renumbered in the order given; repeats are allowed."""
    if not len(left_out):
        return left_out
    numbers = pd.DataFrame({"old": customers, "new": np.arange(len(customers))})
    found = left_out.merge(numbers, left_on="customer", right_on="old")
    return found.assign(customer=found["new"])[list(left_out)]


def tabulate_left_out(left_out, reasons=FILE_REASONS):
    """Return a frame of transactions and amount, indexed by reason."""
    if not len(left_out):
        return pd.DataFrame({"transactions": 0, "amount": 0.0}, index=list(reasons))
    sums = left_out.groupby("reason")[["transactions", "amount"]].sum()
    return sums.reindex(list(reasons), fill_value=0).rename_axis(None)
