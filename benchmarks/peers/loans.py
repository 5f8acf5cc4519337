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

import logging
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from aeon.transformations.collection.convolution_based import MiniRocket
from ptls.data_load.utils import collate_feature_dict
from ptls.frames import PtlsDataModule
from ptls.frames.coles import ColesDataset, CoLESModule
from ptls.frames.coles.split_strategy import SampleSlices
from ptls.nn import RnnSeqEncoder, TrxEncoder
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegressionCV, RidgeClassifierCV
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).parents[1]))
from rich_panels import EPOCHS, N_MONTHS, N_UNITS, draw, load_loans, read

from skspend import LSTMStateExtractor, SpendingAggregator
from skspend._utils._intervals import half_interval
from skspend.panel import Panel

STATISTICS = ("sum", "count", "mean", "mean_log", "max", "std", "days_since")
N_WEEKS, COLES_UNITS, COLES_EPOCHS = 26, 64, (5, 10, 20, 40)
LOGISTIC = "logistic, mean logs"
FROZEN = "frozen network of the whole"
TREES = "gradient boosting, mean logs"
ALL_TREES = "gradient boosting, all statistics"
ROCKET = "MiniRocket, mean logs by week"


def list_events(log):
    """The events of the six months by account: position, day before the cutoff, kind, log size."""
    edges = np.broadcast_to(log.period_edges(N_MONTHS, 1), (len(log), 2)).astype("M8[D]")
    events = log.to_frame().sort_values(["customer", "date"], kind="stable")
    account = pd.Index(log.customers).get_indexer(events["customer"])
    day = events["date"].to_numpy().astype("M8[D]")
    events = events.assign(account=account, until=(edges[account, 1] - day).astype(int) - 1)
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


class Embeddings(pl.Callback):
    """Embeddings of all accounts after some epochs."""

    def __init__(self, records):
        self.records, self.found = records, {}

    def on_train_epoch_end(self, trainer, module):
        if trainer.current_epoch + 1 in COLES_EPOCHS:
            encoder = module.seq_encoder.eval()
            with torch.no_grad():
                found = encoder(collate_feature_dict(self.records)).numpy()
            self.found[trainer.current_epoch + 1] = found
            encoder.train()


def embed(events, seed):
    """Embeddings of CoLES by number of epochs; no label is seen."""
    pl.seed_everything(seed, verbose=False)
    kind, kinds = pd.factorize(events["category"], sort=True)
    # Codes start at 1; 0 is padding.
    columns = pd.DataFrame(
        {
            "event_time": events["date"].to_numpy().astype("M8[D]").astype(int),
            "kind": kind + 1,
            "day": events["date"].dt.day.to_numpy(),
            "amount": events["amount"].to_numpy(dtype=np.float32),
        }
    )
    parts = columns.groupby(events["account"].to_numpy())
    records = [
        {name: torch.from_numpy(part[name].to_numpy(copy=True)) for name in part}
        for _, part in parts
    ]
    model = CoLESModule(
        seq_encoder=RnnSeqEncoder(
            trx_encoder=TrxEncoder(
                embeddings={
                    "kind": {"in": len(kinds) + 1, "out": 16},
                    "day": {"in": 32, "out": 8},
                },
                numeric_values={"amount": "log"},
                embeddings_noise=0.003,
            ),
            hidden_size=COLES_UNITS,
            type="gru",
        ),
        optimizer_partial=partial(torch.optim.Adam, lr=0.001),
        lr_scheduler_partial=partial(torch.optim.lr_scheduler.ConstantLR, factor=1.0),
    )
    slices = SampleSlices(split_count=5, cnt_min=10, cnt_max=40)
    module = PtlsDataModule(train_data=ColesDataset(records, slices), train_batch_size=64)
    embeddings = Embeddings(records)
    trainer = pl.Trainer(
        max_epochs=max(COLES_EPOCHS),
        accelerator="cpu",
        callbacks=[embeddings],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, module)
    return embeddings.found


def make_head(model):
    """The learner of a model's inputs."""
    if "boosting" in model:
        trees = HistGradientBoostingClassifier(
            max_iter=50, min_samples_leaf=5, early_stopping=False, random_state=0
        )
        return GridSearchCV(trees, {"max_leaf_nodes": [2, 8]}, scoring="neg_log_loss")
    if model == ROCKET:
        return make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-1, 6, 15)))
    head = LogisticRegressionCV(Cs=np.logspace(-4, 1, 11), scoring="neg_log_loss", max_iter=3000)
    return make_pipeline(StandardScaler(), head)


def judge(model, inputs, target, few, others):
    """AUC on the others, after a fit to a few."""
    fitted = make_head(model).fit(inputs[few], target[few])
    if model == ROCKET:
        return roc_auc_score(target[others], fitted.decision_function(inputs[others]))
    return roc_auc_score(target[others], fitted.predict_proba(inputs[others])[:, 1])


def critical_difference(n_models, n_draws):
    """Nemenyi's least difference of mean ranks that is significant at 5 %."""
    quantile = stats.studentized_range.ppf(0.95, n_models, np.inf) / np.sqrt(2)
    return quantile * np.sqrt(n_models * (n_models + 1) / (6 * n_draws))


def show(found):
    """Print means, intervals, ranks and differences by way of judging."""
    for how, part in found.groupby("how", sort=False):
        wide = part.pivot_table("auc", "draw", "model", sort=False)
        table = pd.DataFrame({"AUC": wide.mean()})
        if len(wide) > 1:
            gains = wide.sub(wide[LOGISTIC], axis=0)
            table["half of the 95 % interval"] = wide.agg(half_interval)
            table["minus logistic"] = gains.mean()
            table["half of its interval"] = gains.agg(half_interval)
            table["mean rank"] = wide.rank(axis=1, ascending=False).mean()
        print(f"\n{how}, {len(wide)} draw(s)\n{table.round(3).to_string()}")
        if len(wide) > 1:
            least = critical_difference(wide.shape[1], len(wide))
            print(f"critical difference of mean ranks: {least:.2f}")


@click.command()
@click.option("--berka", required=True, type=click.Path(exists=True, file_okay=False))
@click.option("--repetitions", default=20, show_default=True, help="Of draws of labels.")
@click.option("--networks", default=20, show_default=True, help="Trained with CoLES, in turn.")
def main(berka, repetitions, networks):
    """Print the AUC of default by model with 95 % intervals and mean ranks over the draws."""
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    log, target, is_early = load_loans(berka)
    everybody = np.arange(len(target))
    early, late = everybody[is_early], everybody[~is_early]
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(target[:, None], target))

    months, whole = read(log, ("mean_log",), ("out", "in"))
    spend = SpendingAggregator(N_MONTHS, 1, statistics=STATISTICS, flows=("out", "in"))
    events = list_events(log)
    n_events = events.groupby("account").size()
    print(f"{len(target)} loans, {target.sum()} in default; {n_events.median():.0f} events each")
    assert len(n_events) == len(target), "an account without events has no embedding"

    start = time.perf_counter()
    embeddings = []
    for seed in range(networks):
        embeddings.append(embed(events, seed))
        print(f"CoLES {seed}: {time.perf_counter() - start:.0f} s so far", flush=True)
    name = f"CoLES, {COLES_UNITS} units"
    scores = pd.Series(
        {
            epochs: np.mean(
                [
                    judge(name, embeddings[seed % networks][epochs], target, few, others)
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
            name: embeddings[seed % networks][scores.idxmax()],
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
    show(pd.DataFrame(rows, columns=["model", "how", "draw", "auc"]))


if __name__ == "__main__":
    main()
