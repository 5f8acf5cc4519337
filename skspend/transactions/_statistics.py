"""Statistics of transactions by customer, period and column, from rows that may be merged."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ._moments import LARGEST, NEVER, STATISTICS, moments_of_rows
from ._rows import ROUNDING, Rows, sum_by_cell

if TYPE_CHECKING:
    from collections.abc import Collection

    from .._utils._typing import Floats


def check_known(rows: Rows, statistics: Collection[str]) -> None:
    """Refuse statistics for which merged rows carry too little."""
    unknown = [name for name in statistics if not _is_known(rows, name)]
    if unknown:
        raise ValueError(
            f"The log has merged its transactions, and does not know {', '.join(unknown)} of "
            f"single ones. Read it with statistics={list(statistics)}."
        )


def _is_known(rows, statistic):
    is_merged = "transactions" in rows.columns
    return not is_merged or all(f"out_{name}" in rows.columns for name in STATISTICS[statistic])


@dataclass
class Cells:
    """Rows of one direction, each in one cell of a cube; moments are computed when needed.

    `sizes` are their amounts in currency units, without a sign, and `numbers` their cells.
    """

    rows: Rows
    flow: str
    unit: int
    sizes: Floats
    numbers: Any
    shape: tuple[int, int, int]
    found: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, rows, flow, unit, period, column, shape):
        """Select the rows that have a direction, a period and a column."""
        sizes = rows["amount"]
        if flow == "in" or rows.has_refunds:
            sizes = -rows.refunds if flow == "in" else sizes - rows.refunds
        if sizes.min(initial=1) <= 0 or min(period.min(initial=0), column.min(initial=0)) < 0:
            counts = (sizes > 0) & (period >= 0) & (column >= 0)
            rows, sizes = rows.select(counts), sizes[counts]
            period, column = period[counts], column[counts]
        _, n_periods, n_columns = shape
        numbers = rows.customer.astype(np.int64)
        numbers *= n_periods
        numbers += period
        numbers *= n_columns
        numbers += column
        return cls(rows, flow, unit, sizes / unit if unit > 1 else sizes, numbers, shape)

    def measure(self, statistic, edges):
        """Compute a statistic, of the shape of the cube; `edges` are those of the periods."""
        if statistic == "sum":
            return self.sums
        if statistic == "count":
            return self._moment("count")
        if statistic == "any":
            return (self._moment("count") > 0).astype(np.float64)
        if statistic == "max":
            return self._moment("largest")
        if statistic == "days_since":
            return _days_since(self._moment("last"), edges)
        n = np.maximum(self._moment("count"), 1.0)
        if statistic in ("mean", "mean_log"):
            total = self.sums if statistic == "mean" else self._moment("logs")
            return np.divide(total, n, out=n)
        mean = self.sums / n
        square = self._moment("squares") / n
        variance = square - mean**2
        return np.sqrt(np.where(variance > ROUNDING * square, variance, 0))

    @cached_property
    def sums(self):
        return sum_by_cell(self.sizes, self.numbers, self._n_cells).reshape(self.shape)

    @property
    def _n_cells(self):
        return int(np.prod(self.shape))

    def _moment(self, moment):
        if moment not in self.found:
            self.found[moment] = self._compute(moment).reshape(self.shape)
        return self.found[moment]

    def _compute(self, moment):
        values = self.rows.columns.get(f"{self.flow}_{moment}")
        if values is None and moment == "count":
            return np.bincount(self.numbers, minlength=self._n_cells)
        if values is None:
            [values] = moments_of_rows(self.rows, self.flow, [moment], self.unit).values()
        if moment in LARGEST:
            largest = np.full(self._n_cells, NEVER if moment == "last" else 0.0)
            np.maximum.at(largest, self.numbers, values)
            return largest
        return sum_by_cell(values, self.numbers, self._n_cells)


def _days_since(last, edges):
    """Days from the last day up to each period to the end of it, or since the first period."""
    last = np.maximum(np.maximum.accumulate(last, axis=1), edges[:, :1, None] - 1)
    return edges[:, 1:, None] - 1 - last
