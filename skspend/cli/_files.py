"""Files that the commands read and prepare. An error in one is a single line."""

import json
from pathlib import Path

import pandas as pd

from .._utils._errors import DataError, blame_data, refuse
from .._utils._output import write_json
from ..personality import load_coefficients

STUDY_RECORD = "study.json"


def read_coefficients(path):
    """Read coefficients as a mapping, which a model file can hold."""
    with blame_data(path):
        # As text, so that the category 0742 stays 0742.
        table = load_coefficients(pd.read_csv(path, dtype={"category": str}))
        if not isinstance(table.index[0], str):
            raise ValueError("no column 'category'. Name the column of the categories 'category'.")
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


def read_protected(path, customers):
    """Read protected attributes from a CSV file into a frame indexed by customer.

    The first column names customers, and each other column is an attribute. `customers` are the
    customers of the log, which may be integers; in the file all are text.
    """
    with blame_data(path):
        table = pd.read_csv(path, dtype=str)
        if table.shape[1] < 2:
            raise ValueError(
                f"{table.shape[1]} columns, but a column of customers and at least one attribute "
                f"are needed."
            )
        names = table.pop(table.columns[0])
        refuse(names.isna().to_numpy(), names.name, "missing customer", "Fill it in")
        known = dict(zip(map(str, customers), customers, strict=True))
        return table.set_index(pd.Index([known.get(name, name) for name in names]))


def read_transfer(path):
    """Read a table of transfer results, as ``skspend study`` writes it."""
    with blame_data(path):
        return pd.read_csv(path)


def study_folder(folder, parameters, *, force=False):
    """Make the folder of a study, or return that of an interrupted one with the same parameters.

    Raises
    ------
    DataError
        If the folder holds a study with other parameters and `force` is false, or if it cannot be
        written to.
    """
    folder = Path(folder)
    record = folder / STUDY_RECORD
    with blame_data(folder):
        found = _study_parameters(record) if record.exists() else parameters
        if found != parameters:
            if not force:
                raise DataError(
                    f"{folder} holds a study with other options: {found}. Choose another "
                    f"--output, or pass --force to replace it."
                )
            for pattern in ("claims.*", "frames/*.csv", "figures/*.png"):
                for path in folder.glob(pattern):
                    path.unlink()
        for name in ("frames", "figures"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        write_json({"parameters": parameters}, record)
    return folder


def _study_parameters(record):
    try:
        return json.loads(record.read_text(encoding="utf-8"))["parameters"]
    except (ValueError, TypeError, KeyError):
        return f"unknown, as {record.name} cannot be read"
