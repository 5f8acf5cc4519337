"""Pictures, as scikit-learn Display objects: the choice of a model, and what it has learned."""

from .colors import TRAIT_COLORS
from .elbow import ElbowDisplay
from .explanation import ExplanationDisplay
from .hierarchy import HierarchyDisplay
from .personality import PersonalityDisplay
from .trajectories import TrajectoryDisplay

__all__ = [
    "TRAIT_COLORS",
    "ElbowDisplay",
    "ExplanationDisplay",
    "HierarchyDisplay",
    "PersonalityDisplay",
    "TrajectoryDisplay",
]
