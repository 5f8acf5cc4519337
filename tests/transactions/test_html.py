"""A notebook shows what a log holds, and no text of the data becomes HTML."""

import xml.etree.ElementTree as ElementTree

import pandas as pd
import pytest

from skspend import TransactionLog


def make_log(categories, amounts, **options):
    dates = [f"2024-{1 + number % 12:02}-10" for number in range(len(amounts))]
    columns = {"customer": ["ann", "bob"] * (len(amounts) // 2), "date": dates}
    return TransactionLog(
        pd.DataFrame({**columns, "category": categories, "amount": amounts}), **options
    )


def cells_of(log):
    """The rows of all tables that a log shows, as tuples of text."""
    tables = ElementTree.fromstring(f"<div>{log._repr_html_()}</div>")
    return [tuple(cell.text for cell in row) for row in tables.iter("tr")]


def test_a_notebook_shows_the_size_the_largest_categories_and_what_was_left_out():
    log = make_log(
        ["pets", "travel", "pets", "salary", None, "books"],
        [1.5, 2000.0, 30.0, -5.0, 3.0, 7.25],
        errors="drop",
        cutoff="2024-05-31",
    )
    assert cells_of(log) == [
        ("TransactionLog", None),
        ("customers", "2"),
        ("transactions", "4"),
        ("days", "2024-01-10 to 2024-05-31"),
        ("categories of spending", "3"),
        ("categories of income", "1"),
        ("largest categories", "amount"),
        ("travel", "2,000.00"),
        ("pets", "31.50"),
        ("left out", "transactions", "amount"),
        ("missing category", "1", "3.00"),
        ("after the cutoff", "1", "7.25"),
    ]
    assert ("travel", "2,000.00") not in cells_of(log[[0]])


def test_a_log_of_nobody_has_a_size_only():
    assert [row[0] for row in cells_of(make_log(["pets"] * 2, [1.0, 2.0])[[]])] == [
        *("TransactionLog", "customers", "transactions", "days"),
        *("categories of spending", "categories of income"),
    ]


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "a&b", "pets\u202e\x1b[2J", "x" * 99]
)
def test_no_name_of_a_category_becomes_html_or_breaks_the_table(name):
    shown = cells_of(make_log([name, "pets"], [9.0, 1.0]))[-2]
    assert len(shown) == 2
    assert shown[0].isprintable()
    assert shown[0][:4] == name[:4]
    assert len(shown[0]) <= 40


def test_a_notebook_lists_only_so_many_categories():
    rows = cells_of(make_log([f"c{number}" for number in range(40)], [1.0] * 40))
    assert sum(row[1] == "1.00" for row in rows) == 8
