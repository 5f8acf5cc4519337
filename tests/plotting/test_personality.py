import numpy as np
import pytest
from matplotlib.colors import to_rgb
from sklearn.base import clone

from skspend.personality import TRAITS
from skspend.plotting import (
    TRAIT_COLORS,
    PersonalityDisplay,
)


def test_a_personality_is_one_dot_in_the_colour_of_its_dominant_trait():
    scores = np.array([[3, 1, 0, 0, 0], [0.5, -2, 0, 0, 0], [0, 0, 0, 9, 0]], dtype=float)
    display = PersonalityDisplay.from_predictions(scores)
    np.testing.assert_array_equal(display.dots_.get_offsets(), scores[display.drawn_, :2])
    expected = [TRAIT_COLORS["openness"], TRAIT_COLORS["conscientiousness"], "#BBBBBB"]
    drawn = display.dots_.get_facecolors()[:, :3]
    np.testing.assert_allclose(drawn, [to_rgb(expected[row]) for row in display.drawn_])


def test_beyond_the_threshold_most_are_dominated_by_the_trait():
    scores = np.random.default_rng(0).normal(size=(4000, 5))
    display = PersonalityDisplay.from_predictions(scores, max_customers=10)
    dominant = np.abs(scores).argmax(axis=1)
    above = scores[:, 0] >= display.thresholds_["+"]
    below = scores[:, 0] <= display.thresholds_["-"]
    assert (dominant[above] == 0).mean() >= 0.5
    assert (dominant[below] == 0).mean() >= 0.5
    assert 0.8 < display.thresholds_["+"] < 1.2
    assert len(display.drawn_) == 10


def test_without_a_dominant_trait_there_is_no_threshold():
    scores = np.tile([0.1, 0, 0, 0, 5.0], (20, 1))
    thresholds = PersonalityDisplay.from_predictions(scores).thresholds_
    assert np.isnan(list(thresholds.values())).all()


def test_a_personality_can_be_drawn_from_the_scorer(bank, scorer):
    fitted = clone(scorer).set_params(level="period").fit(bank.data)
    display = PersonalityDisplay.from_estimator(fitted, bank.data, traits=TRAITS[3:])
    assert display.ax_.get_ylabel() == "neuroticism score"


@pytest.mark.parametrize(
    ("scores", "traits", "message"),
    [
        (np.zeros((4, 3)), TRAITS[:2], "3 columns"),
        (np.zeros((4, 5)), TRAITS[:3], "two of"),
        (np.zeros((4, 5)), ("openness", "thrift"), "thrift"),
    ],
)
def test_personalities_that_do_not_fit_are_refused(scores, traits, message):
    with pytest.raises(ValueError, match=message):
        PersonalityDisplay.from_predictions(scores, traits=traits)
