"""
Households scored on a Dask cluster
===================================

A pipeline that was fitted on one machine scores all customers in parts. The results equal those of
one process.

    python examples/score_on_dask.py

The cluster is two processes on this machine. On a real cluster, only the address given to `Client`
and the path of the transactions differ.
"""

import tempfile

import dask.dataframe as dd
from dask import delayed
from dask.distributed import Client, LocalCluster
from sklearn.pipeline import Pipeline

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
    segment_frame,
)
from skspend.datasets import load_complete_journey

N_PARTITIONS = 4


def score(frame, pipeline):
    """Score one partition, which contains all transactions of its customers."""
    return segment_frame(pipeline, frame, cutoff="2017-12-31")


def main():
    """Fit here, score on the cluster, and compare with the results of one process."""
    households = load_complete_journey()
    scorer = BigFivePersonalityScorer(aliases=households.aliases)
    pipeline = Pipeline(
        [
            ("spend", SpendingAggregator(period=2, n_periods=6)),
            ("states", LSTMStateExtractor(scorer=scorer, random_state=0)),
            ("segment", TrajectoryClusterer(random_state=0)),
        ]
    ).fit(households.data)

    with tempfile.TemporaryDirectory() as folder:
        dd.from_pandas(households.data.to_frame(), npartitions=3).to_parquet(folder)
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
            Client(cluster),
        ):
            transactions = dd.read_parquet(folder)
            segments = transactions.shuffle("customer", npartitions=N_PARTITIONS).map_partitions(
                score,
                # Sent once to every worker, not with every partition.
                delayed(pipeline),
                meta=score(transactions._meta, pipeline),
            )
            segments = segments.persist()
            sizes = segments.groupby("segment")["strength"].agg(["size", "mean"]).compute()
            found = segments.compute()
    print(sizes.sort_values("size", ascending=False).head().round(2).to_string())

    alone = score(households.data.to_frame(), pipeline)
    found = found.sort_values("customer", ignore_index=True)
    print(f"{len(found)} households; the same in one process: {found.equals(alone)}.")


# Workers import this file.
if __name__ == "__main__":
    main()
