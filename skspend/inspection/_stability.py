"""Stability of segments: whether another fit puts held-out customers into the same segments.

An unfitted pipeline and customers come in. The pipeline is fitted several times, and out come the
agreement of the fits on customers held out of all of them, and that of every segment.
"""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import Bunch, _safe_indexing, check_random_state
from sklearn.utils.parallel import Parallel, delayed

from .._utils._threads import one_thread
from ..aggregation import SpendingAggregator
from ..panel import Panel, make_frame
from ..transactions import TransactionLog
from ._agreement import agree, find_same, judge_nodes

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._utils._typing import Estimator, Floats, Integers, PanelLike, RandomState

    class Stability(dict[str, Any]):
        agreement: pd.DataFrame
        nodes: pd.DataFrame
        customers: pd.DataFrame
        reference: Pipeline
        others: list[Pipeline]


SCHEMES = ("seed", "bootstrap", "noise", "period")
NOISE = 0.2
"""Standard deviation of the factors that amounts are multiplied by under the scheme "noise"."""
FEWEST_FITTED, FEWEST_HELD_OUT = 20, 10
"""Two segments of the smallest size that the clusterer makes, and one of them held out."""


def segment_stability(
    pipeline: Estimator,
    X: TransactionLog | PanelLike,
    *,
    scheme: Literal["seed", "bootstrap", "noise", "period"] = "seed",
    n_repeats: int = 5,
    test_size: float = 0.2,
    random_state: RandomState = None,
    n_jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Stability:
    """Measure whether another fit puts held-out customers into the same segments.

    Some customers are held out. A reference is fitted on the others, and so are `n_repeats` other
    fits, which differ from the reference in one respect. Each other fit is compared with the
    reference on the customers held out of both.

    Parameters
    ----------
    pipeline : Pipeline that ends in a TrajectoryClusterer, or TrajectoryClusterer
        It is cloned, and may be fitted or not. A step in a FrozenEstimator is not fitted again.
    X : TransactionLog or panel
        Customers, as the pipeline takes them.
    scheme : {"seed", "bootstrap", "noise", "period"}, default="seed"
        How another fit differs from the reference.

        - "seed": every step has another seed.
        - "bootstrap": the customers of the fit are drawn with replacement.
        - "noise": the amounts are multiplied by draws from a normal distribution around 1 with a
          standard deviation of 0.2, or by 0 where a draw is negative. Where shares sum to 1, they
          still do.
        - "period": one period is left out, the last in the first of the other fits, the one before
          it in the second, and so on. It is also left out of the held-out customers.
    n_repeats : int, default=5
        Number of other fits; under "period" at most the number of periods.
    test_size : float or int, default=0.2
        Share or number of customers held out.
    random_state : int, RandomState instance or None, default=None
        Draws the held-out customers, and what differs between the fits. The seeds of the reference
        are those of the pipeline; where it has none, they are drawn, too.
    n_jobs : int, default=None
        Number of fits at once, as everywhere in scikit-learn. It changes no figure.
    progress : callable, default=None
        Called after each fit with the number of finished fits and the number of all fits.

    Returns
    -------
    stability : Bunch
        agreement : DataFrame, rows "top", "leaves" and "inside"
            The top level, the leaves, and the leaves inside the top segments that both fits share.
            ``ari`` is the adjusted Rand index of held-out customers, see
            :func:`~skspend.metrics.tree_agreement`: the mean over the other fits, with its 95 %
            interval ``low`` to ``high``; NaN if neither fit divides the customers. ``same`` is the
            share of held-out customers in the matching segment, NaN for "inside". ``fits`` is the
            number of other fits, and ``held_out`` that of held-out customers.
        nodes : DataFrame, one row per segment of the reference
            ``node``, ``parent`` and ``depth`` as in its ``tree_``; ``held_out``, the number of
            held-out members; ``jaccard``, the mean Jaccard coefficient with the best match in
            another fit, and its interval ``low`` to ``high``; NaN without held-out members;
            ``stable``, the node itself if its coefficient and those of all segments above it are
            0.75 or more, else the stable node of its parent; that of the root is 0, the root.
        customers : DataFrame, one row per held-out customer
            ``top`` and ``leaf``: the share of the other fits that put the customer into the
            matching segment of the top level, and into the matching leaf; NaN if the reference has
            a single segment. The index is that of a frame, the customers of a log, or the row.
        reference : Pipeline
            The reference, without a first step that makes the panel.
        others : list of Pipeline
            The other fits.

    Raises
    ------
    TypeError
        If the pipeline does not end in a TrajectoryClusterer.
    ValueError
        If fewer than 20 customers are fitted or fewer than 10 are held out, no step has a seed to
        change, there is only one period to leave out, or another parameter is out of its range.

    See Also
    --------
    skspend.metrics.temporal_stability : Whether customers stay in their segment over time.

    Notes
    -----
    Matches are found among the customers of the fit, and judged on the held-out customers, so that
    a match by chance does not count. Customers count as in the same segment if segments are matched
    one to one, so that most customers agree. The best match of a single segment is the segment at
    any level of the other tree with the highest Jaccard coefficient: the number of customers in
    both divided by the number of customers in either. Hennig takes a segment below 0.5 as
    dissolved, and one above 0.75 as stable.

    Intervals are Student's, over the other fits. All of these are compared with the same reference,
    on the same customers, so the intervals do not include the choice of either. A first
    step that makes a panel from a log, such as SpendingAggregator, is fitted once. A tree
    that divides little agrees easily: look at the number of segments, too.

    References
    ----------
    Hennig (2007), Cluster-wise assessment of cluster stability, Computational Statistics & Data
    Analysis 52, and ``clusterboot`` in the R package fpc. Hubert & Arabie (1985), Comparing
    partitions, Journal of Classification 2, for the adjusted Rand index.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skspend import TrajectoryClusterer
    >>> from skspend.inspection import segment_stability
    >>> X, _ = make_blobs(300, centers=[[0, 0], [9, 0], [0, 9]], cluster_std=1, random_state=0)
    >>> clusterer = TrajectoryClusterer(max_depth=1, random_state=0)
    >>> stability = segment_stability(clusterer, X, scheme="bootstrap", random_state=0)
    >>> stability.agreement.loc["top", ["ari", "same", "fits", "held_out"]].tolist()
    [1.0, 1.0, 5.0, 60.0]
    >>> stability.nodes[["node", "jaccard"]]
       node  jaccard
    0     1      1.0
    1     2      1.0
    2     3      1.0
    """
    pipeline = _check(pipeline, scheme, n_repeats)
    random_state = check_random_state(random_state)
    names, panel, fitted, held_out, pipeline = _read(pipeline, X, test_size, random_state)
    n_periods = panel.cube.shape[1]
    if scheme == "period":
        if n_periods == 1:
            raise ValueError(
                "scheme='period' leaves out one period, but X has only 1. Choose another scheme, "
                "or pass X with two periods or more."
            )
        n_repeats = min(n_repeats, n_periods)
    reference = draw_seeds(pipeline, random_state, missing_only=True)
    fits = []
    for number in range(n_repeats):
        other = clone(reference)
        if scheme == "seed":
            other = draw_seeds(other, random_state)
        elif scheme == "period":
            known = dict.fromkeys(_parameters(other, "n_periods", given=True), n_periods - 1)
            other.set_params(**known)
        fits.append((scheme, other, number, random_state.randint(2**31 - 1)))
    tell = progress or (lambda done, total: None)
    reference, levels = _fit(panel, fitted, "reference", reference, 0, 0)
    tell(1, 1 + len(fits))
    compared = []
    # The reference has warned of the data. These classes of scikit-learn pass filters on.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parallel = Parallel(n_jobs=n_jobs, return_as="generator")
        for result in parallel(delayed(_fit)(panel, fitted, *fit) for fit in fits):
            compared.append(result)
            tell(1 + len(compared), 1 + len(fits))
    same = [find_same(levels, other, fitted, held_out) for _, other in compared]
    return Bunch(
        agreement=agree(levels[held_out], [other[held_out] for _, other in compared], same),
        nodes=judge_nodes(reference, levels, compared, fitted, held_out),
        customers=pd.DataFrame(
            np.mean(same, axis=0), index=names[held_out], columns=["top", "leaf"]
        ),
        reference=reference,
        others=[other for other, _ in compared],
    )


def _check(pipeline, scheme, n_repeats):
    last = pipeline.steps[-1][1] if isinstance(pipeline, Pipeline) else pipeline
    if not hasattr(last, "predict_levels"):
        raise TypeError(
            f"pipeline must end in a TrajectoryClusterer, got {type(last).__name__}. Stability is "
            f"about segments."
        )
    if scheme not in SCHEMES:
        raise ValueError(f"scheme={scheme!r}; expected one of {', '.join(map(repr, SCHEMES))}.")
    if not isinstance(n_repeats, Integral) or n_repeats < 1:
        raise ValueError(f"n_repeats={n_repeats}; expected 1 or more.")
    pipeline = clone(pipeline if isinstance(pipeline, Pipeline) else make_pipeline(pipeline))
    if scheme == "seed" and not _parameters(pipeline, "random_state"):
        raise ValueError(
            "No step of the pipeline has a random_state, so all fits would be the same. Choose "
            "another scheme."
        )
    return pipeline


def _read(pipeline, X, test_size, random_state):
    """Names of the customers, their panel, fitted and held-out rows, and steps after the panel."""
    n_customers = len(X)
    fitted, held_out = (
        np.sort(rows)
        for rows in train_test_split(
            np.arange(n_customers), test_size=test_size, random_state=random_state
        )
    )
    if len(fitted) < FEWEST_FITTED or len(held_out) < FEWEST_HELD_OUT:
        raise ValueError(
            f"X has {n_customers:,} customers, of which {len(fitted):,} are fitted and "
            f"{len(held_out):,} are held out. At least {FEWEST_FITTED} and {FEWEST_HELD_OUT} are "
            f"needed: pass more customers, or change test_size."
        )
    names = name_customers(X)
    if isinstance(X, TransactionLog) or isinstance(pipeline[0], SpendingAggregator):
        X = pipeline[0].fit(_safe_indexing(X, fitted)).transform(X)
        pipeline = pipeline[1:]
    given = _parameters(pipeline, "n_periods", given=True)
    panel = Panel.read(X, pipeline.get_params()[given[0]] if given else None)
    return names, panel, fitted, held_out, pipeline


def name_customers(X):
    """The customers of a log, the index of a frame, or numbers from 0."""
    if isinstance(X, TransactionLog):
        return pd.Index(X.customers)
    return X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(len(X))


def _parameters(pipeline, name, *, given=False):
    """The parameters of all steps with a name, or those of them that are not None."""
    return [
        key
        for key, value in pipeline.get_params().items()
        if key.rpartition("__")[2] == name and not (given and value is None)
    ]


def draw_seeds(pipeline, random_state, *, missing_only=False):
    """Draw the seed of every step, or of every step without one."""
    now = pipeline.get_params()
    seeds = {
        name: random_state.randint(2**31 - 1)
        for name in sorted(_parameters(pipeline, "random_state"))
        if not (missing_only and isinstance(now[name], Integral))
    }
    return pipeline.set_params(**seeds)


def _fit(panel, fitted, scheme, pipeline, number, seed):
    """Fit a pipeline on what a scheme makes of the fitted customers; return it and all levels."""
    cube = panel.cube
    if scheme == "period":
        cube = np.delete(cube, -1 - number, axis=1)
    own, random_state = cube[fitted], np.random.RandomState(seed)
    if scheme == "bootstrap":
        own = own[random_state.randint(len(own), size=len(own))]
    elif scheme == "noise":
        own = add_noise(own, NOISE, random_state)
    with one_thread():
        pipeline.fit(_frame(own, panel))
        return pipeline, place(pipeline, _frame(cube, panel))


def _frame(cube, panel):
    return make_frame(Panel(cube, panel.period, panel.features))


def place(pipeline: Pipeline, X: PanelLike) -> Integers:
    """Nodes of customers in a fitted pipeline at every level, shape (n_customers, depth)."""
    X = pipeline[:-1].transform(X) if len(pipeline) > 1 else X
    return pipeline[-1].predict_levels(X)


def add_noise(cube: Floats, noise: float, random_state: np.random.RandomState) -> Floats:
    """Multiply amounts by draws from a normal distribution around 1, or by 0 if one is negative.

    `cube` has shape (n_customers, n_periods, n_categories), and `noise` is the standard deviation.
    If every customer's absolute values sum to 1 or 0 in every period, the sums stay the same.
    """
    totals = np.abs(cube).sum(axis=2, keepdims=True, dtype=np.float64)
    noisy = cube * np.maximum(0, 1 + noise * random_state.normal(size=cube.shape))
    # Sums of some hundred shares of single precision are this close to 1.
    if (np.isclose(totals, 1, atol=1e-4) | (totals == 0)).all():
        after = np.abs(noisy).sum(axis=2, keepdims=True, dtype=np.float64)
        noisy *= np.divide(totals, after, out=np.ones_like(after), where=after > 0)
    return noisy
