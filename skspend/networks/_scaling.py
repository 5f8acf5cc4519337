"""Scales of inputs and targets, folded into the weights of a network and taken out again.

A network is trained on standardised values. Weights with the scales folded in apply to values in
their own units, and their number stays that of the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.preprocessing import StandardScaler

    from .._utils._typing import Floats
    from ._specification import Network


def scale(values: NDArray[Any], scaler: StandardScaler | None) -> NDArray[Any]:
    """Standardise values along their last axis; without a scaler return them as they are."""
    if scaler is None:
        return values
    return scaler.transform(values.reshape(-1, values.shape[-1])).reshape(values.shape)


def fold_scales(
    network: Network,
    weights: Sequence[Floats],
    inputs: StandardScaler,
    targets: StandardScaler | None,
) -> list[Floats]:
    """Convert weights for standardised values into weights for values in their own units.

    `inputs` is fitted on the features, and `targets` on the target values; None for classes. The
    arrays into which a scale is folded become float64, and the others keep their precision.
    """
    weights = [array.copy() for array in weights]
    bias = network.n_arrays_per_encoder_layer - 1
    weights[0] = weights[0] / inputs.scale_[:, None]
    weights[bias] = weights[bias] - np.matmul(inputs.mean_, weights[0])
    if targets is not None:
        weights[-2] = weights[-2] * targets.scale_
        weights[-1] = weights[-1] * targets.scale_ + targets.mean_
    return weights


def unfold_scales(
    network: Network,
    weights: Sequence[Floats],
    inputs: StandardScaler,
    targets: StandardScaler | None,
) -> list[Floats]:
    """Undo :func:`fold_scales`: return weights that apply to standardised values."""
    weights = [array.astype(float) for array in weights]
    bias = network.n_arrays_per_encoder_layer - 1
    weights[bias] += np.matmul(inputs.mean_, weights[0])
    weights[0] *= inputs.scale_[:, None]
    if targets is not None:
        weights[-2] /= targets.scale_
        weights[-1] = (weights[-1] - targets.mean_) / targets.scale_
    return weights
