"""The layers of a network, in a form that the array code and Keras both read."""

from itertools import pairwise
from math import prod
from typing import Literal, NamedTuple, TypeAlias

Shape: TypeAlias = tuple[int, ...]


class Network(NamedTuple):
    """An encoder that turns every period into a state, and a head that predicts from the states.

    The encoder is a stack of LSTM layers, or of dense layers with tanh that read one period at a
    time. The head is a dense layer. It may follow a decoder of dense layers with tanh.

    The weights are a list of arrays in Keras's order, layer by layer. A dense layer has a kernel
    (n_inputs, n_units) and a bias (n_units,). An LSTM layer has a kernel (n_inputs, 4 n_units), a
    recurrent kernel (n_units, 4 n_units) and a bias (4 n_units,), with the gates in the order
    input, forget, cell, output.

    Several networks of the same layers stand side by side in an ensemble. They read the same panel
    and are trained independently. Each of their arrays has one more axis, the first, of length
    n_networks.
    """

    recurrent: bool
    """True: the layers of the encoder are LSTMs. False: they are dense."""
    n_periods: int
    n_features: int
    encoder: tuple[int, ...]
    """Units of each layer of the encoder; the last ones are the dimensions of the state space."""
    n_outputs: int
    decoder: tuple[int, ...] = ()
    """Units of each layer between the states and the head."""
    reads: Literal["last", "mean", "every"] = "last"
    """Input of the head: the ``"last"`` state, the ``"mean"`` over periods, or ``"every"`` state
    separately."""
    classifies: bool = False
    """True: the outputs are log-odds of classes; a single output is the log-odds of the second of
    two classes. False: they are values."""
    state_noise: float = 0.0
    """Standard deviation of the noise that training adds to the input of the head."""
    step_penalty: float = 0.0
    """Penalty in training on the squared length of the steps from state to state, summed over
    periods."""
    l2: float = 0.0
    """Penalty in training on the sum of squares of each kernel."""
    task_weights: tuple[float, ...] = (1.0,)
    """The outputs of classes are this many groups of equal size, one for each task. These are the
    weights of the tasks in the loss."""
    n_networks: int = 1
    """Number of networks side by side."""

    @property
    def n_units(self) -> int:
        """Dimensions of the state space."""
        return self.encoder[-1]

    @property
    def pooling(self) -> Literal["last", "mean"]:
        """What a head reads: the last state of a recurrent network, else the mean over periods."""
        return "last" if self.recurrent else "mean"

    @property
    def n_reads(self) -> int:
        """Number of states of a customer that the head reads one by one."""
        return self.n_periods if self.reads == "every" else 1

    @property
    def n_arrays_per_encoder_layer(self) -> int:
        """Number of arrays of weights in each layer of the encoder."""
        return 3 if self.recurrent else 2

    @property
    def encoder_shapes(self) -> list[tuple[Shape, ...]]:
        """Shapes of the weights of the encoder, one tuple of shapes per layer."""
        return [
            self._side_by_side((n_inputs, 4 * n), (n, 4 * n), (4 * n,))
            if self.recurrent
            else self._side_by_side((n_inputs, n), (n,))
            for n_inputs, n in zip((self.n_features, *self.encoder), self.encoder, strict=False)
        ]

    @property
    def head_shapes(self) -> list[tuple[Shape, ...]]:
        """Shapes of the weights of decoder and head, one tuple of shapes per layer."""
        sizes = (self.n_units, *self.decoder, self.n_outputs)
        return [self._side_by_side((n_inputs, n), (n,)) for n_inputs, n in pairwise(sizes)]

    def _side_by_side(self, *shapes: Shape) -> tuple[Shape, ...]:
        if self.n_networks == 1:
            return shapes
        return tuple((self.n_networks, *shape) for shape in shapes)

    @property
    def n_body_weights(self) -> int:
        """Number of weights of the encoder."""
        return _count(self.encoder_shapes)

    @property
    def n_weights(self) -> int:
        """Number of all weights (Table 1).

        Examples
        --------
        >>> Network(True, n_periods=6, n_features=97, encoder=(4,), n_outputs=1).n_weights
        1637
        >>> Network(False, n_periods=6, n_features=99, encoder=(5,), n_outputs=1).n_weights
        506
        """
        return self.n_body_weights + _count(self.head_shapes)


def _count(layers: list[tuple[Shape, ...]]) -> int:
    return sum(prod(shape) for layer in layers for shape in layer)
