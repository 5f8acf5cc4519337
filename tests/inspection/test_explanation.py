import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from skspend import FeedForwardExtractor, LSTMStateExtractor, TrajectoryClusterer
from skspend.inspection import (
    explain_trajectories,
    segment_importance,
)
from skspend.panel import Panel, fold, unfold


class Line:
    """An extractor whose states are a known function of the shares; not even an estimator."""

    def __init__(self, weights, kind="mean", bend=lambda state: state):
        self.weights, self.kind, self.bend = np.asarray(weights), kind, bend

    def transform(self, X):
        cube = Panel.read(X, 3).cube
        if self.kind == "mean":
            cube = np.cumsum(cube, axis=1) / np.arange(1, cube.shape[1] + 1)[:, None]
        return unfold(self.bend(cube @ self.weights))


WEIGHTS = np.array([[0.5, 0.0], [-0.2, 0.3], [0.0, -0.1], [0.1, 0.0]])


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
    for seed in range(40):
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
    assert named.coefficients["category"].unique().tolist() == [
        "groceries",
        "pets",
        "travel",
        "books",
    ]
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
    extractor = LSTMStateExtractor.paper(scorer=half_scorer, random_state=0).fit(bank.data)
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


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((19, 3, 4)), "X has 19 customers, but an explanation needs at least 20"),
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

    class Sample(Line):
        def transform(self, X):
            return super().transform(X)[::2]

    with pytest.raises(ValueError, match="do not divide into 3 periods"):
        explain_trajectories(Last(WEIGHTS), shares)
    with pytest.raises(ValueError, match="Sample returns 150 trajectories of 3 periods for 300"):
        explain_trajectories(Sample(WEIGHTS), shares)
