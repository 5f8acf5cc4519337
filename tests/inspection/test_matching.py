from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline

from skspend import LSTMStateExtractor, SpendingAggregator, TrajectoryClusterer
from skspend.inspection import match_segments
from skspend.inspection._matching import compare_levels, keep_names

ROOT = [-1]


def make_tree(parents):
    depths = [0]
    for parent in parents[1:]:
        depths.append(depths[parent] + 1)
    return pd.DataFrame({"parent": parents, "depth": depths})


def compare(old, new, old_parents, new_parents):
    trees = make_tree(ROOT + old_parents), make_tree(ROOT + new_parents)
    return compare_levels(np.array(old), np.array(new), *trees, pd.RangeIndex(len(old)))


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=8, max_size=40), st.permutations(range(4)))
def test_a_renumbered_tree_matches_itself(leaves, numbers):
    leaves = np.array(leaves)
    first = np.stack([1 + leaves // 2, 3 + leaves], axis=1)
    # The leaves of the other tree are numbered in another order, and so are their parents.
    found = compare(first, first[:, :1], [0, 0, 1, 1, 2, 2], [0, 0])
    assert found.customers["top"].all()
    numbers = 1 + np.array(numbers)
    flat, other = 1 + leaves[:, None], numbers[leaves][:, None]
    found = compare(flat, other, [0] * 4, [0] * 4)
    assert found.customers[["top", "leaf"]].all(axis=None)
    present = found.nodes[found.nodes["jaccard"] > 0]
    assert (numbers[present["old"] - 1] == present["new"]).all()
    assert (present["jaccard"] == 1).all()
    assert found.migration["customers"].sum() == len(leaves)
    assert not len(found.splits) and not len(found.merges)


def test_nodes_match_inside_matching_parents_alone():
    old = np.array([[1, 3]] * 4 + [[1, 4]] * 4 + [[2, 2]] * 8)
    new = np.array([[2, 4]] * 4 + [[2, 5]] * 4 + [[1, 3]] * 8)
    found = compare(old, new, [0, 0, 1, 1], [0, 0, 1, 2, 2])
    pairs = found.nodes[["depth", "old", "new"]].to_numpy().tolist()
    assert pairs == [[1, 1, 2], [1, 2, 1], [2, 3, 4], [2, 4, 5], [2, -1, 3]]
    assert found.nodes["same"].tolist() == [True] * 4 + [False]
    assert found.nodes["old_customers"].tolist() == [8, 8, 4, 4, 0]
    assert found.customers["top"].all()
    assert found.customers["leaf"].sum() == 8
    assert keep_names(found.nodes, {1: "a", 2: "b", 3: "c", 4: "d"}) == {
        2: "a",
        1: "b",
        4: "c",
        5: "d",
    }


def test_a_divided_segment_is_a_split_and_the_reverse_is_a_merge():
    old = np.repeat([1, 2], [100, 50])[:, None]
    new = np.repeat([1, 2, 3], [60, 40, 50])[:, None]
    found = compare(old, new, [0, 0], [0, 0, 0])
    assert found.splits.to_numpy().tolist() == [[1, 1, 1, 0.6], [1, 1, 2, 0.4]]
    assert not len(found.merges)
    back = compare(new, old, [0, 0, 0], [0, 0])
    assert back.merges.to_numpy().tolist() == [[1, 1, 1, 0.6], [1, 2, 1, 0.4]]
    assert not len(back.splits)
    # Of the parts, one is the same; nobody in the other keeps a segment.
    assert found.customers["top"].sum() == 110


def test_customers_who_move_one_by_one_are_no_split():
    old = np.repeat([1, 2], 50)[:, None]
    new = old.copy()
    new[:20] = 2
    found = compare(old, new, [0, 0], [0, 0])
    assert not len(found.splits) and not len(found.merges)
    assert found.migration["customers"].tolist() == [30, 20, 50]


def test_an_undivided_tree_keeps_everybody_unless_the_other_is_divided():
    whole, halves = np.zeros((6, 1), int), np.repeat([[1], [2]], 3, axis=0)
    assert compare(whole, whole, [], []).customers["top"].all()
    found = compare(whole, halves, [], [0, 0])
    assert not found.customers["top"].any()
    assert found.nodes["old"].tolist() == [-1, -1]


def test_pipelines_read_a_log_in_their_own_periods(bank_log, scorer):
    fitted = []
    for n_periods in (3, 4):
        spend = SpendingAggregator(period=9, n_periods=n_periods)
        states = LSTMStateExtractor.paper(scorer=scorer, epochs=2, n_init=1, random_state=0)
        segment = TrajectoryClusterer(1, clusterer=KMeans(3, random_state=0))
        fitted.append(make_pipeline(spend, states, segment).fit(bank_log))
    found = match_segments(*fitted, bank_log)
    assert found.customers.index.tolist() == list(bank_log.customers)
    assert found.migration["customers"].sum() == len(bank_log)
    model = SimpleNamespace(pipeline=fitted[0], names={})
    itself = match_segments(model, fitted[0], bank_log)
    assert itself.customers[["top", "leaf"]].all(axis=None)
    panels = [pipeline[0].transform(bank_log) for pipeline in fitted]
    again = match_segments(fitted[0][1:], fitted[1][1:], panels[1], panels[0])
    pd.testing.assert_frame_equal(again.nodes, found.nodes)
    with pytest.raises(TypeError, match="got LSTMStateExtractor"):
        match_segments(fitted[0][:-1], fitted[1], bank_log)
