"""Dirty data: one table of cases, each of them read, refused, or dropped and counted.

A good frame of a few customers is changed in one way at a time. Each case says what an error would
say and how many rows it is about, or that the data is valid; and what stays when rows are dropped.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.pipeline import Pipeline

from skspend import (
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
    TransactionLog,
)

N_CUSTOMERS, MONTHS = 12, pd.period_range("2023-01", "2024-12", freq="M")


def make_frame():
    """Two years of twelve customers, three transactions a month each, one of them a wage."""
    rng = np.random.default_rng(0)
    rows = [
        (f"{customer:03}", str(month) + day, category, sign * round(rng.gamma(2, 20), 2))
        for customer in range(N_CUSTOMERS)
        for month in MONTHS
        for day, category, sign in (
            ("-05", "food", 1), ("-17", rng.choice(["pets", "travel"]), 1), ("-28", "wage", -4),
        )
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["customer", "date", "category", "amount"])


GOOD = make_frame()
N = len(GOOD)


def put(column, **values):
    """Other values in some rows of a column, such as ``row3=None``."""

    def change(frame):
        changed = frame[column].astype(object)
        for row, value in values.items():
            changed.iloc[int(row.removeprefix("row"))] = value
        return frame.assign(**{column: changed})

    return change


def convert(column, function):
    return lambda frame: frame.assign(**{column: function(frame[column])})


@dataclass(frozen=True)
class Case:
    """How the good frame is changed, and what becomes of it.

    Parameters
    ----------
    name : str
    change : callable
        From a frame to a frame.
    says : tuple of str
        What the error says; empty if the data is valid.
    reason : str
        For which it is dropped, with `n_dropped` rows. None if it cannot be: an error all the same.
    options : dict
        Of the log.
    holds : callable
        From the log that is made of the good frame, and the one of this case, to whether all is
        well; by default, if they are the same.
    """

    name: str
    change: object = field(default=lambda frame: frame, repr=False)
    says: tuple = ()
    reason: str | None = None
    n_dropped: int = 0
    options: dict = field(default_factory=dict)
    holds: object = field(default=None, repr=False)


LARGE = 2**60 + 1
AMOUNT = "missing, infinite or unreadable amount"
DATE = "missing or unreadable date"
SPAN = "date before 1900 or after 2100"


def spending(log):
    return log.sum_spending(12, 2)


def same(good, log):
    """Engines add up floats in an order of their own."""
    return good.customers.tolist() == log.customers.tolist() and same_but_for_customers(good, log)


def same_but_for_customers(good, log):
    return (
        good.span == log.span
        and good.categories.tolist() == log.categories.tolist()
        and np.allclose(spending(good), spending(log), rtol=1e-12)
        and np.allclose(good.sum_income(12, 2), log.sum_income(12, 2), rtol=1e-12)
    )


CASES = [
    Case("missing column", lambda frame: frame.drop(columns="amount"),
         ("frame has no column 'amount' (keyword amount=)", "'category'", "by keyword")),
    Case("misnamed column", lambda frame: frame.rename(columns={"date": "Date"}),
         ("frame has no column 'date' (keyword date=)", "'Date'")),
    Case("misnamed column, named by keyword", lambda frame: frame.rename(columns={"date": "Date"}),
         options={"date": "Date"}),
    Case("NaN among amounts", put("amount", row3=np.nan, row8=np.nan),
         ("'amount'", "2 of 864", "row 3", "such as nan", "Drop these rows"), AMOUNT, 2),
    Case("infinite amounts", put("amount", row7=np.inf, row9=-np.inf),
         ("'amount'", "2 of 864", "row 7", "such as inf"), AMOUNT, 2),
    Case("null amount", put("amount", row0=None), ("'amount'", "1 of 864", "row 0"), AMOUNT, 1),
    Case("textual amounts that are numbers", convert("amount", lambda values: values.astype(str))),
    Case("textual amounts that are none",
         lambda frame: put("amount", row5="12,50", row6="free")(
             frame.assign(amount=frame["amount"].astype(str))),
         ("'amount'", "2 of 864", "row 5", "'12,50'", "plain numbers"), AMOUNT, 2),
    Case("amounts that are dates", convert("amount", lambda values: pd.Timestamp("2024-01-01")),
         ("'amount'", "not amounts", "convert the right column")),
    Case("null customer", put("customer", row2=None, row4=None),
         ("'customer'", "missing customer", "2 of 864", "row 2", "name the customer"),
         "missing customer", 2),
    Case("blank customer", put("customer", row2=" ", row4=""),
         ("'customer'", "missing customer", "2 of 864", "row 2"), "missing customer", 2),
    Case("null category", put("category", row1=None),
         ("'category'", "missing category", "1 of 864", "row 1"), "missing category", 1),
    Case("blank category", put("category", row1="\t"),
         ("'category'", "missing category", "1 of 864", "row 1"), "missing category", 1),
    Case("unparseable dates", put("date", row3="31/12/2024", row4="2023-02-30", row5="soon"),
         ("'date'", "'31/12/2024'", "3 of 864", "row 3", "YYYY-MM-DD"), DATE, 3),
    Case("null date", put("date", row3=None), ("'date'", "1 of 864", "row 3"), DATE, 1),
    Case("numbers as dates", convert("date", lambda dates: 20240131),
         ("'date'", "holds numbers", "to_datetime")),
    Case("times with offsets", convert("date", lambda dates: dates + "T23:30:00+05:00")),
    Case("times of a zone",
         convert("date", lambda days: pd.to_datetime(days + "T23").dt.tz_localize("Asia/Tokyo"))),
    Case("dates out of span", put("date", row3="9999-12-31", row4="1753-01-01"),
         ("'date'", "before 1900 or after 2100", "2 of 864", "row 3", "Drop these rows"), SPAN, 2),
    Case("days after the cutoff", options={"cutoff": "2024-06-30"},
         holds=lambda good, log: log.n_after_cutoff == 6 * 3 * N_CUSTOMERS
         and log.quality_.loc["after the cutoff", "transactions"] == log.n_after_cutoff),
    Case("identifiers of mixed types", put("customer", row0=7, row1="7"),
         ("'customer'", "types int, str", "astype(str)")),
    Case("identifiers above int32", convert("customer", lambda names: names.astype(int) + LARGE),
         holds=lambda good, log: log.customers.tolist() == [LARGE + k for k in range(N_CUSTOMERS)]
         and same_but_for_customers(good, log)),
    Case("identifiers with leading zeros",
         holds=lambda good, log: log.customers[:2].tolist() == ["000", "001"]),
    Case("customer not listed", options={"customers": [f"{k:03}" for k in range(1, N_CUSTOMERS)]},
         says=("'customer'", "not listed in customers=", "'000'", "72 of 864", "row 0"),
         reason="customer not listed in customers=", n_dropped=72),
    Case("refunds", put("amount", row0=-5.0),
         holds=lambda good, log: log.categories.tolist() == good.categories.tolist()
         and spending(log)[0, 0, 0] < spending(good)[0, 0, 0]),
    Case("a refund that cancels", lambda frame: pd.concat(
             [frame, frame[frame["category"] == "food"].assign(amount=lambda f: -f["amount"])]),
         holds=lambda good, log: (spending(log)[:, :, 0] == 0).all()),
    Case("duplicated rows", lambda frame: pd.concat([frame, frame]),
         holds=lambda good, log: log.n_transactions == 2 * N
         and np.allclose(spending(log), 2 * spending(good))),
    Case("a customer without transactions",
         options={"customers": ["nobody", *(f"{k:03}" for k in range(N_CUSTOMERS))]},
         holds=lambda good, log: (spending(log)[0] == 0).all()
         and np.array_equal(spending(log)[1:], spending(good))),
    Case("a customer with one transaction", lambda frame: pd.concat(
             [frame, pd.DataFrame([("one", "2024-05-05", "food", 3.0)], columns=frame.columns)]),
         holds=lambda good, log: spending(log)[-1].tolist() == [[0, 0, 0], [3, 0, 0]]),
    Case("one customer", lambda frame: frame[frame["customer"] == "003"],
         holds=lambda good, log: np.array_equal(spending(log), spending(good)[3:4])),
    Case("one category", lambda frame: frame[frame["category"] == "food"],
         holds=lambda good, log: np.array_equal(spending(log)[:, :, 0], spending(good)[:, :, 0])),
    Case("one period", lambda frame: frame[frame["date"] >= "2024"],
         holds=lambda good, log: np.array_equal(spending(log)[:, 1], spending(good)[:, 1])
         and (spending(log)[:, 0] == 0).all()),
    Case("no rows", lambda frame: frame[:0], ("no transactions", "Check the file")),
    Case("no readable row", convert("amount", lambda values: np.nan),
         ("'amount'", "864 of 864", "row 0")),
    Case("a customer who appears in the middle",
         lambda frame: frame[(frame["customer"] != "005") | (frame["date"] >= "2024")],
         holds=lambda good, log: (spending(log)[5, 0] == 0).all()
         and np.array_equal(spending(log)[:, 1], spending(good)[:, 1])),
    Case("a customer who stops in the middle",
         lambda frame: frame[(frame["customer"] != "005") | (frame["date"] < "2024")],
         holds=lambda good, log: (spending(log)[5, 1] == 0).all()
         and np.array_equal(spending(log)[:, 0], spending(good)[:, 0])),
    Case("a category not seen before", put("category", row0="moon"),
         holds=lambda good, log: "moon" in log.categories),
    Case("a customer not seen before", put("customer", row0="999"),
         holds=lambda good, log: log.customers[-1] == "999" and len(log) == N_CUSTOMERS + 1),
    Case("an amount of 1e300", put("amount", row0=1e300),
         holds=lambda good, log: spending(log)[0, 0, 0] == 1e300),
    Case("amounts too large to add up", convert("amount", lambda values: 1e308),
         ("'amount'", "add up to more than", "1e+308")),
    Case("nullable columns", lambda frame: frame.convert_dtypes()),
    Case("arrow columns", lambda frame: frame.convert_dtypes(dtype_backend="pyarrow")),
    Case("columns of objects", lambda frame: frame.astype(object)),
    Case("categorical columns",
         lambda frame: frame.astype({"customer": "category", "category": "category"})),
    Case("columns that are not contiguous",
         lambda frame: frame.loc[np.repeat(frame.index, 2)].iloc[::2].reset_index(drop=True)),
    Case("read-only columns", lambda frame: frame.assign(
             amount=np.frombuffer(frame["amount"].to_numpy().tobytes()))),
    Case("an index of its own", lambda frame: frame.set_axis(np.arange(N)[::-1])),
]  # fmt: skip
LIBRARIES = {"pandas": lambda frame: frame, "polars": pl.from_pandas,
             "polars lazy": lambda frame: pl.from_pandas(frame).lazy()}  # fmt: skip
ONLY_PANDAS = {
    # These are about pandas; or a column of mixed types, which polars does not have.
    "identifiers of mixed types", "columns of objects", "columns that are not contiguous",
    "read-only columns", "an index of its own",
}  # fmt: skip

READ = [case for case in CASES if case.reason or not case.says]


def each(cases, libraries=LIBRARIES):
    pairs = [
        pytest.param(case, library, id=f"{case.name}-{library}")
        for case in cases
        for library in libraries
        if library == "pandas" or case.name not in ONLY_PANDAS
    ]
    return pytest.mark.parametrize(("case", "library"), pairs)


def make_log(case, library, **options):
    frame = case.change(GOOD.copy())
    if library != "pandas":
        for name in frame.columns[[dtype == np.dtype(object) for dtype in frame.dtypes]]:
            values = frame[name]
            is_text = values.map(lambda value: isinstance(value, str)).any()
            frame[name] = values.astype("str" if is_text else float)
    # Engines group by day, so that logs of merged rows are compared with such.
    resolution = {"resolution": "month"} if library == "polars lazy" else {}
    return frame, TransactionLog(LIBRARIES[library](frame), **resolution, **case.options, **options)


def good_log(library):
    return TransactionLog(GOOD, resolution="month" if library == "polars lazy" else "day")


@pytest.fixture(scope="module")
def pipeline():
    steps = [
        ("spend", SpendingAggregator(n_periods=2, handle_unknown="ignore")),
        ("states", LSTMStateExtractor(2, objective="reconstruct", epochs=2, random_state=0)),
        ("segment", TrajectoryClusterer(max_depth=1, random_state=0)),
    ]
    return Pipeline(steps).fit(TransactionLog(GOOD))


@each(CASES)
def test_by_default_it_is_read_or_refused(case, library):
    if not case.says:
        frame, log = make_log(case, library)
        assert (case.holds or same)(good_log(library), log)
        assert log.n_transactions + log.quality_["transactions"].sum() == len(frame)
        return
    with pytest.raises((ValueError, TypeError)) as refusal:
        make_log(case, library)
    # What was grouped by an engine has no first row; each library prints values in its own way.
    not_said = [
        words
        for words in case.says
        if words not in str(refusal.value)
        and not (library != "pandas" and words.startswith(("such as", "'12", "to_datetime")))
        and not (library == "polars lazy" and words.startswith("row "))
    ]
    assert not not_said, refusal.value


@each(CASES)
def test_what_is_dropped_is_counted(case, library):
    if case.says and case.reason is None:
        with pytest.raises((ValueError, TypeError)):
            make_log(case, library, errors="drop")
        return
    frame, log = make_log(case, library, errors="drop")
    counts = log.quality_["transactions"].drop("after the cutoff")
    expected = {case.reason: case.n_dropped} if case.reason else {}
    assert counts[counts > 0].to_dict() == expected
    assert log.n_transactions + log.quality_["transactions"].sum() == len(frame)
    # Nobody is lost with a row.
    if "customers" not in case.options:
        named = frame["customer"].dropna().astype(str)
        assert len(log) == named[named.str.strip() != ""].nunique()
    # The aggregator says so, too.
    aggregator = SpendingAggregator(n_periods=2).fit(log)
    left_out = aggregator.quality_["transactions"].drop("before the first period")
    pd.testing.assert_series_equal(left_out, log.quality_["transactions"])


@each(READ, ["pandas"])
def test_a_fitted_pipeline_gives_everybody_a_segment(case, library, pipeline):
    _, log = make_log(case, library, errors="drop")
    panel = pipeline["spend"].transform(log)
    assert np.isfinite(panel.to_numpy()).all()
    labels = pipeline.predict(log)
    assert labels.shape == (len(log),)
    assert (labels >= 0).all()


@each(READ, ["pandas"])
def test_a_frame_is_left_as_it_was(case, library):
    frame = case.change(GOOD.copy())
    before = frame.copy(deep=True)
    TransactionLog(frame, errors="drop", **case.options)
    pd.testing.assert_frame_equal(frame, before)


def test_threads_may_share_a_log(pipeline):
    log = TransactionLog(GOOD)
    expected = [pipeline.predict(log[[k, 0]]) for k in range(N_CUSTOMERS)]
    fresh = TransactionLog(GOOD)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda k: pipeline.predict(fresh[[k, 0]]), range(N_CUSTOMERS)))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("incomes", "expected"),
    [
        ([1200.0, 0.0], [1200.0, 1200.0]),
        ([1200.0, -600.0], [1200.0, 1200.0]),
        ([1200.0, None], [1200.0, 1200.0]),
        ([1200.0, 600.0], [1200.0, 600.0]),
    ],
    ids=["zero", "negative", "missing", "both"],
)
def test_a_period_without_income_takes_the_mean_of_the_others(incomes, expected):
    years = ["2023-06-30", "2024-06-30"]
    income = pd.DataFrame({"customer": "000", "date": years, "income": incomes}).dropna()
    log = TransactionLog(GOOD[GOOD["customer"] == "000"], income=income)
    shares = SpendingAggregator(normalize="income").fit_transform(log).to_numpy()
    amounts = SpendingAggregator(normalize=None).fit_transform(log).to_numpy()
    np.testing.assert_allclose(
        shares.reshape(2, -1), amounts.reshape(2, -1) / np.array(expected)[:, None]
    )


@pytest.mark.parametrize("income", [0.0, -5.0], ids=["zero", "negative"])
def test_customers_without_any_income_are_refused_by_number_and_name(income):
    income = pd.DataFrame({"customer": GOOD["customer"].unique(), "income": 900.0}).assign(
        income=lambda frame: frame["income"].where(~frame["customer"].isin(["004", "007"]), income)
    )
    log = TransactionLog(GOOD, income=income)
    with pytest.raises(ValueError, match=r"2 of 12 customers have no positive income .* '004'"):
        SpendingAggregator(normalize="income").fit(log)


DIRT = {
    "customer": [None, "", "  "],
    "date": [None, "soon", "2024-13-01", "9999-12-31"],
    "category": [None, "", "\t"],
    "amount": [None, "NaN", "inf", "12,50", "-"],
}


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_the_first_bad_row_is_named_and_what_is_dropped_is_conserved(data):
    frame = GOOD[: data.draw(st.integers(5, 40))].astype(str).astype(object)
    rows = data.draw(
        st.dictionaries(
            st.integers(0, len(frame) - 1), st.sampled_from(list(DIRT)), max_size=len(frame) - 1
        )
    )
    for row, column in rows.items():
        frame.iloc[row, frame.columns.get_loc(column)] = data.draw(st.sampled_from(DIRT[column]))
    log = TransactionLog(frame, errors="drop")
    assert log.n_transactions == len(frame) - len(rows)
    assert log.quality_["transactions"].sum() == len(rows)
    good = frame.drop(index=frame.index[list(rows)]).astype({"amount": float})
    assert np.isclose(log.to_frame()["amount"].sum(), good["amount"].sum())
    dropped = frame.iloc[[row for row, column in rows.items() if column != "amount"]]
    assert np.isclose(log.quality_["amount"].sum(), dropped["amount"].astype(float).sum())
    if rows:
        with pytest.raises(ValueError, match="Column") as refusal:
            TransactionLog(frame)
        column = next(name for name in DIRT if name in rows.values())
        bad = sorted(row for row, name in rows.items() if name == column)
        assert f"Column {column!r}" in str(refusal.value)
        # Of dates, what is none comes before what cannot be.
        firsts = {f"first in row {row} " for row in bad} if column == "date" else {
            f"first in row {bad[0]} "
        }  # fmt: skip
        assert any(first in str(refusal.value) for first in firsts)
