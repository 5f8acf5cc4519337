"""Training equals Keras's, repeats bit for bit, and leaves no global state."""

import threading

import numpy as np
import pytest

from skspend.networks import Network
from skspend.networks._forward import decode, encode
from skspend.networks._training import initial_weights, keep_best


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
    ("network", "optimizer"),
    [
        (RECURRENT, "adam"),
        (RECURRENT._replace(l2=0.1), "Adam"),
        (Network(False, 3, 2, (4, 2), 1, reads="mean"), "adam"),
        (RECURRENT, "sgd"),
        (RECURRENT, "adagrad"),
    ],
    ids=["LSTM", "l2", "feed-forward", "sgd", "adagrad"],
)
def test_training_as_plain_keras_does_gives_the_same_weights(
    network, optimizer, task, train_on, keras, build
):
    """An epoch against keras.Model.fit from the same weights, in the same order."""
    panel, target = task
    target = target[:, None].astype(np.float32)
    losses, weights = train_on(network, target, epochs=1, batch_size=100, optimizer=optimizer)
    generator = np.random.default_rng(np.random.RandomState(0).randint(2**31 - 1, size=1)[0])
    model = build(network)
    model.set_weights(initial_weights(network, generator))
    order = generator.permutation(len(panel))
    plain = keras.Model(model.input, model.output["outputs"])
    by_name = keras.optimizers.get(optimizer)
    by_name.learning_rate = 0.01
    plain.compile(optimizer=by_name, loss="mse", run_eagerly=True)  # tracing takes longer
    history = plain.fit(panel[order], target[order], batch_size=100, shuffle=False, verbose=0)
    for mine, theirs in zip(weights, plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
    assert losses == pytest.approx(history.history["loss"], rel=1e-4)


def test_an_optimizer_has_a_learning_rate_of_its_own(classifier, train_on, keras):
    slow = keras.optimizers.Adam(1e-9)
    start = initial_weights(classifier, np.random.default_rng(0))
    _, weights = train_on(classifier, weights=start, epochs=1, batch_size=400, optimizer=slow)
    for mine, theirs in zip(weights, start, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
    decaying = keras.optimizers.schedules.ExponentialDecay(0.2, 10, 0.5)
    settings = {"optimizer": keras.optimizers.SGD(decaying, momentum=0.9), "batch_size": 200}
    losses, _ = train_on(classifier, epochs=10, **settings)
    assert losses[-1] < losses[0]


def test_an_unknown_optimizer_is_refused(classifier, train_on):
    with pytest.raises(ValueError, match="adamant"):
        train_on(classifier, optimizer="adamant")


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


def test_a_fit_leaves_no_trace_in_the_next_one(classifier, train_on, keras):
    _, first = train_on(classifier, n_init=2)
    train_on(classifier, epochs=1, optimizer=keras.optimizers.Adam(0.5))
    assert_same(first, train_on(classifier, n_init=2)[1])


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
    with pytest.raises(ValueError, match=r"epoch 1\. Try a smaller learning_rate"):
        train_on(regressor, huge)
