import pytest
from matplotlib.figure import Figure

from skspend import LSTMStateExtractor
from skspend.inspection import explain_trajectories
from skspend.plotting import (
    ExplanationDisplay,
)


@pytest.fixture(scope="module")
def explanation(bank, scorer):
    extractor = LSTMStateExtractor(4, n_networks=2, scorer=scorer, epochs=5, random_state=0)
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
    extractor = LSTMStateExtractor(1, n_networks=2, scorer=scorer, epochs=2, random_state=0)
    axes = Figure().subplots(1, 2)
    display = ExplanationDisplay.from_estimator(
        extractor.fit(bank.data), bank.data, ax=axes, random_state=0
    )
    expected = explain_trajectories(extractor, bank.data, random_state=0)
    assert display.coefficients.equals(expected.coefficients)
    assert display.figure_ is axes[0].figure
    with pytest.raises(ValueError, match=r"2 panels \(states and fidelity\) to draw, but ax has 1"):
        display.plot(axes[0])
