"""Time to make a panel, and a fold of it, from transactions, compared with other libraries.

Ten million transactions of 26,000 customers over six years in 97 categories, in a pandas frame
(integer customers, dates, categories as a categorical), become the panel of 26,000 x 6 x 97. pandas
uses groupby().sum().unstack(). polars and DuckDB group as well, from their own frames, and NumPy
places their results into the panel. The script then makes a fold of 80 % of the customers from half
as many rows, as cross-validation needs it.

A last table compares the panel of sums with those of other statistics of single transactions.

Every figure is measured in its own process, which first draws the same transactions. Memory is the
largest growth of that process.

    pip install ".[benchmark]"
    python benchmarks/aggregation.py
"""

import gc
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

import click
import duckdb
import numpy as np
import pandas as pd
import polars as pl

from skspend import SpendingAggregator, TransactionLog

FIRST_YEAR, N_PERIODS, N_CUSTOMERS, N_CATEGORIES = 2018, 6, 26_000, 97
SHAPE = N_CUSTOMERS, N_PERIODS, N_CATEGORIES
MEGABYTE = 2**20


def draw_transactions(n_rows, seed):
    rng = np.random.default_rng(seed)
    customers = np.sort(rng.choice(10**9, N_CUSTOMERS, replace=False))
    start, end = (np.datetime64(f"{year}-01-01") for year in (FIRST_YEAR, FIRST_YEAR + N_PERIODS))
    days = start + rng.integers(0, (end - start).astype(int), n_rows).astype("m8[D]")
    names = [f"category {number:02}" for number in range(N_CATEGORIES)]
    return pd.DataFrame(
        {
            "customer": customers[rng.integers(0, N_CUSTOMERS, n_rows)],
            "date": days.astype("M8[s]"),
            "category": pd.Categorical.from_codes(rng.integers(0, N_CATEGORIES, n_rows), names),
            "amount": rng.gamma(2, 20, n_rows).round(2),
        }
    )


def by_pandas(frame):
    year = frame["date"].dt.year.rename("year")
    sums = frame.groupby(["customer", year, "category"], observed=True)["amount"].sum()
    return sums.unstack(["year", "category"], fill_value=0).sort_index(axis=1).to_numpy()


def by_polars(frame):
    year = pl.col("date").dt.year().alias("year")
    cells = frame.lazy().group_by("customer", year, "category").agg(pl.col("amount").sum())
    cells = cells.with_columns(pl.col("category").to_physical()).collect()
    return place(*(cells[name].to_numpy() for name in ("customer", "year", "category", "amount")))


def by_duckdb(frame):
    duckdb.sql("set threads = 2; set enable_progress_bar = false")
    cells = duckdb.sql(
        "select customer, year(date) as year, category, sum(amount) as amount "
        "from frame group by all"
    ).to_arrow_table()
    categories = cells["category"].combine_chunks()
    codes, _ = pd.factorize(categories.cast("string").to_pandas(), sort=True)
    return place(
        cells["customer"].to_numpy(), cells["year"].to_numpy(), codes, cells["amount"].to_numpy()
    )


def place(customer, year, category, amount):
    panel = np.zeros(SHAPE)
    panel[pd.factorize(customer, sort=True)[0], year - FIRST_YEAR, category] = amount
    return panel


def by_skspend(frame):
    return aggregate(TransactionLog(frame))


def aggregate(log):
    return SpendingAggregator(n_periods=N_PERIODS, normalize=None).fit_transform(log).to_numpy()


def fold_by_skspend(log, customers):
    return aggregate(log[customers])


def fold_by_pandas(frame, names):
    return by_pandas(frame[frame["customer"].isin(names)])


def prepare(name, rows, seed):
    """The function to measure, and what it is given: frames are not converted on the clock."""
    frame = draw_transactions(rows, seed)
    if name.startswith("fold"):
        log = TransactionLog(frame)
        train = np.sort(
            np.random.default_rng(seed).permutation(N_CUSTOMERS)[: N_CUSTOMERS * 4 // 5]
        )
        if name == "fold by skspend":
            return fold_by_skspend, (log, train)
        return fold_by_pandas, (frame, log.customers[train])
    if name == "skspend":
        return by_skspend, (frame,)
    if name == "pandas":
        return by_pandas, (frame,)
    names = list(frame["category"].cat.categories)
    polars_frame = pl.from_pandas(frame).with_columns(pl.col("category").cast(pl.Enum(names)))
    # DuckDB reads arrow tables without copying them.
    return (
        (by_polars, (polars_frame,))
        if name == "polars"
        else (by_duckdb, (polars_frame.to_arrow(),))
    )


def measure(name, rows, seed, repeats):
    """Seconds of every run, megabytes of the first, and a checksum."""
    function, given = prepare(name, rows, seed)
    gc.collect()
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")
    before = _memory("VmRSS")
    seconds, memory = [], None
    for _ in range(repeats):
        start = time.perf_counter()
        panel = function(*given)
        seconds.append(time.perf_counter() - start)
        memory = memory or (_memory("VmHWM") - before) / MEGABYTE
        checksum = float((panel.reshape(len(panel), -1) @ np.arange(panel[0].size)).sum())
        del panel
    return seconds, memory, checksum


def _memory(name):
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith(name))


def compare(title, names, *arguments):
    """Print a table, each row measured in a fresh process."""
    results = {}
    for name in names:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            results[name] = pool.submit(measure, name, *arguments).result()
    base = min(results[names[0]][0])
    click.echo(f"\n{title}\n{'':<18}{'best run':>10}{'first':>8}{'x skspend':>11}{'MB':>7}")
    for name, (seconds, memory, _) in results.items():
        click.echo(
            f"{name:<18}{min(seconds):>8.2f} s{seconds[0]:>6.2f} s{min(seconds) / base:>11.2f}"
            f"{memory:>7.0f}"
        )
    checksums = np.array([checksum for *_, checksum in results.values()])
    if not np.allclose(checksums, checksums[0], rtol=1e-9):
        raise click.ClickException(f"The panels differ: {checksums}")
    return results


def compare_statistics(rows, seed, repeats):
    """Print the time of panels of several statistics beside that of sums, run in turn."""
    frame = draw_transactions(rows, seed)
    seconds = {("sum",): [], ("mean_log",): [], ("sum", "count", "mean"): []}
    for _ in range(repeats):
        for statistics, measured in seconds.items():
            start = time.process_time()
            spend = SpendingAggregator(n_periods=N_PERIODS, statistics=statistics, normalize=None)
            spend.fit_transform(TransactionLog(frame))
            measured.append(time.process_time() - start)
    base = np.median(seconds[("sum",)])
    click.echo("\nOther statistics, in seconds of CPU")
    for statistics, measured in seconds.items():
        found = np.median(measured)
        click.echo(f"{', '.join(statistics):<18}{found:>8.2f} s{found / base:>11.2f} x sums")


@click.command()
@click.option("--rows", default=10_000_000, show_default=True)
@click.option("--repeats", default=3, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(rows, repeats, seed):
    names = ["skspend", "pandas", "polars", "DuckDB"]
    title = f"{rows:,} transactions to a panel of {SHAPE}"
    results = compare(title, names, rows, seed, repeats)
    panel, codes = np.prod(SHAPE) * 8 / MEGABYTE, rows * (4 + 4 + 1) / MEGABYTE
    click.echo(
        f"two panels and one copy of the codes are {2 * panel:.0f} + {codes:.0f} = "
        f"{2 * panel + codes:.0f} MB; skspend took {results['skspend'][1]:.0f} MB"
    )
    names = ["fold by skspend", "fold by pandas"]
    title = f"80 % of the customers of {rows // 2:,} transactions"
    (skspend, *_), (pandas, *_) = compare(title, names, rows // 2, seed, repeats).values()
    click.echo(
        f"skspend takes {min(skspend) / min(pandas):.2f} of the time of pandas, for the first fold "
        f"{skspend[0] / min(pandas):.2f}"
    )
    compare_statistics(rows, seed, repeats)


if __name__ == "__main__":
    main()
