import warnings

import hdbscan
import numpy as np
import pandas as pd
import pyarrow
import pytest
from sklearn.cluster import Birch, KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    average_precision_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from skspend import TrajectoryClusterer
from skspend.datasets import make_trajectories
from skspend.panel import Panel


@pytest.fixture(scope="module")
def nested():
    """Four far groups, each of two near ones, on the way through three periods."""
    generator = np.random.default_rng(0)
    ends = np.array([[0, 0], [20, 0], [0, 20], [20, 20]])
    outer = np.repeat(np.arange(4), 200)
    inner = np.tile(np.repeat([0, 1], 100), 4)
    last = ends[outer] + np.stack([3.0 * inner, np.zeros(800)], axis=1)
    last = last + generator.normal(scale=0.4, size=(800, 2))
    steps = np.array([1 / 3, 2 / 3, 1])[None, :, None]
    return last[:, None, :] * steps, outer, outer * 2 + inner


@pytest.fixture(scope="module")
def fitted(nested):
    return TrajectoryClusterer(max_depth=2, random_state=0).fit(nested[0])


@pytest.fixture(scope="module")
def one_level(nested):
    return TrajectoryClusterer(max_depth=1, random_state=0).fit(nested[0])


@pytest.fixture(scope="module")
def planted():
    return make_trajectories(1500, random_state=0)


@pytest.fixture(scope="module")
def of_planted(planted):
    """A tree of three levels, which keeps outliers apart."""
    return TrajectoryClusterer(outlier_threshold=0.8, random_state=0).fit(planted.data)


def test_a_planted_hierarchy_is_found_with_its_numbers_of_clusters(nested, fitted):
    _, outer, inner = nested
    assert fitted.level_labels_.shape == (800, 2)
    assert adjusted_rand_score(outer, fitted.level_labels_[:, 0]) == 1
    assert adjusted_rand_score(inner, fitted.labels_) > 0.99
    assert len(np.unique(fitted.labels_)) == 8


@pytest.mark.parametrize("seed", [3, 4])
def test_three_parts_of_a_part_are_left_to_the_next_level(seed):
    """With one of the ten directions divided into its three parts, the silhouette is as good."""
    data = make_trajectories(1500, random_state=seed).data
    found = TrajectoryClusterer(max_depth=1, random_state=0).fit(data)
    assert (found.parents_ == 0).sum() == 10


def test_the_tree_adds_up(planted, of_planted):
    tree = of_planted.tree_
    assert tree["depth"].max() == 3
    assert tree.loc[0, "size"] == 1500
    for node, children in tree[tree["parent"] >= 0].groupby("parent"):
        assert children["size"].sum() == tree.loc[node, "size"]
        assert (children["depth"] == tree.loc[node, "depth"] + 1).all()
    leaves = tree[tree["label"] >= 0]
    assert sorted(leaves["label"]) == list(range(len(leaves)))
    labels = tree["label"].to_numpy()[of_planted.level_labels_[:, -1]]
    assert np.bincount(labels).tolist() == leaves["size"].tolist()
    for node, row in tree.iloc[1:].iterrows():
        assert node in of_planted.level_labels_[row["exemplar"]]
    ends = planted.data[:, -1]
    distances = np.linalg.norm(ends - of_planted.centers_[of_planted.level_labels_[:, -1]], axis=1)
    medians = pd.Series(distances).groupby(labels).median()
    np.testing.assert_allclose(of_planted.radii_, medians)


def test_exemplars_are_the_customers_nearest_to_the_centres(planted, of_planted):
    ends = planted.data[:, -1]
    for node, exemplars in enumerate(of_planted.exemplars_[1:], start=1):
        members = np.flatnonzero((of_planted.level_labels_ == node).any(axis=1))
        distances = np.linalg.norm(ends[members] - of_planted.centers_[node], axis=1)
        assert exemplars.tolist() == members[np.argsort(distances)[:3]].tolist()
    found = of_planted.find_exemplars(planted.data)
    np.testing.assert_array_equal(found, of_planted.exemplars_)


def test_predict_agrees_with_fit_predict(nested, fitted, one_level):
    labels = TrajectoryClusterer(max_depth=1, random_state=0).fit_predict(nested[0])
    np.testing.assert_array_equal(one_level.predict(nested[0]), labels)
    np.testing.assert_array_equal(fitted.predict(nested[0]), fitted.labels_)
    np.testing.assert_array_equal(fitted.predict_levels(nested[0]), fitted.level_labels_)
    np.testing.assert_array_equal(fitted.strength(nested[0]), fitted.strengths_)


def test_the_public_arrays_of_a_tree_are_enough_to_predict(planted, of_planted):
    restored = TrajectoryClusterer()
    names = ("parents_", "sizes_", "radii_", "centers_", "exemplars_", "outlier_threshold_")
    for name in (*names, "n_periods_", "n_features_in_"):
        setattr(restored, name, getattr(of_planted, name))
    np.testing.assert_array_equal(restored.predict(planted.data), of_planted.labels_)
    np.testing.assert_array_equal(restored.strength(planted.data), of_planted.strengths_)
    pd.testing.assert_frame_equal(restored.tree_, of_planted.tree_)


def test_parameters_count_from_the_next_fit_on(nested):
    few = nested[0][::4]
    clusterer = TrajectoryClusterer(max_depth=1, random_state=0).fit(few)
    labels = clusterer.labels_
    clusterer.set_params(outlier_threshold=0.0, max_depth=3)
    np.testing.assert_array_equal(clusterer.predict(few), labels)
    assert (clusterer.set_params(max_depth=1).fit_predict(few) == -1).any()


def test_everybody_has_a_segment_also_far_away(fitted):
    far = np.full((1, 3, 2), 1e6)
    assert fitted.predict(far)[0] >= 0
    assert fitted.labels_.min() == 0


def test_strength_is_one_at_the_centre_and_none_halfway(one_level):
    a, b = one_level.centers_[1], one_level.centers_[2]
    points = np.stack([a, (a + b) / 2])[:, None, :].repeat(3, axis=1)
    strengths = one_level.strength(points)
    assert strengths[0] == pytest.approx(1)
    assert strengths[1] == pytest.approx(0, abs=1e-6)


def test_outliers_score_high_and_do_not_bend_the_tree(nested):
    trajectories, outer, _ = nested
    strange = np.random.default_rng(1).uniform(-60, 80, size=(8, 3, 2))
    clusterer = TrajectoryClusterer(max_depth=1, random_state=0)
    clusterer.fit(np.concatenate([trajectories, strange]))
    assert adjusted_rand_score(outer, clusterer.labels_[:800]) > 0.99
    assert np.median(clusterer.outlier_scores_[800:]) > 0.8
    assert np.median(clusterer.outlier_scores_[:800]) < 0.1


def test_customers_in_one_place_are_one_segment():
    same = np.ones((100, 3, 2))
    clusterer = TrajectoryClusterer(random_state=0).fit(same)
    assert clusterer.labels_.tolist() == [0] * 100
    assert clusterer.strengths_.tolist() == [1] * 100
    assert clusterer.score(same) == 0


@pytest.mark.parametrize("n_customers", [1, 2, 19])
def test_few_customers_are_one_segment(n_customers):
    X = np.random.default_rng(0).normal(size=(n_customers, 4))
    assert TrajectoryClusterer().fit_predict(X).tolist() == [0] * n_customers


def test_no_segment_is_smaller_than_asked():
    centers = [[0, 0], [10, 0], [0, 10], [3, 2]]
    X, _ = make_blobs([400, 300, 260, 40], centers=centers, cluster_std=0.3, random_state=0)
    assert len(TrajectoryClusterer(max_depth=1, min_share=0.03, random_state=0).fit(X).tree_) == 5
    clusterer = TrajectoryClusterer(min_share=0.05, random_state=0).fit(X)
    assert len(clusterer.tree_) > 2
    assert clusterer.tree_["size"].min() >= 50


@pytest.mark.parametrize(
    "base",
    [KMeans(4, random_state=0), Birch(n_clusters=4), hdbscan.HDBSCAN(min_cluster_size=50)],
    ids=lambda base: type(base).__name__,
)
def test_any_clusterer_divides_the_nodes(nested, base):
    trajectories, outer, _ = nested
    clusterer = TrajectoryClusterer(max_depth=1, clusterer=base).fit(trajectories)
    assert adjusted_rand_score(outer, clusterer.labels_) > 0.45
    assert clusterer.labels_.min() == 0
    assert not hasattr(base, "labels_")


@pytest.mark.parametrize(
    "base",
    [KMeans(6, n_init=1), make_pipeline(StandardScaler(), KMeans(6, n_init=1, random_state=1))],
    ids=["KMeans", "Pipeline"],
)
def test_one_seed_gives_one_tree_whatever_clusterer_divides_it(nested, base):
    def fit(seed):
        clusterer = TrajectoryClusterer(max_depth=1, clusterer=base, random_state=seed)
        return clusterer.fit(nested[0]).labels_.tobytes()

    assert len({fit(0) for _ in range(5)}) == 1
    assert len({fit(seed) for seed in range(5)}) > 1


def test_a_clusterer_keeps_its_own_seed_where_none_is_given(nested):
    base = KMeans(6, n_init=1, random_state=1)
    fits = [TrajectoryClusterer(max_depth=1, clusterer=base).fit(nested[0]) for _ in range(3)]
    expected = base.fit_predict(nested[0][:, -1])
    for fit in fits:
        assert adjusted_rand_score(expected, fit.labels_) > 0.99


def test_a_sample_grows_nearly_the_same_tree(nested):
    trajectories, _, inner = nested
    clusterer = TrajectoryClusterer(max_depth=2, max_fit_samples=400, random_state=0)
    assert adjusted_rand_score(inner, clusterer.fit_predict(trajectories)) > 0.99
    assert clusterer.tree_.loc[0, "size"] == 800


def test_stability_is_one_for_those_who_stay_and_near_none_for_those_who_mix():
    X, _ = make_blobs(600, centers=[[0, 0], [9, 0], [0, 9]], random_state=0)
    stay = np.stack([X, X, X], axis=1)
    mix = np.stack([X, np.random.default_rng(0).permutation(X), X], axis=1)
    clusterer = TrajectoryClusterer(max_depth=1, random_state=0)
    assert clusterer.fit(stay).score(stay) == 1
    assert abs(clusterer.fit(mix).score(mix)) < 0.1


@pytest.mark.parametrize(
    ("n_periods", "said"),
    [(1, "One period is no trajectory"), (2, "Two periods are hardly a trajectory"), (3, None)],
)
def test_one_or_two_periods_are_told_to_be_no_trajectory(n_periods, said):
    panel = Panel(np.ones((30, n_periods, 2)), "year", ["state0", "state1"])
    with warnings.catch_warnings(record=True, action="default") as told:
        TrajectoryClusterer(random_state=0).fit(pd.DataFrame(panel.table, columns=panel.names))
    assert [str(one.message).partition(",")[0] for one in told] == [said] * (said is not None)
    assert all(one.filename == __file__ for one in told)


def test_a_single_period_has_no_stability(nested, one_level):
    last = nested[0][::4, -1]
    assert np.isnan(TrajectoryClusterer(max_depth=1, random_state=0).fit(last).score(last))
    assert np.isnan(one_level.score(nested[0][:, :1]))


def test_the_number_of_threads_changes_no_bit(nested, one_level):
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            fitted = TrajectoryClusterer(max_depth=1, random_state=0).fit(nested[0])
        np.testing.assert_array_equal(fitted.centers_, one_level.centers_)


def test_planted_trajectories_are_found_at_every_level(planted, of_planted):
    inside = ~planted.is_outlier
    for level in range(3):
        found = of_planted.level_labels_[inside, level]
        assert adjusted_mutual_info_score(planted.levels[inside, level], found) > 0.95
    assert average_precision_score(planted.is_outlier, of_planted.outlier_scores_) > 0.95


@pytest.fixture(scope="module")
def by_density(planted):
    return TrajectoryClusterer(clusterer="hdbscan").fit(planted.data)


def test_hdbscan_finds_the_main_directions_and_gives_everybody_a_segment(planted, by_density):
    inside = ~planted.is_outlier
    top = by_density.level_labels_[:, 0]
    assert adjusted_mutual_info_score(planted.levels[inside, 0], top[inside]) > 0.85
    assert adjusted_mutual_info_score(planted.levels[inside, 2], by_density.labels_[inside]) > 0.85
    children = by_density.tree_.iloc[1:].groupby("parent").size()
    assert children.max() <= 12
    assert by_density.labels_.min() == 0
    assert by_density.sizes_.min() >= 10


def test_hdbscan_repeats_and_reads_arrays_of_any_layout(planted, by_density):
    table = np.asfortranarray(planted.data.reshape(len(planted.data), -1))
    table.flags.writeable = False
    again = TrajectoryClusterer(clusterer="hdbscan", n_periods=by_density.n_periods_).fit(table)
    np.testing.assert_array_equal(again.labels_, by_density.labels_)
    # The mean of everybody, alone, is summed in the order of the array.
    np.testing.assert_array_equal(again.centers_[1:], by_density.centers_[1:])


def test_hdbscan_keeps_outliers_apart_by_their_scores(planted, by_density):
    apart = TrajectoryClusterer(clusterer="hdbscan", outlier_threshold=0.8).fit(planted.data)
    expected = np.where(by_density.outlier_scores_ > 0.8, -1, by_density.labels_)
    np.testing.assert_array_equal(apart.labels_, expected)
    assert 0 < (apart.labels_ == -1).mean() < 0.2


@parametrize_with_checks([TrajectoryClusterer(clusterer="hdbscan")])
def test_scikit_learn_check_passes_with_hdbscan(estimator, check):
    check(estimator)


def test_the_name_of_another_clusterer_is_refused(nested):
    with pytest.raises(ValueError, match=r"'clusterer' parameter.*'hdbscan'.*Got 'dbscan'"):
        TrajectoryClusterer(clusterer="dbscan").fit(nested[0])


def test_outliers_are_kept_apart_where_a_threshold_is_set(planted, of_planted):
    is_out = of_planted.labels_ == -1
    np.testing.assert_array_equal(is_out, of_planted.outlier_scores_ > 0.8)
    leaves = of_planted.tree_["label"].to_numpy()[of_planted.level_labels_[:, -1]]
    np.testing.assert_array_equal(of_planted.labels_[~is_out], leaves[~is_out])
    np.testing.assert_array_equal(of_planted.predict(planted.data), of_planted.labels_)
    scores = of_planted.outlier_score(planted.data)
    np.testing.assert_array_equal(scores, of_planted.outlier_scores_)
    assert 0.7 < planted.is_outlier[is_out].mean() <= 1


def test_a_threshold_does_not_change_the_tree(nested, one_level):
    clusterer = TrajectoryClusterer(max_depth=1, outlier_threshold=0.5, random_state=0)
    clusterer.fit(nested[0])
    np.testing.assert_array_equal(clusterer.level_labels_, one_level.level_labels_)
    is_out = clusterer.outlier_scores_ > 0.5
    np.testing.assert_array_equal(clusterer.labels_, np.where(is_out, -1, one_level.labels_))


def test_memberships_sum_to_one_and_are_whole_at_the_centres(nested, fitted):
    memberships = fitted.membership(nested[0])
    assert memberships.shape == (800, fitted.labels_.max() + 1)
    assert memberships.min() >= 0
    np.testing.assert_allclose(memberships.sum(axis=1), 1)
    assert (memberships.argmax(axis=1) == fitted.labels_).mean() > 0.99
    leaves = fitted.centers_[fitted.tree_["label"] >= 0]
    own = fitted.membership(leaves[:, None, :].repeat(3, axis=1))
    # At the centre of a leaf, the siblings of its parent keep a little, because their centres are
    # not infinitely far away.
    assert (own.argmax(axis=1) == np.arange(len(leaves))).all()
    assert own.max(axis=1).min() > 0.9


def test_customers_are_placed_by_the_period_asked_for(nested, one_level):
    trajectories = nested[0]
    by_first = one_level.predict_levels(trajectories[:, [0, 0, 0]])
    for period in (0, -3):
        placed = one_level.predict_levels(trajectories, period=period)
        np.testing.assert_array_equal(placed, by_first)
    for period in (3, -4):
        with pytest.raises(ValueError, match=f"period={period} is not in X.*from -3, .*to 2"):
            one_level.predict_levels(trajectories, period=period)


@pytest.fixture(scope="module")
def named(nested):
    """A quarter of the trajectories as a frame, and their tree."""
    table = Panel(nested[0][::4], "year", ["state0", "state1"]).like(pd.DataFrame(index=range(200)))
    return table, TrajectoryClusterer(max_depth=1, random_state=0).fit(table)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "array"])
def test_trajectories_of_fewer_periods_are_routed(named, library):
    table, clusterer = named
    short = table.iloc[:, :4]
    if library == "polars":
        short = pytest.importorskip("polars").from_pandas(short)
    elif library == "pyarrow":
        short = pyarrow.Table.from_pandas(short)
    elif library == "array":
        short = short.to_numpy().reshape(200, 2, 2)
    at_second = clusterer.predict_levels(table, period=1)
    np.testing.assert_array_equal(clusterer.predict_levels(short), at_second)
    labels = clusterer.tree_["label"].to_numpy()
    np.testing.assert_array_equal(clusterer.predict(short), labels[at_second[:, -1]])
    assert clusterer.membership(short).shape[0] == 200


def test_columns_that_are_no_first_periods_are_refused(nested, named):
    table, clusterer = named
    with pytest.raises(ValueError, match="feature names should match"):
        clusterer.predict(table.iloc[:, 2:])
    nameless = TrajectoryClusterer(max_depth=1, n_periods=3).fit(table.to_numpy())
    with pytest.raises(ValueError, match="3 features, but TrajectoryClusterer is expecting 6"):
        nameless.predict(np.zeros((5, 3)))
    with pytest.raises(ValueError, match="4 features, but TrajectoryClusterer is expecting 6"):
        nameless.predict(np.zeros((5, 1, 4)))


def test_the_order_of_customers_and_doubles_change_nothing_but_the_numbering(nested, fitted):
    trajectories = nested[0]
    order = np.random.default_rng(0).permutation(800)
    clusterer = TrajectoryClusterer(max_depth=2, random_state=0)
    shuffled = clusterer.fit_predict(trajectories[order])
    assert adjusted_rand_score(fitted.labels_[order], shuffled) > 0.99
    few = trajectories[::2]
    twice = clusterer.fit_predict(np.concatenate([few] * 2))
    np.testing.assert_array_equal(twice[:400], twice[400:])
    assert adjusted_rand_score(fitted.labels_[::2], twice[:400]) > 0.99


@pytest.mark.parametrize("n_corners", [3, 4])
def test_few_places_where_many_stand_are_segments(n_corners):
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])[:n_corners]
    labels = TrajectoryClusterer(random_state=0).fit_predict(np.repeat(corners, 50, axis=0))
    assert labels.max() == n_corners - 1
    assert adjusted_rand_score(np.repeat(range(n_corners), 50), labels) == 1


def test_many_in_one_place_do_not_make_outliers_of_the_others(nested):
    still = np.full((1000, 3, 2), 60.0)
    clusterer = TrajectoryClusterer(max_depth=1, random_state=0)
    labels = clusterer.fit_predict(np.concatenate([still, nested[0]]))
    assert adjusted_rand_score(nested[1], labels[1000:]) > 0.99
    assert len(np.unique(labels[:1000])) == 1


def test_single_precision_is_placed_as_double(nested, fitted):
    single = TrajectoryClusterer(max_depth=2, random_state=0).fit(nested[0].astype(np.float32))
    assert adjusted_rand_score(single.labels_, fitted.labels_) > 0.99


def test_states_whose_distances_overflow_are_refused(nested, fitted):
    large = nested[0].copy()
    large[:3, -1] = 1e200
    for use in (fitted.predict, fitted.score, fitted.find_exemplars, TrajectoryClusterer().fit):
        with pytest.raises(ValueError, match=r"beyond 1e\+150\. Customers affected: 3, first"):
            use(large)


def test_a_cloud_without_parts_is_cut_into_as_many_as_asked():
    cloud = np.random.default_rng(0).normal(size=(400, 3))
    assert len(TrajectoryClusterer(random_state=0).fit(cloud).tree_) == 1
    tree = TrajectoryClusterer(n_top=6, random_state=0).fit(cloud)
    assert (tree.tree_["depth"] == 1).sum() == 6
    assert tree.sizes_[1:].min() >= 10
    np.testing.assert_array_equal(tree.predict(cloud), tree.labels_)


@pytest.mark.parametrize(("n_customers", "n_parts"), [(15, 0), (40, 4)])
def test_few_customers_have_fewer_segments_than_asked(n_customers, n_parts):
    cloud = np.random.default_rng(0).normal(size=(n_customers, 2))
    tree = TrajectoryClusterer(1, n_top=6, random_state=0).fit(cloud).tree_
    assert 0 <= len(tree) - 1 <= n_parts


def test_a_cloud_that_is_cut_again_keeps_the_parts_of_the_earlier_tree():
    cloud = np.random.default_rng(0).normal(size=(600, 2))
    old = TrajectoryClusterer(1, n_top=5, random_state=0).fit(cloud)
    new = cloud + np.random.default_rng(1).normal(scale=0.05, size=cloud.shape)
    tree = TrajectoryClusterer(1, n_top=5, random_state=7).fit(new, anchor=old.level_labels_)
    assert (tree.labels_ == old.labels_).mean() > 0.9
