"""How much of the spending is in categories for which a fitted aggregator has a column.

A log and a fitted SpendingAggregator come in; out goes a share by customer. A model says nothing
about spending that it does not see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.utils import gen_batches

from .._utils._text import count, some
from ..categories._mcc import ask_about_codes
from ..transactions._incomes import are_among, with_income
from ._shares import CELLS_OF_BLOCK, LazyPanel, arrange, find_places, gross_spending

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
    tally = Tally(log, spend, allow_unknown)
    if not tally.is_needed:
        return tally.share
    n_cells = spend.n_periods_ * (len(log.categories) + len(tally.columns))
    for block in gen_batches(len(log), max(1, CELLS_OF_BLOCK // n_cells)):
        tally.add(log[block].sum_spending(spend.n_months_, spend.n_periods_))
    tally.check()
    return tally.share


def panel_with_tally(
    log: TransactionLog, spend: Estimator, *, allow_unknown: bool = False
) -> tuple[LazyPanel, Tally]:
    """Return the panel of a log, and what has the :func:`known_share` of its customers.

    The share is of the sums of which the panel is made: it is known when all parts have been.
    """
    tally = Tally(with_income(log, spend.income_categories_), spend, allow_unknown)
    return LazyPanel(log, spend, tally if tally.is_needed else None), tally


class Tally:
    """What customers spend in known and in unknown categories, added up block by block.

    A LazyPanel passes the sums of each block of customers.
    """

    def __init__(self, log: TransactionLog, spend: Estimator, allow_unknown: bool) -> None:
        self.log, self.spend = log, spend
        rare = spend.infrequent_categories_
        categories = spend.categories_
        self.columns = categories if rare is None else np.append(categories[:-1], rare)
        self.categories: Any = log.categories
        self.allow_unknown = allow_unknown
        self.is_unknown = ~are_among(log.categories, self.columns)
        self.places = find_places(log.categories, self.columns)
        self.by_category = np.zeros(self.is_unknown.sum())
        self.blocks: list[Floats] = []

    @property
    def is_needed(self) -> bool:
        """Whether anything can be unknown."""
        return bool(self.is_unknown.any())

    def add(self, panel: Floats) -> None:
        """Count the sums of some customers, shape (n_customers, n_periods, n_categories)."""
        known = gross_spending(arrange(panel, self.places)).sum(axis=1)
        # Money that comes in by an unknown category is no spending. One by one, as in the shares.
        found = panel[:, :, self.is_unknown].clip(min=0)
        unknown = found.cumsum(axis=2)[:, :, -1].sum(axis=1)
        self.by_category += found.sum(axis=(0, 1))
        self.blocks.append(np.stack([known, unknown]))

    @property
    def share(self) -> Floats:
        """The known share of each customer, shape (n_customers,)."""
        if not self.is_needed:
            spend = self.spend
            n_spent, *_ = self.log.count_transactions(spend.n_months_, spend.n_periods_)
            return np.where((n_spent > 0).any(axis=1), 1.0, np.nan)
        known, unknown = np.concatenate(self.blocks, axis=1)
        total = known + unknown
        return np.divide(known, total, out=np.full(len(total), np.nan), where=total > 0)

    def check(self) -> None:
        """Refuse customers most of whose spending is unknown, unless they are allowed."""
        known, unknown = np.concatenate(self.blocks, axis=1)
        total = (known + unknown).sum()
        if self.allow_unknown or unknown.sum() <= MOST_UNKNOWN * total:
            return
        shares = pd.Series(self.by_category / total, self.categories[self.is_unknown])
        largest = shares.sort_values(ascending=False, kind="stable")[:N_NAMED]
        named = ", ".join(f"{str(name)!r} ({share:.1%})" for name, share in largest.items())
        unknown_categories = count(len(shares), "category", "categories")
        raise ValueError(
            f"{shares.sum():.1%} of the spending is in {unknown_categories} that the model does "
            f"not know, above all {named}. It knows {some(self.columns, 2)}. Segments would be a "
            f"guess.{ask_about_codes(self.categories)} Name the categories as in the fit, or pass "
            f"allow_unknown=True."
        )
