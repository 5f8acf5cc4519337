"""The panel: what flows between the steps of a pipeline.

A panel holds one row per customer and, period by period, one value per feature. It travels as a
two-dimensional table whose columns are named ``year1|groceries`` ... ``year6|travel`` (oldest
period first), so that every scikit-learn tool works on it, and is computed on as an array of shape
(customers, periods, features). This module alone turns one into the other, and knows the names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from sklearn.utils.validation import _get_feature_names, check_array, validate_data

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from ._typing import Estimator, Floats, Integers, Names, Panel, Table

_PANEL_NAME = re.compile(r"(?P<period>[^|]*?)(?P<position>\d+)\|(?P<feature>.*)", re.DOTALL)
_GENERATED_NAME = re.compile(r"x\d+")


def panel_names(period: str, n_periods: int, features: Collection[str]) -> Names:
    """Name the columns of an unfolded panel.

    Parameters
    ----------
    period : str
        What one period is called, such as ``"year"``.
    n_periods : int
        Number of periods.
    features : sequence of str
        Names of the features within a period.

    Returns
    -------
    names : ndarray of str, shape (n_periods * n_features,)
        Period-major, the oldest period first and numbered 1.

    Examples
    --------
    >>> panel_names("year", 2, ["groceries", "travel"]).tolist()
    ['year1|groceries', 'year1|travel', 'year2|groceries', 'year2|travel']
    """
    return np.array(
        [f"{period}{position + 1}|{name}" for position in range(n_periods) for name in features],
        dtype=object,
    )


def parse_panel_names(names: Iterable[str]) -> tuple[str | None, int | None, list[str]]:
    """Read period, number of periods and features back from the columns of a panel.

    Parameters
    ----------
    names : sequence of str, shape (n_columns,)
        Column names.

    Returns
    -------
    period : str or None
        What a period is called; None when the names are not those of a panel.
    n_periods : int or None
        Number of periods; None when the names are not those of a panel.
    features : list of str
        Names of the features within one period.

    Raises
    ------
    ValueError
        If only some names are those of a panel, or if they are not complete and period-major.

    Examples
    --------
    >>> parse_panel_names(["year1|groceries", "year1|travel", "year2|groceries", "year2|travel"])
    ('year', 2, ['groceries', 'travel'])
    >>> parse_panel_names(["groceries", "travel"])
    (None, None, ['groceries', 'travel'])
    """
    names = list(names)
    matches = [_PANEL_NAME.fullmatch(name) for name in names]
    if not any(matches):
        return None, None, names
    found = [match for match in matches if match is not None]
    if len(found) < len(matches):
        odd = [name for name, match in zip(names, matches, strict=True) if match is None]
        raise ValueError(
            f"{len(odd)} of {len(names)} columns are not named like 'year1|groceries' (period, "
            f"position, feature), the first is {odd[0]!r}. Drop them or pass them to another step."
        )
    period = found[0]["period"]
    first = found[0]["position"]
    features = [match["feature"] for match in found if match["position"] == first]
    n_periods = len(names) // len(features)
    expected = panel_names(period, n_periods, features)
    wrong = [(name, want) for name, want in zip(names, expected, strict=False) if name != want] or (
        [(names[len(expected)], "no further column")] if len(names) > len(expected) else []
    )
    if wrong:
        name, want = wrong[0]
        raise ValueError(
            f"The columns are not a complete panel, period by period from 1: found {name!r} where "
            f"{want!r} was expected. Sort the columns period-major and fill missing ones with 0."
        )
    return period, n_periods, features


def fold(table: NDArray[Any], n_periods: int) -> NDArray[Any]:
    """View an unfolded panel as an array of shape (customers, periods, features).

    Examples
    --------
    >>> fold(np.arange(8).reshape(2, 4), 2).shape
    (2, 2, 2)
    """
    return table.reshape(table.shape[0], n_periods, table.shape[1] // n_periods)


def unfold(cube: NDArray[Any]) -> NDArray[Any]:
    """View an array of shape (customers, periods, features) as a table, period-major.

    Examples
    --------
    >>> unfold(np.zeros((3, 6, 2))).shape
    (3, 12)
    """
    return cube.reshape(cube.shape[0], cube.shape[1] * cube.shape[2])


def validate_panel(
    estimator: Estimator,
    X: Any,
    *,
    n_periods: int | None = None,
    reset: bool = True,
    shorter: bool = False,
    dtype: DTypeLike | Sequence[DTypeLike] = (np.float64, np.float32),
) -> Floats:
    """Check a panel on its way into an estimator and fold it.

    Sets ``n_features_in_``, ``feature_names_in_`` and ``n_periods_`` when ``reset``. The number of
    periods comes from the column names, else from the second of three dimensions, else from
    ``n_periods``; a nameless table has one period.

    Parameters
    ----------
    estimator : estimator
        The estimator that receives X.
    X : array-like, shape (n_customers, n_periods * n_features) or (n_customers, n_periods, \
n_features)
        The panel.
    n_periods : int, default=None
        What the user said about the number of periods.
    reset : bool, default=True
        True in fit; False afterwards, when X must agree with what was fitted.
    shorter : bool, default=False
        Whether X may have only the first of the periods that were fitted.
    dtype : dtype or tuple of dtypes, default=(float64, float32)
        Accepted types; others are converted to the first.

    Returns
    -------
    cube : ndarray, shape (n_customers, n_periods, n_features)

    Raises
    ------
    ValueError
        If two of the three sources disagree, or the columns do not divide into the periods.
    """
    found = None
    if shorter and (n_found := _count_first_periods(estimator, X)):
        return fold(check_array(X if X.ndim == 2 else unfold(X), dtype=dtype), n_found)
    if getattr(X, "ndim", None) == 3:
        X = np.asarray(X)
        found = ("its second dimension", X.shape[1])
        X = unfold(X)
    elif reset and (names := _get_feature_names(X)) is not None:
        _, parsed, _ = parse_panel_names(names)
        if parsed is not None:
            found = ("its column names", parsed)
    X = validate_data(estimator, X, dtype=dtype, reset=reset)
    if not reset:
        n_periods = estimator.n_periods_
    if found is None:
        found = ("n_periods", n_periods or 1)
    source, n_found = found
    if n_periods is not None and n_found != n_periods:
        expected = f"n_periods={n_periods}" if reset else f"the estimator was fitted on {n_periods}"
        raise ValueError(f"X has {n_found} periods by {source}, but {expected}.")
    if X.shape[1] % n_found:
        raise ValueError(
            f"X has {X.shape[1]} columns, which do not divide into {n_found} periods of equal "
            f"width. Check n_periods."
        )
    if reset:
        estimator.n_periods_ = n_found
    return fold(X, n_found)


def _count_first_periods(estimator, X):
    """Number of periods of a panel with fewer than were fitted; 0 if it is not that."""
    width = estimator.n_features_in_ // estimator.n_periods_
    shape = getattr(X, "shape", ())
    n_columns = int(np.prod(shape[1:]))
    if len(shape) not in (2, 3) or not 0 < n_columns < estimator.n_features_in_:
        return 0
    if n_columns % width or (len(shape) == 3 and shape[2] != width):
        return 0
    names, fitted = _get_feature_names(X), getattr(estimator, "feature_names_in_", None)
    if names is not None and fitted is not None and list(names) != list(fitted[:n_columns]):
        return 0
    return n_columns // width


def validate_period(estimator: Estimator, X: Any, previous: Any) -> Floats:
    """Check one further period for the customers of `previous`, and fold it.

    Parameters
    ----------
    estimator : estimator
        Fitted on a panel.
    X : array-like, shape (n_customers, n_features) or (n_customers, 1, n_features)
        Columns of a frame are named as the features, or as those of a panel of one period.
    previous : array-like, shape (n_customers, n_columns)
        What is known of the same customers, in the same order.

    Returns
    -------
    cube : ndarray, shape (n_customers, 1, n_features)

    Raises
    ------
    ValueError
        If there are several periods, other features or other customers.
    """
    names = _get_feature_names(X)
    if names is not None:
        _, n_periods, found = parse_panel_names(names)
        _, expected = panel_of(estimator)
        if (n_periods or 1) > 1:
            raise ValueError(f"X_new_period has {n_periods} periods. Pass one at a time.")
        if expected is not None and found != expected:
            wrong = [
                f"{f!r} (expected {e!r})" for f, e in zip(found, expected, strict=False) if f != e
            ]
            raise ValueError(
                f"The features of X_new_period are not those of fit, in their order: "
                f"{len(found)} columns, {len(expected)} were fitted"
                + (f"; the first that differs is {wrong[0]}." if wrong else ".")
            )
    index, before = getattr(X, "index", None), getattr(previous, "index", None)
    if isinstance(index, pd.Index) and isinstance(before, pd.Index) and not index.equals(before):
        raise ValueError(
            "The rows of X_new_period and previous_states are of different customers, or in "
            "another order. Align them: X_new_period.loc[previous_states.index]."
        )
    X = check_array(X, dtype=(np.float64, np.float32), allow_nd=True)
    X = X.reshape(len(X), -1)
    n_features = estimator.n_features_in_ // estimator.n_periods_
    if X.shape != (len(previous), n_features):
        raise ValueError(
            f"X_new_period has shape {X.shape}, but ({len(previous)}, {n_features}) is expected: "
            f"one row for each customer of previous_states, one column for each feature."
        )
    return fold(X, 1)


def panel_of(estimator: Estimator) -> tuple[str, list[str] | None]:
    """Return (period, features) of the panel that an estimator was fitted on.

    ``features`` is None where the columns carried no names of their own: an array, or the names
    ``x0``, ``x1``, ... that scikit-learn makes up for one.
    """
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return "period", None
    period, _, features = parse_panel_names(names)
    if period is None:
        features = list(names)[: len(names) // estimator.n_periods_]
    if all(_GENERATED_NAME.fullmatch(name) for name in features):
        features = None
    return period or "period", features


def output_names(estimator: Estimator, features: Collection[str]) -> Names:
    """Name the columns that an estimator emits for the periods it was fitted on.

    One period without a name of its own gives the bare features, so that plain two-dimensional
    data stays plain.
    """
    period, _ = panel_of(estimator)
    if estimator.n_periods_ == 1 and period == "period":
        return np.array(list(features), dtype=object)
    return panel_names(period, estimator.n_periods_, features)


def like_input(values: NDArray[Any], names: Iterable[str], X: Any, index: Any = None) -> Table:
    """Give frames where frames came in: the same library, the same index; arrays stay arrays.

    Parameters
    ----------
    values : ndarray, shape (n_customers, n_columns)
    names : sequence of str, shape (n_columns,)
    X : object
        What the user passed in.
    index : array-like, shape (n_customers,), default=None
        Row labels; default those of X.
    """
    if isinstance(X, pd.DataFrame) or (
        index is not None and not nw.dependencies.is_polars_dataframe(X)
    ):
        return pd.DataFrame(values, index=X.index if index is None else index, columns=list(names))
    if nw.dependencies.is_into_dataframe(X) and not isinstance(X, np.ndarray):
        backend = nw.from_native(X, eager_only=True).implementation
        return nw.from_numpy(values, schema=list(names), backend=backend).to_native()
    return values


def count_active_periods(panel: NDArray[Any]) -> Integers:
    """Count the periods in which each customer spends anything.

    Parameters
    ----------
    panel : ndarray, shape (n_customers, n_periods, n_features)

    Returns
    -------
    active : ndarray of int, shape (n_customers,)

    Examples
    --------
    >>> count_active_periods(np.array([[[0.2, 0.8], [0.0, 0.0]]])).tolist()
    [1]
    """
    return (panel != 0).any(axis=2).sum(axis=1)


def read_panel(X: Panel, n_periods: int | None = None) -> tuple[Floats, str, list[str]]:
    """Fold a panel that meets no estimator's `fit`, and read its names.

    Parameters
    ----------
    X : array-like, shape (n_customers, n_periods * n_features) or (n_customers, n_periods, \
n_features)
    n_periods : int, default=None
        Number of periods where neither the names nor a third dimension say; default 1.

    Returns
    -------
    cube : ndarray of float64 or float32, shape (n_customers, n_periods, n_features)
    period : str
        What a period is called.
    features : list of str
        ``x0``, ``x1``, ... where the columns have no names.

    Raises
    ------
    ValueError
        If the columns do not divide into the periods.

    Examples
    --------
    >>> cube, period, features = read_panel(np.zeros((3, 6, 2)))
    >>> cube.shape, period, features
    ((3, 6, 2), 'period', ['x0', 'x1'])
    """
    columns = _get_feature_names(X)
    period, found, features = parse_panel_names([] if columns is None else columns)
    if getattr(X, "ndim", None) == 3:
        X = np.asarray(X)
        found, X = X.shape[1], unfold(X)
    table = check_array(X, dtype=(np.float64, np.float32))
    n_periods = found or n_periods or 1
    if table.shape[1] % n_periods:
        raise ValueError(
            f"X has {table.shape[1]} columns, which do not divide into {n_periods} periods of "
            f"equal width. Name them like 'year1|groceries', or pass three dimensions."
        )
    cube = fold(table, n_periods)
    return cube, period or "period", features[: cube.shape[2]] or _generated(cube.shape[2])


def _generated(n_features):
    return [f"x{number}" for number in range(n_features)]
