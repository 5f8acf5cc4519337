"""The command in a terminal: help, completion, quiet, JSON, exit codes, interruption."""

import os
import shlex
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import click
import pandas as pd
import pytest
from click.testing import CliRunner

from skspend._utils._errors import DataError
from skspend.aggregation._aggregator import MONTHS
from skspend.cli import main
from skspend.cli._console import Command
from skspend.cli._options import PERIODS
from skspend.cli._segment import OUTPUTS

COMMANDS = ("segment", "categories", "predict", "report", "study")
GOLDEN = Path(__file__).parents[1] / "data" / "model-0.1.0.json"


def start(*arguments, **options):
    """Start the command in a process of its own."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    # Where nohup runs the tests, a child would ignore this signal as they do.
    streams.setdefault("preexec_fn", partial(signal.signal, signal.SIGHUP, signal.SIG_DFL))
    return subprocess.Popen([sys.executable, "-m", "skspend", *map(str, arguments)], **streams)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_and_the_options_that_all_share(run, command):
    done = run(command, "-h")
    assert done.exit_code == 0
    assert f"  skspend {command}" in done.output.split("Examples:")[1]
    for option in ("-o, --output", "--force", "-q, --quiet", "--json", "-h, --help"):
        assert option in done.output
    assert max(map(len, done.output.splitlines())) <= 100


NO_PATHS = {
    "": "the name is empty",
    "a\0b": "the name holds a NUL character",
    "nowhere/n": "nowhere",
    "n" * 300: "File name too long",
}


@pytest.mark.parametrize(
    ("command", "param", "value"),
    [
        pytest.param(command, param, value, id=f"{command} {param.opts[0]} {value[:9]!r}")
        for command in COMMANDS
        for param in main.commands[command].params
        for value in NO_PATHS
        # Folders of the output are made.
        if isinstance(param.type, click.Path) and (param.name, value) != ("output", "nowhere/n")
    ],
)
def test_a_path_that_cannot_be_gets_one_clear_line(
    run, command, param, value, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    words = [command]
    for one in main.commands[command].params:
        if isinstance(one, click.Argument) and (one.required or one is param):
            words.append(value if one is param else GOLDEN)
    if isinstance(param, click.Option):
        words += [param.opts[0], value]
    done = run(*words)
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1, done.stderr
    assert NO_PATHS[value] in done.stderr
    assert not list(tmp_path.iterdir())


def test_help_of_the_group_lists_commands_exit_codes_and_completion(run):
    done = run("--help")
    for code in ("  0 ", "  1 ", "  2 ", "  130 "):
        assert code in done.output
    assert "skspend predict skspend-output/model.json" in done.output
    assert "_SKSPEND_COMPLETE=bash_source skspend" in done.output
    listed = [line.split()[0] for line in done.output.split("Commands:\n")[1].splitlines()]
    assert listed == list(COMMANDS)
    assert "..." not in done.output.split("Commands:\n")[1]


def test_help_and_completion_import_nothing_heavy():
    code = (
        "import sys; from skspend.cli import main; main(['report', '--help'], "
        "standalone_mode=False); print({'numpy', 'pandas', 'sklearn', 'tensorflow', 'rich'} "
        " & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "set()", done.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("s", ["plain,segment", "plain,study"]),
        ("segment --per", ["plain,--period", "plain,--periods"]),
        ("segment --normalize ", ["plain,spending", "plain,income", "plain,none"]),
        ("segment --period h", ["plain,half"]),
        ("report mod", ["file,mod"]),
        ("report model.json --protected a", ["file,a"]),
    ],
)
def test_the_tab_key_completes_commands_options_choices_and_files(words, expected):
    environment = {
        "_SKSPEND_COMPLETE": "bash_complete",
        "COMP_WORDS": f"skspend {words}",
        "COMP_CWORD": str(len(words.split(" "))),
    }
    done = CliRunner().invoke(main, prog_name="skspend", env=environment)
    assert done.stdout.split() == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_completion_script(shell):
    done = CliRunner().invoke(
        main, prog_name="skspend", env={"_SKSPEND_COMPLETE": f"{shell}_source"}
    )
    assert "_SKSPEND_COMPLETE" in done.output


def test_json_is_all_that_is_on_standard_output(segmented_bank, strict):
    folder, done = segmented_bank
    said = strict(done.stdout)
    record = strict((folder / "run.json").read_text(encoding="utf-8"))
    assert {name: said[name] for name in record} == record
    segments = pd.read_parquet(folder / "segments.parquet")
    top = {row["path"]: row["customers"] for row in said["segments"] if row["depth"] == 1}
    assert len(top) > 1
    assert top == segments["level1"].value_counts().to_dict()


def test_predict_counts_dropped_rows_unless_it_is_quiet(
    run, strict, model, few_file, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    refused = run("predict", model, few_file)
    assert refused.exit_code == 2
    assert "1 of" in refused.stderr and "amount" in refused.stderr
    done = run("predict", model, few_file, "--drop-unreadable", "--json")
    said = strict(done.stdout)
    assert sum(said["segments"].values()) == said["customers"] == 30
    assert said["left_out"]["missing, infinite or unreadable amount"]["transactions"] == 1
    assert "Dropped 1" in done.stderr
    quiet = run("predict", model, few_file, "--drop-unreadable", "--quiet", "--force")
    assert (quiet.exit_code, quiet.output) == (0, "")


def test_a_report_needs_the_file_that_belongs_to_the_model(run, tmp_path, monkeypatch):
    """Without a file it is about the bundled households, whose categories a bank does not have."""
    monkeypatch.chdir(tmp_path)
    refused = run("report", GOLDEN)
    assert refused.exit_code == 2
    assert "None of the 2,469 customers spends on any of the 24 categories" in refused.stderr
    assert "as FILE" in refused.stderr
    assert not list(tmp_path.iterdir())


def test_a_report_shows_protected_groups_and_transfer_results(
    run, strict, model, few_file, bank_log, tmp_path
):
    names = bank_log.customers[:30]
    groups = pd.DataFrame({"account": names, "age": ["young", "old", None] * 10})
    groups.to_csv(tmp_path / "ages.csv", index=False)
    transfer = {"label": ["a"], "size": [100], "model": ["m"], "mse": [1.0], "mse_interval": [0.1]}
    pd.DataFrame(transfer | {"r2": [0.1], "r2_interval": [0.02]}).to_csv(
        tmp_path / "transfer.csv", index=False
    )
    options = ("--transfer", tmp_path / "transfer.csv", "--drop-unreadable", "--json")
    page = tmp_path / "few.html"
    done = run(
        "report", model, few_file, "--protected", tmp_path / "ages.csv", *options, "-o", page
    )
    assert done.exit_code == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert "(missing)" in text and "transfer-table" in text
    assert strict(done.stdout)["left_out"]["missing, infinite or unreadable amount"] == {
        "transactions": 1,
        "amount": 0.0,
    }
    (tmp_path / "other.csv").write_text("account,age\nnobody,young\n")
    other = tmp_path / "other.html"
    options = ("--drop-unreadable", "--protected", tmp_path / "other.csv", "-o", other)
    refused = run("report", model, few_file, *options)
    assert refused.exit_code == 2
    assert "protected has 1 customer, but none of the 30" in refused.stderr
    assert f"The first of each: 'nobody', '{names[0]}'." in refused.stderr
    (tmp_path / "other.csv").write_text("account,age\n")
    refused = run("report", model, few_file, *options)
    assert "protected has 0 customers, but none of the 30" in refused.stderr
    assert not other.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["segment", "nothing.csv"],
        ["predict", "nothing.json", "nothing.csv"],
        ["report", "nothing.json"],
        ["report"],
        ["segment", "--unknown"],
        ["nonsense"],
        ["study", "--berka", "nowhere", "--output", "never"],
    ],
)
def test_wrong_input_ends_with_code_2_and_one_line(run, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("Error: ")
    assert list(tmp_path.iterdir()) == []


def test_a_process_has_the_exit_code_of_wrong_input(tmp_path):
    process = start("nonsense", cwd=tmp_path)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (2, "")
    assert stderr.splitlines()[-1] == "Error: No such command 'nonsense'."


def test_a_bug_ends_with_code_1_and_a_traceback(run, monkeypatch):
    def broken(*_):
        raise RuntimeError("out of order")

    monkeypatch.setattr("skspend.cli._segment.segment_file", broken)
    done = run("segment")
    assert done.exit_code == 1
    assert "RuntimeError: out of order" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: this is a bug in skspend.")


@pytest.mark.parametrize(
    ("sent", "code", "wait"),
    [
        (signal.SIGINT, 130, 0.2),
        (signal.SIGTERM, 143, 1.0),
        (signal.SIGKILL, -signal.SIGKILL, 0.6),
    ],
)
def test_no_file_is_half_written_by_a_run_that_ends_early(sent, code, wait, tmp_path):
    process = start("segment", "--output", "out", cwd=tmp_path)
    # The folder is there from the beginning of the run to the end.
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


@pytest.mark.parametrize("error", [ValueError, DataError])
@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_an_interruption_that_a_library_makes_another_error_of_stays_one(
    run, monkeypatch, sent, code, error
):
    def draw(*_):
        try:
            signal.raise_signal(sent)
        except BaseException:
            raise error("Invalid bounding box") from None

    monkeypatch.setattr("skspend.cli._segment.segment_file", draw)
    # A background job ignores some, and keeps ignoring them.
    before = signal.signal(sent, signal.SIG_DFL)
    try:
        done = run("segment")
    finally:
        signal.signal(sent, before)
    assert done.exit_code == code
    assert "Error" not in done.output


@pytest.mark.slow
def test_a_killed_run_does_not_hinder_the_next(run, bank_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    process = start("segment", bank_file, "--output", "out", cwd=tmp_path)
    while not list(tmp_path.glob(".skspend-*")):
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert run("segment", bank_file, "--output", "out", "-q").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(OUTPUTS)


@pytest.mark.parametrize("command", ["--help", "segment"])
def test_a_closed_pipe_is_no_error(command, few_file, tmp_path):
    """Neither for what click prints, as with --help and --json, nor for what rich prints."""
    options = []
    if command == "segment":
        options = [few_file, "--drop-unreadable", "--output", "out", "--no-stability"]
    with start(command, *options, cwd=tmp_path) as process:
        process.stdout.close()
        stderr = process.stderr.read()
    assert process.returncode == 141
    assert "Traceback" not in stderr and "Error" not in stderr
    assert (tmp_path / "out" / "run.json").exists() == (command == "segment")


def test_segment_prints_the_command_that_makes_a_report(
    run, run_small, bank, bank_log, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    names = {"customer": "who", "date": "booked on", "amount": "nok"}
    frame = bank_log[:60].to_frame().rename(columns=names)
    frame["nok"] *= -1
    frame.to_csv("my bank.csv", index=False)
    bank.coefficients.rename_axis("category").to_csv("ratings.csv")
    columns = ("--customer", "who", "--date", "booked on", "--amount", "nok")
    options = (*columns, "--outflow", "negative", "--coefficients", "ratings.csv", "--no-stability")
    done = run_small("segment", "my bank.csv", *options)
    assert done.exit_code == 0, done.stderr
    command = shlex.split(done.stdout.splitlines()[-1].removeprefix("To see a report: skspend "))
    assert command == ["report", "skspend-output/model.json", "my bank.csv"]
    shown = run(*command)
    assert shown.exit_code == 0, shown.stderr
    assert Path("skspend-report.html").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_is_an_error_of_one_line(model, few_file, tmp_path):
    options = ("--drop-unreadable", "--json", "-q", "-o", "full.parquet")
    with open("/dev/full", "w") as full:
        process = start("predict", model, few_file, *options, cwd=tmp_path, stdout=full)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 2
    assert len(stderr.splitlines()) == 1
    assert "No space left on device" in stderr


def test_a_closed_standard_output_is_an_error_of_one_line(tmp_path):
    process = start("--version", cwd=tmp_path, stdout=None, preexec_fn=lambda: os.close(1))
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 2
    assert stderr == "Error: Standard output is closed. Send it to a file or to /dev/null.\n"


@pytest.fixture
def small_files():
    """A limit on the size of files, as of ``ulimit -f``."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("command", ["predict", "report"])
def test_a_file_that_grows_too_large_is_an_error_of_one_line(
    run, model, few_file, tmp_path, small_files, command
):
    output = tmp_path / "out.parquet"
    done = run(command, model, few_file, "--drop-unreadable", "-q", "--output", output)
    assert done.exit_code == 2, done.output
    assert done.stderr == (
        "Error: File too large; no file is half-written. Raise the limit on the size of files "
        "(ulimit -f).\n"
    )
    assert not list(tmp_path.iterdir())


def test_one_customer_is_counted_in_the_singular(run, model, bank_log, tmp_path):
    path = tmp_path / "one.csv"
    bank_log[:1].to_frame().to_csv(path, index=False)
    done = run("predict", model, path, "--output", tmp_path / "out.parquet")
    assert f"1 customer in 1 segment, written to {tmp_path}" in done.stdout
    done = run("report", model, path, "--output", tmp_path / "page.html")
    assert f"Report of 1 customer written to {tmp_path}" in done.stdout


def test_too_little_memory_is_an_error_of_one_line(run, model, few_file, tmp_path, monkeypatch):
    def allocate(*_):
        raise MemoryError("Unable to allocate 2.3 TiB for an array")

    monkeypatch.setattr("skspend.cli._files.read_log", allocate)
    done = run("predict", model, few_file, "--output", tmp_path / "out.parquet")
    assert done.exit_code == 2
    assert done.stderr == (
        "Error: Not enough memory. Unable to allocate 2.3 TiB for an array; no file is "
        "half-written. Give fewer customers at once.\n"
    )
    assert not list(tmp_path.iterdir())


def test_a_run_under_nohup_does_not_end_with_the_terminal(run):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    found = []

    @main.command("ask", cls=Command)
    def ask():
        found.append(signal.getsignal(signal.SIGHUP))
        return None, lambda: None

    try:
        assert run("ask").exit_code == 0
    finally:
        del main.commands["ask"]
        signal.signal(signal.SIGHUP, before)
    assert found == [signal.SIG_IGN]


def test_a_warning_from_a_thread_is_a_line_too(run):
    """As of joblib, whose thread must not die of it."""

    def warn():
        warnings.warn("A worker stopped.", UserWarning, stacklevel=1)
        return "went on"

    @main.command("ask", cls=Command)
    def ask():
        with ThreadPoolExecutor(1) as threads:
            result = threads.submit(warn).result()
        return None, lambda: print(result)

    try:
        done = run("ask")
    finally:
        del main.commands["ask"]
    assert done.exit_code == 0
    assert (done.stdout, done.stderr) == ("went on\n", "Warning: A worker stopped.\n")


def test_text_among_the_numbers_of_transfer_results_is_refused(run, model, few_file, tmp_path):
    path = tmp_path / "transfer.csv"
    header = "label,size,model,mse,mse_interval,r2,r2_interval"
    path.write_text(f"{header}\na,100,m,1,1,1,1\na,1,m,1,x,1,1\n")
    options = ("--transfer", path, "--drop-unreadable", "-q", "--output", tmp_path / "out.html")
    done = run("report", model, few_file, *options)
    assert done.exit_code == 2
    assert "text in column 'mse_interval', in 1 row: 'x'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_command_knows_the_periods_of_the_aggregator():
    assert tuple(MONTHS) == PERIODS
