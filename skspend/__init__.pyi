from . import (
    aggregation as aggregation,
    categories as categories,
    clustering as clustering,
    datasets as datasets,
    extraction as extraction,
    factors as factors,
    inspection as inspection,
    metrics as metrics,
    model_selection as model_selection,
    networks as networks,
    panel as panel,
    personality as personality,
    plotting as plotting,
    report as report,
    segmentation as segmentation,
    study as study,
    transactions as transactions,
    transfer as transfer,
)
from .aggregation import SpendingAggregator
from .categories import mcc_to_category
from .clustering import TrajectoryClusterer
from .extraction import FactorStateExtractor, FeedForwardExtractor, LSTMStateExtractor
from .factors import SpendingFactors
from .personality import BigFivePersonalityScorer
from .report import SegmentReport
from .segmentation import SegmentModel, segment_frame
from .transactions import TransactionLog
from .transfer import TransferClassifier, TransferRegressor

__all__ = [
    "BigFivePersonalityScorer",
    "FactorStateExtractor",
    "FeedForwardExtractor",
    "LSTMStateExtractor",
    "SegmentModel",
    "SegmentReport",
    "SpendingAggregator",
    "SpendingFactors",
    "TrajectoryClusterer",
    "TransactionLog",
    "TransferClassifier",
    "TransferRegressor",
    "mcc_to_category",
    "segment_frame",
]
__version__: str
