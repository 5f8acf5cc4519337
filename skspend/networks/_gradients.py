"""The loss of a batch and its gradients with respect to all weights, over plain arrays.

Backpropagation, through time where the network is recurrent. The arrays are small, and a framework
would spend its time on calls: this is faster than a compiled graph, and starts at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._forward import class_log_odds, customers_first, pool, run_lstm, split_layers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .._utils._typing import Floats
    from ._specification import Network


def loss_and_gradients(
    network: Network,
    panel: Floats,
    target: NDArray[Any],
    weights: Sequence[Floats],
    *,
    class_weights: Floats | None = None,
    noise: Floats | None = None,
) -> tuple[float, list[Floats]]:
    """Compute the training loss of a batch, and its gradients.

    Parameters
    ----------
    network : Network
    panel : ndarray, shape (n_customers, n_periods, n_features)
    target : ndarray
        Class numbers, shape (n_customers[, n_periods]), or values, with n_outputs more.
    weights : sequence of ndarray
        As in :class:`Network`, in the precision of `panel`.
    class_weights : ndarray, shape (n_classes,), default=None
        What a customer of each class counts; default 1.
    noise : ndarray, of the shape of what the head reads, default=None
        Added to it.

    Returns
    -------
    loss : float
        Mean cross-entropy, or mean squared error, and the penalty.
    gradients : list of ndarray
        One for each array of `weights`.
    """
    encoder, head = split_layers(network, weights)
    encode, encode_backwards = (
        (_run_lstms, _lstms_backwards) if network.recurrent else (_run_dense, _dense_backwards)
    )
    states, runs = encode(panel, encoder)
    read = pool(states, network.reads)
    if noise is not None:
        read = read + noise
    answer, answers = _run_dense(read.reshape(-1, network.n_units), head[:-1])
    kernel, bias = head[-1]
    outputs = answer @ kernel + bias
    compute = _cross_entropy if network.classifies else _squared_error
    loss, error = compute(outputs, target, class_weights)
    head_gradients = [answer.T @ error, error.sum(axis=0)]
    error, decoder_gradients = _dense_backwards(error @ kernel.T, head[:-1], answers)
    error = _spread(error.reshape(read.shape), network)
    if network.step_penalty:
        penalty, of_steps = _penalty_on_steps(states, network.step_penalty)
        loss, error = loss + penalty, error + of_steps
    _, encoder_gradients = encode_backwards(error, encoder, runs)
    gradients = [*encoder_gradients, *decoder_gradients, *head_gradients]
    if network.l2:
        for weight, gradient in zip(weights, gradients, strict=True):
            if weight.ndim == 2:
                loss += network.l2 * float(np.square(weight).sum())
                gradient += 2 * network.l2 * weight
    return loss, gradients


def _squared_error(outputs, target, _):
    """Mean squared error and its gradient with respect to the outputs, shape (rows, n_outputs)."""
    difference = outputs - target.reshape(outputs.shape)
    return float(np.mean(np.square(difference))), difference * (2 / difference.size)


def _cross_entropy(outputs, target, class_weights):
    """Mean cross-entropy and its gradient with respect to the outputs, shape (rows, n_outputs)."""
    # Sums over few classes are slow along rows.
    log_odds = np.array(class_log_odds(outputs).T, order="C")
    log_odds -= log_odds.max(axis=0)
    chances = np.exp(log_odds)
    sums = chances.sum(axis=0)
    chances /= sums
    rows, target = np.arange(len(sums)), target.ravel()
    losses = np.log(sums) - log_odds[target, rows]
    chances[target, rows] -= 1
    if class_weights is not None:
        counts = class_weights[target]
        losses *= counts
        chances *= counts
    return float(np.mean(losses)), chances.T[:, -outputs.shape[1] :] / len(rows)


def _spread(error, network):
    """From what the head reads back to the states, shape (n_customers, n_periods, n_units)."""
    if network.reads == "every":
        return error
    n_customers, n_units = error.shape
    shape = n_customers, network.n_periods, n_units
    if network.reads == "mean":
        return np.broadcast_to(error[:, None] / network.n_periods, shape)
    spread = np.zeros(shape, dtype=error.dtype)
    spread[:, -1] = error
    return spread


def _penalty_on_steps(states, strength):
    """Mean over customers of the squared length of all steps, and its gradient by the states."""
    steps = np.diff(states, axis=1)
    scale = strength / len(states)
    gradient = np.zeros_like(states)
    gradient[:, 1:] += steps
    gradient[:, :-1] -= steps
    gradient *= 2 * scale
    return scale * float(np.square(steps).sum()), gradient


def _run_dense(values, layers):
    """Dense layers with tanh, and the values before and after each layer."""
    runs = [values]
    for kernel, bias in layers:
        runs.append(np.tanh(runs[-1] @ kernel + bias))
    return runs[-1], runs


def _dense_backwards(error, layers, runs):
    """The error of the layers' input, and the gradients of their weights."""
    gradients = []
    for (kernel, _), before, after in zip(layers[::-1], runs[-2::-1], runs[:0:-1], strict=True):
        error = (error * (1 - np.square(after))).reshape(-1, after.shape[-1])
        before = before.reshape(-1, before.shape[-1])
        gradients = [before.T @ error, error.sum(axis=0), *gradients]
        error = (error @ kernel.T).reshape(*after.shape[:-1], len(kernel))
    return error, gradients


def _run_lstms(panel, layers):
    """LSTM layers, and the inputs and runs of each."""
    runs, inputs = [], panel
    for weights in layers:
        run = run_lstm(inputs, *weights)
        runs.append((inputs, run))
        inputs = customers_first(run.hidden[1:])
    return inputs, runs


def _lstms_backwards(error, layers, runs):
    """The error of the input of the first layer but one, and the gradients of all weights."""
    gradients = []
    for number in range(len(layers) - 1, -1, -1):
        kernel, recurrent, _ = layers[number]
        inputs, run = runs[number]
        of_gates = _gate_errors(error.transpose(1, 2, 0), recurrent, run)
        layer = [
            sum(inputs[:, period].T @ errors.T for period, errors in enumerate(of_gates)),
            sum(
                before @ errors.T
                for before, errors in zip(run.hidden[1:-1], of_gates[1:], strict=True)
            ),
            of_gates.sum(axis=(0, 2)),
        ]
        if len(of_gates) == 1:
            layer[1] = np.zeros_like(recurrent)
        gradients = [*layer, *gradients]
        if number:
            error = customers_first(np.matmul(kernel, of_gates))
    return error, gradients


def _gate_errors(error, recurrent, run):
    """Through time, from the error of the hidden states to that of the gates before tanh, sigmoid.

    Shapes (n_periods, n_units, n_customers) and (n_periods, 4 n_units, n_customers).
    """
    n_periods, n_units, n_customers = error.shape
    of_gates = run.gates * (1 - run.gates)
    candidates = slice(2 * n_units, 3 * n_units)
    of_gates[:, candidates] = 1 - np.square(run.gates[:, candidates])
    slope_of_cells = run.gates[:, 3 * n_units :] * (1 - np.square(run.tanh_cells))
    of_cell = np.zeros((n_units, n_customers), dtype=error.dtype)
    of_hidden = error[-1]
    for period in range(n_periods - 1, -1, -1):
        enter, forget, candidate, _ = run.gates[period].reshape(4, n_units, n_customers)
        of_cell += of_hidden * slope_of_cells[period]
        at = of_gates[period].reshape(4, n_units, n_customers)
        at[0] *= of_cell * candidate
        at[1] *= of_cell * run.cells[period]
        at[2] *= of_cell * enter
        at[3] *= of_hidden * run.tanh_cells[period]
        of_cell *= forget
        if period:
            of_hidden = recurrent @ of_gates[period]
            of_hidden += error[period - 1]
    return of_gates
