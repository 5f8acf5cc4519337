"""The same networks in Keras, and training through scikeras.

This module and :mod:`._keras_training` alone import Keras, and with it TensorFlow.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import keras
import numpy as np
from tensorflow.python.eager import context
from tensorflow.python.framework.config import is_op_determinism_enabled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .._utils._typing import Floats
    from ._specification import Network

LONGEST_UNROLLED = 12
"""Sequences up to this length are unrolled: faster to run, and still quick to trace."""


def build(network: Network, dtype: Literal["float32", "float64"] = "float32") -> keras.Model:
    """Define a network in Keras, with weights of zero.

    It maps (batch, n_periods, n_features) to a dict of ``states`` and ``outputs`` (log-odds or
    values). Of what training adds to the loss, it has the penalty on kernels alone.
    """
    regularizer = keras.regularizers.L2(network.l2) if network.l2 else None
    common = {"kernel_initializer": "zeros", "kernel_regularizer": regularizer, "dtype": dtype}
    dense = partial(keras.layers.Dense, **common)
    lstm = partial(
        keras.layers.LSTM,
        return_sequences=True,
        unroll=network.n_periods <= LONGEST_UNROLLED,
        recurrent_initializer="zeros",
        recurrent_regularizer=regularizer,
        # Seeds are not used, but Keras would draw missing ones from Python's global state.
        seed=0,
        **common,
    )
    layer = lstm if network.recurrent else partial(dense, activation="tanh")
    shape = network.n_periods, network.n_features
    states = panel = keras.Input(shape, name="panel", dtype=dtype)
    for number, units in enumerate(network.encoder, start=1):
        name = "states" if number == len(network.encoder) else f"encoder{number}"
        states = layer(units, name=name)(states)
    read = states
    if network.reads == "last":
        read = states[:, -1]
    elif network.reads == "mean":
        read = keras.layers.GlobalAveragePooling1D(name="mean", dtype=dtype)(states)
    for number, units in enumerate(network.decoder, start=1):
        read = dense(units, activation="tanh", name=f"decoder{number}")(read)
    outputs = dense(network.n_outputs, name="outputs")(read)
    return keras.Model(panel, {"states": states, "outputs": outputs})


def build_fitted(
    network: Network, weights: Sequence[Floats], components: Floats | None
) -> keras.Model:
    """Define a fitted network, or an ensemble with the components of its states, in float64."""
    if network.n_networks == 1:
        model = build(network, "float64")
        model.set_weights(weights)
        return model
    one = network._replace(n_networks=1)
    panel = keras.Input((network.n_periods, network.n_features), name="panel", dtype="float64")
    found = []
    for number in range(network.n_networks):
        model = build(one, "float64")
        model.set_weights([array[number] for array in weights])
        model.name = f"network{number}"
        found.append(model(panel))
    states = keras.layers.Concatenate(name="all_states", dtype="float64")(
        [outputs["states"] for outputs in found]
    )
    project = keras.layers.Dense(network.n_units, use_bias=False, name="states", dtype="float64")
    states = project(states)
    project.set_weights([components])
    outputs = _combine(network, [outputs["outputs"] for outputs in found])
    return keras.Model(panel, {"states": states, "outputs": outputs})


def _combine(network, outputs):
    """The mean of values, or the logarithm of the mean probability of each class of each task."""
    if not network.classifies:
        return keras.layers.Average(name="outputs", dtype="float64")(outputs)
    combined = []
    for tasks in zip(
        *(keras.ops.split(each, len(network.task_weights), axis=-1) for each in outputs),
        strict=True,
    ):
        if tasks[0].shape[-1] == 1:
            tasks = [keras.ops.concatenate([task * 0, task], axis=-1) for task in tasks]
        logs = keras.ops.stack([keras.ops.log_softmax(task, axis=-1) for task in tasks])
        combined.append(keras.ops.logsumexp(logs, axis=0) - np.log(len(outputs)))
    return keras.ops.concatenate(combined, axis=-1)


def build_to_train(
    network: Network, weights: Sequence[Floats], learning_rate: float
) -> keras.Model:
    """Define a network of given weights that returns the outputs alone, with its loss and Adam."""
    both = build(network)
    model = keras.Model(both.input, both.output["outputs"])
    model.set_weights(weights)
    return _compile(model, network.n_outputs, network.classifies, learning_rate)


def build_head(
    n_features: int, n_outputs: int, classifies: bool, penalty: float, learning_rate: float
) -> keras.Model:
    """Define a head alone, with weights of zero, compiled with its loss and Adam.

    `classifies` is as in :class:`Network`, and `penalty` weighs the sum of squares of the kernel.
    """
    regularizer = keras.regularizers.L2(penalty) if penalty else None
    head = keras.layers.Dense(
        n_outputs, kernel_initializer="zeros", kernel_regularizer=regularizer, name="outputs"
    )
    model = keras.Sequential([keras.Input((n_features,)), head])
    return _compile(model, n_outputs, classifies, learning_rate)


def _compile(model, n_outputs, classifies, learning_rate):
    if not classifies:
        loss = keras.losses.MeanSquaredError()
    elif n_outputs == 1:
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(learning_rate), loss)
    return model


def fit_by_scikeras(
    wrapper: Literal["KerasRegressor", "KerasClassifier"],
    model: Callable[[], keras.Model],
    n_outputs: Collection[int],
    customers: tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None],
    held_out: tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None] | None = None,
    *,
    n_iter_no_change: int,
    epochs: int,
    batch_size: int,
    seed: int,
) -> keras.Model:
    """Train a Keras model through scikeras, with all randomness from one seed.

    `n_outputs` are the numbers of outputs that the model may have; another one is a ValueError.
    `customers` are X of float32, values or class numbers, and sample weights or None; `held_out`
    are the same for early stopping, which restores the best weights.

    While it builds and trains, scikeras seeds the generators of Python, NumPy and TensorFlow and
    makes TensorFlow's operations deterministic, for the whole process; all of it is restored.
    """
    # Imported here, because from then on Keras pickles all models in the way of scikeras.
    from scikeras import wrappers

    options: dict[str, Any] = {}
    if held_out is not None:
        options["fit__validation_data"] = held_out
        options["callbacks"] = [
            keras.callbacks.EarlyStopping(patience=n_iter_no_change, restore_best_weights=True)
        ]
    # A warm start takes the model that initialize has built.
    training = getattr(wrappers, wrapper)(
        model=model,
        warm_start=True,
        epochs=epochs,
        batch_size=batch_size,
        verbose=0,
        random_state=seed,
        **options,
    )
    X, y, sample_weight = customers
    with _random_stream_restored():
        _check_outputs(training.initialize(X, y).model_, n_outputs)
        return training.fit(X, y, sample_weight=sample_weight).model_


def _check_outputs(model, n_outputs):
    """Refuse other outputs, which Keras would broadcast, or fail on without a clear message."""
    shape = getattr(model, "output_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 2 or shape[1] not in n_outputs:
        needed = " or ".join(f"(None, {n})" for n in sorted(n_outputs))
        raise ValueError(
            f"model= must be a Keras model, functional or sequential from a keras.Input, whose "
            f"output has the shape {needed} for this y, but it has the shape {shape}."
        )


@contextmanager
def _random_stream_restored():
    """Restore the state of TensorFlow that scikeras changes and does not restore."""
    # TensorFlow reads its environment at the first call of this function. If scikeras, which writes
    # to the environment, makes the first call, operations stay deterministic for good.
    is_op_determinism_enabled()
    # Restoring a seed restarts its random numbers; the stream here continues instead.
    state = vars(context.context())
    stream = state.get("_rng")
    try:
        yield
    finally:
        if stream is not None:
            state["_rng"] = stream


class Pickled:
    """A stand-in for a Keras model in a pickle; unpickling gives the model itself."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model

    def __reduce__(self) -> tuple[Any, ...]:
        # Keras's own method, because that of scikeras, which replaces it, refuses some layers.
        with _quietly():
            return _load, super(keras.Model, self.model).__reduce__()


def _load(load, arguments):
    with _quietly():
        return load(*arguments)


def copy_model(model: keras.Model) -> keras.Model:
    """Copy a Keras model: its layers, their weights, and its compilation."""
    load, arguments = Pickled(model).__reduce__()
    return load(*arguments)


@contextmanager
def _quietly():
    """Ignore warnings about Keras's own code, and about optimizers of untrained models."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        warnings.filterwarnings("ignore", "Skipping variable loading for optimizer", UserWarning)
        yield
