"""The table of the paper's experiments, on a small bank."""

import pandas as pd
import pytest

from skspend.study import FULL, QUICK, PaperStudy, judge_claims

TINY = QUICK._replace(
    customers=120,
    households=60,
    repetitions=2,
    elbow_repetitions=1,
    elbow_epochs=1,
    units=(1, 2),
    windows=("half", "year"),
    window_customers=60,
    noise_customers=60,
)


@pytest.fixture(scope="module")
def paper():
    return PaperStudy(TINY)


def test_the_full_study_repeats_the_elbow_as_often_as_the_paper():
    assert FULL.elbow_repetitions == 20


def test_the_loans_are_studied_only_with_their_folder():
    assert "berka-transfer" not in PaperStudy().studies
    assert list(PaperStudy(berka="somewhere").studies)[-2:] == ["berka-transfer", "berka-rich"]


def test_the_elbow_is_that_of_the_four_networks_of_the_paper(paper):
    calls = []
    found = paper.studies["bank-elbow"](progress=lambda *done: calls.append(done))
    assert found["network"].unique().tolist() == [
        "feed-forward predictor",
        "recurrent predictor",
        "feed-forward autoencoder",
        "recurrent autoencoder",
    ]
    assert calls[-1] == (8, 8)


@pytest.mark.filterwarnings("ignore:Only .* of the spending")
@pytest.mark.parametrize("data", ["bank", "households"])
def test_windows_are_studied_from_the_longest_and_judged(paper, data):
    name = f"{data}-personality"
    found = paper.studies[name]()
    assert found["months"].iloc[1:].is_monotonic_decreasing
    claims = judge_claims({name: found})
    assert len(claims) == 2
    assert isinstance(claims, pd.DataFrame)
