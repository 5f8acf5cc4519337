"""The feed-forward network reads single periods, and has a mirrored autoencoder."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import r2_score

from skspend import BigFivePersonalityScorer, FeedForwardExtractor
from skspend.panel import fold
from skspend.personality import personality_types


@pytest.mark.parametrize("objective", ["type", "scores"])
def test_the_feed_forward_network_learns_the_personality_of_each_year(bank, scorer, objective):
    extractor = FeedForwardExtractor(
        5, objective=objective, scorer=scorer, state_noise=0, epochs=150, random_state=0
    ).fit(bank.data)
    by_year = clone(scorer).set_params(level="period").fit_transform(bank.data)
    scores = by_year.to_numpy().reshape(-1, 5)
    predicted = extractor.predict_target(bank.data)
    if objective == "type":
        is_right = predicted.ravel() == personality_types(scores)
        assert is_right.mean() == extractor.score(bank.data)
    else:
        expected = r2_score(scores, predicted.reshape(-1, 5))
        assert extractor.score(bank.data) == pytest.approx(expected, abs=1e-6)
    assert extractor.score(bank.data) > 0.75


def test_years_in_another_order_give_the_same_features_in_another_order(bank):
    scorer = BigFivePersonalityScorer(bank.coefficients.reset_index(drop=True))
    extractor = FeedForwardExtractor(scorer=scorer, epochs=2, random_state=0)
    cube = fold(bank.data.to_numpy(dtype=float), 3)
    features = fold(extractor.fit_transform(cube), 3)
    swapped = fold(extractor.transform(cube[:, [2, 0, 1]]), 3)
    np.testing.assert_allclose(swapped, features[:, [2, 0, 1]], atol=1e-12)


def test_hidden_layers_are_mirrored_in_the_autoencoder_alone(bank, scorer):
    extractor = FeedForwardExtractor(2, (8, 4), objective="reconstruct", scorer=scorer, epochs=1)
    layers = extractor.fit(bank.data).to_keras().layers
    assert [layer.units for layer in layers if hasattr(layer, "units")] == [8, 4, 2, 4, 8, 24]
    layers = extractor.set_params(objective="scores").fit(bank.data).to_keras().layers
    assert [layer.units for layer in layers if hasattr(layer, "units")] == [8, 4, 2, 5]
