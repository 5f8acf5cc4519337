import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays
from joblib import parallel_config
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from skspend import LSTMStateExtractor, SpendingAggregator, TrajectoryClusterer
from skspend.inspection import segment_stability
from skspend.inspection._agreement import _find_stable, share_of_same
from skspend.inspection._stability import add_noise
from skspend.metrics._trees import match_labels
from skspend.panel import Panel

N_GROUPS = 3


class MeanSoFar(TransformerMixin, BaseEstimator):
    """States that are the mean shares so far, turned at random with a given weight."""

    def __init__(self, disorder=0.0, random_state=None):
        self.disorder = disorder
        self.random_state = random_state

    def fit(self, X, y=None):
        panel = Panel.read(X)
        self.n_periods_, self.n_rows_ = panel.cube.shape[1], len(panel.cube)
        random_state = np.random.RandomState(self.random_state)
        self.turn_ = self.disorder * random_state.normal(size=2 * (panel.cube.shape[2],))
        return self

    def transform(self, X):
        panel = Panel.read(X)
        means = panel.cube.cumsum(axis=1) / np.arange(1, panel.cube.shape[1] + 1)[:, None]
        return Panel(means @ (np.eye(len(self.turn_)) + self.turn_), panel.period).like(X)


@pytest.fixture(scope="module")
def groups():
    """300 customers in three groups, each of which spends on one of three categories."""
    rng = np.random.default_rng(0)
    group = np.arange(300) % N_GROUPS
    cube = rng.dirichlet(np.ones(3), size=(300, 4)) * 0.2 + 0.8 * np.eye(3)[group][:, None]
    named = Panel(cube, "year", ["groceries", "pets", "travel"])
    index = [f"c{number}" for number in range(300)]
    return pd.DataFrame(named.table, columns=named.names, index=index)


def planted(disorder=0.0, n_clusters=N_GROUPS, random_state=0):
    thirds = KMeans(n_clusters, random_state=0)
    return Pipeline(
        [
            ("states", MeanSoFar(disorder, random_state)),
            ("segment", TrajectoryClusterer(max_depth=1, clusterer=thirds)),
        ]
    )


@pytest.mark.parametrize("scheme", ["seed", "bootstrap", "noise", "period"])
def test_groups_that_are_far_apart_are_found_again_under_every_scheme(groups, scheme):
    found = segment_stability(planted(), groups, scheme=scheme, n_repeats=4, random_state=0)
    assert found.agreement["fits"].eq(4).all()
    top = found.agreement.loc["top"]
    assert top[["ari", "low", "high", "same"]].tolist() == [1, 1, 1, 1]
    assert found.nodes["held_out"].sum() == top["held_out"] == len(found.customers) == 60
    assert (found.nodes[["jaccard", "low", "high"]] == 1).all(axis=None)
    assert (found.customers == 1).all(axis=None)
    assert set(found.customers.index) < set(groups.index)
    assert np.isnan(found.agreement.loc["inside", "ari"])


def test_segments_that_depend_on_the_seed_are_not_found_again(groups):
    cut_apart = planted(disorder=3.0, n_clusters=5)
    found = segment_stability(cut_apart, groups, random_state=0)
    top = found.agreement.loc["top"]
    assert top["low"] < top["ari"] < top["high"] <= 1
    assert top["ari"] < 0.95
    assert top["same"] == pytest.approx(found.customers["top"].mean())
    assert found.nodes["jaccard"].min() < 0.9
    assert found.nodes["low"].le(found.nodes["jaccard"]).all()


def test_a_segment_that_every_fit_finds_is_told_from_those_that_no_other_fit_finds():
    rng = np.random.default_rng(0)
    apart = rng.normal([40.0, 40.0], 0.1, size=(100, 2))
    X = np.concatenate([apart, rng.uniform(-1, 1, size=(200, 2))])
    clusterer = TrajectoryClusterer(max_depth=1, clusterer=KMeans(5, n_init=1, random_state=0))
    found = segment_stability(clusterer, X, scheme="bootstrap", random_state=0)
    nodes = found.nodes.sort_values("jaccard")
    assert nodes["jaccard"].iloc[-1] == 1
    assert nodes["jaccard"].iloc[0] < 0.75
    assert (nodes["stable"] == nodes["node"]).tolist() == (nodes["jaccard"] >= 0.75).tolist()


def test_only_what_the_scheme_names_differs_between_the_fits(groups):
    seeds = {
        scheme: [
            fit["states"].random_state
            for fit in (found.reference, *found.others)
        ]
        for scheme in ("seed", "bootstrap", "noise", "period")
        for found in [
            segment_stability(planted(), groups, scheme=scheme, n_repeats=2, random_state=0)
        ]
    }  # fmt: skip
    assert seeds["seed"][0] == 0
    assert len(set(seeds["seed"])) == 3
    assert all(set(seeds[scheme]) == {0} for scheme in ("bootstrap", "noise", "period"))


def test_other_fits_see_the_same_number_of_customers_and_none_that_is_held_out(groups):
    for scheme in ("seed", "bootstrap"):
        found = segment_stability(planted(), groups, scheme=scheme, test_size=100, random_state=0)
        assert {fit["states"].n_rows_ for fit in found.others} == {200}
        assert len(found.customers) == 100


def test_each_fit_leaves_out_another_period_and_there_are_no_more_fits_than_periods(groups):
    nameless = groups.to_numpy().reshape(300, 4, 3)
    found = segment_stability(planted(), nameless, scheme="period", n_repeats=9, random_state=0)
    assert len(found.others) == 4
    assert {fit["states"].n_periods_ for fit in found.others} == {3}
    assert found.reference["states"].n_periods_ == 4


def test_a_number_of_periods_that_is_given_is_one_less_where_a_period_is_left_out():
    X = np.random.default_rng(0).normal(size=(100, 6))
    thirds = KMeans(3, random_state=0)
    clusterer = TrajectoryClusterer(clusterer=thirds, n_periods=3, random_state=0)
    found = segment_stability(clusterer, X, scheme="period", n_repeats=1, random_state=0)
    assert found.others[0][-1].n_periods_ == 2


def test_neither_the_callers_pipeline_nor_the_panel_changes(groups):
    pipeline, before = planted().fit(groups), groups.copy()
    state = pipeline["states"]
    segment_stability(pipeline, groups, scheme="noise", n_repeats=1)
    assert pipeline["states"] is state
    assert state.n_rows_ == 300
    pd.testing.assert_frame_equal(groups, before)


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_figures_repeat_for_any_number_of_jobs_and_progress_is_told(bank, scorer, backend):
    states = LSTMStateExtractor(3, n_networks=2, scorer=scorer, epochs=3)
    thirds = KMeans(3, random_state=0)
    pipeline = Pipeline(
        [("states", states), ("segment", TrajectoryClusterer(max_depth=2, clusterer=thirds))]
    )
    told, found = [], []
    for n_jobs in (1, 2):
        with parallel_config(backend, n_jobs=n_jobs):
            found.append(
                segment_stability(
                    pipeline, bank.data, n_repeats=2, random_state=0,
                    progress=lambda *done: told.append(done),
                )
            )  # fmt: skip
    first, second = found
    for name in ("agreement", "nodes", "customers"):
        pd.testing.assert_frame_equal(first[name], second[name], check_exact=True)
    assert told == 2 * [(1, 3), (2, 3), (3, 3)]
    assert first.agreement["ari"].notna().all()
    assert first.nodes["depth"].tolist() == 3 * [1] + (len(first.nodes) - 3) * [2]


def test_a_frozen_step_is_not_fitted_again(groups):
    frozen = FrozenEstimator(planted()["states"].fit(groups))
    segment = TrajectoryClusterer(clusterer=KMeans(3, random_state=0), max_depth=1)
    pipeline = Pipeline([("states", frozen), ("segment", segment)])
    found = segment_stability(pipeline, groups, n_repeats=1, random_state=0)
    assert found.others[0]["states"] is frozen


def test_a_log_is_aggregated_once_and_its_customers_are_named(bank_log):
    pipeline = Pipeline([("spend", SpendingAggregator()), *planted().steps])
    found = segment_stability(pipeline, bank_log, n_repeats=1, random_state=0)
    assert set(found.customers.index) < set(bank_log.customers)
    assert [name for name, _ in found.reference.steps] == ["states", "segment"]


def test_a_single_segment_says_nothing(groups):
    whole = planted().set_params(segment__max_depth=1, segment__clusterer=KMeans(1))
    found = segment_stability(whole, groups, n_repeats=2, random_state=0)
    assert found.agreement[["ari", "low", "high", "same"]].isna().all(axis=None)
    assert len(found.nodes) == 0
    assert found.customers.isna().all(axis=None)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"pipeline": MeanSoFar()}, TypeError, "must end in a TrajectoryClusterer, got MeanSoFar"),
        ({"pipeline": planted()[:1]}, TypeError, "must end in a TrajectoryClusterer, got Mean"),
        ({"scheme": "year"}, ValueError, "scheme='year'; expected one of 'seed', 'bootstrap'"),
        ({"n_repeats": 0}, ValueError, "n_repeats=0; expected 1 or more"),
        ({"test_size": 5}, ValueError, "300 customers, of which 295 are fitted and 5 are held"),
        ({"X": np.ones((12, 3))}, ValueError, "12 customers, of which 9 are fitted and 3 are held"),
        ({"X": np.ones((99, 3)), "scheme": "period"}, ValueError, "but X has only 1"),
    ],
)
def test_what_cannot_be_compared_is_refused(groups, change, error, message):
    arguments = {"pipeline": planted(), "X": groups} | change
    with pytest.raises(error, match=message):
        segment_stability(**arguments)


def test_a_pipeline_without_a_seed_to_change_is_refused(groups):
    class Plain(BaseEstimator):
        def predict_levels(self, X):
            return np.zeros((len(X), 1), dtype=int)

    with pytest.raises(ValueError, match="No step of the pipeline has a random_state"):
        segment_stability(Plain(), groups)


labels = arrays.arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 5))


@settings(max_examples=30, deadline=None)
@given(labels, st.permutations(range(6)))
def test_renumbered_segments_match_one_to_one(labels, numbers):
    others = np.array(numbers)[labels]
    matches = match_labels(labels, others)
    assert matches == {label: numbers[label] for label in np.unique(labels)}
    expected = 1.0 if len(matches) > 1 else np.nan
    np.testing.assert_array_equal(
        share_of_same(labels, [others, others]), np.full(len(labels), expected)
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from([0.2, 0.74, 0.75, 1, np.nan]))))
def test_a_stable_segment_is_the_deepest_that_is_found_again_with_all_above_it(tree):
    parents = [min(parent, node) for node, (parent, _) in enumerate(tree)]
    jaccard = [coefficient for _, coefficient in tree]
    numbers = range(1, len(tree) + 1)
    nodes = pd.DataFrame({"node": numbers, "parent": parents, "jaccard": jaccard})

    def path(node):
        return [*path(parents[node - 1]), node] if node else []

    for node, stable in zip(numbers, _find_stable(nodes), strict=True):
        found = [above for above in path(node) if jaccard[above - 1] >= 0.75]
        expected = 0
        for own, again in zip(path(node), found, strict=False):
            if own != again:
                break
            expected = own
        assert stable == expected


def test_two_segments_that_another_fit_joins_do_not_both_match_it():
    matches = match_labels([1, 1, 1, 2, 2], [7, 7, 7, 7, 7])
    assert matches == {1: 7}
    shares = share_of_same(np.array([1, 1, 1, 2, 2]), [np.full(5, 7)])
    assert shares.tolist() == [1, 1, 1, 0, 0]


def test_noise_keeps_the_sums_of_shares_but_not_of_amounts(groups):
    shares = Panel.read(groups).cube
    noisy = add_noise(shares, 0.2, np.random.RandomState(0))
    np.testing.assert_allclose(noisy.sum(axis=2), 1)
    assert np.abs(noisy - shares).max() > 0.01
    amounts = add_noise(100 * shares, 0.2, np.random.RandomState(0))
    assert np.ptp(amounts.sum(axis=2)) > 10
