"""Training by TensorFlow, with any optimizer of Keras, on a GPU if there is one.

The losses are those of :mod:`._losses`, which tests check. Random numbers come in as arrays, so
that no global state changes. Values have the shape (n_networks, n_periods, n_customers, n_values).
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import isclass, signature
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from ._forward import split_layers
from ._training import LAST_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .._utils._typing import Floats
    from ._specification import Network

FEWEST_STEPS = 50
"""For fewer steps than this, compiling one takes longer than it saves."""
OPTIMIZERS: dict[str, Any] = {
    name.lower(): optimizer
    for name, optimizer in vars(keras.optimizers).items()
    if isclass(optimizer)
    and optimizer is not keras.optimizers.Optimizer
    and "learning_rate" in signature(optimizer).parameters
}


class KerasTrainer:
    """Train by TensorFlow; a :class:`Trainer` beside :class:`NativeTrainer`.

    An optimizer given by name takes the learning rate, and an object has its own. An unknown name
    is a ValueError.
    """

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
        optimizer: str | keras.optimizers.Optimizer,
    ) -> None:
        self.network = network
        self.panel, self.target = tf.constant(panel), tf.constant(target)
        self.class_weights = None
        if class_weights is not None:
            n_tasks = len(network.task_weights)
            self.class_weights = tf.reshape(tf.constant(class_weights), (n_tasks, -1))
        # An optimizer may compute norms of an array or of all arrays. So that these are of a single
        # network, each network has variables and an optimizer of its own.
        each = [weights] if network.n_networks == 1 else zip(*weights, strict=True)
        self.variables = [[keras.Variable(array, dtype="float32") for array in own] for own in each]
        self.optimizers = []
        for variables in self.variables:
            own = make_optimizer(optimizer, learning_rate, n_steps if decay else None)
            own.build(variables)
            self.optimizers.append(own)
        self._take_step = self._step
        if n_steps >= FEWEST_STEPS:
            # Of any number of customers, because the last batch of an epoch is smaller.
            inputs = [tf.TensorSpec((None,), tf.int64)]
            if network.state_noise:
                shape = network.n_reads, network.n_networks, network.n_units, None
                inputs.append(tf.TensorSpec(shape))
            self._take_step = tf.function(self._step, inputs, autograph=False)

    @property
    def weights(self) -> list[Floats]:
        """The weights now, as new arrays."""
        each = [[variable.numpy() for variable in own] for own in self.variables]
        return each[0] if len(each) == 1 else [np.stack(own) for own in zip(*each, strict=True)]

    def step(self, rows: NDArray[np.intp], noise: Floats | None) -> Floats:
        """Take one step, as :class:`Trainer` describes."""
        inputs = [tf.constant(rows, tf.int64)]
        if noise is not None:
            inputs.append(tf.constant(noise))
        losses: Floats = self._take_step(*inputs).numpy()
        return losses

    def _step(self, rows, noise=None):
        weights = [[variable.value for variable in own] for own in self.variables]
        panel, target = tf.gather(self.panel, rows), tf.gather(self.target, rows)
        with tf.GradientTape() as tape:
            losses = self._losses(weights, panel, target, noise)
            # No network changes the gradients of another.
            total = tf.reduce_sum(losses)
        gradients = tape.gradient(total, weights)
        for optimizer, *step in zip(self.optimizers, gradients, self.variables, strict=True):
            optimizer.apply(*step)
        return losses

    def _losses(self, weights, panel, target, noise):
        """Losses of a batch, with the penalties, (n_networks,); `weights` are by network."""
        network = self.network
        one, *more = weights
        stacked = [tf.stack(arrays) for arrays in zip(*weights, strict=True)] if more else one
        encoder, head = split_layers(network, stacked)
        states = tf.repeat(tf.transpose(panel, (1, 0, 2))[None], network.n_networks, axis=0)
        for layer in encoder:
            states = run_lstm(states, *layer) if network.recurrent else run_dense(states, *layer)
        read = states
        if network.reads == "last":
            read = states[:, -1:]
        elif network.reads == "mean":
            read = tf.reduce_mean(states, axis=1, keepdims=True)
        if noise is not None:
            read += tf.transpose(noise, (1, 0, 3, 2))
        for layer in head[:-1]:
            read = run_dense(read, *layer)
        losses = self._mean_losses(run_linear(read, *head[-1]), target)
        if network.step_penalty:
            squares = tf.square(states[:, 1:] - states[:, :-1])
            of_customers = tf.reduce_sum(squares, axis=(1, 3))
            losses += network.step_penalty * tf.reduce_mean(of_customers, axis=1)
        if network.l2:
            kernels = [
                array for layer in encoder + head for array in layer if len(array.shape) == 3
            ]
            losses += network.l2 * sum(tf.reduce_sum(tf.square(k), axis=(1, 2)) for k in kernels)
        return losses

    def _mean_losses(self, outputs, target):
        """Mean squared errors or cross-entropies, (n_networks,)."""
        network, n_reads = self.network, self.network.n_reads
        if not network.classifies:
            target = tf.reshape(target, (-1, n_reads, network.n_outputs))
            difference = outputs - tf.transpose(target, (1, 0, 2))
            return tf.reduce_mean(tf.square(difference), axis=(1, 2, 3))
        n_tasks = len(network.task_weights)
        target = tf.transpose(tf.reshape(target, (-1, n_reads, n_tasks)))
        losses = 0.0
        for number, task in enumerate(tf.split(outputs, n_tasks, axis=-1)):
            if task.shape[-1] == 1:
                task = tf.concat([tf.zeros_like(task), task], axis=-1)
            classes = tf.broadcast_to(target[number], tf.shape(task)[:-1])
            entropies = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, task)
            if self.class_weights is not None:
                entropies *= tf.gather(self.class_weights[number], classes)
            losses += network.task_weights[number] * tf.reduce_mean(entropies, axis=(1, 2))
        return losses


def run_lstm(
    values: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor
) -> tf.Tensor:
    """Run one LSTM layer; return its hidden states."""

    def run_period(before, inputs):
        hidden, cell = before
        gates = tf.split(inputs + tf.matmul(hidden, recurrent), 4, axis=-1)
        enter, forget, leave = (tf.sigmoid(gates[number]) for number in (0, 1, 3))
        cell = forget * cell + enter * tf.tanh(gates[2])
        return leave * tf.tanh(cell), cell

    inputs = tf.transpose(run_linear(values, kernel, bias), (1, 0, 2, 3))
    start = tf.zeros_like(inputs[0, ..., : recurrent.shape[1]])
    return tf.transpose(tf.scan(run_period, inputs, (start, start))[0], (1, 0, 2, 3))


def run_dense(values: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Run a dense layer with tanh."""
    return tf.tanh(run_linear(values, kernel, bias))


def run_linear(values: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Run a dense layer without an activation."""
    # Products that broadcast a single network are wrong in some versions of TensorFlow.
    n_networks, n_inputs, n_outputs = kernel.shape
    outputs = tf.matmul(tf.reshape(values, (n_networks, -1, n_inputs)), kernel) + bias[:, None]
    return tf.reshape(outputs, (n_networks, values.shape[1], -1, n_outputs))


def make_optimizer(
    optimizer: str | keras.optimizers.Optimizer, learning_rate: float, n_steps: int | None
) -> keras.optimizers.Optimizer:
    """Make an optimizer of a name, or copy an object.

    The learning rate is for a name; it decays over `n_steps`, if given, as in :class:`Adam`.
    """
    if not isinstance(optimizer, str):
        return type(optimizer).from_config(optimizer.get_config())
    if optimizer.lower() not in OPTIMIZERS:
        raise ValueError(
            f"optimizer={optimizer!r} is not an optimizer of Keras. Choose one of "
            f"{', '.join(map(repr, sorted(OPTIMIZERS)))}, or pass an object."
        )
    rate = learning_rate
    if n_steps is not None:
        rate = keras.optimizers.schedules.CosineDecay(learning_rate, n_steps, alpha=LAST_RATE)
    return OPTIMIZERS[optimizer.lower()](learning_rate=rate)
