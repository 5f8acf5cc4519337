import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.model_selection import GridSearchCV

from skspend import LSTMStateExtractor
from skspend.model_selection import elbow
from skspend.personality import TYPES
from skspend.plotting import TRAIT_COLORS, ElbowDisplay, TrajectoryDisplay


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


def test_the_colours_of_traits_differ():
    assert len(set(TRAIT_COLORS.values())) == 5


@pytest.fixture(scope="module")
def search(bank, scorer):
    extractor = LSTMStateExtractor(scorer=scorer, epochs=10, n_init=1, random_state=0)
    grid = {"n_units": [1, 2, 3, 4]}
    return GridSearchCV(extractor, grid, cv=3, refit=elbow("n_units")).fit(bank.data)


def test_an_elbow_shows_the_scores_of_the_search_and_what_it_chose(search):
    display = ElbowDisplay.from_cv_results(search, score_name="accuracy")
    line, _, bars = display.errorbar_.lines
    assert list(line.get_xdata()) == [1, 2, 3, 4]
    assert list(line.get_ydata()) == pytest.approx(list(search.cv_results_["mean_test_score"]))
    heights = [segment[1, 1] - segment[0, 1] for segment in bars[0].get_segments()]
    assert heights == pytest.approx(list(display.curve["high"] - display.curve["low"]))
    assert display.chosen == search.best_params_["n_units"]
    assert display.chosen_.get_xdata() == [display.chosen]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("n_units", "accuracy")
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert f"elbow: n_units = {display.chosen:g}" in texts


def test_an_elbow_is_drawn_on_the_axes_given_and_from_the_results_alone(search):
    ax = Figure().subplots()
    display = ElbowDisplay.from_cv_results(search.cv_results_, "n_units", ax=ax)
    assert display.ax_ is ax


def test_an_elbow_of_several_parameters_asks_for_one(search):
    both = search.cv_results_ | {"param_epochs": search.cv_results_["param_n_units"]}
    with pytest.raises(ValueError, match="Say by param= whose"):
        ElbowDisplay.from_cv_results(both)
    assert ElbowDisplay.from_cv_results(both, "n_units").param == "n_units"
