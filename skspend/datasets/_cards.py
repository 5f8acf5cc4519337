"""Two public sets of card transactions with labels, read from the user's own copy."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from sklearn.utils import Bunch

from .._utils._text import count, warn
from ..transactions import TransactionLog

if TYPE_CHECKING:
    from .._utils._typing import FilePath
    from ._bunches import LabelledCards

FIRST_DAY = pd.Timestamp("2001-01-01")
"""Of the age data, which number their 730 days; two years from here are 24 whole months."""
INFLOWS = "DEPOSIT", "C2C_IN", "BACK_TRX"
OUTFLOWS = "POS", "C2C_OUT", "CAT", "CASH_ADV", "WD_ATM_OTHER", "WD_ATM_PARTNER", "WD_ATM_ROS"
ROUBLES = 810, 643
"""The code of the rouble until and after its redenomination."""


def load_age(folder: FilePath) -> LabelledCards:
    """Load the card payments and age groups of 30,000 customers of Sberbank from a local folder.

    Parameters
    ----------
    folder : str or path
        Has ``transactions_train.csv`` and ``train_target.csv``, as in the archive of the contest.
        The data have no licence and are not part of skspend.

    Returns
    -------
    bunch : Bunch
        data : TransactionLog
            Payments of the customers with a label, by customer number. Categories are the numbers
            of groups of merchants. Days are numbered in the files: here the first one is 1 January
            2001, so that all 730 are 24 whole months.
        target : Series of int, shape (n_customers,)
            Age group, 0 to 3.
        DESCR : str
            Description and provenance.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a column is missing, or a payment belongs to nobody with a label.

    See Also
    --------
    load_rosbank : Transactions of another bank, in both directions, with churn.

    References
    ----------
    Babaev et al. (2022), CoLES: Contrastive Learning for Event Sequences with Self-Supervision,
    SIGMOD.

    Examples
    --------
    With the data, ``load_age(folder).target`` has 30,000 age groups. Without:

    >>> from skspend.datasets import load_age
    >>> load_age("nowhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    FileNotFoundError: No 'train_target.csv' in 'nowhere'. ...
    """
    target = _read(folder, "train_target.csv", ["client_id", "bins"])
    target = target.rename(columns={"client_id": "customer", "bins": "age group"})
    columns = ["client_id", "trans_date", "small_group", "amount_rur"]
    payments = _read(folder, "transactions_train.csv", columns)
    payments.columns = ["customer", "date", "category", "amount"]
    payments["date"] = FIRST_DAY + pd.to_timedelta(payments["date"], unit="D")
    return _make_bunch(payments, target.set_index("customer")["age group"], "age")


def load_rosbank(folder: FilePath) -> LabelledCards:
    """Load the card transactions of 5,000 customers of Rosbank, and who left it, from a folder.

    Parameters
    ----------
    folder : str or path
        Has ``train.csv``, as in the archive of the contest. The data have no licence and are not
        part of skspend.

    Returns
    -------
    bunch : Bunch
        data : TransactionLog
            Transactions in roubles, by customer number, over three months that end with the last
            month of each customer. Categories are merchant category codes. Money that comes in has
            negative amounts.
        target : Series of int, shape (n_customers,)
            1 if the customer left the bank, 0 otherwise.
        DESCR : str
            Description and provenance.

    Raises
    ------
    FileNotFoundError
        If the file is missing.
    ValueError
        If a column is missing, the kind of a transaction is unknown, or a customer has both labels.

    Warns
    -----
    UserWarning
        If transactions are in other currencies. They are left out, because the data have no
        exchange rates. Customers who have no others stay, without transactions.

    See Also
    --------
    load_age : Payments of another bank, with age groups.

    References
    ----------
    Babaev et al. (2022), CoLES: Contrastive Learning for Event Sequences with Self-Supervision,
    SIGMOD.

    Examples
    --------
    With the data, ``load_rosbank(folder).target`` has 5,000 customers. Without:

    >>> from skspend.datasets import load_rosbank
    >>> load_rosbank("nowhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    FileNotFoundError: No 'train.csv' in 'nowhere'. ...
    """
    columns = ["PERIOD", "cl_id", "MCC", "currency", "TRDATETIME", "amount", "trx_category"]
    table = _read(folder, "train.csv", [*columns, "target_flag"])
    kind, labels = table["trx_category"], table.groupby("cl_id")["target_flag"]
    is_unknown = ~kind.isin([*INFLOWS, *OUTFLOWS])
    if is_unknown.any():
        raise ValueError(
            f"The trx_category of {count(int(is_unknown.sum()), 'transaction')} in train.csv is "
            f"unknown; the first is {kind[is_unknown].iloc[0]!r}. Expected "
            f"{', '.join([*INFLOWS, *OUTFLOWS])}."
        )
    if (labels.nunique() != 1).any():
        customer = labels.nunique().ne(1).idxmax()
        raise ValueError(f"Customer {customer} has several values of target_flag in train.csv.")
    target = labels.first().rename_axis("customer").rename("churn")
    months = pd.to_datetime(table["PERIOD"], format="%d/%m/%Y").groupby(table["cl_id"]).max()
    is_foreign = ~table["currency"].isin(ROUBLES)
    if is_foreign.any():
        n_foreign = int(is_foreign.sum())
        warn(
            f"Left out: {count(n_foreign, 'transaction')} ({n_foreign / len(table):.1%}) in other "
            f"currencies than roubles, because the data have no exchange rates."
        )
    table = table[~is_foreign]
    frame = pd.DataFrame(
        {
            "customer": table["cl_id"],
            "date": pd.to_datetime(table["TRDATETIME"], format="%d%b%y:%H:%M:%S"),
            "category": table["MCC"],
            "amount": table["amount"].where(table["trx_category"].isin(OUTFLOWS), -table["amount"]),
        }
    )
    return _make_bunch(frame, target, "rosbank", cutoff=months + pd.offsets.MonthEnd(0))


def _read(folder, name, columns):
    path = Path(folder) / name
    if not path.is_file():
        raise FileNotFoundError(
            f"No {name!r} in {str(folder)!r}. Unpack the archive of the contest there; skspend "
            f"does not ship these data."
        )
    found = pd.read_csv(path, nrows=0).columns
    missing = [column for column in columns if column not in found]
    if missing:
        raise ValueError(
            f"{path} has no column {', '.join(map(repr, missing))}. Its columns are: "
            f"{', '.join(found)}."
        )
    return pd.read_csv(path, usecols=columns)[columns]


def _make_bunch(frame, target, name, **options):
    description = files(__package__) / "data" / f"{name}.rst"
    return Bunch(
        data=TransactionLog(frame, customers=target.index, **options),
        target=target,
        DESCR=description.read_text(encoding="utf-8"),
    )
