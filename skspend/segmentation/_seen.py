"""What the steps of a model make of customers, computed on a part of their panel at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy.sparse import issparse, vstack

from .._utils._sklearn import default_output
from ..inspection._spending import Spending

if TYPE_CHECKING:
    from .._utils._typing import Estimator
    from ..aggregation._shares import LazyPanel


@default_output
def score_traits(states: Estimator, panel: pd.DataFrame) -> pd.DataFrame:
    """Score customers on the traits of the fitted second step; no columns if it has none."""
    if not hasattr(states, "scorer_"):
        return pd.DataFrame(index=panel.index)
    scores: pd.DataFrame = states.scorer_.transform(panel)
    return scores


@dataclass(frozen=True)
class Seen:
    """What a model sees of customers: their panel is several times as large, and is not held."""

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
    def of_all(cls, states: Estimator, panel: LazyPanel) -> Self:
        """See the customers of one part of a panel after the other."""
        found: dict[str, Any] = {}
        start = 0
        for part in panel:
            seen = cls.of(states, part)
            if len(part) == len(panel):
                return seen
            rows = slice(start, start + len(part))
            for name, values in seen._arrays().items():
                if issparse(values):
                    found.setdefault(name, []).append(values)
                    continue
                if name not in found:
                    # Joined in the end, parts and the whole would be held together.
                    found[name] = np.empty_like(values, shape=(len(panel), *values.shape[1:]))
                found[name][rows] = values
            start = rows.stop
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
