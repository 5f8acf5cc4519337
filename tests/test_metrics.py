import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.base import clone
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skspend import (
    FeedForwardExtractor,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.metrics import (
    direction_change,
    direction_scorer,
    hierarchy_agreement,
    hierarchy_scorer,
    split_half_segments,
    stability_scorer,
    temporal_stability,
    tree_agreement,
)
from skspend.metrics._halves import _halves, place_halves
from skspend.metrics._movement import mean_direction_change, middle_period
from skspend.panel import Panel, fold
from skspend.personality import encode_types, rank_traits


@pytest.mark.parametrize(
    ("path", "degrees"),
    [
        ([[0, 0], [1, 1], [2, 2], [3, 3]], 0),
        ([[0, 0], [1, 0], [0, 0], [1, 0]], 180),
        ([[0, 0], [1, 0], [1, 1], [0, 1]], 90),
        ([[0, 0], [1, 0], [2, 0], [2, 1]], 45),
        ([[0, 0], [1, 0], [1, 0], [2, 0], [2, 1]], 90),
        ([[0, 0], [0, 0], [0, 0]], np.nan),
        ([[0, 0], [1, 0], [1, 0]], np.nan),
    ],
    ids=["straight", "back and forth", "square", "mean of two", "a pause", "still", "one step"],
)
def test_angles_by_hand(path, degrees):
    np.testing.assert_allclose(direction_change([path]), [degrees], atol=1e-5)


def test_size_and_rotation_do_not_matter():
    generator = np.random.default_rng(0)
    paths = generator.normal(size=(20, 6, 3))
    rotation, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    np.testing.assert_allclose(direction_change(paths), direction_change(7 * paths @ rotation))


@pytest.mark.parametrize("shape", [(4, 2, 3), (4, 6)])
def test_too_few_periods_are_refused(shape):
    with pytest.raises(ValueError, match="at least 3 periods"):
        direction_change(np.zeros(shape))


def test_stability_is_chance_corrected():
    generator = np.random.default_rng(0)
    labels = generator.choice(3, size=3000, p=[0.9, 0.05, 0.05])
    assert temporal_stability(labels, labels) == 1
    assert temporal_stability(np.zeros(50), np.zeros(50)) == 0
    assert abs(temporal_stability(labels, generator.permutation(labels))) < 0.06
    assert temporal_stability([0, 1, 0, 1], [1, 0, 1, 0]) == -1


def test_the_names_of_segments_do_not_matter_to_stability():
    labels = np.random.default_rng(0).integers(0, 4, size=(2, 200))
    names = np.array(["d", "a", "c", "b"])
    assert temporal_stability(*labels) == pytest.approx(temporal_stability(*names[labels]))


@pytest.mark.parametrize(
    ("segments", "message"), [(([0], [0, 1]), "inconsistent"), (([], []), "no customers")]
)
def test_stability_needs_the_same_customers(segments, message):
    with pytest.raises(ValueError, match=message):
        temporal_stability(*segments)


@pytest.fixture(scope="module")
def scores():
    return np.random.default_rng(1).normal(size=(2000, 5))


def by_rank(scores):
    """The hierarchy that the traits themselves make, three levels deep."""
    ranking = rank_traits(scores)[:, :3]
    types = 2 * ranking + (np.take_along_axis(scores, ranking, axis=1) < 0)
    return np.stack([types[:, 0], 10 * types[:, 0] + types[:, 1], types @ [100, 10, 1]], axis=1)


def test_the_hierarchy_of_the_traits_agrees_with_itself(scores):
    found = hierarchy_agreement(by_rank(scores), scores, n_permutations=4, random_state=0)
    assert found["level"].tolist() == [1, 2, 3]
    assert found["parents"].tolist() == [1, 10, 80]
    assert found["customers"].tolist() == [2000, 2000, 2000]
    np.testing.assert_allclose(found["ami"], 1)
    assert (found["baseline_95"] < 0.1).all()
    assert (found["p_value"] == 1 / 5).all()


def test_a_level_earns_nothing_by_what_its_parents_know(scores):
    levels = by_rank(scores)[:, :2]
    generator = np.random.default_rng(0)
    levels[:, 1] = 10 * levels[:, 0] + generator.integers(0, 8, size=len(levels))
    found = hierarchy_agreement(levels, scores, n_permutations=40, random_state=0)
    assert found.loc[0, "ami"] == pytest.approx(1)
    assert abs(found.loc[1, "ami"]) < 0.02
    assert found.loc[1, "p_value"] > 0.05


def test_the_baseline_of_chance_is_none(scores):
    random = np.random.default_rng(0).integers(0, 6, size=(2000, 1))
    found = hierarchy_agreement(random, scores, random_state=0).loc[0]
    assert abs(found["baseline"]) < 0.003
    assert found["baseline_95"] > found["baseline"]


def test_a_level_that_divides_nothing_has_no_agreement(scores):
    levels = np.repeat(by_rank(scores)[:, :1], 2, axis=1)
    found = hierarchy_agreement(levels, scores, n_permutations=3, random_state=0)
    assert found.loc[1, ["parents", "customers", "ami", "p_value"]].tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("n_customers", [2, 30, 400])
def test_agreement_is_adjusted_mutual_information(n_customers):
    draw = np.random.default_rng(n_customers)
    scores, parts = draw.normal(size=(n_customers, 5)), np.arange(n_customers) % 3
    found = hierarchy_agreement(parts[:, None], scores, n_permutations=5, random_state=0)
    traits, state = encode_types(scores), np.random.RandomState(0)
    shuffled = [state.permutation(traits) for _ in range(5)]
    by_chance = [adjusted_mutual_info_score(traits, parts) for traits in shuffled]
    expected = [adjusted_mutual_info_score(traits, parts), np.mean(by_chance)]
    np.testing.assert_allclose(found.loc[0, ["ami", "baseline"]].astype(float), expected, atol=1e-9)


def test_a_seed_repeats_the_baseline(scores):
    few = scores[:300]
    levels = by_rank(few)[:, :2]
    one, other = (
        hierarchy_agreement(levels, few, n_permutations=3, random_state=3) for _ in range(2)
    )
    pd.testing.assert_frame_equal(one, other)


def test_there_are_no_more_levels_than_traits(scores):
    with pytest.raises(ValueError, match=r"6 levels, but only 5 traits.*:5\]"):
        hierarchy_agreement(np.zeros((2000, 6), dtype=int), scores)


@pytest.mark.parametrize(("n_periods", "middle"), [(1, 0), (2, 0), (3, 1), (6, 2), (7, 3)])
def test_the_middle_period_ends_in_the_first_half(n_periods, middle):
    assert middle_period(n_periods) == middle


def test_customers_without_two_steps_have_no_mean_turn():
    still = np.zeros((2, 4, 3))
    assert np.isnan(mean_direction_change(still))
    turning = np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [0, 0], [0, 0]]])
    assert mean_direction_change(turning) == pytest.approx(90)


@pytest.fixture(scope="module")
def pipeline(scorer, bank):
    states = LSTMStateExtractor(3, n_networks=2, scorer=scorer, epochs=10, random_state=0)
    segment = TrajectoryClusterer(max_depth=2, random_state=0)
    return Pipeline([("states", states), ("segment", segment)]).fit(bank.data)


def test_scorers_are_the_metrics_of_what_a_pipeline_says(pipeline, bank):
    trajectories = pipeline[:-1].transform(bank.data)
    cube = fold(trajectories.to_numpy(), 3)
    expected = -np.nanmean(direction_change(cube))
    assert direction_scorer(pipeline, bank.data) == pytest.approx(expected)
    assert direction_scorer(pipeline[:-1], bank.data) == pytest.approx(expected)
    assert direction_scorer(pipeline[0], bank.data) == pytest.approx(expected)
    assert direction_scorer(pipeline[-1], trajectories) == pytest.approx(expected)
    assert stability_scorer(pipeline, bank.data) == pipeline[-1].score(trajectories)
    scores = pipeline[0].scorer_.transform(bank.data)
    agreement = hierarchy_agreement(pipeline[-1].level_labels_, scores, n_permutations=0)
    assert hierarchy_scorer(pipeline, bank.data) == pytest.approx(agreement["ami"].mean())


def test_scorers_serve_a_search_without_y(pipeline, bank_log):
    spend = SpendingAggregator(n_periods=3)
    whole = Pipeline([("spend", spend), *clone(pipeline).steps])
    scoring = {"turn": direction_scorer, "kappa": stability_scorer, "ami": hierarchy_scorer}
    grid = {"segment__max_depth": [1, 2]}
    search = GridSearchCV(whole, grid, scoring=scoring, refit="ami", cv=2)
    search.fit(bank_log[:150])
    for name in scoring:
        assert np.isfinite(search.cv_results_[f"mean_test_{name}"]).all()


def test_scores_of_each_year_are_averaged(scorer, bank):
    features = FeedForwardExtractor(scorer=scorer, epochs=2, n_init=1, random_state=0)
    pipeline = Pipeline([("states", features), ("segment", TrajectoryClusterer(random_state=0))])
    assert np.isfinite(hierarchy_scorer(pipeline.fit(bank.data), bank.data))


def test_scorers_say_what_they_need(pipeline, bank):
    with pytest.raises(ValueError, match="stability_scorer needs segments"):
        stability_scorer(pipeline[0], bank.data)
    with pytest.raises(ValueError, match="no step of the estimator has a scorer_"):
        hierarchy_scorer(pipeline[-1], pipeline[0].transform(bank.data))


@pytest.mark.parametrize(
    ("n_periods", "one", "other"),
    [
        (2, [1, 1], [0, 0]),
        (3, [0, 2, 2], [1, 1, 1]),
        (5, [0, 2, 2, 4, 4], [1, 1, 1, 3, 3]),
        (6, [1, 1, 3, 3, 5, 5], [0, 0, 2, 2, 4, 4]),
    ],
)
def test_halves_are_as_long_as_the_history_and_share_no_period(n_periods, one, other):
    assert [periods.tolist() for periods in _halves(n_periods)] == [one, other]


def test_each_half_depends_on_its_own_periods_alone(pipeline, bank):
    halves = split_half_segments(pipeline, bank.data)
    shuffled = bank.data.copy()
    second = [name for name in shuffled if name.startswith("year2|")]
    shuffled[second] = shuffled[second].sample(frac=1, random_state=0).to_numpy()
    one, other = split_half_segments(pipeline, shuffled)
    assert (one == halves[0]).all() and (other != halves[1]).any()


def test_halves_take_a_panel_in_any_form(bank):
    states = LSTMStateExtractor(2, objective="reconstruct", n_periods=3, epochs=2, random_state=0)
    segment = TrajectoryClusterer(n_periods=3, n_top=3, random_state=0)
    pipeline = Pipeline([("states", states), ("segment", segment)])
    table = bank.data.to_numpy()
    expected = split_half_segments(pipeline.fit(table), table)
    np.testing.assert_array_equal(split_half_segments(pipeline, fold(table, 3)), expected)
    pipeline.fit(bank.data)
    sparse = bank.data.astype(pd.SparseDtype(bank.data.dtypes.iloc[0], 0))
    for panel in (bank.data, pl.from_pandas(bank.data), sparse):
        np.testing.assert_array_equal(split_half_segments(pipeline, panel), expected)


def test_halves_of_a_log_are_those_of_its_panel(pipeline, bank_log):
    spend = SpendingAggregator(n_periods=3)
    whole = Pipeline([("spend", spend), *clone(pipeline).steps]).fit(bank_log)
    found = place_halves([whole[1], whole[2]], spend.transform(bank_log))
    np.testing.assert_array_equal(split_half_segments(whole, bank_log), found)


def test_halves_agree_only_if_customers_differ(scorer, bank):
    """Fits agree, and customers stay, also where chance alone makes them differ."""
    panel, generator = Panel.read(bank.data), np.random.default_rng(0)
    everybody = panel.cube.mean(axis=(0, 1))
    purchases = generator.multinomial(100, everybody / everybody.sum(), panel.cube.shape[:2])
    kappas, stays = [], []
    for cube in (panel.cube, purchases / 100):
        X = Panel(cube, panel.period, panel.features).like(bank.data)
        states = LSTMStateExtractor(3, n_networks=2, scorer=scorer, epochs=10, random_state=0)
        segment = TrajectoryClusterer(max_depth=1, n_top=6, random_state=0)
        pipeline = Pipeline([("states", states), ("segment", segment)]).fit(X)
        kappas.append(temporal_stability(*split_half_segments(pipeline, X)[:, :, 0]))
        stays.append(pipeline.score(X))
    assert kappas[0] > 0.2 and abs(kappas[1]) < 0.1
    assert stays[1] > 0.4


def test_halves_need_segments_and_two_periods(pipeline, bank):
    for estimator in (pipeline[:-1], pipeline[-1]):
        with pytest.raises(ValueError, match="a Pipeline that ends in a TrajectoryClusterer, got"):
            split_half_segments(estimator, bank.data)
    last = bank.data.filter(like="year1|")
    with pytest.warns(UserWarning, match="One period is no trajectory"):
        alone = clone(pipeline).fit(last)
    with pytest.raises(ValueError, match="one period, which has no halves"):
        split_half_segments(alone, last)


@st.composite
def trees(draw):
    """Nodes of customers at two levels: up to four top segments, each with up to three leaves."""
    top = draw(arrays.arrays(np.int64, st.integers(1, 25), elements=st.integers(0, 3)))
    part = draw(arrays.arrays(np.int64, len(top), elements=st.integers(0, 2)))
    return np.stack([top, 4 + 3 * top + part], axis=1)


@settings(max_examples=30, deadline=None)
@given(trees(), st.permutations(range(16)))
def test_trees_with_other_numbers_agree_wholly_where_they_divide(levels, numbers):
    agreement = tree_agreement(levels, np.array(numbers)[levels])
    n_top, n_leaves = (len(np.unique(column)) for column in levels.T)
    expected = {"top": n_top > 1, "leaves": n_leaves > 1, "inside": n_leaves > n_top}
    for name, divides in expected.items():
        assert agreement[name] == 1 if divides else np.isnan(agreement[name])


@settings(max_examples=30, deadline=None)
@given(trees(), st.permutations(range(16)), st.randoms(use_true_random=False))
def test_agreement_is_symmetric_and_depends_on_no_numbers_and_no_order(levels, numbers, random):
    others = levels[random.sample(range(len(levels)), len(levels))]
    agreement = tree_agreement(levels, others)
    pd.testing.assert_series_equal(agreement, tree_agreement(others, levels))
    pd.testing.assert_series_equal(agreement, tree_agreement(np.array(numbers)[levels], others))
    order = random.sample(range(len(levels)), len(levels))
    pd.testing.assert_series_equal(agreement, tree_agreement(levels[order], others[order]))
    assert not (agreement > 1).any()


def test_leaves_get_no_credit_for_the_top_level():
    rng = np.random.default_rng(0)
    top = rng.integers(2, size=2000)
    levels, others = (
        np.stack([top, 2 + 2 * top + rng.integers(2, size=2000)], axis=1) for _ in range(2)
    )
    agreement = tree_agreement(levels, others)
    assert agreement["top"] == 1
    assert agreement["leaves"] > 0.3
    assert abs(agreement["inside"]) < 0.01


def test_a_tree_that_does_not_divide_agrees_with_one_that_does_by_chance():
    whole, halves = np.zeros((6, 1), dtype=int), np.array([[1], [1], [1], [2], [2], [2]])
    assert tree_agreement(whole, halves).to_dict() == pytest.approx(
        {"top": 0, "leaves": 0, "inside": np.nan}, nan_ok=True
    )
    assert tree_agreement(whole, whole).isna().all()


def test_agreement_of_different_customers_is_refused():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        tree_agreement([[1], [2]], [[1], [2], [3]])
