"""What the studies take: a panel, or transactions that are aggregated by windows."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.base import clone

from ..aggregation import MONTHS, SpendingAggregator, count_whole_periods
from ..panel import Panel, fold
from ..transactions import TransactionLog

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .._utils._typing import Estimator, Floats, Period


def read_data(X, spend=None):
    """Make a pandas frame with the column names of a panel; customers are numbered from 0.

    By default ``SpendingAggregator()`` makes the panel of a log, and a panel stays as it is.
    """
    if spend is None and isinstance(X, TransactionLog):
        spend = SpendingAggregator()
    if spend is not None:
        X = clone(spend).fit(X, None).transform(X)
    panel = Panel.read(X)
    named = Panel(panel.cube, panel.period or "period", panel.features)
    return pd.DataFrame(named.table, columns=named.names)


def warn_of_coverage(scorer: Estimator | None, panel: pd.DataFrame) -> None:
    """Warn once if a scorer covers little of the spending; tasks suppress this warning."""
    if scorer is not None:
        clone(scorer).fit(panel)


def count_windows(log: TransactionLog, periods: Sequence[Period]) -> list[tuple[Period, int, int]]:
    """Count the whole windows of each length that a log spans: (name, n_months, n_windows).

    Raise a TypeError for anything but a log, and a ValueError for an unknown period or one of which
    the log spans fewer than two windows.
    """
    if not isinstance(log, TransactionLog):
        raise TypeError(
            f"log is a {type(log).__name__}; expected a TransactionLog. Wrap a table of "
            f"transactions: TransactionLog(frame)."
        )
    span = count_whole_periods(log, 1)
    lengths: list[tuple[Period, int, int]] = []
    for period in periods:
        n_months = MONTHS.get(period, period)
        if not isinstance(n_months, Integral) or isinstance(n_months, bool) or n_months < 1:
            raise ValueError(
                f"periods has {period!r}; expected {', '.join(map(repr, MONTHS))} or a positive "
                f"number of months."
            )
        if span < 2 * n_months:
            raise ValueError(
                f"The log spans {span} months, {log.span[0]} to {log.span[1]}, but two windows of "
                f"{period!r} are {2 * n_months} months. Leave {period!r} out of periods."
            )
        lengths.append((period, int(n_months), span // n_months))
    return lengths


def window_panel(
    log: TransactionLog, spend: Estimator, n_months: int, n_windows: int
) -> pd.DataFrame:
    """Make the panel of a log by windows of a length."""
    return clone(spend).set_params(period=n_months, n_periods=n_windows).fit_transform(log)


def window_scores(
    panel: pd.DataFrame, scorer: Estimator, n_windows: int
) -> tuple[Floats, NDArray[np.bool]]:
    """Score every window of every customer, standardised: shape (n_customers, n_windows, 5).

    The second array, of shape (n_customers, n_windows), is true where the customer spends on any
    category that has a coefficient.
    """
    scorer = clone(scorer).set_params(level="period", standardize=True).fit(panel)
    cube = fold(np.asarray(panel), n_windows)
    scores = fold(np.asarray(scorer.transform(panel)), n_windows)
    return scores, (cube[:, :, scorer.support_] != 0).any(axis=2)
