"""Panels of many categories, most of whose values are 0: frames with sparse columns, and cubes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SparseCube:
    """A cube of shape (n_customers, n_periods, n_features), kept as a sparse array.

    ``cube @ matrix`` is a dense array, and ``np.asarray`` makes the cube one.

    Attributes
    ----------
    by_period : sparse array, shape (n_customers * n_periods, n_features)
        The periods of the first customer, then those of the second one, and so on.
    """

    def __init__(self, table: Any, n_periods: int) -> None:
        n_customers, n_columns = table.shape
        self.shape = n_customers, n_periods, n_columns // n_periods
        self.dtype = table.dtype
        rows = n_customers * n_periods, n_columns // n_periods
        self.by_period = csr_array(csr_array(table).reshape(rows))

    def __len__(self) -> int:
        return self.shape[0]

    def __matmul__(self, matrix: NDArray[Any]) -> NDArray[Any]:
        return (self.by_period @ matrix).reshape(*self.shape[:2], -1)

    def __getitem__(self, key: Any) -> SparseCube:
        """Select features by ``cube[:, :, mask]``."""
        table = self.by_period[:, key[2]].reshape(len(self), -1)
        return SparseCube(table, self.shape[1])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self.by_period.toarray().reshape(self.shape), dtype=dtype)

    def mean(self) -> csr_array:
        """Return the mean over periods, a sparse array of shape (n_customers, n_features)."""
        n_customers, n_periods, n_features = self.shape
        found = self.by_period.tocoo()
        places = found.row // n_periods, found.col
        total = csr_array((found.data.astype(float), places), shape=(n_customers, n_features))
        return total / n_periods


def by_period(cube: Any) -> Any:
    """View a cube as one row per customer and period."""
    sparse = isinstance(cube, SparseCube)
    return cube.by_period if sparse else cube.reshape(-1, cube.shape[2])


def find_active(cube: Any) -> Any:
    """Find who has a value other than 0 in which periods, a mask (n_customers, n_periods)."""
    if isinstance(cube, SparseCube):
        return (abs(cube.by_period).sum(axis=1) != 0).reshape(cube.shape[:2])
    return (cube != 0).any(axis=2)


def is_sparse(X: object) -> bool:
    """Whether X is a frame all of whose columns are sparse."""
    return (
        isinstance(X, pd.DataFrame)
        and X.shape[1] > 0
        and all(isinstance(dtype, pd.SparseDtype) for dtype in set(X.dtypes))
    )


def accept(X: Any, *, sparse: bool) -> tuple[Any, Any]:
    """Return X, dense unless `sparse`, and what scikit-learn should accept."""
    if not is_sparse(X):
        return X, False
    return (X, "csr") if sparse else (X.sparse.to_dense(), False)


def make_sparse_frame(table: Any, index: Any, columns: Any) -> pd.DataFrame:
    """Make a frame with sparse columns of a sparse array."""
    frames: Any = pd.DataFrame.sparse
    return frames.from_spmatrix(table, index=index, columns=columns)


def take(panel: Any, rows: NDArray[Any]) -> pd.DataFrame:
    """Select rows of a frame by their positions, or by a mask.

    Of a sparse one, pandas would take the rows of each of some thousand columns by itself.
    """
    if not is_sparse(panel):
        return panel.iloc[rows]
    table = csr_array(panel.sparse.to_coo())
    return make_sparse_frame(table[rows], panel.index[rows], panel.columns)
