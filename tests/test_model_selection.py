import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline

from skspend import LSTMStateExtractor, SpendingAggregator, TransactionLog
from skspend.model_selection import OutOfTimeSplit, elbow, elbow_curve


def results(values, scores, std=0.01, n_splits=5, **more):
    """What a search gives: the scores of splits have the mean and the standard deviation asked."""
    deviations = np.linspace(-1, 1, n_splits)
    deviations *= std / deviations.std(ddof=1)
    splits = {
        f"split{i}_test_score": np.array(scores) + deviation
        for i, deviation in enumerate(deviations)
    }
    return {"param_n_units": np.ma.array(values), **splits, **more}


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [
        ([0.30, 0.50, 0.68, 0.70, 0.71, 0.715], 3),
        ([0.1, 0.6, 0.62, 0.63, 0.64, 0.65], 2),
        ([0.7, 0.6, 0.5, 0.4, 0.3, 0.2], 1),
        ([0.5, 0.5, 0.5, 0.5, 0.5, 0.5], 1),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 6),
        ([0.100, 0.200, 0.301, 0.400, 0.499, 0.6], 6),
        ([0.1, 0.2, 0.4, 0.7, 1.1, 1.6], 6),
        ([0.30, 0.50, 0.45, 0.69, 0.70, 0.71], 4),
        ([0.30, 0.50, 0.68, 0.70, 0.60, 0.50], 3),
        ([0.30, 0.50, 0.68, 0.68, 0.68, 0.68], 3),
        ([0.500, 0.503, 0.498, 0.502, 0.501, 0.499], 1),
        ([0.30, 0.68, 0.681, 0.682, 0.683, 0.684], 2),
        ([np.nan, 0.50, 0.68, 0.70, 0.71, 0.715], 3),
    ],
    ids=[
        "knee",
        "early knee",
        "falling",
        "flat",
        "straight",
        "straight with noise",
        "convex",
        "a dip",
        "a peak",
        "ties behind the knee",
        "noise alone",
        "a plateau",
        "a failed candidate",
    ],
)
def test_the_point_of_diminishing_returns_is_picked(scores, chosen):
    assert elbow("n_units")(results([1, 2, 3, 4, 5, 6], scores)) == chosen - 1


def test_two_values_give_the_smaller_one_within_a_standard_error():
    assert elbow("n_units")(results([2, 4], [0.699, 0.70], std=0.02)) == 0
    assert elbow("n_units")(results([2, 4], [0.5, 0.70], std=0.02)) == 1


def test_the_order_of_candidates_does_not_matter():
    scores = np.array([0.30, 0.50, 0.68, 0.70, 0.71, 0.715])
    order = [4, 0, 2, 5, 1, 3]
    index = elbow("n_units")(results(np.arange(1, 7)[order], scores[order]))
    assert order[index] + 1 == 3


def test_the_best_of_the_other_parameters_counts():
    values = np.repeat([1, 2, 3, 4, 5, 6], 2)
    scores = np.repeat([0.30, 0.50, 0.68, 0.70, 0.71, 0.715], 2) - np.tile([0.2, 0], 6)
    assert elbow("n_units")(results(values, scores)) == 5


def test_an_unknown_parameter_is_named():
    with pytest.raises(ValueError, match=r"no parameter 'units'. It varies: \['n_units'\]"):
        elbow("units")(results([1, 2], [0.1, 0.2]))


def test_a_search_that_failed_throughout_is_refused():
    with pytest.raises(ValueError, match="all 2 failed in a split"):
        elbow("n_units")(results([1, 2], [np.nan, np.nan]))


def test_it_refits_a_search_and_can_be_pickled(bank, scorer):
    rule = pickle.loads(pickle.dumps(elbow("n_units")))
    extractor = LSTMStateExtractor.paper(scorer=scorer, epochs=10, n_init=1, random_state=0)
    search = GridSearchCV(extractor, {"n_units": [1, 2, 3]}, cv=2, refit=rule).fit(bank.data)
    assert search.best_params_["n_units"] == len(search.best_estimator_.weights_[1])


def test_the_scores_of_training_are_no_splits():
    train = {f"split{i}_train_score": np.ones(6) for i in range(5)}
    scores = [0.30, 0.50, 0.68, 0.70, 0.71, 0.715]
    curve = elbow_curve(results([1, 2, 3, 4, 5, 6], scores, **train), "n_units")
    np.testing.assert_allclose(curve["score"], scores)
    np.testing.assert_allclose(curve["error"], 0.01 / np.sqrt(5))


def test_the_interval_is_that_of_student():
    curve = elbow_curve(results([1], [0.5], std=0.1, n_splits=20), "n_units")
    reach = 2.093024 * 0.1 / np.sqrt(20)
    assert curve.loc[0, ["low", "high"]].tolist() == pytest.approx([0.5 - reach, 0.5 + reach])


def test_one_split_gives_a_curve_without_an_interval():
    scores = [0.30, 0.50, 0.68, 0.70, 0.71, 0.715]
    one = {"param_n_units": np.arange(1, 7), "split0_test_score": np.array(scores)}
    assert elbow_curve(one, "n_units")["low"].isna().all()
    assert elbow("n_units")(one) == 2


def test_candidates_of_another_grid_do_not_count():
    values = np.ma.array([1, 2, 3, 4, 5, 6, 0], mask=[0, 0, 0, 0, 0, 0, 1])
    scores = [0.30, 0.50, 0.68, 0.70, 0.71, 0.715, 0.99]
    assert elbow("n_units")(results(values, scores)) == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"param_n_units": np.ma.array([(4,), (4, 2)], dtype=object)},
            "numbers, but 'n_units'",
        ),
        ({"param_n_units": np.ma.array(["few", "many"])}, r"values such as 'few'"),
        ({"split0_test_score": None}, "one metric"),
    ],
    ids=["tuples", "words", "several metrics"],
)
def test_a_search_without_a_curve_is_refused(wrong, message):
    found = results([1, 2], [0.1, 0.2], n_splits=2) | wrong
    if "split0_test_score" in wrong:
        found = {name.replace("_score", "_r2"): value for name, value in found.items()}
    with pytest.raises(ValueError, match=message):
        elbow("n_units")(found)


def dated_log(n_customers=60, n_days=60, seed=0):
    """Customers with one transaction, and a decision on a day of their own."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer": range(n_customers),
            "date": "2022-12-30",
            "category": generator.choice(["pets", "rent"], n_customers),
            "amount": 1.0,
        }
    )
    after = generator.integers(0, n_days, n_customers)
    days = pd.Series(pd.Timestamp("2023-01-01") + pd.to_timedelta(after, "D"))
    return TransactionLog(frame, cutoff=days), days


@pytest.mark.parametrize("horizon", [0, 7])
@pytest.mark.parametrize("n_splits", [1, 3])
def test_all_labels_of_the_fit_are_known_before_the_first_decision_that_judges(n_splits, horizon):
    log, days = dated_log()
    splitter = OutOfTimeSplit(n_splits, horizon=horizon)
    splits = list(splitter.split(log))
    assert len(splits) == splitter.get_n_splits() == n_splits
    for earlier, later in splits:
        assert days[earlier].max() + pd.Timedelta(days=horizon) < days[later].min()
    judged = np.concatenate([later for _, later in splits])
    assert len(np.unique(judged)) == len(judged) >= 60 * n_splits / (n_splits + 1) - 5


def test_customers_of_one_day_are_in_one_part():
    log, days = dated_log(n_days=5)
    for _, later in OutOfTimeSplit(2).split(log):
        assert not set(days[later]) & set(days.drop(later))


def test_pipelines_and_searches_are_validated_out_of_time():
    log, _ = dated_log()
    y = np.arange(60) % 2
    model = make_pipeline(SpendingAggregator(n_periods=1), LogisticRegression())
    found = cross_validate(model, log, y, cv=OutOfTimeSplit(2))
    assert np.isfinite(found["test_score"]).all()
    search = GridSearchCV(model, {"logisticregression__C": [0.1, 1]}, cv=OutOfTimeSplit(2))
    assert search.fit(log, y).n_splits_ == 2


def test_one_last_day_for_all_customers_cannot_be_split_by_time():
    log, _ = dated_log(n_days=1)
    with pytest.raises(ValueError, match="1 different last days, too few for 3 splits"):
        list(OutOfTimeSplit().split(log))
    with pytest.raises(TypeError, match=r"needs a TransactionLog.*got ndarray"):
        list(OutOfTimeSplit().split(np.ones((3, 2))))
