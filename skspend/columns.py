"""Raw columns of a long frame turned into codes, days and numbers.

What cannot be read is refused with the column, the count, the first row and a remedy.
"""

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from pandas.api import types

_NUMBERS = {"integer", "floating", "mixed-integer", "mixed-integer-float", "decimal", "boolean"}
_UTC_OFFSET = r"([T ]\d.*?)(?:Z|[+-]\d{2}(?::?\d{2})?)$"


def read_columns(frame, names, what, optional=()):
    """Fetch the named columns of any eager frame as pandas Series, or say which are missing.

    The roles in `optional` may be missing.
    """
    try:
        table = nw.from_native(frame, eager_only=True)
    except TypeError as error:
        raise TypeError(
            f"{what} must be a pandas, polars or pyarrow frame in memory, got "
            f"{type(frame).__name__}."
        ) from error
    found = {role: name for role, name in names.items() if name in table.columns}
    missing = [
        f"{name!r} (keyword {role}=)"
        for role, name in names.items()
        if role not in found and role not in optional
    ]
    if missing:
        raise ValueError(
            f"{what} has no column {', '.join(missing)}. Its columns are: "
            f"{', '.join(map(repr, table.columns))}. Name the right ones by keyword."
        )
    return {role: _to_pandas(table.get_column(name)) for role, name in found.items()}


def _to_pandas(column):
    # Arrow keeps zoned times in UTC, where the day may be another than on the customer's clock.
    if column.dtype == nw.Datetime and column.dtype.time_zone:
        column = column.dt.replace_time_zone(None)
    return column.to_pandas()


def refuse(bad, column, problem, remedy):
    """Raise if any value is bad, with the column, the count, the first row and a remedy."""
    if bad.any():
        raise ValueError(
            f"Column {column!r}: {problem} in {bad.sum():,} of {len(bad):,} rows, first in row "
            f"{int(np.argmax(bad)):,} (counted from 0). {remedy}."
        )


def customer_codes(values, column, customers):
    """Number the customers; by default in sorted order, else in that of `customers`."""
    codes, labels = _factorize(values, column, "customer")
    if customers is None:
        try:
            order = np.argsort(labels, kind="stable")
        except TypeError as error:
            kinds = sorted({type(label).__name__ for label in labels})
            raise ValueError(
                f"Column {column!r} mixes identifiers of types {', '.join(kinds)}. Convert them to "
                f"one type, for example with astype(str)."
            ) from error
        return np.argsort(order)[codes].astype(np.int32), labels[order]
    listed = pd.Index(customers)
    refuse(listed.isna(), "customers", "missing customer", "Leave it out")
    refuse(listed.duplicated(), "customers", "repeated customer", "List every customer once")
    codes = listed.get_indexer(labels)[codes]
    refuse(
        codes < 0, column, "customer not listed in customers=",
        "List all customers, or keep only the rows of those that are listed",
    )  # fmt: skip
    return codes.astype(np.int32), np.asarray(listed)


def known_customer_codes(values, column, customers):
    """Number the customers by their place in `customers`, -1 where they are not among them."""
    codes, labels = _factorize(values, column, "customer")
    return pd.Index(customers).get_indexer(labels)[codes].astype(np.int32)


def category_codes(values, column):
    """Number the categories in the order of their names as text."""
    codes, labels = _factorize(values, column, "category")
    names = np.array([str(label) for label in labels], dtype=object)
    # Sorted as text, so that categories keep their order whatever the column's type.
    names, position = np.unique(names, return_inverse=True)
    return position[codes].astype(np.int32), names


def _factorize(values, column, role):
    """Number the distinct values in order of appearance; refuse what is missing or blank."""
    codes, labels = pd.factorize(values)
    labels = np.asarray(labels)
    is_blank = [isinstance(label, str) and not label.strip() for label in labels]
    # A missing value has the code -1, which picks the last.
    is_blank = np.array([*is_blank, True])
    refuse(is_blank[codes], column, f"missing {role}", f"Drop these rows or name the {role}")
    return codes, labels


def days_since_1970(values, column):
    """Convert dates, timestamps or ISO text to days since 1970, each in its own time zone."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    kind = types.infer_dtype(values) if types.is_object_dtype(values.dtype) else ""
    if types.is_numeric_dtype(values.dtype) or kind in _NUMBERS:
        raise TypeError(
            f"Column {column!r} holds numbers ({values.dtype}), not dates. Convert it first, for "
            f"example with pandas.to_datetime(..., format='%Y%m%d')."
        )
    dates = _local_times(values)
    bad = dates.isna().to_numpy()
    example = values.to_numpy(dtype=object)[np.argmax(bad)] if bad.any() else None
    refuse(
        bad, column, f"missing or unreadable date (such as {example!r})",
        "Write dates as YYYY-MM-DD",
    )  # fmt: skip
    return dates.to_numpy().astype("M8[D]").astype(np.int32)


def _local_times(values):
    """Read times by the clock they were written with; what cannot be read becomes NaT."""
    try:
        times = pd.to_datetime(values, errors="coerce", format="ISO8601")
    except ValueError:
        # Offsets differ, as they do between summer and winter.
        local = values.astype(str).str.replace(_UTC_OFFSET, r"\1", regex=True)
        times = pd.to_datetime(local, errors="coerce", format="ISO8601")
    return times.dt.tz_localize(None)


def finite_amounts(values, column):
    """Convert amounts to float64, refusing what is no finite number."""
    numbers = pd.to_numeric(values, errors="coerce")
    if values.dtype.kind in "bcmM" or numbers.dtype.kind == "b":
        raise TypeError(
            f"Column {column!r} holds values of type {values.dtype}, not amounts. Name or convert "
            f"the right column."
        )
    numbers = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(numbers)
    example = values.to_numpy(dtype=object)[np.argmax(bad)] if bad.any() else None
    refuse(
        bad, column, f"missing, infinite or unreadable amount (such as {example!r})",
        "Drop these rows or write amounts as plain numbers",
    )  # fmt: skip
    return numbers
