"""The penalty of a logistic head, chosen by cross-validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold

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
    search = LogisticRegressionCV(
        Cs=1 / PENALTIES,
        l1_ratios=(0,),
        cv=StratifiedKFold(min(MOST_FOLDS, smallest), shuffle=True, random_state=0),
        scoring="neg_log_loss",
        class_weight=head.class_weight,
        tol=head.tol,
        max_iter=head.max_iter,
        use_legacy_attributes=False,
    )
    return float(PENALTIES[search.Cs == search.fit(features, label).C_][0])
