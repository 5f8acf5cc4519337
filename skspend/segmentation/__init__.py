"""The main job without a terminal: a fitted pipeline, its segments, and the model file."""

from ..aggregation._shares import LazyPanel
from ._aggregate import aggregate
from ._drift import measure_drift, tell_drift
from ._frame import segment_frame
from ._model import SegmentModel, cluster, make_steps, train, versions
from ._previous import compare_models, find_nodes
from ._reading import Reading
from ._refits import Refits
from ._seen import PanelSums, Seen, score_traits

__all__ = [
    "LazyPanel",
    "PanelSums",
    "Reading",
    "Refits",
    "Seen",
    "SegmentModel",
    "aggregate",
    "cluster",
    "compare_models",
    "find_nodes",
    "make_steps",
    "measure_drift",
    "score_traits",
    "segment_frame",
    "tell_drift",
    "train",
    "versions",
]
