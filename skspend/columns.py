"""Raw columns of a long frame turned into codes, days and numbers.

What cannot be read is refused with the column, the count, the first row and a remedy.
"""

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from pandas.api import types


def read_columns(frame, names, what):
    """Fetch the named columns of any eager frame as pandas Series, or say which are missing."""
    try:
        table = nw.from_native(frame, eager_only=True)
    except TypeError as error:
        raise TypeError(
            f"{what} must be a pandas, polars or pyarrow frame in memory, got "
            f"{type(frame).__name__}."
        ) from error
    missing = [
        f"{name!r} (keyword {role}=)" for role, name in names.items() if name not in table.columns
    ]
    if missing:
        raise ValueError(
            f"{what} has no column {', '.join(missing)}. Its columns are: "
            f"{', '.join(map(repr, table.columns))}. Name the right ones by keyword."
        )
    return {role: table[name].to_pandas() for role, name in names.items()}


def refuse(bad, column, problem, remedy):
    """Raise if any value is bad, with the column, the count, the first row and a remedy."""
    if bad.any():
        raise ValueError(
            f"Column {column!r}: {problem} in {bad.sum():,} of {len(bad):,} rows, first in row "
            f"{int(np.argmax(bad)):,} (counted from 0). {remedy}."
        )


def customer_codes(values, column, customers):
    """Number the customers; by default in sorted order, else in that of `customers`."""
    refuse(_blank(values), column, "missing customer", "Drop these rows or name the customers")
    if customers is None:
        try:
            codes, labels = pd.factorize(values, sort=True)
        except TypeError as error:
            kinds = sorted({type(value).__name__ for value in values})
            raise ValueError(
                f"Column {column!r} mixes identifiers of types {', '.join(kinds)}. Convert them to "
                f"one type, for example with astype(str)."
            ) from error
        return codes.astype(np.int32), np.asarray(labels)
    labels = pd.Index(customers)
    refuse(labels.duplicated(), "customers", "repeated customer", "List every customer once")
    codes = labels.get_indexer(values)
    refuse(
        codes < 0, column, "customer not listed in customers=",
        "List all customers, or keep only the rows of those that are listed",
    )  # fmt: skip
    return codes.astype(np.int32), np.asarray(labels)


def category_codes(values, column):
    """Number the categories in the order of their names as text."""
    refuse(_blank(values), column, "missing category", "Drop these rows or name the category")
    codes, labels = pd.factorize(values)
    names = np.array([str(label) for label in labels], dtype=object)
    # Sorted as text, so that categories keep their order whatever the column's type.
    names, position = np.unique(names, return_inverse=True)
    return position[codes].astype(np.int32), names


def _blank(values):
    blank = values.isna().to_numpy()
    if types.is_string_dtype(values.dtype) or types.is_object_dtype(values.dtype):
        blank = blank | (values.astype(str).str.strip() == "").to_numpy()
    return blank


def days_since_1970(values, column):
    """Convert dates, timestamps or ISO text to days since 1970."""
    if types.is_numeric_dtype(values.dtype):
        raise TypeError(
            f"Column {column!r} holds numbers ({values.dtype}), not dates. Convert it first, for "
            f"example with pandas.to_datetime(..., format='%Y%m%d')."
        )
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_localize(None)
    dates = pd.to_datetime(values, errors="coerce", format="ISO8601")
    bad = dates.isna().to_numpy()
    example = values.to_numpy(dtype=object)[np.argmax(bad)] if bad.any() else None
    refuse(
        bad, column, f"missing or unreadable date (such as {example!r})",
        "Write dates as YYYY-MM-DD",
    )  # fmt: skip
    return dates.to_numpy().astype("M8[D]").astype(np.int32)


def finite_amounts(values, column):
    """Convert amounts to float64, refusing what is no finite number."""
    if types.is_bool_dtype(values.dtype):
        raise TypeError(f"Column {column!r} holds true/false, not amounts.")
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(numbers)
    example = values.to_numpy(dtype=object)[np.argmax(bad)] if bad.any() else None
    refuse(
        bad, column, f"missing, infinite or unreadable amount (such as {example!r})",
        "Drop these rows or write amounts as plain numbers",
    )  # fmt: skip
    return numbers
