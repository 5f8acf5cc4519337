"""What was learned: what segments mean, what moves their customers, whom they hold, and what
spending the states answer to."""

from .explanation import explain_trajectories
from .fairness import segment_fairness
from .importance import segment_importance
from .segments import describe_segments, name_segments, segment_path

__all__ = [
    "describe_segments",
    "explain_trajectories",
    "name_segments",
    "segment_fairness",
    "segment_importance",
    "segment_path",
]
