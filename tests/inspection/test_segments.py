import numpy as np
import pandas as pd
import pytest

from skspend import TrajectoryClusterer
from skspend.inspection import (
    describe_segments,
    name_segments,
)
from skspend.inspection._segments import tree_order
from skspend.personality import TRAITS


@pytest.fixture(scope="module")
def planted():
    """Four corners of a square; right is openness, up is extraversion, and right buys travel."""
    generator = np.random.default_rng(0)
    corner = np.repeat([[0, 0], [1, 0], [0, 1], [1, 1]], 100, axis=0)
    states = pd.DataFrame(
        corner * [9, 4] + generator.normal(scale=0.3, size=(400, 2)), columns=["a", "b"]
    )
    scores = pd.DataFrame(0.0, index=states.index, columns=TRAITS)
    scores["openness"] = corner[:, 0] * 2.0 - 1
    scores["extraversion"] = corner[:, 1] - 0.5
    panel = pd.DataFrame({"year1|travel": 0.1 + 0.2 * corner[:, 0], "year1|pets": 0.3})
    return (
        TrajectoryClusterer(max_depth=2, max_clusters=2, random_state=0).fit(states),
        states,
        scores,
        panel,
    )


def test_segments_are_described_by_their_members(planted):
    described = describe_segments(*planted).set_index("path")
    assert described.loc["openness+", "customers"] == 200
    assert described.loc["openness+", "share"] == 0.5
    assert described.loc["openness+", "openness"] == 1
    assert described.loc["openness+", "spends_more_on"] == ["travel"]
    assert described.loc["openness-", "spends_less_on"] == ["travel"]
    assert described.loc["openness+ > extraversion-", "extraversion"] == -0.5
    assert described.loc[described["depth"] == 2, "customers"].sum() == 400


def test_other_customers_are_described_under_the_same_names(planted):
    clusterer, states, scores, panel = planted
    names = name_segments(clusterer, states, scores, panel)
    few = describe_segments(
        clusterer, states[:100], scores[:100], panel[:100], names=names
    ).set_index("path")
    assert few.loc["openness- > extraversion-", "customers"] == 100
    assert few.loc["openness+", "customers"] == 0
    assert np.isnan(few.loc["openness+", "strength"])


def test_statistics_beside_the_sums_are_no_categories(planted):
    clusterer, states, scores, panel = planted
    more = panel.assign(**{"year1|travel:count": np.where(scores["extraversion"] > 0, 9.0, 0.0)})
    expected = describe_segments(clusterer, states, scores, panel)
    pd.testing.assert_frame_equal(describe_segments(clusterer, states, scores, more), expected)
    names = [name_segments(clusterer, states, scores, table) for table in (panel, more)]
    assert names[0] == names[1]


def test_segments_are_described_by_the_customers_of_fit(planted):
    clusterer, states, scores, panel = planted
    panel = panel.set_axis([f"customer {number}" for number in range(400)])
    described = describe_segments(clusterer, None, scores, panel)
    pd.testing.assert_frame_equal(described, describe_segments(clusterer, states, scores, panel))
    assert name_segments(clusterer, None, scores, panel) == name_segments(
        clusterer, states, scores, panel
    )
    assert described["customers"].tolist() == clusterer.tree_["size"].tolist()[1:]
    for row in described.itertuples():
        assert row.exemplars[0] == panel.index[clusterer.tree_.loc[row.node, "exemplar"]]
        assert len(row.exemplars) == 3
        members = (clusterer.level_labels_ == row.node).any(axis=1)
        assert set(row.exemplars) <= set(panel.index[members])
        assert row.openness == pytest.approx(scores["openness"][members].mean())
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        describe_segments(clusterer, None, scores[:10], panel)


def test_segments_are_ordered_depth_first_and_by_size():
    segments = pd.DataFrame(
        {"node": [1, 2, 3, 4], "parent": [0, 0, 2, 2], "customers": [40, 60, 20, 40]}
    )
    assert segments.iloc[tree_order(segments)]["node"].tolist() == [2, 4, 3, 1]
