"""Networks of every kind, with weights and panels drawn at random, and a task to train on."""

from functools import partial

import numpy as np
import pytest

from skspend.networks import Network
from skspend.networks._training import train

LSTM = partial(Network, True)
FEED_FORWARD = partial(Network, False)

NETWORKS = {
    "LSTM predictor": LSTM(6, 97, (4,), 1),
    "LSTM classifier of one period": LSTM(1, 3, (1,), 10, classifies=True),
    "LSTM autoencoder, too long to unroll": LSTM(20, 5, (3,), 5, reads="every"),
    "stack of LSTMs": LSTM(4, 5, (4, 3, 2), 1),
    "feed-forward predictor": FEED_FORWARD(6, 99, (5,), 1, reads="mean"),
    "feed-forward classifier": FEED_FORWARD(3, 7, (3,), 10, reads="every", classifies=True),
    "ensemble with two tasks": LSTM(
        3, 5, (4, 2), 6, reads="every", classifies=True, task_weights=(1.0, 0.5), n_networks=3
    ),
    "ensemble of predictors": LSTM(4, 3, (3,), 2, n_networks=2),
    "deep feed-forward autoencoder": FEED_FORWARD(3, 9, (6, 4, 2), 9, (4, 6), reads="every"),
}


@pytest.fixture(scope="session")
def networks():
    """Networks by name."""
    return NETWORKS


@pytest.fixture(params=NETWORKS.values(), ids=NETWORKS)
def network(request):
    """Each of the networks."""
    return request.param


@pytest.fixture(params=[name for name in NETWORKS if "ensemble" in name])
def ensemble(request):
    """Each of the networks side by side."""
    return NETWORKS[request.param]


@pytest.fixture(scope="session")
def alone():
    """Return the networks of an ensemble, each with its own weights."""

    def take_apart(network, weights):
        one = network._replace(n_networks=1)
        return [(one, list(arrays)) for arrays in zip(*weights, strict=True)]

    return take_apart


@pytest.fixture(scope="session")
def draw_weights():
    def draw(network):
        generator = np.random.default_rng(0)
        layers = network.encoder_shapes + network.head_shapes
        return [generator.normal(scale=0.15, size=shape) for layer in layers for shape in layer]

    return draw


@pytest.fixture(scope="session")
def draw_panel():
    def draw(network, n_customers=50):
        shape = n_customers, network.n_periods, network.n_features
        return np.random.default_rng(1).normal(size=shape)

    return draw


@pytest.fixture(scope="session")
def classifier():
    return LSTM(3, 2, (2,), 2, classifies=True, state_noise=0.3)


@pytest.fixture(scope="session")
def regressor():
    return LSTM(3, 2, (2,), 1)


@pytest.fixture(scope="session")
def task():
    """A panel, and classes that are the sign of each customer's sum."""
    panel = np.random.default_rng(0).normal(size=(400, 3, 2)).astype(np.float32)
    return panel, (panel.sum(axis=(1, 2)) > 0).astype(int)


@pytest.fixture(scope="session")
def train_on(task):
    """Train a network on the task; return losses and final weights."""

    def train_network(network, target=None, seed=0, **changes):
        panel, classes = task
        settings = {
            "epochs": 5,
            "batch_size": 50,
            "learning_rate": 0.01,
            "random_state": np.random.RandomState(seed),
        }
        target = classes if target is None else target
        losses, weights = zip(*train(network, panel, target, **settings | changes), strict=True)
        return list(losses), weights[-1]

    return train_network


@pytest.fixture(scope="session")
def keras():
    """Imported here, because each process that collects tests would wait for it."""
    import keras

    return keras


@pytest.fixture(scope="session")
def build():
    """What defines a network in Keras."""
    from skspend.networks._keras import build

    return build
