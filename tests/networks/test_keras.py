"""The networks in Keras compute what the array code computes."""

import numpy as np
import pytest

from skspend.networks._forward import decode, encode, pool
from skspend.networks._training import initial_weights


@pytest.fixture(scope="module")
def build_fitted():
    """What defines a network with its weights, or an ensemble, in Keras."""
    from skspend.networks._keras import build_fitted

    return build_fitted


def test_array_code_equals_keras(network, draw_weights, draw_panel, build_fitted):
    weights, panel = draw_weights(network), draw_panel(network)
    n_all = network.n_networks * network.n_units
    components = None
    if network.n_networks > 1:
        components = np.random.default_rng(2).normal(size=(n_all, network.n_units))
    by_keras = build_fitted(network, weights, components)(panel)
    states = encode(network, panel, weights)
    expected = states if components is None else states @ components
    np.testing.assert_allclose(by_keras["states"], expected, atol=1e-6)
    outputs = decode(network, pool(states, network.reads), weights)
    np.testing.assert_allclose(by_keras["outputs"], outputs, atol=1e-6)


def test_initial_weights_have_the_shapes_of_keras(network, build):
    drawn = initial_weights(network._replace(n_networks=1), np.random.default_rng(0))
    model = build(network._replace(n_networks=1))
    assert [array.shape for array in drawn] == [array.shape for array in model.get_weights()]
