"""The states of an LSTM: which of them come out, how they move, and how they are carried on."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression

from skspend import BigFivePersonalityScorer, LSTMStateExtractor
from skspend.metrics import direction_change
from skspend.networks._forward import encode
from skspend.panel import fold


def test_states_of_a_type_network_predict_scores_and_default_better_than_chance(bank, scorer):
    states = LSTMStateExtractor(scorer=scorer, epochs=60, random_state=0).fit_transform(bank.data)
    scores = scorer.fit_transform(bank.data)
    assert LinearRegression().fit(states, scores).score(states, scores) > 0.3
    assert LogisticRegression().fit(states, bank.default).score(states, bank.default) > 0.5


def test_noise_on_the_states_moves_them_apart(bank, scorer):
    """Towards -1 and 1, in the mean of some seeds."""
    distances = []
    for noise in (0, 0.8):
        settings = {"scorer": scorer, "state_noise": noise, "n_init": 1}
        fits = [LSTMStateExtractor(**settings, random_state=seed) for seed in range(4)]
        ends = [fit.fit_transform(bank.data).iloc[:, -3:].to_numpy() for fit in fits]
        distances.append(np.abs(ends).mean())
    assert distances[1] > distances[0] + 0.03


def test_state_trajectories_turn_less_than_raw_scores(bank, scorer):
    turns = []
    for seed in range(5):
        extractor = LSTMStateExtractor(
            objective="scores", scorer=scorer, n_init=1, epochs=60, random_state=seed
        )
        states = fold(extractor.fit_transform(bank.data).to_numpy(), 3)
        turns.append(np.nanmean(direction_change(states)))
    by_year = BigFivePersonalityScorer(bank.coefficients, level="period")
    scores = fold(by_year.fit_transform(bank.data).to_numpy(), 3)
    assert np.mean(turns) < 0.7 * np.nanmean(direction_change(scores))


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
    extractor = LSTMStateExtractor(2, (2,), scorer=scorer, state="both", epochs=3, random_state=0)
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
    extractor = LSTMStateExtractor(scorer=scorer, epochs=1, random_state=0).fit(bank.data)
    before = extractor.transform(bank.data)
    extractor.set_params(state="both")
    pd.testing.assert_frame_equal(extractor.transform(bank.data), before)
    assert list(extractor.get_feature_names_out()) == list(before.columns)
    with pytest.raises(
        ValueError, match=r"fitted with state='hidden'\. Refit it with state='both'"
    ):
        extractor.update(before, bank.data.iloc[:, -24:])
    assert extractor.fit_transform(bank.data).shape == (300, 3 * 6)


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
