"""A limit of memory is kept: reading stops before it takes more, and otherwise reads the same."""

import subprocess
import sys
from itertools import chain, count, repeat
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from skspend import TransactionLog
from skspend.transactions._memory import PIECE, MemoryLimit

READ = """
import sys
from skspend import TransactionLog
try:
    TransactionLog.scan(sys.argv[1], memory_limit=float(sys.argv[2]))
except MemoryError as error:
    print(error)
"""


def spending(n_rows, n_customers):
    """A table of so many rows, nearly all with a customer, day and category of their own."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "customer": np.sort(rng.integers(n_customers, size=n_rows)),
            "date": np.datetime64("2023-01-01") + rng.integers(700, size=n_rows),
            "category": rng.choice([f"category {number}" for number in range(40)], n_rows),
            "amount": rng.integers(1, 9000, n_rows) / 100,
            "balance": rng.integers(-9000, 90_000, n_rows) / 100,
        }
    )


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's peaks of memory")
def test_a_process_never_holds_more_than_its_limit(tmp_path):
    path = tmp_path / "bank.parquet"
    row = np.arange(9_000_000, dtype=np.int32)
    days = pa.array(19_400 + row % 700, pa.date32())
    pets = pa.DictionaryArray.from_arrays(np.zeros_like(row), ["pets"])
    columns = {"customer": row // 700, "date": days, "category": pets, "amount": row % 50}
    parquet.write_table(pa.table(columns), path)
    peak = "print(int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) * 1024)"

    def read(limit):
        command = [sys.executable, "-c", READ + peak, str(path), str(limit)]
        *error, most = subprocess.check_output(command, text=True).splitlines()
        return error, int(most)

    error, most = read(4e9)
    assert not error
    # Reading stops some 0.1 GB before.
    limit = 1.05 * most
    error, held = read(limit)
    assert f"memory_limit is {limit / 1e9:.2f} GB." in error[0]
    assert 0.5 * most < held <= limit


@pytest.fixture
def few_at_once(monkeypatch):
    for name, size in (
        ("_engines.ROWS_AT_ONCE", 128),
        ("_reader.ROWS_AT_ONCE", 128),
        ("_text.LOOK", 100),
        ("_text.CSV_BLOCK", 4_000),
        ("_files.CSV_BLOCK", 4_000),
    ):
        monkeypatch.setattr(f"skspend.transactions.{name}", size)


def scan_until_there_is_enough(monkeypatch, path, first=0, **options):
    """Scan with memory that ends at each check, from the `first` one on.

    Returns the errors by the number of the check, and the log when memory never ends.
    """
    errors = {}
    for n_checks in count(first):
        held = chain(repeat(0, n_checks), repeat(10**9))
        monkeypatch.setattr("skspend.transactions._memory._held", held.__next__)
        try:
            return errors, TransactionLog.scan(path, memory_limit=1e9, **options)
        except MemoryError as error:
            errors[n_checks] = str(error)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_wherever_memory_ends_there_is_an_error_and_otherwise_the_same_log(
    tmp_path, monkeypatch, few_at_once, kind
):
    """Customers get a new order at the end, rows after the cutoff are left out, and all is read."""
    frame = spending(600, 60).astype({"customer": str})
    frame.loc[frame["customer"] == "7", "customer"] = "007"
    path = tmp_path / f"bank.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, row_group_size=100)
    options = {"balance": "balance", "cutoff": "2024-10-31", "resolution": "day"}
    expected = TransactionLog.scan(path, **options)
    errors, log = scan_until_there_is_enough(monkeypatch, path, **options)
    for n_checks, error in errors.items():
        assert "This process holds 1.00 GB" in error
        remedy = "resolution='month', or the files of fewer customers"
        # Before anything is read, neither can help.
        assert (remedy if n_checks else "Allow at least 1.41 GB.") in error
    assert log == expected
    # A check for each of five pieces, for their balances, and for each turn of joining.
    assert len(errors) > 10


def test_reading_a_column_of_incomes_keeps_to_the_limit(tmp_path, monkeypatch, few_at_once):
    path = tmp_path / "bank.csv"
    frame = spending(600, 60)
    frame.assign(pay=1000 + frame["customer"]).to_csv(path, index=False)
    asked = []
    monkeypatch.setattr("skspend.transactions._memory._held", lambda: asked.append(0) or 0)
    TransactionLog.scan(path, memory_limit=1e9)
    expected = TransactionLog.scan(path, income="pay")
    errors, log = scan_until_there_is_enough(monkeypatch, path, len(asked), income="pay")
    assert all("holds 1.00 GB with 600 sums" in error for error in errors.values())
    assert log == expected
    assert len(errors) > 3


@pytest.mark.parametrize(
    ("limit", "error", "message"),
    [
        (0, ValueError, "memory_limit must be more than 0 bytes, got 0."),
        (-4e9, ValueError, "more than 0"),
        (float("nan"), ValueError, "more than 0"),
        ("4GB", TypeError, "memory_limit must be a number of bytes, such as 4e9, got '4GB'."),
        (True, TypeError, "a number of bytes"),
    ],
)
def test_a_limit_is_a_positive_number_of_bytes(tmp_path, limit, error, message):
    (tmp_path / "bank.csv").write_text("customer,date,category,amount\n1,2024-01-31,pets,0.5\n")
    with pytest.raises(error, match=message):
        TransactionLog.scan(tmp_path / "bank.csv", memory_limit=limit)


def test_the_limit_that_an_error_names_is_enough(tmp_path, monkeypatch):
    (tmp_path / "bank.csv").write_text("customer,date,category,amount\n1,2024-01-31,pets,0.5\n")
    monkeypatch.setattr("skspend.transactions._memory._held", lambda: 223_456_789)
    with pytest.raises(MemoryError, match=r"^memory_limit is 4 bytes\. .* at least 0\.63 GB\.$"):
        TransactionLog.scan(tmp_path / "bank.csv", memory_limit=4)
    assert len(TransactionLog.scan(tmp_path / "bank.csv", memory_limit=0.63e9)) == 1


@pytest.mark.parametrize("limit", [float("inf"), 10**400])
def test_a_limit_may_be_of_any_size(tmp_path, limit):
    (tmp_path / "bank.csv").write_text("customer,date,category,amount\n1,2024-01-31,pets,0.5\n")
    assert len(TransactionLog.scan(tmp_path / "bank.csv", memory_limit=limit)) == 1


def test_fewer_pieces_are_read_at_once_where_memory_is_short(monkeypatch):
    monkeypatch.setattr("skspend.transactions._memory._held", lambda: PIECE)
    assert MemoryLimit().n_pieces() is None
    assert [MemoryLimit(limit * PIECE).n_pieces() for limit in (0.5, 1, 4, 7, 65)] == [
        1,
        1,
        1,
        3,
        32,
    ]
