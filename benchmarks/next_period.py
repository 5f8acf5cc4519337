"""How much the segments of real households explain of their spending in the next two months.

The data are the bundled households. Everything is fitted on periods 1 to 5. The figure is the share
of the variance of the shares in period 6 that the segments explain. It is compared with k-means
with as many clusters on the raw shares of periods 1 to 5, and with shuffled labels. It is measured
with all categories weighted by their variance, with all categories weighted equally, and with only
the categories that have a coefficient.

    python benchmarks/next_period.py [--seeds 5]
"""

import warnings

import click
import numpy as np
import pandas as pd
from sklearn.cluster import KMeans

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.datasets import load_complete_journey


def variance_explained(labels, future):
    """Share of the variance of every category that lies between the groups, and its weight."""
    means = pd.DataFrame(future).groupby(labels).transform("mean").to_numpy()
    variance = future.var(axis=0)
    return means.var(axis=0)[variance > 0] / variance[variance > 0], variance[variance > 0]


@click.command()
@click.option("--seeds", default=5, show_default=True)
def main(seeds):
    """Print the table."""
    households = load_complete_journey()
    spend = SpendingAggregator(period=2, n_periods=6).fit(households.data)
    panel = spend.transform(households.data)[spend.active_periods_ == 6]
    is_next = panel.columns.str.startswith("period6|")
    past, future = panel.loc[:, ~is_next], panel.loc[:, is_next].to_numpy()
    has_coefficient = np.isin(spend.categories_, list(households.aliases))
    rows = []
    for seed in range(seeds):
        scorer = BigFivePersonalityScorer(aliases=households.aliases)
        states = LSTMStateExtractor(scorer=scorer, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            trajectories = states.fit_transform(past)
        clusterer = TrajectoryClusterer(random_state=seed).fit(trajectories)
        top = clusterer.level_labels_[:, 0]
        n_clusters = len(np.unique(top))
        kmeans = KMeans(n_clusters, n_init=10, random_state=seed).fit(past)
        shuffled = np.random.default_rng(seed).permutation(top)
        for name, labels in {
            "level 1": top,
            "leaves": clusterer.labels_,
            "k-means on shares": kmeans.labels_,
            "shuffled level 1": shuffled,
        }.items():
            explained, weights = variance_explained(labels, future)
            known, _ = variance_explained(labels, future[:, has_coefficient])
            rows.append(
                {
                    "labels": name,
                    "groups": len(np.unique(labels)),
                    "by variance": np.average(explained, weights=weights),
                    "each category alike": explained.mean(),
                    "with a coefficient": known.mean(),
                }
            )
    table = pd.DataFrame(rows).groupby("labels", sort=False).mean()
    click.echo(f"{len(panel):,} households, mean of {seeds} seeds, share of variance explained")
    click.echo(table.round(4).to_string())
    gain = table.loc["level 1"] / table.loc["shuffled level 1"]
    click.echo(f"figure: all spending explained, in that by chance = {gain['by variance']:.1f}")


if __name__ == "__main__":
    main()
