"""Whether another fit gives held-out customers the same segments, and what the segments are worth.

A fifth of the customers is held out. The package's steps are fitted on the others with several
seeds, and on as many bootstrap samples of them. The script prints, for the held-out customers,

- **ARI**: adjusted Rand index of the segments of two fits, for the top level, for the leaves, and
  for the leaves inside the top-level segments that a pair of fits agrees on; and of the computed
  types, which a bootstrap sample changes, because it changes the means and deviations of the
  scores;
- **AMI**: adjusted mutual information of the top level with the type of the overall scores, and of
  levels 2 and 3 with the type of the second and third trait inside each parent, where a parent
  that is not divided counts as 0;
- **kappa** of the top level from the third period to the last, and the mean **turn** of the
  trajectories in degrees;
- the number of **segments** and of leaves, and the share of the **largest** segment.

Below each table stands the baseline that needs no network: the type of the mean scores so far. Its
ARI and AMI are 1 by definition.

    python benchmarks/reproducibility.py [--customers 26000] [--seeds 3] [--network default|paper]
"""

import time
import warnings
from itertools import combinations

import click
import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.model_selection import train_test_split

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.datasets import load_complete_journey, make_spending
from skspend.metrics import direction_change, temporal_stability
from skspend.panel import fold
from skspend.personality import encode_types

N_PERIODS, THIRD = 6, 2
NETWORKS = {"default": LSTMStateExtractor, "paper": LSTMStateExtractor.paper}


def load(name, customers):
    """A panel, and an unfitted scorer."""
    if name == "bank":
        bank = make_spending(customers, N_PERIODS, random_state=0)
        return bank.data, BigFivePersonalityScorer(bank.coefficients)
    households = load_complete_journey()
    spend = SpendingAggregator(period=2, n_periods=N_PERIODS)
    panel = spend.fit_transform(households.data)
    scorer = BigFivePersonalityScorer(aliases=households.aliases)
    return panel[spend.active_periods_ == N_PERIODS], scorer


def inside_parents(levels, scores):
    """AMI of every level with the type of its rank, inside the parents; undivided ones count 0."""
    found, parents = [], np.zeros(len(levels), dtype=int)
    for level in range(3):
        labels = levels[:, min(level, levels.shape[1] - 1)]
        types, total = encode_types(scores, rank=level + 1), 0.0
        for parent in np.unique(parents):
            members = parents == parent
            if len(np.unique(labels[members])) > 1:
                ami = adjusted_mutual_info_score(types[members], labels[members])
                total += members.sum() * ami
        found.append(total / len(levels))
        parents = labels
    return found


def fit(make, scorer, fitted, held_out, seed):
    """Figures of one fit, and the nodes of the held-out customers."""
    started = time.perf_counter()
    states = make(scorer=scorer, random_state=seed).fit(fitted)
    seconds = time.perf_counter() - started
    segment = TrajectoryClusterer(random_state=seed).fit(states.transform(fitted))
    trajectories = states.transform(held_out)
    levels = segment.predict_levels(trajectories)
    top, scores = levels[:, 0], np.asarray(states.scorer_.transform(held_out))
    amis = inside_parents(levels, scores)
    earlier = segment.predict_levels(trajectories, period=THIRD)[:, 0]
    turns = direction_change(fold(np.asarray(trajectories), N_PERIODS))
    figures = {
        "segments": len(np.unique(top)),
        "leaves": int((segment.tree_["label"] >= 0).sum()),
        "largest": np.unique(top, return_counts=True)[1].max() / len(top),
        "type predicted": states.score(held_out),
        **{f"AMI {level}": ami for level, ami in enumerate(amis, start=1)},
        "kappa": temporal_stability(earlier, top),
        "turn": np.nanmean(turns),
        "seconds of training": seconds,
        "seconds of the tree": time.perf_counter() - started - seconds,
    }
    return figures, levels, encode_types(scores)


def agreement(fits):
    """ARI of every pair of fits: of the types, the top level, the leaves, and inside the top."""
    rows = []
    for (one, types), (other, other_types) in combinations(fits, 2):
        pairs = pd.Series(range(len(one))).groupby([one[:, 0], other[:, 0]]).indices.values()
        large = [rows for rows in pairs if len(rows) > 10]
        inside = [adjusted_rand_score(one[rows, -1], other[rows, -1]) for rows in large]
        rows.append(
            {
                "ARI types": adjusted_rand_score(types, other_types),
                "ARI top": adjusted_rand_score(one[:, 0], other[:, 0]),
                "ARI leaves": adjusted_rand_score(one[:, -1], other[:, -1]),
                "ARI inside": np.average(inside, weights=[len(rows) for rows in large]),
            }
        )
    return pd.DataFrame(rows)


def baseline(scorer, fitted, held_out):
    """Kappa and turn of the mean scores so far."""
    scorer = BigFivePersonalityScorer(scorer.coefficients, aliases=scorer.aliases, level="period")
    raw = fold(np.asarray(scorer.set_params(standardize=False).fit(fitted).transform(held_out)), 6)
    fitted = fold(np.asarray(scorer.transform(fitted)), N_PERIODS).mean(axis=1)
    so_far = np.cumsum(raw, axis=1) / np.arange(1, N_PERIODS + 1)[:, None]
    so_far = (so_far - fitted.mean(axis=0)) / fitted.std(axis=0)
    types = [encode_types(so_far[:, period]) for period in (THIRD, -1)]
    return temporal_stability(*types), np.nanmean(direction_change(so_far))


@click.command()
@click.option("--customers", default=26_000, show_default=True)
@click.option("--seeds", default=3, show_default=True)
@click.option("--network", type=click.Choice(list(NETWORKS)), default="default", show_default=True)
@click.option("--data", type=click.Choice(["bank", "households"]), multiple=True)
def main(customers, seeds, network, data):
    """Print the tables."""
    warnings.simplefilter("ignore", UserWarning)
    for name in data or ("households", "bank"):
        panel, scorer = load(name, customers)
        fitted, held_out = train_test_split(panel, test_size=0.2, random_state=0)
        generator = np.random.default_rng(0)
        for scheme in ("seed", "bootstrap"):
            figures, fits = [], []
            for seed in range(seeds):
                rows = np.arange(len(fitted))
                if scheme == "bootstrap":
                    rows = generator.choice(rows, size=len(rows))
                one, levels, types = fit(
                    NETWORKS[network], scorer, fitted.iloc[rows], held_out, seed
                )
                figures.append(one)
                fits.append((levels, types))
            click.echo(f"\n{name}, {len(panel):,} customers, {network} network, {scheme}")
            click.echo(pd.DataFrame(figures).round(3).to_string(index=False))
            click.echo(pd.DataFrame(figures).mean().round(3).to_frame().T.to_string(index=False))
            click.echo(agreement(fits).round(3).to_string(index=False))
            click.echo(agreement(fits).mean().round(3).to_frame().T.to_string(index=False))
        kappa, turn = baseline(scorer, fitted, held_out)
        click.echo(f"type of the mean scores so far: kappa {kappa:.3f}, turn {turn:.1f}")


if __name__ == "__main__":
    main()
