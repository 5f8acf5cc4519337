"""How much of the spending is in categories for which a fitted aggregator has a column.

A log and a fitted SpendingAggregator come in; out goes a share by customer, or a warning that the
log lacks months. A model says nothing about spending that it does not see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.utils import gen_batches

from .._utils._text import count, some, warn
from ..categories._mcc import ask_about_codes
from ..transactions._incomes import with_income
from ._shares import (
    CELLS_OF_BLOCK,
    arrange,
    count_months,
    count_whole_periods,
    gross_spending,
)

if TYPE_CHECKING:
    from .._utils._typing import Estimator, Floats
    from ..transactions import TransactionLog

MOST_UNKNOWN = 0.5
"""Share of all spending in unknown categories, above which segments would be a guess."""
N_NAMED = 2
"""Unknown categories that the message names, from the largest."""


def known_share(log: TransactionLog, spend: Estimator, *, allow_unknown: bool = False) -> Floats:
    """Compute the share of every customer's spending that is in known categories.

    Parameters
    ----------
    log : TransactionLog
    spend : SpendingAggregator
        Fitted on a log. Its infrequent categories are known.
    allow_unknown : bool, default=False
        Whether most of the spending may be unknown.

    Returns
    -------
    share : ndarray, shape (n_customers,)
        NaN for customers who spend nothing in the periods.

    Raises
    ------
    ValueError
        If more than half of the spending of all customers is in unknown categories.
    """
    log = with_income(log, spend.income_categories_)
    rare = spend.infrequent_categories_
    columns = spend.categories_ if rare is None else np.append(spend.categories_[:-1], rare)
    is_unknown = ~np.isin(log.categories, columns)
    if not is_unknown.any():
        n_transactions, *_ = log.count_transactions(spend.n_months_, spend.n_periods_)
        return np.where((n_transactions > 0).any(axis=1), 1.0, np.nan)
    known, unknown = np.zeros((2, len(log)))
    by_category = np.zeros(is_unknown.sum())
    n_cells = spend.n_periods_ * (len(log.categories) + len(columns))
    for block in gen_batches(len(log), max(1, CELLS_OF_BLOCK // n_cells)):
        panel = log[block].sum_spending(spend.n_months_, spend.n_periods_)
        known[block] = gross_spending(arrange(panel, log.categories, columns)).sum(axis=1)
        # Money that comes in by an unknown category is no spending. One by one, as in the shares.
        found = panel[:, :, is_unknown].clip(min=0)
        unknown[block] = found.cumsum(axis=2)[:, :, -1].sum(axis=1)
        by_category += found.sum(axis=(0, 1))
    total = known + unknown
    if not allow_unknown and unknown.sum() > MOST_UNKNOWN * total.sum():
        shares = pd.Series(by_category / total.sum(), log.categories[is_unknown])
        largest = shares.sort_values(ascending=False, kind="stable")[:N_NAMED]
        named = ", ".join(f"{str(name)!r} ({share:.1%})" for name, share in largest.items())
        unknown_categories = count(len(shares), "category", "categories")
        raise ValueError(
            f"{shares.sum():.1%} of the spending is in {unknown_categories} that the model does "
            f"not know, above all {named}. It knows {some(columns, 2)}. Segments would be a guess."
            f"{ask_about_codes(log.categories)} Name the categories as in the fit, or pass "
            f"allow_unknown=True."
        )
    return np.divide(known, total, out=np.full(len(log), np.nan), where=total > 0)


def warn_of_short_history(log: TransactionLog, spend: Estimator) -> None:
    """Warn if a log spans fewer whole periods than a fitted SpendingAggregator has."""
    if count_whole_periods(log, spend.n_months_) < spend.n_periods_:
        warn(
            f"The transactions span {count_months(log):,} of the "
            f"{spend.n_months_ * spend.n_periods_:,} months that the model reads, and to it nobody "
            f"spends in the months before: give the earlier transactions, too."
        )
