"""How text writes numbers, dates and fields: found in what is read, and checked on every row.

Text comes in; out go numbers, dates in ISO 8601, and a Dialect that says what was taken. What can
be read in two ways is an error that names both, and the option that settles it.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .._utils._errors import FileError, check_choice
from ._columns import local_times
from ._names import count_roles
from ._quality import FIRST_YEAR, LAST_YEAR

Separator: TypeAlias = Literal[",", ";", "tab", "\t", "|"]
DateFormat: TypeAlias = Literal[
    "iso", "dd.mm.yyyy", "dd/mm/yyyy", "mm/dd/yyyy", "dd-mm-yyyy", "mm-dd-yyyy", "yyyymmdd",
    "epoch", "epoch-ms",
]  # fmt: skip
SEPARATORS = (",", ";", "tab", "|")
_MARKS = {".": "point", ",": "comma"}
DECIMALS = tuple(_MARKS)
_TIME = r"(?:[T ]+(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?)?"
_DAY_FIRST, _MONTH_FIRST = r"\3-\2-\1", r"\3-\1-\2"


def _day(mark):
    return rf"^\s*(\d{{1,2}}){mark}(\d{{1,2}}){mark}(\d{{4}}){_TIME}\s*$"


DATE_FORMATS: dict[str, tuple[str, str]] = {
    "dd.mm.yyyy": (_day(r"\."), _DAY_FIRST),
    "dd/mm/yyyy": (_day("/"), _DAY_FIRST),
    "mm/dd/yyyy": (_day("/"), _MONTH_FIRST),
    "dd-mm-yyyy": (_day("-"), _DAY_FIRST),
    "mm-dd-yyyy": (_day("-"), _MONTH_FIRST),
    "yyyymmdd": (r"^\s*(\d{4})(\d{2})(\d{2})\s*$", r"\1-\2-\3"),
    "epoch": (r"^\s*\d{9,10}\s*$", "s"),
    "epoch-ms": (r"^\s*\d{12,13}\s*$", "ms"),
    "iso": ("", ""),
}
"""Patterns and what they become; seconds and milliseconds since 1970 are times in UTC."""
CHOICES = {"separator": SEPARATORS, "decimal": DECIMALS, "date_format": tuple(DATE_FORMATS)}
MINUS = "\u2212"
"""The minus sign, which some banks write in place of the hyphen."""
_THOUSANDS = ("[ \u00a0\u2009\u202f]", "['\u2019]")
"""Spaces and apostrophes between thousands, beside the other decimal sign."""
_SAMPLE = 1000
"""Rows that usually show how all are written."""


@dataclass(frozen=True)
class Dialect:
    """How files were read: columns by role, and how text was written.

    None is what is not text, or what no value shows, as the decimal sign of whole numbers.

    Attributes
    ----------
    columns : dict of str
        The column of each role.
    separator : {",", ";", "tab", "|"} or None
    encoding : str or None
        As Python calls it, such as ``"utf-8"`` or ``"cp1252"``.
    decimal : {".", ","} or None
    date_format : str or None
        Such as ``"iso"`` or ``"dd.mm.yyyy"``.
    """

    columns: dict[str, str]
    separator: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    date_format: str | None = None

    def __str__(self) -> str:
        columns = {role: repr(name) for role, name in self.columns.items()}
        if self.date_format is not None:
            columns["date"] += f" ({self.date_format})"
        if self.decimal is not None:
            columns["amount"] += f" (decimal {_MARKS[self.decimal]})"
        told = ", ".join(f"{role} {name}" for role, name in columns.items())
        if self.separator is not None:
            told += (
                f"; separator {self.separator if self.separator == 'tab' else repr(self.separator)}"
            )
        if self.encoding is not None:
            told += f"; encoding {encoding_name(self.encoding)}"
        return told


def check_options(separator, decimal, encoding, date_format):
    """Return the options that are given, in one spelling."""
    separator = "tab" if separator == "\t" else separator
    found = {"separator": separator, "decimal": decimal, "date_format": date_format}
    found = {option: value for option, value in found.items() if value is not None}
    for option, value in found.items():
        check_choice(option, value, CHOICES[option])
    if encoding is not None:
        try:
            "a".encode(encoding)
            found["encoding"] = codecs.lookup(encoding).name
        except (LookupError, ValueError, TypeError) as error:
            raise ValueError(
                f"encoding must be one that Python knows, such as 'utf-8' or 'cp1252', got "
                f"{encoding!r}."
            ) from error
    return found


def encoding_name(encoding):
    """An encoding as people call it."""
    return "Windows-1252" if encoding == "cp1252" else encoding.upper()


# Numbers and dates.


def _number(decimal):
    mark, other = map(re.escape, DECIMALS if decimal == "." else DECIMALS[::-1])
    groups = "|".join(rf"[1-9]\d{{0,2}}(?:{sign}\d{{3}})+" for sign in (other, *_THOUSANDS))
    return rf"^\s*[+{MINUS}-]?(?:(?:\d+|{groups})(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?\s*$"


_NUMBER = {decimal: _number(decimal) for decimal in DECIMALS}


def read_numbers(texts, decimal):
    """Read text as float64, with or without thousands separators; null is what is no number.

    >>> read_numbers(pa.chunked_array([["1.234,50", "-1 234", "12.50"]]), ",").to_pylist()
    [1234.5, -1234.0, None]
    """
    if decimal == ".":
        try:
            return texts.cast(pa.float64())
        except pa.ArrowInvalid:
            pass  # One of them is written in another way.
    other = "," if decimal == "." else r"\."
    signs = "|".join([other, r"[\s+]", *_THOUSANDS])
    fits = pc.match_substring_regex(texts, _NUMBER[decimal])
    plain = pc.replace_substring_regex(texts, signs, "")
    plain = pc.replace_substring(pc.replace_substring(plain, decimal, "."), MINUS, "-")
    return pc.if_else(fits, plain, pa.scalar(None, pa.string())).cast(pa.float64())


def as_iso(texts, date_format):
    """Write dates in ISO 8601; null is what has another format.

    >>> as_iso(pa.array(["31.12.2021 14:05", "2021-12-31"]), "dd.mm.yyyy").to_pylist()
    ['2021-12-31', None]
    """
    pattern, form = DATE_FORMATS[date_format]
    if not pattern:
        return texts
    fits = pc.match_substring_regex(texts, pattern)
    texts = pc.if_else(fits, texts, pa.scalar(None, pa.string()))
    if not form.isalpha():
        return pc.replace_substring_regex(texts, pattern, form)
    times = pc.utf8_trim_whitespace(texts).cast(pa.int64())
    times = pc.divide(times, 86400 if form == "s" else 86_400_000)
    return times.cast(pa.int32()).cast(pa.date32()).cast(pa.string())


def _days(texts, date_format):
    """Read dates as days since 1970; NaN is what is no plausible date."""
    texts = as_iso(texts, date_format)
    if texts.null_count == len(texts):
        return np.full(len(texts), np.nan)
    days = local_times(pd.Series(texts.to_pandas(), dtype=str))
    years = days.dt.year.to_numpy()
    days = days.to_numpy().astype("M8[D]").astype(float)
    return np.where((years >= FIRST_YEAR) & (years <= LAST_YEAR), days, np.nan)


def _floats(texts, decimal):
    return read_numbers(texts, decimal).to_numpy(zero_copy_only=False)


def _marked(texts):
    return texts.filter(pc.match_substring_regex(texts, "[.,]"))


@dataclass
class Choice:
    """The ways in which a column may be written; what is read leaves fewer.

    `names` are those that fit the most of what was seen, and `doubt` is a value that they read
    differently.
    """

    option: str
    names: list[str]
    default: str
    read: Callable
    select: Callable | None = None
    doubt: str | None = None
    is_seen: bool = False

    @property
    def is_settled(self):
        """Whether nothing that is read may change the choice."""
        return len(self.names) == 1

    @property
    def shown(self):
        """What was taken, or None if nothing shows it."""
        return self.names[0] if self.is_seen or self.is_settled else None

    @property
    def taken(self):
        return self.shown or self.default

    @property
    def remedy(self):
        """What to do with a value that is not written in this way, or None if there is no way."""
        if self.shown is None:
            return None
        kind, way = "Dates", f"as {self.shown}"
        if self.option == "decimal":
            kind, way = "Amounts", f"with a decimal {_MARKS[self.shown]}"
        return (
            f"{kind} are taken {way}. Correct these rows, drop them with errors='drop', or pass "
            f"{self.option}="
        )

    def see(self, texts):
        """Leave the ways that read the most of some values."""
        texts = pc.unique(self.select(texts) if self.select else texts).drop_null()
        if not len(texts):
            return
        readings = {name: self.read(texts, name) for name in self.names}
        counts = {name: np.count_nonzero(~np.isnan(found)) for name, found in readings.items()}
        most = max(counts.values())
        if not most:
            return
        self.is_seen = True
        self.names = [name for name in self.names if counts[name] == most]
        if len(self.names) == 1:
            self.doubt = None
            return
        first = readings[self.names[0]]
        differs = np.zeros(len(texts), dtype=bool)
        for name in self.names[1:]:
            other = readings[name]
            differs |= (first != other) & ~(np.isnan(first) & np.isnan(other))
        if self.doubt is None and differs.any():
            self.doubt = texts[int(np.argmax(differs))].as_py()

    def settle(self, texts, rest, where):
        """Choose by a piece and, while there is doubt, by the rest; or raise an error."""
        for seen in (texts[:_SAMPLE], texts):
            if not self.is_settled:
                self.see(seen)
        if self.doubt is not None:
            for seen in rest():
                self.see(seen)
                if self.doubt is None:
                    break
        if self.doubt is not None:
            raise FileError(f"{where}: {self._both()}")

    def _both(self):
        value = pa.array([self.doubt])
        readings = {}
        for name in self.names:
            found = self.read(value, name)[0]
            if np.isnan(found):
                told = "not at all"
            elif self.option == "decimal":
                told = f"as {found:.15g}"
            else:
                told = f"as {np.datetime64(int(found), 'D')}"
            readings[f"{self.option}={name!r}"] = told
        ways = " and ".join(f"with {option} {told}" for option, told in readings.items())
        kind = "amounts" if self.option == "decimal" else "dates"
        return f"{kind} such as {self.doubt!r} can be read {ways}. Pass the right one."


def decimals(given):
    """The signs that may divide whole numbers from fractions."""
    return Choice("decimal", [given] if given else [*DECIMALS], ".", _floats, _marked)


def date_formats(given):
    """The formats that dates may have."""
    return Choice("date_format", [given] if given else [*DATE_FORMATS], "iso", _days)


# Fields.


def choose_separator(sample, names, is_whole):
    """Return the sign that divides the fields of the text at the beginning of a file.

    It is the one that makes a header with the columns, given or usual, of the most roles; of two,
    the one with which more rows have as many fields as the header.
    """
    present = [separator for separator in SEPARATORS if sign(separator) in sample]
    if len(present) < 2:
        return present[0] if present else SEPARATORS[0]
    found = {}
    for separator in present:
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=sign(separator))
        rows = filter(None, reader)
        try:
            header = next(rows, None)
            widths = [len(row) for row in rows]
        except csv.Error:
            continue
        if header is None:
            continue
        # The last row may have been cut.
        widths = widths if is_whole else widths[:-1]
        n_roles = count_roles(header, names)
        n_fitting = widths.count(len(header))
        found[separator] = n_roles, n_fitting if n_roles else 0, 0 if n_roles else len(header)
    if not found:
        return SEPARATORS[0]
    best = max(found.values())
    leaders = [separator for separator in found if found[separator] == best]
    if len(leaders) > 1 and best[0] == len(names):
        raise ValueError(
            f"its fields may be divided by {' or by '.join(map(repr, leaders))}: each gives the "
            f"same columns and the same number of fields. Pass the right one as separator=."
        )
    return leaders[0]


def sign(separator):
    return "\t" if separator == "tab" else separator


def describe(columns, files, **more):
    """Describe files by one Dialect, in which what differs between them is listed."""
    found = {}
    for option in ("separator", "encoding"):
        values = dict.fromkeys(filter(None, (getattr(file, option) for file in files)))
        found[option] = " and ".join(values) or None
    return replace(Dialect(columns), **found, **more)
