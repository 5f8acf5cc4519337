"""Training equals Keras's, repeats bit for bit, and leaves no global state."""

import threading

import numpy as np
import pytest

from skspend.networks import Network
from skspend.networks._forward import decode, encode
from skspend.networks._losses import mean_loss
from skspend.networks._training import (
    LAST_RATE,
    Adam,
    NativeTrainer,
    initial_weights,
    keep_best,
)


def assert_same(mine, theirs):
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def predicted_classes(network, panel, weights):
    return decode(network, encode(network, panel, weights)[:, -1], weights).argmax(axis=1)


def test_initial_weights_are_those_of_keras(networks):
    network = networks["LSTM predictor"]
    kernel, recurrent, bias, head, head_bias = initial_weights(network, np.random.default_rng(0))
    limit = np.sqrt(6 / (97 + 16))
    assert 0.9 * limit < np.abs(kernel).max() <= limit
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(4), atol=1e-6)
    assert bias.tolist() == [0] * 4 + [1] * 4 + [0] * 8
    assert np.abs(head).max() <= np.sqrt(6 / 5)
    assert head_bias.tolist() == [0]


def test_training_learns(classifier, task, train_on):
    panel, target = task
    _, weights = train_on(classifier, epochs=60, n_init=2)
    assert (predicted_classes(classifier, panel, weights) == target).mean() > 0.95


RECURRENT = Network(True, 3, 2, (2,), 1)


@pytest.mark.parametrize(
    "network",
    [
        RECURRENT,
        RECURRENT._replace(l2=0.1),
        Network(False, 3, 2, (4, 2), 1, reads="mean"),
    ],
    ids=["LSTM", "l2", "feed-forward"],
)
def test_training_as_plain_keras_does_gives_the_same_weights(network, task, train_on, keras, build):
    """An epoch against keras.Model.fit from the same weights, in the same order."""
    panel, target = task
    target = target[:, None].astype(np.float32)
    losses, weights = train_on(network, target, epochs=1, batch_size=100)
    generator = np.random.default_rng(np.random.RandomState(0).randint(2**31 - 1))
    model = build(network)
    model.set_weights(initial_weights(network, generator))
    order = generator.permutation(len(panel))
    plain = keras.Model(model.input, model.output["outputs"])
    adam = keras.optimizers.Adam(0.01)
    plain.compile(optimizer=adam, loss="mse", run_eagerly=True)  # tracing takes longer
    history = plain.fit(panel[order], target[order], batch_size=100, shuffle=False, verbose=0)
    for mine, theirs in zip(weights, plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
    assert losses == pytest.approx(history.history["loss"], rel=1e-4)


def test_an_ensemble_is_trained_as_its_networks_are(regressor, task, train_on, alone):
    """The order of customers is the same, because the same generator draws it first."""
    _, target = task
    ensemble = regressor._replace(n_networks=3)
    start = initial_weights(ensemble, np.random.default_rng(0))
    losses, trained = train_on(ensemble, target[:, None], weights=start)
    each = [
        train_on(one, target[:, None], weights=weights) for one, weights in alone(ensemble, start)
    ]
    np.testing.assert_allclose(losses, np.mean([loss for loss, _ in each], axis=0), rtol=1e-5)
    for arrays, *own in zip(trained, *(weights for _, weights in each), strict=True):
        np.testing.assert_allclose(arrays, own, atol=1e-5)


def test_of_several_starts_the_best_are_trained(regressor, task, train_on, monkeypatch):
    """A tenth of ten epochs tells which two of six networks have the lowest losses."""
    _, target = task
    ensemble = regressor._replace(n_networks=2)
    tried, trained = [], []

    class Recorder(NativeTrainer):
        def __init__(self, network, weights, **settings):
            (tried if network.n_networks == 6 else trained).append((network, weights))
            super().__init__(network, weights, **settings)

    train_on(ensemble, target[:, None], epochs=10, n_init=3, trainer=Recorder)
    ((six, starts),), ((two, best),) = tried, trained
    assert (six.n_networks, two.n_networks) == (6, 2)
    _, after = train_on(six, target[:, None], epochs=1, weights=starts)
    losses = [
        mean_loss(regressor, task[0], target[:, None], arrays)
        for arrays in zip(*after, strict=True)
    ]
    expected = {starts[0][number].tobytes() for number in np.argsort(losses)[:2]}
    assert {kernel.tobytes() for kernel in best[0]} == expected


def test_the_learning_rate_falls_to_a_twentieth():
    """Along half a cosine, as the schedule CosineDecay of Keras does."""
    weights = np.zeros(1)
    adam = Adam(1.0, weights, n_steps=100)
    steps = []
    for _ in range(101):
        before = weights.copy()
        adam.step([np.ones(1)])
        steps.append((before - weights).item())
    assert steps[0] == pytest.approx(1, rel=1e-3)
    assert steps[50] == pytest.approx((1 + LAST_RATE) / 2, rel=1e-3)
    assert steps[100] == pytest.approx(LAST_RATE, rel=1e-3)


def test_class_weights_make_rare_classes_count(classifier, task, train_on):
    panel, target = task
    target = np.where(np.arange(400) < 20, target, 0)
    network = classifier._replace(state_noise=0.0)
    shares = []
    for class_weights in ([1, 1], [1, 20]):
        _, weights = train_on(network, target, epochs=30, class_weights=class_weights)
        shares.append(predicted_classes(network, panel, weights).mean())
    assert shares[0] < 0.1 < shares[1]


def test_the_weights_of_the_lowest_loss_on_customers_held_out_are_kept(regressor, task):
    """States are 0, so that each epoch predicts the bias of its head: 2, 1, 1.5, 3 and 0."""
    panel, _ = task
    held_out = panel, np.zeros((len(panel), 1))
    layers = regressor.encoder_shapes + regressor.head_shapes
    weights = [np.zeros(shape) for layer in layers for shape in layer]
    epochs = ((0.0, [*weights[:-1], np.array([bias])]) for bias in (2, 1, 1.5, 3, 0))
    found = [
        (loss, best[-1][0], has_converged)
        for _, loss, best, has_converged in keep_best(epochs, regressor, held_out, None, 2)
    ]
    expected = [(4, 2, False), (1, 1, False), (2.25, 1, False), (9, 1, True), (0, 0, False)]
    assert found == expected


@pytest.mark.parametrize("n_networks", [1, 3])
def test_one_seed_gives_the_same_weights_bit_for_bit(classifier, n_networks, train_on):
    network = classifier._replace(n_networks=n_networks)
    _, first = train_on(network, n_init=2)
    train_on(network, epochs=1, seed=1)
    assert_same(first, train_on(network, n_init=2)[1])


def test_threads_that_train_at_once_do_not_affect_each_other(classifier, train_on):
    _, alone = train_on(classifier, n_init=2)
    results = [None] * 4

    def fit(position):
        results[position] = train_on(classifier, n_init=2)[1]

    threads = [threading.Thread(target=fit, args=(position,)) for position in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        assert_same(alone, result)


def test_a_diverging_loss_stops_with_a_remedy(regressor, task, train_on):
    _, target = task
    huge = np.where(target, 1e30, -1e30)[:, None]
    with pytest.raises(ValueError, match=r"diverged in epoch 1\. Try a smaller learning_rate"):
        train_on(regressor, huge)


def test_a_last_step_that_diverges_is_noticed_although_the_loss_before_it_was_finite(
    regressor, task, train_on
):
    with pytest.raises(ValueError, match=r"diverged in epoch 1\. Try a smaller learning_rate"):
        train_on(regressor, epochs=1, batch_size=len(task[0]), learning_rate=1e300)
