"""The panel: what flows between the steps of a pipeline.

A panel holds one row per customer and, for every period, one value per feature. It travels as a
two-dimensional table whose columns are named ``year1|groceries`` ... ``year6|travel`` (oldest
period first), so that every scikit-learn tool works on it. Computations use an array of shape
(customers, periods, features). This module alone converts between the two, and knows the names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils.validation import _check_feature_names_in, _get_feature_names, validate_data

from ._utils._sparse import SparseCube, accept, find_active
from .transactions._refusal import is_frame_of_floats, refuse_transactions

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ._utils._typing import Estimator, Floats, Integers, Names, PanelLike, Table

__all__ = ["Panel"]

_NAME = re.compile(r"(?P<period>[^|]*?)(?P<position>\d+)\|(?P<feature>.*)", re.DOTALL)
_GENERATED_NAME = re.compile(r"x\d+")
_DTYPES = (np.float64, np.float32)


class Panel:
    """Values by customer, period and feature, with the names of the columns.

    Parameters
    ----------
    cube : ndarray, shape (n_customers, n_periods, n_features)
        The oldest period first.
    period : str, default=None
        The word for one period, such as ``"year"``. None if the columns do not name any.
    features : sequence of str, default=None
        Names of the features within a period; by default ``x0``, ``x1``, ...

    Attributes
    ----------
    names : ndarray of str, shape (n_periods * n_features,)
        Names of the columns, period by period; bare feature names if there is a single period
        that has no name.
    table : ndarray, shape (n_customers, n_periods * n_features)
        The values as a table, period by period.
    is_named : bool
        Whether the features have names of their own.
    active_periods : ndarray of int, shape (n_customers,)
        Number of periods in which each customer has a value other than 0.

    Examples
    --------
    >>> panel = Panel(np.ones((3, 2, 2)), "year", ["groceries", "travel"])
    >>> panel.names.tolist()
    ['year1|groceries', 'year1|travel', 'year2|groceries', 'year2|travel']
    >>> panel.table.shape
    (3, 4)
    """

    def __init__(
        self,
        cube: NDArray[Any],
        period: str | None = None,
        features: Sequence[str] | Names | None = None,
    ) -> None:
        self.cube = cube
        self.period = period
        generated = [f"x{number}" for number in range(cube.shape[2])]
        self.features = generated if features is None else list(features)

    @classmethod
    def read(cls, X: PanelLike, n_periods: int | None = None, *, sparse: bool = False) -> Panel:
        """Read a panel from a frame or an array.

        Parameters
        ----------
        X : frame or array-like, shape (n_customers, n_periods * n_features) or (n_customers, \
n_periods, n_features)
        n_periods : int, default=None
            Number of periods if neither the column names nor a third dimension give it; default 1.
        sparse : bool, default=False
            Whether the cube of a frame with sparse columns is a SparseCube.

        Returns
        -------
        panel : Panel
            Values are float64 or float32.

        Raises
        ------
        ValueError
            If the columns do not divide into the periods, or the names of the columns are not
            those of a complete panel.
        TypeError
            If X is a table of transactions.

        Examples
        --------
        >>> frame = pd.DataFrame([[1.0, 2.0]], columns=["year1|travel", "year2|travel"])
        >>> panel = Panel.read(frame)
        >>> panel.cube.shape, panel.period, panel.features
        ((1, 2, 1), 'year', ['travel'])
        """
        refuse_transactions(X)
        period, found, features = parse_names(_read_names(X))
        if getattr(X, "ndim", None) == 3:
            X = np.asarray(X)
            found, X = X.shape[1], unfold(X)
        if is_frame_of_floats(X):
            table = check_array(X.to_numpy(), dtype=_DTYPES)
        else:
            X, accepts = accept(X, sparse=sparse)
            table = check_array(X, dtype=_DTYPES, accept_sparse=accepts)
        n_periods = found or n_periods or 1
        cube = fold(table, n_periods, "Name them like 'year1|groceries', or pass three dimensions.")
        return cls(cube, period, features[: cube.shape[2]] or None)

    @property
    def names(self) -> Names:
        return _column_names(self.period, self.cube.shape[1], self.features)

    @property
    def table(self) -> NDArray[Any]:
        return unfold(self.cube)

    @property
    def is_named(self) -> bool:
        return not _are_generated(self.features)

    @property
    def active_periods(self) -> Integers:
        return find_active(self.cube).sum(axis=1)

    def like(self, X: object) -> Table:
        """Return the table in the form of X.

        Parameters
        ----------
        X : frame of any library, or array
            Its rows are the same customers.

        Returns
        -------
        table : frame or ndarray, shape (n_customers, n_periods * n_features)
            A frame of the library of X with the names of this panel, and the index of X if it is
            a pandas frame; an array if X is an array.

        Examples
        --------
        >>> frame = pd.DataFrame({"year1|travel": [1.0]}, index=["ann"])
        >>> Panel(np.zeros((1, 1, 2)), "year", ["state0", "state1"]).like(frame)
             year1|state0  year1|state1
        ann           0.0           0.0
        """
        if isinstance(X, pd.DataFrame):
            return pd.DataFrame(self.table, index=X.index, columns=self.names)
        if nw.dependencies.is_into_dataframe(X) and not isinstance(X, np.ndarray):
            backend = nw.from_native(X, eager_only=True).implementation
            return nw.from_numpy(self.table, schema=list(self.names), backend=backend).to_native()
        return self.table


def fold(table: Any, n_periods: int, remedy: str = "Check n_periods.") -> Any:
    """View a table as a cube of shape (n_customers, n_periods, n_features)."""
    if table.shape[1] % n_periods:
        raise ValueError(
            f"X has {table.shape[1]} columns, which do not divide into {n_periods} periods of "
            f"equal width. {remedy}"
        )
    if issparse(table):
        return SparseCube(table, n_periods)
    return table.reshape(len(table), n_periods, table.shape[1] // n_periods)


def unfold(cube: NDArray[Any]) -> NDArray[Any]:
    """View a cube as a table, period by period."""
    return cube.reshape(len(cube), cube.shape[1] * cube.shape[2])


def _column_names(period, n_periods, features):
    if period is None and n_periods == 1:
        return np.array(features, dtype=object)
    word = "period" if period is None else period
    periods = [f"{word}{position}" for position in range(1, n_periods + 1)]
    return np.array([f"{name}|{feature}" for name in periods for feature in features], dtype=object)


def parse_names(names: Iterable[str]) -> tuple[str | None, int | None, list[str]]:
    """Read the word for a period, the number of periods and the features from column names.

    Period and number are None if the names are not those of a panel.
    """
    period, n_periods, features = _parse_names(tuple(names))
    return period, n_periods, list(features)


@lru_cache(maxsize=32)
def _parse_names(names):
    matches = [_NAME.fullmatch(name) for name in names]
    if not any(matches):
        return None, None, names
    found = [match for match in matches if match is not None]
    if len(found) < len(matches):
        odd = [name for name, match in zip(names, matches, strict=True) if match is None]
        raise ValueError(
            f"{len(odd)} of {len(names)} columns are not named like 'year1|groceries' (period, "
            f"position, feature); the first is {odd[0]!r}. Drop them or pass them to another step."
        )
    period, first = found[0]["period"], found[0]["position"]
    features = tuple(match["feature"] for match in found if match["position"] == first)
    n_periods = len(names) // len(features)
    expected = [*_column_names(period, n_periods, features)]
    expected += ["no further column"] * (len(names) - len(expected))
    for name, wanted in zip(names, expected, strict=True):
        if name != wanted:
            raise ValueError(
                f"The columns are not a complete panel, period by period from 1: found {name!r} "
                f"where {wanted!r} was expected. Sort the columns by period, and fill missing ones "
                f"with 0."
            )
    return period, n_periods, features


def _read_names(X):
    """The names of the columns; none unless all are text."""
    names = X.columns.tolist() if isinstance(X, pd.DataFrame) else ()
    if names and all(isinstance(name, str) for name in names):
        return names
    found = None if isinstance(X, np.ndarray) else _get_feature_names(X)
    return () if found is None else found


def take_periods(X: PanelLike, periods: Sequence[int], n_periods: int) -> Any:
    """Return a panel in the form of X with these of its periods, from 0, which may repeat.

    Their names are those of the first periods of X.
    """
    if isinstance(X, pd.DataFrame):
        # Its columns may be sparse, and they stay so.
        columns = np.arange(X.shape[1]).reshape(n_periods, -1)[list(periods)].ravel()
        return X.iloc[:, columns].set_axis(X.columns[: len(columns)], axis=1)
    panel = Panel.read(X, n_periods)
    return Panel(panel.cube[:, list(periods)], panel.period, panel.features).like(X)


def validate_panel(
    estimator: Estimator,
    X: Any,
    *,
    n_periods: int | None = None,
    reset: bool = True,
    shorter: bool = False,
    sparse: bool = False,
) -> Panel:
    """Check a panel on its way into an estimator.

    In `fit` this sets ``n_features_in_``, ``feature_names_in_`` and ``n_periods_``. The number of
    periods comes from the column names, else from the second of three dimensions, else from
    `n_periods`, which the user gave; a table without names has one period. Afterwards, with
    ``reset=False``, X must agree with the panel of `fit` or, if `shorter`, may have only the first
    of its periods. With `sparse`, the cube of a frame with sparse columns is a SparseCube.
    """
    refuse_transactions(X)
    if shorter and (n_found := _count_first_periods(estimator, X)):
        table = unfold(X) if getattr(X, "ndim", 2) == 3 else X
        return panel_like_fit(estimator, fold(check_array(table, dtype=_DTYPES), n_found))
    found = None
    if getattr(X, "ndim", None) == 3:
        X = np.asarray(X)
        found = "its second dimension", X.shape[1]
        X = unfold(X)
    elif reset:
        _, parsed, _ = parse_names(_read_names(X))
        if parsed is not None:
            found = "its column names", parsed
    if is_frame_of_floats(X):
        # Of a frame, scikit-learn looks at each of some thousand columns several times.
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        X = check_array(X.to_numpy(), dtype=_DTYPES, estimator=estimator, input_name="X")
    else:
        X, accepts = accept(X, sparse=sparse)
        X = validate_data(estimator, X, dtype=_DTYPES, reset=reset, accept_sparse=accepts)
    if not reset:
        n_periods = estimator.n_periods_
    source, n_found = found or ("n_periods", n_periods or 1)
    if n_periods is not None and n_found != n_periods:
        expected = f"n_periods={n_periods}" if reset else f"the estimator was fitted on {n_periods}"
        raise ValueError(f"X has {n_found} periods by {source}, but {expected}.")
    cube = fold(X, n_found)
    if reset:
        estimator.n_periods_ = n_found
    return panel_like_fit(estimator, cube)


def _count_first_periods(estimator, X):
    """Number of periods of a panel with fewer than were fitted; 0 if it is no such panel."""
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


def panel_like_fit(estimator: Estimator, cube: NDArray[Any]) -> Panel:
    """Give a cube the names of the panel that an estimator was fitted on."""
    period, features = _fitted_names(estimator)
    return Panel(cube, period, features)


def fitted_features(estimator: Estimator) -> list[str] | None:
    """Names of the features that an estimator was fitted on; None if they had none of their own."""
    _, features = _fitted_names(estimator)
    return None if features is None or _are_generated(features) else features


def _are_generated(features):
    return all(map(_GENERATED_NAME.fullmatch, features))


def _fitted_names(estimator):
    """Word for a period and features of the panel of `fit`, None where there are none."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return None, None
    period, _, features = parse_names(names)
    return period, features[: len(names) // estimator.n_periods_]


def output_names(
    estimator: Estimator, features: Sequence[str] | Names, input_features: ArrayLike | None = None
) -> Names:
    """Name the columns that an estimator emits for the periods of its `fit`.

    `features` are within a period; the `input_features` of ``get_feature_names_out`` are checked.
    """
    _check_feature_names_in(estimator, input_features, generate_names=False)
    return _column_names(_fitted_names(estimator)[0], estimator.n_periods_, features)


def make_frame(panel: Panel) -> pd.DataFrame:
    """Make a frame of a panel, with customers numbered from 0."""
    return pd.DataFrame(panel.table, columns=panel.names, copy=False)


def read_next_period(extractor: Any, X: Any, previous: Any) -> Floats:
    """Read the next period of the customers of `previous`, shape (n_customers, 1, n_features)."""
    index, before = getattr(X, "index", None), getattr(previous, "index", None)
    if isinstance(index, pd.Index) and isinstance(before, pd.Index) and not index.equals(before):
        raise ValueError(
            "The rows of X_new_period and previous_states are of different customers, or in "
            "another order. Align them: X_new_period.loc[previous_states.index]."
        )
    panel = Panel.read(X)
    n_features = extractor.n_features_in_ // extractor.n_periods_
    if panel.cube.shape != (len(previous), 1, n_features):
        raise ValueError(
            f"X_new_period has the shape {panel.cube.shape} (customers, periods, features). Pass "
            f"({len(previous)}, 1, {n_features}): the customers of previous_states, one period, "
            f"and the features of fit."
        )
    fitted = fitted_features(extractor) if panel.is_named else None
    pairs = zip(panel.features, fitted or panel.features, strict=True)
    wrong = [f"{name!r} instead of {expected!r}" for name, expected in pairs if name != expected]
    if wrong:
        raise ValueError(
            f"{len(wrong)} of {n_features} features of X_new_period are not those of fit, or in "
            f"another order. The first is {wrong[0]}. Select and order the columns as in fit."
        )
    return panel.cube
