"""Totals equal sums by hand, planted factors are found, and categories not bought are missing."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import skops.io
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.decomposition import FactorAnalysis
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skspend import FeedForwardExtractor, SpendingFactors, TransferRegressor
from skspend.datasets import make_spending
from skspend.factors import _log_ratios
from skspend.panel import fold

NAMES = ["year1|pets", "year1|travel", "year2|pets", "year2|travel"]
VALUES = np.array([[0.5, 0.25, 0.25, 0.0], [0.0, 1.0, 0.0, 0.5], [0.25, 0.125, 0.5, -0.25]])
SHARES = pd.DataFrame(VALUES, columns=NAMES, index=["ann", "bob", "eve"])


def plant(n_customers=2000, n_factors=3, n_categories=20, noise=0.5, seed=0):
    """Make shares of one period whose logs are linear in known factors; return both."""
    generator = np.random.default_rng(seed)
    factors = generator.standard_normal((n_customers, n_factors))
    loadings = generator.standard_normal((n_factors, n_categories))
    logs = factors @ loadings + noise * generator.standard_normal((n_customers, n_categories))
    budget = np.exp(logs + generator.standard_normal(n_categories))
    total = generator.uniform(0.2, 0.9, size=(n_customers, 1))
    return total * budget / budget.sum(axis=1, keepdims=True), factors


@pytest.fixture(scope="module")
def planted():
    return plant(800)


def found_by(estimator, X):
    """Return the factors without the total."""
    return np.asarray(estimator.transform(X))[:, 1:]


def test_the_total_is_the_mean_over_periods_of_what_is_spent_net_of_refunds(bank):
    out = SpendingFactors(1).fit_transform(SHARES)
    assert out["total"].tolist() == [0.5, 0.75, 0.3125]
    yearly = fold(bank.data.to_numpy(dtype=float), 3).sum(axis=2)
    total = SpendingFactors().fit_transform(bank.data)["total"]
    np.testing.assert_allclose(total, yearly.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(total, 1 - bank.finances["unspent"], rtol=1e-6)


def test_log_ratios_are_relative_to_the_geometric_mean_of_what_is_bought():
    spent = np.array([[1.0, 4.0, 0.0], [0.1, 0.4, -2.0], [0.0, -1.0, 0.0], [5e-324, 0.0, 0.5]])
    ratios = _log_ratios(spent)
    np.testing.assert_allclose(ratios[0], [-np.log(2), np.log(2), np.nan])
    np.testing.assert_allclose(ratios[1], ratios[0])
    assert np.isnan(ratios[2]).all()
    np.testing.assert_allclose(np.nansum(ratios, axis=1), 0, atol=1e-12)
    assert np.isfinite(ratios[3, [0, 2]]).all()


@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_planted_factors_are_found(noise):
    shares, factors = plant(noise=noise)
    fitted = SpendingFactors(3).fit(shares[:1000])
    found = found_by(fitted, shares[1000:])
    assert LinearRegression().fit(found, factors[1000:]).score(found, factors[1000:]) > 0.8


def test_planted_factors_are_found_if_half_of_the_shares_are_zero():
    shares, factors = plant(n_categories=60)
    shares[np.random.default_rng(1).random(shares.shape) < 0.5] = 0
    found = found_by(SpendingFactors(3).fit(shares), shares)
    assert LinearRegression().fit(found, factors).score(found, factors) > 0.8


def test_factors_equal_those_of_scikit_learn(planted):
    shares, _ = planted
    logs = StandardScaler().fit_transform(_log_ratios(shares))
    with threadpool_limits(1):
        expected = FactorAnalysis(3, svd_method="lapack").fit(logs).transform(logs)
    found = found_by(SpendingFactors(3).fit(shares), shares)
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found, expected * signs, atol=1e-8)


def test_loadings_show_what_a_factor_stands_for():
    generator = np.random.default_rng(0)
    names = ["pets", *(f"other{number}" for number in range(18)), "leads", "vets"]
    shares = pd.DataFrame(np.exp(generator.normal(-5, 0.5, size=(500, 21))), columns=names)
    for_dogs = generator.standard_normal(500)
    shares[["pets", "leads", "vets"]] *= np.exp(for_dogs)[:, None]
    fitted = SpendingFactors(1).fit(shares)
    loadings = fitted.loadings_
    assert loadings.index.tolist() == ["factor0"]
    assert loadings.columns.tolist() == names
    assert set(loadings.loc["factor0"].nlargest(3).index) == {"pets", "leads", "vets"}
    assert np.corrcoef(found_by(fitted, shares)[:, 0], for_dogs)[0, 1] > 0.9
    nameless = SpendingFactors(2).fit(shares.to_numpy()).loadings_
    assert nameless.columns.tolist() == [f"x{number}" for number in range(21)]


def test_the_largest_loading_of_a_factor_is_positive(planted):
    loadings = SpendingFactors(3).fit(planted[0]).loadings_.to_numpy()
    strongest = np.abs(loadings).argmax(axis=1)
    assert (loadings[np.arange(3), strongest] > 0).all()


def test_scaling_all_shares_of_a_customer_scales_the_total_and_keeps_the_factors(planted):
    shares, _ = planted
    fitted = SpendingFactors(3).fit(shares)
    factor = np.random.default_rng(0).uniform(0.1, 9, size=(len(shares), 1))
    before, after = fitted.transform(shares), fitted.transform(shares * factor)
    np.testing.assert_allclose(after[:, :1], before[:, :1] * factor)
    np.testing.assert_allclose(after[:, 1:], before[:, 1:], atol=1e-12)
    scaled = SpendingFactors(3).fit(shares * factor)
    np.testing.assert_allclose(found_by(scaled, shares), before[:, 1:], atol=1e-9)


def test_permuting_customers_permutes_totals_and_factors(bank):
    order = np.random.default_rng(0).permutation(len(bank.data))
    shares = bank.data.astype(float)
    fitted, permuted = SpendingFactors().fit(shares), SpendingFactors().fit(shares.iloc[order])
    expected = fitted.transform(shares).iloc[order]
    pd.testing.assert_frame_equal(fitted.transform(shares.iloc[order]), expected, atol=1e-12)
    pd.testing.assert_frame_equal(permuted.transform(shares.iloc[order]), expected, atol=1e-6)


def test_swapping_periods_changes_nothing(bank):
    cube = fold(bank.data.to_numpy(dtype=float), 3)
    out = SpendingFactors().fit_transform(cube)
    np.testing.assert_allclose(SpendingFactors().fit_transform(cube[:, ::-1]), out, atol=1e-6)


def test_a_customer_without_spending_has_total_and_factors_of_zero(planted):
    shares, _ = planted
    nobody = np.vstack([shares, np.zeros(shares.shape[1])])
    for customers in (shares, nobody):
        out = SpendingFactors(3).fit(customers).transform(nobody)[-1]
        np.testing.assert_allclose(out, np.zeros(4), atol=1e-12)


def test_refunds_count_in_the_total_and_are_missing_in_the_factors(planted):
    shares, _ = planted
    fitted = SpendingFactors(3).fit(shares)
    without, refunded = shares.copy(), shares.copy()
    without[:, 0], refunded[:, 0] = 0, -0.1
    without, refunded = fitted.transform(without), fitted.transform(refunded)
    np.testing.assert_array_equal(refunded[:, 1:], without[:, 1:])
    np.testing.assert_allclose(refunded[:, 0], without[:, 0] - 0.1)


def test_a_category_that_nobody_in_fit_buys_has_no_loadings_and_no_effect_later(planted):
    shares, _ = planted
    unbought = np.hstack([shares, np.zeros((len(shares), 1))])
    fitted = SpendingFactors(3).fit(unbought)
    assert (fitted.loadings_.iloc[:, -1] == 0).all()
    expected = SpendingFactors(3).fit(shares).transform(shares)
    np.testing.assert_allclose(fitted.transform(unbought), expected, atol=1e-9)
    later = unbought.copy()
    later[:, -1] = 0.01
    moved = _log_ratios(later)[:, :-1] - _log_ratios(shares)
    assert np.ptp(moved, axis=1).max() < 1e-9, "only the mean of the logs moves"
    assert np.corrcoef(found_by(fitted, later).T, expected[:, 1:].T)[:3, 3:].diagonal().min() > 0.99


@pytest.mark.parametrize(
    "shares",
    [
        np.zeros((9, 4)),
        np.full((9, 4), 0.1),
        np.random.default_rng(0).random((9, 1)),
        np.random.default_rng(0).random((1, 6)),
        np.random.default_rng(0).random((2, 6)),
        np.random.default_rng(0).random((40, 3)),
        np.outer(np.arange(1, 10), [0.01, 0.02, 0.01]),
        np.repeat(np.random.default_rng(0).random((50, 3)), 4, axis=1),
        plant(n_factors=2, noise=0)[0],
        -np.random.default_rng(0).random((9, 4)),
    ],
    ids=["nothing", "the same", "one category", "one customer", "two customers",
         "three categories", "one distribution", "repeated", "without noise", "refunds alone"],
)  # fmt: skip
def test_factors_are_finite_without_warnings_if_there_are_none_or_few(shares):
    with warnings.catch_warnings(action="error"):
        fitted = SpendingFactors().fit(shares)
        out = fitted.transform(shares)
    assert out.shape == (len(shares), 1 + min(5, shares.shape[1]))
    assert list(fitted.get_feature_names_out()) == ["total", *fitted.loadings_.index]
    assert np.isfinite(out).all()
    assert (out[:, 1:].var(axis=0) <= 1 + 1e-9).all()


@settings(max_examples=50, deadline=None)
@given(arrays(float, (7, 2, 4), elements=st.floats(-1, 1)), st.integers(1, 6))
def test_any_panel_has_finite_factors(cube, n_factors):
    out = SpendingFactors(n_factors).fit_transform(cube)
    assert out.shape == (7, 1 + min(n_factors, 4))
    assert np.isfinite(out).all()
    np.testing.assert_allclose(out[:, 0], cube.mean(axis=1).sum(axis=1))


def test_three_dimensions_give_what_two_give():
    out = SpendingFactors().fit_transform(VALUES.reshape(3, 2, 2))
    assert type(out) is np.ndarray
    np.testing.assert_array_equal(out, SpendingFactors().fit_transform(SHARES))


@pytest.mark.parametrize(
    "library", [pl.from_pandas, lambda frame: pa.Table.from_pandas(frame, preserve_index=False)]
)
def test_every_library_gives_the_same_values_in_its_own_frames(library, bank):
    shares = bank.data.astype(float)
    expected = SpendingFactors().fit_transform(shares)
    assert expected.index.equals(shares.index)
    frame = library(shares)
    out = SpendingFactors().fit_transform(frame)
    assert type(out) is type(frame)
    np.testing.assert_array_equal(np.asarray(out), expected)


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_set_output_decides_the_library(output):
    out = SpendingFactors(2).set_output(transform=output).fit(VALUES).transform(VALUES)
    assert isinstance(out, {"pandas": pd.DataFrame, "polars": pl.DataFrame}[output])
    assert list(out.columns) == ["total", "factor0", "factor1"]


def test_single_precision_is_computed_in_double_and_stays_single(planted):
    shares = planted[0].astype(np.float32)
    single = SpendingFactors(3).fit_transform(shares)
    assert single.dtype == np.float32
    double = SpendingFactors(3).fit_transform(shares.astype(float))
    np.testing.assert_array_equal(single, double.astype(np.float32))


def test_transforming_does_not_change_the_panel():
    shares, array = SHARES.copy(deep=True), VALUES.reshape(3, 2, 2).copy()
    array.flags.writeable = False
    SpendingFactors().fit_transform(shares)
    SpendingFactors().fit_transform(array)
    pd.testing.assert_frame_equal(shares, SHARES)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_shares_that_are_not_finite_are_refused(value):
    wrong = VALUES.copy()
    wrong[1, 2] = value
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        SpendingFactors().fit(wrong)
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        SpendingFactors().fit(VALUES).transform(wrong)


@pytest.mark.parametrize("n_factors", [0, -1, 2.0, None, "all"])
def test_a_wrong_number_of_factors_is_refused_by_name(n_factors):
    with pytest.raises(ValueError, match="'n_factors' parameter"):
        SpendingFactors(n_factors).fit(SHARES)


def test_a_panel_other_than_that_of_fit_is_refused():
    fitted = SpendingFactors().fit(SHARES)
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.transform(SHARES[NAMES[::-1]])
    with pytest.raises(ValueError, match="1 periods by its second dimension"):
        SpendingFactors().fit(VALUES.reshape(3, 2, 2)).transform(VALUES.reshape(3, 1, 4))
    with pytest.raises(ValueError, match="not a complete panel"):
        SpendingFactors().fit(SHARES[NAMES[:3]])


def test_fitted_factors_survive_skops(bank):
    fitted = SpendingFactors().fit(bank.data)
    loaded = skops.io.loads(skops.io.dumps(fitted), trusted=["skspend.factors.SpendingFactors"])
    pd.testing.assert_frame_equal(loaded.transform(bank.data), fitted.transform(bank.data))
    pd.testing.assert_frame_equal(loaded.loadings_, fitted.loadings_)


def test_a_change_of_n_factors_after_fit_changes_nothing_until_the_next_fit(planted):
    shares, _ = planted
    fitted = SpendingFactors(3).fit(shares)
    before, loadings = fitted.transform(shares), fitted.loadings_
    fitted.set_params(n_factors=1)
    np.testing.assert_array_equal(fitted.transform(shares), before)
    pd.testing.assert_frame_equal(fitted.loadings_, loadings)
    assert fitted.n_factors_ == 3
    assert fitted.fit(shares).transform(shares).shape == (800, 2)


def test_a_network_pretrained_on_factors_predicts_from_a_hundred_labels():
    bank = make_spending(2000, 3, random_state=1)
    factors = SpendingFactors().fit_transform(bank.data)
    body = FeedForwardExtractor(5, (32,), objective="y", epochs=10, n_init=1, random_state=0)
    body.fit(bank.data, factors)
    model = TransferRegressor(FrozenEstimator(body), alpha=3)
    scores = []
    for start in range(0, 1000, 100):
        train = slice(start, start + 100)
        model.fit(bank.data[train], bank.liquidity[train])
        scores.append(model.score(bank.data[1000:], bank.liquidity[1000:]))
    assert np.mean(scores) > 0.02
