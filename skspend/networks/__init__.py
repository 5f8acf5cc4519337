"""The networks: small ones that read a panel, LSTM or feed-forward, and answer from their states.

`forward` computes on plain arrays and needs NumPy alone; `training` defines and trains the same
networks in Keras. Nothing else in skspend knows Keras, and importing this package does not load it.
"""

from .forward import decode, encode, mean_loss, pool
from .scaling import fold_scales, unfold_scales
from .specification import Network

__all__ = [
    "Network",
    "decode",
    "encode",
    "fold_scales",
    "mean_loss",
    "pool",
    "unfold_scales",
]
