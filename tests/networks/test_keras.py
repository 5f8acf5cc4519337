"""The networks in Keras compute what the array code computes."""

import numpy as np

from skspend.networks._forward import decode, encode, pool
from skspend.networks._training import initial_weights


def test_array_code_equals_keras(network, draw_weights, draw_panel, build):
    model, weights, panel = build(network), draw_weights(network), draw_panel(network)
    model.set_weights(weights)
    by_keras = model(panel.astype(np.float32))
    states = encode(network, panel, weights)
    outputs = decode(network, pool(states, network.reads), weights)
    np.testing.assert_allclose(by_keras["states"], states, atol=1e-6)
    np.testing.assert_allclose(by_keras["outputs"], outputs, atol=1e-6)
    drawn = initial_weights(network, np.random.default_rng(0))
    assert [array.shape for array in drawn] == [array.shape for array in model.get_weights()]
