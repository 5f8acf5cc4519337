"""The forward pass over plain arrays, in the precision of the data."""

from itertools import pairwise

import numpy as np
from scipy.special import log_softmax
from sklearn.utils import gen_batches

BLOCK = 2048
"""Customers computed at a time: large enough for matrix products, small enough for the cache."""


def encode(network, panel, weights, *, cells=False, start=None):
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
    >>> weights = np.zeros((2, 4)), np.zeros((1, 4)), np.array([0.0, 0.0, 1.0, 0.0])
    >>> encode(network, np.zeros((1, 2, 2)), weights).round(3).tolist()
    [[[0.182], [0.258]]]
    """
    per_layer = network.n_arrays_per_encoder_layer
    weights = [array.astype(panel.dtype) for array in weights[: per_layer * len(network.encoder)]]
    layers = [weights[at : at + per_layer] for at in range(0, len(weights), per_layer)]
    n_customers, n_periods, _ = panel.shape
    n_states = 2 * sum(network.encoder) if cells else network.n_units
    states = np.empty((n_customers, n_periods, n_states), dtype=panel.dtype)
    for rows in gen_batches(n_customers, BLOCK):
        if network.recurrent:
            memory = _lstms(panel[rows], layers, None if start is None else start[rows])
            states[rows] = np.concatenate(memory if cells else memory[:1], axis=2)
        else:
            states[rows] = _dense_layers(panel[rows], layers)
    return states


def _lstms(panel, layers, start):
    """Hidden and cell states of every layer, the last layer first."""
    sizes = [len(recurrent) for _, recurrent, _ in layers]
    if start is None:
        start = np.zeros((len(panel), 2 * sum(sizes)), dtype=panel.dtype)
    bounds = np.cumsum([0, *np.repeat(sizes[::-1], 2)])
    start = [start[:, begin:end] for begin, end in pairwise(bounds)]
    memory, inputs = [], panel
    for layer, weights in enumerate(layers):
        hidden, cell = start[2 * (len(layers) - 1 - layer) :][:2]
        inputs, cells = _lstm(inputs, *weights, hidden, cell)
        memory = [inputs, cells, *memory]
    return memory


def _lstm(inputs, kernel, recurrent, bias, hidden, cell):
    """One layer. Within, customers lie along the last axis, so that each gate is contiguous."""
    n_customers, n_periods, n_features = inputs.shape
    n_units = len(recurrent)
    # One tanh serves all gates, because sigmoid(x) = (1 + tanh(x / 2)) / 2, and it is fast.
    half = np.repeat(np.array([0.5, 0.5, 1, 0.5], dtype=inputs.dtype), n_units)
    from_inputs = inputs.reshape(-1, n_features) @ (kernel * half)
    from_inputs = from_inputs.reshape(n_customers, n_periods, 4 * n_units)
    recurrent, bias = (recurrent * half).T, (bias * half)[:, None]
    hidden, cell = hidden.T, cell.T
    memory = np.empty((2, n_periods, n_units, n_customers), dtype=inputs.dtype)
    for period in range(n_periods):
        gates = recurrent @ hidden + bias
        gates += from_inputs[:, period].T
        enter, forget, candidate, leave = np.tanh(gates, out=gates).reshape(4, n_units, -1)
        cell = ((1 + forget) * cell + (1 + enter) * candidate) / 2
        hidden = (1 + leave) * np.tanh(cell) / 2
        memory[:, period] = hidden, cell
    return memory.transpose(0, 3, 1, 2)


def _dense_layers(values, layers):
    """Dense layers with tanh."""
    for kernel, bias in layers:
        values = np.tanh(values @ kernel + bias)
    return values


def pool(states, reads):
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


def decode(network, states, weights):
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
        Log-odds of classes, or values.
    """
    weights = [array.astype(states.dtype) for array in weights[-2 * len(network.head_shapes) :]]
    layers = [weights[at : at + 2] for at in range(0, len(weights), 2)]
    kernel, bias = layers[-1]
    return _dense_layers(states, layers[:-1]) @ kernel + bias


def mean_loss(network, panel, target, weights, class_weights):
    """Cross-entropy of classes, or mean squared error of values, as in training but without noise.

    Parameters
    ----------
    network : Network
    panel : ndarray, shape (n_customers, n_periods, n_features)
    target : ndarray
        Class numbers, shape (n_customers[, n_periods]), or values, with n_outputs more.
    weights : sequence of ndarray
        As in :class:`Network`.
    class_weights : ndarray, shape (n_outputs,)
        What a customer of each class counts.

    Returns
    -------
    loss : float
    """
    outputs = decode(network, pool(encode(network, panel, weights), network.reads), weights)
    if not network.classifies:
        return float(np.mean((outputs - target) ** 2))
    log_odds = log_softmax(outputs, axis=-1)
    told = np.take_along_axis(log_odds, target[..., None], axis=-1)[..., 0]
    return float(-np.mean(class_weights[target] * told))
