"""Choose a parameter by the elbow method, as a `refit` rule for scikit-learn's searches.

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

__all__ = ["elbow", "elbow_curve"]


def elbow(param: str) -> Callable[[dict[str, Any]], int]:
    """Make a `refit` rule that picks the point of diminishing returns of a parameter.

    Parameters
    ----------
    param : str
        Name of a numeric parameter of the search, such as ``"states__n_units"``.

    Returns
    -------
    rule : callable
        For ``GridSearchCV(..., refit=rule)``: maps ``cv_results_`` to the index of a candidate. It
        raises the errors of :func:`elbow_curve`.

    See Also
    --------
    skspend.plotting.ElbowDisplay : Draws it.

    Notes
    -----
    Isotonic regression makes the curve of mean test scores rise, which removes noise and dips, and
    Kneedle finds its knee (Satopaa et al. 2011). The rule never picks a value larger than the
    smallest one whose score is within one standard error of the best (Breiman et al. 1984, section
    3.4.3), because larger values may return nothing. It picks that value if there is no knee: on a
    flat, falling, straight or very short curve. Of candidates with equal scores, it picks the
    smallest value, and of equal values the first.

    References
    ----------
    Maree & Omlin (2021), section IV-A: three units by the elbow method. Satopaa, Albrecht, Irwin &
    Raghavan (2011), Finding a "Kneedle" in a haystack, ICDCS Workshops. Breiman, Friedman, Olshen &
    Stone (1984), Classification and Regression Trees.

    Examples
    --------
    >>> scores = [0.30, 0.50, 0.68, 0.70, 0.71, 0.715]
    >>> results = {"param_n_units": [1, 2, 3, 4, 5, 6], "split0_test_score": scores}
    >>> elbow("n_units")(results)
    2
    """
    return partial(_elbow_index, param=param)


def elbow_curve(cv_results: dict[str, Any], param: str) -> pd.DataFrame:
    """Compute the scores of a search as a curve over one parameter, with its uncertainty.

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
        ``candidate`` (row in ``cv_results``). Of several candidates with one value, only the best
        counts. Candidates that failed in any split are left out.

    Raises
    ------
    ValueError
        If the search does not vary the parameter, or varies it over values that are not numbers; if
        there are no scores named ``score``, as with several metrics; if all candidates failed.

    Notes
    -----
    Splits share customers, so their scores are not independent, and the interval is somewhat too
    narrow.

    Examples
    --------
    >>> results = {"param_n_units": [1, 2]}
    >>> results |= {"split0_test_score": [0.30, 0.50], "split1_test_score": [0.32, 0.50]}
    >>> elbow_curve(results, "n_units").round(3)
       value  score  error    low   high  candidate
    0    1.0   0.31   0.01  0.183  0.437          0
    1    2.0   0.50   0.00  0.500  0.500          1
    """
    values = _param_values(cv_results, param)
    names = [name for name in cv_results if re.fullmatch(r"split\d+_test_score", name)]
    if not names:
        raise ValueError(
            "The search has no test scores named 'score', but the elbow needs one metric. Leave "
            "out scoring=, or pass one metric that is not in a list or dict."
        )
    scores = np.column_stack([cv_results[name] for name in names]).astype(float)
    scores[~np.isfinite(values)] = np.nan
    n_candidates, n_splits = scores.shape
    score = scores.mean(axis=1)
    error = scores.std(axis=1, ddof=1) / np.sqrt(n_splits) if n_splits > 1 else np.nan
    reach = t_reach(n_splits) * error
    curve = pd.DataFrame({"value": values, "score": score, "error": error})
    curve = curve.assign(low=score - reach, high=score + reach, candidate=range(n_candidates))
    curve = curve.dropna(subset="score")
    if curve.empty:
        raise ValueError(
            f"No candidate has a score: all {n_candidates} failed in a split. Pass "
            f"error_score='raise' to the search to see why."
        )
    return curve.loc[curve.groupby("value")["score"].idxmax()].reset_index(drop=True)


def _param_values(cv_results, param):
    """Return the value of a parameter in every candidate; NaN if a candidate does not set it."""
    if f"param_{param}" not in cv_results:
        searched = [name.removeprefix("param_") for name in cv_results if name.startswith("param_")]
        raise ValueError(f"The search has no parameter {param!r}. It varies: {searched}.")
    values = np.ma.asarray(cv_results[f"param_{param}"])
    try:
        return np.ma.filled(values.astype(float), np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The elbow needs a parameter of numbers, but {param!r} takes values such as "
            f"{values.compressed().tolist()[0]!r}."
        ) from error


def _elbow_index(cv_results, param):
    curve = elbow_curve(cv_results, param)
    values, scores = curve["value"], curve["score"]
    best = scores.idxmax()
    # One split alone has no standard error.
    within = scores >= scores[best] - np.nan_to_num(curve["error"][best])
    chosen = values[within.idxmax()]
    rising = isotonic_regression(scores)
    if len(values) > 2 and rising[-1] > rising[0]:
        knee = KneeLocator(values, rising, curve="concave", direction="increasing").knee
        chosen = chosen if knee is None else min(knee, chosen)
    return int(curve.loc[values == chosen, "candidate"].item())
