"""What a notebook shows of a log: small tables of what it holds and of what it leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from .._utils._text import cut

if TYPE_CHECKING:
    from ._log import TransactionLog

MOST_CATEGORIES = 8
"""Categories that are listed, those with the largest amounts."""
LONGEST_NAME = 40
"""Characters of the name of a category."""
PLAIN = "tex2jax_ignore mathjax_ignore"
"""Classes of a table in which a notebook takes no dollar sign for mathematics."""


def write_tables(log: TransactionLog) -> str:
    """Write the size of a log, its largest categories, and the rows left out, as HTML tables.

    All text is escaped.
    """
    first, last = map(str, log.span)
    sizes = {
        "customers": f"{len(log):,}",
        "transactions": f"{log.n_transactions:,}",
        "days": f"{first} to {last}",
        "categories of spending": f"{len(log.categories):,}",
        "categories of income": f"{len(log.income_categories):,}",
    }
    spent = pd.Series(log.sum_by_category(), log.categories).sort_values(
        ascending=False, kind="stable"
    )
    largest = spent[:MOST_CATEGORIES].loc[lambda amount: amount > 0]
    categories = {
        "largest categories": [cut(str(name), LONGEST_NAME) for name in largest.index],
        "amount": [f"{amount:,.2f}" for amount in largest],
    }
    left_out = log.quality_.loc[lambda row: row["transactions"] > 0]
    reasons = {
        "left out": left_out.index,
        "transactions": [f"{n:,}" for n in left_out["transactions"]],
        "amount": [f"{amount:,.2f}" for amount in left_out["amount"]],
    }
    about = {"TransactionLog": sizes.keys(), "": sizes.values()}
    tables = [pd.DataFrame(table) for table in (about, categories, reasons)]
    return "\n".join(
        table.to_html(index=False, border=0, classes=PLAIN) for table in tables if len(table)
    )
