import pytest
from matplotlib.figure import Figure
from sklearn.model_selection import GridSearchCV

from skspend import LSTMStateExtractor
from skspend.model_selection import elbow
from skspend.plotting import (
    ElbowDisplay,
)


@pytest.fixture(scope="module")
def search(bank, scorer):
    extractor = LSTMStateExtractor(3, n_networks=2, scorer=scorer, epochs=10, random_state=0)
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
    with pytest.raises(ValueError, match="Pass param= to draw one"):
        ElbowDisplay.from_cv_results(both)
    assert ElbowDisplay.from_cv_results(both, "n_units").param == "n_units"
