import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.preprocessing import FunctionTransformer

from skspend import LSTMStateExtractor, TrajectoryClusterer
from skspend.inspection import (
    _importance,
    explain_trajectories,
    segment_fairness,
    segment_importance,
)
from skspend.panel import Panel, fold, unfold


def first_two_so_far(X):
    """States that are the mean shares so far of the first two of four categories."""
    cube = Panel.read(X, 3).cube[:, :, :2]
    return unfold(np.cumsum(cube, axis=1) / np.arange(1, 4)[:, None])


@pytest.fixture(scope="module")
def planted_routes(shares):
    """States that follow groceries and pets alone, and a tree of their segments."""
    extractor = FunctionTransformer(first_two_so_far)
    thirds = KMeans(3, random_state=0)
    clusterer = TrajectoryClusterer(max_depth=2, clusterer=thirds, n_periods=3)
    return extractor, clusterer.fit(extractor.transform(shares)), shares


def test_categories_without_influence_move_nobody(planted_routes):
    importance = segment_importance(*planted_routes, random_state=0)
    by_category = importance.groupby("category")["importance"]
    assert (by_category.max()[["travel", "books"]] == 0).all()
    assert (by_category.max()[["groceries", "pets"]] > 0.1).all()
    assert importance["importance"].between(0, 1).all()
    top = importance.groupby("node")["importance"]
    assert top.apply(lambda values: values.is_monotonic_decreasing).all()


def test_shuffling_what_everybody_shares_moves_nobody(planted_routes):
    extractor, clusterer, shares = planted_routes
    same = pd.DataFrame(1 / 4, index=shares.index, columns=shares.columns)
    importance = segment_importance(extractor, clusterer, same, random_state=0)
    assert (importance[["importance", "deviation"]] == 0).all(axis=None)
    assert (importance["customers"] == 300).all()


def test_importance_counts_the_customers_of_the_level_asked_for(planted_routes):
    _, clusterer, _ = planted_routes
    for level in (1, 2):
        importance = segment_importance(*planted_routes, level=level, n_repeats=1)
        nodes, sizes = np.unique(clusterer.level_labels_[:, level - 1], return_counts=True)
        found = importance.drop_duplicates("node").set_index("node")["customers"]
        assert found.to_dict() == dict(zip(nodes, sizes, strict=True))


def test_importance_repeats_and_does_not_depend_on_the_form_of_the_panel(
    planted_routes, monkeypatch
):
    extractor, clusterer, shares = planted_routes
    named = segment_importance(*planted_routes, random_state=0)
    pd.testing.assert_frame_equal(named, segment_importance(*planted_routes, random_state=0))
    before = shares.copy()
    cube = segment_importance(extractor, clusterer, fold(shares.to_numpy(), 3), random_state=0)
    pd.testing.assert_frame_equal(shares, before)
    for column in ("importance", "deviation"):
        np.testing.assert_array_equal(named[column], cube[column])
    monkeypatch.setattr(_importance, "PACK", 1)
    pd.testing.assert_frame_equal(named, segment_importance(*planted_routes, random_state=0))


def test_importance_works_for_fitted_extractors_on_frames_of_both_libraries(bank, scorer):
    extractor = LSTMStateExtractor(3, n_networks=2, scorer=scorer, epochs=10, random_state=0)
    trajectories = extractor.fit_transform(bank.data)
    thirds = KMeans(3, random_state=0)
    clusterer = TrajectoryClusterer(max_depth=1, clusterer=thirds).fit(trajectories)
    in_pandas = segment_importance(extractor, clusterer, bank.data, n_repeats=1, random_state=0)
    polars = pytest.importorskip("polars").from_pandas(bank.data)
    in_polars = segment_importance(extractor, clusterer, polars, n_repeats=1, random_state=0)
    pd.testing.assert_frame_equal(in_pandas, in_polars)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 3}, "level=3; expected 1, the top, to 2"),
        ({"level": 0}, "level=0; expected 1, the top, to 2"),
        ({"n_repeats": 0}, "n_repeats=0; expected 1 or more"),
    ],
)
def test_an_importance_of_nothing_is_refused(planted_routes, options, message):
    with pytest.raises(ValueError, match=message):
        segment_importance(*planted_routes, **options)


def test_with_a_seed_inspection_leaves_the_global_random_state_alone(planted_routes):
    everybodys = np.random.mtrand._rand
    before = everybodys.get_state(legacy=False)["state"]
    extractor, _, shares = planted_routes
    explain_trajectories(extractor, shares, random_state=0)
    segment_importance(*planted_routes, n_repeats=1, random_state=0)
    segment_fairness([0, 0, 1, 1], ["a", "b", "a", "b"], n_permutations=9, random_state=0)
    np.testing.assert_equal(everybodys.get_state(legacy=False)["state"], before)
