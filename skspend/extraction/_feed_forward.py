"""FeedForwardExtractor: features of every period in the bottleneck of a feed-forward network."""

from __future__ import annotations

from ._base import StateExtractor


class FeedForwardExtractor(StateExtractor):
    """Extract features from the bottleneck of a feed-forward network, period by period.

    The network reads every period of every customer separately, as a data set of shape
    (n_customers * n_periods, n_features), and has no memory. Its output has the shape of
    trajectories, but nothing smooths the steps from one period to the next.

    Parameters
    ----------
    n_units : int, default=3
        Number of units in the bottleneck, which is the number of features per period.
    hidden_units : tuple of int, default=()
        Units of the layers before the bottleneck; the autoencoder has them in reverse after it.
    objective : {"type", "scores", "reconstruct", "y"}, default="type"
        What the network learns to predict for every period: the personality type (trait and sign),
        the scores, or with ``"reconstruct"`` the spending (the autoencoder). ``"y"`` is the
        `y` passed to `fit` (values if floats, else classes), one for all periods of a customer,
        predicted from the mean of the features over periods. For types and scores the network
        reads only the categories with a coefficient, because they depend on no others.
    scorer, state_noise, n_periods, epochs, batch_size, engine, optimizer, learning_rate, l2, \
class_weight, n_init, early_stopping, validation_fraction, n_iter_no_change, verbose, random_state
        As in :class:`LSTMStateExtractor`. The clone of the scorer has ``level="period"``.

    Attributes
    ----------
    kernels_, weights_, projection_, components_, support_, network_, losses_, history_, \
objective_, scorer_, scaler_, input_scaler_, classes_, target_scaler_, n_periods_ : \
see LSTMStateExtractor
        Those of a single network that reads categories.

    See Also
    --------
    LSTMStateExtractor : The same with memory.
    TransferRegressor : Predicts from the mean of the features over periods.

    Notes
    -----
    All layers have tanh, so that features lie between -1 and 1 as the states of an LSTM do. The
    head is linear.

    References
    ----------
    Maree & Omlin (2021), sections III-C and IV-A.

    Examples
    --------
    >>> from skspend import FeedForwardExtractor
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(n_customers=200, n_periods=3, n_categories=12, random_state=0)
    >>> extractor = FeedForwardExtractor(2, (5,), objective="reconstruct", epochs=2, random_state=0)
    >>> features = extractor.fit_transform(bank.data)
    >>> features.shape, [array.shape for array in extractor.weights_[::2]]
    ((200, 6), [(12, 5), (5, 2), (2, 5), (5, 12)])
    >>> extractor.inverse_transform(features).shape
    (200, 36)
    """

    _recurrent = False
