"""Files in and out of the command: tables are read, results are written whole or not at all.

What is wrong with a file is said in one line, in the words of the command line.
"""

import json
import math
import re
import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from pyarrow import parquet

from .columns import refuse
from .personality import load_coefficients
from .transactions import TransactionLog

OUTPUTS = (
    "segments.parquet",
    "trajectories.parquet",
    "trajectories.png",
    "model.skops",
    "run.json",
)


STUDY_RECORD = "study.json"


class DataError(ValueError):
    """What the user gave cannot be read or segmented; the message is one line and says why."""


@contextmanager
def blame_data(where=None):
    """Turn what is raised on account of the user's data into a DataError.

    Parameters
    ----------
    where : path or str, default=None
        What begins the message, such as the file.
    """
    try:
        yield
    except DataError:
        raise
    except (ValueError, TypeError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        text = as_options(reason) if where is None else f"{where}: {as_options(reason)}"
        raise DataError(text) from error


def as_options(message):
    """Say a message on one line and in the words of the command line.

    Examples
    --------
    >>> as_options("Pass aliases= or normalize='spending'.")
    'Pass --aliases or --normalize spending.'
    """
    message = re.sub(r"\b(aliases|coefficients|normalize|income)=(?:'(\w+)')?", r"--\1 \2", message)
    return re.sub(
        r"\s+([,)]|\.(?=\s|$)|$)|\s+", lambda match: match[1] or " " * bool(match[0]), message
    )


def read_log(path, columns, *, outflow="positive", income=None):
    """Read transactions from a CSV or Parquet file.

    Parameters
    ----------
    path : str or path
        Ends in ``.csv`` or ``.parquet``.
    columns : dict
        From customer, date, category and amount to the names of these columns.
    outflow : {"positive", "negative"}, default="positive"
        The sign of money spent.
    income : str, default=None
        Name of the column with the customer's yearly income; the mean of a customer's rows counts.

    Returns
    -------
    log : TransactionLog

    Raises
    ------
    DataError
        If the file or a column cannot be read.
    """
    wanted = dict(columns) if income is None else columns | {"income": income}
    with blame_data(path):
        frame = _read_table(Path(path), wanted)
        incomes = None if income is None else _mean_incomes(frame, columns["customer"], income)
        return TransactionLog(frame, **columns, outflow=outflow, income=incomes)


def _read_table(path, columns):
    if path.suffix.lower() == ".parquet":
        _check_columns(parquet.read_schema(path).names, columns)
        return pd.read_parquet(path, columns=list(set(columns.values())))
    if path.suffix.lower() != ".csv":
        raise ValueError(f"a file must end in .csv or .parquet, not {path.suffix!r}.")
    _check_columns(pd.read_csv(path, nrows=0).columns, columns)
    # As text, 007 stays 007, and dates such as 20240131 are no numbers.
    text = {columns[role]: str for role in ("customer", "date", "category")}
    frame = pd.read_csv(path, usecols=list(set(columns.values())), dtype=text)
    customer = frame[columns["customer"]]
    if customer.str.fullmatch(r"0|[1-9]\d{0,17}").all():
        frame[columns["customer"]] = customer.astype(np.int64)
    return frame


def _check_columns(found, columns):
    missing = [f"{name!r} (--{role})" for role, name in columns.items() if name not in found]
    if missing:
        raise ValueError(
            f"no column {', '.join(missing)}. The columns are: {', '.join(map(repr, found))}. "
            f"Name the right ones by these options."
        )


def _mean_incomes(frame, customer, column):
    values = frame[column]
    incomes = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    refuse(
        values.notna().to_numpy() & ~((incomes >= 0) & np.isfinite(incomes)),
        column, "negative, infinite or unreadable income",
        "Write yearly incomes as plain numbers",
    )  # fmt: skip
    means = pd.Series(incomes).groupby(frame[customer].to_numpy()).mean().dropna()
    return pd.DataFrame({customer: means.index, "income": means.to_numpy()})


def read_coefficients(path):
    """Read coefficients as a mapping, which, unlike a frame, can be saved with the model."""
    with blame_data(path):
        # As text, so that a category 0742 stays 0742.
        table = load_coefficients(pd.read_csv(path, dtype={"category": str}))
        if not isinstance(table.index[0], str):
            raise ValueError("no column 'category'. Name the categories in a column of this name.")
        return table.to_dict()


def read_aliases(path):
    """Read a CSV file of two columns: category in the data, category of the coefficients."""
    with blame_data(path):
        table = pd.read_csv(path, dtype=str)
        if table.shape[1] != 2:
            raise ValueError(
                f"{table.shape[1]} columns instead of two, the category in the data and the "
                f"category of the coefficients."
            )
        for name in table.columns:
            refuse(table[name].isna().to_numpy(), name, "missing category", "Fill it in")
        source = table.iloc[:, 0]
        refuse(source.duplicated().to_numpy(), source.name, "repeated category", "Keep one row")
        return dict(zip(source, table.iloc[:, 1], strict=True))


def write_json(record, path):
    """Write strict JSON: what is not a finite number becomes null."""
    path.write_text(json.dumps(_strict(record), indent=2, allow_nan=False) + "\n", "utf-8")


def _strict(value):
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def output_folder(folder, *, force=False):
    """Give a temporary folder whose files are moved into `folder` at the end, or not at all.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    force : bool, default=False
        Whether outputs that are there may be replaced.

    Raises
    ------
    DataError
        If outputs are there, or the folder cannot be written to: before any work.
    """
    folder = Path(folder)
    found = [name for name in OUTPUTS if (folder / name).exists()]
    if found and not force:
        raise DataError(
            f"{folder} already holds {', '.join(found)}. Choose another --output, or pass --force "
            f"to replace them."
        )
    # Within what is there, so that moving is renaming on one file system.
    base = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    temporary = base / f".skspend-{uuid.uuid4().hex}"
    with blame_data(folder):
        temporary.mkdir()
    try:
        yield temporary
        with blame_data(folder):
            if folder.exists():
                for path in temporary.iterdir():
                    path.replace(folder / path.name)
            else:
                folder.parent.mkdir(parents=True, exist_ok=True)
                temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def study_folder(folder, parameters, *, force=False):
    """Prepare the folder of a study, to start it, or to go on with one of the same parameters.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    parameters : dict
        What decides about the figures.
    force : bool, default=False
        Whether a study with other parameters may be replaced.

    Returns
    -------
    folder : Path

    Raises
    ------
    DataError
        If the folder holds another study, or cannot be written to: before any work.
    """
    folder = Path(folder)
    record = folder / STUDY_RECORD
    with blame_data(folder):
        if record.exists():
            found = json.loads(record.read_text(encoding="utf-8"))["parameters"]
            if found != parameters and not force:
                raise DataError(
                    f"{folder} holds a study with other options: {found}. Choose another "
                    f"--output, or pass --force to replace it."
                )
            if found != parameters:
                for path in [
                    *folder.glob("claims.*"),
                    *folder.glob("frames/*.csv"),
                    *folder.glob("figures/*.png"),
                ]:
                    path.unlink()
        for name in ("frames", "figures"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        write_json({"parameters": parameters}, record)
    return folder


@contextmanager
def output_file(path, *, force=False):
    """Give a temporary path whose file is moved to `path` at the end, or not at all."""
    path = Path(path)
    if path.exists() and not force:
        raise DataError(f"{path} is already there. Pass --force to replace it.")
    temporary = path.with_name(f".skspend-{uuid.uuid4().hex}")
    with blame_data(path):
        temporary.touch()
    try:
        yield temporary
        with blame_data(path):
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
