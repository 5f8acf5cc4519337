"""SpendingFactors: the total share of income that customers spend, and factors of their spending.

A panel of shares comes in; a total and a few common factors per customer come out. Not in Maree &
Omlin (2021): a network can learn them in place of their personality types (section III-C).
"""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from sklearn.decomposition import FactorAnalysis
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from ._utils._sklearn import Interval, PanelTransformer, _fit_context, array_scaler, one_task
from ._utils._threads import one_thread
from .panel import Panel, output_names, panel_like_fit, validate_panel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ._utils._typing import Names, PanelLike, Table

__all__ = ["SpendingFactors"]


class SpendingFactors(PanelTransformer):
    """Compute the total share of income that is spent, and common factors of what it is spent on.

    The factors describe which categories go together, and the total describes how much is spent. A
    network can learn both from all customers, without labels; its states then help to predict a
    label that is known for a hundred customers only.

    Parameters
    ----------
    n_factors : int, default=5
        Number of factors, at most the number of categories.

    Attributes
    ----------
    loadings_ : DataFrame, shape (n_factors, n_categories)
        Covariance of each factor with the standardised log-ratio of each category. It is small for
        categories that few customers buy. The largest loading of a factor is positive.
    analysis_ : FactorAnalysis or None
        Fitted on the categories in `support_`; None if there are none. A ``noise_variance_`` near 0
        means that a factor describes one category alone, so that `n_factors` is too large.
    support_ : ndarray of bool, shape (n_categories,)
        Categories whose log-ratio differs between the customers of `fit`.
    scaler_ : StandardScaler
        Mean and standard deviation of each log-ratio.
    n_factors_ : int
        Number of factors in the output. The last ones are 0 if `support_` has fewer categories.
    n_periods_ : int
        Number of periods of the panel.

    See Also
    --------
    BigFivePersonalityScorer : Scores from published coefficients.
    FeedForwardExtractor : The network to pretrain, with ``objective="y"``.
    TransferRegressor : Predicts a label from its features.

    Notes
    -----
    Let :math:`s_{ic}` be the mean over periods of customer i's share in category c. The total is
    :math:`\\sum_c s_{ic}`, as a share of income and net of refunds. The centred log-ratio is
    :math:`\\log(s_{ic} / g_i)`, where :math:`g_i` is the geometric mean of i's positive shares. It
    is standardised over the customers who buy c. A category that a customer does not buy (zero, or
    more refunded than bought) is missing, and its :math:`z_{ic}` is 0, the mean. A category that
    nobody in `fit` buys has loadings of 0.

    The model is :math:`z_i = f_i \\Lambda + e_i` with standard normal factors f, loadings
    :math:`\\Lambda`, and noise e of variances :math:`\\Psi`, fitted by maximum likelihood
    (:class:`sklearn.decomposition.FactorAnalysis`). The output is the expected value of f,
    :math:`z_i \\Psi^{-1} \\Lambda^T (I + \\Lambda \\Psi^{-1} \\Lambda^T)^{-1}`, whose variance is
    below 1. Factors are defined up to rotation. A customer without spending has only zeros.

    Factors were tested on the synthetic bank only, whose log shares are linear in the traits and
    whose labels depend on traits and unspent income. Test them on your own labels first.

    References
    ----------
    Aitchison (1982), The statistical analysis of compositional data, Journal of the Royal
    Statistical Society B 44(2) (log-ratios). Lawley & Maxwell (1971), Factor analysis as a
    statistical method, 2nd ed. (maximum likelihood, and the expected factors).

    Examples
    --------
    >>> from skspend import SpendingFactors
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(n_customers=2000, random_state=0)
    >>> factors = SpendingFactors(n_factors=5)
    >>> factors.fit_transform(bank.data).columns.tolist()
    ['total', 'factor0', 'factor1', 'factor2', 'factor3', 'factor4']
    >>> factors.loadings_.loc["factor0"].nlargest(3).index.tolist()
    ['groceries', 'mortgages', 'bank fees']
    """

    _parameter_constraints = {"n_factors": [Interval(Integral, 1, None, closed="left")]}
    analysis_: FactorAnalysis | None
    support_: NDArray[np.bool_]
    scaler_: StandardScaler
    n_factors_: int
    n_periods_: int

    def __init__(self, n_factors: int = 5) -> None:
        self.n_factors = n_factors

    @one_task
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: PanelLike, y: object = None) -> Self:
        """Fit the scales of the log-ratios, and their factors.

        Parameters
        ----------
        X : panel, shape (n_customers, n_periods * n_categories), or with three dimensions
            Shares of income.
        y : ignored

        Returns
        -------
        self : SpendingFactors

        Raises
        ------
        ValueError
            If X is not a complete panel of finite numbers.
        """
        ratios = _log_ratios(_mean_over_periods(validate_panel(self, X).cube))
        with np.errstate(invalid="ignore"):  # the mean of a category that nobody buys
            self.scaler_ = array_scaler().fit(ratios)
        ratios = self._standardize(ratios)
        self.support_ = ratios.std(axis=0) > 0
        self.n_factors_ = min(self.n_factors, len(self.support_))
        self.analysis_ = None
        if self.support_.any():
            ratios = ratios[:, self.support_]
            with one_thread():
                n_factors = min(self.n_factors_, np.linalg.matrix_rank(ratios))
                # The randomized solver would need a seed, and is no more accurate.
                analysis = FactorAnalysis(n_factors, svd_method="lapack")
                analysis.set_output(transform="default")
                self.analysis_ = analysis.fit(ratios)
            loadings = analysis.components_
            strongest = np.abs(loadings).argmax(axis=1)[:, None]
            loadings *= np.sign(np.take_along_axis(loadings, strongest, axis=1))
        return self

    def transform(self, X: PanelLike) -> Table:
        """Compute the total and the factors of the customers of a panel as in `fit`.

        Returns
        -------
        factors : frame or ndarray, shape (n_customers, 1 + n_factors)
            The total is a share of income. Factors are in standard deviations of the customers of
            `fit`, shrunk towards 0 as far as they are uncertain.
        """
        check_is_fitted(self)
        panel = validate_panel(self, X, reset=False).cube
        spent = _mean_over_periods(panel)
        ratios = self._standardize(_log_ratios(spent))
        factors = np.zeros((len(panel), self.n_factors_))
        if self.analysis_ is not None:
            with one_thread():
                found = self.analysis_.transform(ratios[:, self.support_])
            factors[:, : found.shape[1]] = found
        values = np.column_stack([spent.sum(axis=1), factors]).astype(panel.dtype)
        return Panel(values[:, None], features=list(self.get_feature_names_out())).like(X)

    def _standardize(self, ratios):
        """Scale ratios to standard deviations; a missing one becomes 0, the mean."""
        return np.nan_to_num(self.scaler_.transform(ratios))

    @property
    def loadings_(self) -> pd.DataFrame:
        """Loadings of the factors on the categories, a frame."""
        check_is_fitted(self)
        categories = panel_like_fit(self, np.empty((0, 1, len(self.support_)))).features
        loadings = np.zeros((self.n_factors_, len(self.support_)))
        if self.analysis_ is not None:
            found = self.analysis_.components_
            loadings[: len(found), self.support_] = found
        return pd.DataFrame(loadings, self.get_feature_names_out()[1:], list(categories or ()))

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Names:
        """Return the names of the columns: ``total``, ``factor0``, ``factor1`` and so on.

        `input_features`, the columns of X, are checked if given.
        """
        check_is_fitted(self)
        output_names(self, [], input_features)
        factors = [f"factor{number}" for number in range(self.n_factors_)]
        return np.array(["total", *factors], dtype=object)


def _mean_over_periods(panel):
    """Average over periods, in an order of sums that does not depend on the memory layout."""
    return np.ascontiguousarray(panel.mean(axis=1, dtype=np.float64))


def _log_ratios(spent):
    """Centre the logs of what each customer buys; NaN where nothing is bought."""
    is_bought = spent > 0
    logs = np.log(np.where(is_bought, spent, np.nan))
    n_bought = np.maximum(is_bought.sum(axis=1, keepdims=True), 1)
    return logs - np.nansum(logs, axis=1, keepdims=True) / n_bought
