"""How well the segments recover the known personality types of a synthetic bank.

The figure is the adjusted mutual information (AMI) of the top-level segments with the type of the
overall computed scores, for all customers. It is compared with a ceiling (the network's own
predicted type; logistic regression on the raw shares, held out in five folds) and a floor (k-means
with as many clusters on the raw shares). The script also prints how much the trajectories turn,
compared with the raw yearly scores.

    python benchmarks/recovery.py [--customers 8000] [--seeds 3]
"""

import time

import click
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspend import BigFivePersonalityScorer, LSTMStateExtractor, TrajectoryClusterer
from skspend.datasets import make_spending
from skspend.metrics import direction_change
from skspend.panel import fold
from skspend.personality import personality_types

NETWORKS = {
    "default": LSTMStateExtractor(),
    "paper": LSTMStateExtractor.paper(),
    "scores": LSTMStateExtractor(objective="scores"),
}


def measure(bank, network, seed):
    """Figures of one fit, as a dict."""
    scorer = BigFivePersonalityScorer(bank.coefficients)
    types = personality_types(scorer.fit_transform(bank.data))
    latent = personality_types(bank.traits)
    started = time.perf_counter()
    states = clone(NETWORKS[network]).set_params(scorer=scorer, random_state=seed)
    trajectories = states.fit_transform(bank.data)
    clusterer = TrajectoryClusterer(random_state=seed).fit(trajectories)
    seconds = time.perf_counter() - started
    top = clusterer.level_labels_[:, 0]
    told = states.predict_target(bank.data)
    if states.objective == "scores":
        told = personality_types(told)
    yearly = BigFivePersonalityScorer(bank.coefficients, level="period").fit_transform(bank.data)
    turns, raw_turns = (
        np.nanmean(direction_change(fold(np.asarray(panel), states.n_periods_)))
        for panel in (trajectories, yearly)
    )
    return {
        "network": network,
        "seed": seed,
        "top segments": len(np.unique(top)),
        "largest": np.unique(top, return_counts=True)[1].max() / len(top),
        "AMI segments": adjusted_mutual_info_score(types, top),
        "AMI network": adjusted_mutual_info_score(types, told),
        "AMI segments, latent": adjusted_mutual_info_score(latent, top),
        "accuracy": np.mean(told == types),
        "kappa": clusterer.score(trajectories),
        "turn / raw turn": turns / raw_turns,
        "seconds": seconds,
    }


def references(bank, seed):
    """What needs no network: a ceiling and a floor."""
    types = personality_types(BigFivePersonalityScorer(bank.coefficients).fit_transform(bank.data))
    logistic = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200))
    told = cross_val_predict(logistic, bank.data, types, cv=5)
    clusters = KMeans(10, n_init=3, random_state=seed).fit_predict(bank.data)
    return {
        "seed": seed,
        "AMI logistic regression on shares, held out": adjusted_mutual_info_score(types, told),
        "its accuracy": (told == types).mean(),
        "AMI k-means(10) on shares": adjusted_mutual_info_score(types, clusters),
        "AMI computed type, latent type": adjusted_mutual_info_score(
            personality_types(bank.traits), types
        ),
    }


@click.command()
@click.option("--customers", default=8000, show_default=True)
@click.option("--seeds", default=3, show_default=True)
def main(customers, seeds):
    """Print the tables."""
    rows, beside = [], []
    for seed in range(seeds):
        bank = make_spending(customers, 6, 97, random_state=seed)
        rows += [measure(bank, network, seed) for network in NETWORKS]
        beside.append(references(bank, seed))
    with pd.option_context("display.width", 200, "display.max_columns", None):
        click.echo(pd.DataFrame(rows).round(3).to_string(index=False))
        click.echo(pd.DataFrame(beside).round(3).T.to_string(header=False))


if __name__ == "__main__":
    main()
