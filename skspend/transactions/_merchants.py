"""Merchant category codes in the column of categories."""

import numpy as np

from .._utils._text import count, warn
from ..categories import mcc_to_category
from ..categories._mcc import UNKNOWN
from ._columns import smallest


def name_codes(reading):
    """Put the names of merchant category codes in the place of the codes, and warn of others."""
    codes = reading.categories
    names, position = np.unique(
        mcc_to_category(codes, handle_unknown="ignore"), return_inverse=True
    )
    category = reading.rows["category"]
    is_unknown = names[position] == UNKNOWN
    if is_unknown.any():
        n_rows = np.bincount(category, reading.rows.transactions, len(codes))
        n_unknown = int(n_rows[is_unknown].sum())
        most = codes[is_unknown][n_rows[is_unknown].argmax()]
        have = "has" if n_unknown == 1 else "have"
        warn(
            f"{count(n_unknown, 'transaction')} ({n_unknown / n_rows.sum():.1%}) {have} a merchant "
            f"category code that is not listed, most often {most!r}. Their category is {UNKNOWN!r}."
        )
    is_merged = "transactions" in reading.rows.columns
    rows = reading.rows.with_columns({"category": smallest(position)[category]})
    # Two codes may have one name.
    reading.rows = rows.group() if is_merged else rows
    reading.categories = names
