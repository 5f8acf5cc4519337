"""How much the segments of the households depend on the seed.

The script runs the main job on the bundled households with several seeds. It prints the results of
each seed, and how far each pair of seeds agrees on who belongs together (adjusted Rand index of the
top level).

    python benchmarks/seeds.py [--seeds 10]
"""

import warnings
from itertools import combinations

import click
import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.datasets import load_complete_journey


@click.command()
@click.option("--seeds", default=10, show_default=True)
def main(seeds):
    """Print the table."""
    households = load_complete_journey()
    spend = SpendingAggregator(period=2, n_periods=6).fit(households.data)
    panel = spend.transform(households.data)
    is_active = spend.active_periods_ == 6
    rows, tops = [], []
    for seed in range(seeds):
        scorer = BigFivePersonalityScorer(aliases=households.aliases)
        states = LSTMStateExtractor(scorer=scorer, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            states.fit(panel[is_active])
        clusterer = TrajectoryClusterer(random_state=seed)
        clusterer.fit(states.transform(panel[is_active]))
        nodes = clusterer.predict_levels(states.transform(panel))
        tops.append(nodes[:, 0])
        shares = pd.Series(nodes[:, 0]).value_counts(normalize=True)
        divided = pd.Series(nodes[:, 1]).groupby(nodes[:, 0]).nunique() > 1
        rows.append(
            {
                "seed": seed,
                "top segments": len(shares),
                "largest": shares.max(),
                "over 10 %": (shares > 0.1).sum(),
                "of these divided": divided[shares.index[shares > 0.1]].sum(),
                "leaves": len(np.unique(nodes[:, -1])),
                "accuracy": states.score(panel[is_active]),
                "kappa": clusterer.score(states.transform(panel[is_active])),
            }
        )
    click.echo(pd.DataFrame(rows).round(3).to_string(index=False))
    for who, chosen in {"all": slice(None), "the active": is_active}.items():
        agreement = [adjusted_rand_score(a[chosen], b[chosen]) for a, b in combinations(tops, 2)]
        click.echo(
            f"Adjusted Rand index of two seeds over {who} households: mean "
            f"{np.mean(agreement):.2f}, from {min(agreement):.2f} to {max(agreement):.2f}"
        )


if __name__ == "__main__":
    main()
