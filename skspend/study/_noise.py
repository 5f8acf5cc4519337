"""How many customers change their segment when the data are disturbed?

A panel comes in, and is disturbed by noise and by customers of no habit. Out comes the share of
customers who land in another segment, by how much of the model is kept. Maree & Omlin (2021),
section IV-A, hold the segments to be stable against "the natural inconsistency of spending".
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.base import clone
from sklearn.metrics.cluster import contingency_matrix
from sklearn.pipeline import make_pipeline
from sklearn.utils import check_random_state

from ..clustering import TrajectoryClusterer
from ..extraction import LSTMStateExtractor
from ..panel import Panel, unfold
from ..personality import BigFivePersonalityScorer
from ._data import read_data, warn_of_coverage
from ._tasks import draw_seeds, run_tasks
from ._trajectories import TenMeans, check_transformer, complete, mean_scores

if TYPE_CHECKING:
    from joblib import Memory

    from .._utils._typing import Estimator, FilePath, PanelLike, RandomState
    from ..transactions import TransactionLog

SHARES_TOLERANCE = 1e-4
"""Sums of some hundred shares of single precision are this near to 1."""


def noise_study(
    X: TransactionLog | PanelLike,
    *,
    spend: Estimator | None = None,
    scorer: Estimator | None = None,
    n_units: int = 3,
    extractor: Estimator = None,
    noise: Sequence[float] = (0.1, 0.2, 0.5),
    outliers: Sequence[float] = (0.0, 0.05),
    repetitions: int = 3,
    n_jobs: int | None = None,
    memory: FilePath | Memory | None = None,
    progress: Callable[[int, int], None] | None = None,
    random_state: RandomState = 0,
) -> pd.DataFrame:
    """Count who changes the top-level segment when the data are disturbed.

    Parameters
    ----------
    X : TransactionLog, long frame, or panel
        Amounts, or shares of spending or income.
        A panel has shape (n_customers, n_periods * n_categories), or three dimensions.
    spend : SpendingAggregator, default=None
        Makes the panel, if X is a log or a long frame; a log alone is aggregated by years.
    scorer : BigFivePersonalityScorer, default=None
        Computes scores and types from X; default ``BigFivePersonalityScorer()``. It is cloned.
    n_units : int, default=3
        Dimensions of the states.
    extractor : transformer, default=None
        Unfitted, from panels to panels of states; default ``LSTMStateExtractor(n_units)``. A
        ``scorer`` and a ``random_state`` that is None becomes that of the study.
    noise : sequence of float, default=(0.1, 0.2, 0.5)
        Standard deviations of what every amount is multiplied by, see :func:`disturb`.
    outliers : sequence of float, default=(0.0, 0.05)
        Numbers of customers of no habit who join, in shares of the customers there are.
    repetitions : int, default=3
        How often all is done. Each time has a seed of its own, for network, tree and disturbance.
    n_jobs : int, default=None
        Fits at once, as everywhere in scikit-learn. It changes no figure.
    memory : str or joblib.Memory, default=None
        Where results are kept, so that a study that was interrupted goes on where it stopped.
    progress : callable, default=None
        Called with the number of tasks that are done and the number of all, after each: a task for
        each repetition, and one for each disturbance in it.
    random_state : int, RandomState instance or None, default=0
        Draws the seed of each repetition. With None nothing is found again in `memory`.

    Returns
    -------
    study : DataFrame
        A row for each ``noise``, share of ``outliers``, ``repetition`` and what is ``kept``:

        - "model": network and tree are used as they are;
        - "network": the tree is grown anew on the trajectories of the same network;
        - "nothing": network and tree are made anew, with the same seed;
        - "scores": the baseline without a network; k-means with ten clusters, fitted before on the
          mean scores of all periods, is used as it is.

        ``changed`` is the share of the customers of X who are in another top-level segment than
        before, once segments are matched by the assignment that keeps most in place.

    Raises
    ------
    ValueError
        If X is no panel, noise or outliers are negative or none are given, or `repetitions` is no
        positive integer.
    TypeError
        If the extractor cannot fit and transform.

    See Also
    --------
    skspend.study.trajectory_study : What the segments are worth.

    Notes
    -----
    The same draws are used for all noise and outliers of a repetition, so that they differ in
    nothing else.

    References
    ----------
    Maree & Omlin (2021), section IV-A. Kuhn (1955), The Hungarian method for the assignment
    problem, Naval Research Logistics Quarterly 2, for the matching.

    Examples
    --------
    >>> from skspend import BigFivePersonalityScorer, LSTMStateExtractor
    >>> from skspend.datasets import make_spending
    >>> from skspend.study._noise import noise_study
    >>> bank = make_spending(200, 2, 12, random_state=0)
    >>> noise_study(
    ...     bank.data,
    ...     scorer=BigFivePersonalityScorer(bank.coefficients),
    ...     extractor=LSTMStateExtractor(2, epochs=2),
    ...     noise=[0],
    ...     outliers=[0],
    ...     repetitions=1,
    ... )
       noise  outliers  repetition     kept  changed
    0    0.0       0.0           0    model      0.0
    1    0.0       0.0           0  network      0.0
    2    0.0       0.0           0  nothing      0.0
    3    0.0       0.0           0   scores      0.0
    """
    panel = read_data(X, spend)
    noise, outliers = _check_sizes("noise", noise), _check_sizes("outliers", outliers)
    scorer = BigFivePersonalityScorer() if scorer is None else scorer
    extractor = LSTMStateExtractor(n_units) if extractor is None else extractor
    check_transformer("extractor", extractor)
    seeds = draw_seeds(random_state, repetitions)
    disturbances = [
        {"noise": some, "outliers": share, "repetition": repetition, "seed": seed}
        for some, share in product(noise, outliers)
        for repetition, seed in enumerate(seeds)
    ]
    warn_of_coverage(scorer, panel)
    n_tasks = len(seeds) + len(disturbances)
    models = run_tasks(
        _fit,
        _Start(panel, scorer, extractor),
        [{"seed": seed} for seed in seeds],
        n_jobs=n_jobs,
        memory=memory,
        progress=progress and (lambda done, _: progress(done, n_tasks)),
    )
    found = run_tasks(
        _disturb_and_count,
        _Before(panel, models),
        disturbances,
        n_jobs=n_jobs,
        memory=memory,
        progress=progress and (lambda done, _: progress(len(seeds) + done, n_tasks)),
    )
    return pd.DataFrame([row for rows in found for row in rows])


def disturb(
    X: PanelLike, *, noise: float = 0.0, outliers: float = 0.0, random_state: RandomState = None
) -> pd.DataFrame:
    """Put noise on a panel, and customers of no habit below it.

    Parameters
    ----------
    X : panel, shape (n_customers, n_periods * n_categories), or with three dimensions
        Amounts or shares.
    noise : float, default=0.0
        Each amount is multiplied by a draw from a normal distribution around 1 with this standard
        deviation, or by 0 where that is negative. Nothing stays nothing.
    outliers : float, default=0.0
        Number of further customers, as a share of those there are. In each period they spend on one
        category alone, which is drawn anew, what is the median spending of that period.
    random_state : int, RandomState instance or None, default=None
        Draws noise and outliers; with an int, the noise is the same for any `outliers`.

    Returns
    -------
    disturbed : DataFrame, shape (n_customers + n_outliers, n_periods * n_categories)
        In the precision of X.

    Notes
    -----
    Shares of spending sum to 1, and still do afterwards: where all periods of all customers have
    spending of 1 or none, each period keeps its total, so that the shares are those of disturbed
    amounts. Amounts, and shares of income, whose sums tell what is not spent, have no total to
    keep: there noise on the amounts is noise on the sums. Refunds count by their absolute size, as
    in ``SpendingAggregator``.

    Examples
    --------
    >>> from skspend.study._noise import disturb
    >>> shares = pd.DataFrame({"year1|pets": [0.5, 1.0], "year1|books": [0.5, 0.0]})
    >>> disturb(shares, noise=0.1, outliers=0.5, random_state=0).round(2)
       year1|pets  year1|books
    0        0.53         0.47
    1        1.00         0.00
    2        0.00         1.00
    """
    panel = read_data(X)
    # Sums over another layout of memory end in other bits.
    cube = np.ascontiguousarray(Panel.read(panel).cube)
    random_state = check_random_state(random_state)
    totals = _totals(cube)
    noisy = cube * np.maximum(0, 1 + noise * random_state.normal(size=cube.shape))
    if (np.isclose(totals, 1, atol=SHARES_TOLERANCE) | (totals == 0)).all():
        after = _totals(noisy)
        noisy *= np.divide(totals, after, out=np.ones_like(after), where=after > 0)
    n_outliers = round(outliers * len(cube))
    strange = np.zeros((n_outliers, *cube.shape[1:]))
    chosen = random_state.randint(cube.shape[2], size=(n_outliers, cube.shape[1], 1))
    spent = np.median(totals, axis=0)[None]
    np.put_along_axis(strange, chosen, spent, axis=2)
    disturbed = np.concatenate([noisy, strange]).astype(cube.dtype)
    return pd.DataFrame(unfold(disturbed), columns=panel.columns)


def _totals(cube):
    """Spending of each customer in each period, shape (n_customers, n_periods, 1)."""
    return np.abs(cube).sum(axis=2, keepdims=True, dtype=np.float64)


class _Start(NamedTuple):
    """What is fitted before anything is disturbed."""

    panel: pd.DataFrame
    scorer: Any
    extractor: Any


class _Model(NamedTuple):
    """Pipelines to top-level segments, fitted, and the segments."""

    states: Any
    scores: Any
    segments: np.ndarray
    segments_by_scores: np.ndarray


class _Before(NamedTuple):
    """What there is before the disturbances; a model for each repetition."""

    panel: pd.DataFrame
    models: list[bytes]
    """Pickled, as an object that was stored and read again has another hash in joblib's memory."""


def _fit(start, *, seed):
    extractor = complete(start.extractor, start.scorer, seed)
    tree = TrajectoryClusterer(max_depth=1, random_state=seed)
    states = make_pipeline(extractor, tree).fit(start.panel)
    scores = make_pipeline(mean_scores(start.scorer), TenMeans(seed)).fit(start.panel)
    segments, by_scores = states.predict(start.panel), scores.predict(start.panel)
    return pickle.dumps(_Model(states, scores, segments, by_scores))


def _disturb_and_count(before, *, noise, outliers, repetition, seed):
    """The rows of one disturbance in one repetition."""
    model = pickle.loads(before.models[repetition])
    disturbed = disturb(before.panel, noise=noise, outliers=outliers, random_state=seed)
    trajectories = model.states[:-1].transform(disturbed)
    anew = clone(model.states).fit(disturbed)
    after = {
        "model": model.states[-1].predict(trajectories),
        "network": clone(model.states[-1]).fit_predict(trajectories),
        "nothing": anew.predict(disturbed),
        "scores": model.scores.predict(disturbed),
    }
    what = {"noise": noise, "outliers": outliers, "repetition": repetition}
    return [
        what
        | {
            "kept": kept,
            "changed": _changed(
                model.segments_by_scores if kept == "scores" else model.segments,
                segments[: len(before.panel)],
            ),
        }
        for kept, segments in after.items()
    ]


def _changed(before, after):
    """Share of customers in another segment, once segments are matched."""
    table = contingency_matrix(before, after)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return 1 - table[rows, columns].sum() / len(before)


def _check_sizes(name, sizes):
    sizes = np.atleast_1d(np.asarray(sizes, dtype=float))
    wrong = sizes[~(np.isfinite(sizes) & (sizes >= 0))]
    if len(wrong) or not sizes.size:
        raise ValueError(
            f"{name} must be one or more numbers from 0, got "
            f"{wrong.tolist()[0] if len(wrong) else 'none'}."
        )
    return sizes.tolist()
