"""Predict a label from pretrained features and a hundred examples.

A panel and a label per customer come in; a frozen network's features, and a linear head on them,
predict the label for others. Maree & Omlin (2021), sections III-D and IV-B.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import softmax
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted

from .._utils._sklearn import StrOptions
from ..networks._forward import class_log_odds
from ._base import TransferModel

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras
    from numpy.typing import NDArray
    from sklearn.utils import Tags

    from .._utils._typing import Estimator, Floats, PanelLike, RandomState


class TransferRegressor(RegressorMixin, TransferModel):
    """Regress on the features of a pretrained network, or train the same network from scratch.

    Parameters
    ----------
    extractor : FrozenEstimator of a fitted extractor, default=None
        The pretrained network: an :class:`LSTMStateExtractor`, whose last state the linear head
        reads, or a :class:`FeedForwardExtractor`, whose features it reads as means over periods.
        Without one, it reads the columns of X.
    initialization : {"pretrained", "random"}, default="pretrained"
        Where the weights of the network's body start: where they were left, or at random ones.
    trainable : {"head", "all"}, default=None
        What is fitted to y. ``"head"`` keeps the body frozen, computes its features once, and
        solves the head exactly, in an instant. ``"all"`` trains body and head by Adam. Default:
        the head of a pretrained body, all of a random one (the paper's baseline). A pretrained
        body that is trained on starts from the solved head.
    alpha : float, default=0.0
        Ridge penalty of the head, as in :class:`sklearn.linear_model.Ridge`. 0 is least squares,
        which with a hundred labels often predicts worse than the mean does.
    engine : {"native", "scikeras"}, default="native"
        What trains: plain array code, or Keras through scikeras, the reference, which is many times
        slower. ``"scikeras"`` trains the head, too, and does not solve it.
    model : keras.Model or callable, default=None
        With ``engine="scikeras"``, a compiled model of your own in place of an extractor, of which
        a copy is trained, or a function that builds one, as ``scikeras.wrappers.KerasRegressor``
        takes it. It is given the panel as an array (n_customers, n_periods, n_features) as it is.
    epochs, batch_size : int, default=100 and 32
        Training in passes over the customers, and customers per step.
    learning_rate : float, default=0.01
        Step size of Adam; a `model` brings its own optimizer.
    early_stopping : bool, default=False
        Hold customers out of training, stop when their loss no longer falls, and keep the weights
        of the epoch in which it was lowest.
    validation_fraction : float, default=0.2
        Share of the customers of `fit` that early stopping holds out.
    n_iter_no_change : int, default=10
        Epochs without a lower validation loss after which early stopping stops.
    random_state : int, RandomState instance or None, default=None
        Draws initial weights, the order of customers, and who is held out.

    Attributes
    ----------
    coef_ : ndarray, shape (n_features,) or (n_outputs, n_features)
        Weights of the head on the features of the body (or on the columns of X).
    coef_names_ : ndarray of str, shape (n_features,)
        What they weigh, such as ``year6|state0``, or ``mean|state0`` for a mean over periods.
    intercept_ : float or ndarray, shape (n_outputs,)
        Bias of the head.
    weights_ : list of ndarray
        Those of body and head, in Keras's order; they apply to X as it is.
    n_weights_ : int
        Their number.
    n_trainable_weights_ : int
        The number of those that were fitted to y.
    keras_ : keras.Model or None
        The fitted `model`, if one was given; ``coef_``, ``coef_names_``, ``intercept_`` and
        ``weights_`` are then not there.

    See Also
    --------
    TransferClassifier : The same for classes, with their probabilities.
    LSTMStateExtractor : The network to pretrain.
    sklearn.frozen.FrozenEstimator : Keeps an estimator fitted through clone and searches.

    Notes
    -----
    A network is trained on standardised values: with the scales of its pretraining, or, from random
    weights, with those of the customers of `fit`. ``engine="scikeras"`` seeds the generators of the
    whole process while it trains, and restores them; do not run it in several threads.

    References
    ----------
    Maree & Omlin (2021), section III-D and Tables 1 and 2. That a solved head is the place to start
    from when all weights are trained: Kumar et al. (2022), Fine-tuning can distort pretrained
    features and underperform out-of-distribution, ICLR.

    Examples
    --------
    >>> from sklearn.frozen import FrozenEstimator
    >>> from skspend import LSTMStateExtractor, TransferRegressor
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(n_customers=300, n_categories=97, random_state=0)
    >>> states = LSTMStateExtractor(n_units=4, objective="reconstruct", epochs=1, n_init=1)
    >>> model = TransferRegressor(FrozenEstimator(states.fit(bank.data)))
    >>> model = model.fit(bank.data[:100], bank.liquidity[:100])
    >>> model.n_weights_, model.n_trainable_weights_
    (1637, 5)
    >>> model.coef_names_.tolist()
    ['year6|state0', 'year6|state1', 'year6|state2', 'year6|state3']
    """

    _classifies = False

    def __init__(
        self,
        extractor: Estimator | None = None,
        initialization: Literal["pretrained", "random"] = "pretrained",
        trainable: Literal["head", "all"] | None = None,
        alpha: float = 0.0,
        engine: Literal["native", "scikeras"] = "native",
        model: keras.Model | Callable[..., keras.Model] | None = None,
        epochs: int = 100,
        batch_size: int = 32,
        learning_rate: float = 0.01,
        early_stopping: bool = False,
        validation_fraction: float = 0.2,
        n_iter_no_change: int = 10,
        random_state: RandomState = None,
    ) -> None:
        self.extractor = extractor
        self.initialization = initialization
        self.trainable = trainable
        self.alpha = alpha
        self.engine = engine
        self.model = model
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state

    def _learn_labels(self, y, panel):
        """Labels as numbers, shape (n_customers, n_outputs)."""
        y = _check_labels(self, y, panel, np.float64)
        self._is_one_label = y.ndim == 1 or y.shape[1] == 1
        y = y.reshape(len(y), -1)
        self._n_outputs = y.shape[1]
        return y

    def _fit_target_scaler(self, target):
        return StandardScaler().fit(target)

    def _solve_head(self, features, target, sample_weight):
        head = Ridge(self.alpha) if self.alpha else LinearRegression()
        head.fit(features, target, sample_weight)
        return np.atleast_2d(head.coef_).T, np.atleast_1d(head.intercept_)

    def _head_penalty(self, n_customers):
        """What makes the mean loss have the optimum of ridge regression."""
        return self.alpha / (n_customers * self._n_outputs)

    def _class_weights(self, target):
        return None

    def _unpack_head(self, kernel, bias):
        if self._is_one_label:
            return kernel[:, 0], float(bias[0])
        return kernel.T, bias

    def predict(self, X: PanelLike) -> Floats:
        """Predict the label.

        Parameters
        ----------
        X : panel, as in `fit`

        Returns
        -------
        y : ndarray, shape (n_customers,) or (n_customers, n_outputs)
        """
        check_is_fitted(self)
        outputs = self._outputs(X)
        return outputs[:, 0] if self._is_one_label else outputs


class TransferClassifier(ClassifierMixin, TransferModel):
    """Classify by the features of a pretrained network, or train the same network from scratch.

    Parameters
    ----------
    extractor : FrozenEstimator of a fitted extractor, default=None
        The pretrained network: an :class:`LSTMStateExtractor`, whose last state the linear head
        reads, or a :class:`FeedForwardExtractor`, whose features it reads as means over periods.
        Without one, it reads the columns of X.
    initialization : {"pretrained", "random"}, default="pretrained"
        Where the weights of the network's body start: where they were left, or at random ones.
    trainable : {"head", "all"}, default=None
        What is fitted to y. ``"head"`` keeps the body frozen, computes its features once, and
        solves a logistic regression on them. ``"all"`` trains body and head by Adam. Default: the
        head of a pretrained body, all of a random one. A pretrained body that is trained on starts
        from the solved head.
    alpha : float, default=1.0
        Penalty of the head: 1 / C of :class:`sklearn.linear_model.LogisticRegression`.
    engine : {"native", "scikeras"}, default="native"
        What trains: plain array code, or Keras through scikeras, the reference, which is many times
        slower. ``"scikeras"`` trains the head, too, and does not solve it.
    model : keras.Model or callable, default=None
        With ``engine="scikeras"``, a compiled model of your own in place of an extractor, of which
        a copy is trained, or a function that builds one, as ``scikeras.wrappers.KerasClassifier``
        takes it; its outputs are probabilities, its labels the numbers of the sorted classes. It is
        given the panel as an array (n_customers, n_periods, n_features) as it is.
    class_weight : dict, "balanced" or None, default=None
        What a customer of each class counts; ``"balanced"`` lets all classes count the same.
    epochs, batch_size : int, default=100 and 32
        Training in passes over the customers, and customers per step.
    learning_rate : float, default=0.01
        Step size of Adam; a `model` brings its own optimizer.
    early_stopping : bool, default=False
        Hold customers out of training, stop when their loss no longer falls, and keep the weights
        of the epoch in which it was lowest.
    validation_fraction : float, default=0.2
        Share of the customers of `fit`, by class, that early stopping holds out.
    n_iter_no_change : int, default=10
        Epochs without a lower validation loss after which early stopping stops.
    random_state : int, RandomState instance or None, default=None
        Draws initial weights, the order of customers, and who is held out.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,), or list of them for several labels
        The classes, sorted.
    coef_ : ndarray, shape (n_heads, n_features)
        Weights on the features of the body (or on the columns of X): of the second of two classes,
        or of each of more; several labels one below the other.
    coef_names_ : ndarray of str, shape (n_features,)
        What they weigh, such as ``year6|state0``, or ``mean|state0`` for a mean over periods.
    intercept_ : ndarray, shape (n_heads,)
        Bias of the head.
    weights_ : list of ndarray
        Those of body and head, in Keras's order; they apply to X as it is.
    n_weights_ : int
        Their number.
    n_trainable_weights_ : int
        The number of those that were fitted to y.
    keras_ : keras.Model or None
        The fitted `model`, if one was given; ``coef_``, ``coef_names_``, ``intercept_`` and
        ``weights_`` are then not there.

    See Also
    --------
    TransferRegressor : The same for numbers; on a 0/1 label it gives the paper's tables.

    Notes
    -----
    A probability is that of the customers of `fit`: with ``class_weight`` it is not calibrated.
    ``engine="scikeras"`` seeds the generators of the whole process while it trains, and restores
    them; do not run it in several threads.

    References
    ----------
    Maree & Omlin (2021), sections III-D and IV-B.

    Examples
    --------
    >>> from sklearn.frozen import FrozenEstimator
    >>> from skspend import FeedForwardExtractor, TransferClassifier
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(n_customers=300, n_categories=99, random_state=0)
    >>> body = FeedForwardExtractor(n_units=5, objective="reconstruct", epochs=1, n_init=1)
    >>> model = TransferClassifier(FrozenEstimator(body.fit(bank.data)))
    >>> model = model.fit(bank.data[:100], bank.default[:100])
    >>> model.n_weights_, model.n_trainable_weights_
    (506, 6)
    >>> model.predict_proba(bank.data).shape
    (300, 2)
    """

    _parameter_constraints = {
        **TransferModel._parameter_constraints,
        "class_weight": [None, dict, StrOptions({"balanced"})],
    }
    classes_: NDArray[Any] | list[NDArray[Any]]
    intercept_: Floats
    _classifies = True

    def __init__(
        self,
        extractor: Estimator | None = None,
        initialization: Literal["pretrained", "random"] = "pretrained",
        trainable: Literal["head", "all"] | None = None,
        alpha: float = 1.0,
        engine: Literal["native", "scikeras"] = "native",
        model: keras.Model | Callable[..., keras.Model] | None = None,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        epochs: int = 100,
        batch_size: int = 32,
        learning_rate: float = 0.01,
        early_stopping: bool = False,
        validation_fraction: float = 0.2,
        n_iter_no_change: int = 10,
        random_state: RandomState = None,
    ) -> None:
        self.extractor = extractor
        self.initialization = initialization
        self.trainable = trainable
        self.alpha = alpha
        self.engine = engine
        self.model = model
        self.class_weight = class_weight
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state

    def _learn_labels(self, y, panel):
        """Numbers of the classes, shape (n_customers,) or (n_customers, n_labels)."""
        y = _check_labels(self, y, panel, None)
        check_classification_targets(y)
        y = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
        if y.ndim == 1:
            self.classes_, numbers = _find_classes(y)
            self._n_outputs = _count_heads(self.classes_)
            return numbers
        if self._trainable == "all" or self.engine == "scikeras":
            raise ValueError(
                f"y has {y.shape[1]} labels, but several are told by solved heads alone "
                f"(engine='native', trainable='head'). Train a network for each of them by "
                f"sklearn.multioutput.MultiOutputClassifier."
            )
        found = [_find_classes(label) for label in y.T]
        self.classes_ = [classes for classes, _ in found]
        self._n_outputs = sum(map(_count_heads, self.classes_))
        return np.column_stack([numbers for _, numbers in found])

    def _fit_target_scaler(self, target):
        return None

    def _solve_head(self, features, target, sample_weight):
        several = target.ndim == 2
        heads = [
            self._solve_logistic(features, numbers, classes, sample_weight)
            for numbers, classes in zip(
                target.T if several else [target],
                self.classes_ if several else [self.classes_],
                strict=True,
            )
        ]
        kernels, biases = zip(*heads, strict=True)
        return np.vstack(kernels).T, np.concatenate(biases)

    def _solve_logistic(self, features, numbers, classes, sample_weight):
        weights = _weigh_classes(self.class_weight, numbers, classes, sample_weight)
        head = LogisticRegression(
            C=1 / self.alpha if self.alpha else np.inf,
            class_weight=dict(enumerate(weights)),
            tol=1e-6,
            max_iter=MOST_STEPS,
        ).fit(features, numbers, sample_weight)
        return head.coef_, head.intercept_

    def _head_penalty(self, n_customers):
        """What makes the mean loss have the optimum of the logistic regression."""
        return self.alpha / (2 * n_customers)

    def _class_weights(self, target):
        return _weigh_classes(self.class_weight, target, self.classes_)

    def _unpack_head(self, kernel, bias):
        return kernel.T, bias

    def predict_proba(self, X: PanelLike) -> Floats | list[Floats]:
        """Predict the probability of each class.

        Parameters
        ----------
        X : panel, as in `fit`

        Returns
        -------
        probabilities : ndarray, shape (n_customers, n_classes), or list of them for several labels
            In the order of `classes_`.
        """
        check_is_fitted(self)
        outputs = self._outputs(X)
        if self.keras_ is not None:
            return outputs if outputs.shape[1] > 1 else np.hstack([1 - outputs, outputs])
        if not isinstance(self.classes_, list):
            return softmax(class_log_odds(outputs), axis=1)
        ends = np.cumsum([_count_heads(classes) for classes in self.classes_])
        parts = np.split(outputs, ends[:-1], axis=1)
        return [softmax(class_log_odds(part), axis=1) for part in parts]

    def predict(self, X: PanelLike) -> NDArray[Any]:
        """Predict the class.

        Parameters
        ----------
        X : panel, as in `fit`

        Returns
        -------
        y : ndarray, shape (n_customers,) or (n_customers, n_labels)
        """
        probabilities = self.predict_proba(X)
        if not isinstance(probabilities, list):
            return self.classes_[probabilities.argmax(axis=1)]
        told = [
            classes[chances.argmax(axis=1)]
            for classes, chances in zip(self.classes_, probabilities, strict=True)
        ]
        return np.column_stack(told)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


MOST_STEPS = 10_000
"""Of the solver of a logistic head, which takes a few dozen unless X is badly scaled."""


def _count_heads(classes):
    """Outputs that tell these classes: one is enough for two."""
    return 1 if len(classes) <= 2 else len(classes)


def _find_classes(label):
    """The classes of a label, sorted, and the number of each customer's among them."""
    classes, numbers = np.unique(label, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"y has one class only, {classes.tolist()[0]!r}. There is nothing to tell apart."
        )
    return classes, numbers


def _weigh_classes(class_weight, numbers, classes, sample_weight=None):
    """What a customer of each class counts, shape (n_classes,)."""
    if not isinstance(class_weight, dict):
        return compute_class_weight(
            class_weight, classes=np.arange(len(classes)), y=numbers, sample_weight=sample_weight
        )
    names = classes.tolist()
    unknown = sorted(set(class_weight) - set(names), key=str)
    if unknown:
        raise ValueError(f"class_weight names {unknown}, but the classes of y are {names}.")
    return np.array([class_weight.get(name, 1.0) for name in names], dtype=float)


def _check_labels(model, y, panel, dtype):
    if y is None:
        raise ValueError(
            f"{type(model).__name__} requires y to be passed, but the target y is None."
        )
    y = check_array(y, ensure_2d=False, dtype=dtype, input_name="y")
    check_consistent_length(panel, y)
    return y
