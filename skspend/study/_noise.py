"""How many customers change their segment when noise and outliers are added to the data."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils import check_random_state

from ..clustering import TrajectoryClusterer
from ..extraction import LSTMStateExtractor
from ..inspection._stability import add_noise
from ..metrics._trees import match_labels
from ..panel import Panel
from ..personality import BigFivePersonalityScorer
from ._states import MeanScores, TypeSegments, check_transformer, complete, read_data
from ._tasks import How, Runner, part_of

if TYPE_CHECKING:
    from .._utils._typing import Estimator, PanelLike, RandomState
    from ..transactions import TransactionLog


def noise_study(
    X: TransactionLog | PanelLike,
    *,
    spend: Estimator | None = None,
    scorer: Estimator | None = None,
    extractor: Estimator = None,
    noise: float | Sequence[float] = (0.1, 0.2, 0.5),
    outliers: float | Sequence[float] = (0.0, 0.05),
    repetitions: int = 3,
    **how: Unpack[How],
) -> pd.DataFrame:
    """Count the customers whose top-level segment changes when the data are disturbed.

    Parameters
    ----------
    X, spend
        See :func:`elbow_study`; a panel may also have amounts.
    scorer : BigFivePersonalityScorer, default=None
        Computes scores and types from X; default ``BigFivePersonalityScorer()``.
    extractor : transformer, default=None
        Unfitted, from panels to panels of states; default ``LSTMStateExtractor()``. A
        ``scorer`` or ``random_state`` of None becomes that of the study.
    noise : float or sequence of float, default=(0.1, 0.2, 0.5)
        Standard deviations of the factors that amounts are multiplied by, see :func:`disturb`.
    outliers : float or sequence of float, default=(0.0, 0.05)
        Numbers of customers without habits who are added, as shares of the customers of X.
    repetitions : int, default=3
        How often everything is done, each time with another seed for network, tree and
        disturbance. The draws of a repetition are the same for all noise and outliers.
    **how : n_jobs, memory, progress, random_state
        See :class:`How`. There is a task for each repetition, and one for each disturbance in it.

    Returns
    -------
    study : DataFrame
        A row for each ``noise``, share of ``outliers``, ``repetition`` and what is ``kept``:

        - "model": network and tree are used as they are;
        - "network": a new tree is fitted on the trajectories of the same network;
        - "nothing": network and tree are fitted again, with the same seed;
        - "scores": the baseline without a network, the type of the mean scores of all periods.
          The scale of the undisturbed scores is used as it is.

        ``changed`` is the share of the customers of X whose top-level segment is not the one
        before, after segments are matched so that most customers stay.

    Raises
    ------
    ValueError
        If X is not a panel, noise or outliers are negative or none are given, or `repetitions` is
        not a positive integer.
    TypeError
        If X is a raw table of transactions, or the extractor is not a transformer.

    References
    ----------
    Maree & Omlin (2021), section IV-A: segments are stable against "the natural inconsistency of
    spending". Kuhn (1955), The Hungarian method for the assignment
    problem, Naval Research Logistics Quarterly 2, for the matching.

    Examples
    --------
    >>> from skspend import BigFivePersonalityScorer, LSTMStateExtractor
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(200, 3, 12, random_state=0)
    >>> models = {"extractor": LSTMStateExtractor.paper(2, epochs=2)}
    >>> models["scorer"] = BigFivePersonalityScorer(bank.coefficients)
    >>> study = noise_study(bank.data, noise=0, outliers=0, repetitions=1, **models)
    >>> study[["kept", "changed"]]
          kept  changed
    0    model      0.0
    1  network      0.0
    2  nothing      0.0
    3   scores      0.0
    """
    runner = Runner(**how)
    panel = read_data(X, spend)
    noise, outliers = _check_sizes("noise", noise), _check_sizes("outliers", outliers)
    scorer = BigFivePersonalityScorer() if scorer is None else scorer
    extractor = LSTMStateExtractor() if extractor is None else extractor
    check_transformer("extractor", extractor)
    seeds = runner.draw_seeds(repetitions)
    fits = [{"seed": seed} for seed in seeds]
    disturbances = [
        {"noise": some, "outliers": share, "repetition": repetition, "seed": seed}
        for some, share in product(noise, outliers)
        for repetition, seed in enumerate(seeds)
    ]
    clone(scorer).fit(panel)  # This warns once of little coverage; tasks do not.
    before, later = (
        replace(runner, progress=part_of(runner.progress, start, len(fits + disturbances)))
        for start in (0, len(fits))
    )
    models = before.run_tasks(_fit, (panel, scorer, extractor), fits)
    found = later.run_tasks(_disturb_and_count, (panel, models), disturbances)
    return pd.DataFrame([row for rows in found for row in rows])


def disturb(
    X: PanelLike, *, noise: float = 0.0, outliers: float = 0.0, random_state: RandomState = None
) -> pd.DataFrame:
    """Add noise to a panel, and rows of customers without habits below it.

    Parameters
    ----------
    X : panel, shape (n_customers, n_periods * n_categories)
        Or an array with three dimensions.
    noise : float, default=0.0
        Each amount is multiplied by a draw from a normal distribution around 1 with this standard
        deviation, or by 0 where the draw is negative. Zeros stay zeros.
    outliers : float, default=0.0
        Number of added customers, as a share of the customers of X. In each period they spend the
        median spending of that period on a single category, which is drawn for each period.
    random_state : int, RandomState instance or None, default=None
        Draws noise and outliers; with an int, the noise is the same for any `outliers`.

    Returns
    -------
    disturbed : DataFrame, shape (n_customers + n_outliers, n_periods * n_categories)
        In the precision of X.

    Notes
    -----
    If the spending of each customer sums to 1 or 0 in each period, X holds shares of spending.
    Their sums stay the same, so that the result is the shares of the disturbed amounts. Amounts and
    shares of income have no sum to keep: there, noise changes the sums as well. Refunds count by
    their absolute size, as in ``SpendingAggregator``.

    Examples
    --------
    >>> shares = pd.DataFrame({"year1|pets": [0.5, 1.0], "year1|books": [0.5, 0.0]})
    >>> disturb(shares, noise=0.1, outliers=0.5, random_state=0).round(2)
       year1|pets  year1|books
    0        0.53         0.47
    1        1.00         0.00
    2        0.00         1.00
    """
    panel = read_data(X)
    # Sums over another layout of memory differ in their last bits.
    cube = np.ascontiguousarray(Panel.read(panel).cube)
    random_state = check_random_state(random_state)
    totals = np.abs(cube).sum(axis=2, keepdims=True, dtype=np.float64)
    noisy = add_noise(cube, noise, random_state)
    n_outliers = round(outliers * len(cube))
    added = np.zeros((n_outliers, *cube.shape[1:]))
    chosen = random_state.randint(cube.shape[2], size=(n_outliers, cube.shape[1], 1))
    np.put_along_axis(added, chosen, np.median(totals, axis=0)[None], axis=2)
    disturbed = np.concatenate([noisy, added]).astype(cube.dtype)
    return pd.DataFrame(Panel(disturbed).table, columns=panel.columns)


def _fit(start, *, seed):
    # Models are pickled, because one that was stored and read has another hash in joblib's memory.
    panel, scorer, extractor = start
    tree = TrajectoryClusterer(max_depth=1, random_state=seed)
    states = make_pipeline(complete(extractor, scorer, seed), tree).fit(panel)
    scores = make_pipeline(MeanScores(scorer), TypeSegments()).fit(panel)
    return pickle.dumps((states, scores, states.predict(panel), scores.predict(panel)))


def _disturb_and_count(before, *, noise, outliers, repetition, seed):
    panel, models = before
    states, scores, segments, segments_by_scores = pickle.loads(models[repetition])
    disturbed = disturb(panel, noise=noise, outliers=outliers, random_state=seed)
    trajectories = states[:-1].transform(disturbed)
    again = clone(states).fit(disturbed)
    changed = {
        "model": _changed(segments, states[-1].predict(trajectories)),
        "network": _changed(segments, clone(states[-1]).fit_predict(trajectories)),
        "nothing": _changed(segments, again.predict(disturbed)),
        "scores": _changed(segments_by_scores, scores.predict(disturbed)),
    }
    row = {"noise": noise, "outliers": outliers, "repetition": repetition}
    return [row | {"kept": kept, "changed": share} for kept, share in changed.items()]


def _changed(before, after):
    """Return the share of the first customers in another segment, once segments are matched."""
    after = after[: len(before)]
    stay = pd.Series(before).map(match_labels(before, after)) == after
    return 1 - stay.sum() / len(before)


def _check_sizes(name, sizes):
    sizes = np.atleast_1d(np.asarray(sizes, dtype=float)).tolist()
    wrong = [size for size in sizes if not 0 <= size < np.inf] if sizes else ["none"]
    if wrong:
        expected = "one or more finite numbers of at least 0"
        raise ValueError(f"{name} must be {expected}, got {wrong[0]}.")
    return sizes
