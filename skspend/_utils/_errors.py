"""Errors in the input of a user, in one line and in the words of the command line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import TYPE_CHECKING

from ._text import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._typing import Integers

LONGEST = 1000
"""Characters of a message."""


class FileError(ValueError):
    """A file cannot be read; the message names it."""


class DataError(ValueError):
    """The input cannot be read or segmented; the message is one line that gives the reason."""


def as_options(message):
    """Put a message on one line and in the words of the command line.

    Characters that a terminal does not print are escaped, and the middle of a long message is cut.

    Examples
    --------
    >>> as_options("Pass aliases= or normalize='spending'.")
    'Pass --aliases or --normalize spending.'
    """
    message = re.sub(r"\(keyword (\w+)=\)", r"(--\1)", message)
    message = message.replace("by keyword", "by these options")
    message = message.replace("date_format=", "--date-format ")
    message = re.sub(r"\b(separator|decimal|encoding)=", r"--\1 ", message)
    message = message.replace("allow_unknown=True", "--allow-unknown")
    message = message.replace("mcc=True", "--mcc")
    message = message.replace("errors='drop'", "--drop-unreadable")
    message = message.replace(
        "take a FactorStateExtractor, which needs none", "find segments --without-traits"
    )
    message = re.sub(r"\b(aliases|coefficients|normalize|income)=(?:'(\w+)')?", r"--\1 \2", message)
    message = re.sub(
        r"\s+([,)]|\.(?=\s|$)|$)|\s+", lambda match: match[1] or " " * bool(match[0]), message
    )
    if len(message) > LONGEST:
        message = f"{message[: LONGEST // 2]} ... {message[-LONGEST // 2 :]}"
    return printable(message)


@contextmanager
def blame_data(where: str | PathLike[str] | None = None) -> Iterator[None]:
    """Turn errors that the user's data cause into a DataError.

    Parameters
    ----------
    where : path or str, default=None
        The beginning of the message, such as the file.
    """
    try:
        yield
    except DataError:
        raise
    except FileError as error:
        raise DataError(as_options(str(error))) from error
    except (ValueError, TypeError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        text = as_options(reason)
        if where is not None:
            text = f"{printable(str(where))}: {text}"
        raise DataError(text) from error


def check_choice(parameter, value, choices):
    """Refuse a value that is none of the choices of a parameter."""
    if value not in choices:
        *most, last = map(repr, choices)
        raise ValueError(f"{parameter} must be {', '.join(most)} or {last}, got {value!r}.")


def check_choices(parameter, values, choices):
    """Refuse values of a list that are none of the choices of a parameter, or repeated."""
    for value in values:
        check_choice(parameter, value, choices)
    if not len(values) or len(set(values)) < len(values):
        raise ValueError(f"{parameter} must be one or more of {list(choices)}, each once.")


def require_text(path: str | PathLike[str]) -> None:
    """Refuse a file name that is no text, because pyarrow reads and writes no such file."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise ValueError("the name of the file is no UTF-8 text. Choose another name.") from error


def refuse(
    bad: NDArray[np.bool],
    column: str,
    problem: str,
    remedy: str,
    transactions: Integers | None = None,
    n_before: int = 0,
) -> None:
    """Raise if any value is bad, with the column, the count, the first row and a remedy.

    Where a row stands for several grouped `transactions`, the first row is unknown.
    """
    if not bad.any():
        return
    if transactions is None:
        # Where pieces were read before, others may follow.
        first = "the first " if n_before else ""
        rows = (
            f"{bad.sum():,} of {first}{n_before + len(bad):,} rows, first in row "
            f"{n_before + int(bad.argmax()):,} (counted from 0)"
        )
    else:
        rows = f"{transactions[bad].sum():,} of {transactions.sum():,} rows"
    raise ValueError(f"Column {column!r}: {problem} in {rows}. {remedy}.")
