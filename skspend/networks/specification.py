"""What a network is made of, in words that both the array code and Keras understand."""

from typing import NamedTuple


class Network(NamedTuple):
    """An LSTM that reads a panel, and a dense head on its states.

    The weights are five arrays in Keras's order: LSTM kernel (n_features, 4 n_units), recurrent
    kernel (n_units, 4 n_units) and bias (4 n_units,), with the gates in the order input, forget,
    cell, output; head kernel (n_units, n_outputs) and bias (n_outputs,).
    """

    n_periods: int
    n_features: int
    n_units: int
    n_outputs: int
    every_period: bool = False
    """True: the head answers at every period. False: at the last one."""
    classifies: bool = False
    """True: the head's outputs are log-odds of classes. False: values."""
    state_noise: float = 0.0
    """Standard deviation of the noise that the head sees on the states while it is trained."""

    @property
    def n_body_weights(self):
        """Number of weights of the LSTM: 4 u (m + u + 1)."""
        return 4 * self.n_units * (self.n_features + self.n_units + 1)

    @property
    def n_weights(self):
        """Number of weights in all; 1,637 for 97 categories, 4 units and 1 output (Table 1)."""
        return self.n_body_weights + self.n_outputs * (self.n_units + 1)
