"""Every block of code on a page runs, and every public name is in the reference."""

import doctest
import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from skspend.datasets import make_spending

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
NOT_WRITTEN_BY_HAND = [DOCS / "study" / "claims.md", DOCS / "_build", DOCS / "gallery"]
PAGES = [ROOT / "README.md"] + [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if not any(page.is_relative_to(path) for path in NOT_WRITTEN_BY_HAND)
]
DATA = {"bibtex", "csv", "json", "text", "toml", "yaml"}
CODE_DIRECTIVES = {"code", "code-block", "code-cell", "doctest", "prompt", "sourcecode"}
TESTED_FOLDERS = [ROOT / "examples", ROOT / "tests"]
RUN_ELSEWHERE = re.compile(r"(python -m )?(pip install|pytest|sphinx)\b|skspend study\b")
"""``.ci/run`` installs the package, runs the tests, builds the site, and repeats the study."""
SEGMENT_HOUSEHOLDS = "skspend segment"


def _blocks(page):
    """Yield kind, text and line of every fenced or indented block."""
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type in ("fence", "code_block"):
            kind = token.info.strip() if token.type == "fence" else "console"
            yield kind, token.content, token.map[0] + 1


def _commands(text):
    """Return each command of a console, with the output that the page shows.

    Without prompts every line is a command.
    """
    lines = text.replace("\\\n", " ").splitlines()
    if not any(line.startswith("$ ") for line in lines):
        lines = [f"$ {line}" for line in lines if line.strip()]
    found = []
    for line in lines:
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            assert found, f"{line!r} is above the first command"
            found[-1][1].append(line)
    return [(_leave_out(command), "\n".join(shown).strip()) for command, shown in found]


def _leave_out(command):
    """Leave out the parts of a command that are run elsewhere."""
    return " && ".join(
        part for part in command.split(" && ") if not RUN_ELSEWHERE.match(part.strip())
    )


def _run(command, shown, folder):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    agrees = doctest.OutputChecker().check_output(f"{shown}\n", done.stdout, options)
    assert not shown or agrees, f"{command}\n{done.stdout}"


def _write_a_bank(folder):
    """Write files with the names and columns of the table in the README."""
    bank = make_spending(200, 3, 24, transactions=True, random_state=0)
    frame = bank.data.to_frame()
    frame["amount"] *= -1
    frame = frame.rename(columns={"customer": "account_id"})
    frame.to_csv(folder / "transactions.csv", index=False)
    (folder / "bank").mkdir()
    frame.to_parquet(folder / "bank" / "2024.parquet")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_code_is_run(page):
    for kind, text, line in _blocks(page):
        where = f"{page.relative_to(ROOT)}, line {line}"
        directive = re.fullmatch(r"\{([\w-]+)\}\s*(.*)", kind)
        if directive:
            name, argument = directive.groups()
            assert name not in CODE_DIRECTIVES, f"{where}: write ```python or ```console"
            assert ">>>" not in text, f"{where}: code in {kind} is not run"
            if name == "include":
                included = (page.parent / argument).resolve()
                is_run = included in PAGES or ">>>" not in included.read_text(encoding="utf-8")
                assert is_run, f"{where}: {argument} is not run"
            if name == "literalinclude":
                included = (page.parent / argument).resolve()
                assert included.is_file(), f"{where}: there is no {argument}"
                is_run = any(map(included.is_relative_to, TESTED_FOLDERS))
                assert is_run, f"{where}: {argument} is not run"
        elif kind == "python":
            assert text.startswith(">>> "), f"{where}: begin with >>>, or nothing is run"
            assert text.endswith("\n\n"), f"{where}: end with an empty line, as doctest needs"
            for example in doctest.DocTestParser().get_examples(text):
                assert doctest.SKIP not in example.options, f"{where}: {example.source} is skipped"
        else:
            assert kind in DATA | {"console"}, f"{where}: {kind or 'a bare fence'} is not run"


@pytest.fixture(scope="module")
def segmented_households(tmp_path_factory):
    """What ``skspend segment`` writes: the same on every page, because it reads no file."""
    folder = tmp_path_factory.mktemp("households")
    _run(SEGMENT_HOUSEHOLDS, "", folder)
    return folder


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(kind == "console" for kind, _, _ in _blocks(page))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Only .* of the spending")
def test_commands_run_in_the_order_of_the_page(page, tmp_path, monkeypatch, request):
    """Commands read files that the code above them on the page writes."""
    monkeypatch.chdir(tmp_path)
    if page.name == "README.md":
        _write_a_bank(tmp_path)
    names = {"__name__": "__main__"}
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    for kind, text, line in _blocks(page):
        if kind == "console":
            for command, shown in _commands(text):
                if command == SEGMENT_HOUSEHOLDS and not shown:
                    copied = request.getfixturevalue("segmented_households")
                    shutil.copytree(copied, tmp_path, dirs_exist_ok=True)
                else:
                    _run(command, shown, tmp_path)
        elif kind == "python" and page.name != "README.md":
            test = doctest.DocTestParser().get_doctest(text, names, str(page), str(page), line)
            said = []
            runner.run(test, out=said.append, clear_globs=False)
            assert not runner.failures, "".join(said)
            names = test.globs


def _documented():
    """Every name in the tables of the reference, with its value."""
    module, found = None, {}
    for line in (DOCS / "reference" / "index.rst").read_text(encoding="utf-8").splitlines():
        if at := re.fullmatch(r"\.\. currentmodule:: (\S+)", line):
            module = import_module(at[1])
        elif name := re.fullmatch(r"   ([A-Za-z]\w*)", line):
            if hasattr(module, name[1]):
                found[f"{module.__name__}.{name[1]}"] = getattr(module, name[1])
            else:
                # Above the first module, an entry of a table of contents.
                assert module is None, f"{module.__name__} has no {name[1]}"
    return found


def test_every_public_name_is_in_the_reference(public_names):
    documented = [id(value) for value in _documented().values()]
    assert not [name for name, value in public_names.items() if id(value) not in documented]


def test_the_reference_has_each_thing_once():
    documented = _documented()
    assert len(documented) > 50
    assert len({id(value) for value in documented.values()}) == len(documented)
