"""Comparison of the default clusterer with other representations, clusterers and libraries.

1. Representations that divide a node: the last state, the whole trajectory, start and displacement,
   and the trajectory standardised period by period. Clusterers: the default, k-means, Gaussian
   mixture, BIRCH (these three are given ten clusters) and HDBSCAN (noise goes to the nearest
   cluster).
2. Methods that are used on trajectories today: time-series k-means of tslearn and aeon (Euclidean,
   dynamic time warping; ten clusters given) and three implementations of HDBSCAN. They are compared
   with TrajectoryClusterer, which is given no number. Seconds are those of a second call, so that
   compilation is not counted.

All methods get the same trajectories in one run: planted hierarchies, and states of the default
extractor of a synthetic bank. AMI is the adjusted mutual
information of the top level: with the planted main directions for all customers but the outliers,
or with the type of the overall computed scores for all customers. Noise is assigned to the nearest
cluster mean before it is measured.

    pip install "skspend[benchmark]"; python -m venv elsewhere; elsewhere/bin/pip install aeon
    python benchmarks/clusterers.py [--customers 5000] [--aeon elsewhere/bin/python]
"""

import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import click
import hdbscan
import numpy as np
import pandas as pd
from sklearn.cluster import HDBSCAN, Birch, KMeans
from sklearn.metrics import adjusted_mutual_info_score, pairwise_distances_argmin
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

from skspend import BigFivePersonalityScorer, LSTMStateExtractor, TrajectoryClusterer
from skspend.datasets import make_spending, make_trajectories
from skspend.panel import fold, unfold
from skspend.personality import personality_types

N_CLUSTERS, LEAST_SHARE = 10, 0.01
AEON = """
import sys, time
import numpy as np
from aeon.clustering import TimeSeriesKMeans
X = np.load(sys.argv[1]).transpose(0, 2, 1)
average = "mean" if sys.argv[3] == "euclidean" else "ba"
def fit(X):
    # One start, as tslearn's default has; ten take a quarter of an hour.
    kmeans = TimeSeriesKMeans(
        10, distance=sys.argv[3], averaging_method=average, n_init=1, random_state=0
    )
    return kmeans.fit(X).labels_
fit(X[:200])
started = time.perf_counter()
labels = fit(X)
np.savez(sys.argv[2], labels=labels, seconds=time.perf_counter() - started)
"""
REPRESENTATIONS = {
    "last state": lambda X: X[:, -1],
    "whole trajectory": unfold,
    "start and displacement": lambda X: np.hstack([X[:, 0], X[:, -1] - X[:, 0]]),
    "standardised by period": lambda X: StandardScaler().fit_transform(unfold(X)),
}


def data(customers):
    """Name to trajectories, the truth, and who has one."""
    planted = make_trajectories(customers, random_state=0)
    yield "planted", planted.data, planted.levels[:, 0], ~planted.is_outlier
    bank = make_spending(max(customers, 26_000), random_state=0)
    scorer = BigFivePersonalityScorer(bank.coefficients)
    states = LSTMStateExtractor(scorer=scorer, random_state=0)
    panel = np.ascontiguousarray(states.fit_transform(bank.data), dtype=np.float64)
    types = personality_types(scorer.fit_transform(bank.data))[:customers]
    yield "bank", fold(panel, 6)[:customers], types, np.ones(customers, dtype=bool)


def bases(customers):
    """What may divide a node, by name; None is the default."""
    return {
        "default": None,
        "k-means": KMeans(N_CLUSTERS, n_init=10, random_state=0),
        "Gaussian mixture": GaussianMixture(N_CLUSTERS, random_state=0),
        "BIRCH": Birch(n_clusters=N_CLUSTERS, threshold=0.1),
        "HDBSCAN": hdbscan.HDBSCAN(round(LEAST_SHARE * customers), core_dist_n_jobs=1),
    }


def by_representation(trajectories, truth, inside):
    """AMI of the top level, a row for each representation."""
    rows = {}
    for name, represent in REPRESENTATIONS.items():
        points = represent(trajectories)
        rows[name] = {}
        for base_name, base in bases(len(points)).items():
            clusterer = TrajectoryClusterer(max_depth=1, clusterer=base, random_state=0)
            top = clusterer.fit(points).level_labels_[:, 0]
            rows[name][base_name] = adjusted_mutual_info_score(truth[inside], top[inside])
    return pd.DataFrame(rows).T


def others(aeon):
    """Functions from trajectories to labels and seconds, by name."""
    import fast_hdbscan
    from tslearn.clustering import TimeSeriesKMeans

    def timed(cluster):
        def run(X):
            cluster(X[:200])
            started = time.perf_counter()
            return cluster(X), time.perf_counter() - started

        return run

    def in_aeon(distance):
        def run(X):
            with tempfile.TemporaryDirectory() as folder:
                given, made = Path(folder, "given.npy"), Path(folder, "made.npz")
                np.save(given, X)
                subprocess.run([aeon, "-c", AEON, given, made, distance], check=True)
                with np.load(made) as found:
                    return found["labels"], float(found["seconds"])

        return run

    def by_density(make):
        return timed(lambda X: make(round(LEAST_SHARE * len(X))).fit_predict(unfold(X)))

    def top(X):
        return TrajectoryClusterer(random_state=0).fit(X).level_labels_[:, 0]

    found = {"TrajectoryClusterer, three levels": timed(top)}
    for metric in ("euclidean", "dtw"):
        found[f"tslearn k-means, {metric}"] = timed(
            lambda X, m=metric: TimeSeriesKMeans(N_CLUSTERS, metric=m, random_state=0).fit_predict(
                X
            )
        )
        if aeon:
            found[f"aeon k-means, {metric}"] = in_aeon(metric)
    found["hdbscan"] = by_density(lambda size: hdbscan.HDBSCAN(size, core_dist_n_jobs=1))
    found["scikit-learn's HDBSCAN"] = by_density(lambda size: HDBSCAN(size, copy=True))
    found["fast-hdbscan"] = by_density(lambda size: fast_hdbscan.HDBSCAN(min_cluster_size=size))
    return found


def assign_noise(trajectories, labels):
    """Put noise to the nearest cluster mean."""
    clusters = np.unique(labels[labels >= 0])
    if not len(clusters):
        return np.zeros_like(labels)
    points = unfold(trajectories)
    means = np.array([points[labels == cluster].mean(axis=0) for cluster in clusters])
    return np.where(labels < 0, clusters[pairwise_distances_argmin(points, means)], labels)


def beside_others(trajectories, truth, inside, aeon):
    """A row for each way of clustering."""
    rows = []
    for name, cluster in others(aeon).items():
        labels, seconds = cluster(trajectories)
        labels = np.asarray(labels)
        placed = assign_noise(trajectories, labels)
        rows.append(
            {
                "clusterer": name,
                "clusters": len(np.unique(placed)),
                "noise": np.mean(labels < 0),
                "AMI": adjusted_mutual_info_score(truth[inside], placed[inside]),
                "seconds": seconds,
            }
        )
    return pd.DataFrame(rows)


@click.command()
@click.option("--customers", default=5000, show_default=True)
@click.option("--aeon", help="Python of an environment that has aeon, which needs an older NumPy.")
def main(customers, aeon):
    """Print the tables."""
    warnings.simplefilter("ignore")
    for name, trajectories, truth, inside in data(customers):
        click.echo(f"\n{name}, {customers:,} customers: AMI by representation and clusterer")
        click.echo(by_representation(trajectories, truth, inside).round(2).to_string())
        click.echo(f"\n{name}: beside what is used today")
        table = beside_others(trajectories, truth, inside, aeon)
        click.echo(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
