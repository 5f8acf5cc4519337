"""Rows are merged in a table of all cells, or in lists of those that have rows."""

from itertools import islice

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from skspend.transactions import _rows
from skspend.transactions._memory import NO_LIMIT
from skspend.transactions._moments import NEVER
from skspend.transactions._rows import Rows, join

ROW = st.tuples(st.integers(0, 3), st.integers(-2, 4), st.integers(0, 2), st.integers(-9, 9))


def make_rows(table, is_merged):
    customer, day, category, cents = np.array(table).T
    columns = {
        "day": (day * 30).astype(np.int16),
        "category": category.astype(np.int8),
        # Quarters add up exactly.
        "amount": cents / 4,
        "out_last": np.where(cents > 0, day, NEVER).astype(np.int32),
    }
    if is_merged:
        columns["transactions"] = (1 + np.arange(len(table)) % 3).astype(np.int32)
        columns["refunds"] = np.minimum(cents, 0) / 4
    return Rows(customer.astype(np.int32), 4, columns)


@settings(max_examples=200, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=60), st.booleans())
def test_merged_rows_are_those_of_pandas(table, is_merged):
    rows = make_rows(table, is_merged)
    frame = pd.DataFrame(rows.columns | {"customer": rows.customer, "refunds": rows.refunds})
    frame["transactions"] = rows.transactions
    kept = dict.fromkeys(("amount", "transactions", "refunds"), "sum") | {"out_last": "max"}
    expected = frame.groupby(["customer", "day", "category"], as_index=False).agg(kept)
    expected = {name: values.to_numpy() for name, values in expected.items()}
    for largest_table in (0, 2**21):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_rows, "LARGEST_TABLE", largest_table)
            merged = rows.group()
        np.testing.assert_array_equal(merged.customer, expected["customer"])
        for name, values in merged.columns.items():
            np.testing.assert_array_equal(values, expected[name])
            dtype = rows.columns.get(name, rows.transactions).dtype
            assert name == "refunds" or values.dtype == dtype


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(ROW, min_size=1, max_size=20), min_size=2, max_size=5), st.booleans())
def test_joined_parts_are_merged_as_one(tables, is_sorted):
    if is_sorted:
        # At most one customer is in a table and the next one.
        rows = iter(sorted(row for table in tables for row in table))
        tables = [list(islice(rows, len(table))) for table in tables]
    parts = [make_rows(table, is_merged=True).group() for table in tables]
    if any(part.has_refunds for part in parts):
        parts = [part.with_columns({"refunds": part.refunds}) for part in parts]
    customer = np.concatenate([part.customer for part in parts])
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0].columns}
    expected = Rows(customer, 4, columns).group()
    for rows_at_once in (1, 5, 2**18):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_rows, "ROWS_AT_ONCE", rows_at_once)
            found = join([*parts], 4, NO_LIMIT)
        assert found == expected
        for name in expected.columns:
            assert found[name].dtype == expected[name].dtype


def test_large_columns_have_pages_of_their_own_and_small_ones_have_not():
    """A process may have less than 65,536 of such columns, and a folder has more files."""
    size = _rows.LARGE // 8
    large, small = (Rows(np.zeros(n, np.int32), 1, {"amount": np.arange(n)}) for n in (size, 9))
    assert small.on_own_pages()["amount"] is small["amount"]
    assert large.on_own_pages() == large
    assert not np.shares_memory(large.on_own_pages()["amount"], large["amount"])
