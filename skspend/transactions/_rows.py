"""Rows that belong to customers, kept as columns: select customers, merge rows, add amounts up."""

from mmap import ACCESS_COPY, mmap

import numpy as np
from scipy import sparse

from ._moments import FLOWS, NEVER, is_largest, moments_of_rows, split_name, swap_flows

ROUNDING = 1e-12
"""Share of the turnover (payments plus refunds) up to which a sum is a rounding error."""
ROWS_AT_ONCE = 2**18
"""Rows that are merged at a time while parts are joined."""
LARGEST_TABLE = 2**21
"""Cells up to which a table of all takes less time than lists of those that have rows."""
LARGE = 2**18
"""Bytes from which a column gets pages of its own. A process may have some ten thousand of them, so
that the small columns of many files get none."""


class Rows:
    """Columns of equal length whose rows belong to customers 0 ... n_customers - 1.

    They include ``"amount"``. If a row stands for several transactions, ``"transactions"`` is their
    number, and ``"refunds"``, if there are any, the sum of the negative ones. It may carry moments.
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
        # A log that has been indexed is saved, and hashed, like one that has not.
        return vars(self) | {"_index": None}

    def __getitem__(self, column):
        return self.columns[column]

    def __eq__(self, other):
        return (
            np.array_equal(self.customer, other.customer)
            and self.columns.keys() == other.columns.keys()
            and all(np.array_equal(self[name], other[name]) for name in self.columns)
        )

    __hash__ = None  # type: ignore[assignment] # for Python, None means not hashable

    @property
    def transactions(self):
        found = self.columns.get("transactions")
        return np.ones(len(self), dtype=np.int32) if found is None else found

    @property
    def refunds(self):
        return self["refunds"] if "refunds" in self.columns else np.minimum(self["amount"], 0)

    @property
    def has_refunds(self):
        return self.columns.get("refunds", self["amount"]).min(initial=0) < 0

    @property
    def n_bytes(self):
        return self.customer.nbytes + sum(values.nbytes for values in self.columns.values())

    def select(self, rows):
        """Return the rows of a mask."""
        return self._pick(rows, self.customer[rows], self.n_customers, self._is_sorted)

    def with_columns(self, columns):
        return Rows(self.customer, self.n_customers, self.columns | columns, self._is_sorted)

    def with_moments(self, moments, unit):
        """Return the rows, which are single transactions, with moments of both directions."""
        if not moments:
            return self
        columns = [moments_of_rows(self, flow, moments, unit) for flow in FLOWS]
        return self.with_columns(columns[0] | columns[1])

    def on_own_pages(self):
        """Copy the columns to memory that goes back to the system as soon as it is given up.

        What a thread frees would be kept for this thread.
        """
        columns = {name: _on_own_pages(values) for name, values in self.columns.items()}
        return Rows(_on_own_pages(self.customer), self.n_customers, columns, self._is_sorted)

    def swap_flows(self):
        columns = swap_flows(self.columns)
        return Rows(self.customer, self.n_customers, columns, self._is_sorted)

    def sort_amounts(self):
        """Return the rows from the smallest amount to the largest."""
        if (self["amount"] == np.rint(self["amount"])).all():
            # float64 adds whole amounts up exactly in any order.
            return self
        order = np.argsort(self["amount"])
        return self._pick(order, self.customer[order], self.n_customers, False)

    def take(self, customers):
        """Return the rows of customers, renumbered in the order given; repeats are allowed."""
        order, starts = self._rows_by_customer()
        begins = starts[customers]
        counts = starts[customers + 1] - begins
        ends = np.cumsum(counts)
        rows = np.arange(ends[-1] if len(ends) else 0) + np.repeat(begins - (ends - counts), counts)
        if order is not None:
            rows = order[rows]
        owner = np.repeat(np.arange(len(customers), dtype=self.customer.dtype), counts)
        return self._pick(rows, owner, len(customers), True)

    def _pick(self, rows, customer, n_customers, is_sorted):
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Rows(customer, n_customers, columns, is_sorted)

    def _rows_by_customer(self):
        """Return the order of rows by customer and where each begins; look at the first use."""
        if self._index is None and self._is_sorted:
            # With another type, searchsorted would copy all customers.
            numbers = np.arange(self.n_customers + 1, dtype=self.customer.dtype)
            self._index = None, np.searchsorted(self.customer, numbers)
        if self._index is None:
            # Rows as columns of a sparse matrix with a line for each customer: a counting sort.
            places = np.arange(len(self), dtype=np.int32 if len(self) < 2**31 else np.int64)
            ones, shape = np.ones(len(self), dtype=bool), (self.n_customers, max(len(self), 1))
            lines = sparse.coo_array((ones, (self.customer, places)), shape=shape).tocsr()
            self._index = lines.indices, lines.indptr
        return self._index

    def group(self):
        """Merge the rows of the same customer, day and category; the result is sorted."""
        if not len(self):
            return self
        first, n_categories = np.int32(self["day"].min()), int(self["category"].max()) + 1
        day = self["day"] - first
        is_day = np.zeros(int(day.max()) + 1, dtype=bool)
        is_day[day] = True
        n_cells = np.count_nonzero(is_day) * n_categories
        cell = (np.cumsum(is_day) - 1).astype(np.int32 if n_cells < 2**31 else np.int64)[day]
        cell *= n_categories
        cell += self["category"]
        is_merged = "transactions" in self.columns
        is_small = self.n_customers * n_cells <= min(2 * len(self), LARGEST_TABLE)
        cells = (_Table if is_small else _Lists)(
            self.customer, cell, (self.n_customers, n_cells), self["amount"], not is_merged
        )
        day, category = np.divmod(cells.cell, n_categories)
        columns = {
            "day": (np.flatnonzero(is_day)[day] + first).astype(self["day"].dtype),
            "category": category.astype(self["category"].dtype),
            "amount": cells.amounts,
            "transactions": cells.add(self["transactions"]) if is_merged else cells.counts,
        }
        if self.has_refunds:
            columns["refunds"] = cells.add(self.refunds)
        carried = [name for name in self.columns if split_name(name)[1]]
        place = cells.find_rows() if any(map(is_largest, carried)) else None
        for name in carried:
            if is_largest(name):
                columns[name] = np.full(len(cells.cell), NEVER, dtype=self[name].dtype)
                np.maximum.at(columns[name], place, self[name])
            else:
                columns[name] = cells.add(self[name])
        return Rows(cells.customer, self.n_customers, columns, is_sorted=True)

    def count(self, column, n_columns, counts=None):
        """Count the transactions of rows that count by customer and column, as `sum_amounts`."""
        customer, transactions = self.customer, self.transactions
        if counts is not None:
            customer, column, transactions = customer[counts], column[counts], transactions[counts]
        shape = self.n_customers, n_columns
        found = sparse.coo_array((transactions, (customer, column)), shape=shape).toarray()
        return found.astype(np.int64)

    def sum_amounts(self, column, n_columns, counts=None):
        """Add up the amounts of rows that count by customer and column (0 ... n_columns - 1).

        Payments and refunds that cancel leave exactly 0.
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


def _on_own_pages(values):
    if values.nbytes < LARGE:
        return values
    found = np.frombuffer(mmap(-1, values.nbytes, access=ACCESS_COPY), values.dtype, len(values))
    found[:] = values
    return found


def join(parts, n_customers, memory):
    """Join Rows of the same columns, each of which is merged and sorted, and merge them.

    A few customers are merged at a time, and a part is given up where its last customer has passed:
    memory is needed for the parts and the result, and for little more. It is checked by `memory`.
    """
    n_rows = sum(map(len, parts))
    # No memory is taken before it is written to.
    customer, columns = np.zeros(n_rows, dtype=np.int32), {}
    for name in parts[0].columns:
        columns[name] = np.zeros(n_rows, dtype=np.result_type(*(part[name] for part in parts)))
    n_at_once = max(1, n_customers * ROWS_AT_ONCE // max(1, n_rows))
    edges = _edges(parts, n_at_once, n_customers)
    places = np.array([np.searchsorted(part.customer, edges) for part in parts]).T
    n_joined = 0
    for first, last, begins, ends in zip(
        edges[:-1], edges[1:], places[:-1], places[1:], strict=True
    ):
        memory.check(n_rows)
        is_here = begins < ends
        if not is_here.any():
            continue
        numbers = np.flatnonzero(is_here)
        found = [parts[number].select(slice(begins[number], ends[number])) for number in numbers]
        merged = _merge(found, first, last - first)
        joined = slice(n_joined, n_joined + len(merged))
        customer[joined] = merged.customer
        for name, values in merged.columns.items():
            columns[name][joined] = values
        n_joined = joined.stop
        del found, merged
        for number in np.flatnonzero(is_here & (ends == places[-1])):
            parts[number] = None
    columns = {name: values[:n_joined] for name, values in columns.items()}
    return Rows(customer[:n_joined], n_customers, columns, is_sorted=True)


def _edges(parts, n_at_once, n_customers):
    """Return the customers with whom each turn of joining begins, and the end of the last one.

    If the parts follow each other by customer, the customers whom two parts share have turns of
    their own: all others are in one part, and need not be merged.
    """
    ends = np.array([part.customer[[0, -1]] for part in parts if len(part)]).reshape(-1, 2)
    firsts, lasts = np.sort(ends, axis=0).T
    if (lasts[:-1] <= firsts[1:]).all():
        return np.unique([0, *firsts, *lasts, *(lasts + 1), n_customers]).astype(np.int32)
    return np.arange(0, n_customers + n_at_once, n_at_once, dtype=np.int32)


def _merge(parts, first, n_customers):
    """Merge the rows that several parts have of the customers from `first` on."""
    if len(parts) == 1:
        return parts[0]
    customer = np.concatenate([part.customer for part in parts]) - first
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0].columns}
    rows = Rows(customer, n_customers, columns).group()
    rows.customer += first
    return rows


class _Table:
    """The cells of customers that have rows, sorted, from a table of all cells.

    `amounts` are added up by cell, and `counts` are the numbers of rows, if they are wanted.
    """

    def __init__(self, customer, cell, shape, amounts, is_counted):
        self._keys = customer.astype(np.int64)
        self._keys *= shape[1]
        self._keys += cell
        counts = np.bincount(self._keys)
        self._found = np.flatnonzero(counts)
        self.counts = counts[self._found].astype(np.int32) if is_counted else None
        customer, self.cell = np.divmod(self._found, shape[1])
        self.customer = customer.astype(np.int32)
        self.amounts = self.add(amounts)

    def add(self, values):
        return np.bincount(self._keys, values)[self._found].astype(values.dtype, copy=False)

    def find_rows(self):
        """The place of each row among the cells."""
        return np.searchsorted(self._found, self._keys)


class _Lists:
    """The same from a list for each customer, where most cells have no row."""

    def __init__(self, customer, cell, shape, amounts, is_counted):
        self._customer, self._cells, self._shape = customer, cell, shape
        lines = self._sort(amounts)
        self.counts = _count_equal(lines) if is_counted else None
        lines.sum_duplicates()
        self.amounts, self.cell = lines.data, lines.indices
        self.customer = np.repeat(np.arange(shape[0], dtype=np.int32), np.diff(lines.indptr))

    def _sort(self, values):
        # A sparse matrix sorts places in about linear time; those that are equal stay apart.
        places = sparse.coo_array((values, (self._customer, self._cells)), shape=self._shape)
        places.has_canonical_format = True
        lines = places.tocsr()
        lines.sort_indices()
        return lines

    def add(self, values):
        lines = self._sort(values)
        lines.sum_duplicates()
        return lines.data

    def find_rows(self):
        width = self._shape[1]
        found = self.customer.astype(np.int64) * width + self.cell
        return np.searchsorted(found, self._customer.astype(np.int64) * width + self._cells)


def _count_equal(lines):
    """How often each place of a sorted sparse matrix is there, line by line."""
    is_first = np.ones(len(lines.indices), dtype=bool)
    np.not_equal(lines.indices[1:], lines.indices[:-1], out=is_first[1:])
    starts = lines.indptr[:-1]
    is_first[starts[starts < len(is_first)]] = True
    return np.diff(np.flatnonzero(is_first), append=len(is_first)).astype(np.int32)


def sum_by_cell(values, cell, n_cells):
    """Add values up by cell, as float64: of an empty array, bincount returns integers."""
    return np.bincount(cell, weights=values, minlength=n_cells).astype(np.float64, copy=False)
