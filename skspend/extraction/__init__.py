"""Extractors: from a panel to trajectories in the state space of a small network."""

from ._feed_forward import FeedForwardExtractor
from ._lstm import LSTMStateExtractor

__all__ = ["FeedForwardExtractor", "LSTMStateExtractor"]
