import threading

import keras
import numpy as np
import pytest

from skspend.networks import Network, dense, lstm_states
from skspend.networks.forward import BLOCK
from skspend.networks.training import build, initial_weights, train


def random_weights(network, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.normal(scale=0.3, size=w.shape) for w in build(network).get_weights()]


@pytest.mark.parametrize(
    "network",
    [Network(6, 97, 4, 1), Network(1, 3, 1, 10, classifies=True), Network(20, 5, 3, 5, True)],
    ids=["last", "one period", "every period, not unrolled"],
)
def test_array_code_equals_keras(network):
    model = build(network)
    weights = random_weights(network)
    model.set_weights(weights)
    panel = np.random.default_rng(1).normal(size=(50, network.n_periods, network.n_features))
    by_keras = model(panel.astype(np.float32))
    states = lstm_states(panel, weights)
    answered = states if network.every_period else states[:, -1]
    np.testing.assert_allclose(by_keras["states"], states, atol=1e-6)
    np.testing.assert_allclose(by_keras["outputs"], dense(answered, weights), atol=5e-6)


@pytest.mark.parametrize(
    ("network", "n_weights"),
    [(Network(6, 97, 4, 1), 1637), (Network(6, 97, 3, 10, classifies=True), 1252)],
)
def test_weights_are_counted_as_keras_counts_them(network, n_weights):
    assert network.n_weights == build(network).count_params() == n_weights


def test_blocks_do_not_show(monkeypatch):
    network = Network(2, 3, 2, 1)
    weights = random_weights(network)
    panel = np.random.default_rng(0).normal(size=(BLOCK + 3, 2, 3))
    whole = lstm_states(panel, weights)
    np.testing.assert_allclose(lstm_states(panel[-5:], weights), whole[-5:], atol=1e-15)


def test_initial_weights_are_those_of_keras():
    network = Network(6, 97, 4, 1)
    kernel, recurrent, bias, head, head_bias = initial_weights(network, np.random.RandomState(0))
    limit = np.sqrt(6 / (97 + 16))
    assert 0.9 * limit < np.abs(kernel).max() <= limit
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(4), atol=1e-6)
    assert bias.tolist() == [0] * 4 + [1] * 4 + [0] * 8
    assert np.abs(head).max() <= np.sqrt(6 / 5)
    assert head_bias.tolist() == [0]


def toy(n=400):
    """Sequences whose last sum tells the class."""
    panel = np.random.default_rng(0).normal(size=(n, 3, 2)).astype(np.float32)
    return panel, (panel.sum(axis=(1, 2)) > 0).astype(int)


def final_weights(seed=0, **changes):
    panel, target = toy()
    settings = {"epochs": 5, "batch_size": 50, "learning_rate": 0.01, "n_init": 2} | changes
    network = Network(3, 2, 2, 2, classifies=True, state_noise=0.3)
    *_, (_, get_weights) = train(
        network, panel, target, random_state=np.random.RandomState(seed), **settings
    )
    return get_weights()


def test_training_learns():
    panel, target = toy()
    weights = final_weights(epochs=60)
    answers = dense(lstm_states(panel, weights)[:, -1], weights).argmax(axis=1)
    assert (answers == target).mean() > 0.95


def test_training_as_plain_keras_does_gives_the_same_weights():
    """The compiled epoch against keras.Model.fit from the same weights, in the same order."""
    network = Network(3, 2, 2, 1)
    panel, target = toy()
    target = target[:, None].astype(np.float32)
    *_, (_, get_weights) = train(
        network, panel, target, epochs=1, batch_size=100, learning_rate=0.01, n_init=1,
        random_state=np.random.RandomState(0),
    )  # fmt: skip
    seed = np.random.RandomState(0).randint(2**31 - 1, size=1)[0]
    start = np.random.RandomState(seed)
    model = build(network)
    model.set_weights(initial_weights(network, start))
    order = start.permutation(len(panel))
    plain = keras.Model(model.input, model.output["outputs"])
    plain.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    plain.fit(panel[order], target[order], batch_size=100, shuffle=False, verbose=0)
    for mine, theirs in zip(get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_a_reused_trainer_forgets_the_fit_before():
    first = final_weights(seed=0)
    final_weights(seed=1)
    for mine, theirs in zip(first, final_weights(seed=0), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_threads_that_train_at_once_do_not_meet():
    alone = final_weights(seed=0)
    results = [None] * 4

    def fit(position):
        results[position] = final_weights(seed=0)

    threads = [threading.Thread(target=fit, args=(position,)) for position in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        for mine, theirs in zip(alone, result, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_a_diverging_loss_stops_with_a_remedy():
    panel, target = toy()
    network = Network(3, 2, 2, 1)
    huge = np.where(target, 1e30, -1e30)[:, None]
    steps = train(
        network, panel, huge, epochs=3, batch_size=50, learning_rate=0.01, n_init=1,
        random_state=np.random.RandomState(0),
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"epoch 1\. Try a smaller learning_rate"):
        list(steps)
