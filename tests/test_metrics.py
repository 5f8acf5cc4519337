import numpy as np
import pytest

from skspend.metrics import direction_change


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
