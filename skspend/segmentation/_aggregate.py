"""The first step of the main job: what customers spend, and on whom the others are fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from sklearn.utils import check_random_state

from .._utils._errors import DataError, blame_data
from .._utils._sklearn import default_output
from .._utils._sparse import find_active
from .._utils._text import all_periods
from ..aggregation import SpendingAggregator
from ..aggregation._aggregator import MONTHS
from ..aggregation._shares import LazyPanel, count_whole_periods
from ..panel import Panel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .._utils._typing import Period, RandomState
    from ..transactions import TransactionLog

FEWEST_ACTIVE = 20
"""Two segments of the smallest size that the clusterer makes."""
MOST_TO_FIT = 50_000
"""Of more customers, a fit takes longer and is no better (docs/measured.md)."""
MOST_CATEGORIES = 50_000
"""Of more, a model does not fit into its file."""
MOST_FOR_FACTORS = 2000
"""Columns of categories without traits, the infrequent ones together: factors are fitted to the
covariance of all pairs of them, and of more they take many minutes or all memory."""


def require_spending(log: TransactionLog) -> None:
    """Raise a DataError if nothing is spent on any category of a log."""
    if not len(log.categories):
        raise DataError(
            f"More money comes in than goes out in each of the {len(log.income_categories)} "
            f"categories, so nobody spends anything. If money spent is negative in the data, pass "
            f"--outflow negative."
        )


@default_output
def aggregate(
    log: TransactionLog,
    *,
    period: Period = "year",
    n_periods: int | None = None,
    normalize: Literal["spending", "income"] | None = "spending",
    traits: bool = True,
    random_state: RandomState = 0,
) -> tuple[SpendingAggregator, LazyPanel, NDArray[np.bool_]]:
    """Fit the first step on all customers, and choose those of the other steps.

    Without `traits`, the rarest of more than 2,000 categories become one, ``"infrequent"``.

    Returns
    -------
    spend : SpendingAggregator
    panel : LazyPanel
        Shares of all customers, which are computed when they are asked for.
    is_fitted : ndarray of bool, shape (n_customers,)
        The customers to fit the other steps on. They spend in all periods. If there are more
        than 50,000, so many are drawn: a fit on more takes longer, and is no better.

    Raises
    ------
    DataError
        If fewer than 20 customers spend in all periods, nothing is spent on any category, or with
        `traits` there are more than 50,000 categories.
    """
    require_spending(log)
    # With one more period than the log spans, nobody spends in the first.
    most = count_whole_periods(log, int(MONTHS.get(period, period))) + 2
    n_counted = None if n_periods is None else min(n_periods, most)
    n_categories = len(log.categories)
    if traits and n_categories > MOST_CATEGORIES:
        raise DataError(
            f"There are {n_categories:,} categories of spending, and a model holds at most "
            f"{MOST_CATEGORIES:,}. Group them, for example by the merchant category code "
            f"(--category with --mcc), or pass --without-traits, which counts the rarest as one."
        )
    is_wide = not traits and n_categories > MOST_FOR_FACTORS
    spend = SpendingAggregator(
        period,
        n_counted,
        normalize=normalize,
        max_categories=MOST_FOR_FACTORS if is_wide else None,
    )
    with blame_data():
        spend.fit(log)
    asked = n_periods or spend.n_periods_
    if count_whole_periods(log, spend.n_months_) < spend.n_periods_:
        # Too many periods are an error before they are a warning.
        counts, *_ = log.count_transactions(spend.n_months_, spend.n_periods_)
        _require_active(counts > 0, asked)
    with blame_data():
        panel = LazyPanel(log, spend)
        spends = [find_active(Panel.read(part, sparse=True).cube) for part in panel]
    is_active = _require_active(np.concatenate(spends), asked)
    return spend, panel, sample(is_active, MOST_TO_FIT, random_state)


def _require_active(spends, n_periods):
    """Who spends in all periods, a mask; or an error that says in how many periods enough do."""
    # Customers who spend in each of the last 1, 2, 3 ... periods.
    n_active = np.logical_and.accumulate(spends[:, ::-1], axis=1).sum(axis=0)
    if n_active[-1] >= FEWEST_ACTIVE:
        return spends.all(axis=1)
    fewer = int((n_active >= FEWEST_ACTIVE).sum())
    remedy = "Fewer --periods do not help: give more customers, or check --date."
    if fewer:
        remedy = f"With --periods {fewer}, {n_active[fewer - 1]:,} do: ask for fewer --periods."
    raise DataError(
        f"Only {n_active[-1]:,} of {len(spends):,} customers spend in {all_periods(n_periods)}, "
        f"and {FEWEST_ACTIVE} are needed to find segments. {remedy}"
    )


def sample(
    is_active: NDArray[np.bool_], most: int, random_state: RandomState = None
) -> NDArray[np.bool_]:
    """Draw some of the active customers, a mask; all of them if they are no more than `most`."""
    rows = np.flatnonzero(is_active)
    if len(rows) <= most:
        return is_active
    drawn = np.zeros(len(is_active), dtype=bool)
    drawn[check_random_state(random_state).choice(rows, most, replace=False)] = True
    return drawn
