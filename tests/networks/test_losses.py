"""Losses are those of Keras, and gradients those of finite differences."""

import numpy as np
import pytest

from skspend.networks._forward import decode, encode
from skspend.networks._losses import losses_and_gradients, mean_loss


def draw_target(network, n_customers, generator):
    shape = (n_customers, network.n_periods) if network.reads == "every" else (n_customers,)
    n_tasks = len(network.task_weights)
    if network.classifies:
        shape = shape if n_tasks == 1 else (*shape, n_tasks)
        return generator.integers(0, network.n_outputs // n_tasks, size=shape)
    return generator.normal(size=(*shape, network.n_outputs))


def draw_class_weights(network, generator):
    n_tasks = len(network.task_weights)
    return generator.uniform(0.5, 2, size=(n_tasks, network.n_outputs // n_tasks))


@pytest.mark.parametrize("penalty", [0.0, 0.3])
def test_gradients_are_those_of_finite_differences(network, penalty, draw_weights, draw_panel):
    """In every array of weights, along a direction drawn at random."""
    network = network._replace(l2=penalty, step_penalty=penalty)
    generator = np.random.default_rng(0)
    weights, panel = draw_weights(network), draw_panel(network, 9)
    target = draw_target(network, 9, generator)
    settings = {
        "class_weights": draw_class_weights(network, generator),
        "noise": generator.normal(
            size=(
                network.n_periods if network.reads == "every" else 1,
                network.n_networks,
                network.n_units,
                9,
            )
        ),
    }
    _, gradients = losses_and_gradients(network, panel, target, weights, **settings)
    for number, gradient in enumerate(gradients):
        direction = generator.normal(size=gradient.shape)
        losses = []
        for step in (1e-6, -1e-6):
            moved = [w + step * direction if i == number else w for i, w in enumerate(weights)]
            losses.append(losses_and_gradients(network, panel, target, moved, **settings)[0].sum())
        slope = (losses[0] - losses[1]) / 2e-6
        assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_the_mean_loss_is_the_training_loss_without_noise_and_penalties(
    network, draw_weights, draw_panel
):
    generator = np.random.default_rng(0)
    weights, panel = draw_weights(network), draw_panel(network)
    target = draw_target(network, 50, generator)
    counts = draw_class_weights(network, generator)
    losses, _ = losses_and_gradients(network, panel, target, weights, class_weights=counts)
    noisy = network._replace(l2=0.1, step_penalty=0.1, state_noise=0.5)
    assert mean_loss(noisy, panel, target, weights, counts) == pytest.approx(
        losses.mean(), rel=1e-12
    )


def test_an_ensemble_has_the_losses_and_gradients_of_its_networks(
    ensemble, draw_weights, draw_panel, alone
):
    ensemble = ensemble._replace(l2=0.1, step_penalty=0.2)
    generator = np.random.default_rng(0)
    weights, panel = draw_weights(ensemble), draw_panel(ensemble)
    target = draw_target(ensemble, 50, generator)
    counts = draw_class_weights(ensemble, generator)
    losses, gradients = losses_and_gradients(ensemble, panel, target, weights, class_weights=counts)
    assert losses.shape == (ensemble.n_networks,)
    for number, (network, own) in enumerate(alone(ensemble, weights)):
        loss, expected = losses_and_gradients(network, panel, target, own, class_weights=counts)
        assert loss == pytest.approx(losses[[number]], rel=1e-12)
        for mine, theirs in zip(gradients, expected, strict=True):
            np.testing.assert_allclose(mine[number], theirs, atol=1e-12)


@pytest.mark.parametrize("class_weights", [[1, 1], [0.5, 3]])
@pytest.mark.parametrize("reads", ["last", "every"])
def test_the_mean_loss_of_classes_is_that_of_keras(
    classifier, task, class_weights, reads, draw_weights, keras, build
):
    network = classifier._replace(reads=reads, state_noise=0.0)
    panel, target = task
    if reads == "every":
        target = np.repeat(target[:, None], 3, axis=1)
    weights, model = draw_weights(network), build(network)
    model.set_weights(weights)
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(
        target, model(panel)["outputs"], sample_weight=np.array(class_weights)[target]
    )
    found = mean_loss(network, panel, target, weights, np.array(class_weights))
    assert found == pytest.approx(float(expected), rel=1e-5)


def test_the_mean_loss_of_values_is_their_mean_squared_error(regressor, task, draw_weights):
    panel, target = task
    weights = draw_weights(regressor)
    predicted = decode(regressor, encode(regressor, panel, weights)[:, -1], weights)
    found = mean_loss(regressor, panel, target[:, None], weights, np.ones(1))
    assert found == pytest.approx(((predicted - target[:, None]) ** 2).mean())
