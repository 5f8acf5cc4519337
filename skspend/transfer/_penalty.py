"""The penalty of a logistic head, chosen by cross-validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import GridSearchCV, StratifiedKFold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .._utils._typing import Estimator, Floats

PENALTIES = np.logspace(-2, 4, 13)
MOST_FOLDS = 5


def choose_penalty(head: Estimator, features: Floats, label: NDArray[Any]) -> float:
    """Return the penalty with the smallest log loss on held-out customers.

    `head` is an unfitted LogisticRegression. A class of one customer is a ValueError.
    """
    smallest = np.unique(label, return_counts=True)[1].min()
    if smallest < 2:
        raise ValueError(
            "alpha='cv' needs two customers of each class in y, and one class has only one. Pass a "
            "number as alpha."
        )
    folds = StratifiedKFold(min(MOST_FOLDS, smallest), shuffle=True, random_state=0)
    search = GridSearchCV(head, {"C": 1 / PENALTIES}, scoring="neg_log_loss", cv=folds, refit=False)
    return float(PENALTIES[search.fit(features, label).best_index_])
