"""Whether the clusterer finds planted hierarchies when the numbers of clusters are not given.

`make_trajectories` plants ten main directions, three children in each and three in each child, with
unequal sizes, noise and uniform outliers. The script prints the adjusted mutual information (AMI)
of every level for all customers but the outliers, the numbers of clusters found, and the average
precision of the outlier scores.

    python benchmarks/hierarchies.py [--seeds 20]
"""

import time

import click
import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_mutual_info_score, average_precision_score

from skspend import TrajectoryClusterer
from skspend.datasets import make_trajectories


def measure(customers, seed):
    """Figures of one planted hierarchy, as a dict."""
    planted = make_trajectories(customers, random_state=seed)
    started = time.perf_counter()
    clusterer = TrajectoryClusterer(random_state=seed).fit(planted.data)
    seconds = time.perf_counter() - started
    inside = ~planted.is_outlier
    figures = {"seed": seed}
    for level in range(planted.levels.shape[1]):
        found = clusterer.level_labels_[:, min(level, clusterer.level_labels_.shape[1] - 1)]
        figures[f"AMI {level + 1}"] = adjusted_mutual_info_score(
            planted.levels[inside, level], found[inside]
        )
        figures[f"clusters {level + 1}"] = len(np.unique(found))
    figures["outliers"] = average_precision_score(planted.is_outlier, clusterer.outlier_scores_)
    figures["same"] = np.mean(clusterer.predict(planted.data) == clusterer.labels_)
    return figures | {"seconds": seconds}


@click.command()
@click.option("--seeds", default=20, show_default=True)
@click.option("--customers", default=10_000, show_default=True)
def main(seeds, customers):
    """Print the table."""
    table = pd.DataFrame([measure(customers, seed) for seed in range(seeds)])
    click.echo(table.round(3).to_string(index=False))
    span = table.drop(columns="seed").describe().loc[["min", "50%", "max"]]
    for level in (1, 2, 3):
        click.echo(f"figure: least AMI, level {level} = {table[f'AMI {level}'].min():.3f}")
    click.echo("\n" + span.round(3).to_string())


if __name__ == "__main__":
    main()
