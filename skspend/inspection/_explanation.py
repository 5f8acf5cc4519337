"""A linear surrogate of an extractor: which spending moves the states, and how faithfully.

A fitted extractor and a panel come in; out come, for every state and period, the coefficients of a
linear model that reconstructs the state from the shares, and its accuracy for customers left out
of the fit. Maree & Omlin (2021), section V, leave this to future work, and did it in 2022.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.utils import Bunch, check_random_state

from .._utils._threads import one_thread
from ..panel import Panel

if TYPE_CHECKING:
    from typing import Any, Literal

    from .._utils._typing import Estimator, PanelLike, RandomState

    class Explanation(dict[str, Any]):
        fidelity: pd.DataFrame
        coefficients: pd.DataFrame
        candidates: pd.DataFrame
        regressors: Literal["mean", "period"]
        cap: float


CAPS = np.inf, 4.0
"""Largest regressors, in standard deviations. No cap suits linear networks; a cap suits states that
saturate, and categories that few customers buy."""
PENALTIES = np.logspace(-3, 5, 9)
FEWEST_CUSTOMERS = 20
"""With fewer customers nothing can be said of others."""
PERCENTILES = 2.5, 97.5


def explain_trajectories(
    extractor: Estimator, X: PanelLike, *, n_resamples: int = 400, random_state: RandomState = None
) -> Explanation:
    """Explain the states of an extractor by a linear model of the shares.

    For every period, a ridge regression reconstructs the states from one regressor per category
    that the extractor reads: the category's mean share over the periods so far, or its share in
    the period alone, whichever reconstructs the states of the last period better.

    Parameters
    ----------
    extractor : fitted transformer
        Such as LSTMStateExtractor or FeedForwardExtractor; its `transform` returns states, period
        by period, oldest first. Categories outside its ``support_``, if it has one, are no
        regressors.
    X : panel, shape (n_customers, n_periods * n_categories), or with three dimensions
        Shares of any customers, as `extractor` takes them.
    n_resamples : int, default=400
        Bootstrap resamples of the customers, for the intervals.
    random_state : int, RandomState instance or None, default=None
        Draws the resamples.

    Returns
    -------
    explanation : Bunch
        fidelity : DataFrame, one row per period and state
            ``period``, ``state``, ``r2``: the share of the state's variance that is reconstructed
            for customers left out of the fit, NaN for a state that never varies, ``low`` and
            ``high``: its 95 % interval, and ``alpha``: the penalty chosen.
        coefficients : DataFrame, one row per period, state and category
            ``period``, ``state``, ``category``, ``coefficient``: how much the state differs where
            the regressor is one standard deviation higher and the others are equal, 0 for a
            category that is not read, ``low`` and ``high``: its 95 % interval, and ``deviation``:
            that standard deviation, in the unit of X, which the interval takes as known.
        candidates : DataFrame, one row per kind of regressors
            ``regressors``, ``cap`` and ``r2``, the mean over the states of the last period.
        regressors : {"mean", "period"}
            The kind chosen: mean shares of the periods so far, or shares of the period.
        cap : float
            Standard deviations from the mean at which a regressor is cut.

    Raises
    ------
    ValueError
        If there are fewer than 20 customers, or the columns of X or of the trajectories do not
        divide into the periods.

    See Also
    --------
    skspend.plotting.ExplanationDisplay : Draws the explanation.
    segment_importance : What moves customers from one segment to another.

    Notes
    -----
    A reconstruction stays within the range of the state over the customers given. R2 is by
    leave-one-out, which ridge regression gives in closed form from the leverage :math:`h_i` of
    customer i: the residual without them is :math:`e_i / (1 - h_i)`. The penalty of every state
    minimises it. A bootstrap resample counts customer i :math:`w_i` times and moves the
    coefficients by :math:`\\sum_i (w_i - 1) (Z'Z + \\alpha I)^{-1} z_i e_i / (1 - h_i)`: one Newton
    step in place of a new fit (the score bootstrap), on leave-one-out residuals, which do not
    shrink where there are many categories. The intervals are of the penalised model, which shrinks
    the coefficients of rare or similar categories, and of one coefficient at a time.

    Measurements (``benchmarks/explanation.py``): mean shares so far reconstruct an LSTM's states
    best, shares of the period those of a feed-forward network. Square roots of the shares are
    better in three cases of ten, by up to .03 in R2, and logarithms in none.

    References
    ----------
    Maree & Omlin (2022), Understanding spending behavior: recurrent neural network explanation and
    interpretation, IEEE CIFEr: the linear reconstruction. Kline & Santos (2012), A score based
    approach to wild bootstrap inference, Journal of Econometric Methods 1. MacKinnon & White
    (1985), Journal of Econometrics 29: the leave-one-out residuals.

    Examples
    --------
    >>> from skspend import BigFivePersonalityScorer, LSTMStateExtractor
    >>> from skspend.datasets import make_spending
    >>> from skspend.inspection import explain_trajectories
    >>> bank = make_spending(1000, 3, 20, random_state=0)
    >>> scorer = BigFivePersonalityScorer(bank.coefficients)
    >>> extractor = LSTMStateExtractor(3, objective="scores", scorer=scorer, random_state=0)
    >>> explanation = explain_trajectories(extractor.fit(bank.data), bank.data, random_state=0)
    >>> explanation.regressors
    'mean'
    >>> explanation.fidelity.query("period == 'year3'")[["state", "r2"]].round(1)
        state   r2
    6  state0  1.0
    7  state1  1.0
    8  state2  1.0
    """
    panel, states, names = _panel_and_states(extractor, X)
    random_state = check_random_state(random_state)
    n_customers, n_periods, _ = panel.shape
    with one_thread():
        candidates, chosen = _choose_regressors(panel, states[:, -1])
        # Of every customer one more or fewer than in the data.
        chances = np.full(n_customers, 1 / n_customers)
        surplus = random_state.multinomial(n_customers, chances, n_resamples) - np.float64(1)
        parts = zip(
            *(_explain_period(panel, states, p, names, chosen, surplus) for p in range(n_periods)),
            strict=True,
        )
    fidelity, coefficients = (pd.concat(part, ignore_index=True) for part in parts)
    tables = {"fidelity": fidelity, "coefficients": coefficients, "candidates": candidates}
    return Bunch(**tables, regressors=chosen[0], cap=chosen[1])


def _panel_and_states(extractor, X):
    """Cubes of the shares and states, and names of the periods, categories and states."""
    read = Panel.read(X, getattr(extractor, "n_periods_", None))
    n_customers, n_periods, _ = read.cube.shape
    if n_customers < FEWEST_CUSTOMERS:
        raise ValueError(
            f"X has {n_customers} customers, but an explanation needs at least {FEWEST_CUSTOMERS}. "
            f"Pass more, such as those the extractor was fitted on."
        )
    found = Panel.read(extractor.transform(X), n_periods)
    states = found.cube
    names = found.features if found.is_named else [f"state{k}" for k in range(states.shape[2])]
    if len(states) != n_customers or states.shape[1] != n_periods:
        raise ValueError(
            f"{type(extractor).__name__} returns {len(states)} trajectories of {states.shape[1]} "
            f"periods for {n_customers} customers and {n_periods} periods. Pass an extractor that "
            f"returns states for every customer and period."
        )
    periods = [f"{read.period or 'period'}{position}" for position in range(1, n_periods + 1)]
    # A category that is not read becomes a constant, which is no regressor.
    panel = read.cube * getattr(extractor, "support_", np.True_)
    return panel.astype(np.float64), states.astype(np.float64), (periods, read.features, names)


def _choose_regressors(panel, states):
    """Try all regressors on the states of the last period: a frame of R2; the best kind and cap."""
    last = panel.shape[1] - 1
    kinds = ("mean", "period") if last else ("period",)
    rows = []
    for kind, cap in product(kinds, CAPS):
        regressors, _ = _standardise(panel, last, kind, cap)
        surrogates = _fit_surrogates(regressors, states)
        varies = states.std(axis=0) > 0
        r2 = [_r2(state, s.error) for state, s in zip(states.T, surrogates, strict=True)]
        mean = np.sum(r2, where=varies) / max(1, varies.sum())
        rows.append({"regressors": kind, "cap": cap, "r2": mean})
    candidates = pd.DataFrame(rows)
    # Rounded, so that rounding errors choose no cap where none is needed.
    best = candidates.loc[candidates["r2"].round(6).idxmax()]
    return candidates, (best["regressors"], float(best["cap"]))


def _standardise(panel, period, kind, cap):
    """Regressors in standard deviations, cut at the cap and centred; and these deviations."""
    shares = panel[:, period] if kind == "period" else panel[:, : period + 1].mean(axis=1)
    deviation = shares.std(axis=0)
    centred = shares - shares.mean(axis=0)
    # Rounding leaves a constant column a deviation that is not quite zero.
    is_constant = np.ptp(shares, axis=0) == 0
    scores = np.divide(centred, deviation, out=np.zeros_like(centred), where=~is_constant)
    scores = scores.clip(-cap, cap)
    return scores - scores.mean(axis=0), np.where(is_constant, 0.0, deviation)


def _fit_surrogates(regressors, states):
    """Fit one ridge regression per state, each with a penalty of its own, and return Bunches.

    `influence`, shape (n_customers, n_categories), is how much each coefficient moves if a customer
    counts once more; `error`, that of the reconstruction of customers left out.
    """
    from sklearn.linear_model import RidgeCV

    ridge = RidgeCV(PENALTIES, alpha_per_target=True).fit(regressors, states)
    penalties = np.broadcast_to(ridge.alpha_, states.shape[1])
    surrogates = []
    for state, alpha, coef in zip(states.T, penalties, np.atleast_2d(ridge.coef_), strict=True):
        gram = regressors.T @ regressors + alpha * np.eye(len(coef))
        influence = np.linalg.solve(gram, regressors.T).T
        leverage = (influence * regressors).sum(axis=1) + 1 / len(state)
        residual = state - state.mean() - regressors @ coef
        # The bound is against division by zero.
        left_out = residual / np.maximum(1 - leverage, 1e-9)
        reconstruction = (state - left_out).clip(state.min(), state.max())
        moves = {"influence": influence * left_out[:, None], "error": state - reconstruction}
        surrogates.append(Bunch(coef=coef, alpha=alpha, **moves))
    return surrogates


def _r2(state, error, counts=None):
    """R2, or that of each resample if `counts`, shape (n_resamples, n_customers), are given."""
    counts = np.ones(len(state)) if counts is None else counts
    centred = state - state.mean()
    total = counts @ centred**2 - (counts @ centred) ** 2 / len(state)
    return 1 - np.divide(counts @ error**2, total, out=np.full_like(total, np.nan), where=total > 0)


def _explain_period(panel, states, period, names, chosen, surplus):
    """Rows of the two tables for one period."""
    periods, categories, state_names = names
    regressors, deviation = _standardise(panel, period, *chosen)
    surrogates = _fit_surrogates(regressors, states[:, period])
    fidelity, coefficients = [], []
    for name, state, surrogate in zip(state_names, states[:, period].T, surrogates, strict=True):
        where = {"period": periods[period], "state": name}
        low, high = np.percentile(_r2(state, surrogate.error, surplus + 1), PERCENTILES)
        r2 = float(_r2(state, surrogate.error))
        fidelity.append(where | {"r2": r2, "low": low, "high": high, "alpha": surrogate.alpha})
        draws = surrogate.coef + surplus @ surrogate.influence
        low, high = np.percentile(draws, PERCENTILES, axis=0)
        numbers = {"coefficient": surrogate.coef, "low": low, "high": high, "deviation": deviation}
        coefficients.append(pd.DataFrame(where | {"category": categories} | numbers))
    return pd.DataFrame(fidelity), pd.concat(coefficients, ignore_index=True)
