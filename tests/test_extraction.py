import numpy as np
import pytest
from sklearn.callback import ProgressBar
from sklearn.linear_model import LinearRegression, LogisticRegression

from skspend import BigFivePersonalityScorer, LSTMStateExtractor
from skspend.metrics import direction_change
from skspend.panel import fold
from skspend.personality import TYPES, personality_types


@pytest.mark.parametrize("objective", ["type", "scores", "reconstruct", "y"])
@pytest.mark.parametrize("n_units", [1, 4])
def test_every_network_equals_its_keras_model(bank, scorer, objective, n_units):
    extractor = LSTMStateExtractor(
        n_units, objective=objective, scorer=scorer, epochs=3, random_state=0
    ).fit(bank.data, bank.liquidity)
    outputs = extractor.to_keras()(fold(bank.data.to_numpy(dtype=np.float32), 3))
    states = extractor.transform(bank.data.astype(float)).to_numpy()
    np.testing.assert_allclose(outputs["states"].numpy().reshape(300, -1), states, atol=1e-6)
    told = extractor.predict_target(bank.data.astype(float))
    if objective == "type":
        assert (np.array(TYPES)[np.argmax(outputs["outputs"], axis=1)] == told).mean() > 0.99
    else:
        np.testing.assert_allclose(np.reshape(outputs["outputs"], told.shape), told, atol=1e-5)


def test_the_type_network_learns_types(bank, scorer):
    extractor = LSTMStateExtractor(5, scorer=scorer, state_noise=0, random_state=0).fit(bank.data)
    types = personality_types(scorer.fit_transform(bank.data))
    assert (extractor.predict_target(bank.data) == types).mean() == extractor.score(bank.data) > 0.8
    assert extractor.classes_.tolist() == list(TYPES)


def test_the_scores_network_learns_scores(bank, scorer):
    extractor = LSTMStateExtractor(5, objective="scores", scorer=scorer, random_state=0)
    assert extractor.fit(bank.data).score(bank.data) > 0.8


def test_the_autoencoder_reproduces_spending_better_with_more_units(bank):
    scores = [
        LSTMStateExtractor(n_units, objective="reconstruct", random_state=0)
        .fit(bank.data)
        .score(bank.data)
        for n_units in (1, 4)
    ]
    assert 0 < scores[0] < scores[1] < 1
    assert LSTMStateExtractor(objective="reconstruct", epochs=1).fit(bank.data).predict_target(
        bank.data
    ).shape == (300, 72)


def test_y_of_floats_is_learned_as_values(bank):
    extractor = LSTMStateExtractor(objective="y", random_state=0).fit(bank.data, bank.liquidity)
    assert extractor.classes_ is None
    assert extractor.score(bank.data, bank.liquidity) > 0.1
    assert extractor.predict_target(bank.data).shape == (300, 1)


def test_y_of_text_is_learned_as_classes(bank):
    y = np.where(bank.default == 1, "default", "paid")
    extractor = LSTMStateExtractor(objective="y", random_state=0).fit(bank.data, y)
    assert extractor.classes_.tolist() == ["default", "paid"]
    assert extractor.score(bank.data, y) > 0.9


def test_y_is_left_to_the_last_step_unless_it_is_the_objective(bank, scorer):
    extractor = LSTMStateExtractor(scorer=scorer, epochs=2, random_state=0)
    with_y = extractor.fit(bank.data, bank.liquidity).weights_[0]
    np.testing.assert_array_equal(extractor.fit(bank.data).weights_[0], with_y)


@pytest.mark.parametrize(
    ("parameters", "arguments", "message"),
    [
        ({"objective": "y"}, (), "objective='y' needs y"),
        ({"objective": "y"}, (np.zeros(3),), "300 customers, but y has 3 labels"),
        ({"n_periods": 4}, (), "3 periods by its column names, but n_periods=4"),
        ({"n_units": 0}, (), "'n_units' parameter"),
        ({"objective": "age"}, (), "'objective' parameter"),
        ({"learning_rate": -1}, (), "'learning_rate' parameter"),
    ],
)
def test_what_cannot_be_is_refused(bank, parameters, arguments, message):
    with pytest.raises(ValueError, match=message):
        LSTMStateExtractor(**parameters).fit(bank.data, *arguments)


def test_a_wide_nameless_array_asks_for_names(bank):
    with pytest.raises(ValueError, match="72 columns without names"):
        LSTMStateExtractor().fit(bank.data.to_numpy())


def test_scaling_a_category_changes_nothing(bank, scorer):
    """Inputs are standardised, so cents and euros give the same states."""
    extractor = LSTMStateExtractor(objective="reconstruct", epochs=3, random_state=0)
    cents = bank.data.astype(float)
    in_cents = np.asarray(extractor.fit_transform(cents * 128))
    np.testing.assert_allclose(in_cents, extractor.fit_transform(cents), atol=1e-6)


def test_a_constant_category_does_no_harm(bank, scorer):
    data = bank.data.copy()
    data["year1|rent"] = data["year2|rent"] = data["year3|rent"] = 0.0
    states = LSTMStateExtractor(scorer=scorer, epochs=2, random_state=0).fit_transform(data)
    assert np.isfinite(states.to_numpy()).all()


def test_permuting_customers_permutes_states(bank, scorer):
    extractor = LSTMStateExtractor(scorer=scorer, epochs=2, random_state=0).fit(bank.data)
    order = np.random.default_rng(0).permutation(300)
    permuted = extractor.transform(bank.data.iloc[order])
    np.testing.assert_allclose(permuted, extractor.transform(bank.data).iloc[order], atol=1e-6)


def test_noise_on_the_states_gathers_them(bank, scorer):
    spread = []
    for noise in (0, 0.5):
        extractor = LSTMStateExtractor(scorer=scorer, state_noise=noise, random_state=0)
        spread.append(np.abs(extractor.fit_transform(bank.data).iloc[:, -3:].to_numpy()).mean())
    assert spread[1] > spread[0] + 0.05


def test_state_trajectories_turn_less_than_raw_scores(bank, scorer):
    extractor = LSTMStateExtractor(objective="scores", scorer=scorer, random_state=0)
    states = fold(extractor.fit_transform(bank.data).to_numpy(), 3)
    by_year = BigFivePersonalityScorer(bank.coefficients, level="period")
    scores = fold(by_year.fit_transform(bank.data).to_numpy(), 3)
    assert np.nanmean(direction_change(states)) < 0.7 * np.nanmean(direction_change(scores))


class StopAfter:
    """A callback that ends training after some epochs."""

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs
        self.seen = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, *, X=None):
        pass

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        if context.task_name == "epoch":
            self.seen.append(fitted_estimator.score(X))
        return len(self.seen) == self.n_epochs


def test_a_callback_sees_every_epoch_and_may_stop_training(bank, scorer):
    stop = StopAfter(3)
    extractor = LSTMStateExtractor(scorer=scorer, random_state=0).set_callbacks(stop)
    extractor.fit(bank.data)
    assert len(extractor.losses_) == len(stop.seen) == 3
    assert extractor.score(bank.data) == stop.seen[-1]


def test_a_progress_bar_shows_and_leaves_no_trace(bank, scorer, capsys):
    extractor = LSTMStateExtractor(scorer=scorer, epochs=2).set_callbacks(ProgressBar())
    extractor.fit(bank.data)
    assert "LSTMStateExtractor" in capsys.readouterr().out
    assert not [name for name in vars(extractor) if "callback_fit" in name]


def test_the_states_hold_more_than_the_target(bank, scorer):
    """States of a type network also tell scores and default better than chance."""
    states = LSTMStateExtractor(scorer=scorer, random_state=0).fit_transform(bank.data)
    scores = scorer.fit_transform(bank.data)
    assert LinearRegression().fit(states, scores).score(states, scores) > 0.3
    assert LogisticRegression().fit(states, bank.default).score(states, bank.default) > 0.5
