"""The parameters and attributes that all extractors share, described once for their docstrings."""

from __future__ import annotations

from inspect import cleandoc
from typing import TypeVar

Class = TypeVar("Class", bound=type)

PARAMETERS = """\
scorer : BigFivePersonalityScorer, default=None
    Computes types and scores from X; default ``BigFivePersonalityScorer()``. It is cloned, and for
    a feed-forward network the clone has ``level="period"``.
state_noise : float, default=0.4
    Standard deviation of the Gaussian noise that training adds to the input of the head if the
    target is classes. States lie between -1 and 1, so that the head can distinguish classes under
    noise only if their states move apart: states form clusters. 0 is the paper's network.
n_periods : int, default=None
    Number of periods of a table whose column names do not give it.
epochs : int, default=100
    Largest number of passes over the customers.
batch_size : int or "auto", default="auto"
    Customers per step of the optimizer. ``"auto"`` is a 25th of them, from 256 to 1,024.
optimizer : str or keras.optimizers.Optimizer, default="adam"
    Name of a Keras optimizer, or an object, which has a learning rate of its own.
learning_rate : float, default=0.01
    Step size of an optimizer given by name.
l2 : float, default=0.0
    Penalty on the sum of squares of each kernel, added to the mean loss. It reduces overfitting if
    there are few customers.
class_weight : {"balanced"}, default=None
    Give all classes the same total weight, if the target is classes.
n_init : int, default=4
    Number of starts. Each is trained for a tenth of the epochs, and then the best one in full.
early_stopping : bool, default=False
    Hold customers out, stop when the loss on them no longer falls, and keep the weights of the
    epoch with the lowest loss.
validation_fraction : float, default=0.1
    Share of the customers of `fit` that early stopping holds out.
n_iter_no_change : int, default=10
    Epochs without a lower validation loss after which early stopping stops.
verbose : int or bool, default=False
    Print the loss of every epoch. A scikit-learn callback such as ``ProgressBar`` shows more.
random_state : int, RandomState instance or None, default=None
    Draws initial weights, noise, the order of customers and the customers held out. With an int,
    fits repeat bit for bit."""

ATTRIBUTES = """\
weights_ : list of ndarray
    Layer by layer, in Keras's order: kernel, recurrent kernel of an LSTM, bias. They apply to X in
    its own units: the scales of inputs and target are folded in.
support_ : ndarray of bool, shape (n_features,)
    Which features the network reads; the kernel of the others is 0.
network_ : Network
    The layers: a named tuple.
losses_ : dict from str to ndarray, shape (n_epochs,)
    Mean training ``loss`` of every epoch, and with early stopping the ``validation_loss``.
history_ : DataFrame
    `losses_` as a frame.
objective_ : str
    The objective of `fit`.
scorer_ : BigFivePersonalityScorer
    The fitted scorer; only for the objectives ``"type"`` and ``"scores"``.
scaler_ : StandardScaler
    Mean and standard deviation of each feature over customers and periods.
classes_ : ndarray or None
    The types, or the classes of y; None if the target is values.
target_scaler_ : StandardScaler or None
    Mean and standard deviation of the values of the target; None if it is classes.
n_periods_ : int
    Number of periods."""


def with_shared_entries(cls: Class) -> Class:
    """Replace ``{parameters}`` and ``{attributes}`` in the docstring of an extractor."""
    if cls.__doc__ is not None:  # python -OO removes docstrings
        text = cleandoc(cls.__doc__).replace("{parameters}", PARAMETERS)
        cls.__doc__ = text.replace("{attributes}", ATTRIBUTES)
    return cls
