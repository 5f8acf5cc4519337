"""Which segments of two fits are the same, and which customers moved between them.

Two fitted pipelines and customers come in, such as the fits of two years. Out come the matching
nodes of their trees, a table of migration, and the segments that are divided or joined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import Bunch, check_consistent_length

from ..metrics._trees import jaccard
from ..transactions import TransactionLog
from ._agreement import members
from ._stability import name_customers, place

if TYPE_CHECKING:
    from typing import Any

    from .._utils._typing import Estimator, Integers, PanelLike

    class Matching(dict[str, Any]):
        nodes: pd.DataFrame
        migration: pd.DataFrame
        splits: pd.DataFrame
        merges: pd.DataFrame
        customers: pd.DataFrame


SAME = 0.5
"""Smallest Jaccard coefficient of segments that are the same. Hennig takes one below as dissolved;
above it, no third segment can be as similar."""
MOSTLY = 0.5
LEAST_PART = 0.1
"""Smallest share of a segment that counts as a part of it."""


def match_segments(
    old: Estimator,
    new: Estimator,
    X: TransactionLog | PanelLike,
    X_old: TransactionLog | PanelLike | None = None,
) -> Matching:
    """Match the segments of two fits, and find who moved between them.

    Parameters
    ----------
    old, new : Pipeline that ends in a TrajectoryClusterer, TrajectoryClusterer, or SegmentModel
        Fitted. They may have different periods and networks.
    X : TransactionLog or panel
        Customers, as `new` takes them. From a log, each pipeline makes a panel of its own periods.
    X_old : TransactionLog or panel, default=None
        The same customers in the same order, as `old` takes them; by default `X`.

    Returns
    -------
    matching : Bunch
        nodes : DataFrame, one row per pair of matching nodes, or node without a match
            ``depth``; ``old`` and ``new``, numbers of nodes as in ``tree_``, -1 without a match;
            ``old_customers`` and ``new_customers``; their ``jaccard`` coefficient, the number of
            customers in both nodes divided by that in either; and ``same``, whether it is 0.5 or
            more.
        migration : DataFrame
            ``depth``, ``old``, ``new`` and the number of ``customers`` who were in the node `old`
            and are in `new`, for pairs with customers. A leaf above the last level is repeated.
        splits, merges : DataFrame
            ``depth``, ``old``, ``new`` and ``share``. A split is an old node with two or more
            parts: new nodes most of whose members come from it. Together, the parts hold most of
            its members, and each holds a tenth or more, the ``share``. A merge is a new node with
            two or more such old nodes.
        customers : DataFrame, one row per customer
            ``old`` and ``new``, the leaves as numbered in ``tree_``; ``top`` and ``leaf``, whether
            the customer's old and new nodes match and are the same, at the top level and at the
            last level. The index is that of a frame, the customers of a log, or the row.

    Raises
    ------
    TypeError
        If a pipeline does not end in a TrajectoryClusterer.
    ValueError
        If the numbers of customers differ, or a pipeline refuses the customers.

    See Also
    --------
    segment_stability : Fits again, and compares the segments of held-out customers.
    skspend.TrajectoryClusterer : Keeps the segments of an earlier fit with `anchor`.

    Notes
    -----
    Nodes are matched one to one at each level, inside matching parents, so that the sum of their
    Jaccard coefficients is the largest. Nodes without common customers do not match.

    References
    ----------
    Kuhn (1955), The Hungarian method for the assignment problem, Naval Research Logistics Quarterly
    2. Hennig (2007), Cluster-wise assessment of cluster stability, Computational Statistics & Data
    Analysis 52.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skspend import TrajectoryClusterer
    >>> from skspend.inspection import match_segments
    >>> X, _ = make_blobs(300, centers=[[0, 0], [9, 0], [0, 9]], cluster_std=1, random_state=0)
    >>> old = TrajectoryClusterer(max_depth=1, random_state=0).fit(X)
    >>> new = TrajectoryClusterer(max_depth=1, random_state=1).fit(X, anchor=old.level_labels_)
    >>> match_segments(old, new, X).nodes[["old", "new", "jaccard"]]
       old  new  jaccard
    0    1    1      1.0
    1    2    2      1.0
    2    3    3      1.0
    """
    old, new = map(_check, (old, new))
    X_old = X if X_old is None else X_old
    placed = place(old, X_old), place(new, X)
    check_consistent_length(*placed)
    return compare_levels(*placed, old[-1].tree_, new[-1].tree_, name_customers(X))


def _check(fitted):
    """The pipeline of a pipeline, clusterer or SegmentModel."""
    pipeline = getattr(fitted, "pipeline", fitted)
    pipeline = pipeline if isinstance(pipeline, Pipeline) else make_pipeline(pipeline)
    if not hasattr(pipeline[-1], "predict_levels"):
        raise TypeError(
            f"old and new must end in a TrajectoryClusterer, got {type(pipeline[-1]).__name__}. "
            f"Only trees of segments can be matched."
        )
    return pipeline


def compare_levels(
    old: Integers, new: Integers, old_tree: pd.DataFrame, new_tree: pd.DataFrame, names: pd.Index
) -> Matching:
    """Match two trees by the nodes of the same customers, each of shape (n_customers, depth)."""
    nodes = match_nodes(old, new, old_tree, new_tree)
    depth = max(old.shape[1], new.shape[1])
    levels = [tree[:, np.minimum(range(depth), tree.shape[1] - 1)].T for tree in (old, new)]
    migration = pd.concat(
        pd.DataFrame({"depth": number, "old": before, "new": after})
        for number, (before, after) in enumerate(zip(*levels, strict=True), start=1)
    )
    migration = migration.groupby(["depth", "old", "new"]).size().reset_index(name="customers")
    is_same = nodes["same"]
    # A tree that is not divided has a single segment, in which everybody stays.
    same = {0: 0} | dict(zip(nodes.loc[is_same, "old"], nodes.loc[is_same, "new"], strict=True))
    stays = {
        name: pd.Series(old[:, level]).map(same).to_numpy() == new[:, level]
        for name, level in (("top", 0), ("leaf", -1))
    }
    customers = pd.DataFrame({"old": old[:, -1], "new": new[:, -1]} | stays, index=names)
    splits, merges = _divided(migration, "old", "new"), _divided(migration, "new", "old")
    return Bunch(
        nodes=nodes, migration=migration, splits=splits, merges=merges, customers=customers
    )


def match_nodes(
    old: Integers, new: Integers, old_tree: pd.DataFrame, new_tree: pd.DataFrame
) -> pd.DataFrame:
    """The frame `nodes` of two trees, by the nodes of the same customers."""
    own, other = members(old, len(old_tree) - 1), members(new, len(new_tree) - 1)
    similarities, columns = jaccard(own, other), ["depth", "old", "new"]
    found, pairs = [], [(0, 0)]
    # The list grows while it is read: the children of a pair come after it.
    for before, after in pairs:
        depth = 1 + max(old_tree["depth"].get(before, -1), new_tree["depth"].get(after, -1))
        parts, others = _children(old_tree, before), _children(new_tree, after)
        values = similarities[np.ix_(parts - 1, others - 1)]
        rows, positions = linear_sum_assignment(values, maximize=True)
        overlaps = values[rows, positions] > 0
        matched = [*zip(parts[rows[overlaps]], others[positions[overlaps]], strict=True)]
        alone = [(part, -1) for part in np.setdiff1d(parts, [pair[0] for pair in matched])]
        alone += [(-1, part) for part in np.setdiff1d(others, [pair[1] for pair in matched])]
        pairs += matched + alone
        found += [(depth, *pair) for pair in matched + alone]
    nodes = pd.DataFrame(found, columns=columns, dtype=np.int64).sort_values("depth", kind="stable")
    sizes = [np.append(tree.sum(axis=0), 0).astype(int) for tree in (own, other)]
    for name, size in zip(("old", "new"), sizes, strict=True):
        nodes[f"{name}_customers"] = size[np.where(nodes[name] > 0, nodes[name] - 1, -1)]
    is_pair = (nodes["old"] > 0) & (nodes["new"] > 0)
    nodes["jaccard"] = 0.0
    own, other = (nodes.loc[is_pair, name] - 1 for name in ("old", "new"))
    nodes.loc[is_pair, "jaccard"] = similarities[own, other]
    nodes["same"] = nodes["jaccard"] >= SAME
    return nodes.reset_index(drop=True)


def _children(tree, node):
    return np.flatnonzero(tree["parent"] == node) if node >= 0 else np.empty(0, dtype=int)


def keep_names(nodes: pd.DataFrame, names: dict[int, str]) -> dict[int, str]:
    """Names that new nodes may keep: of the old nodes, in the frame `nodes`, that are the same."""
    same = nodes[nodes["same"]]
    return {new: names[old] for old, new in zip(same["old"], same["new"], strict=True)}


def _divided(migration, whole, part):
    """The frame `splits`, or `merges` with both roles exchanged."""
    moved = migration[migration["old"] != 0] if whole == "old" else migration[migration["new"] != 0]
    n = moved["customers"]
    share = n / n.groupby([moved["depth"], moved[whole]]).transform("sum")
    of_part = n / n.groupby([moved["depth"], moved[part]]).transform("sum")
    found = moved.assign(share=share)[(share >= LEAST_PART) & (of_part > MOSTLY)]
    shares = found.groupby(["depth", whole])["share"]
    is_divided = (shares.transform("size") > 1) & (shares.transform("sum") > MOSTLY)
    return found.loc[is_divided, ["depth", "old", "new", "share"]].reset_index(drop=True)
