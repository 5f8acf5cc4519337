"""Whether another fit gives held-out customers the same segments, and what the segments are worth.

A fifth of the customers is held out. The package's steps are fitted on the others with several
seeds, and on as many bootstrap samples of them. The script prints, for the held-out customers,

- **ARI**: adjusted Rand index of the segments of two fits, for the top level, for the leaves, and
  for the leaves of customers who share the top segments of both fits, as in `tree_agreement`; and
  of the computed types, which a bootstrap sample changes, because it changes the
  medians and quartiles of the scores;
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
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import train_test_split

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.datasets import load_complete_journey, make_spending
from skspend.metrics import (
    direction_change,
    hierarchy_agreement,
    temporal_stability,
    tree_agreement,
)
from skspend.panel import Panel
from skspend.personality import encode_types
from skspend.study._states import MeanScores, TypeSegments

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
    """AMI of each of three levels inside its parents, where an undivided parent counts as 0."""
    found = hierarchy_agreement(levels, scores, n_permutations=0).set_index("level")
    weighted = found["ami"] * found["customers"] / len(levels)
    return weighted.reindex([1, 2, 3], fill_value=0.0)


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
    turns = direction_change(Panel.read(trajectories).cube)
    figures = {
        "segments": len(np.unique(top)),
        "leaves": int((segment.tree_["label"] >= 0).sum()),
        "largest": np.unique(top, return_counts=True)[1].max() / len(top),
        "type predicted": states.score(held_out),
        **amis.add_prefix("AMI "),
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
        of_types = {"types": adjusted_rand_score(types, other_types)}
        rows.append(of_types | tree_agreement(one, other).to_dict())
    return pd.DataFrame(rows).add_prefix("ARI ")


def baseline(scorer, fitted, held_out):
    """Kappa and turn of the mean scores so far."""
    so_far = MeanScores(scorer).fit(fitted).transform(held_out)
    types = [TypeSegments().predict(so_far, period=period) for period in (THIRD, -1)]
    return temporal_stability(*types), np.nanmean(direction_change(Panel.read(so_far).cube))


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
