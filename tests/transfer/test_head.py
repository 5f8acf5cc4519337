"""A head of one's own on the states of a frozen body."""

import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.validation import has_fit_parameter

from skspend import TransferClassifier, TransferRegressor


def last_states(states, bank):
    return states.pool_states(bank.data).astype(float)


def test_a_head_of_ones_own_reads_what_the_linear_head_reads(bank, ensemble, thirds):
    names = np.array(["low", "middle", "top"], dtype=object)[thirds]
    read = last_states(ensemble, bank)
    logistic = LogisticRegression(class_weight={"low": 2.0})
    for head in (logistic, make_pipeline(StandardScaler(), LinearSVC())):
        alone, model = clone(head).fit(read, names), TransferClassifier(ensemble, head=head)
        saved = pickle.loads(pickle.dumps(model.fit(bank.data, names)))
        for method in ("predict", "predict_proba", "decision_function"):
            assert hasattr(saved, method) == hasattr(alone, method)
            if hasattr(alone, method):
                np.testing.assert_array_equal(
                    getattr(saved, method)(bank.data), getattr(alone, method)(read)
                )
        np.testing.assert_array_equal(saved.classes_, alone.classes_)
    assert not hasattr(head, "classes_")
    assert len(model.coef_names_) == read.shape[1]


def test_a_linear_head_of_ones_own_is_the_exact_one(bank, states):
    exact = TransferRegressor(states, alpha=3.0).fit(bank.data, bank.liquidity)
    own = TransferRegressor(states, head=Ridge(3.0)).fit(bank.data, bank.liquidity)
    np.testing.assert_allclose(own.predict(bank.data), exact.predict(bank.data), rtol=1e-12)
    again = own.set_params(head=None, alpha=3.0).fit(bank.data, bank.liquidity)
    assert again.head_ is None
    assert hasattr(again, "coef_")


def test_a_head_of_ones_own_reads_a_random_body_and_the_panel_itself(bank, states):
    body = TransferRegressor(states, initialization="random", trainable="head", random_state=0)
    linear = body.fit(bank.data, bank.liquidity).predict(bank.data)
    own = body.set_params(head=LinearRegression()).fit(bank.data, bank.liquidity)
    np.testing.assert_allclose(own.predict(bank.data), linear, rtol=1e-6)
    assert len(own.weights_) == 3
    alone = LinearRegression().fit(bank.scores, bank.liquidity).predict(bank.scores)
    model = TransferRegressor(head=LinearRegression()).fit(bank.scores, bank.liquidity)
    np.testing.assert_array_equal(model.predict(bank.scores), alone)


def test_several_labels_are_for_heads_that_predict_several(bank, states, thirds):
    labels = np.column_stack([bank.default, thirds])
    forest = RandomForestClassifier(3, random_state=0)
    model = TransferClassifier(states, head=forest).fit(bank.data, labels)
    alone = clone(forest).fit(last_states(states, bank), labels)
    np.testing.assert_array_equal(
        model.predict(bank.data), alone.predict(last_states(states, bank))
    )
    assert len(model.predict_proba(bank.data)) == len(model.classes_) == 2
    with pytest.raises(ValueError, match="1d array"):
        model.set_params(head=LogisticRegression()).fit(bank.data, labels)


def test_a_search_sets_parameters_of_a_head(bank, states):
    model = TransferClassifier(states, head=LogisticRegression())
    search = GridSearchCV(model, {"head__C": [0.1, 10]}, cv=2, error_score="raise")
    best = search.fit(bank.data, bank.default).best_estimator_
    assert search.best_params_["head__C"] == best.head_.C


@pytest.mark.parametrize("routes", [False, True])
def test_weights_of_customers_reach_a_head_that_takes_them(bank, states, routes):
    weights = np.random.default_rng(0).uniform(0.5, 2, size=300)
    with config_context(enable_metadata_routing=routes):
        head = LogisticRegression()
        model = TransferClassifier(
            states, head=head.set_fit_request(sample_weight=True) if routes else head
        )
        model.fit(bank.data, bank.default, sample_weight=weights)
        read = last_states(states, bank)
        alone = LogisticRegression().fit(read, bank.default, sample_weight=weights)
        np.testing.assert_array_equal(model.head_.coef_, alone.coef_)
        model.set_params(class_weight={1: 3.0}).fit(bank.data, bank.default)
        alone.set_params(class_weight={1: 3.0}).fit(read, bank.default)
        np.testing.assert_allclose(model.head_.coef_, alone.coef_)
    without = TransferClassifier(states, head=KNeighborsClassifier())
    assert not has_fit_parameter(without, "sample_weight")
    with pytest.raises(ValueError, match="or one of your own whose fit takes it"):
        without.fit(bank.data, bank.default, sample_weight=weights)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (TransferClassifier(head=Ridge()), "must be a classifier, got a Ridge"),
        (TransferRegressor(head=SGDClassifier()), "must be a regressor, got a SGDClassifier"),
        (TransferRegressor(head=Ridge(), trainable="all"), "Pass engine='native', trainable"),
        (TransferRegressor(head=Ridge(), engine="scikeras"), "Pass engine='native', trainable"),
        (TransferRegressor(head=Ridge(), alpha="cv"), "Pass a number as alpha"),
        (
            TransferClassifier(head=KNeighborsClassifier(), class_weight="balanced"),
            "takes sample_weight, which that of KNeighborsClassifier does not",
        ),
        (TransferRegressor(head="forest"), "'head' parameter of TransferRegressor"),
    ],
)
def test_a_head_that_cannot_be_is_refused(bank, model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(bank.data, bank.default)
