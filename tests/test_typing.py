"""The public names are typed in full, and a type checker agrees with what users write."""

import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = [
    "skspend",
    "skspend.datasets",
    "skspend.inspection",
    "skspend.metrics",
    "skspend.model_selection",
    "skspend.plotting",
    "skspend.report",
    "skspend.segmentation",
    "skspend.study",
]


def _public(module):
    """The names of ``__all__``, or else what the module defines."""
    names = getattr(module, "__all__", None)
    if names is None:
        names = [
            name
            for name, value in vars(module).items()
            if getattr(value, "__module__", None) == module.__name__ and not name.startswith("_")
        ]
    return [getattr(module, name) for name in names]


def _functions(value):
    """The functions that a user of a public name may call."""
    if inspect.isfunction(value):
        yield value
    elif inspect.isclass(value):
        for base in inspect.getmro(value):
            if base.__module__.startswith("skspend."):
                for name, member in vars(base).items():
                    if name == "__init__" or not name.startswith("_"):
                        yield from _of_member(member)


def _of_member(member):
    if isinstance(member, classmethod | staticmethod):
        member = member.__func__
    if isinstance(member, property):
        member = member.fget
    if inspect.isfunction(member):
        yield inspect.unwrap(member)


@pytest.mark.parametrize("module", MODULES)
def test_every_public_function_is_annotated_in_full(module):
    incomplete = []
    for value in _public(importlib.import_module(module)):
        for function in _functions(value):
            signature = inspect.signature(function)
            missing = [
                parameter.name
                for parameter in signature.parameters.values()
                if parameter.annotation is parameter.empty and parameter.name not in ("self", "cls")
            ]
            if missing or signature.return_annotation is signature.empty:
                incomplete.append(f"{function.__qualname__}({', '.join(missing)})")
    assert not incomplete


SAMPLE = """
from typing import assert_type

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
    TransactionLog,
    TransferRegressor,
    mcc_to_category,
    segment_frame,
)
from skspend.datasets import load_complete_journey, make_spending
from skspend.inspection import describe_segments, name_segments
from skspend.metrics import temporal_stability
from skspend.plotting import HierarchyDisplay, TrajectoryDisplay
from skspend.report import SegmentReport
from skspend.segmentation import SegmentModel


def segments_of(frame: pd.DataFrame) -> pd.DataFrame:
    log = TransactionLog(frame, resolution="month", errors="drop", outflow="negative")
    assert_type(log[:10], TransactionLog)
    assert_type(log.with_income(log.income_categories), TransactionLog)
    assert_type(len(log), int)
    spend = SpendingAggregator(period="half", n_periods=4).fit(log)
    assert_type(spend, SpendingAggregator)
    panel = spend.transform(log)
    states = LSTMStateExtractor(3, scorer=BigFivePersonalityScorer(), random_state=0).fit(panel)
    assert_type(states, LSTMStateExtractor)
    assert_type(states.score(panel), float)
    clusterer = TrajectoryClusterer(max_depth=2).fit(states.transform(panel))
    assert_type(clusterer, TrajectoryClusterer)
    kappa: float = clusterer.score(states.transform(panel))
    names: dict[int, str] = name_segments(clusterer, None, np.zeros((len(log), 5)))
    HierarchyDisplay.from_estimator(clusterer, names)
    display = TrajectoryDisplay.from_estimator(states, panel)
    assert_type(display, TrajectoryDisplay)
    print(kappa, temporal_stability([1, 2], [1, 1]))
    return describe_segments(clusterer, None, np.zeros((len(log), 5)), panel, names=names)


def show(model: SegmentModel, log: TransactionLog) -> str:
    report = SegmentReport.from_estimator(model.pipeline, log, names=model.names)
    report.save("report.html", customer_ids=False)
    return report.to_html()
"""
WRONG = {
    'TransactionLog(frame, outflow="sideways")': "outflow",
    'SpendingAggregator(period="fortnight")': "period",
    "TrajectoryClusterer(max_depth='deep')": "max_depth",
    "TransferRegressor(initialization='guessed')": "initialization",
    "SegmentModel.load(7)": "load",
}


def _mypy(*arguments, cwd):
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"MYPYPATH": str(ROOT)},
    )
    return done.returncode, done.stdout


@pytest.mark.slow
def test_what_users_write_is_checked_strictly(tmp_path):
    sample = tmp_path / "sample.py"
    # As if the package were installed: what is wrong inside it is not said here.
    options = ("--strict", "--follow-imports", "silent", "sample.py")
    options = ("--config-file", str(ROOT / "pyproject.toml"), *options)
    sample.write_text(SAMPLE)
    code, said = _mypy(*options, cwd=tmp_path)
    assert code == 0, said
    wrong = [f"    {line}" for line in WRONG]
    sample.write_text(f"{SAMPLE}\n\ndef wrong(frame: pd.DataFrame) -> None:\n" + "\n".join(wrong))
    code, said = _mypy(*options, cwd=tmp_path)
    assert code == 1
    assert said.count("error:") == len(WRONG), said
    for word in WRONG.values():
        assert word in said


@pytest.mark.slow
def test_the_package_agrees_with_its_annotations():
    code, said = _mypy(cwd=ROOT)
    assert code == 0, said
