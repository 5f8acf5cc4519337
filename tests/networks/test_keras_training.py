"""Training by TensorFlow gives the weights of the array code, and takes any optimizer of Keras."""

import random
from functools import partial

import numpy as np
import pytest

from skspend.networks import Network
from skspend.networks._training import initial_weights

TYPES = Network(
    True, 3, 2, (3, 2), 6, reads="every", classifies=True, state_noise=0.3, step_penalty=0.2,
    task_weights=(1.0, 0.5),
)  # fmt: skip
VALUES = Network(True, 3, 2, (2,), 1)
CLASSES_OF_TWO_TASKS = np.random.default_rng(1).integers(0, 3, size=(400, 3, 2))
CASES = {
    "two tasks": (TYPES, CLASSES_OF_TWO_TASKS),
    "ensemble": (TYPES._replace(n_networks=2, l2=0.01), CLASSES_OF_TWO_TASKS),
    "last state": (VALUES, CLASSES_OF_TWO_TASKS[:, :1, 0]),
    "two classes": (
        Network(False, 3, 2, (3,), 1, reads="mean", classifies=True),
        CLASSES_OF_TWO_TASKS[:, 0, 0] % 2,
    ),
    "autoencoder": (
        Network(False, 3, 2, (4, 2), 2, (4,), reads="every", l2=0.01),
        np.random.default_rng(2).normal(size=(400, 3, 2)),
    ),
}


@pytest.fixture(scope="module")
def keras_training():
    """Imported here, because each process that collects tests would wait for TensorFlow."""
    from skspend.networks import _keras_training

    return _keras_training


@pytest.fixture
def train_by_keras(keras_training, train_on):
    def train(network, target, optimizer="adam", **changes):
        trainer = partial(keras_training.KerasTrainer, optimizer=optimizer)
        return train_on(network, target, trainer=trainer, **changes)

    return train


@pytest.mark.parametrize(
    ("name", "is_compiled"),
    [*((name, False) for name in CASES), ("ensemble", True), ("autoencoder", True)],
)
def test_an_epoch_gives_the_weights_of_the_array_code(
    name, is_compiled, train_on, train_by_keras, keras_training, monkeypatch
):
    """From the same weights, in the same order, with the same noise."""
    network, target = CASES[name]
    settings = {"epochs": 1, "batch_size": 150, "decay": True}
    if name in {"two tasks", "ensemble"}:
        settings["class_weights"] = [[1, 2, 0.5], [0.3, 1, 1]]
    if is_compiled:
        monkeypatch.setattr(keras_training, "FEWEST_STEPS", 1)
    losses, weights = train_on(network, target, **settings)
    by_keras, found = train_by_keras(network, target, **settings)
    assert by_keras == pytest.approx(losses, rel=1e-5)
    for mine, theirs in zip(found, weights, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_a_step_is_traced_once(keras_training, train_on, monkeypatch):
    """Also if the last batch of an epoch is smaller."""
    monkeypatch.setattr(keras_training, "FEWEST_STEPS", 1)
    traces = []

    class Counter(keras_training.KerasTrainer):
        def _losses(self, *inputs):
            traces.append(inputs)
            return super()._losses(*inputs)

    network, target = CASES["last state"]
    train_on(network, target, epochs=2, batch_size=150, trainer=partial(Counter, optimizer="adam"))
    assert len(traces) == 1


def test_one_seed_gives_the_same_weights_bit_for_bit(train_by_keras):
    network, target = CASES["two classes"]
    network = network._replace(n_networks=2, state_noise=0.3)
    settings = {"epochs": 15, "batch_size": 100}
    _, first = train_by_keras(network, target, **settings)
    _, second = train_by_keras(network, target, **settings)
    for mine, theirs in zip(first, second, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_training_changes_no_global_state(train_by_keras):
    from tensorflow.python.eager import context

    def state():
        legacy = np.random.get_state()[1].tobytes()  # noqa: NPY002 - the state to leave alone
        return random.getstate(), legacy, context.global_seed()

    before = state()
    train_by_keras(*CASES["two classes"], epochs=1)
    assert state() == before


@pytest.mark.parametrize("optimizer", ["SGD", "rmsprop", "muon"])
def test_an_optimizer_of_any_kind_reduces_the_loss(optimizer, train_by_keras):
    settings = {"optimizer": optimizer, "epochs": 2, "batch_size": 200}
    losses, _ = train_by_keras(*CASES["autoencoder"], **settings)
    assert losses[-1] < losses[0]


def test_every_optimizer_is_made_by_its_name(keras_training):
    assert {"adam", "sgd", "rmsprop", "adamw"} <= set(keras_training.OPTIMIZERS)
    for name in keras_training.OPTIMIZERS:
        made = keras_training.make_optimizer(name, 0.3, None)
        assert float(made.learning_rate) == pytest.approx(0.3)


def test_an_optimizer_given_as_an_object_has_its_own_learning_rate(train_by_keras, keras):
    network, target = CASES["last state"]
    slow = keras.optimizers.Adam(1e-9)
    start = initial_weights(network, np.random.default_rng(0))
    _, weights = train_by_keras(network, target, slow, weights=start, epochs=1, decay=True)
    for mine, theirs in zip(weights, start, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
    assert not slow.built
    falling = keras.optimizers.schedules.ExponentialDecay(0.2, 10, 0.5)
    momentum = keras.optimizers.SGD(falling, momentum=0.9)
    losses, _ = train_by_keras(network, target, momentum, epochs=2, batch_size=200)
    assert losses[-1] < losses[0]


def test_what_an_optimizer_computes_from_all_arrays_is_of_a_single_network(
    train_by_keras, alone, keras
):
    network, target = CASES["last state"]
    ensemble = network._replace(n_networks=2)
    start = initial_weights(ensemble, np.random.default_rng(0))
    start[-1][0] += 10  # far from the values, so that all gradients of the first are clipped
    clipped = keras.optimizers.SGD(0.5, global_clipnorm=0.3)
    settings = {"epochs": 1, "batch_size": 200}
    _, trained = train_by_keras(ensemble, target, clipped, weights=start, **settings)
    for number, (one, own) in enumerate(alone(ensemble, start)):
        _, expected = train_by_keras(one, target, clipped, weights=own, **settings)
        for mine, theirs in zip(trained, expected, strict=True):
            np.testing.assert_allclose(mine[number], theirs, atol=1e-5)


def test_an_unknown_optimizer_is_refused_with_a_list(train_by_keras):
    with pytest.raises(ValueError, match=r"'adamant' is not .* 'adam', .* 'sgd'"):
        train_by_keras(*CASES["last state"], optimizer="adamant")


def test_a_diverging_loss_stops_with_a_remedy(train_by_keras):
    network, target = CASES["last state"]
    with pytest.raises(ValueError, match=r"epoch 1\. Try a smaller learning_rate"):
        train_by_keras(network, np.where(target, 1e30, -1e30))
