"""What the steps of a model make of customers, computed on a part of their panel at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from .._utils._sklearn import default_output
from ..inspection._spending import Spending

if TYPE_CHECKING:
    from .._utils._typing import Estimator


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
    def of(cls, states: Estimator, panel: Iterable[pd.DataFrame]) -> Self:
        """See the customers of a LazyPanel, or of a list of frames, by a fitted second step."""
        parts = [
            (states.transform(part), score_traits(states, part), Spending.of(part))
            for part in panel
        ]
        trajectories, scores, spending = zip(*parts, strict=True)
        return cls(_join(trajectories), _join(scores), Spending.join(spending))


def _join(parts):
    """Join frames as one would be that was made at once."""
    if len(parts) == 1:
        return parts[0]
    first, *others = parts
    index = first.index.append([part.index for part in others])
    values = np.concatenate([part.to_numpy() for part in parts])
    return pd.DataFrame(values, index=index, columns=first.columns)
