"""The bundled households: complete, exact to the cent, and described as what they are."""

from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from skspend import SpendingAggregator
from skspend.datasets import load_complete_journey


@pytest.fixture(scope="module")
def households():
    return load_complete_journey()


@pytest.fixture(scope="module")
def frame(households):
    return households.data.to_frame()


def test_every_household_and_every_cent_is_there(households, frame):
    assert len(households.data) == 2469
    assert len(frame) == 1_062_424
    assert round(frame["amount"].sum() * 100) == 459_414_632
    cents = frame["amount"] * 100
    np.testing.assert_allclose(cents, cents.round(), atol=1e-6)
    assert (frame["amount"] > 0).all()


def test_days_lie_in_2017(frame):
    assert frame["date"].min() == pd.Timestamp("2017-01-01")
    assert frame["date"].max() == pd.Timestamp("2017-12-31")


def test_categories_are_the_product_categories(households):
    assert len(households.data.categories) == 303
    assert "UNKNOWN" in households.data.categories
    assert len(households.data.income_categories) == 0


def test_six_periods_of_two_months_hold_most_households(households):
    aggregator = SpendingAggregator(period=2, n_periods=6)
    panel = aggregator.fit_transform(households.data)
    assert panel.shape == (2469, 6 * 303)
    assert panel.columns[0].startswith("period1|")
    active = aggregator.active_periods_ == 6
    assert active.sum() == 1792
    assert households.coupon[active].mean() == pytest.approx(0.223, abs=0.0005)
    assert (aggregator.quality_["transactions"] == 0).all()


def test_labels_line_up_with_the_log(households):
    for label in (households.coupon, households.income):
        np.testing.assert_array_equal(label.index, households.data.customers)
    assert set(households.coupon) == {0, 1}
    assert households.coupon.sum() == 410


def test_income_is_the_middle_of_the_bracket_where_it_is_known(households):
    assert households.income.notna().sum() == len(households.demographics) == 801
    assert households.income[1] == 42_500
    assert households.demographics.loc[1, "income"] == "35-49K"
    assert households.income.dropna().between(7_500, 250_000).all()


def test_aliases_lead_from_real_categories_to_published_ones(households):
    with (files("skspend.categories") / "data" / "published_directions.csv").open() as file:
        published = pd.read_csv(file)
    assert set(households.aliases) <= set(households.data.categories)
    assert set(households.aliases.values()) <= set(published["category"])


@pytest.mark.parametrize(
    "category", ["HOT DOGS", "BEERS/ALES", "LIQUOR", "CIGARETTES", "BABY FOODS", "FLORAL-FRESH CUT"]
)
def test_what_has_no_published_direction_has_no_alias(households, category):
    assert category in households.data.categories
    assert category not in households.aliases


def test_aliases_cover_four_and_a_half_per_cent_of_spending(households, frame):
    covered = frame["amount"][frame["category"].isin(households.aliases)].sum()
    assert covered / frame["amount"].sum() == pytest.approx(0.045, abs=0.001)


@pytest.mark.parametrize(
    "statement",
    [
        "simulated, based on real grocery shopping patterns",
        "re-dated to 2017",
        "grocery spend only",
        "CC0",
        "MIT",
        "4.5 % of the spending",
    ],
)
def test_the_description_says_what_the_data_is(households, statement):
    assert statement in " ".join(households.DESCR.split())


def test_the_bundle_stays_small():
    bundled = files("skspend.datasets") / "data"
    assert sum(len(file.read_bytes()) for file in bundled.iterdir() if file.is_file()) < 3_500_000


def test_a_caller_cannot_change_the_aliases_of_the_next(households):
    households.aliases.copy().clear()
    load_complete_journey().aliases.clear()
    assert len(load_complete_journey().aliases) == 20
