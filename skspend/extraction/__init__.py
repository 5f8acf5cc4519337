"""Extractors: from a panel to trajectories in a state space."""

from ._factors import FactorStateExtractor
from ._feed_forward import FeedForwardExtractor
from ._lstm import LSTMStateExtractor

__all__ = ["FactorStateExtractor", "FeedForwardExtractor", "LSTMStateExtractor"]
