"""How much features contain about a label, and how much of it a hundred labels can recover.

The data are a synthetic bank whose traits and finances explain 20 % of the variance of each label.
The figure is the R2 on 5,000 customers from 100 labels (mean of 20 draws) of three heads: least
squares, ridge regression with a cross-validated penalty on standardised features, and
TransferRegressor with a fixed penalty on features as they are. Least squares from 20,000 labels is
about the best that a linear head can do with the features. The latent traits, which are never known
in practice, are the ceiling for features that contain only traits. The labels also depend on the
share of income that is spent.

    python benchmarks/features.py [--customers 26000] [--draws 20] [--seed 0]
"""

import warnings

import click
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, Ridge, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspend import (
    BigFivePersonalityScorer,
    FeedForwardExtractor,
    LSTMStateExtractor,
    SpendingFactors,
)
from skspend.datasets import make_spending
from skspend.panel import fold

FEW, VALIDATION, MANY = 100, 5000, 20_000
NETWORKS = [("type", 4), ("scores", 4), ("reconstruct", 4), ("reconstruct", 8)]
MAKERS = {"LSTM": LSTMStateExtractor.paper, "feed-forward": FeedForwardExtractor}
BODIES = {
    "feed-forward, 32 and 5 units": FeedForwardExtractor(5, (32,)),
    "feed-forward, 5 units": FeedForwardExtractor(5),
    "LSTM, 4 units": LSTMStateExtractor.paper(4),
}
"""Those that learn to predict the total and the factors."""
HEADS = {
    "least squares": LinearRegression(),
    "ridge": make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 13))),
    "alpha=3": Ridge(3),
}


def features(bank):
    """Name to table, a row for each customer."""
    scorer = BigFivePersonalityScorer(bank.coefficients)
    found = {}
    for network, make in MAKERS.items():
        for objective, units in NETWORKS:
            extractor = make(units, objective=objective, scorer=scorer, random_state=0)
            name = f"{network}, {objective}, {units} units"
            found[name] = extractor.fit(bank.data).pool_states(bank.data)
    factors = SpendingFactors().fit_transform(bank.data).to_numpy()
    for name, body in BODIES.items():
        extractor = body.set_params(objective="y", random_state=0)
        found[f"{name}, factors"] = extractor.fit(bank.data, factors).pool_states(bank.data)
    found["total and factors"] = factors
    shares = fold(bank.data.to_numpy(), 6).mean(axis=1)
    for units in (4, 10):
        reduce = make_pipeline(StandardScaler(), PCA(units, random_state=0))
        found[f"PCA of mean shares, {units}"] = reduce.fit_transform(shares)
    found["mean shares"] = shares
    found["computed scores"] = np.asarray(scorer.fit_transform(bank.data))
    found["latent traits"] = np.asarray(bank.traits)
    return found


def measure(table, label, draws):
    """R2 of the heads from few labels, and of least squares from many."""
    scores = {name: [] for name in HEADS}
    for seed in range(draws):
        order = np.random.default_rng(seed).permutation(len(label))
        train, test = order[:FEW], order[FEW : FEW + VALIDATION]
        for name, head in HEADS.items():
            head.fit(table[train], label[train])
            scores[name].append(head.score(table[test], label[test]))
    many, rest = order[:MANY], order[MANY:]
    best = LinearRegression().fit(table[many], label[many]).score(table[rest], label[rest])
    found = {f"{name}, {FEW}": np.mean(values) for name, values in scores.items()}
    return found | {f"least squares, {MANY}": best}


@click.command()
@click.option("--customers", default=26_000, show_default=True)
@click.option("--draws", default=20, show_default=True)
@click.option("--seed", default=0, show_default=True, help="Of the bank.")
def main(customers, draws, seed):
    """Print the tables."""
    warnings.simplefilter("ignore")
    bank = make_spending(customers, random_state=seed)
    tables = features(bank)
    for name in ("liquidity", "default"):
        label = np.asarray(bank[name], dtype=float)
        rows = {what: measure(table, label, draws) for what, table in tables.items()}
        click.echo(f"\n{name}\n{pd.DataFrame(rows).T.round(3).to_string()}")


if __name__ == "__main__":
    main()
