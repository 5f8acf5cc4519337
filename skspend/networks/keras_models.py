"""The same networks in Keras, for those who want to go on there, and Keras's optimizers.

This module alone imports Keras, and with it TensorFlow.
"""

import keras
import numpy as np

LONGEST_UNROLLED = 12
"""Sequences up to this length are unrolled: faster to run, and still quick to trace."""


def build(network, dtype="float32"):
    """Define a network in Keras; its outputs are ``states`` and ``outputs`` (log-odds, values).

    Parameters
    ----------
    network : Network
    dtype : {"float32", "float64"}, default="float32"

    Returns
    -------
    model : keras.Model
        Maps (batch, n_periods, n_features) to a dict of ``states``, (batch, n_periods, n_units),
        and ``outputs``, (batch, n_outputs) or (batch, n_periods, n_outputs).
    """
    regularizer = keras.regularizers.L2(network.l2) if network.l2 else None
    # Seeds are given, and not used, because Keras draws missing ones from Python's global state.
    common = {"kernel_initializer": "zeros", "kernel_regularizer": regularizer, "dtype": dtype}
    shape = network.n_periods, network.n_features
    states = panel = keras.Input(shape, name="panel", dtype=dtype)
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
        answer = keras.layers.GlobalAveragePooling1D(name="mean", dtype=dtype)(states)
    else:
        answer = states
    if network.state_noise:
        noise = keras.layers.GaussianNoise(network.state_noise, seed=0, name="noise", dtype=dtype)
        answer = noise(answer)
    for number, units in enumerate(network.decoder, start=1):
        layer = keras.layers.Dense(units, activation="tanh", name=f"decoder{number}", **common)
        answer = layer(answer)
    outputs = keras.layers.Dense(network.n_outputs, name="outputs", **common)(answer)
    return keras.Model(panel, {"states": states, "outputs": outputs})


class KerasOptimizer:
    """A Keras optimizer that changes plain arrays in place.

    Parameters
    ----------
    optimizer : str or keras.optimizers.Optimizer
        It is copied.
    learning_rate : float
        Of an optimizer given by name; an object brings its own.
    weights : list of ndarray

    Raises
    ------
    ValueError
        If Keras knows no optimizer of this name.
    """

    def __init__(self, optimizer, learning_rate, weights):
        configuration = keras.optimizers.serialize(keras.optimizers.get(optimizer))
        self.optimizer = keras.optimizers.deserialize(configuration)
        if isinstance(optimizer, str):
            self.optimizer.learning_rate = learning_rate
        self.weights = weights
        self.variables = [keras.Variable(array) for array in weights]
        self.optimizer.build(self.variables)

    def step(self, gradients):
        """Take one step."""
        tensors = [keras.ops.convert_to_tensor(gradient) for gradient in gradients]
        self.optimizer.apply(tensors, self.variables)
        for array, variable in zip(self.weights, self.variables, strict=True):
            array[...] = np.asarray(keras.ops.convert_to_tensor(variable))
