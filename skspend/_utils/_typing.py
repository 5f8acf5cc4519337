"""What goes in and out of public functions, in the words of type checkers."""

import datetime
from collections.abc import Sequence
from os import PathLike
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from narwhals.typing import IntoDataFrame
from numpy.typing import ArrayLike, NDArray

PanelLike: TypeAlias = IntoDataFrame | ArrayLike
"""A frame of any library with the columns of a panel, or an array of two or three dimensions."""
Table: TypeAlias = Any
"""A frame of the library that came in, or an array where an array did; ``set_output`` decides."""
Estimator: TypeAlias = Any
"""An estimator of scikit-learn, which has no types."""
Floats: TypeAlias = NDArray[np.floating[Any]]
Integers: TypeAlias = NDArray[np.integer[Any]]
Names: TypeAlias = NDArray[np.object_]
Selection: TypeAlias = (
    int | slice | Sequence[int] | Sequence[bool] | Integers | NDArray[np.bool] | pd.Series
)
"""Which customers: by position, or by a mask."""
RandomState: TypeAlias = int | np.random.RandomState | None
FilePath: TypeAlias = str | PathLike[str]
Period: TypeAlias = Literal["year", "half", "quarter", "month"] | int
Resolution: TypeAlias = Literal["day", "month", "quarter", "half", "year"]
Date: TypeAlias = str | datetime.date | np.datetime64
Cutoff: TypeAlias = Date | dict[Any, Date] | pd.Series | None
"""The last day that counts, for all or for each customer."""
Coefficients: TypeAlias = IntoDataFrame | dict[Any, dict[Any, float]] | FilePath | None
Aliases: TypeAlias = dict[str, str] | None
