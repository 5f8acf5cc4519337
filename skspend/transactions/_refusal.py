"""Tables of transactions where a panel is asked for, which are refused."""

from typing import TypeGuard

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from pyarrow.dataset import Dataset

from .._utils._sparse import is_sparse
from .._utils._text import count
from ._names import call_of_usual_columns

_FLOATS = {np.dtype(np.float64), np.dtype(np.float32)}


def refuse_transactions(X: object) -> None:
    """Refuse a table of transactions (lazy, with their columns, or with text or dates).

    Its rows are transactions, so that a split by rows would cut customers apart.
    """
    if isinstance(X, np.ndarray) or _is_frame_of_periods(X):
        return
    table = nw.from_native(X, pass_through=True)
    if isinstance(table, nw.LazyFrame | Dataset):
        what, call = "is not in memory", "TransactionLog(frame, ...)"
    elif isinstance(table, nw.DataFrame):
        of_no_panel = [name for name in table.columns if "|" not in str(name)]
        odd = _find_text_and_dates(table)
        if usual := call_of_usual_columns(of_no_panel):
            what, call = "has the columns of transactions", usual
        elif odd:
            what = f"has {count(len(odd), 'column')} of text or dates (the first is {odd[0]!r})"
            call = "TransactionLog(frame, customer=..., date=..., category=..., amount=...)"
        else:
            return
    else:
        return
    raise TypeError(
        f"X {what}, so its rows seem to be transactions and not customers. Wrap it: {call}."
    )


def is_frame_of_floats(X: object) -> TypeGuard[pd.DataFrame]:
    """Whether X is a pandas frame that is as good as an array."""
    return isinstance(X, pd.DataFrame) and set(X.dtypes) <= _FLOATS


def _is_frame_of_periods(X):
    """Whether X is such a frame, and all names of its columns have a period.

    Of such frames, narwhals would take most of the time of a small transform.
    """
    if not (is_frame_of_floats(X) and X.columns.is_unique):
        return False
    return all("|" in str(name) for name in X.columns.tolist())


def _find_text_and_dates(table):
    """The columns of text or dates."""
    native = table.to_native()
    # Asking for the type of each of some thousand columns takes long.
    if is_sparse(native) or is_frame_of_floats(native):
        return []
    kinds = nw.String, nw.Categorical, nw.Enum, nw.Date, nw.Datetime
    return [name for name, dtype in table.schema.items() if dtype in kinds]
