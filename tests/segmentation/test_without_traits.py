"""Segments of spending alone: the same model, file and measures, without traits and types."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from skspend import BigFivePersonalityScorer, SegmentModel, SegmentReport, TransactionLog
from skspend._utils._errors import DataError
from skspend.personality import TRAITS
from skspend.segmentation import (
    PanelSums,
    Refits,
    Seen,
    aggregate,
    cluster,
    compare_models,
    find_nodes,
    make_steps,
    measure_drift,
    score_traits,
    train,
)


def fit(log, previous=None):
    """A model without traits, its panel, what it sees of that and who is active."""
    spend, panel, is_active = aggregate(log)
    steps = make_steps(traits=False, max_depth=2)
    states, segment = steps.named_steps.values()
    active = panel.take(is_active)
    train(states, active)
    seen = Seen.of_all(states, panel)
    anchor = None if previous is None else find_nodes(previous, log)[is_active]
    scores = score_traits(states, active)
    inside = seen.trajectories[is_active]
    names = cluster(segment, inside, scores, active, previous=previous, anchor=anchor)
    model = SegmentModel(Pipeline([("spend", spend), *steps.steps]), names)
    return model, panel, seen, is_active


@pytest.fixture(scope="module")
def fitted(bank_log):
    return fit(bank_log)


@pytest.fixture(scope="module")
def model(fitted):
    return fitted[0]


def test_the_table_has_neither_traits_nor_a_type(model, bank_log):
    table = model.predict(bank_log)
    assert not {*TRAITS, "type"} & {*table.columns}
    assert table.columns[-3:].to_list() == ["strength", "active_periods", "known_share"]
    assert table["level1"].nunique() == 6


def test_most_members_have_what_a_name_says(fitted):
    model, panel, seen, is_active = fitted
    shares = panel.take(is_active).to_numpy().reshape(is_active.sum(), 3, -1).mean(axis=1)
    shares = pd.DataFrame(shares, columns=model.pipeline["spend"].categories_)
    nodes = model.pipeline["segment"].predict_levels(seen.trajectories[is_active])
    assert len(set(model.names.values())) == len(model.names)
    for node, name in model.names.items():
        members = (nodes == node).any(axis=1)
        for word in name.split(", "):
            direction, category = word.split(" ", 1)
            sides = shares.loc[members, category] - shares[category].median()
            assert ((sides > 0) if direction == "more" else (sides < 0)).mean() > 0.5


def test_a_loaded_model_gives_the_same_to_the_last_bit(model, bank_log, tmp_path):
    model.save(tmp_path / "model.json")
    loaded = SegmentModel.load(tmp_path / "model.json")
    pd.testing.assert_frame_equal(loaded.predict(bank_log), model.predict(bank_log))
    assert loaded.names == model.names


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("scales_", {"float64": [[0.0] * 48] * 3}, "scales_ is not above zero"),
        ("noise_variance_", {"float64": [-1.0] * 48}, "noise_variance_ is not above zero"),
        ("noise_variance_", {"float64": [1.0] * 47}, "has the size"),
        ("components_", {"float64": [[1.0] * 48] * 9}, "has the size"),
        ("popularity_", {"float64": [[1.0] * 23] * 3}, "has the size"),
        ("means_", {"float64": [[None] * 48] * 3}, "not finite"),
        ("scaler_", None, "not a StandardScaler"),
    ],
)
def test_parts_of_a_file_that_do_not_fit_together_are_refused(
    model, tmp_path, name, value, message
):
    path = tmp_path / "model.json"
    model.save(path)
    document = json.loads(path.read_text())
    document["steps"]["states"]["FactorStateExtractor"][name] = value
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match=message):
        SegmentModel.load(path)


@pytest.fixture(scope="module")
def shop_log():
    """Fifty customers of a shop with 50,001 categories, which all buy the first one."""
    names = np.char.add("article ", np.arange(50_001).astype(str))
    days = pd.date_range("2021-01-01", "2022-12-31", periods=len(names)).floor("D")
    frame = pd.DataFrame({"date": days, "category": names, "amount": 1.0})
    frame["customer"] = np.arange(len(names)) % 50
    common = frame[::5].assign(category=names[0])
    return TransactionLog(pd.concat([frame, common]), resolution="month")


def test_of_too_many_categories_the_rarest_are_one(shop_log):
    spend, panel, is_active = aggregate(shop_log, traits=False)
    assert len(spend.categories_) == 2000 and spend.categories_[-1] == "infrequent"
    assert "article 0" in spend.categories_ and len(spend.infrequent_categories_) == 48_002
    sums = panel.take(is_active).to_numpy().reshape(50, 2, 2000).sum(axis=2)
    np.testing.assert_allclose(sums, 1)


def test_more_categories_than_a_model_holds_are_refused_before_the_fit(shop_log):
    with pytest.raises(DataError, match="50,001 categories of spending, and a model holds at most"):
        aggregate(shop_log)


def test_the_record_says_nothing_of_traits(fitted):
    model, panel, seen, is_active = fitted
    described = model.describe(seen)
    assert not {*TRAITS} & {*described.columns}
    record = model.summarise(seen, panel.take(is_active), is_active, described)
    assert record["coverage"] is None and record["accuracy_in_sample"] is None
    assert -1 <= record["stability_kappa"] <= 1 and record["top_level_segments"] == 6


def test_its_customers_have_no_drift(fitted):
    model, panel, seen, is_active = fitted
    sums = PanelSums.of(panel.take(is_active), 3)
    drift = measure_drift(*model.pipeline[1:], sums, seen.trajectories[is_active])
    assert max(drift["segments"], drift["spending"], drift["outliers"]) < 1e-9


def test_other_fits_see_other_customers(fitted):
    model, panel, seen, is_active = fitted
    refits = Refits(make_steps(traits=False), panel, is_active)
    draws = [rows for _, rows in refits.others]
    assert len({tuple(rows) for rows in draws}) == 3
    assert all(rows.max() < len(refits.part) == len(rows) for rows in draws)
    with refits:
        agreement, reproduced = refits.compare(model, seen.trajectories)
    assert agreement["ari"] < 0.99
    assert reproduced.min() >= 0 and reproduced.max() <= 1


def test_networks_see_the_same_customers(fitted):
    _, panel, _, is_active = fitted
    assert all(rows is None for _, rows in Refits(make_steps(), panel, is_active).others)


def test_a_refit_keeps_segments_and_names(fitted, bank_log):
    model = fitted[0]
    again, _, seen, _ = fit(bank_log, previous=model)
    assert again.names == model.names
    _, moved = compare_models(model, again, find_nodes(model, bank_log), seen.trajectories)
    assert moved["same"] > 0.95 and not moved["new"] and not moved["gone"]


def test_a_report_does_without_traits(model, bank_log):
    report = SegmentReport.from_estimator(model.pipeline, bank_log, names=model.names)
    assert "openness" not in report.to_html()
    assert "FactorStateExtractor" in report.model_card().render()


def test_categories_without_coefficients_are_told_what_needs_none():
    shares = pd.DataFrame(np.ones((3, 2)), columns=["year1|zzz", "year1|qqq"])
    with pytest.raises(ValueError, match="take a FactorStateExtractor, which needs none"):
        BigFivePersonalityScorer().fit(shares)
