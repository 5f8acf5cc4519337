"""TransferRegressor: predict a label from pretrained features and a hundred examples.

A panel and a number per customer come in; a frozen network's last state, and a linear head on it,
predict the number for others. Maree & Omlin (2021), sections III-D and IV-B.
"""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted

from ._sklearn import (
    CallbackSupportMixin,
    HasMethods,
    Interval,
    StrOptions,
    _fit_context,
    one_task,
)
from .panel import unfold, validate_panel


class TransferRegressor(CallbackSupportMixin, RegressorMixin, BaseEstimator):
    """Regress on the features of a pretrained network, or train the same network from scratch.

    Parameters
    ----------
    extractor : FrozenEstimator of a fitted extractor, default=None
        The pretrained network: an :class:`LSTMStateExtractor`, whose last state the linear head
        reads, or a :class:`FeedForwardExtractor`, whose features it reads as means over periods.
        Without one, it reads the columns of X.
    initialization : {"pretrained", "random"}, default="pretrained"
        ``"pretrained"`` keeps the weights of the network's body and solves its one-unit head by
        least squares: exact, and in an instant. ``"random"`` trains all weights of the identical
        network from random initial ones: the paper's baseline.
    alpha : float, default=0.0
        Ridge penalty of the pretrained head, as in :class:`sklearn.linear_model.Ridge`. 0 is
        least squares, which with a hundred labels often predicts worse than the mean does.
    epochs, batch_size : int, default=100 and 32
        Training of the random network.
    learning_rate : float, default=0.01
        Training of the random network.
    random_state : int, RandomState instance or None, default=None
        Draws the initial weights and the order of customers of the random network.

    Attributes
    ----------
    coef_ : ndarray, shape (n_features,) or (n_outputs, n_features)
        Weights of the head on the last state (or on the columns of X).
    intercept_ : float or ndarray, shape (n_outputs,)
        Bias of the head.
    n_weights_ : int
        Weights in body and head together.
    n_trainable_weights_ : int
        Those that were fitted to y.

    See Also
    --------
    LSTMStateExtractor : The network to pretrain.
    sklearn.frozen.FrozenEstimator : Keeps an estimator fitted through clone and searches.

    References
    ----------
    Maree & Omlin (2021), section III-D and Tables 1 and 2.

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
    """

    _parameter_constraints = {
        "extractor": [None, HasMethods(["transform"])],
        "initialization": [StrOptions({"pretrained", "random"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        extractor=None,
        initialization="pretrained",
        alpha=0.0,
        epochs=100,
        batch_size=32,
        learning_rate=0.01,
        random_state=None,
    ):
        self.extractor = extractor
        self.initialization = initialization
        self.alpha = alpha
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    @one_task
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit the head, or the whole network.

        Parameters
        ----------
        X : panel, shape (n_customers, n_periods * n_features), or with three dimensions
            As the extractor was fitted on.
        y : array-like, shape (n_customers,) or (n_customers, n_outputs)
            Labels; a 0/1 label is regressed as a number.
        sample_weight : array-like, shape (n_customers,), default=None
            For the exact head alone.

        Returns
        -------
        self : TransferRegressor

        Raises
        ------
        NotFittedError
            If the extractor is not fitted, as when it was cloned without a FrozenEstimator.
        ValueError
            If ``initialization="random"`` comes without an extractor or with sample weights.
        """
        if self.extractor is not None:
            self._check_pretrained()
        panel = validate_panel(self, X, n_periods=getattr(self.extractor, "n_periods_", None))
        y = _check_y(y, panel)
        self._body = None
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        if self.initialization == "random":
            self._fit_network(X, y, sample_weight)
        else:
            head = Ridge(self.alpha) if self.alpha else LinearRegression()
            head.fit(self._features(X, panel), y, sample_weight)
            self.coef_, self.intercept_ = head.coef_, head.intercept_
        n_body = 0 if self.extractor is None else self.extractor.network_.n_body_weights
        n_head = np.size(self.coef_) + n_outputs
        self.n_weights_ = n_body + n_head
        self.n_trainable_weights_ = (
            n_head if self.initialization == "pretrained" else n_body + n_head
        )
        return self

    def _check_pretrained(self):
        try:
            check_is_fitted(self.extractor)
        except NotFittedError as error:
            raise NotFittedError(
                "The extractor is not fitted. Fit it and pass FrozenEstimator(extractor), which "
                "keeps it fitted where pipelines and searches clone."
            ) from error

    def _fit_network(self, X, y, sample_weight):
        if self.extractor is None:
            raise ValueError(
                "initialization='random' trains the network of an extractor, but extractor=None."
            )
        if sample_weight is not None:
            raise ValueError(
                "sample_weight is exact for the pretrained head alone; training a network in "
                "batches would only approximate it."
            )
        pretrained = self.extractor
        if isinstance(pretrained, FrozenEstimator):
            pretrained = pretrained.estimator
        self._body = clone(pretrained).set_params(
            objective="y",
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer="adam",
            learning_rate=self.learning_rate,
            l2=0.0,
            class_weight=None,
            n_init=1,
            early_stopping=False,
            random_state=self.random_state,
        )
        self._body.fit(X, y)
        head, bias = self._body.weights_[-2:]
        self.coef_, self.intercept_ = (head[:, 0], bias[0]) if y.ndim == 1 else (head.T, bias)

    def _features(self, X, panel):
        """What the head reads: the states of each customer in one row, or the columns of X."""
        if self.extractor is None:
            return unfold(panel)
        body = self.extractor if self._body is None else self._body
        return body.pool_states(X)

    def predict(self, X):
        """Predict the label.

        Parameters
        ----------
        X : panel, as in `fit`

        Returns
        -------
        y : ndarray, shape (n_customers,) or (n_customers, n_outputs)
        """
        check_is_fitted(self)
        panel = validate_panel(self, X, reset=False)
        return self._features(X, panel) @ self.coef_.T + self.intercept_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.multi_output = True
        return tags


def _check_y(y, panel):
    if y is None:
        raise ValueError("TransferRegressor requires y to be passed, but the target y is None.")
    y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    check_consistent_length(panel, y)
    return y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
