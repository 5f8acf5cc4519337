"""Training over plain arrays, which is faster than a framework for networks this small.

Weights start as Keras draws them, and a step of Adam changes them as Keras does, as tests check.
All randomness comes from a seed, and no global state changes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .._utils._threads import one_thread
from ._losses import loss_and_gradients, mean_loss

if TYPE_CHECKING:
    import keras
    from numpy.typing import ArrayLike, NDArray

    from .._utils._typing import Floats
    from ._specification import Network


def initial_weights(network: Network, generator: np.random.Generator) -> list[Floats]:
    """Draw float32 weights as Keras does by default: Glorot uniform, orthogonal, forget bias 1."""
    weights: list[Floats] = []
    for kernel, *recurrent, (n_biases,) in (*network.encoder_shapes, *network.head_shapes):
        limit = np.sqrt(6 / sum(kernel))
        weights.append(generator.uniform(-limit, limit, size=kernel))
        bias = np.zeros(n_biases)
        for n_units, n_gates in recurrent:
            q, r = np.linalg.qr(generator.standard_normal((n_gates, n_units)))
            weights.append((q * np.sign(np.diag(r))).T)
            bias[n_units : 2 * n_units] = 1
        weights.append(bias)
    return [array.astype(np.float32) for array in weights]


def train(
    network: Network,
    panel: NDArray[Any],
    target: NDArray[Any],
    *,
    epochs: int,
    batch_size: int,
    optimizer: str | keras.optimizers.Optimizer,
    learning_rate: float,
    random_state: np.random.RandomState,
    class_weights: ArrayLike | None = None,
    n_init: int = 1,
    weights: list[Floats] | None = None,
) -> Generator[tuple[float, list[Floats]], None, None]:
    """Train a network, and pause after every epoch.

    Yields the mean loss of the epoch, with the penalties, and the weights, which the next epoch
    changes. Small networks end in different local optima. Therefore `n_init` starts are trained for
    a tenth of the epochs, and the one with the lowest loss is trained in full. The target is as in
    :func:`loss_and_gradients`. ``"adam"`` needs no Keras, and only an optimizer given by name takes
    the learning rate. A loss that is not finite, or an unknown optimizer, is a ValueError.
    """
    run = partial(
        _run,
        network,
        np.asarray(panel, dtype=np.float32, order="C"),
        np.asarray(target, dtype=np.int64 if network.classifies else np.float32),
        None if class_weights is None else np.asarray(class_weights, dtype=np.float32),
        min(batch_size, len(panel)),
        optimizer,
        learning_rate,
        weights,
    )
    seeds = random_state.randint(2**31 - 1, size=n_init)
    if n_init > 1:
        trial = max(1, epochs // 10)
        seeds = sorted(seeds, key=lambda seed: [loss for loss, _ in run(trial, seed)][-1])
    yield from run(epochs, seeds[0])


def keep_best(
    epochs: Iterable[tuple[float, list[Floats]]],
    network: Network,
    held_out: tuple[Floats, NDArray[Any]] | None,
    class_weights: Floats | None,
    n_iter_no_change: int,
) -> Generator[tuple[float, float | None, list[Floats], bool], None, None]:
    """Follow the loss on customers held out, and keep the weights of its lowest value.

    Yields the loss, the validation loss, the best weights so far, and whether training has
    converged: whether the loss has not fallen for `n_iter_no_change` epochs. Without customers held
    out (panel and target), it passes the weights of every epoch on, with a validation loss of None.
    """
    losses: list[float] = []
    for loss, weights in epochs:
        if held_out is None:
            yield loss, None, weights, False
            continue
        losses.append(mean_loss(network, *held_out, weights, class_weights))
        n_since_best = len(losses) - 1 - int(np.argmin(losses))
        if n_since_best == 0:
            best = [array.copy() for array in weights]
        yield loss, losses[-1], best, n_since_best >= n_iter_no_change


def _run(
    network, panel, target, class_weights, batch_size, optimizer, learning_rate, weights,
    epochs, seed,
):  # fmt: skip
    """Train from one seed."""
    generator = np.random.default_rng(seed)
    weights = initial_weights(network, generator) if weights is None else weights
    # The arrays are views of one vector, which Adam changes at once.
    vector = np.concatenate([np.ravel(array) for array in weights]).astype(np.float32)
    parts = np.split(vector, np.cumsum([array.size for array in weights])[:-1])
    weights = [part.reshape(array.shape) for part, array in zip(parts, weights, strict=True)]
    if isinstance(optimizer, str) and optimizer.lower() == "adam":
        optimizer = Adam(learning_rate, vector)
    else:
        from ._keras import KerasOptimizer

        optimizer = KerasOptimizer(optimizer, learning_rate, weights)
    batch = np.empty((batch_size, *panel.shape[1:]), dtype=panel.dtype)
    periods = (network.n_periods,) if network.reads == "every" else ()
    noise_shape = *periods, network.n_units
    for epoch in range(1, epochs + 1):
        total = 0.0
        order = generator.permutation(len(panel))
        for start in range(0, len(panel), batch_size):
            rows = order[start : start + batch_size]
            customers = np.take(panel, rows, axis=0, out=batch[: len(rows)], mode="clip")
            noise = None
            if network.state_noise:
                noise = generator.standard_normal((len(rows), *noise_shape), dtype=np.float32)
                noise = network.state_noise * noise
            with np.errstate(all="ignore"):  # a loss that is not finite is reported below
                loss, gradients = loss_and_gradients(
                    network, customers, target[rows], weights,
                    class_weights=class_weights, noise=noise,
                )  # fmt: skip
                optimizer.step(gradients)
            total += loss * len(rows)
        if not np.isfinite(total):
            raise ValueError(
                f"The training loss is {total / len(panel)} in epoch {epoch}. Try a smaller "
                f"learning_rate (now {learning_rate:g}), and look for extreme values in X."
            )
        yield total / len(panel), weights


class Adam:
    """The Adam optimizer with Keras's settings; it changes one vector of weights in place.

    Kingma & Ba (2015), Adam: a method for stochastic optimization, in the form that precedes their
    section 2.1.
    """

    MEAN_DECAY, SQUARE_DECAY, EPSILON = 0.9, 0.999, 1e-7

    def __init__(self, learning_rate: float, weights: Floats) -> None:
        self.learning_rate = learning_rate
        self.weights = weights
        self.mean, self.square = np.zeros_like(weights), np.zeros_like(weights)
        self.n_steps = 0

    def step(self, gradients: Sequence[Floats]) -> None:
        """Take one step."""
        gradient = np.concatenate([array.ravel() for array in gradients])
        self.n_steps += 1
        self.mean += (gradient - self.mean) * (1 - self.MEAN_DECAY)
        self.square += (np.square(gradient) - self.square) * (1 - self.SQUARE_DECAY)
        correction = np.sqrt(1 - self.SQUARE_DECAY**self.n_steps)
        rate = float(self.learning_rate * correction / (1 - self.MEAN_DECAY**self.n_steps))
        self.weights -= self.mean * rate / (np.sqrt(self.square) + self.EPSILON)


def last_weights(
    epochs: Generator[tuple[float, float | None, list[Floats], bool], None, None],
) -> list[Floats]:
    """Train until the end, or until training has converged, and return the weights."""
    with one_thread(), closing(epochs):
        for _, _, weights, has_converged in epochs:
            trained = weights
            if has_converged:
                break
    return trained
