import threading
from functools import partial

import keras
import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from skspend.networks import Network
from skspend.networks._forward import BLOCK, decode, encode, pool
from skspend.networks._losses import loss_and_gradients, mean_loss
from skspend.networks._keras import build
from skspend.networks._scaling import fold_scales, unfold_scales
from skspend.networks._training import initial_weights, train

LSTM = partial(Network, True)
FEED_FORWARD = partial(Network, False)

NETWORKS = {
    "LSTM predictor": LSTM(6, 97, (4,), 1),
    "LSTM classifier of one period": LSTM(1, 3, (1,), 10, classifies=True),
    "LSTM autoencoder, too long to unroll": LSTM(20, 5, (3,), 5, reads="every"),
    "stack of LSTMs": LSTM(4, 5, (4, 3, 2), 1),
    "feed-forward predictor": FEED_FORWARD(6, 99, (5,), 1, reads="mean"),
    "feed-forward classifier": FEED_FORWARD(3, 7, (3,), 10, reads="every", classifies=True),
    "deep feed-forward autoencoder": FEED_FORWARD(3, 9, (6, 4, 2), 9, (4, 6), reads="every"),
}


def random_weights(network, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.normal(scale=0.15, size=w.shape) for w in build(network).get_weights()]


def random_panel(network, n_customers=50, seed=1):
    shape = n_customers, network.n_periods, network.n_features
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_array_code_equals_keras(network):
    model = build(network)
    weights = random_weights(network)
    model.set_weights(weights)
    panel = random_panel(network)
    by_keras = model(panel.astype(np.float32))
    states = encode(network, panel, weights)
    outputs = decode(network, pool(states, network.reads), weights)
    np.testing.assert_allclose(by_keras["states"], states, atol=1e-6)
    np.testing.assert_allclose(by_keras["outputs"], outputs, atol=1e-6)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_weights_are_counted_as_keras_counts_them(network):
    assert network.n_weights == build(network).count_params()


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_initial_weights_have_the_shapes_of_keras(network):
    drawn = initial_weights(network, np.random.default_rng(0))
    assert [w.shape for w in drawn] == [w.shape for w in build(network).get_weights()]


def test_the_weights_of_tables_1_and_2():
    assert NETWORKS["LSTM predictor"].n_weights == 1637
    assert NETWORKS["feed-forward predictor"].n_weights == 506
    assert [NETWORKS[name].n_weights - NETWORKS[name].n_body_weights
            for name in ("LSTM predictor", "feed-forward predictor")] == [5, 6]  # fmt: skip


@pytest.mark.parametrize("name", ["LSTM predictor", "stack of LSTMs", "feed-forward predictor"])
def test_blocks_do_not_show(name):
    network = NETWORKS[name]
    weights = random_weights(network)
    panel = random_panel(network, BLOCK + 3)
    whole = encode(network, panel, weights)
    np.testing.assert_allclose(encode(network, panel[-5:], weights), whole[-5:], atol=1e-15)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("penalty", [0.0, 0.3])
def test_gradients_are_those_of_finite_differences(network, penalty):
    """In every array of weights, along a direction drawn at random."""
    network = network._replace(l2=penalty, step_penalty=penalty)
    generator = np.random.default_rng(0)
    weights = random_weights(network)
    panel = random_panel(network, 9)
    shape = (9, network.n_periods) if network.reads == "every" else (9,)
    if network.classifies:
        target = generator.integers(0, network.n_outputs, size=shape)
    else:
        target = generator.normal(size=(*shape, network.n_outputs))
    settings = {
        "class_weights": generator.uniform(0.5, 2, size=network.n_outputs),
        "noise": generator.normal(size=(*shape, network.n_units)),
    }
    _, gradients = loss_and_gradients(network, panel, target, weights, **settings)
    for number, gradient in enumerate(gradients):
        direction = generator.normal(size=gradient.shape)
        losses = []
        for step in (1e-6, -1e-6):
            moved = [w + step * direction if i == number else w for i, w in enumerate(weights)]
            losses.append(loss_and_gradients(network, panel, target, moved, **settings)[0])
        slope = (losses[0] - losses[1]) / 2e-6
        assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_a_stack_of_lstms_goes_on_from_what_it_remembers():
    network = NETWORKS["stack of LSTMs"]
    weights = random_weights(network)
    panel = random_panel(network)
    at_once = encode(network, panel, weights, cells=True)
    assert at_once.shape == (50, 4, 2 * (4 + 3 + 2))
    np.testing.assert_array_equal(at_once[:, :, :2], encode(network, panel, weights))
    first = encode(network, panel[:, :3], weights, cells=True)
    last = encode(network, panel[:, 3:], weights, cells=True, start=first[:, -1])
    np.testing.assert_allclose(last[:, 0], at_once[:, 3], atol=1e-12)


def test_cells_are_those_of_keras():
    network = LSTM(3, 5, (4, 2), 1)
    weights = random_weights(network)
    panel = random_panel(network)
    remembered = encode(network, panel, weights, cells=True)[:, -1]
    inputs, found = panel.astype(np.float32), []
    for layer, units in enumerate(network.encoder):
        lstm = keras.layers.LSTM(units, return_sequences=True, return_state=True)
        lstm.build(inputs.shape)
        lstm.set_weights(weights[3 * layer : 3 * layer + 3])
        inputs, hidden, cell = lstm(inputs)
        found = [hidden, cell, *found]
    np.testing.assert_allclose(remembered, np.concatenate(found, axis=1), atol=1e-6)


def test_initial_weights_are_those_of_keras():
    network = NETWORKS["LSTM predictor"]
    kernel, recurrent, bias, head, head_bias = initial_weights(network, np.random.default_rng(0))
    limit = np.sqrt(6 / (97 + 16))
    assert 0.9 * limit < np.abs(kernel).max() <= limit
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(4), atol=1e-6)
    assert bias.tolist() == [0] * 4 + [1] * 4 + [0] * 8
    assert np.abs(head).max() <= np.sqrt(6 / 5)
    assert head_bias.tolist() == [0]


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("has_values", [True, False])
def test_scales_are_folded_in_and_taken_out(network, has_values):
    panel = random_panel(network) * 7 + 3
    inputs = StandardScaler().fit(panel.reshape(-1, network.n_features))
    targets = None
    if has_values:
        values = np.random.default_rng(2).normal(1, 5, size=(50, network.n_outputs))
        targets = StandardScaler().fit(values)
    weights = random_weights(network)
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


def toy(n=400):
    """Sequences whose last sum tells the class."""
    panel = np.random.default_rng(0).normal(size=(n, 3, 2)).astype(np.float32)
    return panel, (panel.sum(axis=(1, 2)) > 0).astype(int)


CLASSIFIER = LSTM(3, 2, (2,), 2, classifies=True, state_noise=0.3)
REGRESSOR = LSTM(3, 2, (2,), 1)


def train_toy(network=CLASSIFIER, target=None, seed=0, **changes):
    """Train on the toy data; return losses and final weights."""
    panel, classes = toy()
    settings = {
        "epochs": 5,
        "batch_size": 50,
        "optimizer": "adam",
        "learning_rate": 0.01,
        "random_state": np.random.RandomState(seed),
    }
    steps = train(network, panel, classes if target is None else target, **settings | changes)
    losses, weights = zip(*steps, strict=True)
    return list(losses), weights[-1]


def final_weights(seed=0, **changes):
    return train_toy(seed=seed, **{"n_init": 2} | changes)[1]


def assert_same(mine, theirs):
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_learns():
    panel, target = toy()
    weights = final_weights(epochs=60)
    answers = decode(CLASSIFIER, encode(CLASSIFIER, panel, weights)[:, -1], weights).argmax(axis=1)
    assert (answers == target).mean() > 0.95


@pytest.mark.parametrize(
    "network",
    [REGRESSOR, REGRESSOR._replace(l2=0.1), FEED_FORWARD(3, 2, (4, 2), 1, reads="mean")],
    ids=["LSTM", "l2", "feed-forward"],
)
@pytest.mark.parametrize("optimizer", ["adam", "Adam", "sgd", "adagrad"])
def test_training_as_plain_keras_does_gives_the_same_weights(network, optimizer):
    """An epoch against keras.Model.fit from the same weights, in the same order."""
    panel, target = toy()
    target = target[:, None].astype(np.float32)
    losses, weights = train_toy(network, target, epochs=1, batch_size=100, optimizer=optimizer)
    generator = np.random.default_rng(np.random.RandomState(0).randint(2**31 - 1, size=1)[0])
    model = build(network)
    model.set_weights(initial_weights(network, generator))
    order = generator.permutation(len(panel))
    plain = keras.Model(model.input, model.output["outputs"])
    by_name = keras.optimizers.get(optimizer)
    by_name.learning_rate = 0.01
    plain.compile(optimizer=by_name, loss="mse")
    history = plain.fit(panel[order], target[order], batch_size=100, shuffle=False, verbose=0)
    for mine, theirs in zip(weights, plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
    assert losses == pytest.approx(history.history["loss"], rel=1e-4)


def test_an_optimizer_brings_its_own_learning_rate():
    slow = keras.optimizers.Adam(1e-9)
    start = initial_weights(CLASSIFIER, np.random.default_rng(0))
    train_toy(weights=start)
    _, weights = train_toy(weights=start, optimizer=slow)
    for mine, theirs in zip(weights, start, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
    decaying = keras.optimizers.schedules.ExponentialDecay(0.05, 10, 0.5)
    losses, _ = train_toy(epochs=20, optimizer=keras.optimizers.SGD(decaying, momentum=0.9))
    assert losses[-1] < losses[0]


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(ValueError, match="adamant"):
        train_toy(optimizer="adamant")


def test_class_weights_let_rare_classes_count():
    panel, target = toy()
    rare = np.arange(400) < 20
    target = np.where(rare, target, 0)
    told = []
    for class_weights in ([1, 1], [1, 20]):
        network = CLASSIFIER._replace(state_noise=0.0)
        _, weights = train_toy(network, target, epochs=30, class_weights=class_weights)
        outputs = decode(network, encode(network, panel, weights)[:, -1], weights)
        told.append(outputs.argmax(axis=1).mean())
    assert told[0] < 0.1 < told[1]


@pytest.mark.parametrize("class_weights", [[1, 1], [0.5, 3]])
@pytest.mark.parametrize("reads", ["last", "every"])
def test_mean_loss_is_the_loss_of_keras(class_weights, reads):
    network = LSTM(3, 2, (2,), 2, reads=reads, classifies=True)
    panel, target = toy()
    if reads == "every":
        target = np.repeat(target[:, None], 3, axis=1)
    weights = random_weights(network)
    model = build(network)
    model.set_weights(weights)
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(
        target, model(panel)["outputs"], sample_weight=np.array(class_weights)[target]
    )
    found = mean_loss(network, panel, target, weights, np.array(class_weights))
    assert found == pytest.approx(float(expected), rel=1e-5)


def test_mean_loss_of_values_is_their_mean_squared_error():
    panel, target = toy()
    weights = random_weights(REGRESSOR)
    told = decode(REGRESSOR, encode(REGRESSOR, panel, weights)[:, -1], weights)
    found = mean_loss(REGRESSOR, panel, target[:, None], weights, np.ones(1))
    assert found == pytest.approx(((told - target[:, None]) ** 2).mean())


def test_a_fit_leaves_no_trace_in_the_next_one():
    first = final_weights(seed=0)
    train_toy(optimizer=keras.optimizers.Adam(0.5))
    assert_same(first, final_weights(seed=0))


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
        assert_same(alone, result)


def test_a_diverging_loss_stops_with_a_remedy():
    _, target = toy()
    huge = np.where(target, 1e30, -1e30)[:, None]
    with pytest.raises(ValueError, match=r"epoch 1\. Try a smaller learning_rate"):
        train_toy(REGRESSOR, huge)
