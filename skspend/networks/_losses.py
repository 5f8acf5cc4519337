"""The loss of customers, and its gradients with respect to all weights, over plain arrays.

Gradients come from backpropagation, through time if the network is recurrent. The arrays are small,
so that a framework would spend most of its time on calls: this code is faster than a compiled graph
and needs no time to start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._forward import (
    class_log_odds,
    customers_first,
    decode,
    encode,
    pool,
    run_dense,
    run_lstms,
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
    states = pool(encode(network, panel, weights), network.reads)
    outputs = decode(network, states, weights).reshape(-1, network.n_outputs)
    return _loss_and_error(network, outputs, target, class_weights)[0]


def loss_and_gradients(
    network: Network,
    panel: Floats,
    target: NDArray[Any],
    weights: Sequence[Floats],
    *,
    class_weights: Floats | None = None,
    noise: Floats | None = None,
) -> tuple[float, list[Floats]]:
    """Compute the training loss of a batch, and its gradient for each array of weights.

    The loss includes the penalties. `target` is class numbers, (n_customers[, n_periods]), or
    values with one more axis of n_outputs. `weights` have the precision of `panel`, `class_weights`
    are 1 by default, and `noise` is added to the input of the head.
    """
    encoder, head = split_layers(network, weights)
    if network.recurrent:
        runs = run_lstms(panel, encoder)
        states, encode_backwards = customers_first(runs[-1].hidden[1:]), _lstms_backwards
    else:
        runs = run_dense(panel, encoder)
        states, encode_backwards = runs[-1], _dense_backwards
    read = pool(states, network.reads)
    if noise is not None:
        read = read + noise
    decoded = run_dense(read.reshape(-1, network.n_units), head[:-1])
    kernel, bias = head[-1]
    outputs = decoded[-1] @ kernel + bias
    loss, error = _loss_and_error(network, outputs, target, class_weights)
    head_gradients = [decoded[-1].T @ error, error.sum(axis=0)]
    error, decoder_gradients = _dense_backwards(error @ kernel.T, head[:-1], decoded)
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


def _loss_and_error(network, outputs, target, class_weights):
    """Compute the loss, and its gradient with respect to outputs of shape (rows, n_outputs)."""
    if network.classifies:
        return _cross_entropy(outputs, target.ravel(), class_weights)
    difference = outputs - target.reshape(outputs.shape)
    return float(np.mean(np.square(difference))), difference * (2 / difference.size)


def _cross_entropy(outputs, target, class_weights):
    # Sums over few classes are slow along rows.
    log_odds = np.array(class_log_odds(outputs).T, order="C")
    log_odds -= log_odds.max(axis=0)
    chances = np.exp(log_odds)
    sums = chances.sum(axis=0)
    chances /= sums
    rows = np.arange(len(sums))
    losses = np.log(sums) - log_odds[target, rows]
    chances[target, rows] -= 1
    if class_weights is not None:
        counts = class_weights[target]
        losses *= counts
        chances *= counts
    return float(np.mean(losses)), chances.T[:, -outputs.shape[1] :] / len(rows)


def _spread(error, network):
    """Turn the error of the input of the head into that of the states of all periods."""
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
    """Compute the penalty, a mean over customers, and its gradient with respect to the states."""
    steps = np.diff(states, axis=1)
    scale = strength / len(states)
    gradient = np.zeros_like(states)
    gradient[:, 1:] += steps
    gradient[:, :-1] -= steps
    gradient *= 2 * scale
    return scale * float(np.square(steps).sum()), gradient


def _dense_backwards(error, layers, runs):
    """Return the error of the input of the layers, and the gradients of their weights."""
    gradients = []
    for (kernel, _), before, after in zip(layers[::-1], runs[-2::-1], runs[:0:-1], strict=True):
        error = (error * (1 - np.square(after))).reshape(-1, after.shape[-1])
        before = before.reshape(-1, before.shape[-1])
        gradients = [before.T @ error, error.sum(axis=0), *gradients]
        error = (error @ kernel.T).reshape(*after.shape[:-1], len(kernel))
    return error, gradients


def _lstms_backwards(error, layers, runs):
    """Return the error of the states of the first layer, and the gradients of all weights."""
    gradients = []
    for number in range(len(layers) - 1, -1, -1):
        kernel, recurrent, _ = layers[number]
        run = runs[number]
        of_gates = _gate_errors(error.transpose(1, 2, 0), recurrent, run)
        no_error = np.zeros_like(recurrent)  # the only one if there is a single period
        gradients = [
            sum(run.inputs[:, period].T @ errors.T for period, errors in enumerate(of_gates)),
            sum(map(np.matmul, run.hidden[1:-1], of_gates[1:].transpose(0, 2, 1)), no_error),
            of_gates.sum(axis=(0, 2)),
            *gradients,
        ]
        if number:
            error = customers_first(np.matmul(kernel, of_gates))
    return error, gradients


def _gate_errors(error, recurrent, run):
    """Turn the error of the hidden states, shape (n_periods, n_units, n_customers), through time
    into that of the gates before tanh and sigmoid, (n_periods, 4 n_units, n_customers)."""
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
