"""Text in every dialect gives what clean CSV gives, or one line; by scan and by the command."""

import csv
import gzip
import io
import itertools
import json
import zipfile
from typing import get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from skspend import TransactionLog
from skspend.cli import _options
from skspend.transactions import _files
from skspend.transactions._dialect import (
    DATE_FORMATS,
    DECIMALS,
    DateFormat,
    Dialect,
    Separator,
)

HEADER = ["customer", "date", "category", "amount"]
ROWS = [
    ("7", "2021-01-31", "café", 12.5),
    ("7", "2021-12-05", "rent & co", 1234.56),
    ("12", "2022-03-01", "smør", -7.05),
    ("12", "2022-02-28", "café", 1234567.8),
    ("3", "2023-05-17", "rent & co", 0.1),
    ("3", "2023-11-30", "books", 99),
    ("7", "2023-12-01", "books", 1000),
]
SEPARATORS = {",": ",", ";": ";", "tab": "\t", "|": "|"}
NUMBERS = [decimal + mark for decimal in ".," for mark in ("", *" ,.'\u00a0\u202f\u2009\u2019")
           if mark != decimal]  # fmt: skip
"""A decimal sign, and what stands between thousands."""
DATES = list(DATE_FORMATS)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"]
PACKINGS = ["", ".gz", ".zst", ".zip"]
CLEAN = {"separator": ",", "number": ".", "encoding": "utf-8", "date": "iso", "packing": ""}
ALL = {"separator": list(SEPARATORS), "number": NUMBERS, "encoding": ENCODINGS,
       "date": DATES, "packing": PACKINGS}  # fmt: skip


def write_number(amount, number):
    decimal, mark = number[0], number[1:]
    return f"{amount:,.2f}".translate(str.maketrans({",": mark, ".": decimal}))


def write_date(day, form):
    year, month, number = day.split("-")
    if form.startswith("epoch"):
        seconds = np.datetime64(day, "s").astype(int) + 3600 * int(number) // 2
        return f"{seconds}{'000' * (form == 'epoch-ms')}"
    if form == "iso":
        return day
    return form.replace("yyyy", year).replace("mm", month).replace("dd", number)


def pack(content, packing):
    if packing == ".zst":
        return pa.compress(content, "zstd", asbytes=True)
    if packing == ".zip":
        with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
            archive.writestr("bank.csv", content)
        return file.getvalue()
    return gzip.compress(content, mtime=0) if packing else content


def write(folder, rows=ROWS, header=HEADER, name="bank.csv", **dialect):
    dialect = CLEAN | dialect
    text = io.StringIO()
    writer = csv.writer(text, delimiter=SEPARATORS[dialect["separator"]])
    writer.writerow(header)
    for customer, day, category, amount in rows:
        day = write_date(day, dialect["date"])
        writer.writerow([customer, day, category, write_number(amount, dialect["number"])])
    path = folder / f"{name}{dialect['packing']}"
    path.write_bytes(pack(text.getvalue().encode(dialect["encoding"]), dialect["packing"]))
    return path


ALONE = [CLEAN | {name: value} for name, values in ALL.items() for value in values]


def cover_pairs():
    """Few dialects in which every two values of those asked for are together in one."""
    asked = ALL | {"number": [".", ",", ".,", ",."], "date": DATES[:3] + DATES[-4:]}
    asked["encoding"] = [name for name in ENCODINGS if name != "latin-1"]
    pairs = list(itertools.combinations(asked, 2))
    missing = {(x, a, y, b) for x, y in pairs for a in asked[x] for b in asked[y]}
    rng = np.random.default_rng(0)
    while missing:
        one, a, other, b = min(missing)
        draws = [{name: rng.choice(values) for name, values in asked.items()} for _ in range(99)]
        cases = [{name: str(value) for name, value in draw.items()} | {one: a, other: b}
                 for draw in draws]  # fmt: skip
        covered = [{(x, case[x], y, case[y]) for x, y in pairs} & missing for case in cases]
        best = max(range(len(cases)), key=lambda k: len(covered[k]))
        missing -= covered[best]
        yield cases[best]


PAIRS = list(cover_pairs())


def name_case(case):
    return " ".join(map(ascii, case.values()))


def told(case):
    """What is said of a case."""
    encoding = {"utf-8-sig": "utf-8", "latin-1": "cp1252"}.get(case["encoding"], case["encoding"])
    return Dialect(
        dict(zip(HEADER, HEADER, strict=True)),
        case["separator"],
        encoding,
        case["number"][0],
        case["date"],
    )


@pytest.fixture(scope="module")
def model(model, tmp_path_factory):
    """One that does not know how the data of its fit was written."""
    document = json.loads(model.read_text()) | {"reading": None}
    path = tmp_path_factory.mktemp("model") / "model.json"
    path.write_text(json.dumps(document))
    return path


@pytest.fixture(scope="module")
def clean_log(tmp_path_factory):
    return TransactionLog.scan(write(tmp_path_factory.mktemp("clean")))


@pytest.mark.parametrize("case", ALONE + PAIRS, ids=name_case)
def test_a_file_in_any_dialect_is_what_clean_csv_is(tmp_path, clean_log, case):
    log = TransactionLog.scan(write(tmp_path, **case))
    assert log == clean_log
    assert log.n_transactions == len(ROWS)
    assert log.dialect == told(case)


def lines(*rows, header="customer,date,category,amount"):
    return "\n".join([header, *rows]) + "\n"


# A text, what the error says, and options with which it is read.
REFUSED = {
    "day or month": (
        lines("1,03/04/2021,pets,2.5", "2,01/12/2021,pets,3"),
        "dates such as '03/04/2021' can be read with date_format='dd/mm/yyyy' as 2021-04-03 and "
        "with date_format='mm/dd/yyyy' as 2021-03-04",
        {"date_format": "mm/dd/yyyy"},
    ),
    "day or month, with dashes": (
        lines("1,03-04-2021,pets,2.5"),
        "date_format='dd-mm-yyyy' as 2021-04-03 and with date_format='mm-dd-yyyy' as 2021-03-04",
        {"date_format": "dd-mm-yyyy"},
    ),
    "as many of either": (
        lines("1,31/12/2021,pets,2.5", "1,12/31/2021,pets,2.5"),
        "'31/12/2021' can be read with date_format='dd/mm/yyyy' as 2021-12-31 and with "
        "date_format='mm/dd/yyyy' not at all",
        {"date_format": "dd/mm/yyyy", "errors": "drop"},
    ),
    "thousands or fractions": (
        lines("1,2021-12-31,pets,1.234", "2,2021-12-31,pets,5.678", "1,2021-12-31,pets,12"),
        "amounts such as '1.234' can be read with decimal='.' as 1.234 and with decimal=',' as "
        "1234",
        {"decimal": ","},
    ),
    "thousands or fractions, with commas": (
        lines('1,2021-12-31,pets,"1,234"'),
        "'1,234' can be read with decimal='.' as 1234 and with decimal=',' as 1.234",
        {"decimal": "."},
    ),
    "a comma here and a point there": (
        lines('1,2021-12-31,pets,"1,5"', "1,2021-12-31,pets,1.5"),
        "'1,5' can be read with decimal='.' not at all and with decimal=',' as 1.5",
        {"decimal": ".", "errors": "drop"},
    ),
    "two separators": (
        "customer,date,category,amount,x;customer;date;category;amount;y\n"
        "1,2021-12-31,pets,1.5,x;1;2021-12-31;pets;2.5;y\n",
        "divided by ',' or by ';'",
        {"separator": ";"},
    ),
    "two encodings": (
        lines("1,2021-12-31,smør,1.5").encode() + "1,2021-12-31,smør,2\n".encode("cp1252"),
        "line 3 (byte 0xf8) is no UTF-8 text but other lines are, and all can be read as "
        "Windows-1252. Pass encoding='utf-8' or encoding='cp1252'",
        {"encoding": "cp1252"},
    ),
}  # fmt: skip


@pytest.fixture
def write_text(tmp_path):
    def write_text(content, name="bank.csv"):
        content = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write_text


def as_option(words):
    """The words of Python as those of the command line."""
    for name in ("date_format", "decimal", "separator", "encoding"):
        words = words.replace(f"{name}=", f"--{name.replace('_', '-')} ")
    return words


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_be_read_in_two_ways_is_refused_until_an_option_settles_it(
    write_text, run, model, case
):
    content, message, options = REFUSED[case]
    path = write_text(content)
    with pytest.raises(ValueError) as refusal:
        TransactionLog.scan(path)
    assert message in str(refusal.value) and str(refusal.value).startswith(f"{path}: ")
    done = run("predict", model, path, "--output", path.parent / "out.parquet")
    assert done.exit_code == 2 and done.stderr.count("\n") == 1
    assert as_option(message) in done.stderr
    log = TransactionLog.scan(path, **options)
    options.pop("errors", None)
    assert options.items() <= vars(log.dialect).items()


# Rows that are not written like the others, and what the error says of them.
CONTRADICTIONS = {
    "date": (
        lines("1;30.12.2021;pets;2,5", "1;31.12.2021;pets;2", "1;2021-12-31;pets;1,5",
              header="customer;date;category;amount"),
        "Column 'date': missing or unreadable date (such as '2021-12-31') in 1 of 3 rows, first in "
        "row 2 (counted from 0). Dates are taken as dd.mm.yyyy. Correct these rows, drop "
        "them with errors='drop', or pass date_format=",
    ),
    "amount": (
        lines("1;31.12.2021;pets;2,5", "1;31.12.2021;pets;2,6", "1;31.12.2021;pets;1.5",
              header="customer;date;category;amount"),
        "amount (such as '1.5') in 1 of 3 rows, first in row 2 (counted from 0). Amounts are taken "
        "with a decimal comma. Correct these rows, drop them with errors='drop', or pass decimal=",
    ),
    "income": (
        lines("1,2021-12-31,pets,2.5,1", '1,2021-12-31,pets,1.5,"1,5"',
              header="customer,date,category,amount,income"),
        "income (such as '1,5') in 1 of 2 rows, first in row 1 (counted from 0). Amounts are taken "
        "with a decimal point",
    ),
    "separator": (
        lines("1,2021-12-31,pets,2.5", "1;2021-12-31;pets;2.5"),
        "line 3 has 1 fields, and the first line 4, divided by ','. Correct this line, look for a "
        "sign that is no separator, or pass separator=",
    ),
    "encoding": (
        b"\xef\xbb\xbf" + lines("1,2021-12-31,caf\udce9,2.5").encode(errors="surrogateescape"),
        "line 2 (byte 0xe9) is no UTF-8 text. Pass the right one as encoding=",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_a_row_that_is_not_written_like_the_others_is_refused_in_one_line(write_text, case):
    content, message = CONTRADICTIONS[case]
    path = write_text(content)
    with pytest.raises(ValueError) as refusal:
        TransactionLog.scan(path, income="income" if case == "income" else None)
    assert str(refusal.value).startswith(f"{path}: ") and message in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "content"),
    [
        ({"decimal": ","}, lines("1,2021-12-31,pets,2.5")),
        ({"decimal": "."}, lines('1,2021-12-31,pets,"2,5"')),
        ({"date_format": "dd.mm.yyyy"}, lines("1,2021-12-31,pets,2.5")),
        ({"date_format": "mm/dd/yyyy"}, lines("1,31/12/2021,pets,2.5")),
        ({"date_format": "yyyymmdd"}, lines("1,1640908800,pets,2.5")),
        ({"date_format": "epoch"}, lines("1,20211231,pets,2.5")),
        ({"encoding": "utf-8"}, lines("1,2021-12-31,smør,2.5").encode("cp1252")),
        ({"encoding": "ascii"}, lines("1,2021-12-31,smør,2.5")),
        ({"separator": ";"}, lines("1,2021-12-31,pets,2.5")),
    ],
)
def test_an_option_is_taken_as_given_and_checked_on_every_row(write_text, options, content):
    path = write_text(content)
    with pytest.raises(ValueError, match=r"unreadable|is no|no column"):
        TransactionLog.scan(path, **options)


@pytest.mark.parametrize(
    ("dates", "amounts", "kept"),
    [
        (["03/04/2021", "05/04/2021", "31/05/2021"], ["1.5"] * 3, "dd/mm/yyyy"),
        (["03/04/2021", "03/05/2021", "12/31/2021"], ["1.5"] * 3, "mm/dd/yyyy"),
        (["01/01/2021", "31/01/2021", "02/01/2021"], ["1.5"] * 3, "dd/mm/yyyy"),
        (["2021-12-31"] * 3, ["1.234", "5.678", "1.5"], "."),
        (["2021-12-31"] * 3, ["1.234", "5.678", "1,5"], ","),
        (["2021-12-31"] * 3, ["12", "5.678", "1,5"], ","),
        (["2021-12-31"] * 3, ["12", "1 234", "1,5"], ","),
    ],
)
def test_later_files_may_settle_what_the_first_leave_open(
    tmp_path, monkeypatch, dates, amounts, kept
):
    """Files are read in pieces, of one row here."""
    monkeypatch.setattr(_files, "CSV_BLOCK", 1)
    rows = list(zip(dates, amounts, strict=True))
    for number, (day, amount) in enumerate(rows):
        (tmp_path / f"{number}.csv").write_text(lines(f'1,{day},pets,"{amount}"'))
    log = TransactionLog.scan(tmp_path)
    assert kept in (log.dialect.decimal, log.dialect.date_format)
    options = {"decimal": log.dialect.decimal, "date_format": log.dialect.date_format}
    assert TransactionLog.scan(tmp_path, **options) == log


def test_a_later_piece_that_contradicts_the_first_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(_files, "CSV_BLOCK", 1)
    for number, amount in enumerate(["12", "1.5", "1,5"]):
        (tmp_path / f"{number}.csv").write_text(lines(f'1,2021-12-31,pets,"{amount}"'))
    with pytest.raises(ValueError, match=r"'1,5'.* first in row 2 .* in .*/2.csv. .*decimal point"):
        TransactionLog.scan(tmp_path)


def test_quotes_are_found_in_every_encoding(tmp_path):
    """A line break between quotes ends no row; in EBCDIC, quotes are another byte."""
    path = tmp_path / "bank.csv"
    path.write_bytes(lines('1,2021-12-31,"pets\n,and",1.5').encode("cp500"))
    log = TransactionLog.scan(path, encoding="cp500")
    assert log.categories.tolist() == ["pets\n,and"]


def test_incomes_are_written_like_amounts(write_text):
    rows = ["1;31.12.2021;pets;2,5;450.000,5", "1;31.12.2021;pets;1;450.000,50"]
    path = write_text(lines(*rows, header="customer;date;category;amount;income"))
    assert TransactionLog.scan(path, income="income").sum_income(12, 1).tolist() == [[450_000.5]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x1f\x8b" + b"no gzip" * 9, "cannot be unpacked"),
        (pack(lines("1,2021-12-31,pets,2.5").encode(), ".gz")[:-9], "cannot be unpacked"),
        (b"PK\x03\x04" + b"no zip" * 9, "cannot be unpacked"),
        (pack(b"PAR1", ".zst"), "is no text file but a Parquet file"),
        (b"\xd0\xcf\x11\xe0", "old Excel workbook"),
        (b"customer,date\n\x81\xe9", "is no UTF-8 text nor Windows-1252"),
    ],
)
def test_what_is_no_text_is_called_by_its_name(write_text, run, model, content, message):
    done = run("predict", model, path := write_text(content), "--output", path.with_suffix(".pq"))
    assert done.exit_code == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"Error: {path}: ") and message in done.stderr


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "holds 0 files instead of one"),
        (["a.csv", "b.csv"], "holds 2 files instead of one"),
        (["[Content_Types].xml", "a"], "is an Excel workbook"),
    ],
)
def test_an_archive_of_other_than_one_file_is_refused(tmp_path, names, message):
    with zipfile.ZipFile(tmp_path / "bank.zip", "w") as archive:
        for name in names:
            archive.writestr(name, lines("1,2021-12-31,pets,2.5"))
    with pytest.raises(ValueError, match=message):
        TransactionLog.scan(tmp_path / "bank.zip")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"separator": "."}, "separator must be ',', ';', 'tab' or '|', got '.'"),
        ({"decimal": ";"}, "decimal must be '.' or ',', got ';'"),
        ({"date_format": "yymmdd"}, "date_format must be 'dd.mm.yyyy', "),
        ({"encoding": "no such"}, "encoding must be one that Python knows"),
        ({"encoding": "hex"}, "encoding must be one that Python knows"),
    ],
)
def test_an_option_of_no_known_value_is_refused(write_text, options, message):
    with pytest.raises(ValueError) as refusal:
        TransactionLog.scan(write_text(lines("1,2021-12-31,pets,2.5")), **options)
    assert message in str(refusal.value)


def test_the_command_knows_the_values_of_all_options():
    assert get_args(DateFormat) == _options.DATE_FORMATS
    assert set(_options.DATE_FORMATS) == set(DATE_FORMATS)
    assert (tuple(SEPARATORS), DECIMALS) == (_options.SEPARATORS, _options.DECIMALS)
    assert {"\t", *_options.SEPARATORS} == set(get_args(Separator))


def test_options_of_text_are_refused_for_other_files(tmp_path):
    frame = pd.DataFrame([ROWS[0]], columns=HEADER)
    frame.to_parquet(tmp_path / "bank.parquet")
    with pytest.raises(ValueError, match="decimal= says how text files are written"):
        TransactionLog.scan(tmp_path / "bank.parquet", decimal=",")


def test_how_a_file_was_read_is_said_and_recorded(run, model, tmp_path):
    header = ["Kontonr.", "Bokført dato", "KATEGORI", "Beløp (NOK)"]
    path = write(tmp_path, header=header, number=",.", separator="tab", encoding="cp1252",
                 date="dd.mm.yyyy")  # fmt: skip
    output = tmp_path / "out.parquet"
    arguments = ("predict", model, path, "--allow-unknown", "--output", output, "--force")
    told = (
        "Read as: customer 'Kontonr.', date 'Bokført dato' (dd.mm.yyyy), category 'KATEGORI', "
        "amount 'Beløp (NOK)' (decimal comma); separator tab; encoding Windows-1252."
    )
    assert run(*arguments).stdout.splitlines()[0] == told
    assert run(*arguments, "--quiet").output == ""
    assert json.loads(run(*arguments, "--json").stdout)["read_as"] == {
        "columns": dict(zip(["customer", "date", "category", "amount"], header, strict=True)),
        "separator": "tab", "encoding": "cp1252", "decimal": ",", "date_format": "dd.mm.yyyy",
    }  # fmt: skip


@pytest.fixture(scope="module")
def clean_segments(run, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    done = run(
        "predict", model, write(folder), "--allow-unknown", "--output", folder / "out.parquet"
    )
    assert done.exit_code == 0, done.output
    return pd.read_parquet(folder / "out.parquet")


@pytest.mark.parametrize("case", PAIRS, ids=name_case)
@pytest.mark.filterwarnings("ignore")
def test_the_command_reads_a_file_in_any_dialect(run, model, tmp_path, clean_segments, case):
    output = tmp_path / "out.parquet"
    path = write(tmp_path, **case)
    done = run("predict", model, path, "--allow-unknown", "--output", output, "--json")
    assert done.exit_code == 0, done.output
    pd.testing.assert_frame_equal(pd.read_parquet(output), clean_segments)
    assert Dialect(**json.loads(done.stdout)["read_as"]) == told(case)


@pytest.mark.parametrize("number", [".", ",", ",."])
def test_a_minus_sign_is_read_like_a_hyphen(tmp_path, number):
    expected = TransactionLog.scan(write(tmp_path, separator=";", number=number))
    path = write(tmp_path, name="minus.csv", separator=";", number=number)
    text = path.read_text(encoding="utf-8")
    assert text.count(";-7") == 1
    path.write_text(text.replace(";-7", ";\u22127"), encoding="utf-8")
    assert TransactionLog.scan(path) == expected
    path.write_text(text.replace(";-7", ";7\u2212"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"unreadable amount .* in 1 of 7 rows"):
        TransactionLog.scan(path)
