"""How many units a network needs, by the protocol of the paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from numbers import Integral
from typing import TYPE_CHECKING, Unpack

import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import train_test_split

from ..model_selection import elbow, elbow_curve
from ._states import paper_networks, read_data
from ._tasks import How, Runner

if TYPE_CHECKING:
    from .._utils._typing import Estimator, PanelLike
    from ..transactions import TransactionLog


def elbow_study(
    X: TransactionLog | PanelLike,
    *,
    spend: Estimator | None = None,
    scorer: Estimator | None = None,
    units: Sequence[int] = range(1, 9),
    networks: Mapping[str, Estimator] | None = None,
    repetitions: int = 20,
    test_size: float = 0.2,
    **how: Unpack[How],
) -> pd.DataFrame:
    """Score networks of different sizes on held-out customers.

    Parameters
    ----------
    X : TransactionLog or panel, shape (n_customers, n_periods * n_categories)
        Shares of spending or of income. A panel may have three dimensions.
    spend : SpendingAggregator, default=None
        Makes the panel of a log; default ``SpendingAggregator()``.
    scorer : BigFivePersonalityScorer, default=None
        Computes type and scores from X for all networks. By default each network has its own.
    units : sequence of int, default=range(1, 9)
        Numbers of units to try.
    networks : dict of str to extractor, default=None
        Unfitted networks by name, whose ``n_units``, ``scorer`` and ``random_state`` are set. By
        default those of :func:`paper_networks`.
    repetitions : int, default=20
        How often the customers are divided anew.
    test_size : float, default=0.2
        Share of the customers that are held out.
    **how : n_jobs, memory, progress, random_state
        See :class:`How`. There is a task for each network, number of units and repetition. Each
        repetition has its own seed, with which customers are divided and networks are trained; the
        first seeds stay the same if there are more repetitions.

    Returns
    -------
    results : DataFrame, shape (n_networks * n_units * repetitions, 4)
        A row for each fit: ``network``, ``units``, ``repetition`` (from 0) and ``score``, the
        extractor's own: accuracy of the type, or R2 of an autoencoder over all cells. Feed-forward
        networks are scored on single periods.

    Raises
    ------
    ValueError
        If there are no networks, units or repetitions, or units are not positive integers; if a
        network has no ``n_units``, or its objective is ``"y"``; as the extractors do.

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
    ...     networks={"recurrent": LSTMStateExtractor.paper(epochs=5, n_init=1)},
    ...     repetitions=2,
    ... )
    >>> results.shape
    (4, 4)
    """
    runner = Runner(**how)
    if networks is None:
        networks = paper_networks()
    units = list(units)
    _check(networks, units)
    seeds = runner.draw_seeds(repetitions)
    panel = read_data(X, spend)
    if scorer is not None:
        clone(scorer).fit(panel)  # This warns once of little coverage; tasks do not.
        networks = {name: clone(made).set_params(scorer=scorer) for name, made in networks.items()}
    cases = list(product(networks, units, range(repetitions)))
    tasks = [
        {"extractor": networks[name], "n_units": int(n), "test_size": test_size, "seed": seeds[one]}
        for name, n, one in cases
    ]
    scores = runner.run_tasks(_score, panel, tasks)
    return pd.DataFrame(cases, columns=["network", "units", "repetition"]).assign(score=scores)


def _check(networks, units):
    if not networks:
        raise ValueError("networks is empty. Pass at least one extractor by name.")
    for name, extractor in networks.items():
        if "n_units" not in getattr(extractor, "get_params", dict)():
            raise ValueError(
                f"networks[{name!r}] is {extractor!r}, which has no n_units. Pass an extractor."
            )
        if extractor.objective == "y":
            raise ValueError(
                f"networks[{name!r}] has objective='y', but a panel has no labels. Choose 'type', "
                f"'scores' or 'reconstruct'."
            )
    wrong = [n for n in units if not isinstance(n, Integral) or n < 1]
    if wrong or not units:
        raise ValueError(f"units must be one or more positive integers, got {units}.")


def _score(panel, extractor, n_units, test_size, seed):
    fitted, held_out = train_test_split(panel, test_size=test_size, random_state=seed)
    extractor = clone(extractor).set_params(n_units=n_units, random_state=seed)
    return float(extractor.fit(fitted).score(held_out))


def elbow_table(results: pd.DataFrame) -> pd.DataFrame:
    """Summarise an elbow study: a curve for each network, its 95 % intervals and its elbow.

    Parameters
    ----------
    results : DataFrame
        What :func:`elbow_study` returns, or a frame with its columns.

    Returns
    -------
    table : DataFrame
        A row for each network and number of units, in the order of the networks: ``network``,
        ``units``, ``score`` (mean over the repetitions), ``low`` and ``high`` (95 % interval by
        Student's t over the repetitions; NaN for a single one), and ``is_elbow``, true in the row
        that :func:`skspend.model_selection.elbow` chooses for the network.

    Raises
    ------
    ValueError
        If a column is missing, or a network does not have one score for each of its numbers of
        units and repetitions.

    Notes
    -----
    Repetitions share customers, so the intervals are somewhat too narrow.

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
    if results.duplicated(["units", "repetition"]).any():
        raise ValueError(
            f"Network {network!r} has several scores for one number of units and repetition. Pass "
            f"one study, or give the networks of each study their own names."
        )
    scores = results.pivot(index="units", columns="repetition", values="score")
    if n_missing := int(scores.isna().sum().sum()):
        raise ValueError(
            f"Network {network!r} lacks {n_missing} of {scores.size} scores, for {len(scores)} "
            f"numbers of units and {scores.shape[1]} repetitions. Pass all rows of the study."
        )
    # In the form of a search, so that rule and curve are those of every other search.
    cv_results = {"param_n_units": scores.index.to_numpy()}
    for split, values in enumerate(scores.to_numpy().T):
        cv_results[f"split{split}_test_score"] = values
    curve = elbow_curve(cv_results, "n_units").rename(columns={"value": "units"})
    curve["is_elbow"] = curve["candidate"] == elbow("n_units")(cv_results)
    curve = curve.assign(network=network, units=curve["units"].astype(int))
    return curve[["network", "units", "score", "low", "high", "is_elbow"]]
