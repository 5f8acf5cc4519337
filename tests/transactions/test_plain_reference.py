"""Sums of the library held to a plain reference: a dictionary, and Python's own exact decimals."""

import calendar
import datetime
from collections import defaultdict
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from skspend import SpendingAggregator, TransactionLog

CATEGORIES = ["food", "pets", "travel", "wages"]
CENTS = st.integers(-3000, 10000)
SOME = settings(max_examples=40, deadline=None)
FEW = settings(max_examples=20, deadline=None)
"""For tests that read several logs for each example."""


@st.composite
def tables(draw, cents=CENTS):
    """Rows of customer, date, category and amount in whole cents."""
    row = st.tuples(
        st.sampled_from(["007", "ann", "bob", "eve", "joe"]),
        st.dates(datetime.date(2019, 11, 1), datetime.date(2022, 3, 31)),
        st.sampled_from(CATEGORIES),
        cents,
    )
    rows = draw(st.lists(row, min_size=1, max_size=60))
    return pd.DataFrame(rows, columns=["customer", "date", "category", "amount"])


def period_of(day, last, n_months, n_periods):
    """The period of a day, by counting calendar months back from the last one; None before."""
    back = (last.year * 12 + last.month) - (day.year * 12 + day.month)
    period = n_periods - 1 - back // n_months
    return period if period >= 0 else None


def plain_sums(frame, n_months, n_periods, value=Decimal):
    """Exact sums by (customer, period, category), and the categories of spending and of income."""
    rows = list(frame.itertuples(index=False))
    last = max(row.date for row in rows)
    net, sums = defaultdict(Decimal), defaultdict(Decimal)
    for row in rows:
        net[row.category] += value(row.amount)
        period = period_of(row.date, last, n_months, n_periods)
        if period is not None:
            sums[row.customer, period, row.category] += value(row.amount)
    spending = sorted(category for category in net if net[category] >= 0)
    return sums, spending, sorted(set(net) - set(spending))


def as_panel(sums, customers, n_periods, categories):
    return np.array(
        [[[float(sums[c, p, k]) for k in categories] for p in range(n_periods)] for c in customers]
    ).reshape(len(customers), n_periods, len(categories))


@SOME
@given(tables(), st.sampled_from([1, 3, 6, 12, 5]), st.integers(1, 8))
def test_sums_are_those_of_a_dictionary(frame, n_months, n_periods):
    sums, spending, income = plain_sums(frame, n_months, n_periods)
    log = TransactionLog(frame)
    assert log.customers.tolist() == sorted(frame["customer"].unique())
    assert log.categories.tolist() == spending
    assert log.income_categories.tolist() == income
    expected = as_panel(sums, log.customers, n_periods, spending)
    np.testing.assert_array_equal(log.sum_spending(n_months, n_periods), expected)
    if income:
        earned = -as_panel(sums, log.customers, n_periods, income).sum(axis=2)
        np.testing.assert_array_equal(log.sum_income(n_months, n_periods), earned)


@SOME
@given(tables(), st.integers(0, 4))
def test_decimals_and_cents_are_added_up_exactly(frame, places):
    decimals = frame.assign(amount=[Decimal(cents).scaleb(-places) for cents in frame["amount"]])
    sums, spending, _ = plain_sums(decimals, 12, 3)
    log = TransactionLog(decimals)
    expected = as_panel(sums, log.customers, 3, spending)
    # The nearest float64 of the exact sum, not a sum of floats.
    np.testing.assert_array_equal(log.sum_spending(12, 3), expected)


@SOME
@given(tables(cents=st.sampled_from([10, 20, -30, 70, -10, -60])))
def test_refunds_that_cancel_floats_leave_exactly_nothing(frame):
    log = TransactionLog(frame.assign(amount=frame["amount"] / 100))
    sums, spending, _ = plain_sums(frame, 12, 3)
    assert log.categories.tolist() == spending
    expected = as_panel(sums, log.customers, 3, spending)
    found = log.sum_spending(12, 3)
    np.testing.assert_allclose(found, expected / 100, atol=1e-12)
    np.testing.assert_array_equal(found == 0, expected == 0)


@pytest.mark.filterwarnings("ignore:The transactions span")
@FEW
@given(tables(), st.data())
def test_partitioning_by_customer_and_order_of_rows_are_irrelevant(frame, data):
    whole = TransactionLog(frame)
    aggregator = SpendingAggregator(n_periods=3).fit(whole)
    order = data.draw(st.permutations(range(len(frame))))
    shuffled = TransactionLog(frame.iloc[order])
    expected = aggregator.transform(whole)
    pd.testing.assert_frame_equal(aggregator.transform(shuffled), expected, check_exact=True)
    first = data.draw(st.sets(st.sampled_from(sorted(frame["customer"].unique()))))
    # With a cutoff, parts count back from the same day.
    last = str(whole.span[1])
    parts = [
        aggregator.transform(TransactionLog(part, cutoff=last))
        for part in (
            frame[frame["customer"].isin(first)],
            frame[~frame["customer"].isin(first)],
        )
        if len(part)
    ]
    pd.testing.assert_frame_equal(pd.concat(parts).sort_index(), expected, check_exact=True)


@FEW
@given(tables(), st.lists(st.integers(0, 4), min_size=1, max_size=8))
def test_choosing_customers_and_aggregating_commute(frame, chosen):
    chosen = [position % frame["customer"].nunique() for position in chosen]
    for resolution in ("day", "month"):
        log = TransactionLog(frame, resolution=resolution)
        np.testing.assert_array_equal(
            log[chosen].sum_spending(3, 5), log.sum_spending(3, 5)[chosen]
        )


@FEW
@given(tables())
def test_what_is_spent_is_conserved_by_every_resolution(frame):
    log = TransactionLog(frame)
    total = frame.groupby("category")["amount"].sum()[log.categories].sum()
    months = 12 * (2022 - 2019) + 3
    for resolution in ("day", "month"):
        merged = TransactionLog(frame, resolution=resolution)
        assert merged.n_transactions == len(frame)
        assert merged.sum_spending(1, months).sum() == total
        _, n_before, before = merged.count_transactions(3, 2)
        assert merged.sum_spending(3, 2).sum() + before == total
        assert n_before <= len(frame)


@pytest.mark.parametrize("resolution", ["month", "quarter", "half", "year"])
@FEW
@given(frame=tables())
def test_a_coarser_resolution_gives_the_same_periods(resolution, frame):
    log, merged = TransactionLog(frame), TransactionLog(frame, resolution=resolution)
    n_months = {"month": 1, "quarter": 3, "half": 6, "year": 12}[resolution]
    assert len(merged.to_frame()) <= len(log.to_frame())
    for times in (1, 2):
        np.testing.assert_array_equal(
            merged.sum_spending(times * n_months, 3), log.sum_spending(times * n_months, 3)
        )
        np.testing.assert_array_equal(
            merged.count_transactions(times * n_months, 3)[0] > 0,
            log.count_transactions(times * n_months, 3)[0] > 0,
        )
    if n_months > 1:
        with pytest.raises(ValueError, match=r"has no periods of 1 month\."):
            merged.sum_spending(1, 3)


def test_the_reference_counts_months_as_a_calendar_does():
    last = datetime.date(2022, 3, calendar.monthrange(2022, 3)[1])
    assert period_of(datetime.date(2022, 1, 1), last, 3, 4) == 3
    assert period_of(datetime.date(2021, 12, 31), last, 3, 4) == 2
    assert period_of(datetime.date(2021, 3, 31), last, 3, 4) is None
