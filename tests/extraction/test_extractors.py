import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.callback import ProgressBar
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from skspend import BigFivePersonalityScorer, FeedForwardExtractor, LSTMStateExtractor
from skspend.datasets import make_spending
from skspend.metrics import direction_change
from skspend.networks._forward import encode
from skspend.networks._losses import mean_loss
from skspend.panel import fold
from skspend.personality import TYPES, encode_types, personality_types

NETWORKS = {
    "LSTM": LSTMStateExtractor(3),
    "deep LSTM": LSTMStateExtractor(2, (5,)),
    "feed-forward": FeedForwardExtractor(3),
    "deep feed-forward": FeedForwardExtractor(2, (6, 4)),
}
OBJECTIVES = ["type", "scores", "reconstruct", "y"]
extractors = pytest.mark.parametrize("extractor", NETWORKS.values(), ids=NETWORKS)


@extractors
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_network_equals_its_keras_model(bank, scorer, extractor, objective):
    extractor = clone(extractor).set_params(objective=objective, scorer=scorer, random_state=0)
    data = bank.data.astype(float)
    extractor.set_params(epochs=40, l2=1e-4).fit(data, bank.liquidity)
    model = extractor.to_keras()
    outputs = model(fold(data.to_numpy(), 3))
    states = extractor.transform(data).to_numpy()
    np.testing.assert_allclose(outputs["states"].numpy().reshape(300, -1), states, atol=1e-6)
    told = extractor.predict_target(data)
    if objective == "type":
        # Where two classes are as likely to the last bit, either may be told.
        assert (np.array(TYPES)[np.argmax(outputs["outputs"], axis=-1)] == told).mean() > 0.99
    else:
        np.testing.assert_allclose(np.reshape(outputs["outputs"], told.shape), told, atol=1e-6)
    assert model.count_params() == extractor.network_.n_weights


@pytest.mark.parametrize(
    ("extractor", "n_categories", "n_weights"),
    [(LSTMStateExtractor(4), 97, 1637), (FeedForwardExtractor(5), 99, 506)],
    ids=["LSTM", "feed-forward"],
)
def test_the_keras_models_have_the_weights_of_tables_1_and_2(extractor, n_categories, n_weights):
    bank = make_spending(60, 6, n_categories, random_state=0)
    extractor = clone(extractor).set_params(objective="y", epochs=1, n_init=1)
    model = extractor.fit(bank.data, bank.liquidity).to_keras()
    assert model.count_params() == n_weights


@extractors
@pytest.mark.parametrize(
    ("objective", "lstm_shape", "feed_forward_shape"),
    [
        ("type", (300,), (300, 3)),
        ("scores", (300, 5), (300, 15)),
        ("reconstruct", (300, 72), (300, 72)),
        ("y", (300, 1), (300, 1)),
    ],
)
def test_what_is_told_is_annual_without_memory(
    bank, scorer, extractor, objective, lstm_shape, feed_forward_shape
):
    extractor = clone(extractor).set_params(objective=objective, scorer=scorer, epochs=1)
    told = extractor.fit(bank.data, bank.liquidity).predict_target(bank.data)
    is_lstm = isinstance(extractor, LSTMStateExtractor)
    assert told.shape == (lstm_shape if is_lstm else feed_forward_shape)


@pytest.mark.parametrize("objective", ["type", "scores"])
def test_the_feed_forward_network_learns_the_personality_of_each_year(bank, scorer, objective):
    extractor = FeedForwardExtractor(
        5, objective=objective, scorer=scorer, state_noise=0, epochs=200, random_state=0
    ).fit(bank.data)
    by_year = clone(scorer).set_params(level="period").fit_transform(bank.data)
    scores = by_year.to_numpy().reshape(-1, 5)
    told = extractor.predict_target(bank.data)
    if objective == "type":
        assert (told.ravel() == personality_types(scores)).mean() == extractor.score(bank.data)
    else:
        assert extractor.score(bank.data) == pytest.approx(
            r2_score(scores, told.reshape(-1, 5)), abs=1e-6
        )
    assert extractor.score(bank.data) > 0.75


def test_the_feed_forward_network_knows_no_time(bank, scorer):
    """Years in another order give the same features in another order."""
    extractor = FeedForwardExtractor(scorer=scorer, epochs=2, random_state=0)
    cube = fold(bank.data.to_numpy(dtype=float), 3)
    features = fold(extractor.fit_transform(cube), 3)
    swapped = fold(extractor.transform(cube[:, [2, 0, 1]]), 3)
    np.testing.assert_allclose(swapped, features[:, [2, 0, 1]], atol=1e-12)


def test_hidden_layers_are_mirrored_in_the_autoencoder_alone(bank, scorer):
    extractor = FeedForwardExtractor(2, (8, 4), objective="reconstruct", epochs=1).fit(bank.data)
    sizes = [layer.units for layer in extractor.to_keras().layers if hasattr(layer, "units")]
    assert sizes == [8, 4, 2, 4, 8, 24]
    extractor.set_params(objective="scores").fit(bank.data)
    sizes = [layer.units for layer in extractor.to_keras().layers if hasattr(layer, "units")]
    assert sizes == [8, 4, 2, 5]


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
        ({"optimizer": "adamant"}, (), "adamant"),
        ({"validation_fraction": 1.0}, (), "'validation_fraction' parameter"),
        ({"class_weight": "balanced", "objective": "scores"}, (), "needs classes"),
    ],
)
@pytest.mark.parametrize("extractor", [LSTMStateExtractor(), FeedForwardExtractor()])
def test_what_cannot_be_is_refused(bank, scorer, extractor, parameters, arguments, message):
    extractor = clone(extractor).set_params(**{"scorer": scorer, **parameters})
    with pytest.raises(ValueError, match=message):
        extractor.fit(bank.data, *arguments)


@pytest.mark.parametrize("hidden_units", [(0,), (2.5,), ("a",)])
def test_hidden_units_are_whole_numbers(bank, scorer, hidden_units):
    with pytest.raises(ValueError, match="hidden_units must be whole numbers of units from 1"):
        FeedForwardExtractor(hidden_units=hidden_units, scorer=scorer).fit(bank.data)


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


@extractors
@pytest.mark.parametrize("objective", ["type", "scores"])
def test_what_has_no_coefficient_moves_nobody(bank, half_scorer, extractor, objective):
    is_known = np.arange(24) % 2 == 0
    extractor = clone(extractor).set_params(objective=objective, scorer=half_scorer, epochs=3)
    extractor.set_params(random_state=0).fit(bank.data)
    anything = fold(bank.data.to_numpy(copy=True), 3)
    anything[..., ~is_known] = np.random.default_rng(0).random(anything[..., ~is_known].shape)
    others = pd.DataFrame(anything.reshape(300, -1), columns=bank.data.columns)
    for learned in extractor, extractor.partial_fit(bank.data):
        assert (learned.support_ == is_known).all()
        expected = learned.transform(bank.data)
        np.testing.assert_array_equal(learned.transform(others), expected)


@extractors
@pytest.mark.parametrize("objective", ["reconstruct", "y"])
def test_targets_that_are_no_traits_hang_on_all_categories(bank, half_scorer, extractor, objective):
    extractor = clone(extractor).set_params(scorer=half_scorer, epochs=1)
    extractor.fit(bank.data).set_params(objective=objective).fit(bank.data, bank.liquidity)
    assert extractor.support_.all()


class MeanOfAll(TransformerMixin, BaseEstimator):
    """A scorer of one's own, which says nothing of coefficients."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return fold(np.asarray(X), 3).mean(axis=1)[:, :5]


def test_a_scorer_without_coefficients_may_hang_on_all_categories(bank):
    extractor = LSTMStateExtractor(objective="scores", scorer=MeanOfAll(), epochs=1)
    assert extractor.fit(bank.data).support_.all()


def test_others_are_told_better_by_what_has_a_coefficient_alone():
    """The same classes learned from everything are learned by heart."""
    bank = make_spending(600, 3, 97, random_state=0)
    few, others = bank.data.iloc[:300], bank.data.iloc[300:]
    scorer = BigFivePersonalityScorer(bank.coefficients.iloc[::5].to_dict())
    types = LSTMStateExtractor(scorer=scorer, random_state=0).fit(few)
    told = [personality_types(types.scorer_.transform(data)) for data in (few, others)]
    classes = LSTMStateExtractor(objective="y", random_state=0).fit(few, told[0])
    assert types.score(others) > classes.score(others, told[1]) + 0.1


def test_permuting_customers_permutes_states(bank, scorer):
    extractor = LSTMStateExtractor(scorer=scorer, epochs=2, random_state=0).fit(bank.data)
    order = np.random.default_rng(0).permutation(300)
    permuted = extractor.transform(bank.data.iloc[order])
    np.testing.assert_allclose(permuted, extractor.transform(bank.data).iloc[order], atol=1e-6)


def test_noise_on_the_states_drives_them_apart(bank, scorer):
    """Towards -1 and 1, in the mean of some seeds."""
    distances = []
    for noise in (0, 0.8):
        fits = [
            LSTMStateExtractor(scorer=scorer, state_noise=noise, random_state=seed)
            for seed in range(4)
        ]
        ends = [fit.fit_transform(bank.data).iloc[:, -3:].to_numpy() for fit in fits]
        distances.append(np.abs(ends).mean())
    assert distances[1] > distances[0] + 0.03


def test_state_trajectories_turn_less_than_raw_scores(bank, scorer):
    turns = []
    for seed in range(5):
        extractor = LSTMStateExtractor(objective="scores", scorer=scorer, random_state=seed)
        states = fold(extractor.fit_transform(bank.data).to_numpy(), 3)
        turns.append(np.nanmean(direction_change(states)))
    by_year = BigFivePersonalityScorer(bank.coefficients, level="period")
    scores = fold(by_year.fit_transform(bank.data).to_numpy(), 3)
    assert np.mean(turns) < 0.7 * np.nanmean(direction_change(scores))


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
    assert len(extractor.history_) == len(stop.seen) == 3
    assert extractor.score(bank.data) == stop.seen[-1]
    assert extractor.transform(bank.data).shape == (300, 9)


def test_who_watches_changes_nothing(bank, scorer):
    extractor = LSTMStateExtractor(scorer=scorer, epochs=7, random_state=0)
    alone = clone(extractor).fit(bank.data)
    watched = clone(extractor).set_callbacks(StopAfter(100)).fit(bank.data)
    pd.testing.assert_frame_equal(alone.history_, watched.history_)
    for mine, theirs in zip(alone.weights_, watched.weights_, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_history_is_a_frame_by_epoch(bank, scorer):
    history = LSTMStateExtractor(scorer=scorer, epochs=5, random_state=0).fit(bank.data).history_
    assert history.index.tolist() == [1, 2, 3, 4, 5]
    assert history.index.name == "epoch"
    assert history.columns.tolist() == ["loss"]
    assert history.loss.iloc[-1] < history.loss.iloc[0]


def test_early_stopping_stops_and_keeps_the_best_weights(bank, scorer):
    extractor = LSTMStateExtractor(
        scorer=scorer, epochs=300, early_stopping=True, n_iter_no_change=4,
        validation_fraction=0.3, learning_rate=0.05, n_init=1, random_state=0,
    ).fit(bank.data)  # fmt: skip
    losses = extractor.history_.validation_loss
    assert len(losses) < 300
    assert losses.idxmin() == len(losses) - 4
    _, held_out = train_test_split(
        np.arange(300), test_size=0.3, random_state=np.random.RandomState(0)
    )
    panel = fold(bank.data.to_numpy(), 3)[held_out]
    target = encode_types(extractor.scorer_.transform(bank.data.iloc[held_out]))
    loss = mean_loss(extractor.network_, panel, target, extractor.weights_, np.ones(10))
    assert loss == pytest.approx(losses.min(), rel=1e-4)


@pytest.mark.parametrize("objective", ["type", "reconstruct"])
def test_early_stopping_serves_every_target(bank, scorer, objective):
    for extractor in (LSTMStateExtractor(), FeedForwardExtractor()):
        extractor.set_params(objective=objective, scorer=scorer, early_stopping=True, epochs=4)
        assert extractor.fit(bank.data).history_.notna().all(axis=None)


def test_a_callback_under_early_stopping_leaves_the_best_weights(bank, scorer):
    stop = StopAfter(5)
    extractor = LSTMStateExtractor(scorer=scorer, early_stopping=True, random_state=0)
    extractor.set_callbacks(stop).fit(bank.data)
    assert len(extractor.history_) == 5
    assert extractor.score(bank.data) == stop.seen[-1]


def test_balanced_classes_are_told_more_evenly(bank, scorer):
    y = np.where(np.arange(300) < 30, "rare", "frequent")
    data = bank.data.copy()
    data.loc[y == "rare", "year3|groceries"] += data["year3|groceries"].std()
    told = {}
    for class_weight in (None, "balanced"):
        extractor = LSTMStateExtractor(
            objective="y", class_weight=class_weight, epochs=30, random_state=0
        ).fit(data, y)
        told[class_weight] = (extractor.predict_target(data) == "rare").sum()
    assert told[None] < told["balanced"]


def test_balance_may_lack_classes(bank, scorer):
    """Types that no customer has weigh nothing and disturb nobody."""
    extractor = LSTMStateExtractor(scorer=scorer, class_weight="balanced", epochs=2)
    one_type = bank.data[personality_types(scorer.fit_transform(bank.data)) == "openness+"]
    assert extractor.fit(one_type).score(one_type) >= 0


def test_an_optimizer_may_be_an_object_and_survives_clone(bank, scorer):
    optimizer = keras.optimizers.RMSprop(0.02, momentum=0.5)
    extractor = clone(LSTMStateExtractor(scorer=scorer, epochs=10, optimizer=optimizer))
    losses = extractor.fit(bank.data).history_.loss
    assert losses.iloc[-1] < losses.iloc[0]
    by_name = LSTMStateExtractor(scorer=scorer, epochs=10, optimizer="sgd", random_state=0)
    assert by_name.fit(bank.data).history_.notna().all(axis=None)


def test_a_penalty_keeps_weights_small(bank, scorer):
    norms = []
    for l2 in (0.0, 0.01):
        extractor = LSTMStateExtractor(objective="reconstruct", epochs=20, l2=l2, random_state=0)
        recurrent = extractor.fit(bank.data).weights_[1]
        norms.append(np.square(recurrent).sum())
    assert norms[1] < norms[0]


def test_verbose_prints_every_epoch(bank, scorer, capsys):
    extractor = LSTMStateExtractor(scorer=scorer, epochs=2, early_stopping=True, verbose=True)
    extractor.fit(bank.data)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("LSTMStateExtractor: epoch 2 of 2, loss ")
    assert "validation loss" in lines[1]


@extractors
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_partial_fit_goes_on_where_fit_ended(bank, scorer, extractor, objective):
    extractor = clone(extractor).set_params(objective=objective, scorer=scorer, random_state=0)
    extractor.set_params(epochs=30, n_init=1).fit(bank.data, bank.liquidity)
    fitted_loss = extractor.history_.loss.iloc[-1]
    scaler = extractor.scaler_
    extractor.partial_fit(bank.data.iloc[:100], bank.liquidity.iloc[:100])
    history = extractor.history_
    assert len(history) == 31
    assert history.loss.iloc[-1] < 1.3 * fitted_loss < 1.3 * history.loss.iloc[0]
    assert extractor.scaler_ is scaler


def test_partial_fit_from_the_start_learns_as_well(bank, scorer):
    extractor = LSTMStateExtractor(scorer=scorer, batch_size=32, random_state=0)
    scores = [extractor.partial_fit(bank.data).score(bank.data) for _ in range(25)]
    assert scores[-1] > scores[0] + 0.1
    assert len(extractor.history_) == 25


def test_partial_fit_after_early_stopping_has_no_validation_loss(bank, scorer):
    extractor = LSTMStateExtractor(scorer=scorer, epochs=2, early_stopping=True)
    history = extractor.fit(bank.data).partial_fit(bank.data).history_
    assert history.validation_loss.isna().tolist() == [False, False, True]


def test_partial_fit_knows_no_new_classes(bank):
    extractor = LSTMStateExtractor(objective="y", epochs=1).fit(bank.data, ["a", "b"] * 150)
    with pytest.raises(ValueError, match=r"y has 150 labels of classes .* the first is 'c'"):
        extractor.partial_fit(bank.data, ["a", "c"] * 150)


@extractors
def test_an_autoencoder_has_an_inverse(bank, scorer, extractor):
    extractor = clone(extractor).set_params(objective="reconstruct", epochs=2, random_state=0)
    states = extractor.fit_transform(bank.data)
    spending = extractor.inverse_transform(states)
    assert list(spending.columns) == list(bank.data.columns)
    assert spending.index.equals(bank.data.index)
    np.testing.assert_allclose(spending, extractor.predict_target(bank.data), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="X has 2 columns, but trajectories of this"):
        extractor.inverse_transform(states.iloc[:, :2])


def test_only_an_autoencoder_has_an_inverse(bank, scorer):
    assert not hasattr(LSTMStateExtractor(), "inverse_transform")
    assert hasattr(LSTMStateExtractor(objective="reconstruct"), "inverse_transform")


def test_the_inverse_takes_states_with_cells(bank):
    extractor = LSTMStateExtractor(objective="reconstruct", epochs=1, random_state=0)
    hidden = extractor.fit_transform(bank.data)
    both = extractor.set_params(state="both").transform(bank.data)
    expected = extractor.set_params(state="hidden").inverse_transform(hidden)
    found = extractor.set_params(state="both").inverse_transform(both)
    pd.testing.assert_frame_equal(found, expected)


def test_both_states_hold_the_hidden_ones(bank, scorer):
    extractor = LSTMStateExtractor(2, (2,), scorer=scorer, state="both", epochs=1).fit(bank.data)
    both = extractor.transform(bank.data)
    assert both.shape == (300, 3 * 8)
    names = [name.removeprefix("year1|") for name in both.columns[:8]]
    assert names == ["state0", "state1", "cell0", "cell1",
                     "layer1_state0", "layer1_state1", "layer1_cell0", "layer1_cell1"]  # fmt: skip
    hidden = extractor.set_params(state="hidden").transform(bank.data)
    pd.testing.assert_frame_equal(both[hidden.columns], hidden)


@pytest.fixture(scope="module")
def remembering(bank, scorer):
    """A stack of two LSTMs that was fitted on two years, its states of them, and the third."""
    data = bank.data.astype(float)
    extractor = LSTMStateExtractor(2, (2,), scorer=scorer, state="both", epochs=3, random_state=0)
    states = extractor.fit_transform(data.iloc[:, :48])
    year = data.iloc[:, 48:].rename(columns=lambda name: name.removeprefix("year3|"))
    return extractor, states, year


def test_update_is_what_the_whole_history_gives(bank, remembering):
    extractor, states, year = remembering
    updated = extractor.update(states, year)
    cube = fold(bank.data.to_numpy(dtype=float), 3)
    whole = encode(extractor.network_, cube, extractor.weights_, cells=True)
    np.testing.assert_allclose(updated, whole[:, 1:].reshape(300, -1), atol=1e-12)
    assert list(updated.columns) == list(states.columns)
    assert updated.index.equals(states.index)
    last = extractor.update(states.iloc[:, -8:], year)
    np.testing.assert_array_equal(last, updated.iloc[:, -8:])
    by_arrays = extractor.update(states.to_numpy(), year.to_numpy())
    np.testing.assert_array_equal(by_arrays, updated)


def test_updates_follow_each_other(remembering):
    extractor, states, year = remembering
    twice = extractor.update(extractor.update(states, year), year)
    assert twice.shape == states.shape
    assert np.isfinite(twice.to_numpy()).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda states, year: (states.iloc[:, :3], year), "previous_states has 3 columns"),
        (lambda states, year: (states, year.iloc[::-1]), "of different customers, or in another"),
        (lambda states, year: (states, year.iloc[:, ::-1]), "24 features of X_new_period .* '[a-z ]+' instead of"),
        (lambda states, year: (states, year.iloc[:, 1:]), "23 features. Pass the 300 customers .* the 24"),
        (lambda states, year: (states, year.to_numpy()[:9]), "has 9 customers, .* Pass the 300"),
        (lambda states, year: (states, year * np.nan), "NaN"),
    ],
    ids=["states", "customers", "features", "too few features", "too few customers", "NaN"],
)
def test_updates_that_do_not_fit_are_refused(remembering, change, message):
    extractor, states, year = remembering
    with pytest.raises(ValueError, match=message):
        extractor.update(*change(states, year))


def test_update_takes_one_period_at_a_time(bank, remembering):
    extractor, states, _ = remembering
    with pytest.raises(ValueError, match="300 customers, 3 periods .* 1 period"):
        extractor.update(states, bank.data)


def test_update_needs_the_cells(bank, scorer):
    extractor = LSTMStateExtractor(scorer=scorer, epochs=1).fit(bank.data)
    with pytest.raises(ValueError, match="update needs hidden and cell states"):
        extractor.update(extractor.transform(bank.data), bank.data.iloc[:, -24:])


@extractors
def test_one_row_of_features_per_customer_for_a_head(bank, scorer, extractor):
    extractor = clone(extractor).set_params(scorer=scorer, epochs=1).fit(bank.data)
    states = fold(extractor.transform(bank.data).to_numpy(), 3)
    is_lstm = isinstance(extractor, LSTMStateExtractor)
    expected = states[:, -1] if is_lstm else states.mean(axis=1)
    np.testing.assert_allclose(extractor.pool_states(bank.data), expected, atol=1e-7)


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
