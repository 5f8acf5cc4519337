"""The map that a recurrent network applies to its states, as often as a period repeats.

A fitted extractor or pipeline and its input come in; out come the states to which the last period
of each customer leads, and their segments. Nothing else of inspection touches the network.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ..networks._forward import encode
from ..panel import Panel

TOLERANCE = 1e-6
"""Largest step of a state at rest, in one period."""
STRIDE = 10
"""Periods that are run at once, between two looks at who has come to rest."""


class Recurrence:
    """A fitted recurrent network, its tree if there is one, and the customers that it reads.

    `shares`, shape (n_customers, n_categories), are those of the last period, of the `categories`
    that the network reads, and `totals` those of all categories; `deviations` are those of the
    categories in `fit`; `before` has all hidden and cell states at the period before the last.
    """

    def __init__(self, estimator, X, level, max_periods):
        if max_periods < 1:
            raise ValueError(f"max_periods={max_periods}; expected 1 or more.")
        is_pipeline = isinstance(estimator, Pipeline)
        steps = [step for _, step in estimator.steps] if is_pipeline else [estimator]
        networks = [hasattr(step, "network_") for step in steps]
        position = networks.index(True) if any(networks) else len(steps) - 1
        extractor, rest = steps[position], steps[position + 1 :]
        if not (any(networks) and extractor.network_.recurrent):
            raise ValueError(
                f"{type(extractor).__name__} is not a fitted recurrent network, and nothing else "
                f"has attractors. Pass a fitted LSTMStateExtractor, or a Pipeline with one."
            )
        if len(rest) > 1 or not all(hasattr(step, "predict_levels") for step in rest):
            raise ValueError(
                f"The steps after the extractor are {[type(step).__name__ for step in rest]}, but "
                f"only a TrajectoryClusterer may follow. Pass a Pipeline without the others."
            )
        self.clusterer, self.level, self.max_periods = rest[0] if rest else None, level, max_periods
        for step in steps[:position]:
            X = step.transform(X)
        trajectories = Panel.read(extractor.transform(X), extractor.n_periods_)
        self.names = trajectories.features
        self.index = X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(len(X))
        if self.clusterer is not None:
            # A level that does not exist is refused before the long computation.
            self.place(trajectories.cube[:, -1])
        panel = Panel.read(X, extractor.n_periods_)
        is_read = extractor.support_
        self.categories = np.array(panel.features, dtype=object)[is_read]
        self.deviations = extractor.scaler_.scale_[is_read]
        last = panel.cube[:, -1].astype(np.float64)
        self.shares, self.totals = last[:, is_read], last.sum(axis=1)
        self.has_change = (self.totals > 0) & (last >= 0).all(axis=1)
        # Without the categories that are not read, whose weights are 0, a step takes less time.
        kernel, *others = extractor.weights_
        self._weights = [kernel[..., is_read, :], *others]
        self._network = extractor.network_._replace(n_features=int(is_read.sum()))
        self._shows_cells = extractor.state_ == "both"
        states = self._encode(panel.cube[..., is_read].astype(np.float64))
        self.before = states[:, -2] if states.shape[1] > 1 else np.zeros_like(states[:, -1])

    def _encode(self, cube, start=None, cells=True):
        return encode(self._network, cube, self._weights, cells=cells, start=start)

    def repeat(self, states, shares, n_periods=1, *, shown=False):
        """States at each of further periods, shape (n_customers, n_periods, n_states).

        They are all hidden and cell states, or those that `transform` returns.
        """
        shape = (len(shares), n_periods, shares.shape[1])
        period = np.broadcast_to(shares[:, None], shape)
        return self._encode(period, states, self._shows_cells or not shown)

    def settle(self, states, shares):
        """Repeat a period until the states rest; return them, and who has come to rest."""
        states, moving = states.copy(), np.arange(len(states))
        for n_periods in self.strides():
            if not len(moving):
                break
            path = self.repeat(states[moving], shares[moving], n_periods)
            before = path[:, -2] if n_periods > 1 else states[moving]
            steps = np.abs(np.tanh(path[:, -1]) - np.tanh(before)).max(axis=1)
            states[moving] = path[:, -1]
            moving = moving[steps > TOLERANCE]
        return states, ~np.isin(np.arange(len(states)), moving)

    def strides(self):
        """Numbers of periods to run at once, `max_periods` in all."""
        for start in range(0, self.max_periods, STRIDE):
            yield min(STRIDE, self.max_periods - start)

    def show(self, states, shares):
        """States after one more period as `transform` returns them, shape (n_customers, ...)."""
        return self.repeat(states, shares, shown=True)[:, 0]

    def place(self, shown):
        """Nodes of states as `transform` returns them, at the level."""
        names = getattr(self.clusterer, "feature_names_in_", None)
        period = shown if names is None else pd.DataFrame(shown, columns=names[: shown.shape[1]])
        levels = self.clusterer.predict_levels(period)
        if not 1 <= self.level <= levels.shape[1]:
            raise ValueError(
                f"level={self.level}; expected 1, the top, to {levels.shape[1]}, the last level."
            )
        return levels[:, self.level - 1]
