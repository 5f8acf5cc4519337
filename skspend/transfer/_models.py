"""TransferRegressor and TransferClassifier: their labels, and their exactly solved heads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import softmax
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeCV
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from .._utils._sklearn import StrOptions, available_if
from ..networks._forward import class_log_odds
from ._base import TransferModel
from ._head import head_has
from ._penalty import PENALTIES, choose_penalty

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras
    from numpy.typing import NDArray
    from sklearn.utils import Tags

    from .._utils._typing import Estimator, Floats, PanelLike, RandomState


class TransferRegressor(RegressorMixin, TransferModel):
    """Predict numbers from the features of a pretrained network, or train it from scratch.

    Parameters
    ----------
    extractor : FrozenEstimator of a fitted extractor, default=None
        The pretrained network: an :class:`LSTMStateExtractor`, whose last state the linear head
        reads, or a :class:`FeedForwardExtractor`, whose features it reads as means over periods.
        Of several networks side by side it reads the principal components of their states, as
        ``transform`` returns them. Without an extractor, the head reads the columns of X.
    initialization : {"pretrained", "random"}, default="pretrained"
        Where the weights of the network's body start: at the pretrained ones, or at random ones.
    trainable : {"head", "all"}, default=None
        What is fitted to y. ``"head"`` keeps the body frozen, computes its features once, and
        solves the head exactly. ``"all"`` trains body and head by Adam. The default is the head of
        a pretrained body, and all of a random one (the paper's baseline). Training a pretrained
        body starts from the solved head. A body that is random or trained is a single network,
        such as that of ``LSTMStateExtractor.paper``.
    head : estimator, default=None
        A scikit-learn estimator of your own, such as a forest or a pipeline, that reads the
        features of the body in place of the linear head. A clone of it is fitted, which has its own
        penalty and seed: `alpha` and `random_state` do not apply to it. The body is not trained.
    alpha : float or "cv", default=0.0
        Ridge penalty of the head, as in :class:`sklearn.linear_model.Ridge`. 0 is least squares,
        which often predicts worse than the mean if there are only a hundred labels. ``"cv"``
        chooses the penalty on the labels of `fit`, by leave-one-out; then `fit` takes no sample
        weights.
    engine : {"native", "scikeras"}, default="native"
        The code that trains: plain arrays, or Keras through scikeras. scikeras is the reference;
        it is many times slower, and trains a head that ``"native"`` solves.
    model : keras.Model or callable, default=None
        With ``engine="scikeras"``, a network of your own in place of an extractor: a compiled
        model, of which a copy is trained, or a function that builds one, as scikeras takes it. It
        receives the panel as an array (n_customers, n_periods, n_features), without scaling.
    epochs, batch_size : int, default=100 and 32
        Number of training passes over the customers, and customers per step.
    learning_rate : float, default=0.01
        Step size of Adam; a `model` brings its own optimizer.
    early_stopping, validation_fraction, n_iter_no_change : default=False, 0.2 and 10
        As in :class:`LSTMStateExtractor`.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, of the order of customers, and of who is held out.

    Attributes
    ----------
    coef_ : ndarray, shape (n_features,) or (n_outputs, n_features)
        Weights of the head on the features of the body (or on the columns of X).
    coef_names_ : ndarray of str, shape (n_features,)
        Names of these features, such as ``year6|state0``, or ``mean|state0`` for a mean over
        periods.
    intercept_ : float or ndarray, shape (n_outputs,)
        Bias of the head.
    alpha_ : float
        Penalty of the head, if it was solved exactly.
    weights_ : list of ndarray
        Weights of body and head, in the order of Keras; they apply to X without scaling. Those of
        several networks have one more axis, the first, and the ``components_`` of the extractor
        follow them.
    head_ : estimator or None
        The fitted `head`, if one was given. Then ``weights_`` are those of the body alone, and
        there are no ``coef_``, ``intercept_``, ``alpha_``, ``n_weights_`` and
        ``n_trainable_weights_``.
    n_weights_, n_trainable_weights_ : int
        Number of all weights, and of those that were fitted to y.
    keras_ : keras.Model or None
        The fitted `model`, if one was given. Then there are no ``coef_``, ``coef_names_``,
        ``intercept_`` and ``weights_``.

    See Also
    --------
    TransferClassifier : Predicts classes, with their probabilities.
    LSTMStateExtractor : The network to pretrain.
    sklearn.frozen.FrozenEstimator : Keeps an estimator fitted when it is cloned.

    Notes
    -----
    A network is trained on standardised values: with the scales of its pretraining, or, from random
    weights, with the scales of the customers of `fit`. ``engine="scikeras"`` seeds the generators
    of the whole process while it trains, and restores them; do not run it in several threads.

    The head of a frozen ensemble reads its components because a hundred labels are too few for the
    states of all networks: eight networks of eight units have 64 states, most of which repeat each
    other, and the components keep what they share in as many columns as one network has.

    References
    ----------
    Maree & Omlin (2021), section III-D and Tables 1 and 2. Starting from a solved head where all
    weights are trained: Kumar et al. (2022), Fine-tuning can distort pretrained features and
    underperform out-of-distribution, ICLR.

    Examples
    --------
    >>> from sklearn.frozen import FrozenEstimator
    >>> from skspend import LSTMStateExtractor, TransferRegressor
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(n_customers=300, n_categories=97, random_state=0)
    >>> states = LSTMStateExtractor.paper(4, objective="reconstruct", epochs=1, n_init=1)
    >>> model = TransferRegressor(FrozenEstimator(states.fit(bank.data)))
    >>> model = model.fit(bank.data[:100], bank.liquidity[:100])
    >>> model.n_weights_, model.n_trainable_weights_
    (1637, 5)
    >>> model.coef_names_.tolist()
    ['year6|state0', 'year6|state1', 'year6|state2', 'year6|state3']
    """

    _classifies = False

    def _read_labels(self, labels):
        """Return the target, shape (n_customers, n_outputs)."""
        return labels

    def _count_outputs(self, target):
        return target.shape[1]

    def _class_weights(self, target):
        """Return the weight of each class in training; numbers have none."""
        return None

    def _weigh_customers(self, target, sample_weight):
        """Weights for a head of one's own."""
        return sample_weight

    def _solve_head(self, features, target, sample_weight):
        if self.alpha == "cv":
            head = RidgeCV(PENALTIES)
        else:
            head = Ridge(self.alpha) if self.alpha else LinearRegression()
        head.fit(features, target, sample_weight)
        self.alpha_ = float(getattr(head, "alpha_", self.alpha))
        return np.atleast_2d(head.coef_).T, np.atleast_1d(head.intercept_)

    def predict(self, X: PanelLike) -> Floats:
        """Predict the label, shape (n_customers,) or (n_customers, n_outputs), of a panel X."""
        outputs = self._outputs(X)
        return outputs[:, 0] if outputs.shape[1:] == (1,) else outputs


class TransferClassifier(ClassifierMixin, TransferModel):
    """Predict classes from the features of a pretrained network, or train it from scratch.

    Parameters
    ----------
    extractor, initialization, trainable, head, engine, epochs, batch_size, learning_rate, \
early_stopping, n_iter_no_change, random_state
        As in :class:`TransferRegressor`.
    alpha : float or "cv", default=1.0
        Penalty of the head: 1 / C of :class:`sklearn.linear_model.LogisticRegression`. ``"cv"``
        chooses the one with the smallest log loss in five folds of the labels of `fit`, which then
        takes no sample weights.
    model : keras.Model or callable, default=None
        A network of your own, as in :class:`TransferRegressor`. It returns probabilities, and its
        labels are the positions of the classes in `classes_`.
    class_weight : dict, "balanced" or None, default=None
        Weight of a customer of each class; ``"balanced"`` gives all classes the same total weight.
    validation_fraction : float, default=0.2
        Share of the customers of each class that early stopping holds out.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,), or list of ndarray for several labels
        The classes, sorted.
    coef_ : ndarray, shape (n_heads, n_features)
        Weights of the head on the features of the body (or on the columns of X): one row for the
        second of two classes, or a row for each of more classes; several labels are stacked.
    intercept_ : ndarray, shape (n_heads,)
        Bias of the head.
    alpha_ : float, or list of float for several labels
        Penalty of the head, if it was solved exactly.
    coef_names_, weights_, n_weights_, n_trainable_weights_, head_, keras_ : see TransferRegressor

    See Also
    --------
    TransferRegressor : Predicts numbers; with a label of 0 and 1 it gives the paper's tables.

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
        *,
        initialization: Literal["pretrained", "random"] = "pretrained",
        trainable: Literal["head", "all"] | None = None,
        head: Estimator | None = None,
        alpha: float | Literal["cv"] = 1.0,
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
        super().__init__(
            extractor,
            initialization=initialization,
            trainable=trainable,
            head=head,
            alpha=alpha,
            engine=engine,
            model=model,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            random_state=random_state,
        )
        self.class_weight = class_weight

    def _read_labels(self, labels):
        """Return positions in `classes_`, shape (n_customers,) or (n_customers, n_labels)."""
        check_classification_targets(labels if labels.shape[1] > 1 else labels[:, 0])
        labels = labels.T
        if len(labels) > 1 and not self._is_exact:
            raise ValueError(
                f"y has {len(labels)} labels, but only solved heads (engine='native', "
                f"trainable='head') predict several. Train a network for each of them with "
                f"sklearn.multioutput.MultiOutputClassifier."
            )
        found = [np.unique(label, return_inverse=True) for label in labels]
        for classes, _ in found:
            if len(classes) < 2:
                raise ValueError(
                    f"y has one class only, {classes.tolist()[0]!r}. Pass customers of two or more."
                )
        classes, positions = zip(*found, strict=True)
        if len(labels) == 1:
            self.classes_ = classes[0]
            return positions[0]
        self.classes_ = list(classes)
        return np.column_stack(positions)

    @property
    def _classes_of_labels(self):
        return self.classes_ if isinstance(self.classes_, list) else [self.classes_]

    def _count_outputs(self, target):
        return sum(map(_count_heads, self._classes_of_labels))

    def _class_weights(self, target):
        return _weigh_classes(self.class_weight, target, self.classes_)

    def _weigh_customers(self, target, sample_weight):
        """Weights for a head of one's own: those of the classes, times those of the customers."""
        if self.class_weight is None:
            return sample_weight
        weights = np.ones(len(target)) if sample_weight is None else sample_weight
        labels = target.reshape(len(target), -1).T
        for label, classes in zip(labels, self._classes_of_labels, strict=True):
            of_class = _weigh_classes(self.class_weight, label, classes, sample_weight)
            weights = weights * of_class[label]
        return weights

    def _solve_head(self, features, target, sample_weight):
        labels = target.reshape(len(target), -1).T
        heads, penalties = [], []
        for label, classes in zip(labels, self._classes_of_labels, strict=True):
            weights = _weigh_classes(self.class_weight, label, classes, sample_weight)
            head = LogisticRegression(
                class_weight=dict(enumerate(weights)),
                tol=1e-6,
                max_iter=10_000,  # it takes a few dozen unless X is badly scaled
            )
            penalty = self.alpha
            if penalty == "cv":
                penalty = choose_penalty(head, features, label)
            head.set_params(C=1 / penalty if penalty else np.inf)
            heads.append(head.fit(features, label, sample_weight))
            penalties.append(float(penalty))
        self.alpha_ = penalties if isinstance(self.classes_, list) else penalties[0]
        kernel = np.vstack([head.coef_ for head in heads]).T
        return kernel, np.concatenate([head.intercept_ for head in heads])

    @available_if(head_has("predict_proba", without=True))
    def predict_proba(self, X: PanelLike) -> Floats | list[Floats]:
        """Predict the probability of each class, in the order of `classes_`, for a panel X.

        Its shape is (n_customers, n_classes); several labels have a list of such arrays.
        Probabilities are those among the customers of `fit`; with `class_weight` they are not
        calibrated. Only a `head` that has no probabilities lacks the method.
        """
        outputs = self._outputs(X, "predict_proba")
        if self.head_ is not None:
            return outputs
        if self.keras_ is not None:
            return outputs if outputs.shape[1] > 1 else np.hstack([1 - outputs, outputs])
        ends = np.cumsum([_count_heads(classes) for classes in self._classes_of_labels])
        parts = np.split(outputs, ends[:-1], axis=1)
        probabilities = [softmax(class_log_odds(part), axis=1) for part in parts]
        return probabilities if isinstance(self.classes_, list) else probabilities[0]

    @available_if(head_has("decision_function", without=False))
    def decision_function(self, X: PanelLike) -> Floats:
        """Return the decision function of a `head` that has one, for a panel X."""
        return self._outputs(X, "decision_function")

    def predict(self, X: PanelLike) -> NDArray[Any]:
        """Predict the class, shape (n_customers,) or (n_customers, n_labels), of a panel X."""
        if getattr(self, "head_", None) is not None:
            return self._outputs(X, "predict")
        probabilities = self.predict_proba(X)
        if not isinstance(probabilities, list):
            return self.classes_[probabilities.argmax(axis=1)]
        predicted = [
            classes[chances.argmax(axis=1)]
            for classes, chances in zip(self.classes_, probabilities, strict=True)
        ]
        return np.column_stack(predicted)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        if self.head is None:
            tags.target_tags.multi_output = self._is_exact
        tags.classifier_tags.multi_label = tags.target_tags.multi_output
        return tags


def _count_heads(classes):
    """Count the outputs that predict these classes: one is enough for two."""
    return 1 if len(classes) <= 2 else len(classes)


def _weigh_classes(class_weight, positions, classes, sample_weight=None):
    """Return the weight of a customer of each class, shape (n_classes,)."""
    if sample_weight is not None:
        counts = np.bincount(positions, weights=sample_weight, minlength=len(classes))
        if np.count_nonzero(counts) < 2:
            raise ValueError(
                f"y has one class only among the customers with a sample_weight above 0: "
                f"{classes[counts.argmax()]!r}. There is nothing to tell apart."
            )
    if not isinstance(class_weight, dict):
        return compute_class_weight(
            class_weight, classes=np.arange(len(classes)), y=positions, sample_weight=sample_weight
        )
    names = classes.tolist()
    unknown = sorted(set(class_weight) - set(names), key=str)
    if unknown:
        raise ValueError(f"class_weight names {unknown}, but the classes of y are {names}.")
    return np.array([class_weight.get(name, 1.0) for name in names], dtype=float)
