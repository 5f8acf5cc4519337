"""LSTMStateExtractor: from a panel to a trajectory in the state space of a small network.

A panel of shares comes in; an LSTM is trained to tell the customer's personality (or to reproduce
the spending), and its state at every period comes out: a few numbers per period that form a
trajectory. Maree & Omlin (2021), sections III-C and IV-A.
"""

from contextlib import closing
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.metrics import accuracy_score, r2_score
from sklearn.preprocessing import LabelEncoder, StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted

from ._sklearn import (
    CallbackSupportMixin,
    HasMethods,
    Interval,
    StrOptions,
    _fit_context,
    with_callbacks,
)
from .networks import Network, dense, lstm_states
from .panel import fold, like_input, output_names, unfold, validate_panel
from .personality import TYPES, BigFivePersonalityScorer, encode_types


class LSTMStateExtractor(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Extract trajectories from the hidden states of an LSTM.

    Parameters
    ----------
    n_units : int, default=3
        Number of LSTM units, and so the dimensions of the state space. The paper's elbow is at 3.
    objective : {"type", "scores", "reconstruct", "y"}, default="type"
        What the network learns to tell at the last period: the personality type (trait and sign),
        the five scores, or the `y` passed to `fit` (values if floats, else classes).
        ``"reconstruct"`` is the autoencoder: the spending of every period from its state.
    scorer : BigFivePersonalityScorer, default=None
        Computes type and scores from X; default ``BigFivePersonalityScorer()``. It is cloned.
    state_noise : float, default=0.4
        Standard deviation of the Gaussian noise that is put on the last state while classes (types,
        classes of y) are learned. States lie between -1 and 1; to be told apart through noise they
        must keep apart, and so they gather in clusters. 0 is the paper's network. Values are
        learned without noise.
    n_periods : int, default=None
        Number of periods of a table whose columns do not say.
    epochs : int, default=100
        Passes over the customers.
    batch_size : int, default=256
        Customers per step of the optimizer.
    learning_rate : float, default=0.01
        Step size of the Adam optimizer.
    n_init : int, default=4
        Number of starts that are tried for a tenth of the epochs; the best one is trained in full.
    random_state : int, RandomState instance or None, default=None
        Draws initial weights, noise and the order of customers. With an int, fits repeat bit by
        bit.

    Attributes
    ----------
    weights_ : list of ndarray
        LSTM kernel (n_features, 4 n_units), recurrent kernel (n_units, 4 n_units), bias, head
        kernel (n_units, n_outputs), bias; gates in Keras's order. They apply to X as it is: the
        scaling of the inputs is folded in.
    scorer_ : BigFivePersonalityScorer
        The fitted scorer; only for objectives type and scores.
    scaler_ : StandardScaler
        What scaled each feature over customers and periods.
    classes_ : ndarray or None
        The types, or the classes of y; None where the target is values.
    losses_ : ndarray, shape (epochs,)
        Mean training loss of each epoch.
    n_periods_ : int
        Number of periods.

    See Also
    --------
    TrajectoryClusterer : Finds a hierarchy of segments in the trajectories.
    TransferRegressor : Predicts from the extracted features with few labels.

    Notes
    -----
    The network is trained by TensorFlow, which is imported in `fit` alone. `transform` is plain
    array code in the precision of X: a fitted extractor pickles to kilobytes and needs no
    TensorFlow.

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
        "n_units": [Interval(Integral, 1, None, closed="left")],
        "objective": [StrOptions({"type", "scores", "reconstruct", "y"})],
        "scorer": [None, HasMethods(["fit", "transform"])],
        "state_noise": [Interval(Real, 0, None, closed="left")],
        "n_periods": [None, Interval(Integral, 1, None, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_units=3,
        objective="type",
        scorer=None,
        state_noise=0.4,
        n_periods=None,
        epochs=100,
        batch_size=256,
        learning_rate=0.01,
        n_init=4,
        random_state=None,
    ):
        self.n_units = n_units
        self.objective = objective
        self.scorer = scorer
        self.state_noise = state_noise
        self.n_periods = n_periods
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.n_init = n_init
        self.random_state = random_state

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Train the network.

        Parameters
        ----------
        X : panel, shape (n_customers, n_periods * n_features), or with three dimensions
            Shares of spending or income.
        y : array-like, shape (n_customers,) or (n_customers, n_outputs), default=None
            Used with ``objective="y"`` alone.

        Returns
        -------
        self : LSTMStateExtractor

        Raises
        ------
        ValueError
            If ``objective="y"`` and no y is given, or if training diverges.
        """
        task = self._init_callback_context(max_subtasks=self.epochs)
        task.call_on_fit_task_begin(estimator=self, X=X, y=y)
        panel = validate_panel(self, X, n_periods=self.n_periods)
        self.scaler_ = StandardScaler().fit(panel.reshape(-1, panel.shape[2]))
        target, self.classes_, self.target_scaler_ = self._make_target(X, panel, y)
        self._train(task, X, y, _scale(self.scaler_, panel), target)
        task.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def _make_target(self, X, panel, y):
        """What the network learns: class numbers and classes, or scaled values and their scaler."""
        if self.objective in ("type", "scores"):
            scorer = BigFivePersonalityScorer() if self.scorer is None else clone(self.scorer)
            self.scorer_ = scorer.fit(_for_scorer(X, panel))
        if self.objective == "reconstruct":
            return _scale(self.scaler_, panel), None, self.scaler_
        if self.objective == "y":
            _check_labels(y, len(panel))
        target = self._target(X, panel, y)
        if self.objective == "type":
            return encode_types(target), np.array(TYPES, dtype=object), None
        if self.objective == "y" and target.dtype.kind != "f":
            encoder = LabelEncoder()
            return encoder.fit_transform(target), encoder.classes_, None
        target = target.reshape(len(panel), -1).astype(float)
        scaler = StandardScaler().fit(target)
        return scaler.transform(target), None, scaler

    def _target(self, X, panel, y):
        """The target in its own units: scores, spending or y."""
        if self.objective == "reconstruct":
            return panel
        if self.objective == "y":
            return check_array(y, ensure_2d=False, dtype=None, input_name="y")
        return np.asarray(self.scorer_.transform(_for_scorer(X, panel)))

    def _train(self, task, X, y, panel, target):
        from .networks import training  # TensorFlow takes seconds to import: in fit alone

        network = Network(
            n_periods=panel.shape[1],
            n_features=panel.shape[2],
            n_units=self.n_units,
            n_outputs=target.shape[-1] if self.classes_ is None else len(self.classes_),
            every_period=self.objective == "reconstruct",
            classifies=self.classes_ is not None,
            state_noise=0.0 if self.classes_ is None else float(self.state_noise),
        )
        epochs = training.train(
            network,
            panel,
            target,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            n_init=self.n_init,
            random_state=check_random_state(self.random_state),
        )
        losses = []
        with closing(epochs):
            for _ in range(self.epochs):
                step = task.subcontext(task_name="epoch")
                step.call_on_fit_task_begin(estimator=self, X=X, y=y)
                loss, get_weights = next(epochs)
                losses.append(loss)
                fitted = partial(self._fitted_attributes, get_weights, losses)
                if step.call_on_fit_task_end(
                    estimator=self, X=X, y=y, reconstruction_attributes=fitted
                ):
                    break
            vars(self).update(fitted())

    def _fitted_attributes(self, get_weights, losses):
        """Weights that apply to X in its own units and answer in the target's."""
        kernel, recurrent, bias, head, head_bias = (w.astype(float) for w in get_weights())
        kernel = kernel / self.scaler_.scale_[:, None]
        bias = bias - self.scaler_.mean_ @ kernel
        if self.target_scaler_ is not None:
            head = head * self.target_scaler_.scale_
            head_bias = head_bias * self.target_scaler_.scale_ + self.target_scaler_.mean_
        return {
            "weights_": [kernel, recurrent, bias, head, head_bias],
            "losses_": np.array(losses),
        }

    def transform(self, X):
        """Run the network and return its state at every period.

        Parameters
        ----------
        X : panel, as in `fit`

        Returns
        -------
        trajectories : frame or ndarray, shape (n_customers, n_periods * n_units)
            Hidden states between -1 and 1, oldest period first.
        """
        check_is_fitted(self)
        states = lstm_states(validate_panel(self, X, reset=False), self.weights_)
        return like_input(unfold(states), self.get_feature_names_out(), X)

    def predict_target(self, X):
        """Return what the network believes its target to be.

        Parameters
        ----------
        X : panel, as in `fit`

        Returns
        -------
        target : ndarray
            Types or classes, shape (n_customers,); values, shape (n_customers, n_outputs); or for
            the autoencoder the spending, shape (n_customers, n_periods * n_features).
        """
        check_is_fitted(self)
        states = lstm_states(validate_panel(self, X, reset=False), self.weights_)
        if self.objective == "reconstruct":
            return unfold(dense(states, self.weights_))
        outputs = dense(states[:, -1], self.weights_)
        return outputs if self.classes_ is None else self.classes_[outputs.argmax(axis=1)]

    def score(self, X, y=None):
        """Return how well the network tells its target on the customers given.

        Parameters
        ----------
        X : panel, as in `fit`
        y : array-like, shape (n_customers,) or (n_customers, n_outputs), default=None
            Used with ``objective="y"`` alone.

        Returns
        -------
        score : float
            Accuracy for classes, else R2. That of the autoencoder is over all cells, each feature
            counted in its own standard deviations.
        """
        check_is_fitted(self)
        panel = validate_panel(self, X, reset=False)
        if self.objective == "y":
            _check_labels(y, len(panel))
        target, predicted = self._target(X, panel, y), self.predict_target(X)
        if self.objective == "type":
            target = self.classes_[encode_types(target)]
        if self.classes_ is not None:
            return accuracy_score(target, predicted)
        if self.objective == "reconstruct":
            target = _scale(self.scaler_, panel).ravel()
            predicted = _scale(self.scaler_, fold(predicted, self.n_periods_)).ravel()
        return r2_score(target, predicted)

    def to_keras(self):
        """Return the equivalent Keras model.

        Returns
        -------
        model : keras.Model
            Maps float32 panels of shape (n_customers, n_periods, n_features) to a dict of
            ``states`` and ``outputs`` (log-odds of classes, or values).
        """
        check_is_fitted(self)
        from .networks import training

        model = training.build(
            Network(
                n_periods=self.n_periods_,
                n_features=len(self.weights_[0]),
                n_units=len(self.weights_[1]),
                n_outputs=len(self.weights_[4]),
                every_period=self.objective == "reconstruct",
                classifies=self.classes_ is not None,
            )
        )
        model.set_weights(self.weights_)
        return model

    def get_feature_names_out(self, input_features=None):
        """Names of the states, such as ``year1|state0``.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        names : ndarray of str, shape (n_periods * n_units,)
        """
        check_is_fitted(self)
        return output_names(self, [f"state{unit}" for unit in range(len(self.weights_[1]))])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _scale(scaler, panel):
    return scaler.transform(panel.reshape(-1, panel.shape[2])).reshape(panel.shape)


def _for_scorer(X, panel):
    """A frame keeps its names for the scorer; an array goes in folded, to keep its periods."""
    return X if hasattr(X, "columns") else panel


def _check_labels(y, n_customers):
    if y is None:
        raise ValueError(
            "objective='y' needs y, but y=None. Pass labels, or choose the objective 'type', "
            "'scores' or 'reconstruct'."
        )
    if len(y) != n_customers:
        raise ValueError(f"X holds {n_customers} customers, but y has {len(y)} labels.")
