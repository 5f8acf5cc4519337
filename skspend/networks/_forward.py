"""The forward pass over plain arrays, in the precision of the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from sklearn.utils import gen_batches

from .._utils._threads import in_threads

if TYPE_CHECKING:
    from .._utils._typing import Floats
    from ._specification import Network

BLOCK = 2048
"""Customers computed at a time: enough for fast matrix products, few enough for the cache."""
MANY_BLOCKS = 50
"""From this number of blocks on, blocks in parallel are faster than parallel matrix products."""


def encode(
    network: Network,
    panel: Floats,
    weights: Sequence[Floats],
    *,
    cells: bool = False,
    start: Floats | None = None,
) -> Floats:
    """Run the encoder over a panel of any number of periods, and return its state at every period.

    States have the precision of `panel` and shape (n_customers, n_periods, n_units). With `cells`,
    they are the hidden and cell states of all LSTM layers, from the last layer to the first.
    `start` has such states before the first period, (n_customers, n_states); default zeros. With
    gates i, f, o and candidate g from :math:`x_t K + h_{t-1} R + b`, the cell of an LSTM is
    :math:`c_t = f c_{t-1} + i g` and its hidden state :math:`h_t = o \\tanh c_t`.
    """
    layers, _ = split_layers(network, [array.astype(panel.dtype) for array in weights])
    n_customers, n_periods, _ = panel.shape
    n_states = 2 * sum(network.encoder) if cells else network.n_units
    states = np.empty((n_customers, n_periods, n_states), dtype=panel.dtype)

    def run(rows: slice) -> None:
        if network.recurrent:
            runs = run_lstms(panel[rows], layers, None if start is None else start[rows])
            found = [part[1:] for run in reversed(runs) for part in (run.hidden, run.cells)]
            states[rows] = customers_first(np.concatenate(found if cells else found[:1], axis=1))
        else:
            states[rows] = run_dense(panel[rows], layers)[-1]

    blocks = list(gen_batches(n_customers, BLOCK))
    if len(blocks) < MANY_BLOCKS:
        for rows in blocks:
            run(rows)
    else:
        in_threads(run, blocks)
    return states


class LSTMRun(NamedTuple):
    """Inputs (n_customers, n_periods, n_inputs) and results of one LSTM layer.

    Results have shape (n_periods, n_units, n_customers), but `gates` have 4 n_units (input, forget,
    candidate, output), and `hidden` and `cells` one more period, before the first.
    """

    inputs: Floats
    gates: Floats
    hidden: Floats
    cells: Floats
    tanh_cells: Floats


def run_lstms(
    panel: Floats, layers: Sequence[Sequence[Floats]], start: Floats | None = None
) -> list[LSTMRun]:
    """Run LSTM layers, from `start` as in :func:`encode`, and keep the run of each layer."""
    runs: list[LSTMRun] = []
    inputs = panel
    end = 0 if start is None else start.shape[1]
    for kernel, recurrent, bias in layers:
        n_units = len(recurrent)
        hidden, cell = 0.0, 0.0
        if start is not None:
            hidden, cell = start[:, end - 2 * n_units : end].T.reshape(2, n_units, len(panel))
            end -= 2 * n_units
        runs.append(_run_lstm(inputs, kernel, recurrent, bias, hidden, cell))
        inputs = customers_first(runs[-1].hidden[1:])
    return runs


def _run_lstm(inputs, kernel, recurrent, bias, hidden, cell):
    """Run one LSTM layer from states of shape (n_units, n_customers), or 0."""
    n_customers, n_periods, n_inputs = inputs.shape
    n_units = len(recurrent)
    # All gates take one call of tanh, which is fast: sigmoid(x) = tanh(x / 2) / 2 + 1 / 2.
    half = np.repeat(np.array([0.5, 0.5, 1, 0.5], dtype=inputs.dtype), n_units)
    from_inputs = inputs.reshape(-1, n_inputs) @ (kernel * half)
    from_inputs = from_inputs.reshape(n_customers, n_periods, 4 * n_units)
    recurrent, bias = np.ascontiguousarray((recurrent * half).T), (bias * half)[:, None]

    def empty(*shape):
        return np.empty((*shape, n_customers), dtype=inputs.dtype)

    run = LSTMRun(
        inputs=inputs,
        gates=empty(n_periods, 4 * n_units),
        hidden=empty(n_periods + 1, n_units),
        cells=empty(n_periods + 1, n_units),
        tanh_cells=empty(n_periods, n_units),
    )
    run.hidden[0], run.cells[0] = hidden, cell
    for period in range(n_periods):
        gates = np.matmul(recurrent, run.hidden[period], out=run.gates[period])
        gates += from_inputs[:, period].T
        gates += bias
        np.tanh(gates, out=gates)
        for sigmoids in (gates[: 2 * n_units], gates[3 * n_units :]):
            sigmoids *= 0.5
            sigmoids += 0.5
        enter, forget, candidate, leave = gates.reshape(4, n_units, n_customers)
        cell = np.multiply(forget, run.cells[period], out=run.cells[period + 1])
        cell += enter * candidate
        np.tanh(cell, out=run.tanh_cells[period])
        np.multiply(leave, run.tanh_cells[period], out=run.hidden[period + 1])
    return run


def customers_first(states: Floats) -> Floats:
    """View (n_periods, n_units, n_customers) as (n_customers, n_periods, n_units)."""
    return states.transpose(2, 0, 1)


def run_dense(values: Floats, layers: Sequence[Sequence[Floats]]) -> list[Floats]:
    """Run dense layers with tanh; return their inputs and the values after each layer."""
    runs = [values]
    for kernel, bias in layers:
        runs.append(np.tanh(runs[-1] @ kernel + bias))
    return runs


def split_layers(
    network: Network, weights: Sequence[Floats]
) -> tuple[list[list[Floats]], list[list[Floats]]]:
    """Group a list of weights by layer: those of the encoder, and those of decoder and head."""
    rest = iter(weights)
    encoder = [[next(rest) for _ in layer] for layer in network.encoder_shapes]
    return encoder, [[next(rest) for _ in layer] for layer in network.head_shapes]


def pool(states: Floats, reads: Literal["last", "mean", "every"]) -> Floats:
    """Return the input of a head: the last state, the mean over periods, or every state."""
    if reads == "every":
        return states
    return states[:, -1] if reads == "last" else states.mean(axis=1)


def decode(network: Network, states: Floats, weights: Sequence[Floats]) -> Floats:
    """Run decoder and head on pooled states, (..., n_units); return values or class log-odds."""
    _, layers = split_layers(network, [array.astype(states.dtype) for array in weights])
    kernel, bias = layers[-1]
    return run_dense(states, layers[:-1])[-1] @ kernel + bias


def class_log_odds(outputs: Floats) -> Floats:
    """Return the log-odds of each class; a single output is that of the second of two classes."""
    if outputs.shape[-1] > 1:
        return outputs
    return np.concatenate([np.zeros_like(outputs), outputs], axis=-1)
