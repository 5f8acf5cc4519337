"""Training, by default over plain arrays, which for networks this small is faster than a framework.

Weights start as Keras draws them, and a step of Adam changes them as Keras does, as tests check.
All randomness comes from a seed, and no global state changes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

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
    trainer: Callable[..., Trainer] | None = None,
) -> Generator[tuple[float, list[Floats]], None, None]:
    """Train the networks, and pause after every epoch.

    Yields the mean loss of the epoch, with the penalties, and the weights, which the next epoch
    changes. Small networks end in different local optima. Therefore `n_init` times as many networks
    are trained for a tenth of the epochs, and those with the lowest losses are trained in full.
    With `decay`, the learning rate falls to `LAST_RATE` of its first value along a half cosine. The
    target is as in :func:`losses_and_gradients`. `trainer` makes the :class:`Trainer`, by default a
    :class:`NativeTrainer`. A loss that is not finite is a ValueError.
    """
    run = partial(
        _run,
        make_trainer=partial(
            NativeTrainer if trainer is None else trainer,
            panel=np.asarray(panel, dtype=np.float32, order="C"),
            target=np.asarray(target, dtype=np.int64 if network.classifies else np.float32),
            class_weights=None if class_weights is None else np.asarray(class_weights, np.float32),
            learning_rate=learning_rate,
            decay=decay,
        ),
        n_customers=len(panel),
        batch_size=batch_size,
    )
    generator = np.random.default_rng(random_state.randint(2**31 - 1))
    if weights is None:
        n_networks = network.n_networks
        starts = network._replace(n_networks=n_networks * n_init)
        weights = initial_weights(starts, generator)
        if n_init > 1:
            *_, (losses, _) = run(starts, weights, generator, max(1, epochs // 10))
            best = np.argsort(losses, kind="stable")[:n_networks]
            weights = [array[best if n_networks > 1 else best[0]] for array in weights]
    for losses, trained in run(network, weights, generator, epochs):
        yield float(losses.mean()), trained


def _run(network, weights, generator, epochs, *, make_trainer, n_customers, batch_size):
    """Train from given weights; yield the losses of the networks and the weights of every epoch."""
    starts = range(0, n_customers, batch_size)
    trainer = make_trainer(network, weights, n_steps=epochs * len(starts))
    for epoch in range(1, epochs + 1):
        totals = np.zeros(network.n_networks)
        order = generator.permutation(n_customers)
        for start in starts:
            rows, noise = order[start : start + batch_size], None
            if network.state_noise:
                shape = network.n_reads, network.n_networks, network.n_units, len(rows)
                noise = generator.standard_normal(shape, dtype=np.float32)
                noise *= np.float32(network.state_noise)
            totals += trainer.step(rows, noise) * len(rows)
        losses = totals / n_customers
        trained = trainer.weights
        # The losses are those before each step, and the last step may be the one that diverges.
        if not all(np.isfinite(values).all() for values in (losses, *trained)):
            raise ValueError(
                f"Training diverged in epoch {epoch}. Try a smaller learning_rate, and look for "
                f"extreme values in X."
            )
        yield losses, trained


class Trainer(Protocol):
    """Holds the weights of networks, and changes them step by step."""

    @property
    def weights(self) -> list[Floats]:
        """The weights now."""

    def step(self, rows: NDArray[np.intp], noise: Floats | None) -> Floats:
        """Take one step for the customers in these rows; return the losses before it by network.

        The noise is as in :func:`losses_and_gradients`.
        """


class NativeTrainer:
    """Train by Adam over plain arrays."""

    def __init__(
        self,
        network: Network,
        weights: Sequence[Floats],
        *,
        panel: Floats,
        target: NDArray[Any],
        class_weights: Floats | None,
        learning_rate: float,
        n_steps: int,
        decay: bool,
    ) -> None:
        self.network, self.panel, self.target = network, panel, target
        self.class_weights = class_weights
        # The arrays are views of one vector, which Adam changes at once.
        vector = np.concatenate([np.ravel(array) for array in weights]).astype(np.float32)
        parts = np.split(vector, np.cumsum([array.size for array in weights])[:-1])
        self.weights = [part.reshape(own.shape) for part, own in zip(parts, weights, strict=True)]
        self.optimizer = Adam(learning_rate, vector, n_steps if decay else None)

    def step(self, rows: NDArray[np.intp], noise: Floats | None) -> Floats:
        """Take one step, as :class:`Trainer` describes."""
        losses = np.zeros(self.network.n_networks)
        gradients = [np.zeros_like(array) for array in self.weights]
        with np.errstate(all="ignore"):  # a loss that is not finite is an error of its own
            # scikit-learn's gen_batches checks what it is given, which takes a tenth of a step.
            for start in range(0, len(rows), PART):
                part = slice(start, start + PART)
                few = rows[part]
                share = np.float32(len(few) / len(rows))
                of_part, found = losses_and_gradients(
                    self.network,
                    self.panel[few],
                    self.target[few],
                    self.weights,
                    class_weights=self.class_weights,
                    noise=None if noise is None else noise[..., part],
                )
                losses += share * of_part
                for total, gradient in zip(gradients, found, strict=True):
                    total += share * gradient
            self.optimizer.step(gradients)
        return losses


class Adam:
    """The Adam optimizer with Keras's settings; it changes one vector of weights in place.

    Kingma & Ba (2015), Adam: a method for stochastic optimization, in the form that precedes their
    section 2.1. In `n_steps`, if given, the learning rate falls to `LAST_RATE` of its first value.
    """

    MEAN_DECAY, SQUARE_DECAY, EPSILON = 0.9, 0.999, 1e-7

    def __init__(self, learning_rate: float, weights: Floats, n_steps: int | None = None) -> None:
        self.learning_rate, self.decay_steps = learning_rate, n_steps
        self.weights = weights
        self.mean, self.square = np.zeros_like(weights), np.zeros_like(weights)
        self.n_steps = 0

    def step(self, gradients: Sequence[Floats]) -> None:
        """Take one step."""
        gradient = np.concatenate([array.ravel() for array in gradients])
        rate = self.learning_rate
        if self.decay_steps is not None:
            half_cosine = (1 + np.cos(np.pi * self.n_steps / self.decay_steps)) / 2
            rate *= LAST_RATE + (1 - LAST_RATE) * half_cosine
        self.n_steps += 1
        self.mean += (gradient - self.mean) * (1 - self.MEAN_DECAY)
        self.square += (np.square(gradient) - self.square) * (1 - self.SQUARE_DECAY)
        correction = np.sqrt(1 - self.SQUARE_DECAY**self.n_steps)
        rate = float(rate * correction / (1 - self.MEAN_DECAY**self.n_steps))
        self.weights -= self.mean * rate / (np.sqrt(self.square) + self.EPSILON)


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
