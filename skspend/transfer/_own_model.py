"""Keras models of a user's own: a clone shares them, and a pickle keeps them."""

from __future__ import annotations

import copy
from typing import Any, Self

from sklearn.base import BaseEstimator


def is_keras_model(candidate: Any) -> bool:
    """Whether something is a Keras model; Keras is not imported for it."""
    return hasattr(candidate, "get_weights")


class KeepsKerasModels(BaseEstimator):
    """Base of an estimator that may hold Keras models, such as its parameter `model`."""

    def __sklearn_clone__(self) -> Self:
        """Share a Keras model with the clone: `fit` only reads it."""
        model = getattr(self, "model", None)
        if not is_keras_model(model):
            return super().__sklearn_clone__()
        bare = copy.copy(self).set_params(model=None)
        return super(KeepsKerasModels, bare).__sklearn_clone__().set_params(model=model)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        models = {name: value for name, value in state.items() if is_keras_model(value)}
        if models:
            from ..networks._keras import Pickled

            state = state | {name: Pickled(model) for name, model in models.items()}
        return state

    def __copy__(self) -> Self:
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin
