"""mcc_to_category: from the merchant category codes of card payments to categories of spending.

A column of codes comes in; out goes a column of category names. Where a merchant category means one
of the categories that have published coefficients, it has exactly that name. The transactions of
the paper came with categories (Maree & Omlin 2021, section III-A); those of cards have codes.
"""

from __future__ import annotations

import re
import warnings
from decimal import Decimal
from functools import cache
from importlib import resources
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, overload

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from .._utils._errors import refuse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.typing import IntoSeriesT
    from numpy.typing import NDArray

    from .._utils._typing import Names

UNKNOWN = "unknown"
"""The category of codes that are missing, malformed or not listed."""
N_CODES = 10_000
MALFORMED, MISSING = -1, -2
"""They stand in for a code: the last two positions of tables that are two longer than N_CODES."""
N_SHOWN = 5
"""How many unknown codes a warning shows."""
_CODE = re.compile(r"([0-9]{1,4})(?:\.0*)?")
_REMEDY = "Correct the codes, name their categories with overrides="


@overload
def mcc_to_category(
    codes: pd.Series,
    *,
    handle_unknown: Literal["warn", "error", "ignore"] = "warn",
    overrides: dict[Any, str] | None = None,
) -> pd.Series: ...
@overload
def mcc_to_category(
    codes: IntoSeriesT,
    *,
    handle_unknown: Literal["warn", "error", "ignore"] = "warn",
    overrides: dict[Any, str] | None = None,
) -> IntoSeriesT: ...
@overload
def mcc_to_category(
    codes: Sequence[Any] | NDArray[Any],
    *,
    handle_unknown: Literal["warn", "error", "ignore"] = "warn",
    overrides: dict[Any, str] | None = None,
) -> Names: ...
def mcc_to_category(
    codes: Any,
    *,
    handle_unknown: Literal["warn", "error", "ignore"] = "warn",
    overrides: dict[Any, str] | None = None,
) -> Any:
    """Name the category of spending for each merchant category code (MCC).

    Parameters
    ----------
    codes : Series, ChunkedArray, ndarray or sequence, shape (n_rows,)
        Four-digit codes of ISO 18245, as numbers or text. Leading zeros may be lost, blanks around
        and decimals of zero do no harm: 742, ``"742"``, ``" 0742"``, 742.0 and ``"742.0"`` are all
        code 0742. Text of five digits is none, even if it starts with a zero: it is likely to come
        from another classification. Series may be those of pandas or polars, also categorical.
    handle_unknown : {"warn", "error", "ignore"}, default="warn"
        What to do about codes that are malformed, not listed, or missing (also blank text). No row
        is ever dropped: ``"warn"`` and ``"ignore"`` give the category ``"unknown"``; ``"error"``
        raises.
    overrides : dict, default=None
        From codes to categories of your own, such as ``{5999: "gifts", "5723": "hunting"}``, also
        for codes that are not listed.

    Returns
    -------
    categories : Series, ChunkedArray or ndarray of object, shape (n_rows,)
        A Series or ChunkedArray of text for one of the same library, with its name and index; else
        an array.

    Raises
    ------
    ValueError
        If codes are unknown or missing and ``handle_unknown="error"``, or an option is malformed.
    TypeError
        If codes are no sequence of one dimension.

    Warns
    -----
    UserWarning
        Once, if codes are unknown or missing and ``handle_unknown="warn"``: how many rows, of what
        share, and the most frequent codes.

    See Also
    --------
    BigFivePersonalityScorer : Scores personality from shares of categories.

    Notes
    -----
    The codes are those that the package iso18245 1.4.1 lists: of ISO 18245 (its constant says the
    edition of 2003, its text links to that of 2023) and of the card networks, whose private ranges
    3000-3350, 3351-3500 and 3501-3999 are airlines, car rental and lodging (but for 3998, a
    railway). Codes that networks have added since are unknown until ``overrides`` name them.

    Which category a code belongs to is **this project's own judgement**, nobody's standard, and not
    the table of 59 categories in the supplement of Matz, Gladstone & Stillwell (2016). It is there
    to be read and objected to: ``skspend/categories/data/mcc_categories.csv``. Of its 60 categories
    15 have a published direction (see :func:`~skspend.personality.load_coefficients`): accountant
    fees, books, charities, dining and drinking, eating out in pubs, entertainment, flights,
    gambling, hair and beauty, health and fitness, hotels, pets, stationery, toys and hobbies, and
    travel. Four of the published ones have no merchant category that means them: fines (9222) are
    more than traffic fines, insurance (6300) is more than home insurance, and mortgages and savings
    are not paid by card. A code says what a merchant sells most of, not what was bought there.

    References
    ----------
    ISO 18245, Retail financial services: merchant category codes.

    Examples
    --------
    >>> import pandas as pd
    >>> from skspend.categories import mcc_to_category
    >>> codes = pd.Series([5411, 742, 5813, 3042], index=["a", "b", "c", "d"], name="mcc")
    >>> mcc_to_category(codes)
    a             groceries
    b                  pets
    c    eating out in pubs
    d               flights
    Name: mcc, dtype: str
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
    # Only distinct values are read; the position of a missing one is -1, which finds the last.
    rows, distinct = pd.factorize(series.to_pandas() if is_series else _as_column(codes))
    distinct = np.array([*distinct, None], dtype=object)
    found = np.array([_read_code(value) for value in distinct], dtype=np.int16)
    category = category_of[found]
    if handle_unknown != "ignore":
        is_missing = found == MISSING
        report = _raise_unknown if handle_unknown == "error" else _warn_unknown
        report(
            (is_series and series.name) or "codes", rows, distinct,
            (category == 0) & ~is_missing, is_missing,
        )  # fmt: skip
    if is_series:
        return _series_like(series, names, category[rows])
    return np.array(names, dtype=object)[category[rows]]


def _read_code(value):
    """The code as a number from 0 to 9999, or MALFORMED, or MISSING."""
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
    """The names of the categories, "unknown" first, and the position among them of every code."""
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
                f"overrides has {code!r}, which is no merchant category code. Codes are whole "
                f"numbers from 0 to {N_CODES - 1}."
            )
        if not isinstance(category, str) or not category.strip():
            raise ValueError(
                f"overrides gives code {code!r} the category {category!r}. Name it by text."
            )
        if category not in names:
            names.append(category)
        category_of[found] = names.index(category)
    return names, category_of


def _as_column(codes):
    # Without dtype=object, numpy would make the text "nan" of NaN among text.
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
    n_unknown, n_missing = counts[is_unknown].sum(), counts[is_missing].sum()
    found = []
    if n_unknown:
        order = np.argsort(-counts * is_unknown, kind="stable")[: min(N_SHOWN, is_unknown.sum())]
        shown = ", ".join(f"{distinct[k]!r} in {counts[k]:,}" for k in order)
        found.append(
            f"{n_unknown:,} of {len(rows):,} rows ({n_unknown / len(rows):.1%}) hold "
            f"{is_unknown.sum():,} unknown merchant category codes, most often {shown}"
        )
    if n_missing:
        found.append(f"{n_missing:,} of {len(rows):,} rows ({n_missing / len(rows):.1%}) hold none")
    if found:
        warnings.warn(
            f"Column {column!r}: {'; '.join(found)}. Their category is {UNKNOWN!r}. {_REMEDY}, or "
            f"pass handle_unknown='ignore'.",
            stacklevel=3,
        )


def _series_like(series, names, category):
    """The names as a Series of the same library, with the same name and index."""
    names = nw.new_series(series.name, names, nw.String, backend=series.implementation)
    found, index = names[category].to_native(), nw.maybe_get_index(series)
    # Not nw.maybe_set_index, which walks through the index one by one.
    return found if index is None else found.set_axis(index)
