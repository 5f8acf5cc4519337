import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from skspend import TrajectoryClusterer
from skspend.clustering._anchor import earlier_parts, keep_order

CENTERS = np.array([[0, 0], [20, 0], [0, 20], [20, 20]])


@pytest.fixture(scope="module")
def groups():
    """States of four groups, each of two, and the group and the part of each customer."""
    parts = np.repeat(np.arange(8), 60)
    noise = np.random.default_rng(0).normal(scale=0.25, size=(480, 2))
    return CENTERS[parts // 2] + np.outer(parts % 2, [3, 0]) + noise, parts // 2, parts


@pytest.fixture(scope="module")
def anchor(groups):
    """Nodes of an earlier tree, with the groups in another order."""
    _, outer, inner = groups
    return np.stack([4 - outer, 12 - inner], axis=1)


@pytest.fixture(scope="module")
def anchored(groups, anchor):
    return TrajectoryClusterer(max_depth=2, random_state=1).fit(groups[0], anchor=anchor)


def test_segments_that_are_found_again_keep_their_numbers(anchor, anchored):
    np.testing.assert_array_equal(anchored.level_labels_, anchor)


def test_unknown_customers_do_not_matter(groups, anchor):
    some = np.where(np.arange(480)[:, None] % 3 == 0, -1, anchor)
    tree = TrajectoryClusterer(max_depth=2, random_state=1).fit(groups[0], anchor=some)
    np.testing.assert_array_equal(tree.level_labels_, anchor)


def test_an_anchor_of_unknown_customers_changes_nothing(groups):
    free, tied = (
        TrajectoryClusterer(max_depth=1, random_state=1).fit(groups[0], anchor=anchor)
        for anchor in (None, np.full((480, 1), -1))
    )
    np.testing.assert_array_equal(free.level_labels_, tied.level_labels_)
    assert len(free.tree_) == 1 + 4


def test_parts_that_are_found_again_are_kept_although_the_search_takes_fewer(groups):
    states, _, inner = groups
    tree = TrajectoryClusterer(max_depth=1, random_state=1).fit(states, anchor=1 + inner[:, None])
    np.testing.assert_array_equal(tree.labels_, inner)


def test_parts_that_are_not_found_again_give_way_to_the_usual_search(groups):
    states, outer, _ = groups
    at_random = np.random.default_rng(0).integers(1, 4, size=(480, 1))
    tree = TrajectoryClusterer(max_depth=1, random_state=1).fit(states, anchor=at_random)
    assert adjusted_rand_score(tree.labels_, outer) == 1


def test_as_many_segments_as_asked_are_made_whatever_the_earlier_tree_had(groups, anchor):
    states, outer, _ = groups
    two = np.ceil(anchor[:, :1] / 2)
    tree = TrajectoryClusterer(1, n_top=4, random_state=1).fit(states, anchor=two)
    assert len(tree.tree_) == 1 + 4
    assert adjusted_rand_score(tree.labels_, outer) == 1


def test_a_new_segment_comes_after_those_that_are_the_same(groups):
    states, outer, _ = groups
    old = np.where(outer == 0, -1, outer)[:, None]
    clusterer = KMeans(4, random_state=0)
    tree = TrajectoryClusterer(max_depth=1, clusterer=clusterer).fit(states, anchor=old)
    np.testing.assert_array_equal(tree.level_labels_[:, 0], np.where(outer == 0, 4, outer))


def test_the_other_segments_keep_their_numbers_when_one_is_gone():
    states = np.repeat([[0.0], [5.0], [9.0]], 10, axis=0)
    parts = np.repeat([1, 2, 0], 10)
    centers = keep_order([np.array([5.0]), np.array([0.0])], states[:20], parts[:20])
    # The last place is gone with the first part: its part fills the gap.
    assert np.ravel(centers).tolist() == [5.0, 0.0]


def test_the_parts_of_an_earlier_leaf_are_none():
    anchor = np.array([[1, 1], [1, 1], [2, 3], [2, 4], [-1, -1]])
    assert earlier_parts(anchor, 0).tolist() == [0, 0, 1, 1, -1]
    assert earlier_parts(anchor[:2], 1).tolist() == [-1, -1]
    assert earlier_parts(anchor[2:], 1).tolist() == [0, 1, -1]
    assert earlier_parts(anchor, 2).tolist() == [-1] * 5


def test_an_anchor_of_other_customers_is_refused(groups):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        TrajectoryClusterer().fit(groups[0], anchor=[[1], [2]])
