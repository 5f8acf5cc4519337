"""Rare and unknown categories, by the rules of scikit-learn's encoders."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings, strategies as st
from sklearn.base import clone
from sklearn.preprocessing import OneHotEncoder

from skspend import SpendingAggregator, TransactionLog

USERS = {"food": "abcdefgh", "pets": "abcd", "travel": "ab", "zoo": "c"}


def make_log(users=USERS, **amounts):
    rows = [
        (customer, "2024-02-01", category, amounts.get(category, 10.0))
        for category, customers in users.items()
        for customer in customers
    ]
    return TransactionLog(
        pd.DataFrame(rows, columns=["customer", "date", "category", "amount"]),
        cutoff="2024-12-31",
    )


@pytest.mark.parametrize(
    ("options", "kept", "infrequent"),
    [
        ({}, ["food", "pets", "travel", "zoo"], None),
        ({"min_frequency": 1}, ["food", "pets", "travel", "zoo"], None),
        ({"min_frequency": 2}, ["food", "pets", "travel", "infrequent"], ["zoo"]),
        ({"min_frequency": 3}, ["food", "pets", "infrequent"], ["travel", "zoo"]),
        ({"min_frequency": 0.5}, ["food", "pets", "infrequent"], ["travel", "zoo"]),
        ({"min_frequency": 0.51}, ["food", "infrequent"], ["pets", "travel", "zoo"]),
        ({"max_categories": 4}, ["food", "pets", "travel", "zoo"], None),
        ({"max_categories": 3}, ["food", "pets", "infrequent"], ["travel", "zoo"]),
        ({"max_categories": 1}, ["infrequent"], ["food", "pets", "travel", "zoo"]),
        ({"min_frequency": 3, "max_categories": 2}, ["food", "infrequent"],
         ["pets", "travel", "zoo"]),
        ({"min_frequency": 2, "categories": ["zoo", "food"]}, ["food", "infrequent"], ["zoo"]),
    ],
)  # fmt: skip
def test_categories_that_few_customers_use_share_a_column(options, kept, infrequent):
    log = make_log()
    aggregator = SpendingAggregator(n_periods=1, **options).fit(log)
    assert aggregator.categories_.tolist() == kept
    found = aggregator.infrequent_categories_
    assert (found if found is None else found.tolist()) == infrequent
    plain = SpendingAggregator(n_periods=1).fit_transform(log)
    shares = aggregator.transform(log)
    assert shares.columns.tolist() == [f"year1|{name}" for name in kept]
    for name in kept:
        if name != "infrequent":
            np.testing.assert_array_equal(shares[f"year1|{name}"], plain[f"year1|{name}"])
    if infrequent:
        rest = plain[[f"year1|{name}" for name in infrequent]].sum(axis=1)
        np.testing.assert_allclose(shares["year1|infrequent"], rest, atol=1e-15)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 8), min_size=2, max_size=6),
    st.one_of(st.none(), st.integers(1, 9), st.floats(0.01, 0.99)),
    st.one_of(st.none(), st.integers(1, 7)),
)
def test_the_rules_are_those_of_the_one_hot_encoder(counts, min_frequency, max_categories):
    # Without a limit, scikit-learn's encoder has no such attribute.
    assume(min_frequency or max_categories)
    # As many rows of each category as customers who use it; scikit-learn counts rows.
    users = {f"c{number}": "abcdefgh"[:count] for number, count in enumerate(counts) if count}
    users["c9"] = "abcdefgh"
    log = make_log(users)
    least = min_frequency * 8 if isinstance(min_frequency, float) else min_frequency or 0
    # Where as many are left as may be, scikit-learn calls one of them infrequent all the same.
    assume(max_categories != sum(len(names) >= least for names in users.values()))
    column = np.repeat(list(users), [len(names) for names in users.values()])[:, None]
    if isinstance(min_frequency, float):
        # A share of the customers is another one of the rows.
        reference = OneHotEncoder(
            min_frequency=max(1, int(np.ceil(min_frequency * 8))), max_categories=max_categories
        )
    else:
        reference = OneHotEncoder(min_frequency=min_frequency, max_categories=max_categories)
    expected = reference.fit(column).infrequent_categories_[0]
    found = SpendingAggregator(
        n_periods=1, min_frequency=min_frequency, max_categories=max_categories
    ).fit(log)
    found = found.infrequent_categories_
    assert set(() if found is None else found) == set(() if expected is None else expected)


def test_only_customers_of_the_periods_count():
    frame = pd.DataFrame(
        {
            "customer": ["a", "b", "a", "b"],
            "date": ["2024-01-05", "2024-01-05", "2024-12-05", "2024-12-05"],
            "category": ["zoo", "zoo", "food", "food"],
            "amount": 1.0,
        }
    )
    log = TransactionLog(frame)
    recent = SpendingAggregator("month", n_periods=1, min_frequency=2).fit(log)
    assert recent.infrequent_categories_.tolist() == ["zoo"]
    assert SpendingAggregator(n_periods=1, min_frequency=2).fit(log).infrequent_categories_ is None


@pytest.mark.parametrize(
    ("handle_unknown", "min_frequency", "expected", "warning"),
    [
        ("warn", None, [0.5, 0.0], "gets no column: 'moon'. Its share of the spending is 50.0%"),
        ("warn", 2, [0.5, 0.5], "is infrequent: 'moon'. Its share of the spending is 50.0%"),
        ("ignore", None, [0.5, 0.0], None),
        ("ignore", 2, [0.5, 0.0], None),
        ("infrequent_if_exist", None, [0.5, 0.0], None),
        ("infrequent_if_exist", 2, [0.5, 0.5], None),
    ],
)
def test_unknown_categories_are_handled_as_asked(
    recwarn, handle_unknown, min_frequency, expected, warning
):
    aggregator = SpendingAggregator(
        n_periods=1, handle_unknown=handle_unknown, min_frequency=min_frequency
    ).fit(make_log({"food": "ab", "zoo": "a"}))
    shares = aggregator.transform(make_log({"food": "a", "moon": "a"}))
    assert shares.iloc[0].tolist() == expected
    assert [warning in str(found.message) for found in recwarn] == [True] * bool(warning)


def test_unknown_categories_may_be_an_error():
    aggregator = SpendingAggregator(n_periods=1, handle_unknown="error").fit(make_log())
    aggregator.transform(make_log())
    with pytest.raises(ValueError, match="2 of 3 categories were not in fit: 'mars', 'moon'"):
        aggregator.transform(make_log({"food": "a", "moon": "a", "mars": "b"}))


def test_what_comes_in_by_an_unknown_category_is_no_spending():
    aggregator = SpendingAggregator(n_periods=1, handle_unknown="ignore").fit(make_log())
    new = make_log({"food": "ab", "prize": "a"}, prize=-1000.0)
    alone = aggregator.transform(make_log({"food": "ab"}))
    pd.testing.assert_frame_equal(aggregator.transform(new), alone)


def test_income_by_an_unknown_category_is_told_where_income_matters():
    users = {"food": "ab", "wage": "ab"}
    aggregator = SpendingAggregator(n_periods=1, normalize="income")
    aggregator.fit(make_log(users, wage=-100.0))
    new = make_log(users | {"prize": "a"}, wage=-100.0, prize=-1000.0)
    with pytest.warns(UserWarning, match="'prize'.*; 1,000.00 that came in there is no income"):
        shares = aggregator.transform(new)
    assert shares["year1|food"].tolist() == [0.1, 0.1]


def test_what_an_unknown_category_counts_as_depends_on_nobody_else():
    aggregator = SpendingAggregator(n_periods=1, handle_unknown="ignore").fit(make_log())
    frame = pd.DataFrame(
        {
            "customer": ["a", "a", "b", "b"],
            "date": "2024-02-01",
            "category": ["food", "moon", "food", "moon"],
            "amount": [10.0, 30.0, 10.0, -90.0],
        }
    )
    both = aggregator.transform(TransactionLog(frame, cutoff="2024-12-31"))
    alone = [
        aggregator.transform(TransactionLog(frame[frame["customer"] == name], cutoff="2024-12-31"))
        for name in "ab"
    ]
    pd.testing.assert_frame_equal(both, pd.concat(alone), check_exact=True)
    assert both["year1|food"].tolist() == [0.25, 1.0]


def test_a_category_named_like_the_column_of_rare_ones_is_refused():
    with pytest.raises(ValueError, match="has a category 'infrequent'"):
        SpendingAggregator(min_frequency=2).fit(make_log({"infrequent": "abc", "zoo": "a"}))


@pytest.mark.parametrize("options", [{"min_frequency": 2}, {"max_categories": 2}])
def test_a_panel_keeps_its_columns(options):
    with pytest.raises(ValueError, match="apply to a TransactionLog"):
        SpendingAggregator(**options).fit(np.ones((3, 4)))


@pytest.mark.parametrize(
    "options",
    [{"min_frequency": 0}, {"min_frequency": 1.5}, {"max_categories": 0}, {"handle_unknown": "x"}],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        SpendingAggregator(**options).fit(make_log())


def test_float32_is_float64_rounded_and_blocks_change_nothing(monkeypatch, bank_log):
    for normalize in (None, "spending", "income"):
        double = SpendingAggregator(normalize=normalize).fit(bank_log)
        whole = double.transform(bank_log)
        single = clone(double).set_params(dtype=np.float32).fit(bank_log).transform(bank_log)
        assert (single.dtypes == np.float32).all()
        pd.testing.assert_frame_equal(single, whole.astype(np.float32), check_exact=True)
        with monkeypatch.context() as patch:
            patch.setattr("skspend.aggregation._shares.CELLS_OF_BLOCK", 1000)
            pd.testing.assert_frame_equal(double.transform(bank_log), whole, check_exact=True)


def test_a_panel_is_cast_as_asked():
    X = np.ones((3, 4))
    assert SpendingAggregator(dtype=np.float32).fit_transform(X).dtype == np.float32
    assert SpendingAggregator().fit_transform(X.astype(np.float32)).dtype == np.float32
