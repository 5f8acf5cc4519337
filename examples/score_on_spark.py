"""
Households scored on Spark
==========================

A pipeline that was fitted on one machine scores all customers in parts. The results equal those of
one process.

    python examples/score_on_spark.py

Spark runs on this machine. On a cluster, only the master and the path of the transactions differ,
and skspend must be installed on the executors. The example needs Java 17 and pyspark.
"""

import tempfile

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession, functions as F
from sklearn.pipeline import Pipeline

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
    segment_frame,
)
from skspend.datasets import load_complete_journey

N_BUCKETS = 4
"""Choose a number for which a bucket has ten to fifty thousand customers, and each core has several
buckets."""

households = load_complete_journey()
scorer = BigFivePersonalityScorer(aliases=households.aliases)
pipeline = Pipeline(
    [
        ("spend", SpendingAggregator(period=2, n_periods=6)),
        ("states", LSTMStateExtractor(scorer=scorer, random_state=0)),
        ("segment", TrajectoryClusterer(random_state=0)),
    ]
).fit(households.data)


def score(table):
    """Score one bucket, which contains all transactions of its customers."""
    segments = segment_frame(pipeline, table, cutoff="2017-12-31")
    return pa.Table.from_pandas(segments, preserve_index=False)


spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.ui.enabled", False)
    .config("spark.driver.memory", "1g")
    .config("spark.sql.shuffle.partitions", N_BUCKETS)
    # Without it, identifiers of customers that are text come back as another type than declared.
    .config("spark.sql.execution.arrow.useLargeVarTypes", True)
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")

with tempfile.TemporaryDirectory() as folder:
    pq.write_table(pa.Table.from_pandas(households.data.to_frame()), f"{folder}/2017.parquet")
    transactions = spark.read.parquet(folder)
    # For no transactions, the result is an empty table with the right columns.
    schema = spark.createDataFrame(score(transactions.limit(0).toArrow())).schema
    bucket = F.pmod(F.hash("customer"), F.lit(N_BUCKETS)).alias("bucket")
    segments = transactions.groupBy(bucket).applyInArrow(score, schema).cache()
    sizes = segments.groupBy("segment").agg(
        F.count("*").alias("size"), F.round(F.mean("strength"), 2).alias("mean")
    )
    sizes.orderBy("size", ascending=False).show(5)
    found = segments.toArrow().to_pandas().sort_values("customer", ignore_index=True)
spark.stop()

alone = segment_frame(pipeline, households.data.to_frame(), cutoff="2017-12-31")
print(f"{len(found)} households; the same in one process: {found.equals(alone)}.")
