"""SpendingAggregator: from transactions to a panel of shares.

A TransactionLog (or a panel of amounts) comes in. Out goes, for every customer and period, the
share of spending or income that went to each category. Maree & Omlin (2021), section III-A.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from .._utils._errors import check_choices
from .._utils._sklearn import (
    Interval,
    PanelTransformer,
    RealNotInt,
    StrOptions,
    _fit_context,
    forget_fit,
    one_task,
)
from ..panel import Panel, output_names, validate_panel
from ..transactions import TransactionLog
from ..transactions._balances import BALANCES
from ..transactions._moments import FLOWS, STATISTICS
from ..transactions._refusal import refuse_transactions
from ._columns import choose_categories, name_features, refuse_suffixes
from ._shares import LazyPanel, count_whole_periods, divisor, gross_spending, positive_income

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike

    from .._utils._typing import Integers, Names, PanelLike, Period, Table

MONTHS: dict[Period, int] = {"year": 12, "half": 6, "quarter": 3, "month": 1}
POSITIVE = Interval(Integral, 1, None, closed="left")
BEFORE = "before the first period"
"""Why transactions are left out of the periods."""
SHARES = ("sum",), ("out",), ()
"""The statistics, flows and balances of a panel of shares alone."""


class SpendingAggregator(PanelTransformer):
    """Aggregate each customer's transactions by category and period, as shares.

    Parameters
    ----------
    period : {"year", "half", "quarter", "month"} or int, default="year"
        Length of a period; a number counts months.
    n_periods : int, default=None
        Number of periods, counted back from the last day of the log. By default all whole periods
        that the log of `fit` spans, and at least one; a panel keeps its own number.
    statistics : sequence of str, default=("sum",)
        What to compute of the transactions of a customer, period and category: their ``"sum"``,
        ``"count"``, ``"mean"`` (size), ``"mean_log"`` (mean of log(1 + size)), ``"max"``, ``"std"``
        (standard deviation of the sizes), ``"any"`` (1 if there are any), and ``"days_since"``
        (days from the last one so far, or from the start of the first period, to the end of the
        period). Without a transaction, all others are 0.
    flows : sequence of {"out", "in"}, default=("out",)
        Directions of the money, each with columns of its own. ``"out"`` has those of `categories`;
        its sums have refunds subtracted. ``"in"`` has those of all categories by which money comes
        in, refunds too.
    balances : sequence of {"level", "min", "days_below_zero"}, default=()
        What to compute of the balances that the log knows: that at the end of the period, the
        lowest in it, and the number of days on which it is negative. A balance holds until the next
        one; NaN stands for periods before the first.
    normalize : {"spending", "income"} or None, default="spending"
        The divisor of the sums of a period, and of no other statistic: the customer's spending in
        that period (the sum of absolute amounts, so that refunds cannot inflate shares; of money
        that comes in, all that comes in), the customer's income in that period, or nothing.
    categories : "auto" or list of str, default="auto"
        The categories that become columns. ``"auto"`` takes all spending categories that the log
        knows, also those that no customer of a fold uses. Spending in other categories still
        counts in the divisor.
    min_frequency : int or float, default=None
        Categories that fewer customers use (a number, or a share of the customers of `fit`) are
        added up in a last column ``"infrequent"``.
    max_categories : int, default=None
        Largest number of columns in a period, ``"infrequent"`` included; the categories with the
        fewest customers are added up.
    handle_unknown : {"warn", "error", "ignore", "infrequent_if_exist"}, default="warn"
        How `transform` treats categories that `fit` did not see, unless `categories` lists the
        columns. ``"error"`` raises an error. ``"infrequent_if_exist"`` adds them to the infrequent
        column if there is one, and gives them no column otherwise. ``"warn"`` does the same and
        warns. ``"ignore"`` gives them no column. What a customer spends in an unknown category
        counts as spending; money that comes in by one is neither spending nor income.
    dtype : dtype, default=None
        Type of the shares; by default float64, or the type of a panel. float32 halves the memory.
        Sums are computed in float64 either way.

    Attributes
    ----------
    categories_ : ndarray of str, shape (n_categories,)
        Categories in the order of the columns; None if fitted on an array without names.
    infrequent_categories_ : ndarray of str or None
        The categories in the column ``"infrequent"``; None if there is no such column.
    inflow_categories_ : ndarray of str or None
        The categories of the columns of money that comes in; None without ``"in"`` in `flows`.
    statistics_, flows_, balances_ : tuple of str
        The parameters as `fit` read them.
    spending_categories_, income_categories_ : ndarray of str
        All categories of the log of `fit`: those of spending and those of income.
    n_periods_, n_months_ : int
        Number of periods, and length of one in months.
    period_ : str
        The word for a period in the names of the columns.
    active_periods_ : ndarray of int, shape (n_customers,)
        Number of periods in which each customer of `fit` spent anything.
    normalize_, handle_unknown_, dtype_ : str or None
        The parameters as `fit` read them.
    left_out_ : dict from str to list
        Transactions and amount that `fit` left out, by reason; ``quality_`` is the frame.
    n_features_in_, feature_names_in_ : int, ndarray of str
        Number and names of the columns; only if fitted on a panel, and if it has names.

    See Also
    --------
    TransactionLog : The container to pass to pipelines and searches.
    BigFivePersonalityScorer : Scores personality from the shares.

    Notes
    -----
    With :math:`a_{itc}` the amount that customer i spent in period t on category c, the share is
    :math:`a_{itc} / \\sum_c |a_{itc}|`, or :math:`a_{itc} / y_{it}` with y the income. A customer
    without spending in a period has a row of zeros there; no customer is dropped. A period without
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
        "period": [StrOptions(set(MONTHS)), POSITIVE],
        "n_periods": [None, POSITIVE],
        "statistics": ["array-like"],
        "flows": ["array-like"],
        "balances": ["array-like"],
        "normalize": [None, StrOptions({"spending", "income"})],
        "categories": [StrOptions({"auto"}), "array-like"],
        "min_frequency": [None, POSITIVE, Interval(RealNotInt, 0, 1, closed="neither")],
        "max_categories": [None, POSITIVE],
        "handle_unknown": [StrOptions({"warn", "error", "ignore", "infrequent_if_exist"})],
        "dtype": "no_validation",
    }
    categories_: Names | None
    infrequent_categories_: Names | None
    inflow_categories_: Names | None
    statistics_: tuple[str, ...]
    flows_: tuple[str, ...]
    balances_: tuple[str, ...]
    spending_categories_: Names
    income_categories_: Names
    n_periods_: int
    n_months_: int
    period_: str
    active_periods_: Integers
    normalize_: str | None
    handle_unknown_: str
    dtype_: str | None
    left_out_: dict[str, list[float]]
    n_features_in_: int
    feature_names_in_: Names

    def __init__(
        self,
        period: Period = "year",
        n_periods: int | None = None,
        *,
        statistics: Sequence[str] = ("sum",),
        flows: Sequence[Literal["out", "in"]] = ("out",),
        balances: Sequence[Literal["level", "min", "days_below_zero"]] = (),
        normalize: Literal["spending", "income"] | None = "spending",
        categories: Literal["auto"] | Sequence[str] = "auto",
        min_frequency: int | float | None = None,
        max_categories: int | None = None,
        handle_unknown: Literal["warn", "error", "ignore", "infrequent_if_exist"] = "warn",
        dtype: DTypeLike | None = None,
    ) -> None:
        self.period = period
        self.n_periods = n_periods
        self.statistics = statistics
        self.flows = flows
        self.balances = balances
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
        X : TransactionLog, or panel of amounts
            A panel has shape (n_customers, n_periods * n_categories) or (n_customers, n_periods,
            n_categories), and keeps its periods.
        y : ignored

        Returns
        -------
        self : SpendingAggregator

        Raises
        ------
        TypeError
            If X is a table of transactions that is not wrapped in a TransactionLog.
        ValueError
            If ``normalize="income"`` and the income is unknown, if numbers of periods contradict
            each other, or if `categories` lists one that the log does not know.
        """
        forget_fit(self)
        self.n_months_ = int(MONTHS.get(self.period, self.period))
        self.normalize_ = self.normalize
        self.dtype_ = None if self.dtype is None else np.dtype(self.dtype).name
        wanted = self.statistics, self.flows, self.balances
        self.statistics_, self.flows_, self.balances_ = map(tuple, wanted)
        check_choices("statistics", self.statistics_, STATISTICS)
        check_choices("flows", self.flows_, FLOWS)
        if self.balances_:
            check_choices("balances", self.balances_, BALANCES)
        self.handle_unknown_ = self.handle_unknown
        if not isinstance(self.categories, str) and self.handle_unknown != "ignore":
            # Columns that the user lists are no reason to warn about others.
            self.handle_unknown_ = "infrequent_if_exist"
        if isinstance(X, TransactionLog):
            self._fit_log(X)
        else:
            refuse_transactions(X)
            self._fit_panel(X)
        return self

    def _fit_log(self, log):
        self.spending_categories_, self.income_categories_ = log.categories, log.income_categories
        self.n_periods_ = self.n_periods or count_whole_periods(log, self.n_months_)
        self.period_ = str(self.period) if self.period in MONTHS else "period"
        self._set_categories(log)
        if self.normalize == "income":
            positive_income(log, self)
        counts, n_before, amount_before = log.count_transactions(self.n_months_, self.n_periods_)
        self.active_periods_ = (counts > 0).sum(axis=1)
        self.left_out_ = {reason: counted for reason, *counted in log.quality_.itertuples()}
        self.left_out_[BEFORE] = [n_before, amount_before]

    def _set_categories(self, log):
        periods = self.n_months_, self.n_periods_
        self.categories_, self.infrequent_categories_ = choose_categories(
            log, periods, self.categories, self.min_frequency, self.max_categories
        )
        self.inflow_categories_ = log.inflow_categories if "in" in self.flows_ else None
        if (self.statistics_, self.flows_, self.balances_) != SHARES:
            refuse_suffixes([*self.categories_, *log.inflow_categories])

    def _fit_panel(self, X):
        if self.normalize == "income":
            raise ValueError(
                "normalize='income' needs a TransactionLog: a panel of amounts holds no income."
            )
        if not isinstance(self.categories, str):
            raise ValueError("categories= applies to a TransactionLog; select columns of a panel.")
        if self.min_frequency is not None or self.max_categories is not None:
            raise ValueError("min_frequency= and max_categories= apply to a TransactionLog.")
        if (self.statistics_, self.flows_, self.balances_) != SHARES:
            raise ValueError("statistics=, flows= and balances= apply to a TransactionLog.")
        panel = validate_panel(self, X, n_periods=self.n_periods)
        self.categories_ = np.array(panel.features, dtype=object) if panel.is_named else None
        self.infrequent_categories_ = None
        self.active_periods_ = panel.active_periods
        self.left_out_ = {}

    def transform(self, X: TransactionLog | PanelLike) -> Table:
        """Aggregate and normalise.

        Parameters
        ----------
        X : TransactionLog, or panel of amounts
            A log if the aggregator was fitted on a log, a panel if it was fitted on a panel.

        Returns
        -------
        panel : frame or ndarray, shape (n_customers, n_periods * n_features)
            With a column for each flow, statistic and category, such as ``year1|groceries``,
            ``year1|groceries:mean`` and ``year1|salary:in:count``, and for each of `balances`, such
            as ``year1|balance:min``. Sums are shares, or currency
            units if ``normalize=None``. A log gives a frame indexed by customer, a frame a frame,
            an array an array. The pandas frame of a log has sparse columns if it has more than 16
            million cells, at least three quarters of which are 0: all steps of skspend read them,
            and ``panel.sparse.to_dense()`` makes it dense.

        Raises
        ------
        TypeError
            As `fit`.
        ValueError
            If a customer has no income in any period and ``normalize="income"``, or if the log
            holds unknown categories and ``handle_unknown="error"``.

        Warns
        -----
        UserWarning
            If the log holds spending in unknown categories and ``handle_unknown="warn"``, or spans
            fewer months than the periods.
        """
        check_is_fitted(self)
        was_log = not hasattr(self, "n_features_in_")
        if isinstance(X, TransactionLog) != was_log:
            refuse_transactions(X)
            fitted, got = ("a log", "a panel") if was_log else ("a panel", "a log")
            raise ValueError(f"The aggregator was fitted on {fitted} and cannot transform {got}.")
        if isinstance(X, TransactionLog):
            return LazyPanel(X, self).whole()
        panel = validate_panel(self, X, reset=False)
        shares = panel.cube
        if self.normalize_ is not None:
            shares = shares / divisor(gross_spending(shares))
        shares = shares.astype(self.dtype_ or shares.dtype, copy=False)
        return Panel(shares, panel.period, panel.features).like(X)

    @property
    def features_(self) -> list[str]:
        """Names of the features of a period of a log: by flow and statistic, then balances."""
        check_is_fitted(self)
        return name_features(self)

    @property
    def quality_(self) -> pd.DataFrame:
        """What `fit` left out of the periods: a frame of transactions and amount, by reason."""
        check_is_fitted(self)
        return pd.DataFrame.from_dict(
            self.left_out_, orient="index", columns=["transactions", "amount"]
        )

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Names:
        """Names of the output columns, such as ``year1|groceries``.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X; checked if the aggregator was fitted on a panel.

        Returns
        -------
        names : ndarray of str, shape (n_periods * n_features,)
        """
        check_is_fitted(self)
        if not hasattr(self, "n_features_in_"):
            return Panel(np.empty((0, self.n_periods_, 0)), self.period_, self.features_).names
        generated = [f"x{position}" for position in range(self.n_features_in_ // self.n_periods_)]
        categories = generated if self.categories_ is None else self.categories_
        return output_names(self, categories, input_features)
