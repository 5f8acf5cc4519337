"""The public names are typed in full, and a type checker agrees with what users write."""

import collections.abc
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
import types
import typing
from pathlib import Path

import numpy.typing
import pytest
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import StrOptions

import skspend
from skspend import _typing

PACKAGE = Path(skspend.__file__).parent
TESTS = Path(__file__).parent
CHECKOUT = TESTS.parent
# What people type at a terminal, and what reads it: nobody calls these functions.
COMMAND_LINE = {"skspend.__main__", "skspend.cli", "skspend.files"}


def _is_public(name):
    return not any(part.startswith("_") for part in name.split(".")) and name not in COMMAND_LINE


MODULES = [
    "skspend",
    *filter(_is_public, (m.name for m in pkgutil.walk_packages(skspend.__path__, "skspend."))),
]


def _public(module):
    """The public functions and classes of a module, by name."""
    module = importlib.import_module(module)
    names = getattr(module, "__all__", None)
    if names is None:
        names = [
            name
            for name, value in vars(module).items()
            if getattr(value, "__module__", None) == module.__name__ and not name.startswith("_")
        ]
    return {name: getattr(module, name) for name in names}


def _public_classes(module):
    return [value for value in _public(module).values() if inspect.isclass(value)]


def _own_bases(cls):
    return [base for base in cls.__mro__ if base.__module__.split(".")[0] == "skspend"]


def _functions(value):
    """The functions that a user of a public name may call, as they are written."""
    members = [value]
    if inspect.isclass(value):
        members = [
            member
            for base in _own_bases(value)
            for name, member in vars(base).items()
            if not name.startswith("_") or name.startswith("__")
        ]
    for member in members:
        function = _function_of(member)
        # Those that dataclasses and named tuples are given are in no file.
        if function is not None and function.__code__.co_filename.startswith(str(PACKAGE)):
            yield function


def _function_of(member):
    if isinstance(member, classmethod | staticmethod):
        member = member.__func__
    elif isinstance(member, property):
        member = member.fget
    else:
        # A cached property has func, and a method that is not always there has fn.
        member = getattr(member, "func", getattr(member, "fn", member))
    return inspect.unwrap(member) if inspect.isfunction(member) else None


def _documented(cls):
    """Names under "Attributes" in the docstring."""
    found = re.search(
        r"^Attributes\n-+\n(.*?)(?=\n\n\S|\Z)", inspect.getdoc(cls) or "", re.S | re.M
    )
    lines = re.findall(r"^(\w+(?:, \w+)*) :", found[1], re.M) if found else []
    return [name for line in lines for name in line.split(", ")]


@pytest.mark.parametrize("module", MODULES)
def test_every_public_function_is_annotated_in_full(module):
    incomplete = []
    for value in _public(module).values():
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


@pytest.mark.parametrize("module", MODULES)
def test_every_documented_attribute_has_a_type(module):
    untyped = []
    for cls in _public_classes(module):
        typed = set().union(*(inspect.get_annotations(base) for base in _own_bases(cls)))
        for name in _documented(cls):
            # That of a property is the type of what its function returns, which is looked at above.
            if name not in typed and not isinstance(getattr(cls, name, None), property):
                untyped.append(f"{cls.__qualname__}.{name}")
    assert not untyped


def test_all_estimators_and_displays_say_what_they_learn():
    names = _public("skspend") | _public("skspend.plotting")
    counts = {name: len(_documented(cls)) for name, cls in names.items() if inspect.isclass(cls)}
    assert len(counts) == 14
    assert min(counts.values()) >= 3


ESTIMATORS = sorted(
    {
        cls
        for module in MODULES
        for cls in _public_classes(module)
        if issubclass(cls, BaseEstimator) and hasattr(cls, "_parameter_constraints")
    },
    key=lambda cls: cls.__name__,
)
NAMESPACE = {
    name: value
    for module in (typing, collections.abc, numpy.typing, _typing)
    for name, value in vars(module).items()
}


def _literals(annotation):
    """The literals of an annotation, None among them."""
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    parts = typing.get_args(annotation) if is_union else [annotation]
    found = {None} if type(None) in parts else set()
    for part in parts:
        if typing.get_origin(part) is typing.Literal:
            found |= set(typing.get_args(part))
    return found


def _checked_literals(constraints):
    """What scikit-learn's validation of a parameter lets pass by name, None included."""
    found = {None} if None in constraints else set()
    for constraint in constraints:
        if isinstance(constraint, StrOptions):
            found |= constraint.options
    return found


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_annotations_allow_what_the_validation_of_parameters_does(cls):
    told, checked = {}, {}
    for name, parameter in inspect.signature(cls).parameters.items():
        constraints = cls._parameter_constraints[name]
        # To evaluate names of Keras takes seconds; what is not validated allows all.
        if "keras" not in parameter.annotation and constraints != "no_validation":
            told[name] = _literals(eval(parameter.annotation, NAMESPACE))
            # A random state may be None.
            checked[name] = _checked_literals(constraints) or (
                {None} if constraints == ["random_state"] else set()
            )
    assert told == checked


def _mypy(*arguments, cwd):
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"MYPYPATH": str(CHECKOUT)},
    )
    return done.returncode, done.stdout + done.stderr


WRONG = {
    'TransactionLog(frame, outflow="sideways")': "outflow",
    'SpendingAggregator(period="fortnight")': "period",
    "TrajectoryClusterer(max_depth='deep')": "max_depth",
    "LSTMStateExtractor(state='seen')": "state",
    "TransferRegressor(initialization='guessed')": "initialization",
    "SegmentModel.load(7)": "load",
    'log["ann"]': "index",
    "make_spending(transactions=True).data.columns": "columns",
    "load_complete_journey().coupons": "coupons",
}
"""Lines that no user should write, and what the complaint about them names."""


@pytest.mark.slow
def test_what_users_write_is_checked_strictly(tmp_path):
    sample = (TESTS / "typing_sample.py").read_text(encoding="utf-8")
    (tmp_path / "sample.py").write_text(sample, encoding="utf-8")
    # As if the package were installed: what is wrong inside it is not said here.
    options = ("--strict", "--follow-imports", "silent", "sample.py")
    options = ("--config-file", str(CHECKOUT / "pyproject.toml"), *options)
    code, said = _mypy(*options, cwd=tmp_path)
    assert code == 0, said
    lines = "".join(f"    {line}\n" for line in WRONG)
    wrong = f"\n\ndef wrong(frame: pd.DataFrame, log: TransactionLog) -> None:\n{lines}"
    (tmp_path / "sample.py").write_text(sample + wrong, encoding="utf-8")
    code, said = _mypy(*options, cwd=tmp_path)
    assert code == 1
    assert said.count("error:") == len(WRONG), said
    for word in WRONG.values():
        assert word in said


@pytest.mark.slow
def test_the_package_agrees_with_its_annotations():
    code, said = _mypy(cwd=CHECKOUT)
    assert code == 0, said
