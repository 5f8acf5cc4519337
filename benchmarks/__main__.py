"""One tool for all benchmarks: it lists them, runs one, and checks the figures of docs/measured.md.

    python -m benchmarks
    python -m benchmarks states --most 26000
    python -m benchmarks --check [NAME ...]

A benchmark that can be checked prints lines of the form ``figure: NAME = VALUE``. The last table of
docs/measured.md has the command, the name of the figure, and between which values it may be.
"""

import ast
import platform
import re
import shlex
import subprocess
import sys
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import NamedTuple

import click

HERE = Path(__file__).resolve().parent
MEASURED = HERE.parent / "docs" / "measured.md"
BASE = {"keras", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skspend", "tensorflow"}
"""Libraries whose versions count for every figure."""
NUMBER = r"(-?[\d.]+)"
ROW = re.compile(rf"\| `python benchmarks/(\w+)\.py ?([^`]*)` \| (.+) \| {NUMBER} \| {NUMBER} \|")
FIGURE = re.compile(rf"^figure: (.+) = {NUMBER}$", re.MULTILINE)


class Row(NamedTuple):
    """A row of the table of figures: what a benchmark prints if it is run with some arguments."""

    benchmark: str
    arguments: str
    figure: str
    low: float
    high: float


def benchmarks():
    """The first line of each benchmark by its name."""
    paths = sorted(path for path in HERE.glob("*.py") if path.name[0] != "_")
    return {path.stem: ast.get_docstring(parse(path)).splitlines()[0] for path in paths}


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def versions(name):
    """The versions of Python and of the libraries that a benchmark imports anywhere."""
    imported = set()
    for node in ast.walk(parse(HERE / f"{name}.py")):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.partition(".")[0])
    installed = packages_distributions()
    found = {library for module in imported for library in installed.get(module, ())} | BASE
    listed = (f"{library} {version(library)}" for library in sorted(found, key=str.lower))
    return ", ".join([f"Python {platform.python_version()}", *listed])


def start(name, arguments, **how):
    click.echo(f"# {shlex.join([name, *arguments])}: {versions(name)}")
    command = [sys.executable, str(HERE / f"{name}.py"), *arguments]
    return subprocess.run(command, **how)


def rows():
    """The rows of the table of figures."""
    found = ROW.findall(MEASURED.read_text(encoding="utf-8"))
    return [Row(*texts, float(low), float(high)) for *texts, low, high in found]


def compare(expected, printed):
    """Say of each figure whether it is between its values; return how many are not."""
    found = {name: float(value) for name, value in FIGURE.findall(printed)}
    n_wrong = 0
    for row in expected:
        value = found.pop(row.figure, None)
        is_right = value is not None and row.low <= value <= row.high
        verdict = "ok   " if is_right else "WRONG"
        click.echo(f"{verdict} {row.figure} = {value}, expected {row.low:g} to {row.high:g}")
        n_wrong += not is_right
    for name, value in found.items():
        click.echo(f"WRONG {name} = {value}, which {MEASURED.name} does not have")
    return n_wrong + len(found)


def check(names):
    """Run the commands of the table, of some benchmarks or of all, and compare their figures."""
    commands = {}
    for row in rows():
        if not names or row.benchmark in names:
            commands.setdefault(row[:2], []).append(row)
    if missing := {*names} - {name for name, _ in commands}:
        raise click.ClickException(f"{MEASURED.name} has no figures of {', '.join(missing)}.")
    n_wrong = 0
    for (name, arguments), expected in commands.items():
        done = start(name, shlex.split(arguments), stdout=subprocess.PIPE, text=True)
        n_wrong += compare(expected, done.stdout) + (done.returncode != 0)
    if n_wrong:
        raise click.ClickException(f"{n_wrong} of the figures are not as in {MEASURED}.")


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--check", "is_check", is_flag=True, help="Compare figures with docs/measured.md.")
@click.argument("names", nargs=-1, type=click.UNPROCESSED, metavar="[NAME [OPTIONS]]")
def main(is_check, names):
    """List all benchmarks, run the benchmark NAME, or check the figures of all or some."""
    known = benchmarks()
    for name in names if is_check else names[:1]:
        if name not in known:
            raise click.ClickException(f"no benchmark {name}. There are {', '.join(known)}.")
    if is_check:
        check(names)
    elif names:
        sys.exit(start(names[0], names[1:]).returncode)
    else:
        for name, line in known.items():
            click.echo(f"{name:<20} {line}")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
