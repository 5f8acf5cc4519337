"""The extractors: from a panel to features in the state space of a small network.

A panel of shares comes in; a network is trained to tell the customer's personality (or to reproduce
the spending), and its state at every period comes out: a few numbers per period, which form a
trajectory where the network is recurrent. Maree & Omlin (2021), sections III-C and IV-A.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from sklearn.utils import check_array
from sklearn.utils.validation import _get_feature_names, check_is_fitted

from .._utils._sklearn import Interval, StrOptions
from ..networks._forward import encode
from ..panel import Panel, fitted_features, parse_names
from ._base import StateExtractor

if TYPE_CHECKING:
    import keras

    from .._utils._typing import Estimator, PanelLike, RandomState, Table


class LSTMStateExtractor(StateExtractor):
    """Extract trajectories from the hidden states of an LSTM.

    Parameters
    ----------
    n_units : int, default=3
        Number of LSTM units, and so the dimensions of the state space. The paper's elbow is at 3.
    hidden_units : tuple of int, default=()
        Units of the LSTM layers before these. Types hang on five scores, which three cells cannot
        remember: where there are ten thousand customers or more, ``(8,)`` before three units tells
        types better. ``()`` is the paper's network.
    n_layers : int, default=1
        Number of LSTM layers of `n_units` each; the states are those of the last one.
    objective : {"type", "scores", "reconstruct", "y"}, default="type"
        What the network learns to tell at the last period: the personality type (trait and sign),
        the five scores, or the `y` passed to `fit` (values if floats, else classes).
        ``"reconstruct"`` is the autoencoder: the spending of every period from its state. Type and
        scores are learned from the categories that have a coefficient, on which alone they depend.
    scorer : BigFivePersonalityScorer, default=None
        Computes type and scores from X; default ``BigFivePersonalityScorer()``. It is cloned.
    state : {"hidden", "both"}, default="hidden"
        Emit the hidden states of the last layer, or all that the network remembers: hidden and cell
        states, ``state0`` ... and ``cell0`` ..., and after them those of the layers before,
        ``layer1_state0`` ... Then :meth:`update` can go on from there.
    state_noise : float, default=0.4
        Standard deviation of the Gaussian noise that is put on the states that the head reads while
        classes (types, classes of y) are learned. States lie between -1 and 1; to be told apart
        through noise they must keep apart, and so they gather in clusters. 0 is the paper's
        network. Values are learned without noise.
    step_penalty : float, default=0.1
        Penalty on the squared length of the steps that a state takes from period to period, summed
        over periods and added to the mean loss while classes are learned, which are then learned at
        every period. It makes trajectories smooth and segments stable in time; the noise keeps it
        from shrinking the state space. 0 is the paper's network.
    n_periods : int, default=None
        Number of periods of a table whose columns do not say.
    epochs : int, default=100
        Passes over the customers, at most.
    batch_size : int or "auto", default="auto"
        Customers per step of the optimizer. ``"auto"`` is a 25th of them, from 256 to 1,024.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        Name of a Keras optimizer, or one of your own, which brings its own learning rate.
    learning_rate : float, default=0.01
        Step size of an optimizer given by name.
    l2 : float, default=0.0
        Penalty on the sum of squares of each kernel, added to the mean loss. It keeps a network of
        few customers from learning them by heart.
    class_weight : {"balanced"}, default=None
        Let rare classes count as much as frequent ones, where classes are learned.
    n_init : int, default=4
        Number of starts that are tried for a tenth of the epochs; the best one is trained in full.
    early_stopping : bool, default=False
        Hold customers out, stop when their loss no longer falls, and keep the weights of the epoch
        in which it was lowest.
    validation_fraction : float, default=0.1
        Share of the customers of `fit` that early stopping holds out.
    n_iter_no_change : int, default=10
        Epochs without a lower validation loss after which early stopping stops.
    verbose : int or bool, default=False
        Print the loss of every epoch. A scikit-learn callback such as ``ProgressBar`` shows more.
    random_state : int, RandomState instance or None, default=None
        Draws initial weights, noise, the order of customers and who is held out. With an int, fits
        repeat bit by bit.

    Attributes
    ----------
    weights_ : list of ndarray
        Layer by layer, in Keras's order: kernel, recurrent kernel, bias. They apply to X
        as it is: the scaling of the inputs is folded in.
    support_ : ndarray of bool, shape (n_features,)
        Which features the network reads; the kernel of the others is 0.
    network_ : Network
        The layers: a named tuple.
    history_ : DataFrame
        The mean training ``loss`` of every epoch, and with early stopping the ``validation_loss``.
    scorer_ : BigFivePersonalityScorer
        The fitted scorer; only for objectives type and scores.
    scaler_ : StandardScaler
        What scaled each feature over customers and periods.
    classes_ : ndarray or None
        The types, or the classes of y; None where the target is values.
    n_periods_ : int
        Number of periods.

    See Also
    --------
    FeedForwardExtractor : The same without time.
    TrajectoryClusterer : Finds a hierarchy of segments in the trajectories.
    TransferRegressor : Predicts from the extracted features with few labels.

    Notes
    -----
    The network is defined as Keras defines it, and trained and run by plain array code, which for
    networks this small is several times as fast (``to_keras`` gives the Keras model, and tests hold
    the two equal). TensorFlow is imported only for ``to_keras`` and for an `optimizer` other than
    ``"adam"``. States come in the precision of X; a fitted extractor pickles to kilobytes.

    References
    ----------
    Maree & Omlin (2021), sections III-C (the networks) and IV-A (the trajectories). That noise in
    a bottleneck drives its units towards few separate values: Salakhutdinov & Hinton (2009),
    Semantic hashing, International Journal of Approximate Reasoning 50(7).

    Examples
    --------
    >>> from skspend import LSTMStateExtractor
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(n_customers=200, n_periods=3, n_categories=12, random_state=0)
    >>> extractor = LSTMStateExtractor(objective="reconstruct", epochs=2, random_state=0)
    >>> extractor.fit_transform(bank.data).shape
    (200, 9)
    >>> extractor.get_feature_names_out()[:4].tolist()
    ['year1|state0', 'year1|state1', 'year1|state2', 'year2|state0']
    """

    _parameter_constraints = {
        **StateExtractor._parameter_constraints,
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "step_penalty": [Interval(Real, 0, None, closed="left")],
        "state": [StrOptions({"hidden", "both"})],
    }
    _recurrent = True
    _pooling = "last"

    def __init__(
        self,
        n_units: int = 3,
        hidden_units: Sequence[int] = (),
        n_layers: int = 1,
        objective: Literal["type", "scores", "reconstruct", "y"] = "type",
        scorer: Estimator | None = None,
        state: Literal["hidden", "both"] = "hidden",
        state_noise: float = 0.4,
        step_penalty: float = 0.1,
        n_periods: int | None = None,
        epochs: int = 100,
        batch_size: int | Literal["auto"] = "auto",
        optimizer: str | keras.optimizers.Optimizer = "adam",
        learning_rate: float = 0.01,
        l2: float = 0.0,
        class_weight: Literal["balanced"] | None = None,
        n_init: int = 4,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        verbose: bool | int = False,
        random_state: RandomState = None,
    ) -> None:
        self.n_units = n_units
        self.hidden_units = hidden_units
        self.n_layers = n_layers
        self.objective = objective
        self.scorer = scorer
        self.state = state
        self.state_noise = state_noise
        self.step_penalty = step_penalty
        self.n_periods = n_periods
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.l2 = l2
        self.class_weight = class_weight
        self.n_init = n_init
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.verbose = verbose
        self.random_state = random_state

    def _encoder_units(self):
        return super()._encoder_units() + (self.n_units,) * (self.n_layers - 1)

    def _step_penalty(self):
        return float(self.step_penalty)

    def _emitted_states(self, panel):
        return encode(self.network_, panel, self.weights_, cells=self.state == "both")

    def _state_names(self):
        if self.state == "hidden":
            return super()._state_names()
        layers = range(len(self.network_.encoder), 0, -1)
        prefixes = ["", *(f"layer{layer}_" for layer in layers[1:])]
        return [
            f"{prefix}{kind}{unit}"
            for prefix, n_units in zip(prefixes, self.network_.encoder[::-1], strict=True)
            for kind in ("state", "cell")
            for unit in range(n_units)
        ]

    def update(self, previous_states: PanelLike, X_new_period: PanelLike) -> Table:
        """Carry states forward by one period, without the history before it.

        Parameters
        ----------
        previous_states : frame or array-like, shape (n_customers, n_periods * n_states) or \
(n_customers, n_states)
            What `transform` or `update` returned, or its last period alone.
        X_new_period : frame or array-like, shape (n_customers, n_features)
            What the same customers spent in the period that follows.

        Returns
        -------
        states : frame or ndarray, of the shape of `previous_states`
            The oldest period is left out, the new one is the last.

        Raises
        ------
        ValueError
            If ``state`` is not ``"both"``: the hidden states are only half of what an LSTM
            remembers. If the shapes, the features or the customers differ.

        Examples
        --------
        >>> import numpy as np
        >>> from skspend.datasets import make_spending
        >>> bank = make_spending(n_customers=200, n_periods=3, n_categories=12, random_state=0)
        >>> extractor = LSTMStateExtractor(objective="reconstruct", state="both", epochs=2)
        >>> states = extractor.fit_transform(bank.data)
        >>> year4 = bank.data.iloc[:, -12:]
        >>> extractor.update(states, year4.to_numpy()).shape
        (200, 18)
        """
        check_is_fitted(self)
        if self.state != "both":
            raise ValueError(
                f"update needs hidden and cell states, but state={self.state!r}. Set "
                f"state='both' (no new fit is needed), and call transform again."
            )
        states = check_array(previous_states, dtype=[np.float64, np.float32])
        n_states = len(self._state_names())
        if states.shape[1] not in (n_states, n_states * self.n_periods_):
            raise ValueError(
                f"previous_states has {states.shape[1]} columns, but transform gives "
                f"{n_states * self.n_periods_}, {n_states} for each of {self.n_periods_} periods."
            )
        panel = _validate_period(self, X_new_period, previous_states)
        new = encode(self.network_, panel, self.weights_, cells=True, start=states[:, -n_states:])
        moved = np.hstack([states[:, n_states:], new[:, 0]])
        if not hasattr(previous_states, "columns"):
            return moved
        before = Panel.read(previous_states)
        return Panel(moved[:, None], features=before.names).like(previous_states)


def _validate_period(estimator, X, previous):
    """Check one further period for the customers of `previous`, and fold it.

    Parameters
    ----------
    estimator : estimator
        Fitted on a panel.
    X : array-like, shape (n_customers, n_features) or (n_customers, 1, n_features)
        Columns of a frame are named as the features, or as those of a panel of one period.
    previous : array-like, shape (n_customers, n_columns)
        What is known of the same customers, in the same order.

    Returns
    -------
    cube : ndarray, shape (n_customers, 1, n_features)

    Raises
    ------
    ValueError
        If there are several periods, other features or other customers.
    """
    names = _get_feature_names(X)
    if names is not None:
        _, n_periods, found = parse_names(names)
        expected = fitted_features(estimator)
        if (n_periods or 1) > 1:
            raise ValueError(f"X_new_period has {n_periods} periods. Pass one at a time.")
        if expected is not None and found != expected:
            wrong = [
                f"{f!r} (expected {e!r})" for f, e in zip(found, expected, strict=False) if f != e
            ]
            raise ValueError(
                f"The features of X_new_period are not those of fit, in their order: "
                f"{len(found)} columns, {len(expected)} were fitted"
                + (f"; the first that differs is {wrong[0]}." if wrong else ".")
            )
    index, before = getattr(X, "index", None), getattr(previous, "index", None)
    if isinstance(index, pd.Index) and isinstance(before, pd.Index) and not index.equals(before):
        raise ValueError(
            "The rows of X_new_period and previous_states are of different customers, or in "
            "another order. Align them: X_new_period.loc[previous_states.index]."
        )
    X = check_array(X, dtype=(np.float64, np.float32), allow_nd=True)
    X = X.reshape(len(X), -1)
    n_features = estimator.n_features_in_ // estimator.n_periods_
    if X.shape != (len(previous), n_features):
        raise ValueError(
            f"X_new_period has shape {X.shape}, but ({len(previous)}, {n_features}) is expected: "
            f"one row for each customer of previous_states, one column for each feature."
        )
    return X[:, None]


class FeedForwardExtractor(StateExtractor):
    """Extract features from the bottleneck of a feed-forward network, period by period.

    It sees every period of every customer by itself, as a data set of shape (n_customers *
    n_periods, n_features), and knows no time: what it emits has the shape of trajectories, but a
    step from one period to the next has nothing to smooth it.

    Parameters
    ----------
    n_units : int, default=3
        Number of units in the bottleneck, and so the dimensions of the features.
    hidden_units : tuple of int, default=()
        Units of the layers before the bottleneck; the autoencoder has them in reverse after it.
    objective : {"type", "scores", "reconstruct", "y"}, default="type"
        What the network learns to tell of every period: its personality type (trait and sign), its
        five scores, or with ``"reconstruct"``, the autoencoder, its spending. ``"y"`` is the `y`
        passed to `fit` (values if floats, else classes), one for all periods of a customer, from
        the mean of the features over periods. Type and scores are learned from the categories that
        have a coefficient, on which alone they depend.
    scorer : BigFivePersonalityScorer, default=None
        Computes type and scores from X; default ``BigFivePersonalityScorer()``. It is cloned with
        ``level="period"``.
    state_noise : float, default=0.4
        Standard deviation of the Gaussian noise that is put on the states that the head reads while
        classes (types, classes of y) are learned. States lie between -1 and 1; to be told apart
        through noise they must keep apart, and so they gather in clusters. 0 is the paper's
        network. Values are learned without noise.
    n_periods : int, default=None
        Number of periods of a table whose columns do not say.
    epochs : int, default=100
        Passes over the customers, at most.
    batch_size : int or "auto", default="auto"
        Customers per step of the optimizer. ``"auto"`` is a 25th of them, from 256 to 1,024.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        Name of a Keras optimizer, or one of your own, which brings its own learning rate.
    learning_rate : float, default=0.01
        Step size of an optimizer given by name.
    l2 : float, default=0.0
        Penalty on the sum of squares of each kernel, added to the mean loss.
    class_weight : {"balanced"}, default=None
        Let rare classes count as much as frequent ones, where classes are learned.
    n_init : int, default=4
        Number of starts that are tried for a tenth of the epochs; the best one is trained in full.
    early_stopping : bool, default=False
        Hold customers out, stop when their loss no longer falls, and keep the weights of the epoch
        in which it was lowest.
    validation_fraction : float, default=0.1
        Share of the customers of `fit` that early stopping holds out.
    n_iter_no_change : int, default=10
        Epochs without a lower validation loss after which early stopping stops.
    verbose : int or bool, default=False
        Print the loss of every epoch. A scikit-learn callback such as ``ProgressBar`` shows more.
    random_state : int, RandomState instance or None, default=None
        Draws initial weights, noise, the order of customers and who is held out. With an int, fits
        repeat bit by bit.

    Attributes
    ----------
    weights_ : list of ndarray
        Layer by layer, in Keras's order: kernel, bias. They apply to X as it is: the scaling
        of the inputs is folded in.
    support_ : ndarray of bool, shape (n_features,)
        Which features the network reads; the kernel of the others is 0.
    network_ : Network
        The layers: a named tuple.
    history_ : DataFrame
        The mean training ``loss`` of every epoch, and with early stopping the ``validation_loss``.
    scorer_ : BigFivePersonalityScorer
        The fitted scorer; only for objectives type and scores.
    scaler_ : StandardScaler
        What scaled each feature over customers and periods.
    classes_ : ndarray or None
        The types, or the classes of y; None where the target is values.
    n_periods_ : int
        Number of periods.

    See Also
    --------
    LSTMStateExtractor : The same with memory.
    TransferRegressor : Predicts from the mean of the features over periods.

    Notes
    -----
    All layers have tanh, so features lie between -1 and 1 as the states of an LSTM do; the head is
    linear.

    References
    ----------
    Maree & Omlin (2021), sections III-C and IV-A.

    Examples
    --------
    >>> from skspend import FeedForwardExtractor
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(n_customers=200, n_periods=3, n_categories=12, random_state=0)
    >>> extractor = FeedForwardExtractor(2, (5,), "reconstruct", epochs=2, random_state=0)
    >>> features = extractor.fit_transform(bank.data)
    >>> features.shape, [array.shape for array in extractor.weights_[::2]]
    ((200, 6), [(12, 5), (5, 2), (2, 5), (5, 12)])
    >>> extractor.inverse_transform(features).shape
    (200, 36)
    """

    _recurrent = False
    _pooling = "mean"

    def __init__(
        self,
        n_units: int = 3,
        hidden_units: Sequence[int] = (),
        objective: Literal["type", "scores", "reconstruct", "y"] = "type",
        scorer: Estimator | None = None,
        state_noise: float = 0.4,
        n_periods: int | None = None,
        epochs: int = 100,
        batch_size: int | Literal["auto"] = "auto",
        optimizer: str | keras.optimizers.Optimizer = "adam",
        learning_rate: float = 0.01,
        l2: float = 0.0,
        class_weight: Literal["balanced"] | None = None,
        n_init: int = 4,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        verbose: bool | int = False,
        random_state: RandomState = None,
    ) -> None:
        self.n_units = n_units
        self.hidden_units = hidden_units
        self.objective = objective
        self.scorer = scorer
        self.state_noise = state_noise
        self.n_periods = n_periods
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.l2 = l2
        self.class_weight = class_weight
        self.n_init = n_init
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.verbose = verbose
        self.random_state = random_state
