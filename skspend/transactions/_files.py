"""Files of transactions as one table that is read piece by piece, and need not fit into memory.

No row of a CSV file is lost or changed. An error names the file and, where possible, the line.
"""

import csv
import errno
import os
from contextlib import contextmanager
from functools import partial
from glob import glob
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as pyarrow_csv, parquet
from pyarrow.dataset import CsvFileFormat, dataset

from .._utils._errors import FileError, require_text
from ._engines import check_columns, stream_tables

CSV_BLOCK = 2**24
"""Bytes of a CSV file that are read at once, and the greatest length of a row."""
MISSING = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
"""Text that stands for a missing value in a CSV file, as in pandas."""
_NOT_CSV = {
    b"PAR1": "a Parquet file. Let its name end in .parquet",
    b"\x1f\x8b": "one that is compressed. Unpack it",
    b"PK\x03\x04": "an Excel workbook or a zip archive. Save the table as CSV",
    b"\xff\xfe": "text in UTF-16. Save it as UTF-8",
    b"\xfe\xff": "text in UTF-16. Save it as UTF-8",
}


class TransactionFiles:
    """CSV or Parquet files of transactions; only the columns in `names`, by role, are read.

    If `errors` is ``"drop"``, a row of too many or too few fields is left out and counted.
    """

    def __init__(self, path, names, errors):
        self._path = path
        self.names = names
        self._paths, suffix = _find_files(path)
        self.is_csv = suffix == ".csv"
        # Files may be read twice: a malformed row is known by its place.
        self._malformed = set() if errors == "drop" else None
        if self.is_csv:
            tables = []
            for file in self._paths:
                with _naming(file):
                    tables.append(_open_csv(file, names, self._malformed))
            self._data = tables[0] if len(tables) == 1 else dataset(tables)
        else:
            schema = _common_schema(self._paths, names)
            self._data = dataset([*map(_local, self._paths)], schema=schema, format="parquet")

    @property
    def n_malformed(self):
        return len(self._malformed or ())

    def tables(self, names):
        """Read some of the columns piece by piece; see :func:`stream_tables`."""
        try:
            yield from stream_tables(self._data, names)
        except pa.ArrowInvalid as error:
            # pyarrow's message names no line.
            for path in self._paths if self.is_csv else ():
                with _naming(path):
                    if "UTF8" in str(error):
                        _check_encoding(path)
                    _check_rows(path, is_counted=True)
            raise FileError(f"{self._path}: {error}") from error


@contextmanager
def _naming(path):
    """Name the file in an error about it."""
    try:
        yield
    except (ValueError, csv.Error, pa.ArrowException) as error:
        raise FileError(f"{path}: {error}") from error


def _find_files(path):
    """Return the files, sorted, and the suffix of their names."""
    require_text(path)
    found = [str(path)] if Path(path).exists() else sorted(glob(str(path), recursive=True))
    if not found:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    suffixes = {Path(file).suffix.lower() for file in found}
    if len(suffixes) > 1 or not suffixes <= {".csv", ".parquet"}:
        raise ValueError(
            f"a file must end in .csv or .parquet, not {' or '.join(map(repr, sorted(suffixes)))}."
        )
    for file in found:
        if Path(file).is_dir():
            pattern = f"{file}/*{suffixes.pop()}"
            raise ValueError(f"this is a folder. Give a pattern such as {pattern!r}.")
    return found, suffixes.pop()


def _local(path):
    """A path that pyarrow does not take for a URI, as it does with file:x.csv."""
    return os.path.abspath(path)


def _common_schema(paths, names):
    """Return types of the named columns that hold the values of all files; others are refused.

    Text and numbers would be one customer, 007 and 7, and days depend on the time zone.
    """
    common = pa.schema([])
    for path in paths:
        with _naming(path):
            found = parquet.read_schema(_local(path))
            check_columns(found.names, names, "it")
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
    return common


def _plain(field):
    # Some engines write text as bytes.
    if pa.types.is_binary(field.type):
        return field.with_type(pa.string())
    return field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field


def _open_csv(path, names, malformed):
    """Open a CSV file as text; malformed rows go into a set or, if that is None, are errors."""
    with open(path, "rb") as file:
        begin = file.read(4)
    for magic, remedy in _NOT_CSV.items():
        if begin.startswith(magic):
            raise ValueError(f"this is no CSV file but {remedy}.")
    with _csv_reader(path) as (reader, file):
        header = next(filter(None, reader), None)
        n_lines = reader.line_num
        is_empty = not any(line.strip("\r\n") for line in file)
    if header is None:
        raise ValueError("No columns to parse: the file is empty.")
    check_columns(header, names, "it")
    schema = pa.schema([(name, pa.string()) for name in dict.fromkeys(names.values())])
    if is_empty:
        return dataset(schema.empty_table())
    with open(path, "rb") as file:
        has_quotes = any(b'"' in block for block in iter(partial(file.read, CSV_BLOCK), b""))
    if has_quotes:
        # Rows between quotes that end within a field or never would get lost.
        _check_rows(path)
    if malformed is not None:
        # pyarrow does not pass on malformed rows that are no UTF-8.
        _check_encoding(path)

    def skip(row):
        malformed.add((path, row.number))
        return "skip"

    # Columns that are not read may have the same name twice, or none.
    columns = [name if name in schema.names else f"{k}:{name}" for k, name in enumerate(header)]
    form = CsvFileFormat(
        pyarrow_csv.ParseOptions(
            newlines_in_values=True, invalid_row_handler=None if malformed is None else skip
        ),
        convert_options=pyarrow_csv.ConvertOptions(
            column_types=schema, strings_can_be_null=True, null_values=MISSING
        ),
        read_options=pyarrow_csv.ReadOptions(
            column_names=columns, skip_rows=n_lines, block_size=CSV_BLOCK
        ),
    )
    return dataset(_local(path), schema=schema, format=form)


@contextmanager
def _csv_reader(path, strict=False):
    # By default, fields longer than 128 KiB are refused.
    csv.field_size_limit(CSV_BLOCK)
    # pyarrow refuses text that is no UTF-8 in the columns that are read.
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        yield csv.reader(file, strict=strict), file


def _check_rows(path, is_counted=False):
    """Raise an error with the line of wrong quotes or, if wanted, of a wrong number of fields."""
    with _csv_reader(path, strict=True) as (reader, _):
        begin, n_fields = 1, None
        try:
            for row in reader:
                n_fields = n_fields or len(row)
                if is_counted and row and len(row) != n_fields:
                    raise ValueError(
                        f"line {begin:,} has {len(row)} fields, and the first line {n_fields}. "
                        f"Correct this line, or look for a comma that is no separator."
                    )
                begin = reader.line_num + 1
        except csv.Error as error:
            raise ValueError(
                f'the row that begins in line {begin:,} has a field whose quotes (") are wrong: '
                f"{error}. Double the quotes within a field, and end it with one."
            ) from error


def _check_encoding(path):
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"line {number:,} is no UTF-8 text (byte {line[error.start]:#x}). Save the "
                    f"file as UTF-8."
                ) from error
