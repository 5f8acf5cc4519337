"""What skspend takes from scikit-learn's less public side, imported in this one place."""

# ruff: noqa: F401 # other modules import these names from here

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.preprocessing import RobustScaler, StandardScaler
from sklearn.utils import gen_batches
from sklearn.utils._param_validation import HasMethods, Interval, RealNotInt, StrOptions
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.metadata_routing import _routing_enabled

Method = TypeVar("Method", bound=Callable[..., Any])

CELLS_AT_ONCE = 2**24
"""Cells of a block of a large array."""

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.utils import Tags

    # Without types they would take those of what they decorate away.
    def _fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[Method], Method]: ...
    def available_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]: ...
    def with_callbacks(fit: Method) -> Method: ...
    def default_output(method: Method) -> Method:
        """Inside, transformers ignore the output that is set globally."""
else:
    from sklearn.base import _fit_context
    from sklearn.callback import with_callbacks
    from sklearn.utils.metaestimators import available_if

    default_output = config_context(transform_output="default")


class PanelTransformer(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """A transformer of panels: named tables, or arrays (n_customers, n_periods, n_features)."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def one_task(fit: Method) -> Method:
    """Report a fit to scikit-learn's callbacks as one task: progress bars warn of steps without."""

    @with_callbacks
    @wraps(fit)
    def reported_fit(self, X, y=None, *args, **params):
        task = self._init_callback_context().call_on_fit_task_begin(estimator=self, X=X, y=y)
        fitted = fit(self, X, y, *args, **params)
        task.call_on_fit_task_end(estimator=self, X=X, y=y)
        return fitted

    return reported_fit  # type: ignore[return-value] # it takes and gives what fit does


def array_scaler() -> StandardScaler:
    """Make a StandardScaler that returns arrays, whatever output is set globally."""
    return StandardScaler().set_output(transform="default")


def blocks_of(table: Any) -> Iterator[NDArray[Any]]:
    """Cut a large array along its first axis: what is computed of a block is small."""
    for rows in gen_batches(len(table), max(1, CELLS_AT_ONCE * len(table) // max(table.size, 1))):
        yield table[rows]


def fit_scaler(table: Any) -> StandardScaler:
    """Fit an `array_scaler` block by block: scikit-learn copies what it fits at once."""
    scaler = array_scaler()
    if sparse.issparse(table):
        # Of these, scikit-learn learns the means, too, if it need not subtract them.
        return scaler.set_params(with_mean=False).fit(table).set_params(with_mean=True)
    for block in blocks_of(table):
        scaler.partial_fit(block)
    return scaler


def robust_scaler() -> RobustScaler:
    """Make a RobustScaler that returns arrays; a normal distribution gets the deviation 1."""
    return RobustScaler(unit_variance=True).set_output(transform="default")


def set_random_states(estimator: BaseEstimator, random_state: np.random.RandomState) -> None:
    """Draw every ``random_state`` in an estimator, those of its parts, too."""
    # With it come all trees and linear models, which nothing else needs.
    from sklearn.ensemble._base import _set_random_states

    _set_random_states(estimator, random_state)


def forget_fit(estimator: BaseEstimator) -> None:
    """Delete what an earlier fit has set, so that nothing of it is left."""
    for name in [name for name in vars(estimator) if name.endswith("_") and name[0] != "_"]:
        delattr(estimator, name)
