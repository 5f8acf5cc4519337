"""The same networks in Keras: defined, initialised and trained.

A model is compiled once for its architecture and kept; every further fit resets its weights, so
that a small fit costs milliseconds and not the second that tracing takes. One call trains one
epoch. Randomness comes in as initial weights and orders of rows: nothing global is touched.
"""

from contextlib import contextmanager
from functools import partial

import keras
import numpy as np
import tensorflow as tf

LONGEST_UNROLLED = 12
"""Sequences up to this length are unrolled: faster to run, and still quick to trace."""
MOST_KEPT = 32
"""Compiled trainers that are kept for reuse."""

_idle_trainers = {}


def build(network):
    """Define a network in Keras; its outputs are ``states`` and ``outputs`` (log-odds, values).

    Parameters
    ----------
    network : Network

    Returns
    -------
    model : keras.Model
        Maps (batch, n_periods, n_features) to a dict of ``states``, (batch, n_periods, n_units),
        and ``outputs``, (batch, n_outputs) or (batch, n_periods, n_outputs).
    """
    panel = keras.Input((network.n_periods, network.n_features), name="panel")
    # Seeds are given, and not used, because Keras draws missing ones from Python's global state.
    states = keras.layers.LSTM(
        network.n_units,
        return_sequences=True,
        unroll=network.n_periods <= LONGEST_UNROLLED,
        kernel_initializer="zeros",
        recurrent_initializer="zeros",
        seed=0,
        name="states",
    )(panel)
    answered = states if network.every_period else states[:, -1]
    if network.state_noise:
        answered = keras.layers.GaussianNoise(network.state_noise, seed=0, name="noise")(answered)
    outputs = keras.layers.Dense(network.n_outputs, kernel_initializer="zeros", name="outputs")(
        answered
    )
    return keras.Model(panel, {"states": states, "outputs": outputs})


def initial_weights(network, random_state):
    """Draw weights as Keras does by default: Glorot uniform, orthogonal, forget bias 1.

    Parameters
    ----------
    network : Network
    random_state : numpy.random.RandomState

    Returns
    -------
    weights : list of ndarray
        In the order of :class:`Network`.
    """
    seeds = random_state.randint(2**31 - 1, size=3)
    glorot = [keras.initializers.GlorotUniform(int(seed)) for seed in seeds[:2]]
    orthogonal = keras.initializers.Orthogonal(seed=int(seeds[2]))
    u = network.n_units
    bias = np.zeros(4 * u)
    bias[u : 2 * u] = 1
    return [
        np.asarray(glorot[0]((network.n_features, 4 * u))),
        np.asarray(orthogonal((u, 4 * u))),
        bias,
        np.asarray(glorot[1]((u, network.n_outputs))),
        np.zeros(network.n_outputs),
    ]


def train(network, panel, target, *, epochs, batch_size, learning_rate, n_init, random_state):
    """Train a network with Adam, from new weights, and pause after every epoch.

    Small networks end in different local optima. So several starts are trained for a tenth of the
    epochs, and the one with the lowest loss is trained in full.

    Parameters
    ----------
    network : Network
    panel : ndarray, shape (n_customers, n_periods, n_features)
    target : ndarray
        Class numbers, shape (n_customers,), or values, shape (n_customers, [n_periods,] n_outputs).
    epochs, batch_size : int
    learning_rate : float
    n_init : int
        Number of starts.
    random_state : numpy.random.RandomState
        Draws initial weights, noise and the order of customers.

    Yields
    ------
    loss : float
        Mean training loss of the epoch: cross-entropy, or mean squared error.
    get_weights : callable
        Returns the present weights as a list of ndarray.

    Raises
    ------
    ValueError
        If the loss is no longer finite.
    """
    with _trainer(network) as trainer:
        run = partial(
            trainer.run,
            tf.constant(panel, tf.float32),
            tf.constant(target, tf.int32 if network.classifies else tf.float32),
            tf.constant(min(batch_size, len(panel)), tf.int32),
            learning_rate,
        )
        seeds = random_state.randint(2**31 - 1, size=n_init)
        if n_init > 1:
            trial = max(1, epochs // 10)
            seeds = sorted(seeds, key=lambda seed: list(run(trial, seed))[-1])
        for loss in run(epochs, seeds[0]):
            yield loss, trainer.model.get_weights


class _Trainer:
    """A Keras model with its optimizer and a compiled function that trains one epoch."""

    def __init__(self, network):
        self.network = network
        self.model = build(network)
        self.optimizer = keras.optimizers.Adam()
        self.optimizer.build(self.model.trainable_variables)
        loss = (
            keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            if network.classifies
            else keras.losses.MeanSquaredError()
        )

        @tf.function(reduce_retracing=True)
        def run_epoch(panel, target, order, batch_size):
            n_customers = tf.shape(order)[0]
            total = tf.constant(0.0)
            for start in tf.range(0, n_customers, batch_size):
                rows = order[start : start + batch_size]
                with tf.GradientTape() as tape:
                    outputs = self.model(tf.gather(panel, rows), training=True)["outputs"]
                    batch_loss = loss(tf.gather(target, rows), outputs)
                variables = self.model.trainable_variables
                self.optimizer.apply(tape.gradient(batch_loss, variables), variables)
                total += batch_loss * tf.cast(tf.shape(rows)[0], tf.float32)
            return total / tf.cast(n_customers, tf.float32)

        target_shape = [None] if network.classifies else [None, network.n_outputs]
        if network.every_period:
            target_shape.insert(1, network.n_periods)
        self.run_epoch = run_epoch.get_concrete_function(
            tf.TensorSpec([None, network.n_periods, network.n_features], tf.float32),
            tf.TensorSpec(target_shape, tf.int32 if network.classifies else tf.float32),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([], tf.int32),
        )

    def run(self, panel, target, batch_size, learning_rate, epochs, seed):
        """Start from the weights of this seed, and yield the loss of every epoch."""
        random_state = np.random.RandomState(seed)
        self.reset(initial_weights(self.network, random_state), seed)
        self.optimizer.learning_rate = learning_rate
        for epoch in range(epochs):
            order = random_state.permutation(len(panel)).astype(np.int32)
            loss = float(self.run_epoch(panel, target, tf.constant(order), batch_size))
            if not np.isfinite(loss):
                raise ValueError(
                    f"The training loss became {loss} in epoch {epoch + 1}. Try a smaller "
                    f"learning_rate (now {learning_rate:g}), and look for extreme values in X."
                )
            yield loss

    def reset(self, weights, noise_seed):
        self.model.set_weights(weights)
        for variable in self.optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.GaussianNoise):
                layer.seed_generator.state.assign([noise_seed, 0])


@contextmanager
def _trainer(network):
    """Lend a trainer for this architecture to one fit at a time; others get one of their own."""
    try:
        trainer = _idle_trainers.pop(network)
    except KeyError:
        trainer = _Trainer(network)
    try:
        yield trainer
    finally:
        if len(_idle_trainers) >= MOST_KEPT:
            _idle_trainers.pop(next(iter(_idle_trainers)), None)
        _idle_trainers[network] = trainer
