"""What the extractors share: everything but the graph of the network and its target.

A panel comes in. What the network shall tell of it is computed, the network is trained to tell it,
and its states at every period come out. Maree & Omlin (2021), section III-C.
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import check_is_fitted

from .._utils._sklearn import (
    CallbackSupportMixin,
    HasMethods,
    Interval,
    StrOptions,
    _fit_context,
    available_if,
    with_callbacks,
)
from .._utils._threads import one_thread
from ..networks._forward import decode, encode, pool
from ..networks._scaling import fold_scales, scale, unfold_scales
from ..networks._specification import Network
from ..networks._training import keep_best, train
from ..panel import Panel, fold, output_names, panel_like_fit, unfold, validate_panel
from ._target import TargetMixin

if TYPE_CHECKING:
    import keras
    from numpy.typing import ArrayLike, NDArray
    from sklearn.utils import Tags

    from .._utils._typing import Floats, Names, PanelLike, Table


def _reconstructs(extractor: StateExtractor) -> bool:
    return extractor.objective == "reconstruct"


class StateExtractor(TargetMixin, CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Base of the extractors; a subclass says whether it is recurrent, and how large it is."""

    _parameter_constraints = {
        "n_units": [Interval(Integral, 1, None, closed="left")],
        "hidden_units": [tuple, list],
        "objective": [StrOptions({"type", "scores", "reconstruct", "y"})],
        "scorer": [None, HasMethods(["fit", "transform"])],
        "state_noise": [Interval(Real, 0, None, closed="left")],
        "n_periods": [None, Interval(Integral, 1, None, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
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
    weights_: list[Floats]
    network_: Network
    n_periods_: int
    _history: dict[str, Floats]
    _pooling: Literal["last", "mean"]

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: PanelLike, y: ArrayLike | None = None) -> Self:
        """Train the network.

        Parameters
        ----------
        X : panel, shape (n_customers, n_periods * n_features), or with three dimensions
            Shares of spending or income.
        y : array-like, shape (n_customers,) or (n_customers, n_outputs), default=None
            Used with ``objective="y"`` alone.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            If ``objective="y"`` and no y is given, if ``class_weight`` is given where values are
            learned, or if training diverges.
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
                shall_stop = step.call_on_fit_task_end(
                    estimator=self, X=X, y=y, reconstruction_attributes=fitted
                )
                if shall_stop or has_converged:
                    break
        self.__dict__.update(fitted())
        task.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: PanelLike, y: ArrayLike | None = None) -> Self:
        """Train for one more epoch, on new customers or on new periods.

        The scaling, the scorer and the classes stay those of the first call, or of `fit`. The
        optimizer starts anew, and nobody is held out.

        Parameters
        ----------
        X : panel, as in `fit`
        y : array-like, default=None
            As in `fit`; no classes that were not in the first one.

        Returns
        -------
        self : estimator
        """
        if hasattr(self, "weights_"):
            panel = validate_panel(self, X, reset=False).cube
            target = self._encoded_target(X, panel, y)
            panel = scale(panel, self.scaler_)
            before = self._history
            weights = unfold_scales(self.network_, self.weights_, self.scaler_, self.target_scaler_)
        else:
            panel, target = self._start(X, y)
            before, weights = {"loss": np.array([])}, None
        n_before = len(before["loss"])
        # Each pass has a seed of its own, or all would draw the same noise and the same order.
        seed = check_random_state(self.random_state).randint(2**31 - 1, size=n_before + 1)[-1]
        random_state = np.random.RandomState(seed)
        epochs = self._train(panel, target, random_state, 1, 1, weights)
        with one_thread(), closing(epochs):
            fitted, _ = next(epochs)
        self.__dict__.update(fitted())
        self._history = {
            name: np.append(losses, self._history.get(name, np.nan))
            for name, losses in before.items()
        }
        return self

    def _start(self, X, y):
        """Learn the scales and the classes; return the scaled panel and the encoded target."""
        panel = validate_panel(self, X, n_periods=self.n_periods).cube
        self.scaler_ = StandardScaler().fit(panel.reshape(-1, panel.shape[2]))
        self._learn_target(X, panel, y)
        if self.class_weight is not None and self.classes_ is None:
            raise ValueError(
                f"class_weight={self.class_weight!r} is for classes, but "
                f"objective={self.objective!r} learns values here. Leave class_weight=None."
            )
        target = self._encoded_target(X, panel, y)
        self.network_ = self._make_network(panel, target)
        return scale(panel, self.scaler_), target

    def _make_network(self, panel, target):
        classifies = self.classes_ is not None
        return Network(
            recurrent=self._recurrent,
            n_periods=panel.shape[1],
            n_features=panel.shape[2],
            encoder=self._encoder_units(),
            decoder=self._encoder_units()[-2::-1] if self._mirrors else (),
            n_outputs=len(self.classes_) if classifies else target.shape[-1],
            reads=self._reads(),
            classifies=classifies,
            state_noise=float(self.state_noise) if classifies else 0.0,
            step_penalty=self._step_penalty() if classifies else 0.0,
            l2=float(self.l2),
        )

    def _encoder_units(self):
        wrong = [n for n in self.hidden_units if not isinstance(n, Integral) or n < 1]
        if wrong:
            raise ValueError(
                f"hidden_units must be whole numbers of units from 1, got {self.hidden_units!r}."
            )
        return (*self.hidden_units, self.n_units)

    def _step_penalty(self):
        return 0.0

    def _reads(self):
        if self.objective == "reconstruct":
            return "every"
        if self._recurrent or self.objective == "y":
            return self._pooling
        return "every"

    @property
    def _mirrors(self):
        return not self._recurrent and self.objective == "reconstruct"

    def _train(self, panel, target, random_state, n_epochs, n_init, weights=None):
        """Train; after every epoch yield a function that gives the fitted attributes, and whether
        it is time to stop."""
        network = self.network_
        support = self._find_support(network.n_features) if weights is None else self.support_
        if not support.all():
            network = network._replace(n_features=int(support.sum()))
            panel = panel[..., support]
            if weights is not None:
                weights[0] = weights[0][support]
        held_out = None
        if self.early_stopping and weights is None and n_epochs > 1:
            rows, others = train_test_split(
                np.arange(len(panel)),
                test_size=self.validation_fraction,
                random_state=random_state,
            )
            held_out = panel[others], target[others]
            panel, target = panel[rows], target[rows]
        class_weights = self._class_weights(target)
        batch_size = self.batch_size
        if batch_size == "auto":
            batch_size = int(np.clip(len(panel) // STEPS_PER_EPOCH, *AUTO_BATCH_SIZES))
        if network.step_penalty and network.reads == "last":
            # Who shall be told at every period is told early, and seldom moves afterwards.
            network = network._replace(reads="every")
            target = np.repeat(target[:, None], network.n_periods, axis=1)
        epochs = train(
            network,
            panel,
            target,
            epochs=n_epochs,
            batch_size=batch_size,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            random_state=random_state,
            class_weights=class_weights,
            n_init=n_init,
            weights=weights,
        )
        epochs = keep_best(epochs, self.network_, held_out, class_weights, self.n_iter_no_change)
        losses, validation_losses = [], []
        with closing(epochs):
            for loss, validation_loss, now, has_converged in epochs:
                losses.append(loss)
                if validation_loss is not None:
                    validation_losses.append(validation_loss)
                if self.verbose:
                    print(_progress(type(self).__name__, n_epochs, losses, validation_losses))
                fitted = partial(self._fitted_attributes, now, support, losses, validation_losses)
                yield fitted, has_converged

    def _class_weights(self, target):
        """What a customer of each class counts."""
        weights = np.ones(self.network_.n_outputs)
        if self.class_weight is not None:
            present = np.unique(target)
            weights[present] = compute_class_weight(
                self.class_weight, classes=present, y=target.ravel()
            )
        return weights

    def _fitted_attributes(self, weights, support, losses, validation_losses):
        """Weights that apply to X in its own units and answer in the target's."""
        kernel = np.zeros((len(support), weights[0].shape[1]))
        kernel[support] = weights[0]
        weights = [kernel, *weights[1:]]
        weights = fold_scales(self.network_, weights, self.scaler_, self.target_scaler_)
        history = {"loss": np.array(losses)}
        if validation_losses:
            history["validation_loss"] = np.array(validation_losses)
        return {"weights_": weights, "_history": history}

    @property
    def support_(self) -> NDArray[np.bool_]:
        """Which features the network reads, shape (n_features,)."""
        check_is_fitted(self, "weights_")
        return np.count_nonzero(self.weights_[0], axis=1) > 0

    @property
    def history_(self) -> pd.DataFrame:
        """Losses by epoch, a frame; ``validation_loss`` is there with early stopping."""
        check_is_fitted(self, "weights_")
        index = pd.RangeIndex(1, len(self._history["loss"]) + 1, name="epoch")
        return pd.DataFrame(self._history, index=index)

    def transform(self, X: PanelLike) -> Table:
        """Run the network and return its state at every period.

        Parameters
        ----------
        X : panel, as in `fit`

        Returns
        -------
        trajectories : frame or ndarray, shape (n_customers, n_periods * n_states)
            Oldest period first.
        """
        check_is_fitted(self)
        panel = validate_panel(self, X, reset=False)
        states = self._emitted_states(panel.cube)
        return Panel(states, panel.period, self._state_names()).like(X)

    def _emitted_states(self, panel):
        return encode(self.network_, panel, self.weights_)

    @available_if(_reconstructs)
    def inverse_transform(self, X: PanelLike) -> Table:
        """Reconstruct the spending from trajectories; only with ``objective="reconstruct"``.

        Parameters
        ----------
        X : frame or array-like, shape (n_customers, n_periods * n_states)
            As `transform` returns them.

        Returns
        -------
        panel : frame or ndarray, shape (n_customers, n_periods * n_features)

        Raises
        ------
        ValueError
            If X has another number of columns.
        """
        check_is_fitted(self)
        trajectories = check_array(X, dtype=[np.float64, np.float32])
        n_columns = len(self.get_feature_names_out())
        if trajectories.shape[1] != n_columns:
            raise ValueError(
                f"X has {trajectories.shape[1]} columns, but trajectories of this "
                f"{type(self).__name__} have {n_columns}. Pass what transform returns."
            )
        hidden = fold(trajectories, self.n_periods_)[:, :, : self.network_.n_units]
        cube = decode(self.network_, hidden, self.weights_)
        return panel_like_fit(self, cube).like(X)

    def pool_states(self, X: PanelLike) -> Floats:
        """Return one row of features per customer, for a head to read.

        Parameters
        ----------
        X : panel, as in `fit`

        Returns
        -------
        features : ndarray, shape (n_customers, n_units)
            The last hidden state of a recurrent network; the mean over periods of a feed-forward
            one.
        """
        check_is_fitted(self)
        panel = validate_panel(self, X, reset=False).cube
        return pool(encode(self.network_, panel, self.weights_), self._pooling)

    def _outputs(self, panel):
        """The head's answers."""
        states = encode(self.network_, panel, self.weights_)
        return decode(self.network_, pool(states, self.network_.reads), self.weights_)

    def predict_target(self, X: PanelLike) -> NDArray[Any]:
        """Return what the network believes its target to be.

        Parameters
        ----------
        X : panel, as in `fit`

        Returns
        -------
        target : ndarray
            Types or classes, shape (n_customers,), or values, shape (n_customers, n_outputs). A
            target of each period has shape (n_customers, n_periods) or (n_customers,
            n_periods * n_outputs).
        """
        check_is_fitted(self)
        outputs = self._outputs(validate_panel(self, X, reset=False).cube)
        if self.classes_ is not None:
            return self.classes_[outputs.argmax(axis=-1)]
        return unfold(outputs) if outputs.ndim == 3 else outputs

    def score(self, X: PanelLike, y: ArrayLike | None = None) -> float:
        """Return how well the network tells its target on the customers given.

        Parameters
        ----------
        X : panel, as in `fit`
        y : array-like, shape (n_customers,) or (n_customers, n_outputs), default=None
            Used with ``objective="y"`` alone.

        Returns
        -------
        score : float
            Accuracy for classes, else R2. That of an autoencoder is over all cells, each feature
            counted in its own standard deviations.
        """
        check_is_fitted(self)
        panel = validate_panel(self, X, reset=False).cube
        target, outputs = self._encoded_target(X, panel, y), self._outputs(panel)
        if self.classes_ is not None:
            return accuracy_score(target.ravel(), outputs.argmax(axis=-1).ravel())
        outputs = scale(outputs, self.target_scaler_)
        if self.objective == "reconstruct":
            return r2_score(target.ravel(), outputs.ravel())
        n_outputs = target.shape[-1]
        return r2_score(target.reshape(-1, n_outputs), outputs.reshape(-1, n_outputs))

    def to_keras(self) -> keras.Model:
        """Return the equivalent Keras model.

        Returns
        -------
        model : keras.Model
            Maps panels of shape (n_customers, n_periods, n_features) to a dict of ``states`` and
            ``outputs`` (log-odds of classes, or values). It computes in float64, as the weights
            hold the scales of the inputs, for which float32 is good to five digits.
        """
        check_is_fitted(self)
        from ..networks import _keras as keras_models

        model = keras_models.build(self.network_._replace(state_noise=0.0, l2=0.0), "float64")
        model.set_weights(self.weights_)
        return model

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Names:
        """Names of the states, such as ``year1|state0``.

        Parameters
        ----------
        input_features : array-like of str, default=None
            The columns of X; checked, if given.

        Returns
        -------
        names : ndarray of str, shape (n_periods * n_states,)
        """
        check_is_fitted(self)
        return output_names(self, self._state_names(), input_features)

    def _state_names(self):
        return [f"state{unit}" for unit in range(self.network_.n_units)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


STEPS_PER_EPOCH = 25
"""Steps of the optimizer that an automatic batch size aims at in each epoch."""
AUTO_BATCH_SIZES = 256, 1024
"""Bounds of an automatic batch size: smaller steps are slow, larger ones learn no faster."""


def _progress(name, n_epochs, losses, validation_losses):
    text = f"{name}: epoch {len(losses)} of {n_epochs}, loss {losses[-1]:.4f}"
    return text + (f", validation loss {validation_losses[-1]:.4f}" if validation_losses else "")
