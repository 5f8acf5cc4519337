"""SpendingAggregator: from transactions to a panel of shares.

A TransactionLog (or a panel of amounts) comes in; out goes one row per customer with, period by
period, what share of the customer's spending or income went to each category. This is the dataset
of Maree & Omlin (2021), section III-A.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Literal, Self

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from ._utils._sklearn import (
    CallbackSupportMixin,
    Interval,
    RealNotInt,
    StrOptions,
    _fit_context,
    one_task,
)
from .panel import Panel, output_names, refuse_transactions, validate_panel
from .transactions import TransactionLog
from .transactions._log import with_income

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike
    from sklearn.utils import Tags

    from ._utils._typing import Integers, Names, PanelLike, Period, Table

MONTHS: dict[Period, int] = {"year": 12, "half": 6, "quarter": 3, "month": 1}
INFREQUENT = "infrequent"
"""The column of all categories that few customers use."""
CELLS_AT_ONCE = 2**24
"""Shares are made for so many cells of the panel at a time."""


class SpendingAggregator(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Aggregate each customer's transactions by category and period, as shares.

    Parameters
    ----------
    period : {"year", "half", "quarter", "month"} or int, default="year"
        Length of a period; a number counts months.
    n_periods : int, default=None
        Number of periods, counted back from the last day of the log. By default as many whole
        periods as the log passed to `fit` spans, and at least one; for an array, its own number.
    normalize : {"spending", "income"} or None, default="spending"
        What the amounts of a period are divided by: the customer's spending in that period (the
        sum of absolute amounts, so that refunds cannot blow shares up), the customer's income in
        that period, or nothing.
    categories : "auto" or list of str, default="auto"
        The categories that become columns. ``"auto"`` takes all spending categories that the log
        knows, also those that the customers of a fold happen not to use. Other spending stays part
        of what the shares are shares of.
    min_frequency : int or float, default=None
        Categories on which fewer customers (a number, or a share of those in `fit`) spend anything
        go together into a last column ``"infrequent"``.
    max_categories : int, default=None
        Most columns in a period, ``"infrequent"`` included; those that fewest customers use go.
    handle_unknown : {"warn", "error", "ignore", "infrequent_if_exist"}, default="warn"
        What to do in `transform` about categories that were not there in `fit`, unless the columns
        were chosen by `categories`. ``"error"`` raises;
        ``"infrequent_if_exist"`` counts them as infrequent, and if there is no such column, gives
        them none; ``"warn"`` does the same and warns; ``"ignore"`` gives them none. In a category
        without a role from `fit`, what a customer spends in a period is spending, and what comes in
        is nothing.
    dtype : dtype, default=None
        Of the shares. By default float64, and for a panel its own. float32 halves the memory; sums
        are made in float64 all the same.

    Attributes
    ----------
    categories_ : ndarray of str, shape (n_categories,)
        Categories in the order of the columns; None when fitted on a nameless array.
    infrequent_categories_ : ndarray of str or None
        What the column ``"infrequent"`` holds; None if there is no such column.
    n_periods_ : int
        Number of periods.
    active_periods_ : ndarray of int, shape (n_customers,)
        In how many periods each customer of `fit` spent anything.
    n_features_in_ : int
        Number of columns; only when fitted on a panel.
    feature_names_in_ : ndarray of str
        Names of the columns; only when fitted on a panel that has them.

    See Also
    --------
    TransactionLog : The container to pass to pipelines and searches.
    BigFivePersonalityScorer : Scores personality from the shares.

    Notes
    -----
    With :math:`a_{itc}` the amount that customer i spent in period t on category c, the share is
    :math:`a_{itc} / \\sum_c |a_{itc}|` or :math:`a_{itc} / y_{it}` with y the income. A customer
    who spends nothing in a period has a row of zeros there; nobody is dropped. A period without
    income takes the mean of the customer's other periods.

    References
    ----------
    Maree & Omlin (2021), section III-A.

    Examples
    --------
    >>> import pandas as pd
    >>> from skspend import SpendingAggregator, TransactionLog
    >>> log = TransactionLog(pd.DataFrame({
    ...     "customer": ["ann", "ann", "bob", "ann"],
    ...     "date": ["2023-01-31", "2023-11-02", "2023-02-01", "2024-12-05"],
    ...     "category": ["groceries", "travel", "travel", "travel"],
    ...     "amount": [20.0, 60.0, 300.0, 80.0],
    ... }))
    >>> SpendingAggregator(n_periods=2).set_output(transform="pandas").fit_transform(log)
         year1|groceries  year1|travel  year2|groceries  year2|travel
    ann             0.25          0.75              0.0           1.0
    bob             0.00          1.00              0.0           0.0
    """

    _parameter_constraints = {
        "period": [StrOptions(set(MONTHS)), Interval(Integral, 1, None, closed="left")],
        "n_periods": [None, Interval(Integral, 1, None, closed="left")],
        "normalize": [None, StrOptions({"spending", "income"})],
        "categories": [StrOptions({"auto"}), "array-like"],
        "min_frequency": [
            None,
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="neither"),
        ],
        "max_categories": [None, Interval(Integral, 1, None, closed="left")],
        "handle_unknown": [StrOptions({"warn", "error", "ignore", "infrequent_if_exist"})],
        "dtype": "no_validation",
    }
    categories_: Names | None
    infrequent_categories_: Names | None
    n_periods_: int
    active_periods_: Integers
    n_features_in_: int
    feature_names_in_: Names

    def __init__(
        self,
        period: Period = "year",
        n_periods: int | None = None,
        normalize: Literal["spending", "income"] | None = "spending",
        categories: Literal["auto"] | Sequence[str] = "auto",
        min_frequency: int | float | None = None,
        max_categories: int | None = None,
        handle_unknown: Literal["warn", "error", "ignore", "infrequent_if_exist"] = "warn",
        dtype: DTypeLike | None = None,
    ) -> None:
        self.period = period
        self.n_periods = n_periods
        self.normalize = normalize
        self.categories = categories
        self.min_frequency = min_frequency
        self.max_categories = max_categories
        self.handle_unknown = handle_unknown
        self.dtype = dtype

    @one_task
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: TransactionLog | PanelLike, y: object = None) -> Self:
        """Learn the categories and the number of periods.

        Parameters
        ----------
        X : TransactionLog, long frame, or panel of amounts
            A long frame, of any engine, has the columns customer, date, category and amount. A
            panel has shape (n_customers, n_periods * n_categories) or (n_customers, n_periods,
            n_categories), and keeps its periods.
        y : ignored

        Returns
        -------
        self : SpendingAggregator

        Raises
        ------
        ValueError
            If a long frame is passed inside a search, which would split the transactions of a
            customer; if income is wanted and not known; if numbers of periods contradict each
            other; if `categories` names one that the log does not know.
        """
        log = _as_log(X)
        self._fitted_on_log = log is not None
        if log is None:
            self._fit_panel(X)
        else:
            self._fit_log(log)
        return self

    def _fit_log(self, log):
        self._roles = log.categories, log.income_categories
        self.n_periods_ = self.n_periods or _count_whole_periods(log, self._n_months)
        self._set_categories(log)
        if self.normalize == "income":
            self._income(log)
        counts, n_before, amount_before = log.count_transactions(self._n_months, self.n_periods_)
        self.active_periods_ = (counts > 0).sum(axis=1)
        self._left_out = {reason: counted for reason, *counted in log.quality_.itertuples()}
        self._left_out["before the first period"] = [n_before, amount_before]

    def _set_categories(self, log):
        chosen = log.categories
        if not isinstance(self.categories, str):
            chosen = np.array(list(self.categories), dtype=object)
            unknown = sorted(set(chosen) - set(log.categories))
            if len(set(chosen)) < len(chosen):
                raise ValueError("categories= names a category twice. List every category once.")
            if unknown:
                raise ValueError(
                    f"{len(unknown)} of {len(chosen)} categories= are not in the log, "
                    f"the first is {unknown[0]!r}. The log has: {_some(log.categories)}."
                )
        is_rare = self._find_infrequent(log, chosen)
        self.infrequent_categories_ = chosen[is_rare] if is_rare.any() else None
        self.categories_ = chosen[~is_rare]
        if is_rare.any():
            if INFREQUENT in self.categories_:
                raise ValueError(
                    f"The log has a category {INFREQUENT!r}, which is the name of the column of "
                    f"rare categories. Rename it."
                )
            self.categories_ = np.append(self.categories_, INFREQUENT)

    def _find_infrequent(self, log, chosen):
        """Which categories too few customers use, by the rules of scikit-learn's encoders."""
        is_rare = np.zeros(len(chosen), dtype=bool)
        if self.min_frequency is None and self.max_categories is None:
            return is_rare
        counts = log.count_customers(self._n_months, self.n_periods_)
        counts = counts[pd.Index(log.categories).get_indexer(chosen)]
        if self.min_frequency is not None:
            is_share = not isinstance(self.min_frequency, Integral)
            is_rare = counts < self.min_frequency * (len(log) if is_share else 1)
        most = self.max_categories or len(chosen)
        if (~is_rare).sum() + is_rare.any() > most:
            is_rare[np.argsort(counts, kind="stable")[: len(chosen) - (most - 1)]] = True
        return is_rare

    def _fit_panel(self, X):
        if self.normalize == "income":
            raise ValueError(
                "normalize='income' needs a TransactionLog: a panel of amounts holds no income."
            )
        if not isinstance(self.categories, str):
            raise ValueError("categories= applies to a TransactionLog; select columns of a panel.")
        if self.min_frequency is not None or self.max_categories is not None:
            raise ValueError("min_frequency= and max_categories= apply to a TransactionLog.")
        panel = validate_panel(self, X, n_periods=self.n_periods)
        self.categories_ = np.array(panel.features, dtype=object) if panel.is_named else None
        self.infrequent_categories_ = None
        self.active_periods_ = panel.active_periods
        self._left_out = {}

    def transform(self, X: TransactionLog | PanelLike) -> Table:
        """Aggregate and normalise.

        Parameters
        ----------
        X : TransactionLog, long frame, or panel of amounts
            A log if the aggregator was fitted on one, a panel if on a panel.

        Returns
        -------
        panel : frame or ndarray, shape (n_customers, n_periods * n_categories)
            Shares (currency units if ``normalize=None``), one row per customer. A log gives a frame
            indexed by customer, a frame a frame, an array an array.

        Raises
        ------
        ValueError
            If a customer has no income in any period and ``normalize="income"``, or the log holds
            unknown categories and ``handle_unknown="error"``.

        Warns
        -----
        UserWarning
            If the log holds spending in unknown categories and ``handle_unknown="warn"``.
        """
        check_is_fitted(self)
        log = _as_log(X)
        if (log is not None) != self._fitted_on_log:
            fitted, got = ("a log", "a panel") if self._fitted_on_log else ("a panel", "a log")
            raise ValueError(f"The aggregator was fitted on {fitted} and cannot transform {got}.")
        names = self.get_feature_names_out()
        if log is None:
            panel = validate_panel(self, X, reset=False)
            shares = (
                panel.cube if self.normalize is None else panel.cube / _nonzero(_gross(panel.cube))
            )
            shares = shares.astype(self.dtype or shares.dtype, copy=False)
            return Panel(shares, panel.period, panel.features).like(X)
        shares = self._shares(with_income(log, self._roles[1])).reshape(len(log), -1)
        if log.is_polars:
            return nw.from_numpy(shares, schema=list(names), backend="polars").to_native()
        return pd.DataFrame(shares, index=log.customers, columns=names, copy=False)

    def _shares(self, log):
        """Shares of all customers of a log, (n_customers, n_periods, n_categories)."""
        is_unknown = self._find_unknown(log)
        income = self._income(log) if self.normalize == "income" else None
        shape = len(log), self.n_periods_, len(self.categories_)
        n_at_once = max(1, CELLS_AT_ONCE // max(1, self.n_periods_ * len(log.categories)))
        if len(log) <= n_at_once:
            shares, totals = self._shares_of_block(log, income, is_unknown)
            shares = shares.astype(self.dtype or np.float64, copy=False)
        else:
            shares = np.empty(shape, dtype=self.dtype or np.float64)
            totals = np.zeros(3)
            for block in gen_batches(len(log), n_at_once):
                shares[block], amounts = self._shares_of_block(
                    log[block], None if income is None else income[block], is_unknown
                )
                totals += amounts
        missed, total, came_in = totals
        is_lost = missed or (came_in and self.normalize == "income")
        if is_lost and self.handle_unknown == "warn" and isinstance(self.categories, str):
            where = "get no column" if self.infrequent_categories_ is None else "are infrequent"
            warnings.warn(
                f"{is_unknown.sum()} categories were not there in fit and {where}: "
                f"{_some(log.categories[is_unknown])}. They are {missed / (total or 1):.1%} of the "
                f"spending"
                + (f", and {came_in:,.2f} that came in by them is no income." if came_in else "."),
                stacklevel=4,
            )
        return shares

    def _find_unknown(self, log):
        is_unknown = ~np.isin(log.categories, self._roles[0])
        is_error = self.handle_unknown == "error" and isinstance(self.categories, str)
        if is_unknown.any() and is_error:
            raise ValueError(
                f"{is_unknown.sum()} of {len(log.categories)} categories were not there in fit: "
                f"{_some(log.categories[is_unknown])}. Rename them, or use "
                f"handle_unknown='infrequent_if_exist'."
            )
        return is_unknown

    def _shares_of_block(self, log, income, is_unknown):
        """Shares of a few customers; and how much was spent in unknown categories, how much in
        all, and how much came in by unknown ones."""
        panel = log.sum_spending(self._n_months, self.n_periods_)
        known = _arrange(panel, log.categories, self._roles[0])
        # What comes in by an unknown category may be income: nobody knows. Added up one by one, as
        # what is unknown depends on who is in the log, and the last bit of a sum on how many there
        # are to add.
        found = panel[:, :, is_unknown]
        unknown = found.clip(min=0).cumsum(axis=2)[:, :, -1:].sum(axis=2)
        gross = None
        if is_unknown.any() or self.normalize == "spending":
            gross = _gross(known) + unknown
        selected = _arrange(known, self._roles[0], self.categories_)
        if self.infrequent_categories_ is not None:
            is_rare = np.isin(self._roles[0], self.infrequent_categories_)
            selected[:, :, -1] = known[:, :, is_rare].sum(axis=2)
            if self.handle_unknown != "ignore":
                selected[:, :, -1] += unknown
        if self.normalize is not None:
            selected /= _nonzero(gross if income is None else income)
        totals = unknown.sum(), 0 if gross is None else gross.sum(), -found.clip(max=0).sum()
        return selected, np.array(totals)

    def _income(self, log):
        """Income by period, (n_customers, n_periods), all of it positive."""
        income = log.sum_income(self._n_months, self.n_periods_)
        has_income = income > 0
        without = ~has_income.any(axis=1)
        if without.any():
            raise ValueError(
                f"{without.sum()} of {len(log)} customers have no positive income in any period, "
                f"the first is {log.customers[np.argmax(without)]!r}. Leave them out, as in "
                f"log[mask], give their income, or use normalize='spending'."
            )
        mean = np.where(has_income, income, 0).sum(axis=1) / has_income.sum(axis=1)
        return np.where(has_income, income, mean[:, None])

    @property
    def quality_(self) -> pd.DataFrame:
        """What did not enter the periods: a frame of transactions and amount, by reason."""
        check_is_fitted(self)
        return pd.DataFrame.from_dict(
            self._left_out, orient="index", columns=["transactions", "amount"]
        )

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Names:
        """Names of the output columns, such as ``year1|groceries``.

        Parameters
        ----------
        input_features : array-like of str, default=None
            The columns of X; checked, if given, where X is a panel.

        Returns
        -------
        names : ndarray of str, shape (n_periods * n_categories,)
        """
        check_is_fitted(self)
        if self.categories_ is None:
            n_categories = self.n_features_in_ // self.n_periods_
            features = [f"x{position}" for position in range(n_categories)]
            return output_names(self, features, input_features)
        if self._fitted_on_log:
            name = self.period if self.period in MONTHS else "period"
            return Panel(np.empty((0, self.n_periods_, 0)), str(name), self.categories_).names
        return output_names(self, self.categories_, input_features)

    @property
    def _n_months(self):
        return MONTHS.get(self.period, self.period)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _as_log(X):
    """Give the log that X is; None for a panel."""
    if isinstance(X, TransactionLog):
        return X
    refuse_transactions(X)
    return None


def _count_whole_periods(log, n_months):
    first, last = log.span
    months = (last + 1).astype("M8[M]") - first.astype("M8[M]")
    return max(1, int(months.astype(int)) // n_months)


def _gross(panel):
    return np.abs(panel).sum(axis=2)


def _arrange(panel, categories, wanted):
    """Put the categories of a panel into another order; those it does not hold are zero."""
    if np.array_equal(categories, wanted):
        return panel
    position = pd.Index(categories).get_indexer(wanted)
    arranged = np.zeros((*panel.shape[:2], len(wanted)))
    arranged[:, :, position >= 0] = panel[:, :, position[position >= 0]]
    return arranged


def _nonzero(divisor):
    """What to divide the categories of each customer and period by: nothing stays nothing."""
    return np.where(divisor == 0, divisor.dtype.type(1), divisor)[:, :, None]


def _some(names, most=5):
    listed = ", ".join(repr(str(name)) for name in names[:most])
    return listed + (f" and {len(names) - most} more" if len(names) > most else "")
