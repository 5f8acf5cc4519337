"""Numbers and lists in messages, and warnings that point at the line of the user."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence


def count(n: int, singular: str, plural: str | None = None) -> str:
    """Say how many there are, with the right form of the noun.

    Examples
    --------
    >>> count(1, "category", "categories"), count(1200, "customer")
    ('1 category', '1,200 customers')
    """
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"


def some(names: Sequence[object], most: int = 5) -> str:
    """List the first names, and say how many more there are.

    Examples
    --------
    >>> some(["pets", "books", "travel"], most=2)
    "'pets', 'books' and 1 more"
    """
    listed = ", ".join(repr(str(name)) for name in names[:most])
    return listed + (f" and {len(names) - most} more" if len(names) > most else "")


def warn(message: str) -> None:
    """Warn, and point at the first line outside skspend and scikit-learn."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _is_library(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


def _is_library(module):
    return module.partition(".")[0] in ("skspend", "sklearn")
