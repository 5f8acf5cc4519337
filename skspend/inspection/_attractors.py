"""Attractors: where customers go if they spend for ever as in the last period.

A fitted extractor and a panel, or a pipeline and a log, come in. Out come, for each customer, the
state at which the network comes to rest, whether it is stable, and its segment. Maree & Omlin
(2022) locate attractors in the state space.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components
from sklearn.utils import Bunch

from .._utils._threads import one_thread
from ._recurrence import Recurrence

if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from .._utils._typing import Estimator, PanelLike
    from ..transactions import TransactionLog

    Input: TypeAlias = TransactionLog | PanelLike

    class Attractors(dict[str, Any]):
        customers: pd.DataFrame
        attractors: pd.DataFrame
        states: pd.DataFrame
        last_states: pd.DataFrame


NEAR = 0.04
"""Root mean square difference, over the states, of two attractors that are near each other."""
FEWEST_CUSTOMERS = 10
"""Fewest customers near each other that make a common attractor."""
DIFFERENCE = 1e-6
"""Relative step of the central differences."""
ZERO = 1e-9
"""Derivatives below it are rounding errors."""
CHUNK = 512
"""Customers whose Jacobians are held in memory at once."""


def find_attractors(
    estimator: Estimator, X: Input, *, level: int = 1, max_periods: int = 1000
) -> Attractors:
    """Find the state to which each customer goes if the last period repeats for ever.

    From the state at the last period, the network reads the shares of the last period again and
    again, until no state moves by more than 1e-6 in a period. That state is the customer's
    attractor. It depends on the customer's spending; those of many customers lie close together.

    Parameters
    ----------
    estimator : LSTMStateExtractor, or Pipeline
        Fitted. A pipeline ends in an LSTMStateExtractor, or in one and a
        :class:`~skspend.TrajectoryClusterer`, which adds the segments.
    X : the input that the estimator was fitted on
        Any customers.
    level : int, default=1
        Level of the segments, 1 for the top segments.
    max_periods : int, default=1000
        Most repetitions. Customers who still move then have not converged.

    Returns
    -------
    attractors : Bunch
        customers : DataFrame, one row per customer, with the index of X
            ``converged``: whether the states have come to rest; ``modulus``: the largest modulus of
            the eigenvalues of the network's Jacobian there, NaN if not converged; ``stable``:
            whether it is below 1, so that small disturbances fade; ``distance`` from the last state
            to the attractor. With segments also ``last_segment`` and ``segment``, the nodes of the
            last state and of the attractor as in ``clusterer.tree_``, and ``periods``: after how
            many more periods the customer is in the attractor's segment for the first time.
            ``attractor`` is the common attractor, -1 for a customer who goes to none.
        attractors : DataFrame, one row per common attractor, the largest first
            ``customers`` who go there; with segments ``segment``, the most frequent one among them;
            and the mean of their states.
        states, last_states : DataFrame, shape (n_customers, n_states)
            The attractors, and the states at the last period, as `transform` returns them.

    Raises
    ------
    ValueError
        If no step is a recurrent network, another step than a TrajectoryClusterer follows it, the
        tree has no such level, or `max_periods` is not positive.

    See Also
    --------
    smallest_changes : Which category would lead a customer elsewhere.
    skspend.plotting.AttractorDisplay : Draws the attractors.

    Notes
    -----
    The map is that of all hidden and cell states :math:`s` of all layers and networks,
    :math:`s_{t+1} = F(s_t, x_T)` with :math:`x_T` the shares of the last period, in float64. Cells
    may grow without bound, but the network shows only their hyperbolic tangent: it is this, and the
    hidden states, that come to rest. The eigenvalues are those of :math:`\\partial F / \\partial s`
    by central differences. One network can have several attractors for the same spending; then the
    earlier periods of the customer decide which one it is.

    Two attractors are near each other if the root mean square of their differences is at most 0.04.
    Common attractors are the clusters of DBSCAN, with ten customers near each other as a core.

    The network was trained on a few periods, and an attractor may lie hundreds of periods away.
    It describes the network, and is no forecast of the customer. See ``periods``.

    References
    ----------
    Maree & Omlin (2022), Understanding spending behavior: recurrent neural network explanation and
    interpretation, IEEE CIFEr. Sussillo & Barak (2013), Opening the black box: low-dimensional
    dynamics in high-dimensional recurrent neural networks, Neural Computation 25: fixed points and
    their Jacobian.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from skspend import BigFivePersonalityScorer, LSTMStateExtractor, TrajectoryClusterer
    >>> from skspend.datasets import make_spending
    >>> from skspend.inspection import find_attractors
    >>> bank = make_spending(300, 3, 20, random_state=0)
    >>> states = LSTMStateExtractor(
    ...     n_networks=2, scorer=BigFivePersonalityScorer(bank.coefficients), random_state=0
    ... )
    >>> pipeline = make_pipeline(states, TrajectoryClusterer(max_depth=1, random_state=0))
    >>> attractors = find_attractors(pipeline.fit(bank.data), bank.data)
    >>> attractors.states.shape
    (300, 8)
    >>> bool(attractors.attractors["customers"].is_monotonic_decreasing)
    True
    """
    with one_thread():
        run = Recurrence(estimator, X, level, max_periods)
        states, converged = run.settle(run.before, run.shares)
        found, last = run.show(states, run.shares), run.show(run.before, run.shares)
        modulus = np.full(len(states), np.nan)
        modulus[converged] = _moduli(run, states[converged], run.shares[converged])
        columns = {"converged": converged, "modulus": modulus, "stable": modulus < 1}
        columns["distance"] = np.linalg.norm(found - last, axis=1)
        if run.clusterer is not None:
            columns["last_segment"], columns["segment"] = run.place(last), run.place(found)
            columns["periods"] = _arrivals(run, columns["segment"])
        columns["attractor"] = _group(found)
    customers = pd.DataFrame(columns, run.index)
    states, last_states = (pd.DataFrame(a, run.index, run.names) for a in (found, last))
    attractors = _summarise(customers, states)
    return Bunch(customers=customers, attractors=attractors, states=states, last_states=last_states)


def _group(states):
    """Number of the common attractor of each customer, the largest first; -1 for none."""
    from sklearn.cluster import DBSCAN

    radius = NEAR * np.sqrt(states.shape[1])
    # Customers in one place count as one point with a weight, or their pairs would fill the memory.
    cells, where, counts = np.unique(
        np.round(states / radius, 1), axis=0, return_inverse=True, return_counts=True
    )
    clusters = DBSCAN(eps=1.0, min_samples=FEWEST_CUSTOMERS).fit(cells, sample_weight=counts)
    groups = clusters.labels_[where]
    sizes = np.bincount(groups[groups >= 0])
    rank = np.empty(len(sizes) + 1, dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")], rank[-1] = np.arange(len(sizes)), -1
    return rank[groups]


def _summarise(customers, states):
    """Number of customers, most frequent segment and mean states of each common attractor."""
    is_in = customers["attractor"] >= 0
    groups = customers.loc[is_in, "attractor"]
    attractors = states[is_in].groupby(groups).mean()
    attractors.insert(0, "customers", groups.groupby(groups).size())
    if "segment" in customers:
        segments = customers.loc[is_in, "segment"].groupby(groups).agg(lambda s: s.mode().iloc[0])
        attractors.insert(1, "segment", segments.astype(np.int64))
    return attractors


def _moduli(run, states, shares):
    """Largest modulus of the eigenvalues of the Jacobian of each customer."""
    moduli = [np.empty(0)]
    for start in range(0, len(states), CHUNK):
        block = slice(start, start + CHUNK)
        matrices = jacobians(run, states[block], shares[block])
        by_network = largest_moduli(np.concatenate(matrices)).reshape(len(matrices), -1)
        moduli.append(by_network.max(axis=1))
    return np.concatenate(moduli)


def jacobians(run, states, shares):
    """Derivatives of the hidden and cell states of each network by those a period before.

    Networks do not read each other, so each has a matrix of its own, by central differences. The
    shape is (n_customers, n_networks, n_states, n_states), with the states of one network.
    """
    n_states = states.shape[1] // run.n_networks
    found = np.empty((len(states), run.n_networks, n_states, n_states))
    for state in range(n_states):
        own = slice(state, None, n_states)
        # Relative, because cells can be large.
        reach = np.zeros_like(states)
        reach[:, own] = DIFFERENCE * np.maximum(1, np.abs(states[:, own]))
        above, below = (run.repeat(states + sign * reach, shares)[0] for sign in (1, -1))
        found[..., state] = (above - below).reshape(found.shape[:3]) / (2 * reach[:, own, None])
    return found


def largest_moduli(matrices):
    """Largest modulus of the eigenvalues of each of many square matrices."""
    # A layer does not read the layers after it, so the eigenvalues of each are found by themselves.
    _, parts = connected_components((np.abs(matrices) > ZERO).any(axis=0), connection="strong")
    moduli = np.zeros(len(matrices))
    for part in np.unique(parts):
        inside = np.flatnonzero(parts == part)
        values = np.linalg.eigvals(matrices[:, inside[:, None], inside])
        moduli = np.maximum(moduli, np.abs(values).max(axis=1))
    return moduli


def _arrivals(run, segment):
    """After how many periods each customer is first in a segment."""
    periods = np.full(len(segment), run.max_periods)
    states, away, passed = run.before, np.arange(len(segment)), 0
    for n_periods in run.strides():
        path, shown = run.repeat(states, run.shares[away], n_periods)
        nodes = run.place(shown.reshape(-1, shown.shape[2])).reshape(shown.shape[:2])
        is_there = nodes == segment[away, None]
        arrives = is_there.any(axis=1)
        periods[away[arrives]] = passed + is_there[arrives].argmax(axis=1)
        states, away = path[~arrives, -1], away[~arrives]
        if not len(away):
            break
        passed += n_periods
    return periods
