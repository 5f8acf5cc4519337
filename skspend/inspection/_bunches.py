"""Types of the Bunches that functions return, because scikit-learn has none."""

from typing import Any, Literal

import pandas as pd


class Explanation(dict[str, Any]):
    fidelity: pd.DataFrame
    coefficients: pd.DataFrame
    candidates: pd.DataFrame
    regressors: Literal["mean", "period"]
    cap: float


class Fairness(dict[str, Any]):
    rates: pd.DataFrame
    association: pd.Series
