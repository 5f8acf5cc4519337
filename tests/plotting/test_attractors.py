import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from sklearn.pipeline import make_pipeline

from skspend import LSTMStateExtractor, TrajectoryClusterer
from skspend.plotting import TRAIT_COLORS, AttractorDisplay

NAMES = {1: "openness+", 2: "neuroticism+ openness-"}


def _tables(n_states=3, n_customers=60, common=True):
    """Customers who go to the two corners of the state space, one segment each."""
    columns = [f"state{k}" for k in range(n_states)]
    last = np.random.default_rng(0).uniform(-1, 1, size=(n_customers, n_states))
    segment = np.where(last[:, 0] > 0.2, 1, 2)
    states = pd.DataFrame(np.where(segment == 1, 1.0, -1.0)[:, None] + 0 * last, columns=columns)
    customers = pd.DataFrame({"segment": segment, "attractor": segment - 1})
    attractors = states.groupby(segment).mean()
    attractors.insert(0, "customers", np.bincount(segment)[1:])
    attractors.insert(1, "segment", [1, 2])
    if not common:
        attractors = attractors.iloc[:0]
    return customers, attractors, states, pd.DataFrame(last, columns=columns)


@pytest.mark.parametrize("n_states", [1, 2, 5])
def test_an_arrow_leads_from_the_last_state_to_the_attractor(n_states):
    display = AttractorDisplay(*_tables(n_states), NAMES).plot()
    starts = np.asarray(display.dots_.get_offsets())
    ends = starts + np.column_stack([display.arrows_.U, display.arrows_.V])
    corners = np.asarray(display.marks_.get_offsets())
    segment = display.customers["segment"].to_numpy()[display.drawn_]
    np.testing.assert_allclose(ends, corners[segment - 1], atol=1e-9)
    limits = display.ax_.get_xlim(), display.ax_.get_ylim()
    for values, (low, high) in zip(ends.T, limits, strict=True):
        assert low <= values.min() and values.max() <= high


def test_segments_have_their_colour_and_count_and_larger_marks_more_customers():
    display = AttractorDisplay(*_tables(), NAMES).plot()
    sizes = display.customers["segment"].value_counts()
    texts = [text.get_text() for text in display.legend_.get_texts()]
    assert texts[:2] == [f"{NAMES[node]} ({size})" for node, size in sizes.items()]
    faces = [tuple(face[:3]) for face in display.marks_.get_facecolors()]
    assert faces == [to_rgb(TRAIT_COLORS["openness"]), to_rgb(TRAIT_COLORS["neuroticism"])]
    areas = display.marks_.get_sizes()
    assert (areas[0] > areas[1]) == (sizes[1] > sizes[2])


def test_segments_of_one_trait_or_without_names_have_colours_of_their_own():
    for names in (None, {1: "openness+ pets", 2: "openness+ travel"}):
        faces = AttractorDisplay(*_tables(), names).plot().marks_.get_facecolors()
        assert len(np.unique(faces, axis=0)) == 2


def test_a_sample_is_drawn_on_the_axes_of_the_user_even_without_common_attractors():
    ax = Figure().subplots()
    display = AttractorDisplay(*_tables(common=False)).plot(ax, max_customers=9)
    assert display.ax_ is ax and display.figure_ is ax.figure
    assert len(display.drawn_) == 9 == len(display.dots_.get_offsets())
    assert len(display.marks_.get_offsets()) == 0
    display.figure_.draw_without_rendering()


def test_an_estimator_without_segments_is_refused_and_one_with_segments_drawn(bank, scorer):
    states = LSTMStateExtractor(n_networks=2, scorer=scorer, epochs=2, random_state=0)
    pipeline = make_pipeline(states, TrajectoryClusterer(max_depth=1, random_state=0))
    display = AttractorDisplay.from_estimator(pipeline.fit(bank.data), bank.data, max_customers=50)
    assert len(display.customers) == 300 and len(display.drawn_) == 50
    with pytest.raises(ValueError, match="LSTMStateExtractor has no segments"):
        AttractorDisplay.from_estimator(pipeline[0], bank.data)
