import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.cluster import KMeans
from sklearn.decomposition import FactorAnalysis
from sklearn.metrics import adjusted_mutual_info_score

from skspend import FactorStateExtractor, SpendingAggregator
from skspend.aggregation._columns import find_shares
from skspend.extraction import _factors
from skspend.panel import Panel, fold, make_frame

N_CUSTOMERS, N_PERIODS, N_CATEGORIES = 400, 3, 20


def draw(by_purchase=0.0, by_amount=0.0, seed=0):
    """Spending, and the halves of the customers, who differ in a quarter of the categories."""
    rng = np.random.default_rng(seed)
    half = np.arange(N_CUSTOMERS) % 2
    differs = np.outer(half - 0.5, np.arange(N_CATEGORIES) < 5)
    shape = N_CUSTOMERS, N_PERIODS, N_CATEGORIES
    buys = rng.random((N_CUSTOMERS, N_CATEGORIES)) < expit(by_purchase * differs - 0.5)
    amounts = np.exp(rng.normal(size=shape) + by_amount * differs[:, None])
    return buys[:, None] * (rng.random(shape) < 0.8) * amounts, half


@pytest.fixture(scope="module")
def spent():
    return draw(by_purchase=2)[0]


@pytest.fixture(scope="module")
def fitted(spent):
    return FactorStateExtractor(3).fit(spent)


def states_of(fitted, spent):
    return fold(np.asarray(fitted.transform(spent)), N_PERIODS)


@pytest.mark.parametrize("difference", [{"by_purchase": 4}, {"by_amount": 6}])
def test_it_finds_who_buys_other_things_and_who_buys_more_of_them(difference):
    spent, half = draw(**difference)
    last = states_of(FactorStateExtractor(2).fit(spent), spent)[:, -1]
    found = KMeans(2, n_init=3, random_state=0).fit_predict(last)
    assert adjusted_mutual_info_score(half, found) > 0.6


def test_a_state_does_not_know_what_comes_after_it(fitted, spent):
    other = spent.copy()
    other[:, -1] = spent[::-1, -1]
    now, then = states_of(fitted, spent), states_of(fitted, other)
    np.testing.assert_array_equal(now[:, :-1], then[:, :-1])
    assert np.abs(now[:, -1] - then[:, -1]).max() > 0.1


def test_neither_wealth_nor_a_rich_year_matters(fitted, spent):
    factors = np.random.default_rng(1).uniform(0.1, 10, size=(N_CUSTOMERS, N_PERIODS, 1))
    np.testing.assert_allclose(
        fitted.transform(spent * factors), fitted.transform(spent), atol=1e-9
    )


def test_who_has_not_spent_yet_is_at_the_origin(fitted, spent):
    late = spent[:1].copy()
    late[:, 0] = -1.0  # refunds
    states = states_of(fitted, late)[0]
    assert not states[0].any()
    assert states[1].any()


def test_customers_who_buy_more_categories_are_not_a_factor():
    rng = np.random.default_rng(0)
    breadth = rng.normal(0, 1.5, size=(N_CUSTOMERS, 1))
    popularity = rng.normal(size=N_CATEGORIES)
    spent = (rng.random((N_CUSTOMERS, N_CATEGORIES)) < expit(breadth + popularity))[:, None] * 1.0
    state = np.asarray(FactorStateExtractor(1).fit_transform(spent))[:, 0]
    assert abs(np.corrcoef(state, breadth[:, 0])[0, 1]) < 0.2


def test_the_chances_sum_to_what_is_bought(spent):
    is_bought = (spent > 0).any(axis=1)
    n_bought = is_bought.sum(axis=1)
    counts = np.bincount(n_bought, minlength=N_CATEGORIES + 1)
    popularity = _factors._rate_popularity(counts, is_bought.sum(axis=0))
    chances = _factors._expect(popularity, n_bought)
    np.testing.assert_allclose(chances.sum(axis=1), n_bought, atol=1e-6)
    np.testing.assert_allclose(chances.sum(axis=0), is_bought.sum(axis=0), rtol=1e-3)


def test_factors_from_the_covariance_are_those_from_the_rows():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, 2)) @ rng.normal(size=(2, 12)) + rng.normal(size=(500, 12))
    rows -= rows.mean(axis=0)
    components, noise = _factors._find_factors(rows.T @ rows / len(rows), 2)
    expected = FactorAnalysis(2, svd_method="lapack").fit(rows)
    np.testing.assert_allclose(noise, expected.noise_variance_, atol=0.1)
    common = expected.components_.T @ expected.components_
    np.testing.assert_allclose(components.T @ components, common, atol=0.1)


def test_as_many_factors_as_categories_are_not_far_out_before_the_last_period():
    """Five log-ratios sum to 0, so that some are known exactly from the others."""
    rng = np.random.default_rng(0)
    spent = rng.gamma(1, size=(300, 1, 5)) * rng.gamma(1, size=(300, 4, 5))
    spent *= rng.random(spent.shape) < 0.6
    states = fold(np.asarray(FactorStateExtractor(10).fit_transform(spent)), 4)
    assert np.abs(states).max() < 10


def test_categories_that_nobody_or_everybody_buys_add_nothing(spent):
    more = np.concatenate([spent, np.zeros_like(spent[..., :1])], axis=2)
    fitted = FactorStateExtractor(2).fit(more)
    assert not fitted.components_[:, [N_CATEGORIES, -1]].any()
    assert np.isfinite(fitted.transform(np.ones_like(more))).all()
    same = FactorStateExtractor(2).fit_transform(np.ones((30, 2, 1)))
    np.testing.assert_array_equal(same, 0)


@pytest.mark.parametrize("cells", [1, 10_000])
def test_the_size_of_a_block_changes_nothing(fitted, spent, cells, monkeypatch):
    expected = fitted.transform(spent[:100])
    monkeypatch.setattr(_factors, "CELLS_AT_ONCE", cells)
    np.testing.assert_allclose(fitted.transform(spent[:100]), expected, atol=1e-12)
    np.testing.assert_allclose(
        np.abs(FactorStateExtractor(3).fit(spent).components_),
        np.abs(fitted.components_),
        atol=1e-9,
    )


def test_a_sparse_panel_gives_the_same(spent):
    frame = make_frame(Panel(spent))
    sparse = frame.astype(pd.SparseDtype(float, 0.0))
    extractor = FactorStateExtractor(2)
    expected = extractor.fit_transform(frame)
    np.testing.assert_allclose(extractor.fit_transform(sparse), expected, atol=1e-9)


@pytest.mark.parametrize("sparse", [False, True])
def test_sums_alone_are_read_of_a_panel_with_statistics(bank_log, sparse):
    spend = SpendingAggregator(n_periods=3, statistics=("sum", "count"), flows=("out", "in"))
    rich = spend.set_output(transform="pandas").fit_transform(bank_log)
    sums = rich.loc[:, find_shares(rich.columns)]
    assert 0 < sums.shape[1] < rich.shape[1]
    if sparse:
        rich = rich.astype(pd.SparseDtype(float, 0.0))
    extractor = FactorStateExtractor(2)
    pd.testing.assert_frame_equal(extractor.fit_transform(rich), extractor.fit_transform(sums))


def test_a_panel_without_sums_is_refused(bank_log):
    panel = SpendingAggregator(n_periods=3, statistics=("count",)).fit_transform(bank_log)
    with pytest.raises(ValueError, match=r"None of the 24 features of X is a sum .* hold 'sum'"):
        FactorStateExtractor(2).fit(panel)


def test_states_are_named_by_period_and_factor(spent):
    names = FactorStateExtractor(2).fit_transform(make_frame(Panel(spent, "year"))).columns
    assert names[:3].to_list() == ["year1|factor0", "year1|factor1", "year2|factor0"]
