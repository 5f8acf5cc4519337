"""Merchant category codes as categories: every engine and file gives their names."""

import duckdb
import pandas as pd
import polars as pl
import pytest

from skspend import TransactionLog
from skspend.categories import mcc_to_category

FRAME = pd.DataFrame({
    "customer": [1, 1, 2, 2, 2],
    "date": ["2024-01-05", "2024-01-05", "2024-01-19", "2024-03-02", "2024-03-02"],
    "category": [5411, 5422, 742, 5813, 5411],
    "amount": [41.5, 8.5, 65.0, 23.0, 1.0],
})  # fmt: skip
NAMES = ["eating out in pubs", "groceries", "pets"]


def texts(frame):
    return frame.astype({"category": str})


@pytest.mark.parametrize(
    "make",
    [
        lambda frame: frame,
        texts,
        lambda frame: frame.astype({"category": float}),
        pl.from_pandas,
        lambda frame: pl.from_pandas(frame).lazy(),
        lambda frame: duckdb.from_df(frame),
    ],
    ids=["numbers", "text", "floats", "polars", "lazy", "duckdb"],
)
@pytest.mark.parametrize("resolution", ["day", "month"])
def test_names_take_the_place_of_codes(make, resolution):
    log = TransactionLog(make(FRAME), mcc=True, resolution=resolution)
    assert log.categories.tolist() == NAMES
    assert log.n_transactions == 5
    assert log.sum_spending(3, 1)[:, 0].tolist() == [[0, 50, 0], [23, 1, 65]]


@pytest.mark.parametrize(
    "make", [texts, lambda frame: duckdb.from_df(frame)], ids=["pandas", "duckdb"]
)
def test_merged_transactions_of_two_codes_with_one_name_are_one_row(make):
    names = FRAME.assign(category=mcc_to_category(FRAME["category"]))
    by_code = TransactionLog(make(FRAME), mcc=True, resolution="month")
    assert by_code == TransactionLog(names, resolution="month")
    assert len(by_code.to_frame()) == 4


def test_a_file_of_codes_gives_the_same(tmp_path):
    texts(FRAME).replace({"category": {"742": "0742"}}).to_csv(tmp_path / "a.csv", index=False)
    log = TransactionLog.scan(tmp_path / "a.csv", mcc=True)
    assert log.sum_spending(3, 1)[:, 0].tolist() == [[0, 50, 0], [23, 1, 65]]


def test_codes_that_are_not_listed_are_counted_and_kept():
    frame = FRAME.assign(category=["5411", "rent", "0742", "5813", "9999"])
    message = r"2 transactions \(40\.0%\) have .* not listed, most often '9999'.*'unknown'"
    with pytest.warns(UserWarning, match=message):
        log = TransactionLog(frame, mcc=True)
    assert log.categories.tolist() == ["eating out in pubs", "groceries", "pets", "unknown"]
    assert log.sum_spending(3, 1).sum() == FRAME["amount"].sum()


def test_a_selection_knows_the_names():
    log = TransactionLog(FRAME, mcc=True)[[1]]
    assert log.to_frame()["category"].tolist() == ["pets", "eating out in pubs", "groceries"]
