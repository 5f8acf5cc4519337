"""What other libraries predict of the customers of three synthetic banks, from few labels.

The banks are those of labels.py, with fewer customers: 25 months, 120 codes of merchants, and
labels that depend on what customers buy (default), whether they stop buying (churn) and how much
they spend (value). The readings are mean logs by code of the whole (120
columns) and of the whole and the last three months (240); seven statistics of all purchases
together, of both periods (14); and all statistics: these 14, and counts and mean logs by code, of
both periods (494).

- logistic regression on each reading;
- logistic regression on the last states of frozen networks of 16 units, which are trained to
  predict one of the first three readings from the same statistics by month, as in labels.py;
- gradient boosting (scikit-learn) on the last three readings;
- ridge regression on the features of MiniRocket (aeon) of series by month;
- logistic regression on embeddings of CoLES (pytorch-lifestream), a GRU of 64 units that reads
  every event with its code, amount, month and day of the month.

Networks and MiniRocket see all customers and no label. Penalties and the size of trees are chosen
by five-fold cross-validation on the labels of the fit. The slices and epochs of CoLES and the
series that MiniRocket reads are chosen for each label on another bank, which judges nobody.

Each draw has 100 labels of churn or value, or 400 of default, with as many of each class as in the
bank, and the AUC is that of all other customers.

    python benchmarks/peers/banks.py [--seeds 3] [--customers 2000] [--repetitions 10]
"""

import sys
import time
from pathlib import Path

import click
import numpy as np
import pandas as pd
from aeon.transformations.collection.convolution_based import MiniRocket
from rivals import COLES, STATISTICS, embed, judge, list_events, set_up, show
from sklearn.model_selection import train_test_split

sys.path.insert(0, str(Path(__file__).parents[1]))
from labels import N_MONTHS, describe, make_bank, read

from skspend import SpendingAggregator, TransactionLog
from skspend.panel import fold

N_LABELS = {"default": 400, "churn": 100, "value": 100}
"""A hundred labels would have two or three defaults."""
CHOSEN_ON = 100
"""The seed of the bank that chooses."""
SLICES, EPOCHS = ((10, 40), (20, 80)), (5, 10, 20)
LOGISTIC = "logistic, whole"
ROCKET = "MiniRocket, by month"


def read_logs(log, n_months, n_periods=1, statistics=STATISTICS):
    """Logarithms of statistics in currency units."""
    spend = SpendingAggregator(n_months, n_periods, statistics=statistics, normalize=None)
    return np.log1p(spend.fit_transform(log))


def merge_codes(log):
    """The same transactions, all of one code."""
    return TransactionLog(log.to_frame().assign(category="all"), customers=log.customers)


def make_inputs(log):
    """The inputs of all models that neither chose anything nor are drawn, by model."""
    merged = merge_codes(log)
    whole, months = read(log, N_MONTHS), read(log, "month", N_MONTHS)
    both = np.hstack([whole, read(log, 3)])
    together = np.hstack([read_logs(merged, n_months) for n_months in (N_MONTHS, 3)])
    together_by_month = read_logs(merged, "month", N_MONTHS)
    by_code = [read_logs(log, n_months, 1, ("count", "mean_log")) for n_months in (N_MONTHS, 3)]
    everything = np.hstack([together, *by_code])
    return {
        LOGISTIC: np.asarray(whole),
        "logistic, whole and last three months": both,
        "logistic, all purchases together": together,
        "logistic, all statistics": everything,
        "frozen network, whole": describe(months, whole),
        "frozen network, whole and last three months": describe(months, both),
        "frozen network, all purchases together": describe(together_by_month, together),
        "gradient boosting, whole and last three months": both,
        "gradient boosting, all purchases together": together,
        "gradient boosting, all statistics": everything,
    }


def make_series(log):
    """What MiniRocket may read, by name: customers x series x months."""
    months = fold(np.asarray(read(log, "month", N_MONTHS)), N_MONTHS)
    often = np.argsort(-(months > 0).sum((0, 1)), kind="stable")[:20]
    together = fold(np.asarray(read_logs(merge_codes(log), "month", N_MONTHS)), N_MONTHS)
    series = {"120 codes": months, "20 codes": months[..., often], "together": together}
    return {name: values.transpose(0, 2, 1) for name, values in series.items()}


def list_months(log):
    """The events, with the number of their month."""
    events = list_events(log)
    month = events["date"].dt.year * 12 + events["date"].dt.month
    return events.assign(month=month - month.min() + 1)


def draw(target, n_labels, seed):
    """Labels to learn from, and all other customers."""
    everybody = np.arange(len(target))
    return train_test_split(everybody, train_size=n_labels, stratify=target, random_state=seed)


def transform(series, seed):
    return np.asarray(MiniRocket(random_state=seed).fit_transform(series))


def choose(customers, repetitions):
    """What CoLES and MiniRocket read best for each label, on a bank that judges nobody."""
    log, labels = make_bank(customers, np.random.default_rng(CHOSEN_ON))
    events, rows = list_months(log), []
    options = [(ROCKET, name, transform(x, CHOSEN_ON)) for name, x in make_series(log).items()]
    for slices in SLICES:
        found = embed(events, CHOSEN_ON, codes=["month"], slices=slices, epochs=EPOCHS)
        options += [(COLES, (slices, epochs), x) for epochs, x in found.items()]
    for label, n_labels in N_LABELS.items():
        target = labels[label].to_numpy()
        pairs = [draw(target, n_labels, seed) for seed in range(repetitions)]
        for model, option, inputs in options:
            auc = np.mean([judge(model, inputs, target, *pair) for pair in pairs])
            rows.append((model, option, label, auc))
    scores = pd.DataFrame(rows, columns=["model", "option", "label", "auc"])
    print(scores.pivot_table("auc", ["model", "option"], "label", sort=False).round(3).to_string())
    best = scores.loc[scores.groupby(["model", "label"])["auc"].idxmax()]
    return best.set_index(["model", "label"])["option"]


@click.command()
@click.option("--seeds", default=3, show_default=True, help="Of banks.")
@click.option("--customers", default=2000, show_default=True)
@click.option("--repetitions", default=10, show_default=True, help="Of draws of labels, by bank.")
def main(seeds, customers, repetitions):
    """Print the AUC of labels by model with 95 % intervals and mean ranks over all draws."""
    set_up()
    start = time.process_time()
    chosen = choose(customers, repetitions)
    rows = []
    for bank in range(seeds):
        print(f"bank {bank}: {time.process_time() - start:.0f} s so far", flush=True)
        log, labels = make_bank(customers, np.random.default_rng(bank))
        inputs, series = make_inputs(log), make_series(log)
        rockets = {name: transform(series[name], bank) for name in set(chosen[ROCKET])}
        embeddings = {}
        for slices in {slices for slices, _ in chosen[COLES]}:
            epochs = [n for length, n in chosen[COLES] if length == slices]
            found = embed(list_months(log), bank, codes=["month"], slices=slices, epochs=epochs)
            embeddings |= {(slices, n): values for n, values in found.items()}
        for label, n_labels in N_LABELS.items():
            target = labels[label].to_numpy()
            inputs[ROCKET] = rockets[chosen[ROCKET, label]]
            inputs[COLES] = embeddings[chosen[COLES, label]]
            for seed in range(repetitions):
                pair = draw(target, n_labels, seed)
                for model, values in inputs.items():
                    auc = judge(model, values, target, *pair)
                    rows.append((model, label, bank, (bank, seed), auc))
    found = pd.DataFrame(rows, columns=["model", "how", "bank", "draw", "auc"])
    show(found, LOGISTIC)
    by_bank = found.pivot_table("auc", "model", ["how", "bank"], sort=False)
    print(f"\nAUC by bank\n{by_bank.round(3).to_string()}")


if __name__ == "__main__":
    main()
