import copy
import os
import pickle
import random

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, ShuffleSplit

from skspend import (
    FeedForwardExtractor,
    LSTMStateExtractor,
    TransferClassifier,
    TransferRegressor,
)
from skspend.datasets import make_spending
from skspend.networks import _training as training
from skspend.panel import fold
from skspend.transfer import _base

HOW_IT_STARTS_AND_TRAINS = [
    ("pretrained", None, "head"),
    ("pretrained", "head", "head"),
    ("pretrained", "all", "all"),
    ("random", None, "all"),
    ("random", "all", "all"),
    ("random", "head", "head"),
]
"""Initialization, what trainable says, and what it means."""


@pytest.fixture(scope="module")
def states(bank, scorer):
    extractor = LSTMStateExtractor(4, scorer=scorer, epochs=5, random_state=0)
    return FrozenEstimator(extractor.fit(bank.data))


@pytest.fixture(scope="module")
def features(bank):
    """An autoencoder with a decoder of its own."""
    extractor = FeedForwardExtractor(3, (4,), objective="reconstruct", epochs=5, random_state=0)
    return FrozenEstimator(extractor.fit(bank.data))


@pytest.fixture(scope="module")
def thirds(bank):
    """A label of three classes."""
    return np.digitize(bank.liquidity, np.quantile(bank.liquidity, [1 / 3, 2 / 3]))


@pytest.mark.parametrize(
    ("extractor", "n_categories", "n_weights", "n_head"),
    [(LSTMStateExtractor(4), 97, 1637, 5), (FeedForwardExtractor(5), 99, 506, 6)],
    ids=["LSTM", "feed-forward"],
)
@pytest.mark.parametrize(("initialization", "trainable", "trained"), HOW_IT_STARTS_AND_TRAINS)
@pytest.mark.parametrize("transfer", [TransferRegressor, TransferClassifier])
def test_weights_are_those_of_tables_1_and_2(
    transfer, extractor, n_categories, n_weights, n_head, initialization, trainable, trained
):
    bank = make_spending(150, 6, n_categories, random_state=0)
    extractor = clone(extractor).set_params(objective="reconstruct", epochs=1, n_init=1)
    body = FrozenEstimator(extractor.fit(bank.data))
    model = transfer(body, initialization=initialization, trainable=trainable, epochs=1).fit(
        bank.data, bank.default
    )
    assert model.n_weights_ == sum(array.size for array in model.weights_) == n_weights
    assert model.n_trainable_weights_ == (n_head if trained == "head" else n_weights)


def test_the_head_reads_the_mean_of_feed_forward_features(bank, scorer):
    features = FeedForwardExtractor(4, scorer=scorer, epochs=5, random_state=0).fit(bank.data)
    mean = fold(features.transform(bank.data).to_numpy(), 3).mean(axis=1)
    model = TransferRegressor(FrozenEstimator(features)).fit(bank.data, bank.liquidity)
    exact = LinearRegression().fit(mean, bank.liquidity)
    np.testing.assert_allclose(model.predict(bank.data), exact.predict(mean), rtol=1e-4)
    scratch = TransferRegressor(FrozenEstimator(features), initialization="random", random_state=0)
    assert scratch.fit(bank.data, bank.liquidity).score(bank.data, bank.liquidity) > 0.3


@pytest.mark.parametrize(
    "extractor",
    [
        LSTMStateExtractor(2, (5,), n_layers=2, objective="reconstruct", l2=0.01),
        LSTMStateExtractor(4, objective="reconstruct", state="both"),
        FeedForwardExtractor(2, (6, 4), objective="reconstruct"),
    ],
    ids=["layers", "cells", "decoder"],
)
def test_the_head_reads_the_states_of_the_last_layer_alone(bank, extractor):
    extractor = clone(extractor).set_params(epochs=2, n_init=1, random_state=0).fit(bank.data)
    body = FrozenEstimator(extractor)
    model = TransferRegressor(body).fit(bank.data, bank.liquidity)
    read = extractor.pool_states(bank.data)
    assert read.shape[1] == model.n_trainable_weights_ - 1 == extractor.n_units
    exact = LinearRegression().fit(read, bank.liquidity)
    np.testing.assert_allclose(model.predict(bank.data), exact.predict(read), atol=1e-5)
    trained = TransferRegressor(body, trainable="all", epochs=5, random_state=0)
    n_body = extractor.network_.n_body_weights
    assert trained.fit(bank.data, bank.liquidity).n_weights_ == n_body + extractor.n_units + 1
    r2 = [it.score(bank.data, bank.liquidity) for it in (model, trained)]
    assert r2[1] > r2[0]


def test_the_head_is_least_squares_on_the_last_state(bank, states):
    last = fold(states.transform(bank.data).to_numpy(), 3)[:, -1]
    model = TransferRegressor(states).fit(bank.data, bank.liquidity)
    exact = LinearRegression().fit(last, bank.liquidity)
    np.testing.assert_allclose(model.coef_, exact.coef_, rtol=1e-5)
    np.testing.assert_allclose(model.predict(bank.data), exact.predict(last), atol=1e-6)


def test_a_penalty_makes_the_head_a_ridge_regression(bank, states):
    last = fold(states.transform(bank.data).to_numpy(), 3)[:, -1]
    both = np.stack([bank.liquidity, bank.default], axis=1)
    weights = np.random.default_rng(0).uniform(0.5, 2, size=len(last))
    for y, sample_weight in ((bank.liquidity, None), (bank.liquidity, weights), (both, None)):
        model = TransferRegressor(states, alpha=3.0).fit(bank.data, y, sample_weight=sample_weight)
        exact = Ridge(3.0).fit(last, y, sample_weight)
        np.testing.assert_allclose(model.predict(bank.data), exact.predict(last), atol=1e-6)
    assert model.n_trainable_weights_ == 10
    exact, shrunk = (TransferRegressor(states, alpha=alpha) for alpha in (0, 1e9))
    assert np.abs(shrunk.fit(bank.data, bank.liquidity).coef_).max() < 1e-3
    assert np.abs(exact.fit(bank.data, bank.liquidity).coef_).max() > 1e-2


def test_without_an_extractor_it_is_linear_regression(bank):
    model = TransferRegressor().fit(bank.scores, bank.liquidity)
    exact = LinearRegression().fit(bank.scores, bank.liquidity)
    np.testing.assert_allclose(model.predict(bank.scores), exact.predict(bank.scores))
    assert model.n_weights_ == model.n_trainable_weights_ == 6


def test_the_pretrained_body_is_left_alone(bank, states):
    before = [w.copy() for w in states.weights_]
    for initialization in ("pretrained", "random"):
        TransferRegressor(states, initialization=initialization, epochs=2).fit(
            bank.data, bank.liquidity
        )
    for kept, weight in zip(before, states.weights_, strict=True):
        np.testing.assert_array_equal(weight, kept)


def test_the_random_network_learns_what_it_is_shown(bank, states):
    model = TransferRegressor(states, initialization="random", random_state=0).fit(
        bank.data, bank.liquidity
    )
    assert model.score(bank.data, bank.liquidity) > 0.5
    assert model.coef_.shape == (4,)


def test_several_labels_at_once(bank, states):
    labels = np.column_stack([bank.default, bank.liquidity])
    for initialization in ("pretrained", "random"):
        model = TransferRegressor(states, initialization=initialization, epochs=2).fit(
            bank.data, labels
        )
        assert model.predict(bank.data).shape == (300, 2)
        assert model.n_weights_ == 4 * 4 * (24 + 4 + 1) + 10


@pytest.mark.parametrize("transfer", [TransferRegressor, TransferClassifier])
def test_sample_weights_are_repetitions(bank, states, transfer):
    weights = np.random.default_rng(0).integers(0, 3, size=300)
    repeated = np.repeat(np.arange(300), weights)
    weighted = transfer(states).fit(bank.data, bank.default, weights)
    again = transfer(states).fit(bank.data.iloc[repeated], bank.default.iloc[repeated])
    np.testing.assert_allclose(weighted.coef_, again.coef_, rtol=1e-4)
    np.testing.assert_allclose(weighted.intercept_, again.intercept_, rtol=1e-4)


def test_a_search_keeps_the_frozen_body(bank, states):
    search = GridSearchCV(
        TransferRegressor(states, epochs=2, random_state=0),
        {"initialization": ["pretrained", "random"]},
        cv=ShuffleSplit(2, train_size=100, test_size=150, random_state=0),
        scoring="neg_mean_squared_error",
    ).fit(bank.data, bank.liquidity)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.extractor is states


@pytest.mark.parametrize("alpha", [0, 1, 30])
@pytest.mark.parametrize("class_weight", [None, "balanced", {1: 3.0}])
def test_the_head_of_classes_is_logistic_regression(bank, states, alpha, class_weight):
    last = fold(states.transform(bank.data).to_numpy(), 3)[:, -1].astype(float)
    weights = np.random.default_rng(0).uniform(0.5, 2, size=len(last))
    model = TransferClassifier(states, alpha=alpha, class_weight=class_weight)
    exact = LogisticRegression(
        C=1 / alpha if alpha else np.inf, class_weight=class_weight, tol=1e-6, max_iter=1000
    )
    for sample_weight in (None, weights):
        model.fit(bank.data, bank.default, sample_weight=sample_weight)
        exact.fit(last, bank.default, sample_weight)
        told = model.predict_proba(bank.data)
        np.testing.assert_allclose(told, exact.predict_proba(last), atol=1e-6)
        np.testing.assert_array_equal(model.predict(bank.data), told[:, 1] > 0.5)


@pytest.mark.parametrize("initialization", ["pretrained", "random"])
def test_more_than_two_classes_have_a_head_each(bank, features, thirds, initialization):
    model = TransferClassifier(features, initialization=initialization, random_state=0).fit(
        bank.data, thirds
    )
    told = model.predict_proba(bank.data)
    assert told.shape == (300, 3)
    np.testing.assert_allclose(told.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(model.predict(bank.data), told.argmax(axis=1))
    assert model.coef_.shape == (3, 3)
    assert model.intercept_.shape == (3,)
    assert model.score(bank.data, thirds) > 0.38


def test_several_labels_at_once_are_told_as_each_by_itself(bank, states, thirds):
    labels = np.column_stack([bank.default, thirds])
    model = TransferClassifier(states).fit(bank.data, labels)
    alone = [TransferClassifier(states).fit(bank.data, label) for label in labels.T]
    for told, classes, one in zip(
        model.predict_proba(bank.data), model.classes_, alone, strict=True
    ):
        np.testing.assert_allclose(told, one.predict_proba(bank.data), rtol=1e-5)
        np.testing.assert_array_equal(classes, one.classes_)
    both = np.column_stack([one.predict(bank.data) for one in alone])
    np.testing.assert_array_equal(model.predict(bank.data), both)
    np.testing.assert_array_equal(model.coef_, np.vstack([one.coef_ for one in alone]))
    assert model.n_trainable_weights_ == (1 + 3) * 5


@pytest.mark.parametrize("initialization", ["pretrained", "random"])
@pytest.mark.parametrize(
    "names",
    [["no", "yes"], np.array(["no", "yes"], dtype=object), [False, True], [-1.0, 2.0], [[3], [7]]],
    ids=["text", "objects", "booleans", "floats", "column"],
)
def test_classes_may_have_any_names(bank, states, initialization, names):
    model = TransferClassifier(states, initialization=initialization, epochs=5, random_state=0)
    numbers = model.fit(bank.data, bank.default).predict(bank.data)
    if initialization == "random":
        assert set(numbers) == {0, 1}
    names = np.asarray(names)
    model.fit(bank.data, names[bank.default])
    np.testing.assert_array_equal(model.classes_, names.ravel())
    np.testing.assert_array_equal(model.predict(bank.data), names.ravel()[numbers])


@pytest.mark.parametrize("how", [{}, {"trainable": "all"}, {"initialization": "random"}])
def test_class_weights_count_in_every_training(bank, states, how):
    def mean_chance(class_weight):
        model = TransferClassifier(
            states, class_weight=class_weight, epochs=5, random_state=0, **how
        )
        return model.fit(bank.data, bank.default).predict_proba(bank.data)[:, 1].mean()

    n_customers = np.bincount(bank.default)
    balanced = dict(enumerate(300 / (2 * n_customers)))
    assert mean_chance({1: 5}) > mean_chance(None) + 0.05
    assert mean_chance({1: 5}) == mean_chance({0: 1, 1: 5})
    assert mean_chance("balanced") == pytest.approx(mean_chance(balanced))


def test_one_column_of_labels_is_one_label(bank, states):
    column = bank.liquidity.to_numpy()[:, None]
    for initialization in ("pretrained", "random"):
        model = TransferRegressor(states, initialization=initialization, epochs=2, random_state=0)
        flat = model.fit(bank.data, bank.liquidity).predict(bank.data)
        np.testing.assert_array_equal(model.fit(bank.data, column).predict(bank.data), flat)
        assert model.coef_.shape == (4,)
        assert isinstance(model.intercept_, float)


@pytest.mark.parametrize("transfer", [TransferRegressor, TransferClassifier])
def test_coefficients_have_the_names_of_what_they_weigh(bank, states, features, transfer):
    def names(extractor, X):
        model = transfer(extractor).fit(X, bank.default)
        assert np.atleast_2d(model.coef_).shape == (1, len(model.coef_names_))
        return model.coef_names_.tolist()

    assert names(states, bank.data) == [f"year3|state{unit}" for unit in range(4)]
    assert names(features, bank.data) == [f"mean|state{unit}" for unit in range(3)]
    assert names(None, bank.scores) == bank.scores.columns.tolist()
    assert names(None, bank.scores.to_numpy()) == [f"x{number}" for number in range(5)]
    cube = fold(bank.data.to_numpy(), 3)
    nameless = FrozenEstimator(clone(features.estimator).fit(cube))
    assert names(nameless, cube) == names(features, bank.data)
    nameless = FrozenEstimator(LSTMStateExtractor(2, objective="reconstruct", epochs=1).fit(cube))
    assert names(nameless, cube) == ["period3|state0", "period3|state1"]


@pytest.mark.parametrize("transfer", [TransferRegressor, TransferClassifier])
@pytest.mark.parametrize(("initialization", "trainable", "trained"), HOW_IT_STARTS_AND_TRAINS)
def test_single_precision_tells_the_same(
    bank, states, transfer, initialization, trainable, trained
):
    model = transfer(
        states, initialization=initialization, trainable=trainable, epochs=2, random_state=0
    )
    method = "predict_proba" if transfer is TransferClassifier else "predict"
    single = bank.data.astype(np.float32)
    in_double = getattr(model.fit(bank.data, bank.default), method)(bank.data)
    in_single = getattr(model.fit(single, bank.default), method)(single)
    np.testing.assert_allclose(in_single, in_double, atol=2e-3)


@pytest.mark.parametrize("transfer", [TransferRegressor, TransferClassifier])
def test_a_pretrained_body_is_trained_on_from_its_solved_head(bank, states, transfer):
    solved = transfer(states).fit(bank.data, bank.default)
    further = transfer(states, trainable="all", epochs=1, learning_rate=1e-9, random_state=0)
    further.fit(bank.data, bank.default)
    for weight, start in zip(further.weights_, solved.weights_, strict=True):
        np.testing.assert_allclose(weight, start, rtol=1e-4, atol=1e-5)
    further.set_params(learning_rate=0.01, epochs=20).fit(bank.data, bank.default)
    assert further.score(bank.data, bank.default) > solved.score(bank.data, bank.default)


def test_what_made_pretraining_harder_ends_with_it(bank, states):
    def train(**penalties):
        body = copy.deepcopy(states.estimator)
        body.network_ = body.network_._replace(**penalties)
        model = TransferRegressor(FrozenEstimator(body), trainable="all", epochs=2, random_state=0)
        return model.fit(bank.data, bank.liquidity).weights_

    free = train(state_noise=0.0, step_penalty=0.0, l2=0.0)
    for weight, same in zip(free, train(state_noise=1.0, step_penalty=1.0, l2=1.0), strict=True):
        np.testing.assert_array_equal(weight, same)


def test_a_random_body_is_the_same_under_a_solved_head_and_in_training(bank, states):
    under_head = TransferRegressor(
        states, initialization="random", trainable="head", random_state=0
    )
    in_training = TransferRegressor(
        states, initialization="random", epochs=1, learning_rate=1e-9, random_state=0
    )
    bodies = [
        model.fit(bank.data, bank.liquidity).weights_[:3] for model in (under_head, in_training)
    ]
    for one, other, pretrained in zip(*bodies, states.weights_, strict=False):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
        assert not np.allclose(one, pretrained, atol=0.1)


@pytest.mark.parametrize("transfer", [TransferRegressor, TransferClassifier])
@pytest.mark.parametrize(("initialization", "trainable", "n_times"), [
    ("pretrained", "head", 1), ("pretrained", "all", 1), ("random", "head", 1), ("random", "all", 0)
])  # fmt: skip
def test_features_are_computed_once_per_fit(
    bank, states, monkeypatch, transfer, initialization, trainable, n_times
):
    encode, calls = _base.encode, []

    def counted(*arguments):
        calls.append(arguments)
        return encode(*arguments)

    monkeypatch.setattr(_base, "encode", counted)
    transfer(states, initialization=initialization, trainable=trainable, epochs=3).fit(
        bank.data, bank.default
    )
    assert len(calls) == n_times


@pytest.mark.parametrize(
    ("start", "change"),
    [
        ({}, {"epochs": 3}),
        ({}, {"batch_size": 300}),
        ({}, {"learning_rate": 0.02}),
        ({}, {"random_state": 1}),
        ({}, {"early_stopping": True}),
        ({"early_stopping": True}, {"validation_fraction": 0.5}),
    ],
    ids=lambda changes: ",".join(changes),
)
@pytest.mark.parametrize("transfer", [TransferRegressor, TransferClassifier])
def test_every_parameter_of_training_matters_and_the_seed_decides_the_rest(
    bank, features, transfer, start, change
):
    model = transfer(features, initialization="random", epochs=5, random_state=0).set_params(
        **start
    )
    weights = model.fit(bank.data, bank.default).weights_
    for weight, again in zip(
        weights, clone(model).fit(bank.data, bank.default).weights_, strict=True
    ):
        np.testing.assert_array_equal(weight, again)
    changed = model.set_params(**change).fit(bank.data, bank.default).weights_
    assert not np.array_equal(weights[0], changed[0])


@pytest.mark.parametrize("transfer", [TransferRegressor, TransferClassifier])
def test_early_stopping_waits_for_so_many_epochs_and_keeps_the_best(
    bank, features, monkeypatch, transfer
):
    losses, mean_loss = [], training.mean_loss

    def noted(*arguments):
        losses.append(mean_loss(*arguments))
        return losses[-1]

    monkeypatch.setattr(training, "mean_loss", noted)
    model = transfer(
        features,
        initialization="random",
        early_stopping=True,
        learning_rate=0.1,
        epochs=200,
        random_state=0,
    )
    n_epochs = []
    for n_iter_no_change in (1, 5):
        losses.clear()
        model.set_params(n_iter_no_change=n_iter_no_change).fit(bank.data, bank.default)
        n_epochs.append(len(losses))
        assert len(losses) == int(np.argmin(losses)) + 1 + n_iter_no_change
    assert n_epochs[0] < n_epochs[1] < 200
    best, n_best = model.weights_, len(losses) - n_iter_no_change
    until_then = model.set_params(epochs=n_best).fit(bank.data, bank.default).weights_
    for weight, kept in zip(until_then, best, strict=True):
        np.testing.assert_array_equal(weight, kept)


def test_a_solved_head_needs_no_early_stopping(bank, features):
    heads = [
        TransferClassifier(features, early_stopping=stop).fit(bank.data, bank.default).coef_
        for stop in (False, True)
    ]
    np.testing.assert_array_equal(*heads)


def test_those_held_out_have_no_part_in_the_solved_head(bank, states):
    solved = TransferRegressor(states).fit(bank.data, bank.liquidity)
    model = TransferRegressor(
        states, trainable="all", early_stopping=True, validation_fraction=0.5, epochs=1,
        learning_rate=1e-9, random_state=0,
    )  # fmt: skip
    model.fit(bank.data, bank.liquidity)
    assert np.abs(model.coef_ - solved.coef_).max() > 0.01


def refuse(model, X, y, message, error=ValueError, **arguments):
    with pytest.raises(error, match=message):
        model.fit(X, y, **arguments)


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (TransferRegressor(LSTMStateExtractor()), NotFittedError, "FrozenEstimator"),
        (TransferClassifier(FeedForwardExtractor()), NotFittedError, "keeps it fitted"),
        (TransferRegressor(PCA()), ValueError, "or a FeedForwardExtractor, got a PCA"),
        (TransferRegressor(FrozenEstimator(PCA())), ValueError, "got a PCA"),
        (TransferRegressor(None, initialization="random"), ValueError, "extractor=None"),
        (TransferClassifier(trainable="all"), ValueError, "trainable='all' train the network"),
        (TransferRegressor(model=print), ValueError, "pass engine='scikeras' with it"),
        (
            TransferRegressor(LSTMStateExtractor(), model=print, engine="scikeras"),
            ValueError,
            "model= or extractor=, not both",
        ),
        *(
            (
                TransferClassifier(model=print, engine="scikeras", **how),
                ValueError,
                "trainable= and initialization= are for the network of an extractor",
            )
            for how in ({"trainable": "head"}, {"initialization": "random"})
        ),
        *(
            (transfer(**{name: wrong}), ValueError, f"'{name}' parameter of {transfer.__name__}")
            for transfer in (TransferRegressor, TransferClassifier)
            for name, wrong in {
                "extractor": "LSTM",
                "initialization": "lucky",
                "trainable": "body",
                "alpha": -1,
                "engine": "keras",
                "model": "LSTM",
                "epochs": 0,
                "batch_size": 0,
                "learning_rate": 0,
                "early_stopping": "yes",
                "validation_fraction": 1,
                "n_iter_no_change": 0,
                "random_state": "seed",
            }.items()
        ),
        (TransferClassifier(class_weight="equal"), ValueError, "'class_weight' parameter"),
    ],
)
def test_parameters_that_cannot_be_are_refused(bank, model, error, message):
    refuse(model, bank.data, bank.default, message, error)


@pytest.mark.parametrize("how", [{}, {"trainable": "all"}, {"initialization": "random"}])
def test_labels_that_cannot_be_are_refused(bank, states, how):
    regressor, classifier = TransferRegressor(states, **how), TransferClassifier(states, **how)
    X, missing = bank.data, bank.default.astype(float)
    missing.iloc[7] = np.nan
    for model in (regressor, classifier):
        refuse(model, X, None, "requires y to be passed")
        refuse(model, X, missing, "y contains NaN")
        refuse(model, X, bank.default[:5], "inconsistent numbers of samples")
    refuse(regressor, X, np.repeat("much", 300), "could not convert string to float")
    refuse(classifier, X, np.repeat("never", 300), "one class only, 'never'")
    refuse(classifier, X, bank.liquidity, "Unknown label type: continuous")
    unknown = classifier.set_params(class_weight={0: 1, 1: 2, "often": 3})
    refuse(unknown, X, bank.default, r"names \['often'\], but the classes of y are \[0, 1\]")


def test_several_labels_of_which_one_is_no_choice_are_refused(bank, states):
    labels = np.column_stack([bank.default, np.ones(300)])
    refuse(TransferClassifier(states), bank.data, labels, "one class only, 1.0")


@pytest.mark.parametrize(
    "how", [{"trainable": "all"}, {"initialization": "random"}, {"engine": "scikeras"}]
)
def test_several_labels_of_classes_for_a_network_in_training_are_refused(bank, states, how):
    labels = np.column_stack([bank.default, bank.default])
    refuse(TransferClassifier(states, **how), bank.data, labels, "MultiOutputClassifier")


@pytest.mark.parametrize("transfer", [TransferRegressor, TransferClassifier])
@pytest.mark.parametrize(
    "how", [{"trainable": "all"}, {"initialization": "random"}, {"engine": "scikeras"}]
)
def test_sample_weights_for_a_network_in_training_are_refused(bank, states, transfer, how):
    message = "sample_weight needs a head that is solved exactly"
    refuse(transfer(states, **how), bank.data, bank.default, message, sample_weight=np.ones(300))


@pytest.mark.parametrize("transfer", [TransferRegressor, TransferClassifier])
@pytest.mark.parametrize(
    ("sample_weight", "message"),
    [(np.zeros(300), "at least one non-zero"), (np.ones(7), "shape"), ([np.nan] * 300, "NaN")],
    ids=["zeros", "few", "NaN"],
)
def test_sample_weights_that_weigh_nothing_are_refused(
    bank, states, transfer, sample_weight, message
):
    refuse(transfer(states), bank.data, bank.default, message, sample_weight=sample_weight)


def test_too_few_customers_to_hold_out_are_refused(bank, states):
    once = np.zeros(300, dtype=int)
    once[0] = 1
    for y, fraction in ((once, 0.2), (bank.default, 0.001), (bank.default, 0.999)):
        model = TransferClassifier(
            states, initialization="random", early_stopping=True, validation_fraction=fraction
        )
        refuse(model, bank.data, y, f"cannot hold out validation_fraction={fraction} of 300")


def test_a_panel_of_other_periods_than_the_extractor_knows_is_refused(bank, states):
    two = bank.data.iloc[:, : 2 * 24]
    refuse(TransferRegressor(states), two, bank.liquidity, "feature names should match")
    cube = fold(bank.data.to_numpy(), 3)
    nameless = FrozenEstimator(LSTMStateExtractor(2, objective="reconstruct", epochs=1).fit(cube))
    refuse(TransferRegressor(nameless), cube[:, :2], bank.liquidity, "expecting 72 features")
    other = cube.reshape(300, 4, 18)
    refuse(TransferRegressor(nameless), other, bank.liquidity, "the estimator was fitted on 3")


def test_a_training_that_diverges_is_refused(bank, states):
    model = TransferRegressor(states, initialization="random", learning_rate=1e30, random_state=0)
    refuse(model, bank.data, bank.liquidity, "smaller learning_rate")


@pytest.mark.parametrize(
    ("transfer", "body", "label", "how"),
    [
        (TransferRegressor, "states", "liquidity", {"initialization": "random"}),
        (TransferRegressor, "features", "both", {"trainable": "all"}),
        (TransferClassifier, "states", "thirds", {"trainable": "all", "class_weight": "balanced"}),
        (
            TransferClassifier,
            "features",
            "default",
            {
                "initialization": "random",
                "class_weight": {1: 8},
                "early_stopping": True,
                "n_iter_no_change": 1,
                "learning_rate": 0.5,
                "random_state": 1,
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_both_engines_train_a_network_alike_on_full_batches(
    request, bank, thirds, transfer, body, label, how
):
    labels = {
        "liquidity": 3 * bank.liquidity + 10,
        "default": bank.default,
        "both": np.column_stack([bank.liquidity, bank.default]),
        "thirds": thirds,
    }
    model = transfer(request.getfixturevalue(body), batch_size=300, epochs=12, random_state=0)
    model.set_params(**how)
    method = "predict_proba" if transfer is TransferClassifier else "predict"
    native, by_keras = (
        getattr(model.set_params(engine=engine).fit(bank.data, labels[label]), method)(bank.data)
        for engine in ("native", "scikeras")
    )
    np.testing.assert_allclose(by_keras, native, atol=1e-3 * np.ptp(native))


@pytest.mark.parametrize(
    ("transfer", "body", "initialization", "label"),
    [
        (TransferRegressor, "states", "pretrained", "liquidity"),
        (TransferClassifier, "features", "random", "thirds"),
    ],
    ids=["regressor", "classifier"],
)
def test_keras_nears_the_solved_head(request, bank, thirds, transfer, body, initialization, label):
    y = thirds if label == "thirds" else 3 * bank.liquidity + 10
    model = transfer(
        request.getfixturevalue(body), initialization=initialization, trainable="head", alpha=30,
        batch_size=300, epochs=50, learning_rate=0.05, random_state=0,
    )  # fmt: skip
    method = "predict_proba" if transfer is TransferClassifier else "predict"
    exact = model.fit(bank.data, y)
    weights, told = exact.weights_, getattr(exact, method)(bank.data)
    near = model.set_params(engine="scikeras").fit(bank.data, y)
    np.testing.assert_allclose(getattr(near, method)(bank.data), told, atol=np.ptp(told) / 20)
    for weight, frozen in zip(near.weights_[:-2], weights[:-2], strict=True):
        np.testing.assert_array_equal(weight, frozen)
    assert near.n_trainable_weights_ == exact.coef_.size + np.size(exact.intercept_)


@pytest.fixture
def own_model():
    """A model of a user's own with layers that are a function, are frozen or draw at random."""
    import keras

    last = keras.layers.Lambda(lambda panel: panel[:, -1])
    frozen = keras.layers.Dense(3, activation="tanh", trainable=False)
    layers = [last, frozen, keras.layers.Dropout(0.1), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((3, 24)), *layers])
    model.compile("adam", "mse")
    return model


def test_a_model_of_ones_own_is_copied_trained_and_saved(bank, own_model):
    given = own_model.get_weights()
    model = TransferRegressor(engine="scikeras", model=own_model, epochs=2, random_state=0)
    model.fit(bank.data, bank.liquidity)
    told = model.predict(bank.data)
    for weight, before in zip(own_model.get_weights(), given, strict=True):
        np.testing.assert_array_equal(weight, before)
    assert own_model.optimizer.iterations == 0
    trained = model.keras_.get_weights()
    np.testing.assert_array_equal(trained[0], given[0])
    assert not np.array_equal(trained[2], given[2])
    assert (model.n_weights_, model.n_trainable_weights_) == (24 * 3 + 3 + 4, 4)
    assert told.shape == (300,)
    assert clone(model).model is own_model
    for same in (
        clone(model).fit(bank.data, bank.liquidity),
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        copy.copy(model),
    ):
        np.testing.assert_array_equal(same.predict(bank.data), told)
        assert isinstance(same.model, type(own_model))


def test_a_model_of_ones_own_replaces_the_head_of_an_earlier_fit(bank, own_model):
    model = TransferRegressor(epochs=1, random_state=0).fit(bank.data, bank.liquidity)
    assert hasattr(model, "coef_")
    model.set_params(engine="scikeras", model=own_model).fit(bank.data, bank.liquidity)
    for name in ("coef_", "coef_names_", "intercept_", "weights_"):
        assert not hasattr(model, name)


class Builder:
    """Builds classifiers of a user's own, and notes what scikeras says of the data."""

    def __init__(self, n_outputs):
        self.n_outputs, self.seen = n_outputs, []

    def build(self, meta):
        import keras

        self.seen.append(meta)
        answer = keras.layers.Dense(
            self.n_outputs, activation="sigmoid" if self.n_outputs == 1 else "softmax"
        )
        layers = [keras.Input(meta["X_shape_"][1:]), keras.layers.Flatten(), answer]
        model = keras.Sequential(layers)
        losses = {1: "binary_crossentropy"}
        model.compile("adam", losses.get(self.n_outputs, "sparse_categorical_crossentropy"))
        return model


@pytest.mark.parametrize(("label", "n_outputs"), [("default", 1), ("thirds", 3)])
def test_a_function_may_build_a_classifier_of_ones_own(bank, thirds, label, n_outputs):
    numbers = thirds if label == "thirds" else bank.default
    names = np.array(["low", "middle", "top"])[: numbers.max() + 1]
    builder = Builder(n_outputs)
    model = TransferClassifier(
        engine="scikeras", model=builder.build, class_weight={"middle": 3}, early_stopping=True,
        epochs=2, random_state=0,
    )  # fmt: skip
    model.fit(bank.data, names[numbers])
    assert builder.seen[0]["n_classes_"] == len(names)
    told = model.predict_proba(bank.data)
    assert told.shape == (300, len(names))
    np.testing.assert_allclose(told.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(model.predict(bank.data), names[told.argmax(axis=1)])
    np.testing.assert_allclose(model.predict_proba(bank.data[:1]), told[:1], rtol=1e-5)
    evenly = clone(model).set_params(class_weight=None).fit(bank.data, names[numbers])
    assert told[:, 1].mean() > evenly.predict_proba(bank.data)[:, 1].mean()


@pytest.mark.parametrize(
    ("transfer", "n_outputs", "needed"),
    [
        (TransferRegressor, 2, r"\(None, 1\)"),
        (TransferClassifier, 3, r"\(None, 1\) or \(None, 2\)"),
    ],
    ids=["regressor", "classifier"],
)
def test_a_model_with_outputs_that_fit_no_label_is_refused(bank, transfer, n_outputs, needed):
    model = transfer(engine="scikeras", model=Builder(n_outputs).build)
    refuse(model, bank.data, bank.default, f"{needed} for this y, but it has the shape")


def test_a_model_of_ones_own_is_trained_alike_in_another_process_and_leaves_it_as_it_was(
    bank, own_model
):
    def is_deterministic(model, X, y):
        from tensorflow.python.framework.config import is_op_determinism_enabled

        return is_op_determinism_enabled()

    model = TransferRegressor(engine="scikeras", model=own_model, epochs=2, random_state=0)
    split = ShuffleSplit(1, random_state=0)
    search = GridSearchCV(
        model,
        {"batch_size": [64]},
        cv=split,
        n_jobs=2,
        scoring={"r2": "r2", "is_deterministic": is_deterministic},
        refit=False,
        error_score="raise",
    ).fit(bank.data, bank.liquidity)
    ((train, test),) = split.split(bank.data)
    model.set_params(batch_size=64).fit(bank.data.iloc[train], bank.liquidity.iloc[train])
    here = model.score(bank.data.iloc[test], bank.liquidity.iloc[test])
    assert search.cv_results_["mean_test_r2"] == pytest.approx(here, rel=1e-5)
    assert search.cv_results_["mean_test_is_deterministic"] == 0


def global_state():
    """What belongs to the whole process."""
    from tensorflow.python.eager import context
    from tensorflow.python.framework.config import is_op_determinism_enabled

    return (
        random.getstate(),
        repr(np.random.get_state(legacy=False)),  # noqa: NPY002 - the very state to leave alone
        context.global_seed(),
        is_op_determinism_enabled(),
        os.environ.get("TF_DETERMINISTIC_OPS"),
    )


def test_one_seed_gives_the_same_bits_by_keras_and_nothing_global_changes(
    bank, features, own_model
):
    import tensorflow as tf

    tf.random.set_seed(5)
    expected = [tf.random.uniform([3]).numpy() for _ in range(2)]
    tf.random.set_seed(5)
    drawn = [tf.random.uniform([3]).numpy()]
    before = global_state()
    model = TransferClassifier(
        features,
        initialization="random",
        engine="scikeras",
        epochs=2,
        batch_size=100,
        random_state=0,
    )
    weights = model.fit(bank.data, bank.default).weights_
    TransferRegressor(engine="scikeras", model=own_model, epochs=1, random_state=0).fit(
        bank.data, bank.liquidity
    )

    def fail(meta):
        raise RuntimeError("This model cannot be built.")

    failing = TransferRegressor(engine="scikeras", model=fail, random_state=0)
    refuse(failing, bank.data, bank.liquidity, "cannot be built", RuntimeError)
    assert global_state() == before
    drawn.append(tf.random.uniform([3]).numpy())
    np.testing.assert_array_equal(drawn, expected)
    tf.random.set_seed(None)
    cube = fold(bank.data.to_numpy(), 3)
    own_model.fit(cube, bank.liquidity, epochs=1, verbose=0)
    for weight, again in zip(weights, model.fit(bank.data, bank.default).weights_, strict=True):
        np.testing.assert_array_equal(weight, again)
