"""The networks: small LSTMs that read a panel and answer at the last or at every period.

`forward` computes on plain arrays and needs NumPy alone; `training` defines and trains the same
networks in Keras. Nothing else in skspend knows Keras, and importing this package does not load it.
"""

from .forward import dense, lstm_states
from .specification import Network

__all__ = ["Network", "dense", "lstm_states"]
