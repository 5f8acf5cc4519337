"""States do not depend on how the computation is divided."""

import numpy as np
import pytest
from scipy.special import softmax

from skspend.networks import Network
from skspend.networks._forward import BLOCK, decode, encode, pool


@pytest.mark.parametrize("name", ["LSTM predictor", "stack of LSTMs", "feed-forward predictor"])
def test_states_do_not_depend_on_blocks(networks, name, draw_weights, draw_panel):
    network = networks[name]
    weights, panel = draw_weights(network), draw_panel(network, BLOCK + 3)
    whole = encode(network, panel, weights)
    np.testing.assert_allclose(encode(network, panel[-5:], weights), whole[-5:], atol=1e-15)


def test_a_stack_of_lstms_continues_from_its_states(networks, draw_weights, draw_panel):
    network = networks["stack of LSTMs"]
    weights, panel = draw_weights(network), draw_panel(network)
    at_once = encode(network, panel, weights, cells=True)
    assert at_once.shape == (50, 4, 2 * (4 + 3 + 2))
    np.testing.assert_array_equal(at_once[:, :, :2], encode(network, panel, weights))
    first = encode(network, panel[:, :3], weights, cells=True)
    last = encode(network, panel[:, 3:], weights, cells=True, start=first[:, -1])
    np.testing.assert_allclose(last[:, 0], at_once[:, 3], atol=1e-12)


@pytest.mark.parametrize("cells", [False, True])
def test_the_states_of_an_ensemble_are_those_of_its_networks(
    ensemble, cells, draw_weights, draw_panel, alone
):
    weights, panel = draw_weights(ensemble), draw_panel(ensemble)
    states = [encode(one, panel, own, cells=cells) for one, own in alone(ensemble, weights)]
    found = encode(ensemble, panel, weights, cells=cells)
    np.testing.assert_allclose(found, np.concatenate(states, axis=2), atol=1e-12)


def test_an_ensemble_continues_from_its_states(networks, draw_weights, draw_panel):
    network = networks["ensemble with two tasks"]
    weights, panel = draw_weights(network), draw_panel(network)
    at_once = encode(network, panel, weights, cells=True)
    first = encode(network, panel[:, :2], weights, cells=True)
    last = encode(network, panel[:, 2:], weights, cells=True, start=first[:, -1])
    np.testing.assert_allclose(last[:, 0], at_once[:, 2], atol=1e-12)


def test_an_ensemble_predicts_the_mean_of_its_networks(ensemble, draw_weights, draw_panel, alone):
    """The mean of values, or of the chances of the classes of each task."""
    weights, panel = draw_weights(ensemble), draw_panel(ensemble)
    read = pool(encode(ensemble, panel, weights), ensemble.reads)
    parts = np.split(read, ensemble.n_networks, axis=-1)
    networks = alone(ensemble, weights)
    outputs = [
        decode(network, part, own) for (network, own), part in zip(networks, parts, strict=True)
    ]
    found = decode(ensemble, read, weights)
    if ensemble.classifies:
        n_tasks = len(ensemble.task_weights)
        outputs = [softmax(np.split(each, n_tasks, axis=-1), axis=-1) for each in outputs]
        found = np.exp(np.split(found, n_tasks, axis=-1))
    np.testing.assert_allclose(found, np.mean(outputs, axis=0), atol=1e-12)


def test_cells_are_those_of_keras(draw_weights, draw_panel, keras):
    network = Network(True, 3, 5, (4, 2), 1)
    weights, panel = draw_weights(network), draw_panel(network)
    states = encode(network, panel, weights, cells=True)[:, -1]
    inputs, found = panel.astype(np.float32), []
    for layer, units in enumerate(network.encoder):
        lstm = keras.layers.LSTM(units, return_sequences=True, return_state=True)
        lstm.build(inputs.shape)
        lstm.set_weights(weights[3 * layer : 3 * layer + 3])
        inputs, hidden, cell = lstm(inputs)
        found = [hidden, cell, *found]
    np.testing.assert_allclose(states, np.concatenate(found, axis=1), atol=1e-6)
