"""Default from 100 labels of earlier loans, read as the paper reads (shares) and more richly."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd
from sklearn.calibration import calibration_curve
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .._utils._intervals import half_interval
from ..extraction import LSTMStateExtractor
from ..transfer import TransferClassifier
from ._states import complete
from ._tasks import How, Runner
from ._transfer import FEW, MEAN, transfer_models

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

SHARES, RICH = "shares", "rich panel"
STATISTICS = {"statistics": ("mean_log",), "flows": ("out", "in")}
"""What the rich panel reads of each kind of transaction."""
FROZEN = "frozen network"
MEASURES = ["auc", "brier", "calibration_error"]
N_UNITS = 16
N_GROUPS = 5
"""Of the customers by their predicted probability, to compare it with the observed rate."""


def rich_study(
    readings: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
    default: ArrayLike,
    is_early: ArrayLike,
    *,
    repetitions: int = 20,
    epochs: int = 300,
    **how: Unpack[How],
) -> pd.DataFrame:
    """Fit models to 100 customers of the earlier half, and judge them by the later half.

    Parameters
    ----------
    readings : dict of str to two panels
        By name, a panel of several periods and one of the same time as a single period.
    default : array-like, shape (n_customers,)
        Label of 0 and 1.
    is_early : array-like of bool, shape (n_customers,)
        Who may be among the 100.
    repetitions : int, default=20
        How often the 100 are drawn and the networks trained.
    epochs : int, default=300
        Training passes of the network that predicts the single period from the several.
    **how : n_jobs, memory, progress, random_state
        See :class:`How`. There is a task for each reading and repetition.

    Returns
    -------
    study : DataFrame
        A row for each ``reading``, ``repetition`` and ``model``, with ``auc``, ``brier`` and
        ``calibration_error``, the mean difference between the predicted and the observed rate in
        five groups of as many customers. Networks see all customers and no label.
    """
    runner = Runner(**how)
    seeds = runner.draw_seeds(repetitions)
    data = dict(readings), np.asarray(default), np.asarray(is_early)
    tasks = [
        {"reading": reading, "repetition": repetition, "seed": seed, "epochs": epochs}
        for reading, (repetition, seed) in product(readings, enumerate(seeds))
    ]
    found = runner.run_tasks(_fit_and_judge, data, tasks)
    return pd.DataFrame([row for rows in found for row in rows])


def rich_table(study: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each model and reading: mean and half of the 95 % interval of each measure.

    ``lead`` is by how much the AUC of the frozen network is higher, with the same labels.
    """
    draws = ["reading", "repetition"]
    frozen = study[study["model"] == FROZEN].set_index(draws)["auc"].rename("lead")
    study = study.join(frozen, on=draws)
    study["lead"] -= study["auc"]
    measures = study.groupby(["model", "reading"], sort=False)[["lead", *MEASURES]]
    return measures.agg(["mean", half_interval])


def _make_models(months, whole, seed, epochs):
    """Make the models by name, each with the panel that it reads; networks see no label."""
    paper = LSTMStateExtractor.paper(4, objective="reconstruct", random_state=seed).fit(months)
    body = LSTMStateExtractor.paper(N_UNITS, objective="y", epochs=epochs, random_state=seed)
    body.fit(months, StandardScaler().fit_transform(whole))
    from_random = transfer_models({"": body}, kinds=["random", "random, best chance"])
    trained, best = (classifier for _, classifier in from_random.values())
    return {
        MEAN: (DummyClassifier(), whole),
        "logistic regression": (
            make_pipeline(StandardScaler(), TransferClassifier(alpha="cv")),
            whole,
        ),
        "frozen autoencoder": (TransferClassifier(FrozenEstimator(paper), alpha="cv"), months),
        FROZEN: (TransferClassifier(FrozenEstimator(body), alpha="cv"), months),
        "whole network": (trained, months),
        "whole network, best chance": (best, months),
    }


def _fit_and_judge(data, *, reading, repetition, seed, epochs):
    readings, default, is_early = data
    few, _ = train_test_split(
        np.flatnonzero(is_early), train_size=FEW, stratify=default[is_early], random_state=seed
    )
    label, later = default[few], default[~is_early]
    rows = []
    for name, (model, panel) in _make_models(*readings[reading], seed, epochs).items():
        model = complete(model, None, seed).fit(panel.iloc[few], label)
        chances = model.predict_proba(panel[~is_early])[:, 1]
        observed, predicted = calibration_curve(
            later, chances, n_bins=N_GROUPS, strategy="quantile"
        )
        row = {"reading": reading, "repetition": repetition, "model": name}
        row |= {"auc": roc_auc_score(later, chances), "brier": brier_score_loss(later, chances)}
        rows.append(row | {"calibration_error": np.abs(observed - predicted).mean()})
    return rows
