import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from skspend import FeedForwardExtractor, LSTMStateExtractor
from skspend.model_selection import elbow, elbow_curve
from skspend.study import _elbow, elbow_study, elbow_table, paper_networks

QUICK = {"epochs": 4, "n_init": 1}


def small_study(bank, scorer, **params):
    networks = {
        "recurrent": LSTMStateExtractor.paper(**QUICK),
        "autoencoder": FeedForwardExtractor(objective="reconstruct", **QUICK),
    }
    params = {"units": [1, 2], "networks": networks, "repetitions": 2} | params
    return elbow_study(bank.data, scorer=scorer, **params)


@pytest.fixture(scope="module")
def results(bank, scorer):
    return small_study(bank, scorer)


def curve(name, scores, spread=0.001):
    """Results of two repetitions around these scores, for one unit and more."""
    units = range(1, len(scores) + 1)
    rows = [
        {"network": name, "units": n, "repetition": repetition, "score": score + sign * spread}
        for n, score in zip(units, scores, strict=True)
        for repetition, sign in enumerate([1, -1])
    ]
    return pd.DataFrame(rows)


def test_there_is_a_row_for_each_network_units_and_repetition(results):
    assert results.columns.tolist() == ["network", "units", "repetition", "score"]
    assert results["network"].unique().tolist() == ["recurrent", "autoencoder"]
    assert results.groupby(["network", "units"])["repetition"].agg(list).tolist() == [[0, 1]] * 4
    assert results["score"].notna().all()


def test_results_are_kept_and_more_repetitions_go_on_from_them(bank, scorer, results, tmp_path):
    seen = []
    kept = small_study(bank, scorer, memory=str(tmp_path))
    pd.testing.assert_frame_equal(kept, results, check_exact=True)
    before = len(list(tmp_path.rglob("output.pkl")))
    more = small_study(
        bank, scorer, memory=str(tmp_path), repetitions=3, progress=lambda *done: seen.append(done)
    )
    first = more[more["repetition"] < 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(first, results, check_exact=True)
    assert seen == [(n, 12) for n in range(1, 13)]
    assert (before, len(list(tmp_path.rglob("output.pkl")))) == (8, 12)


def test_another_seed_divides_customers_in_another_way(bank, scorer, results):
    assert not np.array_equal(small_study(bank, scorer, random_state=1)["score"], results["score"])


def test_all_networks_and_units_of_a_repetition_see_the_same_customers(bank, scorer):
    class Remembering(LSTMStateExtractor):
        def fit(self, X, y=None):
            seen.append(tuple(X.index))
            return super().fit(X)

    seen = []
    networks = {name: Remembering.paper(epochs=1, n_init=1) for name in ("one", "two")}
    small_study(bank, scorer, networks=networks)
    assert len(seen) == 8
    assert len(set(seen)) == 2
    assert seen[0::2] == seen[:1] * 4
    assert {len(set(customers)) for customers in seen} == {240}


def test_an_array_gives_what_the_frame_does_where_names_do_not_matter(bank):
    networks = {"autoencoder": LSTMStateExtractor.paper(objective="reconstruct", **QUICK)}
    params = {"units": [2], "networks": networks, "repetitions": 1}
    cube = bank.data.to_numpy().reshape(300, 3, 24)
    by_frame, by_array = (elbow_study(X, **params) for X in (bank.data, cube))
    pd.testing.assert_frame_equal(by_frame, by_array, check_exact=True)


def test_by_default_the_four_networks_of_the_paper_are_studied(bank, scorer, monkeypatch):
    given = []
    monkeypatch.setattr(
        _elbow.Runner, "run_tasks", lambda self, function, data, tasks: given.extend(tasks) or []
    )
    with pytest.raises(ValueError):
        elbow_study(bank.data, scorer=scorer, units=[3], repetitions=1)
    assert [task["extractor"].state_noise for task in given[:2]] == [0, 0]
    expected = paper_networks().values()
    assert [type(task["extractor"]) for task in given] == [type(network) for network in expected]


def test_the_networks_passed_in_stay_as_they_are(bank, scorer):
    network = LSTMStateExtractor.paper(**QUICK)
    small_study(bank, scorer, networks={"mine": network}, units=[1], repetitions=1)
    assert network.scorer is None
    assert network.n_units == 3
    assert not hasattr(network, "weights_")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"networks": {}}, "networks is empty"),
        ({"networks": {"pca": PCA()}}, r"networks\['pca'\] is PCA"),
        ({"networks": {"mine": LSTMStateExtractor(objective="y")}}, "a panel has no labels"),
        ({"units": []}, "units must be one or more positive integers"),
        ({"units": [1, 0]}, r"got \[1, 0\]"),
        ({"units": [1.5]}, "units must be one or more positive integers"),
        ({"repetitions": 0}, "repetitions must be"),
    ],
)
def test_what_cannot_be_studied_is_refused(bank, scorer, params, message):
    with pytest.raises(ValueError, match=message):
        small_study(bank, scorer, **params)


@pytest.mark.parametrize(
    "scores",
    [
        [0.30, 0.50, 0.68, 0.70, 0.71, 0.715],
        [0.223, 0.376, 0.532, 0.630, 0.721, 0.737, 0.748, 0.764],
        [0.5, 0.5, 0.5, 0.5],
        [0.1, 0.2, 0.3, 0.4],
    ],
)
def test_the_elbow_is_that_of_the_rule_for_searches(scores):
    table = elbow_table(curve("mine", scores))
    cv_results = {
        "param_n": np.arange(1, len(scores) + 1),
        "split0_test_score": np.array(scores) + 0.001,
        "split1_test_score": np.array(scores) - 0.001,
    }
    assert table["is_elbow"].to_numpy().nonzero()[0].tolist() == [elbow("n")(cv_results)]
    expected = elbow_curve(cv_results, "n")
    np.testing.assert_array_equal(
        table[["units", "score", "low", "high"]], expected[["value", "score", "low", "high"]]
    )


def test_each_network_has_a_curve_and_an_elbow_of_its_own():
    late, early = curve("late", [0.1, 0.5, 0.9, 0.9]), curve("early", [0.1, 0.8, 0.8, 0.8])
    table = elbow_table(pd.concat([late, early]).sample(frac=1, random_state=0))
    elbows = table[table["is_elbow"]].set_index("network")["units"]
    assert elbows.to_dict() == {"late": 3, "early": 2}
    assert table.groupby("network")["units"].agg(list).tolist() == [[1, 2, 3, 4]] * 2


def test_one_repetition_alone_has_an_elbow_and_no_interval():
    one = curve("mine", [0.1, 0.7, 0.75, 0.76]).query("repetition == 0")
    table = elbow_table(one)
    assert table.loc[table["is_elbow"], "units"].tolist() == [2]
    assert table[["low", "high"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda results: results.drop(columns="score"), r"no column \['score'\]"),
        (lambda results: results.iloc[1:], "lacks 1 of 4 scores"),
        (lambda results: pd.concat([results, results]), "several scores"),
    ],
)
def test_incomplete_results_have_no_curve(change, message):
    with pytest.raises(ValueError, match=message):
        elbow_table(change(curve("mine", [0.1, 0.2])))
