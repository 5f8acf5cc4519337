"""What the transfer models share: a frozen or trained body, a head on its features, two engines.

A panel and a label per customer come in. The body turns the panel into one row of features per
customer, and the head predicts the label from them. Maree & Omlin (2021), sections III-D and IV-B.
"""

from __future__ import annotations

import copy
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_consistent_length, check_random_state, get_tags
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d

from .._utils._sklearn import (
    CallbackSupportMixin,
    HasMethods,
    Interval,
    StrOptions,
    _fit_context,
    default_output,
    fit_scaler,
    forget_fit,
    one_task,
)
from ..networks._forward import BLOCK, encode, pool
from ..networks._scaling import fold_scales, scale, unfold_scales
from ..networks._training import initial_weights, keep_best, last_weights, train
from ..panel import output_names, unfold, validate_panel
from ._head import fit_head, is_exact, route_to_head, takes_weights, trained_part
from ._own_model import KeepsKerasModels, is_keras_model
from ._pretrained import find_pretrained
from ._weights import weights_if

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras
    from numpy.typing import ArrayLike
    from sklearn.utils import Tags

    from .._utils._typing import Estimator, Floats, Names, PanelLike, RandomState
    from ..networks._specification import Network


class TransferModel(CallbackSupportMixin, KeepsKerasModels):
    """Base of the transfer models; a subclass knows its labels and its exact head."""

    _parameter_constraints = {
        "extractor": [None, HasMethods(["transform"])],
        "initialization": [StrOptions({"pretrained", "random"})],
        "trainable": [None, StrOptions({"head", "all"})],
        "head": [None, HasMethods(["fit", "predict"])],
        "alpha": [Interval(Real, 0, None, closed="left"), StrOptions({"cv"})],
        "engine": [StrOptions({"native", "scikeras"})],
        "model": [None, callable],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }
    weights_: list[Floats]
    extractor_: Estimator | None
    network_: Network | None
    keras_: keras.Model | None
    head_: Estimator | None
    coef_: Floats
    intercept_: Floats | float
    coef_names_: Names
    alpha_: float | list[float]
    n_weights_: int
    n_trainable_weights_: int
    n_periods_: int

    def __init__(
        self,
        extractor: Estimator | None = None,
        *,
        initialization: Literal["pretrained", "random"] = "pretrained",
        trainable: Literal["head", "all"] | None = None,
        head: Estimator | None = None,
        alpha: float | Literal["cv"] = 0.0,
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
        self.head = head
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

    @weights_if(takes_weights)
    @one_task
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: PanelLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the head, or the whole network.

        Parameters
        ----------
        X : panel, shape (n_customers, n_periods * n_features), or with three dimensions
            The same periods and features that the extractor was fitted on.
        y : array-like, shape (n_customers,) or (n_customers, n_outputs)
            Labels.
        sample_weight : array-like, shape (n_customers,), default=None
            Weights of the customers; only for a head that is solved exactly, or for one of your
            own that takes them.

        Raises
        ------
        NotFittedError
            If the extractor is not fitted, as when it was cloned without a FrozenEstimator.
        ValueError
            If parameters contradict each other (a network to train without an extractor, a `model`
            beside an extractor or without ``engine="scikeras"``, a `head` on a body in training),
            if all weights of several networks side by side are to be trained, if the outputs of a
            `model` do not fit y, if there are too few customers of a class, if sample weights are
            given but the head does not take them, or if training diverges.
        """
        pretrained = find_pretrained(self)
        forget_fit(self)
        if pretrained is not None:
            validate_panel(pretrained, X, reset=False)
        panel = validate_panel(self, X, n_periods=getattr(pretrained, "n_periods_", None))
        check_consistent_length(panel.cube, y)
        labels = self._check_labels(y)
        target = self._read_labels(labels)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, panel.cube)
        self.network_ = self.keras_ = self.extractor_ = self.head_ = None
        random_state = check_random_state(self.random_state)
        if self.model is not None:
            parts = self._divide(panel.cube, target, random_state)
            self.keras_ = self._fit_keras(self.model, parts, random_state)
            self.n_weights_ = self.keras_.count_params()
            sizes = (np.prod(weight.shape) for weight in self.keras_.trainable_weights)
            self.n_trainable_weights_ = int(sum(sizes))
            return self
        if pretrained is not None:
            self.network_ = self._make_network(pretrained.network_, panel, target)
            if self._is_frozen:
                # A later fit of the extractor does not change the copy.
                self.extractor_ = copy.copy(pretrained)
        inputs = self._inputs(X, panel)
        self.coef_names_ = self._name_features(panel)
        if self.head is not None:
            self.weights_ = []
            if pretrained is not None:
                self.weights_ = self._start(pretrained, inputs, None, random_state)[0][:-2]
            features = self._features(inputs, self.weights_)
            sample_weight = self._weigh_customers(target, sample_weight)
            self.head_ = fit_head(self, features, labels, sample_weight)
            return self
        parts = self._divide(inputs, target, random_state)
        self.weights_ = self._fit_weights(pretrained, parts, sample_weight, random_state)
        kernel, bias = self.weights_[-2:]
        self.coef_, self.intercept_ = kernel.T, bias
        if bias.size == 1 and not self._classifies:
            self.coef_, self.intercept_ = kernel[:, 0], float(bias[0])
        self.n_weights_ = self.n_trainable_weights_ = sum(array.size for array in self.weights_)
        if self._trainable == "head":
            self.n_trainable_weights_ = kernel.size + bias.size
        return self

    _trainable = property(trained_part)
    _is_exact = property(is_exact)

    @property
    def _is_frozen(self):
        """Whether the body stays as it was pretrained."""
        return self._trainable == "head" and self.initialization == "pretrained"

    def _make_network(self, pretrained, panel, target):
        """Lay out the network of the body, with a head for the target."""
        if pretrained.n_networks > 1 and not self._is_frozen:
            raise ValueError(
                f"The extractor has {pretrained.n_networks} networks side by side, but "
                f"initialization={self.initialization!r}, trainable={self.trainable!r} train one. "
                f"Fit an extractor with n_networks=1, such as LSTMStateExtractor.paper(), or keep "
                f"the body frozen by initialization='pretrained', trainable='head'."
            )
        return pretrained._replace(
            n_features=panel.cube.shape[2],
            n_outputs=self._count_outputs(target),
            decoder=(),
            reads=pretrained.pooling,
            classifies=self._classifies,
            state_noise=0.0,
            step_penalty=0.0,
            l2=0.0,
            task_weights=(1.0,),
            n_networks=1,  # The head reads one state, whatever number of networks it comes from.
        )

    def _check_labels(self, y):
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        dtype = None if self._classifies else np.float64
        y = check_array(y, ensure_2d=False, dtype=dtype, input_name="y")
        if y.shape[1:] == (1,) and not get_tags(self).target_tags.multi_output:
            y = column_or_1d(y, warn=True)
        return y.reshape(len(y), -1)

    def _inputs(self, X, panel):
        """Return what the fitted part reads: the features of a frozen body, else the panel."""
        return panel.cube if self.extractor_ is None else self.extractor_.pool_states(X)

    def _divide(self, inputs, target, random_state):
        """Divide customers into those to fit and, for early stopping, those held out."""
        if self._is_exact or not self.early_stopping:
            return [(inputs, target)]
        try:
            parts = train_test_split(
                np.arange(len(target)),
                test_size=self.validation_fraction,
                stratify=target if self._classifies else None,
                random_state=random_state,
            )
        except ValueError as error:
            raise ValueError(
                f"early_stopping=True cannot hold out validation_fraction="
                f"{self.validation_fraction:g} of {len(target)} customers. {error}"
            ) from error
        return [(inputs[rows], target[rows]) for rows in parts]

    def _fit_weights(self, pretrained, parts, sample_weight, random_state):
        """Fit the weights of body and head; they apply to panel and labels as they are."""
        inputs, target = parts[0]
        target_scaler = None if self._classifies else fit_scaler(target)
        weights, scaler = [], None
        if pretrained is not None:
            weights, scaler = self._start(pretrained, inputs, target_scaler, random_state)
        if self._trainable == "head" and self.engine == "scikeras":
            parts = [(self._features(inputs, weights), target) for inputs, target in parts]
            return [*weights[:-2], *self._train_head(parts, target_scaler, random_state)]
        # From the best head on, the first steps do not spoil a pretrained body.
        if self._trainable == "head" or self.initialization == "pretrained":
            # In single precision the solver of a logistic head stops short.
            features = self._features(inputs, weights).astype(np.float64)
            weights = [*weights[:-2], *self._solve_head(features, target, sample_weight)]
        if self._trainable == "head":
            return weights
        parts = [(scale(panel, scaler), scale(y, target_scaler)) for panel, y in parts]
        start = unfold_scales(self.network_, weights, scaler, target_scaler)
        if self.engine == "scikeras":
            from ..networks._keras import build_to_train

            build = partial(build_to_train, self.network_, start, self.learning_rate)
            weights = self._fit_keras(build, parts, random_state).get_weights()
        else:
            weights = self._train_natively(parts, start, random_state)
        return fold_scales(self.network_, weights, scaler, target_scaler)

    def _start(self, pretrained, panel, target_scaler, random_state):
        """Return the first weights, for panel and labels as they are, and the panel's scaler.

        Those of an ensemble have an axis of networks, and its components follow them.
        """
        if self.initialization == "pretrained":
            n_body = len(pretrained.network_.encoder) * self.network_.n_arrays_per_encoder_layer
            body = pretrained.weights_[:n_body]
            if pretrained.components_ is not None:
                body.append(pretrained.components_)
            no_head = [np.zeros(shape) for shape in self.network_.head_shapes[0]]
            return [*body, *no_head], pretrained.scaler_
        scaler = fit_scaler(panel.reshape(-1, panel.shape[2]))
        generator = np.random.default_rng(random_state.randint(2**31 - 1))
        weights = initial_weights(self.network_, generator)
        return fold_scales(self.network_, weights, scaler, target_scaler), scaler

    def _features(self, inputs, weights):
        """Compute what the head reads, one row per customer."""
        if self.network_ is None:
            return unfold(inputs)
        if self.extractor_ is not None:
            return inputs
        return pool(encode(self.network_, inputs, weights), self.network_.reads)

    def _name_features(self, panel):
        if self.network_ is None:
            return panel.names
        states = [f"state{unit}" for unit in range(self.network_.n_units)]
        if self.network_.reads == "last":
            return output_names(self, states)[-len(states) :]
        return np.array([f"mean|{state}" for state in states], dtype=object)

    def _train_natively(self, parts, start, random_state):
        """Train body and head on standardised values."""
        (panel, target), held_out = parts[0], parts[1] if len(parts) > 1 else None
        class_weights = self._class_weights(target)
        epochs = train(
            self.network_,
            panel,
            target,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            random_state=random_state,
            class_weights=class_weights,
            weights=start,
        )
        return last_weights(
            keep_best(epochs, self.network_, held_out, class_weights, self.n_iter_no_change)
        )

    def _train_head(self, parts, target_scaler, random_state):
        """Train a head alone by Keras, on features and labels as they are."""
        from ..networks._keras import build_head

        parts = [(features, scale(target, target_scaler)) for features, target in parts]
        features, target = parts[0]
        # With it the mean loss has the optimum of LogisticRegression, or of Ridge.
        penalty = self.alpha / (2 * target.size if self._classifies else target.size)
        shape = features.shape[1], self._count_outputs(target)
        build = partial(build_head, *shape, self._classifies, penalty, self.learning_rate)
        kernel, bias = self._fit_keras(build, parts, random_state).get_weights()
        if target_scaler is None:
            return kernel, bias
        return kernel * target_scaler.scale_, bias * target_scaler.scale_ + target_scaler.mean_

    @default_output
    def _fit_keras(self, build, parts, random_state):
        """Train a Keras model, or what a function builds, through scikeras."""
        from ..networks._keras import copy_model, fit_by_scikeras

        # Keras itself would train a model, and scikeras does not take methods.
        build = partial(copy_model, build) if is_keras_model(build) else partial(build)
        target = parts[0][1]
        more = {len(self.classes_)} if self._classifies else set()
        n_outputs = {self._count_outputs(target)} | more
        weights = self._class_weights(target)
        return fit_by_scikeras(
            "KerasClassifier" if self._classifies else "KerasRegressor",
            build,
            n_outputs,
            *(
                (np.asarray(X, np.float32), y, None if weights is None else weights[y])
                for X, y in parts
            ),
            n_iter_no_change=self.n_iter_no_change,
            epochs=self.epochs,
            batch_size=min(self.batch_size, len(target)),
            seed=random_state.randint(2**31 - 1),
        )

    def _outputs(self, X, method="predict"):
        """Compute the outputs of the head, or of a user's own model, (n_customers, n_outputs).

        A head of the user's own answers by a method.
        """
        check_is_fitted(self)
        panel = validate_panel(self, X, reset=False)
        if self.keras_ is None:
            features = self._features(self._inputs(X, panel), self.weights_)
            if self.head_ is not None:
                return getattr(self.head_, method)(features.astype(np.float64))
            return features @ self.weights_[-2] + self.weights_[-1]
        outputs = self.keras_.predict(panel.cube.astype(np.float32), batch_size=BLOCK, verbose=0)
        return outputs.reshape(len(outputs), -1)

    def get_metadata_routing(self) -> Any:
        """Say what metadata `fit` takes, and passes to a `head`: the weights of customers."""
        return route_to_head(self, super().get_metadata_routing())

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        takes_several = self.head is None or get_tags(self.head).target_tags.multi_output
        tags.target_tags.multi_output = takes_several
        return tags
