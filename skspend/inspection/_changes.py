"""Which change of spending would lead a customer to another attractor, in another segment.

A fitted pipeline and its input come in; out comes, for each customer, the smallest change of one
category in the last period after which the network comes to rest in another segment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .._utils._threads import one_thread
from ._recurrence import Recurrence

if TYPE_CHECKING:
    from .._utils._typing import Estimator
    from ._attractors import Input

LADDER = 1 / 64, 1 / 16, 1 / 4, 1, 4, 16, np.inf
"""Changes that are tried one after the other, in standard deviations of the category."""
BISECTIONS = 5
ALL_BUT = 1e-9
"""Share of the other categories below which one category is all of the spending."""
BLOCK = 8192
"""Changes that are tried at once."""


def smallest_changes(
    estimator: Estimator, X: Input, *, level: int = 1, max_periods: int = 1000
) -> pd.DataFrame:
    """Find the smallest change of one category that leads each customer to another segment.

    The share of one category in the last period is raised or lowered. All others are multiplied by
    one number, so that the sum stays the same. The changed period takes the place of the last one
    and repeats for ever, and the attractor then lies in another segment than without the change.

    Parameters
    ----------
    estimator : Pipeline
        Fitted. It ends in an LSTMStateExtractor and a :class:`~skspend.TrajectoryClusterer`.
    X, level, max_periods : as in :func:`find_attractors`

    Returns
    -------
    changes : DataFrame, one row per customer, with the index of X
        ``segment``: the node of the attractor, as in :func:`find_attractors`; ``category``;
        ``share`` and ``new_share`` of the category in the last period, in the unit of the
        extractor's input; ``deviations``: their difference in standard deviations of the category;
        and ``new_segment``: the node of the attractor after the change. A customer for whom no
        change is found has no category, NaN and -1.

    Raises
    ------
    ValueError
        As in :func:`find_attractors`, and if the estimator has no TrajectoryClusterer.

    Notes
    -----
    The size of a change is measured in standard deviations over the customers and periods of the
    extractor's `fit`, so that rare and common categories compare. Changes of 1/64, 1/16, 1/4, 1, 4
    and 16 deviations, and the largest possible change, are tried up and down in every category that
    the network reads (``support_``), until one leads to another segment. Five bisections then
    reduce it. Each change reported was run to its attractor. A smaller one can be missed, if
    a segment is entered and left again between two changes that were tried.

    For a customer without spending in the last period, or with a negative share, nothing is tried.
    The time grows with customers times categories: pass the customers you ask about.

    References
    ----------
    Maree & Omlin (2022), as in :func:`find_attractors`. Wachter, Mittelstadt & Russell (2018),
    Counterfactual explanations without opening the black box, Harvard Journal of Law & Technology
    31: the smallest change with another result.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from skspend import BigFivePersonalityScorer, LSTMStateExtractor, TrajectoryClusterer
    >>> from skspend.datasets import make_spending
    >>> from skspend.inspection import smallest_changes
    >>> bank = make_spending(300, 3, 20, random_state=0)
    >>> states = LSTMStateExtractor(
    ...     n_networks=2, scorer=BigFivePersonalityScorer(bank.coefficients), random_state=0
    ... )
    >>> pipeline = make_pipeline(states, TrajectoryClusterer(max_depth=1, random_state=0))
    >>> changes = smallest_changes(pipeline.fit(bank.data), bank.data.head(2))
    >>> changes.columns.tolist()
    ['segment', 'category', 'share', 'new_share', 'deviations', 'new_segment']
    """
    with one_thread():
        run = Recurrence(estimator, X, level, max_periods)
        if run.clusterer is None:
            raise ValueError(
                "smallest_changes needs segments. Pass a Pipeline that ends in a "
                "TrajectoryClusterer."
            )
        segment = run.place(run.show(run.settle(run.before, run.shares)[0], run.shares))
        rows, category, change = _search(run, segment)
        new = _lead(run, rows, category, change)
    share = run.shares[rows, category]
    changes = pd.DataFrame(
        {
            "category": run.categories[category],
            "share": share,
            "new_share": share + change * run.deviations[category],
            "deviations": change,
            "new_segment": new,
        },
        index=rows,
    ).reindex(range(len(segment)))
    changes["new_segment"] = changes["new_segment"].fillna(-1).astype(np.int64)
    changes.insert(0, "segment", segment)
    return changes.set_axis(run.index, axis=0)


def _search(run, segment):
    """Smallest changes that lead elsewhere: rows of customers, categories and changes."""
    found, left, below = [], np.flatnonzero(run.has_change), 0.0
    for reach in LADDER:
        rows, category, sign, room = _trials(run, left, below)
        high = np.minimum(reach, room)
        is_out = _lead(run, rows, category, sign * high) != segment[rows]
        rows, category, sign, high = (a[is_out] for a in (rows, category, sign, high))
        found.append(_bisect(run, segment, rows, category, sign, np.full(len(rows), below), high))
        left, below = np.setdiff1d(left, rows), reach
    return [np.concatenate(part) for part in zip(*found, strict=True)]


def _trials(run, left, below):
    """Customers, categories, directions, and the largest changes, if not all were tried before."""
    shares = run.shares[left]
    totals = shares.sum(axis=1, keepdims=True)
    others = totals - shares
    # Where a category is all of the spending, no other can grow in its place.
    fall = np.where(others > ALL_BUT * totals, shares, 0)
    room = np.stack([others, fall], axis=2) / run.deviations[:, None]
    rows, category, direction = np.nonzero((room > below) & run.is_read[:, None])
    return left[rows], category, 1 - 2 * direction, room[rows, category, direction]


def _bisect(run, segment, rows, category, sign, low, high):
    """Reduce changes that lead elsewhere, and keep the smallest one of each customer."""
    for _ in range(BISECTIONS):
        # A change above one of the same customer that suffices cannot be the smallest.
        best = pd.Series(high).groupby(rows).transform("min").to_numpy()
        rows, category, sign, low, high = (a[low < best] for a in (rows, category, sign, low, high))
        middle = (low + high) / 2
        is_out = _lead(run, rows, category, sign * middle) != segment[rows]
        low, high = np.where(is_out, low, middle), np.where(is_out, middle, high)
    order = np.lexsort((high, rows))
    _, first = np.unique(rows[order], return_index=True)
    best = order[first]
    return rows[best], category[best], (sign * high)[best]


def _lead(run, rows, category, change):
    """Segments to which changes lead."""
    segment = np.zeros(len(rows), dtype=np.int64)
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        shares = _change(run, rows[block], category[block], change[block])
        states, _ = run.settle(run.before[rows[block]], shares)
        segment[block] = run.place(run.show(states, shares))
    return segment


def _change(run, rows, category, change):
    """Shares of customers after a change of a category, in its deviations, with the same sum."""
    shares = run.shares[rows]
    change = change * run.deviations[category]
    own = shares[np.arange(len(rows)), category]
    others = shares.sum(axis=1) - own
    factor = np.divide(others - change, others, out=np.ones_like(others), where=others > 0)
    shares *= factor[:, None]
    shares[np.arange(len(rows)), category] = own + change
    return shares
