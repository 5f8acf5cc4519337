"""The synthetic bank: its shape, the truth behind it, and its fixed difficulty."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skspend import SpendingAggregator, TransactionLog
from skspend.datasets import make_spending
from skspend.personality import TRAITS


@pytest.fixture(scope="module", params=[0, 1])
def bank(request):
    return make_spending(n_customers=8000, random_state=request.param)


def cube(bank):
    panel = bank.data.to_numpy(float)
    return panel.reshape(len(panel), -1, len(bank.coefficients))


def yearly_scores(bank):
    shares = cube(bank)
    distribution = shares / shares.sum(axis=2, keepdims=True)
    return distribution @ bank.coefficients.to_numpy()


def standardized(values, axis=0):
    return (values - values.mean(axis=axis)) / values.std(axis=axis)


def types(scores):
    top = np.abs(scores).argmax(axis=1)
    sign = np.where(np.take_along_axis(scores, top[:, None], axis=1)[:, 0] >= 0, "+", "-")
    return np.array([f"{TRAITS[trait]}{mark}" for trait, mark in zip(top, sign, strict=True)])


def explained(label, *causes):
    X = np.column_stack(causes)
    return LinearRegression().fit(X, label).score(X, label)


def test_the_type_of_a_single_year_is_the_overall_type_for_three_in_five(bank):
    scores = yearly_scores(bank)
    agreement = [(types(standardized(year)) == bank.types).mean() for year in scores.swapaxes(0, 1)]
    assert 0.55 <= np.mean(agreement) <= 0.65


def test_the_type_of_three_years_is_the_overall_type_for_four_in_five(bank):
    first_years = yearly_scores(bank)[:, :3].mean(axis=1)
    assert 0.76 <= (types(standardized(first_years)) == bank.types).mean() <= 0.82


def test_raw_scores_turn_as_pure_noise_would(bank):
    steps = np.diff(standardized(yearly_scores(bank), axis=(0, 1)), axis=1)
    steps /= np.linalg.norm(steps, axis=2, keepdims=True)
    cosine = (steps[:, 1:] * steps[:, :-1]).sum(axis=2)
    assert 115 <= np.degrees(np.arccos(cosine.clip(-1, 1))).mean() <= 125


@pytest.mark.parametrize("label", ["default", "liquidity"])
def test_traits_and_finances_explain_a_fifth_of_a_label(bank, label):
    assert 0.18 <= explained(bank[label], bank.traits, bank.finances) <= 0.22
    assert explained(bank[label], bank.traits) > 0.03
    assert explained(bank[label], bank.finances) > 0.03


def test_the_type_can_be_learned_from_raw_shares_but_not_trivially(bank):
    X = StandardScaler().fit_transform(bank.data)
    # Several threads take twenty times as long for products of this size.
    with threadpool_limits(1):
        learned = LogisticRegression(max_iter=300).fit(X[:4000], bank.types[:4000])
    assert 0.60 <= learned.score(X[4000:], bank.types[4000:]) <= 0.75


def test_the_difficulty_is_the_same_at_full_size():
    bank = make_spending(random_state=0)
    assert bank.data.shape == (26000, 6 * 97)
    scores = yearly_scores(bank)
    single = [(types(standardized(year)) == bank.types).mean() for year in scores.swapaxes(0, 1)]
    assert 0.55 <= np.mean(single) <= 0.65
    three = types(standardized(scores[:, :3].mean(axis=1)))
    assert 0.76 <= (three == bank.types).mean() <= 0.82
    for label in ("default", "liquidity"):
        assert 0.18 <= explained(bank[label], bank.traits, bank.finances) <= 0.22


def test_scores_and_types_follow_from_the_panel_and_the_coefficients(bank):
    scores = standardized(yearly_scores(bank).mean(axis=1))
    np.testing.assert_allclose(bank.scores, scores, atol=1e-6)
    assert (types(bank.scores.to_numpy()) == bank.types).all()
    assert bank.types.value_counts(normalize=True).between(0.05, 0.15).all()
    assert bank.types.nunique() == 10


def test_scores_hold_the_latent_traits_in_part(bank):
    correlation = [bank.traits[trait].corr(bank.scores[trait]) for trait in TRAITS]
    assert min(correlation) > 0.25
    assert max(correlation) < 0.7
    np.testing.assert_allclose(bank.traits.std(), 1, atol=0.05)


def test_shares_are_plausible(bank):
    shares = cube(bank)
    totals = shares.sum(axis=2)
    assert (shares >= 0).all()
    assert (totals > 1).mean() < 0.02
    assert totals.max() < 1.5
    assert 0.4 < (shares == 0).mean() < 0.6
    budget = shares.mean(axis=(0, 1)) / totals.mean()
    assert bank.coefficients.index[budget.argmax()] == "groceries"
    assert budget[:3].sum() > 0.2
    rent, mortgage = (
        shares[..., bank.coefficients.index.get_loc(c)] for c in ("rent", "mortgages")
    )
    assert not ((rent > 0).any(axis=1) & (mortgage > 0).any(axis=1)).any()


def test_large_purchases_take_much_of_one_years_budget(bank):
    shares = cube(bank)
    car = shares[..., bank.coefficients.index.get_loc("car purchase")] / shares.sum(axis=2)
    assert 0.04 < (car > 0.1).mean() < 0.1
    assert np.median(car[car > 0]) > 0.2


def test_labels_are_of_their_kind(bank):
    assert set(bank.default) == {0, 1}
    assert bank.default.mean() == pytest.approx(0.10, abs=0.001)
    assert bank.liquidity.std() == pytest.approx(1, abs=0.05)
    careful = bank.traits["conscientiousness"] > 0
    assert bank.default[careful].mean() < bank.default[~careful].mean()
    assert bank.liquidity[careful].mean() > bank.liquidity[~careful].mean()
    assert list(bank.finances) == ["log_income", "unspent"]
    np.testing.assert_allclose(bank.finances["unspent"], 1 - cube(bank).sum(2).mean(1), atol=1e-6)


def test_coefficients_agree_with_what_is_published(bank):
    assert bank.coefficients.abs().to_numpy().max() <= 3
    assert bank.coefficients.loc["books", "extraversion"] == -0.82
    assert bank.coefficients.loc["charities", "agreeableness"] > 0
    assert bank.coefficients.loc["gambling", "conscientiousness"] < 0
    assert list(bank.coefficients.columns) == list(TRAITS)


def test_categories_are_named_as_far_as_names_go():
    names = make_spending(2, random_state=0).coefficients.index
    assert names.is_unique
    assert list(names[:3]) == ["groceries", "rent", "mortgages"]
    assert list(names[58:60]) == ["postage", "category 60"]
    assert names[-1] == "category 97"


@pytest.mark.parametrize(
    ("n_customers", "n_periods", "n_categories"), [(1, 1, 1), (7, 1, 97), (30, 12, 2), (9, 3, 130)]
)
def test_any_size_can_be_made(n_customers, n_periods, n_categories):
    bank = make_spending(n_customers, n_periods, n_categories, random_state=0)
    assert bank.data.shape == (n_customers, n_periods * n_categories)
    assert bank.data.columns[-1] == f"year{n_periods}|{bank.coefficients.index[-1]}"
    assert bank.income.shape == (n_customers, n_periods)
    for values in (bank.data, bank.scores, bank.traits, bank.finances, bank.liquidity):
        assert np.isfinite(values.to_numpy()).all()
    assert bank.data.index.name == "customer"


def test_one_seed_gives_one_bank_and_leaves_numpy_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 (it is the global state that is tested)
    first, second, other = (make_spending(3000, random_state=seed) for seed in (3, 3, 4))
    unseeded = make_spending(5)
    after = np.random.get_state()[1]  # noqa: NPY002
    np.testing.assert_array_equal(before, after)
    pd.testing.assert_frame_equal(first.data, second.data, check_exact=True)
    pd.testing.assert_series_equal(first.liquidity, second.liquidity, check_exact=True)
    assert not np.array_equal(first.data, other.data)
    assert unseeded.data.shape == (5, 582)


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_generators_serve_as_seeds(make):
    first, second = (make_spending(5, random_state=make(0)).data for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize(("n_customers", "n_periods", "n_categories"), [(300, 6, 97), (40, 2, 1)])
def test_transactions_aggregate_to_the_panel_of_the_same_seed(n_customers, n_periods, n_categories):
    sizes = n_customers, n_periods, n_categories
    bank = make_spending(*sizes, transactions=True, random_state=5)
    panel = make_spending(*sizes, random_state=5)
    aggregator = SpendingAggregator(period="year", n_periods=n_periods, normalize="income")
    shares = aggregator.fit_transform(bank.data).reindex(columns=panel.data.columns, fill_value=0)
    error = np.abs(shares.to_numpy() - panel.data.to_numpy()).reshape(n_customers, n_periods, -1)
    assert (error * panel.income.to_numpy()[:, :, None]).max() < 0.0051
    for name in ("scores", "default", "liquidity", "income", "types"):
        assert bank[name].equals(panel[name])


def test_transactions_are_positive_cents_spread_over_the_years():
    log = make_spending(300, transactions=True, random_state=0).data
    assert isinstance(log, TransactionLog)
    assert len(log) == 300
    frame = log.to_frame()
    assert (frame["amount"] > 0).all()
    np.testing.assert_allclose(frame["amount"] * 100, (frame["amount"] * 100).round(), atol=1e-6)
    assert frame["date"].dt.year.value_counts().index.sort_values().to_list() == list(
        range(2018, 2024)
    )
    assert frame["date"].dt.month.value_counts(normalize=True).between(0.07, 0.1).all()
    assert 100 < len(frame) / 300 / 6 < 300


@pytest.mark.parametrize("size", [0, -3, 2.5, "many", True])
@pytest.mark.parametrize("name", ["n_customers", "n_periods", "n_categories"])
def test_a_size_must_be_a_positive_integer(name, size):
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1, got {size!r}"):
        make_spending(**{name: size})
