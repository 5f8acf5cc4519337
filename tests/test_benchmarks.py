"""The tool of the benchmarks: its list, the benchmarks that texts name, and the comparison."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
NAMED = re.compile(r"benchmarks/([\w/]+\.\w+)")


@pytest.fixture(scope="module")
def tool():
    return runpy.run_path(str(BENCHMARKS / "__main__.py"))


def test_every_benchmark_is_listed_with_a_line_that_says_what_it_measures(tool):
    listed = tool["benchmarks"]()
    assert set(listed) == {path.stem for path in BENCHMARKS.glob("*.py")} - {"__main__"}
    assert all(line[-1] == "." and len(line) <= 98 for line in listed.values())


def test_every_benchmark_that_a_text_names_is_there():
    texts = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("skspend/**/*.py")]
    texts += [ROOT / ".ci" / "run", *BENCHMARKS.glob("*.py")]
    named = {name for text in texts for name in NAMED.findall(text.read_text(encoding="utf-8"))}
    assert len(named) > 20
    assert not [name for name in named if not (BENCHMARKS / name).is_file()]


def test_every_benchmark_that_prints_figures_has_rows_which_can_be_read(tool):
    texts = {path.stem: path.read_text(encoding="utf-8") for path in BENCHMARKS.glob("[!_]*.py")}
    printing = {name for name, text in texts.items() if "figure: " in text}
    rows = tool["rows"]()
    assert {row.benchmark for row in rows} == printing
    table = tool["MEASURED"].read_text(encoding="utf-8").rpartition("\n|---")[2]
    assert len(rows) == table.count("\n|")
    assert all(row.low <= row.high for row in rows)


def test_a_figure_that_is_outside_or_missing_or_new_is_wrong(tool, capsys):
    expected = [tool["Row"]("states", "", name, 1.0, 2.0) for name in ("a", "b", "c")]
    assert tool["compare"](expected, "figure: a = 1.5\nfigure: b = 3\nfigure: d = 1\n") == 3
    assert "WRONG d = 1.0" in capsys.readouterr().out
