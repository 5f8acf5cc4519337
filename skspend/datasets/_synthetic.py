"""A synthetic bank: a size and a seed come in, spending and the truth behind it come out.

Latent traits change every budget a little; lasting tastes, yearly noise and rare large purchases
hide them. The constants below set how hard the traits are to find, and tests hold this difficulty,
so that the bank is not tuned to a method.
"""

from __future__ import annotations

from importlib.resources import files
from math import log, sqrt
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, ndtr, ndtri
from sklearn.utils import Bunch

from ..personality import TRAITS, personality_types
from ..transactions import TransactionLog

if TYPE_CHECKING:
    from .._utils._typing import RandomState
    from ._bunches import Bank

LAST_YEAR = 2023
# Customers drawn at a time: 2,048 x 6 x 97 float32 numbers are 5 MB and stay in the cache.
BLOCK = 2048
# Spread of the ratings of a category with a small budget. It is half as large where the budget is
# NEUTRAL_BUDGET per cent of spending, because necessities say little about a person.
RATING_SPREAD, NEUTRAL_BUDGET = 1.6, 1.5
# How much a trait changes the log of a budget per unit of rating, and apart from the rating. Latent
# traits and computed scores then correlate at .35 to .45, somewhat above the .21 found in people
# (Gladstone, Matz & Lemaire 2019, corrected).
TILT, STRAY_TILT = 0.14, 0.12
# A customer's lasting taste for a category, in multiples of the yearly swing of the category.
# Computed scores of successive years then correlate at .65.
TASTE = 3.4
# Yearly step of a trait, in standard deviations.
DRIFT = 0.06
# Log-odds of the share of income that the bank sees: level, spread between customers, and spread
# between the years of a customer. Scores do not depend on it, but raw shares do.
SPENT_LEVEL, SPENT_BETWEEN, SPENT_WITHIN = 0.2, 0.5, 1.6
LEAST_SPENT = 0.08
# Yearly chance, median share of income and log spread of large purchases. They take more than a
# fifth of the spending in one year of ten.
LARGE_PURCHASES = {
    "car purchase": (0.07, 0.18, 0.45),
    "home repairs": (0.05, 0.10, 0.50),
    "dentist": (0.05, 0.05, 0.50),
}
# The part of a large purchase that is saved on ordinary spending in the same year.
RELIEF = 0.75
# Yearly income in currency units: median, log spread, growth, log spread of a single year.
INCOME, INCOME_SPREAD, INCOME_GROWTH, INCOME_SWING = 42_000, 0.45, 0.025, 0.06
# The share of the variance of a label that traits and finances explain: as much as Table 1 of the
# paper leaves (a squared error of 0.81 for a liquidity index of variance 1).
EXPLAINED = 0.20
DEFAULT_RATE = 0.10
# Weights of the standardised traits and finances in each label, in proportion.
LABEL_WEIGHTS = pd.DataFrame(
    {
        "default": [0.10, -0.50, 0.25, -0.10, 0.50, -0.50, -0.60],
        "liquidity": [-0.25, 0.55, -0.30, 0.10, -0.35, 0.40, 0.60],
    },
    index=[*TRAITS, "log_income", "unspent"],
)


@overload
def make_spending(
    n_customers: int = 26000,
    n_periods: int = 6,
    n_categories: int = 97,
    *,
    transactions: Literal[False] = False,
    random_state: RandomState | np.random.Generator = None,
) -> Bank[pd.DataFrame]: ...
@overload
def make_spending(
    n_customers: int = 26000,
    n_periods: int = 6,
    n_categories: int = 97,
    *,
    transactions: Literal[True],
    random_state: RandomState | np.random.Generator = None,
) -> Bank[TransactionLog]: ...
def make_spending(
    n_customers: int = 26000,
    n_periods: int = 6,
    n_categories: int = 97,
    *,
    transactions: bool = False,
    random_state: RandomState | np.random.Generator = None,
) -> Bank[Any]:
    """Generate the yearly spending of a bank's customers, with the truth behind it.

    Parameters
    ----------
    n_customers : int, default=26000
    n_periods : int, default=6
        Number of calendar years, the last of which is 2023.
    n_categories : int, default=97
        Number of categories, those with the largest budgets first.
    transactions : bool, default=False
        Return dated transactions instead of the panel. The panel of the same seed is what
        ``SpendingAggregator(period="year", n_periods=n_periods, normalize="income")`` makes of
        them, up to the rounding to cents (and with its columns sorted by name).
    random_state : int, RandomState, Generator or None, default=None
        The same integer gives bit-identical data. NumPy's global state does not change.

    Returns
    -------
    bunch : Bunch
        data : DataFrame, shape (n_customers, n_periods * n_categories), or TransactionLog
            Shares of the year's income, float32, columns ``year1|groceries`` ... period by period,
            oldest first. The rest of the income is saved or spent elsewhere.
        coefficients : DataFrame, shape (n_categories, 5)
            Ratings from -3 to 3, with the signs of the published directions where there are any.
        traits : DataFrame, shape (n_customers, 5)
            Latent traits, standard normal, mean over the years.
        scores : DataFrame, shape (n_customers, 5)
            Computed scores: mean over the years of the spending distribution (shares that sum to
            1) times coefficients, standardised over customers.
        types : Series of str, shape (n_customers,)
            Trait of highest absolute score and its sign, such as ``"openness+"``.
        income : DataFrame, shape (n_customers, n_periods)
            Yearly income in currency units.
        finances : DataFrame, shape (n_customers, 2)
            log_income (mean over the years) and unspent (1 minus the mean yearly sum of shares).
        default : Series of int, shape (n_customers,)
            1 for one customer in ten, 0 otherwise.
        liquidity : Series of float, shape (n_customers,)
            Liquidity index in standard deviations.
        DESCR : str
            Description, with the difficulty.

    Raises
    ------
    ValueError
        If a size is not a positive integer.

    References
    ----------
    Maree & Omlin (2021), sections III-A, III-B and III-D; Matz, Gladstone & Stillwell (2016).

    Examples
    --------
    >>> bank = make_spending(n_customers=50, n_categories=5, random_state=0)
    >>> bank.data.shape
    (50, 30)
    >>> bank.data.columns[:3].to_list()
    ['year1|groceries', 'year1|rent', 'year1|mortgages']
    >>> make_spending(n_customers=50, transactions=True, random_state=0).data.shape
    (50,)
    """
    sizes = {"n_customers": n_customers, "n_periods": n_periods, "n_categories": n_categories}
    for name, size in sizes.items():
        if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{name} must be an integer of at least 1, got {size!r}.")
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**32, size=4, dtype=np.uint32)
    rng = np.random.default_rng(random_state)
    budget = _budget(n_categories)
    coefficients = _rate(budget, rng)
    tilt = TILT * coefficients.to_numpy().T
    tilt = tilt + STRAY_TILT * rng.standard_normal(tilt.shape)
    traits, yearly_traits, income = _draw_customers(n_customers, n_periods, rng)
    shares = np.empty((n_customers, n_periods, n_categories), dtype=np.float32)
    raw_scores = np.empty((n_customers, len(TRAITS)))
    for start in range(0, n_customers, BLOCK):
        block = slice(start, start + BLOCK)
        shares[block] = _draw_shares(yearly_traits[block], budget, tilt, rng)
        totals = shares[block].sum(axis=2, dtype=float, keepdims=True)
        distributions = shares[block] / np.where(totals > 0, totals, 1)
        raw_scores[block] = distributions.mean(axis=1) @ coefficients.to_numpy()
    index = pd.RangeIndex(n_customers, name="customer")
    years = [f"year{number}" for number in range(1, n_periods + 1)]
    unspent = 1 - shares.sum(axis=2, dtype=float).mean(axis=1)
    causes = np.column_stack([traits, np.log(income).mean(axis=1), unspent])
    causes = pd.DataFrame(causes, index=index, columns=LABEL_WEIGHTS.index)
    labels = _draw_labels(causes, rng)
    scores = pd.DataFrame(_standardize(raw_scores), index=index, columns=TRAITS)
    income = pd.DataFrame(income, index=index, columns=years)
    if transactions:
        data = _spread_over_days(shares, income, budget, rng)
    else:
        columns = [f"{year}|{category}" for year in years for category in budget.index]
        data = pd.DataFrame(shares.reshape(n_customers, -1), index=index, columns=columns)
    return Bunch(
        data=data,
        coefficients=coefficients,
        traits=causes[[*TRAITS]],
        scores=scores,
        types=pd.Series(personality_types(scores), index, name="type"),
        income=income,
        finances=causes[["log_income", "unspent"]],
        default=labels["default"],
        liquidity=labels["liquidity"],
        DESCR=(files(__package__) / "data" / "synthetic.rst").read_text(encoding="utf-8"),
    )


def _budget(n_categories):
    """Read the household budget, a row per category, largest first; further ones have no name."""
    with (files(__package__) / "data" / "household_budget.csv").open() as file:
        named = pd.read_csv(file, index_col="category")
    numbers = np.arange(len(named) + 1, n_categories + 1)
    tail = {"budget": 0.3 * len(named) / numbers, "buyers": 0.4, "years": 0.7, "swing": 0.5}
    tail = pd.DataFrame(tail | {"visits": 1}, [f"category {number}" for number in numbers])
    return pd.concat([named, tail] if len(tail) else [named]).iloc[:n_categories]


def _rate(budget, rng):
    """Draw ratings of categories on the five traits, with the published signs or values."""
    spread = RATING_SPREAD / (1 + budget["budget"].to_numpy() / NEUTRAL_BUDGET)
    ratings = spread[:, None] * rng.standard_normal((len(budget), len(TRAITS)))
    ratings = pd.DataFrame(ratings.clip(-3, 3).round(2), index=budget.index, columns=TRAITS)
    with (files("skspend.categories") / "data" / "published_directions.csv").open() as file:
        published = pd.read_csv(file)
    for cell in published[published["category"].isin(ratings.index)].itertuples():
        size = 1 if cell.kind == "rating" else abs(ratings.at[cell.category, cell.trait])
        ratings.at[cell.category, cell.trait] = cell.value * size
    return ratings


def _draw_customers(n_customers, n_periods, rng):
    """Draw traits, yearly traits whose mean they are, and yearly income."""
    traits = rng.standard_normal((n_customers, len(TRAITS)))
    walk = DRIFT * rng.standard_normal((n_customers, n_periods, len(TRAITS))).cumsum(axis=1)
    yearly_traits = traits[:, None] + walk - walk.mean(axis=1, keepdims=True)
    log_income = log(INCOME) + INCOME_SPREAD * rng.standard_normal((n_customers, 1))
    log_income = log_income + INCOME_GROWTH * np.arange(n_periods)
    log_income += INCOME_SWING * rng.standard_normal((n_customers, n_periods))
    return traits, yearly_traits, np.exp(log_income).round(2)


def _draw_shares(yearly_traits, budget, tilt, rng):
    """Draw shares of income of some customers: (customers, periods, categories), float32."""
    n_customers, n_periods, _ = yearly_traits.shape
    n_categories = len(budget)
    columns = {name: budget[name].to_numpy(np.float32) for name in budget}
    buys = rng.random((n_customers, n_categories), dtype=np.float32) < columns["buyers"]
    if {"rent", "mortgages"} <= set(budget.index):
        rent, mortgages = budget.index.get_indexer(["rent", "mortgages"])
        buys[:, mortgages] &= ~buys[:, rent]
    taste = rng.standard_normal((n_customers, n_categories), dtype=np.float32)
    taste = TASTE * columns["swing"] * taste + np.log(columns["budget"])
    shares = rng.standard_normal((n_customers, n_periods, n_categories), dtype=np.float32)
    shares *= columns["swing"]
    shares += (yearly_traits.reshape(-1, len(TRAITS)) @ tilt).reshape(shares.shape)
    shares += taste[:, None]
    np.exp(shares, out=shares)
    shares *= rng.random(shares.shape, dtype=np.float32) < columns["years"]
    shares *= buys[:, None]
    large = {
        category: median
        * np.exp(spread * rng.standard_normal((n_customers, n_periods)))
        * (rng.random((n_customers, n_periods)) < chance)
        for category, (chance, median, spread) in LARGE_PURCHASES.items()
        if category in budget.index
    }
    spent = SPENT_LEVEL + SPENT_BETWEEN * rng.standard_normal((n_customers, 1))
    spent = expit(spent + SPENT_WITHIN * rng.standard_normal((n_customers, n_periods)))
    spent = np.maximum(spent - RELIEF * sum(large.values()), LEAST_SPENT)
    total = shares.sum(axis=2)
    shares *= (spent / np.where(total > 0, total, 1))[:, :, None].astype(np.float32)
    for category, share in large.items():
        shares[:, :, budget.index.get_loc(category)] += share
    return shares


def _standardize(values):
    """Scale to mean 0 and standard deviation 1 over customers; a constant column becomes 0."""
    spread = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(spread > 1e-9, spread, 1)


def _draw_labels(causes, rng):
    """Draw labels of whose variance a linear regression on the causes explains EXPLAINED."""
    signal = _standardize(_standardize(causes.to_numpy()) @ LABEL_WEIGHTS.to_numpy())
    noise = rng.standard_normal(signal.shape)
    cut = ndtri(1 - DEFAULT_RATE)

    def missing(strength):
        # A linear regression explains less of 0 and 1 than of the index behind them.
        chance = ndtr((strength * signal[:, 0] - cut) / sqrt(1 - strength**2))
        explained = np.mean(signal[:, 0] * chance) ** 2 / (DEFAULT_RATE * (1 - DEFAULT_RATE))
        return explained - EXPLAINED

    of_default = brentq(missing, 0, 0.99) if missing(0.99) > 0 else 0.99
    strength = np.array([of_default, sqrt(EXPLAINED)])
    index = strength * signal + np.sqrt(1 - strength**2) * noise
    is_default = index[:, 0] > np.quantile(index[:, 0], 1 - DEFAULT_RATE)
    labels = {"default": is_default.astype(int), "liquidity": index[:, 1]}
    return pd.DataFrame(labels, index=causes.index)


def _spread_over_days(shares, income, budget, rng):
    """Turn shares into a TransactionLog of dated payments in whole cents."""
    n_customers, n_periods, _ = shares.shape
    new_years = np.arange(LAST_YEAR - n_periods + 1, LAST_YEAR + 2).astype(str).astype("M8[D]")
    parts = []
    for start in range(0, n_customers, BLOCK):
        block = slice(start, start + BLOCK)
        cents = shares[block] * income.to_numpy()[block, :, None] * 100
        parts.append(_pay(np.rint(cents).astype(np.int64), start, new_years, budget, rng))
    customer, day, category, cents = map(np.concatenate, zip(*parts, strict=True))
    category = pd.Categorical.from_codes(category, budget.index)
    frame = {"customer": customer, "date": day.astype("M8[s]"), "category": category}
    frame = pd.DataFrame(frame | {"amount": cents / 100})
    last_days = (new_years[1:] - np.timedelta64(1, "D")).astype("M8[s]")
    incomes = {"customer": income.index.repeat(n_periods), "date": np.tile(last_days, n_customers)}
    incomes = pd.DataFrame(incomes | {"income": income.to_numpy().ravel()})
    return TransactionLog(frame, income=incomes, customers=income.index, cutoff=last_days[-1])


def _pay(cents, first_customer, new_years, budget, rng):
    """Split every cell of cents, (customers, periods, categories), into payments in its year."""
    customer, period, category = np.nonzero(cents)
    due = cents[customer, period, category]
    n_payments = np.maximum(rng.poisson(budget["visits"].to_numpy()[category]), 1)
    cell = np.repeat(np.arange(len(due)), n_payments)
    last = n_payments.cumsum() - 1
    paid = rng.random(len(cell)).cumsum()
    before = np.concatenate([[0.0], paid[last[:-1]]])
    paid -= before[cell]
    paid = (paid * (due / paid[last])[cell]).astype(np.int64)
    paid[last] = due
    payment = np.diff(paid, prepend=0)
    first = last - n_payments + 1
    payment[first] = paid[first]
    year_days = np.diff(new_years).astype(int)[period[cell]]
    day = new_years[period[cell]] + (rng.random(len(cell)) * year_days).astype(int)
    kept = payment > 0
    cell = cell[kept]
    owner = (customer[cell] + first_customer).astype(np.int32)
    return owner, day[kept], category[cell].astype(np.int16), payment[kept]
