import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from skspend.inspection import name_segments, segment_path
from skspend.inspection._names import first_word
from skspend.personality import TRAITS

CATEGORIES = ["groceries", "pets", "travel"]


def make_tree(parents, leaves):
    """A fitted clusterer, from the parent of each node and the leaf of each customer."""
    depths = [0]
    for parent in parents[1:]:
        depths.append(depths[parent] + 1)
    levels = np.repeat(np.array(leaves)[:, None], max(1, max(depths)), axis=1)
    for customer, node in enumerate(leaves):
        for depth in range(depths[node], 0, -1):
            levels[customer, depth - 1] = node
            node = parents[node]
    return SimpleNamespace(tree_=pd.DataFrame({"parent": parents}), level_labels_=levels)


def square(openness=(0.0,) * 4, extraversion=(0.0,) * 4, **shares):
    """Nodes 1 and 2, with the leaves 3 and 4, 5 and 6, of two customers each."""
    tree = make_tree([-1, 0, 0, 1, 1, 2, 2], [3, 3, 4, 4, 5, 5, 6, 6])
    scores = pd.DataFrame(0.0, index=range(8), columns=TRAITS)
    scores["openness"], scores["extraversion"] = np.repeat([openness, extraversion], 2, axis=1)
    shares = {"pets": (0.1,) * 4} | shares
    panel = {f"year1|{name}": np.repeat(values, 2) for name, values in shares.items()}
    return tree, None, scores, pd.DataFrame(panel)


@st.composite
def trees(draw):
    """A tree of up to three levels, and scores and shares in which ties are frequent."""
    parents, level = [-1], [0]
    for _ in range(draw(st.integers(1, 3))):
        below = []
        for parent in level:
            parts = draw(st.sampled_from([0, 2, 2, 3, 4]))
            below += range(len(parents), len(parents) + parts)
            parents += [parent] * parts
        level = below
    leaves = sorted(set(range(len(parents))) - set(parents))
    placed = draw(st.lists(st.sampled_from(leaves), min_size=2, max_size=30))
    # Nobody is in a node in the middle of the tree; now and then nobody is in a leaf.
    seed = draw(st.integers(0, 2**31))
    generator = np.random.default_rng(seed)
    steps = draw(st.sampled_from([1, 2, 1000]))
    scores = generator.integers(-steps, steps + 1, size=(len(placed), 5)) * (2 / steps)
    scores += draw(st.sampled_from([0, 0.7]))
    shares = generator.integers(0, steps + 1, size=(len(placed), 2 * len(CATEGORIES))) / steps
    columns = [f"year{year}|{name}" for year in (1, 2) for name in CATEGORIES]
    return make_tree(parents, placed), scores, pd.DataFrame(shares, columns=columns)


def typical_of_nodes(tree, scores, panel):
    """The median of every trait and the mean of every category, and the number of customers, by
    node; NaN where there is nobody."""
    shares = panel.to_numpy().reshape(len(panel), 2, -1).mean(axis=1)
    scores, shares = pd.DataFrame(scores, columns=TRAITS), pd.DataFrame(shares, columns=CATEGORIES)
    typical, sizes = {}, {}
    for node in tree.tree_.index:
        own = (tree.level_labels_ == node).any(axis=1) | (node == 0)
        typical[node] = pd.concat([scores[own].median(), shares[own].mean()])
        sizes[node] = own.sum()
    return pd.DataFrame(typical), pd.Series(sizes)


@settings(max_examples=50, deadline=None)
@given(trees())
def test_every_word_of_a_name_is_true(drawn):
    tree, scores, panel = drawn
    names = name_segments(tree, None, scores, panel)
    typical, sizes = typical_of_nodes(tree, scores, panel)
    parents = tree.tree_["parent"]
    for node, name in names.items():
        words = name.split(", ")
        siblings = [s for s in names if parents[s] == parents[node] and s != node]
        for position, word in enumerate(words):
            before = words[:position]
            alike = [s for s in siblings if names[s].split(", ")[:position] == before]
            alike = [s for s in alike if sizes[s]]
            others = (typical[alike] * sizes[alike]).sum(axis=1) / sizes[alike].sum()
            if sign := re.fullmatch(r"(\w+)([+-])", word):
                own = typical.loc[sign[1], node] - typical.loc[sign[1], 0]
                assert position == 0
                assert np.sign(own) == (1 if sign[2] == "+" else -1)
            elif difference := re.fullmatch(r"(more|less) (\w+)", word):
                own = typical.loc[difference[2], node] - others[difference[2]]
                assert np.sign(own) == (1 if difference[1] == "more" else -1)
            else:
                assert word == f"segment {node}"
                assert not (sizes[node] and alike) or np.allclose(typical[node], others)


@settings(max_examples=50, deadline=None)
@given(trees())
def test_siblings_have_different_names(drawn):
    tree, scores, panel = drawn
    names = pd.Series(name_segments(tree, None, scores, panel))
    assert set(names.index) == set(tree.tree_.index[1:])
    assert (
        names.groupby(tree.tree_["parent"])
        .nunique()
        .equals(names.groupby(tree.tree_["parent"]).size())
    )


@settings(max_examples=50, deadline=None)
@given(trees())
def test_a_trait_against_everybody_names_no_segment_inside_its_own(drawn):
    tree, scores, panel = drawn
    names = name_segments(tree, None, scores, panel)
    for node in names:
        path = segment_path(tree, node, names)
        signs = re.findall(r"(\w+)[+-]", path)
        assert len(set(signs)) == len(signs)


def paths(*square):
    names = name_segments(*square)
    return [segment_path(square[0], node, names) for node in names]


@pytest.mark.parametrize(
    ("given", "top", "inside"),
    [
        (
            {"openness": (1, 1, -1, -1), "extraversion": (-0.5, 0.5, -0.5, 0.5)},
            ["openness+", "openness-"],
            ["extraversion-", "extraversion+"] * 2,
        ),
        (
            # The parts of a segment are all below the mean of everybody.
            {"openness": (2, 2, -2, -2), "extraversion": (1.2, 1.2, -1.6, -0.8)},
            ["openness+", "openness-"],
            [
                "extraversion+, segment 3",
                "extraversion+, segment 4",
                "extraversion-, less extraversion",
                "extraversion-, more extraversion",
            ],
        ),
        (
            {"openness": (1, 1, -1, -1), "pets": (0.1, 0.3, 0.2, 0.4)},
            ["openness+", "openness-"],
            ["less pets", "more pets"] * 2,
        ),
        (
            # A trait that differs by little is left to categories; all else fails before numbers.
            {"openness": (0.05, 0.05, -0.05, -0.05), "pets": (0.1, 0.1, 0.2, 0.2)},
            ["less pets", "more pets"],
            ["segment 3", "segment 4", "segment 5", "segment 6"],
        ),
        (
            {"openness": (0.05, 0.04, -0.04, -0.05)},
            ["more openness", "less openness"],
            ["more openness", "less openness"] * 2,
        ),
    ],
)
def test_names_compare_with_everybody_then_with_siblings(given, top, inside):
    found = paths(*square(**given))
    assert found[:2] == top
    assert found[2:] == [f"{top[i // 2]} > {name}" for i, name in enumerate(inside)]


def test_siblings_that_begin_alike_are_compared_with_each_other():
    tree = make_tree([-1, 0, 0, 0], [1, 1, 2, 2, 3, 3, 3, 3])
    scores = pd.DataFrame(0.0, index=range(8), columns=TRAITS)
    scores["openness"] = [-1, -1, -1, -1, 2, 2, 2, 2]
    scores["neuroticism"] = [0.3, 0.3, -0.1, -0.1, -0.2, -0.2, -0.2, -0.2]
    panel = pd.DataFrame({"year1|pets": [0.1] * 8})
    names = name_segments(tree, None, scores, panel)
    assert [*names.values()] == [
        "openness-, more neuroticism",
        "openness-, less neuroticism",
        "openness+",
    ]


def test_a_category_with_any_label_makes_a_name_of_one_line():
    *_, tree = square(pets=(0.1, 0.1, 0.2, 0.2))
    panel = tree.set_axis(["year1|a > b\n\x1b[31m"], axis=1)
    names = name_segments(*square()[:3], panel)
    assert names[1] == "less a b  [31m"


def test_scores_of_other_customers_are_refused():
    tree, _, scores, panel = square()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        name_segments(tree, None, scores, panel[:3])


@pytest.mark.parametrize(
    ("name", "begins_with", "is_low"),
    [
        ("openness+", "openness", False),
        ("openness-, more pets", "openness", True),
        ("less extraversion", "extraversion", True),
        ("more pet food, less travel", "pet food", False),
        ("self control-", "self control", True),
        ("segment 7", "segment 7", False),
        # Names in model files of version 0.1.0.
        ("openness- agreeableness+", "openness", True),
        ("openness+ (2)", "openness", False),
    ],
)
def test_the_start_of_a_name_gives_its_colour(name, begins_with, is_low):
    assert first_word(name) == (begins_with, is_low)


def test_a_previous_name_is_kept_while_it_is_true():
    data = square(openness=(1, 0.4, -0.4, -1), extraversion=(0.3, 0.5, -0.5, -0.3))
    fresh = name_segments(*data)
    assert (fresh[1], fresh[2]) == ("openness+", "openness-")
    kept = name_segments(*data, previous={1: "extraversion+", 2: "extraversion+"})
    assert kept == fresh
    kept = name_segments(*data, previous={1: "extraversion+", 2: "openness+", 3: "more openness"})
    assert (kept[1], kept[2], kept[3]) == ("extraversion+", "openness-", "more openness")
    # The trait of the segment above is not said again, nor is a category that is gone.
    kept = name_segments(*data, previous={3: "openness+", 4: "less tobacco", 5: "segment 5"})
    assert kept == fresh


def test_a_new_sibling_differs_from_the_previous_names_beside_it():
    data = square(openness=(1, 1, 0.9, 0.9), pets=(0.1, 0.1, 0.2, 0.2))
    data[2].loc[[0, 1], "openness"] = -9
    data[2].loc[[2, 3], "openness"] = 12
    names = name_segments(*data, previous={1: "openness+, more travel, really"})
    assert names[1] != names[2]
    names = name_segments(*data, previous={1: "openness+", 2: "openness+"})
    assert names[1] != names[2]


def test_the_words_of_a_category_with_commas_are_read():
    tree, _, scores, panel = square(pets=(0.1, 0.1, 0.2, 0.2))
    panel.columns = ["year1|food, drink"]
    panel["year1|other"] = 0.5
    previous = {1: "less food, drink", 2: "more food, drink"}
    assert name_segments(tree, None, scores, panel, previous=previous)[1] == "less food, drink"


@settings(deadline=None, max_examples=30)
@given(trees())
def test_without_traits_most_members_have_what_a_name_says(planted):
    tree, _, panel = planted
    names = name_segments(tree, None, pd.DataFrame(index=panel.index), panel)
    shares = (panel.iloc[:, :3].to_numpy() + panel.iloc[:, 3:].to_numpy()) / 2
    sides = np.sign(shares - np.median(shares, axis=0))
    for node, name in names.items():
        members = (tree.level_labels_ == node).any(axis=1)
        words = [word for word in name.split(", ") if not word.startswith("segment ")]
        for direction, category in map(str.split, words):
            side = {"more": 1, "less": -1}[direction]
            assert (sides[members, CATEGORIES.index(category)] == side).mean() > 0.5
    for _, siblings in tree.tree_.iloc[1:].groupby("parent"):
        assert len({names[node] for node in siblings.index}) == len(siblings)


@pytest.mark.parametrize("dtype", [float, pd.SparseDtype(float, 0.0)])
def test_a_category_of_a_few_large_buyers_names_no_segment_without_traits(dtype):
    tree = make_tree([-1, 0, 0], [1] * 5 + [2] * 5)
    shares = {"boat": [9, 9, 0, 0, 0, 0, 0, 0, 0, 0], "food": [5, 5, 5, 1, 1, 2, 2, 2, 5, 5]}
    panel = pd.DataFrame(shares).add_prefix("year1|").astype(dtype)
    names = name_segments(tree, None, pd.DataFrame(index=panel.index), panel)
    assert names == {1: "more food", 2: "less food"}
