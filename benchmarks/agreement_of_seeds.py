"""How well seeds agree on the segments of customers of the fit, and of held-out customers.

The script prints the mean adjusted Rand index of every pair of seeds at the top level, and the
adjusted mutual information with the computed types. Both are measured for the customers of the fit
and for held-out customers. The data are the bundled households, and a synthetic bank of which a
fifth of the categories, or all, have a coefficient. The paper's network learns the same types from
all categories (``objective="y"``), or from those with a coefficient; the default of skspend has
several networks, which read weighted sums of these.

    python benchmarks/agreement_of_seeds.py [--customers 10000] [--seeds 4]
"""

import warnings
from itertools import combinations

import click
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.model_selection import train_test_split

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.datasets import load_complete_journey, make_spending
from skspend.personality import personality_types

NETWORKS = {
    "paper, all categories": LSTMStateExtractor.paper(objective="y"),
    "paper": LSTMStateExtractor.paper(),
    "default, one network": LSTMStateExtractor(n_networks=1),
    "default": LSTMStateExtractor(),
}
SIZES = 600, 2000
"""Customers of the fit, besides all."""
OTHERS = 2000


def compare(data, network, fitted, others, scorer, seeds):
    """How well seeds agree, and how near to the types they are, as a dict."""
    scorer = clone(scorer).fit(fitted)
    row = {"data": data, "customers": len(fitted), "network": network}
    found = {"fitted": [], "held out": []}
    types = personality_types(scorer.transform(fitted))
    for seed in range(seeds):
        states = clone(NETWORKS[network]).set_params(scorer=scorer, random_state=seed)
        clusterer = TrajectoryClusterer(max_depth=1, random_state=seed)
        found["fitted"].append(clusterer.fit_predict(states.fit_transform(fitted, types)))
        found["held out"].append(clusterer.predict(states.transform(others)))
    for (who, runs), panel in zip(found.items(), (fitted, others), strict=True):
        truth = personality_types(scorer.transform(panel))
        pairs = combinations(runs, 2)
        row[f"agreement, {who}"] = np.mean([adjusted_rand_score(*pair) for pair in pairs])
        row[f"AMI, {who}"] = np.mean([adjusted_mutual_info_score(truth, run) for run in runs])
    return row


def panels(customers):
    """Name, fitted and other customers, and scorer."""
    households = load_complete_journey()
    spend = SpendingAggregator(period=2, n_periods=6)
    panel = spend.fit_transform(households.data)
    parts = train_test_split(panel[spend.active_periods_ == 6], test_size=0.2, random_state=0)
    yield "households", *parts, BigFivePersonalityScorer(aliases=households.aliases)
    bank = make_spending(customers + OTHERS, random_state=1)
    for name, coefficients in {
        "bank, a fifth with a coefficient": bank.coefficients.iloc[::5],
        "bank": bank.coefficients,
    }.items():
        for size in sorted({*SIZES, customers}):
            if size <= customers:
                parts = bank.data[:size], bank.data[customers:]
                yield name, *parts, BigFivePersonalityScorer(coefficients)


@click.command()
@click.option("--customers", default=10_000, show_default=True, help="Of the bank, at most.")
@click.option("--seeds", default=4, show_default=True)
def main(customers, seeds):
    """Print the table."""
    warnings.simplefilter("ignore", UserWarning)
    rows = []
    for data, *parts in panels(customers):
        for network in NETWORKS:
            rows.append(compare(data, network, *parts, seeds))
            click.echo(f"{data}, {rows[-1]['customers']:,} customers, {network}", err=True)
    click.echo(pd.DataFrame(rows).round(2).to_string(index=False))


if __name__ == "__main__":
    main()
