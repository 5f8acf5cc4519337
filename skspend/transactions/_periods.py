"""Periods of whole months, counted back from a last day."""

import numpy as np


def month_end(month):
    """The last day of months."""
    return (month + 1).astype("M8[D]") - 1


def month_number(date):
    """Months from 1970 to that of a date, or of each of several."""
    return date.astype("M8[M]").astype(np.int64)


def period_edges(last_days, n_months, n_periods):
    """Where periods begin and end.

    Parameters
    ----------
    last_days : ndarray of datetime64[D], shape (n,)
    n_months : int
        Length of a period.
    n_periods : int

    Returns
    -------
    edges : ndarray of int, shape (n, n_periods + 1)
        Days since 1970, oldest first; the last one is the day after.
    """
    after = (last_days + 1)[:, None]
    month = after.astype("M8[M]") - np.arange(n_periods, -1, -1) * n_months
    day_of_month = (after - after.astype("M8[M]")).astype(np.int64)
    # A month without a 31st ends early rather than spilling into the next.
    edges = np.minimum(month.astype("M8[D]") + day_of_month, month_end(month))
    return edges.astype(np.int64)


def number_periods(days, customer, edges):
    """Number the period of every row, -1 for rows before the first.

    Parameters
    ----------
    days, customer : ndarray of int, shape (n_rows,)
        No day lies after the last period.
    edges : ndarray of int, shape (n_customers or 1, n_periods + 1)

    Returns
    -------
    period : ndarray of int, shape (n_rows,)
    """
    dtype = np.min_scalar_type(-edges.shape[1])
    if len(edges) == 1 and len(days):
        # Days are few and rows are many: look the period of a day up. Days before 1970 are
        # negative, and count from the end of the table.
        first, last = min(days.min(), 0), max(days.max(), 0)
        known = np.concatenate([np.arange(last + 1), np.arange(first, 0)])
        return (np.searchsorted(edges[0], known, side="right") - 1).astype(dtype)[days]
    period = np.full(len(days), -1, dtype=dtype)
    for edge in edges.T[:-1]:
        period += days >= (edge[customer] if len(edges) > 1 else edge)
    return period
