"""The target of a network: personality types, trait scores, the spending itself, or given labels.

A panel and labels come in; class numbers, or values in standard deviations, come out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.metrics import accuracy_score, r2_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array

from .._utils._sklearn import array_scaler
from ..networks._scaling import scale
from ..panel import fold, unfold
from ..personality import BigFivePersonalityScorer, encode_types, name_types

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Target(NamedTuple):
    """A fitted target: it encodes what a network learns, and decodes what the network predicts."""

    objective: str
    """``"type"``, ``"scores"``, ``"reconstruct"`` or ``"y"``."""
    by_period: bool
    """True: each period has a target of its own. False: each customer has one."""
    scorer: Any = None
    """Fitted, for types and scores; else None."""
    classes: NDArray[Any] | None = None
    """Sorted; None for values."""
    scaler: StandardScaler | None = None
    """Fitted on the values; None for classes."""
    n_ranks: int = 1
    """For types: the number of ranks of traits, from the dominant one, that make a type each."""

    @classmethod
    def fit(cls, objective, recurrent, scorer, scaler, X, panel, y, n_ranks):
        """Fit a clone of the scorer, the classes or the scale; `scaler` is that of the panel."""
        if objective == "reconstruct":
            return cls(objective, by_period=True, scaler=scaler)
        if objective == "y":
            y = _check_labels(y, len(panel))
            if y.dtype.kind == "f":
                return cls(objective, by_period=False, scaler=array_scaler().fit(_columns(y)))
            return cls(objective, by_period=False, classes=np.unique(y))
        scorer = BigFivePersonalityScorer() if scorer is None else clone(scorer)
        if not recurrent:
            scorer.set_params(level="period")
        target = cls(objective, not recurrent, scorer.fit(_for_scorer(X, panel)))
        if objective == "type":
            traits = target.scorer.traits_
            return target._replace(classes=name_types(traits), n_ranks=min(n_ranks, len(traits)))
        scores = target._score_traits(X, panel)
        scores = scores.reshape(-1, scores.shape[-1])
        return target._replace(scaler=array_scaler().fit(scores))

    def encode(self, X, panel, y):
        """Return class numbers, shape (n_customers[, n_periods][, n_ranks]), or values in standard
        deviations, with one more axis of n_outputs."""
        if self.objective == "reconstruct":
            return scale(np.asarray(panel), self.scaler)
        if self.objective == "y":
            y = _check_labels(y, len(panel))
            if self.classes is None:
                return scale(_columns(y), self.scaler)
            unknown = ~np.isin(y, self.classes)
            if unknown.any():
                raise ValueError(
                    f"{unknown.sum()} of {len(y)} labels in y are of classes that the first fit "
                    f"did not have; the first is {y[unknown].tolist()[0]!r}, and the classes are "
                    f"{self.classes.tolist()}. Call fit to train on other classes."
                )
            return np.searchsorted(self.classes, y)
        scores = self._score_traits(X, panel)
        if self.objective == "scores":
            return scale(scores, self.scaler)
        flat = scores.reshape(-1, scores.shape[-1])
        types = [encode_types(flat, rank=rank) for rank in range(1, self.n_ranks + 1)]
        shape = scores.shape[:-1] if self.n_ranks == 1 else (*scores.shape[:-1], self.n_ranks)
        return np.stack(types, axis=-1).reshape(shape)

    def decode(self, outputs):
        """Return the classes or values that outputs of the network stand for."""
        if self.classes is not None:
            return self.classes[outputs[..., : len(self.classes)].argmax(axis=-1)]
        return unfold(outputs) if outputs.ndim == 3 else outputs

    def score(self, encoded, outputs):
        """Return the accuracy of classes, or the R2 of values; of spending, that of all cells."""
        if self.classes is not None:
            dominant = encoded.reshape(-1, self.n_ranks)[:, 0]
            predicted = outputs[..., : len(self.classes)].argmax(axis=-1)
            return accuracy_score(dominant, predicted.ravel())
        n_columns = 1 if self.objective == "reconstruct" else encoded.shape[-1]
        outputs = scale(outputs, self.scaler)
        return r2_score(encoded.reshape(-1, n_columns), outputs.reshape(-1, n_columns))

    def find_support(self, n_features):
        """Return which features the network reads. Types and scores depend only on those with a
        coefficient, and with few customers a network would overfit the others."""
        return getattr(self.scorer, "support_", np.ones(n_features, dtype=bool))

    def _score_traits(self, X, panel):
        scores = np.asarray(self.scorer.transform(_for_scorer(X, panel)))
        return fold(scores, panel.shape[1]) if self.by_period else scores


def _for_scorer(X, panel):
    """Pass a frame on for its names; an array in three dimensions, to keep its periods."""
    return X if hasattr(X, "columns") else panel


def _check_labels(y, n_customers):
    if y is None:
        raise ValueError(
            "objective='y' needs y, but y=None. Pass labels, or choose the objective 'type', "
            "'scores' or 'reconstruct'."
        )
    # Of nullable integers, which are classes, check_array would make floats.
    y = check_array(np.asarray(y), ensure_2d=False, dtype=None, input_name="y")
    if len(y) != n_customers:
        raise ValueError(f"X has {n_customers} customers, but y has {len(y)} labels.")
    if y.dtype.kind == "f" or y.ndim == 1:
        return y
    if y.shape[1] > 1:
        raise ValueError(
            f"y has {y.shape[1]} columns of classes ({y.dtype}), not one as needed. Pass one "
            f"column, or floats if they are values."
        )
    return y[:, 0]


def _columns(y):
    return y.reshape(len(y), -1).astype(float)
