"""Permutation importance of the categories: what moves customers from one segment to another.

A fitted extractor, a tree of segments and a panel come in; out comes, for every node and category,
the share of the node's customers who leave it if they spend on the category as somebody else does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state
from sklearn.utils.validation import _get_feature_names

from .._utils._threads import one_thread
from ..panel import Panel, unfold

if TYPE_CHECKING:
    from .._utils._typing import Estimator, PanelLike, RandomState

PACK = 8192
"""Fewest customers that are routed at once, while there are more: each call has a fixed cost."""


def segment_importance(
    extractor: Estimator,
    clusterer: Estimator,
    X: PanelLike,
    *,
    level: int = 1,
    n_repeats: int = 5,
    random_state: RandomState = None,
) -> pd.DataFrame:
    """Measure how much the customers of every node depend on every category.

    The shares of one category are shuffled over customers, all periods of a customer together.
    Then everybody is placed again, and the customers who leave their node are counted.

    Parameters
    ----------
    extractor : fitted transformer
        Such as LSTMStateExtractor; the step ``states`` of a pipeline of spend, states and segment.
    clusterer : TrajectoryClusterer
        Fitted on the output of `extractor`; the last step of such a pipeline.
    X : panel, shape (n_customers, n_periods * n_categories), or with three dimensions
        Shares of any customers, as `extractor` takes them.
    level : int, default=1
        Level of the hierarchy, 1 for the top segments.
    n_repeats : int, default=5
        How often every category is shuffled.
    random_state : int, RandomState instance or None, default=None
        Draws one permutation for each repeat, the same for all categories.

    Returns
    -------
    importance : DataFrame, one row per node that has customers, and category
        ``node``, as in ``clusterer.tree_``; ``category``; ``customers`` in the node;
        ``importance``: the share of them that leave, from 0 to 1, a mean over repeats; and
        ``deviation``: its standard deviation over repeats. The most important category of each
        node comes first.

    Raises
    ------
    ValueError
        If the tree has no such level, `n_repeats` is not positive, or the columns of X do not
        divide into the periods.

    See Also
    --------
    explain_trajectories : Which spending moves the states, and in which direction.
    sklearn.inspection.permutation_importance : The same for a score.

    Notes
    -----
    Only customers whose shares change are placed again, so categories that few buy cost little, and
    categories that the extractor does not read (its ``support_``) cost nothing. A category may
    matter and yet move few customers if others carry the same information. After the shuffle, the
    shares of a customer no longer have the same sum.

    References
    ----------
    Breiman (2001), Random forests, Machine Learning 45, section 10.

    Examples
    --------
    >>> from skspend import BigFivePersonalityScorer, LSTMStateExtractor, TrajectoryClusterer
    >>> from skspend.datasets import make_spending
    >>> from skspend.inspection import segment_importance
    >>> bank = make_spending(400, 3, 20, random_state=0)
    >>> scorer = BigFivePersonalityScorer(bank.coefficients)
    >>> states = LSTMStateExtractor(n_networks=2, scorer=scorer, random_state=0)
    >>> trajectories = states.fit_transform(bank.data)
    >>> segment = TrajectoryClusterer(max_depth=1, random_state=0).fit(trajectories)
    >>> importance = segment_importance(states, segment, bank.data, random_state=0)
    >>> importance.columns.tolist()
    ['node', 'category', 'customers', 'importance', 'deviation']
    >>> bool(importance["importance"].between(0, 1).all())
    True
    """
    if n_repeats < 1:
        raise ValueError(f"n_repeats={n_repeats}; expected 1 or more.")
    random_state = check_random_state(random_state)
    read = Panel.read(X, getattr(extractor, "n_periods_", None))
    categories = list(read.features or ())
    # Half the memory to move, and moving it takes longer than the network.
    panel = read.cube.astype(np.float32)
    with one_thread():
        levels = clusterer.predict_levels(extractor.transform(_like(panel, X)))
        if not 1 <= level <= levels.shape[1]:
            raise ValueError(
                f"level={level}; expected 1, the top, to {levels.shape[1]}, the last level."
            )
        nodes, members = np.unique(levels[:, level - 1], return_inverse=True)
        sizes = np.bincount(members)
        permutations = [random_state.permutation(len(panel)) for _ in range(n_repeats)]
        leaving = np.zeros((n_repeats, len(categories), len(nodes)))
        is_read = getattr(extractor, "support_", np.ones(len(categories), dtype=bool))
        for pack in _pack(_shuffles(panel, np.flatnonzero(is_read), permutations)):
            cubes = [shuffled for *_, shuffled in pack]
            customers = np.concatenate(cubes) if len(cubes) > 1 else cubes[0]
            now = clusterer.predict_levels(extractor.transform(_like(customers, X)))[:, level - 1]
            start = 0
            for category, repeat, rows, _ in pack:
                has_left = now[start : start + len(rows)] != nodes[members[rows]]
                start += len(rows)
                leaving[repeat, category] = np.bincount(members[rows], has_left, len(nodes))
    leaving /= sizes
    importance = pd.DataFrame(
        {
            "node": np.repeat(nodes, len(categories)),
            "category": categories * len(nodes),
            "customers": np.repeat(sizes, len(categories)),
            "importance": leaving.mean(axis=0).T.ravel(),
            "deviation": leaving.std(axis=0).T.ravel(),
        }
    )
    return importance.sort_values(
        ["node", "importance"], ascending=[True, False], kind="stable", ignore_index=True
    )


def _shuffles(panel, categories, permutations):
    """Shuffle every category by every permutation; yield both, whose shares change, and these."""
    for category in categories:
        shares = panel[:, :, category].copy()
        for repeat, permutation in enumerate(permutations):
            rows = np.flatnonzero((shares[permutation] != shares).any(axis=1))
            shuffled = panel[rows]
            shuffled[:, :, category] = shares[permutation[rows]]
            if len(rows):
                yield category, repeat, rows, shuffled


def _pack(shuffles):
    """Gather shuffles that change few customers, until there are enough to route at once."""
    pack, n_customers = [], 0
    for shuffle in shuffles:
        pack.append(shuffle)
        n_customers += len(shuffle[2])
        if n_customers >= PACK:
            yield pack
            pack, n_customers = [], 0
    if pack:
        yield pack


def _like(cube, X):
    """Shares of any customers as a table with the columns of X, or as an array like X."""
    columns = _get_feature_names(X)
    if columns is None:
        return cube if getattr(X, "ndim", None) == 3 else unfold(cube)
    return pd.DataFrame(unfold(cube), columns=columns, copy=False)
