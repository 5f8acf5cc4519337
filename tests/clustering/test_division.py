import numpy as np

from skspend.clustering._division import divide


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
    """Ten random clouds are too few to compare with for never; one in ten is tolerated."""
    generator = np.random.default_rng(1)
    divided = [
        len(divide(draw_cloud(shape, n, 300, generator), 12, 10, np.random.RandomState(0))) > 0
        for shape in ("round", "long", "box", "ball")
        for n in (1, 2, 3, 5, 8)
    ]
    assert sum(divided) <= 2


def test_parts_that_halves_of_the_points_find_again_are_divided():
    generator = np.random.default_rng(0)
    centers = np.repeat(generator.normal(scale=8, size=(5, 3)), 60, axis=0)
    points = centers + generator.normal(size=centers.shape)
    assert len(divide(points, 12, 10, np.random.RandomState(0))) == 5


def test_of_nested_parts_the_outer_ones_are_found_first():
    generator = np.random.default_rng(0)
    outer = np.repeat([[0, 0], [40, 0], [0, 40]], 300, axis=0)
    inner = np.tile(np.repeat([[0, 0], [6, 0], [0, 6]], 100, axis=0), (3, 1))
    points = outer + inner + generator.normal(size=(900, 2))
    assert len(divide(points, 12, 10, np.random.RandomState(0))) == 3
