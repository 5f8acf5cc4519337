import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from sklearn.cluster import KMeans
from sklearn.pipeline import Pipeline

from skspend import LSTMStateExtractor, TrajectoryClusterer
from skspend.personality import TYPES, personality_types
from skspend.plotting import TRAIT_COLORS, TrajectoryDisplay


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
    assert len(display.axes_) == len(display.paths_) == len(display.dots_) == n_panels
    unit = 0 if n_units == 1 else 1
    share = states[:, -1, unit].var() / states[:, -1].var(axis=0).sum()
    assert display.axes_[0].get_ylabel() == f"state {unit} ({share:.0%} of the variance)"
    display.figure_.draw_without_rendering()


def test_a_path_leads_through_the_means_of_a_group_to_its_dot(states, types):
    display = TrajectoryDisplay.from_predictions(states, types)
    _, counts = np.unique(types, return_counts=True)
    sizes = [np.sum(types == group) for group in display.groups_]
    assert sizes == sorted(counts, reverse=True)
    assert (np.diff(display.dots_[0].get_sizes()) <= 0).all()
    for number, group in enumerate(display.groups_):
        means = states[types == group].mean(axis=0)[:, :2]
        steps = np.asarray(display.paths_[0].get_segments())[number :: len(display.groups_)]
        np.testing.assert_allclose(steps[:, 1], means[1:])
        np.testing.assert_allclose(steps[:, 0], means[:-1])
        np.testing.assert_allclose(display.dots_[0].get_offsets()[number], means[-1])
        assert display.legend_.get_texts()[number].get_text() == f"{group} ({sizes[number]})"
    assert not len(display.drawn_) and not display.lines_[0].get_segments()


def test_an_ellipse_holds_half_of_a_normal_group():
    rng = np.random.default_rng(0)
    ends = rng.multivariate_normal([3, -1], [[2, 1.2], [1.2, 1]], size=20_000)
    states = np.stack([np.zeros_like(ends), ends], axis=1)
    display = TrajectoryDisplay.from_predictions(states, np.full(len(ends), "pets"))
    display.figure_.draw_without_rendering()
    [ellipse] = display.spreads_[0].get_paths()
    x, y = (display.spreads_[0].get_offsets() - [[3, -1]]).ravel()
    assert abs(x) < 0.05 and abs(y) < 0.05
    matrix = display.spreads_[0].get_transforms()[0][:2, :2]
    # The path is a unit circle that the matrix stretches and turns.
    assert np.linalg.norm(ellipse.vertices, axis=1).min() == pytest.approx(1)
    inside = np.linalg.norm(np.linalg.solve(matrix, (ends - [3, -1]).T), axis=0) <= 1
    assert inside.mean() == pytest.approx(0.5, abs=0.02)
    low, high = np.transpose([display.axes_[0].get_xlim(), display.axes_[0].get_ylim()])
    assert (low < [3 - np.sqrt(2), -2]).all() and (high > [3 + np.sqrt(2), 0]).all()


def test_single_customers_are_drawn_on_demand_as_even_over_groups_as_possible(states):
    labels = np.array(["openness+"] * 45 + ["neuroticism-"] * 5, dtype=object)
    display = TrajectoryDisplay.from_predictions(states, labels, max_customers=10)
    assert sorted(display.drawn_)[-5:] == [45, 46, 47, 48, 49]
    assert len(display.drawn_) == 10
    lines = np.asarray(display.lines_[0].get_segments())
    assert len(lines) == 10 * 5
    np.testing.assert_allclose(lines[-10:, 1], states[display.drawn_, -1, :2])


def test_groups_have_the_colours_of_their_traits_where_these_differ(states):
    labels = np.array(["openness+, more pets"] * 25 + ["neuroticism-"] * 25)
    display = TrajectoryDisplay.from_predictions(states, labels)
    colors = dict(zip(display.groups_, display.dots_[0].get_facecolors()[:, :3], strict=True))
    np.testing.assert_allclose(colors["openness+, more pets"], to_rgb(TRAIT_COLORS["openness"]))
    assert (colors["neuroticism-"] > to_rgb(TRAIT_COLORS["neuroticism"])).any()
    same = np.array(["openness+, more pets"] * 25 + ["openness+"] * 25)
    faces = TrajectoryDisplay.from_predictions(states, same).dots_[0].get_facecolors()
    assert len(np.unique(faces, axis=0)) == 2


def test_a_group_of_one_customer_is_a_path(states):
    display = TrajectoryDisplay.from_predictions(states[:1], ["openness+"])
    display.figure_.draw_without_rendering()
    np.testing.assert_allclose(display.dots_[2].get_offsets(), states[:1, -1, 1:])


def test_it_draws_on_the_axes_given(states, types):
    axes = Figure().subplots(1, 3)
    display = TrajectoryDisplay.from_predictions(states, types, ax=axes, title="types")
    assert display.figure_ is axes[0].figure
    assert display.legend_.get_title().get_text() == "types"
    with pytest.raises(ValueError, match="3 projections to draw, but ax has 1"):
        TrajectoryDisplay.from_predictions(states, types, ax=axes[0])


def test_it_opens_no_window(states, types):
    import matplotlib.pyplot as plt

    TrajectoryDisplay.from_predictions(states, types)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["openness+"]}, "1 labels for 50 customers"),
        ({"trajectories": np.zeros((50, 6))}, "Pass n_periods"),
    ],
)
def test_what_does_not_fit_is_refused(states, types, changes, message):
    with pytest.raises(ValueError, match=message):
        TrajectoryDisplay.from_predictions(**{"trajectories": states, "labels": types} | changes)


@pytest.fixture(scope="module")
def pipeline(bank, scorer):
    states = LSTMStateExtractor(3, n_networks=2, scorer=scorer, epochs=5, random_state=0)
    segment = TrajectoryClusterer(clusterer=KMeans(4, random_state=0))
    steps = [("states", states), ("segment", segment)]
    return Pipeline(steps).fit(bank.data)


def test_an_estimator_is_drawn_by_type_and_a_segment_of_it_by_the_second_trait(bank, pipeline):
    scores = pipeline["states"].scorer_.transform(bank.data)
    whole = TrajectoryDisplay.from_estimator(pipeline, bank.data)
    np.testing.assert_array_equal(whole.labels, personality_types(scores))
    assert whole.legend_.get_title().get_text().startswith("most dominant trait")
    assert whole.period == "year"
    segment = pipeline["segment"].tree_.query("depth == 1")["size"].idxmax()
    inside = pipeline["segment"].level_labels_[:, 0] == segment
    display = TrajectoryDisplay.from_estimator(pipeline, bank.data, segment=segment)
    assert len(display.states) == inside.sum() < 300
    np.testing.assert_array_equal(display.labels, personality_types(scores[inside], rank=2))
    assert display.legend_.get_title().get_text().startswith("second most dominant trait")
    everybody = TrajectoryDisplay.from_estimator(pipeline, bank.data, segment=0)
    np.testing.assert_array_equal(everybody.labels, whole.labels)


def test_what_an_estimator_does_not_have_is_refused(bank, pipeline):
    with pytest.raises(ValueError, match="no segment 999: the tree has nodes 0 to"):
        TrajectoryDisplay.from_estimator(pipeline, bank.data, segment=999)
    with pytest.raises(ValueError, match="Pass a Pipeline with a TrajectoryClusterer"):
        TrajectoryDisplay.from_estimator(pipeline["states"], bank.data, segment=1)
    autoencoder = LSTMStateExtractor.paper(objective="reconstruct", epochs=1, n_init=1)
    with pytest.raises(ValueError, match="no scorer_"):
        TrajectoryDisplay.from_estimator(autoencoder.fit(bank.data), bank.data)
