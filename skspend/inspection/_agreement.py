"""Agreement of fits: whether others put the same customers into the same segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .._utils._intervals import half_interval
from .._utils._text import count
from ..metrics import tree_agreement
from ..metrics._trees import jaccard, match_labels

if TYPE_CHECKING:
    from .._utils._typing import Floats, Integers


NODE_COLUMNS = ("node", "depth", "held_out", "jaccard", "low", "high")
"""Of the frame `nodes`, what a report shows."""
FOUND_AGAIN, DISSOLVED = 0.75, 0.5
"""Jaccard coefficients from which a segment is found again, and below which it is not (Hennig)."""
STABILITY_COLUMNS = ("ari", "low", "high", "same", "fits", "held_out")
"""Of the frame `agreement`."""


def share_of_same(labels: Integers, others: list[Integers], rows: Any = slice(None)) -> Floats:
    """Share of other fits that put each customer into the matching segment, shape (n_customers,).

    `labels` and each of the `others` are the segments of the same customers, which are matched on
    some `rows`.
    """
    return np.mean([_is_same(labels, other, rows) for other in others], axis=0)


def _is_same(labels, others, rows):
    if len(np.unique(labels[rows])) == 1:
        return np.full(len(labels), np.nan)
    matches = match_labels(labels[rows], others[rows])
    return (pd.Series(labels).map(matches) == others).to_numpy(dtype=float)


def find_same(levels, other, fitted, held_out):
    """Whether held-out customers are in the matching segment and leaf, shape (n_held_out, 2)."""
    pairs = [(levels[:, level], other[:, level]) for level in (0, -1)]
    return np.stack([_is_same(*pair, fitted)[held_out] for pair in pairs], axis=1)


def agree(levels, others, same):
    """The frame `agreement`."""
    found = pd.DataFrame([tree_agreement(levels, other) for other in others])
    rows = {name: _summarise(found[name].to_numpy(), -1) for name in found}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["ari", "low", "high"])
    table["same"] = [*np.mean(same, axis=(0, 1)), np.nan]
    return table.assign(fits=len(others), held_out=len(levels))


def _summarise(values, lowest):
    """Mean of the values of some fits, and its interval within the range of the values."""
    mean, half = values.mean(), half_interval(values)
    return mean, np.maximum(mean - half, lowest), np.minimum(mean + half, 1)


def judge_nodes(reference, levels, compared, fitted, held_out):
    """The frame `nodes`; `compared` holds other pipelines with the levels that they give."""
    nodes = reference[-1].tree_[["parent", "depth"]].iloc[1:].rename_axis("node").reset_index()
    own = members(levels, len(nodes))
    found = []
    for pipeline, other_levels in compared:
        other = members(other_levels, len(pipeline[-1].tree_) - 1)
        if other.shape[1]:
            best = jaccard(own[fitted], other[fitted]).argmax(axis=1)
            found.append(np.diagonal(jaccard(own[held_out], other[held_out][:, best])))
        else:
            found.append(np.zeros(len(nodes)))
    nodes["held_out"] = own[held_out].sum(axis=0).astype(int)
    values = np.where(nodes["held_out"] > 0, found, np.nan).T
    table = [_summarise(of_node, 0) for of_node in values]
    nodes = nodes.join(pd.DataFrame(table, columns=["jaccard", "low", "high"], dtype=float))
    return nodes.assign(stable=_find_stable(nodes))


def _find_stable(nodes):
    """The deepest of each node and those above it which is found again, as all above it are.

    Where there is none, it is 0, the node of all customers.
    """
    stable = np.zeros(1 + len(nodes), dtype=int)
    # Parents come before their children.
    for row in nodes.itertuples():
        is_stable = stable[row.parent] == row.parent and row.jaccard >= FOUND_AGAIN
        stable[row.node] = row.node if is_stable else stable[row.parent]
    return stable[1:]


def members(levels, n_nodes):
    """Whether each customer is in each node but the root, shape (n_customers, n_nodes)."""
    return (levels[:, :, None] == np.arange(1, n_nodes + 1)).any(axis=1).astype(float)


def tell_found_again(nodes: pd.DataFrame) -> str:
    """Say how many segments other fits find again, at the top level and inside it.

    Segments without held-out customers are not counted.

    >>> nodes = pd.DataFrame({"depth": [1, 1, 2], "jaccard": [0.9, 0.8, 0.1]})
    >>> print(*tell_found_again(nodes).split(". "), sep=".\\n")
    Of 2 segments at the top level, other fits find 2 again, and none has dissolved.
    Of 1 segment inside these, other fits find 0 again, and 1 has dissolved.
    """
    said = []
    for is_level, where in (
        (nodes["depth"] == 1, "at the top level"),
        (nodes["depth"] > 1, "inside these"),
    ):
        found = nodes.loc[is_level, "jaccard"].dropna()
        if len(found):
            gone = (found < DISSOLVED).sum()
            said.append(
                f"Of {count(len(found), 'segment')} {where}, other fits find "
                f"{(found >= FOUND_AGAIN).sum()} again, and {gone or 'none'} "
                f"{'have' if gone > 1 else 'has'} dissolved."
            )
    return " ".join(said)
