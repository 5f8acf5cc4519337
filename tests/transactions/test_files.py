"""Files of transactions in, a log out; an error names what is wrong with a file."""

import csv
import io
import os
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st
from pyarrow import parquet

from skspend import TransactionLog
from skspend._utils._errors import DataError, blame_data
from skspend.transactions._periods import coarsest_resolution
from skspend.transactions._quality import BAD_INCOME, MALFORMED
from skspend.transactions._quotes import plain_separators
from skspend.transactions._text import CSV_BLOCK, TextFile

ROLES = ("customer", "date", "category", "amount")
HEADER = "customer,date,category,amount\n"


def write(path, rows, header=HEADER):
    path.write_bytes((header + rows).encode())
    return path


def read(path, resolution="month", **options):
    """Read files as the commands do: an error is one line that begins with the file."""
    with blame_data(path):
        return TransactionLog.scan(path, resolution=resolution, **options)


@pytest.fixture
def table():
    """Four transactions of two customers, some on the last day of a month."""
    return pd.DataFrame(
        {
            "customer": ["b", "a", "b", "a"],
            "date": ["2023-01-31", "2023-02-28", "2024-01-05", "2023-02-01"],
            "category": ["pets", "rent", "pets", "rent"],
            "amount": [1.5, 2.0, -0.5, 8.0],
        }
    )


def save(frame, path):
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.reset_index(drop=True).to_feather(path)
    return path


@pytest.fixture(params=[".csv", ".parquet"])
def suffix(request):
    return request.param


def test_a_file_is_what_its_frame_is(table, tmp_path, suffix):
    log = read(save(table, tmp_path / f"bank{suffix}"))
    expected = TransactionLog(table)
    assert log.customers.tolist() == ["a", "b"]
    assert log.span == expected.span
    assert log.n_transactions == 4
    assert np.array_equal(log.sum_spending(1, 13), expected.sum_spending(1, 13))


@pytest.fixture(scope="module")
def bank_files(bank_log, tmp_path_factory):
    """The transactions of ten customers of the bank."""
    folder = tmp_path_factory.mktemp("bank")
    frame = bank_log[:10].to_frame()
    return {suffix: save(frame, folder / f"bank{suffix}") for suffix in (".csv", ".parquet")}


@pytest.mark.parametrize(
    ("resolution", "n_months"), [("year", 24), ("half", 6), ("quarter", 9), ("month", 5)]
)
def test_merged_transactions_have_the_sums_of_periods(
    bank_log, bank_files, suffix, resolution, n_months
):
    log = read(bank_files[suffix], resolution=resolution)
    expected = bank_log[:10].sum_spending(n_months, 3)
    np.testing.assert_allclose(log.sum_spending(n_months, 3), expected, rtol=1e-12)
    assert log.customers.dtype == np.int64


@pytest.mark.parametrize(
    ("n_months", "resolution"),
    [(12, "year"), (24, "year"), (6, "half"), (3, "quarter"), (9, "quarter"), (1, "month"),
     (5, "month"), (8, "month")],
)  # fmt: skip
def test_the_coarsest_resolution_divides_the_period(n_months, resolution):
    assert coarsest_resolution(n_months) == resolution


def test_a_pattern_reads_files_as_one(table, tmp_path, suffix):
    for k, part in enumerate([table[:1], table[1:], table[:0]]):
        save(part, tmp_path / f"part{k}{suffix}")
    whole = read(save(table, tmp_path / f"whole{suffix}"))
    assert read(tmp_path / f"part*{suffix}") == whole


def test_files_of_a_pattern_may_have_their_columns_in_any_order(table, tmp_path, suffix):
    save(table[:2], tmp_path / f"1{suffix}")
    save(table[2:].iloc[:, ::-1].assign(more=1), tmp_path / f"2{suffix}")
    assert read(tmp_path / f"*{suffix}") == read(save(table, tmp_path / f"whole{suffix}"))


def test_a_name_with_brackets_is_no_pattern(table, tmp_path, suffix):
    assert len(read(save(table, tmp_path / f"bank [1]{suffix}"))) == 2


def test_a_name_like_a_uri_is_that_of_a_file(table, tmp_path, suffix, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(table, tmp_path / f"file:bank{suffix}")
    assert len(read(f"file:bank{suffix}")) == 2


def test_a_name_that_is_no_text_is_refused(tmp_path, suffix):
    path = tmp_path / (os.fsdecode(b"\xff") + suffix)
    with pytest.raises(DataError, match="the name of the file is no UTF-8 text") as refusal:
        read(path)
    assert str(refusal.value).isprintable()


def test_of_several_files_the_wrong_one_is_named(table, tmp_path, suffix):
    save(table, tmp_path / f"good{suffix}")
    save(table.drop(columns="amount"), tmp_path / f"wrong{suffix}")
    with pytest.raises(DataError, match=rf"/wrong{suffix}: it has no column 'amount'"):
        read(tmp_path / f"*{suffix}")


def test_only_the_named_columns_are_read(table, tmp_path, suffix):
    path = tmp_path / f"bank{suffix}"
    save(table.assign(text="é", wage=["1", "x", None, ""]), path)
    if suffix == ".csv":
        # The encoding is that of the whole file.
        path.write_bytes(path.read_bytes().replace("é".encode(), b"\xe9"))
    assert len(read(path)) == 2


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["10", "9"], [9, 10]),
        (["0", "123456789012345678"], [0, 123456789012345678]),
        (["007", "7"], ["007", "7"]),
        (["1", "b2"], ["1", "b2"]),
        (["1", " 2"], [" 2", "1"]),
        (["1", "-2"], ["-2", "1"]),
        (["1", "9" * 19], ["1", "9" * 19]),
        (["\uff11", "2"], ["2", "\uff11"]),
        (["1.0", "2.0"], ["1.0", "2.0"]),
    ],
)
def test_customers_of_a_csv_file_are_numbers_if_all_are_written_as_such(tmp_path, names, expected):
    rows = "".join(f"{name},2024-01-0{k + 1},pets,{k + 1}\n" for k, name in enumerate(names))
    log = read(write(tmp_path / "bank.csv", rows))
    assert log.customers.tolist() == expected
    spent = {name: k + 1 for k, name in enumerate(names)}
    assert log.sum_spending(1, 1).ravel().tolist() == [spent[str(name)] for name in expected]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + HEADER + "1,2024-01-05,pets,2\n",
        "\n\n" + HEADER + "1,2024-01-05,pets,2\n",
        HEADER + "\n1,2024-01-05,pets,2\n\n",
        (HEADER + "1,2024-01-05,pets,2\n").replace("\n", "\r\n"),
        (HEADER + "1,2024-01-05,pets,2\n").replace("\n", "\r"),
        HEADER + "1,2024-01-05,pets,2",
        HEADER + '"1","2024-01-05","pets","2"\n',
        "customer,date,category,amount,,\n1,2024-01-05,pets,2,,\n",
        "x,x,customer,date,category,amount\n3,4,1,2024-01-05,pets,2\n",
        '"two\nlines",customer,date,category,amount\n"three\n\nlines",1,2024-01-05,pets,2\n',
        HEADER + "1,2024-01-05T10:00:00+02:00,pets, 2.00 \n",
    ],
    ids=["BOM", "blank lines first", "blank lines", "CRLF", "CR", "no line end", "quotes",
         "nameless columns", "names twice", "line breaks in fields", "times and blanks"],
)  # fmt: skip
def test_csv_files_may_be_written_in_many_ways(tmp_path, content):
    (tmp_path / "bank.csv").write_bytes(content.encode())
    log = read(tmp_path / "bank.csv")
    assert log.to_frame().values.tolist() == [[1, pd.Timestamp("2024-01-01"), "pets", 2.0]]


GOOD = "1,2024-01-05,pets,2\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER + GOOD + "2,2024-01-05,pets\n", "line 3 has 3 fields, and the first line 4"),
        (HEADER + GOOD + "2,2024-01-05,pets,1,5\n", "line 3 has 5 fields, and the first line 4"),
        (HEADER + '1,2024-01-05,"pets,2\n' + GOOD, "row that begins in line 2 has .* quotes"),
        (HEADER + GOOD + '1,2024-01-05,"pets"x,2\n', "row that begins in line 3 has .* quotes"),
        (HEADER + '1,2024-01-05,"pets,2\n2,2024-01-05,"pets",2\n', "quotes"),
        (HEADER + "1,2024-01-05,caf\udce9\udc81,2\n", "line 2 .byte 0xe9. is no UTF-8 text nor"),
        ("customer,date,category,amount,amount\n1,2024-01-05,pets,2,3\n", "2 columns named"),
        (HEADER.strip(), "no transactions"),
        (HEADER, "no transactions"),
        ("", "file is empty"),
        ("\n\n", "file is empty"),
        (HEADER + GOOD + HEADER, "'date': missing or unreadable date .such as 'date'. in 1 of 2"),
        (HEADER + "NULL,2024-01-05,pets,2\n", "missing customer"),
        (HEADER + "1,2024-01-05,None,2\n", "missing category"),
        (HEADER + '1,2024-01-05,pets,"1,20.00"\n', "unreadable amount .such as '1,20.00'"),
        ("\x1b[31m" + HEADER + GOOD, r"'\\x1b\[31mcustomer'"),
        (",".join(f"c{k}" for k in range(5000)), "'c29' and 4,970 more"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_csv_file_is_told_with_its_place(tmp_path, content, message):
    (tmp_path / "bank.csv").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path / "bank.csv")
    assert str(caught.value).startswith(f"{tmp_path / 'bank.csv'}: ")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".feather"])
def test_a_folder_is_read_as_all_of_its_tables(table, tmp_path, suffix):
    folder = tmp_path / "bank"
    folder.mkdir()
    with pytest.raises(DataError, match="this folder holds no file that ends in"):
        read(folder)
    save(table[:1], folder / f"1{suffix}")
    save(table[1:], folder / f"2{suffix}")
    (folder / "_SUCCESS").touch()
    assert read(folder) == read(save(table, tmp_path / f"whole{suffix}"))


def test_files_of_two_kinds_are_refused(table, tmp_path):
    save(table, tmp_path / "bank.csv")
    save(table, tmp_path / "bank.parquet")
    with pytest.raises(DataError, match=r"of one kind, not '\.csv' or '\.parquet'"):
        read(tmp_path / "*")


def test_long_fields_are_read_and_not_repeated_in_messages(tmp_path):
    long = "x" * (CSV_BLOCK // 8)
    assert read(write(tmp_path / "1.csv", f"{long},2024-01-05,pets,2\n")).customers.tolist() == [
        long
    ]
    with pytest.raises(DataError) as caught:
        read(write(tmp_path / "2.csv", f"1,{long},pets,2\n"))
    assert len(str(caught.value)) < 2000


def test_first_rows_are_counted_through_all_files(tmp_path):
    write(tmp_path / "1.csv", GOOD * 3)
    write(tmp_path / "2.csv", GOOD + "1,soon,pets,2\n")
    with pytest.raises(DataError, match=r"1 of 5 rows, first in row 4 \(counted from 0\)"):
        read(tmp_path / "*.csv")


UNREADABLE = GOOD + (
    ",2024-01-05,pets,3\n"
    "1,2024-02-30,pets,4\n"
    "1,9999-12-31,pets,5\n"
    "2,2024-01-05, ,6\n"
    "3,2024-01-05,pets,1e400\n"
    "4,2024-01-05,pets\n"
    "4,2024-01-05,pets,7,8\n"
    "4,2024-01-05,pets,7,8\n"
)


@pytest.mark.parametrize("period", ["month", "year"])
def test_rows_that_cannot_be_read_are_dropped_and_counted(tmp_path, period):
    path = write(tmp_path / "bank.csv", UNREADABLE)
    log = read(path, errors="drop", resolution=period)
    # Who is met only in malformed rows is not known.
    assert log.customers.tolist() == [1, 2, 3]
    assert log.sum_spending(12, 1).sum() == 2
    counted = log.quality_[log.quality_["transactions"] > 0].to_dict(orient="split")
    assert dict(zip(counted["index"], counted["data"], strict=True)) == {
        "missing customer": [1, 3.0],
        "missing or unreadable date": [1, 4.0],
        "date before 1900 or after 2100": [1, 5.0],
        "missing category": [1, 6.0],
        "missing, infinite or unreadable amount": [1, 0.0],
        MALFORMED: [3, 0.0],
    }


def test_wrong_quotes_are_never_dropped(tmp_path):
    path = write(tmp_path / "bank.csv", '1,2024-01-05,"pets,2\n' + GOOD * 9)
    with pytest.raises(DataError, match="quotes"):
        read(path, errors="drop")


def lines_of(fields):
    """Lines in which most quotes are around whole fields."""
    return st.lists(st.tuples(st.sampled_from(fields), st.sampled_from([",", ";", "\n", "\r\n"])))


@settings(max_examples=1000, deadline=None)
@given(
    st.integers(0, 130),
    st.one_of(
        lines_of(["a", '""', '"a,"', '"a;b"']),
        lines_of(["a", '"', '"a"', '"a"b', 'b"a"', '"a""b"', '"a\n"', "\r"]),
    ),
)
def test_quotes_are_around_whole_fields_of_one_line(length, fields):
    lines = "a" * length + "".join(map("".join, fields)) + "\n"
    for mark in ",;":
        field = rf'(?:"[^"\r\n]*"|[^"\r\n{mark}]*)'
        is_plain = re.fullmatch(rf"(?:{field}(?:{mark}|\r?\n))*", lines) is not None
        assert (mark in plain_separators(lines.encode())) == is_plain
        if is_plain:
            rows = list(csv.reader(io.StringIO(lines, newline=""), delimiter=mark, strict=True))
            assert len(rows) == lines.count("\n")


@pytest.mark.parametrize(
    "row", ['"1","2024-01-05","pets","2"\n', '"1","2024-01-05","pets","2"\r\n', GOOD.strip()]
)
def test_a_file_with_quotes_around_whole_fields_is_not_read_by_row(tmp_path, monkeypatch, row):
    monkeypatch.setattr(TextFile, "check_rows", None)
    log = read(write(tmp_path / "bank.csv", row, '\ufeff"customer",date,category,"amount"\n'))
    assert log.n_transactions == 1


INCOME_HEADER = "customer,date,category,amount,income\n"
INCOMES = (
    "1,2024-01-05,pets,2,200\n"
    "1,2024-01-06,pets,2,200.0\n"
    "2,2024-01-06,pets,2,\n"
    "2,2024-01-06,pets,2,50\n"
)


def incomes_of(path, **options):
    return read(path, income="income", **options).sum_income(12, 1).ravel().tolist()


@pytest.mark.parametrize("kind", [float, str, "decimal"])
def test_a_column_may_hold_the_yearly_income(tmp_path, suffix, kind):
    path = write(tmp_path / "bank.csv", INCOMES, INCOME_HEADER)
    if suffix == ".parquet":
        frame = pd.read_csv(path)
        if kind == "decimal":
            frame["income"] = frame["income"].astype(pd.ArrowDtype(pa.decimal128(8, 2)))
        else:
            frame["income"] = frame["income"].astype(kind).where(frame["income"].notna())
        path = save(frame, tmp_path / "bank.parquet")
    assert incomes_of(path) == [200.0, 50.0]
    assert read(path, income="income").sum_income(6, 2).tolist() == [[100.0] * 2, [25.0] * 2]


def test_incomes_and_amounts_stay_with_their_customers(tmp_path):
    rows = "10,2024-01-05,pets,1,100\n9,2024-01-05,pets,2,90\n,2024-01-05,pets,4,40\n"
    log = read(write(tmp_path / "bank.csv", rows, INCOME_HEADER), income="income", errors="drop")
    assert log.customers.tolist() == [9, 10]
    assert log.sum_spending(1, 1).ravel().tolist() == [2.0, 1.0]
    assert log.sum_income(12, 1).ravel().tolist() == [90.0, 100.0]


@pytest.mark.parametrize("errors", ["raise", "drop"])
def test_different_incomes_of_a_customer_are_refused(tmp_path, suffix, errors):
    rows = INCOMES + "2,2024-01-06,pets,2,50.5\n"
    path = write(tmp_path / "bank.csv", rows, INCOME_HEADER)
    if suffix == ".parquet":
        path = save(pd.read_csv(path, dtype={"customer": str}), tmp_path / "bank.parquet")
    with pytest.raises(DataError) as refusal:
        incomes_of(path, errors=errors)
    said = ["'income'", "different incomes", "1 of 2 customers", "'2' (50.00 and 50.50)", "same"]
    assert [words for words in said if words not in str(refusal.value)] == []


@pytest.mark.parametrize("income", ["-1", "much", "inf"])
def test_an_income_that_cannot_be_read_is_refused_or_dropped(tmp_path, income):
    rows = f"{INCOMES}1,2024-01-06,pets,2,{income}\n,2024-01-06,pets,2,1\n"
    path = write(tmp_path / "bank.csv", rows, INCOME_HEADER)
    # Incomes are read when all transactions can be.
    with pytest.raises(DataError, match=r"'customer': missing customer .* in row 5"):
        incomes_of(path)
    named = write(tmp_path / "named.csv", rows.rpartition(",2024")[0][:-1] + "\n", INCOME_HEADER)
    with pytest.raises(DataError, match=r"'income': negative, infinite or unreadable .* in row 4"):
        incomes_of(named)
    log = read(path, income="income", errors="drop")
    assert log.sum_income(12, 1).ravel().tolist() == [200.0, 50.0]
    assert log.quality_.loc[BAD_INCOME].tolist() == [1, 0.0]
    assert log.n_transactions == 5
    # Only rows of the customers selected are counted.
    assert log[[0, 0]].quality_.loc[BAD_INCOME, "transactions"] == 2
    assert (log[[1]].quality_["transactions"] == 0).all()


def test_a_frame_may_hold_the_incomes_of_customers_in_files(tmp_path):
    income = pd.DataFrame({"customer": [2, 1], "income": [50.0, 200.0]})
    log = read(write(tmp_path / "bank.csv", INCOMES, INCOME_HEADER), income=income)
    assert log.sum_income(12, 1).ravel().tolist() == [200.0, 50.0]


@pytest.mark.parametrize(
    "kind", [pa.binary(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())]
)
def test_text_of_any_type_is_text(table, tmp_path, kind):
    arrow = pa.Table.from_pandas(table)
    for role in ("customer", "category"):
        column = arrow.schema.get_field_index(role)
        arrow = arrow.set_column(column, role, arrow[role].cast(kind))
    parquet.write_table(arrow, tmp_path / "bank.parquet")
    log = read(tmp_path / "bank.parquet")
    assert log.customers.tolist() == ["a", "b"]
    assert log.categories.tolist() == ["pets", "rent"]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "values",
    [
        pa.array([[1], [2], [3], [4]]),
        pa.array([{"a": 1}] * 4),
        pa.nulls(4),
        pa.array([1, 2, 3, 4]).cast(pa.duration("s")),
    ],
    ids=["lists", "structs", "nothing", "durations"],
)
def test_columns_of_a_strange_type_are_read_or_refused(table, tmp_path, role, values):
    arrow = pa.Table.from_pandas(table)
    arrow = arrow.set_column(arrow.schema.get_field_index(role), role, values)
    parquet.write_table(arrow, tmp_path / "bank.parquet")
    try:
        log = read(tmp_path / "bank.parquet")
    except DataError as error:
        assert str(error).startswith(str(tmp_path))
    else:
        assert log.n_transactions == 4


def test_parquet_files_of_other_but_compatible_types_are_read_together(tmp_path):
    whole = {"customer": [1, 2**40], "category": ["pets", "rent"], "amount": [2, 0.5]}
    narrow = pa.table(
        {"customer": pa.array([1], pa.int32()), "date": ["2024-01-05"],
         "category": pa.array(["pets"]).dictionary_encode(), "amount": pa.array([2], pa.int16())}
    )  # fmt: skip
    wide = pa.table(
        {"customer": [2**40, 1], "date": ["2024-01-05", None],
         "category": ["rent", None], "amount": [0.5, None]}
    )  # fmt: skip
    nothing = pa.table({role: pa.nulls(2) for role in ROLES})
    for number, table in enumerate([narrow, nothing, wide]):
        parquet.write_table(table, tmp_path / f"{number}.parquet")
    log = read(tmp_path / "*.parquet", errors="drop")
    assert log.customers.tolist() == whole["customer"]
    assert log.categories.tolist() == whole["category"]
    assert log.to_frame()["amount"].tolist() == whole["amount"]
    assert log.quality_["transactions"].sum() == 3


@pytest.mark.parametrize("last", [None, "2199-01-01"], ids=["good dates", "a date far away"])
@pytest.mark.parametrize("unit", ["date32", "s", "ms", "us", "ns", "text"])
def test_the_last_month_of_parquet_is_the_same_with_statistics_and_without(tmp_path, last, unit):
    dates = pa.array(["1962-12-31", "2023-01-31", "2024-01-05", last]).cast(pa.timestamp("s"))
    kind = {"date32": pa.date32(), "text": pa.string()}.get(unit) or pa.timestamp(unit)
    table = pa.table(
        {"customer": list("baba"), "date": dates.cast(kind), "category": ["pets"] * 4,
         "amount": [0.1, 0.2, 0.3, 0.4]}
    )  # fmt: skip
    logs = []
    for name in ("with", "without"):
        path = tmp_path / f"{name}.parquet"
        parquet.write_table(table, path, write_statistics=name == "with")
        logs.append(read(path, "quarter", errors="drop"))
    assert logs[0] == logs[1]
    days = ["2022-11-01", "1962-11-01", "2023-11-01"]
    assert logs[0].to_frame()["date"].astype(str).tolist() == days


NAIVE = pa.array(["2024-01-31T23:30"]).cast(pa.timestamp("us"))
UTC, TOKYO = (NAIVE.cast(pa.timestamp("us", zone)) for zone in ("UTC", "Asia/Tokyo"))


@pytest.mark.parametrize(
    ("role", "one", "other"),
    [
        ("customer", pa.array([7]), pa.array(["007"])),
        ("category", pa.array([7]), pa.array(["007"]).dictionary_encode()),
        ("date", NAIVE, UTC),
        ("date", TOKYO, UTC),
        ("date", pa.array(["2024-01-31T23:30Z"]), TOKYO),
        ("amount", pa.array(["1"]), pa.array([1.5])),
    ],
    ids=["customers", "categories", "a zone", "two zones", "text and a zone", "amounts"],
)  # fmt: skip
def test_parquet_files_whose_types_differ_are_refused_in_any_order(tmp_path, role, one, other):
    row = {"customer": [1], "date": ["2024-01-05"], "category": ["pets"], "amount": [2.0]}
    for first, second in ((one, other), (other, one)):
        parquet.write_table(pa.table(row | {role: first}), tmp_path / "0.parquet")
        parquet.write_table(pa.table(row | {role: second}), tmp_path / "1.parquet")
        with pytest.raises(DataError, match=rf"1\.parquet: column '{role}' .* with one type"):
            read(tmp_path / "*.parquet")
