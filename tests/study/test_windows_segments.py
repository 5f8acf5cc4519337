import numpy as np
import pandas as pd
import pytest

from skspend import BigFivePersonalityScorer, LSTMStateExtractor, SpendingAggregator
from skspend.study import window_study
from skspend.study._windows import METHODS


@pytest.fixture(scope="module")
def models(scorer):
    """A scorer, and an extractor that is trained just long enough to find segments."""
    return {"scorer": scorer, "extractor": LSTMStateExtractor(n_networks=2, epochs=8)}


@pytest.fixture(scope="module")
def study(bank_log, models):
    return window_study(bank_log, **models, periods=["half", 12])


def without_seconds(study):
    return study.drop(columns="seconds")


def test_there_is_a_row_for_each_length_and_method(study):
    assert study.columns.tolist() == [
        "window",
        "n_windows",
        "method",
        "n_segments",
        "kappa",
        "agreement",
        "ami",
        "accuracy",
        "seconds",
    ]
    assert study["window"].tolist() == ["half"] * 3 + [12] * 3
    assert study["n_windows"].tolist() == [6] * 3 + [3] * 3
    assert study["method"].tolist() == [*METHODS] * 2
    assert (study["seconds"] > 0).all()


def test_only_the_network_predicts_types(study):
    assert (study["accuracy"].notna() == (study["method"] == "states")).all()


def test_the_baseline_is_the_type_by_definition_and_needs_no_seed(study):
    baseline = study[study["method"] == "mean scores so far"]
    assert (baseline["ami"] == 1).all()
    assert baseline["agreement"].iloc[1] == 1
    assert (study.loc[study["method"] == "scores of the window", "ami"] < 0.5).all()


def test_results_are_kept_with_their_seconds(bank_log, models, study, tmp_path):
    first, again = (
        window_study(bank_log, **models, periods=[12], memory=str(tmp_path)) for _ in range(2)
    )
    expected = without_seconds(study).tail(3).reset_index(drop=True)
    found = without_seconds(first).astype({"window": object})
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    pd.testing.assert_frame_equal(again, first, check_exact=True)


def test_segments_from_single_windows_move_and_depend_on_the_window(larger_bank):
    scorer = BigFivePersonalityScorer(larger_bank.coefficients)
    models = {"scorer": scorer, "extractor": LSTMStateExtractor(n_networks=2, epochs=20)}
    study = window_study(larger_bank.data, **models, periods=["year", "half"])
    kappa = study.pivot(index="window", columns="method", values="kappa")
    assert (kappa["mean scores so far"] > kappa["scores of the window"] + 0.2).all()
    assert (kappa["states"] > kappa["scores of the window"] + 0.2).all()
    half = study[study["window"] == "half"].set_index("method")
    single, so_far = half.loc["scores of the window"], half.loc["mean scores so far"]
    assert single["agreement"] < so_far["agreement"] - 0.1
    assert single["ami"] < so_far["ami"] - 0.1


@pytest.mark.parametrize(
    "other",
    [{"random_state": 1}, {"extractor": LSTMStateExtractor.paper(2, epochs=2)}],
    ids=["seed", "extractor"],
)
def test_seeds_and_extractors_make_a_difference(bank_log, models, study, other):
    again = window_study(bank_log, **models | other, periods=[12])
    before = study.loc[study["window"] == 12, "accuracy"]
    assert again["accuracy"].iloc[0] != before.iloc[0]


def test_an_autoencoder_predicts_no_types(bank_log, scorer):
    extractor = LSTMStateExtractor.paper(2, objective="reconstruct", epochs=1, n_init=1)
    log = bank_log[np.arange(100)]
    study = window_study(log, scorer=scorer, extractor=extractor, periods=["year"])
    assert study["accuracy"].isna().all()


def test_the_aggregator_and_the_scorer_passed_in_stay_as_they_are(bank_log, bank):
    spend = SpendingAggregator(normalize="income", n_periods=2)
    scorer = BigFivePersonalityScorer(bank.coefficients, standardize=False)
    models = {"scorer": scorer, "extractor": LSTMStateExtractor(epochs=1)}
    study = window_study(bank_log[np.arange(60)], **models, spend=spend, periods=["year"])
    assert study["n_windows"].tolist() == [3] * 3
    assert (spend.period, spend.n_periods, spend.normalize) == ("year", 2, "income")
    assert scorer.standardize is False


@pytest.mark.parametrize(
    ("periods", "message"),
    [
        ([], "periods is empty"),
        (["fortnight"], "'fortnight'; expected 'year'"),
        ([True], "periods has True"),
        (["year", 19], "spans 36 months"),
    ],
)
def test_windows_that_cannot_be_compared_are_refused(bank_log, scorer, periods, message):
    with pytest.raises(ValueError, match=message):
        window_study(bank_log, scorer=scorer, periods=periods)


def test_an_extractor_that_is_none_is_refused(bank_log, scorer):
    with pytest.raises(TypeError, match=r"extractor is .* instance of a scikit-learn transformer"):
        window_study(bank_log, scorer=scorer, extractor=LSTMStateExtractor, periods=["year"])
