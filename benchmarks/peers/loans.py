"""What other libraries predict of the same real loans, on the same splits as rich_panels.py.

Everybody reads the six months before a loan, by kind of transaction as the bank writes it:

- logistic regression on the mean logs of the six months as one, both directions;
- logistic regression on the last states of a frozen network of 16 units, which was trained to
  predict that reading from the months;
- logistic regression on embeddings of CoLES (pytorch-lifestream), a GRU of 64 units that reads
  every event with its kind, amount and day of the month;
- gradient boosting (scikit-learn) on the mean logs, and on all statistics of the six months;
- ridge regression on the features of MiniRocket (aeon) of the mean logs by week.

Networks and MiniRocket see all 596 accounts and no label. Penalties and the size of trees are
chosen by five-fold cross-validation on the labels of the fit. The epochs of CoLES are chosen on the
earlier half of the loans alone, by 100 of its labels and the rest of it. Labels are drawn as in
rich_panels.py.

    python benchmarks/peers/loans.py --berka FOLDER [--repetitions 20] [--networks 20]
"""

import sys
import time
from pathlib import Path

import click
import numpy as np
import pandas as pd
from aeon.transformations.collection.convolution_based import MiniRocket
from rivals import COLES, COLES_EPOCHS, STATISTICS, embed, judge, list_events, set_up, show
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).parents[1]))
from rich_panels import EPOCHS, N_MONTHS, N_UNITS, draw, load_loans, read

from skspend import LSTMStateExtractor, SpendingAggregator
from skspend.panel import Panel

N_WEEKS = 26
LOGISTIC = "logistic, mean logs"
FROZEN = "frozen network of the whole"
TREES = "gradient boosting, mean logs"
ALL_TREES = "gradient boosting, all statistics"
ROCKET = "MiniRocket, mean logs by week"


def list_last_events(log):
    """The events of the six months by account: position, day before the cutoff, kind, log size."""
    events = list_events(log)
    edges = np.broadcast_to(log.period_edges(N_MONTHS, 1), (len(log), 2)).astype("M8[D]")
    account, day = events["account"].to_numpy(), events["date"].to_numpy().astype("M8[D]")
    events["until"] = (edges[account, 1] - day).astype(int) - 1
    return events[(day >= edges[account, 0]) & (day < edges[account, 1]) & (account >= 0)]


def read_weeks(events, n_accounts):
    """Mean log sizes by account, kind and week, the last week last."""
    kind, kinds = pd.factorize(events["category"], sort=True)
    week = N_WEEKS - 1 - (events["until"] // 7).clip(upper=N_WEEKS - 1)
    place = events["account"], kind, week
    total, count = np.zeros((2, n_accounts, len(kinds), N_WEEKS))
    np.add.at(total, place, np.log1p(events["amount"].abs()))
    np.add.at(count, place, 1)
    return total / np.maximum(count, 1)


@click.command()
@click.option("--berka", required=True, type=click.Path(exists=True, file_okay=False))
@click.option("--repetitions", default=20, show_default=True, help="Of draws of labels.")
@click.option("--networks", default=20, show_default=True, help="Trained with CoLES, in turn.")
def main(berka, repetitions, networks):
    """Print the AUC of default by model with 95 % intervals and mean ranks over the draws."""
    set_up()
    log, target, is_early = load_loans(berka)
    everybody = np.arange(len(target))
    early, late = everybody[is_early], everybody[~is_early]
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(target[:, None], target))

    months, whole = read(log, ("mean_log",), ("out", "in"))
    spend = SpendingAggregator(N_MONTHS, 1, statistics=STATISTICS, flows=("out", "in"))
    events = list_last_events(log)
    n_events = events.groupby("account").size()
    print(f"{len(target)} loans, {target.sum()} in default; {n_events.median():.0f} events each")
    assert len(n_events) == len(target), "an account without events has no embedding"

    start = time.perf_counter()
    embeddings = []
    for seed in range(networks):
        embeddings.append(embed(events, seed))
        print(f"CoLES {seed}: {time.perf_counter() - start:.0f} s so far", flush=True)
    scores = pd.Series(
        {
            epochs: np.mean(
                [
                    judge(COLES, embeddings[seed % networks][epochs], target, few, others)
                    for seed in range(repetitions)
                    for few, others in [draw(target, early, None, seed)]
                ]
            )
            for epochs in COLES_EPOCHS
        }
    )
    print(f"epochs of CoLES, AUC within the earlier half: {scores.round(3).to_dict()}")

    fixed = {
        LOGISTIC: whole.to_numpy(),
        TREES: whole.to_numpy(),
        ALL_TREES: np.asarray(spend.fit_transform(log)),
        ROCKET: read_weeks(events, len(target)),
    }
    rows = []
    for seed in range(repetitions):
        body = LSTMStateExtractor.paper(N_UNITS, epochs=EPOCHS, random_state=seed, objective="y")
        states = body.fit_transform(months, StandardScaler().fit_transform(whole))
        inputs = fixed | {
            FROZEN: Panel.read(states).cube[:, -1],
            COLES: embeddings[seed % networks][scores.idxmax()],
            ROCKET: np.asarray(MiniRocket(random_state=seed).fit_transform(fixed[ROCKET])),
        }
        splits = {
            "early to late": draw(target, early, late, seed),
            "100 at random": draw(target, everybody, None, seed),
        }
        for model, values in inputs.items():
            for how, pair in splits.items():
                rows.append((model, how, seed, judge(model, values, target, *pair)))
            if seed == 0:
                auc = [judge(model, values, target, *pair) for pair in folds]
                rows.append((model, "five folds", seed, np.mean(auc)))
        print(f"draw {seed}: {time.perf_counter() - start:.0f} s so far", flush=True)
    show(pd.DataFrame(rows, columns=["model", "how", "draw", "auc"]), LOGISTIC)


if __name__ == "__main__":
    main()
