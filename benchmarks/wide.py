"""Memory and time that a wide and sparse table of transactions needs, from the file to segments.

The table has many customers, each of whom buys few of very many categories, as in a shop. A tenth
of the categories has coefficients. `skspend segment` runs on its CSV file; then, in another
process, the estimators run on the same file in Python. The script prints the peak of the resident
memory of each process, and its seconds.

    python benchmarks/wide.py
    python benchmarks/wide.py --customers 32000 --categories 2012 --rows 600000
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import click
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
    TransactionLog,
)
from skspend.personality import TRAITS

WHOSE = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
N_PERIODS, PERIOD = 7, 2
"""Periods of two months."""


def write_table(folder, n_customers, n_categories, n_rows):
    """Write the transactions, and the coefficients of a tenth of their categories."""
    rng = np.random.default_rng(0)
    names = np.array([f"i{number}" for number in range(n_categories)])
    # Everybody buys in every period, and some buy more often.
    everybody = np.indices((n_customers, N_PERIODS)).reshape(2, -1)
    more = rng.integers([[n_customers], [N_PERIODS]], size=(2, n_rows - everybody.shape[1]))
    customer, period = np.hstack([everybody, more])
    month = PERIOD * period + rng.integers(PERIOD, size=n_rows)
    day = np.datetime64("2023-01") + month + np.zeros(n_rows, dtype="m8[D]")
    popularity = 1 / np.arange(1, n_categories + 1)
    category = rng.choice(n_categories, size=n_rows, p=popularity / popularity.sum())
    # Customers have a taste, or there would be no segments.
    taste = rng.integers(n_categories, size=n_customers)
    category = np.where(rng.random(n_rows) < 0.3, taste[customer], category)
    table = {
        "customer": customer,
        "date": day + rng.integers(28, size=n_rows),
        "category": names[category],
        "amount": rng.integers(1, 100, size=n_rows),
    }
    pd.DataFrame(table).to_csv(folder / "bank.csv", index=False)
    chosen = np.sort(rng.choice(n_categories, n_categories // 10, replace=False))
    ratings = rng.normal(scale=0.5, size=(len(chosen), len(TRAITS))).clip(-3, 3).round(2)
    table = pd.DataFrame(ratings, index=names[chosen], columns=TRAITS)
    table.rename_axis("category").to_csv(folder / "ratings.csv")


def run_command(folder):
    """Run the main job as a user does."""
    words = ["segment", "bank.csv", "--coefficients", "ratings.csv", "--period", str(PERIOD)]
    words += ["--no-stability", "-q", "--output", "results"]
    subprocess.run([sys.executable, "-m", "skspend", *words], check=True, cwd=folder)


def run_estimators(folder):
    """Run the same steps in Python."""
    log = TransactionLog.scan(folder / "bank.csv", resolution="month")
    ratings = pd.read_csv(folder / "ratings.csv", index_col="category")
    scorer = BigFivePersonalityScorer(ratings)
    pipeline = Pipeline(
        [
            ("spend", SpendingAggregator(period=PERIOD)),
            ("states", LSTMStateExtractor(scorer=scorer, random_state=0)),
            ("segment", TrajectoryClusterer(random_state=0)),
        ]
    )
    pipeline.fit_predict(log)


def measure(run, folder):
    """Peak of the resident memory, in MB, and seconds of a function in a process of its own."""
    started = time.perf_counter()
    run(folder)
    seconds = time.perf_counter() - started
    peaks = [resource.getrusage(whose).ru_maxrss for whose in WHOSE]
    return max(peaks) / 1024, seconds


@click.command()
@click.option("--customers", default=32_000, show_default=True)
@click.option("--categories", default=2012, show_default=True)
@click.option("--rows", default=600_000, show_default=True)
def main(customers, categories, rows):
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_table(folder, customers, categories, rows)
        size = (folder / "bank.csv").stat().st_size / 1e6
        click.echo(f"{rows:,} transactions in {size:.1f} MB")
        for run in (run_command, run_estimators):
            # In a process of its own, as a peak never falls.
            with ProcessPoolExecutor(1, get_context("spawn")) as process:
                peak, seconds = process.submit(measure, run, folder).result()
            click.echo(f"{run.__name__:<14} {peak:>6,.0f} MB {seconds:>6.1f} s")


if __name__ == "__main__":
    main()
