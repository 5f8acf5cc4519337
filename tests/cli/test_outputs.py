"""Where results may not be written: every kind of place, for every command that writes."""

import os
import stat

import pandas as pd
import pytest

from skspend.segmentation import SegmentModel


def make_device(path, _):
    if os.geteuid():
        pytest.skip("only root makes devices")
    os.mknod(path, stat.S_IFCHR | 0o666, os.stat(os.devnull).st_rdev)


PLACES = {
    "device": make_device,
    "pipe": lambda path, _: os.mkfifo(path),
    "folder": lambda path, _: path.mkdir(),
    "link": lambda path, source: path.symlink_to(source),
    "dangling link": lambda path, _: path.symlink_to("nowhere"),
    "input": lambda path, source: os.link(source, path),
}
OUTPUTS = {
    "categories": "out.csv",
    "segment": "segments.parquet",
    "predict": "out.parquet",
    "report": "out.html",
    "card": "out-card.md",
    "study": "study.json",
}


def call(run, name, model, data, output):
    """Call a command that would write to `output`, a file, with ``--force``."""
    arguments = {
        "categories": ["categories", data, "--output", output],
        "segment": ["segment", data, "--output", output.parent],
        "predict": ["predict", model, data, "--output", output],
        "report": ["report", model, data, "--output", output],
        "card": [
            "report", model, data, "--card", "--output",
            output.with_name(output.name.removesuffix("-card.md") + ".html"),
        ],
        "study": ["study", "--quick", "--output", output.parent],
    }  # fmt: skip
    return run(*arguments[name], "--force")


@pytest.fixture
def sources(model, bank_file, tmp_path, tmp_path_factory, monkeypatch):
    """Copies of a model and its data, which a fault may destroy."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    folder = tmp_path / "in"
    folder.mkdir()
    for path in (model, bank_file):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder / model.name, folder / bank_file.name


def look_at(folder):
    found = {path: path.lstat() for path in sorted(folder.rglob("*"))}
    return {path: (one.st_ino, one.st_mode, one.st_size) for path, one in found.items()}


def assert_refused(done, *said):
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1, done.stderr
    assert any(words in done.stderr for words in said), done.stderr


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", OUTPUTS)
def test_only_a_regular_file_that_is_not_read_is_replaced(run, sources, command, place, tmp_path):
    if (command, place) == ("study", "input"):
        pytest.skip("a study without loan data reads no file")
    output = tmp_path / "out" / OUTPUTS[command]
    output.parent.mkdir()
    PLACES[place](output, sources[1])
    before = look_at(tmp_path)
    done = call(run, command, *sources, output)
    assert_refused(done, "Only regular files are replaced", "is an input of this run")
    assert look_at(tmp_path) == before


@pytest.mark.parametrize("command", OUTPUTS)
@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("/proc/skspend", "/proc/skspend: "),
        ("n" * 300, "File name too long"),
        ("in/bank.csv", "Not a directory"),
        ("dangling", "a link to nothing"),
        ("dangling/below", "a link to nothing"),
        (os.fsdecode(b"\xff"), "UTF-8"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_any_work(
    run, sources, command, folder, said, tmp_path
):
    (tmp_path / "dangling").symlink_to("nowhere")
    before = look_at(tmp_path)
    done = call(run, command, *sources, tmp_path / folder / OUTPUTS[command])
    assert_refused(done, said)
    assert look_at(tmp_path) == before


@pytest.mark.parametrize("name", ["in/model.json", "in/run.json", "in/bank.csv", "in/other.csv"])
def test_what_a_report_reads_is_never_its_output(run, sources, name, tmp_path):
    for other in ("run.json", "other.csv"):
        (tmp_path / "in" / other).write_text("customer,age\n")
    before = look_at(tmp_path)
    options = ("--protected", tmp_path / "in" / "other.csv", "--force")
    done = run("report", *sources, "--output", tmp_path / name, *options)
    assert_refused(done, "is an input of this run")
    assert look_at(tmp_path) == before


def test_an_output_among_the_files_of_a_pattern_is_refused(run, sources, bank_log, tmp_path):
    path = tmp_path / "in" / "bank.parquet"
    bank_log.to_frame().to_parquet(path)
    before = look_at(tmp_path)
    pattern = tmp_path / "in" / "*.parquet"
    assert_refused(
        run("predict", sources[0], pattern, "-o", path, "--force"), "is an input of this run"
    )
    assert look_at(tmp_path) == before


def test_of_two_runs_into_one_place_the_last_is_an_error(run, sources, tmp_path, monkeypatch):
    output, place, codes = tmp_path / "out.parquet", SegmentModel.place, []

    def run_another(self, customers, *seen, **known):
        if not codes and len(customers) > 1:
            codes.append(None)
            codes[0] = run("predict", *sources, "--output", output).exit_code
            codes.append(output.read_bytes())
        return place(self, customers, *seen, **known)

    monkeypatch.setattr(SegmentModel, "place", run_another)
    done = run("predict", *sources, "--output", output)
    assert_refused(done, "already exists")
    assert codes == [0, output.read_bytes()]
    assert len(pd.read_parquet(output)) == 300
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out.parquet"]
