"""From transactions to a panel of shares."""

from ._aggregator import SpendingAggregator

__all__ = ["SpendingAggregator"]
