"""What comparisons with other libraries share: embeddings, learners, and how they are judged."""

import logging
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from ptls.data_load.utils import collate_feature_dict
from ptls.frames import PtlsDataModule
from ptls.frames.coles import ColesDataset, CoLESModule
from ptls.frames.coles.split_strategy import SampleSlices
from ptls.nn import RnnSeqEncoder, TrxEncoder
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegressionCV, RidgeClassifierCV
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspend._utils._intervals import half_interval

STATISTICS = ("sum", "count", "mean", "mean_log", "max", "std", "days_since")
COLES_UNITS, COLES_EPOCHS, BATCH = 64, (5, 10, 20, 40), 64
COLES = f"CoLES, {COLES_UNITS} units"


def set_up():
    """Silence what the libraries say while they train, and keep PyTorch to one thread."""
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.set_num_threads(1)


def list_events(log):
    """The events by customer and date, with the position of their customer among the log's."""
    events = log.to_frame().sort_values(["customer", "date"], kind="stable")
    account = pd.Index(log.customers).get_indexer(events["customer"])
    return events.assign(account=account)


class Embeddings(pl.Callback):
    """Embeddings of all accounts after some epochs."""

    def __init__(self, records, epochs):
        self.records, self.epochs, self.found = records, epochs, {}

    def on_train_epoch_end(self, trainer, module):
        if trainer.current_epoch + 1 in self.epochs:
            encoder = module.seq_encoder.eval()
            starts = range(0, len(self.records), BATCH)
            batches = [self.records[start : start + BATCH] for start in starts]
            with torch.no_grad():
                found = torch.cat([encoder(collate_feature_dict(batch)) for batch in batches])
            self.found[trainer.current_epoch + 1] = found.numpy()
            encoder.train()


def embed(events, seed, *, codes=(), slices=(10, 40), epochs=COLES_EPOCHS):
    """Embeddings of CoLES by number of epochs; no label is seen.

    It reads the kind, the day of the month and the amount of every event, and the columns `codes`
    of positive integers. `slices` are the least and the greatest number of events in a slice.
    """
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
        | {name: events[name].to_numpy() for name in codes}
    )
    parts = columns.groupby(events["account"].to_numpy())
    records = [
        {name: torch.from_numpy(part[name].to_numpy(copy=True)) for name in part}
        for _, part in parts
    ]
    widths = {"kind": {"in": len(kinds) + 1, "out": 16}, "day": {"in": 32, "out": 8}}
    model = CoLESModule(
        seq_encoder=RnnSeqEncoder(
            trx_encoder=TrxEncoder(
                embeddings=widths
                | {name: {"in": int(columns[name].max()) + 1, "out": 8} for name in codes},
                numeric_values={"amount": "log"},
                embeddings_noise=0.003,
            ),
            hidden_size=COLES_UNITS,
            type="gru",
        ),
        optimizer_partial=partial(torch.optim.Adam, lr=0.001),
        lr_scheduler_partial=partial(torch.optim.lr_scheduler.ConstantLR, factor=1.0),
    )
    sampled = SampleSlices(split_count=5, cnt_min=slices[0], cnt_max=slices[1])
    module = PtlsDataModule(train_data=ColesDataset(records, sampled), train_batch_size=BATCH)
    embeddings = Embeddings(records, epochs)
    trainer = pl.Trainer(
        max_epochs=max(epochs),
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
    if "MiniRocket" in model:
        return make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-1, 6, 15)))
    head = LogisticRegressionCV(Cs=np.logspace(-4, 1, 11), scoring="neg_log_loss", max_iter=3000)
    return make_pipeline(StandardScaler(), head)


def judge(model, inputs, target, few, others):
    """AUC on the others, after a fit to a few."""
    fitted = make_head(model).fit(inputs[few], target[few])
    return roc_auc_score(target[others], fitted.decision_function(inputs[others]))


def critical_difference(n_models, n_draws):
    """Nemenyi's least difference of mean ranks that is significant at 5 %."""
    quantile = stats.studentized_range.ppf(0.95, n_models, np.inf) / np.sqrt(2)
    return quantile * np.sqrt(n_models * (n_models + 1) / (6 * n_draws))


def show(found, baseline):
    """Print means, intervals, ranks and differences from the baseline by way of judging."""
    for how, part in found.groupby("how", sort=False):
        wide = part.pivot_table("auc", "draw", "model", sort=False)
        table = pd.DataFrame({"AUC": wide.mean()})
        if len(wide) > 1:
            gains = wide.sub(wide[baseline], axis=0)
            table["half of the 95 % interval"] = wide.agg(half_interval)
            table["minus logistic"] = gains.mean()
            table["half of its interval"] = gains.agg(half_interval)
            table["mean rank"] = wide.rank(axis=1, ascending=False).mean()
        print(f"\n{how}, {len(wide)} draw(s)\n{table.round(3).to_string()}")
        if len(wide) > 1:
            least = critical_difference(wide.shape[1], len(wide))
            print(f"critical difference of mean ranks: {least:.2f}")
