import numpy as np
import pytest

from skspend._utils._threads import one_thread
from skspend.clustering._division import divide


@pytest.mark.parametrize("n_dimensions", [1, 2, 3, 5])
@pytest.mark.parametrize("shape", ["round", "long", "box", "ball"])
def test_a_cloud_without_parts_is_left_whole(shape, n_dimensions):
    generator = np.random.default_rng(1)
    points = generator.normal(size=(700, n_dimensions))
    if shape == "long":
        points *= np.geomspace(1, 10, n_dimensions)
    elif shape == "box":
        points = generator.uniform(size=points.shape)
    elif shape == "ball":
        radius = generator.uniform(size=(700, 1)) ** (1 / n_dimensions)
        points *= radius / np.linalg.norm(points, axis=1, keepdims=True)
    with one_thread():
        assert len(divide(points, 12, 10, np.random.RandomState(0))) == 0
