"""Time to turn files larger than memory into sums by customer, year and category.

The files are transactions of make_spending in Parquet or CSV, with 5,000 customers in each file and
about a thousand transactions for each customer. TransactionLog.scan, polars (streaming) and DuckDB
group a quarter of them, and then all of them, by customer, year and category: in turn, and each in
its own process. Another process makes the panel, too. The figures are medians. On a busy machine,
processor seconds say more than those of the clock.

    pip install ".[benchmark]"
    python benchmarks/reading.py --folder /tmp/bank [--kind csv] [--repeats 5]
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
import pyarrow as pa
from pyarrow import csv, parquet

from skspend import SpendingAggregator, TransactionLog
from skspend.datasets import make_spending

CUSTOMERS_A_FILE = 5000
GIGABYTE = 2**20
"""In units of ru_maxrss, which are kilobytes."""


def write_part(path, number, n_rows=None):
    """Write transactions of 5,000 customers, all or so many of them, unless the file is there."""
    if path.exists():
        return
    log = make_spending(CUSTOMERS_A_FILE, transactions=True, random_state=number).data
    frame = log.to_frame()
    if n_rows is not None:
        frame = frame.sample(n_rows, random_state=0).sort_values(["customer", "date"])
    frame["customer"] += number * CUSTOMERS_A_FILE
    frame.to_parquet(path, index=False)


def write_bank(folder, n_rows, kind="parquet"):
    """Write files until they hold so many rows; those that are there are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    found, number = 0, 0
    while found < n_rows:
        path = folder / f"part{number:03}.parquet"
        write_part(path, number)
        found += parquet.read_metadata(path).num_rows
        if kind == "csv" and not path.with_suffix(".csv").exists():
            table = parquet.read_table(path)
            days = table["date"].cast(pa.date32())
            csv.write_csv(table.set_column(1, "date", days), path.with_suffix(".csv"))
        number += 1
    return [folder / f"part{part:03}.{kind}" for part in range(number)]


def link(paths):
    """Return a pattern of these files alone, whatever else there is in their folder."""
    folder = paths[0].parent / f"first{len(paths)}"
    folder.mkdir(exist_ok=True)
    for path in paths:
        link = folder / path.name
        if not link.exists():
            link.symlink_to(path.resolve())
    return folder / f"*{paths[0].suffix}"


def scan(paths):
    return TransactionLog.scan(link(paths), resolution="year")


def by_skspend(paths):
    log = scan(paths)
    return log.n_transactions, None


def by_skspend_with_panel(paths):
    log = scan(paths)
    SpendingAggregator(n_periods=6, dtype=np.float32).fit_transform(log)
    return log.n_transactions, len(log.to_frame())


def by_polars(paths):
    year = pl.col("date").dt.year().alias("year")
    amount = pl.col("amount")
    if paths[0].suffix == ".csv":
        rows = pl.scan_csv(paths, try_parse_dates=True)
    else:
        rows = pl.scan_parquet(paths)
    cells = rows.group_by("customer", year, "category").agg(
        amount.sum(), pl.when(amount < 0).then(amount).sum().alias("refunds"), pl.len()
    )
    cells = cells.collect(engine="streaming")
    return cells["len"].sum(), len(cells)


def by_duckdb(paths):
    duckdb.sql("set threads = 2; set enable_progress_bar = false")
    read = duckdb.read_csv if paths[0].suffix == ".csv" else duckdb.read_parquet
    cells = read([str(path) for path in paths]).query(
        "transactions",
        "select customer, year(date) as year, category, sum(amount) as amount, "
        "sum(least(amount, 0)) as refunds, count(*) as n from transactions group by all",
    )
    cells = cells.to_arrow_table()
    return int(cells["n"].to_numpy().sum()), len(cells)


def measure(function, paths):
    """Seconds, processor seconds, gigabytes, and the numbers of transactions and cells."""
    started = time.perf_counter(), time.process_time()
    n, n_cells = function(paths)
    seconds, busy = time.perf_counter() - started[0], time.process_time() - started[1]
    return seconds, busy, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIGABYTE, n, n_cells


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="For 1 GB of files.")
@click.option("--rows", default=100_000_000, show_default=True, help="At least so many.")
@click.option("--kind", type=click.Choice(["parquet", "csv"]), default="parquet")
@click.option("--repeats", default=3, show_default=True)
def main(folder, rows, kind, repeats):
    """Print a table of the medians for a quarter of the files (at least one), and one for all."""
    paths = write_bank(folder, rows, kind)
    size = sum(path.stat().st_size for path in paths) / 2**30
    click.echo(f"{len(paths)} {kind} files, {size:.1f} GB")
    functions = {
        "polars": by_polars,
        "DuckDB": by_duckdb,
        "skspend": by_skspend,
        "skspend, with panel and frame": by_skspend_with_panel,
    }
    for n_files in sorted({max(1, len(paths) // 4), len(paths)}):
        chosen = paths[:n_files]
        found = {name: [] for name in functions}
        for _ in range(repeats):
            for name, function in functions.items():
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                    found[name].append(pool.submit(measure, function, chosen).result())
        medians = {
            name: np.median([run[:3] for run in runs], axis=0) for name, runs in found.items()
        }
        *_, n, n_cells = found["polars"][0]
        click.echo(f"\n{n:,} transactions, {n_cells:,} cells, in the figures of polars:")
        click.echo(f"{'':<30}{'seconds':>16}{'processor':>16}{'GB':>16}")
        for name, figures in medians.items():
            pairs = zip(figures, figures / medians["polars"], strict=True)
            shown = [f"{value:.2f} ({ratio:.2f})" for value, ratio in pairs]
            click.echo(f"{name:<30}" + "".join(f"{text:>16}" for text in shown))


if __name__ == "__main__":
    main()
