"""Rows that belong to customers, kept as columns: selecting customers, and adding up by cell."""

import numpy as np
from scipy import sparse

ROUNDING = 1e-12
"""Share of what was spent and refunded below which a difference is a rounding error, not money."""


class Rows:
    """Columns of equal length whose rows belong to customers 0 ... n_customers - 1.

    Parameters
    ----------
    customer : ndarray of int, shape (n_rows,)
    n_customers : int
    columns : dict from str to ndarray, shape (n_rows,)
        ``"amount"`` and others. A row may stand for several transactions: then ``"transactions"``
        says for how many, and ``"refunds"``, if there are any, what the negative ones add up to.
    is_sorted : bool, default=False
        Whether rows lie customer by customer.
    """

    def __init__(self, customer, n_customers, columns, is_sorted=False):
        self.customer = customer
        self.n_customers = n_customers
        self.columns = columns
        self._is_sorted = is_sorted
        self._index = None

    def __len__(self):
        return len(self.customer)

    def __getstate__(self):
        # Whether somebody has indexed changes neither what is saved nor its hash.
        return vars(self) | {"_index": None}

    def __getitem__(self, column):
        return self.columns[column]

    def __eq__(self, other):
        return (
            np.array_equal(self.customer, other.customer)
            and self.columns.keys() == other.columns.keys()
            and all(np.array_equal(self[name], other[name]) for name in self.columns)
        )

    __hash__ = None  # type: ignore[assignment] # as Python has it for what is not hashable

    @property
    def n_transactions(self):
        return int(self["transactions"].sum()) if "transactions" in self.columns else len(self)

    @property
    def refunds(self):
        """What the negative transactions of each row add up to."""
        return self["refunds"] if "refunds" in self.columns else np.minimum(self["amount"], 0)

    @property
    def has_refunds(self):
        values = self.columns.get("refunds", self["amount"])
        return values.min(initial=0) < 0

    def select(self, mask):
        columns = {name: values[mask] for name, values in self.columns.items()}
        return Rows(self.customer[mask], self.n_customers, columns, self._is_sorted)

    def take(self, customers):
        """Rows of these customers, who are renumbered in the order given; repeats allowed."""
        order, starts = self._rows_by_customer()
        begins = starts[customers]
        counts = starts[customers + 1] - begins
        ends = np.cumsum(counts)
        rows = np.arange(ends[-1] if len(ends) else 0) + np.repeat(begins - (ends - counts), counts)
        if order is not None:
            rows = order[rows]
        owner = np.repeat(np.arange(len(customers), dtype=self.customer.dtype), counts)
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Rows(owner, len(customers), columns, is_sorted=True)

    def _rows_by_customer(self):
        """Sort once, when somebody indexes for the first time."""
        if self._index is None:
            if self._is_sorted:
                starts = np.searchsorted(self.customer, np.arange(self.n_customers + 1))
                self._index = None, starts
            else:
                self._index = self._sort()
        return self._index

    def _sort(self):
        # Rows as columns of a sparse matrix with a line for each customer: a counting sort.
        places = np.arange(len(self), dtype=np.int32 if len(self) < 2**31 else np.int64)
        lines = sparse.coo_array(
            (np.ones(len(self), dtype=bool), (self.customer, places)),
            shape=(self.n_customers, max(len(self), 1)),
        ).tocsr()
        return lines.indices, lines.indptr

    def group(self):
        """Merge the rows of one customer, day and category.

        Returns
        -------
        rows : Rows
            With the column transactions, and if there are any, refunds; customer by customer.
        """
        if not len(self):
            return self
        first = np.int32(self["day"].min())
        n_categories = int(self["category"].max()) + 1
        cell = (self["day"] - first).astype(np.int64) * n_categories + self["category"]
        n_cells = int(cell.max()) + 1
        cell = cell.astype(np.int32) if n_cells < 2**31 else cell

        def merge(values):
            # Equal places of a sparse matrix are added up, in linear time.
            shape = self.n_customers, n_cells
            return sparse.coo_array((values, (self.customer, cell)), shape=shape).tocsr()

        merged = merge(self["amount"])
        day, category = np.divmod(merged.indices, n_categories)
        columns = {
            "day": (day + first).astype(self["day"].dtype),
            "category": category.astype(self["category"].dtype),
            "amount": merged.data,
        }
        if self.has_refunds:
            columns["refunds"] = merge(self.refunds).data
        transactions = self.columns.get("transactions", np.ones(len(self), dtype=np.int32))
        columns["transactions"] = merge(transactions).data
        counts = np.diff(merged.indptr)
        customer = np.repeat(np.arange(self.n_customers, dtype=np.int32), counts)
        return Rows(customer, self.n_customers, columns, is_sorted=True)

    def sum_amounts(self, column, n_columns, counts=None):
        """Add up the amounts by customer and column.

        Refunds and payments that cancel leave exactly nothing.

        Parameters
        ----------
        column : ndarray of int, shape (n_rows,)
        n_columns : int
        counts : ndarray of bool, shape (n_rows,), default=None
            The rows that count; by default all.

        Returns
        -------
        total : ndarray of float64, shape (n_customers, n_columns)
        """
        customer, amounts, refunds = self.customer, self["amount"], self.columns.get("refunds")
        if counts is not None:
            customer, column, amounts = customer[counts], column[counts], amounts[counts]
            refunds = None if refunds is None else refunds[counts]
        shape = self.n_customers, n_columns
        total = sparse.coo_array((amounts, (customer, column)), shape=shape).toarray()
        refunds = amounts if refunds is None else refunds
        if refunds.min(initial=0) < 0:
            # Only where something was refunded can sums cancel.
            negative = np.flatnonzero(refunds < 0)
            cells = customer[negative].astype(np.int64) * n_columns + column[negative]
            cells, place = np.unique(cells, return_inverse=True)
            sums = total.reshape(-1)
            turnover = sums[cells] - 2 * np.bincount(place, weights=refunds[negative])
            sums[cells[np.abs(sums[cells]) <= ROUNDING * turnover]] = 0
        return total


def sum_by_cell(values, cell, n_cells):
    # Of no values at all, bincount makes integers.
    return np.bincount(cell, weights=values, minlength=n_cells).astype(np.float64, copy=False)
