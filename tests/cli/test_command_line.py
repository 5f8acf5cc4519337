"""The command in a terminal: help, completion, quiet, JSON, exit codes, interruption."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from skspend._utils import _output as files
from skspend._utils._errors import DataError
from skspend.aggregation import MONTHS
from skspend.cli import main
from skspend.cli._options import PERIODS
from skspend.cli._segment import OUTPUTS

COMMANDS = ("segment", "predict", "report", "study")


def start(*arguments, cwd=None, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "skspend", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        **options,
    )


def run(*arguments, cwd=None, **options):
    process = start(*arguments, cwd=cwd, **options)
    stdout, stderr = process.communicate(timeout=300)
    return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


def strict(text):
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What ``skspend segment --json`` leaves and says."""
    folder = tmp_path_factory.mktemp("households")
    done = run("segment", "--json", "--output", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "said.json").write_text(done.stdout, encoding="utf-8")
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_and_the_options_that_all_share(command):
    done = CliRunner().invoke(main, [command, "-h"])
    assert done.exit_code == 0
    assert f"  skspend {command}" in done.output.split("Examples:")[1]
    for option in ("-o, --output", "--force", "-q, --quiet", "--json", "-h, --help"):
        assert option in done.output
    assert max(map(len, done.output.splitlines())) <= 100


def test_help_of_the_group_tells_exit_codes_and_completion():
    done = CliRunner().invoke(main, ["--help"])
    for code in ("  0 ", "  1 ", "  2 ", "  130 "):
        assert code in done.output
    assert "_SKSPEND_COMPLETE=bash_source skspend" in done.output
    listed = [line.split()[0] for line in done.output.split("Commands:\n")[1].splitlines()]
    assert listed == list(COMMANDS)
    assert "..." not in done.output.split("Commands:\n")[1]


def test_help_and_completion_import_nothing_heavy():
    code = (
        "import sys; from skspend.cli import main; main(['report', '--help'], "
        "standalone_mode=False); print({'numpy', 'pandas', 'sklearn', 'tensorflow', 'plotly', "
        "'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "set()", done.stderr


def complete(words):
    """What a shell is told when the Tab key is pressed after some words."""
    environment = os.environ | {
        "_SKSPEND_COMPLETE": "bash_complete",
        "COMP_WORDS": f"skspend {words}",
        "COMP_CWORD": str(len(words.split(" "))),
    }
    done = subprocess.run(
        [sys.executable, "-c", "from skspend.cli import main; main(prog_name='skspend')"],
        env=environment,
        capture_output=True,
        text=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("s", ["plain,segment", "plain,study"]),
        ("segment --per", ["plain,--period", "plain,--periods"]),
        ("segment --normalize ", ["plain,spending", "plain,income", "plain,none"]),
        ("segment --period h", ["plain,half"]),
        ("report mod", ["file,mod"]),
        ("report model.skops --protected a", ["file,a"]),
    ],
)
def test_the_tab_key_completes_commands_options_choices_and_files(words, expected):
    assert complete(words) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_completion_script(shell):
    done = CliRunner().invoke(
        main, prog_name="skspend", env={"_SKSPEND_COMPLETE": f"{shell}_source"}
    )
    assert "_SKSPEND_COMPLETE" in done.output


def test_json_is_all_there_is_on_standard_output(folder):
    said = strict((folder / "said.json").read_text(encoding="utf-8"))
    record = strict((folder / "out" / "run.json").read_text(encoding="utf-8"))
    assert {name: said[name] for name in record} == record
    segments = pd.read_parquet(folder / "out" / "segments.parquet")
    top = {row["path"]: row["customers"] for row in said["segments"] if row["depth"] == 1}
    assert top == segments["level1"].value_counts().to_dict()


def test_predict_and_report_say_json_and_nothing_if_quiet(folder):
    model = folder / "out" / "model.skops"
    done = run("report", model, "--json", "--card", cwd=folder)
    said = strict(done.stdout)
    assert (said["output"], said["card"]) == ("skspend-report.html", "skspend-report-card.md")
    assert said["customers"] == 2469
    assert (folder / said["output"]).read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "# Model card" in (folder / said["card"]).read_text(encoding="utf-8")
    quiet = run("report", model, "--quiet", "--force", cwd=folder)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


@pytest.fixture(scope="module")
def few(folder, household_log):
    """A file of some households, one of whose amounts cannot be read."""
    frame = household_log[:300].to_frame().astype({"amount": str})
    frame.loc[4, "amount"] = "12,50"
    frame.to_csv(folder / "few.csv", index=False)
    return folder / "few.csv"


@pytest.fixture(scope="module")
def household_log():
    from skspend.datasets import load_complete_journey

    return load_complete_journey().data


def test_predict_counts_what_it_dropped_unless_quiet(folder, few):
    model = folder / "out" / "model.skops"
    refused = run("predict", model, few, cwd=folder)
    assert refused.returncode == 2
    assert "1 of" in refused.stderr and "amount" in refused.stderr
    done = run("predict", model, few, "--drop-unreadable", "--json", cwd=folder)
    said = strict(done.stdout)
    assert sum(said["segments"].values()) == said["customers"] == 300
    assert said["left_out"]["missing, infinite or unreadable amount"]["transactions"] == 1
    assert "Dropped 1" in done.stderr
    options = ("--drop-unreadable", "--quiet", "--force")
    quiet = run("predict", model, few, *options, cwd=folder)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_a_report_needs_the_file_that_belongs_to_the_model(tmp_path):
    """Without one it is of the bundled households, of whom the model of a bank knows nothing."""
    model = Path(__file__).parent / "data" / "model-0.1.0.skops"
    refused = run("report", model, cwd=tmp_path)
    assert refused.returncode == 2
    assert "None of the 2,469 customers spends on any of the 24 categories" in refused.stderr
    assert "as FILE" in refused.stderr
    assert not list(tmp_path.iterdir())


def test_report_tells_the_groups_and_transfer_results_given(folder, few, household_log):
    names = household_log.customers[:300]
    groups = pd.DataFrame({"household": names, "age": ["young", "old", None] * 100})
    groups.to_csv(folder / "ages.csv", index=False)
    transfer = {"label": ["a"], "size": [100], "model": ["m"], "mse": [1.0], "mse_interval": [0.1]}
    pd.DataFrame(transfer | {"r2": [0.1], "r2_interval": [0.02]}).to_csv(
        folder / "transfer.csv", index=False
    )
    options = ("--drop-unreadable", "--protected", "ages.csv", "--transfer", "transfer.csv")
    model = folder / "out" / "model.skops"
    done = run("report", model, few, *options, "-o", "few.html", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    page = (folder / "few.html").read_text(encoding="utf-8")
    assert "(missing)" in page and "transfer-chart" in page
    assert strict(done.stdout)["left_out"]["missing, infinite or unreadable amount"] == {
        "transactions": 1,
        "amount": 0.0,
    }
    (folder / "other.csv").write_text("household,age\nnobody,young\n")
    options = ("--drop-unreadable", "--protected", "other.csv", "-o", "other.html")
    refused = run("report", model, few, *options, cwd=folder)
    assert refused.returncode == 2
    assert "None of the 1 customers in protected" in refused.stderr
    assert not (folder / "other.html").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["segment", "nothing.csv"],
        ["predict", "nothing.skops", "nothing.csv"],
        ["report", "nothing.skops"],
        ["report"],
        ["segment", "--unknown"],
        ["nonsense"],
        ["study", "--berka", "nowhere", "--output", "never"],
    ],
)
def test_what_is_given_wrong_ends_with_two_and_one_line(arguments, tmp_path):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("Error: ")
    assert list(tmp_path.iterdir()) == []


def test_a_bug_ends_with_one_and_says_so(monkeypatch):
    def broken(*_):
        raise RuntimeError("out of order")

    monkeypatch.setattr("skspend.cli._segment.segment_file", broken)
    done = CliRunner().invoke(main, ["segment"])
    assert done.exit_code == 1
    assert "RuntimeError: out of order" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: this is a bug in skspend.")


@pytest.mark.parametrize(
    ("sent", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)],
)
@pytest.mark.parametrize("wait", [0.2, 1.2], ids=["early", "late"])
def test_no_file_is_half_written_by_a_run_that_ends_early(sent, code, wait, tmp_path):
    process = start("segment", "--units", "8", "--output", "out", cwd=tmp_path)
    # From here on the run has begun, and everything is still to be written.
    while not list(tmp_path.glob(".skspend-*")):
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(wait)
    process.send_signal(sent)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    assert not (tmp_path / "out").exists()
    if sent != signal.SIGKILL:
        assert list(tmp_path.iterdir()) == []
        assert "Traceback" not in stderr
    if sent == signal.SIGINT:
        assert stderr.splitlines()[-1] == "Interrupted: no file is half-written."


@pytest.mark.slow
def test_a_killed_run_does_not_hinder_the_next(tmp_path):
    process = start("segment", "--output", "out", cwd=tmp_path)
    while not list(tmp_path.glob(".skspend-*")):
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert run("segment", "--output", "out", "-q", cwd=tmp_path).returncode == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(OUTPUTS)


def test_a_reader_who_leaves_early_is_no_error(folder):
    with subprocess.Popen(
        [sys.executable, "-m", "skspend", "segment", "--output", "again"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    ) as process:
        process.stdout.close()
        stderr = process.stderr.read()
    assert process.returncode == 141
    assert "Traceback" not in stderr and "Error" not in stderr
    assert (folder / "again" / "run.json").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["report", "out/model.skops", "--json"]])
def test_every_answer_may_find_nobody_to_read_it(arguments, folder, tmp_path):
    options = ["-o", str(tmp_path / "page.html")] if "report" in arguments else []
    with start(*arguments, *options, cwd=folder) as process:
        process.stdout.close()
        stderr = process.stderr.read()
    assert process.returncode == 141
    assert "Traceback" not in stderr and "Error" not in stderr


def test_no_colour_codes_where_nobody_sees_them(folder):
    done = run("segment", "--output", "plain", cwd=folder)
    assert "\x1b" not in done.stdout + done.stderr


def test_segment_says_how_to_look_at_what_was_found(bank, bank_log, tmp_path):
    names = {"customer": "who", "date": "booked on", "amount": "nok"}
    frame = bank_log.to_frame().rename(columns=names)
    frame["nok"] *= -1
    frame.to_csv(tmp_path / "my bank.csv", index=False)
    bank.coefficients.rename_axis("category").to_csv(tmp_path / "ratings.csv")
    columns = ("--customer", "who", "--date", "booked on", "--amount", "nok")
    options = (*columns, "--outflow", "negative", "--coefficients", "ratings.csv")
    done = run("segment", "my bank.csv", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    command = shlex.split(done.stdout.splitlines()[-1].removeprefix("To look at it: skspend "))
    assert command == [
        "report", "skspend-output/model.skops", "my bank.csv", *columns, "--outflow", "negative",
    ]  # fmt: skip
    shown = run(*command, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert (tmp_path / "skspend-report.html").exists()


@pytest.mark.parametrize("failing", range(1, 2 * len(OUTPUTS) + 1))
def test_results_are_replaced_together_or_not_at_all(failing, monkeypatch, tmp_path):
    for name in OUTPUTS:
        (tmp_path / name).write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    replace, calls = Path.replace, []

    def fail_once(self, target):
        calls.append(target)
        if len(calls) == failing:
            raise OSError(5, "Input/output error")
        return replace(self, target)

    with (
        pytest.raises(DataError, match="Input/output error"),
        files.output_folder(tmp_path, OUTPUTS, force=True) as folder,
    ):
        for name in OUTPUTS:
            (folder / name).write_text("new")
        monkeypatch.setattr(Path, "replace", fail_once)
    assert len(calls) >= failing
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == dict.fromkeys(OUTPUTS, "old") | {"notes.txt": "mine"}


def test_what_a_killed_run_left_is_removed_when_it_is_old(tmp_path):
    old, young = (tmp_path / f".skspend-{letter * 32}" for letter in "ab")
    mine = tmp_path / ".skspend-notes"
    for path in (old, young, mine):
        path.mkdir()
        (path / "file").touch()
    for path in (old, mine):
        os.utime(path, (time.time() - 8 * 24 * 3600,) * 2)
    with files.output_file(tmp_path / "new") as path:
        path.touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [young.name, mine.name, "new"]
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_is_told_in_one_line(folder, few):
    options = ("--drop-unreadable", "--json", "-q", "-o", "full.parquet")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "skspend", "predict", "out/model.skops", few, *options],
            cwd=folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "No space left on device" in done.stderr


def test_where_a_file_cannot_go_is_said_before_any_work(tmp_path):
    for place, reason in ((tmp_path, "is a folder"), (tmp_path / "no" / "file", "no folder")):
        with pytest.raises(DataError, match=reason), files.output_file(place, force=True):
            pytest.fail("began to work")


@pytest.mark.parametrize("text", ['{"parame', "[]", "{}"])
def test_a_study_whose_record_is_broken_is_replaced_if_forced(text, tmp_path):
    (tmp_path / files.STUDY_RECORD).write_text(text)
    with pytest.raises(DataError, match=r"cannot be read.*--force"):
        files.study_folder(tmp_path, {"seed": 0})
    files.study_folder(tmp_path, {"seed": 0}, force=True)
    record = (tmp_path / files.STUDY_RECORD).read_text(encoding="utf-8")
    assert strict(record) == {"parameters": {"seed": 0}}


def test_the_command_knows_the_periods_of_the_aggregator():
    assert tuple(MONTHS) == PERIODS
