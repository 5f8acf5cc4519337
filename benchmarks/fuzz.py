"""Random malformed files through `skspend predict` and `skspend segment`, in one process.

Each file is a small valid table of transactions, half of them in a random dialect, with up to four
faults in its cells, rows, columns, bytes or name. The command must end in one of two ways. One is a
clean error: one line that names the file, exit code 2, no output and no temporary files. The other
is the correct result: customers, transactions and sums by customer, period and category equal those
of a plain reference, which reads the same file only with Python's csv, re, datetime and float. If
the reference cannot read a row, or reads it in two ways, the command must fail, or count that row
with `--drop-unreadable`. Of a file without faults, the rows must also be those that were written.
The script exits with 1 if anything else happens.

    python benchmarks/fuzz.py
    python benchmarks/fuzz.py --files 500 --seed 3 --keep failures
"""

import argparse
import collections
import contextlib
import csv
import dataclasses
import datetime
import gzip
import io
import math
import os
import random
import re
import shutil
import sys
import tempfile
import unicodedata
import warnings
import zipfile
import zlib
from decimal import Decimal
from functools import partial
from pathlib import Path
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
import pyarrow as pa
from click.testing import CliRunner
from pyarrow import parquet

from skspend import LSTMStateExtractor, TransactionLog, segmentation as work
from skspend.cli import main as skspend
from skspend.datasets import make_spending
from skspend.transactions import _text as tables
from skspend.transactions._names import USUAL

ROLES = ["customer", "date", "category", "amount"]
CATEGORIES = ["groceries", "travel", "rent", "fuel", "books", "pets & plants", "café", "unheard of"]
N_PERIODS = 3
SMALL = partial(LSTMStateExtractor, n_networks=2, epochs=5)
"""The networks of all models: what they predict does not matter here."""
SHARES = {"segment": 0.05, "large": 0.04, "parquet": 0.15, "drop": 0.2, "income": 0.1,
          "dialect": 0.5, "options": 0.3}  # fmt: skip
"""Of files: for segment, of these with enough customers to succeed; and so on. The last is of
those in a dialect: its options are given."""
BLANKS = " \u00a0\u2009\u202f"
SIGNS = {"tab": "\t"} | dict(zip(",;|", ",;|", strict=True))
HEADERS = {
    "customer": ["Kontonr.", "KUNDE_ID", "customer", "Numéro de compte", "klantnummer", "Konto Nr"],
    "date": ["Bokført dato", "date", "Buchungstag", "Fecha de operación", "transaktionsdatum"],
    "category": ["Kategori", "category", "catégorie", "CATEGORÍA", "Hauptkategorie"],
    "amount": ["Beløp (NOK)", "amount", "Betrag", "montant", "belopp", "Bedrag (EUR)"],
    "income": ["income"],
}
DATES = {
    "dd.mm.yyyy": "%d.%m.%Y", "dd/mm/yyyy": "%d/%m/%Y", "mm/dd/yyyy": "%m/%d/%Y",
    "dd-mm-yyyy": "%d-%m-%Y", "mm-dd-yyyy": "%m-%d-%Y", "yyyymmdd": "%Y%m%d", "epoch": "",
    "epoch-ms": "", "iso": "%Y-%m-%d",
}  # fmt: skip

ANY = [
    "", " ", "NULL", "None", "NaN", "N/A", "null", "inf", "\u00a0", "\u200b", "\x00", "a\x00b",
    "\x1b[31mred", "\x07", "😀", "é", "=1+1", "@SUM(A1)", "-", "'", '"', '""', "a,b", "a\nb",
    "a\rb", "\ufeff", "\u2028", "\x85", "١٢", "\uff11\uff12", "x" * 300,
    'say "no"', ";", "\t", "\\", "%s", "y" * 200_000,
    "{0}", "[bold]",
]  # fmt: skip
WEIRD = {
    "customer": [
        "007", "0", "-1", "1.0", "1e3", "9" * 18, "9" * 19, "9" * 30, "9223372036854775808", "c1",
        "C1", " 1", "1 ", "+1", "x" * 5000, "1_0", "00", "12345678901234567890", "nan ",
    ],
    "date": [
        "9999-12-31", "0000-00-00", "2024-02-30", "2024-02-29", "31/12/2023", "12/31/2023",
        "2023-13-01", "1704067200", "20231231", "2023-12", "2023", "2023-12-31T23:59:59",
        "2023-12-31 23:59", "2023-12-31T23:59:59Z", "2023-12-31T23:59:59+02:00",
        "2023-07-01T00:30:00-0500", "2023-12-31T23:59:59.123456789", "1899-12-31", "1900-01-01",
        "2100-12-31", "2101-01-01", "2023-1-5", "2023-W52-7", "2023-365",
        "\uff12\uff10\uff12\uff13-12-31",
        "23-12-31", "-2023-12-31", "2023-12-31T24:00:00", "2023-12-31T23:59:60", "2023-06-30T",
        "2023-06-30 ", " 2023-06-30", "NaT", "10000-01-01", "0001-01-01", "2023/12/31",
        "2023.12.31", "Dec 31 2023", "45291", "1e9", "today", "now", "2023-12-31\x00",
    ],
    "category": [
        "Groceries", " groceries", "infrequent", "year1|rent", "1", "1.0", "0742", "x" * 999,
    ],
    "amount": [
        "0", "-0", "-0.0", "1e308", "-1e308", "1.7976931348623157e308", "1e400", "-1e400", "1e-400",
        "9" * 30, "1,234.56", "1.234,56", "12,5", "$5", "€5", "5 EUR", "(5)", "5-", "+5", " 5 ",
        "5.", ".5", ".", "5e", "--5", "0x10", "1_000", "٣", "\u22125", "1e5", "True", "5\u00a0000",
        "5 000", "1d5", "infinity", "-inf", "5%", "4.9e-324", "1j", "9007199254740993", "5\t",
    ],
    "income": [
        "-1", "0", "1e400", "abc", "50 000", "NULL", "", "1e300", "nan", "inf", "40000.5",
    ],
}  # fmt: skip
KINDS = {
    "row that cannot be read": r"Column ['\"].*?(missing|unreadable|before 19|negative, infinite)",
    "fields or quotes of a row": r"line [\d,]+ has \d+ fields|quotes \(\"\) are wrong",
    "column not found or twice": r"no column '|columns named|several columns that may",
    "two readings": r"can be read with --|may be divided by|all can be read as",
    "text in another encoding": r"is no UTF-(8|16) text|no \S+ text",
    "another kind of file": r"is no text file but|must end in|folder holds no|[Pp]arquet|"
    r"cannot be unpacked|zip archive holds|Excel",
    "nothing in it": r"No columns to parse|no transactions|No transaction can be read",
    "amounts too large": r"add up to|Rescale|overflow|too large",
    "type of a column": r"holds (numbers|values of type)|mixes identifiers",
    "too few customers": r"are needed to find segments",
    "different incomes": r"different incomes in the rows",
    "no income": r"no positive income|knows no income",
    "unknown categories": r"of the spending is in .* that the model does not know",
    "no coefficient": r"None of the [\d,]+ categories has a coefficient",
    "no spending": r"More money comes in than goes out",
}
NOTICE = re.compile(
    r"Warning: |Dropped |Not counted: |[A-Z]\w+: [\d.]+ s$|[\d,]+ of [\d,]+ customers spend "
    r"(nothing|only in categories that the model does not know)"
)
"""Lines of stderr that are no errors."""
NAMELESS = (
    r"are needed to find segments|no positive income|More money comes in than goes out|"
    r"has a coefficient"
)
"""Errors about people and categories, not about the file."""


class Unreadable(Exception):
    """What the reference says of a file that must be refused."""


class Unknown(Exception):
    """The reference has no opinion, as on Parquet files of strange types."""


# The tables.


def make_table(rng, n_customers, with_income):
    """A header and rows of text."""
    style = rng.choice(["{}", "{}", "c{}", "{:04}", "{}00000000000"])
    ids = [style.format(k) for k in rng.sample(range(1, 999), n_customers)]
    header = ROLES + (["income"] if with_income else [])
    n_rows = rng.choice([1, 2, 5, 20, 60]) if n_customers < 30 else 12 * n_customers
    rows = []
    for k in range(max(n_rows, n_customers)):
        day = datetime.date(2021, 1, 1) + datetime.timedelta(rng.randrange(3 * 365))
        sign = -1 if rng.random() < 0.1 else 1
        row = [
            ids[k % n_customers], day.isoformat(), rng.choice(CATEGORIES),
            f"{sign * rng.lognormvariate(3, 1):.2f}",
        ]  # fmt: skip
        rows.append(row + (["45000"] if with_income else []))
    for k in range(rng.choice([0, 0, 1, 3])):
        header.append(["text", "balance", "currency"][k])
        for row in rows:
            row.append(rng.choice(["", "a", "7", "b c"]))
    if rng.random() < 0.3:
        order = rng.sample(range(len(header)), len(header))
        header = [header[k] for k in order]
        rows = [[row[k] for k in order] for row in rows]
    return header, rows


def change_cell(rng, header, rows):
    column = rng.randrange(len(header))
    role = header[column]
    values = WEIRD.get(role, ANY) if rng.random() < 0.7 else ANY
    value = rng.choice(values)
    for row in rng.sample(rows, min(len(rows), rng.choice([1, 1, 2, 9]))):
        if column < len(row):
            row[column] = value


def change_column(rng, header, rows):
    """Write a whole column in another way."""
    role = rng.choice(ROLES)
    column = header.index(role) if role in header else 0
    ways = {
        "customer": [
            lambda text: "0" + text, lambda text: "same", lambda text: text + "9" * 17,
            lambda text: " " + text, lambda text: "n" * 3000 + text,
        ],
        "date": [
            lambda text: "/".join(reversed(text.split("-"))), lambda text: text.replace("-", ""),
            lambda text: text + "T12:30:00+02:00", lambda text: text + " 00:00:00",
            lambda text: text[:7], lambda text: text[:4], lambda text: text[2:],
        ],
        "category": [str.upper, lambda text: "5411", lambda text: text + " ", lambda text: "NA"],
        "amount": [
            lambda text: text.replace(".", ","), lambda text: "$" + text, lambda text: text + " kr",
            lambda text: "-" + text.strip("-"), lambda text: text.split(".")[0],
            lambda text: text + "e306", lambda text: "1 " + text, lambda text: "0",
        ],
    }  # fmt: skip
    way = rng.choice(ways[role])
    for row in rows:
        if column < len(row):
            row[column] = way(row[column])


def change_rows(rng, header, rows):
    if not rows:
        return
    k = rng.randrange(len(rows))
    what = rng.randrange(8)
    if what == 0 and rows[k]:
        del rows[k][rng.randrange(len(rows[k]))]
    elif what == 1:
        rows[k].insert(rng.randrange(len(rows[k]) + 1), rng.choice(["", "x", "1"]))
    elif what == 2:
        rows.insert(k, list(header))
    elif what == 3:
        rows.insert(k, [])
    elif what == 4:
        del rows[rng.randrange(2) :]
    elif what == 5:
        rows.insert(k, [""] * len(header))
    elif what == 6:
        rows.insert(k, list(rows[k]))
    else:
        rows.append(["Total", "", "", "12345.60"])


def change_header(rng, header, rows):
    k = rng.randrange(len(header))
    what = rng.randrange(6)
    if what == 0:
        header[k] = rng.choice(
            [header[k].upper(), " " + header[k], "", "amount", "no", "é", "\x00"]
        )
    elif what == 1:
        header.append(rng.choice([header[k], "", "x", "text"]))
        for row in rows:
            row.append("1")
    elif what == 2:
        header.extend(f"extra {number}" for number in range(200))
        for row in rows:
            row.extend(["0"] * 200)
    elif what == 3:
        del header[k]
    elif what == 4:
        del header[k]
        for row in rows:
            del row[k : k + 1]
    else:
        rows.insert(0, list(header))
        header[:] = ["Export of 2024"] + [""] * (len(header) - 1)


def make_dialect(rng):
    """How the text of a file is written."""
    if rng.random() > SHARES["dialect"]:
        return {"separator": ",", "decimal": ".", "encoding": "utf-8", "date_format": "iso"}
    return {
        "separator": rng.choice([*SIGNS]),
        "decimal": rng.choice(".,"),
        "encoding": rng.choice(["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"]),
        "date_format": rng.choice([*DATES]),
    }


def write_dialect(rng, header, rows, dialect):
    """Write the good cells of a table in a dialect, and rename its columns."""
    names = [rng.choice(HEADERS[name]) if name in HEADERS else name for name in header]
    marks = (
        ["", ".", ",", "'", "\u2019", *BLANKS] if "utf" in dialect["encoding"] else ["", "'", " "]
    )
    mark = rng.choice([mark for mark in marks if mark != dialect["decimal"]])
    table = str.maketrans({",": mark, ".": dialect["decimal"]})

    def write(role, text):
        if role in ("amount", "income") and re.fullmatch(r"-?\d+(\.\d\d)?", text):
            return format(Decimal(text), ",").translate(table)
        if role == "date" and re.fullmatch(r"20\d\d-\d\d-\d\d", text):
            with contextlib.suppress(ValueError):
                return write_date(datetime.date.fromisoformat(text), dialect["date_format"])
        return text

    return names, [
        [write(role, text) for role, text in zip(header, row, strict=False)] + row[len(header) :]
        for row in rows
    ]


def write_date(day, date_format):
    if DATES[date_format]:
        return day.strftime(DATES[date_format])
    seconds = (day - datetime.date(1970, 1, 1)).days * 86400 + 3600 * day.day % 86400
    return f"{seconds}{'123' if date_format == 'epoch-ms' else ''}"


def as_csv(rng, header, rows, dialect):
    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=SIGNS[dialect["separator"]],
        lineterminator=rng.choice(["\n", "\n", "\r\n", "\r"]),
        quoting=rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    )
    writer.writerow(header)
    writer.writerows(rows)
    text = text.getvalue()
    if rng.random() < 0.1:
        text = text.rstrip("\r\n")
    encoding = dialect["encoding"]
    if rng.random() < 0.04:
        encoding = rng.choice(["latin-1", "utf-16", "utf-16-le", "utf-8-sig", "cp500"])
    return text.encode(encoding, errors="replace" if "utf" not in encoding else "surrogatepass")


def pack(rng, content):
    """Pack some of the files."""
    what = rng.choice([None, None, None, "gz", "zst", "zip"])
    if what == "gz":
        return gzip.compress(content)
    if what == "zst":
        return pa.compress(content, "zstd", asbytes=True)
    if what == "zip":
        with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
            archive.writestr("bank.csv", content)
        return file.getvalue()
    return content


def change_bytes(rng, content):
    content = bytearray(content)
    at = rng.randrange(len(content) + 1)
    what = rng.randrange(12)
    if what == 0 and content:
        for _ in range(rng.choice([1, 1, 3, 20])):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    elif what == 1:
        del content[at:]
    elif what == 2:
        del content[at : at + rng.choice([1, 2, 10])]
    elif what == 3:
        content[at:at] = content[at : at + 50]
    elif what == 4:
        content[at:at] = b"\x00" * rng.choice([1, 4, 100])
    elif what in (5, 6):
        content[at:at] = b'"' * rng.choice([1, 1, 1, 2, 3])
    elif what == 7:
        content[at:at] = rng.choice([b"\n", b"\r", b"\n\n\n", b"  \n", b"\x1a"])
    elif what == 8:
        content[at:at] = rng.randbytes(rng.choice([1, 3, 30]))
    elif what == 9:
        content[at:at] = rng.choice([b",", b";", b",,,,,", b"\xe9", b"\xff\xfe", b"'", b"#"])
    elif what == 10:
        content = rng.choice(
            [b"", b"\n", b"\x00", rng.randbytes(200), b"PAR1", b"PAR1PAR1", b"\xef\xbb\xbf"]
        )
    else:
        content = rng.choice(
            [gzip.compress(content), b"\n\n" + content, b"\xef\xbb\xbf" + content,
             content.replace(b",", b'","', 1), content.replace(b"\n", b'"\n', 1),
             content.replace(b"\n", b",\n"), content + content]
        )  # fmt: skip
    return bytes(content)


def as_arrow(rng, header, rows):
    """The table with types, one of which may be strange."""
    rows = [row for row in rows if len(row) == len(header)]
    columns = {name: [row[k] for row in rows] for k, name in enumerate(header)}
    table = {}
    for name, values in columns.items():
        array = pa.array(values, pa.string())
        if name == "customer" and rng.random() < 0.5:
            array = _cast(array, pa.int64())
        if name == "date" and rng.random() < 0.8:
            array = _cast(array, rng.choice([pa.date32(), pa.timestamp("us"), pa.timestamp("ns")]))
        if name in ("amount", "income") and rng.random() < 0.9:
            array = _cast(array, pa.float64())
        table[name] = array
    if table and rng.random() < 0.5:
        name = rng.choice([name for name in ROLES if name in table] or list(table))
        table[name] = _strange(rng, table[name])
    return pa.table(table)


def _cast(array, target):
    try:
        return array.cast(target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return array


def _strange(rng, array):
    n, values = len(array), array.to_pylist()
    makers = [
        lambda: pa.array([[value] for value in values]),
        lambda: pa.array([{"a": value} for value in values]),
        lambda: pa.array([str(value).encode() for value in values], pa.binary()),
        lambda: pa.array([Decimal(k) / 100 for k in range(n)], pa.decimal128(12, 2)),
        lambda: pa.array(range(n), pa.int64()).cast(pa.duration("s")),
        lambda: pa.array(range(n), pa.int64()).cast(pa.timestamp("s")),
        lambda: pa.array([k % 2 == 0 for k in range(n)]),
        lambda: array.cast(pa.string()).dictionary_encode(),
        lambda: pa.nulls(n),
        lambda: pa.nulls(n, pa.float64()),
        lambda: pa.array([value if k % 3 else None for k, value in enumerate(values)], array.type),
        lambda: pa.array(range(n), pa.uint64()),
        lambda: pa.array([2**63 + k for k in range(n)], pa.uint64()),
        lambda: pa.array([float(k) for k in range(n)], pa.float32()),
        lambda: pa.array([(math.inf, math.nan, 1.0, 2.5)[k % 4] for k in range(n)]),
        lambda: pa.array(range(n), pa.int8() if n < 128 else pa.int16()),
        lambda: array.cast(pa.large_string()),
        lambda: pa.array([datetime.time(k % 24) for k in range(n)]),
        lambda: pa.array(
            [datetime.datetime(2022, 1, 1 + k % 28, 23, 30) for k in range(n)],
            pa.timestamp("us", "America/New_York"),
        ),
        lambda: array.cast(pa.string()),
        lambda: pa.array(range(n), pa.int64()).cast(pa.date64()) if n == 0 else array,
    ]  # fmt: skip
    try:
        return rng.choice(makers)()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OverflowError):
        return array


def make_file(rng, folder, *, is_large=False, with_income=False):
    """Write one file.

    Returns
    -------
    path : Path
    truth : list of tuple or None
        The rows of a text file without faults.
    dialect : dict of str
        Of a text file.
    """
    n_customers = 40 if is_large else rng.choice([1, 1, 2, 3, 6])
    header, rows = make_table(rng, n_customers, with_income)
    places = [header.index(name) for name in ROLES]
    truth = [tuple(row[place] for place in places) for row in rows]
    changes = [change_cell, change_column, change_rows, change_header]
    n_changes = rng.choice([0, 0, 1, 2]) if is_large else rng.choice([0, 0, 1, 1, 1, 2, 2, 3])
    for _ in range(n_changes):
        rng.choices(changes, [6, 3, 3, 1])[0](rng, header, rows)
    is_parquet = rng.random() < SHARES["parquet"]
    dialect = make_dialect(rng)
    if is_parquet:
        sink = io.BytesIO()
        parquet.write_table(
            as_arrow(rng, header, rows), sink, row_group_size=rng.choice([1, 7, 1000])
        )
        content = sink.getvalue()
    else:
        header, rows = write_dialect(rng, header, rows, dialect)
        content = as_csv(rng, header, rows, dialect)
    n_bytes = rng.choice([0, 0, 0, 1] if is_parquet or is_large else [0, 0, 0, 1, 2])
    for _ in range(n_bytes):
        content = change_bytes(rng, content)
    is_named = rng.random() >= 0.02
    if not is_parquet and is_named:
        content = pack(rng, content)
    path = folder / ("table.parquet" if is_parquet == is_named else "table.csv")
    if rng.random() < 0.01:
        path.mkdir()
    else:
        path.write_bytes(content)
    is_true = not (is_parquet or n_changes or n_bytes) and is_named
    return path, truth if is_true else None, None if is_parquet else dialect


# The reference.


def read_reference(path, *, with_income, drops, given):
    """What is in a file, by plain rules.

    Returns
    -------
    customers : set
    rows : list of tuple
        Customer, date, category and amount.
    incomes : dict from customer to list of float
    n_dropped : int
    """
    names = ROLES + (["income"] if with_income else [])
    is_csv = path.suffix == ".csv"
    if path.is_dir():
        raise Unreadable
    readers = dict(zip(names, READERS, strict=False))
    if is_csv:
        records = list(_csv_records(path, names, drops, given))
        readers |= _choose_readers([record for record in records if record], names, given)
    else:
        records = _arrow_records(path, names)
    customers, rows, incomes, n_dropped = set(), [], collections.defaultdict(list), 0
    all_incomes = Decimal(0)
    for record in records:
        if record is None:
            n_dropped += 1
            continue
        values = [readers[name](value) for name, value in zip(ROLES, record, strict=False)]
        if values[0] is not None:
            customers.add(values[0])
        if with_income and not _is_missing(record[4]):
            income = readers["income"](record[4])
            if income is not None and income >= 0:
                incomes[values[0]].append(income)
                all_incomes += Decimal(income)
            elif not drops:
                raise Unreadable
        if None not in values:
            rows.append(tuple(values))
        elif drops:
            n_dropped += 1
        else:
            raise Unreadable
    if not rows:
        raise Unreadable
    if any(len(set(found)) > 1 for who, found in incomes.items() if who is not None):
        raise Unreadable
    is_whole = not is_csv and isinstance(record[3], int)
    largest = Decimal(2**53 if is_whole else sys.float_info.max)
    if max(all_incomes, sum(Decimal(abs(row[3])) for row in rows)) > largest:
        raise Unreadable
    if is_csv and all(re.fullmatch("0|[1-9][0-9]{0,17}", who) for who in customers):
        customers = {int(who) for who in customers}
        rows = [(int(row[0]), *row[1:]) for row in rows]
        incomes = {int(who): values for who, values in incomes.items() if who is not None}
    if len({type(who) for who in customers}) > 1:
        raise Unreadable
    return customers, rows, incomes, n_dropped


def _decode(path, given):
    content = path.read_bytes()
    try:
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        elif content.startswith(b"\x28\xb5\x2f\xfd"):
            content = pa.CompressedInputStream(pa.BufferReader(content), "zstd").read()
        elif content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                (name,) = archive.namelist()
                content = archive.read(name)
    except (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile) as error:
        raise Unreadable from error
    if content.startswith((b"PAR1", b"ARROW1")):
        raise Unreadable
    begins = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    marked = next((begins[mark] for mark in begins if content.startswith(mark)), None)
    try:
        if given.get("encoding") == "utf-16" and marked != "utf-16":
            raise Unreadable
        if "encoding" in given:
            return content.decode(given["encoding"]).removeprefix("\ufeff")
        if marked:
            return content.decode(marked)
        try:
            return content.decode()
        except UnicodeDecodeError:
            mixed = content.decode(errors="surrogateescape")
            if any(sign > "\x7f" and not "\udc80" <= sign <= "\udcff" for sign in mixed):
                raise Unreadable from None
            return content.decode("cp1252")
    except UnicodeDecodeError as error:
        raise Unreadable from error


def _plain(name):
    letters = unicodedata.normalize("NFD", re.sub(r"[(\[].*?[)\]]", "", name).casefold())
    return re.sub(r"[\W_\u0300-\u036f]", "", letters).replace("ø", "o")


def _find_place(header, role):
    """The place of a column, or None; two are an error."""
    found = [name for name in header if name == role]
    if not found and role != "income":
        usual = {_plain(name) for name in USUAL[role].split(",")}
        found = [name for name in header if _plain(name) in usual]
    if len(found) > 1:
        raise Unreadable
    return header.index(found[0]) if found else None


def _csv_records(path, names, drops, given):
    text = _decode(path, given)
    csv.field_size_limit(tables.CSV_BLOCK)
    found = []
    for separator in [given["separator"]] if "separator" in given else SIGNS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=SIGNS[separator], strict=True)
        try:
            header = next(filter(None, reader), None)
            if header:
                # Of two byte order marks, the codec takes one.
                header[0] = header[0].lstrip("\ufeff")
            places = header and [_find_place(header, name) for name in names]
            if places and None not in places:
                found.append((separator, header, places, [row for row in reader if row]))
        except csv.Error:
            # Where no header is found, the file is refused below.
            continue
    if len(found) != 1:
        raise Unreadable
    ((_, header, places, rows),) = found
    for row in rows:
        if len(row) == len(header):
            record = [row[place] for place in places]
            yield [None if value in tables.MISSING else value for value in record]
        elif drops:
            yield None
        else:
            raise Unreadable


def _choose_readers(records, names, given):
    """How dates and amounts are read: in the way that reads the most of them."""
    column = {name: {record[k] for record in records} - {None} for k, name in enumerate(names)}
    dates = {form: partial(_read_date, date_format=form) for form in DATES}
    date = _choose(dates, [column["date"]], given.get("date_format"))
    numbers = {decimal: partial(_read_amount, decimal=decimal) for decimal in ".,"}
    amounts = [{text for text in column.get(name, ()) if "." in text or "," in text}
               for name in ("amount", "income")]  # fmt: skip
    number = _choose(numbers, amounts, given.get("decimal"))
    return {"date": date or dates["iso"], "amount": number or numbers["."],
            "income": number or numbers["."]}  # fmt: skip


def _choose(readers, columns, given):
    if given:
        return readers[given]
    is_open = False
    for texts in columns:
        found = {name: [read(text) for text in sorted(texts)] for name, read in readers.items()}
        counts = {
            name: sum(value is not None for value in values) for name, values in found.items()
        }
        most = max(counts.values())
        if not most:
            continue
        readers = {name: read for name, read in readers.items() if counts[name] == most}
        if len({tuple(found[name]) for name in readers}) == 1:
            return next(iter(readers.values())) if not is_open or len(readers) == 1 else None
        is_open = True
    if is_open:
        raise Unreadable
    return None


def _arrow_records(path, names):
    try:
        file = parquet.ParquetFile(path)
        places = [_find_place(file.schema_arrow.names, name) for name in names]
        if None in places:
            raise Unreadable
        names = [file.schema_arrow.names[place] for place in places]
        table = file.read(columns=names)
        for row in zip(*(table[name].to_pylist() for name in names), strict=True):
            yield [value.decode() if isinstance(value, bytes) else value for value in row]
    except (OSError, pa.ArrowException, ValueError) as error:
        raise Unreadable from error


def _is_missing(value):
    return value is None or value != value


def _read_name(value):
    if _is_missing(value) or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str | int) and not isinstance(value, bool):
        return value
    raise Unknown


def _read_category(value):
    return None if _read_name(value) is None else str(value)


def _read_date(value, date_format="iso"):
    if _is_missing(value):
        return None
    if isinstance(value, datetime.datetime):
        value = value.date()
    if isinstance(value, str):
        value = _read_iso_date(value) if date_format == "iso" else _read_day(value, date_format)
    elif not isinstance(value, datetime.date):
        raise Unreadable
    return value if value and 1900 <= value.year <= 2100 else None


def _read_day(text, date_format):
    text = text.strip(" \t\n\f\r")
    try:
        if date_format.startswith("epoch"):
            digits, unit = (r"\d{9,10}", 1) if date_format == "epoch" else (r"\d{12,13}", 1000)
            if not re.fullmatch(digits, text, re.ASCII):
                return None
            days = int(text) // (86400 * unit)
            return datetime.date(1970, 1, 1) + datetime.timedelta(days)
        if date_format == "yyyymmdd":
            found = re.fullmatch(r"(\d{4})(\d\d)(\d\d)", text, re.ASCII)
            return found and datetime.date(*map(int, found.groups()))
        mark, clock = date_format[2], r"(?:[T ]+(\d\d?):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?"
        days = rf"(\d\d?)[{mark}](\d\d?)[{mark}](\d{{4}})"
        found = re.fullmatch(days + clock, text, re.ASCII)
        if not found:
            return None
        day, month, year, *time = (int(part or 0) for part in found.groups())
        datetime.time(*time)
        day, month = (day, month) if date_format.startswith("dd") else (month, day)
        return datetime.date(year, month, day)
    except ValueError:
        return None


def _read_iso_date(text):
    found = re.fullmatch(
        r"\s*(\d{4})(?:(\d\d)(\d\d)|(?P<sep>[-/. ])(\d\d?)(?P=sep)(\d\d?))"
        r"(?:[T ](\d\d?)(?::(\d\d?)(?::(\d\d?)(?:\.\d+)?)?)?\s*(?:Z|[+-]\d\d(?::?\d\d)?)?)?\s*",
        text,
        re.ASCII,
    )
    if not found:
        return None
    year, month, day, _, *separated, hour, minute, second = found.groups()
    if month is None:
        month, day = separated
    try:
        datetime.time(int(hour or 0), int(minute or 0), int(second or 0))
        return datetime.date(int(year), int(month), int(day))
    except ValueError:
        return None


def _read_amount(value, decimal=None):
    if _is_missing(value):
        return None
    if isinstance(value, str):
        if decimal is not None:
            # Files may have the minus sign in place of the hyphen.
            value = re.sub("^(\\s*)\u2212", r"\1-", value)
            # Groups of three digits after one to three, divided by one kind of sign.
            other = "," if decimal == "." else "."
            for marks in (other, "'\u2019", BLANKS):
                grouped = rf"(\s*[+-]?[1-9]\d{{0,2}})((?:[{marks}]\d{{3}})+)(?![\d{other}])(.*)"
                if found := re.fullmatch(grouped, value, re.ASCII | re.DOTALL):
                    value = found[1] + re.sub(f"[{marks}]", "", found[2]) + found[3]
                    break
            if decimal == ",":
                if "." in value:
                    return None
                value = value.replace(",", ".")
        pattern = r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*"
        if not re.fullmatch(pattern, value, re.ASCII | re.IGNORECASE):
            return None
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise Unreadable
    return float(value) if math.isfinite(value) else None


READERS = [_read_name, _read_date, _read_category, _read_amount, _read_amount]


def sum_up(rows):
    """Sums by customer, year back from the last month, and category."""
    last = max(row[1] for row in rows)
    sums, turnover = collections.defaultdict(float), collections.defaultdict(float)
    for who, day, category, amount in rows:
        back = (12 * (last.year - day.year) + last.month - day.month) // 12
        sums[who, back, category] += amount
        turnover[who, back, category] += abs(amount)
    return sums, turnover


# The judgement.


class Fuzz:
    """Runs the command on files and judges what comes out.

    Parameters
    ----------
    folder : Path
        For models and files.
    keep : Path, default=None
        Where the files go of which something is wrong.
    """

    def __init__(self, folder, keep=None):
        self.folder = folder
        self.keep = keep
        self.outcomes = collections.Counter()
        self.failures = []
        frame = make_spending(60, N_PERIODS, 24, transactions=True, random_state=0).data.to_frame()
        frame.assign(income=50_000).to_parquet(folder / "train.parquet")
        self.models = {}
        for name, options in {"spending": [], "income": ["--income", "income"]}.items():
            arguments = ["segment", folder / "train.parquet", "--output", folder / name]
            done = self.run([*arguments, *options])
            assert done.exit_code == 0, done.output
            self.models[name] = folder / name / "model.json"
        # The same models again and again.
        load = work.SegmentModel.load
        # They do not know how the data of their fit was read: every file is read by itself.
        self._loaded = {
            str(path): dataclasses.replace(load(path), reading=None)
            for path in self.models.values()
        }

    def run(self, arguments):
        with mock.patch("skspend.segmentation._model.LSTMStateExtractor", SMALL):
            return CliRunner().invoke(skspend, [str(argument) for argument in arguments])

    def try_file(self, seed, number):
        """Make a file, run the command on it, and count what came out."""
        rng = random.Random(f"{seed}-{number}")
        folder = self.folder / "work"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        is_segment = rng.random() < SHARES["segment"]
        is_large = is_segment and rng.random() < SHARES["large"]
        with_income = rng.random() < SHARES["income"]
        drops = rng.random() < SHARES["drop"]
        path, truth, dialect = make_file(rng, folder, is_large=is_large, with_income=with_income)
        given = dialect if dialect and rng.random() < SHARES["options"] else {}
        output = folder / "out"
        options = ["--output", output]
        options += ["--income", "income"] if with_income else []
        options += ["--drop-unreadable"] if drops else []
        for name, value in given.items():
            options += [f"--{name.replace('_', '-')}", value]
        if is_segment:
            arguments = ["segment", path, "--depth", 1, *options]
        else:
            model = self.models["income" if with_income else "spending"]
            arguments = ["predict", model, path, "--allow-unknown", *options]
        logs = []

        def scan(*given, **more):
            logs.append(read(*given, **more))
            return logs[-1]

        read = TransactionLog.scan
        with (
            mock.patch.object(TransactionLog, "scan", scan),
            mock.patch.object(work.SegmentModel, "load", lambda model: self._loaded[str(model)]),
        ):
            done = self.run(arguments)
        try:
            outcome = self._judge(
                done, path, output, logs, with_income, drops, is_segment, given, truth
            )
        except AssertionError as error:
            outcome = f"WRONG: {error}"
        if outcome.startswith(("TRACEBACK", "WRONG")):
            self._keep(seed, number, outcome, path, done)
        self.outcomes[outcome.partition(":")[0]] += 1

    def _keep(self, seed, number, outcome, path, done):
        self.failures.append((number, outcome, done.stderr[-500:], repr(done.exception)))
        if self.keep and path.is_file():
            shutil.copy(path, self.keep / f"{seed}-{number}{path.suffix}")

    def _judge(self, done, path, output, logs, with_income, drops, is_segment, given, truth):
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            return "TRACEBACK"
        try:
            expected = read_reference(path, with_income=with_income, drops=drops, given=given)
        except Unreadable:
            expected = None
        except Unknown:
            expected = Unknown
        if truth is not None and isinstance(expected, tuple):
            rows = [(str(row[0]), str(row[1]), row[2], row[3]) for row in expected[1]]
            written = [(*row[:3], float(row[3])) for row in truth]
            assert sorted(rows) == sorted(written), "the reference reads other rows than written"
        left = {found.name for found in path.parent.iterdir()} - {path.name}
        if done.exit_code:
            return self._judge_error(done, path, left, expected)
        assert left == {"out"}, f"files left: {left}"
        assert expected is not None, "succeeds on what cannot be read"
        for line in done.stderr.splitlines():
            assert NOTICE.match(line), f"stderr {line!r}"
        if expected is Unknown:
            return "result, of types that the reference does not know"
        table = pd.read_parquet(output / "segments.parquet" if is_segment else output)
        self._compare(table, logs[0], expected, with_income)
        dropped = re.findall(r"^Dropped ([\d,]+).*?: (?!negative)", done.stderr, re.MULTILINE)
        n_dropped = sum(int(n.replace(",", "")) for n in dropped)
        assert n_dropped == expected[3], f"{n_dropped} dropped instead of {expected[3]}"
        name = "correct result of " + ("segment" if is_segment else "predict")
        return name + (", rows dropped" if n_dropped else "")

    def _judge_error(self, done, path, left, expected):
        lines = [line for line in done.stderr.splitlines() if not NOTICE.match(line)]
        assert done.exit_code == 2, f"exit code {done.exit_code}"
        assert len(lines) == 1 and lines[0].startswith("Error: "), f"stderr {done.stderr!r}"
        assert not left, f"files left: {left}"
        assert len(lines[0]) < 2000 and lines[0].isprintable(), "a line no terminal can show"
        kind = next((kind for kind, words in KINDS.items() if re.search(words, lines[0])), None)
        assert kind is not None, f"an error of no known kind: {lines[0]}"
        is_about_file = not re.search(NAMELESS, lines[0])
        if is_about_file:
            assert str(path) in lines[0], f"does not name the file: {lines[0]}"
            assert expected in (None, Unknown), f"refused, but the reference reads it: {lines[0]}"
        return f"error, {kind}"

    def _compare(self, table, log, expected, with_income):
        customers, rows, incomes, _ = expected
        found = table["customer"].tolist()
        assert found == sorted(customers), f"customers {found[:5]}, not {sorted(customers)[:5]}"
        assert log.customers.tolist() == found
        assert table["segment"].notna().all() and np.isfinite(table["strength"]).all()
        assert log.n_transactions == len(rows), f"{log.n_transactions} rows, not {len(rows)}"
        cells = log.to_frame()
        cells = zip(
            cells["customer"],
            cells["date"].dt.date,
            cells["category"],
            cells["amount"],
            strict=True,
        )
        last = max(row[1] for row in rows)
        # The last day of the log is that of the month.
        assert log.span[1].astype("M8[M]") == np.datetime64(last, "M"), f"ends {log.span[1]}"
        end = (max(row[0] for row in rows), last.replace(day=1), "", 0.0)
        got, _ = sum_up([*cells, end])
        sums, turnover = sum_up(rows)
        for cell in got.keys() | sums.keys():
            if cell[2] or cell in sums:
                difference = abs(got.get(cell, 0) - sums.get(cell, 0))
                assert difference <= 1e-9 * turnover.get(cell, 0), f"sum of {cell}"
        if with_income:
            for who, income in zip(log.customers, log.sum_income(12, 1)[:, 0], strict=True):
                known = incomes.get(who)
                mean = sum(value / len(known) for value in known) if known else 0
                assert abs(income - mean) <= 1e-9 * mean, f"income of {who}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for files of which something is wrong")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        fuzz = Fuzz(Path(folder), options.keep)
        for number in range(options.first, options.first + options.files):
            fuzz.try_file(options.seed, number)
    for outcome, n in sorted(fuzz.outcomes.items(), key=lambda item: -item[1]):
        print(f"{n:>7,}  {outcome}")
    for number, outcome, stderr, exception in fuzz.failures[:50]:
        print(f"\n--- file {number} of seed {options.seed}: {outcome}\n{stderr}\n{exception}")
    sys.exit(bool(fuzz.failures))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
