"""FactorStateExtractor: trajectories of customers in a space of common factors of their spending.

A panel of shares or amounts comes in; factor scores of all spending up to each period come out.
Neither traits nor a network are needed. Not in Maree & Omlin (2021).
"""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.linalg import eigh
from scipy.special import expit, logit
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from .._utils._sklearn import (
    CELLS_AT_ONCE,
    Interval,
    PanelTransformer,
    _fit_context,
    fit_scaler,
    one_task,
)
from .._utils._sparse import SparseCube, by_period
from .._utils._threads import one_thread
from ..aggregation._columns import find_shares
from ..panel import Panel, output_names, validate_panel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from sklearn.preprocessing import StandardScaler

    from .._utils._typing import Floats, Names, PanelLike, Table

RAREST = 1e-4
"""Smallest share of the categories to start from, and smallest slope to divide by."""
LEAST_OWN = 0.05
"""Smallest share of a variance that belongs to a category alone. Without it, as many factors as
categories would fit the last period exactly, and be far out at others (a Heywood case)."""
ROUNDING = 1e-12
"""Variances up to this come from rounding."""
MOST_ROUNDS, TOLERANCE = 200, 1e-3
"""Rounds of the fit of factors, and the gain of the log-likelihood per customer that ends them."""
BLOCK = 8192
"""Customers whom `segment_frame` passes at a time."""
BEYOND = 1e3
"""Popularity of a category that everybody buys; the negative, of one that nobody buys."""
N_STEPS = 20
"""Of Newton's method: more than it needs."""


class FactorStateExtractor(PanelTransformer):
    """Extract trajectories from common factors of what customers buy, and of how much.

    The state at a period describes all spending up to it. It needs no coefficients of traits, no
    labels and no training.

    Parameters
    ----------
    n_factors : int, default=10
        Number of factors, which is the number of dimensions of the state space.

    Attributes
    ----------
    components_ : ndarray, shape (n_factors, 2 * n_categories)
        Loadings of the factors: on the log-ratio of each category, and then on whether it is
        bought. The largest loading of a factor is positive. Factors that the data does not have are
        0.
    noise_variance_ : ndarray, shape (2 * n_categories,)
        The part of each variance that is not common: that of the category alone.
    popularity_ : ndarray, shape (n_periods, n_categories)
        Log-odds that a category is bought up to each period, by customers of equal breadth.
    means_, scales_ : ndarray, shape (n_periods, 2 * n_categories)
        Mean and standard deviation of the log-ratios and of the purchases up to each period.
    scaler_ : StandardScaler
        Mean and standard deviation of X by feature, over customers and periods.
    n_periods_ : int
        Number of periods of the panel.

    See Also
    --------
    LSTMStateExtractor : States that follow personality traits.
    SpendingFactors : One row of factors per customer, of the amounts alone.
    TrajectoryClusterer : Finds segments in the trajectories.

    Notes
    -----
    Two things are read of every customer i and category c up to period t:

    - the log-ratio: the mean of :math:`\\log(s_{icu} / \\sum_d s_{idu})` over the periods u in
      which i buys c, with spending s, minus its mean over the categories. It is missing if c is not
      bought;
    - the purchase: 1 or 0, minus its chance in the model of Rasch,
      :math:`1 / (1 + e^{-a_i - b_c})`, where the popularity b of the categories is fitted, and the
      breadth a is such that the chances of a customer sum to the number of categories bought.

    So neither the amount of money nor the number of categories decides. Refunds do not count. Both
    are standardised over the customers of `fit` who have spent up to period t: a state compares a
    customer with others after equally many periods. Because it averages over these, it moves less
    and less. A missing log-ratio is 0, the mean. Customers who have not spent yet are at the
    origin.

    The factors are those of :class:`SpendingFactors`, fitted to the last period. In some banks
    customers differ by what they buy, in others by how much of it. Factors find either, because
    what a category has to itself is noise to them. ``docs/measured.md`` compares them with amounts,
    other factors and autoencoders.

    References
    ----------
    Aitchison (1982), The statistical analysis of compositional data, Journal of the Royal
    Statistical Society B 44(2) (log-ratios). Rasch (1960), Probabilistic models for some
    intelligence and attainment tests (purchases). Lawley & Maxwell (1971), Factor analysis as a
    statistical method, 2nd ed. (maximum likelihood, and the expected factors).

    Examples
    --------
    >>> from skspend import FactorStateExtractor
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(n_customers=500, n_periods=3, random_state=0)
    >>> extractor = FactorStateExtractor(n_factors=2)
    >>> extractor.fit_transform(bank.data).columns.tolist()[:3]
    ['year1|factor0', 'year1|factor1', 'year2|factor0']
    """

    _parameter_constraints = {"n_factors": [Interval(Integral, 1, None, closed="left")]}
    components_: Floats
    noise_variance_: Floats
    popularity_: Floats
    means_: Floats
    scales_: Floats
    scaler_: StandardScaler
    n_periods_: int

    def __init__(self, n_factors: int = 10) -> None:
        self.n_factors = n_factors

    @one_task
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: PanelLike, y: object = None) -> Self:
        """Fit the scales and the factors.

        Parameters
        ----------
        X : panel, shape (n_customers, n_periods * n_categories), or with three dimensions
            Shares or amounts. Other statistics beside them, such as ``groceries:count``, are not
            read.
        y : ignored

        Returns
        -------
        self : FactorStateExtractor

        Raises
        ------
        ValueError
            If X is not a complete panel of finite numbers, or holds no sums of money spent.
        """
        read = validate_panel(self, X, sparse=True)
        self.scaler_ = fit_scaler(by_period(read.cube))
        panel = _select_sums(read)
        _, n_periods, n_categories = panel.shape
        n_customers = np.zeros((n_periods, n_categories + 1))
        n_buyers = np.zeros((n_periods, n_categories))
        for rows in _batches(panel):
            _, is_bought = _summarise(panel, rows)
            n_buyers += is_bought.sum(axis=0)
            for period, n_bought in enumerate(is_bought.sum(axis=2).T):
                n_customers[period] += np.bincount(n_bought, minlength=n_categories + 1)
        pairs = zip(n_customers, n_buyers, strict=True)
        self.popularity_ = np.array([_rate_popularity(*pair) for pair in pairs])
        # StandardScaler loses what is missing from all customers of its first part.
        n_known, totals, squares = np.zeros((3, n_periods, 2 * n_categories))
        for rows in _batches(panel):
            described = self._describe(panel, rows)
            n_known += np.isfinite(described).sum(axis=0)
            totals += np.nansum(described, axis=0)
            squares += np.nansum(described**2, axis=0)
        self.means_ = totals / np.maximum(n_known, 1)
        variances = squares / np.maximum(n_known, 1) - self.means_**2
        self.scales_ = np.where(variances > ROUNDING, np.sqrt(np.maximum(variances, 0)), 1.0)
        covariance = np.zeros((2 * n_categories, 2 * n_categories))
        with one_thread():
            for rows in _batches(panel):
                last = self._standardize(self._describe(panel, rows))[:, -1]
                covariance += last.T @ last / len(panel)
            self.components_, self.noise_variance_ = _find_factors(covariance, self.n_factors)
        return self

    def transform(self, X: PanelLike) -> Table:
        """Find the states of the customers of a panel as in `fit`, at every period.

        Returns
        -------
        trajectories : frame or ndarray, shape (n_customers, n_periods * n_factors)
            The oldest period first. Factors are in standard deviations of the customers of `fit`,
            shrunk towards 0 as far as they are uncertain.
        """
        check_is_fitted(self)
        read = validate_panel(self, X, reset=False, sparse=True)
        panel = _select_sums(read)
        per_noise = self.components_ / self.noise_variance_
        precision = np.eye(len(per_noise)) + per_noise @ self.components_.T
        weights = np.linalg.solve(precision, per_noise).T
        states = np.empty((*panel.shape[:2], len(per_noise)), dtype=panel.dtype)
        with one_thread():
            for rows in _batches(panel):
                states[rows] = self._standardize(self._describe(panel, rows)) @ weights
        return Panel(states, read.period, self._state_names()).like(X)

    def _describe(self, panel, rows):
        """Log-ratios and surprises up to each period, (n, n_periods, 2 * n_categories).

        Both are NaN for customers who have not spent yet.
        """
        ratios, is_bought = _summarise(panel, rows)
        surprises = is_bought.astype(np.float64)
        for period, n_bought in enumerate(is_bought.sum(axis=2).T):
            found, places = np.unique(n_bought, return_inverse=True)
            surprises[:, period] -= _expect(self.popularity_[period], found)[places]
            surprises[n_bought == 0, period] = np.nan
        return np.concatenate([ratios, surprises], axis=2)

    def _standardize(self, described):
        """Scale to standard deviations; what is unknown becomes 0, the mean."""
        return np.nan_to_num((described - self.means_) / self.scales_)

    def _state_names(self):
        return [f"factor{number}" for number in range(len(self.components_))]

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Names:
        """Return the names of the states, such as ``year1|factor0``.

        `input_features`, the columns of X, are checked if given.
        """
        check_is_fitted(self)
        return output_names(self, self._state_names(), input_features)


def _select_sums(panel):
    """The sums of spending in a panel that may also hold other statistics, a cube."""
    is_sum = find_shares(panel.features)
    if is_sum.all():
        return panel.cube
    if not is_sum.any():
        raise ValueError(
            f"None of the {len(is_sum)} features of X is a sum of money spent; the first is "
            f"{panel.features[0]!r}. Let statistics= of SpendingAggregator hold 'sum', and flows= "
            f"hold 'out'."
        )
    return panel.cube[:, :, is_sum]


def _batches(panel):
    """Slices of customers, of whom what is computed takes little memory.

    Blocks of BLOCK customers are cut into equal slices, so that no last bit depends on the place of
    a customer in a block.
    """
    n_customers, *shape = panel.shape
    most = max(1, CELLS_AT_ONCE // (4 * int(np.prod(shape))))
    return gen_batches(n_customers, min(BLOCK, 2 ** int(np.log2(most))))


def _summarise(panel, rows):
    """Log-ratios of some customers up to each period, and what they have bought, a mask.

    Both have the shape (n_customers, n_periods, n_categories). What is not bought has no log-ratio,
    NaN.
    """
    if isinstance(panel, SparseCube):
        n_periods = panel.shape[1]
        part = panel.by_period[rows.start * n_periods : rows.stop * n_periods].toarray()
        spent = part.reshape(-1, *panel.shape[1:]).astype(np.float64)
    else:
        spent = np.array(panel[rows], dtype=np.float64, order="C")
    is_spent = spent > 0
    spent[~is_spent] = 0
    logs = np.zeros_like(spent)
    np.divide(spent, spent.sum(axis=2, keepdims=True), out=logs, where=is_spent)
    np.log(logs, out=logs, where=is_spent)
    n_spent = is_spent.cumsum(axis=1)
    is_bought = n_spent > 0
    n_bought = np.maximum(is_bought.sum(axis=2, keepdims=True), 1)
    ratios = logs.cumsum(axis=1) / np.maximum(n_spent, 1)
    ratios -= ratios.sum(axis=2, keepdims=True) / n_bought
    ratios[~is_bought] = np.nan
    return ratios, is_bought


def _rate_popularity(n_customers, n_buyers):
    """Popularity of categories in the model of Rasch.

    `n_customers` counts customers by the number of categories that they buy, from 0, and `n_buyers`
    counts the buyers of each category.
    """
    # Customers who buy nothing, or everything, say nothing.
    n_buyers = n_buyers - n_customers[-1]
    n_bought = 1 + np.flatnonzero(n_customers[1:-1])
    n_customers = n_customers[n_bought]
    total = n_customers.sum()
    popularity = np.where(n_buyers > 0, BEYOND, -BEYOND)
    varies = (n_buyers > 0) & (n_buyers < total)
    popularity[varies] = logit(n_buyers[varies] / total)
    breadth = _start(popularity, n_bought)
    for _ in range(N_STEPS):
        breadth += _step_of_breadth(breadth, popularity, n_bought)
        chances = expit(breadth[:, None] + popularity)
        step = _step(n_buyers - n_customers @ chances, n_customers @ (chances * (1 - chances)))
        popularity[varies] += step[varies]
    return popularity


def _expect(popularity, n_bought):
    """The chances of purchases of customers who buy so many categories, (n, n_categories)."""
    breadth = _start(popularity, n_bought)
    for _ in range(N_STEPS):
        breadth += _step_of_breadth(breadth, popularity, n_bought)
    return expit(breadth[:, None] + popularity)


def _start(popularity, n_bought):
    """Breadths to start from, of customers who buy so many categories."""
    share = np.clip(n_bought / len(popularity), RAREST, 1 - RAREST)
    varies = np.abs(popularity) < BEYOND
    return logit(share) - (popularity[varies].mean() if varies.any() else 0)


def _step_of_breadth(breadth, popularity, n_bought):
    chances = expit(breadth[:, None] + popularity)
    return _step(n_bought - chances.sum(axis=1), (chances * (1 - chances)).sum(axis=1))


def _step(missing, spread):
    """A step of Newton's method, of at most 1."""
    return np.clip(missing / np.maximum(spread, RAREST), -1, 1)


def _find_factors(covariance, n_factors):
    """Loadings, (n_factors, n), and noise variances, (n,), of the greatest likelihood.

    This is the iteration of scikit-learn's FactorAnalysis, which needs the rows and decomposes all
    of them each time; here it needs their covariance and its largest eigenvalues.
    """
    components, noise = np.zeros((n_factors, len(covariance))), np.ones(len(covariance))
    varies = np.flatnonzero(covariance.diagonal() > ROUNDING)
    n_found = min(n_factors, len(varies))
    if not n_found:
        return components, noise
    covariance = covariance[np.ix_(varies, varies)]
    largest = [len(varies) - n_found, len(varies) - 1]
    psi, likelihood = np.ones(len(varies)), -np.inf
    for _ in range(MOST_ROUNDS):
        root = np.sqrt(psi)
        scaled = covariance / np.outer(root, root)
        values, vectors = eigh(scaled, subset_by_index=largest)
        loadings = np.sqrt(np.maximum(values - 1, 0)) * vectors * root[:, None]
        before, explained = likelihood, np.maximum(values, 1)
        likelihood = explained.sum() - np.log(explained).sum() - scaled.trace() - np.log(psi).sum()
        variances = covariance.diagonal()
        psi = np.maximum(variances - (loadings**2).sum(axis=1), LEAST_OWN * variances)
        if likelihood - before < TOLERANCE:
            break
    # From the strongest factor to the weakest.
    loadings = loadings.T[::-1]
    strongest = np.abs(loadings).argmax(axis=1)[:, None]
    signs = np.sign(np.take_along_axis(loadings, strongest, axis=1))
    components[:n_found, varies] = loadings * signs
    noise[varies] = psi
    return components, noise
