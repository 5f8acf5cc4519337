"""Every engine gives the same log, to the last cent, and lazy engines do the grouping themselves.

The log of whole cents in pandas is the reference; test_plain_reference.py holds it to a dictionary.
"""

import datetime
from contextlib import contextmanager, nullcontext
from decimal import Decimal
from functools import cache

import duckdb
import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from pyarrow.dataset import dataset

from skspend import SpendingAggregator, TransactionLog

ZONE = "Africa/Johannesburg"
N_PERIODS = {1: 30, 3: 12, 6: 6, 12: 2}
"""How many periods of so many months are asked for; some leave a few transactions out."""


def in_pandas(table, folder):
    return table.to_pandas()


def in_polars(table, folder):
    return pl.from_arrow(table)


def in_polars_lazily(table, folder):
    return pl.from_arrow(table).lazy()


def in_arrow(table, folder):
    return table


def in_an_arrow_dataset(table, folder):
    return dataset(table)


def in_parquet_files(table, folder):
    return files_of(table, folder, "parquet", parquet.write_table)


def in_csv_files(table, folder):
    return files_of(table, folder, "csv", csv.write_csv)


def files_of(table, folder, suffix, write, n_files=3):
    folder.mkdir()
    size = -(-len(table) // n_files)
    for k in range(n_files):
        write(table.slice(k * size, size), folder / f"{k}.{suffix}")
    return folder / f"*.{suffix}"


connection = cache(duckdb.connect)
"""To connect takes longer than to read a small table."""


def in_duckdb(table, folder):
    frame = connection().from_arrow(table)
    date = table.schema.field("date").type if "date" in table.column_names else None
    zone = getattr(date, "tz", None)
    return frame if zone is None else frame.project(local_dates(zone))


def local_dates(zone):
    return f"* REPLACE (timezone('{zone}', date) AS date)"


def in_dask(table, folder):
    import dask.dataframe as dd

    return dd.from_pandas(table.to_pandas(types_mapper=arrow_decimals), npartitions=3)


def arrow_decimals(dtype):
    return pd.ArrowDtype(dtype) if pa.types.is_decimal(dtype) else None


def in_spark(table, folder):
    from pyspark.sql import SparkSession

    return SparkSession.active().createDataFrame(table)


IN_MEMORY = {"pandas": in_pandas, "polars": in_polars, "pyarrow": in_arrow}
READ_IN_PIECES = {
    "arrow dataset": in_an_arrow_dataset,
    "parquet files": in_parquet_files,
    "csv files": in_csv_files,
}
LAZY = {
    "polars lazy": in_polars_lazily,
    "duckdb": in_duckdb,
    "dask": in_dask,
    "spark": in_spark,
}
CLUSTERS = {"dask": "dask_client", "spark": "spark"}


class Engine:
    """Reads an arrow table by way of an engine."""

    def __init__(self, name, make, folder):
        self.name, self.make, self.folder = name, make, folder
        self.n_made = 0

    def frame(self, table):
        self.n_made += 1
        return self.make(table, self.folder / str(self.n_made))

    def read(self, table, **options):
        frame = self.frame(table)
        read = TransactionLog.scan if self.name.endswith("files") else TransactionLog
        return read(frame, **options)


def engines(*groups):
    """Parametrize a test over engines."""
    makers = {name: make for group in groups for name, make in group.items()}
    params = [
        pytest.param(pair, id=pair[0], marks=[pytest.mark.slow] if pair[0] in CLUSTERS else [])
        for pair in makers.items()
    ]
    return pytest.mark.parametrize("engine", params, indirect=True)


@pytest.fixture
def engine(request, tmp_path):
    name, make = request.param
    cluster = request.getfixturevalue(CLUSTERS[name]) if name in CLUSTERS else None
    with in_zone(cluster) if name == "spark" else nullcontext():
        yield Engine(name, make, tmp_path)


@contextmanager
def in_zone(spark, zone=ZONE):
    """Let a Spark session read the clock of another place."""
    before = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", zone)
    try:
        yield
    finally:
        spark.conf.set("spark.sql.session.timeZone", before)


every_engine = engines(IN_MEMORY, READ_IN_PIECES, LAZY)
pytestmark = [
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Dask support is moving out of Narwhals:FutureWarning"),
]


def transactions():
    """Three years of 20 customers in whole cents: refunds, a salary, and full days."""
    generator = np.random.default_rng(0)
    n = 900
    days = np.sort(generator.choice(1095, 150, replace=False))
    frame = pd.DataFrame(
        {
            "customer": [f"{k:03}" for k in generator.integers(20, size=n)],
            "date": np.datetime64("2021-03-01", "us") + generator.choice(days, n).astype("m8[D]"),
            "category": generator.choice(["pets", "travel", "food", "salary"], n),
            "amount": generator.integers(1, 99_999, n),
        }
    )
    frame["date"] += pd.to_timedelta(generator.integers(24 * 60, size=n), "min")
    frame.loc[frame["category"] == "salary", "amount"] *= -3
    frame.loc[generator.random(n) < 0.1, "amount"] *= -1
    # One customer gets every payment back, on the same days.
    back = frame[frame["customer"] == "007"]
    return pd.concat([frame, back.assign(amount=-back["amount"])], ignore_index=True)


FRAME = transactions()


def as_decimals(cents, dtype):
    return pa.array([Decimal(int(value)).scaleb(-2) for value in cents], dtype)


AMOUNTS = {
    "float64": lambda cents: pa.array(cents / 100),
    "decimal(12, 2)": lambda cents: as_decimals(cents, pa.decimal128(12, 2)),
    # What Spark makes of Python's decimals.
    "decimal(38, 18)": lambda cents: as_decimals(cents, pa.decimal128(38, 18)),
    "int64 cents": lambda cents: pa.array(cents, pa.int64()),
    "int32 cents": lambda cents: pa.array(cents, pa.int32()),
    "text": lambda cents: pa.array([f"{value / 100:.2f}" for value in cents]),
}
EXACT = {"decimal(12, 2)", "decimal(38, 18)", "int64 cents", "int32 cents"}
DATES = {
    "timestamp": lambda times: pa.array(times, pa.timestamp("us")),
    "timestamp in ns": lambda times: pa.array(times.astype("M8[ns]")),
    "date": lambda times: pa.array(times.dt.date),
    "text": lambda times: pa.array(times.dt.date.astype(str)),
    "text of times": lambda times: pa.array(times.astype(str)),
    "text with offsets": lambda times: pa.array(
        [time.isoformat() + ("+02:00" if 3 < time.month < 11 else "-0500") for time in times]
    ),
    "zoned timestamp": lambda times: pa.array(times.dt.tz_localize(ZONE)),
}
VARIANTS = [
    ("float64", "timestamp"),
    ("decimal(12, 2)", "date"),
    ("decimal(38, 18)", "timestamp in ns"),
    ("int64 cents", "text"),
    ("int32 cents", "text of times"),
    ("text", "text with offsets"),
    ("float64", "zoned timestamp"),
]


def table_of(frame=FRAME, amount="float64", date="timestamp"):
    return pa.table(
        {
            "customer": pa.array(frame["customer"], pa.string()),
            "date": DATES[date](frame["date"]),
            "category": pa.array(frame["category"], pa.string()),
            "amount": AMOUNTS[amount](frame["amount"]),
        }
    )


@cache
def reference(**options):
    """The log of whole cents, which no test changes."""
    return TransactionLog(FRAME, **options)


def left_out(log):
    quality = log.quality_
    return quality[quality["transactions"] > 0]


def assert_same(log, expected, months=(1, 12), unit=100, is_exact=False):
    """Hold a log to the one of whole cents."""
    assert log.customers.tolist() == expected.customers.tolist()
    assert log.categories.tolist() == expected.categories.tolist()
    assert log.income_categories.tolist() == expected.income_categories.tolist()
    assert log.span == expected.span
    assert log.n_transactions == expected.n_transactions
    quality, expected_quality = left_out(log), left_out(expected)
    assert quality["transactions"].to_dict() == expected_quality["transactions"].to_dict()
    np.testing.assert_allclose(quality["amount"] * unit, expected_quality["amount"])
    for n_months in months:
        n_periods = N_PERIODS[n_months]
        for sums in (TransactionLog.sum_spending, TransactionLog.sum_income):
            cents, found = sums(expected, n_months, n_periods), sums(log, n_months, n_periods)
            # Both are the nearest float64 if the sum was exact.
            np.testing.assert_allclose(found, cents / unit, rtol=0 if is_exact else 1e-9, atol=1e-9)
            np.testing.assert_array_equal(found.round(2), (cents / unit).round(2))
            np.testing.assert_array_equal(found == 0, cents == 0)
            if is_exact:
                np.testing.assert_array_equal(found, cents / unit)
        active, n_before, amount_before = log.count_transactions(n_months, n_periods)
        expected_active, expected_before, cents_before = expected.count_transactions(
            n_months, n_periods
        )
        np.testing.assert_array_equal(active > 0, expected_active > 0)
        assert n_before == expected_before
        np.testing.assert_allclose(amount_before, cents_before / unit, atol=1e-9)


@every_engine
@pytest.mark.parametrize(("amount", "date"), VARIANTS, ids=map(", ".join, VARIANTS))
def test_columns_of_every_type_give_the_same_log(engine, amount, date):
    log = engine.read(table_of(amount=amount, date=date))
    is_cents = "cents" in amount
    # Files of text are read as float64, whatever was written to them.
    is_exact = is_cents or (amount in EXACT and engine.name != "csv files")
    assert_same(log, reference(), unit=1 if is_cents else 100, is_exact=is_exact)


OPTIONS = {
    "months": ({"resolution": "month"}, (1, 12)),
    "quarters": ({"resolution": "quarter"}, (3, 12)),
    "years": ({"resolution": "year"}, (12,)),
    "cutoff": ({"cutoff": "2023-10-31"}, (1, 12)),
    "quarters until a cutoff": ({"cutoff": "2023-10-31", "resolution": "quarter"}, (3, 12)),
    "years until a later cutoff": ({"cutoff": "2024-06-30", "resolution": "year"}, (12,)),
    "cutoff within a month": ({"cutoff": datetime.date(2023, 10, 17)}, (1, 12)),
    "cutoff of each customer": (
        {"cutoff": {f"{k:03}": f"2023-{10 + k % 3}-{k + 1}" for k in range(20)}},
        (1, 12),
    ),
    "customers": ({"customers": [*(f"{k:03}" for k in range(19, -1, -1)), "zoe"]}, (12,)),
    "negative outflow": ({"outflow": "negative"}, (1, 12)),
    "negative outflow by quarters": ({"outflow": "negative", "resolution": "quarter"}, (3, 12)),
    "halves, and nothing to drop": ({"errors": "drop", "resolution": "half"}, (6, 12)),
}


@every_engine
@pytest.mark.parametrize(("options", "months"), OPTIONS.values(), ids=OPTIONS.keys())
def test_options_mean_the_same_to_every_engine(engine, options, months):
    expected = TransactionLog(FRAME, **options | {"resolution": "day"})
    assert_same(engine.read(table_of(), **options), expected, months=months)


@every_engine
def test_days_written_as_text_are_counted_back_like_others(engine):
    for options in ({}, {"cutoff": "2023-10-31"}, {"outflow": "negative"}):
        expected = TransactionLog(FRAME, **options)
        table = table_of(date="text of times")
        assert_same(engine.read(table, resolution="quarter", **options), expected, months=[3])


@every_engine
@pytest.mark.parametrize("has_dates", [True, False])
def test_an_income_table_may_be_of_the_same_engine(engine, has_dates):
    generator = np.random.default_rng(1)
    income = pa.table(
        {
            "customer": [f"{k % 25:03}" for k in range(200)],
            "income": generator.integers(1, 10**6, 200),
            "date": np.datetime64("2021-06-01") + generator.integers(900, size=200),
        }
    )
    if not has_dates:
        income = income.drop_columns("date").slice(0, 25)
    expected = TransactionLog(FRAME, income=income)
    is_frame = "files" not in engine.name and "dataset" not in engine.name
    log = engine.read(table_of(), income=engine.frame(income) if is_frame else income)
    assert log.sum_income(12, 3).any()
    np.testing.assert_array_equal(log.sum_income(12, 3), expected.sum_income(12, 3))


@every_engine
def test_the_panel_of_shares_is_the_same(engine):
    expected = SpendingAggregator(n_periods=3).fit(reference())
    log = engine.read(table_of(), resolution="year", customers=[f"{k:03}" for k in range(20)])
    aggregator = SpendingAggregator(n_periods=3)
    panel = aggregator.fit_transform(log)
    assert isinstance(panel, pl.DataFrame) == engine.name.startswith("polars")
    np.testing.assert_allclose(panel, expected.transform(reference()), atol=1e-12)
    np.testing.assert_array_equal(aggregator.active_periods_, expected.active_periods_)
    assert aggregator.get_feature_names_out().tolist() == expected.get_feature_names_out().tolist()


@every_engine
@pytest.mark.parametrize("date", ["timestamp", "text"])
@pytest.mark.parametrize("resolution", ["day", "month"])
def test_statistics_of_single_transactions_are_the_same(engine, date, resolution):
    statistics = ["count", "mean", "mean_log", "max", "std", "any", "days_since"]
    balances = ["level", "min", "days_below_zero"]
    spend = SpendingAggregator(3, 6, statistics=statistics, flows=["out", "in"], balances=balances)
    options = {"statistics": statistics, "balance": "amount"}  # whatever it means
    expected = spend.fit_transform(TransactionLog(table_of().to_pandas(), **options))
    log = engine.read(table_of(date=date), resolution=resolution, **options)
    found = spend.fit_transform(log)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    for name in balances:
        column = f"period6|balance:{name}"
        np.testing.assert_array_equal(found[column], expected[column])


def tiny_table(amounts, **changed):
    """A table of one customer, one category and one month, but for what is changed."""
    n = len(amounts)
    days = [datetime.datetime(2024, 1, 1 + k % 28, 12) for k in range(n)]
    given = {"customer": ["ann"] * n, "date": days, "category": ["pets"] * n, "amount": amounts}
    return pa.table(given | changed)


@every_engine
@pytest.mark.parametrize("resolution", ["day", "month"])
def test_decimals_are_added_up_exactly(engine, resolution):
    generator = np.random.default_rng(2)
    digits = [int(value) for value in generator.integers(-(10**10), 10**11, 60)]
    exact = [Decimal(value).scaleb(-4) for value in digits]
    # No sum of floats gives the nearest float of all these.
    assert np.cumsum(list(map(float, exact)))[-1] != float(sum(exact))
    dtype = pa.decimal128(38, 18) if resolution == "month" else pa.decimal128(18, 4)
    log = engine.read(tiny_table(pa.array(exact, dtype)), resolution=resolution)
    (found,) = log.sum_spending(1, 1).ravel()
    if engine.name == "csv files":
        assert found == pytest.approx(float(sum(exact)), rel=1e-14)
    else:
        assert found == float(sum(exact))


@every_engine
@pytest.mark.parametrize("dtype", [pa.int32(), pa.int64()], ids=str)
def test_whole_amounts_are_added_up_exactly(engine, dtype):
    largest = 2**31 - 1 if dtype == pa.int32() else 2**47 + 1
    amounts = [largest, largest, -largest // 3] * 20
    # All on one day, where engines add up in their own integers.
    date = [datetime.date(2024, 1, 1)] * len(amounts)
    log = engine.read(tiny_table(pa.array(amounts, dtype), date=date))
    assert log.sum_spending(1, 1).ravel().tolist() == [sum(amounts)]


@every_engine
@pytest.mark.parametrize("resolution", ["day", "month"])
@pytest.mark.parametrize("category", ["pets", "salary"])
def test_refunds_that_cancel_payments_leave_exactly_nothing(engine, resolution, category):
    amounts = [0.1, 0.2, -0.3, 0.7, -0.1, -0.6] * 5 + [1e-9]
    if category == "salary":
        amounts = [-amount for amount in amounts[:-1]] + [0.0, -500.0]
    n = len(amounts)
    customer = ["ann"] * (n - 1) + ["bob"]
    table = tiny_table(amounts, customer=customer, category=[category] * n)
    log = engine.read(table, resolution=resolution)
    if category == "pets":
        assert log.sum_spending(1, 1).ravel().tolist() == [0.0, 1e-9]
    else:
        assert log.sum_income(1, 1).tolist() == [[0.0], [500.0]]


@every_engine
@pytest.mark.parametrize(
    ("amounts", "said"),
    [
        (pa.array([2**53 + 1, 0]), "too much to be exact to 1/1"),
        (pa.array([2**63 - 1, 2**63 - 1]), "too much to be exact to 1/1"),
        (pa.array([Decimal(10) ** 30, 1], pa.decimal128(38, 2)), "too much to be exact to 1/1"),
        (
            pa.array([Decimal("0.01"), Decimal(10) ** 15], pa.decimal128(38, 2)),
            "too much to be exact to 1/100",
        ),
        (pa.array([1e308, 1e308]), "add up to more than 1.8e.308"),
        (pa.array([1e308, 1e308, -1e308, -1e308]), "add up to more than 1.8e.308"),
    ],
    ids=["2**53 + 1", "2**64 - 2", "1e30", "1e15 and a cent", "2e308", "2e308 - 2e308"],
)
def test_amounts_that_cannot_be_added_up_are_an_error_and_not_dropped(engine, amounts, said):
    if engine.name == "csv files" and not pa.types.is_floating(amounts.type):
        pytest.skip("read as float64, which need not be exact")
    table = tiny_table(amounts, date=[datetime.date(2024, 1, 1)] * len(amounts))
    if engine.name == "csv files":
        # Larger text is unreadable to some engines.
        table = tiny_table(["9e307"] * 4, date=table["date"].slice(0, 1).to_pylist() * 4)
    with pytest.raises(ValueError, match=said):
        engine.read(table, errors="drop")


DIRT = {
    "missing customer": [
        (None, "2023-01-01", "pets", 1.0),
        (" ", "2023-01-02", "pets", 2.0),
    ],
    "customer not listed in customers=": [("zoe", "2023-01-03", "pets", 4.0)],
    "missing or unreadable date": [("001", None, "pets", 8.0)],
    "date before 1900 or after 2100": [
        ("001", "1899-12-31", "pets", 16.0),
        ("001", "9999-12-31", "pets", 32.0),
    ],
    "missing category": [
        ("001", "2029-01-01", None, 64.0),
        ("001", "2029-01-01", "", 128.0),
    ],
    "missing, infinite or unreadable amount": [
        ("001", "2029-01-01", "pets", np.nan),
        ("001", "2029-01-01", "pets", np.inf),
        ("001", "2029-01-02", "pets", -np.inf),
    ],
}


def with_dirt(reasons):
    """The table with rows that cannot be read, some in months after all others."""
    rows = [row for reason in reasons for row in DIRT[reason]]
    dirt = pd.DataFrame(rows, columns=FRAME.columns)
    dirt["date"] = dirt["date"].astype("M8[us]")
    dirt["amount"] *= 100
    dirty = pd.concat([FRAME.iloc[:500], dirt, FRAME.iloc[500:]], ignore_index=True)
    schema = pa.schema(
        {
            "customer": pa.string(),
            "date": pa.timestamp("us"),
            "category": pa.string(),
            "amount": pa.float64(),
        }
    )
    return pa.Table.from_pandas(dirty.assign(amount=dirty["amount"] / 100), schema, False)


@every_engine
@pytest.mark.parametrize("resolution", ["day", "quarter"])
def test_rows_that_cannot_be_read_are_dropped_and_counted_alike(engine, resolution):
    log = engine.read(
        with_dirt(DIRT),
        customers=[f"{k:03}" for k in range(20)],
        resolution=resolution,
        errors="drop",
    )
    counted = left_out(log)
    assert counted["transactions"].to_dict() == {reason: len(DIRT[reason]) for reason in DIRT}
    sums = {reason: sum(row[3] for row in DIRT[reason]) for reason in list(DIRT)[:-1]}
    assert counted["amount"].to_dict() == sums | {list(DIRT)[-1]: 0.0}
    assert log.n_transactions + counted["transactions"].sum() == len(FRAME) + 11
    assert log.span == reference().span
    for sums in (TransactionLog.sum_spending, TransactionLog.sum_income):
        np.testing.assert_allclose(sums(log, 3, 5), sums(reference(), 3, 5) / 100)


@every_engine
@pytest.mark.parametrize("reason", DIRT)
def test_rows_that_cannot_be_read_are_an_error_that_counts_them_alike(engine, reason):
    customers = [f"{k:03}" for k in range(20)]
    with pytest.raises(ValueError) as refusal:
        engine.read(with_dirt([reason]), customers=customers, resolution="month")
    said = str(refusal.value)
    n, column = len(DIRT[reason]), next(word for word in FRAME if word in reason)
    assert f"Column {column!r}: {reason}" in said
    assert f"in {n} of {len(FRAME) + n:,} rows" in said
    # An engine that has grouped its rows knows no first one.
    assert ("first in row 500 " in said) == (engine.name not in LAZY)


@engines(LAZY)
@pytest.mark.parametrize("resolution", ["day", "month"])
def test_the_order_of_the_rows_of_a_lazy_frame_does_not_change_an_error(engine, resolution):
    table = with_dirt(["date before 1900 or after 2100"])
    for indices in (np.arange(len(table)), np.arange(len(table))[::-1]):
        with pytest.raises(ValueError, match=r"such as .*9999.* in 2 of"):
            engine.read(table.take(indices), resolution=resolution)


@every_engine
def test_of_nothing_but_rows_that_cannot_be_read_nothing_is_left(engine):
    table = with_dirt(list(DIRT)[:-1]).slice(500, 8)
    with pytest.raises(ValueError, match=r"No transaction can be read: missing customer \(2\)"):
        engine.read(table, customers=["001"], resolution="month", errors="drop")


@every_engine
def test_a_table_without_rows_is_an_error(engine):
    if engine.name == "dask":
        pytest.skip("has no partitions without rows")
    with pytest.raises(ValueError, match="frame holds no transactions"):
        engine.read(table_of().slice(0, 0), resolution="month")


@every_engine
def test_a_missing_column_is_named_with_its_keyword(engine):
    with pytest.raises(ValueError) as refusal:
        engine.read(table_of().rename_columns(["customer", "date", "kind", "amount"]))
    assert "no column 'category' (keyword category=)" in str(refusal.value)
    assert "'customer', 'date', 'kind', 'amount'" in str(refusal.value)
    table = table_of().rename_columns(["who", "when", "what", "how much"])
    names = {"customer": "who", "date": "when", "category": "what", "amount": "how much"}
    assert_same(engine.read(table, **names), reference(), months=[12])


@every_engine
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"amount": [True, False]}, "'amount' holds values of type .*bool"),
        ({"date": [20240131, 20240201]}, "'date' holds numbers .*not dates"),
        ({"date": [1.5, 2.5]}, "'date' holds numbers .*not dates"),
    ],
    ids=["Boolean amounts", "numbers as dates", "fractions as dates"],
)
def test_columns_of_another_kind_are_refused_by_name(engine, changed, said):
    if engine.name == "csv files":
        pytest.skip("text has no kind")
    with pytest.raises(TypeError, match=f"(?i){said}"):
        engine.read(tiny_table([1.0, 2.0], **changed), resolution="month")


@every_engine
def test_a_resolution_of_months_refuses_other_periods_and_days_within_a_month(engine):
    with pytest.raises(ValueError, match=r"'quarter' counts whole months .* resolution='day'"):
        engine.read(table_of(), resolution="quarter", cutoff="2023-10-17")
    log = engine.read(table_of(), resolution="quarter")
    with pytest.raises(ValueError, match="'quarter', which has no periods of 4 months"):
        log.sum_spending(4, 2)


@every_engine
def test_whole_numbers_identify_customers_and_categories(engine):
    customer = [2**40, 7, 2**40, 7]
    table = tiny_table([1.0, 2.0, 4.0, 8.0], customer=customer, category=[10, 9, 9, 9])
    log = engine.read(table)
    assert log.customers.tolist() == [7, 2**40]
    assert log.categories.tolist() == ["10", "9"]
    assert log.sum_spending(1, 1)[:, 0].tolist() == [[0.0, 10.0], [1.0, 4.0]]
    listed = engine.read(table, customers=[2**40, 5, 7])
    assert listed.customers.tolist() == [2**40, 5, 7]
    assert listed.sum_spending(1, 1)[:, 0].tolist() == [[1.0, 4.0], [0.0, 0.0], [0.0, 10.0]]


@pytest.fixture
def collected(monkeypatch):
    """Numbers of rows that lazy engines have handed over."""
    counts = []
    collect = nw.LazyFrame.collect

    def count(self, *args, **options):
        frame = collect(self, *args, **options)
        counts.append(len(frame))
        return frame

    monkeypatch.setattr(nw.LazyFrame, "collect", count)
    return counts


@engines(LAZY)
@pytest.mark.parametrize("date", ["timestamp", "text"])
def test_a_lazy_engine_hands_over_cells_alone(engine, collected, date):
    frame = pd.concat([FRAME] * 5)
    days = frame["date"].dt.date
    n_cells = frame.groupby(["customer", days, "category"]).ngroups
    log = engine.read(table_of(frame, date=date))
    assert collected == [n_cells]
    assert log.n_transactions == len(frame) > 4 * n_cells
    collected.clear()
    log = engine.read(table_of(frame, date=date), resolution="year")
    if date == "text":
        assert collected == [n_cells]
    else:
        # The last month, and the sums.
        n_cells = len(TransactionLog(FRAME, resolution="year").to_frame())
        assert collected == [1, n_cells]
        assert n_cells < len(frame) / 20


@engines(LAZY)
def test_nothing_is_handed_over_where_a_column_is_missing(engine, collected):
    with pytest.raises(ValueError, match="no column 'what'"):
        engine.read(table_of(), category="what")
    assert collected == []


@pytest.fixture
def few_rows_at_once(monkeypatch):
    monkeypatch.setattr("skspend.transactions._engines.ROWS_AT_ONCE", 128)
    monkeypatch.setattr("skspend.transactions._reader.ROWS_AT_ONCE", 128)


@pytest.mark.parametrize("is_ascending", [True, False])
@pytest.mark.parametrize("resolution", ["month", "quarter", "year"])
def test_the_last_month_may_be_in_any_piece(tmp_path, few_rows_at_once, resolution, is_ascending):
    frame = FRAME.sort_values("date", ascending=is_ascending)
    frame.to_csv(tmp_path / "bank.csv", index=False)
    found = TransactionLog.scan(tmp_path / "bank.csv", resolution=resolution).to_frame()
    written = pd.read_csv(tmp_path / "bank.csv", dtype={"customer": str})
    expected = TransactionLog(written, resolution=resolution).to_frame()
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize("n_files", [1, 2, 20])
@pytest.mark.parametrize("resolution", ["day", "quarter"])
@pytest.mark.parametrize("amount", ["float64", "decimal(12, 2)"])
def test_how_rows_are_spread_over_files_is_irrelevant(
    tmp_path, few_rows_at_once, suffix, n_files, resolution, amount
):
    """The first files know few of the customers and categories, and these in another order."""
    order = np.random.default_rng(n_files).permutation(len(FRAME))
    order = order[np.argsort(FRAME["customer"].to_numpy()[order] < "015", kind="stable")]
    table = table_of(FRAME.iloc[order], amount=amount)
    write = {"parquet": parquet.write_table, "csv": csv.write_csv}[suffix]
    path = files_of(table, tmp_path / "files", suffix, write, n_files)
    log = TransactionLog.scan(path, resolution=resolution)
    is_exact = suffix == "parquet" and amount != "float64"
    assert_same(log, reference(), months=[3, 12], is_exact=is_exact)
    time = FRAME["date"].dt.to_period("D" if resolution == "day" else "Q-NOV")
    cells = FRAME.assign(time=time).groupby(["customer", "category", "time"])
    assert len(log.to_frame()) == cells.ngroups


def test_files_are_never_held_in_memory_as_a_whole(tmp_path, few_rows_at_once, monkeypatch):
    from skspend.transactions import _engines as engines

    sizes = []
    fetch = engines.fetch_columns

    def measure(frame, *args):
        sizes.append(len(frame))
        return fetch(frame, *args)

    monkeypatch.setattr(engines, "fetch_columns", measure)
    TransactionLog.scan(in_parquet_files(table_of(), tmp_path / "files"))
    assert sum(sizes) == len(FRAME)
    assert max(sizes) < 128 + 16


def test_a_bad_row_is_counted_from_the_first_file_on(tmp_path, few_rows_at_once):
    path = in_parquet_files(with_dirt(["missing category"]), tmp_path / "files")
    with pytest.raises(ValueError, match=r"first in row 500 \(counted from 0\)"):
        TransactionLog.scan(path)


@pytest.mark.parametrize("resolution", ["day", "quarter"])
def test_pieces_without_a_row_that_can_be_read_are_dropped(tmp_path, few_rows_at_once, resolution):
    bad = FRAME[:200].assign(category=None)
    table = pa.concat_tables([table_of(bad), table_of(FRAME), table_of(bad)])
    path = in_parquet_files(table, tmp_path / "files")
    expected = reference()
    listed = ["zoe", *expected.customers[::-1]]
    for customers in (None, listed):
        log = TransactionLog.scan(path, customers=customers, resolution=resolution, errors="drop")
        assert left_out(log)["transactions"].to_dict() == {"missing category": 400}
        n_dropped = 2 * (bad["customer"] == log.customers[-1]).sum()
        assert log[[-1]].quality_.loc["missing category", "transactions"] == n_dropped > 0
        found = pd.DataFrame(log.sum_spending(12, 3).reshape(len(log), -1), log.customers)
        sums = expected.sum_spending(12, 3).reshape(len(expected), -1) / 100
        np.testing.assert_allclose(found.loc[expected.customers], sums)


def test_files_may_hold_integers_of_different_size(tmp_path):
    parquet.write_table(table_of(FRAME[:300], "int64 cents"), tmp_path / "0.parquet")
    parquet.write_table(table_of(FRAME[300:], "int32 cents"), tmp_path / "1.parquet")
    log = TransactionLog.scan(tmp_path / "*.parquet")
    assert_same(log, reference(), unit=1, is_exact=True)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_files_may_have_their_columns_in_any_order_and_further_ones(tmp_path, suffix):
    write = {"parquet": parquet.write_table, "csv": csv.write_csv}[suffix]
    first, second = table_of(FRAME[:300]), table_of(FRAME[300:])
    first = first.append_column("note", pa.array(range(300)))
    second = second.append_column("note", pa.array(["?"] * len(second)))
    write(first, tmp_path / f"0.{suffix}")
    write(second.select([4, 3, 2, 1, 0]), tmp_path / f"1.{suffix}")
    write(second.slice(0, 0), tmp_path / f"2.{suffix}")
    assert_same(TransactionLog.scan(tmp_path / f"*.{suffix}"), reference())


def zoned_instants():
    """Half an hour before and after midnight in New York, away from changes of the clock."""
    instants = ["2024-01-01T04:30Z", "2024-01-01T05:30Z", "2024-07-01T03:30Z", "2024-07-01T04:30Z"]
    dates = pa.array(pd.to_datetime(instants).as_unit("us"))
    return tiny_table([1.0, 2.0, 4.0, 8.0], date=dates)


NEW_YORK = ["2023-12-31", "2024-01-01", "2024-06-30", "2024-07-01"]


def days_of(log):
    return log.to_frame().sort_values("amount")["date"].astype(str).tolist()


def test_the_day_of_a_spark_timestamp_is_that_of_the_session(spark):
    frame = spark.createDataFrame(zoned_instants())
    plain = spark.createDataFrame(tiny_table([1.0, 2.0]))
    plain = plain.withColumn("date", plain["date"].cast("timestamp_ntz"))
    with in_zone(spark, "America/New_York"):
        assert days_of(TransactionLog(frame)) == NEW_YORK
        monthly = TransactionLog(frame, resolution="month")
        assert monthly.sum_spending(1, 8)[0, :, 0].tolist() == [1, 2, 0, 0, 0, 0, 4, 8]
        # A timestamp without a zone is the same everywhere.
        assert days_of(TransactionLog(plain)) == ["2024-01-01", "2024-01-02"]
    with in_zone(spark, "UTC"):
        assert days_of(TransactionLog(frame))[0] == "2024-01-01"


def test_moments_of_duckdb_are_refused_with_a_remedy_that_works():
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'America/New_York'")
    frame = connection.from_arrow(zoned_instants())
    plain = tiny_table([1.0])
    for read in (
        lambda: TransactionLog(frame),
        lambda: TransactionLog(frame, resolution="month"),
        lambda: TransactionLog(plain, income=frame.project("customer, date, amount AS income")),
    ):
        with pytest.raises(TypeError, match="TIMESTAMP WITH TIME ZONE") as refusal:
            read()
    assert local_dates("America/New_York") in str(refusal.value)
    assert days_of(TransactionLog(frame.project(local_dates("America/New_York")))) == NEW_YORK


MOMENTS = pd.DatetimeIndex(
    ["2024-01-31T23:30:00", "2024-02-01T00:30:00", "2024-02-29T23:59:59", "2024-03-31T02:30:00",
     "2023-12-31T15:00:00", "1969-12-31T23:00:00"]
).as_unit("us")  # fmt: skip
"""Times on the clocks of customers, around ends of months and years."""
KINDS = {
    "dates": lambda times, zone: pa.array(times.tz_localize(None).date),
    "times": lambda times, zone: pa.array(times.tz_localize(None)),
    "zoned times in us": lambda times, zone: pa.array(times),
    "zoned times in ns": lambda times, zone: pa.array(times.as_unit("ns")),
    "text": lambda times, zone: pa.array([time.isoformat() for time in times]),
}


@every_engine
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_a_moment_belongs_to_the_day_on_its_own_clock(engine, kind, zone, request):
    times = MOMENTS.tz_localize(zone)
    if engine.name == "csv files" and "zoned" in kind:
        pytest.skip("arrow writes zoned times in UTC")
    table = tiny_table(range(1, 7), date=KINDS[kind](times, zone))
    spark = request.getfixturevalue("spark") if engine.name == "spark" else None
    with in_zone(spark, zone) if spark else nullcontext():
        log = engine.read(table)
    assert days_of(log) == [str(time.date()) for time in MOMENTS]


def test_a_column_of_another_zone_in_polars_keeps_its_own_days():
    zoned = pl.from_arrow(zoned_instants()).with_columns(
        pl.col("date").dt.convert_time_zone("America/New_York")
    )
    assert days_of(TransactionLog(zoned)) == days_of(TransactionLog(zoned.lazy())) == NEW_YORK


def test_huge_integers_of_duckdb_are_exact_as_far_as_they_are_small():
    query = "SELECT 'ann' AS customer, DATE '2024-01-01' AS date, 'pets' AS category, "
    log = TransactionLog(duckdb.sql(query + "(9007199254740000 + range)::HUGEINT AS amount "
                                    "FROM range(1)"))  # fmt: skip
    assert log.sum_spending(1, 1).item() == 9007199254740000
    with pytest.raises(ValueError, match="too much to be exact"):
        TransactionLog(duckdb.sql(query + "(2::HUGEINT ** 100)::HUGEINT AS amount FROM range(2)"))


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(sorted({*FRAME["category"], "unused"}))])
def test_categoricals_of_polars_are_grouped_lazily(kind):
    frame = pl.from_arrow(table_of(date="text"))
    frame = frame.with_columns(pl.col("date", "customer").cast(pl.Categorical))
    frame = frame.with_columns(pl.col("category").cast(kind))
    assert_same(TransactionLog(frame.lazy(), resolution="quarter"), reference(), [3])


def test_categoricals_of_dask_are_grouped_lazily(dask_client):
    import dask.dataframe as dd

    frame = table_of().to_pandas().astype({"customer": "category", "category": "category"})
    frame["category"] = frame["category"].cat.add_categories("unused")
    log = TransactionLog(dd.from_pandas(frame, npartitions=4), resolution="quarter")
    assert_same(log, reference(), [3])
