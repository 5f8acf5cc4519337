import hdbscan
import numpy as np
import pytest
from sklearn.cluster import Birch, KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

from skspend import TrajectoryClusterer


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
