"""Data too short for trajectories: few periods at the fit, or later fewer months than it read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._utils._text import count, warn
from ..aggregation._shares import count_months

if TYPE_CHECKING:
    from .._utils._typing import Estimator
    from ..transactions import TransactionLog

FEW = {1: "One period is no trajectory", 2: "Two periods are hardly a trajectory"}


def warn_of_few_periods(spend: Estimator) -> None:
    """Warn if a SpendingAggregator is fitted on so few periods that hardly anybody moves."""
    if spend.n_periods_ in FEW:
        warn(
            f"{FEW[spend.n_periods_]}, so the segments say little about change: ask for shorter "
            f"periods than {count(spend.n_months_, 'month')} (keyword period=), or give more data."
        )


def warn_of_short_history(log: TransactionLog, spend: Estimator) -> None:
    """Warn if a log spans fewer months than the periods of a fitted SpendingAggregator."""
    n_read = spend.n_months_ * spend.n_periods_
    n_months = count_months(log)
    if n_months < n_read:
        warn(
            f"The transactions span {n_months:,} of the {n_read:,} months that the model reads, "
            f"and to it nobody spends in the months before: give the earlier transactions, too."
        )
