"""Random malformed files through `skspend predict` and `skspend segment`, in one process.

Each file is a small valid table of transactions with up to four faults in its cells, rows, columns,
bytes or name. The command must end in one of two ways. One is a clean error: one line that names
the file, exit code 2, no output and no temporary files. The other is the correct result: customers,
transactions and sums by customer, period and category equal those of a plain reference, which reads
the same file only with Python's csv, datetime and float. If the reference cannot read a row, the
command must fail, or count that row with `--drop-unreadable`. The script exits with 1 if anything
else happens.

    python benchmarks/fuzz.py
    python benchmarks/fuzz.py --files 500 --seed 3 --keep failures
"""

import argparse
import collections
import contextlib
import csv
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
import warnings
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
from skspend.transactions import _files as tables

ROLES = ["customer", "date", "category", "amount"]
CATEGORIES = ["groceries", "travel", "rent", "fuel", "books", "pets & plants", "café", "unheard of"]
N_PERIODS = 3
SMALL = partial(LSTMStateExtractor, n_networks=2, epochs=5)
"""The networks of all models: what they predict does not matter here."""
SHARES = {"segment": 0.05, "large": 0.04, "parquet": 0.15, "drop": 0.2, "income": 0.1}
"""Of files: for segment, of these with enough customers to succeed; and so on."""

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
    "row that cannot be read": r"Column '.*?(missing|unreadable|before 19|negative, infinite)",
    "fields or quotes of a row": r"line [\d,]+ has \d+ fields|quotes \(\"\) are wrong",
    "column not found or twice": r"no column '|columns named",
    "text in another encoding": r"is no UTF-8 text|is no CSV file but text in UTF-16",
    "another kind of file": r"is no CSV file but|must end in|is a folder|[Pp]arquet",
    "nothing in it": r"No columns to parse|no transactions|No transaction can be read",
    "amounts too large": r"add up to|Rescale|overflow|too large",
    "type of a column": r"holds (numbers|values of type)|mixes identifiers",
    "too few customers": r"are needed to find segments",
    "different incomes": r"different incomes in the rows",
    "no income": r"no positive income|knows no income",
}
NOTICE = re.compile(
    r"Warning: |Dropped |Not counted: |[A-Z]\w+: [\d.]+ s$|[\d,]+ of [\d,]+ customers spend nothing"
)
"""Lines of stderr that are no errors."""
NAMELESS = r"are needed to find segments|no positive income"
"""Errors about people, not about the file."""


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


def as_csv(rng, header, rows):
    odd = rng.random() < 0.08
    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=rng.choice(";\t|") if odd else ",",
        lineterminator=rng.choice(["\n", "\n", "\r\n", "\r"]),
        quoting=rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    )
    writer.writerow(header)
    writer.writerows(rows)
    text = text.getvalue()
    if rng.random() < 0.1:
        text = text.rstrip("\r\n")
    encoding = "utf-8"
    if rng.random() < 0.12:
        encoding = rng.choice(["latin-1", "utf-16", "utf-16-le", "utf-8-sig", "utf-8-sig", "cp500"])
    return text.encode(encoding, errors="replace" if "utf" not in encoding else "surrogatepass")


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
    """
    n_customers = 40 if is_large else rng.choice([1, 1, 2, 3, 6])
    header, rows = make_table(rng, n_customers, with_income)
    changes = [change_cell, change_column, change_rows, change_header]
    for _ in range(rng.choice([0, 0, 1, 2]) if is_large else rng.choice([0, 1, 1, 1, 2, 2, 3])):
        rng.choices(changes, [6, 3, 3, 1])[0](rng, header, rows)
    is_parquet = rng.random() < SHARES["parquet"]
    if is_parquet:
        sink = io.BytesIO()
        parquet.write_table(
            as_arrow(rng, header, rows), sink, row_group_size=rng.choice([1, 7, 1000])
        )
        content = sink.getvalue()
    else:
        content = as_csv(rng, header, rows)
    for _ in range(rng.choice([0, 0, 0, 1] if is_parquet or is_large else [0, 0, 1, 2])):
        content = change_bytes(rng, content)
    path = folder / ("table.parquet" if is_parquet != (rng.random() < 0.02) else "table.csv")
    if rng.random() < 0.01:
        path.mkdir()
    else:
        path.write_bytes(content)
    return path


# The reference.


def read_reference(path, *, with_income, drops):
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
    records = _csv_records(path, names, drops) if is_csv else _arrow_records(path, names)
    customers, rows, incomes, n_dropped = set(), [], collections.defaultdict(list), 0
    all_incomes = Decimal(0)
    for record in records:
        if record is None:
            n_dropped += 1
            continue
        values = [read(value) for read, value in zip(READERS, record, strict=False)]
        if values[0] is not None:
            customers.add(values[0])
        if with_income and not _is_missing(record[4]):
            income = _read_amount(record[4])
            if income is not None and income >= 0:
                incomes[values[0]].append(income)
                all_incomes += Decimal(income)
            elif not drops:
                raise Unreadable
        if None not in values[:4]:
            rows.append(tuple(values[:4]))
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


def _csv_records(path, names, drops):
    content = path.read_bytes()
    if content.startswith((b"PAR1", b"\x1f\x8b", b"PK\x03\x04", b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable
    text = content.removeprefix(b"\xef\xbb\xbf").decode(errors="surrogateescape")
    csv.field_size_limit(tables.CSV_BLOCK)
    try:
        records = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise Unreadable from error
    if drops and any("\udc80" <= sign <= "\udcff" for sign in text):
        raise Unreadable
    if not records or any(records[0].count(name) != 1 for name in names):
        raise Unreadable
    places = [records[0].index(name) for name in names]
    for row in records[1:]:
        if len(row) == len(records[0]):
            record = [row[place] for place in places]
            if any("\udc80" <= sign <= "\udcff" for sign in "".join(record)):
                raise Unreadable
            yield [None if value in tables.MISSING else value for value in record]
        elif drops:
            yield None
        else:
            raise Unreadable


def _arrow_records(path, names):
    try:
        file = parquet.ParquetFile(path)
        if any(file.schema_arrow.names.count(name) != 1 for name in names):
            raise Unreadable
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


def _read_date(value):
    if _is_missing(value):
        return None
    if isinstance(value, datetime.datetime):
        value = value.date()
    if isinstance(value, str):
        value = _read_iso_date(value)
    elif not isinstance(value, datetime.date):
        raise Unreadable
    return value if value and 1900 <= value.year <= 2100 else None


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


def _read_amount(value):
    if _is_missing(value):
        return None
    if isinstance(value, str):
        pattern = r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*"
        if not re.fullmatch(pattern, value, re.ASCII | re.IGNORECASE):
            return None
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise Unreadable
    return float(value) if math.isfinite(value) else None


READERS = [_read_name, _read_date, _read_category, _read_amount]


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
            done = self._run([*arguments, *options])
            assert done.exit_code == 0, done.output
            self.models[name] = folder / name / "model.json"
        # The same models again and again.
        load = work.SegmentModel.load
        self._loaded = {str(path): load(path) for path in self.models.values()}

    def _run(self, arguments):
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
        path = make_file(rng, folder, is_large=is_large, with_income=with_income)
        output = folder / "out"
        options = ["--output", output]
        options += ["--income", "income"] if with_income else []
        options += ["--drop-unreadable"] if drops else []
        if is_segment:
            arguments = ["segment", path, "--depth", 1, *options]
        else:
            model = self.models["income" if with_income else "spending"]
            arguments = ["predict", model, path, *options]
        logs = []

        def scan(*given, **more):
            logs.append(read(*given, **more))
            return logs[-1]

        read = TransactionLog.scan
        with (
            mock.patch.object(TransactionLog, "scan", scan),
            mock.patch.object(work.SegmentModel, "load", lambda model: self._loaded[str(model)]),
        ):
            done = self._run(arguments)
        try:
            outcome = self._judge(done, path, output, logs, with_income, drops, is_segment)
        except AssertionError as error:
            outcome = f"WRONG: {error}"
        if outcome.startswith(("TRACEBACK", "WRONG")):
            self._keep(seed, number, outcome, path, done)
        self.outcomes[outcome.partition(":")[0]] += 1

    def _keep(self, seed, number, outcome, path, done):
        self.failures.append((number, outcome, done.stderr[-500:], repr(done.exception)))
        if self.keep and path.is_file():
            shutil.copy(path, self.keep / f"{seed}-{number}{path.suffix}")

    def _judge(self, done, path, output, logs, with_income, drops, is_segment):
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            return "TRACEBACK"
        try:
            expected = read_reference(path, with_income=with_income, drops=drops)
        except Unreadable:
            expected = None
        except Unknown:
            expected = Unknown
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
