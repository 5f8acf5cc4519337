"""From trajectories to a tree of segments."""

from ._clusterer import TrajectoryClusterer

__all__ = ["TrajectoryClusterer"]
