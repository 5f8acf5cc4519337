"""What a column may hold, and how it is refused."""

import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skspend import TransactionLog

GOOD = {
    "customer": ["bob", "ann", "bob"],
    "date": ["2024-01-31", "2024-02-29", "2024-02-01"],
    "category": ["pets", "travel", "pets"],
    "amount": [1.0, 2.0, 3.0],
}
LOCAL_TIMES = ["2024-01-01T00:30", "2024-01-01T23:30", "2024-07-01T00:30"]
LOCAL_DAYS = ["2024-01-01", "2024-01-01", "2024-07-01"]
ZONE = "Africa/Johannesburg"
LIBRARIES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}

parametrize_libraries = pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES.keys())


def columns(**changed):
    return GOOD | changed


def objects(*values):
    return pd.Series(values, dtype=object)


def rows_as_given(log):
    """The log's transactions, told apart by their amount, in the order of GOOD."""
    return log.to_frame().sort_values("amount", ignore_index=True)


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"customer": ["bob", None, "bob"]}, ValueError,
         ["'customer'", "missing", "1 of 3", "row 1", "Drop these rows with errors='drop'"]),
        ({"customer": ["bob", "  ", ""]}, ValueError,
         ["'customer'", "missing", "2 of 3", "row 1", "name the customer"]),
        ({"customer": pd.Categorical(["", "ann", "bob"])}, ValueError,
         ["'customer'", "missing", "1 of 3", "row 0"]),
        ({"customer": [1.0, np.nan, 2.0]}, ValueError, ["'customer'", "1 of 3", "row 1"]),
        ({"customer": objects(1, "1", 2)}, ValueError,
         ["'customer'", "types int, str", "astype(str)"]),
        ({"category": ["pets", None, "pets"]}, ValueError,
         ["'category'", "missing", "1 of 3", "row 1", "name the category"]),
        ({"category": ["pets", "\t", "pets"]}, ValueError, ["'category'", "missing", "1 of 3"]),
        ({"category": pd.Categorical([" ", None, "pets"])}, ValueError,
         ["'category'", "missing", "2 of 3", "row 0"]),
        ({"amount": [1.0, np.nan, np.inf]}, ValueError,
         ["'amount'", "infinite", "nan", "2 of 3", "row 1", "Drop these rows with errors='drop'"]),
        ({"amount": [1.0, -np.inf, 1.0]}, ValueError, ["'amount'", "-inf", "1 of 3", "row 1"]),
        ({"amount": ["1.0", "2,50", "3.0"]}, ValueError,
         ["'amount'", "2,50", "1 of 3", "row 1", "plain numbers"]),
        ({"amount": pd.array([1, None, 3], "Int64")}, ValueError,
         ["'amount'", "<NA>", "1 of 3", "row 1"]),
        ({"amount": [Decimal("1"), Decimal("NaN"), Decimal("2")]}, ValueError,
         ["'amount'", "NaN", "1 of 3", "row 1"]),
        ({"amount": [True, False, True]}, TypeError, ["'amount'", "bool", "convert"]),
        ({"amount": objects(True, False, True)}, TypeError, ["'amount'", "convert"]),
        ({"amount": pd.array([True, None, False], "boolean")}, TypeError, ["'amount'", "boolean"]),
        ({"amount": pd.to_datetime(GOOD["date"])}, TypeError, ["'amount'", "datetime64"]),
        ({"amount": pd.to_timedelta([1, 2, 3], "D")}, TypeError, ["'amount'", "timedelta64"]),
        ({"amount": [1j, 2j, 3j]}, TypeError, ["'amount'", "complex128"]),
        ({"date": [20240131, 20240229, 20240201]}, TypeError,
         ["'date'", "numbers", "int64", "to_datetime"]),
        ({"date": objects(20240131, 20240229, 20240201)}, TypeError, ["'date'", "numbers"]),
        ({"date": pd.Categorical([20240131, 20240229, 20240201])}, TypeError,
         ["'date'", "numbers"]),
        ({"date": [True, False, True]}, TypeError, ["'date'", "numbers", "bool"]),
        ({"date": ["2024-01-31", "29/02/2024", "soon"]}, ValueError,
         ["'date'", "29/02/2024", "2 of 3", "row 1", "YYYY-MM-DD"]),
        ({"date": ["2024-01-31", "2023-02-29", "2024-02-01"]}, ValueError,
         ["'date'", "2023-02-29", "1 of 3"]),
        ({"date": ["2024-01-31", None, "2024-02-01"]}, ValueError,
         ["'date'", "missing", "1 of 3", "row 1"]),
        ({"date": pd.to_datetime([None, None, "2024-02-01"])}, ValueError,
         ["'date'", "NaT", "2 of 3", "row 0"]),
        ({"date": [None, None, None]}, ValueError, ["'date'", "3 of 3", "row 0"]),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_with_column_count_row_and_remedy(changed, error, said):
    with pytest.raises(error) as refusal:
        TransactionLog(pd.DataFrame(columns(**changed)))
    assert [words for words in said if words not in str(refusal.value)] == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"customer": ["bob", None, ""]}, ["'customer'", "2 of 3", "row 1"]),
        ({"category": ["pets", None, " "]}, ["'category'", "2 of 3", "row 1"]),
        ({"amount": [1.0, None, float("nan")]}, ["'amount'", "2 of 3", "row 1"]),
        ({"date": ["2024-01-31", None, "x"]}, ["'date'", "2 of 3", "row 1"]),
    ],
)
@parametrize_libraries
def test_every_library_counts_bad_rows_alike(library, changed, said):
    with pytest.raises(ValueError) as refusal:
        TransactionLog(library(columns(**changed)))
    assert [words for words in said if words not in str(refusal.value)] == []


@pytest.mark.parametrize(
    ("frame", "error", "said"),
    [
        (pd.DataFrame(GOOD).drop(columns=["date", "amount"]), ValueError,
         ["frame has no column", "'date' (keyword date=)", "'amount' (keyword amount=)",
          "'customer', 'category'"]),
        (pd.DataFrame(GOOD).rename(columns={"amount": "Amount"}), ValueError,
         ["'amount' (keyword amount=)", "'Amount'"]),
        (pd.DataFrame(GOOD)[:0], ValueError, ["no transactions", "Check the file"]),
        (pl.DataFrame(GOOD)[:0], ValueError, ["no transactions"]),
        ([("bob", "2024-01-31", "pets", 1.0)], TypeError, ["frame must be", "got list"]),
        (GOOD, TypeError, ["frame must be", "got dict"]),
        (np.ones((3, 4)), TypeError, ["frame must be", "got ndarray"]),
        (pd.Series([1.0]), TypeError, ["frame must be", "got Series"]),
        (None, TypeError, ["frame must be", "got NoneType"]),
        ("bank.csv", TypeError, ["got str", "TransactionLog.scan('bank.csv')"]),
        (Path("bank.csv"), TypeError, ["PosixPath", "TransactionLog.scan('bank.csv')"]),
    ],
)  # fmt: skip
def test_what_is_no_usable_frame_is_refused_by_name(frame, error, said):
    with pytest.raises(error) as refusal:
        TransactionLog(frame)
    assert [words for words in said if words not in str(refusal.value)] == []


@pytest.mark.parametrize(
    ("income", "error", "said"),
    [
        ([("bob", 1.0)], TypeError, ["income must be", "got list"]),
        (pd.DataFrame({"customer": ["bob"]}), ValueError, ["income has no column 'income'"]),
        (pd.DataFrame({"customer": ["bob", None], "income": [1.0, 2.0]}), ValueError,
         ["'customer'", "missing", "1 of 2", "row 1"]),
        (pd.DataFrame({"customer": ["bob", "ann"], "income": [1.0, np.inf]}), ValueError,
         ["'income'", "inf", "1 of 2", "row 1"]),
        (pd.DataFrame({"customer": ["bob"], "income": [1.0], "date": ["soon"]}), ValueError,
         ["'date'", "soon", "1 of 1"]),
        (pd.DataFrame({"customer": ["bob", "zoe", "bob", "zoe"], "income": 1.0}), ValueError,
         ["'customer'", "repeated", "'bob'", "2 of 4", "row 2", "without dates", "one yearly"]),
        ("income", TypeError, ["income must be", "got str", "TransactionLog.scan"]),
    ],
)  # fmt: skip
def test_a_bad_income_table_is_refused_by_name(income, error, said):
    with pytest.raises(error) as refusal:
        TransactionLog(pd.DataFrame(GOOD), income=income)
    assert [words for words in said if words not in str(refusal.value)] == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"amount": [Decimal("0.10"), Decimal("1.25"), Decimal("3")]}, [0.1, 1.25, 3.0]),
        ({"amount": [199, 250, 2**40]}, [199.0, 250.0, 2.0**40]),
        ({"amount": ["1.5", "2", "3e2"]}, [1.5, 2.0, 300.0]),
        ({"amount": [1e300, 2e300, 3e300]}, [1e300, 2e300, 3e300]),
    ],
)
@parametrize_libraries
def test_amounts_of_any_numeric_type_are_read_exactly(library, changed, expected):
    log = TransactionLog(library(columns(**changed)))
    assert rows_as_given(log)["amount"].tolist() == expected


@pytest.mark.parametrize(
    "amount",
    [
        pd.array([1, 2, 3], "Int64"),
        pd.array([1.0, 2.0, 3.0], "Float64"),
        pd.array([1, 2, 3], "uint8"),
        pd.array([1.0, 2.0, 3.0], "float32"),
        pd.Categorical([1.0, 2.0, 3.0]),
        pd.array([Decimal(1), Decimal(2), Decimal(3)], pd.ArrowDtype(pa.decimal128(9, 2))),
    ],
    ids=lambda amount: str(amount.dtype),
)
def test_the_dtype_of_amounts_does_not_matter(amount):
    assert TransactionLog(pd.DataFrame(columns(amount=amount))) == TransactionLog(
        pd.DataFrame(GOOD)
    )


@pytest.mark.parametrize(
    "dtype",
    [
        "string",
        "object",
        "string[pyarrow]",
        pd.CategoricalDtype(["zoe", "travel", "bob", "unused", "pets", "ann"]),
        pd.CategoricalDtype(["zoe", "travel", "bob", "unused", "pets", "ann"], ordered=True),
    ],
    ids=str,
)
def test_text_columns_of_every_dtype_give_the_same_log(dtype):
    frame = pd.DataFrame(GOOD).astype({"customer": dtype, "category": dtype})
    assert TransactionLog(frame) == TransactionLog(pd.DataFrame(GOOD))


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["zoe", "travel", "pets", "bob", "ann"])])
def test_polars_categoricals_give_the_same_log(kind):
    frame = pl.DataFrame(GOOD).with_columns(pl.col("customer", "category").cast(kind))
    assert TransactionLog(frame) == TransactionLog(pd.DataFrame(GOOD))


def test_unused_categories_of_a_categorical_are_not_known_to_the_log():
    category = pd.Categorical(GOOD["category"], categories=["zoo", "travel", "pets"])
    log = TransactionLog(pd.DataFrame(columns(category=category)))
    assert log.categories.tolist() == ["pets", "travel"]


@pytest.mark.parametrize(
    "customer",
    [
        [2**40, 2**40 + 1, 2**40 + 2],
        [2**62, 2**62 + 1, 2**62 + 2],
        ["000000000001", "000000000002", "0000000000010"],
        ["007", "07", "7"],
        ["1e3", "1000", "1000.0"],
        ["ann ", " ann", "ann"],
    ],
)
@parametrize_libraries
def test_identifiers_are_kept_exactly(library, customer):
    log = TransactionLog(library(columns(customer=customer)))
    assert log.customers.tolist() == sorted(customer)
    assert rows_as_given(log)["customer"].tolist() == customer


def test_nullable_integer_identifiers_are_kept_exactly():
    customer = pd.array([2**62 + 1, 2**62, 2**62 + 1], "Int64")
    log = TransactionLog(pd.DataFrame(columns(customer=customer)))
    assert log.customers.tolist() == [2**62, 2**62 + 1]


@pytest.mark.parametrize(
    "category",
    [
        ["a|b", "a", "b|a"],
        ["line\nbreak", "line", "break"],
        ["<script>alert(1)</script>", "&amp;", "'; drop table"],
        ["year1|pets", "2|3", "|"],
        ["日本", "é", "e\u0301"],
    ],
)
@parametrize_libraries
def test_category_names_are_kept_exactly(library, category):
    log = TransactionLog(library(columns(category=category)))
    assert log.categories.tolist() == sorted(category)
    assert rows_as_given(log)["category"].tolist() == category


def test_integer_categories_become_text_and_sort_as_text():
    log = TransactionLog(pd.DataFrame(columns(category=[3, 10, 2])))
    assert log.categories.tolist() == ["10", "2", "3"]
    assert rows_as_given(log)["category"].tolist() == ["3", "10", "2"]


@pytest.mark.parametrize(
    "date",
    [
        [datetime.date(2024, 1, 1), datetime.date(2024, 1, 1), datetime.date(2024, 7, 1)],
        [datetime.datetime.fromisoformat(time) for time in LOCAL_TIMES],
        LOCAL_TIMES,
        [f"{time}:59.999999" for time in LOCAL_TIMES],
        [f"{time}Z" for time in LOCAL_TIMES],
        [f"{time}+02:00" for time in LOCAL_TIMES],
        [f"{time}-0930" for time in LOCAL_TIMES],
        ["2024-01-01T00:30+01:00", "2024-01-01 23:30:00.5+01", "2024-07-01T00:30+02:00"],
        ["2024-01-01T00:30+01:00", "2024-01-01", "2024-07-01"],
        ["20240101", "20240101", "20240701"],
    ],
    ids=str,
)
@parametrize_libraries
def test_the_local_day_of_a_date_counts(library, date):
    log = TransactionLog(library(columns(date=date)))
    assert rows_as_given(log)["date"].astype(str).tolist() == LOCAL_DAYS


ZONED = pd.Series(pd.to_datetime(LOCAL_TIMES).tz_localize(ZONE))


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(columns(date=ZONED)),
        pd.DataFrame(columns(date=ZONED.astype(object))),
        pd.DataFrame(columns(date=ZONED.astype(pd.ArrowDtype(pa.timestamp("us", ZONE))))),
        pl.DataFrame(columns(date=pl.Series(LOCAL_TIMES).str.to_datetime(time_zone=ZONE))),
        pa.table(columns(date=pa.array(ZONED))),
    ],
    ids=["pandas", "objects", "pandas on arrow", "polars", "pyarrow"],
)
def test_the_local_day_of_a_zoned_timestamp_counts(frame):
    log = TransactionLog(frame)
    assert rows_as_given(log)["date"].astype(str).tolist() == LOCAL_DAYS


NOT_DAYS = ["2024", "2024-03", "202403", "2024/3", "now", " today", "2024-02-30", "2024-03-01x"]


@pytest.mark.parametrize("is_mixed", [False, True])
@parametrize_libraries
def test_text_is_a_day_whatever_surrounds_it_and_no_year_or_month(library, is_mixed):
    texts = ["2024-03-01 ", " 2024-03-01", "\t2024-03-01\n", "2024-03-01T10:00:00.123456789 "]
    with_offset = ["2024-03-01 23:59:59.123456789-05:00"] * is_mixed
    frame = pd.DataFrame({"customer": 1, "date": texts + with_offset, "category": "a", "amount": 1})
    log = TransactionLog(library(frame))
    assert set(log.to_frame()["date"].astype(str)) == {"2024-03-01"}
    frame = pd.DataFrame({"customer": 1, "date": NOT_DAYS + with_offset, "category": "a"})
    with pytest.raises(ValueError, match=rf"unreadable date .* in {len(NOT_DAYS)} of"):
        TransactionLog(library(frame.assign(amount=1)))


@pytest.mark.parametrize("fraction", ["", ".5", ".123456789", ".123456789Z"])
def test_a_fraction_of_a_second_makes_no_other_date_unreadable(fraction):
    date = [f"2024-03-01 10:00:00{fraction}", "9999-12-31", "1650-01-01"]
    with pytest.raises(ValueError, match=r"before 1900 or after 2100 .* in 2 of 3"):
        TransactionLog(pd.DataFrame(columns(date=date)))


def test_an_object_column_may_mix_dates_and_text_with_blanks():
    date = objects("2024-03-01 ", datetime.date(2024, 3, 1), pd.Timestamp("2024-03-01T12:00"))
    log = TransactionLog(pd.DataFrame(columns(date=date)))
    assert set(log.to_frame()["date"].astype(str)) == {"2024-03-01"}


@pytest.mark.parametrize("role", ["customer", "category"])
@pytest.mark.parametrize(
    "values",
    [
        objects(b"x", "x", b"y"),
        pd.array([b"x", b"x", b"y"], dtype=pd.ArrowDtype(pa.binary())),
        pl.Series([b"x", b"x", b"y"]),
    ],
    ids=["objects", "pandas on arrow", "polars"],
)
def test_bytes_are_text(role, values):
    make = pl.DataFrame if isinstance(values, pl.Series) else pd.DataFrame
    log = TransactionLog(make(columns(**{role: values})))
    labels = log.customers if role == "customer" else [*log.categories, *log.income_categories]
    assert sorted(labels) == ["x", "y"]
    with pytest.raises(ValueError, match=f"'{role}' holds bytes that are no UTF-8 text"):
        TransactionLog(pd.DataFrame(columns(**{role: objects(b"x", b"y", b"\xff")})))


@pytest.mark.parametrize("role", ["customer", "category"])
def test_not_a_number_of_arrow_is_nobody(role):
    values = pd.Series(pd.arrays.ArrowExtensionArray(pa.array([1.0, float("nan"), None])))
    with pytest.raises(ValueError, match=rf"missing {role} in 2 of 3 rows"):
        TransactionLog(pd.DataFrame(columns(**{role: values})))


@pytest.mark.parametrize(
    "date",
    [
        np.array(LOCAL_DAYS, dtype="M8[s]"),
        np.array(LOCAL_DAYS, dtype="M8[ns]"),
        pd.Categorical(LOCAL_DAYS),
        pd.array([datetime.date.fromisoformat(day) for day in LOCAL_DAYS], "date32[pyarrow]"),
        objects("2024-01-01", datetime.date(2024, 1, 1), pd.Timestamp("2024-07-01T12:00")),
    ],
    ids=lambda date: str(date.dtype),
)
def test_dates_of_every_dtype_are_read(date):
    log = TransactionLog(pd.DataFrame(columns(date=date)))
    assert rows_as_given(log)["date"].astype(str).tolist() == LOCAL_DAYS


@pytest.mark.parametrize(
    "days",
    [
        ["2038-01-19", "2038-01-20", "2100-12-31"],
        ["1900-01-01", "1969-12-31", "1970-01-01"],
    ],
)
@pytest.mark.parametrize("as_date", [str, datetime.date.fromisoformat])
@parametrize_libraries
def test_dates_far_from_today_are_read(library, as_date, days):
    log = TransactionLog(library(columns(date=[as_date(day) for day in days])))
    assert rows_as_given(log)["date"].astype(str).tolist() == days
    assert log.span[0] == np.datetime64(days[0])


def test_times_before_1970_belong_to_their_own_day():
    date = ["1969-12-31T23:59", "1969-12-30T00:00", "1960-02-29T00:01"]
    log = TransactionLog(pd.DataFrame(columns(date=pd.to_datetime(date))))
    assert rows_as_given(log)["date"].astype(str).tolist() == [time[:10] for time in date]


def test_columns_may_be_named_by_keyword_even_by_number():
    frame = pd.DataFrame(GOOD)[["amount", "category", "date", "customer"]]
    renamed = frame.set_axis([3, 2, 1, 0], axis=1)
    log = TransactionLog(renamed, customer=0, date=1, category=2, amount=3)
    assert log == TransactionLog(frame)


def test_the_index_of_a_pandas_frame_is_ignored():
    frame = pd.DataFrame(GOOD, index=[5, 5, -1])
    assert TransactionLog(frame) == TransactionLog(pd.DataFrame(GOOD))


def test_further_columns_are_ignored():
    frame = pd.DataFrame(columns(note=[None, "x", np.nan]))
    assert TransactionLog(frame) == TransactionLog(pd.DataFrame(GOOD))


def test_a_day_that_the_calendar_lacks_leaves_the_others_readable():
    frame = pd.DataFrame(columns(date=["2000-02-29", "2023-02-29", "2024-02-29"]))
    log = TransactionLog(frame, errors="drop")
    assert rows_as_given(log)["date"].astype(str).tolist() == ["2000-02-29", "2024-02-29"]
