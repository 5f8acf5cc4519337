"""Raw columns of transactions turned into codes, days and numbers."""

import re
from decimal import Decimal
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api import types

from .._utils._errors import refuse
from . import _quality

LARGEST_EXACT = 2**53 - 1
"""From the next whole number on, float64 has gaps."""
FIRST_DAY = int(np.datetime64(f"{_quality.FIRST_YEAR}-01-01").astype(np.int64))
LAST_DAY = int(np.datetime64(f"{_quality.LAST_YEAR}-12-31").astype(np.int64))
"""In days since 1970."""
NO_NUMBER = 10**18
"""In the place of text that is no whole number; it is larger than any."""
_WHOLE_NUMBER = "^(?:0|[1-9][0-9]{0,17})$"
"""Text that is written as a whole number is, so that no digit is lost: 007 is not."""
_NO_DATE = np.iinfo(np.int64).min
"""What NaT is as a number."""
_NUMBERS = {"integer", "floating", "mixed-integer", "mixed-integer-float", "decimal", "boolean"}
_FRACTION = r"(:\d{2})\.\d+"
_PLAIN_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NO_DAY = r"\d{4}(?:[-/. ]?\d{1,2})?"
_UTC_OFFSET = r"([T ]\d.*?)(?:Z|[+-]\d{2}(?::?\d{2})?)$"


def not_dates(column, dtype, kind="numbers"):
    return TypeError(
        f"Column {column!r} holds {kind} ({dtype}), not dates. Convert it first, for example with "
        f"pandas.to_datetime(..., format='%Y%m%d')."
    )


def not_amounts(column, dtype):
    return TypeError(
        f"Column {column!r} holds values of type {dtype}, not amounts. Name or convert the right "
        f"column."
    )


def customer_codes(values, column, customers, unreadable, text=None):
    """Return codes, -1 if missing or not listed, and the customers: those listed or all, sorted.

    Where `text` reads text files, those that are whole numbers come first, by size.
    """
    codes, labels = _factorize(values, column, _quality.NO_CUSTOMER, unreadable)
    if customers is None:
        position, labels = sort_labels(labels, column, numbers_first=text is not None)
        return take(position, codes), labels
    listed = pd.Index(customers)
    refuse(listed.isna(), "customers", _quality.NO_CUSTOMER, "Leave it out")
    refuse(listed.duplicated(), "customers", "repeated customer", "List every customer once")
    found = take(listed.get_indexer(labels).astype(np.int32), codes)
    remedy = "List all customers, or keep only the rows of those that are listed"
    unreadable.add((found < 0) & (codes >= 0), column, _quality.UNLISTED, remedy, values)
    return found, np.asarray(listed)


def known_customer_codes(values, column, customers, unreadable):
    """Return the customers' places in `customers`, -1 where they are not among them."""
    codes, labels = _factorize(values, column, _quality.NO_CUSTOMER, unreadable)
    return take(pd.Index(customers).get_indexer(labels).astype(np.int32), codes)


def sort_labels(labels, column, numbers_first=False):
    """Return the rank of each of several distinct labels, and the labels in sorted order.

    With `numbers_first`, labels are text, and those that are whole numbers come first, by size.
    """
    if numbers_first:
        numbers = whole_numbers(labels)
        order = np.argsort(numbers, kind="stable")
        others = order[np.count_nonzero(numbers < NO_NUMBER) :]
        others[:] = others[np.argsort(labels[others], kind="stable")]
        return np.argsort(order).astype(np.int32), labels[order]
    try:
        order = np.argsort(labels, kind="stable")
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in labels})
        raise ValueError(
            f"Column {column!r} mixes identifiers of types {', '.join(kinds)}. Convert them to one "
            f"type, for example with astype(str)."
        ) from error
    return np.argsort(order).astype(np.int32), labels[order]


def whole_numbers(labels):
    """Read text as integers where it is written as a whole number is, elsewhere as NO_NUMBER."""
    texts = pa.array(labels, pa.string())
    is_whole = pc.match_substring_regex(texts, _WHOLE_NUMBER)
    return pc.if_else(is_whole, texts, str(NO_NUMBER)).cast(pa.int64()).to_numpy()


def category_codes(values, column, unreadable):
    """Number the categories in the order of their names as text, whatever the type of `values`."""
    codes, labels = _factorize(values, column, _quality.NO_CATEGORY, unreadable)
    names = np.array([str(label) for label in labels], dtype=object)
    names, position = np.unique(names, return_inverse=True)
    return take(smallest(position), codes), names


def smallest(codes):
    """Return codes of 0 ... n - 1 in the smallest type that also holds -n."""
    return codes.astype(np.min_scalar_type(-max(codes.max(initial=0) + 1, 1)))


def take(position, codes):
    """Look up the position of every code; that of the code -1, a missing value, is -1 or NaT."""
    missing = "NaT" if position.dtype.kind == "M" else -1
    return np.append(position, np.array(missing, dtype=position.dtype))[codes]


def _factorize(values, column, reason, unreadable):
    """Number the distinct values; missing and blank ones are refused, or have the code -1."""
    role = reason.removeprefix("missing ")
    try:
        codes, labels = _number(values)
    except TypeError as error:
        raise TypeError(
            f"Column {column!r} holds lists or the like, and each of its values should be one "
            f"{role}. Name or convert the right column."
        ) from error
    labels = np.asarray(labels)
    if any(isinstance(label, bytes) for label in labels):
        position, labels = pd.factorize(_decode(labels, column))
        codes = take(position, codes)
    is_blank = np.array([isinstance(label, str) and not label.strip() for label in labels], bool)
    # Of arrow's floats, NaN is a value like others.
    is_blank |= pd.isna(labels)
    if is_blank.any():
        position = np.where(is_blank, -1, np.cumsum(~is_blank) - 1)
        codes, labels = take(position, codes), labels[~is_blank]
    if codes.min(initial=0) < 0:
        remedy = f"Drop these rows with errors='drop', or name the {role}"
        unreadable.add(codes < 0, column, reason, remedy)
    return codes, labels


def _number(values):
    """Return the codes and the distinct values of pandas' factorize, in any order."""
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return pd.factorize(values)
    # A dictionary of a file may hold values of other rows.
    codes, labels = values.cat.codes.to_numpy(), values.cat.categories
    is_used = np.zeros(len(labels) + 1, dtype=bool)
    # A missing value, -1, is the last one.
    is_used[codes] = True
    is_used = is_used[:-1]
    if is_used.all():
        return codes, labels
    return take(np.cumsum(is_used) - 1, codes), labels[is_used]


def _decode(labels, column):
    """Decode labels that an engine gives as bytes."""
    try:
        found = [label.decode() if isinstance(label, bytes) else label for label in labels]
    except UnicodeDecodeError as error:
        raise ValueError(
            f"Column {column!r} holds bytes that are no UTF-8 text, such as {error.object!r}. "
            f"Convert them to text or numbers."
        ) from error
    return np.array(found, dtype=object)


def days_since_1970(values, column, unreadable=None, text=None):
    """Convert dates, timestamps or ISO text to days since 1970, each in its own time zone.

    `text` reads dates of text files, in any format.
    """
    codes, labels = None, values
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes, labels = values.cat.codes.to_numpy(), pd.Series(values.cat.categories)
    kind = types.infer_dtype(labels) if types.is_object_dtype(labels.dtype) else ""
    if types.is_numeric_dtype(labels.dtype) or kind in _NUMBERS:
        raise not_dates(column, labels.dtype)
    if isinstance(labels.dtype, pd.StringDtype):
        # Days are few and rows are many: read each text once.
        if codes is None:
            codes, labels = pd.factorize(values)
        labels = pd.Series(labels) if text is None else text.read_dates(labels)
    days = _whole_days(local_times(labels).to_numpy())
    if codes is not None:
        days = np.append(days, _NO_DATE)[codes]
    if len(days) and not (days.min() >= FIRST_DAY and days.max() <= LAST_DAY):
        unreadable = unreadable or _quality.UnreadableRows("raise", len(values))
        remedy = (text and text.date_remedy) or "Write dates as YYYY-MM-DD"
        is_missing = days == _NO_DATE
        unreadable.add(is_missing, column, _quality.NO_DATE, remedy, values)
        is_bad = (days < FIRST_DAY) | (days > LAST_DAY)
        remedy = "Drop these rows with errors='drop', or give the day of the payment"
        unreadable.add(is_bad & ~is_missing, column, _quality.FAR_DATE, remedy, values)
        days = np.where(is_bad, FIRST_DAY, days)
    # Days from 1880 to 2059 fit into two bytes.
    is_small = len(days) and np.abs([days.min(), days.max()]).max() <= np.iinfo(np.int16).max
    return days.astype(np.int16 if is_small else np.int32)


def _whole_days(times):
    """Days since 1970; NumPy's own conversion goes by the calendar, and takes ten times as long."""
    unit, n_units = np.datetime_data(times.dtype)
    days = times.view(np.int64) // (np.timedelta64(1, "D") // np.timedelta64(n_units, unit))
    days[np.isnat(times)] = _NO_DATE
    return days


def _tidy(text):
    """Make text of times plain enough for pandas, and a missing value of what names no day."""
    # With nanoseconds, pandas would read no year after 2262.
    text = text.str.strip().str.replace(_FRACTION, r"\1", regex=True)
    # pandas reads these words as the current day, and years and months as their first day.
    return text.mask(text.isin(["now", "today"]) | text.str.fullmatch(_NO_DAY))


def _plain_days(text):
    """Read days that are all written as YYYY-MM-DD, as they mostly are; else return None."""
    words = text.to_list()
    is_plain = (isinstance(word, str) and _PLAIN_DAY.fullmatch(word) for word in words)
    if not words or not all(is_plain):
        return None
    try:
        return pd.Series(np.array(words, dtype="M8[D]").astype("M8[us]"), index=text.index)
    except ValueError:  # such as 31 February
        return None


def local_times(values):
    """Read times by the clock they were written with; what cannot be read becomes NaT."""
    if values.dtype.kind == "M" and isinstance(values.dtype, np.dtype):
        return values
    if types.is_object_dtype(values.dtype):
        is_text = np.array([isinstance(value, str) for value in values], dtype=bool)
        if is_text.any():
            values = values.copy()
            values[is_text] = _tidy(values[is_text].astype(str))
    elif types.is_string_dtype(values.dtype):
        if (days := _plain_days(values)) is not None:
            return days
        values = _tidy(values.astype(str))
    try:
        times = pd.to_datetime(values, errors="coerce", format="ISO8601")
    except ValueError:
        # Offsets differ, as they do between summer and winter.
        local = values.astype(str).str.replace(_UTC_OFFSET, r"\1", regex=True)
        times = pd.to_datetime(local, errors="coerce", format="ISO8601")
    return times.dt.tz_localize(None)


def read_amounts(values, column, unreadable, not_amount=None, text=None):
    """Return finite numbers, NaN in rows that cannot be read, and their unit.

    Decimals become whole multiples of ``1 / unit`` (of two places: 100), which float64 adds up
    exactly. `not_amount` is an engine's text in place of an amount, missing where there is one, and
    `text` reads numbers of text files, in any format.
    """
    decimals = _as_decimals(values)
    if decimals is not None:
        amounts, unit = _whole_units(decimals, column)
        bad = np.isnan(amounts)
    else:
        unit = 1
        reads = partial(pd.to_numeric, errors="coerce") if text is None else text.read_numbers
        numbers = reads(values)
        if values.dtype.kind in "bcmM" or numbers.dtype.kind == "b":
            raise not_amounts(column, values.dtype)
        amounts = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
        bad = ~np.isfinite(amounts)
    if not_amount is not None:
        # All amounts of such a cell are numbers: it is their sum that overflows in the engine.
        amounts = np.where(bad, np.inf, amounts)
        bad = not_amount.notna().to_numpy()
    if bad.any():
        remedy = "Drop these rows with errors='drop', or write amounts as plain numbers"
        remedy = (text and text.number_remedy) or remedy
        examples = values if not_amount is None else not_amount
        unreadable.add(bad, column, _quality.NO_AMOUNT, remedy, examples)
        amounts = np.where(bad, np.nan, amounts)
    is_exact = decimals is not None or types.is_integer_dtype(values.dtype)
    _check_total(amounts, column, unit, is_exact)
    return amounts, unit


def _check_total(amounts, column, unit, is_exact):
    largest = LARGEST_EXACT if is_exact else np.finfo(np.float64).max
    ends = np.abs([amounts.max(initial=0), amounts.min(initial=0)])
    # A bound first, because the sum itself needs a copy. NaN is below no bound.
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
    if isinstance(values.dtype, pd.ArrowDtype):
        return pa.array(values) if pa.types.is_decimal(values.dtype.pyarrow_dtype) else None
    if not types.is_object_dtype(values.dtype) or types.infer_dtype(values) != "decimal":
        return None
    is_finite = [isinstance(value, Decimal) and value.is_finite() for value in values]
    return pa.array(values.where(is_finite, None), from_pandas=True)


def _whole_units(decimals, column):
    """Return decimals as whole multiples, in float64, of their smallest place; and the unit."""
    if isinstance(decimals, pa.ChunkedArray):
        decimals = decimals.combine_chunks()
    for places in range(max(decimals.type.scale, 0) + 1):
        try:
            wide = decimals.cast(pa.decimal128(38, places))
            break
        except pa.ArrowInvalid:
            continue  # The decimals have more places.
    else:
        raise ValueError(
            f"Column {column!r} holds decimals of more than 38 digits. Convert them to float64."
        )
    # The same digits without a decimal point.
    kind = pa.decimal128(38, 0)
    whole = pa.Array.from_buffers(kind, len(wide), wide.buffers(), offset=wide.offset)
    return whole.cast(pa.float64()).to_numpy(zero_copy_only=False), 10**places
