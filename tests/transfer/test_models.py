import copy
import pickle
from contextlib import nullcontext

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import DataConversionWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeCV
from sklearn.model_selection import GridSearchCV, ShuffleSplit, StratifiedKFold
from sklearn.utils import get_tags

from skspend import (
    FeedForwardExtractor,
    LSTMStateExtractor,
    TransferClassifier,
    TransferRegressor,
)
from skspend.datasets import make_spending
from skspend.extraction import _base as extraction_base
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
"""Initialization, the parameter trainable, and the part that is fitted."""


@pytest.fixture(
    scope="module",
    params=[
        (LSTMStateExtractor.paper(4, objective="reconstruct", epochs=1, n_init=1), 97, 1637, 5),
        (FeedForwardExtractor(5, objective="reconstruct", epochs=1, n_init=1), 99, 506, 6),
    ],
    ids=["LSTM", "feed-forward"],
)
def network_of_the_paper(request):
    """A body, the bank that it was fitted on, and its numbers of weights: all, and the head's."""
    extractor, n_categories, n_weights, n_head = request.param
    bank = make_spending(150, 6, n_categories, random_state=0)
    return FrozenEstimator(clone(extractor).fit(bank.data)), bank, n_weights, n_head


@pytest.mark.parametrize(("initialization", "trainable", "fitted"), HOW_IT_STARTS_AND_TRAINS)
@pytest.mark.parametrize("transfer", [TransferRegressor, TransferClassifier])
def test_numbers_of_weights_are_those_of_tables_1_and_2(
    network_of_the_paper, transfer, initialization, trainable, fitted
):
    body, bank, n_weights, n_head = network_of_the_paper
    model = transfer(body, initialization=initialization, trainable=trainable, epochs=1)
    model.fit(bank.data, bank.default)
    assert model.n_weights_ == sum(array.size for array in model.weights_) == n_weights
    assert model.n_trainable_weights_ == (n_head if fitted == "head" else n_weights)


def test_a_classifier_is_multi_label_only_where_it_takes_several_labels(bank):
    both = np.column_stack([bank.default, bank.default])
    for how in ({}, {"engine": "scikeras"}, {"trainable": "all"}, {"initialization": "random"}):
        model = TransferClassifier(**how)
        tags = get_tags(model)
        assert tags.classifier_tags.multi_label == tags.target_tags.multi_output == (how == {})
        if how == {}:
            assert model.fit(bank.data, both).predict(bank.data).shape == (300, 2)
        else:
            with pytest.raises(ValueError):
                model.fit(bank.data, both)


def test_the_head_reads_the_mean_of_feed_forward_features(bank, scorer):
    features = FeedForwardExtractor(4, scorer=scorer, epochs=5, random_state=0).fit(bank.data)
    mean = fold(features.transform(bank.data).to_numpy(), 3).mean(axis=1)
    model = TransferRegressor(FrozenEstimator(features)).fit(bank.data, bank.liquidity)
    exact = LinearRegression().fit(mean, bank.liquidity)
    np.testing.assert_allclose(model.predict(bank.data), exact.predict(mean), atol=1e-6)
    scratch = TransferRegressor(FrozenEstimator(features), initialization="random", random_state=0)
    assert scratch.fit(bank.data, bank.liquidity).score(bank.data, bank.liquidity) > 0.3


def test_the_head_reads_the_components_of_an_ensemble(bank, ensemble):
    last = fold(ensemble.transform(bank.data).to_numpy(), 3)[:, -1]
    model = TransferRegressor(ensemble).fit(bank.data, bank.liquidity)
    exact = LinearRegression().fit(last, bank.liquidity)
    np.testing.assert_allclose(model.predict(bank.data), exact.predict(last), atol=1e-5)
    assert model.coef_names_.tolist() == [f"year3|state{unit}" for unit in range(4)]
    one_body = 4 * 12 * (24 + 12 + 1) + 4 * 4 * (12 + 4 + 1)
    assert model.n_trainable_weights_ == 5
    assert model.n_weights_ == sum(array.size for array in model.weights_)
    assert model.n_weights_ == 2 * one_body + 2 * 4 * 4 + 5


def test_an_ensemble_trained_anew_leaves_the_fitted_model_as_it_was(bank, ensemble):
    extractor = copy.deepcopy(ensemble.estimator)
    model = TransferRegressor(FrozenEstimator(extractor)).fit(bank.data, bank.liquidity)
    before = model.predict(bank.data)
    extractor.set_params(epochs=1).fit(bank.data)
    np.testing.assert_array_equal(model.predict(bank.data), before)


@pytest.mark.parametrize("transfer", [TransferRegressor, TransferClassifier])
def test_a_frozen_ensemble_predicts_the_same_when_it_is_pickled_and_cloned(
    bank, ensemble, transfer
):
    model = transfer(ensemble).fit(bank.data, bank.default)
    same = pickle.loads(pickle.dumps(model)), clone(model).fit(bank.data, bank.default)
    for one in same:
        np.testing.assert_array_equal(one.predict(bank.data), model.predict(bank.data))
        np.testing.assert_array_equal(one.coef_, model.coef_)


def test_a_search_keeps_a_frozen_ensemble(bank, ensemble):
    search = GridSearchCV(TransferRegressor(ensemble), {"alpha": [0.1, 10]}, cv=2)
    search.fit(bank.data, bank.liquidity)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    alone = TransferRegressor(ensemble, **search.best_params_).fit(bank.data, bank.liquidity)
    np.testing.assert_array_equal(search.predict(bank.data), alone.predict(bank.data))


@pytest.mark.parametrize(
    "extractor",
    [
        LSTMStateExtractor(2, (5, 2), n_networks=1, objective="reconstruct", l2=0.01),
        LSTMStateExtractor.paper(4, objective="reconstruct", state="both"),
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


def test_the_random_network_fits_its_customers(bank, states):
    model = TransferRegressor(states, initialization="random", random_state=0)
    model.fit(bank.data, bank.liquidity)
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
        predicted = model.predict_proba(bank.data)
        np.testing.assert_allclose(predicted, exact.predict_proba(last), atol=1e-6)
        np.testing.assert_array_equal(model.predict(bank.data), predicted[:, 1] > 0.5)


@pytest.mark.parametrize("initialization", ["pretrained", "random"])
def test_more_than_two_classes_have_a_head_each(bank, features, thirds, initialization):
    model = TransferClassifier(features, initialization=initialization, random_state=0).fit(
        bank.data, thirds
    )
    predicted = model.predict_proba(bank.data)
    assert predicted.shape == (300, 3)
    np.testing.assert_allclose(predicted.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(model.predict(bank.data), predicted.argmax(axis=1))
    assert model.coef_.shape == (3, 3)
    assert model.intercept_.shape == (3,)
    assert model.score(bank.data, thirds) > 0.38


def test_several_labels_at_once_are_predicted_as_each_by_itself(bank, states, thirds):
    labels = np.column_stack([bank.default, thirds])
    model = TransferClassifier(states).fit(bank.data, labels)
    alone = [TransferClassifier(states).fit(bank.data, label) for label in labels.T]
    for chances, classes, one in zip(
        model.predict_proba(bank.data), model.classes_, alone, strict=True
    ):
        np.testing.assert_allclose(chances, one.predict_proba(bank.data), rtol=1e-5)
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
    # A network in training has one label, and scikit-learn has it warn of columns.
    warns = names.ndim > 1 and initialization == "random"
    with pytest.warns(DataConversionWarning) if warns else nullcontext():
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
def test_single_precision_predicts_the_same(
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


def test_the_penalties_of_pretraining_do_not_apply_to_transfer(bank, states):
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

    def counted(*arguments, **options):
        calls.append(arguments)
        return encode(*arguments, **options)

    for module in (_base, extraction_base):
        monkeypatch.setattr(module, "encode", counted)
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


def test_customers_held_out_do_not_affect_the_solved_head(bank, states):
    solved = TransferRegressor(states).fit(bank.data, bank.liquidity)
    model = TransferRegressor(
        states, trainable="all", early_stopping=True, validation_fraction=0.5, epochs=1,
        learning_rate=1e-9, random_state=0,
    )  # fmt: skip
    model.fit(bank.data, bank.liquidity)
    assert np.abs(model.coef_ - solved.coef_).max() > 0.01


def test_the_penalty_of_a_logistic_head_is_that_of_a_search():
    features, label = make_classification(90, 12, n_informative=3, flip_y=0.2, random_state=0)
    model = TransferClassifier(alpha="cv").fit(features, label)
    penalties = np.logspace(-2, 4, 13)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    search = GridSearchCV(
        TransferClassifier(), {"alpha": penalties}, scoring="neg_log_loss", cv=folds
    )
    best = search.fit(features, label).best_params_["alpha"]
    assert model.alpha_ == best not in (penalties[0], penalties[-1])
    np.testing.assert_array_equal(model.coef_, search.best_estimator_.coef_)


def test_the_penalty_of_a_ridge_head_is_chosen_by_leave_one_out():
    features, y = make_regression(60, 20, noise=50, random_state=0)
    model = TransferRegressor(alpha="cv").fit(features, y)
    expected = RidgeCV(np.logspace(-2, 4, 13)).fit(features, y)
    assert model.alpha_ == expected.alpha_
    np.testing.assert_allclose(model.coef_, expected.coef_)
    assert TransferRegressor(alpha=2).fit(features, y).alpha_ == 2


def test_a_penalty_is_not_chosen_where_it_cannot_be():
    features, label = np.arange(6.0)[:, None], [0, 0, 0, 0, 0, 1]
    with pytest.raises(ValueError, match="two customers of each class"):
        TransferClassifier(alpha="cv").fit(features, label)
    with pytest.raises(ValueError, match="alpha='cv' needs engine='native'"):
        TransferRegressor(alpha="cv", engine="scikeras").fit(features, label)
