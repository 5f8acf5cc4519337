"""The loss of customers, and its gradients with respect to all weights, over plain arrays.

Gradients come from backpropagation, through time if the network is recurrent. The arrays are small,
so that a framework would spend most of its time on calls: this code is faster than a compiled graph
and needs no time to start. The shape of values is that of :mod:`._forward`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._forward import (
    customers_last,
    run_dense,
    run_linear,
    run_lstms,
    split_gates,
    split_layers,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .._utils._typing import Floats
    from ._specification import Network


def mean_loss(
    network: Network,
    panel: Floats,
    target: NDArray[Any],
    weights: Sequence[Floats],
    class_weights: Floats | None = None,
) -> float:
    """Compute the mean cross-entropy or squared error, without noise and penalties."""
    encoder, head = split_layers(network, weights)
    states, _ = _run_encoder(network, panel, encoder)
    outputs = run_linear(run_dense(_read(states, network), head[:-1])[-1], *head[-1])
    return float(_losses_and_error(network, outputs, target, class_weights)[0].mean())


def losses_and_gradients(
    network: Network,
    panel: Floats,
    target: NDArray[Any],
    weights: Sequence[Floats],
    *,
    class_weights: Floats | None = None,
    noise: Floats | None = None,
) -> tuple[Floats, list[Floats]]:
    """Compute the training losses of a batch, (n_networks,), and the gradient of each array.

    The losses include the penalties, and no network changes the gradients of another. `target` is
    class numbers, (n_customers[, n_periods]), with one more axis if there are several tasks, or
    values with one more axis of n_outputs. `weights` have the precision of `panel`. `class_weights`
    are 1 by default; otherwise they are (n_tasks, n_classes), or (n_classes,) for a single task.
    `noise` is added to the input of the head, of shape (n_periods or 1, n_networks, n_units,
    n_customers).
    """
    encoder, head = split_layers(network, weights)
    states, runs = _run_encoder(network, panel, encoder)
    read = _read(states, network)
    if noise is not None:
        read = read + noise
    decoded = run_dense(read, head[:-1])
    outputs = run_linear(decoded[-1], *head[-1])
    losses, error = _losses_and_error(network, outputs, target, class_weights)
    head_gradients = _linear_gradients(decoded[-1], error)
    error = np.matmul(head[-1][0], error)
    error, decoder_gradients = _dense_backwards(error, head[:-1], decoded)
    error = _spread(error, states.shape, network)
    if network.step_penalty:
        penalties, of_steps = _penalties_on_steps(states, network.step_penalty)
        losses, error = losses + penalties, error + of_steps
    backwards = _lstms_backwards if network.recurrent else _dense_backwards
    _, encoder_gradients = backwards(error, encoder, runs)
    gradients = [*encoder_gradients, *decoder_gradients, *head_gradients]
    if network.l2:
        arrays = [array for layer in encoder + head for array in layer]
        for array, gradient in zip(arrays, gradients, strict=True):
            if array.ndim == 3:
                losses = losses + network.l2 * np.square(array).sum(axis=(1, 2))
                gradient += 2 * network.l2 * array
    pairs = zip(gradients, weights, strict=True)
    return losses, [gradient.reshape(array.shape) for gradient, array in pairs]


def _run_encoder(network, panel, layers):
    """Return the states, and the run of every layer."""
    values = customers_last(panel)
    if not network.recurrent:
        runs = run_dense(values, layers)
        return runs[-1], runs
    lstms = run_lstms(values, layers)
    return lstms[-1].hidden[1:], lstms


def _read(states, network):
    """The input of the head, with a single period unless it reads every state."""
    if network.reads == "every":
        return states
    return states[-1:] if network.reads == "last" else states.mean(axis=0, keepdims=True)


def _spread(error, shape, network):
    """Turn the error of the input of the head into that of the states of all periods."""
    if network.reads == "every":
        return error
    if network.reads == "mean":
        return np.broadcast_to(error / network.n_periods, shape)
    spread = np.zeros(shape, dtype=error.dtype)
    spread[-1] = error[0]
    return spread


def _losses_and_error(network, outputs, target, class_weights):
    """Losses (n_networks,), and their gradients with respect to the outputs."""
    n_periods, n_networks, n_outputs, n_customers = outputs.shape
    if not network.classifies:
        target = target.reshape(n_customers, n_periods, 1, n_outputs).transpose(1, 2, 3, 0)
        difference = outputs - target
        losses = np.square(difference).mean(axis=(0, 2, 3))
        return losses, difference * (2 / (difference.size // n_networks))
    n_tasks = len(network.task_weights)
    targets = target.reshape(n_customers, n_periods, n_tasks).T
    counts = [None] * n_tasks
    if class_weights is not None:
        counts = np.reshape(class_weights, (n_tasks, -1))
    losses, errors = 0.0, []
    tasks = zip(
        network.task_weights, np.split(outputs, n_tasks, axis=2), targets, counts, strict=True
    )
    for weight, *task in tasks:
        of_task, error = _cross_entropies(*task)
        losses = losses + weight * of_task
        errors.append(weight * error)
    return losses, np.concatenate(errors, axis=2)


def _cross_entropies(outputs, target, class_weights):
    """As :func:`_losses_and_error`, for class numbers of shape (n_periods, n_customers)."""
    if is_single := outputs.shape[2] == 1:
        outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=2)
    chances = outputs - outputs.max(axis=2, keepdims=True)
    n_periods, n_networks, _, n_customers = outputs.shape
    periods = np.arange(n_periods)[:, None, None]
    networks = np.arange(n_networks)[:, None]
    own = chances[periods, networks, target[:, None], np.arange(n_customers)][:, :, None]
    np.exp(chances, out=chances)
    sums = chances.sum(axis=2, keepdims=True)
    chances /= sums
    losses = np.log(sums) - own
    is_target = np.arange(chances.shape[2])[:, None] == target[:, None, None]
    chances -= is_target
    if class_weights is not None:
        counts = class_weights[target][:, None, None]
        losses = losses * counts
        chances *= counts
    chances *= 1 / target.size
    return losses.mean(axis=(0, 2, 3)), chances[:, :, 1:] if is_single else chances


def _penalties_on_steps(states, strength):
    """Penalties, means over customers, (n_networks,), and their gradients of the states."""
    steps = np.diff(states, axis=0)
    scale = strength / states.shape[-1]
    gradient = np.zeros_like(states)
    gradient[1:] += steps
    gradient[:-1] -= steps
    gradient *= 2 * scale
    return scale * np.square(steps).sum(axis=(0, 2, 3)), gradient


def _linear_gradients(inputs, error):
    """Gradients of the kernel and the bias of a layer, from the error of its outputs."""
    return [np.matmul(inputs, error.swapaxes(2, 3)).sum(axis=0), error.sum(axis=(0, 3))]


def _dense_backwards(error, layers, runs):
    """Return the error of the input of the layers, and the gradients of their weights."""
    gradients = []
    for (kernel, _), before, after in zip(layers[::-1], runs[-2::-1], runs[:0:-1], strict=True):
        error = error * _slope(after)
        gradients = [*_linear_gradients(before, error), *gradients]
        error = np.matmul(kernel, error)
    return error, gradients


def _slope(values):
    """The slope of tanh, from its values."""
    slope = np.square(values)
    return np.subtract(1, slope, out=slope)


def _lstms_backwards(error, layers, runs):
    """Return the error of the states of the first layer, and the gradients of all weights."""
    gradients = []
    for number in range(len(layers) - 1, -1, -1):
        kernel, recurrent, _ = layers[number]
        run = runs[number]
        of_gates = _gate_errors(error, recurrent, run)
        of_kernel, of_bias = _linear_gradients(run.inputs, of_gates)
        # In the first period, the hidden states are 0.
        of_recurrent = np.matmul(run.hidden[1:-1], of_gates[1:].swapaxes(2, 3)).sum(axis=0)
        gradients = [of_kernel, of_recurrent, of_bias, *gradients]
        if number:
            error = np.matmul(kernel, of_gates)
    return error, gradients


def _gate_errors(error, recurrent, run):
    """Turn the error of the hidden states through time into that of the gates before tanh and
    sigmoid."""
    n_periods, _, n_units, _ = error.shape
    of_gates = 1 - run.gates
    of_gates *= run.gates
    candidates = slice(2 * n_units, 3 * n_units)
    of_gates[:, :, candidates] = _slope(run.gates[:, :, candidates])
    slope_of_cells = _slope(run.tanh_cells)
    slope_of_cells *= run.gates[:, :, 3 * n_units :]
    of_cell = np.zeros(error.shape[1:], dtype=error.dtype)
    of_hidden = error[-1]
    for period in range(n_periods - 1, -1, -1):
        enter, forget, candidate, _ = split_gates(run.gates[period])
        of_cell += of_hidden * slope_of_cells[period]
        at = split_gates(of_gates[period])
        at[0] *= of_cell * candidate
        at[1] *= of_cell * run.cells[period]
        at[2] *= of_cell * enter
        at[3] *= of_hidden * run.tanh_cells[period]
        of_cell *= forget
        if period:
            of_hidden = np.matmul(recurrent, of_gates[period])
            of_hidden += error[period - 1]
    return of_gates
