"""LSTMStateExtractor: trajectories of customers in the state space of an LSTM."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import _get_feature_names, check_is_fitted

from .._utils._sklearn import Interval, StrOptions
from ..networks._forward import encode
from ..panel import Panel, read_next_period
from ._base import StateExtractor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras

    from .._utils._typing import Estimator, Floats, PanelLike, RandomState, Table


class LSTMStateExtractor(StateExtractor):
    """Extract trajectories from the hidden states of LSTMs.

    Several small LSTMs read the panel side by side. Each one learns to predict the personality
    types of customers. The trajectories are the principal components of their states.
    :meth:`paper` returns the paper's single network instead.

    Parameters
    ----------
    n_units : int, default=8
        Number of units in the last LSTM layer of each network, which is also the number of
        dimensions of the state space.
    hidden_units : tuple of int, default=(12,)
        Units of the LSTM layers before the last one. The paper's network has none: ``()``.
    n_networks : int, default=8
        Number of networks. They have the same layers, start from different weights and are trained
        independently. With 1, the states are those of the network.
    inputs : {"traits", "categories"}, default="traits"
        What the networks read of every period. With ``"traits"`` it is one weighted sum of the
        spending for each of the traits, with the coefficients of the scorer as weights. This
        needs an `objective` of ``"type"`` or ``"scores"`` and a scorer with ``coefficients_``;
        otherwise, and with ``"categories"``, the networks read the spending in every category.
    n_ranks : int, default=2
        Number of traits whose types the networks learn, if the objective is ``"type"``. 1 is the
        type by the dominant trait. 2 adds the type by the trait of the second highest absolute
        score, with half the weight in the loss; each further rank has half the weight of the one
        before it. Fewer traits have fewer ranks. :meth:`predict_target` returns the type by the
        dominant trait.
    objective : {"type", "scores", "reconstruct", "y"}, default="type"
        What the networks learn to predict at the last period: the personality type (trait and
        sign), the scores, or the `y` passed to `fit` (values if floats, else classes).
        ``"reconstruct"`` is the autoencoder: it predicts the spending of every period from its
        state. For types and scores the networks read only the categories with a coefficient,
        because they depend on no others.
    scorer : BigFivePersonalityScorer, default=None
        Computes types and scores from X; default ``BigFivePersonalityScorer()``. It is cloned.
    state_noise : float, default=0.4
        Standard deviation of the Gaussian noise that training adds to the input of the head if the
        target is classes. States lie between -1 and 1, so that the head can distinguish classes
        under noise only if their states move apart: states form clusters. 0 is the paper's network.
    n_periods : int, default=None
        Number of periods of a table without names, 1 by default. A step before, such as a
        StandardScaler, keeps names and periods with ``.set_output(transform="pandas")``.
    epochs : int, default=25
        Largest number of passes over the customers.
    batch_size : int or "auto", default="auto"
        Customers per step of the optimizer. ``"auto"`` is a 25th of them, from 64 to 1,024.
    engine : {"native", "keras"}, default="native"
        What trains the networks. ``"native"`` is plain array code, the faster one on a CPU.
        ``"keras"`` is TensorFlow, for a GPU and for other optimizers. Both compute the same loss
        and draw the same random numbers, so that their weights differ by rounding alone.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        ``"adam"``, or with ``engine="keras"`` the name of any Keras optimizer, or an object. An
        object has a learning rate of its own.
    learning_rate : float, default=0.01
        First step size of an optimizer given by name. Over the epochs of `fit` it falls to 5 % of
        this value along half a cosine.
    l2 : float, default=0.0
        Penalty on the sum of squares of each kernel, added to the mean loss. It reduces overfitting
        if there are few customers.
    class_weight : {"balanced"}, default=None
        Give all classes the same total weight, if the target is classes.
    n_init : int, default=1
        Number of starts per network. All are trained for a tenth of the epochs, and then the
        `n_networks` best of them in full.
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
        Draws initial weights, noise, the order of customers and the customers held out. With an
        int, fits repeat bit for bit.
    state : {"hidden", "both"}, default="hidden"
        Which states `transform` returns. ``"hidden"``: the `n_units` dimensions of the state space.
        ``"both"``: also the memory that :meth:`update` needs, which is the hidden and cell states
        of all layers of all networks. For a single network the columns are those of the last layer,
        ``state0`` ... and ``cell0`` ..., followed by ``layer1_state0`` ... of the layer before it.
        For several networks the dimensions of the state space come first, ``state0`` ..., followed
        by the memory of each network, ``network0_state0`` ..., ``network0_layer1_state0`` ....
    step_penalty : float, default=0.3
        Penalty on the squared length of the steps from state to state, summed over periods and
        added to the mean loss if the target is classes. Classes are then predicted at every period.
        It makes trajectories smooth and segments stable in time, while the noise keeps the state
        space from shrinking. 0 is the paper's network.

    Attributes
    ----------
    state_ : str
        The `state` of `fit`.
    kernels_ : list of ndarray
        Weights of the networks for what they read: layer by layer, in Keras's order, kernel,
        recurrent kernel of an LSTM, bias. The scales of inputs and target are folded in. With
        several networks every array has one more axis, the first, of length n_networks.
    weights_ : list of ndarray
        The same weights for X in its own units: the first kernel is ``projection_`` times that of
        `kernels_`.
    projection_ : ndarray of shape (n_features, n_traits) or None
        Coefficients of the weighted sums that the networks read; None if they read categories.
    components_ : ndarray of shape (n_networks * n_units, n_units) or None
        Projects the states of all networks onto their principal components over the customers and
        periods of `fit`, divided by the square root of n_networks; None for a single network.
    support_ : ndarray of bool, shape (n_features,)
        Which features the networks read; the kernel of the others is 0.
    network_ : Network
        The layers: a named tuple.
    losses_ : dict from str to ndarray, shape (n_epochs,)
        Training ``loss`` of every epoch, the mean over networks, and with early stopping the
        ``validation_loss``.
    history_ : DataFrame
        `losses_` as a frame.
    objective_ : str
        The objective of `fit`.
    scorer_ : BigFivePersonalityScorer
        The fitted scorer; only for the objectives ``"type"`` and ``"scores"``.
    scaler_ : StandardScaler
        Mean and standard deviation of each feature over customers and periods.
    input_scaler_ : StandardScaler
        The same of what the networks read: `scaler_`, or that of the weighted sums.
    classes_ : ndarray or None
        The types, or the classes of y; None if the target is values.
    target_scaler_ : StandardScaler or None
        Mean and standard deviation of the values of the target; None if it is classes.
    n_periods_ : int
        Number of periods.

    See Also
    --------
    FeedForwardExtractor : The same without memory.
    TrajectoryClusterer : Finds a hierarchy of segments in the trajectories.
    TransferRegressor : Predicts from the extracted features with few labels.

    Notes
    -----
    Types and scores depend on the spending of a period only through one weighted sum per trait. A
    network that reads these sums has few weights in its first layer, and does not overfit as one
    that reads all categories does.

    A network ends in the local optimum that its initial weights lead to, so that two seeds give
    different states. Principal components keep what many networks have in common. Segments of
    two fits therefore agree better than those of two single networks. :meth:`predict_target`
    averages the probabilities of the networks, or their values.

    Plain array code runs the networks, whichever engine trained them. ``to_keras`` returns the
    equivalent Keras model, and tests check that the two agree. TensorFlow is imported only for
    ``to_keras`` and ``engine="keras"``. States have the precision of X. A fitted extractor pickles
    to kilobytes.

    References
    ----------
    Maree & Omlin (2021), sections III-C (the networks) and IV-A (the trajectories). Salakhutdinov &
    Hinton (2009), Semantic hashing, International Journal of Approximate Reasoning 50(7) (noise in
    a bottleneck makes its units take few separate values). Hansen & Salamon (1990), Neural network
    ensembles, IEEE Transactions on Pattern Analysis and Machine Intelligence 12(10) (networks in
    different local optima make different errors). Loshchilov & Hutter (2017), SGDR: stochastic
    gradient descent with warm restarts, ICLR (the learning rate along half a cosine).

    Examples
    --------
    >>> from skspend import LSTMStateExtractor
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(n_customers=200, n_periods=3, n_categories=12, random_state=0)
    >>> extractor = LSTMStateExtractor(3, n_networks=2, epochs=2, random_state=0)
    >>> extractor.fit_transform(bank.data).shape
    (200, 9)
    >>> extractor.get_feature_names_out()[:4].tolist()
    ['year1|state0', 'year1|state1', 'year1|state2', 'year2|state0']
    """

    _parameter_constraints = {
        **StateExtractor._parameter_constraints,
        "n_networks": [Interval(Integral, 1, None, closed="left")],
        "inputs": [StrOptions({"traits", "categories"})],
        "n_ranks": [Interval(Integral, 1, None, closed="left")],
        "step_penalty": [Interval(Real, 0, None, closed="left")],
        "state": [StrOptions({"hidden", "both"})],
    }
    state_: str
    _recurrent = True

    def __init__(
        self,
        n_units: int = 8,
        hidden_units: Sequence[int] = (12,),
        *,
        n_networks: int = 8,
        inputs: Literal["traits", "categories"] = "traits",
        n_ranks: int = 2,
        objective: Literal["type", "scores", "reconstruct", "y"] = "type",
        scorer: Estimator | None = None,
        state_noise: float = 0.4,
        n_periods: int | None = None,
        epochs: int = 25,
        batch_size: int | Literal["auto"] = "auto",
        engine: Literal["native", "keras"] = "native",
        optimizer: str | keras.optimizers.Optimizer = "adam",
        learning_rate: float = 0.01,
        l2: float = 0.0,
        class_weight: Literal["balanced"] | None = None,
        n_init: int = 1,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        verbose: bool | int = False,
        random_state: RandomState = None,
        state: Literal["hidden", "both"] = "hidden",
        step_penalty: float = 0.3,
    ) -> None:
        super().__init__(
            n_units,
            hidden_units,
            objective=objective,
            scorer=scorer,
            state_noise=state_noise,
            n_periods=n_periods,
            epochs=epochs,
            batch_size=batch_size,
            engine=engine,
            optimizer=optimizer,
            learning_rate=learning_rate,
            l2=l2,
            class_weight=class_weight,
            n_init=n_init,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            verbose=verbose,
            random_state=random_state,
        )
        self.n_networks = n_networks
        self.inputs = inputs
        self.n_ranks = n_ranks
        self.state = state
        self.step_penalty = step_penalty

    @classmethod
    def paper(cls, n_units: int = 3, **parameters: Any) -> Self:
        """Return the paper's network, unfitted: one LSTM layer that reads all categories.

        It learns the type by the dominant trait alone, without noise and without a penalty on
        steps, and is the best of four starts. The paper's elbow is at 3 units. Other `parameters`
        are as in the constructor.

        Examples
        --------
        >>> LSTMStateExtractor.paper(4, objective="y").n_networks
        1
        """
        own: dict[str, Any] = {
            "n_networks": 1,
            "inputs": "categories",
            "n_ranks": 1,
            "state_noise": 0.0,
            "step_penalty": 0.0,
            "epochs": 100,
            "n_init": 4,
        }
        return cls(n_units, (), **(own | parameters))

    def _start(self, X, y):
        self.state_ = self.state
        return super()._start(X, y)

    def _run_encoder(self, panel):
        if self.state_ == "hidden":
            return super()._run_encoder(panel)
        return self._with_memory(self._encode(panel, cells=True))

    def _with_memory(self, memory):
        """Prepend the components of several networks to all their hidden and cell states."""
        if self.network_.n_networks == 1:
            return memory
        return np.concatenate([self._project(self._hidden(memory)), memory], axis=2)

    def _hidden(self, memory):
        """Hidden states of the last layers of all networks."""
        by_network = memory.reshape(*memory.shape[:2], self.network_.n_networks, -1)
        return by_network[..., : self.network_.n_units].reshape(*memory.shape[:2], -1)

    def _state_names(self):
        if self.state_ == "hidden":
            return super()._state_names()
        return [*(super()._state_names() * (self.network_.n_networks > 1)), *self._memory_names()]

    def _memory_names(self):
        encoder, n_networks = self.network_.encoder, self.network_.n_networks
        networks = [f"network{number}_" for number in range(n_networks)] if n_networks > 1 else [""]
        prefixes = ["", *(f"layer{layer}_" for layer in range(len(encoder) - 1, 0, -1))]
        return [
            f"{network}{prefix}{kind}{unit}"
            for network in networks
            for prefix, n_units in zip(prefixes, encoder[::-1], strict=True)
            for kind in ("state", "cell")
            for unit in range(n_units)
        ]

    def repeat(
        self, period: Floats, memory: Floats | None = None, n_periods: int = 1
    ) -> tuple[Floats, Floats]:
        """Run the networks on one period of spending again and again.

        Parameters
        ----------
        period : ndarray, shape (n_customers, n_features)
        memory : ndarray, shape (n_customers, n_memory), default=None
            All hidden and cell states before it; by default zeros.
        n_periods : int, default=1
            Number of repetitions.

        Returns
        -------
        memory, states : ndarray, shape (n_customers, n_periods, n_memory) and (..., n_states)
            Hidden and cell states of all layers, network by network; and what `transform` returns.
        """
        check_is_fitted(self)
        inputs = self._read(period)[:, None].repeat(n_periods, axis=1)
        memory = encode(self.network_, inputs, self.kernels_, cells=True, start=memory)
        if self.state_ == "both":
            return memory, self._with_memory(memory)
        return memory, self._project(self._hidden(memory))

    def update(self, previous_states: PanelLike, X_new_period: PanelLike) -> Table:
        """Compute the states of the next period from those of the previous ones.

        Parameters
        ----------
        previous_states : frame or array-like, shape (n_customers, n_periods * n_states) or \
(n_customers, n_states)
            The output of `transform` or `update`, or its last period alone.
        X_new_period : frame or array-like, shape (n_customers, n_features)
            Spending of the same customers in the next period.

        Returns
        -------
        states : frame or ndarray, of the shape of `previous_states`
            The oldest period is dropped, and the new one is the last.

        Raises
        ------
        ValueError
            If the extractor was not fitted with ``state="both"``, because the hidden states are
            only half of the memory of an LSTM; if the shapes, the features or the customers differ.

        Examples
        --------
        >>> from skspend.datasets import make_spending
        >>> bank = make_spending(n_customers=200, n_periods=3, n_categories=12, random_state=0)
        >>> extractor = LSTMStateExtractor(objective="reconstruct", state="both", epochs=2)
        >>> states = extractor.fit_transform(bank.data)
        >>> year4 = bank.data.iloc[:, -12:]
        >>> extractor.update(states, year4.to_numpy()).shape == states.shape
        True
        """
        check_is_fitted(self)
        if self.state_ != "both":
            raise ValueError(
                f"update needs hidden and cell states, but the extractor was fitted with "
                f"state={self.state_!r}. Refit it with state='both'."
            )
        states = check_array(previous_states, dtype=[np.float64, np.float32])
        n_states = len(self._state_names())
        if states.shape[1] not in (n_states, n_states * self.n_periods_):
            raise ValueError(
                f"previous_states has {states.shape[1]} columns, but transform returns "
                f"{n_states * self.n_periods_}, {n_states} for each of {self.n_periods_} periods."
            )
        period = read_next_period(self, X_new_period, previous_states)
        memory = states[:, -len(self._memory_names()) :]
        new = self._with_memory(self._encode(period, cells=True, start=memory))
        moved = np.hstack([states[:, n_states:], new[:, 0]])
        names = _get_feature_names(previous_states)
        return Panel(moved[:, None], features=names).like(previous_states)
