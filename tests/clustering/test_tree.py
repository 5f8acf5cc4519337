import hdbscan
import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import Birch, KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    average_precision_score,
)

from skspend import TrajectoryClusterer
from skspend.datasets import make_trajectories
from skspend.inspection import describe_segments
from skspend.panel import panel_names


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


def test_a_planted_hierarchy_is_found_with_its_numbers_of_clusters(nested):
    trajectories, outer, inner = nested
    clusterer = TrajectoryClusterer(max_depth=2, random_state=0).fit(trajectories)
    assert clusterer.level_labels_.shape == (800, 2)
    assert adjusted_rand_score(outer, clusterer.level_labels_[:, 0]) == 1
    assert adjusted_rand_score(inner, clusterer.labels_) > 0.99
    assert len(np.unique(clusterer.labels_)) == 8


def test_the_tree_adds_up(nested):
    clusterer = TrajectoryClusterer(max_depth=3, random_state=0).fit(nested[0])
    tree = clusterer.tree_
    assert tree.loc[0, "size"] == 800
    for node, children in tree[tree["parent"] >= 0].groupby("parent"):
        assert children["size"].sum() == tree.loc[node, "size"]
        assert (children["depth"] == tree.loc[node, "depth"] + 1).all()
    leaves = tree[tree["label"] >= 0]
    assert sorted(leaves["label"]) == list(range(len(leaves)))
    assert np.bincount(clusterer.labels_).tolist() == leaves["size"].tolist()
    for node, row in tree.iloc[1:].iterrows():
        assert node in clusterer.level_labels_[row["exemplar"]]


def test_predict_agrees_with_fit_predict(nested):
    clusterer = TrajectoryClusterer(random_state=0)
    labels = clusterer.fit_predict(nested[0])
    np.testing.assert_array_equal(clusterer.predict(nested[0]), labels)
    np.testing.assert_array_equal(clusterer.predict_levels(nested[0]), clusterer.level_labels_)
    np.testing.assert_array_equal(clusterer.strength(nested[0]), clusterer.strengths_)


def test_everybody_has_a_segment_also_far_away(nested):
    clusterer = TrajectoryClusterer(random_state=0).fit(nested[0])
    far = np.full((1, 3, 2), 1e6)
    assert clusterer.predict(far)[0] >= 0
    assert clusterer.labels_.min() == 0


def test_strength_is_one_at_the_centre_and_none_halfway(nested):
    clusterer = TrajectoryClusterer(max_depth=1, random_state=0).fit(nested[0])
    a, b = clusterer.centers_[1], clusterer.centers_[2]
    points = np.stack([a, (a + b) / 2])[:, None, :].repeat(3, axis=1)
    strengths = clusterer.strength(points)
    assert strengths[0] == 1
    assert strengths[1] == pytest.approx(0, abs=1e-6)


def test_outliers_score_high_and_do_not_bend_the_tree(nested):
    trajectories, outer, _ = nested
    strange = np.random.default_rng(1).uniform(-60, 80, size=(8, 3, 2))
    clusterer = TrajectoryClusterer(max_depth=1, random_state=0)
    clusterer.fit(np.concatenate([trajectories, strange]))
    assert adjusted_rand_score(outer, clusterer.labels_[:800]) > 0.99
    assert np.median(clusterer.outlier_scores_[800:]) > 0.8
    assert np.median(clusterer.outlier_scores_[:800]) < 0.1


def test_nothing_to_tell_apart_gives_one_segment():
    same = np.ones((100, 2))
    clusterer = TrajectoryClusterer(random_state=0).fit(same)
    assert clusterer.labels_.tolist() == [0] * 100
    assert clusterer.strengths_.tolist() == [1] * 100
    assert clusterer.score(same) == 0


@pytest.mark.parametrize("n_customers", [1, 2, 19])
def test_few_customers_are_one_segment(n_customers):
    X = np.random.default_rng(0).normal(size=(n_customers, 4))
    assert TrajectoryClusterer().fit_predict(X).tolist() == [0] * n_customers


def test_no_segment_is_smaller_than_asked():
    X, _ = make_blobs(2000, centers=30, cluster_std=0.3, random_state=0)
    clusterer = TrajectoryClusterer(min_share=0.05, random_state=0).fit(X)
    assert clusterer.tree_["size"].min() >= 100


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


def test_a_sample_grows_nearly_the_same_tree(nested):
    trajectories, _, inner = nested
    clusterer = TrajectoryClusterer(max_depth=2, max_fit_samples=400, random_state=0)
    assert adjusted_rand_score(inner, clusterer.fit_predict(trajectories)) > 0.99
    assert clusterer.tree_.loc[0, "size"] == 800


def test_stability_is_one_for_those_who_stay_and_near_none_for_those_who_mix():
    X, _ = make_blobs(600, centers=[[0, 0], [9, 0], [0, 9]], random_state=0)
    stay = np.stack([X, X], axis=1)
    mix = np.stack([np.random.default_rng(0).permutation(X), X], axis=1)
    assert TrajectoryClusterer(random_state=0).fit(stay).score(stay) == 1
    assert abs(TrajectoryClusterer(random_state=0).fit(mix).score(mix)) < 0.1


def test_the_number_of_threads_changes_no_bit(nested):
    from threadpoolctl import threadpool_limits

    fits = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            fits.append(TrajectoryClusterer(random_state=0).fit(nested[0]).centers_)
    np.testing.assert_array_equal(*fits)


@pytest.fixture(scope="module")
def planted():
    return make_trajectories(4000, random_state=0)


def test_planted_trajectories_are_found_at_every_level(planted):
    clusterer = TrajectoryClusterer(random_state=0).fit(planted.data)
    inside = ~planted.is_outlier
    for level in range(3):
        found = clusterer.level_labels_[inside, level]
        assert adjusted_mutual_info_score(planted.levels[inside, level], found) > 0.95
    assert average_precision_score(planted.is_outlier, clusterer.outlier_scores_) > 0.95


@pytest.mark.parametrize("n_dimensions", [1, 2, 3, 5])
@pytest.mark.parametrize("shape", ["round", "long", "box", "ball"])
def test_a_cloud_without_parts_is_left_whole(shape, n_dimensions):
    generator = np.random.default_rng(1)
    points = generator.normal(size=(1000, n_dimensions))
    if shape == "long":
        points *= np.geomspace(1, 10, n_dimensions)
    elif shape == "box":
        points = generator.uniform(size=points.shape)
    elif shape == "ball":
        radius = generator.uniform(size=(1000, 1)) ** (1 / n_dimensions)
        points *= radius / np.linalg.norm(points, axis=1, keepdims=True)
    assert TrajectoryClusterer(random_state=0).fit(points).labels_.max() == 0


def test_outliers_are_kept_apart_where_a_threshold_is_set(planted):
    everybody = TrajectoryClusterer(random_state=0).fit(planted.data)
    clusterer = TrajectoryClusterer(outlier_threshold=0.8, random_state=0).fit(planted.data)
    is_out = clusterer.labels_ == -1
    np.testing.assert_array_equal(is_out, clusterer.outlier_scores_ > 0.8)
    np.testing.assert_array_equal(clusterer.labels_[~is_out], everybody.labels_[~is_out])
    np.testing.assert_array_equal(clusterer.predict(planted.data), clusterer.labels_)
    np.testing.assert_array_equal(clusterer.level_labels_, everybody.level_labels_)
    np.testing.assert_array_equal(clusterer.outlier_score(planted.data), clusterer.outlier_scores_)
    assert 0.7 < planted.is_outlier[is_out].mean() <= 1


def test_memberships_sum_to_one_and_are_whole_at_the_centres(nested):
    clusterer = TrajectoryClusterer(max_depth=2, random_state=0).fit(nested[0])
    memberships = clusterer.membership(nested[0])
    assert memberships.shape == (800, clusterer.labels_.max() + 1)
    assert memberships.min() >= 0
    np.testing.assert_allclose(memberships.sum(axis=1), 1)
    assert (memberships.argmax(axis=1) == clusterer.labels_).mean() > 0.99
    leaves = clusterer.centers_[clusterer.tree_["label"] >= 0]
    own = clusterer.membership(leaves[:, None, :].repeat(3, axis=1))
    # At the centre of a leaf its parent's siblings keep a little: their centres are not infinitely
    # far from it.
    assert (own.argmax(axis=1) == np.arange(len(leaves))).all()
    assert own.max(axis=1).min() > 0.9


def test_customers_are_placed_by_the_period_asked_for(nested):
    trajectories = nested[0]
    clusterer = TrajectoryClusterer(max_depth=1, random_state=0).fit(trajectories)
    by_first = trajectories[:, [0, 0, 0]]
    np.testing.assert_array_equal(
        clusterer.predict(trajectories, period=0), clusterer.predict(by_first)
    )
    np.testing.assert_array_equal(
        clusterer.predict_levels(trajectories, period=-3), clusterer.predict_levels(by_first)
    )
    for period in (3, -4):
        with pytest.raises(ValueError, match=f"period={period}, but X has 3 periods"):
            clusterer.predict(trajectories, period=period)


def test_trajectories_of_fewer_periods_are_routed(nested):
    table = pd.DataFrame(
        nested[0].reshape(800, 6), columns=panel_names("year", 3, ["state0", "state1"])
    )
    clusterer = TrajectoryClusterer(random_state=0).fit(table)
    expected = clusterer.predict(table, period=1)
    for short in (table.iloc[:, :4], nested[0][:, :2]):
        np.testing.assert_array_equal(clusterer.predict(short), expected)
    assert clusterer.membership(table.iloc[:, :2]).shape[0] == 800
    with pytest.raises(ValueError, match="feature names should match"):
        clusterer.predict(table.iloc[:, 2:])
    with pytest.raises(ValueError, match="3 features, but TrajectoryClusterer is expecting 6"):
        TrajectoryClusterer(n_periods=3).fit(table.to_numpy()).predict(np.zeros((5, 3)))
    with pytest.raises(ValueError, match="4 features, but TrajectoryClusterer is expecting 6"):
        TrajectoryClusterer().fit(nested[0]).predict(np.zeros((5, 1, 4)))


def test_segments_are_described_by_the_customers_of_fit(nested):
    panel = pd.DataFrame(
        np.random.default_rng(0).dirichlet(np.ones(4), size=(800, 3)).reshape(800, 12),
        columns=panel_names("year", 3, ["groceries", "pets", "travel", "books"]),
        index=[f"customer {number}" for number in range(800)],
    )
    scores = np.random.default_rng(1).normal(size=(800, 5))
    clusterer = TrajectoryClusterer(random_state=0).fit(nested[0])
    described = clusterer.describe(scores, panel)
    pd.testing.assert_frame_equal(described, describe_segments(clusterer, nested[0], scores, panel))
    assert described["customers"].tolist() == clusterer.tree_["size"].tolist()[1:]
    for row in described.itertuples():
        assert row.exemplars[0] == panel.index[clusterer.tree_.loc[row.node, "exemplar"]]
        assert len(row.exemplars) == 3
        members = (clusterer.level_labels_ == row.node).any(axis=1)
        assert set(row.exemplars) <= set(panel.index[members])
        assert row.openness == pytest.approx(scores[members, 0].mean())
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clusterer.describe(scores[:10], panel)


def test_the_order_of_customers_and_doubles_change_nothing_but_the_numbering(nested):
    trajectories = nested[0]
    order = np.random.default_rng(0).permutation(800)
    labels = TrajectoryClusterer(random_state=0).fit_predict(trajectories)
    shuffled = TrajectoryClusterer(random_state=0).fit_predict(trajectories[order])
    assert adjusted_rand_score(labels[order], shuffled) > 0.99
    twice = TrajectoryClusterer(random_state=0).fit_predict(np.concatenate([trajectories] * 2))
    np.testing.assert_array_equal(twice[:800], twice[800:])
    assert adjusted_rand_score(labels, twice[:800]) > 0.99


def test_few_places_where_many_stand_are_segments():
    corners = np.repeat([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], 50, axis=0)
    labels = TrajectoryClusterer(random_state=0).fit_predict(corners)
    assert labels.max() == 2
    assert adjusted_rand_score(np.repeat([0, 1, 2], 50), labels) == 1


def test_many_in_one_place_do_not_make_outliers_of_the_others(nested):
    still = np.full((1000, 3, 2), 60.0)
    clusterer = TrajectoryClusterer(max_depth=1, random_state=0)
    labels = clusterer.fit_predict(np.concatenate([still, nested[0]]))
    assert adjusted_rand_score(nested[1], labels[1000:]) > 0.99
    assert len(np.unique(labels[:1000])) == 1


def test_single_precision_is_placed_as_double(nested):
    single = nested[0].astype(np.float32)
    clusterer = TrajectoryClusterer(random_state=0).fit(single)
    double = TrajectoryClusterer(random_state=0).fit(nested[0])
    assert adjusted_rand_score(clusterer.labels_, double.labels_) > 0.99


def test_states_whose_distances_overflow_are_refused(nested):
    clusterer = TrajectoryClusterer(random_state=0).fit(nested[0])
    large = nested[0].copy()
    large[:3, -1] = 1e200
    for use in (clusterer.predict, TrajectoryClusterer().fit):
        with pytest.raises(ValueError, match="over 1e\\+150 for 3 customers, and distances"):
            use(large)
