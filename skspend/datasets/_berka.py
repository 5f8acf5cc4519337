"""A bank's loans: the PKDD'99 challenge data, read from the user's own copy."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ..transactions import TransactionLog

if TYPE_CHECKING:
    from .._utils._typing import FilePath
    from ._bunches import LoanAccounts

# Categories of outflows by operation and k_symbol; SIPO is the Czech way to pay household bills.
OUTFLOWS = {
    ("VYBER", ""): "cash",
    ("VYBER KARTOU", ""): "card",
    ("PREVOD NA UCET", ""): "transfers",
    ("PREVOD NA UCET", "POJISTNE"): "insurance",
    ("PREVOD NA UCET", "SIPO"): "household bills",
    ("VYBER", "SIPO"): "household bills",
    ("VYBER", "SLUZBY"): "account fees",
    ("VYBER", "SANKC. UROK"): "overdraft interest",
}
LIQUIDITY_MONTHS = 3
_TRANSACTION_COLUMNS = ["account_id", "date", "type", "operation", "amount", "balance", "k_symbol"]
_KIND_COLUMNS = ["type", "operation", "k_symbol"]
_LOAN_COLUMNS = ["loan_id", "account_id", "date", "amount", "duration", "payments", "status"]


def load_berka(
    folder: FilePath,
    *,
    label: Literal["default", "liquidity"] = "default",
    ages: tuple[int, int] | None = None,
    raw_kinds: bool = False,
) -> LoanAccounts:
    """Load the accounts with a loan of the Berka bank (1993-1998, in CZK) from a local folder.

    Parameters
    ----------
    folder : str or path
        Has ``transactions_preloan.parquet`` and ``loans.parquet``, or the files of the challenge,
        ``trans.asc`` and ``loan.asc``, also in a subfolder ``original``. The data have no licence
        and are not part of skspend.
    label : {"default", "liquidity"}, default="default"
        The `target`. Transactions end on the day before the loan for "default", and three months
        earlier for "liquidity", which is measured over these months.
    ages : tuple of two ints, default=None
        Youngest and oldest age of the owner on the day of the loan, in completed years; accounts of
        others are left out. Needs ``client.asc`` and ``disp.asc``.
    raw_kinds : bool, default=False
        Whether transactions keep their kinds as the bank writes them, such as ``"VYDAJ VYBER"``,
        inflows too, instead of eight categories.

    Returns
    -------
    bunch : Bunch
        data : TransactionLog
            One customer per account, by account number. Outflows have seven categories, inflows
            the category "income", unless `raw_kinds`; it knows balances. As in the paper, features
            are the six months before the loan for "default",
            ``SpendingAggregator(period="month", n_periods=6)``, and the months 4 to 6 before it for
            "liquidity", with ``n_periods=3``.
        target : Series
            `default` or `liquidity`.
        default : Series of int, shape (n_accounts,)
            1 if the loan was not paid back or is in debt, 0 otherwise.
        liquidity : Series of float, shape (n_accounts,)
            Mean end-of-day balance over the three months before the loan, divided by the mean
            monthly outflow in them; NaN without outflow.
        complete : Series of bool, shape (n_accounts,)
            Whether the account's history begins at least 183 days before the loan.
        ages : Series of int, shape (n_accounts,), or None
            Age of the owner in completed years; None if client.asc or disp.asc is missing.
        loans : DataFrame, shape (n_accounts, 6)
            The loans: number, date, amount, duration in months, monthly payment, status.
        DESCR : str
            Description and provenance.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If `label` or `ages` is invalid, no owner has that age, or the kind of an outflow is
        unknown.

    References
    ----------
    Berka & Sochorova (1999), PKDD'99 Discovery Challenge; Maree & Omlin (2021), section III-D.

    Examples
    --------
    With the data, ``load_berka(folder).target`` has 76 defaults among 682 loans. Without:

    >>> load_berka("nowhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    FileNotFoundError: ...
    """
    if label not in ("default", "liquidity"):
        raise ValueError(f"label must be 'default' or 'liquidity', got {label!r}.")
    transactions, loans = _read_tables(Path(folder))
    owner_ages = _read_ages(Path(folder), loans, required=ages is not None)
    if ages is not None:
        owner_ages = _choose_ages(owner_ages, ages)
        loans = loans.loc[owner_ages.index]
    loan_day = loans["date"].reindex(transactions["account_id"]).to_numpy()
    # The day is missing for accounts without a loan, and the comparison false.
    frame = _categorise(transactions[transactions["date"].to_numpy() < loan_day])
    day = pd.Timedelta(days=1)
    options = {"customers": loans.index, "balance": "balance"}
    log = TransactionLog(frame, cutoff=loans["date"] - day, **options)
    liquidity, first_day = _liquidity(frame, log)
    if raw_kinds:
        frame["category"] = _name_kinds(transactions[transactions["date"].to_numpy() < loan_day])
        log = TransactionLog(frame, cutoff=loans["date"] - day, **options)
    if label == "liquidity":
        log = TransactionLog(frame, cutoff=first_day - day, **options)
    # Loans that ended unpaid (B) or are in debt (D).
    default = loans["status"].isin(["B", "D"]).astype(int).rename("default")
    history = loans["date"] - frame.groupby("customer")["date"].min().reindex(loans.index)
    return Bunch(
        data=log,
        target=default if label == "default" else liquidity,
        default=default,
        liquidity=liquidity,
        # In half a year, all of the six monthly periods before the loan have transactions.
        complete=(history.dt.days >= 183).rename("complete"),
        ages=owner_ages,
        loans=loans,
        DESCR=(files(__package__) / "data" / "berka.rst").read_text(encoding="utf-8"),
    )


def _read_tables(folder):
    parquet = folder / "transactions_preloan.parquet", folder / "loans.parquet"
    if all(path.is_file() for path in parquet):
        transactions = pd.read_parquet(parquet[0], columns=_TRANSACTION_COLUMNS)
        loans = pd.read_parquet(parquet[1], columns=_LOAN_COLUMNS)
    else:
        challenge = _find(folder, "trans.asc"), _find(folder, "loan.asc")
        if None in challenge:
            raise FileNotFoundError(
                f"No Berka data in {str(folder)!r}: expected transactions_preloan.parquet and "
                f"loans.parquet, or trans.asc and loan.asc (also in a subfolder 'original')."
            )
        transactions = _read_asc(challenge[0])[_TRANSACTION_COLUMNS]
        loans = _read_asc(challenge[1])[_LOAN_COLUMNS]
    for table in (transactions, loans):
        table["date"] = table["date"].astype("M8[s]")
    return transactions, loans.set_index("account_id").sort_index()


def _find(folder, name):
    paths = folder / name, folder / "original" / name
    return next((path for path in paths if path.is_file()), None)


def _read_asc(path):
    """Read a table of the challenge, with semicolons, dates as YYMMDD, and blanks for no text."""
    text = dict.fromkeys(("date", "birth_number", "bank", "account"), str)
    table = pd.read_csv(path, sep=";", dtype=text, keep_default_na=False, encoding="latin-1")
    if "date" in table:
        table["date"] = pd.to_datetime("19" + table["date"], format="%Y%m%d")
    return table


def _read_ages(folder, loans, required):
    """Compute the age of each account's owner on the day of the loan; None without the files."""
    paths = {name: _find(folder, name) for name in ("client.asc", "disp.asc")}
    missing = [name for name, path in paths.items() if path is None]
    if missing and required:
        raise FileNotFoundError(
            f"ages needs {' and '.join(missing)}, missing from {str(folder)!r} and its subfolder "
            f"'original'. Add the data, or leave ages=None."
        )
    if missing:
        return None
    clients = _read_asc(paths["client.asc"]).set_index("client_id")["birth_number"]
    disposals = _read_asc(paths["disp.asc"]).query("type == 'OWNER'").set_index("account_id")
    number = clients[disposals["client_id"].reindex(loans.index)].astype(int)
    # A woman's number has 50 added to the month.
    number -= 5000 * (number // 100 % 100 > 50)
    number = (19_000_000 + number).astype(str).set_axis(loans.index)
    birth = pd.to_datetime(number, format="%Y%m%d")
    month_and_day = [date.dt.month * 100 + date.dt.day for date in (birth, loans["date"])]
    years = loans["date"].dt.year - birth.dt.year - (month_and_day[0] > month_and_day[1])
    return years.astype(int).rename("age")


def _choose_ages(owner_ages, ages):
    try:
        youngest, oldest = ages
    except (TypeError, ValueError) as error:
        raise ValueError(f"ages is {ages!r}; expected None or a pair such as (30, 60).") from error
    kept = owner_ages[owner_ages.between(youngest, oldest)]
    if kept.empty:
        every = f"{owner_ages.min()} to {owner_ages.max()}"
        raise ValueError(f"No owner has an age in ages={ages!r}; ages are {every}.")
    return kept


def _categorise(transactions):
    """Make the frame of customer, date, category and amount, with outflows as positive amounts."""
    is_credit = (transactions["type"] == "PRIJEM").to_numpy()
    operation = transactions["operation"].fillna("").str.strip()
    symbol = transactions["k_symbol"].fillna("").str.strip()
    kind = pd.Series(list(zip(operation, symbol, strict=True)), transactions.index, dtype=object)
    category = kind.map(OUTFLOWS).mask(is_credit, "income")
    if category.isna().any():
        raise ValueError(
            f"{category.isna().sum()} of {len(category)} transactions are outflows of an unknown "
            f"kind; the first has operation and k_symbol {kind[category.isna()].iloc[0]}. Expected "
            f"{', '.join(map(str, OUTFLOWS))}."
        )
    amount = transactions["amount"].astype(float)
    frame = transactions[["account_id", "date", "balance"]].rename(
        columns={"account_id": "customer"}
    )
    frame = frame.assign(category=category, amount=amount.mask(is_credit, -amount))
    return frame.reset_index(drop=True)


def _name_kinds(transactions):
    """The kinds as the bank writes them: direction, operation and symbol, as far as given."""
    parts = [transactions[name].fillna("").str.strip() for name in _KIND_COLUMNS]
    return parts[0].str.cat(parts[1:], sep=" ").str.split().str.join(" ").to_numpy()


def _liquidity(frame, log):
    """Compute the liquidity of every account, and the first day that it is measured on."""
    edges = np.broadcast_to(log.period_edges(LIQUIDITY_MONTHS, 1), (len(log), 2))
    first_day, loan_day = (edge.astype("M8[D]") for edge in edges.T)
    account = pd.Index(log.customers).get_indexer(frame["customer"])
    # An amount is in the balance from its day on, which is this part of the days up to the loan.
    day = frame["date"].to_numpy().astype("M8[D]")
    part = (loan_day[account] - day) / (loan_day - first_day)[account]
    balance = np.bincount(account, -frame["amount"] * part.clip(0, 1), minlength=len(log))
    outflow = log.sum_spending(LIQUIDITY_MONTHS, 1).sum(axis=(1, 2)) / LIQUIDITY_MONTHS
    ratio = np.divide(balance, outflow, out=np.full(len(log), np.nan), where=outflow > 0)
    index = pd.Index(log.customers, name="account_id")
    first_day = pd.Series(first_day.astype("M8[s]"), index=index)
    return pd.Series(ratio, index=index, name="liquidity"), first_day
