"""Whether customers keep their segments when the model is fitted again on newer data.

The old model is fitted on all periods but the last, and the new one on all but the first, with
another seed. The new tree is grown with and without an anchor: the nodes that the old model gives
the customers in the new periods. The script prints, for all customers and for those whose type of
mean scores is the same in both panels,

- **same**: the share in the same top-level segment as in the old panel: nodes are matched one to
  one, and the same ones have a Jaccard coefficient of 0.5 or more;
- **same number**: the share whose top-level node also has the same number;
- **placed**: the share in the same segment as where the old model places them in the new periods;
- **unchanged**: the share in the same segment if nothing is fitted again, and the old model places
  the customers in the new periods;
- the number of top-level **segments**, old and new.

    python benchmarks/refit.py [--customers 8000] [--seeds 3] [--data bank|households]
"""

import warnings

import click
import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.datasets import load_complete_journey, make_spending
from skspend.inspection import match_segments
from skspend.panel import Panel, take_periods
from skspend.personality import personality_types

ANOTHER = 1000


def load(name, customers):
    """A panel of all periods, and an unfitted scorer."""
    if name == "bank":
        bank = make_spending(customers, 7, random_state=0)
        return bank.data, BigFivePersonalityScorer(bank.coefficients)
    households = load_complete_journey()
    spend = SpendingAggregator(period=2, n_periods=6)
    panel = spend.fit_transform(households.data)
    scorer = BigFivePersonalityScorer(aliases=households.aliases)
    return panel[spend.active_periods_ == 6], scorer


def fit(panel, scorer, seed):
    """A fitted network, the trajectories, and the type of the mean scores."""
    states = LSTMStateExtractor(scorer=scorer, random_state=seed).fit(panel)
    return states, states.transform(panel), personality_types(states.scorer_.transform(panel))


def compare(old, new, panels, placed, stays):
    """Shares of customers who keep their segment."""
    before, after = panels
    found = match_segments(old, new, after, before)
    same = found.customers["top"].to_numpy()
    nodes = new[-1].predict_levels(new[:-1].transform(after))[:, 0]
    numbers = old[-1].level_labels_[:, 0] == nodes
    again = match_segments(old, new, after)
    shares = {"same": same, "same number": same & numbers, "placed": again.customers["top"]}
    shares["unchanged"] = old[-1].level_labels_[:, 0] == placed[:, 0]
    figures = {f"{name}, all": np.mean(of_all) for name, of_all in shares.items()}
    figures |= {f"{name}, same type": np.mean(of_all[stays]) for name, of_all in shares.items()}
    segments = [len(np.unique(levels[:, 0])) for levels in (placed, new[-1].level_labels_)]
    return figures | dict(zip(("old segments", "new segments"), segments, strict=True))


@click.command()
@click.option("--customers", default=8000, show_default=True)
@click.option("--seeds", default=3, show_default=True)
@click.option("--data", type=click.Choice(["bank", "households"]), multiple=True)
def main(customers, seeds, data):
    """Print a table for each data set, with and without an anchor."""
    warnings.simplefilter("ignore", UserWarning)
    for name in data or ("households", "bank"):
        panel, scorer = load(name, customers)
        n_periods = Panel.read(panel).cube.shape[1]
        panels = [
            take_periods(panel, periods, n_periods)
            for periods in (range(n_periods - 1), range(1, n_periods))
        ]
        rows = []
        for seed in range(seeds):
            states, trajectories, types = fit(panels[0], scorer, seed)
            old = make_pipeline(states, TrajectoryClusterer(random_state=seed).fit(trajectories))
            placed = old[-1].predict_levels(states.transform(panels[1]))
            states, trajectories, new_types = fit(panels[1], scorer, seed + ANOTHER)
            stays = np.asarray(types) == np.asarray(new_types)
            for anchor in (None, placed):
                segment = TrajectoryClusterer(random_state=seed + ANOTHER)
                new = make_pipeline(states, segment.fit(trajectories, anchor=anchor))
                figures = compare(old, new, panels, placed, stays)
                given = {"seed": seed, "anchor": anchor is not None, "same type": stays.mean()}
                rows.append(given | figures)
        table = pd.DataFrame(rows)
        click.echo(f"\n{name}, {len(panel):,} customers, {n_periods - 1} periods")
        click.echo(table.round(3).T.to_string(header=False))
        click.echo(table.groupby("anchor").mean().drop(columns="seed").round(3).T.to_string())


if __name__ == "__main__":
    main()
