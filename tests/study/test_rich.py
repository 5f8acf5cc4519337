"""Default from labels of earlier loans, read as shares and as a rich panel, on invented loans."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import brier_score_loss, roc_auc_score

from skspend.study import QUICK, PaperStudy, _rich as module
from skspend.study._rich import RICH, SHARES, rich_study, rich_table
from skspend.study._transfer import transfer_models

MODELS = [
    "mean",
    "logistic regression",
    "frozen autoencoder",
    "frozen network",
    "whole network",
    "whole network, best chance",
]


@pytest.fixture(scope="module")
def loans(tmp_path_factory):
    """A folder of 240 loans; who will default pays ten times as much for the same shares."""
    rng = np.random.default_rng(0)
    accounts = np.arange(240)
    is_bad = accounts % 5 == 0
    days = pd.Timestamp("1996-01-01") + pd.to_timedelta(3 * rng.permutation(240), unit="D")
    loans = pd.DataFrame({"loan_id": accounts, "account_id": accounts, "date": days})
    loans = loans.assign(amount=1.0, duration=12, payments=1.0, status=np.where(is_bad, "B", "A"))
    rows = pd.MultiIndex.from_product(
        [accounts, range(1, 8), [("VYBER", ""), ("VYBER KARTOU", ""), ("PREVOD NA UCET", "SIPO")]],
        names=["account_id", "month", "kind"],
    ).to_frame(index=False)
    kinds = rows["kind"].str
    amount = rng.uniform(50, 150, len(rows)) * np.where(is_bad[rows["account_id"]], 10, 1)
    rows = rows.assign(
        date=days[rows["account_id"]] - pd.to_timedelta(30 * rows["month"], unit="D"),
        type="VYDAJ", operation=kinds[0], k_symbol=kinds[1], amount=amount, balance=0.0,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("loans")
    loans.to_parquet(folder / "loans.parquet")
    rows.drop(columns=["month", "kind"]).to_parquet(folder / "transactions_preloan.parquet")
    return folder


def with_short_searches(*bodies, **options):
    models = transfer_models(*bodies, **options)
    for model in (model for pair in models.values() for model in pair):
        if hasattr(model, "param_grid"):
            grid = {name: values[:2] for name, values in model.param_grid.items()}
            model.set_params(cv=2, param_grid=grid)
    return models


@pytest.fixture(scope="module")
def study(loans):
    """With short training and short searches."""
    effort = QUICK._replace(repetitions=1, rich_epochs=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "transfer_models", with_short_searches)
        patch.setattr("skspend.transfer._penalty.PENALTIES", np.array([0.1, 10]))
        patch.setattr("skspend.transfer._penalty.MOST_FOLDS", 2)
        return PaperStudy(effort, berka=loans).studies["berka-rich"]()


def test_there_is_a_row_for_each_reading_repetition_and_model(study):
    keys = study[["reading", "repetition", "model"]]
    expected = pd.MultiIndex.from_product([[SHARES, RICH], range(1), MODELS])
    assert list(keys.itertuples(index=False, name=None)) == list(expected)
    measures = study[["auc", "brier", "calibration_error"]]
    assert ((measures >= 0) & (measures <= 1)).all(axis=None)


def test_what_shares_leave_out_is_read_by_the_rich_panel(study):
    auc = study.groupby(["reading", "model"])["auc"].mean()
    for model in ("logistic regression", "frozen network", "whole network"):
        assert auc[RICH, model] > 0.95
        assert auc[SHARES, model] < 0.75


class Spy(ClassifierMixin, BaseEstimator):
    """Predicts what its one column says, and notes whom it saw."""

    seen = []

    def fit(self, X, y):
        self.seen.append((X.index, y))
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, X):
        self.seen[-1] += (X.index,)
        return np.column_stack([1 - X["a"], X["a"]])


@pytest.fixture
def spied(monkeypatch):
    """A study of 300 customers by a spy alone, what the spy saw, and the customers."""
    rng = np.random.default_rng(0)
    panel = pd.DataFrame({"a": rng.random(300)})
    default, is_early = rng.permutation(300) < 60, rng.permutation(300) < 150
    monkeypatch.setattr(Spy, "seen", [])
    monkeypatch.setattr(module, "_make_models", lambda months, *_: {"spy": (Spy(), months)})
    found = rich_study({SHARES: (panel, panel)}, default.astype(int), is_early, repetitions=3)
    return found, Spy.seen, panel["a"].to_numpy(), default, is_early


def test_models_learn_from_100_early_customers_and_all_later_ones_judge(spied):
    _, seen, _, default, is_early = spied
    assert len(seen) == 3
    for few, labels, judges in seen:
        assert len(set(few)) == 100
        assert is_early[few].all()
        np.testing.assert_array_equal(labels, default[few])
        assert labels.mean() == pytest.approx(default[is_early].mean(), abs=0.01)
        np.testing.assert_array_equal(judges, np.flatnonzero(~is_early))
    assert len({tuple(few) for few, *_ in seen}) == 3


def test_measures_are_those_computed_by_hand(spied):
    found, _, chances, default, is_early = spied
    chances, default = chances[~is_early], default[~is_early]
    groups = np.array_split(np.argsort(chances), 5)
    errors = [abs(chances[group].mean() - default[group].mean()) for group in groups]
    np.testing.assert_allclose(found["auc"], roc_auc_score(default, chances))
    np.testing.assert_allclose(found["brier"], brier_score_loss(default, chances))
    np.testing.assert_allclose(found["calibration_error"], np.mean(errors))


def test_the_table_has_means_intervals_and_the_lead_of_the_frozen_network():
    auc = {"frozen network": [0.8, 0.9, 0.7], "whole network": [0.7, 0.85, 0.75]}
    rows = [
        {"reading": SHARES, "repetition": number, "model": model, "auc": value, "brier": 0.1}
        for model, values in auc.items()
        for number, value in enumerate(values)
    ]
    table = rich_table(pd.DataFrame(rows).assign(calibration_error=0.02))
    assert list(table.index) == [(model, SHARES) for model in auc]
    mean, half = table.loc[("whole network", SHARES), "lead"]
    lead = np.subtract(*auc.values())
    low, high = stats.t.interval(0.95, 2, loc=lead.mean(), scale=stats.sem(lead))
    assert (mean, half) == pytest.approx((lead.mean(), (high - low) / 2))
    mean, half = table.loc[("frozen network", SHARES), "auc"]
    assert mean == pytest.approx(0.8)
    assert table.loc[("frozen network", SHARES), "lead"].tolist() == [0, 0]
