"""The states of an LSTM: which of them come out, how they move, and how they are carried on."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression

from skspend import BigFivePersonalityScorer, LSTMStateExtractor
from skspend.metrics import direction_change
from skspend.networks._forward import encode
from skspend.panel import fold
from skspend.personality import TYPES, encode_types


def test_states_of_a_type_network_predict_scores_and_default_better_than_chance(bank, scorer):
    extractor = LSTMStateExtractor(scorer=scorer, n_networks=2, random_state=0)
    states = extractor.fit_transform(bank.data)
    scores = scorer.fit_transform(bank.data)
    assert LinearRegression().fit(states, scores).score(states, scores) > 0.3
    assert LogisticRegression().fit(states, bank.default).score(states, bank.default) > 0.5


def test_noise_on_the_states_moves_them_apart(bank, scorer):
    """Towards -1 and 1, in the mean of some seeds."""
    distances = []
    for noise in (0, 0.8):
        settings = {"scorer": scorer, "state_noise": noise, "n_init": 1, "epochs": 50}
        fits = [LSTMStateExtractor.paper(**settings, random_state=seed) for seed in range(4)]
        ends = [fit.fit(bank.data).pool_states(bank.data) for fit in fits]
        distances.append(np.abs(ends).mean())
    assert distances[1] > distances[0] + 0.03


def test_state_trajectories_turn_less_than_raw_scores(bank, scorer):
    extractor = LSTMStateExtractor(n_networks=2, scorer=scorer, random_state=0)
    states = fold(extractor.fit_transform(bank.data).to_numpy(), 3)
    by_year = BigFivePersonalityScorer(bank.coefficients, level="period")
    scores = fold(by_year.fit_transform(bank.data).to_numpy(), 3)
    turns = [np.nanmean(direction_change(moves)) for moves in (states, scores)]
    assert turns[0] < 0.7 * turns[1]


def test_weights_for_categories_are_those_for_weighted_sums_times_the_coefficients(bank, scorer):
    extractor = LSTMStateExtractor(2, n_networks=2, scorer=scorer, epochs=2, random_state=0)
    states = extractor.fit(bank.data).pool_states(bank.data)
    assert extractor.projection_.shape == (24, 5)
    assert extractor.input_scaler_.n_features_in_ == 5
    kernel = extractor.weights_[0]
    np.testing.assert_allclose(kernel, extractor.projection_ @ extractor.kernels_[0])
    network = extractor.network_._replace(n_features=24)
    by_categories = encode(network, fold(bank.data.to_numpy(), 3), extractor.weights_)[:, -1]
    np.testing.assert_allclose(by_categories @ extractor.components_, states, atol=1e-5)


@pytest.mark.parametrize("objective", ["reconstruct", "y"])
def test_weighted_sums_are_for_types_and_scores_alone(bank, objective):
    extractor = LSTMStateExtractor(2, (), n_networks=2, objective=objective, epochs=1)
    extractor.fit(bank.data, bank.liquidity)
    assert extractor.projection_ is None
    assert extractor.input_scaler_ is extractor.scaler_
    assert extractor.weights_ is extractor.kernels_


def test_the_states_of_an_ensemble_are_its_principal_components(bank, scorer):
    """Distances are those of a single network: the mean of the squares over networks."""
    extractor = LSTMStateExtractor(3, (), n_networks=4, scorer=scorer, state="both", epochs=5)
    both = extractor.fit_transform(bank.data).filter(like="year3|")
    assert both.shape == (300, 3 + 4 * 6)
    states = both.filter(regex=r"\|state").to_numpy()
    every = fold(extractor.transform(bank.data).to_numpy(), 3)[:, :, 3:]
    every = every.reshape(300, 3, 4, 6)[..., :3].reshape(300, 3, 12)
    np.testing.assert_allclose(every[:, -1] @ extractor.components_, states, atol=1e-6)
    pca = PCA(3, svd_solver="full").fit(every.reshape(-1, 12).astype(float))
    expected = pca.components_.T / 2
    np.testing.assert_allclose(np.abs(expected.T @ extractor.components_), np.eye(3) / 4, atol=1e-6)


def test_one_seed_gives_the_same_ensemble_bit_for_bit(bank, scorer):
    extractor = LSTMStateExtractor(2, (3,), n_networks=3, scorer=scorer, epochs=3, random_state=0)
    first, second = (clone(extractor).fit(bank.data) for _ in range(2))
    for mine, theirs in zip(first.kernels_, second.kernels_, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(first.components_, second.components_)


def test_the_networks_of_an_ensemble_differ(bank, scorer):
    extractor = LSTMStateExtractor(2, (), n_networks=3, scorer=scorer, epochs=1).fit(bank.data)
    kernel = extractor.kernels_[0]
    assert kernel.shape == (3, 5, 8)
    assert len({network.tobytes() for network in kernel}) == 3


def test_the_preset_of_the_paper_is_its_network(bank, scorer):
    extractor = LSTMStateExtractor.paper(4, scorer=scorer, epochs=1, l2=0.1).fit(bank.data)
    network = extractor.network_
    assert network.encoder == (4,)
    assert (network.n_networks, network.n_features, network.task_weights) == (1, 24, (1.0,))
    assert (network.state_noise, network.step_penalty, network.l2) == (0, 0, 0.1)
    assert extractor.components_ is None
    assert LSTMStateExtractor.paper(state_noise=0.4).state_noise == 0.4


def test_ranks_are_learned_as_tasks_of_falling_weight(bank, scorer):
    extractor = LSTMStateExtractor(
        n_networks=1, scorer=scorer, state_noise=0, epochs=100, random_state=0
    ).fit(bank.data)
    assert extractor.network_.task_weights == (1.0, 0.5)
    assert extractor.network_.n_outputs == 2 * len(TYPES)
    outputs = extractor.to_keras()(fold(bank.data.to_numpy(), 3))["outputs"].numpy()
    second = outputs[:, len(TYPES) :].argmax(axis=1)
    expected = encode_types(scorer.fit_transform(bank.data), rank=2)
    assert (second == expected).mean() > 0.3


def test_the_inverse_takes_states_with_cells(bank, autoencoder):
    hidden = autoencoder.transform(bank.data)
    with_cells = clone(autoencoder).set_params(state="both").fit(bank.data)
    both = with_cells.transform(bank.data)
    assert both.shape == (300, 3 * 6)
    expected = autoencoder.inverse_transform(hidden)
    pd.testing.assert_frame_equal(with_cells.inverse_transform(both), expected)


@pytest.fixture(scope="module")
def remembering(bank, scorer):
    """A stack of two LSTMs that was fitted on two years, its states of them, and the third."""
    data = bank.data.astype(float)
    extractor = LSTMStateExtractor.paper(2, scorer=scorer, state="both", epochs=3, random_state=0)
    extractor.set_params(hidden_units=(2,))
    states = extractor.fit_transform(data.iloc[:, :48])
    year = data.iloc[:, 48:].rename(columns=lambda name: name.removeprefix("year3|"))
    return extractor, states, year


def test_both_states_contain_the_hidden_ones(bank, remembering):
    extractor, both, _ = remembering
    assert both.shape == (300, 2 * 8)
    names = [name.removeprefix("year1|") for name in both.columns[:8]]
    assert names == ["state0", "state1", "cell0", "cell1",
                     "layer1_state0", "layer1_state1", "layer1_cell0", "layer1_cell1"]  # fmt: skip
    hidden = clone(extractor).set_params(state="hidden")
    hidden = hidden.fit_transform(bank.data.astype(float).iloc[:, :48])
    pd.testing.assert_frame_equal(both[hidden.columns], hidden)


def test_a_change_of_state_after_fit_changes_nothing_until_the_next_fit(bank, scorer):
    extractor = LSTMStateExtractor(3, (), n_networks=2, scorer=scorer, epochs=1, random_state=0)
    extractor.fit(bank.data)
    before = extractor.transform(bank.data)
    extractor.set_params(state="both")
    pd.testing.assert_frame_equal(extractor.transform(bank.data), before)
    assert list(extractor.get_feature_names_out()) == list(before.columns)
    with pytest.raises(
        ValueError, match=r"fitted with state='hidden'\. Refit it with state='both'"
    ):
        extractor.update(before, bank.data.iloc[:, -24:])
    assert extractor.fit_transform(bank.data).shape == (300, 3 * (3 + 2 * 6))


def test_an_update_gives_the_states_of_the_whole_history(bank, remembering):
    extractor, states, year = remembering
    updated = extractor.update(states, year)
    cube = fold(bank.data.to_numpy(dtype=float), 3)
    whole = encode(extractor.network_, cube, extractor.weights_, cells=True)
    np.testing.assert_allclose(updated, whole[:, 1:].reshape(300, -1), atol=1e-12)
    assert list(updated.columns) == list(states.columns)
    assert updated.index.equals(states.index)
    by_arrays = extractor.update(states.to_numpy(), year.to_numpy())
    np.testing.assert_array_equal(by_arrays, updated)


def test_an_ensemble_is_updated_by_the_states_of_all_its_networks(bank, scorer):
    """Their names say of which network and layer; the components come first."""
    data = bank.data.astype(float)
    extractor = LSTMStateExtractor(
        2, (3,), n_networks=2, scorer=scorer, state="both", epochs=2, random_state=0
    )
    states = extractor.fit_transform(data.iloc[:, :48])
    names = [name.removeprefix("year1|") for name in states.columns[: 2 + 2 * 10]]
    assert names[:6] == [
        "state0", "state1",
        "network0_state0", "network0_state1", "network0_cell0", "network0_cell1",
    ]  # fmt: skip
    assert names[6] == "network0_layer1_state0"
    assert names[12] == "network1_state0"
    updated = extractor.update(states, data.iloc[:, 48:].to_numpy())
    every = extractor._encode(fold(data.to_numpy(), 3), cells=True)[:, 1:]
    np.testing.assert_allclose(fold(updated.to_numpy(), 2)[:, :, 2:], every, atol=1e-12)
    hidden = [name for name in updated if "_state" in name and "layer" not in name]
    hidden = fold(updated[hidden].to_numpy(), 2)
    np.testing.assert_allclose(
        fold(updated.to_numpy(), 2)[:, :, :2], hidden @ extractor.components_, atol=1e-12
    )


def test_an_update_takes_the_last_period_alone(remembering):
    extractor, states, year = remembering
    last = extractor.update(states.iloc[:, -8:], year)
    pd.testing.assert_frame_equal(last, extractor.update(states, year).iloc[:, -8:])


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
        (
            lambda states, year: (states, year.iloc[:, ::-1]),
            "^24 of 24 features of X_new_period .* in another order",
        ),
        (
            lambda states, year: (states, year.rename(columns={"rent": "pets"})),
            r"^1 of 24 features of X_new_period .* The first is 'pets' instead of 'rent'\.",
        ),
        (
            lambda states, year: (states, year.iloc[:, 1:]),
            r"shape \(300, 1, 23\) .* Pass \(300, 1, 24\)",
        ),
        (lambda states, year: (states, year.to_numpy()[:9]), r"\(9, 1, 24\) .* \(300, 1, 24\)"),
        (lambda states, year: (states, year * np.nan), "NaN"),
    ],
    ids=[
        "states",
        "customers",
        "order",
        "features",
        "too few features",
        "too few customers",
        "NaN",
    ],
)
def test_updates_that_do_not_fit_are_refused(remembering, change, message):
    extractor, states, year = remembering
    with pytest.raises(ValueError, match=message):
        extractor.update(*change(states, year))


def test_an_update_takes_one_period_at_a_time(bank, remembering):
    extractor, states, _ = remembering
    with pytest.raises(ValueError, match=r"shape \(300, 3, 24\) .* one period"):
        extractor.update(states, bank.data)


@pytest.mark.parametrize("state", ["hidden", "both"])
def test_a_period_that_repeats_gives_the_states_of_a_panel_that_repeats_it(bank, scorer, state):
    extractor = LSTMStateExtractor(
        2, (3,), n_networks=2, scorer=scorer, epochs=2, random_state=0, state=state
    ).fit(bank.data)
    year = bank.data.iloc[:, -24:].to_numpy()
    repeated = pd.DataFrame(np.tile(year, 3), columns=bank.data.columns)
    expected = extractor.transform(repeated).to_numpy()
    _, states = extractor.repeat(year, n_periods=3)
    np.testing.assert_allclose(states.reshape(len(year), -1), expected, atol=1e-6)
    memory, first = extractor.repeat(year)
    _, others = extractor.repeat(year, memory[:, -1], n_periods=2)
    np.testing.assert_allclose(np.concatenate([first, others], axis=1), states, atol=1e-6)
