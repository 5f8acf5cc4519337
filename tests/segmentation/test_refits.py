"""Fits with other seeds: in a process of their own they are the same, and its end ends nothing."""

from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skspend import LSTMStateExtractor, TrajectoryClusterer
from skspend.segmentation import Refits, SegmentModel, _refits, aggregate


@pytest.fixture(scope="module")
def fitted(bank_log, scorer):
    """Unfitted steps, a model of them, the panel, who is active, and the trajectories."""
    spend, panel, is_active = aggregate(bank_log)
    states = LSTMStateExtractor(3, n_networks=2, scorer=scorer, epochs=5, random_state=0)
    segment = TrajectoryClusterer(2, random_state=0)
    steps = Pipeline([("states", states), ("segment", segment)])
    model = clone(steps).fit(panel.take(is_active))
    names = {node: f"segment {node}" for node in range(1, len(model[-1].parents_))}
    model = SegmentModel(Pipeline([("spend", spend), *model.steps]), names)
    return steps, model, panel, is_active, model.pipeline["states"].transform(panel.whole())


def compare(fitted, do=lambda refits: None):
    steps, model, panel, is_active, trajectories = fitted
    counted = []
    with Refits(steps, panel, is_active) as refits:
        do(refits)
        found = refits.compare(model, trajectories, progress=lambda *n: counted.append(n))
    assert counted == [(1, 3), (2, 3), (3, 3)]
    assert refits.process is None or refits.process.pid is None or not refits.process.is_alive()
    return found, refits


@pytest.fixture(scope="module")
def alone(fitted):
    """Figures that were found without a process, with the fits."""
    return compare(fitted)


def start_anyway(monkeypatch):
    monkeypatch.setattr(_refits, "WORTH_A_PROCESS", 0)
    monkeypatch.setattr(_refits, "cpu_count", lambda: 2)


def test_a_process_makes_the_same_fits(fitted, alone, monkeypatch):
    (agreement, reproduced), refits = alone
    start_anyway(monkeypatch)
    (other, again), beside = compare(fitted)
    assert refits.process is None and beside.process is not None
    assert agreement == other
    np.testing.assert_array_equal(reproduced, again)


def test_a_process_that_is_killed_costs_time_alone(fitted, alone, monkeypatch):
    def kill(refits):
        refits.start.join()
        refits.process.kill()

    (agreement, _), _ = alone
    start_anyway(monkeypatch)
    (other, _), beside = compare(fitted, kill)
    assert beside.process.exitcode < 0
    assert agreement == other


def test_a_machine_that_allows_no_process_costs_time_alone(fitted, alone, monkeypatch):
    def refuse(process):
        raise OSError("no process is left")

    (agreement, _), _ = alone
    start_anyway(monkeypatch)
    monkeypatch.setattr("multiprocessing.context.SpawnProcess.start", refuse)
    (other, _), _ = compare(fitted, lambda refits: refits.start.join())
    assert agreement == other


def test_too_few_customers_are_not_fitted_again(fitted):
    steps, model, panel, is_active, trajectories = fitted
    few = is_active & (np.cumsum(is_active) < 50)
    with Refits(steps, panel, few) as refits:
        assert refits.compare(model, trajectories) is None


def test_a_fit_that_is_not_taken_yet_holds_up_no_other(monkeypatch):
    # Interrupts of the tests themselves stay as they are.
    monkeypatch.setattr("signal.signal", lambda *_: None)
    has_begun, sent = Event(), []
    first = SimpleNamespace(fit=lambda _: "first")
    second = SimpleNamespace(fit=lambda _: has_begun.set() or "second")
    pipe = SimpleNamespace(send=lambda fitted: sent.append((fitted, has_begun.wait(10))))
    _refits._fit_elsewhere(pipe, [(first, None), (second, None)], None)
    assert sent == [("first", True), ("second", True)]
