"""Choosing a model as scikit-learn does it: the elbow, as a `refit` rule for searches.

The results of a search come in; out comes the candidate at the point of diminishing returns, and
the curve that shows why. Maree & Omlin (2021), section IV-A.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from kneed import KneeLocator
from sklearn.isotonic import isotonic_regression

from ._utils._intervals import t_reach


def elbow(param: str) -> Callable[[dict[str, Any]], int]:
    """Make a `refit` rule that picks the point of diminishing returns of a parameter.

    Parameters
    ----------
    param : str
        Name of a numeric parameter of the search, such as ``"states__n_units"``.

    Returns
    -------
    rule : callable
        For ``GridSearchCV(..., refit=rule)``: maps ``cv_results_`` to the index of a candidate.

    Raises
    ------
    ValueError
        When the rule is called, as :func:`elbow_curve` does.

    See Also
    --------
    elbow_curve : The curve the rule looks at.
    skspend.plotting.ElbowDisplay : Draws it.

    Notes
    -----
    The curve of mean test scores is made to rise (isotonic regression), which takes out noise and
    dips, and its knee is found by Kneedle (Satopaa et al. 2011). No value is chosen that is larger
    than the smallest one whose score is within one standard error of the best (the rule of Breiman
    et al. 1984, section 3.4.3): what lies beyond it is not known to return anything. That value is
    the choice, too, where there is no knee: on a flat, falling, straight or very short curve. Of
    candidates with equal scores it is the one with the smallest value, and of those the first.

    References
    ----------
    Maree & Omlin (2021), section IV-A: three units by the elbow method. Satopaa, Albrecht, Irwin &
    Raghavan (2011), Finding a "Kneedle" in a haystack, ICDCS Workshops. Breiman, Friedman, Olshen &
    Stone (1984), Classification and Regression Trees.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.array([0.30, 0.50, 0.68, 0.70, 0.71, 0.715])
    >>> results = {
    ...     "param_n_units": np.array([1, 2, 3, 4, 5, 6]),
    ...     "split0_test_score": scores - 0.005,
    ...     "split1_test_score": scores + 0.005,
    ... }
    >>> elbow("n_units")(results)
    2
    """
    return partial(_elbow_index, param=param)


def elbow_curve(cv_results: dict[str, Any], param: str) -> pd.DataFrame:
    """The scores of a search as a curve over one parameter, with its uncertainty.

    Parameters
    ----------
    cv_results : dict
        ``cv_results_`` of a search with one metric.
    param : str
        Name of a numeric parameter of the search.

    Returns
    -------
    curve : DataFrame
        A row for each value, ascending: ``value``, ``score`` (mean over the splits), ``error`` (its
        standard error), ``low`` and ``high`` (95 % interval by Student's t over the splits), and
        ``candidate`` (row in ``cv_results``). Where several candidates have one value, the one with
        the best score counts; those that failed in any split are left out.

    Raises
    ------
    ValueError
        If the search does not vary the parameter, or not by numbers; if it has no ``score``, as
        with several metrics; if all its candidates failed.

    Notes
    -----
    Splits share customers, so that their scores are not independent, and an interval over them is
    somewhat too narrow.

    Examples
    --------
    >>> import numpy as np
    >>> results = {
    ...     "param_n_units": np.array([1, 2]),
    ...     "split0_test_score": np.array([0.30, 0.50]),
    ...     "split1_test_score": np.array([0.32, 0.50]),
    ... }
    >>> elbow_curve(results, "n_units").round(3)
       value  score  error    low   high  candidate
    0    1.0   0.31   0.01  0.183  0.437          0
    1    2.0   0.50   0.00  0.500  0.500          1
    """
    values = _param_values(cv_results, param)
    names = [name for name in cv_results if re.fullmatch(r"split\d+_test_score", name)]
    if not names:
        raise ValueError(
            "The search has no test scores named 'score'. The elbow is that of one metric: leave "
            "out scoring=, or pass one metric that is not in a list or dict."
        )
    scores = np.column_stack([cv_results[name] for name in names]).astype(float)
    scores[~np.isfinite(values)] = np.nan
    n_splits = scores.shape[1]
    error = scores.std(axis=1, ddof=1) / np.sqrt(n_splits) if n_splits > 1 else np.nan
    curve = pd.DataFrame({"value": values, "score": scores.mean(axis=1), "error": error})
    reach = t_reach(n_splits) * curve["error"]
    curve = curve.assign(
        low=curve["score"] - reach, high=curve["score"] + reach, candidate=range(len(curve))
    ).dropna(subset="score")
    if curve.empty:
        raise ValueError("All candidates of the search failed; there is no score to choose by.")
    best = curve.groupby("value")["score"].idxmax()
    return curve.loc[best].reset_index(drop=True)


def _param_values(cv_results, param):
    """Value of a parameter in every candidate; NaN where a candidate does not set it."""
    key = f"param_{param}"
    if key not in cv_results:
        searched = [name.removeprefix("param_") for name in cv_results if name.startswith("param_")]
        raise ValueError(f"The search has no parameter {param!r}. It varies: {searched}.")
    values = np.ma.asarray(cv_results[key])
    try:
        return np.ma.filled(values.astype(float), np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"An elbow needs numbers, but {param!r} takes values such as "
            f"{values.compressed().tolist()[0]!r}."
        ) from error


def _elbow_index(cv_results, param):
    curve = elbow_curve(cv_results, param)
    best = curve["score"].idxmax()
    # One split alone has no standard error.
    within = curve["score"] >= curve["score"][best] - np.nan_to_num(curve["error"][best])
    enough = curve["value"][within.idxmax()]
    knee = _knee(curve["value"], isotonic_regression(curve["score"]))
    chosen = enough if knee is None else min(knee, enough)
    return int(curve.loc[curve["value"] == chosen, "candidate"].item())


def _knee(values, scores):
    """The knee of a rising curve that flattens; None where there is none."""
    if len(values) < 3 or scores[-1] == scores[0]:
        return None
    return KneeLocator(values, scores, curve="concave", direction="increasing").knee
