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
from sklearn.utils import gen_batches

from .._utils._threads import one_thread
from ._losses import losses_and_gradients, mean_loss

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from .._utils._typing import Floats
    from ._specification import Network

LAST_RATE = 0.05
"""Learning rate at the end of training, as a share of that at the start, where it decays."""
PART = 256
"""Customers whose values are in the cache at once: larger parts of a batch take longer."""


def initial_weights(network: Network, generator: np.random.Generator) -> list[Floats]:
    """Draw float32 weights as Keras does by default: Glorot uniform, orthogonal, forget bias 1."""
    if network.n_networks > 1:
        one = network._replace(n_networks=1)
        drawn = [initial_weights(one, generator) for _ in range(network.n_networks)]
        return [np.stack(arrays) for arrays in zip(*drawn, strict=True)]
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
    learning_rate: float,
    random_state: np.random.RandomState,
    class_weights: ArrayLike | None = None,
    n_init: int = 1,
    weights: list[Floats] | None = None,
    decay: bool = False,
) -> Generator[tuple[float, list[Floats]], None, None]:
    """Train the networks by Adam, and pause after every epoch.

    Yields the mean loss of the epoch, with the penalties, and the weights, which the next epoch
    changes. Small networks end in different local optima. Therefore `n_init` times as many networks
    are trained for a tenth of the epochs, and those with the lowest losses are trained in full.
    With `decay`, the learning rate falls to `LAST_RATE` of its first value along a half cosine. The
    target is as in :func:`losses_and_gradients`. A loss that is not finite is a ValueError.
    """
    run = partial(
        _run,
        panel=np.asarray(panel, dtype=np.float32, order="C"),
        target=np.asarray(target, dtype=np.int64 if network.classifies else np.float32),
        class_weights=None if class_weights is None else np.asarray(class_weights, np.float32),
        batch_size=min(batch_size, len(panel)),
        learning_rate=learning_rate,
        decay=decay,
    )
    generator = np.random.default_rng(random_state.randint(2**31 - 1))
    if weights is None:
        weights = initial_weights(network, generator)
        if n_init > 1:
            more = network._replace(n_networks=network.n_networks * n_init)
            weights = initial_weights(more, generator)
            *_, (losses, _) = run(more, weights, generator, max(1, epochs // 10))
            best = np.argsort(losses, kind="stable")[: network.n_networks]
            shapes = [shape for layer in network.encoder_shapes + network.head_shapes for shape in layer]
            weights = [w[best].reshape(shape) for w, shape in zip(weights, shapes, strict=True)]
    for losses, trained in run(network, weights, generator, epochs):
        yield float(losses.mean()), trained


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
    network, weights, generator, epochs,
    *, panel, target, class_weights, batch_size, learning_rate, decay,
):  # fmt: skip
    """Train from given weights; yield the losses of the networks and the weights of every epoch."""
    # The arrays are views of one vector, which Adam changes at once.
    vector = np.concatenate([np.ravel(array) for array in weights]).astype(np.float32)
    parts = np.split(vector, np.cumsum([array.size for array in weights])[:-1])
    weights = [part.reshape(array.shape) for part, array in zip(parts, weights, strict=True)]
    optimizer = Adam(learning_rate, vector)
    batch = np.empty((batch_size, *panel.shape[1:]), dtype=panel.dtype)
    n_read = network.n_periods if network.reads == "every" else 1
    starts = range(0, len(panel), batch_size)
    n_steps = epochs * len(starts)
    for epoch in range(epochs):
        totals = np.zeros(network.n_networks)
        order = generator.permutation(len(panel))
        for number, start in enumerate(starts, start=epoch * len(starts)):
            rows = order[start : start + batch_size]
            customers = np.take(panel, rows, axis=0, out=batch[: len(rows)], mode="clip")
            noise = None
            if network.state_noise:
                shape = n_read, network.n_networks, network.n_units, len(rows)
                noise = generator.standard_normal(shape, dtype=np.float32)
                noise *= np.float32(network.state_noise)
            losses, gradients = 0.0, [np.zeros_like(array) for array in weights]
            for part in gen_batches(len(rows), PART):
                share = np.float32((part.stop - part.start) / len(rows))
                with np.errstate(all="ignore"):  # a loss that is not finite is reported below
                    of_part, found = losses_and_gradients(
                        network, customers[part], target[rows[part]], weights,
                        class_weights=class_weights,
                        noise=None if noise is None else noise[..., part],
                    )  # fmt: skip
                    losses = losses + share * of_part
                    for total, gradient in zip(gradients, found, strict=True):
                        total += share * gradient
            with np.errstate(all="ignore"):
                if decay:
                    share = (1 + np.cos(np.pi * number / n_steps)) / 2
                    optimizer.learning_rate = learning_rate * (LAST_RATE + (1 - LAST_RATE) * share)
                optimizer.step(gradients)
            totals += losses * len(rows)
        if not np.isfinite(totals).all():
            raise ValueError(
                f"The training loss is {totals.mean() / len(panel)} in epoch {epoch + 1}. Try a "
                f"smaller learning_rate (now {learning_rate:g}), and look for extreme values in X."
            )
        yield totals / len(panel), weights


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
