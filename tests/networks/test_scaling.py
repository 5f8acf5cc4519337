"""Weights with scales folded in give the same answers for values in their own units."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from skspend.networks._forward import decode, encode
from skspend.networks._scaling import fold_scales, unfold_scales


@pytest.mark.parametrize("has_values", [True, False])
def test_scales_are_folded_in_and_taken_out(network, has_values, draw_weights, draw_panel):
    if has_values:
        network = network._replace(classifies=False)
    panel = draw_panel(network) * 7 + 3
    inputs = StandardScaler().fit(panel.reshape(-1, network.n_features))
    targets = None
    if has_values:
        values = np.random.default_rng(2).normal(1, 5, size=(50, network.n_outputs))
        targets = StandardScaler().fit(values)
    weights = draw_weights(network)
    folded = fold_scales(network, weights, inputs, targets)
    scaled = inputs.transform(panel.reshape(-1, network.n_features)).reshape(panel.shape)
    states = encode(network, panel, folded)
    np.testing.assert_allclose(states, encode(network, scaled, weights), atol=1e-12)
    outputs = decode(network, states, weights)
    if has_values:
        outputs = outputs * targets.scale_ + targets.mean_
    np.testing.assert_allclose(decode(network, states, folded), outputs, atol=1e-12)
    back = unfold_scales(network, folded, inputs, targets)
    for mine, theirs in zip(back, weights, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)
