"""The forward pass over plain arrays, in the precision of the data."""

import numpy as np
from scipy.special import expit

BLOCK = 8192
"""Customers computed at a time: large enough for matrix products, small enough for the cache."""


def lstm_states(panel, weights):
    """Run an LSTM over a panel and return its hidden state at every period.

    Parameters
    ----------
    panel : ndarray, shape (n_customers, n_periods, n_features)
    weights : sequence of ndarray
        Kernel, recurrent kernel and bias as in :class:`Network`; what follows is ignored.

    Returns
    -------
    states : ndarray, shape (n_customers, n_periods, n_units)
        In the precision of `panel`, between -1 and 1.

    Notes
    -----
    With gates i, f, o and candidate g from :math:`x_t K + h_{t-1} R + b`, the cell is
    :math:`c_t = f c_{t-1} + i g` and the state :math:`h_t = o \\tanh c_t`.

    Examples
    --------
    >>> weights = np.zeros((2, 4)), np.zeros((1, 4)), np.array([0.0, 0.0, 1.0, 0.0])
    >>> lstm_states(np.zeros((1, 2, 2)), weights).round(3).tolist()
    [[[0.182], [0.258]]]
    """
    kernel, recurrent, bias = (array.astype(panel.dtype) for array in weights[:3])
    n_customers, n_periods, n_features = panel.shape
    n_units = len(recurrent)
    states = np.empty((n_customers, n_periods, n_units), dtype=panel.dtype)
    for start in range(0, n_customers, BLOCK):
        block = panel[start : start + BLOCK]
        inputs = block.reshape(-1, n_features) @ kernel + bias
        inputs = inputs.reshape(len(block), n_periods, 4 * n_units)
        hidden = cell = np.zeros((len(block), n_units), dtype=panel.dtype)
        for period in range(n_periods):
            gates = inputs[:, period] + hidden @ recurrent
            enter, forget, candidate, leave = np.split(gates, 4, axis=1)
            cell = expit(forget) * cell + expit(enter) * np.tanh(candidate)
            hidden = expit(leave) * np.tanh(cell)
            states[start : start + BLOCK, period] = hidden
    return states


def dense(states, weights):
    """Apply the dense head to states; no activation.

    Parameters
    ----------
    states : ndarray, shape (..., n_units)
    weights : sequence of ndarray
        The last two are the head's kernel and bias, as in :class:`Network`.

    Returns
    -------
    outputs : ndarray, shape (..., n_outputs)
    """
    kernel, bias = (array.astype(states.dtype) for array in weights[-2:])
    return states @ kernel + bias
