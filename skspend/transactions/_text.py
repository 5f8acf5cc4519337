"""One text file: unpacked, decoded, and read in pieces of text, without a row lost or changed.

An error names the line where possible.
"""

import codecs
import csv
import io
import os
import re
import zipfile
import zlib
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from pyarrow import csv as pyarrow_csv

from .._utils._threads import map_in_threads
from ._dialect import SEPARATORS, choose_separator, encoding_name, sign
from ._quotes import plain_separators

CSV_BLOCK = 2**24
"""Bytes that are read at once, and the greatest length of a row."""
LOOK = 2**20
"""Bytes that are looked at at once: arrays of such a size stay in the processor's cache."""
PACKED_AT_MOST = 32
"""How many times larger an unpacked file is taken to be; others are read in more pieces."""
SAMPLE = 2**18
"""Letters at the beginning of a file that show how its fields are divided."""
MISSING = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
"""Text that stands for a missing value, as in pandas."""
PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_ZIP = b"PK\x03\x04", b"PK\x05\x06"
_NO_TEXT = {
    b"PAR1": "a Parquet file. Let its name end in .parquet",
    b"ARROW1": "an Arrow file. Let its name end in .arrow",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook. Save it as .xlsx or CSV",
}
_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""How files begin that say their encoding."""
_NO_POINT = "\x01"
"""A decimal sign that no number has, so that numbers with a sign in them are not read."""


@dataclass
class Block:
    """Rows of a file: `read` returns a table of them, in any thread.

    It takes other types of some columns, such as numbers, which are text by default, and a decimal
    sign, or None for numbers without one. Other values are a pyarrow.ArrowInvalid.
    """

    path: str
    n_bytes: int
    read: Callable


def block_of_text(path, table):
    """Return a Block of a table that has been read as text."""

    def read(others=(), decimal=None):
        if others:
            raise pa.ArrowInvalid("These rows have been read as text.")
        return table

    return Block(path, table.nbytes, read)


class TextFile:
    """A file of text with a header; malformed rows go into a set or, if that is None, are errors.

    `names` are the columns by role, None where none is given, and `given` are options.
    """

    def __init__(self, path, names, given, malformed):
        self.path = path
        self._malformed = malformed
        self.encoding, has_quotes, plain = _survey(path, given.get("encoding"))
        self.separator = given.get("separator")
        if self.separator is None:
            with self._open() as file:
                sample = file.read(SAMPLE).lstrip("\ufeff")
                is_whole = not file.read(1)
            csv.field_size_limit(CSV_BLOCK)
            self.separator = choose_separator(sample, names, is_whole)
        with self._reader() as (reader, file):
            self.header = next(filter(None, reader), None)
            self._n_lines = reader.line_num
            self._is_empty = not any(line.strip("\r\n") for line in file)
        if self.header is None:
            raise ValueError("No columns to parse: the file is empty.")
        self.header[0] = self.header[0].lstrip("\ufeff")
        self._is_plain = self.separator in plain
        self._spans_lines = has_quotes and not self._is_plain
        if self._spans_lines and not self._is_empty:
            # Rows between quotes that end within a field or never would get lost.
            self.check_rows()

    def blocks(self, types):
        """Yield Blocks of columns of some types; where no field spans lines, they are whole lines.

        Elsewhere, where a row ends depends on all that is before, and one thread reads the rows.
        """
        if self._is_empty:
            return
        if self._is_plain:
            # One thread reads the first block, so it is smaller.
            for number, lines in enumerate(_lines(self.path, CSV_BLOCK, CSV_BLOCK // 4)):
                yield Block(self.path, len(lines), partial(self._read, types, number, lines))
            return
        with open_bytes(self.path) as file, self._naming_lines():
            options = self._options(types, self._n_lines, CSV_BLOCK)
            for batch in pyarrow_csv.open_csv(file, *options):
                yield block_of_text(self.path, pa.Table.from_batches([batch]))

    def _read(self, types, number, lines, others=(), decimal=None):
        n_skipped = 0 if number else self._n_lines
        options = self._options(types | dict(others), n_skipped, len(lines) + 1, number, decimal)
        # Arrow's own pool gives the memory of each block back, which takes time.
        read = partial(pyarrow_csv.read_csv, memory_pool=pa.system_memory_pool())
        with nullcontext() if others else self._naming_lines():
            return read(pa.py_buffer(lines), *options)

    @contextmanager
    def _naming_lines(self):
        try:
            yield
        except pa.ArrowInvalid:
            # pyarrow's message names no line.
            self.check_rows(is_counted=True)
            raise

    def _options(self, types, n_skipped, n_bytes, number=0, decimal=None):
        # Columns that are not read may have the same name twice, or none.
        columns = [name if name in types else f"{k}:{name}" for k, name in enumerate(self.header)]
        skip = None if self._malformed is None else partial(self._skip, number)
        return (
            pyarrow_csv.ReadOptions(
                # A block is parsed by the thread that reads it.
                use_threads=not self._is_plain,
                column_names=columns,
                skip_rows=n_skipped,
                block_size=n_bytes,
                encoding="utf8" if self.encoding == "utf-8" else self.encoding,
            ),
            pyarrow_csv.ParseOptions(
                delimiter=sign(self.separator),
                newlines_in_values=self._spans_lines,
                invalid_row_handler=skip,
            ),
            pyarrow_csv.ConvertOptions(
                column_types=types,
                include_columns=list(types),
                strings_can_be_null=True,
                null_values=MISSING,
                decimal_point=decimal or _NO_POINT,
            ),
        )

    def _skip(self, block, row):
        self._malformed.add((self.path, block, row.number))
        return "skip"

    @contextmanager
    def _open(self):
        with open_bytes(self.path) as file:
            encoding = "utf-8-sig" if self.encoding == "utf-8" else self.encoding
            yield io.TextIOWrapper(file, encoding, newline="")

    @contextmanager
    def _reader(self, strict=False):
        # By default, fields longer than 128 KiB are refused.
        csv.field_size_limit(CSV_BLOCK)
        with self._open() as file:
            yield csv.reader(file, delimiter=sign(self.separator), strict=strict), file

    def check_rows(self, is_counted=False):
        """Raise an error with the line of wrong quotes or, if wanted, of a wrong field number."""
        with self._reader(strict=True) as (reader, _):
            begin, n_fields = 1, None
            try:
                for row in reader:
                    n_fields = n_fields or len(row)
                    if is_counted and row and len(row) != n_fields:
                        raise ValueError(
                            f"line {begin:,} has {len(row)} fields, and the first line {n_fields}, "
                            f"divided by {self.separator!r}. Correct this line, look for a sign "
                            f"that is no separator, or pass separator=."
                        )
                    begin = reader.line_num + 1
            except csv.Error as error:
                raise ValueError(
                    f'the row that begins in line {begin:,} has a field whose quotes (") are '
                    f"wrong: {error}. Double the quotes within a field, and end it with one."
                ) from error


@contextmanager
def open_bytes(path):
    """Open a file, unpacked, for reading bytes."""
    with open(path, "rb") as file:
        begin = file.read(4)
    packed = next((kind for magic, kind in PACKED.items() if begin.startswith(magic)), None)
    try:
        if begin in _ZIP:
            with zipfile.ZipFile(path) as archive, archive.open(_only_member(archive)) as file:
                yield file
            return
        with pa.OSFile(os.path.abspath(path)) as file:
            if packed is None:
                yield file
                return
            with pa.CompressedInputStream(file, packed) as unpacked:
                yield unpacked
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"it cannot be unpacked: {error}. Unpack it, or save it anew.") from error


def _only_member(archive):
    members = [member for member in archive.infolist() if not member.is_dir()]
    if any(member.filename == "[Content_Types].xml" for member in members):
        raise ValueError("this is an Excel workbook. Let its name end in .xlsx.")
    members = [member for member in members if not member.filename.startswith("__MACOSX/")]
    if len(members) != 1:
        raise ValueError(
            f"this zip archive holds {len(members)} files instead of one. Unpack it, and give a "
            f"pattern."
        )
    return members[0]


def _survey(path, given):
    """Return the encoding of all of a file, whether it has quotes, and its plain separators.

    By these, all quotes are around whole fields of one line; without quotes, that is true of all.
    """
    with open_bytes(path) as file:
        begin = file.read(8)
    for magic, remedy in _NO_TEXT.items():
        if begin.startswith(magic):
            raise ValueError(f"this is no text file but {remedy}.")
    mark = next((name for magic, name in _MARKS.items() if begin.startswith(magic)), None)
    encoding = given or mark or "utf-8"
    plain = _find_plain(path, encoding)
    if plain:
        return encoding, True, plain
    has_quotes, fault = _decode(path, encoding)
    if fault is None:
        return encoding, has_quotes, plain
    if given or mark:
        remedy = "Pass the right one as encoding=, or save the file as UTF-8"
        raise ValueError(f"{fault} is no {encoding_name(encoding)} text. {remedy}.")
    legacy = "cp1252"
    has_quotes, other = _decode(path, legacy)
    if other is not None or _has_utf8(path):
        whether = "nor" if other else "but other lines are, and all can be read as"
        raise ValueError(
            f"{fault} is no UTF-8 text {whether} {encoding_name(legacy)}. Pass encoding='utf-8' or "
            f"encoding={legacy!r} or another one, or save the file as UTF-8."
        )
    return legacy, has_quotes, _find_plain(path, legacy)


def _blocks(path):
    with open_bytes(path) as file:
        yield from iter(partial(file.read, CSV_BLOCK), b"")


def _lines(path, n_bytes, n_first):
    """Yield whole lines of a file, about so many bytes at once; a longer line comes in parts."""
    # Of many small files, arrays of the full size would take more memory than there is.
    most = max(2**12, PACKED_AT_MOST * os.path.getsize(path))
    rest, n_read = b"", min(n_first, most)
    with open_bytes(path) as file:
        while True:
            lines = bytearray(len(rest) + n_read)
            lines[: len(rest)] = rest
            n_found = len(rest) + file.readinto(memoryview(lines)[len(rest) :])
            if n_found == len(rest):
                break
            is_full = n_found == len(lines)
            del lines[n_found:]
            end = lines.rfind(b"\n") + 1 or n_found
            rest, n_read = bytes(lines[end:]), min(n_bytes, most)
            yield memoryview(lines)[:end]
            if not is_full:
                # Nothing is left, as a rule, and another array for so many bytes takes long.
                more = file.read(1)
                if not more:
                    break
                rest += more
    if rest:
        yield memoryview(rest + b"\n")


def _find_plain(path, encoding):
    """Return the separators by which all quotes of a file are around whole fields of one line.

    There are none if a line is very long or ends in another way, or another encoding is found.
    """
    plain = set(SEPARATORS if encoding in ("utf-8", "cp1252") else ())

    def look(lines):
        # Lines that are read later are asked for fewer separators.
        return _look(encoding, lines, plain)

    for found in map_in_threads(look, _lines(path, LOOK, LOOK)) if plain else ():
        plain = found & plain
        if not plain:
            break
    return plain


def _look(encoding, lines, separators):
    letters = np.frombuffer(lines, dtype=np.uint8)
    if lines[-1:] != b"\n":
        return set()
    if letters.max() > 127:
        try:
            str(lines, encoding)
        except UnicodeError:
            return set()
    if lines[:3] == codecs.BOM_UTF8:
        lines = lines[3:]
    return plain_separators(lines, separators)


def _decode(path, encoding):
    """Return whether there are quotes, and the first line that has not this encoding, or None."""
    decoder = codecs.getincrementaldecoder(encoding)()
    has_quotes, n_lines = False, 0
    try:
        for block in _blocks(path):
            has_quotes |= '"' in decoder.decode(block)
            n_lines += block.count(b"\n")
        decoder.decode(b"", final=True)
    except UnicodeError as error:
        before, at = getattr(error, "object", b""), getattr(error, "start", 0)
        number = n_lines + before[:at].count(b"\n") + 1
        byte = f" (byte {before[at]:#x})" if at < len(before) else ""
        return has_quotes, f"line {number:,}{byte}"
    return has_quotes, None


def _has_utf8(path):
    """Whether any letter beyond ASCII is one of UTF-8, although not all of them are."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    beyond = re.compile("[\x80-\ud7ff\ue000-\U0010ffff]")
    return any(beyond.search(decoder.decode(block)) for block in _blocks(path))
