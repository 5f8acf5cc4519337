"""The main job without a terminal: a fitted pipeline, its segments, and the model file."""

from ._frame import segment_frame
from ._model import SegmentModel, aggregate, cluster, refit, train, versions
from ._previous import compare_models, find_nodes

__all__ = [
    "SegmentModel",
    "aggregate",
    "cluster",
    "compare_models",
    "find_nodes",
    "refit",
    "segment_frame",
    "train",
    "versions",
]
