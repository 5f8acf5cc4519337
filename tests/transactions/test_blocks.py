"""Text files are read in blocks, by several threads, as if they were read row by row."""

import csv
import gzip
import re
import tracemalloc
from contextlib import contextmanager
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from threadpoolctl import ThreadpoolController

from skspend import TransactionLog
from skspend.transactions._text import TextFile, _lines

HEADER = "customer,date,category,amount\n"
FIRST = "1,2024-01-31,pets,0.5\n"
"""It shows how dates and decimals are written."""


libraries = cache(ThreadpoolController)
"""Looking for libraries takes as long as reading a small file."""


@contextmanager
def blocks_of_rows(n_threads):
    """Read blocks of a few rows by so many threads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skspend.transactions._text.LOOK", 100)
        patch.setattr("skspend.transactions._text.CSV_BLOCK", 800)
        patch.setattr("skspend.transactions._files.CSV_BLOCK", 800)
        # Fields that no quote ends may be longer.
        patch.setattr(csv, "field_size_limit", lambda limit: None)
        with libraries().limit(limits=n_threads, user_api="openmp"):
            yield


@pytest.fixture(params=[1, 3])
def small_blocks(request):
    with blocks_of_rows(request.param):
        yield


def rows(n_rows, amount="{:.2f}", quote="", seed=0):
    """Rows of one month: whose they are, when, for what, and how much."""
    rng = np.random.default_rng(seed)
    lines = []
    for customer, day, category, cents in zip(
        rng.integers(0, 9, n_rows),
        rng.integers(1, 32, n_rows),
        rng.choice(["pets", "rent", "Bücher"], n_rows),
        rng.integers(-99, 9999, n_rows),
        strict=True,
    ):
        fields = f"{customer}", f"2024-01-{day:02}", category, amount.format(cents / 4)
        lines.append(",".join(f"{quote}{field}{quote}" for field in fields) + "\n")
    return "".join(lines)


def write(folder, *texts, header=HEADER):
    for number, text in enumerate(texts):
        (folder / f"{number}.csv").write_bytes((header + text).encode())
    return folder


def outcome(path, **options):
    """What is read, or the message of the error, without how many rows had been read by then."""
    try:
        log = TransactionLog.scan(path, resolution="day", **options)
    except (TypeError, ValueError) as error:
        return re.sub(r"in [\d,]+ of (the first )?[\d,]+ rows", "", str(error))
    counted = log.quality_.to_dict()
    return log.to_frame().to_dict("list"), log.n_transactions, log.dialect, counted, log.customers


def by_customer(*names):
    """Rows of each customer, one customer after the other."""
    return "".join(f"{name}," + FIRST.partition(",")[2] for name in names for _ in range(20))


CASES = {
    "numbers": [FIRST + rows(99)],
    "quotes": [rows(99, quote='"')],
    "two files": [FIRST + rows(50), rows(50, seed=1)],
    "many files": [FIRST, *(rows(3, seed=seed) for seed in range(9))],
    "one customer after the other": [by_customer(*range(5, 25)), by_customer(*range(24, 30))],
    "customers of names and numbers": [by_customer(9, 10, "007", "b", 11), by_customer("a", 8, 9)],
    "customers of names": [by_customer("c9", "c10"), by_customer("c10", "c11", "c1")],
    "whole amounts": [rows(99, "{:.0f}")],
    "whole amounts, then others": [rows(60, "{:.0f}") + rows(9, seed=1)],
    "thousands": [FIRST + rows(60) + '1,2024-01-05,pets,"1,234,567.5"\n' + rows(9)],
    "spaces and signs": [FIRST + rows(60) + "1,2024-01-05,pets, +12.5 \n" + rows(9)],
    "days, then times": [FIRST + rows(60) + "1,2024-01-05 23:59,pets,2\n" + rows(9)],
    "days with spaces and slashes": [
        FIRST + rows(60) + "1, 2024-01-05 ,pets,2\n" + rows(30) + "1,2024/01/05,pets,2\n" + rows(9),
    ],
    "times, then days": [FIRST.replace("31", "30T01:00Z") + rows(60)],
    "a field of two lines": [FIRST + rows(60) + '1,2024-01-05,"pe\nts",2\n' + rows(9)],
    "a field of two lines in one file": [
        FIRST + rows(6), FIRST + '1,2024-01-05,"pe\nts",2\n', rows(9),
    ],
    "blank lines": ["\n" * 9 + FIRST + "\n" * 999 + rows(50) + "\n\n"],
    "lines of Windows": [(FIRST + rows(60)).replace("\n", "\r\n")],
    "lines of an old Mac": [(FIRST + rows(60)).replace("\n", "\r")],
    "lines of all kinds": ["\r\n\n" + (FIRST + rows(60, quote='"')).replace("\n", "\r\r\n", 9)],
    "a return within quotes": [FIRST + rows(60) + '1,2024-01-05,"pe\rts",2\n' + rows(9)],
    "no last line end": [FIRST + rows(60)[:-1]],
    "a long line": [FIRST + rows(60) + f"1,2024-01-05,{'x' * 250},2\n" + rows(9)],
}  # fmt: skip
FAULTS = {
    "no amount": "1,2024-01-05,pets,\n",
    "an infinite amount": "1,2024-01-05,pets,inf\n",
    "an amount that is none": "1,2024-01-05,pets,NAN\n",
    "a hexadecimal amount": "1,2024-01-05,pets,0x10\n",
    "another decimal sign": '1,2024-01-05,pets,"1,5"\n',
    "text for an amount": "1,2024-01-05,pets,much\n",
    "no date": "1,,pets,2\n",
    "a day that is none": "1,2024-02-30,pets,2\n",
    "a far day": "1,9999-12-31,pets,2\n",
    "a day of the first year": "1,0001-01-01,pets,2\n",
    "a day that today changes": "1,today,pets,2\n",
    "a day written in another way": "1,05.01.2024,pets,2\n",
    "no customer": ",2024-01-05,pets,2\n",
    "no category": "1,2024-01-05, ,2\n",
    "too few fields": "1,2024-01-05,pets\n",
    "too many fields": "1,2024-01-05,pets,2,3\n",
    "a quote without end": '1,2024-01-05,"pets,2\n',
    "a quote within a field": '1,2024-01-05,"pe"ts,2\n',
}
FAULTY = {
    name: [FIRST + rows(40, quote='"'), rows(40, seed=1) + fault + rows(40, seed=2) + fault]
    for name, fault in FAULTS.items()
}
FAULTY["no decimal sign yet"] = [rows(40, "{:.0f}") + "1,2024-01-05,pets,1.234\n"]


@pytest.mark.parametrize("errors", ["raise", "drop"])
@pytest.mark.parametrize("texts", [*CASES.values(), *FAULTY.values()], ids=[*CASES, *FAULTY])
def test_blocks_are_read_like_a_whole(tmp_path, texts, errors):
    path = write(tmp_path, *texts)
    whole = str(outcome(path, errors=errors))
    for n_threads in (1, 3):
        with blocks_of_rows(n_threads):
            assert str(outcome(path, errors=errors)) == whole


@pytest.mark.parametrize("errors", ["raise", "drop"])
def test_what_a_block_shows_counts_for_all_that_come_after(tmp_path, errors):
    whole = rows(40, "{:.0f}")
    path = write(tmp_path, whole + '1,2024-01-05,pets,"1,5"\n' + whole + FIRST + whole)
    found = []
    for n_threads in (1, 3):
        with blocks_of_rows(n_threads):
            found.append(outcome(path, errors=errors))
    assert str(found[0]) == str(found[1])
    if errors == "raise":
        assert "'0.5'" in found[0]
        assert "Amounts are taken with a decimal comma" in found[0]
    else:
        assert found[0][2].decimal == ","


def test_plain_lines_are_read_in_blocks(tmp_path, small_blocks):
    (path,) = write(tmp_path, FIRST + rows(99, quote='"')).iterdir()
    names = {name: name for name in HEADER.strip().split(",")}
    blocks = list(TextFile(path, names, {}, None).blocks(dict.fromkeys(names, pa.string())))
    tables = [block.read({"amount": pa.float64()}, ".") for block in blocks]
    assert len(tables) > 3
    assert pa.concat_tables(tables).to_pandas().equals(pd.read_csv(path, dtype={"customer": str}))


def test_a_row_is_named_by_its_number_and_file(tmp_path, small_blocks):
    path = write(tmp_path, FIRST + rows(99), rows(50) + "1,2024-01-05,pets,much\n" + rows(50))
    with pytest.raises(ValueError, match=r"1 of the first 1\d\d rows, first in row 150 \(counted"):
        TransactionLog.scan(path)
    found = outcome(path)
    assert f"It is in {path / '1.csv'}." in found
    assert "'much'" in found


def test_a_letter_that_is_no_text_is_found_in_any_block(tmp_path, small_blocks):
    path = write(tmp_path, FIRST + rows(60))
    with (path / "0.csv").open("ab") as file:
        file.write(b"1,2024-01-05,\xff\xfe,2\n")
    assert "line 63 (byte 0xff) is no UTF-8 text" in outcome(path)


def test_sums_of_days_are_those_of_pandas(tmp_path, small_blocks):
    text = FIRST + rows(300)
    log = TransactionLog.scan(write(tmp_path, text), resolution="day")
    frame = pd.read_csv(tmp_path / "0.csv")
    sums = frame.groupby(["customer", "category"])["amount"].sum()
    found = log.to_frame().groupby(["customer", "category"])["amount"].sum()
    # Quarters add up exactly.
    assert found.to_dict() == sums.to_dict()


@pytest.mark.parametrize("n_bytes", [20, 64, 10_000])
@pytest.mark.parametrize("ending", [b"\n", b""])
def test_a_file_is_cut_at_ends_of_lines_whatever_is_read_at_once(tmp_path, n_bytes, ending):
    text = b"\n".join(b"%d,rent,1.50" % number for number in range(30)) + ending
    (tmp_path / "plain.csv").write_bytes(text)
    (tmp_path / "packed.csv").write_bytes(gzip.compress(text))
    for file in tmp_path.iterdir():
        blocks = [bytes(lines) for lines in _lines(file, n_bytes, n_bytes)]
        assert b"".join(blocks) == text.rstrip(b"\n") + b"\n"
        assert all(block.endswith(b"\n") for block in blocks)


def test_many_small_files_take_little_memory(tmp_path):
    write(tmp_path, *(FIRST for _ in range(100)))
    tracemalloc.start()
    try:
        log = TransactionLog.scan(tmp_path, resolution="day")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert log.n_transactions == 100
    assert peak < 2**24
