"""Models are fitted on few labels and tested on many; the tables, their intervals and tests."""

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression

from skspend import (
    FeedForwardExtractor,
    LSTMStateExtractor,
    SpendingAggregator,
    TransferClassifier,
    TransferRegressor,
)
from skspend.study import transfer_models, transfer_study, transfer_table
from skspend.study._transfer import MEAN, p_value_of_less

KINDS = [
    "pretrained",
    "pretrained, ridge",
    "pretrained, chosen ridge",
    "fine-tuned",
    "random",
    "random, best chance",
]


@pytest.fixture(scope="module")
def bodies(bank):
    panel = bank.data[:100]
    lstm = LSTMStateExtractor.paper(2, objective="reconstruct", epochs=3, random_state=0).fit(panel)
    dense = FeedForwardExtractor(3, objective="reconstruct", epochs=3, random_state=0).fit(panel)
    return {"recurrent": lstm, "feed-forward": dense}


@pytest.fixture(scope="module")
def models(bodies, bank):
    """All models, with short training and small searches."""
    models = transfer_models(bodies, unlabelled=bank.data[:100])
    for model in (model for pair in models.values() for model in pair):
        names = model.get_params()
        short = {name: 3 for name in ("epochs", "estimator__epochs") if name in names}
        if "param_grid" in names:
            grid = {name: values[:2] for name, values in model.param_grid.items()}
            short |= {"cv": 2, "param_grid": grid}
        model.set_params(**short)
    return models


@pytest.fixture(scope="module")
def labels(bank):
    return {"liquidity": bank.liquidity[100:], "default": bank.default[100:]}


@pytest.fixture(scope="module")
def study(bank, labels, models):
    return transfer_study(bank.data[100:], labels, models, sizes=[60], repetitions=2)


def test_every_kind_is_made_of_every_body_and_baselines_are_added(models):
    of_bodies = [f"{name}, {kind}" for name in ("recurrent", "feed-forward") for kind in KINDS]
    references = ["linear on shares", "PCA and linear", "factors and linear", "gradient boosting"]
    assert list(models) == [*of_bodies, MEAN, *references]


def test_unknown_kinds_are_refused(bodies):
    with pytest.raises(ValueError, match="'lucky'; expected 'pretrained', "):
        transfer_models(bodies, kinds=["lucky"])


def test_there_is_a_row_for_each_label_model_and_repetition(study, models):
    assert len(study) == 2 * len(models) * 2
    assert study[["mse", "r2", "seconds"]].notna().all(axis=None)


def test_only_labels_of_two_classes_have_measures_of_a_classifier(study):
    measures = study[["log_loss", "auc", "brier"]]
    assert measures[study["label"] == "default"].notna().all(axis=None)
    assert measures[study["label"] == "liquidity"].isna().all(axis=None)


def test_weights_are_counted_where_there_is_a_network(study):
    counts = study.groupby("model")[["n_weights", "n_trainable_weights"]].first()
    n_body = 4 * 2 * (24 + 2 + 1)
    assert counts.loc["recurrent, pretrained"].tolist() == [n_body + 3, 3]
    assert counts.loc["recurrent, pretrained, chosen ridge"].tolist() == [n_body + 3, 3]
    assert counts.loc["recurrent, random, best chance"].tolist() == [n_body + 3, n_body + 3]
    assert counts.loc["feed-forward, pretrained"].tolist() == [25 * 3 + 4, 4]
    assert counts.loc[MEAN].isna().all()


def test_the_mean_of_the_labels_explains_nothing_of_other_customers(study):
    mean = study[study["model"] == MEAN]
    assert (mean["r2"] <= 0).all()
    assert mean["auc"].dropna().eq(0.5).all()


def test_figures_are_those_of_the_models_fitted_by_hand(bank, bodies):
    seen = {}

    class Spy(LinearRegression):
        def fit(self, X, y):
            seen["few"] = list(X.index)
            return super().fit(X, y)

        def predict(self, X):
            seen["many"] = list(X.index)
            return super().predict(X)

    found = transfer_study(
        bank.data, {"liquidity": bank.liquidity}, {"spy": (Spy(), None)}, sizes=[50], repetitions=1
    )
    few, many = seen["few"], seen["many"]
    assert len(few) == 50
    assert sorted(few + many) == list(range(300))
    y = bank.liquidity.to_numpy()
    by_hand = LinearRegression().fit(bank.data.iloc[few], y[few]).predict(bank.data.iloc[many])
    np.testing.assert_allclose(found["mse"], np.mean((by_hand - y[many]) ** 2))


def test_all_models_and_sizes_are_tested_on_the_same_customers(bank):
    seen = []

    class Spy(LinearRegression):
        def predict(self, X):
            seen.append(tuple(X.index))
            return super().predict(X)

    models = {"one": (Spy(), None), "other": (Spy(), None)}
    label = {"liquidity": bank.liquidity}
    transfer_study(bank.data, label, models, sizes=[20, 80], repetitions=2, test_size=100)
    assert len(seen) == 8
    assert len(set(seen)) == 2


def test_classes_are_drawn_in_their_proportion(bank):
    drawn = []

    class Spy(LogisticRegression):
        def fit(self, X, y):
            drawn.append(int(y.sum()))
            return super().fit(X, y)

    models = {"spy": (LinearRegression(), Spy())}
    transfer_study(bank.data, {"default": bank.default}, models, sizes=[100], repetitions=5)
    assert drawn == [10] * 5


def test_two_jobs_give_the_same_as_one_with_any_backend(bank, labels, models, study):
    few = {name: models[name] for name in ("recurrent, pretrained", "feed-forward, random")}
    expected = study[study["model"].isin(few)].reset_index(drop=True).drop(columns="seconds")
    for backend, n_jobs in (("loky", 2), ("threading", 2)):
        with joblib.parallel_config(backend=backend):
            found = transfer_study(
                bank.data[100:], labels, few, sizes=[60], repetitions=2, n_jobs=n_jobs
            )
        pd.testing.assert_frame_equal(
            found.drop(columns="seconds"), expected, check_exact=True, check_dtype=False
        )


def test_a_study_with_memory_goes_on_where_it_stopped(bank, labels, models, tmp_path):
    few = {name: models[name] for name in ("recurrent, random", MEAN)}

    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    how = {"sizes": [60], "repetitions": 2, "memory": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        transfer_study(bank.data[100:], labels, few, progress=stop, **how)
    first = transfer_study(bank.data[100:], labels, few, **how)
    again = transfer_study(bank.data[100:], labels, few, **how)
    pd.testing.assert_frame_equal(again, first, check_exact=True)


def test_a_log_is_aggregated_first(bank_log, bank):
    spend = SpendingAggregator(n_periods=3)
    panel = spend.fit_transform(bank_log)
    models = {"linear": (LinearRegression(), None)}
    label = {"liquidity": bank.liquidity}
    of_log = transfer_study(bank_log, label, models, spend=spend, repetitions=1)
    of_fitted = transfer_study(bank_log, label, models, spend=FrozenEstimator(spend), repetitions=1)
    of_panel = transfer_study(panel, label, models, repetitions=1)
    for found in (of_log, of_fitted):
        np.testing.assert_allclose(found["mse"], of_panel["mse"])


def test_models_of_your_own_can_be_compared(bank, bodies):
    body = FrozenEstimator(bodies["recurrent"])
    own = {"mine": (TransferRegressor(body, alpha=7), TransferClassifier(body, alpha=7))}
    found = transfer_study(bank.data, {"default": bank.default}, own, repetitions=2)
    assert found["auc"].between(0, 1).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sizes": [300]}, "sizes has 300, but X has 300 customers"),
        ({"repetitions": 0}, "repetitions must be a positive integer, got 0"),
        (
            {"labels": {"a": np.full(300, np.nan)}},
            r"labels\['a'\] is missing or infinite in 300 of 300 rows, first in row 0",
        ),
        ({"labels": {"a": np.zeros((300, 2))}}, r"labels\['a'\] has shape"),
        ({"labels": {"a": np.zeros(299)}}, "inconsistent numbers of samples"),
    ],
)
def test_what_cannot_be_studied_is_refused(bank, models, changes, message):
    arguments = {"labels": {"a": np.zeros(300)}, "models": models} | changes
    with pytest.raises(ValueError, match=message):
        transfer_study(bank.data, **arguments)


def make_study(mse, model="model", label="label"):
    return pd.DataFrame(
        {
            "label": label,
            "size": 100,
            "model": model,
            "repetition": range(len(mse)),
            "mse": mse,
            "r2": 1 - np.asarray(mse),
            "n_weights": 7,
        }
    )


def test_the_table_has_means_and_student_intervals():
    mse = [0.8, 0.9, 1.0, 1.3]
    (row,) = transfer_table(make_study(mse)).itertuples()
    low, high = stats.t.interval(0.95, 3, loc=np.mean(mse), scale=stats.sem(mse))
    assert row.mse == pytest.approx(1.0)
    assert row.mse_interval == pytest.approx((high - low) / 2)
    assert row.n_weights == 7
    assert np.isnan(row.p_better_than_mean)


def test_the_table_shows_which_model_is_better_than_the_mean():
    worse, better = [1.0, 1.1, 1.2, 1.1], [0.9, 1.05, 1.1, 1.0]
    table = transfer_table(pd.concat([make_study(better, "good"), make_study(worse, MEAN)]))
    expected = stats.ttest_rel(better, worse, alternative="less").pvalue
    assert table["p_better_than_mean"].tolist() == pytest.approx([expected, np.nan], nan_ok=True)


def test_one_repetition_has_no_interval_and_no_test():
    study = pd.concat([make_study([1.0], "good"), make_study([2.0], MEAN)])
    table = transfer_table(study)
    assert table[["mse_interval", "p_better_than_mean"]].isna().all(axis=None)
    assert np.isnan(p_value_of_less(study, "label", 100, "good", "absent"))
