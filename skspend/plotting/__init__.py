"""Pictures, as scikit-learn Display objects: the choice of a model, and what it has learned."""

from .elbow import ElbowDisplay
from .trajectories import TRAIT_COLORS, TrajectoryDisplay

__all__ = ["TRAIT_COLORS", "ElbowDisplay", "TrajectoryDisplay"]
