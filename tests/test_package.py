"""How the package is laid out: what it exports, and what its modules read of each other."""

import ast
import json
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import skspend

PACKAGE = Path(skspend.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
OF_NAMED_TUPLES = {"_asdict", "_fields", "_make", "_replace"}
"""Public names of every NamedTuple, which begin with an underscore to stand apart from fields."""


def test_subpackages_are_attributes_of_the_package_in_a_fresh_process():
    code = "import json, skspend; skspend.datasets; print(json.dumps(dir(skspend)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = set(json.loads(done.stdout))
    modules = {info.name for info in pkgutil.iter_modules(skspend.__path__)}
    hidden = {"cli"} | {name for name in modules if name.startswith("_")}
    assert modules - hidden <= names
    assert set(skspend.__all__) <= names


@pytest.mark.parametrize(
    "module",
    [
        info.name
        for info in pkgutil.iter_modules(skspend.__path__)
        if not info.ispkg and not info.name.startswith("_")
    ],
)
def test_every_module_beside_the_subpackages_names_what_is_public(module):
    assert import_module(f"skspend.{module}").__all__


def _module_names(tree):
    """Names that stand for modules in a file."""
    files = {path.stem for path in FILES} | {path.parent.name for path in FILES}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names if alias.name in files)


def _own_names(tree):
    """Names that a file defines: functions, classes, variables and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def _is_super(node):
    return isinstance(node, ast.Call) and getattr(node.func, "id", None) == "super"


def _private_reads(tree):
    """Private attributes that a file reads and does not define, with their lines."""
    is_own = {"self", "cls", *_module_names(tree)}
    defined = OF_NAMED_TUPLES.union(_own_names(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            is_private = node.attr.startswith("_") and not node.attr.endswith("__")
            is_foreign = getattr(node.value, "id", None) not in is_own and not _is_super(node.value)
            if is_private and is_foreign and node.attr not in defined:
                yield f"{ast.unparse(node)} in line {node.lineno}"


def test_no_module_reads_the_private_attributes_of_another():
    found = [
        f"{path.relative_to(PACKAGE)}: {read}"
        for path in FILES
        for read in _private_reads(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found
