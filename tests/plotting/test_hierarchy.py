import numpy as np
import pytest
from matplotlib.figure import Figure

from skspend import LSTMStateExtractor, TrajectoryClusterer
from skspend.inspection import name_segments
from skspend.plotting import (
    HierarchyDisplay,
)


@pytest.fixture(scope="module")
def tree(bank, scorer):
    extractor = LSTMStateExtractor(n_networks=2, scorer=scorer, random_state=0)
    states = extractor.fit_transform(bank.data)
    clusterer = TrajectoryClusterer(random_state=0).fit(states)
    scores = scorer.fit(bank.data).transform(bank.data)
    names = name_segments(clusterer, states, scores, bank.data)
    return clusterer, names


def test_an_icicle_is_as_high_as_there_are_customers(tree):
    clusterer, names = tree
    display = HierarchyDisplay.from_estimator(clusterer, names)
    assert len(display.patches_) == len(clusterer.tree_)
    for node, row in clusterer.tree_.iterrows():
        patch = display.patches_[node]
        assert patch.get_height() == pytest.approx(row["size"] / 300)
        if row["parent"] >= 0:
            parent = display.patches_[row["parent"]]
            assert patch.get_x() == pytest.approx(parent.get_x() + parent.get_width())
            assert patch.get_y() >= parent.get_y() - 1e-9
            assert patch.get_y() + patch.get_height() <= parent.get_y() + parent.get_height() + 1e-9


def test_an_icicle_names_every_segment_that_is_thick_enough(tree):
    clusterer, names = tree
    display = HierarchyDisplay.from_estimator(clusterer, names)
    for node in clusterer.tree_.index[1:]:
        if clusterer.tree_.loc[node, "size"] >= 0.012 * 300:
            assert display.texts_[node].get_text().startswith(names[node])
    unnamed = HierarchyDisplay.from_estimator(clusterer, ax=Figure().subplots())
    assert unnamed.texts_[1].get_text().startswith("segment 1 ")


def test_a_long_name_leaves_out_the_number_of_customers(tree):
    clusterer, names = tree
    largest = clusterer.tree_["size"].iloc[1:].idxmax()
    for name, is_alone in (
        ("less groceries", False),
        ("agreeableness-, less groceries and pets", True),
    ):
        display = HierarchyDisplay.from_estimator(clusterer, names | {largest: name})
        assert (display.texts_[largest].get_text() == name) == is_alone


def test_a_single_segment_is_an_icicle_too():
    clusterer = TrajectoryClusterer().fit(np.zeros((30, 2)))
    assert list(HierarchyDisplay.from_estimator(clusterer).patches_) == [0]
