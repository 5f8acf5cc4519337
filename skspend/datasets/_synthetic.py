"""A synthetic bank: in come a size and a seed, out come spending and the truth behind it.

It stands in for the data of section III-A of Maree & Omlin (2021): six years of spending by
category, as shares of income, for about 26,000 customers. Latent traits tilt every budget a little;
lasting tastes, year-to-year noise and rare large purchases hide them. How hard that makes the tasks
is set by the constants below and held by tests, so that nobody tunes the bank to a method.
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

from ..transactions import TransactionLog

if TYPE_CHECKING:
    from .._utils._typing import RandomState
    from ._bunches import Bank

TRAITS = ("openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism")

# The last calendar year of the bank.
LAST_YEAR = 2023

# Customers drawn at a time: 2,048 x 6 x 97 float32 numbers are 5 MB and stay near the processor.
BLOCK = 2048

# Ratings of a negligible category have this spread, half of it where the budget is NEUTRAL_BUDGET
# per cent of spending: necessities say little about a person, and must not drown the rest.
RATING_SPREAD, NEUTRAL_BUDGET = 1.6, 1.5

# Tilt of a log budget weight per trait and unit of rating, and the part no rating knows of. Latent
# traits and computed scores then correlate at .35 to .45, somewhat above the .21 found in people
# (Gladstone, Matz & Lemaire 2019, corrected), whose personality is measured with error, too.
TILT, STRAY_TILT = 0.14, 0.12

# A customer's lasting taste for a category, in multiples of the category's yearly swing: computed
# scores of neighbouring years then correlate at .65.
TASTE = 3.4

# Step of a trait from year to year, in standard deviations: adult personality hardly moves.
DRIFT = 0.06

# Log-odds of the share of income that is spent where the bank sees it: level, spread between
# customers, spread between the years of one (other banks, bonuses, months without work). Scores do
# not see it, so that it is what makes raw shares hard to read.
SPENT_LEVEL, SPENT_BETWEEN, SPENT_WITHIN = 0.2, 0.5, 1.6
LEAST_SPENT = 0.08

# Purchases that upset a budget: yearly chance, median share of income, log spread. One year in ten
# loses more than a fifth of its spending to one of them.
LARGE_PURCHASES = {
    "car purchase": (0.07, 0.18, 0.45),
    "home repairs": (0.05, 0.10, 0.50),
    "dentist": (0.05, 0.05, 0.50),
}

# The part of a large purchase that is saved on ordinary spending in the same year.
RELIEF = 0.75

# Yearly income in currency units: median, log spread, growth, log spread of a single year.
INCOME, INCOME_SPREAD, INCOME_GROWTH, INCOME_SWING = 42_000, 0.45, 0.025, 0.06

# Traits and finances explain as much of a label as the paper's Table 1 leaves room for (a squared
# error of 0.81 on a liquidity index of variance 1).
EXPLAINED = 0.20
DEFAULT_RATE = 0.10

# How each label hangs on the standardised traits and finances: only the proportions count.
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
        Number of customers.
    n_periods : int, default=6
        Number of calendar years, the last of which is 2023.
    n_categories : int, default=97
        Number of categories, those with the largest budgets first.
    transactions : bool, default=False
        Give dated transactions instead of the panel. The panel of the same seed is what
        ``SpendingAggregator(period="year", n_periods=n_periods, normalize="income")`` makes of
        them, up to the rounding to cents (and with its columns sorted by name).
    random_state : int, RandomState, Generator or None, default=None
        Seed. The same integer gives bit-identical data; NumPy's global state is left alone.

    Returns
    -------
    bunch : Bunch
        data : DataFrame, shape (n_customers, n_periods * n_categories), or TransactionLog
            Shares of the year's income, float32, columns ``year1|groceries`` ... period by period,
            oldest first. What a year leaves of 1 is saved or spent elsewhere.
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
            Description, with the difficulty that the tests hold.

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
    rng = _generator(random_state)
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
        raw_scores[block] = _score(shares[block], coefficients.to_numpy())

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
        types=_type(scores),
        income=income,
        finances=causes[["log_income", "unspent"]],
        default=labels["default"],
        liquidity=labels["liquidity"],
        DESCR=(files(__package__) / "data" / "synthetic.rst").read_text(encoding="utf-8"),
    )


def _generator(random_state):
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**32, size=4, dtype=np.uint32)
    return np.random.default_rng(random_state)


def _budget(n_categories):
    """Household budget, one row per category, largest first, with an anonymous tail."""
    with (files(__package__) / "data" / "household_budget.csv").open() as file:
        named = pd.read_csv(file, index_col="category")
    numbers = np.arange(len(named) + 1, n_categories + 1)
    tail = {
        "budget": 0.3 * len(named) / numbers,
        "buyers": 0.4,
        "years": 0.7,
        "swing": 0.5,
        "visits": 1,
    }
    tail = pd.DataFrame(tail, index=[f"category {number}" for number in numbers])
    return pd.concat([named, tail] if len(tail) else [named]).iloc[:n_categories]


def _rate(budget, rng):
    """Ratings of categories on the five traits; published cells keep their sign or value."""
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
    """Traits, the yearly traits that they are the mean of, and yearly income."""
    traits = rng.standard_normal((n_customers, len(TRAITS)))
    walk = DRIFT * rng.standard_normal((n_customers, n_periods, len(TRAITS))).cumsum(axis=1)
    yearly_traits = traits[:, None] + walk - walk.mean(axis=1, keepdims=True)
    log_income = log(INCOME) + INCOME_SPREAD * rng.standard_normal((n_customers, 1))
    log_income = log_income + INCOME_GROWTH * np.arange(n_periods)
    log_income += INCOME_SWING * rng.standard_normal((n_customers, n_periods))
    return traits, yearly_traits, np.exp(log_income).round(2)


def _draw_shares(yearly_traits, budget, tilt, rng):
    """Shares of income of a block of customers, (customers, periods, categories), float32."""
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
    large = _draw_large_purchases(budget, (n_customers, n_periods), rng)
    spent = SPENT_LEVEL + SPENT_BETWEEN * rng.standard_normal((n_customers, 1))
    spent = expit(spent + SPENT_WITHIN * rng.standard_normal((n_customers, n_periods)))
    spent = np.maximum(spent - RELIEF * sum(large.values()), LEAST_SPENT)
    total = shares.sum(axis=2)
    shares *= (spent / np.where(total > 0, total, 1))[:, :, None].astype(np.float32)
    for category, share in large.items():
        shares[:, :, budget.index.get_loc(category)] += share
    return shares


def _draw_large_purchases(budget, shape, rng):
    """Shares of income, (customers, periods), by category."""
    return {
        category: median
        * np.exp(spread * rng.standard_normal(shape))
        * (rng.random(shape) < chance)
        for category, (chance, median, spread) in LARGE_PURCHASES.items()
        if category in budget.index
    }


def _score(shares, coefficients):
    """Mean over periods of the spending distribution, times coefficients."""
    totals = shares.sum(axis=2, dtype=float, keepdims=True)
    return (shares / np.where(totals > 0, totals, 1)).mean(axis=1) @ coefficients


def _standardize(values):
    """Mean 0 and standard deviation 1 over customers; a constant column becomes 0."""
    spread = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(spread > 1e-9, spread, 1)


def _type(scores):
    values = scores.to_numpy()
    top = np.abs(values).argmax(axis=1)
    is_positive = values[np.arange(len(values)), top] >= 0
    names = np.array([[f"{trait}-", f"{trait}+"] for trait in scores.columns])
    return pd.Series(names[top, is_positive.astype(int)], index=scores.index, name="type")


def _draw_labels(causes, rng):
    """Default and liquidity, each explained to EXPLAINED by a linear regression on the causes."""
    signal = _standardize(_standardize(causes.to_numpy()) @ LABEL_WEIGHTS.to_numpy())
    noise = rng.standard_normal(signal.shape)
    strength = np.array([_strength_for_default(signal[:, 0]), sqrt(EXPLAINED)])
    index = strength * signal + np.sqrt(1 - strength**2) * noise
    is_default = index[:, 0] > np.quantile(index[:, 0], 1 - DEFAULT_RATE)
    labels = {"default": is_default.astype(int), "liquidity": index[:, 1]}
    return pd.DataFrame(labels, index=causes.index)


def _strength_for_default(signal):
    """Weight of the signal in the index whose top tenth defaults.

    A straight line explains less of 0 and 1 than of the index behind them, so that the index has to
    hang on its causes more than EXPLAINED.
    """
    cut = ndtri(1 - DEFAULT_RATE)

    def missing(strength):
        chance = ndtr((strength * signal - cut) / sqrt(1 - strength**2))
        explained = np.mean(signal * chance) ** 2 / (DEFAULT_RATE * (1 - DEFAULT_RATE))
        return explained - EXPLAINED

    return brentq(missing, 0, 0.99) if missing(0.99) > 0 else 0.99


def _spread_over_days(shares, income, budget, rng):
    """Turn shares into dated payments in whole cents, as a TransactionLog."""
    n_customers, n_periods, _ = shares.shape
    new_years = np.arange(LAST_YEAR - n_periods + 1, LAST_YEAR + 2).astype(str).astype("M8[D]")
    parts = []
    for start in range(0, n_customers, BLOCK):
        block = slice(start, start + BLOCK)
        cents = shares[block] * income.to_numpy()[block, :, None] * 100
        parts.append(_pay(np.rint(cents).astype(np.int64), start, new_years, budget, rng))
    customer, day, category, cents = map(np.concatenate, zip(*parts, strict=True))
    frame = {
        "customer": customer,
        "date": day.astype("M8[s]"),
        "category": pd.Categorical.from_codes(category, budget.index),
        "amount": cents / 100,
    }
    last_days = (new_years[1:] - 1).astype("M8[s]")
    known = {
        "customer": income.index.repeat(n_periods),
        "date": np.tile(last_days, n_customers),
        "income": income.to_numpy().ravel(),
    }
    return TransactionLog(
        pd.DataFrame(frame),
        income=pd.DataFrame(known),
        customers=income.index,
        cutoff=last_days[-1],
    )


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
