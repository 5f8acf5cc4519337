import pickle

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from skspend import LSTMStateExtractor
from skspend.model_selection import elbow


def results(values, scores, std=0.01, n_splits=5, **more):
    splits = {f"split{i}_test_score": np.array(scores) for i in range(n_splits)}
    return {
        "param_n_units": np.array(values),
        "mean_test_score": np.array(scores, dtype=float),
        "std_test_score": np.full(len(scores), std),
        **splits,
        **more,
    }


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [
        ([0.30, 0.50, 0.68, 0.70, 0.71, 0.715], 3),
        ([0.1, 0.6, 0.62, 0.63, 0.64, 0.65], 2),
        ([0.7, 0.6, 0.5, 0.4, 0.3, 0.2], 1),
        ([0.5, 0.5, 0.5, 0.5, 0.5, 0.5], 1),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 6),
        ([np.nan, 0.50, 0.68, 0.70, 0.71, 0.715], 3),
    ],
    ids=["knee", "early knee", "falling", "flat", "straight", "a failed candidate"],
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
    with pytest.raises(ValueError, match="All candidates"):
        elbow("n_units")(results([1, 2], [np.nan, np.nan]))


def test_it_refits_a_search_and_can_be_pickled(bank, scorer):
    rule = pickle.loads(pickle.dumps(elbow("n_units")))
    extractor = LSTMStateExtractor(scorer=scorer, epochs=10, n_init=1, random_state=0)
    search = GridSearchCV(extractor, {"n_units": [1, 2, 3]}, cv=2, refit=rule).fit(bank.data)
    assert search.best_params_["n_units"] == len(search.best_estimator_.weights_[1])
