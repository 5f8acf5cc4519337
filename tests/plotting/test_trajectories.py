import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.cluster import KMeans
from sklearn.pipeline import Pipeline

from skspend import LSTMStateExtractor, TrajectoryClusterer
from skspend.personality import TYPES, personality_types
from skspend.plotting import (
    TrajectoryDisplay,
)


@pytest.fixture
def states():
    return np.random.default_rng(0).uniform(-1, 1, size=(50, 6, 3))


@pytest.fixture
def types():
    return np.random.default_rng(0).choice(TYPES, size=50)


@pytest.mark.parametrize(("n_units", "n_panels"), [(1, 1), (2, 1), (3, 3), (5, 3)])
def test_there_is_a_panel_for_every_projection(types, n_units, n_panels):
    states = np.random.default_rng(0).uniform(-1, 1, size=(50, 6, n_units))
    display = TrajectoryDisplay.from_predictions(states, types)
    assert len(display.axes_) == len(display.lines_) == len(display.dots_) == n_panels
    assert display.axes_[0].get_ylabel() == ("state 0" if n_units == 1 else "state 1")


def test_every_customer_is_one_dot_at_the_last_period(states, types):
    display = TrajectoryDisplay.from_predictions(states, types)
    drawn = np.asarray(display.dots_[0].get_offsets())
    np.testing.assert_allclose(drawn, states[display.drawn_, -1, :2])
    assert sorted(display.drawn_) == list(range(50))
    assert len(display.lines_[0].get_segments()) == 50 * 5


def test_a_sample_is_even_over_traits(states):
    types = np.array(["openness+"] * 45 + ["neuroticism-"] * 5, dtype=object)
    display = TrajectoryDisplay.from_predictions(states, types, max_customers=10)
    assert sorted(display.drawn_)[-5:] == [45, 46, 47, 48, 49]
    assert len(display.drawn_) == 10


def test_a_display_from_an_estimator_shows_what_it_was_fitted_on(bank, scorer):
    extractor = LSTMStateExtractor(scorer=scorer, epochs=2, random_state=0).fit(bank.data)
    display = TrajectoryDisplay.from_estimator(extractor, bank.data)
    assert "last year" in display.legend_.get_texts()[-1].get_text()
    autoencoder = LSTMStateExtractor(objective="reconstruct", epochs=1).fit(bank.data)
    with pytest.raises(ValueError, match="no scorer_"):
        TrajectoryDisplay.from_estimator(autoencoder, bank.data)


def test_it_draws_on_the_axes_given(states, types):
    axes = Figure().subplots(1, 3)
    display = TrajectoryDisplay.from_predictions(states, types, ax=axes)
    assert display.figure_ is axes[0].figure
    with pytest.raises(ValueError, match="3 projections to draw, but ax has 1"):
        TrajectoryDisplay.from_predictions(states, types, ax=axes[0])


def test_it_opens_no_window(states, types):
    import matplotlib.pyplot as plt

    TrajectoryDisplay.from_predictions(states, types)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"types": ["openness+"]}, "1 types for 50 customers"),
        ({"types": ["kindness+"] * 50}, "'kindness\\+' is no personality type"),
        ({"trajectories": np.zeros((50, 6))}, "Pass n_periods"),
    ],
)
def test_what_does_not_fit_is_refused(states, types, changes, message):
    with pytest.raises(ValueError, match=message):
        TrajectoryDisplay.from_predictions(**{"trajectories": states, "types": types} | changes)


@pytest.fixture(scope="module")
def pipeline(bank, scorer):
    states = LSTMStateExtractor(scorer=scorer, epochs=30, random_state=0)
    segment = TrajectoryClusterer(clusterer=KMeans(4, random_state=0))
    steps = [("states", states), ("segment", segment)]
    return Pipeline(steps).fit(bank.data)


def test_a_segment_is_drawn_alone_in_the_colours_of_the_second_trait(bank, pipeline):
    whole = TrajectoryDisplay.from_estimator(pipeline, bank.data)
    assert len(whole.drawn_) == 300
    segment = pipeline["segment"].tree_.query("depth == 1")["size"].idxmax()
    inside = pipeline["segment"].level_labels_[:, 0] == segment
    display = TrajectoryDisplay.from_estimator(pipeline, bank.data, segment=segment)
    assert len(display.drawn_) == inside.sum() < 300
    scores = pipeline["states"].scorer_.transform(bank.data)
    expected = personality_types(scores[inside], rank=2)
    np.testing.assert_array_equal(display.types, expected)
    assert display.legend_.get_title().get_text() == "second most dominant trait"
    for ax in display.axes_:
        assert min(*ax.get_xlim(), *ax.get_ylim()) >= -1
        assert max(*ax.get_xlim(), *ax.get_ylim()) <= 1
    everybody = TrajectoryDisplay.from_estimator(pipeline, bank.data, segment=0)
    np.testing.assert_array_equal(everybody.types, whole.types)


def test_a_segment_that_is_not_there_is_refused(bank, pipeline):
    with pytest.raises(ValueError, match="no segment 999: the tree has nodes 0 to"):
        TrajectoryDisplay.from_estimator(pipeline, bank.data, segment=999)
    with pytest.raises(ValueError, match="Pass a Pipeline with a TrajectoryClusterer"):
        TrajectoryDisplay.from_estimator(pipeline["states"], bank.data, segment=1)
