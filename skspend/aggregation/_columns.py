"""Which categories become columns of a panel, and how the columns of statistics are named."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from .._utils._sklearn import CELLS_AT_ONCE
from .._utils._text import count, some
from ..categories._coefficients import INFREQUENT
from ..transactions._balances import BALANCES
from ..transactions._moments import FLOWS, STATISTICS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .._utils._typing import Estimator, Names
    from ..transactions import TransactionLog

DENSITY = 0.25
"""Of a large panel: where a smaller share of the cells can be other than 0, columns are sparse."""
SUFFIXES = tuple(
    f":{word}" for word in (*FLOWS, *STATISTICS, *BALANCES) if word not in ("out", "sum")
)
"""How names of features other than shares end; shares of money spent have no suffix."""


def name_feature(category: str, statistic: str, flow: str) -> str:
    """The name of a column, such as ``groceries:mean`` or ``salary:in``.

    >>> name_feature("groceries", "sum", "out"), name_feature("salary", "count", "in")
    ('groceries', 'salary:in:count')
    """
    of_flow = "" if flow == "out" else f":{flow}"
    return category + of_flow + ("" if statistic == "sum" else f":{statistic}")


def name_features(spend: Estimator) -> list[str]:
    """The features of a period of a log: flow by flow, statistic by statistic, then balances."""
    columns = {"out": spend.categories_, "in": spend.inflow_categories_}
    names = [
        name_feature(category, statistic, flow)
        for flow in spend.flows_
        for statistic in spend.statistics_
        for category in columns[flow]
    ]
    return names + [f"balance:{name}" for name in spend.balances_]


def is_mostly_zero(log: TransactionLog, spend: Estimator) -> bool:
    """Whether a panel is large, and few of its cells can be other than 0."""
    n_cells = len(log) * spend.n_periods_ * len(spend.features_)
    # A day has passed since every transaction, and since none, and balances last.
    is_full = "days_since" in spend.statistics_ or spend.balances_
    most = np.inf if is_full else len(spend.statistics_)
    return n_cells > max(CELLS_AT_ONCE, most * log.n_transactions / DENSITY)


def find_shares(features: Sequence[str]) -> NDArray[np.bool_]:
    """Whether each feature is a sum of spending, and no other statistic."""
    return np.array([not str(feature).endswith(SUFFIXES) for feature in features], dtype=bool)


def refuse_suffixes(categories: Sequence[str]) -> None:
    """Refuse names of categories that end like those of statistics."""
    is_share = find_shares(categories)
    if not is_share.all():
        n_like = int((~is_share).sum())
        raise ValueError(
            f"{count(n_like, 'category ends', 'categories end')} like the name of a statistic; "
            f"the first is {categories[int(is_share.argmin())]!r}. Rename them, so that "
            f"columns can be told apart."
        )


def choose_categories(
    log: TransactionLog,
    periods: tuple[int, int],
    categories: Literal["auto"] | Sequence[str],
    min_frequency: int | float | None,
    max_categories: int | None,
) -> tuple[Names, Names | None]:
    """Return the categories that become columns, and those that are infrequent, if there are any.

    `periods` are their length in months and their number. A last column is ``"infrequent"``.
    """
    chosen = log.categories
    if not isinstance(categories, str):
        chosen = np.array(list(categories), dtype=object)
        unknown = sorted(set(chosen) - set(log.categories))
        if len(set(chosen)) < len(chosen):
            raise ValueError("categories= names a category twice. List every category once.")
        if unknown:
            raise ValueError(
                f"{len(unknown)} of {len(chosen)} categories= are not in the log; the first is "
                f"{unknown[0]!r}. The log has: {some(log.categories)}."
            )
    is_rare = _find_infrequent(log, periods, chosen, min_frequency, max_categories)
    if not is_rare.any():
        return chosen, None
    if INFREQUENT in chosen[~is_rare]:
        raise ValueError(
            f"The log has a category {INFREQUENT!r}, which is the name of the column of "
            f"infrequent categories. Rename the category."
        )
    return np.append(chosen[~is_rare], INFREQUENT), chosen[is_rare]


def _find_infrequent(log, periods, chosen, min_frequency, max_categories):
    """Find the categories that too few customers use, as scikit-learn's encoders do."""
    is_rare = np.zeros(len(chosen), dtype=bool)
    if min_frequency is None and max_categories is None:
        return is_rare
    counts = log.count_customers(*periods)
    counts = counts[pd.Index(log.categories).get_indexer(chosen)]
    if min_frequency is not None:
        is_share = not isinstance(min_frequency, Integral)
        is_rare = counts < min_frequency * (len(log) if is_share else 1)
    most = max_categories or len(chosen)
    if (~is_rare).sum() + is_rare.any() > most:
        is_rare[np.argsort(counts, kind="stable")[: len(chosen) - (most - 1)]] = True
    return is_rare
