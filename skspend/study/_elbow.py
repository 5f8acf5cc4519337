"""How many units a network needs: the paper's own protocol for its four networks.

A panel comes in; out come the scores of networks of one to eight units on customers not seen, and
the point of diminishing returns of each. Maree & Omlin (2021), sections III-A and IV-A.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING

import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import train_test_split

from ..extraction import FeedForwardExtractor, LSTMStateExtractor
from ..model_selection import elbow, elbow_curve
from ._data import read_data, warn_of_coverage
from ._tasks import draw_seeds, run_tasks

if TYPE_CHECKING:
    from joblib import Memory

    from .._utils._typing import Estimator, FilePath, PanelLike, RandomState
    from ..transactions import TransactionLog


def paper_networks() -> dict[str, Estimator]:
    """The four networks of section III-C, unfitted, by name; without noise and penalties."""
    return {
        "feed-forward predictor": FeedForwardExtractor(state_noise=0),
        "recurrent predictor": LSTMStateExtractor(state_noise=0, step_penalty=0),
        "feed-forward autoencoder": FeedForwardExtractor(objective="reconstruct"),
        "recurrent autoencoder": LSTMStateExtractor(objective="reconstruct"),
    }


def elbow_study(
    X: TransactionLog | PanelLike,
    *,
    spend: Estimator | None = None,
    scorer: Estimator | None = None,
    units: Sequence[int] = range(1, 9),
    networks: Mapping[str, Estimator] | None = None,
    repetitions: int = 20,
    test_size: float = 0.2,
    n_jobs: int | None = None,
    memory: FilePath | Memory | None = None,
    progress: Callable[[int, int], None] | None = None,
    random_state: RandomState = 0,
) -> pd.DataFrame:
    """Score networks of different sizes on customers they have not seen.

    Parameters
    ----------
    X : TransactionLog, long frame, or panel
        Shares of spending or income.
        A panel has shape (n_customers, n_periods * n_categories), or three dimensions.
    spend : SpendingAggregator, default=None
        Makes the panel, if X is a log or a long frame; a log alone is aggregated by years.
    scorer : BigFivePersonalityScorer, default=None
        Computes type and scores from X, for all networks. By default each network's own.
    units : iterable of int, default=range(1, 9)
        The numbers of units that are tried.
    networks : dict of str to extractor, default=None
        Unfitted, by name; their ``n_units``, ``scorer`` and ``random_state`` are set, all else is
        theirs, as how long they are trained. By default the paper's four: a feed-forward and a
        recurrent predictor of the type, both without noise and penalties, and the autoencoders.
    repetitions : int, default=20
        How often customers are divided anew.
    test_size : float, default=0.2
        Share of the customers that a network is scored on, and has not seen.
    n_jobs, memory, progress : see :func:`skspend.study._tasks.run_tasks`
        There is a task for each network, number of units and repetition.
    random_state : int, RandomState instance or None, default=0
        Draws a seed for each repetition, which divides the customers, alike for all networks and
        units, and trains. More repetitions are the same ones and some more.

    Returns
    -------
    results : DataFrame, shape (n_networks * n_units * repetitions, 4)
        A row for each fit: ``network``, ``units``, ``repetition`` (from 0) and ``score``, the
        extractor's own: accuracy of the type, or R2 of an autoencoder over all cells. Feed-forward
        networks are scored on single periods.

    Raises
    ------
    ValueError
        If there are no networks, units or repetitions, or units are not whole numbers from 1; if a
        network cannot be sized, or learns ``"y"``; as the extractors do.

    See Also
    --------
    elbow_table : The curves and their elbows.
    skspend.model_selection.elbow : The rule, for a search of one's own.

    References
    ----------
    Maree & Omlin (2021), section III-A: "training (80%) and validation (20%) sets [...] 20
    experiments"; section III-C, the networks; section IV-A, three units by the elbow method.

    Examples
    --------
    >>> from skspend import BigFivePersonalityScorer, LSTMStateExtractor
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(n_customers=200, n_periods=3, n_categories=12, random_state=0)
    >>> results = elbow_study(
    ...     bank.data,
    ...     scorer=BigFivePersonalityScorer(bank.coefficients),
    ...     units=[1, 2],
    ...     networks={"recurrent": LSTMStateExtractor(epochs=5, n_init=1)},
    ...     repetitions=2,
    ... )
    >>> results[["network", "units", "repetition"]]
         network  units  repetition
    0  recurrent      1           0
    1  recurrent      1           1
    2  recurrent      2           0
    3  recurrent      2           1
    """
    networks = paper_networks() if networks is None else networks
    units = list(units)
    _check(networks, units)
    seeds = draw_seeds(random_state, repetitions)
    panel = read_data(X, spend)
    warn_of_coverage(scorer, panel)
    if scorer is not None:
        networks = {name: clone(made).set_params(scorer=scorer) for name, made in networks.items()}
    cases = [
        (name, n_units, repetition)
        for name in networks
        for n_units in units
        for repetition in range(repetitions)
    ]
    tasks = [
        {
            "extractor": networks[name],
            "n_units": int(n_units),
            "test_size": test_size,
            "seed": seeds[repetition],
        }
        for name, n_units, repetition in cases
    ]
    scores = run_tasks(_score, panel, tasks, n_jobs=n_jobs, memory=memory, progress=progress)
    return pd.DataFrame(cases, columns=["network", "units", "repetition"]).assign(score=scores)


def _check(networks, units):
    if not networks:
        raise ValueError("networks= is empty. Name at least one extractor.")
    for name, extractor in networks.items():
        if "n_units" not in getattr(extractor, "get_params", dict)():
            raise ValueError(
                f"Network {name!r} is {extractor!r}, which has no n_units. Pass an extractor."
            )
        if extractor.objective == "y":
            raise ValueError(
                f"Network {name!r} has objective='y', but a panel has no labels. Choose 'type', "
                f"'scores' or 'reconstruct'."
            )
    wrong = [n for n in units if not isinstance(n, Integral) or n < 1]
    if wrong or not units:
        raise ValueError(f"units must be whole numbers from 1, at least one, got {units}.")


def _score(panel, extractor, n_units, test_size, seed):
    """Train on some customers, and score on the others."""
    known, unknown = train_test_split(panel, test_size=test_size, random_state=seed)
    extractor = clone(extractor).set_params(n_units=n_units, random_state=seed)
    return float(extractor.fit(known).score(unknown))


def elbow_table(results: pd.DataFrame) -> pd.DataFrame:
    """The curve of each network over its units, with 95 % intervals and the elbow.

    Parameters
    ----------
    results : DataFrame
        What :func:`elbow_study` returns, or a frame with its columns.

    Returns
    -------
    table : DataFrame
        A row for each network and number of units, in the order of the networks: ``network``,
        ``units``, ``score`` (mean over the repetitions), ``low`` and ``high`` (95 % interval by
        Student's t over the repetitions; NaN for one alone), and ``is_elbow``, true for one row of
        each network: the choice of :func:`skspend.model_selection.elbow`.

    Raises
    ------
    ValueError
        If a column is missing, or a network has not one score for each of its units and
        repetitions.

    Notes
    -----
    Repetitions share customers, so that the intervals are somewhat too narrow.

    References
    ----------
    Maree & Omlin (2021), sections III-A (confidence intervals) and IV-A (the elbow method).

    Examples
    --------
    >>> import pandas as pd
    >>> scores = [0.30, 0.31, 0.50, 0.51, 0.68, 0.69, 0.70, 0.71, 0.71, 0.70]
    >>> results = pd.DataFrame({
    ...     "network": "recurrent",
    ...     "units": [1, 1, 2, 2, 3, 3, 4, 4, 5, 5],
    ...     "repetition": [0, 1] * 5,
    ...     "score": scores,
    ... })
    >>> table = elbow_table(results)
    >>> table.loc[table["is_elbow"], ["network", "units", "score"]]
         network  units  score
    2  recurrent      3  0.685
    """
    missing = [name for name in ("network", "units", "repetition", "score") if name not in results]
    if missing:
        raise ValueError(f"results has no column {missing}. Pass what elbow_study returns.")
    parts = [_curve(name, part) for name, part in results.groupby("network", sort=False)]
    return pd.concat(parts, ignore_index=True)


def _curve(network, results):
    """The rows of one network."""
    if results.duplicated(["units", "repetition"]).any():
        raise ValueError(
            f"Network {network!r} has several scores for one number of units and repetition. Give "
            f"each of several studies its own names of networks."
        )
    scores = results.pivot(index="units", columns="repetition", values="score")
    if scores.isna().any(axis=None):
        raise ValueError(
            f"Network {network!r} lacks {int(scores.isna().sum().sum())} scores of "
            f"{scores.size}, for {len(scores)} numbers of units and {scores.shape[1]} repetitions."
        )
    # In the form of a search, so that the rule and the curve are those of every other search.
    cv_results = {"param_n_units": scores.index.to_numpy()} | {
        f"split{split}_test_score": values.to_numpy()
        for split, (_, values) in enumerate(scores.items())
    }
    curve = elbow_curve(cv_results, "n_units")
    return pd.DataFrame(
        {
            "network": network,
            "units": curve["value"].astype(int),
            "score": curve["score"],
            "low": curve["low"],
            "high": curve["high"],
            "is_elbow": curve["candidate"] == elbow("n_units")(cv_results),
        }
    )
