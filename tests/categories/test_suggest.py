"""Suggested categories: known words of eight languages, and none where the words disagree."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from skspend.categories._suggest import Suggestion, suggest
from skspend.personality import load_coefficients

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PUBLISHED = list(load_coefficients().index)


def suggest_one(name, targets=PUBLISHED):
    return suggest([name], targets)[0].category


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("Restaurants", "dining and drinking"),
        ("Resturant", "dining and drinking"),
        ("HairSalon", "hair and beauty"),
        ("PET_CARE", "pets"),
        ("Boliglån", "mortgages"),
        ("Boliglan", "mortgages"),
        ("Hemförsäkring", "home insurance"),
        ("Hotelübernachtung", "hotels"),
        ("Fritid og underholdning", "entertainment"),
        ("Assurance habitation", "home insurance"),
        ("Peluquería", "hair and beauty"),
        ("Goede doelen", "charities"),
        ("Eating Places and Restaurants", "dining and drinking"),
        ("Shopping > Pets", "pets"),
        ("Food:Restaurants", "dining and drinking"),
        ("Other books", "books"),
    ],
)
def test_known_words_are_found_in_every_language(name, category):
    assert suggest_one(name) == category


@pytest.mark.parametrize(
    "name",
    [
        "Insurance",
        "Travel insurance",
        "Hundeforsikring",
        "Rent",
        "Lebensmittel",
        "Interest on savings",
        "Mortgage & rent",
        "Pets > Groceries",
        "Travel expenses of the department of statistics",
        "xyz",
        "5812",
        "",
        "&",
        "🐕",
        "a" * 10_000,
    ],
    ids=lambda name: name[:20],
)
def test_what_has_no_coefficient_or_is_not_known_gets_no_suggestion(name):
    assert suggest([name], PUBLISHED) == [Suggestion(None, 0)]


def test_the_name_itself_is_always_right():
    assert suggest(PUBLISHED, PUBLISHED) == [Suggestion(name, 100) for name in PUBLISHED]
    assert suggest_one("BOOKS") == "books"


def test_only_categories_of_the_table_are_suggested():
    assert suggest_one("Restaurants", ["Groceries"]) is None
    assert suggest_one("Dagligvarer", ["Groceries"]) == "Groceries"
    assert suggest_one("wind turbines", ["Groceries", "Wind turbine"]) == "Wind turbine"


def test_the_score_is_the_share_of_letters_in_known_words():
    assert suggest(["Pets qqqq"], PUBLISHED)[0] == Suggestion("pets", 50)


def test_no_names_and_no_targets_give_no_suggestion():
    assert suggest([], PUBLISHED) == []
    assert suggest(["pets"], []) == [Suggestion(None, 0)]


def test_nine_of_ten_suggestions_are_right_for_real_names(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import suggestions

    found = suggestions.judge(pd.read_csv(suggestions.NAMES))
    del sys.modules["suggestions"]
    rates = suggestions.rate(found)
    assert rates["names"] == found["name"].nunique() == 200
    assert rates["precision"] >= 0.9
    assert rates["recall"] >= 0.7
