"""A head of the user's own: any scikit-learn estimator that reads what the linear head reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import has_fit_parameter

from .._utils._sklearn import _routing_enabled

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from .._utils._typing import Estimator, Floats


def trained_part(transfer: Estimator) -> Literal["head", "all"]:
    """The part that is fitted to the labels, ``"head"`` or ``"all"``."""
    return transfer.trainable or ("all" if transfer.initialization == "random" else "head")


def is_exact(transfer: Estimator) -> bool:
    """Whether `fit` solves the head and trains nothing."""
    return transfer.engine == "native" and trained_part(transfer) == "head"


def check_head(transfer: Estimator) -> None:
    """Refuse a head of the wrong kind, and one beside parameters that contradict it."""
    head, owner = transfer.head, type(transfer).__name__
    if not is_exact(transfer):
        raise ValueError(
            "head= reads the states of a body that is not trained. Pass engine='native', "
            "trainable='head' with it."
        )
    is_kind, kind = is_regressor, "regressor"
    if is_classifier(transfer):
        is_kind, kind = is_classifier, "classifier"
    if not is_kind(head):
        raise ValueError(f"head of a {owner} must be a {kind}, got a {type(head).__name__}.")
    if transfer.alpha == "cv":
        raise ValueError(
            "alpha='cv' chooses the penalty of the linear head. Pass a number as alpha, and search "
            "the parameters of your own head by GridSearchCV."
        )
    if getattr(transfer, "class_weight", None) is not None and not takes_weights(transfer):
        raise ValueError(
            f"class_weight= needs a head whose fit takes sample_weight, which that of "
            f"{type(head).__name__} does not. Set the weights on the head."
        )


def fit_head(
    transfer: Estimator, features: Floats, labels: NDArray[Any], sample_weight: ArrayLike | None
) -> Estimator:
    """Fit a clone of the head to features and labels, shape (n_customers, n_labels)."""
    params = {} if sample_weight is None else {"sample_weight": sample_weight}
    if params and _routing_enabled():
        params = process_routing(transfer, "fit", **params).head.fit
    target = labels[:, 0] if labels.shape[1] == 1 else labels
    # The solvers of some heads stop short in single precision.
    return clone(transfer.head).fit(features.astype(np.float64), target, **params)


def takes_weights(transfer: Estimator) -> bool:
    """Whether `fit` takes weights of the customers: an exact head does, and some of one's own."""
    if transfer.head is None:
        return is_exact(transfer) and transfer.alpha != "cv"
    return _routing_enabled() or has_fit_parameter(transfer.head, "sample_weight")


def head_has(method: str, *, without: bool) -> Callable[[Estimator], bool]:
    """Make a check of whether the head has a method; `without` is that of the linear head."""

    def check(transfer):
        head = getattr(transfer, "head_", transfer.head)
        return without if head is None else hasattr(head, method)

    return check


def route_to_head(transfer: Estimator, router: Any) -> Any:
    """Add the head to what passes metadata on."""
    if transfer.head is None:
        return router
    mapping = MethodMapping().add(caller="fit", callee="fit")
    router = MetadataRouter(owner=transfer).add_self_request(transfer)
    return router.add(head=transfer.head, method_mapping=mapping)
