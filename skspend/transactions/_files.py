"""Files of transactions as one table that is read piece by piece, and need not fit into memory.

An error names the file and, where possible, the line.
"""

import copy
import csv
import datetime
import errno
import os
from bisect import bisect_right
from contextlib import contextmanager
from functools import partial
from glob import glob
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc, parquet
from pyarrow.dataset import ParquetFileFormat, dataset

from .._utils._errors import FileError, require_text
from . import _dialect
from ._columns import FIRST_DAY, LAST_DAY
from ._engines import fetch_columns, gather, stream_pieces
from ._memory import NO_LIMIT
from ._names import find_columns
from ._text import CSV_BLOCK, TextFile
from ._workbook import Workbook

KINDS = {
    ".csv": "text", ".tsv": "text", ".txt": "text", ".gz": "text", ".zst": "text", ".zip": "text",
    ".parquet": "parquet", ".arrow": "ipc", ".feather": "ipc",
    ".xlsx": "workbook",
}  # fmt: skip
"""Formats by the ends of names."""
_OPTIONS = {
    "text": {"separator", "decimal", "encoding", "date_format"},
    "workbook": {"decimal", "date_format"},
}
"""What may be said of a format."""
_NUMBERS = {"amount", "balance", "income"}
"""Roles whose values are numbers."""
_DAY_LENGTH = len("YYYY-MM-DD")
_LABEL = pa.dictionary(pa.int32(), pa.string())
"""Text of few values, read as numbers of them."""


class TransactionFiles:
    """Files of transactions; only the columns in `names`, by role, are read.

    Where a name is None, the column is found. If `errors` is ``"drop"``, a row of too many or too
    few fields is left out and counted. `given` says how text is written; the rest is found. Reading
    keeps to the limit `memory`.
    """

    def __init__(self, path, names, errors, given, memory=NO_LIMIT):
        self.path = path
        self.memory = memory
        self._is_fixed = self.has_days = False
        self._paths, kind = _find_files(path)
        self.is_text = kind in ("text", "workbook")
        # Files may be read twice: a malformed row is known by its place.
        self._malformed = set() if errors == "drop" else None
        useless = set(given) - _OPTIONS.get(kind, set())
        if useless:
            option = min(useless)
            raise ValueError(f"{option}= says how text files are written, and this is none.")
        self._decimals = _dialect.decimals(given.get("decimal"))
        self._date_formats = _dialect.date_formats(given.get("date_format"))
        if self.is_text:
            self._files = []
            for file in self._paths:
                with naming(file):
                    if kind == "text":
                        self._files.append(TextFile(file, names, given, self._malformed))
                    else:
                        self._files.append(Workbook(file, names, given.get("decimal", ".")))
                    names = find_columns(self._files[-1].header, names)
        else:
            names, schema = _common_schema(self._paths, names, kind)
            if kind == "parquet":
                schema, kind = _with_dictionaries(schema, names)
            self._data = dataset([*map(_local, self._paths)], schema=schema, format=kind)
        if kind == "workbook":
            # Numbers and dates are written here, and in one way.
            if any(file.holds(names["amount"], float) for file in self._files):
                self._decimals = _dialect.decimals(given.get("decimal", "."))
            if any(file.holds(names["date"], datetime.date) for file in self._files):
                self._date_formats = _dialect.date_formats(given.get("date_format", "iso"))
        self.names = names

    @property
    def n_malformed(self):
        return len(self._malformed or ())

    @property
    def dialect(self):
        """How the files were read, as far as they have been read."""
        if not self.is_text:
            return _dialect.Dialect(self.names)
        choices = self._decimals, self._date_formats
        return _dialect.describe(
            self.names, self._files, **{choice.option: choice.shown for choice in choices}
        )

    def pieces(self, names):
        """Yield Pieces of some of the columns, in their order."""
        if self.is_text:
            blocks = self._blocks(_types(names))
            # Small files are read together.
            for found in gather(blocks, lambda block: block.n_bytes, CSV_BLOCK // 8):
                yield _TextPiece(found, names, self)
            return
        try:
            yield from stream_pieces(self._data, names)
        except pa.ArrowInvalid as error:
            raise FileError(f"{self.path}: {error}") from error

    @property
    def is_settled(self):
        """Whether it is known how dates are written."""
        return not self.is_text or self._date_formats.is_settled

    def fixed(self):
        """The same files for reading in any order: what depends on the order is a ValueError."""
        files = copy.copy(self)
        files._is_fixed = True
        return files

    def find_last_day(self):
        """The last day, since 1970, by the statistics of Parquet files, or None without some."""
        if self.is_text or not isinstance(self._data.format, ParquetFileFormat):
            return None
        column = self.names["date"]
        kind = self._data.schema.field(column).type
        if not pa.types.is_date(kind) and (not pa.types.is_timestamp(kind) or kind.tz is not None):
            return None
        lasts = []
        for path in self._paths:
            found = parquet.read_metadata(_local(path))
            place = [field.path for field in found.schema].index(column)
            for group in range(found.num_row_groups):
                statistics = found.row_group(group).column(place).statistics
                if statistics is None or not statistics.has_min_max:
                    return None
                lasts.append(np.datetime64(statistics.max).astype("M8[D]"))
        return int(max(lasts).astype(np.int64)) if lasts else None

    def _blocks(self, types):
        for file in self._files:
            with naming(file.path):
                yield from file.blocks(types)

    # How text is written, for the columns that are read.

    def read_numbers(self, values):
        """Return the numbers that a column of text holds; NaN is what is none."""
        if values.dtype.kind == "f":
            return values
        texts = pa.chunked_array(pa.array(values, from_pandas=True))
        self._settle(self._decimals, texts, _NUMBERS)
        return _dialect.read_numbers(texts, self._decimals.taken).to_pandas()

    def read_dates(self, texts):
        """Return distinct dates in ISO 8601; missing is what is none."""
        texts = pa.array(texts, pa.string(), from_pandas=True)
        self._settle(self._date_formats, texts, {"date"})
        is_iso = self._date_formats.is_settled and self._date_formats.taken == "iso"
        self.has_days = is_iso and set(pc.utf8_length(texts).to_pylist()) == {_DAY_LENGTH}
        return pd.Series(_dialect.as_iso(texts, self._date_formats.taken).to_pandas(), dtype=str)

    @property
    def number_remedy(self):
        return self._decimals.remedy

    @property
    def date_remedy(self):
        return self._date_formats.remedy

    def _settle(self, choice, texts, roles):
        if self._is_fixed and not choice.is_settled:
            raise ValueError(f"{choice.option} is not settled")
        choice.settle(texts, partial(self._rest, roles), self.path)

    def _rest(self, roles):
        """Read the columns of some roles in all files, as text."""
        types = {self.names[role]: pa.string() for role in roles & self.names.keys()}
        for block in self._blocks(types):
            with naming(block.path):
                yield from block.read().columns

    @property
    def decimal(self):
        """The decimal sign of all numbers, or None if there has been none yet."""
        return self._decimals.taken if self._decimals.is_settled else None

    @property
    def is_one(self):
        return len(self._paths) == 1


class _TextPiece:
    """A Piece of text files, which are parsed by the thread that reads it."""

    def __init__(self, blocks, names, files):
        self._blocks, self._names, self._files = blocks, names, files
        self.n_before = self._ends = None

    def read(self):
        table = None
        # The first pieces, whose place is known, show the decimal sign.
        if self._files.decimal is not None or self.n_before is None:
            table = self._parse()
        if table is None:
            # Values may be written in other ways, or text in their place is to be shown.
            self._files.has_days = False
            table = self._join(self._texts())
        return fetch_columns(table, self._names, "the file")

    def _parse(self):
        """Return a table of numbers and, where dates have been days, of days; None if it fails."""
        labels = [name for role, name in self._names.items() if role not in _NUMBERS]
        types = dict.fromkeys(set(self._names.values()) - set(labels), pa.float64())
        date = self._names.get("date")
        if self._files.has_days and labels.count(date) == 1:
            types[date] = pa.date32()
        try:
            table = self._join(block.read(types, self._files.decimal) for block in self._blocks)
        except pa.ArrowInvalid:
            return None
        return table if all(_are_sound(table[name]) for name in types) else None

    def find_row(self, row):
        if self._files.is_one:
            return ""
        return f"It is in {self._blocks[bisect_right(self._ends, row)].path}. "

    def _texts(self):
        for block in self._blocks:
            with naming(block.path):
                yield block.read()

    def _join(self, tables):
        tables = list(tables)
        self._ends = np.cumsum([len(table) for table in tables])
        return pa.concat_tables(tables)


def _are_sound(values):
    """Whether numbers are finite or missing, or days are plausible."""
    if pa.types.is_floating(values.type):
        return pc.all(pc.is_finite(values)).as_py()
    days = values.cast(pa.int32())
    is_sound = pc.and_(pc.greater_equal(days, FIRST_DAY), pc.less_equal(days, LAST_DAY))
    return pc.all(is_sound, skip_nulls=False).as_py()


def _types(names):
    """The types of columns of text files, by name: labels are few, and all else is text."""
    numbers = {name for role, name in names.items() if role in _NUMBERS}
    return {name: pa.string() if name in numbers else _LABEL for name in names.values()}


@contextmanager
def naming(path):
    """Name the file in an error about it."""
    try:
        yield
    except FileError:
        raise
    except (ValueError, csv.Error, pa.ArrowException) as error:
        raise FileError(f"{path}: {error}") from error


def _find_files(path):
    """Return the files, sorted, and their kind."""
    require_text(path)
    if Path(path).is_dir():
        found = sorted(str(file) for file in Path(path).iterdir() if _kind(file))
        if not found:
            raise ValueError(f"this folder holds no file that ends in {', '.join(KINDS)}.")
    elif Path(path).exists():
        found = [str(path)]
    else:
        found = sorted(glob(str(path), recursive=True))
    if not found:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    kinds = {_kind(Path(file)) for file in found}
    if len(kinds) > 1 or None in kinds:
        listed = " or ".join(sorted({repr(Path(file).suffix.lower()) for file in found}))
        if None in kinds:
            raise ValueError(f"a file must end in {', '.join(KINDS)}, not {listed}.")
        raise ValueError(f"all files must be of one kind, not {listed}.")
    return found, kinds.pop()


def _kind(path):
    return None if path.is_dir() else KINDS.get(path.suffix.lower())


def _local(path):
    """A path that pyarrow does not take for a URI, as it does with file:x.csv."""
    return os.path.abspath(path)


def _read_schema(path, kind):
    if kind == "parquet":
        return parquet.read_schema(_local(path))
    with pa.OSFile(_local(path)) as file:
        return ipc.open_file(file).schema


def _common_schema(paths, names, kind):
    """Return the named columns, and types that hold the values of all files; others are refused.

    Text and numbers would be one customer, 007 and 7, and days depend on the time zone.
    """
    common = pa.schema([])
    for path in paths:
        with naming(path):
            found = _read_schema(path, kind)
            names = find_columns(found.names, names)
            for name in dict.fromkeys(names.values()):
                here = pa.schema([_plain(found.field(name))])
                try:
                    common = pa.unify_schemas([common, here], promote_options="permissive")
                except pa.ArrowTypeError as error:
                    raise ValueError(
                        f"column {name!r} is of the type {here.field(name).type}, and of "
                        f"{common.field(name).type} in the files before. Write it with one type, "
                        f"and times in one time zone, in all files."
                    ) from error
    return names, common


def _with_dictionaries(schema, names):
    """Let the text of few customers and categories be read as numbers of its values."""
    texts = {names[role] for role in ("customer", "category")}
    kinds = pa.string(), pa.large_string()
    texts = [name for name in texts if schema.field(name).type in kinds]
    for name in texts:
        field = pa.field(name, _LABEL)
        schema = schema.set(schema.get_field_index(name), field)
    return schema, ParquetFileFormat(dictionary_columns=texts)


def _plain(field):
    # Some engines write text as bytes.
    if pa.types.is_binary(field.type):
        return field.with_type(pa.string())
    return field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
