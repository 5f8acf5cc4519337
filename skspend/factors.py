"""SpendingFactors: how much of their income customers spend, and what their spending leans to.

A panel of shares comes in; out go one total and a few common factors per customer. Not in Maree &
Omlin (2021): these are values for a network to learn instead of personality types (section III-C)
where a hundred labels shall be read from its states (section III-D).
"""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import FactorAnalysis
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from ._utils._sklearn import CallbackSupportMixin, Interval, _fit_context, one_task
from ._utils._threads import one_thread
from .panel import Panel, output_names, panel_like_fit, validate_panel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from sklearn.utils import Tags

    from ._utils._typing import Floats, Names, PanelLike, Table


def log_ratios(spent: Floats) -> Floats:
    """Logs of what each customer buys, less their mean; NaN where nothing was bought.

    Parameters
    ----------
    spent : ndarray, shape (n_customers, n_categories)

    Returns
    -------
    ratios : ndarray, shape (n_customers, n_categories)

    Examples
    --------
    >>> log_ratios(np.array([[1.0, 4.0, 0.0], [0.0, 0.0, -2.0]])).round(2).tolist()
    [[-0.69, 0.69, nan], [nan, nan, nan]]
    """
    is_bought = spent > 0
    logs = np.log(np.where(is_bought, spent, np.nan))
    n_bought = np.maximum(is_bought.sum(axis=1, keepdims=True), 1)
    return logs - np.nansum(logs, axis=1, keepdims=True) / n_bought


class SpendingFactors(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Find the total share of income that is spent, and common factors of what it is spent on.

    Whoever spends much on one category spends much on those that go with it. A few factors say
    what goes together, and the total says how much it is. A network that has learned to tell these
    of all customers, which needs no labels, has states from which a label can be learned from a
    hundred customers.

    Parameters
    ----------
    n_factors : int, default=5
        Number of factors, at most that of categories. Each is positive on the category that it
        loads on most.

    Attributes
    ----------
    loadings_ : DataFrame, shape (n_factors, n_categories)
        What a factor means: its covariance with the standardised log-ratio of each category. Where
        few buy a category, there is little of it.
    analysis_ : FactorAnalysis or None
        What found the factors, in the log-ratios that differ between customers; None if none do.
        Where its ``noise_variance_`` is next to 0, a factor is of one category alone, and there are
        too many factors.
    scaler_ : StandardScaler
        What standardises the log-ratios.
    n_periods_ : int
        Number of periods of the panel.

    See Also
    --------
    BigFivePersonalityScorer : Scores from coefficients that others have published.
    FeedForwardExtractor : The network to pretrain, with ``objective="y"``.
    TransferRegressor : Learns a label from its features.

    Notes
    -----
    With :math:`s_{ic}` the mean over periods of customer i's share in category c, the total is
    :math:`\\sum_c s_{ic}`, in units of income and net of refunds. What is bought becomes
    :math:`\\log(s_{ic} / g_i)`, with :math:`g_i` the geometric mean of the positive shares of i:
    the centred log-ratio. It is standardised over those who buy c, to :math:`z_{ic}`, which is 0
    for the others: a category not bought (zero, or more refunded than bought) counts as missing,
    and says nothing. A category that nobody in `fit` buys has loadings of 0.

    The model is :math:`z_i = f_i \\Lambda + e_i` with standard normal factors f, loadings
    :math:`\\Lambda`, and noise e of variances :math:`\\Psi`, found by maximum likelihood
    (:class:`sklearn.decomposition.FactorAnalysis`). Factors come out as their expected values
    :math:`z_i \\Psi^{-1} \\Lambda^T (I + \\Lambda \\Psi^{-1} \\Lambda^T)^{-1}`, whose variance is
    below 1; they are defined up to rotation. A customer
    without spending has total 0, and factors 0 as for average taste.

    That labels can be read from factors was found on the synthetic bank, whose log shares are
    linear in the traits by construction, and whose labels depend on traits and unspent income.
    Whether it holds of real labels must be tried.

    References
    ----------
    Aitchison (1982), The statistical analysis of compositional data, Journal of the Royal
    Statistical Society B 44(2) (log-ratios). Lawley & Maxwell (1971), Factor analysis as a
    statistical method, 2nd ed. (maximum likelihood, and the expected factors).

    Examples
    --------
    >>> from sklearn.frozen import FrozenEstimator
    >>> from skspend import FeedForwardExtractor, SpendingFactors, TransferRegressor
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(n_customers=2000, random_state=0)
    >>> factors = SpendingFactors(n_factors=5)
    >>> told = factors.fit_transform(bank.data)
    >>> told.columns.tolist()
    ['total', 'factor0', 'factor1', 'factor2', 'factor3', 'factor4']
    >>> factors.loadings_.loc["factor0"].nlargest(3).index.tolist()
    ['groceries', 'mortgages', 'bank fees']

    A network learns to tell them, and a head on its features reads a label from 100 customers:

    >>> body = FeedForwardExtractor(5, (32,), "y", epochs=10, n_init=1, random_state=0)
    >>> body = body.fit(bank.data, told)
    >>> model = TransferRegressor(FrozenEstimator(body), alpha=3)
    >>> model = model.fit(bank.data[:100], bank.liquidity[:100])
    >>> model.score(bank.data[100:], bank.liquidity[100:]) > 0
    True
    """

    _parameter_constraints = {"n_factors": [Interval(Integral, 1, None, closed="left")]}
    analysis_: FactorAnalysis | None
    scaler_: StandardScaler
    n_periods_: int

    def __init__(self, n_factors: int = 5) -> None:
        self.n_factors = n_factors

    @one_task
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: PanelLike, y: object = None) -> Self:
        """Learn the scales of the log-ratios, and their factors.

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
        spent = _mean_over_periods(validate_panel(self, X).cube)
        ratios = log_ratios(spent)
        with np.errstate(invalid="ignore"):  # the mean of a category that nobody buys
            self.scaler_ = StandardScaler().fit(ratios)
        ratios = self._standardize(ratios)
        self._differs = ratios.std(axis=0) > 0
        self.analysis_ = None
        if self._differs.any():
            n_factors = min(self.n_factors, self._differs.sum())
            # Randomized, it would need a seed, and be as good.
            analysis = FactorAnalysis(n_factors, svd_method="lapack")
            with one_thread():
                self.analysis_ = analysis.fit(ratios[:, self._differs])
            loadings = analysis.components_
            strongest = np.abs(loadings).argmax(axis=1)[:, None]
            loadings *= np.sign(np.take_along_axis(loadings, strongest, axis=1))
        return self

    def transform(self, X: PanelLike) -> Table:
        """Total and factors of customers.

        Parameters
        ----------
        X : panel, as in `fit`

        Returns
        -------
        factors : frame or ndarray, shape (n_customers, 1 + n_factors)
            The total as a share of income, and the factors in standard deviations of the
            customers of `fit`, shrunk towards 0 for what their spending does not tell.
        """
        check_is_fitted(self)
        panel = validate_panel(self, X, reset=False).cube
        spent = _mean_over_periods(panel)
        ratios = self._standardize(log_ratios(spent))
        factors = np.zeros((len(panel), self._n_outputs))
        if self.analysis_ is not None:
            with one_thread():
                found = self.analysis_.transform(ratios[:, self._differs])
            factors[:, : found.shape[1]] = found
        values = np.column_stack([spent.sum(axis=1), factors]).astype(panel.dtype)
        return Panel(values[:, None], features=self.get_feature_names_out()).like(X)

    @property
    def _n_outputs(self):
        """Number of factors; some are 0 where few categories differ between customers."""
        return min(self.n_factors, len(self._differs))

    def _standardize(self, ratios):
        """In standard deviations of those who buy; 0, the mean, where nothing was bought."""
        return np.nan_to_num(self.scaler_.transform(ratios))

    @property
    def loadings_(self) -> pd.DataFrame:
        """Factors by categories, a frame."""
        check_is_fitted(self)
        categories = panel_like_fit(self, np.empty((0, 1, len(self._differs)))).features
        names = self.get_feature_names_out()[1:]
        loadings = np.zeros((len(names), len(self._differs)))
        if self.analysis_ is not None:
            found = self.analysis_.components_
            loadings[: len(found), self._differs] = found
        return pd.DataFrame(loadings, index=names, columns=categories)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Names:
        """``total``, ``factor0``, ``factor1`` and so on.

        Parameters
        ----------
        input_features : array-like of str, default=None
            The columns of X; checked, if given.

        Returns
        -------
        names : ndarray of str, shape (1 + n_factors,)
        """
        check_is_fitted(self)
        output_names(self, [], input_features)
        factors = [f"factor{number}" for number in range(self._n_outputs)]
        return np.array(["total", *factors], dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _mean_over_periods(panel):
    """Row by row in memory, so that sums do not depend on how the input was laid out."""
    return np.ascontiguousarray(panel.mean(axis=1, dtype=np.float64))
