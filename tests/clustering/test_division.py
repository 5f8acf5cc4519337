import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from skspend._utils._threads import one_thread
from skspend.clustering import _division


def divide(points):
    with one_thread():
        return _division.divide(points, 12, 10, np.random.RandomState(0))


def draw_cloud(shape, n_dimensions, n_points, generator):
    points = generator.normal(size=(n_points, n_dimensions))
    if shape == "long":
        return points * np.geomspace(1, 10, n_dimensions)
    if shape == "box":
        return generator.uniform(size=points.shape)
    if shape == "ball":
        radius = generator.uniform(size=(n_points, 1)) ** (1 / n_dimensions)
        return points * radius / np.linalg.norm(points, axis=1, keepdims=True)
    return points


def test_few_clouds_without_parts_are_divided():
    """Silhouettes are compared with those of ten random clouds, which a cloud may exceed."""
    generator = np.random.default_rng(0)
    divided = [
        len(divide(draw_cloud(shape, n, 100, generator))) > 0
        for shape in ("round", "long", "box", "ball")
        for n in (1, 2, 3, 5, 8)
        for _ in range(2)
    ]
    assert sum(divided) <= 4


def test_parts_that_halves_of_the_points_find_again_are_divided():
    generator = np.random.default_rng(0)
    centers = np.repeat(10 * np.eye(5), 60, axis=0)
    points = centers + generator.normal(size=centers.shape)
    assert len(divide(points)) == 5


def test_of_nested_parts_the_outer_ones_are_found_first():
    generator = np.random.default_rng(0)
    outer = np.repeat([[0, 0], [40, 0], [0, 40]], 300, axis=0)
    inner = np.tile(np.repeat([[0, 0], [6, 0], [0, 6]], 100, axis=0), (3, 1))
    points = outer + inner + generator.normal(size=(900, 2))
    assert len(divide(points)) == 3


@pytest.mark.parametrize("n_parts", [2, 5, 29])
def test_parts_are_judged_by_their_silhouette(n_parts):
    generator = np.random.default_rng(0)
    start = _division._Start(generator.normal(size=(30, 3)), np.random.RandomState(0))
    parts = start.find(n_parts)
    expected = silhouette_score(start.judged, parts.predict(start.judged))
    assert start.judge([parts]) == [pytest.approx(expected)]


def test_a_single_part_among_the_points_judged_is_the_worst():
    start = _division._Start(np.arange(12.0).reshape(-1, 1), np.random.RandomState(0))
    far = KMeans(2, init=[[0.0], [1e6]], n_init=1).fit([[0.0], [1.0], [1e6]])
    assert start.judge([far]) == [-1]
