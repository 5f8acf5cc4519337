import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from skspend import BigFivePersonalityScorer, LSTMStateExtractor, SpendingAggregator
from skspend.panel import fold
from skspend.study import _noise, disturb, noise_study

RAW = pd.DataFrame({"customer": [1], "date": ["2023-01-01"], "category": ["a"], "amount": [2.0]})
KEPT = ["model", "network", "nothing", "scores"]


@pytest.fixture(scope="module")
def quick():
    """An extractor that is trained just long enough to find segments."""
    return LSTMStateExtractor(3, n_networks=2, epochs=8)


@pytest.fixture(scope="module")
def panel(bank):
    return bank.data.iloc[:150]


@pytest.fixture(scope="module")
def settings(scorer, quick):
    return {"scorer": scorer, "extractor": quick, "noise": [0, 0.3], "repetitions": 2}


@pytest.fixture(scope="module")
def study(panel, settings):
    return noise_study(panel, **settings)


@pytest.fixture(scope="module")
def shares(bank):
    """Shares of spending, of double precision."""
    return SpendingAggregator().fit_transform(bank.data.astype(float))


def totals(frame, n_periods=3):
    return fold(frame.to_numpy(), n_periods).sum(axis=2)


def test_there_is_a_row_for_each_noise_outliers_repetition_and_what_is_kept(study):
    assert study.columns.tolist() == ["noise", "outliers", "repetition", "kept", "changed"]
    found = study.drop(columns="changed").itertuples(index=False, name=None)
    assert list(found) == [
        (some, share, repetition, kept)
        for some in (0, 0.3)
        for share in (0, 0.05)
        for repetition in (0, 1)
        for kept in KEPT
    ]
    assert study["changed"].between(0, 1).all()


def test_without_disturbance_no_customer_changes_whatever_is_kept(study):
    undisturbed = study[(study["noise"] == 0) & (study["outliers"] == 0)]
    assert undisturbed["changed"].eq(0).all()


def test_outliers_do_not_change_other_customers_while_the_model_is_kept(study):
    kept = study[study["kept"].isin(["model", "scores"])]
    with_outliers, without = (
        kept.loc[kept["outliers"] == share, "changed"].to_numpy() for share in (0.05, 0)
    )
    np.testing.assert_array_equal(with_outliers, without)


def test_noise_changes_segments(study):
    noisy = study[study["noise"] > 0].groupby("kept")["changed"].mean()
    assert noisy.drop("network").gt(0).all()


def test_repetitions_differ(study):
    by_repetition = study.set_index(["repetition", "noise", "outliers", "kept"])["changed"]
    assert not by_repetition.loc[0].equals(by_repetition.loc[1])


def test_numbers_stand_for_lists_and_further_repetitions_leave_the_first_as_they_were(
    panel, settings, study
):
    few = {"noise": 0.3, "outliers": 0, "repetitions": 1}
    once = noise_study(panel, **(settings | few))
    same = (study["repetition"] == 0) & (study["noise"] == 0.3) & (study["outliers"] == 0)
    assert_frame_equal(once, study[same].reset_index(drop=True), check_exact=True)


def test_what_memory_holds_is_not_counted_again(panel, settings, tmp_path, monkeypatch):
    settings = settings | {"noise": 0.3, "outliers": 0, "repetitions": 1, "memory": str(tmp_path)}
    stored = noise_study(panel, **settings)

    def fail(*_):
        raise AssertionError("counted again")

    monkeypatch.setattr(_noise, "_changed", fail)
    monkeypatch.setattr(_noise, "complete", fail)
    assert_frame_equal(noise_study(panel, **settings), stored, check_exact=True)
    with pytest.raises(AssertionError, match="counted again"):
        noise_study(panel, **(settings | {"noise": 0.2}))


def test_progress_counts_all_tasks_from_the_first_fit_on(panel, settings):
    calls = []
    few = {"noise": 0.1, "outliers": 0, "repetitions": 2}
    noise_study(panel[:60], **(settings | few), progress=lambda *call: calls.append(call))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_disturbed_shares_of_spending_are_shares_of_disturbed_amounts(shares):
    rich = shares * 40_000
    found = disturb(shares, noise=0.3, outliers=0.1, random_state=0)
    amounts = disturb(rich, noise=0.3, outliers=0.1, random_state=0)
    np.testing.assert_allclose(totals(found), 1)
    as_shares = SpendingAggregator().fit_transform(amounts)
    np.testing.assert_allclose(found, as_shares, atol=1e-12)


def test_shares_of_income_and_amounts_keep_no_total(bank):
    found = disturb(bank.data, noise=0.3, random_state=0)
    assert found.to_numpy().dtype == np.float32
    assert not np.allclose(totals(found), totals(bank.data), rtol=0.01)


def test_noise_is_around_one_of_the_size_asked_for_and_never_turns_a_sign(bank):
    ratio = (disturb(bank.data, noise=0.2, random_state=0) / bank.data).stack()
    assert ratio.mean() == pytest.approx(1, abs=0.01)
    assert ratio.std() == pytest.approx(0.2, abs=0.01)
    assert disturb(bank.data, noise=3, random_state=0).ge(0).all(axis=None)


def test_no_noise_leaves_every_bit(bank, shares):
    for panel in (bank.data, shares):
        assert_frame_equal(disturb(panel), panel.reset_index(drop=True), check_exact=True)


def test_customers_without_habits_spend_the_median_on_one_category_of_each_period(bank):
    found = disturb(bank.data, outliers=0.1, random_state=0)
    assert len(found) == 330
    assert_frame_equal(found.iloc[:300], bank.data.reset_index(drop=True))
    strange = fold(found.iloc[300:].to_numpy(), 3)
    assert ((strange > 0).sum(axis=2) == 1).all()
    spent = np.median(totals(bank.data), axis=0)
    np.testing.assert_allclose(strange.sum(axis=2), np.tile(spent, (30, 1)), rtol=1e-6)
    categories = strange.argmax(axis=2)
    assert (categories[:, 0] != categories[:, 1]).any()


def test_noise_does_not_depend_on_outliers(bank):
    alone = disturb(bank.data, noise=0.3, random_state=1)
    with_outliers = disturb(bank.data, noise=0.3, outliers=0.2, random_state=1)
    assert_frame_equal(with_outliers.iloc[:300], alone)


def test_refunds_stay_refunds_and_count_by_their_size():
    panel = pd.DataFrame({"year1|a": [0.75, 0.5], "year1|b": [-0.25, 0.5]})
    found = disturb(panel, noise=0.2, random_state=0)
    np.testing.assert_allclose(found.abs().sum(axis=1), 1)
    assert found.loc[0, "year1|b"] < 0


def test_another_numbering_of_segments_is_no_change():
    before = np.array([0, 0, 1, 1, 2, 2])
    assert _noise._changed(before, np.array([7, 7, 3, 3, 5, 5])) == 0
    assert _noise._changed(before, np.array([7, 7, 3, 3, 3, 5])) == pytest.approx(1 / 6)
    assert _noise._changed(before, np.zeros(6, dtype=int)) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"noise": [0.1, -0.2]}, ValueError, r"noise must be .* got -0.2"),
        ({"outliers": [np.nan]}, ValueError, "outliers must be"),
        ({"noise": []}, ValueError, "got none"),
        ({"repetitions": 0}, ValueError, "repetitions must be a positive integer, got 0"),
        ({"repetitions": 1.5}, ValueError, "repetitions must be"),
        (
            {"extractor": LSTMStateExtractor},
            TypeError,
            "extractor is .* instance of a",
        ),
        ({"X": np.zeros(3)}, ValueError, "2D array"),
        ({"X": RAW}, TypeError, r"Wrap it: TransactionLog\(frame\)"),
    ],
)
def test_what_cannot_be_disturbed_is_refused(bank, scorer, changes, error, message):
    with pytest.raises(error, match=message):
        noise_study(**({"X": bank.data, "scorer": scorer} | changes))


def test_a_panel_with_three_dimensions_gives_the_figures_of_the_frame(bank, panel, settings, study):
    few = {"noise": 0.3, "outliers": 0, "repetitions": 1}
    by_position = {"scorer": BigFivePersonalityScorer(bank.coefficients.reset_index(drop=True))}
    found = noise_study(fold(panel.to_numpy(), 3), **(settings | by_position | few))
    expected = study.query("repetition == 0 and noise == 0.3 and outliers == 0")
    assert_frame_equal(found, expected.reset_index(drop=True))
