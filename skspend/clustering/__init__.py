"""From trajectories to a tree of segments."""

from ._tree import TrajectoryClusterer

__all__ = ["TrajectoryClusterer"]
