"""Files that the commands read and prepare; what is wrong with one is said in one line."""

import json
from pathlib import Path

import pandas as pd

from .._utils._errors import DataError, blame_data, refuse
from .._utils._output import write_json
from ..personality import load_coefficients

STUDY_RECORD = "study.json"


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


def read_protected(path, customers):
    """Read attributes that must not decide about people from a CSV file.

    Parameters
    ----------
    path : str or path
        The first column holds customers, each further one an attribute.
    customers : ndarray
        Customers as a log knows them.

    Returns
    -------
    protected : pandas.DataFrame
        Indexed by customer.
    """
    with blame_data(path):
        table = pd.read_csv(path, dtype=str)
        if table.shape[1] < 2:
            raise ValueError(
                f"{table.shape[1]} columns; a first column of customers and one for each attribute "
                f"are needed."
            )
        names = table.pop(table.columns[0])
        refuse(names.isna().to_numpy(), names.name, "missing customer", "Fill it in")
        # In a file all customers are text.
        known = dict(zip(map(str, customers), customers, strict=True))
        return table.set_index(pd.Index([known.get(name, name) for name in names]))


def read_transfer(path):
    """Read a table of transfer results, as ``skspend study`` writes it."""
    with blame_data(path):
        return pd.read_csv(path)


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
            found = _study_parameters(record)
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


def _study_parameters(record):
    try:
        return json.loads(record.read_text(encoding="utf-8"))["parameters"]
    except (ValueError, TypeError, KeyError):
        return f"unknown, as {record.name} cannot be read"
