"""Suggested aliases: the spending and the customers behind each category."""

import numpy as np
import pandas as pd
import pytest

from skspend import BigFivePersonalityScorer, SpendingAggregator, TransactionLog
from skspend.inspection import suggest_aliases

FRAME = pd.DataFrame({
    "customer": ["ann", "ann", "bob", "bob", "bob", "cem"],
    "date": ["2021-02-03", "2023-05-06", "2022-01-01", "2023-05-31", "2023-05-31", "2021-02-03"],
    "category": ["Restaurant", "Husleie", "Husleie", "Hund", "wages", "Restaurant"],
    "amount": [30.0, 500.0, 400.0, 20.0, -2000.0, 50.0],
})  # fmt: skip


@pytest.mark.parametrize("resolution", ["day", "year"])
def test_categories_of_spending_come_with_share_and_customers(resolution):
    found = suggest_aliases(TransactionLog(FRAME, resolution=resolution))
    assert found.index.tolist() == ["Husleie", "Restaurant", "Hund"]
    np.testing.assert_allclose(found["share"], [0.9, 0.08, 0.02])
    assert found["customers"].tolist() == [2, 2, 1]
    assert found["use_as"].tolist()[1:] == ["dining and drinking", "pets"]
    assert pd.isna(found["use_as"].iloc[0])
    assert found["traits"].tolist() == ["", "extraversion+", "agreeableness+"]


def test_accepted_suggestions_reach_the_coverage_that_they_add_up_to():
    log = TransactionLog(FRAME)
    found = suggest_aliases(log)
    scorer = BigFivePersonalityScorer(aliases=found["use_as"].dropna().to_dict())
    panel = SpendingAggregator(period=36, n_periods=1, normalize=None).fit_transform(log)
    reached = found.loc[found["use_as"].notna(), "share"].sum()
    assert scorer.fit(panel).coverage_ == pytest.approx(reached)


def test_the_categories_are_those_of_ones_own_coefficients():
    ratings = {trait: {"rent": 1.0} for trait in ("openness", "conscientiousness", "extraversion",
               "agreeableness", "neuroticism")}  # fmt: skip
    log = TransactionLog(FRAME.replace({"category": {"Husleie": "Rent"}}))
    found = suggest_aliases(log, ratings)
    assert found["use_as"].dropna().to_dict() == {"Rent": "rent"}
    assert found["score"].tolist() == [100, 0, 0]
