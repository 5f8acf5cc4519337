"""How new customers differ from those of the fit."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from sklearn.pipeline import Pipeline

from skspend import (
    FactorStateExtractor,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.aggregation._columns import find_shares
from skspend.metrics import population_stability
from skspend.report import SegmentReport
from skspend.segmentation import PanelSums, measure_drift, tell_drift

counts = st.lists(st.integers(0, 1000), min_size=2, max_size=8).filter(sum)


@given(counts.flatmap(lambda e: st.tuples(st.just(e), st.permutations(e))))
def test_the_index_is_symmetric_and_not_negative_and_ignores_totals(pair):
    expected, found = map(np.array, pair)
    index = population_stability(expected, found)
    assert index >= 0
    assert population_stability(found, 3 * expected) == pytest.approx(index)
    assert population_stability(expected, 7 * expected) == pytest.approx(0)


def test_the_index_by_hand():
    # (.3 - .5) ln(.3 / .5) + (.7 - .5) ln(.7 / .5)
    assert population_stability([5, 5], [3, 7]) == pytest.approx(0.2 * np.log(5 / 3 * 7 / 5))
    assert np.isnan(population_stability([0, 0], [3, 7]))


@pytest.mark.parametrize("found", [[1, 2, 3], [-1, 2]])
def test_the_index_needs_counts_of_the_same_parts(found):
    with pytest.raises(ValueError, match=r"inconsistent numbers|must not be negative"):
        population_stability([1, 2], found)


def test_the_index_of_counts_is_about_what_is_expected_by_chance():
    draw = np.random.default_rng(0)
    shares = draw.dirichlet(np.full(8, 5))
    found = [population_stability(*draw.multinomial([900, 400], shares)) for _ in range(300)]
    assert np.mean(found) == pytest.approx(7 * (1 / 900 + 1 / 400), rel=0.15)


@pytest.fixture(scope="module")
def fitted(bank, scorer):
    states = LSTMStateExtractor(3, n_networks=2, scorer=scorer, epochs=10, random_state=0)
    segment = TrajectoryClusterer(1, random_state=0)
    return Pipeline([("states", states), ("segment", segment)]).fit(bank.data)


def drift_of(pipeline, panel):
    return measure_drift(*pipeline, PanelSums.of(panel, 3), pipeline[0].transform(panel))


def test_drift_of_a_panel_with_statistics_is_that_of_its_sums(bank_log):
    spend = SpendingAggregator(n_periods=3, statistics=("sum", "count"))
    panel = spend.set_output(transform="pandas").fit_transform(bank_log)
    steps = FactorStateExtractor(2), TrajectoryClusterer(1, n_top=2, random_state=0)
    pipeline = Pipeline(list(zip(("states", "segment"), steps, strict=True))).fit(panel)
    sums = panel.loc[:, find_shares(panel.columns)]
    assert drift_of(pipeline, panel)["spending"] == pytest.approx(0, abs=1e-9)
    others = panel.copy()
    others[panel.columns.difference(sums.columns)] *= 5
    assert drift_of(pipeline, others)["spending"] == pytest.approx(0, abs=1e-9)


def test_the_customers_of_the_fit_do_not_differ_from_themselves(fitted, bank):
    drift = drift_of(fitted, bank.data)
    assert drift["customers"] == len(bank.data)
    assert drift["segments"] == drift["outliers"] == 0
    assert drift["spending"] == pytest.approx(0, abs=1e-9)


def test_customers_far_from_every_segment_are_a_drift_of_outliers(fitted, bank):
    trajectories = fitted[0].transform(bank.data)
    drift = measure_drift(*fitted, PanelSums.of(bank.data, 3), 5 * trajectories)
    scores = fitted[1].outlier_score(5 * trajectories)
    expected = np.histogram(fitted[1].outlier_scores_, 10, (0, 1))[0]
    found = np.histogram(scores, 10, (0, 1))[0]
    assert drift["outliers"] == pytest.approx(population_stability(expected, found))
    assert drift["outliers"] > 0.25
    assert "outlier scores is" in tell_drift(drift)


def test_what_differs_most_is_named_with_its_shares(fitted, bank):
    panel = bank.data.copy()
    moved = [name for name in panel if name.endswith("|travel")]
    panel[moved] += 0.3
    drift = drift_of(fitted, panel)
    first = drift["moved"][0]
    assert first["category"] == "travel"
    total = bank.data.to_numpy().sum() / bank.data.shape[0] / 3
    assert first["now"] == pytest.approx((first["fit"] * total + 0.3) / (total + 0.3))
    assert drift["spending"] > 0.25
    told = tell_drift(drift)
    assert "(much change)" in told
    assert f"travel {first['fit']:.1%} -> {first['now']:.1%}" in told


def test_nothing_is_said_of_the_sizes_of_a_single_segment(fitted, bank):
    drift = drift_of(fitted, bank.data)
    assert "index of the segments is 0.00 (little change), by chance" in tell_drift(drift)
    told = tell_drift(drift | {"segments": np.nan, "by_chance": 0})
    assert "index of the outlier scores is 0.00 (little change), and that of" in told
    assert "unknown" not in told


def test_few_customers_are_not_compared(fitted, bank):
    assert drift_of(fitted, bank.data[:99]) is None
    few = SegmentReport.from_estimator(fitted, bank.data[:99])
    assert not few.metrics["metric"].str.startswith("drift").any()


def test_a_report_has_the_drift(fitted, bank):
    found = SegmentReport.from_estimator(fitted, bank.data[:150]).metrics.set_index("metric")
    drift = drift_of(fitted, bank.data[:150])
    assert found.loc["drift of spending", "value"] == drift["spending"]
    assert found.loc["drift of segments", "value"] == drift["segments"]
    assert found.loc["drift of outliers", "value"] == drift["outliers"]
