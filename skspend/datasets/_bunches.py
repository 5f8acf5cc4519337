"""Types of the Bunches that functions return, because scikit-learn has none."""

from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .._utils._typing import Floats, Integers
from ..transactions import TransactionLog

Data = TypeVar("Data", pd.DataFrame, TransactionLog)


class Bank(dict[str, Any], Generic[Data]):
    data: Data
    coefficients: pd.DataFrame
    traits: pd.DataFrame
    scores: pd.DataFrame
    types: pd.Series
    income: pd.DataFrame
    finances: pd.DataFrame
    default: pd.Series
    liquidity: pd.Series
    DESCR: str


class Households(dict[str, Any]):
    data: TransactionLog
    income: pd.Series
    coupon: pd.Series
    demographics: pd.DataFrame
    aliases: dict[str, str]
    DESCR: str


class LoanAccounts(dict[str, Any]):
    data: TransactionLog
    target: pd.Series
    default: pd.Series
    liquidity: pd.Series
    complete: pd.Series
    ages: pd.Series | None
    loans: pd.DataFrame
    DESCR: str


class LabelledCards(dict[str, Any]):
    data: TransactionLog
    target: pd.Series
    DESCR: str


class PlantedTrajectories(dict[str, Any]):
    data: Floats
    levels: Integers
    is_outlier: NDArray[np.bool]
    ends: Floats
