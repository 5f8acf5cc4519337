"""What can be predicted from few labels: pretrained features, networks without them, baselines."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import brier_score_loss, log_loss, mean_squared_error, r2_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import check_consistent_length

from .._utils._intervals import half_interval
from ..factors import SpendingFactors
from ..transfer import TransferClassifier, TransferRegressor
from ._states import complete, read_data
from ._tasks import How, Runner

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .._utils._typing import Estimator, PanelLike
    from ..transactions import TransactionLog

FEW = 100
"""Number of labels in the paper."""
MEAN = "mean"
"""The model that predicts the mean of its labels for every customer."""
PENALTIES = np.logspace(-2, 3, 6)
COUNTS = "n_weights", "n_trainable_weights"


def transfer_models(
    bodies: Mapping[str, Estimator],
    *,
    kinds: Sequence[str] | None = None,
    unlabelled: PanelLike | None = None,
) -> dict[str, tuple[Estimator, Estimator | None]]:
    """Make the models that :func:`transfer_study` compares, each for numbers and for two classes.

    Parameters
    ----------
    bodies : dict of str to extractor
        Fitted extractors by name, such as ``{"recurrent": states}``. The kinds that train more than
        a head need a single network, such as that of ``LSTMStateExtractor.paper``.
    kinds : sequence of str, default=None
        Which models to make of each body; default all:

        - "pretrained": the frozen body, and a head without a penalty (for classes with the default
          penalty of scikit-learn);
        - "pretrained, ridge": the same with ``alpha=3``, which suits states between -1 and 1;
        - "pretrained, chosen ridge": the same with alpha chosen by cross-validation;
        - "fine-tuned": body and head are trained further, with early stopping;
        - "random": the same network trained from random weights, the baseline of the paper;
        - "random, best chance": the same with early stopping, and one of three learning rates
          chosen by cross-validation.
    unlabelled : panel, default=None
        Customers without labels. With them, baselines without a network are made too.

    Returns
    -------
    models : dict of str to tuple
        Unfitted regressor and classifier by the names of body and kind, such as "recurrent,
        pretrained". The baselines are:

        - "mean", which predicts the mean of the labels;
        - "linear on shares": ridge and logistic regression on the panel;
        - "PCA and linear": the same on as many components of the standardised panel as the largest
          body has units; and "factors and linear": on :class:`~skspend.SpendingFactors`. Both are
          fitted on the customers without labels;
        - "gradient boosting" on the panel.

        Cross-validation chooses the penalties of the linear baselines.

    Raises
    ------
    ValueError
        If a kind is unknown.

    Examples
    --------
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(100, 3, 12, random_state=0)
    >>> list(transfer_models({}, unlabelled=bank.data))
    ['mean', 'linear on shares', 'PCA and linear', 'factors and linear', 'gradient boosting']
    """
    kinds = list(_KINDS) if kinds is None else list(kinds)
    unknown = [kind for kind in kinds if kind not in _KINDS]
    if unknown:
        raise ValueError(f"kinds has {unknown[0]!r}; expected {', '.join(map(repr, _KINDS))}.")
    models: dict[str, Any] = {}
    for name, body in bodies.items():
        for kind in kinds:
            changes, grid = _KINDS[kind]
            both = TransferRegressor, TransferClassifier
            pair = tuple(make(FrozenEstimator(body), **changes) for make in both)
            models[f"{name}, {kind}"] = _searched(*pair, grid, grid) if grid else pair
    if unlabelled is None:
        return models
    n_units = max((body.n_units for body in bodies.values()), default=4)
    components = make_pipeline(StandardScaler(), PCA(n_units, random_state=0)).fit(unlabelled)
    factors = make_pipeline(SpendingFactors(), StandardScaler()).fit(unlabelled)
    models[MEAN] = DummyRegressor(), DummyClassifier()
    all_features = {
        "linear on shares": FunctionTransformer(),
        "PCA and linear": FrozenEstimator(components),
        "factors and linear": FrozenEstimator(factors),
    }
    for name, features in all_features.items():
        ridge, logistic = (
            make_pipeline(features, head) for head in (Ridge(), LogisticRegression(max_iter=1000))
        )
        models[name] = _searched(
            ridge, logistic, {"ridge__alpha": PENALTIES}, {"logisticregression__C": 1 / PENALTIES}
        )
    models["gradient boosting"] = HistGradientBoostingRegressor(), HistGradientBoostingClassifier()
    return models


_KINDS: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "pretrained": ({}, None),
    "pretrained, ridge": ({"alpha": 3.0}, None),
    "pretrained, chosen ridge": ({}, {"alpha": PENALTIES}),
    "fine-tuned": ({"trainable": "all", "early_stopping": True, "learning_rate": 0.001}, None),
    "random": ({"initialization": "random"}, None),
    "random, best chance": (
        {"initialization": "random", "early_stopping": True},
        {"learning_rate": (0.001, 0.003, 0.01)},
    ),
}


def _searched(regressor, classifier, *grids):
    """Put each of the two into a search over its own grid, by its own loss."""
    losses = "neg_mean_squared_error", "neg_log_loss"
    each = zip((regressor, classifier), grids, losses, strict=True)
    return tuple(GridSearchCV(model, grid, scoring=scoring, cv=3) for model, grid, scoring in each)


def transfer_study(
    X: TransactionLog | PanelLike,
    labels: Mapping[str, ArrayLike],
    models: Mapping[str, tuple[Estimator, Estimator | None]],
    *,
    spend: Estimator | None = None,
    sizes: Sequence[int] = (FEW,),
    repetitions: int = 20,
    test_size: int = 5000,
    **how: Unpack[How],
) -> pd.DataFrame:
    """Fit models on few labels and test them on many other customers.

    Parameters
    ----------
    X : TransactionLog or panel, shape (n_customers, n_periods * n_categories)
        With the columns that the extractors in the models were fitted on, but other customers.
    labels : DataFrame or dict of str to array-like, shape (n_customers,)
        Numbers, or 0 and 1. A label of 0 and 1 is predicted as a number, as in the paper, and as a
        class; its customers are drawn with the share of 1 in all of them.
    models : dict of str to tuple
        Unfitted regressor and classifier by name, such as :func:`transfer_models` makes; the
        classifier may be None. A ``random_state`` of None becomes the seed of the repetition.
    spend : SpendingAggregator, default=None
        See :func:`elbow_study`. Pass the aggregator of the extractors in a ``FrozenEstimator``.
    sizes : sequence of int, default=(100,)
        Numbers of customers with a label.
    repetitions : int, default=20
        How often these customers are drawn.
    test_size : int, default=5000
        Number of customers to test on; all others if there are fewer.
    **how : n_jobs, memory, progress, random_state
        See :class:`How`. There is a task for each row. Each repetition has its own seed.

    Returns
    -------
    study : DataFrame
        A row for each ``label``, ``size``, ``model`` and ``repetition``: ``mse`` and ``r2`` of the
        regressor; for a label of 0 and 1 ``log_loss``, ``auc`` and ``brier`` of the classifier,
        else NaN; ``seconds`` to fit the regressor; ``n_weights`` and ``n_trainable_weights`` of the
        regressor if it is a network, else NaN.

    Raises
    ------
    ValueError
        If labels are missing or not one per customer, a size leaves no customer to test on, or
        `repetitions` is not a positive integer.
    TypeError
        If X is a raw table of transactions.

    References
    ----------
    Maree & Omlin (2021), sections III-D and IV-B, Tables 1 and 2.

    Examples
    --------
    >>> from skspend import LSTMStateExtractor
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(300, 3, 12, random_state=0)
    >>> states = LSTMStateExtractor.paper(2, objective="reconstruct", epochs=2).fit(bank.data[:100])
    >>> models = transfer_models({"recurrent": states}, kinds=["pretrained"])
    >>> study = transfer_study(
    ...     bank.data[100:], {"liquidity": bank.liquidity[100:]}, models, sizes=[50], repetitions=3
    ... )
    >>> study.groupby("model")["n_trainable_weights"].first()
    model
    recurrent, pretrained    3
    Name: n_trainable_weights, dtype: int64
    """
    runner = Runner(**how)
    panel = read_data(X, spend)
    checked = {name: _check_label(name, label, panel) for name, label in labels.items()}
    seeds = runner.draw_seeds(repetitions)
    if max(sizes) >= len(panel):
        raise ValueError(
            f"sizes has {max(sizes)}, but X has {len(panel)} customers, so that none is left to "
            f"test on. Choose smaller sizes."
        )
    test_size = min(test_size, len(panel) - max(sizes))
    tasks = [
        {"label": label, "size": int(size), "model": model, "repetition": repetition}
        | {"seed": seeds[repetition], "test_size": test_size}
        for label, size, model, repetition in product(checked, sizes, models, range(repetitions))
    ]
    return pd.DataFrame(runner.run_tasks(_fit_and_judge, (panel, checked, dict(models)), tasks))


def transfer_table(study: pd.DataFrame) -> pd.DataFrame:
    """Summarise a transfer study by label, size and model: the paper's tables, and more.

    Parameters
    ----------
    study : DataFrame
        What :func:`transfer_study` returns.

    Returns
    -------
    table : DataFrame
        A row for each ``label``, ``size`` and ``model``: ``n_weights`` and ``n_trainable_weights``;
        the mean of each measure over the repetitions; ``mse_interval`` and ``r2_interval``, half of
        the 95 % interval of the mean by Student's t; ``p_better_than_mean``, of a one-sided paired
        t test that the squared error is below that of the model "mean" (NaN without it).

    Notes
    -----
    Repetitions share customers, above all those to test on. The intervals show what another draw of
    labels would change, and not what other customers would change.

    Examples
    --------
    >>> rows = {"label": "default", "size": 100, "model": "mean", "mse": [0.08, 0.09, 0.1]}
    >>> study = pd.DataFrame(rows).assign(repetition=range(3), r2=0.0, n_weights=np.nan)
    >>> transfer_table(study)[["model", "mse", "mse_interval"]].round(3)
      model   mse  mse_interval
    0  mean  0.09         0.025
    """
    groups = study.groupby(["label", "size", "model"], sort=False)
    measures = "mse", "r2", "log_loss", "auc", "brier", "seconds"
    found = [name for name in measures if name in study]
    counts = [name for name in COUNTS if name in study]
    table = pd.concat([groups[counts].first(), groups[found].mean()], axis=1)
    table["mse_interval"] = groups["mse"].agg(half_interval)
    table["r2_interval"] = groups["r2"].agg(half_interval)
    table = table.reset_index()
    table["p_better_than_mean"] = [
        p_value_of_less(study, label, size, model, MEAN)
        for label, size, model in table[["label", "size", "model"]].to_numpy()
    ]
    return table


def p_value_of_less(study: pd.DataFrame, label: str, size: int, model: str, other: str) -> float:
    """Return p of a one-sided t test, paired by repetition, for a smaller squared error.

    NaN if one of the models is missing, both are the same, or there is one repetition.
    """
    rows = study[(study["label"] == label) & (study["size"] == size)]
    values = rows.pivot(index="repetition", columns="model", values="mse")
    if model == other or not {model, other} <= set(values) or len(values) < 2:
        return np.nan
    return float(stats.ttest_rel(values[model], values[other], alternative="less").pvalue)


def _check_label(name, label, panel):
    label = np.asarray(label, dtype=float)
    if label.ndim != 1:
        raise ValueError(f"labels[{name!r}] has shape {label.shape}; expected one dimension.")
    check_consistent_length(panel, label)
    missing = ~np.isfinite(label)
    if missing.any():
        raise ValueError(
            f"labels[{name!r}] is missing or infinite in {missing.sum()} of {len(label)} rows, "
            f"first in row {missing.argmax()}. Leave these customers out."
        )
    return label


def _fit_and_judge(data, *, label, size, model, repetition, seed, test_size):
    panel, labels, models = data
    y = labels[label]
    is_class = set(np.unique(y)) == {0, 1}

    def split(rows, **size):
        strata = y[rows] if is_class else None
        return train_test_split(rows, stratify=strata, random_state=seed, **size)

    rows, test = split(np.arange(len(y)), test_size=test_size)
    if size < len(rows):
        rows, _ = split(rows, train_size=size)
    regressor, classifier = models[model]
    regressor = complete(regressor, None, seed)
    X, X_test = panel.iloc[rows], panel.iloc[test]
    started = time.perf_counter()
    regressor.fit(X, y[rows])
    seconds = time.perf_counter() - started
    predicted = regressor.predict(X_test)
    row = {"label": label, "size": size, "model": model, "repetition": repetition}
    row |= {"mse": mean_squared_error(y[test], predicted), "r2": r2_score(y[test], predicted)}
    row |= dict.fromkeys(("log_loss", "auc", "brier"), np.nan) | {"seconds": seconds}
    if is_class and classifier is not None:
        classifier = complete(classifier, None, seed)
        probability = classifier.fit(X, y[rows].astype(int)).predict_proba(X_test)[:, 1]
        measures = {"log_loss": log_loss, "auc": roc_auc_score, "brier": brier_score_loss}
        row |= {name: measure(y[test], probability) for name, measure in measures.items()}
    network = getattr(regressor, "best_estimator_", regressor)
    return row | {name: getattr(network, f"{name}_", np.nan) for name in COUNTS}
