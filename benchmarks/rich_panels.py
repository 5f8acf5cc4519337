"""What a hundred labels of real loans can predict, from statistics of single transactions.

Every reading is of the six months before the loan, by kind of transaction as the bank writes it:
for each month, or for the six months as one. Three models learn from it: logistic regression on the
reading itself; logistic regression on the last states of a frozen recurrent autoencoder of 16
units; and on those of the same network trained to predict the reading of the six months as one.
Networks see all 596 accounts and no label. All penalties are chosen by five-fold cross-validation
on the labels of the fit.

The AUC of default is judged in three ways: 100 labels drawn at random, and all other accounts (20
draws); five folds; and 100 labels drawn from the earlier half of the loans, and all later loans (20
draws). The reading and the network are chosen on the earlier half alone, by 100 of its labels and
the rest of it.

    python benchmarks/rich_panels.py --berka FOLDER [--repetitions 20] [--reading NAME ...] \
        [--no-networks]
"""

import warnings

import click
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspend import LSTMStateExtractor, SpendingAggregator
from skspend._utils._intervals import half_interval
from skspend.datasets import load_berka
from skspend.panel import Panel

FEW, N_MONTHS, N_UNITS, EPOCHS = 100, 6, 16, 300
BALANCES = ("level", "min", "days_below_zero")
READ = {
    "sums of money spent, shares": (("sum",), ("out",)),
    "counts of money spent": (("count",), ("out",)),
    "counts": (("count",), ("out", "in")),
    "mean logs of money spent": (("mean_log",), ("out",)),
    "mean logs": (("mean_log",), ("out", "in")),
    "mean logs and counts": (("mean_log", "count"), ("out", "in")),
    "mean logs and balances": (("mean_log",), ("out", "in"), BALANCES),
    "mean logs and lowest balance": (("mean_log",), ("out", "in"), ("min",)),
    "shares and balances": (("sum",), ("out",), BALANCES),
}
"""By name: statistics, directions and, if any, balances."""


def load_loans(berka):
    """The accounts with half a year of history, their defaults, and which loans are early."""
    data = load_berka(berka, raw_kinds=True)
    kept = data.complete.to_numpy()
    days = data.loans["date"].reindex(data.default[kept].index)
    is_early = (days.rank(method="first") <= kept.sum() // 2).to_numpy()
    return data.data[kept], data.default[kept].to_numpy(), is_early


def read(log, statistics, flows, balances=()):
    """The reading by month and as a whole, logarithms of counts and signed ones of balances."""
    options = {"statistics": statistics, "flows": flows, "balances": balances}
    found = []
    for period, n_periods in ((1, N_MONTHS), (N_MONTHS, 1)):
        spend = SpendingAggregator(period, n_periods, **options)
        panel = spend.set_output(transform="pandas").fit_transform(log)
        counts = panel.columns[panel.columns.str.endswith(":count")]
        panel[counts] = np.log1p(panel[counts])
        of_balances = panel.columns[panel.columns.str.contains("|balance:", regex=False)]
        panel[of_balances] = np.arcsinh(panel[of_balances])
        found.append(panel)
    return found


def last_states(months, whole, seed):
    """The last states of both networks by name, which have seen no label."""
    body = LSTMStateExtractor.paper(N_UNITS, epochs=EPOCHS, random_state=seed)
    trained = {
        "frozen autoencoder": body.set_params(objective="reconstruct").fit_transform(months),
        "frozen network of the whole": body.set_params(objective="y").fit_transform(
            months, StandardScaler().fit_transform(whole)
        ),
    }
    return {name: Panel.read(states).cube[:, -1] for name, states in trained.items()}


def judge(inputs, target, few, others):
    """AUC on the others, after a fit to a few."""
    head = LogisticRegressionCV(Cs=np.logspace(-4, 1, 11), scoring="neg_log_loss", max_iter=3000)
    model = make_pipeline(StandardScaler(), head).fit(inputs[few], target[few])
    return roc_auc_score(target[others], model.predict_proba(inputs[others])[:, 1])


def draw(target, pool, others, seed):
    """A hundred of the pool, and the accounts to judge by: `others`, or the rest of the pool."""
    few, rest = train_test_split(pool, train_size=FEW, stratify=target[pool], random_state=seed)
    return few, rest if others is None else others


@click.command()
@click.option("--berka", required=True, type=click.Path(exists=True, file_okay=False))
@click.option("--repetitions", default=20, show_default=True, help="Of networks and labels.")
@click.option("--reading", "readings", multiple=True, type=click.Choice([*READ]), default=[*READ])
@click.option("--networks/--no-networks", default=True, show_default=True)
def main(berka, repetitions, readings, networks):
    """Print the mean AUC of default by reading and model, with 95 % intervals over the draws."""
    warnings.simplefilter("ignore")
    log, target, is_early = load_loans(berka)
    everybody = np.arange(len(target))
    early, late = everybody[is_early], everybody[~is_early]
    print(f"{len(target)} loans, {target.sum()} in default; {target[late].sum()} of the later half")
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    rows = []
    for name in readings:
        months, whole = read(log, *READ[name])
        for seed in range(repetitions):
            inputs = {
                "logistic, every month": months.to_numpy(),
                "logistic, whole": whole.to_numpy(),
            }
            if networks:
                inputs |= last_states(months, whole, seed)
            for model, values in inputs.items():
                splits = {
                    "100 at random": draw(target, everybody, None, seed),
                    "earlier half alone": draw(target, early, None, seed),
                    "early to late": draw(target, early, late, seed),
                }
                if seed == 0:
                    pairs = folds.split(values, target)
                    auc = [judge(values, target, *pair) for pair in pairs]
                    rows.append((name, model, "five folds", seed, np.mean(auc)))
                for how, pair in splits.items():
                    rows.append((name, model, how, seed, judge(values, target, *pair)))
    found = pd.DataFrame(rows, columns=["reading", "model", "how", "draw", "auc"])
    for how, part in found.groupby("how", sort=False):
        table = part.pivot_table("auc", "reading", "model", sort=False)
        print(f"\nAUC, {how}\n{table.round(3).to_string()}")
        if how != "five folds":
            widths = part.pivot_table("auc", "reading", "model", aggfunc=half_interval, sort=False)
            print(f"half of the 95 % interval\n{widths.round(3).to_string()}")
            wide = part.pivot_table("auc", ["reading", "draw"], "model", sort=False)
            for name in [name for name in wide if name.startswith("frozen")]:
                gain = (wide[name] - wide["logistic, whole"]).groupby("reading", sort=False)
                shown = gain.agg(["mean", half_interval]).round(3)
                print(f"{name}, minus logistic on the whole\n{shown.to_string()}")


if __name__ == "__main__":
    main()
