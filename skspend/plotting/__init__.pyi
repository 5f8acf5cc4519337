from ._attractors import AttractorDisplay
from ._colors import TRAIT_COLORS
from ._elbow import ElbowDisplay
from ._explanation import ExplanationDisplay
from ._hierarchy import HierarchyDisplay
from ._personality import PersonalityDisplay
from ._trajectories import TrajectoryDisplay

__all__ = [
    "TRAIT_COLORS",
    "AttractorDisplay",
    "ElbowDisplay",
    "ExplanationDisplay",
    "HierarchyDisplay",
    "PersonalityDisplay",
    "TrajectoryDisplay",
]
