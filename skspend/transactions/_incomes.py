"""Incomes of customers, read from a table of their own or from a column of the transactions."""

import copy

import numpy as np
import pandas as pd

from .._utils._errors import refuse
from ._columns import days_since_1970, known_customer_codes, read_amounts
from ._engines import fetch_columns
from ._quality import BAD_INCOME, UnreadableRows, first_of, join_left_out
from ._rows import Rows


def read_income_table(income, customer, date, customers):
    """Return Rows of amount and, if the frame has dates, day; else no customer may be repeated."""
    names = {"customer": customer, "income": "income", "date": date}
    table = fetch_columns(income, names, "income", optional={"date"})
    unreadable = UnreadableRows("raise", len(table["income"]))
    codes = known_customer_codes(table["customer"], customer, customers, unreadable)
    amounts, unit = read_amounts(table["income"], "income", unreadable)
    known = codes >= 0
    columns = {"amount": amounts[known] / unit}
    is_repeated = table["customer"].duplicated().to_numpy()
    if "date" in table:
        columns["day"] = days_since_1970(table["date"], date)[known]
    elif is_repeated.any():
        first = first_of(table["customer"], is_repeated)
        problem = f"repeated customer (such as {first!r}) in income= without dates,"
        remedy = f"Give one yearly income for each customer, or dates in a column {date!r}"
        refuse(is_repeated, customer, problem, remedy)
    return Rows(codes[known], len(customers), columns)


def read_income_column(files, customers, errors, n_sums):
    """Return Rows of the yearly amount of each customer who has one, and counts of those left out.

    `customers` are as they are written in the files. Different incomes of one are an error. Reading
    keeps to the limit of memory of the files, beside the `n_sums` that were read before.
    """
    names = {role: files.names[role] for role in ("customer", "income")}
    lowest = np.full(len(customers), np.inf)
    highest = np.full(len(customers), -np.inf)
    left_out, n_before = [], 0
    for piece in files.pieces(names):
        files.memory.check(n_sums)
        table = piece.read()
        values = table["income"]
        ignored = UnreadableRows("drop", len(values))
        codes = known_customer_codes(table["customer"], names["customer"], customers, ignored)
        text = files if files.is_text else None
        amounts, unit = read_amounts(values, names["income"], ignored, text=text)
        incomes = amounts / unit
        is_bad = values.notna().to_numpy() & ~((incomes >= 0) & np.isfinite(incomes))
        unreadable = UnreadableRows(errors, len(values), None, n_before, piece.find_row)
        remedy = (text and text.number_remedy) or "Write yearly incomes as plain numbers"
        unreadable.add(is_bad, names["income"], BAD_INCOME, remedy, values)
        left_out.append(unreadable.count(codes, np.zeros(len(values))))
        counts = (codes >= 0) & ~np.isnan(incomes) & ~is_bad
        np.minimum.at(lowest, codes[counts], incomes[counts])
        np.maximum.at(highest, codes[counts], incomes[counts])
        n_before += len(values)
    differ = lowest < highest
    if differ.any():
        first = int(np.argmax(differ))
        raise ValueError(
            f"Column {names['income']!r}: different incomes in the rows of {differ.sum():,} of "
            f"{len(customers):,} customers, first of {str(customers[first])!r} "
            f"({lowest[first]:,.2f} and {highest[first]:,.2f}). Write the same yearly income in "
            f"all rows of a customer."
        )
    owner = np.flatnonzero(np.isfinite(lowest))
    return Rows(owner, len(customers), {"amount": lowest[owner]}), join_left_out(left_out)


def are_among(names, others):
    """Whether each name is among others, which are distinct.

    isin of NumPy compares each with each other one, and that of pandas wraps each in a scalar.
    """
    return pd.Index(others).get_indexer(pd.Index(names)) >= 0


def with_income(log, income):
    """Count these categories as income and all others as spending, whatever flows in here.

    Then a category has the same role whoever else is in the log.
    """
    names = np.sort(np.concatenate([log.categories, log.income_categories]))
    is_income = are_among(names, income)
    found = copy.copy(log)
    found._ledger = log._ledger.with_roles(is_income)
    found.categories, found.income_categories = names[~is_income], names[is_income]
    return found
