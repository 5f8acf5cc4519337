"""From the merchant category codes of card payments to categories of spending.

A column of codes comes in; out goes a column of category names. A category that has published
coefficients is named as there. The transactions of the paper had categories (Maree & Omlin 2021,
section III-A); card payments have codes.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from importlib import resources
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, overload

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from .._utils._errors import refuse
from .._utils._text import warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.typing import IntoSeries
    from numpy.typing import NDArray

    from .._utils._typing import Names

    Column: TypeAlias = Sequence[Any] | NDArray[Any]
    Handling: TypeAlias = Literal["warn", "error", "ignore"]
    SeriesT = TypeVar("SeriesT", bound=pd.Series | IntoSeries)

UNKNOWN = "unknown"
"""The category of codes that are missing, malformed or not listed."""
N_CODES = 10_000
MALFORMED, MISSING = -1, -2
"""Positions for what is no code, at the end of a table of N_CODES + 2 entries."""
MOSTLY = 0.5
"""Share of the categories of a table of codes that are listed codes."""
_CODE = re.compile(r"([0-9]{1,4})(?:\.0*)?")
_REMEDY = "Correct the codes, name their categories with overrides="


@overload
def mcc_to_category(
    codes: SeriesT, *, handle_unknown: Handling = ..., overrides: dict[Any, str] | None = ...
) -> SeriesT: ...
@overload
def mcc_to_category(
    codes: Column, *, handle_unknown: Handling = ..., overrides: dict[Any, str] | None = ...
) -> Names: ...
def mcc_to_category(
    codes: Any, *, handle_unknown: Handling = "warn", overrides: dict[Any, str] | None = None
) -> Any:
    """Name the category of spending for each merchant category code (MCC).

    Parameters
    ----------
    codes : Series, ChunkedArray, ndarray or sequence, shape (n_rows,)
        Four-digit codes of ISO 18245 (Retail financial services: merchant category codes), as
        numbers or text. Lost leading zeros, blanks around a code and decimals of zero are accepted:
        742, ``"742"``, ``" 0742"``, 742.0 and ``"742.0"`` are all code 0742. Text of five digits is
        malformed, even if it starts with a zero, because it probably belongs to another
        classification. Series of any library work, also categorical.
    handle_unknown : {"warn", "error", "ignore"}, default="warn"
        What to do about codes that are malformed, not listed, or missing (also blank text): give
        them the category ``"unknown"``, with or without a UserWarning of the number and share of
        rows and the most frequent codes, or raise. No row is dropped.
    overrides : dict, default=None
        Your own categories by code, such as ``{5999: "gifts", "5723": "hunting"}``; codes that are
        not listed are allowed.

    Returns
    -------
    categories : Series, ChunkedArray or ndarray of object, shape (n_rows,)
        Text. A Series or ChunkedArray gives one of the same library, with its name and index; any
        other sequence gives an array.

    Raises
    ------
    ValueError
        If codes are unknown or missing and ``handle_unknown="error"``, or if an option is invalid.
    TypeError
        If `codes` is not a sequence of one dimension.

    Notes
    -----
    The known codes are those that the package iso18245 1.4.1 lists: codes of ISO 18245 and of the
    card networks, whose private ranges 3000-3350, 3351-3500 and 3501-3999 are airlines, car rental
    and lodging (except 3998, a railway). Later codes are unknown until ``overrides`` names them.

    The category of a code is **this project's own judgement**. It follows no standard, and it is
    not the table of 59 categories in the supplement of Matz, Gladstone & Stillwell (2016). Read it
    and object to it: ``skspend/categories/data/mcc_categories.csv``. Of its 60 categories, 15 have
    a published direction (see :func:`~skspend.personality.load_coefficients`): accountant fees,
    books, charities, dining and drinking, eating out in pubs, entertainment, flights, gambling,
    hair and beauty, health and fitness, hotels, pets, stationery, toys and hobbies, and travel.
    Four published categories have no merchant category: fines (9222) are more than traffic fines,
    insurance (6300) is more than home insurance, and mortgages and savings are not paid by card. A
    code describes what a merchant mainly sells, not what was bought there.

    Examples
    --------
    >>> import pandas as pd
    >>> from skspend.categories import mcc_to_category
    >>> mcc_to_category(pd.Series([5411, 742, 5813, 3042], name="mcc")).tolist()
    ['groceries', 'pets', 'eating out in pubs', 'flights']
    >>> mcc_to_category(["5411", "abcd", None], handle_unknown="ignore").tolist()
    ['groceries', 'unknown', 'unknown']
    >>> mcc_to_category(["5411", "9999"], overrides={"9999": "club shop"}).tolist()
    ['groceries', 'club shop']
    """
    if handle_unknown not in ("warn", "error", "ignore"):
        raise ValueError(
            f"handle_unknown must be 'warn', 'error' or 'ignore', got {handle_unknown!r}."
        )
    listed, category_of = _load_categories()
    names, category_of = _override(listed, category_of, overrides or {})
    series = nw.from_native(codes, series_only=True, pass_through=True)
    is_series = isinstance(series, nw.Series)
    # Each distinct value is read once. A missing one has the position -1, which is the last.
    rows, distinct = pd.factorize(series.to_pandas() if is_series else _as_column(codes))
    distinct = np.array([*distinct, None], dtype=object)
    found = np.array([_read_code(value) for value in distinct], dtype=np.int16)
    category = category_of[found]
    if handle_unknown != "ignore":
        column, is_missing = (is_series and series.name) or "codes", found == MISSING
        report = _raise_unknown if handle_unknown == "error" else _warn_unknown
        report(column, rows, distinct, (category == 0) & ~is_missing, is_missing)
    if not is_series:
        return np.array(names, dtype=object)[category[rows]]
    texts = nw.new_series(series.name, names, nw.String, backend=series.implementation)
    categories, index = texts[category[rows]].to_native(), nw.maybe_get_index(series)
    # nw.maybe_set_index would be slow: it reads the index value by value.
    return categories if index is None else categories.set_axis(index)


def ask_about_codes(names: Sequence[str]) -> str:
    """Ask for mcc=True if names look like merchant category codes.

    >>> ask_about_codes(["5411", "5812"])
    ' They look like merchant category codes: pass mcc=True.'
    """
    _, category_of = _load_categories()
    known = category_of[[_read_code(name) for name in names]] > 0
    if known.mean() < MOSTLY:
        return ""
    return " They look like merchant category codes: pass mcc=True."


def _read_code(value):
    """Return a code as a number from 0 to 9999, or MALFORMED, or MISSING."""
    if value is None:
        return MISSING
    if isinstance(value, str):
        value = value.strip()
        match = _CODE.fullmatch(value)
        return int(match[1]) if match else MALFORMED if value else MISSING
    if not isinstance(value, Real | Decimal) or isinstance(value, bool):
        return MALFORMED
    return int(value) if 0 <= value < N_CODES and value == int(value) else MALFORMED


@cache
def _load_categories():
    """Return the names of the categories, "unknown" first, and the position of each code's name."""
    source = resources.files("skspend.categories") / "data" / "mcc_categories.csv"
    with source.open(encoding="utf-8") as file:
        ranges = pd.read_csv(file)
    names = [UNKNOWN, *ranges["category"].unique()]
    category_of = np.zeros(N_CODES + 2, dtype=np.int16)
    for first, last, category in ranges.itertuples(index=False):
        category_of[first : last + 1] = names.index(category)
    return names, category_of


def _override(names, category_of, overrides):
    names, category_of = names.copy(), category_of.copy()
    for code, category in overrides.items():
        found = _read_code(code)
        if found < 0:
            raise ValueError(
                f"overrides has {code!r}, which is not a code from 0 to {N_CODES - 1}."
            )
        if not isinstance(category, str) or not category.strip():
            raise ValueError(
                f"overrides gives code {code!r} the category {category!r}. Pass its name as text."
            )
        if category not in names:
            names.append(category)
        category_of[found] = names.index(category)
    return names, category_of


def _as_column(codes):
    # Without dtype=object, NumPy turns a NaN among text into the text "nan".
    values = codes if isinstance(codes, np.ndarray) else np.asarray(codes, dtype=object)
    if values.ndim != 1:
        raise TypeError(
            f"codes must be a Series or a sequence of one dimension, got a {type(codes).__name__}. "
            f"Pass one column."
        )
    return pd.Series(values, dtype=object if values.dtype.kind in "OU" else None)


def _raise_unknown(column, rows, distinct, is_unknown, is_missing):
    example = distinct[np.argmax(is_unknown)]
    refuse(
        is_unknown[rows], column, f"unknown merchant category code (such as {example!r})",
        f"{_REMEDY}, or pass handle_unknown='warn' to call them {UNKNOWN!r}",
    )  # fmt: skip
    refuse(
        is_missing[rows], column, "missing merchant category code",
        f"Fill in the codes, or pass handle_unknown='warn' to call their category {UNKNOWN!r}",
    )  # fmt: skip


def _warn_unknown(column, rows, distinct, is_unknown, is_missing):
    counts = np.bincount(rows % len(distinct), minlength=len(distinct))
    problems = []
    for problem, is_bad in (("unknown", is_unknown), ("missing", is_missing)):
        if n_bad := counts[is_bad].sum():
            share = f"{n_bad:,} of {len(rows):,} rows ({n_bad / len(rows):.1%})"
            problems.append(f"{problem} merchant category codes in {share}")
    if is_unknown.any():
        order = np.argsort(-counts * is_unknown, kind="stable")[: min(5, is_unknown.sum())]
        shown = ", ".join(f"{distinct[k]!r} in {counts[k]:,}" for k in order)
        problems[0] += f", {is_unknown.sum():,} distinct, most often {shown}"
    if problems:
        warn(
            f"Column {column!r}: {'; '.join(problems)}. Their category is {UNKNOWN!r}. {_REMEDY}, "
            f"or pass handle_unknown='ignore'."
        )
