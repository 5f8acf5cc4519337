"""Balances of periods, against a plain reference that looks at every day."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from skspend import BigFivePersonalityScorer, SpendingAggregator, TransactionLog
from skspend.transactions._balances import BALANCES

ALL = {"balances": [*BALANCES]}
DAY = pd.Timedelta(days=1)


@st.composite
def tables(draw):
    """Balances after transactions of three customers, one of whom may have none."""
    generator = np.random.default_rng(draw(st.integers(0, 2**31)))
    n_rows = draw(st.integers(1, 30))
    n_days = draw(st.sampled_from([20, 365]))
    days = generator.integers(n_days, size=n_rows)
    return pd.DataFrame({
        "customer": generator.integers(3, size=n_rows),
        "date": pd.Timestamp("2022-01-01") + pd.to_timedelta(days, "D"),
        "category": generator.choice(["pets", "salary"], n_rows),
        "amount": generator.integers(-9, 30, n_rows),
        "balance": generator.integers(-50, 50, n_rows) / draw(st.sampled_from([1, 8])),
    })  # fmt: skip


def expect(frame, log, n_months, n_periods):
    """The balances of each day, the last known one carried forward, summed up by period."""
    edges = np.broadcast_to(log.period_edges(n_months, n_periods), (len(log), n_periods + 1))
    rows = []
    for customer, own_edges in zip(log.customers, edges.astype("M8[D]"), strict=True):
        own = frame[frame["customer"] == customer].groupby("date")["balance"].min()
        every_day = pd.date_range("2020-06-01", "2023-12-31")
        own = own.reindex(every_day).ffill()
        found = []
        for start, end in pairwise(pd.DatetimeIndex(own_edges)):
            inside = own[start : end - DAY]
            below = np.nan if inside.isna().all() else (inside < 0).sum()
            found += [inside.iloc[-1], own[start - DAY : end - DAY].min(), below]
        rows.append(found)
    return np.array(rows)


@pytest.mark.filterwarnings("ignore:The transactions span")
@settings(max_examples=15, deadline=None)
@given(tables(), st.sampled_from([1, 3]), st.booleans(), st.randoms())
def test_balances_are_those_of_every_day(frame, n_months, is_cut, random):
    customers = [2, 0, 1]
    cutoff = None
    if is_cut:
        days = pd.to_timedelta([random.randint(0, 90) for _ in customers], "D")
        cutoff = pd.Series(frame["date"].min() + days, customers)
    log = TransactionLog(frame, balance="balance", customers=customers, cutoff=cutoff)
    spend = SpendingAggregator(n_months, 4, **ALL).set_output(transform="pandas")
    panel = spend.fit_transform(log)
    found = panel.loc[:, panel.columns.str.contains("|balance:", regex=False)]
    np.testing.assert_array_equal(found, expect(frame, log, n_months, 4))
    few = spend.transform(log[[1, 1, 0]])
    pd.testing.assert_frame_equal(few, panel.iloc[[1, 1, 0]])
    assert log == log[:]
    assert (log == TransactionLog(frame, customers=customers, cutoff=cutoff)) is False


@pytest.fixture
def frame():
    return pd.DataFrame({
        "customer": ["ann", "bob", "ann"],
        "date": ["2024-01-10", "2024-02-20", "2024-02-05"],
        "category": ["pets", "rent", "salary"],
        "amount": [20.0, 30.0, -50.0],
        "balance": [-5.0, 30.0, 45.0],
    })  # fmt: skip


def test_columns_of_balances_are_named_and_are_no_shares(frame):
    spend = SpendingAggregator("month", 1, balances=["min", "level"]).set_output(transform="pandas")
    panel = spend.fit_transform(TransactionLog(frame, balance="balance"))
    assert panel.columns.tolist() == [
        *("month1|pets", "month1|rent", "month1|balance:min", "month1|balance:level")
    ]
    assert panel.columns.tolist() == spend.get_feature_names_out().tolist()
    assert panel.loc["ann"].tolist() == [0, 0, -5, 45]
    coefficients = pd.DataFrame({"openness": [1.0, -1.0]}, index=["pets", "rent"])
    scorer = BigFivePersonalityScorer(coefficients, standardize=False).fit(panel)
    assert scorer.coverage_ == 1


@pytest.mark.parametrize("text", ["", "-", "inf"])
def test_a_missing_balance_is_refused_but_not_in_a_row_that_is_left_out(frame, text, tmp_path):
    path = tmp_path / "bank.csv"
    frame.astype({"balance": object}).replace({"balance": {30.0: text}}).to_csv(path, index=False)
    message = "Column 'balance': missing, infinite or unreadable balance in 1 of 3 rows"
    with pytest.raises(ValueError, match=message):
        TransactionLog.scan(path, balance="balance")
    known = TransactionLog.scan(path, balance="balance", customers=["ann"], errors="drop")
    spend = SpendingAggregator("month", 1, **ALL).fit(known)
    assert spend.transform(known).iloc[0, -3:].tolist() == [45, -5, 4]


def test_balances_are_refused_where_there_are_none(frame):
    log = TransactionLog(frame)
    with pytest.raises(ValueError, match="Pass the name of their column to it as balance="):
        SpendingAggregator(**ALL).fit_transform(log)
    with pytest.raises(ValueError, match="balances= apply to a TransactionLog"):
        SpendingAggregator(**ALL).fit(np.ones((3, 4)))
    with pytest.raises(ValueError, match="balances must be 'level', 'min' or 'days_below_zero'"):
        SpendingAggregator(balances=["mean"]).fit(log)
    with pytest.raises(ValueError, match=r"no column 'saldo' \(keyword balance=\)"):
        TransactionLog(frame, balance="saldo")
