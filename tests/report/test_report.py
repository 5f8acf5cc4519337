"""SegmentReport: its frames, what it refuses, and the model card."""

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from sklearn.base import clone
from sklearn.metrics import cohen_kappa_score
from sklearn.pipeline import Pipeline

from skspend import (
    BigFivePersonalityScorer,
    FeedForwardExtractor,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
    TransactionLog,
)
from skspend.datasets import make_spending
from skspend.inspection import describe_segments, segment_fairness
from skspend.panel import fold
from skspend.personality import TRAITS, personality_types
from skspend.report import SegmentReport
from skspend.report._grades import grade
from skspend.report._words import figure, tell_sample, tell_small, tell_verdict


@pytest.fixture(scope="module")
def bank():
    """A synthetic bank of 1,000 customers, 3 years and 24 categories: enough to divide."""
    return make_spending(1000, 3, 24, random_state=0)


@pytest.fixture(scope="module")
def scorer(bank):
    return BigFivePersonalityScorer(bank.coefficients.to_dict())


def make_pipeline(scorer, epochs=15, **params):
    states = LSTMStateExtractor(3, n_networks=2, scorer=scorer, epochs=epochs, random_state=0)
    clusterer = TrajectoryClusterer(max_depth=2, random_state=0)
    return Pipeline([("states", states), ("segment", clusterer)]).set_params(**params)


@pytest.fixture(scope="module")
def pipeline(bank, scorer):
    return make_pipeline(scorer).fit(bank.data)


@pytest.fixture(scope="module")
def report(pipeline, bank):
    return SegmentReport.from_estimator(pipeline, bank.data)


@pytest.fixture(scope="module")
def page(report):
    return report.to_html()


def test_segments_are_those_of_describe_segments(report, pipeline, bank):
    states, segment = pipeline.named_steps.values()
    described = describe_segments(
        segment,
        states.transform(bank.data),
        states.scorer_.transform(bank.data),
        bank.data,
        names=report.names,
    )
    pd.testing.assert_frame_equal(
        report.segments.sort_values("node", ignore_index=True), described, check_like=True
    )


def test_what_is_inside_a_segment_follows_it(report):
    order = report.segments["node"].tolist()
    for row in report.segments.itertuples():
        above = report.segments.loc[report.segments["node"] == row.parent, "path"]
        assert row.parent == 0 or row.path.startswith(above.item())
        assert row.parent == 0 or order.index(row.parent) < order.index(row.node)


def test_trait_intervals_hold_the_median_of_95_of_100_samples(report, pipeline, bank):
    states, segment = pipeline.named_steps.values()
    scores = np.asarray(states.scorer_.transform(bank.data))
    levels = segment.predict_levels(states.transform(bank.data))
    found = report.traits.set_index(["node", "trait"])
    node = report.segments["node"].iloc[0]
    inside = scores[(levels == node).any(axis=1)]
    for trait, values in zip(TRAITS, np.sort(inside.T), strict=True):
        row = found.loc[(node, trait)]
        assert row["median"] == np.median(values)
        # The median of the population is between two values if the number of values below it,
        # which is binomial, is between their ranks.
        low, high = np.searchsorted(values, row[["low", "high"]])
        below = binom(len(values), 0.5)
        assert below.cdf(high) - below.cdf(low) > 0.95
        assert below.cdf(high - 1) - below.cdf(low + 1) < 0.95


def test_categories_compare_members_with_all_others(report, pipeline, bank):
    states, segment = pipeline.named_steps.values()
    levels = segment.predict_levels(states.transform(bank.data))
    shares = fold(bank.data.to_numpy(), 3).mean(axis=1)
    node = report.segments["node"].iloc[-1]
    inside = (levels == node).any(axis=1)
    found = report.categories.query("node == @node")
    np.testing.assert_allclose(found["share"], shares[inside].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found["others"], shares[~inside].mean(axis=0), rtol=1e-5)
    effect = (found["share"] - found["others"]) / shares.std(axis=0)
    np.testing.assert_allclose(found["effect"], effect, rtol=1e-4)


def test_history_counts_everybody_at_every_period_and_level(report):
    top = report.segments.loc[report.segments["depth"] == 1, "node"]
    history = report.history[report.history["node"].isin(top)]
    sizes = history.groupby("period")["customers"].sum()
    assert sizes.tolist() == [1000, 1000, 1000]
    last = report.history.query("period == 3")
    assert (last["rate"] == 1).all()
    known = report.history.dropna()
    assert (known["low"] <= known["rate"]).all()
    assert (known["rate"] <= known["high"] + 1e-12).all()
    sizes = last.set_index("node")["customers"]
    described = report.segments.set_index("node")["customers"]
    assert sizes[described.index].tolist() == described.tolist()


def test_moves_count_every_customer_between_the_parts_of_every_segment(report):
    history = report.history.set_index(["node", "period"])["customers"]
    parents = report.segments.groupby("parent")["node"].agg(set)
    assert set(report.moves["inside"]) == set(parents.index)
    for (inside, start, end), moves in report.moves.groupby(["inside", "start", "end"]):
        for way, period in (("origin", start), ("target", end)):
            sizes = moves.groupby(way)["customers"].sum().drop(-1, errors="ignore")
            expected = {node: history[node, period] for node in parents[inside]}
            assert sizes.to_dict() == {node: n for node, n in expected.items() if n}
    # From each period to the next, and from the first to the last.
    steps = report.moves[["start", "end"]].drop_duplicates().to_numpy().tolist()
    assert steps == [[1, 2], [2, 3], [1, 3]]
    stayed = report.history.query("period == 1").set_index("node")["stayed"]
    same = report.moves.query("start == 1 and end == 3 and origin == target and origin > 0")
    assert same.set_index("origin")["customers"].to_dict() == stayed[same["origin"]].to_dict()


def test_amounts_are_what_a_member_spends_in_a_period(bank_log, scorer):
    steps = [("spend", SpendingAggregator()), *make_pipeline(scorer).steps]
    report = SegmentReport.from_estimator(Pipeline(steps).fit(bank_log), bank_log)
    node = report.segments["node"].iloc[0] if len(report.segments) else 0
    inside = report.customers_.members(node)
    sums = SpendingAggregator(normalize=None).fit_transform(bank_log).to_numpy()
    expected = fold(sums, 3)[inside].mean(axis=(0, 1))
    found = report.categories.query("node == @node")["amount"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_trait_has_members_on_both_sides_of_everybody_or_at_the_median(report):
    scores = report.customers_.scores
    for row in report.traits.query("node > 0").itertuples():
        values = scores.loc[report.customers_.members(row.node), row.trait]
        assert row.above == (values > scores[row.trait].median()).mean()
        assert row.below == (values < scores[row.trait].median()).mean()


def test_types_without_a_network_are_judged_like_segments(report, pipeline, bank):
    states = pipeline["states"]
    so_far = fold(bank.data.to_numpy(), 3)[:, :2].mean(axis=1)
    scorer = clone(states.scorer).fit(bank.data)
    same = pd.DataFrame(np.tile(so_far, 3), columns=bank.data.columns)
    then, now = (personality_types(scorer.transform(panel)) for panel in (same, bank.data))
    found = report.metrics.set_index("metric")["value"]
    assert found["stay without a network"] == (then == now).mean()
    assert found["stability without a network"] == pytest.approx(cohen_kappa_score(then, now))
    trajectories = states.transform(bank.data)
    then, now = (pipeline["segment"].predict_levels(trajectories, period=p)[:, 0] for p in (1, 2))
    assert found["stay"] == (then == now).mean()


@pytest.mark.parametrize(
    ("kind", "values"),
    [("coverage", (0.6, 0.2, 0.05)), ("drift", (0.05, 0.2, 0.3)), ("found again", (0.8, 0.6, 0.4))],
)
def test_a_figure_is_good_fair_or_poor(kind, values):
    assert [grade(kind, value) for value in values] == ["good", "fair", "poor"]
    assert grade(kind, np.nan) == grade("turn", 1) == ""


def test_metrics_are_those_of_the_estimators(report, pipeline, bank):
    states, segment = pipeline.named_steps.values()
    trajectories = states.transform(bank.data)
    found = report.metrics.set_index("metric")["value"]
    assert found["coverage"] == pytest.approx(states.scorer_.coverage_)
    assert found["accuracy"] == states.score(bank.data)
    assert found["stability"] == segment.score(trajectories)
    assert found["strength"] == pytest.approx(segment.strength(trajectories).mean())
    has_interval = report.metrics["low"].notna()
    inside = report.metrics[has_interval]
    assert inside["value"].between(inside["low"], inside["high"]).all()


@pytest.mark.slow
def test_kappa_interval_holds_the_kappa_of_all_customers(scorer):
    many = make_spending(7000, 3, 24, random_state=0)
    pipeline = make_pipeline(scorer).fit(many.data[6000:])
    kappas, rows = [], []
    for start in range(0, 6000, 300):
        report = SegmentReport.from_estimator(pipeline, many.data[start : start + 300])
        row = report.metrics.set_index("metric").loc["stability"]
        kappas.append(row["value"])
        rows.append((row["low"], row["high"]))
    held = np.mean([low <= np.mean(kappas) <= high for low, high in rows])
    assert held >= 0.8
    # No wider than need: about four standard errors.
    width = np.mean([high - low for low, high in rows])
    assert 2.5 < width / np.std(kappas, ddof=1) < 6


def test_coverage_tells_which_categories_say_nothing(bank, scorer):
    fewer = {
        trait: {name: value for name, value in values.items() if name != "groceries"}
        for trait, values in scorer.coefficients.items()
    }
    few = bank.data[:200]
    pipeline = make_pipeline(clone(scorer).set_params(coefficients=fewer), epochs=2).fit(few)
    report = SegmentReport.from_estimator(pipeline, few)
    silent = report.coverage.query("~has_coefficient")
    assert silent["category"].tolist() == ["groceries"]
    assert report.coverage.query("~is_read")["category"].tolist() == ["groceries"]
    known = 1 - silent["share"].sum()
    assert report.metrics.set_index("metric").loc["coverage", "value"] == pytest.approx(known)


def test_exemplars_are_in_their_segment(report, pipeline, bank):
    states, segment = pipeline.named_steps.values()
    levels = segment.predict_levels(states.transform(bank.data))
    for row in report.exemplars.query("node > 0").itertuples():
        assert row.node in levels[row.row]
        assert row.customer == bank.data.index[row.row]
        assert 1 <= len(row.spends_on) <= 3


def test_fairness_follows_the_customers_and_counts_those_without_a_group(pipeline, bank):
    group = pd.Series(["north", "south"] * 490, index=bank.data.index[:980], name="region")
    shuffled = group.sample(frac=1, random_state=0)
    report = SegmentReport.from_estimator(pipeline, bank.data, protected=shuffled, random_state=0)
    assert report.fairness.groupby("group")["members"].sum().to_dict() == {
        "north": 490,
        "south": 490,
        "(missing)": 20,
    }
    states, segment = pipeline.named_steps.values()
    labels = segment.predict_levels(states.transform(bank.data))[:, 0]
    direct = segment_fairness(labels, group.reindex(bank.data.index).to_numpy())
    assert report.association["cramers_v"].item() == pytest.approx(direct.association["cramers_v"])


def test_a_log_gives_its_days_and_what_was_left_out(bank_log, scorer):
    frame = bank_log.to_frame()
    frame.loc[[3, 5], "amount"] = np.nan
    log = TransactionLog(frame, errors="drop")
    spend = SpendingAggregator(period="half", n_periods=4)
    steps = [("spend", spend), *make_pipeline(scorer).steps]
    report = SegmentReport.from_estimator(Pipeline(steps).fit(log), log)
    assert report.data["transactions"] == log.n_transactions
    assert (report.data["first day"], report.data["last day"]) == tuple(map(str, log.span))
    left_out = report.quality.set_index("reason")["transactions"]
    assert left_out["missing, infinite or unreadable amount"] == 2
    dates = log.to_frame()["date"]
    before = (dates <= log.span[1] - np.timedelta64(2 * 365 + 1, "D")).sum()
    assert left_out["before the first period"] == pytest.approx(before, rel=0.02)
    # The fitted pipeline still knows its own.
    assert report.pipeline["spend"].quality_["transactions"].sum() == left_out.sum()


def test_two_reports_of_the_same_are_the_same(report, page, pipeline, bank):
    again = SegmentReport.from_estimator(pipeline, bank.data)
    assert again.to_html() == page
    assert again.model_card().render() == report.model_card().render()


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda pipeline: pipeline["segment"], TypeError, "a fitted Pipeline .*, got Traj"),
        (lambda pipeline: pipeline[:1], TypeError, "ends in LSTMStateExtractor"),
    ],
)
def test_what_has_no_segments_is_refused(pipeline, bank, wrong, error, message):
    with pytest.raises(error, match=message):
        SegmentReport.from_estimator(wrong(pipeline), bank.data)


def test_customers_of_whom_the_model_knows_nothing_are_refused(pipeline, bank):
    with pytest.raises(ValueError, match="None of the 1,000 customers spends on any of the 24 cat"):
        SegmentReport.from_estimator(pipeline, bank.data * 0)


def test_other_customers_protected_are_refused(pipeline, bank):
    elsewhere = pd.Series(["a", "b"], index=["x", "y"])
    with pytest.raises(ValueError, match="protected has 2 customers, but none of the 1,000"):
        SegmentReport.from_estimator(pipeline, bank.data, protected=elsewhere)
    twice = pd.Series(["a", "b"], index=[bank.data.index[0]] * 2)
    with pytest.raises(ValueError, match="protected has 1 repeated customer, the first is"):
        SegmentReport.from_estimator(pipeline, bank.data, protected=twice)


def test_a_transfer_table_without_its_columns_is_refused(pipeline, bank):
    with pytest.raises(ValueError, match="no column 'label'"):
        SegmentReport.from_estimator(pipeline, bank.data, transfer=pd.DataFrame({"r2": [0.1]}))


@pytest.mark.parametrize(
    "params",
    [
        {"states__n_units": 1},
        {"states__n_units": 2},
        {"states__n_units": 5},
        {"states__objective": "scores"},
        {"states": FeedForwardExtractor(2, epochs=2, random_state=0)},
        {"segment__max_depth": 1},
        {"segment__min_share": 0.5},
    ],
)
def test_every_kind_of_pipeline_has_a_report(bank, scorer, params):
    pipeline = make_pipeline(scorer, epochs=2, **params)
    pipeline.set_params(states__scorer=scorer)
    few = bank.data[:200]
    report = SegmentReport.from_estimator(pipeline.fit(few), few)
    assert "</html>" in report.to_html()
    assert "Forbidden use" in report.model_card().render()


def test_one_period_has_a_report(bank, scorer):
    shares = pd.DataFrame(fold(bank.data.to_numpy(), 3)[:200, -1], columns=bank.coefficients.index)
    pipeline = make_pipeline(scorer, epochs=2).fit(shares)
    report = SegmentReport.from_estimator(pipeline, shares)
    drift = ["drift of spending", "drift of outliers", "drift of segments"]
    assert report.metrics["metric"].tolist() == ["coverage", "accuracy", "strength", *drift]
    assert not len(report.moves)
    assert 'id="paths"' not in report.to_html()


def test_a_report_about_categories_without_names_is_refused(bank):
    scorer = BigFivePersonalityScorer(bank.coefficients.reset_index(drop=True))
    shares = fold(bank.data.to_numpy(), 3)[:100]
    pipeline = make_pipeline(scorer, epochs=1).fit(shares)
    with pytest.raises(ValueError, match=r"24 categories .* no names.* 'year1\|groceries'"):
        SegmentReport.from_estimator(pipeline, shares)


def test_a_notebook_shows_the_page_in_a_sandbox(report, page):
    found = re.fullmatch(
        r'<iframe srcdoc="([^"<>]*)" sandbox="allow-scripts allow-downloads" [^<>]*></iframe>',
        report._repr_html_(),
    )
    shown = unescape(found[1])
    assert '<base href="about:srcdoc">' in shown
    assert shown.replace('<base href="about:srcdoc">', "") == page


def test_the_card_holds_every_figure(report, tmp_path):
    card = report.model_card()
    card.save(tmp_path / "card.md")
    text = (tmp_path / "card.md").read_text(encoding="utf-8")
    for row in report.metrics.itertuples():
        assert f"| {figure(row.value, row.metric)} " in " ".join(text.split())
    for row in report.segments.itertuples():
        assert row.path.replace(">", "&gt;") in text
    assert "r = 0.15" in text
    assert "Grant or refuse credit" in text
    assert "Not measured: no protected attribute" in text
    assert tell_verdict(report) in text
    for heading in ("Owner and status", "Validation", "Monitoring", "Retention and erasure"):
        assert re.search(f"^## {heading}$", text, re.MULTILINE)
    assert "scikit-learn" in text


@pytest.mark.parametrize(
    ("metric", "values", "said"),
    [
        ("coverage", (0.05, 0.3, 0.9), ("treat them as labels", "compare them", "they summarise")),
        (
            "reproducibility",
            (0.4, 0.7, 0.9),
            ("do not rely on a single one", "finds most of", "nearly the same segments"),
        ),
        ("split half", (0.19, 0.21), ("Do not use these segments", "speak of groups")),
    ],
)
def test_the_verdict_follows_the_grades(report, metric, values, said):
    for value, words in zip(values, said, strict=True):
        row = {"metric": metric, "value": value, "grade": grade(metric, value), "meaning": ""}
        others = report.metrics[report.metrics["metric"] != metric]
        metrics = pd.concat([others, pd.DataFrame([row])], ignore_index=True)
        assert words in tell_verdict(replace(report, metrics=metrics))


@pytest.mark.parametrize(("grades", "are_found"), [(["good", "fair"], True), (["poor"], False)])
def test_the_verdict_says_if_few_segments_inside_the_top_level_are_found_again(
    report, grades, are_found
):
    row = {"metric": "reproducibility", "value": 0.9, "grade": "good", "meaning": ""}
    metrics = pd.concat([report.metrics, pd.DataFrame([row])], ignore_index=True)
    nodes = pd.DataFrame({"depth": 2, "grade": grades})
    top = pd.DataFrame({"depth": [1], "grade": "good"})
    for known, qualified in ((top, False), (pd.concat([top, nodes]), not are_found)):
        said = tell_verdict(replace(report, metrics=metrics, node_stability=known))
        assert ("same segments at the top level, but few of those inside" in said) == qualified


def test_the_verdict_compares_with_types_only_if_there_are_types(report):
    metrics = report.metrics.set_index("metric")
    metrics.loc["stability", "low"] = metrics.loc["stability without a network", "value"] - 0.01
    equal = replace(report, metrics=metrics.reset_index())
    assert "about as long" in tell_verdict(equal)
    metrics.loc["stability", "low"] += 0.02
    assert "longer than in a type" in tell_verdict(replace(report, metrics=metrics.reset_index()))
    alone = metrics.drop(index=["stay without a network", "stability without a network"])
    alone.loc["stability", "grade"] = "poor"
    assert "few customers stay" in tell_verdict(replace(report, metrics=alone.reset_index()))


def test_figures_of_the_customers_of_the_fit_are_said_to_be_in_sample(report, page, pipeline):
    assert "in-sample" in tell_sample(report)
    assert tell_sample(report) in page
    assert tell_sample(report) in report.model_card().render()
    others = make_spending(100, 3, 24, random_state=1)
    assert tell_sample(SegmentReport.from_estimator(pipeline, others.data)) == ""


def test_segments_of_a_few_customers_are_said_to_tell_of_persons(report, pipeline, bank):
    assert tell_small(report) == ""
    few = SegmentReport.from_estimator(pipeline, bank.data.iloc[:12])
    n = few.segments["customers"].between(1, 4).sum()
    assert n > 0 and tell_small(few).startswith(f"{n} segment")
    assert tell_small(few) in few.to_html()
    assert tell_small(few) in few.model_card().render()


def test_no_heading_of_the_card_repeats_the_one_above_it(report, pipeline, bank):
    group = pd.Series(["young", "old"] * 500, index=bank.data.index, name="age")
    fair = SegmentReport.from_estimator(pipeline, bank.data, protected=group)
    for card in (report.model_card().render(), fair.model_card().render()):
        headings = re.findall(r"^#+ (.+)$", card, re.MULTILINE)
        assert headings.count("Fairness by group") == 1
        assert len(set(headings)) == len(headings)


def test_text_of_the_data_cannot_break_the_card(pipeline, bank):
    group = pd.Series(["a|b", "<script>alert(1)</script>"] * 500, index=bank.data.index, name="x|y")
    card = SegmentReport.from_estimator(pipeline, bank.data, protected=group).model_card().render()
    assert "<script>" not in card
    assert "a&#124;b" in card


def agreement(**change):
    top = {"ari": 0.5, "low": 0.4, "high": 0.6, "same": 0.7, "fits": 4, "held_out": 60}
    return pd.DataFrame([top | change], index=["top"])


def test_metrics_and_card_say_whether_another_fit_gives_the_same(pipeline, bank):
    report = SegmentReport.from_estimator(pipeline, bank.data, stability=agreement())
    added = report.metrics.set_index("metric").iloc[-2:]
    assert added["value"].to_dict() == {"same segment": 0.7, "reproducibility": 0.5}
    assert added.loc["reproducibility", ["low", "high"]].tolist() == [0.4, 0.6]
    assert added["meaning"].str.contains("4 other fits").all()
    assert "| reproducibility |" in " ".join(report.model_card().render().split())


def test_a_single_segment_adds_no_figure_of_other_fits(report, pipeline, bank):
    whole = agreement(ari=np.nan, same=np.nan)
    found = SegmentReport.from_estimator(pipeline, bank.data, stability=whole)
    pd.testing.assert_frame_equal(found.metrics, report.metrics)


def test_other_fits_of_each_segment_have_a_grade_or_are_refused(pipeline, bank):
    nodes = {"node": [1], "depth": 1, "held_out": 9, "jaccard": 0.6, "low": 0.5, "high": 0.7}
    nodes = pd.DataFrame(nodes)
    report = SegmentReport.from_estimator(pipeline, bank.data, node_stability=nodes)
    assert report.node_stability["grade"].tolist() == ["fair"]
    with pytest.raises(ValueError, match="node_stability has no column 'jaccard'"):
        SegmentReport.from_estimator(
            pipeline, bank.data, node_stability=nodes.drop(columns="jaccard")
        )


@pytest.mark.parametrize(
    ("stability", "message"),
    [
        (agreement().drop(columns="same"), "stability has no column 'same'"),
        (agreement().rename({"top": "leaves"}), "stability has no row 'top'"),
    ],
)
def test_another_table_than_that_of_stability_is_refused(pipeline, bank, stability, message):
    with pytest.raises(ValueError, match=message):
        SegmentReport.from_estimator(pipeline, bank.data, stability=stability)
