"""Categories of spending: from merchant category codes to names, and the tables behind them."""

from ._mcc import mcc_to_category

__all__ = ["mcc_to_category"]
