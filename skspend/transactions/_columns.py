"""Raw columns of transactions turned into codes, days and numbers.

What cannot be read is refused with the column, the count, the first row and a remedy, or dropped
and counted, as the user chooses.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api import types

from .._utils._errors import refuse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .._utils._typing import Floats, Integers, Names

FIRST_YEAR, LAST_YEAR = 1900, 2100
"""Dates before or after are placeholders such as 9999-12-31: one would shift every period."""
LARGEST_EXACT = 2**53 - 1
"""From the next one on, float64 has gaps between whole numbers."""
DROPPED = (
    "missing customer",
    "customer not listed in customers=",
    "missing or unreadable date",
    f"date before {FIRST_YEAR} or after {LAST_YEAR}",
    "missing category",
    "missing, infinite or unreadable amount",
)
"""Why a row may be dropped, in the order in which rows are looked at."""
_NUMBERS = {"integer", "floating", "mixed-integer", "mixed-integer-float", "decimal", "boolean"}
_UTC_OFFSET = r"([T ]\d.*?)(?:Z|[+-]\d{2}(?::?\d{2})?)$"


class Screen:
    """Rows that cannot be read: refused at once, or marked with the reason to be dropped.

    Parameters
    ----------
    errors : {"raise", "drop"}
    n_rows : int
    transactions : ndarray of int, shape (n_rows,), default=None
        How many transactions each row stands for; by default one.
    n_before : int, default=0
        Rows that were read before these.
    """

    drops: bool
    n_rows: int
    transactions: Integers | None
    n_before: int

    def __init__(
        self,
        errors: Literal["raise", "drop"],
        n_rows: int,
        transactions: Integers | None = None,
        n_before: int = 0,
    ) -> None:
        self.drops = errors == "drop"
        self.n_rows = n_rows
        self.transactions = transactions
        self.n_before = n_before
        # Made when the first bad row is met: position in DROPPED, from 1.
        self._reasons: Integers | None = None

    def refuse(
        self,
        bad: NDArray[np.bool],
        column: str,
        problem: str,
        remedy: str,
        example: pd.Series | None = None,
    ) -> None:
        """Raise on account of the bad rows, or mark those that no other reason has marked."""
        if not bad.any():
            return
        if not self.drops:
            such = "" if example is None else f" (such as {_example(example, bad)!r})"
            refuse(bad, column, problem + such, remedy, self.transactions, self.n_before)
        if self._reasons is None:
            self._reasons = np.zeros(self.n_rows, dtype=np.int8)
        self._reasons[bad & (self._reasons == 0)] = DROPPED.index(problem) + 1

    @property
    def kept(self) -> NDArray[np.bool] | None:
        """Mask of the rows to keep; None if that is all."""
        return None if self._reasons is None else self._reasons == 0

    def count(self, amounts: Floats, unit: float) -> dict[str, tuple[int, float]]:
        """How many transactions were dropped for each reason, and what they add up to.

        Returns
        -------
        counts : dict from str to tuple of int and float
            The amount is that of the rows which have one.
        """
        if self._reasons is None:
            return dict.fromkeys(DROPPED, (0, 0.0))
        rows = np.flatnonzero(self._reasons)
        reasons = self._reasons[rows]
        weights = None if self.transactions is None else self.transactions[rows]
        n = np.bincount(reasons, weights=weights, minlength=len(DROPPED) + 1)
        known = np.nan_to_num(amounts[rows], nan=0, posinf=0, neginf=0)
        total = np.bincount(reasons, weights=known, minlength=len(DROPPED) + 1)
        return {
            reason: (int(n[k]), float(total[k] / unit)) for k, reason in enumerate(DROPPED, start=1)
        }


def no_dates(column: str, dtype: object, kind: str = "numbers") -> TypeError:
    """The error that a column of no dates at all is met with."""
    return TypeError(
        f"Column {column!r} holds {kind} ({dtype}), not dates. Convert it first, for example with "
        f"pandas.to_datetime(..., format='%Y%m%d')."
    )


def no_amounts(column: str, dtype: object) -> TypeError:
    """The error that a column of no amounts at all is met with."""
    return TypeError(
        f"Column {column!r} holds values of type {dtype}, not amounts. Name or convert the right "
        f"column."
    )


def _example(values, bad):
    position = int(np.argmax(bad))
    return values.iloc[[position]].to_numpy(dtype=object)[0]


def customer_codes(
    values: pd.Series, column: str, customers: Any, screen: Screen
) -> tuple[Integers, NDArray[Any]]:
    """Number the customers; by default in sorted order, else in that of `customers`."""
    codes, labels = _factorize(values, column, "customer", screen)
    if customers is None:
        position, labels = sort_customers(labels, column)
        return take(position, codes), labels
    listed = pd.Index(customers)
    refuse(listed.isna(), "customers", "missing customer", "Leave it out")
    refuse(listed.duplicated(), "customers", "repeated customer", "List every customer once")
    position = listed.get_indexer(labels).astype(np.int32)
    found = take(position, codes)
    if (position < 0).any():
        screen.refuse(
            (found < 0) & (codes >= 0), column, "customer not listed in customers=",
            "List all customers, or keep only the rows of those that are listed", values,
        )  # fmt: skip
    return found, np.asarray(listed)


def sort_customers(labels: NDArray[Any], column: str) -> tuple[Integers, NDArray[Any]]:
    """The place of each distinct identifier in sorted order, and the identifiers in that order."""
    try:
        order = np.argsort(labels, kind="stable")
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in labels})
        raise ValueError(
            f"Column {column!r} mixes identifiers of types {', '.join(kinds)}. Convert them to one "
            f"type, for example with astype(str)."
        ) from error
    return np.argsort(order).astype(np.int32), labels[order]


def known_customer_codes(values: pd.Series, column: str, customers: NDArray[Any]) -> Integers:
    """Number the customers by their place in `customers`, -1 where they are not among them."""
    codes, labels = _factorize(values, column, "customer", Screen("raise", len(values)))
    return take(pd.Index(customers).get_indexer(labels).astype(np.int32), codes)


def category_codes(values: pd.Series, column: str, screen: Screen) -> tuple[Integers, Names]:
    """Number the categories in the order of their names as text."""
    codes, labels = _factorize(values, column, "category", screen)
    names = np.array([str(label) for label in labels], dtype=object)
    # Sorted as text, so that categories keep their order whatever the column's type.
    names, position = np.unique(names, return_inverse=True)
    return take(position.astype(np.min_scalar_type(-max(len(names), 1))), codes), names


def take(position: NDArray[Any], codes: Integers) -> NDArray[Any]:
    """Look up the position of every code; of the code -1, which means missing, it is -1 or NaT."""
    missing = np.datetime64("NaT") if position.dtype.kind == "M" else position.dtype.type(-1)
    return np.append(position, missing)[codes]


def _factorize(values, column, role, screen):
    """Number the distinct values; what is missing or blank is refused, or has the code -1."""
    try:
        codes, labels = pd.factorize(values)
    except TypeError as error:
        raise TypeError(
            f"Column {column!r} holds lists or the like, which are no {role}. Name or convert the "
            f"right column."
        ) from error
    labels = np.asarray(labels)
    is_blank = np.array([isinstance(label, str) and not label.strip() for label in labels], bool)
    if is_blank.any():
        position = np.where(is_blank, -1, np.cumsum(~is_blank) - 1)
        codes, labels = take(position, codes), labels[~is_blank]
    if codes.min(initial=0) < 0:
        screen.refuse(
            codes < 0, column, f"missing {role}", f"Drop these rows or name the {role}"
        )  # fmt: skip
    return codes, labels


def days_since_1970(values: pd.Series, column: str, screen: Screen | None = None) -> Integers:
    """Convert dates, timestamps or ISO text to days since 1970, each in its own time zone."""
    screen = Screen("raise", len(values)) if screen is None else screen
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    kind = types.infer_dtype(values) if types.is_object_dtype(values.dtype) else ""
    if types.is_numeric_dtype(values.dtype) or kind in _NUMBERS:
        raise no_dates(column, values.dtype)
    if isinstance(values.dtype, pd.StringDtype):
        # Days are few and rows are many: read each text once.
        codes, texts = pd.factorize(values)
        dates = take(_local_times(pd.Series(texts)).to_numpy().astype("M8[D]"), codes)
    else:
        dates = _local_times(values).to_numpy().astype("M8[D]")
    first, last = np.datetime64(f"{FIRST_YEAR}-01-01"), np.datetime64(f"{LAST_YEAR}-12-31")
    # NaT is less than any date as a number, and minimum and maximum give it back.
    if len(dates) and not (dates.min() >= first and dates.max() <= last):
        screen.refuse(
            np.isnat(dates), column, "missing or unreadable date",
            "Write dates as YYYY-MM-DD", values,
        )  # fmt: skip
        screen.refuse(
            (dates < first) | (dates > last), column,
            f"date before {FIRST_YEAR} or after {LAST_YEAR}",
            "Drop these rows, or give the day of the payment", values,
        )  # fmt: skip
        dates = np.where((dates >= first) & (dates <= last), dates, first)
    days = dates.view(np.int64)
    # Days from 1880 to 2059 fit into two bytes.
    is_small = len(days) and np.abs([days.min(), days.max()]).max() <= np.iinfo(np.int16).max
    return days.astype(np.int16 if is_small else np.int32)


def _local_times(values):
    """Read times by the clock they were written with; what cannot be read becomes NaT."""
    if values.dtype.kind == "M" and isinstance(values.dtype, np.dtype):
        return values
    if types.is_string_dtype(values.dtype) or types.is_object_dtype(values.dtype):
        # Words that pandas takes for the day on which it reads them.
        values = values.mask(values.isin(["now", "today"]))
    try:
        times = pd.to_datetime(values, errors="coerce", format="ISO8601")
    except ValueError:
        # Offsets differ, as they do between summer and winter.
        local = values.astype(str).str.replace(_UTC_OFFSET, r"\1", regex=True)
        times = pd.to_datetime(local, errors="coerce", format="ISO8601")
    return times.dt.tz_localize(None)


def read_amounts(
    values: pd.Series, column: str, screen: Screen, unreadable: pd.Series | None = None
) -> tuple[Floats, int]:
    """Convert amounts to numbers, refusing what is no finite one.

    Parameters
    ----------
    values : Series
    column : str
    screen : Screen
    unreadable : Series of str, default=None
        What is there instead of an amount; missing where there is one.

    Returns
    -------
    amounts : ndarray of float64
        Whole multiples of ``1 / unit`` if the column is of integers or decimals, which float64
        adds up exactly.
    unit : int
        Such as 100, if the column holds decimals of two places; else 1.

    Raises
    ------
    TypeError
        If the column holds dates, durations, booleans or complex numbers.
    ValueError
        If amounts are missing, infinite or unreadable, or add up to more than can be held.
    """
    decimals = _as_decimals(values)
    if decimals is not None:
        amounts, unit = _whole_units(decimals, column)
        bad = np.isnan(amounts)
    else:
        unit = 1
        numbers = pd.to_numeric(values, errors="coerce")
        if values.dtype.kind in "bcmM" or numbers.dtype.kind == "b":
            raise no_amounts(column, values.dtype)
        amounts = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
        bad = ~np.isfinite(amounts)
    if unreadable is not None:
        # A sum of numbers that is none was too large for the engine.
        amounts = np.where(bad, np.inf, amounts)
        bad = unreadable.notna().to_numpy()
    if bad.any():
        screen.refuse(
            bad, column, "missing, infinite or unreadable amount",
            "Drop these rows or write amounts as plain numbers",
            values if unreadable is None else unreadable,
        )  # fmt: skip
        amounts = np.where(bad, np.nan, amounts)
    is_exact = decimals is not None or types.is_integer_dtype(values.dtype)
    _check_total(amounts, column, unit, is_exact)
    return amounts, unit


def _check_total(amounts, column, unit, is_exact):
    largest = LARGEST_EXACT if is_exact else np.finfo(np.float64).max
    ends = np.abs([amounts.max(initial=0), amounts.min(initial=0)])
    # A bound first: the sum itself needs a copy. NaN is below no bound.
    if ends.max() <= largest / max(len(amounts), 1):
        return
    with np.errstate(over="ignore"):
        total = np.nansum(np.abs(amounts))
    if total > largest and is_exact:
        raise ValueError(
            f"Column {column!r}: the amounts add up to {total / unit:.3g}, too much to be exact to "
            f"1/{unit}. Convert them to float64 if rounding will do."
        )
    if total > largest:
        most = np.nanmax(np.abs(amounts))
        such = f"amounts such as {most:.2g}" if np.isfinite(most) else "amounts that are too large"
        raise ValueError(
            f"Column {column!r}: the amounts add up to more than {largest:.2g}. Check for {such}."
        )


def _as_decimals(values):
    """The values as an arrow array if they are decimals, else None."""
    if isinstance(values.dtype, pd.ArrowDtype):
        return pa.array(values) if pa.types.is_decimal(values.dtype.pyarrow_dtype) else None
    if not types.is_object_dtype(values.dtype) or types.infer_dtype(values) != "decimal":
        return None
    is_finite = [isinstance(value, Decimal) and value.is_finite() for value in values]
    return pa.array(values.where(is_finite, None), from_pandas=True)


def _whole_units(decimals, column):
    """Decimals as multiples of their smallest place: float64, NaN where missing, and the unit."""
    if isinstance(decimals, pa.ChunkedArray):
        decimals = decimals.combine_chunks()
    for places in range(max(decimals.type.scale, 0) + 1):
        try:
            wide = decimals.cast(pa.decimal128(38, places))
            break
        except pa.ArrowInvalid:
            # More places than that are in use.
            continue
    else:
        raise ValueError(
            f"Column {column!r} holds decimals of more than 38 digits. Convert them to float64."
        )
    # A decimal of 128 bits is two words; the upper one only repeats the sign of a small number.
    words = np.frombuffer(wide.buffers()[1], dtype=np.int64).reshape(-1, 2)
    words = words[wide.offset : wide.offset + len(wide)]
    is_missing = np.asarray(wide.is_null())
    low, high = words.T
    amounts = low.astype(np.float64)
    is_wide = high != low >> 63
    amounts[is_wide] = high[is_wide] * 2.0**64 + low[is_wide].astype(np.uint64)
    amounts[is_missing] = np.nan
    return amounts, 10**places
