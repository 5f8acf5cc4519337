"""One Excel workbook: its sheet of transactions as text, like that of a text file."""

import datetime
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa

from ._names import count_roles
from ._text import block_of_text


class Workbook:
    """The only sheet of a workbook that has the columns in `names`; None is any usual name.

    Numbers are written with the sign `decimal`, and dates in ISO 8601.
    """

    separator = encoding = None

    def __init__(self, path, names, decimal):
        self.path = path
        sheets = {name: sheet for name, sheet in _read_sheets(path).items() if len(sheet)}
        if not sheets:
            raise ValueError("No columns to parse: the workbook is empty.")
        headers = {name: [_write(cell, "") for cell in sheet[0]] for name, sheet in sheets.items()}
        fitting = [name for name in sheets if count_roles(headers[name], names) == len(names)]
        if len(fitting) > 1:
            raise ValueError(
                f"the sheets {' and '.join(map(repr, fitting))} have the columns. Keep one of them."
            )
        chosen = (fitting or list(sheets))[0]
        self.header = headers[chosen]
        self._columns = list(zip(*sheets[chosen][1:], strict=True))
        self._decimal = decimal

    def holds(self, column, kind):
        """Whether a cell of a column is of a type."""
        return any(isinstance(cell, kind) for cell in self._cells(column))

    def blocks(self, types):
        """Yield a Block of columns of some types, all of text."""
        columns = {
            name: [_write(cell, None, self._decimal) for cell in self._cells(name)]
            for name in types
        }
        schema = pa.schema((name, pa.string()) for name in types)
        yield block_of_text(self.path, pa.table(columns, schema).cast(pa.schema(types)))

    def _cells(self, column):
        return self._columns[self.header.index(column)] if self._columns else []


def _read_sheets(path):
    """Return the rows of every sheet that are not blank."""
    try:
        with warnings.catch_warnings():
            # They are about styles.
            warnings.simplefilter("ignore")
            sheets = pd.read_excel(path, sheet_name=None, header=None, dtype=object)
    except ImportError as error:
        raise ValueError(
            'to read a workbook, openpyxl is needed: pip install "skspend[excel]".'
        ) from error
    except OSError:
        raise
    except Exception as error:  # Whatever a parser may meet in a damaged file.
        raise ValueError(f"this is no Excel workbook that can be read: {error}.") from error
    return {
        name: sheet.dropna(how="all").to_numpy(dtype=object).tolist()
        for name, sheet in sheets.items()
    }


def _write(cell, missing, decimal="."):
    """Write a cell as text."""
    if cell is None or cell is pd.NaT or cell != cell:
        return missing
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(sep=" ") if cell.time() != datetime.time() else f"{cell:%Y-%m-%d}"
    if isinstance(cell, float | np.floating):
        is_whole = float(cell).is_integer() and abs(cell) < 2**53
        return str(int(cell)) if is_whole else repr(float(cell)).replace(".", decimal)
    return str(cell)
