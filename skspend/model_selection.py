"""Choosing a model as scikit-learn does it: a `refit` rule for searches."""

from functools import partial

import numpy as np
from kneed import KneeLocator


def elbow(param):
    """Make a `refit` rule that picks the point of diminishing returns of a parameter.

    Parameters
    ----------
    param : str
        Name of a numeric parameter of the search, such as ``"states__n_units"``.

    Returns
    -------
    rule : callable
        For ``GridSearchCV(..., refit=rule)``: maps ``cv_results_`` to the index of a candidate.

    Notes
    -----
    For every value of the parameter the best mean test score counts, whatever the other parameters.
    The knee of that curve is found by Kneedle (Satopaa et al. 2011). Where there is none, as on a
    straight, falling or short curve, it is the smallest value whose score is within one standard
    error of the best.

    References
    ----------
    Maree & Omlin (2021), section IV-A: three units by the elbow method.

    Examples
    --------
    >>> import numpy as np
    >>> results = {
    ...     "param_n_units": np.array([1, 2, 3, 4, 5, 6]),
    ...     "mean_test_score": np.array([0.30, 0.50, 0.68, 0.70, 0.71, 0.715]),
    ...     "std_test_score": np.full(6, 0.01),
    ...     "split0_test_score": np.zeros(6),
    ... }
    >>> int(elbow("n_units")(results))
    2
    """
    return partial(_elbow_index, param=param)


def _elbow_index(cv_results, param):
    key = f"param_{param}"
    if key not in cv_results:
        searched = [name.removeprefix("param_") for name in cv_results if name.startswith("param_")]
        raise ValueError(f"The search has no parameter {param!r}. It varies: {searched}.")
    values = np.asarray(cv_results[key], dtype=float)
    scores = np.asarray(cv_results["mean_test_score"], dtype=float)
    if np.isnan(scores).all():
        raise ValueError("All candidates of the search failed; there is no score to choose by.")
    scores = np.where(np.isnan(scores), -np.inf, scores)
    candidates = [
        max(np.flatnonzero(values == value), key=scores.__getitem__) for value in np.unique(values)
    ]
    candidates = [index for index in candidates if np.isfinite(scores[index])]
    curve_values, curve = values[candidates], scores[candidates]
    knee = _knee(curve_values, curve)
    if knee is not None:
        return candidates[int(np.flatnonzero(curve_values == knee)[0])]
    best = curve.argmax()
    n_splits = sum(name.startswith("split") for name in cv_results)
    error = cv_results["std_test_score"][candidates[best]] / np.sqrt(max(n_splits, 1))
    return candidates[int(np.flatnonzero(curve >= curve[best] - error)[0])]


def _knee(values, scores):
    """The knee of a rising curve that flattens; None where there is none."""
    if len(values) < 3 or scores[-1] <= scores[0]:
        return None
    return KneeLocator(values, scores, curve="concave", direction="increasing").knee
