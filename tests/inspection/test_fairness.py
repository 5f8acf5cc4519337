import numpy as np
import pandas as pd
import pytest

from skspend.inspection import (
    segment_fairness,
)


def test_rates_of_a_group_add_up_to_one_over_segments():
    generator = np.random.default_rng(0)
    labels, groups = generator.integers(-1, 4, 200), generator.choice(["a", "b", None], 200)
    fairness = segment_fairness(labels, groups, random_state=0)
    rates = fairness.rates
    np.testing.assert_allclose(rates.groupby("group")["rate"].sum(), 1)
    assert rates["members"].sum() == fairness.association["customers"] == 200
    assert rates["group"].unique().tolist() == ["a", "b", "(missing)"]
    np.testing.assert_allclose(rates["ratio"] * rates["overall"], rates["rate"])
    np.testing.assert_allclose(rates["difference"] + rates["overall"], rates["rate"])
    assert (rates["low"] <= rates["rate"]).all() and (rates["rate"] <= rates["high"]).all()
    again = segment_fairness(labels, groups, random_state=0)
    pd.testing.assert_frame_equal(rates, again.rates)
    pd.testing.assert_series_equal(fairness.association, again.association)


def test_the_order_of_customers_does_not_change_fairness():
    generator = np.random.default_rng(0)
    labels, groups = generator.integers(0, 3, 90), generator.choice(["a", "b"], 90)
    order = generator.permutation(90)
    first = segment_fairness(labels, groups, random_state=0)
    second = segment_fairness(labels[order], groups[order], random_state=0)
    pd.testing.assert_frame_equal(first.rates, second.rates)
    pd.testing.assert_series_equal(first.association, second.association)


def test_a_small_group_is_shown_with_a_wide_interval():
    groups = np.repeat(["large", "small"], [1000, 2])
    rates = segment_fairness(np.arange(1002) % 2, groups, random_state=0).rates
    width = (rates["high"] - rates["low"]).groupby(rates["group"]).max()
    assert width["large"] < 0.07 and width["small"] > 0.6


def test_p_values_are_even_where_there_is_no_association_and_small_where_there_is():
    generator = np.random.default_rng(0)
    p_values, strengths = [], []
    for seed in range(60):
        labels, groups = generator.integers(0, 4, 150), generator.integers(0, 3, 150)
        found = segment_fairness(labels, groups, n_permutations=99, random_state=seed).association
        p_values.append(found["p_value"])
        strengths.append(found["cramers_v"])
    assert 0.4 < np.mean(p_values) < 0.6 and np.mean(np.array(p_values) <= 0.1) < 0.2
    assert np.mean(strengths) < 0.07
    same = segment_fairness(groups, groups, random_state=0).association
    assert same["cramers_v"] == pytest.approx(1) and same["p_value"] == 0.001


def test_brackets_keep_their_order():
    incomes = pd.Series(["low", "high", "middle"] * 4)
    incomes = incomes.astype(pd.CategoricalDtype(["low", "middle", "high", "huge"], ordered=True))
    rates = segment_fairness([0, 1] * 6, incomes, random_state=0).rates
    assert rates["group"].unique().tolist() == ["low", "middle", "high"]


def test_one_segment_has_no_association():
    found = segment_fairness([0] * 6, ["a", "b"] * 3, n_permutations=9).association
    assert np.isnan(found["cramers_v"]) and found["p_value"] == 1


@pytest.mark.parametrize(
    ("labels", "protected", "message"),
    [
        ([0, 1], ["a"], "length 2, and protected has length 1"),
        ([], [], "labels has length 0"),
        (
            [0.0, np.nan, 1.0],
            ["a", "b", "b"],
            "label of 1 of 3 customers is missing, first",
        ),
        (np.arange(50) % 2, np.arange(50.0), "50 values for 50 customers.*qcut"),
        (pd.Series([0, 1]), pd.Series(["a", "b"], index=[1, 0]), "protected.reindex"),
    ],
)
def test_attributes_that_do_not_fit_are_refused(labels, protected, message):
    with pytest.raises(ValueError, match=message):
        segment_fairness(labels, protected)


def test_a_p_value_needs_random_tables():
    with pytest.raises(ValueError, match="n_permutations=0; expected 1 or more"):
        segment_fairness([0, 1], ["a", "b"], n_permutations=0)
