from .aggregation import SpendingAggregator
from .categories import mcc_to_category
from .clustering import TrajectoryClusterer
from .extraction import FeedForwardExtractor, LSTMStateExtractor
from .factors import SpendingFactors
from .personality import BigFivePersonalityScorer
from .scoring import segment_frame
from .transactions import TransactionLog
from .transfer import TransferClassifier, TransferRegressor

__all__ = [
    "BigFivePersonalityScorer",
    "FeedForwardExtractor",
    "LSTMStateExtractor",
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
