"""Names, numbers and lists in messages, and warnings that point at the line of the user."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._typing import Names

SIMILAR = 70
"""Of 100, from which a name may be another with a slip."""


def printable(text: str) -> str:
    r"""Escape what a terminal obeys or does not show, such as control and bidi characters.

    >>> print(printable("pets\x1b[2J"))
    pets\x1b[2J
    """
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def cut(text: str, most: int) -> str:
    """Make a text `printable`, and shorten it to so many characters.

    >>> cut("groceries", 5)
    'groc…'
    """
    text = printable(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Ask whether the most similar choice was meant, if one is similar.

    >>> did_you_mean("Pest", ["travel", "pets"])
    " Did you mean 'pets'?"
    """
    # Help and completion do not wait for it.
    from rapidfuzz.fuzz import ratio
    from rapidfuzz.process import extractOne

    found = extractOne(name, choices, processor=str.casefold, scorer=ratio, score_cutoff=SIMILAR)
    return f" Did you mean {found[0]!r}?" if found else ""


def count(n: int, singular: str, plural: str | None = None) -> str:
    """Say how many there are, such as "1 category" or "1,200 customers"."""
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"


def all_periods(n: int) -> str:
    """Say "all 3 periods", or "the only period"."""
    return f"all {n:,} periods" if n > 1 else "the only period"


def some(names: Sequence[object] | Names, most: int = 5) -> str:
    """List the first names, such as "'pets', 'books' and 1 more"."""
    listed = ", ".join(repr(str(name)) for name in names[:most])
    return listed + (f" and {len(names) - most} more" if len(names) > most else "")


def warn(message: str) -> None:
    """Warn, and point at the first line outside skspend and scikit-learn."""
    level, frame = 2, sys._getframe(1)
    # contextlib calls the methods that a context manager decorates.
    libraries = "skspend", "sklearn", "contextlib"
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in libraries:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)
