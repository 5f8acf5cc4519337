"""A `fit` that takes weights of the customers only where they are exact."""

from __future__ import annotations

from functools import partial, wraps
from inspect import signature
from types import MethodType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._utils._sklearn import Method


class _WeightsIf:
    """Like scikit-learn's ``available_if``, but for one parameter of a method."""

    def __init__(self, fit: Any, check: Callable[[Any], bool]) -> None:
        self.fit, self.check = fit, check

    def __get__(self, model: Any, owner: type | None = None) -> Any:
        if model is None:
            return self.fit
        method = MethodType(self.fit, model)
        if self.check(model):
            return method
        known = signature(method)

        @wraps(method)
        def fit(*args, **params):
            if known.bind(*args, **params).arguments.get("sample_weight") is not None:
                raise ValueError(
                    "sample_weight needs a head that is solved exactly (engine='native', "
                    "trainable='head', a number as alpha), or one of your own whose fit takes it. "
                    "Training in batches would only approximate the weights."
                )
            return method(*args, **params)

        parameters = [value for name, value in known.parameters.items() if name != "sample_weight"]
        fit.__signature__ = known.replace(parameters=parameters)  # type: ignore[attr-defined]
        return fit


def weights_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
    """Refuse `sample_weight` unless a check of the estimator succeeds.

    Elsewhere the signature of the method has no such parameter: from there scikit-learn's checks
    and meta-estimators, such as bagging, know whether they may pass weights.
    """
    return partial(_WeightsIf, check=check)  # type: ignore[return-value] # it acts as the method
