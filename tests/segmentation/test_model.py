"""A model gives every customer a segment that a person can read."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline

from skspend import (
    BigFivePersonalityScorer,
    FactorStateExtractor,
    LSTMStateExtractor,
    SegmentModel,
    SegmentReport,
    SpendingAggregator,
    TrajectoryClusterer,
    TransactionLog,
    segment_frame,
)
from skspend._utils._errors import DataError
from skspend.inspection import name_segments
from skspend.segmentation import Seen


@pytest.fixture(scope="module")
def model(bank_log, scorer):
    pipeline = Pipeline(
        [
            ("spend", SpendingAggregator(n_periods=3)),
            (
                "states",
                LSTMStateExtractor(2, n_networks=1, scorer=scorer, epochs=10, random_state=0),
            ),
            ("segment", TrajectoryClusterer(2, min_share=0.05, random_state=0)),
        ]
    ).fit(bank_log)
    names = {node: f"part {node}" for node in pipeline["segment"].tree_.index[1:]}
    return SegmentModel(pipeline, names)


def test_predict_gives_the_path_of_the_segment_of_every_customer_once(model, bank_log):
    customers = bank_log[::-7]
    table = model.predict(customers)
    assert table["customer"].tolist() == customers.customers.tolist()
    leaves = model.pipeline["segment"].predict_levels(model.see(customers)[1].trajectories)[:, -1]
    assert table["segment"].tolist() == [model.path(leaf) for leaf in leaves]
    assert table["segment"].str.fullmatch(r"part \d+ > part \d+").all()
    assert (table["segment"] == table["level2"]).all()


def test_the_stable_segment_is_the_one_on_the_path_that_other_fits_find_again(model, bank_log):
    parents = model.pipeline["segment"].tree_["parent"]
    tops = {node: node for node in parents.index[1:] if parents[node] == 0}
    stable = tops | {node: parents[node] for node in parents.index[1:] if parents[node]}
    inner = max(stable)
    of_first = {node: 0 for node in parents.index[1:] if node == 1 or parents[node] == 1}
    known = replace(model, stable=stable | {inner: inner} | of_first)
    table = known.predict(bank_log)
    plain = model.predict(bank_log)
    pd.testing.assert_frame_equal(table.drop(columns="stable_segment"), plain)
    assert table.columns.get_loc("stable_segment") == table.columns.get_loc("segment") + 1
    expected = plain["level1"].where(plain["segment"] != model.path(inner), model.path(inner))
    expected = expected.where(plain["level1"] != "part 1", "everybody")
    assert table["stable_segment"].tolist() == expected.tolist()
    assert {"everybody", "part 2", model.path(inner)} <= set(expected)


def test_the_stable_segments_of_a_frame_may_be_passed_as_they_are(model, bank_log, tmp_path):
    nodes = list(model.names)
    plain = replace(model, stable=dict.fromkeys(nodes, 0))
    frame = pd.DataFrame({"node": nodes, "stable": 0}).set_index("node")["stable"]
    for stable in (frame, dict(frame), {np.int64(node): np.int64(0) for node in nodes}):
        known = replace(model, stable=stable)
        assert known.stable == plain.stable
        assert set(map(type, known.stable.values())) == {int}
        known.save(tmp_path / "model.json")
        assert SegmentModel.load(tmp_path / "model.json").stable == plain.stable
        assert set(known.predict(bank_log[:5])["stable_segment"]) == {"everybody"}


def test_a_segment_without_a_name_is_refused_before_it_is_needed(model):
    n = len(model.names)
    some = {node: name for node, name in model.names.items() if node != 2}
    with pytest.raises(DataError, match=f"root: 1 of {n} segments have none, the first is 2"):
        replace(model, names=some)
    with pytest.raises(DataError, match=f"{n} of {n} segments have none"):
        replace(model, names={str(node): name for node, name in model.names.items()})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda stable: {}, "not one for each segment"),
        (lambda stable: {1: 1}, "not one for each segment"),
        (lambda stable: stable | {len(stable) + 1: 0}, "not one for each segment"),
        (lambda stable: stable | {1: 99}, "neither the segment nor the stable one above it"),
        (lambda stable: stable | {1: 2}, "neither the segment nor the stable one above it"),
        (lambda stable: stable | {1: 0.5}, "integer"),
        (lambda stable: 7, "not iterable"),
    ],
)
def test_stable_segments_of_another_tree_are_refused(model, change, message):
    stable = dict.fromkeys(model.names, 0)
    with pytest.raises(DataError, match=f"stable is not of the tree .*{message}.*Pass the column"):
        replace(model, stable=change(stable))


def test_the_customers_of_a_polars_frame_get_the_same_segments(model, bank_log):
    log = TransactionLog(pl.from_pandas(bank_log.to_frame()))
    pd.testing.assert_frame_equal(model.predict(log), model.predict(bank_log))
    pipeline = clone(model.pipeline).fit(log)
    table = SegmentModel(pipeline, model.names).predict(log)
    assert table["level1"].nunique() > 1


def since(log, date):
    frame = log.to_frame()
    return TransactionLog(frame[frame["date"] >= date])


def test_a_history_shorter_than_that_of_the_fit_is_told_once(model, bank_log):
    two_months = since(bank_log, "2023-11-01")
    calls = [
        lambda: model.predict(two_months),
        lambda: model.pipeline.predict(two_months),
        lambda: segment_frame(model.pipeline, two_months.to_frame(), cutoff="2023-12-31"),
        lambda: SegmentReport.from_estimator(model.pipeline, two_months, names=model.names),
    ]
    for call in calls:
        with warnings.catch_warnings(record=True, action="default") as told:
            call()
        [one] = told
        assert "span 2 of the 36 months that the model reads" in str(one.message)
        assert one.filename == __file__


def test_a_history_as_long_as_that_of_the_fit_is_not_told(model, bank_log):
    model.predict(since(bank_log, "2021-01-03"))
    model.predict(bank_log[:1])


def test_a_pipeline_fitted_on_one_period_says_that_it_is_no_trajectory(bank_log):
    steps = SpendingAggregator(n_periods=1), FactorStateExtractor(2), TrajectoryClusterer(1)
    with pytest.warns(UserWarning, match="One period is no trajectory") as told:
        make_pipeline(*steps).fit(bank_log)
    assert len(told) == 1
    assert told[0].filename == __file__


def test_names_tables_files_and_reports_follow_the_traits_of_the_coefficients(
    bank_log, bank, tmp_path
):
    traits = ["self-control", "materialism", "calm"]
    own = bank.coefficients.iloc[:, :3].set_axis(traits, axis=1)
    scorer = BigFivePersonalityScorer(own.to_dict())
    states = LSTMStateExtractor(2, n_networks=2, scorer=scorer, epochs=10, random_state=0)
    pipeline = Pipeline(
        [
            ("spend", SpendingAggregator(n_periods=3).set_output(transform="pandas")),
            ("states", states.set_output(transform="pandas")),
            ("segment", TrajectoryClusterer(2, min_share=0.05, random_state=0)),
        ]
    ).fit(bank_log)
    panel = pipeline["spend"].transform(bank_log)
    scores = pipeline["states"].scorer_.transform(panel)
    names = name_segments(pipeline["segment"], None, scores, panel)
    said = {name.rstrip("+-") for name in names.values()}
    assert said & set(traits)
    model = SegmentModel(pipeline, names)
    table = model.predict(bank_log)
    assert table.columns[-6:-3].tolist() == traits
    assert set(table["type"].str[:-1]) <= set(traits)
    described = model.describe(Seen.of(pipeline["states"], panel))
    assert set(traits) < set(described)
    model.save(tmp_path / "model.json")
    loaded = SegmentModel.load(tmp_path / "model.json")
    pd.testing.assert_frame_equal(loaded.predict(bank_log), table)
    report = SegmentReport.from_estimator(loaded.pipeline, bank_log, names=names)
    assert set(report.traits["trait"]) == set(traits)
    assert "self-control" in report.to_html()
