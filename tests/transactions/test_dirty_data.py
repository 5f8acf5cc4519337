"""Dirty data, one table of cases: what is refused, what is dropped and counted, and what is valid.

Each case is a change of a good table. Nothing is ever dropped in silence: what errors="raise"
refuses, errors="drop" counts.
"""

import datetime
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.pipeline import Pipeline

from skspend import LSTMStateExtractor, SpendingAggregator, TrajectoryClusterer, TransactionLog

# Many a case is short, as it shows one fault alone.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The transactions span"),
    pytest.mark.filterwarnings("ignore:(One period is|Two periods are)"),
]

CUSTOMERS = ["ann", "bob", "cat", "dan", "eve", "fay"]
CATEGORIES = ["clothing", "hotels", "travel"]
NO_CUSTOMER, NO_CATEGORY = "missing customer", "missing category"
UNLISTED = "customer not listed in customers="
NO_DATE, FAR_DATE = "missing or unreadable date", "date before 1900 or after 2100"
NO_AMOUNT = "missing, infinite or unreadable amount"


def good_frame():
    """Three years of six customers: a payment each quarter and category, and a salary each year."""
    rows = [
        (customer, f"{year}-{month:02}-{10 + k}", category, 10.0 * (1 + k) + month + c)
        for k, customer in enumerate(CUSTOMERS)
        for year in (2021, 2022, 2023)
        for month in (3, 6, 9, 12)
        for c, category in enumerate(CATEGORIES)
    ]
    rows += [
        (customer, f"{year}-01-31", "salary", -1000.0)
        for customer in CUSTOMERS
        for year in (2021, 2022, 2023)
    ]
    return pd.DataFrame(rows, columns=["customer", "date", "category", "amount"])


GOOD = good_frame()
DATED = GOOD.astype({"date": "M8[us]"})


def same(frame):
    return frame


@dataclass(frozen=True)
class Case:
    """A change of the good table, and what is to come of it.

    Parameters
    ----------
    change : callable
        From the good table to another.
    said : list of str
        Words of the error; none if all is valid.
    dropped : dict from reason to list of int
        What ``errors="drop"`` leaves out and counts: rows by reason. If there is an error and
        nothing is dropped, ``errors="drop"`` raises it, too.
    error : type
    base : DataFrame
        The good table, if another than that of text dates.
    options : dict
        Of the log.
    comes_out : callable, default=None
        Checks the log; by default it is that of the good table without the rows dropped.
    warns : str, default=None
        What the pipeline warns of.
    is_lazy : bool, default=True
        Whether an engine other than pandas can hold such a column.
    """

    change: Callable = same
    said: list = field(default_factory=list)
    dropped: dict = field(default_factory=dict)
    error: type = ValueError
    base: pd.DataFrame = field(default_factory=lambda: GOOD)
    options: dict = field(default_factory=dict)
    comes_out: Callable | None = None
    warns: str | None = None
    is_lazy: bool = True

    @property
    def frame(self):
        return self.change(self.base.copy())

    @property
    def bad_rows(self):
        return sorted(row for rows in self.dropped.values() for row in rows)


def cells(column, values, dtype=None):
    """Change some cells of a column: values by row."""

    def change(frame):
        changed = frame[column].astype(dtype or frame[column].dtype)
        changed[list(values)] = list(values.values())
        return frame.assign(**{column: changed})

    return change


def column(name, make):
    """Make a column anew from what it was."""
    return lambda frame: frame.assign(**{name: make(frame[name])})


def bad(name, values, reason, said=(), base=GOOD, dtype=None, **more):
    """Cells that cannot be read, each for the same reason."""
    words = [f"Column {name!r}", reason, f"in {len(values):,} of {len(base)} rows", *said]
    return Case(cells(name, values, dtype), words, {reason: list(values)}, base=base, **more)


def never(change, said, error=ValueError, **more):
    """A table that is refused as a whole, whether or not rows may be dropped."""
    return Case(change, list(said), error=error, **more)


def more_rows(*rows):
    def change(frame):
        return pd.concat([frame, pd.DataFrame(list(rows), columns=frame.columns)])

    return change


def spends(expected, n_months=12, n_periods=3):
    """Check the sums of spending."""

    def check(log):
        sums = log.sum_spending(n_months, n_periods)
        np.testing.assert_allclose(sums, expected(log) if callable(expected) else expected)

    return check


def sums_of(frame):
    """The sums of a plain pandas pivot."""

    def expected(log):
        spent = frame[frame["category"] != "salary"]
        year = pd.to_datetime(spent["date"]).dt.year - 2021
        sums = spent["amount"].groupby([spent["customer"], year, spent["category"]]).sum()
        labels = [log.customers, range(3), log.categories]
        sums = sums.reindex(pd.MultiIndex.from_product(labels), fill_value=0)
        return sums.to_numpy().reshape(len(log), 3, len(log.categories))

    return expected


def known_as(customers):
    def check(log):
        assert log.customers.tolist() == customers
        np.testing.assert_array_equal(log.sum_spending(12, 3), GOOD_SUMS)

    return check


GOOD_SUMS = TransactionLog(GOOD).sum_spending(12, 3)


def income_of(amounts):
    return pd.DataFrame({"customer": CUSTOMERS[: len(amounts)], "income": amounts})


def shares_of_income(said=None, mean_of=None):
    """Check what is made of an income: an error, or in a year without it the mean of others."""

    def check(log):
        aggregator = SpendingAggregator(n_periods=3, normalize="income")
        if said is not None:
            with pytest.raises(ValueError) as refusal:
                aggregator.fit(log)
            assert [words for words in said if words not in str(refusal.value)] == []
            return
        panel = aggregator.fit_transform(log).to_numpy().reshape(GOOD_SUMS.shape)
        np.testing.assert_allclose(panel, GOOD_SUMS / np.asarray(mean_of)[:, None, None])

    return check


def counted_after_the_cutoff(n, amount):
    def check(log):
        assert log.quality_.loc["after the cutoff"].tolist() == [n, amount]

    return check


def has_categories(*names):
    def check(log):
        assert set(names) <= set(log.categories)

    return check


def active_in(years):
    def check(log):
        aggregator = SpendingAggregator(n_periods=3)
        panel = aggregator.fit_transform(log).to_numpy().reshape(len(log), 3, -1)
        is_active = [[year in years.get(who, "123") for year in "123"] for who in log.customers]
        np.testing.assert_allclose(panel.sum(axis=2), is_active, atol=1e-12)
        assert aggregator.active_periods_.tolist() == np.sum(is_active, axis=1).tolist()

    return check


def read_only(values):
    values = values.to_numpy(copy=True)
    values.flags.writeable = False
    return values


def strided(values):
    return np.repeat(values.to_numpy(), 2)[::2]


def zoned(zone):
    """The same days as timestamps an hour and a half before midnight, in another zone."""

    def change(dates):
        return dates.dt.tz_localize(zone) + pd.Timedelta("22:30:00")

    return change


def given_back(frame):
    """What ann paid, as refunds on the same days."""
    paid = frame[(frame["customer"] == "ann") & (frame["category"] != "salary")]
    return paid.assign(amount=-paid["amount"])


def as_kind(k, day):
    return (str, datetime.date.fromisoformat, pd.Timestamp)[k % 3](day)


NUMBERED = GOOD.assign(customer=GOOD["customer"].map(CUSTOMERS.index))
CASES = {
    # Missing and misnamed columns.
    "missing column": never(
        lambda frame: frame.drop(columns="amount"),
        ["no column 'amount' (keyword amount=)", "'customer', 'date', 'category'"],
    ),
    "misnamed columns": never(
        lambda frame: frame.rename(columns={"date": "Date", "amount": "Amount"}),
        ["no column 'date' (keyword date=), 'amount' (keyword amount=)", "'Date'", "'Amount'"],
    ),
    "misnamed column named by keyword": Case(
        lambda frame: frame.rename(columns={"amount": "Amount"}), options={"amount": "Amount"}
    ),
    "two columns of one name": never(
        lambda frame: pd.concat([frame, frame["date"]], axis=1), ["date"], is_lazy=False
    ),
    # NaN, infinite, textual amounts.
    "NaN amounts": bad("amount", {5: np.nan, 9: np.nan}, NO_AMOUNT),
    "infinite amounts": bad("amount", {0: np.inf, 3: -np.inf}, NO_AMOUNT),
    "amounts with a comma": bad(
        "amount", {2: "12,50"}, NO_AMOUNT, ["'12,50'", "plain numbers"], dtype=str
    ),
    "words for amounts": bad(
        "amount", {1: "n/a", 4: "", 7: "EUR 5", 8: "nan", 9: "1 000"}, NO_AMOUNT, dtype=str
    ),
    "missing among textual amounts": bad("amount", {1: None, 3: None}, NO_AMOUNT, dtype=str),
    "missing among whole amounts": bad("amount", {4: None}, NO_AMOUNT, dtype="Int64"),
    "textual amounts": Case(column("amount", lambda amounts: " " + amounts.astype(str) + "e0 ")),
    "Boolean amounts": never(
        column("amount", lambda amounts: amounts > 0), ["'amount'", "not amounts"], TypeError
    ),
    "dates for amounts": never(
        lambda frame: frame.assign(amount=frame["date"]),
        ["'amount'", "not amounts"],
        TypeError,
        base=DATED,
    ),
    "no amount at all": never(
        column("amount", lambda amounts: amounts * np.nan), [NO_AMOUNT, "234"]
    ),
    # Null or blank customers and categories.
    "null customers": bad("customer", {6: None, 7: np.nan}, NO_CUSTOMER, ["name the customer"]),
    "blank customers": bad("customer", {6: "", 7: "  ", 8: "\t"}, NO_CUSTOMER),
    "null categories": bad("category", {0: None, 7: None}, NO_CATEGORY, ["name the category"]),
    "blank categories": bad("category", {0: "", 1: " "}, NO_CATEGORY),
    # Unparseable, time-zoned, out-of-span dates.
    "days before months": bad(
        "date", {0: "31/12/2023", 5: "15.06.2022"}, NO_DATE, ["'31/12/2023'", "YYYY-MM-DD"]
    ),
    "days that never were": bad("date", {3: "2023-02-30", 4: "2023-13-01"}, NO_DATE),
    "words for dates": bad("date", {1: "soon", 2: "today", 3: "now"}, NO_DATE),
    "times that never were": bad("date", {2: "2023-01-01T25:00", 3: "2023-01-01T10:61"}, NO_DATE),
    "missing dates": bad("date", {2: None, 3: ""}, NO_DATE),
    "missing timestamps": bad("date", {2: pd.NaT}, NO_DATE, base=DATED),
    "numbers for dates": never(
        column("date", lambda dates: dates.str.replace("-", "").astype(int)),
        ["'date'", "numbers", "not dates", "to_datetime"],
        TypeError,
    ),
    "time-zoned dates": Case(column("date", zoned("America/New_York")), base=DATED),
    "dates with offsets": Case(
        column("date", lambda dates: dates + "T23:59" + np.where(dates < "2022", "-05:00", "Z"))
    ),
    "dates of placeholders": bad(
        "date",
        {0: "9999-12-31", 1: "1899-12-31", 2: "0001-01-01"},
        FAR_DATE,
        ["'9999-12-31'", "day of the payment"],
    ),
    "timestamps of placeholders": bad(
        "date",
        {0: pd.Timestamp("9999-12-31"), 4: pd.Timestamp("1700-01-01")},
        FAR_DATE,
        base=DATED,
    ),
    "dates after the cutoff": Case(
        more_rows(("ann", "2024-01-01", "travel", 5.0), ("zoe", "2030-05-05", "pets", 2.0)),
        options={"cutoff": "2023-12-31", "customers": [*CUSTOMERS, "zoe"]},
        comes_out=counted_after_the_cutoff(2, 7.0),
    ),
    "dates before the first period": Case(
        more_rows(("ann", "2015-01-01", "travel", 5.0)), comes_out=known_as(CUSTOMERS)
    ),
    # Mixed-type identifiers, identifiers above int32 and with leading zeros.
    "mixed-type identifiers": never(
        cells("customer", {0: 7}, object),
        ["'customer'", "mixes identifiers of types int, str", "astype(str)"],
        is_lazy=False,
    ),
    "lists for identifiers": never(
        column("customer", lambda names: names.map(lambda name: [name])),
        ["'customer'", "lists", "one customer"],
        TypeError,
        is_lazy=False,
    ),
    "identifiers above int32": Case(
        column("customer", lambda names: 2**40 + names.map(CUSTOMERS.index)),
        comes_out=known_as([2**40 + k for k in range(6)]),
    ),
    "identifiers with leading zeros": Case(
        column("customer", lambda names: "00" + names.map(CUSTOMERS.index).astype(str)),
        comes_out=known_as([f"00{k}" for k in range(6)]),
    ),
    "identifiers that differ in zeros": Case(
        column(
            "customer", lambda names: names.map(lambda name: "7".zfill(6 - CUSTOMERS.index(name)))
        ),
        comes_out=known_as(["000007", "00007", "0007", "007", "07", "7"]),
    ),
    "whole identifiers, one missing": bad(
        "customer", {0: np.nan}, NO_CUSTOMER, dtype=float, base=NUMBERED
    ),
    # Zero, negative and missing income.
    "zero income": Case(
        options={"income": income_of([0.0, 1.0, 1.0, 1.0, 1.0, 1.0])},
        comes_out=shares_of_income(["1 of 6 customers has no positive income", "'ann'"]),
    ),
    "negative income": Case(
        options={"income": income_of([1.0, -5.0, 1.0, -5.0, 1.0, 1.0])},
        comes_out=shares_of_income(["2 of 6 customers have no positive income", "'bob'"]),
    ),
    "income of some customers only": Case(
        options={"income": income_of([1.0, 2.0])},
        comes_out=shares_of_income(["4 of 6 customers have no positive income", "'cat'"]),
    ),
    "income of NaN": never(
        same,
        ["Column 'income'", "1 of 2 rows, first in row 1"],
        options={"income": income_of([1.0, np.nan])},
    ),
    "income of every customer": Case(
        options={"income": income_of([10.0, 20.0, 30.0, 40.0, 50.0, 60.0])},
        comes_out=shares_of_income(mean_of=[10.0, 20.0, 30.0, 40.0, 50.0, 60.0]),
    ),
    "salary in every year": Case(comes_out=shares_of_income(mean_of=[1000.0] * 6)),
    "salary missing in a year": Case(
        lambda frame: frame[(frame["category"] != "salary") | (frame["date"] > "2022")],
        comes_out=shares_of_income(mean_of=[1000.0] * 6),
    ),
    "salary that was paid back in a year": Case(
        more_rows(("ann", "2021-05-05", "salary", 1500.0), ("bob", "2021-05-05", "salary", 1000.0)),
        comes_out=shares_of_income(mean_of=[1000.0] * 6),
    ),
    "no salary at all": Case(
        lambda frame: frame[frame["category"] != "salary"],
        comes_out=shares_of_income(["The log knows no income", "income="]),
    ),
    # Refunds.
    "refund in part": Case(
        more_rows(("ann", "2023-05-05", "travel", -25.5)),
        comes_out=spends(sums_of(more_rows(("ann", "2023-05-05", "travel", -25.5))(GOOD))),
    ),
    "refund of everything": Case(
        lambda frame: pd.concat([frame, given_back(frame)]),
        comes_out=spends(sums_of(GOOD[GOOD["customer"] != "ann"])),
    ),
    "refund of more than was paid": Case(
        more_rows(("ann", "2023-05-05", "travel", -500.0)),
        comes_out=spends(sums_of(more_rows(("ann", "2023-05-05", "travel", -500.0))(GOOD))),
    ),
    # Duplicated rows: two equal payments on a day are not one.
    "duplicated rows": Case(
        lambda frame: pd.concat([frame, frame[frame["customer"] == "ann"]]),
        comes_out=spends(sums_of(pd.concat([GOOD, GOOD[GOOD["customer"] == "ann"]]))),
    ),
    "duplicated index": Case(lambda frame: frame.set_axis([0] * len(frame))),
    # A customer without transactions, with one.
    "customer without transactions": Case(
        options={"customers": ["zoe", *CUSTOMERS]}, comes_out=active_in({"zoe": ""})
    ),
    "customer with one transaction": Case(
        more_rows(("zoe", "2022-05-05", "travel", 0.01)), comes_out=active_in({"zoe": "2"})
    ),
    "customer with a transaction of nothing": Case(
        more_rows(("zoe", "2022-05-05", "travel", 0.0)), comes_out=active_in({"zoe": ""})
    ),
    "customer that is not listed": bad(
        "customer",
        {0: "zoe", 1: "zoe"},
        UNLISTED,
        ["'zoe'", "List all customers"],
        options={"customers": CUSTOMERS},
    ),
    # One period, one category, one customer, none.
    "one period": Case(
        lambda frame: frame[frame["date"] > "2023"],
        comes_out=active_in(dict.fromkeys(CUSTOMERS, "3")),
    ),
    "one category": Case(
        lambda frame: frame[frame["category"] == "travel"],
        comes_out=spends(lambda log: GOOD_SUMS[:, :, 2:]),
    ),
    "one customer": Case(
        lambda frame: frame[frame["customer"] == "cat"],
        comes_out=spends(lambda log: GOOD_SUMS[2:3]),
    ),
    "one transaction": Case(lambda frame: frame[:1], comes_out=spends([[[11.0 + 2]]], n_periods=1)),
    "no transaction": never(lambda frame: frame[:0], ["no transactions", "Check the file"]),
    "no customer": never(same, [UNLISTED, "234"], options={"customers": []}),
    # Customers who appear or stop in the middle.
    "customer who appears": Case(
        lambda frame: frame[(frame["customer"] != "ann") | (frame["date"] > "2022")],
        comes_out=active_in({"ann": "23"}),
    ),
    "customer who stops": Case(
        lambda frame: frame[(frame["customer"] != "ann") | (frame["date"] < "2022")],
        comes_out=active_in({"ann": "1"}),
    ),
    "customer who pauses": Case(
        lambda frame: frame[(frame["customer"] != "ann") | (frame["date"].str[:4] != "2022")],
        comes_out=active_in({"ann": "13"}),
    ),
    # Unseen categories and customers at predict.
    "unseen category": Case(
        more_rows(("ann", "2023-05-05", "moon flights", 5.0)),
        comes_out=active_in({}),
        warns="1 category was not in fit .*'moon flights'",
    ),
    "unseen category of income": Case(
        more_rows(("ann", "2023-05-05", "lottery", -5000.0)), comes_out=active_in({})
    ),
    "unseen customers": Case(
        column("customer", lambda names: names.str.upper()),
        comes_out=known_as([name.upper() for name in CUSTOMERS]),
    ),
    # Categories that differ only in capitals or spaces.
    "categories in capitals or with a space": Case(
        cells("category", {0: "Moon flights", 1: "moon flights", 2: "moon flights "}, object),
        comes_out=has_categories("Moon flights", "moon flights", "moon flights "),
        warns="3 categories were not in fit .*'moon flights '",
    ),
    # Amounts of 1e300.
    "amounts of 1e300": Case(
        cells("amount", {0: 1e300, 1: 1e300, 2: -1e300}), comes_out=active_in({})
    ),
    "amounts whose sum is infinite": never(
        cells("amount", dict.fromkeys(range(3), 1.7e308)), ["'amount'", "add up to more than"]
    ),
    "amounts of a largest integer": never(
        cells("amount", {0: 2**63 - 1, 1: 2**63 - 1}, "int64"), ["'amount'", "too much to be exact"]
    ),
    "amounts of a smallest float": Case(
        cells("amount", dict.fromkeys(range(36), 5e-324)), comes_out=active_in({})
    ),
    # Read-only, non-contiguous, object and nullable columns.
    "read-only columns": Case(
        lambda frame: pd.DataFrame({name: read_only(frame[name]) for name in frame}, copy=False)
    ),
    "non-contiguous columns": Case(
        lambda frame: pd.DataFrame({name: strided(frame[name]) for name in frame}, copy=False)
    ),
    "rows of a larger frame": Case(lambda frame: frame.loc[frame.index.repeat(2)][::2]),
    "rows in reverse": Case(lambda frame: frame[::-1]),
    "object columns": Case(lambda frame: frame.astype(object)),
    "objects of different kinds": Case(
        column("date", lambda dates: [as_kind(k, day) for k, day in enumerate(dates)]),
        is_lazy=False,
    ),
    "nullable columns": Case(lambda frame: frame.astype({"amount": "Float64"}).convert_dtypes()),
    "nullable columns of arrow": Case(
        lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"), base=DATED
    ),
    "categorical columns": Case(
        lambda frame: frame.astype({"customer": "category", "category": "category"})
    ),
    # Several at once: each row is counted once, for the first reason.
    "several things wrong at once": Case(
        lambda frame: cells("amount", {1: np.nan, 2: np.nan})(
            cells("category", {1: None, 3: None, 4: None})(
                cells("date", {0: "soon", 3: "soon"})(cells("customer", {0: None, 9: None})(frame))
            )
        ),
        ["Column 'customer'", "2 of 234 rows"],
        {NO_CUSTOMER: [0, 9], NO_DATE: [3], NO_CATEGORY: [1, 4], NO_AMOUNT: [2]},
    ),
    "a row of nothing": Case(
        lambda frame: pd.concat([frame, pd.DataFrame([[None] * 4], columns=frame.columns)]).astype(
            {"customer": str, "date": str, "category": str, "amount": float}
        ),
        ["Column 'customer'", "1 of 235 rows"],
        {NO_CUSTOMER: [234]},
    ),
}


def lazy(frame):
    return pl.from_pandas(frame).lazy()


KINDS = {
    "pandas": (same, {}),
    "polars lazy": (lazy, {}),
    "polars lazy by month": (lazy, {"resolution": "month"}),
}


def each(is_wanted=lambda case: True):
    """Parametrize a test over cases and kinds of frames that can hold them."""
    pairs = [
        pytest.param(case, kind, id=f"{name}-{kind}")
        for name, case in CASES.items()
        for kind in KINDS
        if is_wanted(case) and (case.is_lazy or kind == "pandas")
    ]
    return pytest.mark.parametrize(("case", "kind"), pairs)


def can_be_read(case):
    return bool(case.dropped) or not case.said


@pytest.fixture
def read(case, kind):
    """Reads the table of a case."""
    make, options = KINDS[kind]
    frame = make(case.frame)
    return lambda errors: TransactionLog(frame, errors=errors, **options, **case.options)


@pytest.fixture(scope="module")
def logs():
    """Logs of cases whose bad rows are dropped, which are read once."""
    return {}


@pytest.fixture
def log(case, kind, read, logs):
    key = id(case), kind
    if key not in logs:
        logs[key] = read("drop")
    return logs[key]


@pytest.fixture(scope="module")
def bank_log_with_salary(bank_log):
    salary = {"date": bank_log.span[1], "category": "salary", "amount": -1000.0}
    salaries = pd.DataFrame({"customer": bank_log.customers, **salary})
    return TransactionLog(pd.concat([bank_log.to_frame(), salaries]))


@pytest.fixture(scope="module")
def pipeline(scorer, bank_log_with_salary):
    steps = [
        ("spend", SpendingAggregator(n_periods=3)),
        ("states", LSTMStateExtractor(scorer=scorer, epochs=3, n_init=1, random_state=0)),
        ("segment", TrajectoryClusterer(max_depth=2, random_state=0)),
    ]
    return Pipeline(steps).fit(bank_log_with_salary)


@each()
def test_by_default_a_case_is_refused_or_all_of_it_is_read(case, kind, read):
    if not case.said:
        check(case, read("raise"))
        return
    with pytest.raises(case.error) as refusal:
        read("raise")
    said = str(refusal.value)
    assert [words for words in case.said if words not in said] == []
    if case.dropped and kind == "pandas":
        assert f"first in row {min(next(iter(case.dropped.values()))):,} (" in said


@each(lambda case: not can_be_read(case))
def test_a_table_that_is_wrong_as_a_whole_is_refused_in_any_case(case, kind, read):
    with pytest.raises(case.error) as refusal:
        read("drop")
    assert [words for words in case.said if words not in str(refusal.value)] == []


@each(can_be_read)
def test_what_can_be_dropped_is_dropped_and_counted(case, kind, log):
    check(case, log)
    counted = log.quality_["transactions"].drop("after the cutoff")
    assert counted[counted > 0].to_dict() == {
        reason: len(rows) for reason, rows in case.dropped.items()
    }
    amounts = pd.to_numeric(case.frame[case.options.get("amount", "amount")], errors="coerce")
    amounts = amounts.to_numpy(dtype=float, na_value=0)
    for reason, rows in case.dropped.items():
        expected = 0 if reason == NO_AMOUNT else np.nansum(amounts[rows])
        assert log.quality_.loc[reason, "amount"] == pytest.approx(expected)


@each(can_be_read)
def test_every_row_is_read_or_counted(case, kind, log):
    assert log.n_transactions + log.quality_["transactions"].sum() == len(case.frame)


@each(can_be_read)
def test_the_end_of_a_pipeline_is_finite_for_every_customer(case, kind, log, pipeline):
    with pytest.warns(UserWarning, match=case.warns) if case.warns else nullcontext():
        panel = pipeline[0].transform(log)
    states = pipeline[1].transform(panel)
    segments = pipeline[2].predict(states)
    assert np.shape(panel) == (len(log), 3 * 24)
    assert np.isfinite(panel).all(axis=None)
    assert np.isfinite(states).all(axis=None)
    assert segments.shape == log.shape
    assert set(segments) <= {-1, *pipeline[2].labels_}


def check(case, log):
    if case.comes_out is not None:
        case.comes_out(log)
        return
    kept = case.base.drop(index=case.bad_rows, errors="ignore")
    assert set(kept["customer"]) <= set(log.customers)
    assert log.income_categories.tolist() == ["salary"]
    spends(sums_of(kept))(log)


def test_threads_may_read_and_predict_at_the_same_time(pipeline):
    dirty = [case for case in CASES.values() if case.dropped and case.is_lazy]
    frames = [(same, lazy)[k % 2](case.frame) for k, case in enumerate(dirty)]

    def work(k):
        options = dirty[k].options
        log = TransactionLog(frames[k], errors="drop", **options)
        return log.quality_, pipeline.predict(log)

    alone = [work(k) for k in range(len(frames))]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(work, range(len(frames))))
    for (quality, segments), (expected_quality, expected) in zip(together, alone, strict=True):
        pd.testing.assert_frame_equal(quality, expected_quality)
        np.testing.assert_array_equal(segments, expected)


def test_unseen_categories_may_be_refused_or_ignored(bank_log_with_salary):
    log = TransactionLog(CASES["unseen category"].frame)
    strict = SpendingAggregator(n_periods=3, handle_unknown="error").fit(bank_log_with_salary)
    with pytest.raises(ValueError, match="1 of 4 categories were not in fit: 'moon flights'"):
        strict.transform(log)
    lenient = SpendingAggregator(n_periods=3, handle_unknown="ignore").fit(bank_log_with_salary)
    panel = lenient.transform(log).to_numpy()
    assert np.isfinite(panel).all()
    # What is unknown stays part of what the shares are shares of.
    assert panel[0].sum() < 3
    np.testing.assert_allclose(panel[1:].sum(axis=1), 3)


LITTLE = ["one period", "one category", "one customer", "one transaction"]


@pytest.mark.parametrize("objective", ["type", "reconstruct"])
@pytest.mark.parametrize("case", [CASES[name] for name in LITTLE], ids=LITTLE)
def test_a_pipeline_may_be_fitted_on_very_little(case, objective, scorer):
    log = TransactionLog(case.frame)
    network = LSTMStateExtractor(
        objective=objective, scorer=scorer, epochs=2, n_init=1, random_state=0
    )
    panel = SpendingAggregator().fit_transform(log)
    states = network.fit_transform(panel)
    assert np.isfinite(states).all(axis=None)
    assert TrajectoryClusterer(random_state=0).fit_predict(states).shape == log.shape


def test_nobody_is_no_table_to_predict_for(pipeline):
    nobody = TransactionLog(GOOD)[[]]
    assert pipeline[0].transform(nobody).shape == (0, 3 * 24)
    with pytest.raises(ValueError, match="0 sample"):
        pipeline.predict(nobody)


GOOD_VALUES = st.tuples(
    st.sampled_from(CUSTOMERS),
    st.dates(datetime.date(2021, 1, 1), datetime.date(2023, 12, 31)).map(str),
    st.sampled_from(CATEGORIES),
    st.integers(1, 100).map(float),
)
BAD_VALUES = st.sampled_from(
    [
        *((0, value, NO_CUSTOMER) for value in (None, "", " ")),
        (0, "zoe", UNLISTED),
        *((1, value, NO_DATE) for value in (None, "", "soon", "2023-02-30", "1/2/2023")),
        *((1, value, FAR_DATE) for value in ("9999-12-31", "1899-12-31")),
        *((2, value, NO_CATEGORY) for value in (None, "", "  ")),
        *((3, value, NO_AMOUNT) for value in (None, np.nan, np.inf, -np.inf)),
    ]
)
COLUMN_OF = {
    NO_CUSTOMER: "customer",
    UNLISTED: "customer",
    NO_DATE: "date",
    FAR_DATE: "date",
    NO_CATEGORY: "category",
    NO_AMOUNT: "amount",
}
REASONS = list(COLUMN_OF)
"""In the order in which rows are looked at."""


@st.composite
def dirty_tables(draw):
    """A table, and what is wrong with each of its rows: sets of reasons."""
    rows, wrong = [], []
    for good in draw(st.lists(GOOD_VALUES, min_size=1, max_size=25)):
        row, reasons = list(good), set()
        spoilt = set()
        for position, value, reason in draw(st.lists(BAD_VALUES, max_size=2)):
            if position not in spoilt:
                row[position] = value
                reasons.add(reason)
                spoilt.add(position)
        rows.append(row)
        wrong.append(reasons)
    frame = pd.DataFrame(rows, columns=GOOD.columns)
    text = {"customer": str, "date": str, "category": str}
    return frame.astype(text | {"amount": float}), wrong


MANY = settings(max_examples=30, deadline=None)


@MANY
@given(dirty_tables())
def test_the_first_bad_row_of_a_column_is_named(table):
    frame, wrong = table
    reasons = [reason for reason in REASONS if any(reason in row for row in wrong)]
    if not reasons:
        assert TransactionLog(frame, customers=CUSTOMERS).n_transactions == len(frame)
        return
    rows = [k for k, row in enumerate(wrong) if reasons[0] in row]
    for kind in (same, lazy):
        with pytest.raises(ValueError) as refusal:
            TransactionLog(kind(frame), customers=CUSTOMERS)
        said = str(refusal.value)
        assert f"Column {COLUMN_OF[reasons[0]]!r}: {reasons[0]}" in said
        assert f"in {len(rows)} of {len(frame)} rows" in said
        assert kind is lazy or f"first in row {rows[0]} (" in said


@MANY
@given(dirty_tables(), st.sampled_from(["day", "month", "quarter"]))
def test_dropping_conserves_rows_and_amounts(table, resolution):
    frame, wrong = table
    first_reason = [next((r for r in REASONS if r in row), None) for row in wrong]
    counts = {reason: first_reason.count(reason) for reason in REASONS if reason in first_reason}
    known = frame["amount"].where(np.isfinite(frame["amount"]), 0)
    sums = known.groupby(pd.Series(first_reason)).sum()
    for kind in (same, lazy):
        options = {"customers": CUSTOMERS, "errors": "drop", "resolution": resolution}
        if None not in first_reason:
            with pytest.raises(ValueError, match="No transaction can be read"):
                TransactionLog(kind(frame), **options)
            continue
        log = TransactionLog(kind(frame), **options)
        quality = log.quality_
        counted = quality[quality["transactions"] > 0]
        assert counted["transactions"].to_dict() == counts
        assert counted["amount"].to_dict() == {reason: sums[reason] for reason in counts}
        assert log.n_transactions == first_reason.count(None)
        # All three years, and whatever precedes the last three.
        spent = log.sum_spending(3, 13).sum()
        assert spent + counted["amount"].sum() == known.sum()
