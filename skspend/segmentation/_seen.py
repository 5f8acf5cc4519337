"""What the steps of a model make of customers, computed on a part of their panel at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, issparse, vstack

from .._utils._sklearn import default_output
from .._utils._sparse import is_sparse
from ..inspection._spending import Spending
from ..panel import Panel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .._utils._typing import Estimator
    from ..aggregation._shares import LazyPanel


@default_output
def score_traits(states: Estimator, panel: pd.DataFrame) -> pd.DataFrame:
    """Score customers on the traits of the fitted second step; no columns if it has none."""
    if not hasattr(states, "scorer_"):
        return pd.DataFrame(index=panel.index)
    scores: pd.DataFrame = states.scorer_.transform(panel)
    return scores


class PanelSums:
    """Sums over customers, made by adding one part of their panel after another.

    Unless columns are sparse, the sums by column do not depend on the parts, to the last bit.
    """

    features: list[str]
    is_active: NDArray[np.bool_]
    """Who spends in all periods, shape (n_customers,)."""
    active: Any
    """The sums of these customers by column, shape (n_periods * n_features,)."""
    out: float
    back: float
    """What all customers spend, and what comes back, without its sign."""

    def __init__(self, n_periods: int) -> None:
        self.n_periods = n_periods
        self.is_active = np.zeros(0, dtype=bool)
        self.active = self.out = self.back = 0.0

    @classmethod
    def of(cls, panel: pd.DataFrame, n_periods: int) -> Self:
        """Add up a whole panel."""
        sums = cls(n_periods)
        sums.add(panel)
        return sums

    def add(self, panel: pd.DataFrame) -> None:
        """Add the next customers."""
        read = Panel.read(panel, self.n_periods, sparse=True)
        is_active = read.active_periods == self.n_periods
        sparse: Any = panel.sparse if is_sparse(panel) else None
        table = panel.to_numpy() if sparse is None else csr_array(sparse.to_coo())
        values: Any = table.data if issparse(table) else table
        self.out += np.maximum(values, 0).sum()
        self.back -= np.minimum(values, 0).sum()
        rows = table[is_active]
        if issparse(rows):
            self.active = self.active + rows.sum(axis=0)
        elif len(rows):
            # NumPy adds row by row, and so goes on where it left off.
            rows[0] += self.active
            self.active = rows.sum(axis=0)
        self.features = read.features
        self.is_active = np.concatenate([self.is_active, is_active])


@dataclass(frozen=True)
class Seen:
    """What a model needs to know of customers. It is several times smaller than their panel."""

    trajectories: Any
    """A frame, unless the second step is set to give another."""
    scores: pd.DataFrame
    """On the traits; no columns without traits."""
    spending: Spending

    @classmethod
    @default_output
    def of(cls, states: Estimator, panel: pd.DataFrame) -> Self:
        """See customers by a fitted second step."""
        return cls(states.transform(panel), score_traits(states, panel), Spending.of(panel))

    @classmethod
    def of_all(cls, states: Estimator, panel: LazyPanel, sums: PanelSums | None = None) -> Self:
        """See the customers of one part of a panel after the other, and add them to `sums`."""
        found: dict[str, Any] = {}
        start = 0
        for part in panel:
            if sums is not None:
                sums.add(part)
            seen = cls.of(states, part)
            rows = slice(start, start + len(part))
            # The next part is made while this one is no longer held.
            del part
            if rows == slice(0, len(panel)):
                continue
            for name, values in seen._arrays().items():
                if issparse(values):
                    found.setdefault(name, []).append(values)
                    continue
                if name not in found:
                    # Joined in the end, parts and the whole would be held together.
                    found[name] = np.empty_like(values, shape=(len(panel), *values.shape[1:]))
                found[name][rows] = values
            start = rows.stop
        if not found:
            return seen
        customers, shares = pd.Index(panel.customers), found["shares"]
        if isinstance(shares, list):
            shares = vstack(shares, format="csr")
        trajectories, scores = (
            pd.DataFrame(found[name], customers, getattr(seen, name).columns, copy=False)
            for name in ("trajectories", "scores")
        )
        categories, active_periods = seen.spending.categories, found["active_periods"]
        return cls(trajectories, scores, Spending(customers, categories, shares, active_periods))

    def _arrays(self):
        frames = {"trajectories": self.trajectories, "scores": self.scores}
        arrays = {name: frame.to_numpy() for name, frame in frames.items()}
        spending = self.spending
        return arrays | {"shares": spending.shares, "active_periods": spending.active_periods}
