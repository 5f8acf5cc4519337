"""The same networks in Keras: defined, initialised and trained.

A model is compiled once for its architecture and optimizer and kept; every further fit resets its
weights, so that a small fit costs milliseconds and not the second that tracing takes. One call
trains whole epochs. Randomness comes in as seeds: nothing global is touched.
"""

import json
from contextlib import contextmanager
from functools import partial

import keras
import numpy as np
import tensorflow as tf

LONGEST_UNROLLED = 12
"""Sequences up to this length are unrolled: faster to run, and still quick to trace."""
MOST_STEPS_PER_CALL = 100
"""Longer calls would save no more, and could not be interrupted."""
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
    regularizer = keras.regularizers.L2(network.l2) if network.l2 else None
    # Seeds are given, and not used, because Keras draws missing ones from Python's global state.
    common = {"kernel_initializer": "zeros", "kernel_regularizer": regularizer}
    states = panel = keras.Input((network.n_periods, network.n_features), name="panel")
    for number, units in enumerate(network.encoder, start=1):
        name = "states" if number == len(network.encoder) else f"encoder{number}"
        if network.recurrent:
            layer = keras.layers.LSTM(
                units,
                return_sequences=True,
                unroll=network.n_periods <= LONGEST_UNROLLED,
                recurrent_initializer="zeros",
                recurrent_regularizer=regularizer,
                seed=0,
                name=name,
                **common,
            )
        else:
            layer = keras.layers.Dense(units, activation="tanh", name=name, **common)
        states = layer(states)
    if network.reads == "last":
        answer = states[:, -1]
    elif network.reads == "mean":
        answer = keras.layers.GlobalAveragePooling1D(name="mean")(states)
    else:
        answer = states
    if network.state_noise:
        answer = keras.layers.GaussianNoise(network.state_noise, seed=0, name="noise")(answer)
    for number, units in enumerate(network.decoder, start=1):
        layer = keras.layers.Dense(units, activation="tanh", name=f"decoder{number}", **common)
        answer = layer(answer)
    outputs = keras.layers.Dense(network.n_outputs, name="outputs", **common)(answer)
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

    def draw(initializer, shape):
        return np.asarray(initializer(seed=int(random_state.randint(2**31 - 1)))(shape))

    weights = []
    for shapes in (*network.encoder_shapes, *network.head_shapes):
        weights.append(draw(keras.initializers.GlorotUniform, shapes[0]))
        bias = np.zeros(shapes[-1])
        if len(shapes) == 3:
            weights.append(draw(keras.initializers.Orthogonal, shapes[1]))
            n_units = shapes[1][0]
            bias[n_units : 2 * n_units] = 1
        weights.append(bias)
    return weights


def train(
    network,
    panel,
    target,
    *,
    epochs,
    batch_size,
    optimizer,
    learning_rate,
    random_state,
    class_weights=None,
    n_init=1,
    weights=None,
    watched=True,
):
    """Train a network, from new weights or from given ones, and pause after every epoch.

    Small networks end in different local optima. So several starts are trained for a tenth of the
    epochs, and the one with the lowest loss is trained in full.

    Parameters
    ----------
    network : Network
    panel : ndarray, shape (n_customers, n_periods, n_features)
    target : ndarray
        Class numbers, shape (n_customers[, n_periods]), or values, with n_outputs more.
    epochs, batch_size : int
    optimizer : str or keras.optimizers.Optimizer
    learning_rate : float
        Of an optimizer given by name; an object brings its own.
    random_state : numpy.random.RandomState
        Draws initial weights, noise and the order of customers.
    class_weights : array-like, shape (n_outputs,), default=None
        What a customer of each class counts; default 1.
    n_init : int, default=1
        Number of starts.
    weights : list of ndarray, default=None
        Where to start; default new weights.
    watched : bool, default=True
        Return after every epoch, that weights may be asked for in between; else, which is faster
        on few customers, only every hundred steps.

    Yields
    ------
    loss : float
        Mean training loss of the epoch: cross-entropy, or mean squared error, and the penalty.
    get_weights : callable
        Returns the present weights as a list of ndarray; those of this epoch if `watched`, in any
        case the final ones after the last.

    Raises
    ------
    ValueError
        If the loss is no longer finite, or Keras does not know the optimizer.
    """
    with _trainer(network, _configuration(optimizer)) as trainer:
        trainer.load(panel, target, class_weights, batch_size)
        trainer.learning_rate = learning_rate if isinstance(optimizer, str) else None
        seeds = random_state.randint(2**31 - 1, size=n_init)
        if n_init > 1:
            seeds = sorted(seeds, key=partial(trainer.trial_loss, max(1, epochs // 10)))
        for loss in trainer.run(epochs, seeds[0], weights, watched=watched):
            yield loss, trainer.model.get_weights


def _configuration(optimizer):
    """What makes one optimizer different from another, as text; not the name that Keras gives."""
    serialized = keras.optimizers.serialize(keras.optimizers.get(optimizer))
    serialized["config"].pop("name", None)
    return json.dumps(serialized, sort_keys=True)


class _Trainer:
    """A Keras model with its optimizer and a compiled function that trains whole epochs."""

    def __init__(self, network, configuration):
        self.network = network
        self.model = build(network)
        self.optimizer = keras.optimizers.deserialize(json.loads(configuration))
        self.optimizer.build(self.model.trainable_variables)
        self.new_optimizer = [variable.numpy() for variable in self.optimizer.variables]
        loss = (
            keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            if network.classifies
            else keras.losses.MeanSquaredError()
        )

        @tf.function(reduce_retracing=True)
        def run_epochs(panel, target, class_weights, orders, batch_size):
            n_epochs, n_customers = tf.unstack(tf.shape(orders))
            losses = tf.TensorArray(tf.float32, n_epochs)
            for epoch in tf.range(n_epochs):
                total = tf.constant(0.0)
                for start in tf.range(0, n_customers, batch_size):
                    rows = orders[epoch, start : start + batch_size]
                    wanted = tf.gather(target, rows)
                    counts = tf.gather(class_weights, wanted) if network.classifies else None
                    with tf.GradientTape() as tape:
                        outputs = self.model(tf.gather(panel, rows), training=True)["outputs"]
                        batch_loss = loss(wanted, outputs, sample_weight=counts)
                        if network.l2:
                            batch_loss += tf.add_n(self.model.losses)
                    variables = self.model.trainable_variables
                    self.optimizer.apply(tape.gradient(batch_loss, variables), variables)
                    total += batch_loss * tf.cast(tf.shape(rows)[0], tf.float32)
                losses = losses.write(epoch, total / tf.cast(n_customers, tf.float32))
            return losses.stack()

        self.target_type = tf.int32 if network.classifies else tf.float32
        target_shape = [None]
        if network.reads == "every":
            target_shape.append(network.n_periods)
        if not network.classifies:
            target_shape.append(network.n_outputs)
        self.run_epochs = run_epochs.get_concrete_function(
            tf.TensorSpec([None, network.n_periods, network.n_features], tf.float32),
            tf.TensorSpec(target_shape, self.target_type),
            tf.TensorSpec([network.n_outputs], tf.float32),
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([], tf.int32),
        )

    def load(self, panel, target, class_weights, batch_size):
        """Take what to learn from."""
        if class_weights is None:
            class_weights = np.ones(self.network.n_outputs)
        self.panel = tf.constant(panel, tf.float32)
        self.target = tf.constant(target, self.target_type)
        self.class_weights = tf.constant(class_weights, tf.float32)
        self.batch_size = tf.constant(min(batch_size, len(panel)), tf.int32)

    def unload(self):
        """Keep nobody's data."""
        self.panel = self.target = self.class_weights = None

    def run(self, epochs, seed, weights=None, *, watched=False):
        """Start from given weights, or from those of this seed; yield the loss of every epoch."""
        n_steps = -(-len(self.panel) // int(self.batch_size))
        epochs_per_call = 1 if watched else max(1, MOST_STEPS_PER_CALL // n_steps)
        random_state = np.random.RandomState(seed)
        self.reset(weights or initial_weights(self.network, random_state), seed)
        for first in range(0, epochs, epochs_per_call):
            n_epochs = min(epochs_per_call, epochs - first)
            orders = [random_state.permutation(len(self.panel)) for _ in range(n_epochs)]
            losses = self.run_epochs(
                self.panel,
                self.target,
                self.class_weights,
                tf.constant(np.array(orders), tf.int32),
                self.batch_size,
            ).numpy()
            for epoch, loss in enumerate(losses, start=first + 1):
                if not np.isfinite(loss):
                    rate = float(tf.convert_to_tensor(self.optimizer.learning_rate))
                    raise ValueError(
                        f"The training loss became {loss} in epoch {epoch}. Try a smaller "
                        f"learning_rate (now {rate:g}), and look for extreme values in X."
                    )
                yield float(loss)

    def trial_loss(self, epochs, seed):
        """The last loss of a short start from this seed."""
        *_, loss = self.run(epochs, seed)
        return loss

    def reset(self, weights, noise_seed):
        self.model.set_weights(weights)
        for variable, new in zip(self.optimizer.variables, self.new_optimizer, strict=True):
            variable.assign(new)
        if self.learning_rate is not None:
            self.optimizer.learning_rate = self.learning_rate
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.GaussianNoise):
                layer.seed_generator.state.assign([noise_seed, 0])


@contextmanager
def _trainer(network, configuration):
    """Lend a trainer for this architecture to one fit at a time; others get one of their own."""
    key = network, configuration
    try:
        trainer = _idle_trainers.pop(key)
    except KeyError:
        trainer = _Trainer(network, configuration)
    try:
        yield trainer
    finally:
        trainer.unload()
        if len(_idle_trainers) >= MOST_KEPT:
            _idle_trainers.pop(next(iter(_idle_trainers)), None)
        _idle_trainers[key] = trainer
