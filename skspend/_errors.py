"""What is wrong with what the user gave, in one line and in the words of the command line."""

import re

LONGEST = 1000
"""Letters of a message."""


class DataError(ValueError):
    """What the user gave cannot be read or segmented; the message is one line and says why."""


def as_options(message):
    """Say a message on one line and in the words of the command line.

    What a terminal would not print, or obey, is escaped; what a line cannot hold is cut out.

    Examples
    --------
    >>> as_options("Pass aliases= or normalize='spending'.")
    'Pass --aliases or --normalize spending.'
    """
    message = re.sub(r"\(keyword (\w+)=\)", r"(--\1)", message)
    message = message.replace("by keyword", "by these options")
    message = re.sub(r"\b(aliases|coefficients|normalize|income)=(?:'(\w+)')?", r"--\1 \2", message)
    message = re.sub(
        r"\s+([,)]|\.(?=\s|$)|$)|\s+", lambda match: match[1] or " " * bool(match[0]), message
    )
    if len(message) > LONGEST:
        message = f"{message[: LONGEST // 2]} ... {message[-LONGEST // 2 :]}"
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in message)
