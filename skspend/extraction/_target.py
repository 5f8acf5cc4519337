"""What a network learns to tell: types, scores, the spending itself, or labels of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array

from ..networks._scaling import scale
from ..panel import fold
from ..personality import TRAITS, TYPES, BigFivePersonalityScorer, encode_types

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .._utils._typing import Estimator


class TargetMixin:
    """The target of an extractor, by its `objective`, `scorer` and whether it is recurrent.

    Attributes
    ----------
    scorer_ : BigFivePersonalityScorer
        Only for types and scores.
    classes_ : ndarray or None
    target_scaler_ : StandardScaler or None
        What standardises the values; None for classes.
    """

    objective: Literal["type", "scores", "reconstruct", "y"]
    scorer: Estimator | None
    scorer_: BigFivePersonalityScorer
    scaler_: StandardScaler
    classes_: NDArray[Any] | None
    target_scaler_: StandardScaler | None
    _recurrent: bool

    def _learn_target(self, X, panel, y):
        """Learn what the target is made of: its scorer, its classes or its scale."""
        self.classes_ = self.target_scaler_ = None
        if self.objective in ("type", "scores"):
            scorer = BigFivePersonalityScorer() if self.scorer is None else clone(self.scorer)
            if not self._recurrent:
                scorer.set_params(level="period")
            self.scorer_ = scorer.fit(_for_scorer(X, panel))
        if self.objective == "type":
            self.classes_ = np.array(TYPES, dtype=object)
        elif self.objective == "scores":
            scores = self._scores(X, panel).reshape(-1, len(TRAITS))
            self.target_scaler_ = StandardScaler().fit(scores)
        elif self.objective == "reconstruct":
            self.target_scaler_ = self.scaler_
        else:
            y = _check_labels(y, len(panel))
            if y.dtype.kind == "f":
                self.target_scaler_ = StandardScaler().fit(y.reshape(len(y), -1).astype(float))
            else:
                self.classes_ = np.unique(y)

    def _scores(self, X, panel):
        """Trait scores, shape (n_customers, 5), or (n_customers, n_periods, 5) of each period."""
        scores = np.asarray(self.scorer_.transform(_for_scorer(X, panel)))
        return scores if self._recurrent else fold(scores, panel.shape[1])

    def _encoded_target(self, X, panel, y):
        """What the network learns: class numbers, or values in standard deviations."""
        if self.objective == "y":
            y = _check_labels(y, len(panel))
            if self.classes_ is not None:
                return _class_numbers(y, self.classes_)
            return self.target_scaler_.transform(y.reshape(len(y), -1).astype(float))
        if self.objective == "reconstruct":
            return scale(panel, self.target_scaler_)
        scores = self._scores(X, panel)
        if self.objective == "type":
            return encode_types(scores.reshape(-1, len(TRAITS))).reshape(scores.shape[:-1])
        return scale(scores, self.target_scaler_)

    def _find_support(self, n_features):
        """Type and scores hang on the features with a coefficient alone; of few customers a network
        would learn all others by heart."""
        if self.objective in ("type", "scores") and hasattr(self.scorer_, "support_"):
            return self.scorer_.support_
        return np.ones(n_features, dtype=bool)


def _for_scorer(X, panel):
    """A frame keeps its names for the scorer; an array goes in folded, to keep its periods."""
    return X if hasattr(X, "columns") else panel


def _check_labels(y, n_customers):
    if y is None:
        raise ValueError(
            "objective='y' needs y, but y=None. Pass labels, or choose the objective 'type', "
            "'scores' or 'reconstruct'."
        )
    if len(y) != n_customers:
        raise ValueError(f"X holds {n_customers} customers, but y has {len(y)} labels.")
    return check_array(y, ensure_2d=False, dtype=None, input_name="y")


def _class_numbers(y, classes):
    """Position of each label among the sorted classes."""
    unknown = ~np.isin(y, classes)
    if unknown.any():
        raise ValueError(
            f"y has {unknown.sum()} labels of classes that were not there when the network was "
            f"made, the first is {y[unknown].tolist()[0]!r}; known are {classes.tolist()}. Fit "
            f"anew."
        )
    return np.searchsorted(classes, y)
