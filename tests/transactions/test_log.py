"""The log as a collection of customers: indexing, periods, income, and life inside scikit-learn."""

import calendar
import copy
import datetime
import itertools
import pickle
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    StratifiedKFold,
    cross_validate,
    learning_curve,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.utils import resample

from skspend import SpendingAggregator, TransactionLog

ROWS = [
    ("bob", "2023-01-31", "pets", 10.0),
    ("ann", "2023-06-30", "travel", 250.0),
    ("bob", "2023-12-31", "salary", -900.0),
    ("eve", "2024-01-01", "pets", 30.0),
    ("bob", "2024-02-29", "travel", -5.0),
    ("ann", "2024-03-05", "pets", 7.5),
    ("ann", "2024-03-06", "salary", -1200.0),
]
FRAME = pd.DataFrame(ROWS, columns=["customer", "date", "category", "amount"])
LIBRARIES = {
    "pandas": pd.DataFrame,
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
}
FEW = settings(max_examples=25, deadline=None)


@pytest.fixture(params=LIBRARIES.values(), ids=LIBRARIES.keys())
def library(request):
    return request.param


@pytest.fixture
def log():
    return TransactionLog(FRAME)


def n_after_cutoff(log):
    return log.quality_.loc["after the cutoff", "transactions"]


def of_customers(frame, customers):
    return frame[frame["customer"].isin(customers)]


def spending(amounts, dates, **options):
    """A log of one customer and one category."""
    frame = pd.DataFrame(
        {"customer": "ann", "date": dates, "category": "pets", "amount": amounts},
    )
    return TransactionLog(frame, **options)


@st.composite
def frames(draw):
    """Long frames of whole amounts, so that sums are exact in any order."""
    rows = st.tuples(
        st.integers(0, 5),
        st.dates(datetime.date(2019, 12, 1), datetime.date(2024, 3, 31)),
        st.sampled_from(["pets", "travel", "a|b", "7"]),
        st.integers(-50, 100).map(float),
    )
    return pd.DataFrame(draw(st.lists(rows, min_size=1, max_size=40)), columns=FRAME.columns)


def test_every_library_gives_the_same_log(library):
    assert TransactionLog(library(FRAME)) == TransactionLog(FRAME)
    pd.testing.assert_frame_equal(
        TransactionLog(library(FRAME)).to_frame(), TransactionLog(FRAME).to_frame()
    )


def test_only_a_polars_frame_makes_a_polars_log(library):
    frame = library(FRAME)
    assert TransactionLog(frame).is_polars == isinstance(frame, pl.DataFrame)


def test_labels_span_and_text_describe_the_log(log):
    assert len(log) == 3
    assert log.shape == (3,)
    assert log.customers.tolist() == ["ann", "bob", "eve"]
    assert log.categories.tolist() == ["pets", "travel"]
    assert log.income_categories.tolist() == ["salary"]
    assert log.span == (np.datetime64("2023-01-31"), np.datetime64("2024-03-31"))
    assert repr(log) == (
        "TransactionLog(3 customers, 7 transactions, 2 categories, 2023-01-31 to 2024-03-31)"
    )


def test_the_text_of_a_log_counts_one_and_none_in_words():
    log = spending([1.0], ["2024-01-05"])
    text = "TransactionLog({}, {}, 1 category, 2024-01-05 to 2024-01-31)"
    assert repr(log) == text.format("1 customer", "1 transaction")
    assert repr(log[[]]) == text.format("0 customers", "0 transactions")


def test_to_frame_returns_the_transactions_customer_by_customer(log):
    expected = FRAME.sort_values("customer", kind="stable", ignore_index=True)
    expected["date"] = expected["date"].astype("M8[s]")
    pd.testing.assert_frame_equal(log.to_frame(), expected, check_dtype=False)


@pytest.mark.parametrize(
    ("key", "customers"),
    [
        (0, ["ann"]),
        (-1, ["eve"]),
        (np.int64(1), ["bob"]),
        (slice(1, None), ["bob", "eve"]),
        (slice(None, None, -1), ["eve", "bob", "ann"]),
        (slice(0, 0), []),
        ([], []),
        ([2, 0], ["eve", "ann"]),
        ([-1, -3], ["eve", "ann"]),
        ([1, 1, 0, 1], ["bob", "bob", "ann", "bob"]),
        (np.array([1, 2], dtype=np.int8), ["bob", "eve"]),
        (range(2), ["ann", "bob"]),
        ([True, False, True], ["ann", "eve"]),
        (np.array([False, False, False]), []),
        (pd.Series([False, True, True], ["ann", "bob", "eve"]), ["bob", "eve"]),
        (pd.Series([True, False, True], ["ann", "bob", "eve"], "boolean"), ["ann", "eve"]),
        (pd.Series([2, 1]), ["eve", "bob"]),
        (pl.Series([2, 1]), ["eve", "bob"]),
        (Ellipsis, ["ann", "bob", "eve"]),
        (([2, 0], Ellipsis), ["eve", "ann"]),
    ],
    ids=str,
)
def test_indexing_selects_customers_with_all_their_transactions(log, key, customers):
    selected = log[key]
    assert selected.customers.tolist() == customers
    assert len(selected) == len(customers)
    rows = selected.to_frame()
    for customer in customers:
        times = customers.count(customer)
        pd.testing.assert_frame_equal(
            rows[rows["customer"] == customer].reset_index(drop=True),
            pd.concat([log.to_frame().query("customer == @customer")] * times, ignore_index=True),
        )


@pytest.mark.parametrize("key", [3, -4, [0, 3], 1.5, [0.0], "ann", [True], (0, 1), (1, 1, 0)])
def test_a_key_that_selects_no_customers_is_an_error(log, key):
    with pytest.raises(IndexError):
        log[key]


@pytest.mark.parametrize(
    "index", [None, ["bob", "ann", "eve"], ["ann", "bob"], ["ann", "bob", "eve", "zoe"]], ids=str
)
def test_a_mask_with_another_index_than_the_customers_is_refused(log, index):
    mask = pd.Series(True, index=range(3) if index is None else index)
    with pytest.raises(ValueError) as refusal:
        log[mask]
    said = ["not log.customers", "mask.reindex(log.customers)", "mask.to_numpy()"]
    assert [words for words in said if words not in str(refusal.value)] == []
    if index and len(index) == 3:
        assert log[mask.reindex(log.customers)] == log


@pytest.mark.parametrize("convert", [np.asarray, np.array, lambda log: np.mean(log)])
def test_a_log_is_no_array(log, convert):
    with pytest.raises(TypeError, match=r"Aggregate it first.*SpendingAggregator\(.*\(log\)"):
        convert(log)


@pytest.mark.parametrize("key", [0, slice(2), [], [2, 2, 0], [False, True, False]], ids=str)
def test_labels_stay_whole_under_indexing(log, key):
    assert log[key].categories.tolist() == log.categories.tolist()
    assert log[key].income_categories.tolist() == log.income_categories.tolist()
    assert log[key].span == log.span


@FEW
@given(frames(), st.data())
def test_indexing_twice_is_indexing_by_the_indexed_positions(frame, data):
    log = TransactionLog(frame)
    first = np.array(data.draw(st.lists(st.integers(-len(log), len(log) - 1), min_size=1)), int)
    second = np.array(data.draw(st.lists(st.integers(-len(first), len(first) - 1))), int)
    assert log[first][second] == log[first[second]]


def test_equality_sees_every_difference(log):
    others = [
        log[[1, 0, 2]],
        log[:2],
        TransactionLog(FRAME.assign(amount=FRAME["amount"] + 1)),
        TransactionLog(FRAME.replace("2024-03-06", "2024-03-07")),
        TransactionLog(FRAME.replace("travel", "trips")),
        TransactionLog(FRAME.replace("salary", "wages")),
        TransactionLog(FRAME.replace("ann", "amy")),
        TransactionLog(FRAME, cutoff="2024-03-30"),
        TransactionLog(FRAME, income=pd.DataFrame({"customer": ["ann"], "income": [1.0]})),
        "a log",
    ]
    assert log == copy.copy(log)
    assert [other for other in others if log == other] == []


def test_incomes_with_and_without_dates_differ():
    income = pd.DataFrame({"customer": ["ann"], "income": [1.0], "date": ["2024-01-01"]})
    dated = TransactionLog(FRAME, income=income)
    undated = TransactionLog(FRAME, income=income.drop(columns="date"))
    assert dated != undated
    assert undated != dated


def test_customers_without_transactions_are_kept_in_the_order_given(library):
    log = TransactionLog(library(FRAME), customers=["zoe", "eve", "bob", "ann"])
    assert log.customers.tolist() == ["zoe", "eve", "bob", "ann"]
    assert log.sum_spending(12, 1)[0].tolist() == [[0.0, 0.0]]
    assert log.sum_spending(12, 2)[1].tolist() == [[0.0, 0.0], [30.0, 0.0]]


@pytest.mark.parametrize(
    ("customers", "said"),
    [
        (["ann", "bob"], ["'customer'", "not listed", "1 of 7", "row 3", "List all customers"]),
        ([], ["'customer'", "not listed", "7 of 7"]),
        ([1, 2, 3], ["'customer'", "not listed", "7 of 7"]),
        (["ann", "bob", "eve", "bob"], ["'customers'", "repeated", "1 of 4", "row 3", "once"]),
        (["ann", "bob", "eve", None], ["'customers'", "missing", "1 of 4", "row 3"]),
    ],
)
def test_customers_that_do_not_fit_the_frame_are_an_error(customers, said):
    with pytest.raises(ValueError) as refusal:
        TransactionLog(FRAME, customers=customers)
    assert [words for words in said if words not in str(refusal.value)] == []


@pytest.mark.parametrize(
    "cutoff",
    [
        "2024-02-29",
        datetime.date(2024, 2, 29),
        datetime.datetime(2024, 2, 29, 23, 59, tzinfo=datetime.timezone(datetime.timedelta(0, 60))),
        pd.Timestamp("2024-02-29T00:30", tz="Africa/Johannesburg"),
        np.datetime64("2024-02-29"),
        dict.fromkeys(["zoe", "eve", "bob", "ann"], "2024-02-29"),
        pd.Series(pd.Timestamp("2024-02-29"), index=["bob", "ann", "eve"]),
        pd.Series(pd.Timestamp("2024-02-29T00:30", tz="Asia/Tokyo"), index=["bob", "ann", "eve"]),
    ],
    ids=repr,
)
def test_what_lies_after_the_cutoff_is_left_out_and_counted(library, cutoff):
    log = TransactionLog(library(FRAME), cutoff=cutoff)
    assert n_after_cutoff(log) == 2
    assert log.span == (np.datetime64("2023-01-31"), np.datetime64("2024-02-29"))
    assert log.to_frame()["date"].max() == pd.Timestamp("2024-02-29")
    assert len(log.to_frame()) == 5


def test_periods_count_back_from_each_customers_own_cutoff():
    log = TransactionLog(
        FRAME, cutoff={"ann": "2024-03-05", "bob": "2023-12-31", "eve": "2024-01-01"}
    )
    assert log.period_edges(12, 2).astype("M8[D]").astype(str).tolist() == [
        ["2022-03-06", "2023-03-06", "2024-03-06"],
        ["2022-01-01", "2023-01-01", "2024-01-01"],
        ["2022-01-02", "2023-01-02", "2024-01-02"],
    ]
    # Without ann's salary, only bob's makes the category an income.
    assert log.sum_spending(1, 2).tolist() == [
        [[0.0, 0.0], [7.5, 0.0]],
        [[0.0, 0.0], [0.0, 0.0]],
        [[0.0, 0.0], [30.0, 0.0]],
    ]
    assert log.sum_income(1, 2).tolist() == [[0.0, 0.0], [0.0, 900.0], [0.0, 0.0]]
    assert n_after_cutoff(log) == 2
    assert log.span[1] == np.datetime64("2024-03-05")


def test_a_selection_counts_only_its_own_transactions_after_the_cutoff():
    log = TransactionLog(FRAME, cutoff="2024-02-28")
    assert n_after_cutoff(log) == 3
    assert [n_after_cutoff(log[customer]) for customer in range(3)] == [2, 1, 0]
    assert n_after_cutoff(log[[0, 0, 1]]) == 5


UNREADABLE = [
    ("bob", "2023-05-05", None, 1.0),
    ("bob", "soon", "pets", 2.0),
    (None, "2023-05-05", "pets", 4.0),
    ("zoe", "2023-05-05", "pets", 8.0),
]


def test_a_selection_counts_the_rows_left_out_of_its_own_customers():
    """Rows of no known customer, missing or not listed, are counted by the whole log alone."""
    frame = pd.concat([FRAME, pd.DataFrame(UNREADABLE, columns=FRAME.columns)])
    log = TransactionLog(frame, customers=["ann", "bob", "eve"], cutoff="2024-03-05", errors="drop")
    own = {
        "missing or unreadable date": [1, 2.0],
        "missing category": [1, 1.0],
    }
    of_bob = {reason: [2 * n, 2 * amount] for reason, (n, amount) in own.items()}
    unknown = {"missing customer": [1, 4.0], "customer not listed in customers=": [1, 8.0]}
    late = {"after the cutoff": [1, -1200.0]}
    for selected, expected in [
        (log, own | unknown | late),
        (log[:], own | late),
        (log[[]], {}),
        (log[[0, 2]], late),
        (log[[1, 2, 1]], of_bob),
        (log[[2, 1]][[1, 1]], of_bob),
    ]:
        quality = selected.quality_
        assert len(quality) == 7
        left_out = quality[quality["transactions"] > 0]
        assert {reason: list(row) for reason, *row in left_out.itertuples()} == expected


@pytest.mark.parametrize(
    ("cutoff", "error", "said"),
    [
        ({"ann": "2024-01-01", "bob": "2024-01-01"}, ValueError, ["'cutoff'", "1 of 3", "row 2"]),
        ({}, ValueError, ["'cutoff'", "3 of 3"]),
        (pd.Series(["2024-01-01"] * 4, index=["ann", "bob", "eve", "bob"]), ValueError,
         ["'cutoff'", "repeated customer", "1 of 4", "row 3"]),
        ({"ann": "soon", "bob": "2024-01-01", "eve": "2024-01-01"}, ValueError,
         ["'cutoff'", "soon", "1 of 3", "YYYY-MM-DD"]),
        ("soon", ValueError, ["'cutoff'", "soon"]),
        (pd.NaT, ValueError, ["'cutoff'", "missing"]),
        (["2024-01-01"], ValueError, ["'cutoff'", "unreadable"]),
        (20240101, TypeError, ["'cutoff'", "numbers"]),
        ("2023-01-30", ValueError, ["All transactions", "after the cutoff", "2023-01-31"]),
    ],
)  # fmt: skip
def test_an_unusable_cutoff_is_refused_by_name(cutoff, error, said):
    with pytest.raises(error) as refusal:
        TransactionLog(FRAME, cutoff=cutoff)
    assert [words for words in said if words not in str(refusal.value)] == []


def reference_edges(cutoff, n_months, n_periods):
    """Periods end on the same day of the month, or on its last one, by plain arithmetic."""
    is_month_end = (cutoff + datetime.timedelta(days=1)).day == 1
    edges = []
    for back in range(n_periods, -1, -1):
        year, month = divmod(cutoff.year * 12 + cutoff.month - 1 - back * n_months, 12)
        last = calendar.monthrange(year, month + 1)[1]
        day = last if is_month_end else min(cutoff.day, last)
        edges.append(datetime.date(year, month + 1, day) + datetime.timedelta(days=1))
    return edges


@settings(max_examples=60, deadline=None)
@given(
    st.dates(datetime.date(1950, 1, 1), datetime.date(2100, 12, 31)),
    st.integers(1, 24),
    st.integers(1, 12),
)
def test_period_edges_agree_with_plain_calendar_arithmetic(cutoff, n_months, n_periods):
    log = spending([1.0], ["1930-01-01"], cutoff=cutoff)
    edges = log.period_edges(n_months, n_periods).astype("M8[D]").tolist()
    assert edges == [reference_edges(cutoff, n_months, n_periods)]
    assert edges[0] == sorted(set(edges[0]))


@pytest.mark.parametrize(
    ("cutoff", "n_months", "edges"),
    [
        ("2024-03-31", 1, ["2024-02-01", "2024-03-01", "2024-04-01"]),
        ("2024-03-30", 1, ["2024-01-31", "2024-03-01", "2024-03-31"]),
        ("2023-03-29", 1, ["2023-01-30", "2023-03-01", "2023-03-30"]),
        ("2024-02-29", 12, ["2022-03-01", "2023-03-01", "2024-03-01"]),
        ("2024-02-28", 12, ["2022-03-01", "2023-03-01", "2024-02-29"]),
        ("2023-02-28", 12, ["2021-03-01", "2022-03-01", "2023-03-01"]),
        ("2023-12-31", 6, ["2023-01-01", "2023-07-01", "2024-01-01"]),
        ("2024-01-30", 3, ["2023-07-31", "2023-10-31", "2024-01-31"]),
    ],
)
def test_periods_end_at_month_ends_and_leap_days(cutoff, n_months, edges):
    log = spending([1.0], ["2019-01-01"], cutoff=cutoff)
    assert log.period_edges(n_months, 2).astype("M8[D]").astype(str).tolist() == [edges]


def test_no_year_that_ends_in_february_counts_a_day_twice():
    for cutoff in ("2024-02-27", "2024-02-28", "2024-02-29", "2023-02-28", "2025-02-28"):
        (edges,) = spending([1.0], ["2019-01-01"], cutoff=cutoff).period_edges(12, 3)
        for begin, end in itertools.pairwise(edges):
            days = [str(day)[5:] for day in np.arange(begin, end).astype("M8[D]")]
            assert len(days) == len(set(days)) >= 365, cutoff


def test_periods_end_with_the_last_calendar_month_by_default():
    log = spending([1.0, 2.0, 4.0], ["2023-02-28", "2023-03-01", "2024-02-02"])
    assert log.span[1] == np.datetime64("2024-02-29")
    assert log.sum_spending(12, 2).tolist() == [[[1.0], [6.0]]]


@FEW
@given(
    frames(),
    st.sampled_from([1, 3, 5, 12]),
    st.integers(1, 6),
    st.dates(datetime.date(2024, 3, 31), datetime.date(2025, 3, 31)),
)
def test_a_shared_cutoff_sums_like_the_same_cutoff_for_each(frame, n_months, n_periods, cutoff):
    log = TransactionLog(frame, cutoff=cutoff)
    ends = dict.fromkeys(log.customers, cutoff) | {99: "2023-05-31"}
    own = TransactionLog(frame, cutoff=ends, customers=[*log.customers, 99])
    np.testing.assert_array_equal(
        own.sum_spending(n_months, n_periods)[:-1], log.sum_spending(n_months, n_periods)
    )


@FEW
@given(frames(), st.sampled_from([1, 3, 12]), st.integers(1, 4), st.integers(0, 1500))
def test_amounts_are_conserved(frame, n_months, n_periods, days_before_the_end):
    last = frame["date"].max()
    cutoff = max(frame["date"].min(), last - datetime.timedelta(days_before_the_end))
    log = TransactionLog(frame, cutoff=cutoff)
    is_after = frame["date"] > cutoff
    is_income = frame["category"].isin(log.income_categories) & ~is_after
    _, n_before, before = log.count_transactions(n_months, n_periods)
    within = log.sum_spending(n_months, n_periods).sum()
    assert within + before + frame["amount"][is_after | is_income].sum() == frame["amount"].sum()
    assert n_after_cutoff(log) == is_after.sum()
    assert n_before <= len(frame) - n_after_cutoff(log)
    if len(log.income_categories):
        whole = log.sum_income(n_months, 12 * 5 // n_months)
        assert whole.sum() == -frame["amount"][is_income].sum()


@FEW
@given(frames(), st.randoms(use_true_random=False))
def test_the_order_of_rows_is_irrelevant(frame, random):
    order = list(range(len(frame)))
    random.shuffle(order)
    shuffled = TransactionLog(frame.iloc[order])
    log = TransactionLog(frame)
    np.testing.assert_array_equal(shuffled.sum_spending(3, 8), log.sum_spending(3, 8))
    assert shuffled.customers.tolist() == log.customers.tolist()
    assert shuffled.income_categories.tolist() == log.income_categories.tolist()


@FEW
@given(frames(), st.data(), st.booleans())
def test_selecting_commutes_with_summing(frame, data, has_own_cutoffs):
    customers = sorted(set(frame["customer"]))
    end = datetime.date(2024, 3, 31)
    cutoff = {customer: end + datetime.timedelta(17 * customer) for customer in customers}
    log = TransactionLog(frame, cutoff=cutoff if has_own_cutoffs else end)
    chosen = data.draw(st.lists(st.integers(0, len(log) - 1), max_size=8))
    for aggregate in (log.__class__.sum_spending, lambda *of: of[0].count_transactions(*of[1:])[0]):
        np.testing.assert_array_equal(aggregate(log[chosen], 6, 4), aggregate(log, 6, 4)[chosen])


def test_the_first_day_of_a_period_belongs_to_it():
    dates = ["2023-12-31", "2024-01-01", "2024-01-31", "2024-02-01"]
    frame = pd.DataFrame(
        {"customer": ["ann"] * 4, "date": dates, "category": "pets", "amount": [1.0, 2.0, 4.0, 8.0]}
    )
    shared = TransactionLog(frame)
    own = TransactionLog(
        frame, customers=["ann", "bob"], cutoff={"ann": "2024-02-29", "bob": "2020-01-01"}
    )
    assert shared.sum_spending(1, 2)[0].tolist() == [[6.0], [8.0]]
    assert own.sum_spending(1, 2)[0].tolist() == [[6.0], [8.0]]


def test_a_category_that_balances_is_spending():
    log = spending([5.0, -5.0], ["2024-01-05", "2024-01-07"])
    assert log.categories.tolist() == ["pets"]
    assert log.income_categories.tolist() == []


def test_every_income_category_keeps_its_name():
    rows = [("eve", "2024-01-01", "lottery", -1.0), ("eve", "2024-01-01", "tax refund", -2.0)]
    frame = pd.concat([FRAME, pd.DataFrame(rows, columns=FRAME.columns)])
    log = TransactionLog(frame)
    assert log.income_categories.tolist() == ["lottery", "salary", "tax refund"]
    assert log.to_frame().groupby("category")["amount"].sum().to_dict() == {
        "lottery": -1.0,
        "pets": 47.5,
        "salary": -2100.0,
        "tax refund": -2.0,
        "travel": 245.0,
    }


def test_transactions_of_nothing_and_income_are_not_counted_as_spending():
    frame = pd.DataFrame(
        [
            ("ann", "2023-06-01", "pets", 3.0),
            ("ann", "2023-06-01", "salary", -9.0),
            ("ann", "2024-01-01", "pets", 0.0),
            ("ann", "2024-01-01", "salary", -9.0),
            ("ann", "2024-01-31", "pets", 2.0),
        ],
        columns=FRAME.columns,
    )
    counts, n_before, amount_before = TransactionLog(frame).count_transactions(1, 2)
    assert counts.tolist() == [[0, 1]]
    assert (n_before, amount_before) == (1, 3.0)


def test_customers_are_counted_by_category_if_they_spend_within_the_periods():
    rows = [("eve", "2024-01-02", "travel", 0.0), ("bob", "2024-03-01", "pets", -10.0)]
    log = TransactionLog(pd.concat([FRAME, pd.DataFrame(rows, columns=FRAME.columns)]))
    assert log.count_customers(3, 1).tolist() == [3, 1]
    assert log.count_customers(12, 2).tolist() == [3, 2]
    assert log[[0, 0]].count_customers(1, 1).tolist() == [2, 0]


def test_nobody_has_the_periods_of_the_whole_log(log):
    np.testing.assert_array_equal(log[[]].period_edges(12, 2), log.period_edges(12, 2))


def test_sums_over_nobody_are_empty_and_of_the_same_type(log):
    assert log[[]].sum_spending(12, 2).shape == (0, 2, 2)
    assert log[[]].sum_income(12, 2).shape == (0, 2)
    assert log[[]].sum_spending(12, 2).dtype == log[2].sum_income(12, 2).dtype == np.float64


@FEW
@given(frames(), st.randoms(use_true_random=False))
def test_sums_of_sorted_amounts_do_not_depend_on_the_order_of_rows(frame, random):
    frame["amount"] /= 3
    order = random.sample(range(len(frame)), len(frame))
    income = frame.rename(columns={"amount": "income"})
    logs = [
        TransactionLog(frame.iloc[rows], income=income.iloc[rows]).with_sorted_amounts()
        for rows in (slice(None), order)
    ]
    backwards = np.arange(len(logs[0]))[::-1]
    for sums in (TransactionLog.sum_spending, TransactionLog.sum_income):
        first, second = (sums(log, 12, 4) for log in logs)
        np.testing.assert_array_equal(first, second)
        # Customers can be selected afterwards.
        np.testing.assert_array_equal(sums(logs[1][backwards], 12, 4), first[backwards])
        np.testing.assert_allclose(first, sums(TransactionLog(frame, income=income), 12, 4))


def test_refunds_are_subtracted():
    log = spending([30.0, -12.0, 5.0], ["2024-01-05", "2024-01-07", "2024-02-01"])
    assert log.sum_spending(1, 2).tolist() == [[[18.0], [5.0]]]


def test_outflow_says_which_sign_is_spending():
    negated = TransactionLog(FRAME.assign(amount=-FRAME["amount"]), outflow="negative")
    assert negated == TransactionLog(FRAME)
    assert TransactionLog(FRAME, outflow="negative").income_categories.tolist() == [
        "pets",
        "travel",
    ]
    with pytest.raises(ValueError, match="'positive' or 'negative', got 'both'"):
        TransactionLog(FRAME, outflow="both")


def test_income_is_what_flows_in_by_default(log):
    assert log.sum_income(3, 2).tolist() == [[0.0, 1200.0], [900.0, 0.0], [0.0, 0.0]]


def test_a_dated_income_belongs_to_the_period_of_its_date(library):
    income = pd.DataFrame(
        [
            ("ann", 100.0, "2024-03-31"),
            ("nobody", 1.0, "2024-03-31"),
            ("ann", 20.0, "2023-04-01"),
            ("ann", 3.0, "2023-03-31"),
            ("bob", 4.0, "2021-01-01"),
            ("eve", 5.0, "2024-04-01"),
        ],
        columns=["customer", "income", "date"],
    )
    log = TransactionLog(library(FRAME), income=library(income))
    assert log.sum_income(12, 2).tolist() == [[3.0, 120.0], [0.0, 0.0], [0.0, 0.0]]
    assert log[[1, 0]].sum_income(12, 2).tolist() == [[0.0, 0.0], [3.0, 120.0]]


def test_an_income_without_date_is_that_of_one_year(library):
    income = pd.DataFrame({"customer": ["eve", "ann"], "income": [600.0, 1200.0]})
    log = TransactionLog(library(FRAME), income=library(income))
    assert log.sum_income(12, 2).tolist() == [[1200.0] * 2, [0.0] * 2, [600.0] * 2]
    assert log[[2, 0]].sum_income(3, 1).tolist() == [[150.0], [300.0]]


def test_a_log_without_income_says_how_to_give_it():
    with pytest.raises(ValueError, match=r"knows no income.*income=.*normalize='spending'"):
        spending([1.0], ["2024-01-01"]).sum_income(12, 1)


def test_columns_of_other_names_are_named_by_keyword(library):
    renamed = FRAME.set_axis(["who", "when", "what", "how much"], axis=1)
    income = pd.DataFrame({"who": ["ann"], "income": [5.0], "when": ["2024-03-01"]})
    log = TransactionLog(
        library(renamed),
        customer="who",
        date="when",
        category="what",
        amount="how much",
        income=library(income),
    )
    assert log == TransactionLog(
        FRAME, income=income.set_axis(["customer", "income", "date"], axis=1)
    )


@pytest.mark.parametrize("option", [{}, {"outflow": "negative"}, {"cutoff": "2024-01-31"}], ids=str)
def test_the_callers_frame_is_never_changed(option):
    frame = FRAME.copy(deep=True)
    log = TransactionLog(frame, **option)
    log[[2, 0]].sum_spending(1, 3)
    rows = log.to_frame()
    rows.loc[:, "amount"] = 0
    pd.testing.assert_frame_equal(frame, FRAME)
    assert log == TransactionLog(FRAME, **option)


def test_read_only_columns_are_read():
    columns = {name: FRAME[name].to_numpy(dtype=object) for name in ("customer", "category")}
    columns |= {"date": FRAME["date"].to_numpy("M8[s]"), "amount": FRAME["amount"].to_numpy()}
    for values in columns.values():
        values.flags.writeable = False
    log = TransactionLog(pd.DataFrame(columns, copy=False))
    assert log == TransactionLog(FRAME)
    assert log[[2, 0]].sum_spending(1, 3).shape == (2, 3, 2)


def test_threads_may_index_at_the_same_time():
    frame = pd.concat([FRAME.assign(customer=f"{number:03}") for number in range(200)])
    log = TransactionLog(frame.sample(frac=1, random_state=0))
    whole = TransactionLog(frame).sum_spending(1, 12)
    chosen = [np.random.default_rng(seed).integers(200, size=50) for seed in range(64)]
    with ThreadPoolExecutor(8) as pool:
        sums = list(pool.map(lambda positions: log[positions].sum_spending(1, 12), chosen))
    for positions, found in zip(chosen, sums, strict=True):
        np.testing.assert_array_equal(found, whole[positions])


@pytest.mark.parametrize(
    "copied",
    [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy, lambda x: clone(x, safe=False)],
    ids=["pickled", "deep copy", "clone"],
)
@pytest.mark.parametrize("key", [slice(None), [2, 0, 0], []], ids=str)
def test_a_copied_log_equals_the_log(log, copied, key):
    assert copied(log[key]) == log[key]


@pytest.fixture(scope="module")
def many():
    """Sixty customers, y being what they spend on travel in the last year."""
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "customer": generator.integers(60, size=3000),
            "date": generator.choice(np.arange("2022-01-01", "2024-01-01", dtype="M8[D]"), 3000),
            "category": generator.choice(["pets", "travel", "food"], 3000),
            "amount": generator.integers(1, 100, 3000),
        }
    )
    log = TransactionLog(frame)
    assert len(log) == 60
    return log, log.sum_spending(12, 1)[:, 0, 2]


def test_train_test_split_keeps_customers_and_labels_together(many):
    log, y = many
    train, test, y_train, y_test = train_test_split(log, y, test_size=0.25, random_state=0)
    assert isinstance(train, TransactionLog)
    assert (len(train), len(test)) == (45, 15)
    np.testing.assert_array_equal(train.sum_spending(12, 1)[:, 0, 2], y_train)
    np.testing.assert_array_equal(test.sum_spending(12, 1)[:, 0, 2], y_test)


def test_a_bootstrap_repeats_customers(many):
    log, y = many
    repeated, y_repeated = resample(log, y, random_state=0)
    assert len(set(repeated.customers)) < len(repeated) == 60
    np.testing.assert_array_equal(repeated.sum_spending(12, 1)[:, 0, 2], y_repeated)


@pytest.mark.parametrize("splitter", [KFold(4), StratifiedKFold(4)], ids=str)
def test_splitters_split_customers(many, splitter):
    log, y = many
    tested = [log[test].customers for _, test in splitter.split(log, y > np.median(y))]
    assert sorted(np.concatenate(tested)) == sorted(log.customers)


def travel_model():
    return make_pipeline(
        SpendingAggregator(period="year", n_periods=2, normalize=None), Ridge(1e-6)
    )


def test_cross_validation_learns_from_logs(many):
    results = cross_validate(travel_model(), *many, cv=4, error_score="raise")
    assert (results["test_score"] > 0.999).all()


def test_a_grid_search_searches_over_a_log(many):
    log, y = many
    grid = {"spendingaggregator__period": ["year", "month"], "ridge__alpha": [1e-6]}
    search = GridSearchCV(travel_model(), grid, cv=3, error_score="raise").fit(log, y)
    assert search.best_params_["spendingaggregator__period"] == "year"
    assert search.best_score_ > 0.999
    np.testing.assert_allclose(search.predict(log[:5]), y[:5], rtol=1e-3)


def test_a_learning_curve_draws_from_a_log(many):
    sizes, _, scores = learning_curve(
        travel_model(), *many, train_sizes=[10, 40], cv=3, error_score="raise"
    )
    assert sizes.tolist() == [10, 40]
    assert (scores[1] > 0.999).all()


def test_spending_refunded_in_full_is_none_at_all():
    frame = pd.DataFrame(
        {
            "customer": [1, 1, 1, 2],
            "date": "2024-01-05",
            "category": "travel",
            "amount": [0.1, 0.2, -0.3, 5.0],
        }
    )
    assert TransactionLog(frame).sum_spending(12, 1).ravel().tolist() == [0, 5]


@pytest.mark.parametrize("dates", [["2023-01-05", "2024-01-05"], None])
def test_a_wide_table_is_met_by_the_call_that_melts_it(dates):
    frame = pd.DataFrame({"customer": [1, 2], "pets": [1.0, 2.0], "rent": [3.0, 0.0]})
    if dates:
        frame.insert(1, "date", dates)
    with pytest.raises(ValueError, match="If each category has a column of its own") as refusal:
        TransactionLog(frame)
    call = re.search(r"TransactionLog\(frame(.*), \.\.\.\)", str(refusal.value))[1]
    call = call.replace("YYYY-MM-DD", "2024-01-05")
    log = TransactionLog(eval(f"frame{call}", {"frame": frame}))
    assert log.sum_spending(24, 1)[:, 0].tolist() == [[1.0, 3.0], [2.0, 0.0]]
    assert log.categories.tolist() == ["pets", "rent"]
