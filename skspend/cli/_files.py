"""Files that the commands read and prepare; what is wrong with one is said in one line."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from .._utils._errors import DataError, blame_data, refuse
from .._utils._output import write_json
from ..aggregation._aggregator import MONTHS
from ..personality import load_coefficients
from ..transactions import TransactionLog
from ..transactions._columns import Screen, read_amounts
from ..transactions._files import TransactionFiles
from ..transactions._sums import RESOLUTIONS

STUDY_RECORD = "study.json"
BAD_INCOME = "negative, infinite or unreadable income (its transaction counts)"


def read_log(path, columns, *, outflow="positive", income=None, period=1, errors="raise"):
    """Read transactions from CSV or Parquet files that need not fit into memory.

    They are read piece by piece, and those of one customer and category are merged by the longest
    whole months that make up a period: memory is needed for these sums alone.

    Parameters
    ----------
    path : str or path
        A file that ends in ``.csv`` or ``.parquet``, or a pattern such as ``"bank/*.parquet"``.
    columns : dict
        From customer, date, category and amount to the names of these columns; no other is read.
    outflow : {"positive", "negative"}, default="positive"
        The sign of money spent.
    income : str, default=None
        Name of the column with the customer's yearly income; the mean of a customer's rows counts.
    period : str or int, default=1
        Length of the periods that will be asked for, in months or in words.
    errors : {"raise", "drop"}, default="raise"
        Whether a row that cannot be read raises an error, or is dropped and counted in the log's
        ``quality_``. Of a row whose income cannot be read, only the income is dropped.

    Returns
    -------
    log : TransactionLog
        Of a CSV file, customers are integers if all of them are written as such: 007 is none.

    Raises
    ------
    DataError
        If a file or a column cannot be read.
    """
    names = dict(columns) if income is None else columns | {"income": income}
    with blame_data(path):
        table = TransactionFiles(path, names, errors)
        incomes, n_bad_incomes = None, 0
        if income is not None:
            incomes, n_bad_incomes = _mean_incomes(table, columns["customer"], income, errors)
        log = TransactionLog(
            table,
            **columns,
            outflow=outflow,
            income=incomes,
            resolution=_coarsest_resolution(MONTHS.get(period, period)),
            errors=errors,
        )
    # The log knows nothing of what was left out of its incomes.
    log._dropped[BAD_INCOME] = n_bad_incomes, 0.0
    return _number_customers(log) if table.is_csv else log


def _coarsest_resolution(n_months):
    fitting = [name for name, months in RESOLUTIONS.items() if months and n_months % months == 0]
    return max(fitting, key=RESOLUTIONS.get)


def _mean_incomes(files, customer, column, errors):
    """The mean income of every customer who has one, and how many incomes could not be read."""
    parts, n_before, n_bad = [], 0, 0
    for table in files.tables({"customer": customer, "income": column}):
        values = table["income"]
        amounts, unit = read_amounts(values, column, Screen("drop", len(values)))
        incomes = amounts / unit
        is_bad = values.notna().to_numpy() & ~((incomes >= 0) & np.isfinite(incomes))
        if errors == "raise":
            refuse(
                is_bad, column, "negative, infinite or unreadable income",
                "Write yearly incomes as plain numbers", n_before=n_before,
            )  # fmt: skip
        incomes[is_bad] = np.nan
        customers = table["customer"].to_numpy()
        parts.append(pd.Series(incomes).groupby(customers).agg(["sum", "count"]))
        n_before += len(values)
        n_bad += int(is_bad.sum())
    if not parts:
        return None, 0
    total = pd.concat(parts).groupby(level=0).sum()
    is_named = np.array([bool(str(name).strip()) for name in total.index], dtype=bool)
    total = total[is_named & (total["count"] > 0)]
    means = {customer: total.index, "income": (total["sum"] / total["count"]).to_numpy()}
    return pd.DataFrame(means), n_bad


def _number_customers(log):
    """Make customers integers who are all written as such, and sort them as such."""
    names = pd.Series(log.customers, dtype=str)
    if not names.str.fullmatch(r"0|[1-9][0-9]{0,17}").all():
        return log
    numbers = names.to_numpy().astype(np.int64)
    order = np.argsort(numbers)
    log = log[order]
    log.customers = numbers[order]
    return log


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
