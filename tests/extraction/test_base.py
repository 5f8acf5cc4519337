"""What holds for both extractors, whatever their target."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.metrics import r2_score

from skspend import FeedForwardExtractor, LSTMStateExtractor
from skspend.datasets import make_spending
from skspend.panel import fold
from skspend.personality import TYPES

OBJECTIVES = ["type", "scores", "reconstruct", "y"]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_network_equals_its_keras_model(bank, extractor, objective):
    data = bank.data.astype(float)
    extractor.set_params(objective=objective, epochs=15, n_init=1, l2=1e-4)
    extractor.fit(data, bank.liquidity)
    model = extractor.to_keras()
    outputs = model(fold(data.to_numpy(), 3))
    states = extractor.transform(data).to_numpy()
    np.testing.assert_allclose(outputs["states"].numpy().reshape(300, -1), states, atol=1e-6)
    predicted = extractor.predict_target(data)
    if objective == "type":
        # Two classes may be equally likely to the last bit, and then either is predicted.
        by_keras = np.array(TYPES)[np.argmax(outputs["outputs"][..., : len(TYPES)], axis=-1)]
        assert (by_keras == predicted).mean() > 0.99
    else:
        by_keras = np.reshape(outputs["outputs"], predicted.shape)
        np.testing.assert_allclose(by_keras, predicted, atol=1e-6)
    network, components = extractor.network_._replace(n_features=24), extractor.components_
    n_components = 0 if components is None else components.size
    assert model.count_params() == network.n_weights + n_components


@pytest.mark.parametrize(
    ("extractor", "n_categories", "n_weights"),
    [(LSTMStateExtractor.paper(4), 97, 1637), (FeedForwardExtractor(5), 99, 506)],
    ids=["LSTM", "feed-forward"],
)
def test_the_keras_models_have_the_weights_of_tables_1_and_2(extractor, n_categories, n_weights):
    bank = make_spending(60, 6, n_categories, random_state=0)
    extractor = clone(extractor).set_params(objective="y", epochs=1, n_init=1)
    model = extractor.fit(bank.data, bank.liquidity).to_keras()
    assert model.count_params() == extractor.network_.n_weights == n_weights


@pytest.mark.parametrize(
    ("parameters", "arguments", "message"),
    [
        ({"objective": "y"}, (), "objective='y' needs y"),
        ({"objective": "y"}, (np.zeros(3),), "300 customers, but y has 3 labels"),
        ({"n_periods": 4}, (), "3 periods by its column names, but n_periods=4"),
        ({"n_units": 0}, (), "'n_units' parameter"),
        ({"hidden_units": (0,)}, (), "hidden_units must be whole numbers of units from 1"),
        ({"hidden_units": (2.5,)}, (), "hidden_units must be whole numbers of units from 1"),
        ({"hidden_units": ("a",)}, (), "hidden_units must be whole numbers of units from 1"),
        ({"objective": "age"}, (), "'objective' parameter"),
        ({"learning_rate": -1}, (), "'learning_rate' parameter"),
        ({"optimizer": "sgd"}, (), "optimizer='sgd' needs engine='keras'"),
        ({"optimizer": "adamant", "engine": "keras"}, (), "'adamant' is not .* 'adam', "),
        ({"engine": "scikeras"}, (), "'engine' parameter"),
        ({"validation_fraction": 1.0}, (), "'validation_fraction' parameter"),
        ({"class_weight": "balanced", "objective": "scores"}, (), "target .* is values"),
    ],
)
@pytest.mark.parametrize("cls", [LSTMStateExtractor, FeedForwardExtractor])
def test_wrong_parameters_are_refused(bank, scorer, cls, parameters, arguments, message):
    extractor = cls(**{"scorer": scorer, **parameters})
    with pytest.raises(ValueError, match=message):
        extractor.fit(bank.data, *arguments)


def test_a_wide_array_without_names_is_refused(bank):
    with pytest.raises(ValueError, match="72 columns without names"):
        LSTMStateExtractor().fit(bank.data.to_numpy())


def test_scaling_a_category_changes_nothing(bank):
    """Inputs are standardised, so cents and euros give the same states."""
    extractor = LSTMStateExtractor.paper(objective="reconstruct", epochs=3, random_state=0)
    euros = bank.data.astype(float)
    in_cents = np.asarray(extractor.fit_transform(euros * 128))
    np.testing.assert_allclose(in_cents, extractor.fit_transform(euros), atol=1e-6)


def test_a_constant_category_gives_finite_states(bank, scorer):
    data = bank.data.copy()
    data["year1|rent"] = data["year2|rent"] = data["year3|rent"] = 0.0
    states = LSTMStateExtractor(scorer=scorer, epochs=2, random_state=0).fit_transform(data)
    assert np.isfinite(states.to_numpy()).all()


def test_permuting_customers_permutes_states(bank, autoencoder):
    order = np.random.default_rng(0).permutation(300)
    permuted = autoencoder.transform(bank.data.iloc[order])
    np.testing.assert_allclose(permuted, autoencoder.transform(bank.data).iloc[order], atol=1e-6)


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


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_callback_sees_every_epoch_and_may_stop_training(bank, scorer, early_stopping):
    """With early stopping, the best weights so far are left."""
    stop = StopAfter(4)
    extractor = LSTMStateExtractor(
        3, n_networks=2, scorer=scorer, early_stopping=early_stopping, random_state=0
    )
    extractor.set_callbacks(stop).fit(bank.data)
    assert len(extractor.history_) == len(stop.seen) == 4
    assert extractor.score(bank.data) == stop.seen[-1]
    assert extractor.transform(bank.data).shape == (300, 9)


def test_a_callback_changes_no_weights(bank, scorer):
    extractor = LSTMStateExtractor(scorer=scorer, n_networks=2, epochs=7, random_state=0)
    alone = clone(extractor).fit(bank.data)
    watched = clone(extractor).set_callbacks(StopAfter(100)).fit(bank.data)
    pd.testing.assert_frame_equal(alone.history_, watched.history_)
    for mine, theirs in zip(alone.weights_, watched.weights_, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(alone.components_, watched.components_)


def test_a_progress_bar_shows_and_leaves_no_attributes(bank, scorer, capsys):
    extractor = LSTMStateExtractor(scorer=scorer, epochs=2).set_callbacks(ProgressBar())
    extractor.fit(bank.data)
    assert "LSTMStateExtractor" in capsys.readouterr().out
    assert not [name for name in vars(extractor) if "callback_fit" in name]


def test_history_is_a_frame_of_the_losses_by_epoch(bank, scorer):
    extractor = LSTMStateExtractor.paper(scorer=scorer, epochs=5, random_state=0).fit(bank.data)
    history = extractor.history_
    assert history.index.tolist() == [1, 2, 3, 4, 5]
    assert history.index.name == "epoch"
    assert history.columns.tolist() == ["loss"]
    np.testing.assert_array_equal(extractor.losses_["loss"], history.loss)
    assert history.loss.iloc[-1] < history.loss.iloc[0]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_partial_fit_continues_where_fit_ended(bank, extractor, objective):
    extractor.set_params(objective=objective, epochs=20, n_init=1)
    extractor.fit(bank.data, bank.liquidity)
    fitted_loss = extractor.history_.loss.iloc[-1]
    scaler, components = extractor.scaler_, extractor.components_
    extractor.partial_fit(bank.data.iloc[:100], bank.liquidity.iloc[:100])
    history = extractor.history_
    assert len(history) == 21
    assert history.loss.iloc[-1] < 1.3 * fitted_loss < 1.3 * history.loss.iloc[0]
    assert extractor.scaler_ is scaler
    assert extractor.components_ is components


def test_partial_fit_from_the_start_learns_as_well(bank, scorer):
    extractor = LSTMStateExtractor(n_networks=2, scorer=scorer, batch_size=32, random_state=0)
    scores = [extractor.partial_fit(bank.data).score(bank.data) for _ in range(20)]
    assert scores[-1] > scores[0] + 0.1
    assert len(extractor.history_) == 20


def test_partial_fit_takes_a_single_customer_of_a_single_period(bank, scorer):
    """Which has no variance; its states are finite anyway."""
    extractor = LSTMStateExtractor(2, (), n_networks=2, scorer=scorer, random_state=0)
    one = bank.data.iloc[:1, :24].astype(float)
    states = extractor.partial_fit(one).transform(one)
    assert np.isfinite(states.to_numpy()).all()
    assert extractor.components_.shape == (4, 2)


def test_partial_fit_after_early_stopping_has_no_validation_loss(bank, scorer):
    extractor = LSTMStateExtractor.paper(scorer=scorer, epochs=2, early_stopping=True)
    history = extractor.fit(bank.data).partial_fit(bank.data).history_
    assert history.validation_loss.isna().tolist() == [False, False, True]


def test_an_autoencoder_has_an_inverse(bank, extractor):
    extractor.set_params(objective="reconstruct", epochs=2)
    states = extractor.fit_transform(bank.data)
    spending = extractor.inverse_transform(states)
    assert list(spending.columns) == list(bank.data.columns)
    assert spending.index.equals(bank.data.index)
    predicted = extractor.predict_target(bank.data)
    if extractor.components_ is None:
        np.testing.assert_allclose(spending, predicted, rtol=1e-5, atol=1e-6)
    else:
        # Components are fewer than states, so that the inverse of an ensemble is approximate.
        data, weight = bank.data, {"multioutput": "variance_weighted"}
        found, best = (r2_score(data, each, **weight) for each in (spending, predicted))
        assert found > best - 0.05
    with pytest.raises(ValueError, match="X has 2 columns, but trajectories of this"):
        extractor.inverse_transform(states.iloc[:, :2])


def test_only_an_autoencoder_has_an_inverse():
    assert not hasattr(LSTMStateExtractor(), "inverse_transform")
    assert hasattr(LSTMStateExtractor(objective="reconstruct"), "inverse_transform")


@pytest.mark.parametrize(("first", "second"), [("type", "reconstruct"), ("reconstruct", "scores")])
def test_a_change_of_parameters_after_fit_changes_no_answer(bank, extractor, first, second):
    def answers():
        return [
            np.asarray(extractor.transform(bank.data)),
            extractor.predict_target(bank.data),
            extractor.score(bank.data),
            extractor.pool_states(bank.data),
            extractor.get_feature_names_out(),
            hasattr(extractor, "inverse_transform"),
        ]

    extractor.set_params(objective=first, epochs=2).fit(bank.data)
    before = answers()
    extractor.set_params(objective=second, n_units=1, hidden_units=(7,), scorer=None, n_periods=9)
    for mine, theirs in zip(answers(), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_pooled_states_are_the_last_of_an_lstm_and_the_mean_of_a_feed_forward_network(
    bank, extractor
):
    extractor.set_params(epochs=1).fit(bank.data)
    states = fold(extractor.transform(bank.data).to_numpy(), 3)
    is_lstm = isinstance(extractor, LSTMStateExtractor)
    expected = states[:, -1] if is_lstm else states.mean(axis=1)
    np.testing.assert_allclose(extractor.pool_states(bank.data), expected, atol=1e-7)
