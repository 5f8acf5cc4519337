"""Time and memory that a fitted pipeline needs to score customers from their cells.

A cell is the spending of a customer in a year on a category. The pipeline is fitted on 26,000
customers. Other customers are stored in Parquet files of several thousand customers, like the
partitions of a cluster. `segment_frame` scores them file by file, in one process with one thread,
and in one process per core. With `--whole`, one `TransactionLog` of all customers is also passed to
`pipeline.predict`. With `--dask` and `--spark`, these engines first shuffle the rows by customer,
as if the rows of a customer were not stored together. Seconds include starting and reading (for
engines, only reading). Memory is the sum of the peaks of all processes.

    python benchmarks/scoring.py
    python benchmarks/scoring.py --customers 100000 --whole --dask --spark
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import pickle
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pyarrow as pa
from joblib import cpu_count
from sklearn.pipeline import Pipeline

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
    TransactionLog,
    segment_frame,
)
from skspend.datasets import make_spending

N_PERIODS, LAST_YEAR = 6, 2023
CUTOFF = f"{LAST_YEAR}-12-31"


def make_cells(n_customers, first, random_state):
    """A frame of the cells of some customers, numbered from `first`, and their bank."""
    bank = make_spending(n_customers, N_PERIODS, random_state=random_state)
    amounts = bank.data.to_numpy().reshape(n_customers, N_PERIODS, -1).astype(float)
    amounts = (amounts * bank.income.to_numpy()[:, :, None]).round(2)
    customer, period, category = np.nonzero(amounts)
    days = np.array(
        [f"{year}-07-01" for year in range(LAST_YEAR - N_PERIODS + 1, LAST_YEAR + 1)], "M8[s]"
    )
    names = [name.split("|")[1] for name in bank.data.columns[: amounts.shape[2]]]
    frame = {
        "customer": (first + customer).astype(np.int32),
        "date": days[period],
        "category": pd.Categorical.from_codes(category.astype(np.int8), names),
        "amount": amounts[customer, period, category],
    }
    return pd.DataFrame(frame), bank


def fit(n_customers):
    """The pipeline of the README, fitted."""
    frame, bank = make_cells(n_customers, 0, 0)
    scorer = BigFivePersonalityScorer(bank.coefficients)
    pipeline = Pipeline(
        [
            ("spend", SpendingAggregator(n_periods=N_PERIODS)),
            ("states", LSTMStateExtractor(scorer=scorer, random_state=0)),
            ("segment", TrajectoryClusterer(random_state=0)),
        ]
    )
    return pipeline.fit(TransactionLog(frame, cutoff=CUTOFF))


def write_files(folder, n_customers, n_per_file):
    """Write the customers; return the files, and what one of them holds."""
    files = []
    for number, first in enumerate(range(0, n_customers, n_per_file)):
        n_here = min(n_per_file, n_customers - first)
        frame, _ = make_cells(n_here, first, 1 + number)
        files.append(Path(folder, f"{number:05}.parquet"))
        frame.to_parquet(files[-1])
        if number == 0:
            table = pa.Table.from_pandas(frame)
            texts = table.set_column(2, "category", table["category"].cast(pa.string()))
            sizes = {
                "cells": len(frame) / n_here,
                "bytes in Parquet": files[0].stat().st_size / n_here,
                "bytes in Arrow": table.nbytes / n_here,
                "bytes in Arrow, categories as text": texts.nbytes / n_here,
            }
    return files, sizes


def peak_gigabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def score_files(pipeline, files):
    """Score file by file; return seconds of work without reading, and peak memory."""
    seconds = 0
    for file in files:
        frame = pd.read_parquet(file)
        start = time.perf_counter()
        segment_frame(pipeline, frame, cutoff=CUTOFF)
        seconds += time.perf_counter() - start
    return seconds, peak_gigabytes()


def score_whole(pipeline, files):
    """One log of all customers; the panel is of float32."""
    pipeline["spend"].set_params(dtype=np.float32)
    frame = pd.concat(map(pd.read_parquet, files), ignore_index=True)
    start = time.perf_counter()
    pipeline.predict(TransactionLog(frame, cutoff=CUTOFF))
    return time.perf_counter() - start, peak_gigabytes()


def score_on_dask(pipeline, folder, n_files, cores):
    """Seconds of reading, shuffling and scoring."""
    import dask.dataframe as dd
    from dask import delayed
    from dask.distributed import Client, LocalCluster

    def score(frame, pipeline):
        return segment_frame(pipeline, frame, cutoff=CUTOFF)

    with (
        LocalCluster(n_workers=cores, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        client.run(__import__, "skspend.segmentation")
        start = time.perf_counter()
        cells = dd.read_parquet(folder)
        cells["category"] = cells["category"].astype("string[pyarrow]")
        segments = cells.shuffle("customer", npartitions=n_files).map_partitions(
            score, delayed(pipeline), meta=score(cells._meta, pipeline)
        )
        segments["strength"].mean().compute()
        return time.perf_counter() - start


def score_on_spark(pipeline, folder, n_files, cores):
    """Seconds of reading, shuffling and scoring, workers of Python started."""
    from pyspark.sql import SparkSession, functions as F

    def score(table):
        segments = segment_frame(pipeline, table, cutoff=CUTOFF)
        return pa.Table.from_pandas(segments, preserve_index=False)

    spark = (
        SparkSession.builder.master(f"local[{cores}]")
        .config("spark.ui.enabled", False)
        .config("spark.driver.memory", "2g")
        .config("spark.sql.shuffle.partitions", n_files)
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    cells = spark.read.parquet(folder)
    schema = spark.createDataFrame(score(cells.limit(0).toArrow())).schema
    bucket = F.pmod(F.hash("customer"), F.lit(n_files)).alias("bucket")
    few = cells.where("customer < 1000").groupBy(bucket).applyInArrow(score, schema)
    few.agg(F.mean("strength")).collect()
    start = time.perf_counter()
    cells.groupBy(bucket).applyInArrow(score, schema).agg(F.mean("strength")).collect()
    seconds = time.perf_counter() - start
    spark.stop()
    return seconds


def in_processes(function, parts):
    """Run a function on each part in a process of its own: seconds in all, and what they return."""
    start = time.perf_counter()
    with ProcessPoolExecutor(len(parts), get_context("spawn")) as pool:
        found = list(pool.map(function, parts))
    return time.perf_counter() - start, found


@click.command()
@click.option("--customers", default=1_000_000, show_default=True)
@click.option("--fitted", default=26_000, show_default=True, help="Customers of fit.")
@click.option("--per-file", default=20_000, show_default=True, help="Customers in a file.")
@click.option("--cores", default=cpu_count(), show_default="all")
@click.option("--whole", is_flag=True, help="One log of all customers, too.")
@click.option("--dask", is_flag=True, help="On a Dask cluster of local processes, too.")
@click.option("--spark", is_flag=True, help="On Spark, too.")
def main(customers, fitted, per_file, cores, whole, dask, spark):
    """Print seconds, customers per second and memory."""
    pipeline = fit(fitted)
    click.echo(f"pickled pipeline: {len(pickle.dumps(pipeline)) / 1e3:,.0f} kB")
    with tempfile.TemporaryDirectory() as folder:
        files, sizes = write_files(folder, customers, per_file)
        click.echo(f"{customers:,} customers; a customer has")
        for name, size in sizes.items():
            click.echo(f"  {size:8,.0f} {name}")
        score = partial(score_files, pipeline)
        ways = {f"{len(files)} files, 1 process": (score, [files])}
        if cores > 1:
            parts = [files[core::cores] for core in range(cores)]
            ways[f"{len(files)} files, {cores} processes"] = score, parts
        if whole:
            ways["one log, predict"] = partial(score_whole, pipeline), [files]
        rows = []
        for way, (function, parts) in ways.items():
            seconds, found = in_processes(function, parts)
            work = sum(seconds for seconds, _ in found)
            memory = sum(peak for _, peak in found)
            rows.append((way, seconds, customers / seconds, work, customers / work, memory))
        for engine, run, is_wanted in (
            ("dask", score_on_dask, dask),
            ("spark", score_on_spark, spark),
        ):
            if is_wanted:
                seconds = run(pipeline, folder, len(files), cores)
                work, memory = cores * seconds, np.nan
                way = f"{engine}, {cores} cores, shuffled"
                rows.append((way, seconds, customers / seconds, work, customers / work, memory))
    names = ["", "seconds", "customers/s", "core seconds", "customers/s/core", "GB"]
    table = pd.DataFrame(rows, columns=names).set_index("")
    click.echo(table.to_string(float_format="{:,.1f}".format))


if __name__ == "__main__":
    main()
