"""Inspection: what segments mean, how stable they are, and what moves the states and where to."""

from ._aliases import suggest_aliases
from ._attractors import find_attractors
from ._changes import smallest_changes
from ._explanation import explain_trajectories
from ._fairness import segment_fairness
from ._importance import segment_importance
from ._matching import match_segments
from ._segments import describe_segments, name_segments, segment_path
from ._stability import segment_stability

__all__ = [
    "describe_segments",
    "explain_trajectories",
    "find_attractors",
    "match_segments",
    "name_segments",
    "segment_fairness",
    "segment_importance",
    "segment_path",
    "segment_stability",
    "smallest_changes",
    "suggest_aliases",
]
