"""The networks: small ones that read a panel, LSTM or feed-forward, and answer from their states.

`forward`, `gradients` and `training` compute on plain arrays. `keras_models` defines the same
networks in Keras; nothing else in skspend knows Keras, and importing this package does not load it.
"""

from .forward import decode, encode, mean_loss, pool
from .scaling import fold_scales, scale, unfold_scales
from .specification import Network
from .training import initial_weights, keep_best, train

__all__ = [
    "Network",
    "decode",
    "encode",
    "fold_scales",
    "initial_weights",
    "keep_best",
    "mean_loss",
    "pool",
    "scale",
    "train",
    "unfold_scales",
]
