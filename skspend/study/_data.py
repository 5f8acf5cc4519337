"""What every study takes: transactions, or a panel that was made of them."""

import pandas as pd
from sklearn.base import clone

from ..aggregation import SpendingAggregator
from ..panel import Panel
from ..transactions import TransactionLog


def read_data(X, spend=None):
    """Turn the data of a study into a pandas frame whose columns say its periods.

    Parameters
    ----------
    X : TransactionLog, long frame, or panel
        A long frame needs `spend`.
    spend : SpendingAggregator, default=None
        Makes the panel of a log or long frame. By default ``SpendingAggregator()`` does it for a
        log, and everything else is a panel already.

    Returns
    -------
    panel : DataFrame, shape (n_customers, n_periods * n_categories)
        Customers are numbered from 0.
    """
    if spend is None and isinstance(X, TransactionLog):
        spend = SpendingAggregator()
    if spend is not None:
        X = clone(spend).fit(X, None).transform(X)
    panel = Panel.read(X)
    named = Panel(panel.cube, panel.period or "period", panel.features)
    return pd.DataFrame(named.table, columns=named.names)


def warn_of_coverage(scorer, panel):
    """Fit a scorer for nothing but its warning if it knows little of the spending.

    The tasks of a study keep quiet about it, or each would say it again.
    """
    if scorer is not None:
        clone(scorer).fit(panel)
