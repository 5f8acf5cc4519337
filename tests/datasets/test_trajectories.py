import numpy as np
import pytest

from skspend.datasets import make_trajectories
from skspend.metrics import direction_change


def test_directions_children_and_grandchildren_lie_as_far_apart_as_promised():
    ends = make_trajectories(100, random_state=3).ends
    middles = ends.reshape(10, 9, 3).mean(axis=1)
    np.testing.assert_allclose(np.linalg.norm(middles, axis=1), 1)
    angles = np.degrees(np.arccos(np.clip(middles @ middles.T, -1, 1)))
    assert angles[np.triu_indices(10, 1)].min() >= 41
    children = ends.reshape(10, 3, 3, 3).mean(axis=2)
    away = np.linalg.norm(children - middles[:, None], axis=2)
    np.testing.assert_allclose(away, 0.20)
    away = np.linalg.norm(ends.reshape(10, 3, 3, 3) - children[:, :, None], axis=3)
    np.testing.assert_allclose(away, 0.06)


def test_levels_nest_and_sizes_are_unequal():
    levels = make_trajectories(20_000, outlier_share=0, random_state=0).levels
    np.testing.assert_array_equal(levels[:, 0], levels[:, 1] // 3)
    np.testing.assert_array_equal(levels[:, 1], levels[:, 2] // 3)
    sizes = np.bincount(levels[:, 2])
    assert len(sizes) == 90
    assert sizes.max() > 3 * sizes.min()


def test_trajectories_grow_straight_up_to_noise():
    planted = make_trajectories(500, outlier_share=0, random_state=0)
    shares = np.linalg.norm(planted.data.mean(axis=0), axis=1)
    ends = planted.ends[planted.levels[:, 2]]
    for period in range(6):
        noise = planted.data[:, period] - ends * (period + 1) / 6
        assert noise.std() == pytest.approx(0.012, rel=0.05)
    assert (np.diff(shares) > 0).all()
    assert np.median(direction_change(planted.data)) < 15


def test_outliers_are_as_many_as_asked_and_lie_in_the_box_of_the_ends():
    planted = make_trajectories(2000, outlier_share=0.1, random_state=0)
    assert planted.is_outlier.sum() == 200
    np.testing.assert_array_equal(planted.is_outlier, (planted.levels == -1).all(axis=1))
    last = planted.data[planted.is_outlier, -1]
    assert (last > planted.ends.min(axis=0) - 0.06).all()
    assert (last < planted.ends.max(axis=0) + 0.06).all()


def test_a_seed_repeats_and_touches_nothing_global():
    everybodys = np.random.mtrand._rand
    before = everybodys.get_state(legacy=False)["state"]
    one, other = (make_trajectories(50, random_state=1).data for _ in range(2))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_equal(everybodys.get_state(legacy=False)["state"], before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_states": 2}, "No 10 directions at least 41 degrees apart were found in 2 dimensions"),
        ({"n_states": 1}, "two states"),
        ({"outlier_share": 1}, "a share from 0 to below 1"),
    ],
)
def test_what_cannot_be_planted_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make_trajectories(100, random_state=0, **options)
