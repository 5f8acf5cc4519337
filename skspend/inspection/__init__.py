"""Inspection: the meaning, importance and fairness of segments, and an explanation of states."""

from ._explanation import explain_trajectories
from ._fairness import segment_fairness
from ._importance import segment_importance
from ._segments import describe_segments, name_segments, segment_path

__all__ = [
    "describe_segments",
    "explain_trajectories",
    "name_segments",
    "segment_fairness",
    "segment_importance",
    "segment_path",
]
