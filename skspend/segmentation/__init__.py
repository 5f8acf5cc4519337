"""The main job without a terminal: a fitted pipeline, its segments, and the model file."""

from ._frame import segment_frame
from ._model import SegmentModel, aggregate, cluster, refit, train, versions

__all__ = ["SegmentModel", "aggregate", "cluster", "refit", "segment_frame", "train", "versions"]
