"""The memory that the process may take while it reads files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

import psutil

PIECE = 2**27
"""Bytes that a piece takes while it is read, beside the sums that are kept of it."""
START = 3 * PIECE
"""Bytes that the first pieces take."""
ROUNDED = 10_000_000
"""Bytes to which an error rounds."""


@dataclass(frozen=True)
class MemoryLimit:
    """The most bytes that this process may hold, or None. A step that needs more is not begun."""

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
        if self.n_bytes in (None, math.inf):
            return None
        # The sums that are kept need the other half of what is free.
        return max(1, int((self.n_bytes - _held()) // (2 * PIECE)))

    def check(self, n_sums, n_bytes=PIECE):
        """Raise a MemoryError if so many more bytes, beside the sums so far, may be too many."""
        if self.n_bytes is None:
            return
        held = _held()
        if held + n_bytes > self.n_bytes:
            limit = f"memory_limit is {_gigabytes(self.n_bytes)}. This process holds"
            step = f"step may take {_gigabytes(n_bytes)}"
            if not n_sums:
                # Rounded up, as a limit of what is rounded down would be refused again.
                least = math.ceil((held + n_bytes) / ROUNDED) * ROUNDED
                raise MemoryError(
                    f"{limit} {_gigabytes(held)}, and its next {step}, whatever the files hold. "
                    f"Allow at least {_gigabytes(least)}."
                )
            raise MemoryError(
                f"{limit} {_gigabytes(held)} with {n_sums:,} sums by customer, date and category, "
                f"and its next {step}. Read sums of more days, as by resolution='month', or the "
                f"files of fewer customers, or allow more memory."
            )


NO_LIMIT = MemoryLimit()


def _held():
    return psutil.Process().memory_info().rss


def _gigabytes(n_bytes):
    if n_bytes < ROUNDED:
        return f"{n_bytes:,.0f} bytes"
    return f"{n_bytes / 1e9:.2f} GB"
