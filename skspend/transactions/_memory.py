"""The memory that the process may take while it reads files."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import psutil

PIECE = 2**27
"""Bytes that a piece takes while it is read, beside the sums that are kept of it."""
START = 3 * PIECE
"""Bytes that the first pieces take."""


@dataclass(frozen=True)
class MemoryLimit:
    """The most bytes that this process may hold, or None; what needs more is not begun."""

    n_bytes: float | None = None

    def __post_init__(self):
        if self.n_bytes is None:
            return
        if isinstance(self.n_bytes, bool) or not isinstance(self.n_bytes, Real):
            raise TypeError(
                f"memory_limit must be a number of bytes, such as 4e9, got {self.n_bytes!r}."
            )
        if not self.n_bytes > 0:
            raise ValueError(f"memory_limit must be more than 0 bytes, got {self.n_bytes!r}.")

    def n_pieces(self):
        """How many pieces may be read at once, at least 1; None if there is no limit."""
        if self.n_bytes is None:
            return None
        # The sums that are kept need the other half of what is free.
        return max(1, int((self.n_bytes - _held()) / 2 // PIECE))

    def check(self, n_sums, n_bytes=PIECE):
        """Raise a MemoryError if so many more bytes, beside the sums so far, may be too many."""
        if self.n_bytes is None:
            return
        held = _held()
        if held + n_bytes > self.n_bytes:
            raise MemoryError(
                f"memory_limit is {_gigabytes(self.n_bytes)}. This process holds "
                f"{_gigabytes(held)} with {n_sums:,} sums by customer, date and category, and its "
                f"next step may take {_gigabytes(n_bytes)}. Read sums of more days, as by "
                f"resolution='month', or the files of fewer customers, or allow more memory."
            )


NO_LIMIT = MemoryLimit()


def _held():
    return psutil.Process().memory_info().rss


def _gigabytes(n_bytes):
    return f"{n_bytes / 1e9:.2f} GB"
