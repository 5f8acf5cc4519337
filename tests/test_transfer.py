import copy

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, ShuffleSplit

from skspend import FeedForwardExtractor, LSTMStateExtractor, TransferRegressor
from skspend.datasets import make_spending
from skspend.panel import fold


@pytest.fixture(scope="module")
def states(bank, scorer):
    extractor = LSTMStateExtractor(4, scorer=scorer, epochs=5, random_state=0)
    return FrozenEstimator(extractor.fit(bank.data))


@pytest.mark.parametrize(
    ("extractor", "n_categories", "n_weights", "n_head"),
    [(LSTMStateExtractor(4), 97, 1637, 5), (FeedForwardExtractor(5), 99, 506, 6)],
    ids=["LSTM", "feed-forward"],
)
@pytest.mark.parametrize("initialization", ["pretrained", "random"])
def test_weights_are_those_of_tables_1_and_2(
    extractor, n_categories, n_weights, n_head, initialization
):
    bank = make_spending(150, 6, n_categories, random_state=0)
    extractor = clone(extractor).set_params(objective="reconstruct", epochs=1, n_init=1)
    body = FrozenEstimator(extractor.fit(bank.data))
    model = TransferRegressor(body, initialization, epochs=1).fit(bank.data, bank.liquidity)
    assert model.n_weights_ == n_weights
    assert model.n_trainable_weights_ == (n_head if initialization == "pretrained" else n_weights)


def test_the_head_reads_the_mean_of_feed_forward_features(bank, scorer):
    features = FeedForwardExtractor(4, scorer=scorer, epochs=5, random_state=0).fit(bank.data)
    mean = fold(features.transform(bank.data).to_numpy(), 3).mean(axis=1)
    model = TransferRegressor(FrozenEstimator(features)).fit(bank.data, bank.liquidity)
    exact = LinearRegression().fit(mean, bank.liquidity)
    np.testing.assert_allclose(model.predict(bank.data), exact.predict(mean), rtol=1e-4)
    scratch = TransferRegressor(FrozenEstimator(features), "random", random_state=0)
    assert scratch.fit(bank.data, bank.liquidity).score(bank.data, bank.liquidity) > 0.3


def test_cells_that_are_emitted_are_not_read_by_the_head(bank, states):
    both = FrozenEstimator(copy.deepcopy(states.estimator).set_params(state="both"))
    model = TransferRegressor(both).fit(bank.data, bank.liquidity)
    assert model.n_trainable_weights_ == 5


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
        TransferRegressor(states, initialization, epochs=2).fit(bank.data, bank.liquidity)
    for kept, weight in zip(before, states.weights_, strict=True):
        np.testing.assert_array_equal(weight, kept)


def test_the_random_network_learns_what_it_is_shown(bank, states):
    model = TransferRegressor(states, "random", random_state=0).fit(bank.data, bank.liquidity)
    assert model.score(bank.data, bank.liquidity) > 0.5
    assert model.coef_.shape == (4,)


def test_several_labels_at_once(bank, states):
    labels = np.column_stack([bank.default, bank.liquidity])
    for initialization in ("pretrained", "random"):
        model = TransferRegressor(states, initialization, epochs=2).fit(bank.data, labels)
        assert model.predict(bank.data).shape == (300, 2)
        assert model.n_weights_ == 4 * 4 * (24 + 4 + 1) + 10


def test_sample_weights_are_repetitions(bank, states):
    weights = np.random.default_rng(0).integers(0, 3, size=300)
    repeated = np.repeat(np.arange(300), weights)
    weighted = TransferRegressor(states).fit(bank.data, bank.liquidity, sample_weight=weights)
    again = TransferRegressor(states).fit(bank.data.iloc[repeated], bank.liquidity.iloc[repeated])
    np.testing.assert_allclose(weighted.coef_, again.coef_, rtol=1e-4)


def test_a_search_keeps_the_frozen_body(bank, states):
    search = GridSearchCV(
        TransferRegressor(states, epochs=2, random_state=0),
        {"initialization": ["pretrained", "random"]},
        cv=ShuffleSplit(2, train_size=100, test_size=150, random_state=0),
        scoring="neg_mean_squared_error",
    ).fit(bank.data, bank.liquidity)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.extractor is states


@pytest.mark.parametrize(
    ("model", "arguments", "error", "message"),
    [
        (TransferRegressor(LSTMStateExtractor()), {}, NotFittedError, "FrozenEstimator"),
        (TransferRegressor(None, "random"), {}, ValueError, "extractor=None"),
        (TransferRegressor(initialization="lucky"), {}, ValueError, "'initialization' parameter"),
    ],
)
def test_what_cannot_be_is_refused(bank, model, arguments, error, message):
    with pytest.raises(error, match=message):
        model.fit(bank.data, bank.liquidity, **arguments)


def test_sample_weights_for_a_network_in_training_are_refused(bank, states):
    with pytest.raises(ValueError, match="exact for the pretrained head alone"):
        TransferRegressor(states, "random").fit(
            bank.data, bank.liquidity, sample_weight=np.ones(300)
        )
