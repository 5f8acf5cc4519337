"""How well a linear model predicts the states of an extractor, and from which regressors.

The figure is the R2 of the states of the last period, as a mean over states with three held-out
folds. The regressors are the shares of the period, their mean over the periods so far, or every
period separately. They are used as they are, as roots or logarithms, or with a cap of four standard
deviations. Reconstructions are kept within the range of the states.

    python benchmarks/explanation.py
"""

import warnings
from itertools import product

import click
import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skspend import (
    BigFivePersonalityScorer,
    FeedForwardExtractor,
    LSTMStateExtractor,
    SpendingAggregator,
)
from skspend.datasets import load_complete_journey, make_spending
from skspend.panel import fold

NETWORKS = {
    "default": LSTMStateExtractor(),
    "paper": LSTMStateExtractor.paper(),
    "feed-forward": FeedForwardExtractor(),
}
PENALTIES = np.logspace(-1, 5, 7)
REGRESSORS = {
    "period": lambda shares: shares[:, -1],
    "mean": lambda shares: shares.mean(axis=1),
    "each period": lambda shares: shares.reshape(len(shares), -1),
}
SCALES = {"": (None, None), "roots": (np.sqrt, None), "logs": (lambda x: np.log(x + 1e-4), None)}
SCALES["cap 4"] = (None, lambda scores: scores.clip(-4, 4))


def panels():
    """Name, panel and scorer of the synthetic bank and of the households."""
    bank = make_spending(8000, random_state=0)
    yield "bank", bank.data, BigFivePersonalityScorer(bank.coefficients)
    households = load_complete_journey()
    spend = SpendingAggregator(period=2, n_periods=6).fit(households.data)
    panel = spend.transform(households.data)[spend.active_periods_ == 6]
    yield "households", panel, BigFivePersonalityScorer(aliases=households.aliases)


def reconstruct(regressors, states, scale, cap):
    """R2 of the states, held out."""
    steps = FunctionTransformer(scale), StandardScaler(), FunctionTransformer(cap)
    model = make_pipeline(*steps, RidgeCV(PENALTIES, alpha_per_target=True))
    folds = KFold(3, shuffle=True, random_state=0)
    predicted = cross_val_predict(model, regressors, states, cv=folds)
    return r2_score(states, predicted.clip(states.min(axis=0), states.max(axis=0)))


@click.command()
def main():
    """Print the table."""
    warnings.simplefilter("ignore", UserWarning)
    rows = []
    for data, panel, scorer in panels():
        shares = fold(panel.to_numpy(), 6)
        for (network, extractor), objective in product(NETWORKS.items(), ("type", "scores")):
            extractor.set_params(objective=objective, scorer=scorer, random_state=0)
            states = fold(np.asarray(extractor.fit_transform(panel)), 6)[:, -1]
            row = {"data": data, "network": network, "learns": objective}
            for kind, regressors in REGRESSORS.items():
                for scale, how in SCALES.items():
                    if kind != "each period" or scale in ("", "cap 4"):
                        row[f"{kind} {scale}"] = reconstruct(regressors(shares), states, *how)
            rows.append(row)
            click.echo(f"{row['data']} {row['network']} {row['learns']}", err=True)
    click.echo(pd.DataFrame(rows).round(3).T.to_string(header=False))


if __name__ == "__main__":
    main()
