"""What frozen states of 16 units lose to the panel that they describe, on labels of three kinds.

Synthetic banks, new for every seed: 25 months, 120 codes of merchants, and labels that depend
on what customers buy (2.5 %), whether they stop buying (10 %) and how much they spend (73 %).
Readings of one long period are compared with the same of the whole and of the last three months,
with the states of a network that is trained to describe them, and with a plain autoencoder of
monthly shares. The head is logistic regression; its penalty is chosen inside each fold.

Mean AUC of five folds, over the seeds; no network sees a label.

    python benchmarks/labels.py [--seeds 3] [--customers 4000]
"""

import warnings

import click
import numpy as np
import pandas as pd
from scipy.special import expit, softmax
from scipy.stats import zscore
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspend import LSTMStateExtractor, SpendingAggregator, TransactionLog
from skspend.panel import fold

N_MONTHS, N_CODES, N_TASTES = 25, 120, 12
SHARES = {"default": 0.025, "churn": 0.1, "value": 0.73}
PENALTIES = 0.0001, 0.001, 0.01, 0.1


def make_bank(n_customers, rng):
    """Transactions and labels of customers with tastes, an income and a day on which some leave."""
    popular = -1.1 * np.log(np.arange(1, N_CODES + 1))
    tastes = rng.normal(size=(n_customers, N_TASTES))
    loadings = 0.6 * rng.normal(size=(N_TASTES, N_CODES)) * rng.lognormal(0, 0.5, N_CODES)
    habits = softmax(popular + tastes @ loadings + rng.normal(0, 0.8, (n_customers, N_CODES)), 1)
    often, trend = rng.lognormal(2.6, 0.7, n_customers), rng.normal(0, 0.02, n_customers)
    leaves = rng.random(n_customers) < 0.15
    last = np.where(leaves, rng.integers(8, N_MONTHS + 6, n_customers), 2 * N_MONTHS)
    prices, wealth = rng.normal(3, 1, N_CODES), rng.normal(0, 0.5, n_customers)

    months = np.arange(N_MONTHS)
    fading = np.maximum(0.7 ** np.clip(months - last[:, None] + 1, 0, None), 0.03)
    rates = often[:, None] * np.exp(trend[:, None] * (months - N_MONTHS)) * fading
    customer, month, code = np.nonzero(counts := rng.poisson(rates[..., None] * habits[:, None]))
    customer, month, code = (np.repeat(x, counts[counts > 0]) for x in (customer, month, code))
    sizes = rng.lognormal(prices[code] + wealth[customer], 0.6)
    starts = pd.date_range("2021-01-01", periods=N_MONTHS, freq="MS")
    frame = pd.DataFrame({
        "customer": customer,
        "date": starts[month] + pd.to_timedelta(rng.integers(0, 28, len(month)), unit="D"),
        "category": pd.Categorical.from_codes(code, [f"code {n}" for n in range(N_CODES)]),
        "amount": sizes.round(2),
    })  # fmt: skip

    gone = np.where(leaves, expit((last - N_MONTHS) / -3), 0)
    risky = np.log(habits[:, [5, 11, 40]] @ [3, 6, 25])
    scores = {
        "default": 0.6 * zscore(risky) + 0.5 * tastes[:, 0] - 0.6 * wealth,
        "churn": 3 * gone - 25 * trend + 0.5 * tastes[:, 1] - 0.4 * np.log(often),
        "value": 1.2 * np.log(often) + 1.2 * wealth + 0.4 * tastes[:, 2] - 2 * gone,
    }
    labels = {}
    for name, score in scores.items():
        score = score + rng.logistic(0, 0.8, n_customers)
        labels[name] = score > np.quantile(score, 1 - SHARES[name])
    labels = pd.DataFrame(labels)
    frame = frame[frame["customer"].isin(present := np.unique(customer))]
    return TransactionLog(frame), labels.loc[present]


def read(log, n_months, n_periods=1, statistics=("mean_log",)):
    spend = SpendingAggregator(n_months, n_periods, statistics=statistics)
    return spend.fit_transform(log)


def describe(months, target, objective="y"):
    """Return the states of a network in the last month."""
    network = LSTMStateExtractor.paper(16, objective=objective, epochs=60, random_state=0)
    if objective == "y":
        network.fit(months, StandardScaler().fit_transform(target))
    else:
        network.fit(months)
    return fold(np.asarray(network.transform(months)), N_MONTHS)[:, -1]


def make_readings(log):
    whole = read(log, N_MONTHS)
    both = np.hstack([whole, read(log, 3)])
    months = read(log, "month", N_MONTHS)
    shares = read(log, "month", N_MONTHS, ["sum"])
    return {
        "whole": whole,
        "whole, 16 states": describe(months, whole),
        "whole and last three months": both,
        "whole and last three months, 16 states": describe(months, both),
        "monthly shares": shares,
        "monthly shares, autoencoder, 16 states": describe(shares, None, "reconstruct"),
    }


def judge(features, labels):
    head = LogisticRegressionCV(
        Cs=PENALTIES, l1_ratios=(0,), scoring="roc_auc", max_iter=500, use_legacy_attributes=False
    )
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    model = make_pipeline(StandardScaler(), head)
    return {
        name: cross_val_score(model, features, label, cv=folds, scoring="roc_auc").mean()
        for name, label in labels.items()
    }


@click.command(help=__doc__)
@click.option("--seeds", default=3)
@click.option("--customers", default=4000)
def main(seeds, customers):
    warnings.filterwarnings("ignore", category=UserWarning)
    rows = []
    for seed in range(seeds):
        log, labels = make_bank(customers, np.random.default_rng(seed))
        for name, features in make_readings(log).items():
            found = judge(np.asarray(features), labels)
            rows.append({"reading": name, "features": np.shape(features)[1]} | found)
            print(seed, rows[-1], flush=True)
    table = pd.DataFrame(rows).groupby(["reading", "features"], sort=False).mean()
    table["mean"] = table.mean(axis=1)
    print(table.round(3).to_string())


if __name__ == "__main__":
    main()
