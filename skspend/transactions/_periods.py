"""Periods of whole months, counted back from a last day."""

import numpy as np
import pandas as pd

from .._utils._errors import refuse
from ._columns import days_since_1970
from ._quality import NothingLeft

RESOLUTIONS = {"day": 0, "month": 1, "quarter": 3, "half": 6, "year": 12}
"""Months that a row of a log stands for; 0 is a single day."""
DAY, MONTH = np.timedelta64(1, "D"), np.timedelta64(1, "M")


def coarsest_resolution(n_months):
    """Name the coarsest resolution of which a period of `n_months` is a multiple."""
    fitting = {name: n for name, n in RESOLUTIONS.items() if n and n_months % n == 0}
    return max(fitting, key=lambda name: fitting[name])


def month_end(month):
    return (month + MONTH).astype("M8[D]") - DAY


def month_number(date):
    """Return the months from January 1970 to the month of each date."""
    return date.astype("M8[M]").astype(np.int64)


def shared_last_month(cutoff):
    """Return the month of a cutoff that all customers share, in months since 1970, else None."""
    if cutoff is None or isinstance(cutoff, (pd.Series, dict)):
        return None
    return int(month_number(days_since_1970(pd.Series([cutoff]), "cutoff").astype("M8[D]"))[0])


def last_days(cutoff, customers, first_day, last_day, resolution):
    """Return the customers' last days that count; by default the end of the month of `last_day`."""
    if cutoff is None:
        ends = np.full(len(customers), month_end(last_day.astype("M8[M]")))
    elif isinstance(cutoff, (pd.Series, dict)):
        given = pd.Series(cutoff)
        remedy = "Give one date for each"
        refuse(given.index.duplicated(), "cutoff", "repeated customer", remedy)
        given = given.reindex(customers)
        refuse(given.isna().to_numpy(), "cutoff", "no date for a customer", remedy)
        ends = days_since_1970(given, "cutoff").astype("M8[D]")
    else:
        ends = np.repeat(days_since_1970(pd.Series([cutoff]), "cutoff"), len(customers))
        ends = ends.astype("M8[D]")
    if resolution != "day" and (ends != month_end(ends.max().astype("M8[M]"))).any():
        raise ValueError(
            f"resolution={resolution!r} counts whole months back from one last day, and cutoff= "
            f"gives days within a month or one per customer. Pass resolution='day'."
        )
    if first_day > ends.max():
        raise NothingLeft(
            f"All transactions lie after the cutoff; the first is of {first_day}. Check the cutoff "
            f"and the dates.",
            customers,
        )
    return ends.astype(np.int32)


def period_edges(last_days, n_months, n_periods):
    """Return where periods begin and end: days since 1970, shape (n_last_days, n_periods + 1)."""
    last = last_days[:, None]
    month = last.astype("M8[M]")
    # They end on the same day of the month, or on the last one of a month that has no such day.
    day = np.where(last == month_end(month), 31 * DAY, last - month.astype("M8[D]") + DAY)
    month = month - np.arange(n_periods, -1, -1) * n_months * MONTH
    edges = np.minimum(month.astype("M8[D]") + day, (month + MONTH).astype("M8[D]"))
    return edges.astype(np.int64)


def number_periods(days, customer, edges):
    """Number the period of every row, -1 before the first; no day lies after the last edge."""
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
