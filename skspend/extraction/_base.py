"""The base of the extractors: everything that does not depend on the kind of the encoder.

A panel comes in. The target is computed from it, the network is trained to predict the target, and
its states at every period come out. Maree & Omlin (2021), section III-C.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from .._utils._sklearn import (
    HasMethods,
    Interval,
    PanelTransformer,
    StrOptions,
    _fit_context,
    array_scaler,
    available_if,
    fit_scaler,
    with_callbacks,
)
from .._utils._sparse import by_period
from .._utils._threads import one_thread
from ..networks._forward import decode, encode, pool
from ..networks._scaling import fold_scales, scale, unfold_scales
from ..networks._specification import Network
from ..panel import Panel, fold, output_names, panel_like_fit, validate_panel
from ._network import find_components, make_network, train_by_epoch
from ._target import Target

if TYPE_CHECKING:
    import keras
    from numpy.typing import ArrayLike, NDArray

    from .._utils._typing import Estimator, Floats, Names, PanelLike, RandomState, Table


class StateExtractor(PanelTransformer):
    """Base of the extractors; a subclass sets whether the network is recurrent."""

    _parameter_constraints = {
        "n_units": [Interval(Integral, 1, None, closed="left")],
        "hidden_units": [tuple, list],
        "objective": [StrOptions({"type", "scores", "reconstruct", "y"})],
        "scorer": [None, HasMethods(["fit", "transform"])],
        "state_noise": [Interval(Real, 0, None, closed="left")],
        "n_periods": [None, Interval(Integral, 1, None, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "engine": [StrOptions({"native", "keras"})],
        "optimizer": [str, HasMethods(["apply", "get_config"])],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "l2": [Interval(Real, 0, None, closed="left")],
        "class_weight": [None, StrOptions({"balanced"})],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }
    kernels_: list[Floats]
    projection_: Floats | None
    components_: Floats | None
    network_: Network
    losses_: dict[str, Floats]
    objective_: str
    scorer_: Any
    scaler_: StandardScaler
    input_scaler_: StandardScaler
    classes_: NDArray[Any] | None
    target_scaler_: StandardScaler | None
    n_periods_: int
    inputs: str = "categories"
    n_networks = n_ranks = 1

    def __init__(
        self,
        n_units: int = 3,
        hidden_units: Sequence[int] = (),
        *,
        objective: Literal["type", "scores", "reconstruct", "y"] = "type",
        scorer: Estimator | None = None,
        state_noise: float = 0.4,
        n_periods: int | None = None,
        epochs: int = 100,
        batch_size: int | Literal["auto"] = "auto",
        engine: Literal["native", "keras"] = "native",
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
        self.engine = engine
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

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: PanelLike, y: ArrayLike | None = None) -> Self:
        """Train the network.

        Parameters
        ----------
        X : panel, shape (n_customers, n_periods * n_features), or with three dimensions
            Shares of spending or income.
        y : array-like, shape (n_customers,) or (n_customers, n_outputs), default=None
            Used only with ``objective="y"``.

        Raises
        ------
        ValueError
            If ``objective="y"`` and no y is given, if ``class_weight`` is given and the target is
            values, if the engine does not know the optimizer, or if training diverges.
        """
        task = self._init_callback_context(max_subtasks=self.epochs)
        task.call_on_fit_task_begin(estimator=self, X=X, y=y)
        panel, target = self._start(X, y)
        random_state = check_random_state(self.random_state)
        epochs = self._train(panel, target, random_state, self.epochs, self.n_init)
        with one_thread(), closing(epochs):
            for _ in range(self.epochs):
                step = task.subcontext(task_name="epoch")
                step.call_on_fit_task_begin(estimator=self, X=X, y=y)
                fitted, has_converged = next(epochs)
                is_stopped = step.call_on_fit_task_end(
                    estimator=self, X=X, y=y, reconstruction_attributes=fitted
                )
                if is_stopped or has_converged:
                    break
            self.__dict__.update(fitted())
        task.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: PanelLike, y: ArrayLike | None = None) -> Self:
        """Train for one more epoch, on new customers or on new periods; X and y are as in `fit`.

        The scales, the scorer, the classes and the components stay those of `fit` or of the first
        call. The optimizer starts anew, and no customers are held out.
        """
        losses, weights = {"loss": np.array([])}, None
        if hasattr(self, "kernels_"):
            panel = self._read_panel(X)
            target = self._target.encode(X, panel, y)
            panel, losses = scale(self._read(panel), self.input_scaler_), self.losses_
            scalers = self.input_scaler_, self.target_scaler_
            weights = unfold_scales(self.network_, self.kernels_, *scalers)
        else:
            panel, target = self._start(X, y)
        # Each epoch has a seed of its own, or all would draw the same noise and the same order.
        random_state = check_random_state(self.random_state)
        seed = random_state.randint(2**31 - 1, size=len(losses["loss"]) + 1)[-1]
        epochs = self._train(panel, target, np.random.RandomState(seed), 1, weights=weights)
        with one_thread(), closing(epochs):
            fitted, _ = next(epochs)
            self.__dict__.update(fitted())
        for name, before in losses.items():
            self.losses_[name] = np.append(before, self.losses_.get(name, np.nan))
        return self

    def _start(self, X, y):
        """Fit scales and target, make the network; return scaled inputs and encoded target."""
        panel = validate_panel(self, X, n_periods=self.n_periods, sparse=True).cube
        for name in ("scorer_", "kernels_", "components_"):
            self.__dict__.pop(name, None)
        self.objective_ = objective = self.objective
        self.scaler_ = fit_scaler(by_period(panel))
        target = Target.fit(
            objective, self._recurrent, self.scorer, self.scaler_, X, panel, y, self.n_ranks
        )
        self.classes_, self.target_scaler_ = target.classes, target.scaler
        self.projection_, self.input_scaler_ = None, self.scaler_
        if target.scorer is not None:
            self.scorer_ = target.scorer
            if hasattr(self.scorer_, "feature_names_in_"):
                # The same names, so that a pickle holds them once.
                self.scorer_.feature_names_in_ = self.feature_names_in_
            if self.inputs == "traits" and hasattr(target.scorer, "coefficients_"):
                self.projection_ = np.nan_to_num(target.scorer.coefficients_.astype(float))
                inputs = self._read(panel)
                self.input_scaler_ = array_scaler().fit(inputs.reshape(-1, inputs.shape[2]))
        encoded = target.encode(X, panel, y)
        inputs = scale(self._read(panel), self.input_scaler_)
        self.network_ = make_network(self, self._recurrent, target, inputs, encoded)
        return inputs, encoded

    def _read_panel(self, X):
        return validate_panel(self, X, reset=False, sparse=True).cube

    def _read(self, panel):
        """What the network reads of every period: the shares, or their weighted sums by trait."""
        if self.projection_ is None:
            return np.asarray(panel)
        return panel @ self.projection_.astype(panel.dtype)

    @property
    def _target(self):
        network, scorer = self.network_, getattr(self, "scorer_", None)
        return Target(
            self.objective_,
            network.reads == "every",
            scorer,
            self.classes_,
            self.target_scaler_,
            len(network.task_weights),
        )

    def _train(self, panel, target, random_state, n_epochs, n_init=1, weights=None):
        """Train; after every epoch yield a function that returns the fitted attributes, and whether
        training has converged."""
        if self.projection_ is not None:
            support = np.ones(panel.shape[2], dtype=bool)
        elif weights is None:
            support = self._target.find_support(panel.shape[2])
        else:
            support = self.support_
        if weights is not None:
            weights[0] = weights[0][..., support, :]
        read = panel if support.all() else panel[..., support]
        epochs = train_by_epoch(self, read, target, random_state, n_epochs, n_init, weights)
        with closing(epochs):
            for now, losses, has_converged in epochs:
                yield partial(self._fitted_attributes, now, losses, support, panel), has_converged

    def _fitted_attributes(self, weights, losses, support, panel):
        *networks, _, n_gates = weights[0].shape
        kernel = np.zeros((*networks, len(support), n_gates))
        kernel[..., support, :] = weights[0]
        weights, network = [kernel, *weights[1:]], self.network_
        components = getattr(self, "components_", None)
        if network.n_networks > 1 and components is None:
            components = find_components(encode(network, panel, weights), network)
        return {
            "kernels_": fold_scales(network, weights, self.input_scaler_, self.target_scaler_),
            "components_": components,
            "losses_": {name: np.array(by_epoch) for name, by_epoch in losses.items()},
        }

    @property
    def weights_(self) -> list[Floats]:
        """Weights of the networks for X in its own units, a list of arrays."""
        check_is_fitted(self, "kernels_")
        if self.projection_ is None:
            return self.kernels_
        return [np.matmul(self.projection_, self.kernels_[0]), *self.kernels_[1:]]

    @property
    def support_(self) -> NDArray[np.bool_]:
        """Which features the network reads, shape (n_features,)."""
        kernel = self.weights_[0]
        return (kernel != 0).reshape(-1, *kernel.shape[-2:]).any(axis=(0, 2))

    @property
    def history_(self) -> pd.DataFrame:
        """Losses by epoch, a frame."""
        check_is_fitted(self, "kernels_")
        index = pd.RangeIndex(1, len(self.losses_["loss"]) + 1, name="epoch")
        return pd.DataFrame(self.losses_, index=index)

    def transform(self, X: PanelLike) -> Table:
        """Run the network on a panel as in `fit`, and return its state at every period.

        The trajectories are a frame or an array of shape (n_customers, n_periods * n_states), with
        the oldest period first.
        """
        check_is_fitted(self)
        panel = validate_panel(self, X, reset=False, sparse=True)
        states = self._run_encoder(panel.cube)
        return Panel(states, panel.period, self._state_names()).like(X)

    def _run_encoder(self, panel):
        return self._project(self._encode(panel))

    def _encode(self, panel, **options):
        return encode(self.network_, self._read(panel), self.kernels_, **options)

    def _project(self, states):
        """Project the states of all networks onto their principal components."""
        if self.components_ is None:
            return states
        return states @ self.components_.astype(states.dtype)

    def _state_names(self):
        return [f"state{unit}" for unit in range(self.network_.n_units)]

    @available_if(lambda self: getattr(self, "objective_", self.objective) == "reconstruct")
    def inverse_transform(self, X: PanelLike) -> Table:
        """Reconstruct the spending from trajectories; only with ``objective="reconstruct"``.

        X is the output of `transform`, and the result is a panel of shape (n_customers, n_periods *
        n_features), a frame or an array. Another number of columns is a ValueError. With several
        networks the result is approximate, because their states have more dimensions than X.
        """
        check_is_fitted(self)
        trajectories = check_array(X, dtype=[np.float64, np.float32])
        n_columns = len(self.get_feature_names_out())
        if trajectories.shape[1] != n_columns:
            raise ValueError(
                f"X has {trajectories.shape[1]} columns, but trajectories of this "
                f"{type(self).__name__} have {n_columns}. Pass the output of transform."
            )
        states = fold(trajectories, self.n_periods_)[:, :, : self.network_.n_units]
        if self.components_ is not None:
            states = states @ np.linalg.pinv(self.components_).astype(states.dtype)
        return panel_like_fit(self, decode(self.network_, states, self.kernels_)).like(X)

    def pool_states(self, X: PanelLike) -> Floats:
        """Return the input of a head, shape (n_customers, n_units), for a panel as in `fit`.

        It is the last state as in `transform` if the network is recurrent, else the mean over
        periods.
        """
        check_is_fitted(self)
        panel = self._read_panel(X)
        return pool(self._run_encoder(panel)[..., : self.network_.n_units], self.network_.pooling)

    def _outputs(self, panel):
        return decode(self.network_, pool(self._encode(panel), self.network_.reads), self.kernels_)

    def predict_target(self, X: PanelLike) -> NDArray[Any]:
        """Predict the target of a panel as in `fit`.

        Types and classes have shape (n_customers,), and values (n_customers, n_outputs). A target
        of each period has shape (n_customers, n_periods) or (n_customers, n_periods * n_outputs).
        """
        check_is_fitted(self)
        return self._target.decode(self._outputs(self._read_panel(X)))

    def score(self, X: PanelLike, y: ArrayLike | None = None) -> float:
        """Return how well the network predicts its target; X and y are as in `fit`.

        The score is the accuracy of classes, else R2; that of an autoencoder is over all cells in
        standard deviations of each feature.
        """
        check_is_fitted(self)
        panel = self._read_panel(X)
        return self._target.score(self._target.encode(X, panel, y), self._outputs(panel))

    def to_keras(self) -> keras.Model:
        """Return the equivalent Keras model.

        It maps panels of shape (n_customers, n_periods, n_features) to a dict of ``states`` and
        ``outputs`` (log-odds of classes, or values). It computes in float64, because the weights
        contain the scales of the inputs, for which float32 is good to five digits.
        """
        check_is_fitted(self)
        from ..networks import _keras as keras_models

        weights, n_features = self.weights_, len(self.support_)
        network = self.network_._replace(n_features=n_features, state_noise=0.0, l2=0.0)
        return keras_models.build_fitted(network, weights, self.components_)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Names:
        """Return the names of the states, such as ``year1|state0``, shape (n_periods * n_states,).

        `input_features`, the columns of X, are checked if given.
        """
        check_is_fitted(self)
        return output_names(self, self._state_names(), input_features)
