"""What segments are worth: do they follow the traits, level by level, and do they stay?

On a synthetic bank, three units, and on the bundled households, six, for the recurrent network and
for what the paper holds to be worse: the autoencoder, and the feed-forward network and PCA, whose
states see one period at a time and are therefore also tried as means of the periods so far; and
k-means with ten clusters on the mean scores of the periods so far, which needs no network. Rows
"held out" are of a fifth of the customers, who shaped neither the network nor the tree.

- AMI: adjusted mutual information of the top level with the type of the overall computed scores, of
  all customers; "told" is that of the type which the network itself tells.
- kappa: between the segments at the third and at the last of the six periods.
- turn: mean angle between successive steps, in degrees.
- AMI 2, AMI 3: of the lower levels with the second and third trait, inside each parent, above what
  95 % of shuffles reach, with their p.

    python benchmarks/segments.py [--customers 26000] [--seeds 2]
"""

import time
import warnings

import click
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skspend import (
    BigFivePersonalityScorer,
    FeedForwardExtractor,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.datasets import load_complete_journey, make_spending
from skspend.metrics import direction_change, hierarchy_agreement, temporal_stability
from skspend.panel import fold
from skspend.personality import personality_types

N_PERIODS, MIDDLE = 6, 2
HELD_OUT = "LSTM", "LSTM, 8 hidden"


def networks(units, seed):
    """The extractors by name, and whether their states look back."""
    return {
        "LSTM": (LSTMStateExtractor(units, random_state=seed), True),
        "LSTM, 8 hidden": (
            LSTMStateExtractor(units, hidden_units=(8,), step_penalty=0.2, random_state=seed),
            True,
        ),
        "LSTM of the paper": (
            LSTMStateExtractor(units, state_noise=0, step_penalty=0, random_state=seed),
            True,
        ),
        "LSTM autoencoder": (
            LSTMStateExtractor(units, objective="reconstruct", random_state=seed),
            True,
        ),
        "feed-forward": (FeedForwardExtractor(units, random_state=seed), False),
        "feed-forward autoencoder": (
            FeedForwardExtractor(units, objective="reconstruct", random_state=seed),
            False,
        ),
    }


def principal_components(panel, units):
    """Scores of PCA on the standardised shares of single periods."""
    yearly = fold(panel, N_PERIODS).reshape(len(panel) * N_PERIODS, -1)
    components = PCA(units, random_state=0).fit_transform(StandardScaler().fit_transform(yearly))
    return components.reshape(len(panel), N_PERIODS, units)


def so_far(trajectories):
    """Means of the periods up to each."""
    return trajectories.cumsum(axis=1) / np.arange(1, trajectories.shape[1] + 1)[:, None]


def judge(trajectories, scores, types, seed, clusterer=None):
    """Figures of the segments of these trajectories, as a dict; by default of a tree of theirs."""
    started = time.perf_counter()
    if clusterer is None:
        clusterer = TrajectoryClusterer(random_state=seed).fit(trajectories)
    levels = clusterer.predict_levels(trajectories)
    seconds = time.perf_counter() - started
    _, sizes = np.unique(levels[:, 0], return_counts=True)
    figures = {
        "segments": len(sizes),
        "largest": sizes.max() / len(types),
        "AMI": adjusted_mutual_info_score(types, levels[:, 0]),
        "kappa": clusterer.score(trajectories),
        "turn": np.nanmean(direction_change(trajectories)),
    }
    agreement = hierarchy_agreement(levels, scores, n_permutations=100, random_state=seed)
    for row in agreement.itertuples():
        if row.level > 1:
            figures[f"AMI {row.level}"] = (
                f"{row.ami:.3f} > {row.baseline_95:.3f}, p {row.p_value:.2f}"
            )
    return figures | {"seconds": seconds}


def baseline(panel, scorer, types, seed):
    """K-means on the mean scores of the periods so far."""
    by_period = scorer.set_params(level="period").fit_transform(panel)
    means = so_far(fold(np.asarray(by_period), N_PERIODS))
    kmeans = KMeans(10, n_init=10, random_state=seed).fit(means[:, -1])
    middle = kmeans.predict(np.ascontiguousarray(means[:, MIDDLE]))
    return {
        "segments": 10,
        "largest": np.bincount(kmeans.labels_).max() / len(types),
        "AMI": adjusted_mutual_info_score(types, kmeans.labels_),
        "kappa": temporal_stability(middle, kmeans.labels_),
        "turn": np.nanmean(direction_change(means)),
    }


def held_out(panel, extractor, scores, types, seed):
    """Figures of customers who shaped nothing, as a dict."""
    old, new = train_test_split(np.arange(len(panel)), test_size=0.2, random_state=seed)
    extractor.fit(panel.iloc[old])
    before, after = (
        fold(np.asarray(extractor.transform(panel.iloc[rows])), N_PERIODS) for rows in (old, new)
    )
    clusterer = TrajectoryClusterer(random_state=seed).fit(before)
    told = adjusted_mutual_info_score(types[new], extractor.predict_target(panel.iloc[new]))
    return {"told": told} | judge(after, scores[new], types[new], seed, clusterer)


def table(panel, make_scorer, units, seed):
    """A row for each kind of states."""
    scores = make_scorer().fit_transform(panel)
    types, scores = personality_types(scores), np.asarray(scores)
    rows = [{"states": "k-means on mean scores"} | baseline(panel, make_scorer(), types, seed)]
    kinds = {"PCA": (None, False)} | networks(units, seed)
    for name, (extractor, looks_back) in kinds.items():
        told = np.nan
        if extractor is None:
            trajectories = principal_components(panel.to_numpy(), units)
        else:
            extractor.set_params(scorer=make_scorer())
            trajectories = fold(np.asarray(extractor.fit_transform(panel)), N_PERIODS)
            if extractor.objective == "type" and looks_back:
                told = adjusted_mutual_info_score(types, extractor.predict_target(panel))
        rows.append({"states": name, "told": told} | judge(trajectories, scores, types, seed))
        if name in HELD_OUT:
            found = held_out(panel, clone(extractor), scores, types, seed)
            rows.append({"states": f"{name}, held out"} | found)
        if not looks_back:
            found = judge(so_far(trajectories), scores, types, seed)
            rows.append({"states": f"{name}, mean so far"} | found)
    first = ["states", "segments", "largest", "AMI", "told"]
    found = pd.DataFrame(rows)
    return found[[*first, *found.columns.drop(first)]]


@click.command()
@click.option("--customers", default=26000, show_default=True)
@click.option("--seeds", default=2, show_default=True)
def main(customers, seeds):
    """Print the tables."""
    warnings.simplefilter("ignore", UserWarning)
    bank = make_spending(customers, random_state=0)
    households = load_complete_journey()
    spend = SpendingAggregator(period=2, n_periods=N_PERIODS).fit(households.data)
    panel = spend.transform(households.data)[spend.active_periods_ == N_PERIODS]
    for seed in range(seeds):
        click.echo(f"\nBank, {customers:,} customers, seed {seed}")
        found = table(bank.data, lambda: BigFivePersonalityScorer(bank.coefficients), 3, seed)
        click.echo(found.round(3).to_string(index=False, na_rep=""))
        click.echo(f"\nHouseholds, {len(panel):,}, seed {seed}")
        found = table(panel, lambda: BigFivePersonalityScorer(aliases=households.aliases), 6, seed)
        click.echo(found.round(3).to_string(index=False, na_rep=""))


if __name__ == "__main__":
    main()
