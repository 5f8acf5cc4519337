"""The main job without a terminal: a fitted pipeline, its segments, and the model file."""

from ._frame import segment_frame
from ._model import SegmentModel, aggregate, cluster, draw, summarise, train, versions

__all__ = [
    "SegmentModel",
    "aggregate",
    "cluster",
    "draw",
    "segment_frame",
    "summarise",
    "train",
    "versions",
]
