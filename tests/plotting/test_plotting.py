import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skspend import LSTMStateExtractor, TrajectoryClusterer
from skspend.inspection import explain_trajectories, name_segments
from skspend.model_selection import elbow
from skspend.personality import TRAITS, TYPES, personality_types
from skspend.plotting import (
    TRAIT_COLORS,
    ElbowDisplay,
    ExplanationDisplay,
    HierarchyDisplay,
    PersonalityDisplay,
    TrajectoryDisplay,
)
from skspend.plotting._colors import text_color, type_color


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
    with pytest.raises(ValueError, match="pass a Pipeline with a TrajectoryClusterer"):
        TrajectoryDisplay.from_estimator(pipeline["states"], bank.data, segment=1)


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


@pytest.fixture(scope="module")
def tree(bank, scorer):
    states = LSTMStateExtractor(scorer=scorer, random_state=0).fit_transform(bank.data)
    clusterer = TrajectoryClusterer(random_state=0).fit(states)
    names = name_segments(clusterer, states, scorer.fit(bank.data).transform(bank.data))
    return clusterer, names


def test_an_icicle_is_as_high_as_there_are_customers(tree):
    clusterer, names = tree
    display = HierarchyDisplay.from_estimator(clusterer, names)
    assert len(display.patches_) == len(clusterer.tree_)
    for node, row in clusterer.tree_.iterrows():
        patch = display.patches_[node]
        assert patch.get_height() == pytest.approx(row["size"] / 300)
        if row["parent"] >= 0:
            parent = display.patches_[row["parent"]]
            assert patch.get_x() == pytest.approx(parent.get_x() + parent.get_width())
            assert patch.get_y() >= parent.get_y() - 1e-9
            assert patch.get_y() + patch.get_height() <= parent.get_y() + parent.get_height() + 1e-9


def test_an_icicle_names_every_segment_that_is_thick_enough(tree):
    clusterer, names = tree
    display = HierarchyDisplay.from_estimator(clusterer, names)
    for node in clusterer.tree_.index[1:]:
        if clusterer.tree_.loc[node, "size"] >= 0.012 * 300:
            assert display.texts_[node].get_text().startswith(names[node])
    unnamed = HierarchyDisplay.from_estimator(clusterer, ax=Figure().subplots())
    assert unnamed.texts_[1].get_text().startswith("segment 1 ")


def test_a_single_segment_is_an_icicle_too():
    clusterer = TrajectoryClusterer().fit(np.zeros((30, 2)))
    assert list(HierarchyDisplay.from_estimator(clusterer).patches_) == [0]


def test_text_can_be_read_on_every_colour():
    for name in TYPES:
        background = type_color(name)
        ink = text_color(background)
        assert contrast(background, (0, 0, 0) if ink == "black" else (1, 1, 1)) >= 4.5


def contrast(one, other):
    """By the rules of WCAG 2."""

    def luminance(color):
        c = np.asarray(color)
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


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


@pytest.fixture(scope="module")
def explanation(bank, scorer):
    extractor = LSTMStateExtractor(4, scorer=scorer, epochs=5, n_init=1, random_state=0)
    return explain_trajectories(extractor.fit(bank.data), bank.data, random_state=0)


def test_an_explanation_shows_the_strongest_categories_of_every_state(explanation):
    display = ExplanationDisplay.from_explanation(explanation, n_categories=5)
    assert len(display.axes_) == 5
    for state, dots in enumerate(display.coefficients_):
        rows = explanation.coefficients.query(f"period == 'year3' and state == 'state{state}'")
        drawn = [dot.lines[0].get_xdata()[0] for dot in dots]
        expected = sorted(rows["coefficient"], key=abs, reverse=True)[:5]
        assert drawn == pytest.approx(expected)
    limits = {ax.get_xlim() for ax in display.axes_[:-1]}
    assert len(limits) == 1


def test_an_explanation_shows_its_fidelity_by_period(explanation):
    display = ExplanationDisplay.from_explanation(explanation)
    for state, line in enumerate(display.fidelity_):
        rows = explanation.fidelity.query(f"state == 'state{state}'")
        assert list(line.lines[0].get_ydata()) == pytest.approx(list(rows["r2"]))
    texts = [text.get_text() for text in display.legend_.get_texts()]
    assert texts == ["state0", "state1", "state2", "state3"]
    assert display.axes_[-1].get_xlabel() == "year"


def test_nothing_in_an_explanation_overlaps_even_with_long_names(explanation):
    named = explanation.coefficients.copy()
    named["category"] = named["category"] + " AND ALLTHATISCALLEDBYNAMESWITHOUTEND, other"
    display = ExplanationDisplay(explanation.fidelity, named).plot()
    display.figure_.draw_without_rendering()
    boxes = [ax.get_tightbbox() for ax in display.axes_]
    for number, box in enumerate(boxes):
        assert not box.count_overlaps(boxes[:number] + boxes[number + 1 :])
    labels = [label.get_window_extent() for label in display.axes_[0].get_yticklabels()]
    assert all(not label.count_overlaps(labels[:i]) for i, label in enumerate(labels))


def test_an_explanation_from_an_estimator_is_that_of_explain_trajectories(bank, scorer):
    extractor = LSTMStateExtractor(1, scorer=scorer, epochs=2, n_init=1, random_state=0)
    axes = Figure().subplots(1, 2)
    display = ExplanationDisplay.from_estimator(
        extractor.fit(bank.data), bank.data, ax=axes, random_state=0
    )
    expected = explain_trajectories(extractor, bank.data, random_state=0)
    assert display.coefficients.equals(expected.coefficients)
    assert display.figure_ is axes[0].figure
    with pytest.raises(ValueError, match="2 states and fidelities to draw, but ax has 1"):
        display.plot(axes[0])
