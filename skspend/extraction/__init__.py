"""The extractors: from a panel to trajectories in the state space of a small network."""

from ._extractors import FeedForwardExtractor, LSTMStateExtractor

__all__ = ["FeedForwardExtractor", "LSTMStateExtractor"]
