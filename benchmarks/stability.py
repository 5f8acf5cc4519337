"""How many households change their top-level segment when the data are disturbed.

The 1,792 bundled households that shop in all periods, six units; disturbed by 5 % further
customers who spend everything on one category, drawn anew in every period, by 20 % of noise on
every amount, and by both. Segments are matched to those before by the assignment that keeps most in
place. Afterwards

- the model is used as it is,
- the tree is grown anew on the trajectories of the same network,
- the network learns on for three epochs, and the tree is grown anew,
- the network is trained anew with the same seed, and the tree is grown anew.

    python benchmarks/stability.py [--seeds 3] [--step-penalty 0.2]
"""

import warnings
from copy import deepcopy

import click
import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.base import clone
from sklearn.metrics.cluster import contingency_matrix

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.datasets import load_complete_journey

N_PERIODS, UNITS = 6, 6
OUTLIERS, NOISE, EPOCHS = 0.05, 0.2, 3


def changed(before, after):
    """Share of customers in another segment, once segments are matched."""
    table = contingency_matrix(before, after)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return 1 - table[rows, columns].sum() / len(before)


def disturb(amounts, outliers, noise, generator):
    """Amounts with noise, and customers of no habit below them."""
    noisy = amounts * np.maximum(0, 1 + noise * generator.normal(size=amounts.shape))
    n_strange = round(outliers * len(amounts))
    n_categories = amounts.shape[1] // N_PERIODS
    strange = np.zeros((n_strange, N_PERIODS, n_categories))
    chosen = generator.integers(n_categories, size=(n_strange, N_PERIODS, 1))
    np.put_along_axis(strange, chosen, 100.0, axis=2)
    strange = pd.DataFrame(strange.reshape(n_strange, amounts.shape[1]), columns=amounts.columns)
    return pd.concat([noisy, strange], ignore_index=True)


def measure(amounts, aliases, seed, step_penalty):
    """Shares of changed segments, a row for each disturbance."""
    spend = SpendingAggregator(period=2, n_periods=N_PERIODS)
    scorer = BigFivePersonalityScorer(aliases=aliases)
    states = LSTMStateExtractor(UNITS, step_penalty=step_penalty, scorer=scorer, random_state=seed)
    panel = spend.fit_transform(amounts)
    trajectories = states.fit_transform(panel)
    segment = TrajectoryClusterer(random_state=seed).fit(trajectories)
    before = segment.level_labels_[:, 0]

    def share(extractor, clusterer, disturbed):
        trajectories = extractor.transform(disturbed)
        if clusterer is None:
            clusterer = TrajectoryClusterer(random_state=seed).fit(trajectories)
        return changed(before, clusterer.predict_levels(trajectories)[: len(before), 0])

    rows = []
    for name, (outliers, noise) in {
        "outliers": (OUTLIERS, 0),
        "noise": (0, NOISE),
        "both": (OUTLIERS, NOISE),
    }.items():
        generator = np.random.default_rng(seed)
        disturbed = spend.transform(disturb(amounts, outliers, noise, generator))
        learns_on = deepcopy(states)
        for _ in range(EPOCHS):
            learns_on.partial_fit(disturbed)
        rows.append(
            {
                "seed": seed,
                "disturbed by": name,
                "model as it is": share(states, segment, disturbed),
                "tree anew": share(states, None, disturbed),
                "network learns on": share(learns_on, None, disturbed),
                "all anew": share(clone(states).fit(disturbed), None, disturbed),
            }
        )
    return rows


@click.command()
@click.option("--seeds", default=3, show_default=True)
@click.option("--step-penalty", default=0.1, show_default=True)
def main(seeds, step_penalty):
    """Print the table."""
    warnings.simplefilter("ignore", UserWarning)
    households = load_complete_journey()
    spend = SpendingAggregator(period=2, n_periods=N_PERIODS, normalize=None).fit(households.data)
    amounts = spend.transform(households.data)[spend.active_periods_ == N_PERIODS]
    rows = [
        row
        for seed in range(seeds)
        for row in measure(amounts, households.aliases, seed, step_penalty)
    ]
    table = pd.DataFrame(rows)
    click.echo(table.round(3).to_string(index=False))
    click.echo(table.drop(columns="seed").groupby("disturbed by").mean().round(3).to_string())


if __name__ == "__main__":
    main()
