"""Which measures of stability notice that customers do not differ: purchases dealt anew at random.

A share of the purchases is dealt anew among all customers within each period: each customer keeps
the number of purchases, but not what is bought. At a share of 1, customers differ by chance alone.
For each share and seed the script fits the default pipeline and prints

- **segments**: the number at the top level, and how many of them other fits find **again**;
- **ARI** of the top level in other fits, on held-out customers (`segment_stability`);
- **stay**: Cohen's kappa of the segments at the middle and the last period;
- **halves**: kappa of the segments by either half of the periods (`split_half_segments`);
- **full**: kappa of the segments by two histories as long as that of the fit, which have no
  purchase in common: the fit reads every other one of twice as many periods. **expected** is what
  the formula of Spearman and Brown makes of halves: 2 kappa / (1 + kappa).

    python benchmarks/chance.py [--customers 3000] [--seeds 3] [--data bank|households]
"""

import warnings

import click
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
    TransactionLog,
)
from skspend.datasets import load_complete_journey, make_spending
from skspend.inspection import segment_stability
from skspend.metrics import split_half_segments, temporal_stability
from skspend.panel import take_periods

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
N_PERIODS = 12


def load(name, customers):
    """Transactions, the months of a period, and an unfitted scorer."""
    if name == "bank":
        bank = make_spending(customers, N_PERIODS, transactions=True, random_state=0)
        return bank.data, 12, BigFivePersonalityScorer(bank.coefficients)
    households = load_complete_journey()
    return households.data, 1, BigFivePersonalityScorer(aliases=households.aliases)


def deal(log, months, share, random_state):
    """The log with a share of the purchases of each period dealt anew."""
    frame = log.to_frame()
    last = pd.Timestamp(log.span[1]).to_period("M")
    period = (last - frame["date"].dt.to_period("M")).map(lambda back: back.n) // months
    chosen = np.flatnonzero(random_state.uniform(size=len(frame)) < share)
    # Purchases of a period go to the places of the same period in another order.
    places = chosen[np.argsort(period.to_numpy()[chosen], kind="stable")]
    order = np.lexsort((random_state.uniform(size=len(chosen)), period.to_numpy()[chosen]))
    what = ["category", "amount"]
    values = frame[what].iloc[chosen[order]].to_numpy()
    frame.loc[frame.index[places], what] = values
    frame["amount"] = frame["amount"].astype(float)
    return TransactionLog(frame, customers=log.customers)


def measure(panel, every_other, scorer, seed):
    """The figures of one fit on every other period."""
    pipeline = Pipeline(
        [
            ("states", LSTMStateExtractor(scorer=scorer, random_state=seed)),
            ("segment", TrajectoryClusterer(max_depth=1, random_state=seed)),
        ]
    )
    stability = segment_stability(pipeline, panel, n_repeats=3, random_state=seed)
    trajectories = pipeline[:1].fit_transform(panel)
    pipeline[-1].fit(trajectories)
    own = pipeline[-1].level_labels_[:, 0]
    other = pipeline[-1].predict_levels(pipeline[:1].transform(every_other))[:, 0]
    halves = temporal_stability(*split_half_segments(pipeline, panel)[:, :, 0])
    return {
        "segments": len(np.unique(own)),
        "again": int((stability.nodes["jaccard"] >= 0.75).sum()),
        "ARI": stability.agreement.loc["top", "ari"],
        "stay": pipeline[-1].score(trajectories),
        "halves": halves,
        "expected": 2 * halves / (1 + halves),
        "full": temporal_stability(own, other),
    }


@click.command()
@click.option("--customers", default=3000, show_default=True)
@click.option("--seeds", default=3, show_default=True)
@click.option("--data", type=click.Choice(["bank", "households"]), multiple=True)
def main(customers, seeds, data):
    """Print a table for each data set."""
    warnings.simplefilter("ignore", UserWarning)
    for name in data or ("households", "bank"):
        log, months, scorer = load(name, customers)
        rows = []
        for share in SHARES:
            for seed in range(seeds):
                dealt = deal(log, months, share, np.random.RandomState(seed))
                spend = SpendingAggregator(period=months, n_periods=N_PERIODS)
                panel = spend.fit_transform(dealt)
                panel = panel[spend.active_periods_ == N_PERIODS]
                panels = [
                    take_periods(panel, range(start, N_PERIODS, 2), N_PERIODS) for start in (1, 0)
                ]
                rows.append({"dealt anew": share} | measure(*panels, scorer, seed))
        table = pd.DataFrame(rows)
        click.echo(f"\n{name}, {len(panel):,} customers, {N_PERIODS // 2} periods")
        click.echo(table.round(3).to_string(index=False))
        means = table.groupby("dealt anew").mean()
        click.echo(means.round(3).to_string())
        for share, row in means.iloc[[0, -1]].iterrows():
            for column in ("ARI", "halves"):
                click.echo(f"figure: {column}, {name}, {share:.0%} dealt anew = {row[column]:.2f}")


if __name__ == "__main__":
    main()
