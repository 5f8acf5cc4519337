import numpy as np
import pandas as pd
import pytest

from skspend import BigFivePersonalityScorer, SpendingAggregator, TransactionLog
from skspend.study import personality_study

TRAITS = ["openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism"]


@pytest.fixture(scope="module")
def study(bank_log, scorer):
    return personality_study(bank_log, scorer=scorer, periods=["year", 6])


def spending(strength, n_customers=200, n_months=12, seed=0):
    """A log of five categories, one for each trait, and its scorer.

    Each customer has a favourite, which gets this share of every month; the rest goes anywhere.
    """
    generator = np.random.default_rng(seed)
    favourite = np.eye(5)[generator.integers(5, size=n_customers)][:, None]
    anywhere = generator.dirichlet(np.ones(5), size=(n_customers, n_months))
    shares = strength * favourite + (1 - strength) * anywhere
    customer, month, category = (axis.ravel() for axis in np.indices(shares.shape))
    frame = pd.DataFrame(
        {
            "customer": customer,
            "date": (np.datetime64("2023-01") + month.astype("m8[M]")).astype("M8[s]"),
            "category": np.array(TRAITS)[category],
            "amount": 100 * shares.ravel(),
        }
    )
    ratings = pd.DataFrame(np.eye(5), index=TRAITS, columns=TRAITS)
    return TransactionLog(frame), BigFivePersonalityScorer(ratings.to_dict())


def test_there_is_a_row_for_the_whole_time_and_for_each_length(study):
    assert study["window"].tolist() == ["all", "year", 6]
    assert study["months"].tolist() == [36, 12, 6]
    assert study["n_windows"].tolist() == [1, 3, 6]
    assert study["customers"].tolist() == [300] * 3
    assert study.columns[4:].tolist() == [
        "same_type",
        "kappa_next",
        "turn",
        "silhouette",
        "margin",
        "n_segments",
    ]


def test_the_whole_time_is_its_own_type_and_has_no_next_window(study):
    whole = study.iloc[0]
    assert whole["same_type"] == 1
    assert np.isnan(whole["kappa_next"])
    assert np.isnan(whole["turn"])


def test_results_are_kept(bank_log, scorer, study, tmp_path):
    for _ in range(2):
        again = personality_study(
            bank_log, scorer=scorer, periods=["year", 6], memory=str(tmp_path)
        )
        pd.testing.assert_frame_equal(again, study, check_exact=True)
        assert len(list(tmp_path.rglob("output.pkl"))) == 3


@pytest.mark.parametrize("as_is", [pd.DataFrame, np.asarray])
def test_anything_but_a_log_is_refused(bank_log, as_is):
    with pytest.raises(TypeError, match=r"expected a TransactionLog\. Wrap a table"):
        personality_study(as_is(bank_log.to_frame()), periods=[3])


def test_strong_traits_show_in_single_windows_and_noise_does_not():
    strong, weak = (
        personality_study(log, scorer=scorer, periods=["month"]).iloc[1]
        for log, scorer in (spending(0.8), spending(0.0))
    )
    assert strong["same_type"] > 0.95
    assert strong["kappa_next"] > 0.9
    assert weak["same_type"] < 0.5
    assert abs(weak["kappa_next"]) < 0.1
    assert strong["silhouette"] > weak["silhouette"] + 0.2
    assert strong["margin"] > weak["margin"]
    assert strong["n_segments"] == 5
    assert weak["turn"] == pytest.approx(120, abs=5)


def test_a_year_of_the_bank_shows_three_in_five_types_and_a_quarter_fewer(larger_bank):
    scorer = BigFivePersonalityScorer(larger_bank.coefficients)
    study = personality_study(larger_bank.data, scorer=scorer, periods=["year", "quarter"])
    year, quarter = study.iloc[1], study.iloc[2]
    assert 0.55 <= year["same_type"] <= 0.65
    assert quarter["same_type"] < year["same_type"] - 0.1
    assert quarter["kappa_next"] < year["kappa_next"]
    assert 115 <= year["turn"] <= 125
    # Fuzzy clusters: types hardly set apart, in one cloud.
    assert -0.1 < year["silhouette"] < 0.1
    assert year["n_segments"] == 1


@pytest.mark.parametrize("elsewhere", [False, True])
def test_windows_that_show_no_type_do_not_count(elsewhere):
    log, scorer = spending(0.8, n_customers=60)
    frame = log.to_frame()
    is_gap = (frame["customer"] < 30) & (frame["date"].dt.month % 2 == 0)
    if elsewhere:
        frame["category"] = frame["category"].where(~is_gap, "of unknown personality")
    else:
        frame = frame[~is_gap]
    gaps = TransactionLog(frame)
    study = personality_study(gaps, scorer=scorer, periods=["month"])
    assert study["customers"].tolist() == [60, 60]
    assert study.loc[1, "same_type"] > 0.9
    assert study.loc[1, "kappa_next"] > 0.9


def test_the_aggregator_and_the_scorer_passed_in_stay_as_they_are(bank_log, scorer):
    spend = SpendingAggregator(normalize=None)
    personality_study(bank_log, scorer=scorer, spend=spend, periods=["year"])
    assert spend.period == "year"
    assert spend.n_periods is None
    assert not hasattr(spend, "categories_")
    assert scorer.level == "overall"


def test_shares_of_income_are_other_figures_than_shares_of_spending(bank_log, scorer, study):
    spend = SpendingAggregator(normalize="income")
    other = personality_study(bank_log, scorer=scorer, spend=spend, periods=["year", 6])
    assert (other["margin"] != study["margin"]).all()


@pytest.mark.parametrize(
    ("periods", "message"),
    [
        (
            ["week"],
            "'week'; expected 'year', 'half', 'quarter', 'month' or a positive",
        ),
        ([0], "periods has 0"),
        ([1.5], "periods has 1.5"),
        ([24], "spans 36 months, .* two windows of 24 are 48"),
    ],
)
def test_windows_that_cannot_be_compared_are_refused(bank_log, scorer, periods, message):
    with pytest.raises(ValueError, match=message):
        personality_study(bank_log, scorer=scorer, periods=periods)
