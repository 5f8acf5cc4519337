import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, ward
from scipy.spatial.distance import pdist
from sklearn.cluster import KMeans

from skspend.clustering._parts import WardTree, k_means


def clouds(seeds=range(30)):
    """Clouds of points around 1 to 6 centres; every third one has equal distances."""
    for seed in seeds:
        generator = np.random.default_rng(seed)
        shape = generator.integers(1, 7), generator.integers(1, 6)
        points = np.repeat(generator.normal(scale=3, size=shape), 40, axis=0)
        points += generator.normal(size=points.shape)
        yield points.round() if seed % 3 == 0 else points


@pytest.mark.parametrize("n_parts", [2, 3, 8])
def test_k_means_is_that_of_scikit_learn(n_parts):
    # Of equal distances, rounding decides which is the smallest.
    for points in clouds(seed for seed in range(45) if seed % 3):
        start = points[:: len(points) // n_parts][:n_parts]
        expected = KMeans(n_parts, init=start, n_init=1).fit(points)
        found = k_means(points, start)
        np.testing.assert_array_equal(found.labels, expected.labels_)
        np.testing.assert_allclose(found.centers, expected.cluster_centers_, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(found.place(points), expected.predict(points))


def test_a_part_that_loses_all_its_points_is_filled_as_by_scikit_learn():
    points = np.random.default_rng(0).normal(size=(50, 2))
    start = np.array([[0.0, 0.0], [1.0, 0.0], [99.0, 0.0]])
    expected = KMeans(3, init=start, n_init=1).fit(points)
    found = k_means(points, start)
    np.testing.assert_array_equal(found.labels, expected.labels_)
    np.testing.assert_array_equal(found.centers, expected.cluster_centers_)


@pytest.mark.parametrize("n_parts", [2, 3, 7, 20])
def test_a_cut_of_the_tree_is_that_of_scipy(n_parts):
    n_without = 0
    for points in clouds():
        expected = fcluster(ward(pdist(points)), n_parts, criterion="maxclust")
        found = WardTree(points).cut(n_parts)
        if expected.max() < n_parts:
            n_without += 1
            assert found is None
        else:
            np.testing.assert_array_equal(found, expected - 1)
    assert n_without < 15


def test_points_of_equal_distances_have_no_cut_into_some_numbers_of_parts():
    points = np.eye(4)[[0, 0, 1, 1, 2, 2, 3, 3]]
    assert [WardTree(points).cut(n_parts) is None for n_parts in (4, 5)] == [False, True]
