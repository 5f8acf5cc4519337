"""The forward pass over plain arrays, in the precision of the data.

Inside this module and :mod:`._losses`, values have the shape (n_periods, n_networks, n_values,
n_customers): all networks of an ensemble take one call, and customers are contiguous.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from scipy.special import log_softmax, logsumexp
from sklearn.utils import gen_batches

from .._utils._threads import in_threads, one_thread

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

    States have the precision of `panel` and shape (n_customers, n_periods, n_networks * n_units).
    With `cells`, they are, network by network, the hidden and cell states of all LSTM layers, from
    the last layer to the first. `start` has such states before the first period, (n_customers,
    n_states); default zeros. With gates i, f, o and candidate g from
    :math:`x_t K + h_{t-1} R + b`, the cell of an LSTM is :math:`c_t = f c_{t-1} + i g` and its
    hidden state :math:`h_t = o \\tanh c_t`.
    """
    layers, _ = split_layers(network, [array.astype(panel.dtype) for array in weights])
    n_customers, n_periods, _ = panel.shape
    n_states = 2 * sum(network.encoder) if cells else network.n_units
    states = np.empty((n_customers, n_periods, network.n_networks * n_states), dtype=panel.dtype)

    def run(rows: slice) -> None:
        values = customers_last(panel[rows])
        if network.recurrent:
            runs = run_lstms(values, layers, None if start is None else start[rows])
            found = [part[1:] for run in reversed(runs) for part in (run.hidden, run.cells)]
            values = np.concatenate(found, axis=2) if cells else found[0]
        else:
            values = run_dense(values, layers)[-1]
        states[rows] = customers_first(values)

    # The values of all networks of a block fit into the cache, too.
    blocks = list(gen_batches(n_customers, max(128, BLOCK // network.n_networks)))
    if len(blocks) < MANY_BLOCKS:
        # On a busy machine, threads of BLAS wait for each other ten times as long as they work.
        with one_thread():
            for rows in blocks:
                run(rows)
    else:
        in_threads(run, blocks)
    return states


class LSTMRun(NamedTuple):
    """Inputs and results of one LSTM layer.

    `gates` have 4 n_units values (input, forget, candidate, output), and `hidden` and `cells` have
    one more period, before the first.
    """

    inputs: Floats
    gates: Floats
    hidden: Floats
    cells: Floats
    tanh_cells: Floats


def run_lstms(
    values: Floats, layers: Sequence[Sequence[Floats]], start: Floats | None = None
) -> list[LSTMRun]:
    """Run LSTM layers, from `start` as in :func:`encode`, and keep the run of each layer."""
    runs: list[LSTMRun] = []
    before: list[tuple[Any, Any]] = [(0.0, 0.0)] * len(layers)
    if start is not None:
        states = start.T.reshape(len(layers[0][0]), -1, len(start))
        sizes = [recurrent.shape[1] for _, recurrent, _ in layers[::-1] for _ in ("hidden", "cell")]
        parts = np.split(states, np.cumsum(sizes)[:-1], axis=1)
        before = list(zip(parts[::2], parts[1::2], strict=True))[::-1]
    for (kernel, recurrent, bias), (hidden, cell) in zip(layers, before, strict=True):
        runs.append(_run_lstm(values, kernel, recurrent, bias, hidden, cell))
        values = runs[-1].hidden[1:]
    return runs


def _run_lstm(inputs, kernel, recurrent, bias, hidden, cell):
    """Run one LSTM layer from states of shape (n_networks, n_units, n_customers), or 0."""
    n_periods, *_, n_customers = inputs.shape
    n_networks, n_units, _ = recurrent.shape
    # All gates take one call of tanh, which is fast: sigmoid(x) = tanh(x / 2) / 2 + 1 / 2.
    half = np.repeat(np.array([0.5, 0.5, 1, 0.5], dtype=inputs.dtype), n_units)
    kernel, recurrent = _transpose(kernel * half), _transpose(recurrent * half)
    bias = (bias * half)[..., None]

    def empty(n_periods, n_values):
        return np.empty((n_periods, n_networks, n_values, n_customers), dtype=inputs.dtype)

    run = LSTMRun(
        inputs=inputs,
        gates=np.matmul(kernel, inputs),
        hidden=empty(n_periods + 1, n_units),
        cells=empty(n_periods + 1, n_units),
        tanh_cells=empty(n_periods, n_units),
    )
    run.hidden[0], run.cells[0] = hidden, cell
    for period in range(n_periods):
        gates = run.gates[period]
        gates += np.matmul(recurrent, run.hidden[period])
        gates += bias
        _tanh(gates, out=gates)
        for sigmoids in (gates[:, : 2 * n_units], gates[:, 3 * n_units :]):
            sigmoids *= 0.5
            sigmoids += 0.5
        enter, forget, candidate, leave = split_gates(gates)
        cell = np.multiply(forget, run.cells[period], out=run.cells[period + 1])
        cell += enter * candidate
        _tanh(cell, out=run.tanh_cells[period])
        np.multiply(leave, run.tanh_cells[period], out=run.hidden[period + 1])
    return run


def _tanh(values, out):
    """tanh, which for float64 NumPy computes at a third of the speed of exp.

    Its absolute error is of the order of the rounding of 1. For float32, NumPy's own is fast.
    """
    if values.dtype == np.float32:
        return np.tanh(values, out=out)
    # tanh(x) = 1 - 2 / (exp(2 x) + 1), where exp may overflow to infinity.
    with np.errstate(over="ignore"):
        np.exp(np.multiply(values, 2, out=out), out=out)
    out += 1
    np.divide(-2, out, out=out)
    out += 1
    return out


def _transpose(kernel):
    return np.ascontiguousarray(kernel.swapaxes(1, 2))


def split_gates(gates: Floats) -> Floats:
    """View (n_networks, 4 n_units, n_customers) as four arrays (n_networks, n_units, ...)."""
    n_networks, n_gates, n_customers = gates.shape
    return gates.reshape(n_networks, 4, n_gates // 4, n_customers).swapaxes(0, 1)


def customers_last(panel: Floats) -> Floats:
    """View (n_customers, n_periods, n_values) as (n_periods, 1, n_values, n_customers)."""
    return panel.transpose(1, 2, 0)[:, None]


def customers_first(values: Floats) -> Floats:
    """Turn (n_periods, n_networks, n_values, n_customers) into (n_customers, n_periods, ...)."""
    n_periods, _, _, n_customers = values.shape
    return values.transpose(3, 0, 1, 2).reshape(n_customers, n_periods, -1)


def run_dense(values: Floats, layers: Sequence[Sequence[Floats]]) -> list[Floats]:
    """Run dense layers with tanh; return their inputs and the values after each layer."""
    runs = [values]
    for layer in layers:
        values = run_linear(runs[-1], *layer)
        runs.append(_tanh(values, out=values))
    return runs


def run_linear(values: Floats, kernel: Floats, bias: Floats) -> Floats:
    """Run a dense layer without an activation."""
    return np.matmul(kernel.swapaxes(1, 2), values) + bias[..., None]


def split_layers(
    network: Network, weights: Sequence[Floats]
) -> tuple[list[list[Floats]], list[list[Floats]]]:
    """Group a list of weights by layer: those of the encoder, and those of decoder and head.

    Every array has a first axis of networks, also if there is one network. Where weights of decoder
    and head are left out, their layers are empty.
    """
    rest = iter(weights if network.n_networks > 1 else [array[None] for array in weights])
    shapes = network.encoder_shapes, network.head_shapes
    encoder, head = ([list(islice(rest, len(layer))) for layer in part] for part in shapes)
    return encoder, head


def pool(states: Floats, reads: Literal["last", "mean", "every"]) -> Floats:
    """Return the input of a head: the last state, the mean over periods, or every state."""
    if reads == "every":
        return states
    return states[:, -1] if reads == "last" else states.mean(axis=1)


def decode(network: Network, states: Floats, weights: Sequence[Floats]) -> Floats:
    """Run decoder and head on pooled states, (..., n_networks * n_units).

    Returns values or class log-odds, (..., n_outputs). Those of several networks are the mean of
    their values, or the logarithm of the mean of their probabilities.
    """
    _, layers = split_layers(network, [array.astype(states.dtype) for array in weights])
    values = states.reshape(-1, network.n_networks, network.n_units).transpose(1, 2, 0)
    outputs = run_linear(run_dense(values, layers[:-1])[-1], *layers[-1]).swapaxes(1, 2)
    outputs = outputs.reshape(network.n_networks, *states.shape[:-1], network.n_outputs)
    if network.n_networks == 1:
        return outputs[0]
    if not network.classifies:
        return outputs.mean(axis=0)
    tasks = np.split(outputs, len(network.task_weights), axis=-1)
    logs = [log_softmax(class_log_odds(task), axis=-1) for task in tasks]
    means = [logsumexp(log, axis=0) - np.log(network.n_networks) for log in logs]
    return np.concatenate(means, axis=-1, dtype=states.dtype)


def class_log_odds(outputs: Floats) -> Floats:
    """Return the log-odds of each class; a single output is that of the second of two classes."""
    if outputs.shape[-1] > 1:
        return outputs
    return np.concatenate([np.zeros_like(outputs), outputs], axis=-1)
