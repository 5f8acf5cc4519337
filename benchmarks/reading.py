"""Time to turn files larger than memory into sums by customer, year and category.

The files are transactions of make_spending in Parquet, with 5,000 customers in each file and about
a thousand transactions for each customer. TransactionLog.scan reads a quarter, a half and all of
them, and makes the panel. polars (streaming) and DuckDB then group the same files by customer, year
and category, and do nothing else. Every figure is measured in its own process.

    pip install ".[benchmark]"
    python benchmarks/reading.py --folder /tmp/bank
"""

import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click
import duckdb
import numpy as np
import polars as pl
from pyarrow import parquet

from skspend import SpendingAggregator, TransactionLog
from skspend.datasets import make_spending

CUSTOMERS_A_FILE = 5000
GIGABYTE = 2**20
"""In units of ru_maxrss, which are kilobytes."""


def write_bank(folder, n_rows):
    """Write files until they hold so many rows; those that are there are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    found, number = 0, 0
    while found < n_rows:
        path = folder / f"part{number:03}.parquet"
        if not path.exists():
            log = make_spending(CUSTOMERS_A_FILE, transactions=True, random_state=number).data
            frame = log.to_frame()
            frame["customer"] += number * CUSTOMERS_A_FILE
            frame.to_parquet(path, index=False)
        found += parquet.read_metadata(path).num_rows
        number += 1
    return [folder / f"part{part:03}.parquet" for part in range(number)]


def by_skspend(paths):
    """Scan the files; what else there may be in the folder is not read."""
    folder = paths[0].parent / f"first{len(paths)}"
    folder.mkdir(exist_ok=True)
    for path in paths:
        link = folder / path.name
        if not link.exists():
            link.symlink_to(path.resolve())
    log = TransactionLog.scan(folder / "*.parquet", resolution="year")
    panel = SpendingAggregator(n_periods=6, dtype=np.float32).fit_transform(log)
    return log.n_transactions, len(log.to_frame()), panel.shape


def by_polars(paths):
    year = pl.col("date").dt.year().alias("year")
    amount = pl.col("amount")
    cells = pl.scan_parquet(paths).group_by("customer", year, "category")
    cells = cells.agg(
        amount.sum(), pl.when(amount < 0).then(amount).sum().alias("refunds"), pl.len()
    )
    cells = cells.collect(engine="streaming")
    return cells["len"].sum(), len(cells), None


def by_duckdb(paths):
    duckdb.sql("set threads = 2; set enable_progress_bar = false")
    cells = duckdb.read_parquet([str(path) for path in paths]).query(
        "transactions",
        "select customer, year(date) as year, category, sum(amount) as amount, "
        "sum(least(amount, 0)) as refunds, count(*) as n from transactions group by all",
    )
    cells = cells.to_arrow_table()
    return int(cells["n"].to_numpy().sum()), len(cells), None


def measure(function, paths):
    start = time.perf_counter()
    result = function(paths)
    seconds = time.perf_counter() - start
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIGABYTE, *result


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="For 1 GB of files.")
@click.option("--rows", default=100_000_000, show_default=True, help="At least so many.")
def main(folder, rows):
    paths = write_bank(folder, rows)
    size = sum(path.stat().st_size for path in paths) / 2**30
    click.echo(f"{len(paths)} Parquet files, {size:.1f} GB")
    click.echo(f"{'':<22}{'transactions':>14}{'cells':>13}{'seconds':>9}{'a million':>11}{'GB':>7}")
    runs = [
        ("skspend, a quarter", by_skspend, paths[: len(paths) // 4]),
        ("skspend, a half", by_skspend, paths[: len(paths) // 2]),
        ("skspend", by_skspend, paths),
        ("polars, cells", by_polars, paths),
        ("DuckDB, cells", by_duckdb, paths),
    ]
    for name, function, chosen in runs:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            seconds, memory, n, n_cells, _ = pool.submit(measure, function, chosen).result()
        click.echo(
            f"{name:<22}{n:>14,}{n_cells:>13,}{seconds:>9.1f}{seconds / n * 1e6:>11.3f}"
            f"{memory:>7.2f}"
        )


if __name__ == "__main__":
    main()
