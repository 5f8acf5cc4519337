"""Inspection: meaning, importance, fairness and stability of segments; explanation of states."""

from ._explanation import explain_trajectories
from ._fairness import segment_fairness
from ._importance import segment_importance
from ._segments import describe_segments, name_segments, segment_path
from ._stability import segment_stability

__all__ = [
    "describe_segments",
    "explain_trajectories",
    "name_segments",
    "segment_fairness",
    "segment_importance",
    "segment_path",
    "segment_stability",
]
