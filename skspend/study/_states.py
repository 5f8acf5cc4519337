"""What several studies share: data, networks, and baselines without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone

from ..aggregation import SpendingAggregator
from ..extraction import FeedForwardExtractor, LSTMStateExtractor
from ..panel import Panel, make_frame
from ..personality import encode_types
from ..transactions import TransactionLog

if TYPE_CHECKING:
    from sklearn.utils import Tags

    from .._utils._typing import Estimator, Integers, PanelLike, Table
    from ..personality import BigFivePersonalityScorer

WITH_NOISE = "recurrent predictor with noise"
DEFAULT = "skspend's default"


def paper_networks(n_units: int = 3) -> dict[str, Estimator]:
    """Make the four networks of the paper, unfitted.

    Parameters
    ----------
    n_units : int, default=3
        Dimensions of their states.

    Returns
    -------
    networks : dict of str to extractor
        Two predict the type and two reconstruct their input, all without noise on the states and
        without a penalty on steps, see ``LSTMStateExtractor.paper``. The states of the
        feed-forward networks are those of single periods.

    References
    ----------
    Maree & Omlin (2021), section III-C.

    Examples
    --------
    >>> for name in paper_networks():
    ...     print(name)
    feed-forward predictor
    recurrent predictor
    feed-forward autoencoder
    recurrent autoencoder
    """
    return {
        "feed-forward predictor": FeedForwardExtractor(n_units, state_noise=0),
        "recurrent predictor": LSTMStateExtractor.paper(n_units),
        "feed-forward autoencoder": FeedForwardExtractor(n_units, objective="reconstruct"),
        "recurrent autoencoder": LSTMStateExtractor.paper(n_units, objective="reconstruct"),
    }


def compared_networks(n_units: int) -> dict[str, Estimator]:
    """Make the networks of the paper, its predictor with noise and a penalty, and the default."""
    return paper_networks(n_units) | {
        WITH_NOISE: LSTMStateExtractor.paper(n_units, state_noise=0.4, step_penalty=0.1),
        DEFAULT: LSTMStateExtractor(),
    }


def read_data(X, spend=None):
    """Make a frame with the column names of a panel, with customers numbered from 0."""
    if spend is None and isinstance(X, TransactionLog):
        spend = SpendingAggregator()
    if spend is not None:
        X = clone(spend).fit(X, None).transform(X)
    return make_frame(Panel.read(X))


def check_transformer(name: str, transformer: object) -> None:
    methods = "fit", "transform", "get_params"
    if isinstance(transformer, type) or not all(hasattr(transformer, one) for one in methods):
        raise TypeError(
            f"{name} is {transformer!r}; expected an instance of a scikit-learn transformer, with "
            f"fit, transform and get_params."
        )


def complete(transformer: Estimator, scorer: Estimator, seed: int) -> Estimator:
    """Clone a transformer, and set the scorer and the seed of each part that has none."""
    transformer = clone(transformer)
    for name, value in transformer.get_params().items():
        for part, given in (("scorer", scorer), ("random_state", seed)):
            if value is None and name.split("__")[-1] == part:
                transformer.set_params(**{name: given})
    return transformer


def mean_so_far(X: PanelLike) -> Table:
    """Average every period of a panel with the periods before it."""
    panel = Panel.read(X)
    if getattr(X, "ndim", 2) == 2 and panel.period is None:
        raise ValueError(
            "The periods of X are unknown. Pass a frame with columns like 'year1|state0', or an "
            "array of three dimensions."
        )
    cube = panel.cube
    means = cube.cumsum(axis=1) / np.arange(1, cube.shape[1] + 1, dtype=cube.dtype)[:, None]
    return Panel(means, panel.period, panel.features).like(X)


class MeanScores(TransformerMixin, BaseEstimator):
    """Score the mean spending of the periods so far: the baseline that needs no network.

    At the last period these are the overall scores, by which customers have their type.
    """

    scorer_: BigFivePersonalityScorer

    def __init__(self, scorer: Estimator) -> None:
        self.scorer = scorer

    def fit(self, X: PanelLike, y: object = None) -> Self:
        self.scorer_ = clone(self.scorer).set_params(level="period").fit(X)
        self.scorer_.scaler_ = clone(self.scorer).set_params(level="overall").fit(X).scaler_
        return self

    def transform(self, X: PanelLike) -> Table:
        return self.scorer_.transform(mean_so_far(X))


class TypeSegments(BaseEstimator):
    """The baseline of the tree: customers whose scores give the same type are a segment."""

    def fit(self, X: PanelLike, y: object = None) -> Self:
        return self

    def predict(self, X: PanelLike, *, period: int = -1) -> Integers:
        """Return segments by the scores of a period, shape (n_customers,)."""
        return encode_types(Panel.read(X).cube[:, period])

    def predict_levels(self, X: PanelLike, *, period: int = -1) -> Integers:
        """Return segments as a tree of one level does, shape (n_customers, 1)."""
        return self.predict(X, period=period)[:, None]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


class EachPeriod(TransformerMixin, BaseEstimator):
    """Apply one transformer of features to the customers of all periods together."""

    transformer_: Estimator

    def __init__(self, transformer: Estimator) -> None:
        self.transformer = transformer

    def fit(self, X: PanelLike, y: object = None) -> Self:
        cube = Panel.read(X).cube
        self.transformer_ = clone(self.transformer).fit(cube.reshape(-1, cube.shape[2]))
        return self

    def transform(self, X: PanelLike) -> Table:
        panel = Panel.read(X)
        cube = panel.cube
        states = self.transformer_.transform(cube.reshape(-1, cube.shape[2]))
        features = [f"state{number}" for number in range(states.shape[1])]
        return Panel(states.reshape(*cube.shape[:2], -1), panel.period, features).like(X)
