"""Excel workbooks in, a log out; they are read like text files."""

import datetime
import sys

import pandas as pd
import pytest

from skspend import TransactionLog

ROWS = [
    ["007", datetime.datetime(2021, 1, 31), "café", 12.5],
    ["007", datetime.datetime(2021, 12, 5, 23, 30), "rent", 1234.567],
    [12, datetime.datetime(2022, 3, 1), "café", -7],
]
HEADER = ["Kontonr", "Dato", "Kategori", "Beløp"]


def write(path, rows=ROWS, header=HEADER, **sheets):
    with pd.ExcelWriter(path) as book:
        for name, table in ({"Sheet1": [header, *rows]} | sheets).items():
            pd.DataFrame(table).to_excel(book, sheet_name=name, header=False, index=False)
    return path


@pytest.fixture
def clean_log():
    frame = pd.DataFrame(ROWS, columns=["customer", "date", "category", "amount"])
    return TransactionLog(frame.astype({"customer": str}))


@pytest.mark.parametrize(
    ("day", "amount"),
    [
        (lambda day: day, lambda amount: amount),
        (lambda day: f"{day:%d.%m.%Y}", lambda amount: amount),
        (lambda day: int(f"{day:%Y%m%d}"), lambda amount: f"{amount:,.3f}"),
        (lambda day: day, lambda amount: str(amount).replace(".", ",")),
    ],
)
def test_cells_may_be_numbers_and_dates_or_text(tmp_path, clean_log, day, amount):
    rows = [[who, day(date), category, amount(sum_)] for who, date, category, sum_ in ROWS]
    assert TransactionLog.scan(write(tmp_path / "bank.xlsx", rows)) == clean_log


def test_numbers_are_never_taken_for_thousands(tmp_path):
    rows = [[1, datetime.datetime(2021, 1, 31), "pets", 1.234]]
    path = write(tmp_path / "bank.xlsx", rows)
    for decimal in (None, ".", ","):
        log = TransactionLog.scan(path, decimal=decimal)
        assert log.customers.tolist() == [1]
        assert log.to_frame()["amount"].tolist() == [1.234]


def test_text_that_can_be_read_in_two_ways_is_refused(tmp_path):
    rows = [[1, "03/04/2021", "pets", "1.234"]]
    with pytest.raises(ValueError, match=r"bank.xlsx: dates such as"):
        TransactionLog.scan(write(tmp_path / "bank.xlsx", rows))


def test_a_cell_that_is_not_written_like_the_others_is_refused(tmp_path):
    path = write(tmp_path / "bank.xlsx", [*ROWS, [1, datetime.datetime(2021, 1, 31), "a", "2,5"]])
    with pytest.raises(ValueError, match=r"bank.xlsx: .*'2,5'.* row 3 .*decimal point.*decimal="):
        TransactionLog.scan(path)
    assert TransactionLog.scan(path, decimal=",").n_transactions == 4


def test_the_sheet_with_the_columns_is_read(tmp_path, clean_log):
    cover, blank = [["Export of 2021"], ["by us"]], [[]]
    path = write(tmp_path / "bank.xlsx", a=cover, b=blank)
    assert TransactionLog.scan(path) == clean_log
    path = write(tmp_path / "bank.xlsx", other=[HEADER, *ROWS])
    with pytest.raises(ValueError, match="sheets 'Sheet1' and 'other' have the columns"):
        TransactionLog.scan(path)


def test_blank_rows_are_no_transactions(tmp_path, clean_log):
    blank = [None] * 4
    path = write(tmp_path / "bank.xlsx", [blank, *ROWS[:1], blank, *ROWS[1:]])
    assert TransactionLog.scan(path) == clean_log


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        ([], [], "the workbook is empty"),
        ([], HEADER, "no transactions"),
        (ROWS, ["a", "b", "c", "d"], "Its columns are: 'a', 'b', 'c', 'd'"),
        ([[None, *ROWS[0][1:]]], HEADER, "missing customer"),
    ],
)
def test_what_is_wrong_with_a_workbook_is_told(tmp_path, rows, header, message):
    with pytest.raises(ValueError, match=message):
        TransactionLog.scan(write(tmp_path / "bank.xlsx", rows, header))


def test_options_of_text_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="separator= says how text files are written"):
        TransactionLog.scan(write(tmp_path / "bank.xlsx"), separator=";")


def test_what_is_no_workbook_is_told(tmp_path):
    (tmp_path / "bank.xlsx").write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match="no Excel workbook that can be read"):
        TransactionLog.scan(tmp_path / "bank.xlsx")


def test_without_openpyxl_the_error_says_what_to_install(tmp_path, monkeypatch):
    path = write(tmp_path / "bank.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ValueError, match=r'pip install "skspend\[excel\]"'):
        TransactionLog.scan(path)
