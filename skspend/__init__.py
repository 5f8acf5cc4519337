"""Spending personality, state trajectories and micro-segments from bank transactions."""

from .aggregation import SpendingAggregator
from .extraction import LSTMStateExtractor
from .personality import BigFivePersonalityScorer
from .transactions import TransactionLog

__all__ = ["BigFivePersonalityScorer", "LSTMStateExtractor", "SpendingAggregator", "TransactionLog"]
__version__ = "0.1.0"
