"""Public names are typed in full, and a type checker accepts what users write."""

import collections.abc
import inspect
import os
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
from skspend._utils import _typing

PACKAGE = Path(skspend.__file__).parent
TESTS = Path(__file__).parent
CHECKOUT = TESTS.parent


def _own_bases(cls):
    return [base for base in cls.__mro__ if base.__module__.split(".")[0] == "skspend"]


def _functions(value):
    """Yield the functions that a user of a public name may call, unwrapped."""
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
        # The functions that dataclasses and named tuples generate are in no file.
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


def _classes(public_names):
    """The public classes; one that several packages export is there once."""
    classes = {value for value in public_names.values() if inspect.isclass(value)}
    return sorted(classes, key=lambda cls: cls.__qualname__)


def test_every_public_function_is_annotated_in_full(public_names):
    incomplete = []
    for value in public_names.values():
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


def test_every_documented_attribute_has_a_type(public_names):
    untyped = []
    for cls in _classes(public_names):
        typed = set().union(*(inspect.get_annotations(base) for base in _own_bases(cls)))
        for name in _documented(cls):
            # The test above checks the types that properties return.
            if name not in typed and not isinstance(getattr(cls, name, None), property):
                untyped.append(f"{cls.__qualname__}.{name}")
    assert not untyped


def test_all_classes_of_the_top_level_and_displays_document_their_attributes(public_names):
    counts = {
        cls.__name__: len(_documented(cls))
        for cls in _classes(public_names)
        if cls.__name__ in {*skspend.__all__, *skspend.plotting.__all__}
    }
    assert len(counts) == 18
    assert min(counts.values()) >= 3


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
    """The literals that scikit-learn's validation of a parameter allows, None among them."""
    found = {None} if None in constraints else set()
    for constraint in constraints:
        if isinstance(constraint, StrOptions):
            found |= constraint.options
    return found


def test_annotations_allow_what_the_validation_of_parameters_does(public_names):
    annotated, checked = {}, {}
    for cls in _classes(public_names):
        if not issubclass(cls, BaseEstimator) or not hasattr(cls, "_parameter_constraints"):
            continue
        for name, parameter in inspect.signature(cls).parameters.items():
            constraints = cls._parameter_constraints[name]
            # To evaluate names of Keras takes seconds; a parameter without validation allows all.
            if "keras" not in parameter.annotation and constraints != "no_validation":
                key = f"{cls.__name__}.{name}"
                annotated[key] = _literals(eval(parameter.annotation, NAMESPACE))
                # A random state may be None.
                checked[key] = _checked_literals(constraints) or (
                    {None} if constraints == ["random_state"] else set()
                )
    assert len(annotated) > 60
    assert annotated == checked


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
"""Wrong lines, and a word of the error that a type checker reports for each."""


@pytest.mark.slow
def test_what_users_write_is_checked_strictly(tmp_path):
    sample = (TESTS / "typing_sample.py").read_text(encoding="utf-8")
    (tmp_path / "sample.py").write_text(sample, encoding="utf-8")
    # As if the package were installed: errors inside it are not reported.
    options = ("--strict", "--follow-imports", "silent", "sample.py")
    options = ("--config-file", str(CHECKOUT / "pyproject.toml"), *options)
    code, output = _mypy(*options, cwd=tmp_path)
    assert code == 0, output
    lines = "".join(f"    {line}\n" for line in WRONG)
    wrong = f"\n\ndef wrong(frame: pd.DataFrame, log: TransactionLog) -> None:\n{lines}"
    (tmp_path / "sample.py").write_text(sample + wrong, encoding="utf-8")
    code, output = _mypy(*options, cwd=tmp_path)
    assert code == 1
    assert output.count("error:") == len(WRONG), output
    for word in WRONG.values():
        assert word in output


@pytest.mark.slow
def test_the_package_agrees_with_its_annotations():
    code, output = _mypy(cwd=CHECKOUT)
    assert code == 0, output
