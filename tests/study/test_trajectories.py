import numpy as np
import pytest
from pandas.testing import assert_frame_equal
from sklearn.cluster import KMeans

from skspend import BigFivePersonalityScorer, FeedForwardExtractor, LSTMStateExtractor
from skspend.datasets import make_spending
from skspend.metrics import direction_change
from skspend.panel import fold
from skspend.study import _trajectories, paper_networks, trajectory_study

WITHOUT_NETWORK = ["raw spending", "scores", "mean scores so far", "PCA"]
SET_BY_THE_STUDY = "scorer", "random_state"
FIGURES = [
    *("states", "customers", "n_segments", "largest", "ami", "predicted", "kappa", "turn"),
    *("level2_ami", "level2_baseline_95", "level2_p"),
    *("level3_ami", "level3_baseline_95", "level3_p", "seconds"),
]


@pytest.fixture(scope="module")
def quick():
    """Extractors of each kind that are trained for an instant."""
    return {
        "recurrent": LSTMStateExtractor(2, n_networks=2, epochs=3),
        "feed-forward": FeedForwardExtractor(2, epochs=3, n_init=1),
        "autoencoder": LSTMStateExtractor.paper(2, objective="reconstruct", epochs=3, n_init=1),
    }


@pytest.fixture(scope="module")
def panel(bank):
    return bank.data.iloc[:120]


@pytest.fixture(scope="module")
def study(panel, scorer, quick):
    return trajectory_study(panel, scorer=scorer, extractors=quick)


@pytest.fixture
def few_shuffles(monkeypatch):
    """For studies in this process whose levels nobody looks at."""
    monkeypatch.setattr(_trajectories, "N_PERMUTATIONS", 1)


def of(study, states, customers="fitted"):
    return study.set_index(["states", "customers"]).loc[(states, customers)]


def without_seconds(study):
    return study.drop(columns="seconds")


def test_each_kind_of_states_has_a_row_for_those_fitted_and_one_for_those_held_out(study, quick):
    assert study.columns.tolist() == FIGURES
    kinds = [*WITHOUT_NETWORK, *quick]
    assert study["states"].tolist() == [kind for kind in kinds for _ in range(2)]
    assert study["customers"].tolist() == ["fitted", "held out"] * len(kinds)


def test_figures_lie_where_they_must(study):
    assert study["n_segments"].ge(1).all()
    assert study["largest"].between(1 / study["n_segments"] - 1e-12, 1).all()
    assert study["turn"].between(0, 180).all()
    assert study["seconds"].gt(0).all()
    p_values = study[["level2_p", "level3_p"]].stack().dropna()
    assert p_values.between(1 / 40, 1).all()
    one_segment = study["n_segments"] == 1
    assert study.loc[one_segment, ["ami", "kappa"]].eq(0).all(axis=None)


def test_only_networks_that_are_trained_on_types_predict_them(study):
    counts = study.groupby("states")["predicted"].count()
    assert counts[counts > 0].index.tolist() == ["feed-forward", "recurrent"]


def test_by_default_the_networks_of_the_paper_are_compared_with_the_default(
    bank, scorer, monkeypatch
):
    given = []
    monkeypatch.setattr(
        _trajectories.Runner,
        "run_tasks",
        lambda self, function, data, tasks: given.extend(tasks) or [],
    )
    trajectory_study(bank.data, scorer=scorer, n_units=4)
    more = "recurrent predictor with noise", "skspend's default"
    assert [task["states"] for task in given] == [*WITHOUT_NETWORK, *paper_networks(), *more]
    *of_paper, default = (task["transformer"] for task in given[4:])
    assert {network.n_units for network in of_paper} == {4}
    expected = LSTMStateExtractor().get_params()
    own = {name: default.get_params()[name] for name in expected if name not in SET_BY_THE_STUDY}
    assert own.items() <= expected.items()


def test_the_baseline_is_the_type_of_mean_scores_which_turn_less_and_stay_more(
    bank, scorer, few_shuffles
):
    found = trajectory_study(bank.data, scorer=scorer, extractors={})
    for customers in ("fitted", "held out"):
        baseline = of(found, "mean scores so far", customers)
        assert baseline["n_segments"] == 10
        assert baseline["ami"] == 1
        assert np.isnan(baseline[["level2_ami", "level3_ami"]].astype(float)).all()
        scores = of(found, "scores", customers)
        assert baseline["turn"] < scores["turn"]
        assert baseline["kappa"] > scores["kappa"]


def test_the_turn_of_raw_spending_is_that_of_the_customers_fitted_and_held_out(
    panel, scorer, few_shuffles
):
    found = trajectory_study(panel, scorer=scorer, extractors={}, test_size=0.5)
    raw = found[found["states"] == "raw spending"]
    everybody = direction_change(fold(panel.to_numpy(), 3)).mean()
    assert raw["turn"].mean() == pytest.approx(everybody, rel=1e-5)
    assert raw["turn"].nunique() == 2


def test_who_is_held_out_shapes_nothing(panel, scorer, quick, few_shuffles, monkeypatch):
    def split(rows, **how):
        return rows[:90], rows[90:]

    monkeypatch.setattr(_trajectories, "train_test_split", split)
    others = panel.copy()
    others.iloc[90:] = others.iloc[90:].to_numpy()[:, ::-1]
    one = {"recurrent": quick["recurrent"]}
    before, after = (
        without_seconds(trajectory_study(X, scorer=scorer, extractors=one)) for X in (panel, others)
    )
    fitted = before["customers"] == "fitted"
    assert_frame_equal(before[fitted], after[fitted])
    assert not before[~fitted].equals(after[~fitted])


def test_what_memory_holds_is_not_computed_again(
    panel, scorer, few_shuffles, tmp_path, monkeypatch
):
    settings = {"scorer": scorer, "extractors": {}, "memory": str(tmp_path)}
    first = trajectory_study(panel, **settings)

    def fail(*_):
        raise AssertionError("computed again")

    monkeypatch.setattr(_trajectories, "_agree", fail)
    assert_frame_equal(trajectory_study(panel, **settings), first, check_exact=True)
    with pytest.raises(AssertionError, match="computed again"):
        trajectory_study(panel, **settings, random_state=1)


def test_progress_is_called_after_each_kind(panel, scorer, few_shuffles):
    calls = []
    trajectory_study(panel, scorer=scorer, extractors={}, progress=lambda *call: calls.append(call))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_panel_with_three_dimensions_gives_the_figures_of_the_frame(bank, panel, study, quick):
    by_position = BigFivePersonalityScorer(bank.coefficients.reset_index(drop=True))
    cube = fold(panel.to_numpy(), 3)
    one = {"recurrent": quick["recurrent"]}
    found = without_seconds(trajectory_study(cube, scorer=by_position, extractors=one))
    expected = study[study["states"].isin([*WITHOUT_NETWORK, *one])].reset_index(drop=True)
    assert_frame_equal(found, without_seconds(expected))


@pytest.mark.filterwarnings("ignore:(One|Two) period")
@pytest.mark.parametrize(("n_periods", "missing"), [(1, ["kappa", "turn"]), (2, ["turn"])])
def test_without_enough_periods_nothing_turns_or_stays(n_periods, missing, few_shuffles):
    bank = make_spending(100, n_periods, 8, random_state=0)
    found = trajectory_study(
        bank.data,
        scorer=BigFivePersonalityScorer(bank.coefficients),
        n_units=2,
        extractors={"recurrent": LSTMStateExtractor.paper(2, epochs=1, n_init=1)},
    )
    empty = found[["kappa", "turn", "ami", "largest"]].isna().all()
    assert empty[empty].index.tolist() == missing


def test_a_study_warns_once_that_few_categories_are_known(bank, panel, few_shuffles):
    few = BigFivePersonalityScorer(bank.coefficients.iloc[-3:])
    quick = {"recurrent": LSTMStateExtractor.paper(2, epochs=1, n_init=1)}
    with pytest.warns(UserWarning, match="Only .* of the spending") as caught:
        trajectory_study(panel, scorer=few, extractors=quick)
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"extractors": [LSTMStateExtractor()]},
            TypeError,
            "is a list; expected a dict",
        ),
        ({"extractors": {"PCA": LSTMStateExtractor()}}, ValueError, "Choose a name other than"),
        ({"extractors": {"mine": LSTMStateExtractor}}, TypeError, r"extractors\['mine'\]"),
        (
            {"extractors": {"mine": KMeans}},
            TypeError,
            "instance of a scikit-learn",
        ),
        ({"test_size": 1.5}, ValueError, "test_size"),
        ({"X": np.zeros(3)}, ValueError, "2D array"),
    ],
)
def test_what_cannot_be_studied_is_refused(bank, scorer, changes, error, message):
    arguments = {"X": bank.data, "scorer": scorer} | changes
    with pytest.raises(error, match=message):
        trajectory_study(**arguments)
