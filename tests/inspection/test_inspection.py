import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.pipeline import Pipeline

from skspend import FeedForwardExtractor, LSTMStateExtractor, TrajectoryClusterer
from skspend.inspection import (
    describe_segments,
    explain_trajectories,
    importance as importance_module,
    name_segments,
    segment_fairness,
    segment_importance,
    segment_path,
)
from skspend.panel import fold, panel_names, read_panel, unfold
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


def test_segments_are_named_by_the_trait_that_sets_them_apart(planted):
    clusterer, states, scores, _ = planted
    names = name_segments(clusterer, states, scores)
    paths = {segment_path(clusterer, node, names) for node in names}
    assert paths == {
        "openness+",
        "openness-",
        "openness+ > extraversion+",
        "openness+ > extraversion-",
        "openness- > extraversion+",
        "openness- > extraversion-",
    }


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
    names = name_segments(clusterer, states, scores)
    few = describe_segments(
        clusterer, states[:100], scores[:100], panel[:100], names=names
    ).set_index("path")
    assert few.loc["openness- > extraversion-", "customers"] == 100
    assert few.loc["openness+", "customers"] == 0
    assert np.isnan(few.loc["openness+", "strength"])


def test_siblings_with_one_trait_get_a_second(planted):
    clusterer, states, scores, _ = planted
    flat = scores.copy()
    flat["openness"] = 3.0
    flat.loc[:99, "neuroticism"] = 0.5
    names = name_segments(clusterer, states, flat)
    assert len(set(names.values())) == len({names[n] for n in names})
    top = [names[n] for n in clusterer.tree_.index[clusterer.tree_["parent"] == 0]]
    assert len(set(top)) == len(top)


def test_segments_without_any_difference_are_numbered(planted):
    clusterer, states, scores, _ = planted
    names = name_segments(clusterer, states, scores * 0)
    top = [names[n] for n in clusterer.tree_.index[clusterer.tree_["parent"] == 0]]
    assert len(set(top)) == len(top) == 2


def test_a_trait_in_a_name_does_not_come_again_below(planted):
    clusterer, states, scores, _ = planted
    names = name_segments(clusterer, states, scores)
    for node in names:
        words = segment_path(clusterer, node, names).replace(" >", "").split()
        traits = [word.rstrip("+-") for word in words]
        assert len(set(traits)) == len(traits)


class Line:
    """An extractor whose states are a known function of the shares; not even an estimator."""

    def __init__(self, weights, kind="mean", bend=lambda state: state):
        self.weights, self.kind, self.bend = np.asarray(weights), kind, bend

    def transform(self, X):
        cube, *_ = read_panel(X, 3)
        if self.kind == "mean":
            cube = np.cumsum(cube, axis=1) / np.arange(1, cube.shape[1] + 1)[:, None]
        return unfold(self.bend(cube @ self.weights))


WEIGHTS = np.array([[0.5, 0.0], [-0.2, 0.3], [0.0, -0.1], [0.1, 0.0]])
CATEGORIES = ["groceries", "pets", "travel", "books"]


@pytest.fixture(scope="module")
def shares():
    """Shares of 300 customers in 3 years and 4 categories, at random."""
    cube = np.random.default_rng(0).gamma(2, size=(300, 3, 4))
    return pd.DataFrame(unfold(cube), columns=panel_names("year", 3, CATEGORIES))


def _bends(state):
    return np.tanh(3 * state)


@pytest.mark.parametrize("kind", ["mean", "period"])
def test_what_is_linear_is_explained_in_full(shares, kind):
    explanation = explain_trajectories(Line(WEIGHTS, kind), shares, random_state=0)
    assert (explanation.fidelity["r2"] > 0.9999).all()
    assert (explanation.regressors, explanation.cap) == (kind, np.inf)
    found = explanation.coefficients.query("period == 'year3'")
    weights = found["coefficient"] / found["deviation"]
    np.testing.assert_allclose(weights, WEIGHTS.T.ravel(), atol=1e-4)


def test_what_is_bent_or_unseen_is_explained_in_part(shares):
    bent = explain_trajectories(Line(WEIGHTS, bend=_bends), shares, random_state=0).fidelity
    assert bent["r2"].between(0.3, 0.95).all()
    assert (bent["low"] < bent["r2"]).all() and (bent["r2"] < bent["high"]).all()
    noise = np.random.default_rng(1).normal(size=(300, 3, 1))
    unseen = explain_trajectories(Line([[0]] * 4, bend=lambda state: noise), shares).fidelity
    assert (unseen["r2"] < 0.03).all()


def test_intervals_cover_what_all_customers_would_show():
    generator = np.random.default_rng(0)
    extractor = Line(WEIGHTS, bend=_bends)
    population = generator.uniform(size=(50_000, 1, 4))
    truth = explain_trajectories(extractor, population, n_resamples=2).coefficients
    covered = []
    for seed in range(60):
        sample = generator.choice(population, 150, replace=False)
        found = explain_trajectories(extractor, sample, random_state=seed).coefficients
        slopes = truth["coefficient"] / truth["deviation"] * found["deviation"]
        covered.append(slopes.between(found["low"], found["high"]))
    assert 0.91 <= np.mean(covered) <= 0.99


def test_an_explanation_does_not_depend_on_the_form_of_the_panel(shares):
    extractor = Line(WEIGHTS, bend=_bends)
    named = explain_trajectories(extractor, shares, random_state=0)
    cube = fold(shares.to_numpy(), 3)
    nameless = explain_trajectories(extractor, cube, random_state=0)
    assert nameless.coefficients["category"].unique().tolist() == ["x0", "x1", "x2", "x3"]
    assert nameless.fidelity["period"].unique().tolist() == ["period1", "period2", "period3"]
    assert named.coefficients["category"].unique().tolist() == CATEGORIES
    for name in ("coefficient", "low", "high"):
        np.testing.assert_array_equal(named.coefficients[name], nameless.coefficients[name])


def test_the_order_of_customers_does_not_change_the_explanation(shares):
    extractor = Line(WEIGHTS, bend=_bends)
    shuffled = shares.sample(frac=1, random_state=0)
    first, second = (explain_trajectories(extractor, X) for X in (shares, shuffled))
    for name, column in (("fidelity", "r2"), ("coefficients", "coefficient")):
        np.testing.assert_allclose(first[name][column], second[name][column])


def test_extractors_of_both_kinds_are_explained_by_the_regressors_they_read(bank, scorer):
    kinds = {}
    for Extractor in (LSTMStateExtractor, FeedForwardExtractor):
        extractor = Extractor(2, objective="scores", scorer=scorer, epochs=30, random_state=0)
        explanation = explain_trajectories(extractor.fit(bank.data), bank.data, random_state=0)
        again = explain_trajectories(extractor, bank.data, random_state=0)
        pd.testing.assert_frame_equal(explanation.coefficients, again.coefficients)
        pd.testing.assert_frame_equal(explanation.fidelity, again.fidelity)
        kinds[Extractor] = explanation.regressors
        assert explanation.fidelity["state"].tolist() == ["state0", "state1"] * 3
    assert kinds == {LSTMStateExtractor: "mean", FeedForwardExtractor: "period"}


def test_categories_that_are_not_read_explain_and_move_nothing(bank, half_scorer):
    extractor = LSTMStateExtractor(scorer=half_scorer, random_state=0).fit(bank.data)
    as_others = Pipeline([("states", extractor)])  # which does not say what is read
    unread = bank.coefficients.index[1::2]
    told, guessed = (
        explain_trajectories(states, bank.data, random_state=0) for states in (extractor, as_others)
    )
    is_unread = told.coefficients["category"].isin(unread)
    columns = ["coefficient", "low", "high"]
    assert told.coefficients.loc[is_unread, columns].abs().max(axis=None) < 1e-12
    assert (told.coefficients.loc[~is_unread, "coefficient"].abs() > 1e-12).all()
    assert told.fidelity["r2"].mean() > guessed.fidelity["r2"].mean()
    clusterer = TrajectoryClusterer(max_depth=1, random_state=0)
    clusterer.fit(extractor.transform(bank.data))
    told, shuffled = (
        segment_importance(states, clusterer, bank.data, random_state=0)
        for states in (extractor, as_others)
    )
    pd.testing.assert_frame_equal(told, shuffled)
    assert set(told.query("importance > 0")["category"]).isdisjoint(unread)


def test_what_never_varies_is_neither_explained_nor_an_explanation(shares):
    flat = shares.assign(**{f"year{year}|pets": 0.1 for year in (1, 2, 3)})
    explanation = explain_trajectories(Line([[1, 0], [0, 0], [0, 0], [0, 0]]), flat)
    fidelity = explanation.fidelity.set_index("state")["r2"]
    assert fidelity["state1"].isna().all() and (fidelity["state0"] > 0.999).all()
    pets = explanation.coefficients.query("category == 'pets'")
    assert (pets["deviation"] == 0).all()
    np.testing.assert_allclose(pets[["coefficient", "low", "high"]], 0, atol=1e-9)


def test_with_a_seed_inspection_leaves_the_global_random_state_alone(shares, planted_routes):
    everybodys = np.random.mtrand._rand
    before = everybodys.get_state(legacy=False)["state"]
    explain_trajectories(Line(WEIGHTS), shares, random_state=0)
    segment_importance(*planted_routes, n_repeats=1, random_state=0)
    segment_fairness([0, 0, 1, 1], ["a", "b", "a", "b"], n_permutations=9, random_state=0)
    np.testing.assert_equal(everybodys.get_state(legacy=False)["state"], before)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((19, 3, 4)), "X has 19 customers, and at least 20"),
        (np.ones((50, 13)), "13 columns, which do not divide into 3 periods"),
    ],
)
def test_a_panel_that_explains_nothing_is_refused(X, message):
    extractor = Line(WEIGHTS)
    extractor.n_periods_ = 3
    with pytest.raises(ValueError, match=message):
        explain_trajectories(extractor, X)


def test_an_extractor_that_gives_no_state_for_a_period_is_refused(shares):
    class Last(Line):
        def transform(self, X):
            return super().transform(X)[:, -2:]

    with pytest.raises(ValueError, match="do not divide into 3 periods"):
        explain_trajectories(Last(WEIGHTS), shares)


@pytest.fixture(scope="module")
def planted_routes(shares):
    """States that follow groceries and pets alone, and a tree of their segments."""
    extractor = Line([[1, 0], [0, 1], [0, 0], [0, 0]])
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
    monkeypatch.setattr(importance_module, "PACK", 1)
    pd.testing.assert_frame_equal(named, segment_importance(*planted_routes, random_state=0))


def test_importance_works_for_fitted_extractors_on_frames_of_both_libraries(bank, scorer):
    extractor = LSTMStateExtractor(scorer=scorer, epochs=10, n_init=1, random_state=0)
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
        ({"level": 3}, "level=3, but the tree has 2 levels"),
        ({"level": 0}, "level=0, but the tree has 2 levels"),
        ({"n_repeats": 0}, "at least one repeat"),
    ],
)
def test_an_importance_of_nothing_is_refused(planted_routes, options, message):
    with pytest.raises(ValueError, match=message):
        segment_importance(*planted_routes, **options)


def test_rates_of_a_group_add_up_to_one_over_segments():
    generator = np.random.default_rng(0)
    labels, groups = generator.integers(-1, 4, 200), generator.choice(["a", "b", None], 200)
    fairness = segment_fairness(labels, groups, random_state=0)
    rates = fairness.rates
    np.testing.assert_allclose(rates.groupby("group")["rate"].sum(), 1)
    assert rates["members"].sum() == fairness.association["customers"] == 200
    assert rates["group"].unique().tolist() == ["a", "b", "(missing)"]
    np.testing.assert_allclose(rates["ratio"] * rates["overall"], rates["rate"])
    np.testing.assert_allclose(rates["difference"] + rates["overall"], rates["rate"])
    assert (rates["low"] <= rates["rate"]).all() and (rates["rate"] <= rates["high"]).all()
    again = segment_fairness(labels, groups, random_state=0)
    pd.testing.assert_frame_equal(rates, again.rates)
    pd.testing.assert_series_equal(fairness.association, again.association)


def test_the_order_of_customers_does_not_change_fairness():
    generator = np.random.default_rng(0)
    labels, groups = generator.integers(0, 3, 90), generator.choice(["a", "b"], 90)
    order = generator.permutation(90)
    first = segment_fairness(labels, groups, random_state=0)
    second = segment_fairness(labels[order], groups[order], random_state=0)
    pd.testing.assert_frame_equal(first.rates, second.rates)
    pd.testing.assert_series_equal(first.association, second.association)


def test_a_small_group_is_shown_with_a_wide_interval():
    groups = np.repeat(["large", "small"], [1000, 2])
    rates = segment_fairness(np.arange(1002) % 2, groups, random_state=0).rates
    width = (rates["high"] - rates["low"]).groupby(rates["group"]).max()
    assert width["large"] < 0.07 and width["small"] > 0.6


def test_p_values_are_even_where_there_is_no_association_and_small_where_there_is():
    generator = np.random.default_rng(0)
    p_values, strengths = [], []
    for seed in range(100):
        labels, groups = generator.integers(0, 4, 150), generator.integers(0, 3, 150)
        found = segment_fairness(labels, groups, n_permutations=99, random_state=seed).association
        p_values.append(found["p_value"])
        strengths.append(found["cramers_v"])
    assert 0.4 < np.mean(p_values) < 0.6 and np.mean(np.array(p_values) <= 0.1) < 0.2
    assert np.mean(strengths) < 0.07
    same = segment_fairness(groups, groups, random_state=0).association
    assert same["cramers_v"] == pytest.approx(1) and same["p_value"] == 0.001


def test_brackets_keep_their_order():
    incomes = pd.Series(["low", "high", "middle"] * 4)
    incomes = incomes.astype(pd.CategoricalDtype(["low", "middle", "high", "huge"], ordered=True))
    rates = segment_fairness([0, 1] * 6, incomes, random_state=0).rates
    assert rates["group"].unique().tolist() == ["low", "middle", "high"]


def test_one_segment_has_no_association():
    found = segment_fairness([0] * 6, ["a", "b"] * 3, n_permutations=9).association
    assert np.isnan(found["cramers_v"]) and found["p_value"] == 1


@pytest.mark.parametrize(
    ("labels", "protected", "message"),
    [
        ([0, 1], ["a"], "2 labels and 1 values"),
        ([], [], "0 labels"),
        ([0.0, np.nan, 1.0], ["a", "b", "b"], "1 of 3 labels are missing, the first in row 1"),
        (np.arange(50) % 2, np.arange(50.0), "50 values for 50 customers.*qcut"),
        (pd.Series([0, 1]), pd.Series(["a", "b"], index=[1, 0]), "protected.reindex"),
    ],
)
def test_attributes_that_do_not_fit_are_refused(labels, protected, message):
    with pytest.raises(ValueError, match=message):
        segment_fairness(labels, protected)
