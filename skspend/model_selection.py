"""Choose a parameter by the elbow method, and validate models out of time.

The results of a search come in. The candidate at the point of diminishing returns comes out, and
the curve that shows why: Maree & Omlin (2021), section IV-A. A splitter fits on earlier customers
and judges by later ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.isotonic import isotonic_regression
from sklearn.model_selection import BaseCrossValidator

from ._utils._intervals import t_reach
from .transactions import TransactionLog

if TYPE_CHECKING:
    from ._utils._typing import Integers

__all__ = ["OutOfTimeSplit", "elbow", "elbow_curve"]


class OutOfTimeSplit(BaseCrossValidator):
    """Fit on what was known at a date, and judge by customers who came later.

    The last day of a customer in a log is the day of a decision about them, such as a loan. Their
    features end there, and their label is known `horizon` days later. Customers are divided into
    ``n_splits + 1`` parts of about equal size by that day. Each split judges by one part after the
    first, and fits on all earlier customers whose labels were known before the first day of it.

    Parameters
    ----------
    n_splits : int, default=3
        Number of splits.
    horizon : int, default=0
        Days after a decision until its label is known.

    See Also
    --------
    sklearn.model_selection.TimeSeriesSplit : The same for rows at equal intervals.

    Examples
    --------
    >>> from skspend import TransactionLog
    >>> frame = pd.DataFrame({"customer": range(8), "date": "2023-01-15", "category": "pets",
    ...                       "amount": 1.0})
    >>> days = pd.Series(pd.date_range("2023-02-01", periods=8, freq="MS"))
    >>> log = TransactionLog(frame, cutoff=days)
    >>> for earlier, later in OutOfTimeSplit(n_splits=2, horizon=40).split(log):
    ...     print(earlier.tolist(), later.tolist())
    [0, 1] [3, 4, 5]
    [0, 1, 2, 3, 4] [6, 7]
    """

    def __init__(self, n_splits: int = 3, *, horizon: int = 0) -> None:
        self.n_splits = n_splits
        self.horizon = horizon

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Return the number of splits; the parameters are ignored."""
        return self.n_splits

    def split(
        self, X: TransactionLog, y: object = None, groups: object = None
    ) -> Iterator[tuple[Integers, Integers]]:
        """Yield the positions of the customers to fit on, and of those to judge by.

        Parameters
        ----------
        X : TransactionLog
            With a `cutoff` for each customer.
        y, groups : ignored

        Raises
        ------
        TypeError
            If X is no TransactionLog.
        ValueError
            If the customers have too few different last days, or no label was known in time.
        """
        if not isinstance(X, TransactionLog):
            raise TypeError(
                f"OutOfTimeSplit needs a TransactionLog, which knows each customer's last day; got "
                f"{type(X).__name__}. Put the steps that aggregate it into the pipeline."
            )
        days = np.broadcast_to(X.period_edges(1, 1)[:, -1], len(X))
        ranks = pd.Series(days).rank(method="min").to_numpy() - 1
        part = (ranks * (self.n_splits + 1) // len(X)).astype(int)
        for number in range(1, self.n_splits + 1):
            later = np.flatnonzero(part == number)
            first = days[later].min() if len(later) else days.min()
            earlier = np.flatnonzero((part < number) & (days + self.horizon < first))
            if not len(later) or not len(earlier):
                raise ValueError(
                    f"The {len(X)} customers have {len(np.unique(days))} different last days, too "
                    f"few for {self.n_splits} splits with labels known {self.horizon} days later. "
                    f"Give each customer a cutoff, or ask for fewer splits."
                )
            yield earlier, later


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
        # It imports pyplot.
        from kneed import KneeLocator

        knee = KneeLocator(values, rising, curve="concave", direction="increasing").knee
        chosen = chosen if knee is None else min(knee, chosen)
    return int(curve.loc[values == chosen, "candidate"].item())
