"""Meaning of a segment: its name, its traits, and on which categories its members spend more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.utils import _safe_indexing, check_consistent_length, gen_batches

from ..panel import Panel
from ..personality import trait_names
from ._names import ROUNDING, WORTH_SAYING, Namer
from ._spending import Spending, average, compare_spending, deviations

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .._utils._typing import Estimator, Floats, Integers, PanelLike

MOST = 0.5
"""Share of members, of whom more than these are most."""
AT_ONCE = 100
"""Categories of a sparse panel that are dense at a time."""
EVERYBODY = "everybody"
"""Name of the root, which is the segment where nothing divides the customers."""


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

    A sign in the name of a node, as in ``openness-``, compares its members with everybody. ``more``
    and ``less`` compare them with its siblings; :func:`name_segments` has the rule.

    Parameters
    ----------
    clusterer : TrajectoryClusterer
        Fitted.
    trajectories : panel of states, or None
        None is the customers of the clusterer's `fit`.
    scores : array-like, shape (n_customers, n_traits)
        Standardised scores of the same customers: a frame with a column for each trait, or an array
        of the Big Five.
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
        ``customers``, ``share``, mean ``strength`` (0 for members who spend nothing), the median
        score of each trait,
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
    spending = Spending.of(panel)
    return describe_spending(clusterer, trajectories, scores, spending, names, n_categories)


def describe_spending(
    clusterer: Estimator,
    trajectories: PanelLike | None,
    scores: ArrayLike,
    spending: Spending,
    names: dict[int, str] | None = None,
    n_categories: int = 3,
) -> pd.DataFrame:
    """Describe every node as :func:`describe_segments` does, by the Spending of its customers."""
    traits, scores = trait_names(scores), np.asarray(scores, dtype=float)
    nodes = _place(clusterer, trajectories)
    check_consistent_length(nodes, scores, spending.customers)
    if trajectories is None:
        strengths, exemplars = clusterer.strengths_, clusterer.exemplars_
    else:
        strengths = clusterer.strength(trajectories)
        exemplars = nearest_customers(clusterer, trajectories, spending.active_periods)
    strengths = strengths_of_seen(strengths, spending.active_periods)
    categories, shares = spending.categories, spending.shares
    if names is None:
        names = _name(clusterer.tree_, nodes, traits, scores, shares, categories)
    spread = deviations(shares)
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
                **dict(zip(traits, _median(scores, members), strict=True)),
                "spends_more_on": [categories[i] for i in more if effects[i] > WORTH_SAYING],
                "spends_less_on": [categories[i] for i in less if effects[i] < -WORTH_SAYING],
                "exemplars": spending.customers[exemplars[node][exemplars[node] >= 0]].tolist(),
            }
        )
    columns = (
        *("node", "parent", "depth", "label", "path", "customers", "share", "strength", *traits),
        *("spends_more_on", "spends_less_on", "exemplars"),
    )
    return pd.DataFrame(rows, columns=columns)


def name_segments(
    clusterer: Estimator,
    trajectories: PanelLike | None,
    scores: ArrayLike,
    panel: pd.DataFrame,
    *,
    previous: dict[int, str] | None = None,
) -> dict[int, str]:
    """Name every node of a tree of segments by what its members are like.

    A name has one or two parts:

    - ``openness-`` compares the members with everybody: their median score is below the median of
      all these customers. It is the trait in which they are furthest from that median, of the
      traits that name no segment above. So lesser traits name the lower levels, as in the
      paper's hierarchy. Traits less than 0.2 from the median are left out.
    - ``more neuroticism`` and ``less groceries`` compare the members with siblings: segments inside
      the same segment. Such a part tells siblings apart that begin alike, as in ``openness-, more
      neuroticism`` beside ``openness-, less neuroticism``, and compares these with each other. It
      comes first if no trait is far from the median, and then compares with all siblings, whose
      medians it averages. It is about the trait that differs most and that is new on the path. If
      no such trait differs by 0.2, it is about the category whose mean share differs most, in
      standard deviations; if no category does either, about whatever differs most.

    Without traits, which are scores without columns, all names are of the second kind: about the
    category whose mean share differs most from that of the siblings, among the categories of which
    most members buy more than the median customer, or most buy less.

    Only siblings that do not differ so, or that have no members among these customers, are
    numbered, as in ``segment 7``.

    Parameters
    ----------
    clusterer, trajectories, scores, panel : as in :func:`describe_segments`
    previous : dict from int to str, default=None
        Names to keep, by node of this tree, such as those of the matching nodes of an earlier tree
        (see :func:`match_segments`). A name is kept if the scores and shares of these customers
        contradict none of its parts, and no segment above is named by the same trait or category;
        otherwise, the parts before the first contradiction are kept.

    Returns
    -------
    names : dict from int to str
        Node, as in ``clusterer.tree_``, to name. Siblings have different names.

    Raises
    ------
    ValueError
        If scores, panel and trajectories have different numbers of customers.

    Examples
    --------
    >>> from skspend import TrajectoryClusterer
    >>> states = np.repeat([[0.0], [5.0]], 50, axis=0)
    >>> clusterer = TrajectoryClusterer(max_depth=1, random_state=0).fit(states)
    >>> scores = np.zeros((100, 5))
    >>> panel = pd.DataFrame({"year1|groceries": states[:, 0], "year1|pets": 1.0})
    >>> sorted(name_segments(clusterer, None, scores, panel).values())
    ['less groceries', 'more groceries']
    >>> scores[:, 0] = states[:, 0] - 2.5
    >>> sorted(name_segments(clusterer, None, scores, panel).values())
    ['openness+', 'openness-']
    """
    traits, scores = trait_names(scores), np.asarray(scores, dtype=float)
    nodes = _place(clusterer, trajectories)
    check_consistent_length(nodes, scores, panel)
    categories, shares = average(Panel.read(panel, sparse=True))
    return _name(clusterer.tree_, nodes, traits, scores, shares, categories, previous)


def _name(tree, nodes, traits, scores, shares, categories, previous=None):
    spread = deviations(shares)
    spread[spread <= ROUNDING * abs(shares).mean(axis=0)] = np.inf
    everybody = np.median(scores, axis=0), shares.mean(axis=0)
    sizes, effects = {}, {}
    for node in tree.index[1:]:
        members = (nodes == node).any(axis=1)
        sizes[node] = int(members.sum())
        # A node without members is like everybody: nothing is said of it.
        own = members if members.any() else slice(None)
        score = np.median(scores[own], axis=0) - everybody[0]
        spending = (shares[own].mean(axis=0) - everybody[1]) / spread
        effects[node] = np.concatenate([score, spending])
    sides = None if len(traits) else _find_sides(shares, nodes, effects)
    parents = tree["parent"].to_dict()
    return Namer(parents, sizes, effects, traits, categories, previous, sides).name()


def _find_sides(shares, nodes, numbers):
    """For every node: 1 where most members are above the median of a category, -1 below, else 0."""
    sides = {node: np.zeros(shares.shape[1], dtype=int) for node in numbers}
    members = {node: (nodes == node).any(axis=1) for node in numbers}
    for columns in gen_batches(shares.shape[1], AT_ONCE):
        part = shares[:, columns]
        part = part.toarray() if issparse(part) else part
        directions = np.sign(part - np.median(part, axis=0))
        for node, own in members.items():
            if own.any():
                above, below = ((directions[own] == side).mean(axis=0) for side in (1, -1))
                sides[node][columns] = (above > MOST).astype(int) - (below > MOST)
    return sides


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


def strengths_of_seen(strengths: Floats, spends: Any, known: Floats | float = 1.0) -> Floats:
    """Strengths of customers in their segments; 0 for those of whom nothing is seen.

    These do not spend in any period (`spends` is 0, or false), or `known` is 0, the share of their
    spending that the model sees.
    """
    return strengths * ((spends > 0) & (known > 0))


def nearest_customers(
    clusterer: Estimator, trajectories: PanelLike, active_periods: Integers
) -> Integers:
    """Rows of the customers who spend and are nearest to the centre of each node, or -1."""
    rows = np.flatnonzero(active_periods)
    if not len(rows):
        return np.full((len(clusterer.tree_), 1), -1)
    # A last row of -1 stands for no customer.
    return np.append(rows, -1)[clusterer.find_exemplars(_safe_indexing(trajectories, rows))]


def _place(clusterer, trajectories):
    """Node of each customer at each level, shape (n_customers, depth)."""
    fitted = trajectories is None
    return clusterer.level_labels_ if fitted else clusterer.predict_levels(trajectories)


def _median(values, members):
    return np.median(values[members], axis=0) if members.any() else np.zeros(values.shape[1])
