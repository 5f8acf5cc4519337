"""The map that a recurrent extractor applies to its states, as often as a period repeats.

A fitted extractor or pipeline and its input come in; out come the states to which the last period
of each customer leads, and their segments.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ..panel import Panel
from ._stability import name_customers

TOLERANCE = 1e-6
"""Largest step of a state at rest, in one period."""
STRIDE = 10
"""Periods that are run at once, between two looks at who has come to rest."""


class Recurrence:
    """A fitted recurrent extractor, its tree if there is one, and the customers that it reads.

    `shares`, shape (n_customers, n_categories), are those of the last period. The networks read the
    `categories` where `is_read` holds, and `deviations` are those of the categories in `fit`.
    `before` has all hidden and cell states of all networks at the period before the last.
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
        self.index = name_customers(X)
        if self.clusterer is not None:
            # A level that does not exist is refused before the long computation.
            self.place(trajectories.cube[:, -1])
        panel = Panel.read(X, extractor.n_periods_)
        self.categories = np.array(panel.features, dtype=object)
        self.is_read, self.deviations = extractor.support_, extractor.scaler_.scale_
        self.n_networks, self._repeat = extractor.network_.n_networks, extractor.repeat
        *past, self.shares = panel.cube.swapaxes(0, 1).astype(np.float64)
        self.has_change = (self.shares.sum(axis=1) > 0) & (self.shares >= 0).all(axis=1)
        self.before = np.zeros_like(self.repeat(None, self.shares)[0][:, 0])
        for shares in past:
            self.before = self.repeat(self.before, shares)[0][:, 0]

    def repeat(self, states, shares, n_periods=1):
        """All hidden and cell states at each of further periods, and those that `transform` shows.

        Their shapes are (n_customers, n_periods, n_states).
        """
        return self._repeat(shares, states, n_periods)

    def settle(self, states, shares):
        """Repeat a period until the states rest; return them, and who has come to rest."""
        states, moving = states.copy(), np.arange(len(states))
        for n_periods in self.strides():
            if not len(moving):
                break
            path, _ = self.repeat(states[moving], shares[moving], n_periods)
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
        return self.repeat(states, shares)[1][:, 0]

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
