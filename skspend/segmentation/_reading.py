"""How the transactions of a fit were read, so that new ones are read alike, or refused.

A model is as good as its input: with the sign of money spent reversed, or amounts in another unit,
it would answer as confidently as ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ..transactions._dialect import DATE_FORMATS, DECIMALS
from ..transactions._names import ROLES

if TYPE_CHECKING:
    from ..transactions import TransactionLog
    from ._seen import PanelSums

LARGEST_RATIO = 30.0
"""Of the mean amount of a transaction to that of the fit."""
ENOUGH = 1000
"""Transactions, of which the mean amount is not that of a few large ones."""
A_FEW = 20
"""Customers who may all have more refunds than payments."""
OUTFLOWS = ("positive", "negative")


@dataclass(frozen=True)
class Reading:
    """How the file of a fit was read, so that other files of the same bank are read alike."""

    columns: dict[str, str]
    """The column of each role, and that of the income if there is one."""
    outflow: str
    """The sign of money spent: "positive" or "negative"."""
    mcc: bool
    """Whether categories are merchant category codes."""
    decimal: str | None
    date_format: str | None
    """How text was written; None if it was none, or if nothing shows it."""
    mean_amount: float
    """Of a transaction, without its sign, in currency units."""

    @classmethod
    def of(cls, log: TransactionLog, outflow: str, mcc: bool) -> Self | None:
        """Return the reading of a log, or None if it was not read from files."""
        dialect = log.dialect
        if dialect is None:
            return None
        style = dialect.decimal, dialect.date_format
        return cls(dict(dialect.columns), outflow, mcc, *style, log.mean_amount)

    @classmethod
    def parse(cls, record: dict[str, Any] | None) -> Self | None:
        """Make a reading of a record, such as one of a file, or raise a ValueError."""
        if record is None:
            return None
        found = cls(**record)
        is_known = (
            {*ROLES} <= found.columns.keys() <= {*ROLES, "income"}
            and all(type(name) is str for name in found.columns.values())
            and found.outflow in OUTFLOWS
            and type(found.mcc) is bool
            and found.decimal in (None, *DECIMALS)
            and found.date_format in (None, *DATE_FORMATS)
            and type(found.mean_amount) in (int, float)
            and found.mean_amount >= 0
        )
        if not is_known:
            raise ValueError("it does not say how the data of the fit was read")
        return found

    def check(self, log: TransactionLog) -> None:
        """Refuse amounts in another unit."""
        now = log.mean_amount
        ratio = now / self.mean_amount if now and self.mean_amount else 1.0
        if log.n_transactions >= ENOUGH and not 1 / LARGEST_RATIO < ratio < LARGEST_RATIO:
            times = f"{ratio:,.0f} times" if ratio > 1 else f"1/{1 / ratio:,.0f} of"
            raise ValueError(
                f"The mean amount of a transaction is {now:,.2f}, which is {times} the "
                f"{self.mean_amount:,.2f} of the fit. Convert the amounts to the unit and the "
                f"currency of the fit, or fit another model."
            )


def check_sign(sums: PanelSums) -> None:
    """Refuse a panel in whose categories of spending more money comes in than goes out."""
    if len(sums.is_active) > A_FEW and sums.back > sums.out:
        share = sums.back / (sums.out + sums.back)
        raise ValueError(
            f"In the categories that are spending to the model, {share:.0%} of what "
            f"moves comes in: money spent seems to have the other sign than in the fit. Turn the "
            f"signs of the amounts."
        )
