"""Meaning of a segment: its name, its traits, and on which categories its members spend more."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length

from ..panel import Panel
from ..personality import TRAITS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from .._utils._typing import Estimator, Floats, PanelLike

WORTH_SAYING = 0.2
"""Smallest difference from the others that is reported, in standard deviations: a small effect in
Cohen's terms."""
EVERYBODY = "everybody"
"""Name of the root, which is the segment where nothing divides the customers."""
COLUMNS = (
    *("node", "parent", "depth", "label", "path", "customers", "share", "strength", *TRAITS),
    *("spends_more_on", "spends_less_on", "exemplars"),
)


def describe_segments(
    clusterer: Estimator,
    trajectories: PanelLike | None,
    scores: ArrayLike,
    panel: pd.DataFrame,
    *,
    names: dict[int, str] | None = None,
    n_categories: int = 3,
) -> pd.DataFrame:
    """Describe every node of a tree of segments by its customers.

    Parameters
    ----------
    clusterer : TrajectoryClusterer
        Fitted.
    trajectories : panel of states, or None
        None is the customers of the clusterer's `fit`.
    scores : array-like, shape (n_customers, 5)
        Standardised scores of the same customers.
    panel : pandas.DataFrame, shape (n_customers, n_periods * n_categories)
        Their shares, with the names of a panel.
    names : dict from int to str, default=None
        Names of the nodes; by default those of :func:`name_segments` for these customers.
    n_categories : int, default=3
        Most categories to list for a node.

    Returns
    -------
    segments : pandas.DataFrame
        One row per node but the root: ``node``, ``parent``, ``depth``, ``label`` (-1 unless a
        leaf), ``path`` (the names from the top, as in ``openness+ > extraversion-``),
        ``customers``, ``share``, mean ``strength``, the mean score of each trait,
        ``spends_more_on`` and ``spends_less_on``: lists of the categories in which the members'
        mean share differs most from that of all other customers, in standard deviations; and
        ``exemplars``: up to three customers nearest to the centre, by the index of `panel`.

    Raises
    ------
    ValueError
        If scores, panel and trajectories have different numbers of customers.

    Examples
    --------
    >>> from skspend import *
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(400, 3, 20, random_state=0)
    >>> scorer = BigFivePersonalityScorer(bank.coefficients)
    >>> states = LSTMStateExtractor(scorer=scorer, epochs=20, random_state=0)
    >>> trajectories = states.fit_transform(bank.data)
    >>> clusterer = TrajectoryClusterer(max_depth=1, random_state=0).fit(trajectories)
    >>> scores = scorer.fit_transform(bank.data)
    >>> segments = describe_segments(clusterer, trajectories, scores, bank.data)
    >>> int(segments["customers"].sum())
    400
    """
    scores = np.asarray(scores, dtype=float)
    nodes = _place(clusterer, trajectories)
    check_consistent_length(nodes, scores, panel)
    if trajectories is None:
        strengths, exemplars = clusterer.strengths_, clusterer.exemplars_
    else:
        strengths = clusterer.strength(trajectories)
        exemplars = clusterer.find_exemplars(trajectories)
    if names is None:
        names = _name(clusterer.tree_, nodes, scores)
    read = Panel.read(panel)
    categories = list(read.features or ())
    shares = read.cube.astype(float).mean(axis=1)
    spread = shares.std(axis=0)
    rows = []
    for node, placed in clusterer.tree_[["parent", "depth", "label"]].iloc[1:].iterrows():
        members = (nodes == node).any(axis=1)
        *_, effects = compare_spending(shares, members, spread)
        order = np.argsort(effects)
        more, less = order[::-1][:n_categories], order[:n_categories]
        rows.append(
            {
                "node": node,
                **placed,
                "path": segment_path(clusterer, node, names),
                "customers": int(members.sum()),
                "share": members.mean(),
                "strength": strengths[members].mean() if members.any() else np.nan,
                **dict(zip(TRAITS, _mean(scores, members), strict=True)),
                "spends_more_on": [categories[i] for i in more if effects[i] > WORTH_SAYING],
                "spends_less_on": [categories[i] for i in less if effects[i] < -WORTH_SAYING],
                "exemplars": panel.index[exemplars[node][exemplars[node] >= 0]].tolist(),
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def name_segments(
    clusterer: Estimator, trajectories: PanelLike | None, scores: ArrayLike
) -> dict[int, str]:
    """Name every node by the trait in which its members differ most from those of its parent.

    A trait in the name of a node names no node inside it: lesser traits distinguish these, as in
    the paper's hierarchy. A second trait distinguishes siblings with the same first one, and so on,
    as in ``neuroticism+ openness-``. Siblings with equal names are numbered.

    Parameters
    ----------
    clusterer, trajectories, scores : as in :func:`describe_segments`

    Returns
    -------
    names : dict from int to str
        Node, as in ``clusterer.tree_``, to name.
    """
    scores = np.asarray(scores, dtype=float)
    nodes = _place(clusterer, trajectories)
    check_consistent_length(nodes, scores)
    return _name(clusterer.tree_, nodes, scores)


def _name(tree, nodes, scores):
    means = {node: _mean(scores, (nodes == node).any(axis=1)) for node in tree.index}
    means[0] = scores.mean(axis=0)
    names, used = {}, {0: set()}
    for parent, siblings in tree[tree["parent"] >= 0].groupby("parent").groups.items():
        free = [t for t in range(len(TRAITS)) if TRAITS[t] not in used[parent]]
        ranked = {}
        for node in siblings:
            difference = means[node] - means[parent]
            order = sorted(free, key=lambda trait, d=difference: -abs(d[trait]))
            ranked[node] = [f"{TRAITS[t]}{'+' if difference[t] >= 0 else '-'}" for t in order]
        taken = Counter()
        for node, words in _shortest_unique(ranked).items():
            name = " ".join(words)
            taken[name] += 1
            names[node] = name if taken[name] == 1 else f"{name} ({taken[name]})"
            own = {word.rstrip("+-") for word in words}
            # Once all traits are used, those of the parent are used again.
            used[node] = used[parent] | own if len(own) < len(free) else used[parent]
    return names


def segment_path(clusterer: Estimator, node: int, names: dict[int, str]) -> str:
    """Join the names from the top of the tree down to a node, as in ``openness+ > pets``."""
    parents = clusterer.tree_["parent"]
    path = []
    while node > 0:
        path.append(names[node])
        node = parents[node]
    return " > ".join(reversed(path))


def tree_order(segments: pd.DataFrame) -> list[int]:
    """Positions of the rows of :func:`describe_segments`: depth first, large siblings first."""
    parents, nodes = segments["parent"].to_numpy(), segments["node"].to_numpy()
    sizes = segments["customers"].to_numpy()
    order = []

    def visit(parent):
        children = np.flatnonzero(parents == parent)
        for position in children[np.argsort(-sizes[children], kind="stable")]:
            order.append(position)
            visit(nodes[position])

    visit(0)
    return order


def _place(clusterer, trajectories):
    """Node of each customer at each level, shape (n_customers, depth)."""
    fitted = trajectories is None
    return clusterer.level_labels_ if fitted else clusterer.predict_levels(trajectories)


def _shortest_unique(ranked):
    """Take as many of each node's ranked words as distinguish it from its siblings."""
    shortest = {}
    for node, words in ranked.items():
        others = [other for key, other in ranked.items() if key != node]
        lengths = (n for n in range(1, len(words)) if all(o[:n] != words[:n] for o in others))
        shortest[node] = words[: next(lengths, len(words))]
    return shortest


def compare_spending(
    shares: Floats, members: NDArray[np.bool], spread: Floats
) -> tuple[Floats, Floats, Floats]:
    """Compare the mean shares of members, a mask, with those of all others, by category.

    Returns both means, NaN if there is nobody, and their differences in units of `spread`, zeros if
    there are no members, or no others.
    """
    own, others = (
        shares[part].mean(axis=0) if part.any() else np.full(len(spread), np.nan)
        for part in (members, ~members)
    )
    comparable = (spread > 0) & ~np.isnan(own) & ~np.isnan(others)
    effects = np.divide(own - others, spread, out=np.zeros_like(spread), where=comparable)
    return own, others, effects


def _mean(scores, members):
    return scores[members].mean(axis=0) if members.any() else np.zeros(scores.shape[1])
