"""Which of a bank's own categories are categories of the coefficients under another name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ..categories._suggest import suggest
from ..personality import load_coefficients

if TYPE_CHECKING:
    from .._utils._typing import Coefficients
    from ..transactions import TransactionLog


def suggest_aliases(log: TransactionLog, coefficients: Coefficients = None) -> pd.DataFrame:
    """Suggest which category of the coefficients each category of a log is.

    A suggestion rests on names alone: read it before you use it.

    Parameters
    ----------
    log : TransactionLog
    coefficients : frame, mapping, path or None, default=None
        As for BigFivePersonalityScorer.

    Returns
    -------
    table : pandas.DataFrame, shape (n_categories, 5)
        By category, from the largest spending:

        - ``use_as``: the category of the coefficients, or NaN without a suggestion;
        - ``score``: how much of the name is known words, from 0 to 100 (the name itself);
        - ``traits``: what more spending on it would say, such as ``"openness+ neuroticism-"``;
        - ``share``: share of all spending, from 0 to 1;
        - ``customers``: how many customers spend anything on it.

    Notes
    -----
    A name is compared with the categories of the coefficients, with the titles of merchant category
    codes, and with a list of words in English, Danish, Dutch, French, German, Norwegian, Spanish
    and Swedish, most of which have no coefficient (``skspend/categories/data/synonyms.csv``).
    A suggestion is made if all known words belong to one category, and are half of the letters.
    ``docs/measured.md`` says how often that is right.

    Examples
    --------
    >>> import pandas as pd
    >>> from skspend import TransactionLog
    >>> log = TransactionLog(pd.DataFrame({
    ...     "customer": 1, "date": "2024-05-17", "category": ["Husleie", "Kafé & restaurant"],
    ...     "amount": [900.0, 100.0],
    ... }))
    >>> suggest_aliases(log)[["use_as", "share"]].rename_axis(None)
                                    use_as  share
    Husleie                            NaN    0.9
    Kafé & restaurant  dining and drinking    0.1
    """
    table = load_coefficients(coefficients)
    # All years of the log. More may come back in a category than is spent.
    first, last = (int(day.astype("M8[Y]").astype(int)) for day in log.span)
    customers = log.count_customers(12 * (last - first + 1), 1)
    spending = log.sum_by_category().clip(min=0)
    found = suggest(list(log.categories), table.index)
    suggested = pd.Series([suggestion.category for suggestion in found], dtype=object)
    return pd.DataFrame({
        "use_as": suggested.where(suggested.notna()).to_numpy(),
        "score": [suggestion.score for suggestion in found],
        "traits": [_name_traits(table, suggestion.category) for suggestion in found],
        "share": spending / (spending.sum() or 1),
        "customers": customers,
    }, pd.Index(log.categories, name="category")).sort_values(
        "share", ascending=False, kind="stable"
    )  # fmt: skip


def _name_traits(table, category):
    """Name the traits on which a category has a coefficient, with its sign."""
    if category is None:
        return ""
    known = table.loc[category].dropna()
    return " ".join(f"{trait}{'+' if value > 0 else '-'}" for trait, value in known.items())
