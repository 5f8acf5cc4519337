"""How many customers are enough to fit on, when the segments of many more are to be found.

A fifth of a synthetic bank is held out. The package's steps are fitted on samples of the others, of
growing size, each with several seeds, and the figures of reproducibility.py are taken of the
held-out customers: how well the network predicts their type, how far the segments follow the
traits, whether another fit gives them the same segments, and what a fit costs. Each seed draws a
sample of its own, so that two fits differ in their customers, too.

    python benchmarks/sample_size.py [--customers 100000] [--seeds 2] [--sizes 5000,10000,...]
"""

import warnings

import click
import pandas as pd
from reproducibility import agreement, fit, load
from sklearn.model_selection import train_test_split

from skspend import LSTMStateExtractor

SIZES = "5000,10000,25000,50000,80000"
SHOWN = [
    "type predicted", "AMI 1", "AMI 2", "AMI 3", "kappa", "segments", "leaves",
    "ARI types", "ARI top", "ARI leaves", "seconds of training", "seconds of the tree",
]  # fmt: skip


@click.command(help=__doc__)
@click.option("--customers", default=100_000, show_default=True)
@click.option("--seeds", default=2, show_default=True)
@click.option("--sizes", default=SIZES, show_default=True)
def main(customers, seeds, sizes):
    warnings.simplefilter("ignore", UserWarning)
    panel, scorer = load("bank", customers)
    others, held_out = train_test_split(panel, test_size=0.2, random_state=0)
    rows = {}
    for size in map(int, sizes.split(",")):
        found, fits = [], []
        for seed in range(seeds):
            sample = others.sample(min(size, len(others)), random_state=seed)
            figures, levels, types = fit(LSTMStateExtractor, scorer, sample, held_out, seed)
            found.append(figures)
            fits.append((levels, types))
        means = pd.concat([pd.DataFrame(found).mean(), agreement(fits).mean()])
        rows[f"{size:,}"] = means
        click.echo(f"{size:,}\n{means.round(3).to_string()}")
    table = pd.DataFrame(rows).T
    click.echo(table[[name for name in SHOWN if name in table]].round(3).to_string())


if __name__ == "__main__":
    main()
