"""What a hundred labels of real loans can predict, by what the networks read.

The inputs, from the months before the loan, are shares of spending, as in `skspend study`; shares
of income; amounts; their logarithms; or only whether anything was spent on a category in a month.
Autoencoders see all 596 accounts and no label. A head is fitted to 100 labels. The labels are drawn
at random and evaluated on the other accounts, or drawn from the earlier half of the loans and
evaluated on the later half.

    python benchmarks/loans.py --berka FOLDER [--repetitions 20]
"""

import warnings

import click
import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skspend import FeedForwardExtractor, LSTMStateExtractor, SpendingAggregator
from skspend._utils._intervals import half_interval
from skspend.datasets import load_berka
from skspend.study import transfer_models
from skspend.study._trajectories import complete

FEW = 100
N_PERIODS = {"default": 6, "liquidity": 3}
PENALTIES = np.logspace(-2, 3, 6)
READ = {
    "shares of spending": ("spending", lambda panel: panel),
    "shares of income": ("income", lambda panel: panel),
    "amounts": (None, lambda panel: panel),
    "logarithms of amounts": (None, np.log1p),
    "whether anything was spent": (None, np.sign),
}
"""By name: by what amounts are divided, and what is made of the panel."""
KINDS = "pretrained, ridge", "random", "random, best chance"


def make_models(panel, n_periods, seed):
    """Models by name: a regressor and a classifier each."""
    bodies = {
        "recurrent": LSTMStateExtractor.paper(4, objective="reconstruct", random_state=seed),
        "feed-forward": FeedForwardExtractor(5, objective="reconstruct", random_state=seed),
    }
    bodies = {name: body.fit(panel) for name, body in bodies.items()}
    models = transfer_models(bodies, kinds=KINDS, unlabelled=panel)
    means = FunctionTransformer(
        lambda X: np.asarray(X).reshape(len(X), n_periods, -1).mean(axis=1), validate=False
    )
    logistic = LogisticRegressionCV(Cs=1 / PENALTIES, scoring="neg_log_loss", max_iter=1000)
    return models | {
        "linear on means": tuple(
            make_pipeline(means, StandardScaler(), head) for head in (RidgeCV(PENALTIES), logistic)
        )
    }


def split(target, is_early, seed, is_in_order):
    """Draw a hundred accounts to learn from; return them, and those to judge by."""
    everybody = np.arange(len(target))
    is_class = len(np.unique(target)) == 2
    pool = everybody[is_early] if is_in_order else everybody
    few, rest = train_test_split(
        pool, train_size=FEW, stratify=target[pool] if is_class else None, random_state=seed
    )
    return few, everybody[~is_early] if is_in_order else rest


@click.command()
@click.option("--berka", required=True, type=click.Path(exists=True, file_okay=False))
@click.option("--repetitions", default=20, show_default=True, help="Of networks and labels.")
def main(berka, repetitions):
    """Print the mean AUC of default and R2 of liquidity (as a rank)."""
    warnings.simplefilter("ignore")
    rows = []
    for label, n_periods in N_PERIODS.items():
        data = load_berka(berka, label=label)
        kept = (data.complete & data.liquidity.notna()).to_numpy()
        target = data.target[kept].to_numpy(float)
        if label == "liquidity":
            target = rankdata(target) / len(target)
        days = data.loans["date"].reindex(data.target[kept].index)
        is_early = (days.rank(method="first") <= kept.sum() // 2).to_numpy()
        for read, (normalize, change) in READ.items():
            spend = SpendingAggregator(period="month", n_periods=n_periods, normalize=normalize)
            panel = change(spend.fit_transform(data.data[kept]))
            for seed in range(repetitions):
                models = make_models(panel, n_periods, seed)
                for is_in_order in (False, True):
                    few, others = split(target, is_early, seed, is_in_order)
                    for name, pair in models.items():
                        model = complete(pair[label == "default"], None, seed)
                        score = judge(model, panel, target, few, others)
                        rows.append((label, is_in_order, read, name, score))
    found = pd.DataFrame(rows, columns=["label", "is_in_order", "read", "model", "score"])
    for (label, is_in_order), part in found.groupby(["label", "is_in_order"]):
        title = "earlier loans teach, later ones judge" if is_in_order else "drawn at random"
        for how in ("mean", half_interval):
            table = part.pivot_table("score", "model", "read", aggfunc=how, sort=False)
            name = "mean" if how == "mean" else "half of its 95 % interval"
            print(f"\n{label}, {title}: {name}\n{table.round(3).to_string()}")


def judge(model, panel, target, few, others):
    """Fit a model to a few labels, and judge it by others: AUC of classes, else R2."""
    model.fit(panel.iloc[few], target[few])
    if hasattr(model, "predict_proba"):
        return roc_auc_score(target[others], model.predict_proba(panel.iloc[others])[:, 1])
    return r2_score(target[others], model.predict(panel.iloc[others]))


if __name__ == "__main__":
    main()
