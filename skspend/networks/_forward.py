"""The forward pass over plain arrays, in the precision of the data."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from scipy.special import log_softmax
from sklearn.utils import gen_batches

from .._utils._threads import in_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .._utils._typing import Floats
    from ._specification import Network

BLOCK = 2048
"""Customers computed at a time: large enough for matrix products, small enough for the cache."""
MANY_BLOCKS = 50
"""From so many blocks on, a thread for some of them beats the threads inside each product."""


def encode(
    network: Network,
    panel: Floats,
    weights: Sequence[Floats],
    *,
    cells: bool = False,
    start: Floats | None = None,
) -> Floats:
    """Run the encoder over a panel and return its state at every period.

    Parameters
    ----------
    network : Network
    panel : ndarray, shape (n_customers, n_periods, n_features)
        Any number of periods.
    weights : sequence of ndarray
        As in :class:`Network`.
    cells : bool, default=False
        Return all that a stack of LSTMs remembers: hidden and cell states, from the last layer to
        the first.
    start : ndarray, shape (n_customers, n_states), default=None
        What a stack of LSTMs remembers from before, in the order of ``cells=True``; default zeros.

    Returns
    -------
    states : ndarray, shape (n_customers, n_periods, n_states)
        In the precision of `panel`. Without `cells`, `n_states` is ``network.n_units`` and values
        are between -1 and 1; with them it is twice the sum of ``network.encoder``.

    Notes
    -----
    With gates i, f, o and candidate g from :math:`x_t K + h_{t-1} R + b`, the cell of an LSTM is
    :math:`c_t = f c_{t-1} + i g` and its state :math:`h_t = o \\tanh c_t`.

    Examples
    --------
    >>> from skspend.networks import Network
    >>> network = Network(True, n_periods=2, n_features=2, encoder=(1,), n_outputs=1)
    >>> lstm = np.zeros((2, 4)), np.zeros((1, 4)), np.array([0.0, 0.0, 1.0, 0.0])
    >>> weights = [*lstm, np.zeros((1, 1)), np.zeros(1)]
    >>> encode(network, np.zeros((1, 2, 2)), weights).round(3).tolist()
    [[[0.182], [0.258]]]
    """
    layers, _ = split_layers(network, [array.astype(panel.dtype) for array in weights])
    n_customers, n_periods, _ = panel.shape
    n_states = 2 * sum(network.encoder) if cells else network.n_units
    states = np.empty((n_customers, n_periods, n_states), dtype=panel.dtype)

    def run(rows: slice) -> None:
        if network.recurrent:
            memory = _lstms(panel[rows], layers, None if start is None else start[rows])
            states[rows] = np.concatenate(memory if cells else memory[:1], axis=2)
        else:
            states[rows] = _dense_layers(panel[rows], layers)

    blocks = list(gen_batches(n_customers, BLOCK))
    if len(blocks) < MANY_BLOCKS:
        for rows in blocks:
            run(rows)
    else:
        in_threads(run, blocks)
    return states


def _lstms(panel: Floats, layers: Sequence[Sequence[Floats]], start: Floats | None) -> list[Floats]:
    """Hidden and cell states of every layer, the last layer first."""
    sizes = [len(recurrent) for _, recurrent, _ in layers]
    if start is None:
        start = np.zeros((len(panel), 2 * sum(sizes)), dtype=panel.dtype)
    bounds = np.cumsum([0, *np.repeat(sizes[::-1], 2)])
    starts = [start[:, begin:end].T for begin, end in pairwise(bounds)]
    memory: list[Floats] = []
    inputs = panel
    for layer, weights in enumerate(layers):
        hidden, cell = starts[2 * (len(layers) - 1 - layer) :][:2]
        kernel, recurrent, bias = weights
        run = run_lstm(inputs, kernel, recurrent, bias, hidden, cell)
        inputs = customers_first(run.hidden[1:])
        memory = [inputs, customers_first(run.cells[1:]), *memory]
    return memory


class LSTMRun(NamedTuple):
    """What one LSTM layer has computed; customers lie along the last axis of all arrays."""

    gates: Floats
    """Shape (n_periods, 4 n_units, n_customers): input, forget, candidate and output gate."""
    hidden: Floats
    """Shape (n_periods + 1, n_units, n_customers): before the first period, and after each."""
    cells: Floats
    """As `hidden`."""
    tanh_cells: Floats
    """Shape (n_periods, n_units, n_customers)."""


def run_lstm(
    inputs: Floats,
    kernel: Floats,
    recurrent: Floats,
    bias: Floats,
    hidden: Floats | float = 0.0,
    cell: Floats | float = 0.0,
) -> LSTMRun:
    """Run one LSTM layer.

    Parameters
    ----------
    inputs : ndarray, shape (n_customers, n_periods, n_inputs)
    kernel, recurrent, bias : ndarray
        As in :class:`Network`.
    hidden, cell : ndarray, shape (n_units, n_customers), or 0
        The states before the first period.

    Returns
    -------
    run : LSTMRun
    """
    n_customers, n_periods, n_inputs = inputs.shape
    n_units = len(recurrent)
    # One tanh, which is fast, serves all gates, because sigmoid(x) = tanh(x / 2) / 2 + 1 / 2.
    half = np.repeat(np.array([0.5, 0.5, 1, 0.5], dtype=inputs.dtype), n_units)
    from_inputs = inputs.reshape(-1, n_inputs) @ (kernel * half)
    from_inputs = from_inputs.reshape(n_customers, n_periods, 4 * n_units)
    recurrent, bias = np.ascontiguousarray((recurrent * half).T), (bias * half)[:, None]

    def empty(*shape: int) -> Floats:
        return np.empty((*shape, n_customers), dtype=inputs.dtype)

    run = LSTMRun(
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


def _dense_layers(values: Floats, layers: Sequence[Sequence[Floats]]) -> Floats:
    """Dense layers with tanh."""
    for kernel, bias in layers:
        values = np.tanh(values @ kernel + bias)
    return values


def split_layers(
    network: Network, weights: Sequence[Floats]
) -> tuple[list[list[Floats]], list[list[Floats]]]:
    """Part a list of weights into those of each layer.

    Returns
    -------
    encoder : list of list of ndarray
        Three arrays for each LSTM layer, two for each dense layer.
    head : list of list of ndarray
        Two arrays for each layer of the decoder, and for the head.
    """
    rest = iter(weights)
    encoder = [[next(rest) for _ in layer] for layer in network.encoder_shapes]
    return encoder, [[next(rest) for _ in layer] for layer in network.head_shapes]


def pool(states: Floats, reads: Literal["last", "mean", "every"]) -> Floats:
    """What a head answers from: the last state, the mean over periods, or every state.

    Parameters
    ----------
    states : ndarray, shape (n_customers, n_periods, n_units)
    reads : {"last", "mean", "every"}

    Returns
    -------
    pooled : ndarray, shape (n_customers, n_units), or that of `states` for ``"every"``
    """
    if reads == "every":
        return states
    return states[:, -1] if reads == "last" else states.mean(axis=1)


def decode(network: Network, states: Floats, weights: Sequence[Floats]) -> Floats:
    """Answer from states: decoder and head.

    Parameters
    ----------
    network : Network
    states : ndarray, shape (..., n_units)
        As pooled.
    weights : sequence of ndarray
        As in :class:`Network`.

    Returns
    -------
    outputs : ndarray, shape (..., n_outputs)
        Log-odds of classes (see :func:`class_log_odds`), or values.
    """
    _, layers = split_layers(network, [array.astype(states.dtype) for array in weights])
    kernel, bias = layers[-1]
    return _dense_layers(states, layers[:-1]) @ kernel + bias


def class_log_odds(outputs: Floats) -> Floats:
    """Log-odds of each class; one output alone is that of the second of two classes.

    Examples
    --------
    >>> class_log_odds(np.array([[2.0], [-1.0]])).tolist()
    [[0.0, 2.0], [0.0, -1.0]]
    """
    if outputs.shape[-1] > 1:
        return outputs
    return np.concatenate([np.zeros_like(outputs), outputs], axis=-1)


def mean_loss(
    network: Network,
    panel: Floats,
    target: NDArray[Any],
    weights: Sequence[Floats],
    class_weights: Floats | None,
) -> float:
    """Cross-entropy of classes, or mean squared error of values, as in training but without noise.

    Parameters
    ----------
    network : Network
    panel : ndarray, shape (n_customers, n_periods, n_features)
    target : ndarray
        Class numbers, shape (n_customers[, n_periods]), or values, with n_outputs more.
    weights : sequence of ndarray
        As in :class:`Network`.
    class_weights : ndarray, shape (n_classes,), or None
        What a customer of each class counts; with None, or for values, 1.

    Returns
    -------
    loss : float
    """
    outputs = decode(network, pool(encode(network, panel, weights), network.reads), weights)
    if not network.classifies:
        return float(np.mean((outputs - target) ** 2))
    log_odds = log_softmax(class_log_odds(outputs), axis=-1)
    told = np.take_along_axis(log_odds, target[..., None], axis=-1)[..., 0]
    if class_weights is not None:
        told = class_weights[target] * told
    return float(-np.mean(told))
