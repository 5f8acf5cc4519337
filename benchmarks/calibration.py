"""Whether the probabilities of a hundred labels of real loans can be used as they are.

The labels are of the earlier half of the loans, and the later half judges, as in rich_panels.py.
The reading is the one chosen there: mean logs in both directions. TransferClassifier reads the last
states of the frozen network that describes the six months as one, or the six months as one
themselves; its penalty is chosen on the labels of the fit. Its probabilities are compared with
those of CalibratedClassifierCV around it, of balanced classes, of a forest as the head, and with
the rate of default among the labels for everybody.

The expected calibration error is the mean difference between the predicted and the observed rate in
five groups of as many loans.

    python benchmarks/calibration.py --berka FOLDER [--repetitions 20]
"""

import warnings

import click
import numpy as np
import pandas as pd
from rich_panels import EPOCHS, N_UNITS, READ, draw, load_loans, read
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspend import LSTMStateExtractor, TransferClassifier
from skspend._utils._intervals import half_interval

N_GROUPS = 5


def make_models(months, whole, seed):
    """The models by name, each with what it reads."""
    body = LSTMStateExtractor.paper(N_UNITS, objective="y", epochs=EPOCHS, random_state=seed)
    body.fit(months, StandardScaler().fit_transform(whole))
    states = TransferClassifier(FrozenEstimator(body), alpha="cv")
    panel = make_pipeline(StandardScaler(), TransferClassifier(alpha="cv"))
    balanced = TransferClassifier(FrozenEstimator(body), alpha="cv", class_weight="balanced")
    forest = RandomForestClassifier(300, min_samples_leaf=3, random_state=seed)
    own = TransferClassifier(FrozenEstimator(body), head=forest)
    return {
        "the rate of the labels": (DummyClassifier(), months),
        "states": (states, months),
        "states, calibrated by sigmoid": (CalibratedClassifierCV(states, cv=5), months),
        "states, calibrated by isotonic": (
            CalibratedClassifierCV(states, method="isotonic"),
            months,
        ),
        "states, balanced classes": (balanced, months),
        "states, a forest as the head": (own, months),
        "panel": (panel, whole),
        "panel, calibrated by sigmoid": (CalibratedClassifierCV(panel, cv=5), whole),
    }


def judge(target, chances):
    """All measures of the probabilities of default."""
    curve = calibration_curve(target, chances, n_bins=N_GROUPS, strategy="quantile")
    return {
        "Brier": brier_score_loss(target, chances),
        "log loss": log_loss(target, chances),
        "calibration error": np.abs(curve[0] - curve[1]).mean(),
        "mean predicted": chances.mean(),
        "AUC": roc_auc_score(target, chances),
    }


@click.command()
@click.option("--berka", required=True, type=click.Path(exists=True, file_okay=False))
@click.option("--repetitions", default=20, show_default=True, help="Of networks and labels.")
def main(berka, repetitions):
    """Print means over the draws of labels, with 95 % intervals."""
    warnings.simplefilter("ignore")
    log, target, is_early = load_loans(berka)
    months, whole = read(log, *READ["mean logs"])
    early, late = np.flatnonzero(is_early), np.flatnonzero(~is_early)
    print(f"default: {target[early].mean():.3f} of early loans, {target[late].mean():.3f} of late")
    rows = []
    for seed in range(repetitions):
        few, others = draw(target, early, late, seed)
        for name, (model, reading) in make_models(months, whole, seed).items():
            model.fit(reading.iloc[few], target[few])
            chances = model.predict_proba(reading.iloc[others])[:, 1]
            rows.append({"model": name} | judge(target[others], chances))
    found = pd.DataFrame(rows).groupby("model", sort=False)
    print(f"\nmean\n{found.mean().round(4).to_string()}")
    print(f"\nhalf of the 95 % interval\n{found.agg(half_interval).round(4).to_string()}")


if __name__ == "__main__":
    main()
