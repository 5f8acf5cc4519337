from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspend import (
    FeedForwardExtractor,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.inspection import find_attractors, smallest_changes
from skspend.inspection._attractors import jacobians, largest_moduli
from skspend.inspection._recurrence import Recurrence
from skspend.networks._forward import encode
from skspend.panel import Panel, fold, unfold


def _tree(depth):
    return TrajectoryClusterer(depth, clusterer=KMeans(4, n_init=1, random_state=0))


@pytest.fixture(scope="module")
def pipeline(bank, scorer):
    states = LSTMStateExtractor(3, (4,), n_networks=2, scorer=scorer, epochs=30, random_state=0)
    return make_pipeline(states, _tree(2)).fit(bank.data)


@pytest.fixture(scope="module")
def attractors(pipeline, bank):
    return find_attractors(pipeline, bank.data)


@pytest.fixture(scope="module")
def few(bank):
    return bank.data.iloc[:16]


@pytest.fixture(scope="module")
def changes(pipeline, few):
    return smallest_changes(pipeline, few)


@pytest.fixture(scope="module")
def one_unit():
    """An extractor of one unit that reads two categories, whose weights a test chooses."""
    panel = np.random.default_rng(0).uniform(size=(60, 3, 2))
    extractor = LSTMStateExtractor.paper(1, objective="reconstruct", epochs=1, n_init=1)
    return extractor.fit(panel)


def _with_gates(extractor, *, reads=(0.0, 0.0), recurrent=0.0, bias=0.0, keeps=0.5):
    """Open input and output gates, a forget gate, and tanh(reads x + recurrent h + bias)."""
    extractor = deepcopy(extractor)
    kernel, memory, biases = (np.zeros_like(array) for array in extractor.weights_[:3])
    # Next to nothing, so that both categories are read.
    kernel[:] = 1e-12
    kernel[:, 2] += reads
    memory[0, 2] = recurrent
    biases[:] = 40, np.log(keeps / (1 - keeps)), bias, 40
    extractor.kernels_ = [kernel, memory, biases, *extractor.kernels_[3:]]
    return extractor


def _repeated(extractor, X, n_periods):
    cube = Panel.read(X, 3).cube.astype(float)
    more = np.repeat(cube[:, -1:], n_periods, axis=1)
    states = encode(extractor.network_, np.concatenate([cube, more], axis=1), extractor.weights_)
    return states @ extractor.components_


def test_the_attractor_is_the_state_after_the_last_period_has_repeated_many_times(
    pipeline, attractors, bank
):
    path = _repeated(pipeline[0], bank.data, 999)
    still = attractors.customers["converged"].to_numpy()
    assert still.mean() > 0.8
    np.testing.assert_allclose(attractors.states[still], path[still, -1], atol=0.02)
    np.testing.assert_allclose(attractors.last_states, path[:, 2], atol=1e-5)
    distance = np.linalg.norm(attractors.states - attractors.last_states, axis=1)
    np.testing.assert_allclose(attractors.customers["distance"], distance)
    assert (attractors.customers.index == bank.data.index).all()


def test_segments_are_those_of_the_states_at_each_level(pipeline, attractors, bank):
    levels = pipeline[1].predict_levels(pipeline[:1].transform(bank.data))
    assert (attractors.customers["last_segment"] == levels[:, 0]).mean() > 0.99
    deep = find_attractors(pipeline, bank.data, level=2).customers
    parents = pipeline[1].tree_["parent"]
    is_divided = deep["segment"] != attractors.customers["segment"]
    assert is_divided.any()
    inside = deep.loc[is_divided, "segment"].map(parents)
    assert (inside == attractors.customers.loc[is_divided, "segment"]).all()


def test_periods_count_until_the_segment_of_the_attractor_is_entered(pipeline, attractors, bank):
    path = _repeated(pipeline[0], bank.data, 40)[:, 2:]
    names = pipeline[1].feature_names_in_[: path.shape[2]]
    levels = pipeline[1].predict_levels(pd.DataFrame(np.concatenate(path), columns=names))
    nodes = levels[:, 0].reshape(path.shape[:2]).T
    is_there = nodes == attractors.customers["segment"].to_numpy()
    expected = is_there.argmax(axis=0)
    assert len(np.unique(expected)) > 3
    assert (attractors.customers["periods"] == expected)[is_there.any(axis=0)].mean() > 0.99
    stays = attractors.customers["last_segment"] == attractors.customers["segment"]
    assert (stays == (attractors.customers["periods"] == 0)).all()


def test_common_attractors_are_where_ten_or_more_customers_go(attractors):
    customers, common = attractors.customers, attractors.attractors
    counts = customers.loc[customers["attractor"] >= 0, "attractor"].value_counts(sort=False)
    assert (common["customers"] == counts.sort_index()).all()
    assert (common["customers"] >= 5).all() and common["customers"].is_monotonic_decreasing
    for number, row in common.iterrows():
        inside = customers["attractor"] == number
        assert row["segment"] in customers.loc[inside, "segment"].mode().to_list()
        np.testing.assert_allclose(row[attractors.states.columns], attractors.states[inside].mean())


def test_a_customer_alone_has_the_same_attractor_as_among_others(pipeline, attractors, bank):
    some = bank.data.iloc[[7, 3, 3]]
    alone = find_attractors(pipeline, some)
    np.testing.assert_allclose(alone.states, attractors.states.iloc[[7, 3, 3]], atol=1e-9)
    for name in ("segment", "last_segment", "periods", "converged"):
        assert (
            alone.customers[name].to_numpy() == attractors.customers[name].iloc[[7, 3, 3]]
        ).all()
    assert (alone.customers["attractor"] == -1).all() and alone.attractors.empty


@pytest.mark.parametrize("keeps", [0.5, 0.9])
def test_a_cell_that_forgets_goes_to_the_fixed_point_of_its_equation(one_unit, keeps):
    extractor = _with_gates(one_unit, bias=0.1, keeps=keeps)
    found = find_attractors(extractor, np.full((2, 3, 2), 0.5))
    rest = np.tanh(np.tanh(0.1) / (1 - keeps))
    last = np.tanh(np.tanh(0.1) * (1 + keeps + keeps**2))
    np.testing.assert_allclose(found.states, [[rest]] * 2, atol=1e-4)
    np.testing.assert_allclose(found.last_states, [[last]] * 2, atol=1e-6)
    np.testing.assert_allclose(found.customers["distance"], rest - last, atol=1e-4)
    np.testing.assert_allclose(found.customers["modulus"], keeps, rtol=1e-6)
    assert found.customers["stable"].all() and "segment" not in found.customers


def test_history_decides_between_two_attractors_of_the_same_last_period(one_unit):
    extractor = _with_gates(one_unit, reads=(2.0, -2.0), recurrent=5.0, keeps=1e-9)
    past = np.array([[[1.0, 0.0], [1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.0, 1.0], [0.5, 0.5]]])
    states = find_attractors(extractor, past).states.to_numpy().ravel()
    assert states[0] > 0.7 and states[1] == pytest.approx(-states[0])


def test_a_customer_on_a_cycle_has_not_converged(one_unit):
    extractor = _with_gates(one_unit, recurrent=-10.0, bias=0.1, keeps=1e-9)
    customers = find_attractors(extractor, np.full((1, 3, 2), 0.5)).customers
    assert not customers["converged"].item() and not customers["stable"].item()
    assert np.isnan(customers["modulus"].item())


def test_no_customer_converges_within_one_period(pipeline, few):
    assert not find_attractors(pipeline, few, max_periods=1).customers["converged"].any()


@pytest.mark.parametrize("network", [0, 1])
def test_the_jacobian_is_that_of_the_equations_of_the_lstm(bank, scorer, few, network):
    extractor = LSTMStateExtractor(3, (), n_networks=2, scorer=scorer, epochs=5, random_state=0)
    run = Recurrence(extractor.fit(bank.data), few, 1, 1000)
    states, _ = run.settle(run.before, run.shares)
    found = jacobians(run, states, run.shares)[:, network]
    kernel, recurrent, bias = (array[network] for array in extractor.weights_[:3])
    hidden, cell = np.split(states.reshape(len(few), 2, 6)[:, network], 2, axis=1)
    x = Panel.read(few).cube[:, -1]
    i, f, g, o = np.split(x @ kernel + hidden @ recurrent + bias, 4, axis=1)
    i, f, g, o = expit(i), expit(f), np.tanh(g), expit(o)
    by_i, by_f, by_g, by_o = (part.T[None] for part in np.split(recurrent, 4, axis=1))
    new = np.tanh(f * cell + i * g)

    def rows(values):
        return values[:, :, None]

    cell_by_hidden = (
        rows(f * (1 - f) * cell) * by_f + rows(i * (1 - i) * g) * by_i + rows(i * (1 - g**2)) * by_g
    )
    cell_by_cell = rows(f) * np.eye(3)
    slope = rows(o * (1 - new**2))
    hidden_by_hidden = slope * cell_by_hidden + rows(o * (1 - o) * new) * by_o
    expected = np.block([[hidden_by_hidden, slope * cell_by_cell], [cell_by_hidden, cell_by_cell]])
    np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize("n_parts", [1, 3])
def test_the_largest_modulus_is_that_of_all_eigenvalues(n_parts):
    blocks = np.random.default_rng(0).normal(size=(n_parts, 20, 4, 4))
    matrices = np.zeros((20, 4 * n_parts, 4 * n_parts))
    order = np.random.default_rng(1).permutation(4 * n_parts)
    for part, block in enumerate(blocks):
        inside = order[4 * part : 4 * part + 4]
        matrices[:, inside[:, None], inside] = block
    expected = np.abs(np.linalg.eigvals(matrices)).max(axis=1)
    np.testing.assert_allclose(largest_moduli(matrices), expected)


@pytest.mark.parametrize(
    "extractor",
    [
        LSTMStateExtractor(2, (4,), n_networks=2, state="both"),
        LSTMStateExtractor.paper(2, state="both"),
        LSTMStateExtractor.paper(2).set_params(hidden_units=(4,)),
    ],
)
def test_attractors_have_the_states_of_transform(bank, few, scorer, extractor):
    extractor = clone(extractor).set_params(scorer=scorer, epochs=2, n_init=1, random_state=0)
    pipeline = make_pipeline(extractor, _tree(1))
    found = find_attractors(pipeline.fit(bank.data), few)
    last = pipeline[:1].transform(few).filter(regex="^year3")
    assert [f"year3|{name}" for name in found.last_states] == list(last)
    np.testing.assert_allclose(found.last_states, last, atol=1e-5)


def test_a_pipeline_on_a_log_gives_rows_by_customer(bank_log, scorer):
    pipeline = make_pipeline(
        SpendingAggregator(n_periods=3),
        LSTMStateExtractor(n_networks=2, scorer=scorer, epochs=2, random_state=0),
        _tree(1),
    ).fit(bank_log)
    some = bank_log[:15]
    assert list(find_attractors(pipeline, some).customers.index) == list(some.customers)
    assert list(smallest_changes(pipeline, some, max_periods=20).index) == list(some.customers)


def _changed(X, changes):
    """The panel after the changes, by hand."""
    X = X.copy()
    last = [name for name in X if name.startswith("year3|")]
    for customer, change in changes.iterrows():
        total = X.loc[customer, last].sum()
        factor = (total - change["new_share"]) / (total - change["share"])
        X.loc[customer, last] *= factor
        X.loc[customer, f"year3|{change['category']}"] = change["new_share"]
    return X


def test_a_change_leads_to_the_segment_that_is_promised(pipeline, few, changes):
    found = changes.dropna()
    assert len(found) > 8
    changed = _changed(few.loc[found.index], found)
    np.testing.assert_allclose(changed.sum(axis=1), few.loc[found.index].sum(axis=1), rtol=1e-5)
    after = find_attractors(pipeline, changed).customers["segment"]
    assert (after == found["new_segment"]).all()
    assert (found["new_segment"] != found["segment"]).all()
    before = find_attractors(pipeline, few).customers["segment"]
    assert (before == changes["segment"]).all()


def test_hardly_any_smaller_change_leads_elsewhere(pipeline, few, changes):
    found = changes.dropna().head(5)
    run = Recurrence(pipeline, few, 1, 1000)
    rows = []
    for customer, change in found.iterrows():
        position = few.index.get_loc(customer)
        for number, category in enumerate(run.categories):
            share, total = run.shares[position, number], run.shares[position].sum()
            for size in (-0.8, 0.8):
                step = size * abs(change["deviations"]) * run.deviations[number]
                rows.append((customer, category, share, np.clip(share + step, 0, total)))
    trials = pd.DataFrame(rows, columns=["of", "category", "share", "new_share"])
    panel = few.loc[trials["of"]].reset_index(drop=True)
    after = find_attractors(pipeline, _changed(panel, trials)).customers["segment"]
    stays = after.to_numpy() == found.loc[trials["of"], "segment"].to_numpy()
    assert stays.mean() > 0.99


def test_a_change_is_measured_in_deviations_of_the_category(pipeline, few, changes):
    found = changes.dropna()
    scale = dict(zip(Panel.read(few).features, pipeline[0].scaler_.scale_, strict=True))
    difference = (found["new_share"] - found["share"]) / found["category"].map(scale)
    np.testing.assert_allclose(found["deviations"], difference.astype(float), atol=1e-9)
    assert found["new_share"].between(0, 1).all()


def test_a_category_that_is_not_read_is_never_changed(bank, few, half_scorer):
    extractor = LSTMStateExtractor.paper(scorer=half_scorer, epochs=20, n_init=1, random_state=0)
    pipeline = make_pipeline(extractor, _tree(1))
    changes = smallest_changes(pipeline.fit(bank.data), few.head(20), max_periods=100).dropna()
    assert len(changes) and changes["category"].isin(bank.coefficients.index[::2]).all()


def test_who_spends_nothing_or_less_has_no_change(pipeline, few):
    cube = fold(few.head(4).to_numpy().copy(), 3)
    cube[0, -1] = 0
    cube[1, -1, 5] = -0.1
    cube[2, -1] = 0
    cube[2, -1, 4] = 1
    frame = pd.DataFrame(unfold(cube), columns=few.columns)
    changes = smallest_changes(pipeline, frame)
    assert changes["category"].isna().tolist()[:2] == [True, True]
    assert changes["new_segment"].tolist()[:2] == [-1, -1]
    # The only category that is bought has nothing in whose favour it could fall.
    assert changes["deviations"].isna()[2] or changes["deviations"][2] > 0
    nobody = smallest_changes(pipeline, frame.head(2))
    assert nobody["category"].isna().all() and (nobody["segment"] > 0).all()


@pytest.mark.parametrize("function", [find_attractors, smallest_changes])
def test_what_has_no_attractors_is_refused(pipeline, few, scorer, bank, function):
    feed_forward = FeedForwardExtractor(2, scorer=scorer, epochs=1, n_init=1).fit(bank.data)
    with pytest.raises(ValueError, match="FeedForwardExtractor is not a fitted recurrent"):
        function(feed_forward, few)
    with pytest.raises(ValueError, match="TrajectoryClusterer is not a fitted recurrent"):
        function(pipeline[1], few)
    scaled = make_pipeline(pipeline[0], StandardScaler(), pipeline[1])
    with pytest.raises(ValueError, match=r"are \['StandardScaler', 'TrajectoryClusterer'\]"):
        function(scaled, few)
    with pytest.raises(ValueError, match="level=9; expected 1, the top, to 2, the last level"):
        function(pipeline, few, level=9)
    with pytest.raises(ValueError, match="max_periods=0; expected 1 or more"):
        function(pipeline, few, max_periods=0)
    with pytest.raises(ValueError, match="contains NaN"):
        function(pipeline, few * np.nan)


def test_changes_need_segments(pipeline, few):
    with pytest.raises(ValueError, match="smallest_changes needs segments"):
        smallest_changes(pipeline[0], few)
