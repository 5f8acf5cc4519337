"""Results are written whole or not at all."""

import itertools
import os
import sys
import time
from pathlib import Path

import pytest

from skspend._utils._errors import DataError, as_options
from skspend._utils._output import output_file, output_folder

NAMES = ("one.parquet", "two.json", "three.png")


@pytest.mark.parametrize("failing", range(1, 2 * len(NAMES) + 1))
def test_results_are_replaced_together_or_not_at_all(failing, monkeypatch, tmp_path):
    for name in NAMES:
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
        output_folder(tmp_path, NAMES, force=True) as folder,
    ):
        for name in NAMES:
            (folder / name).write_text("new")
        monkeypatch.setattr(Path, "replace", fail_once)
    assert len(calls) >= failing
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == dict.fromkeys(NAMES, "old") | {"notes.txt": "mine"}


def is_interrupted(work, at):
    """Do some work; return whether it was interrupted before one of its lines, by number."""
    lines = 0

    def trace(frame, event, _):
        nonlocal lines
        if event == "line" and Path(frame.f_code.co_filename).name in ("_output.py", "shutil.py"):
            lines += 1
            if lines == at:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except (KeyboardInterrupt, OSError):
        # Of an interruption, rmtree may make an error of its own.
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize(
    ("old", "force"),
    [((), False), (("notes.txt",), False), (NAMES[:1], True)],
    ids=["a new folder", "beside a file", "over a file"],
)
def test_an_interruption_at_any_line_leaves_all_results_or_none(old, force, tmp_path):
    def write():
        with output_folder(folder, names, force=force) as temporary:
            for name in names:
                (temporary / name).write_text("new")

    names = NAMES[:2]
    old, new = dict.fromkeys(old, "old"), dict.fromkeys(names, "new")
    seen = []
    for at in itertools.count(1):
        folder = tmp_path / str(at) / "out"
        (folder if old else folder.parent).mkdir(parents=True)
        for name, content in old.items():
            (folder / name).write_text(content)
        is_whole = not is_interrupted(write, at)
        assert len(list(folder.parent.iterdir())) == folder.exists()
        found = {path.name: path.is_file() and path.read_text() for path in folder.glob("*")}
        assert found in (old, old | new)
        seen.append(found)
        if is_whole:
            break
    assert old in seen and seen[-1] == old | new


@pytest.mark.parametrize("is_new", [True, False])
def test_of_two_runs_into_one_folder_the_last_is_an_error(is_new, tmp_path):
    folder = tmp_path / "out"
    if not is_new:
        folder.mkdir()
    with (
        pytest.raises(DataError, match="already exists"),
        output_folder(folder, NAMES) as slow,
        output_folder(folder, NAMES) as fast,
    ):
        for name in NAMES:
            (fast / name).write_text("first")
            (slow / name).write_text("second")
    assert {path.name: path.read_text() for path in folder.iterdir()} == dict.fromkeys(
        NAMES, "first"
    )
    assert list(tmp_path.iterdir()) == [folder]


def test_a_file_that_appears_while_the_results_are_moved_is_kept(monkeypatch, tmp_path):
    """Between the look at the place and the move, too."""
    lstat, target = Path.lstat, tmp_path / "one"

    def miss(self):
        try:
            return lstat(self)
        except FileNotFoundError:
            if is_done and self == target:
                target.write_text("theirs")
            raise

    is_done = False
    monkeypatch.setattr(Path, "lstat", miss)
    with pytest.raises(DataError, match="File exists"), output_file(target) as path:
        path.write_text("mine")
        is_done = True
    assert target.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [target]


def test_old_temporary_files_of_killed_runs_are_removed(tmp_path):
    old, young = (tmp_path / f".skspend-{letter * 32}" for letter in "ab")
    mine = tmp_path / ".skspend-notes"
    for path in (old, young, mine):
        path.mkdir()
        (path / "file").touch()
    for path in (old, mine):
        os.utime(path, (time.time() - 8 * 24 * 3600,) * 2)
    with output_file(tmp_path / "new") as path:
        path.touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [young.name, mine.name, "new"]
    )


def test_a_place_that_cannot_be_written_is_refused_before_any_work(tmp_path):
    (tmp_path / "file").touch()
    for place, reason in ((tmp_path, "a folder"), (tmp_path / "file" / "new", "Not a directory")):
        with pytest.raises(DataError, match=reason), output_file(place, force=True):
            pytest.fail("began to work")


def test_a_message_fits_a_line_of_a_terminal():
    assert as_options("a\n b\u2028c\x1b[31m\ud800") == r"a b c\x1b[31m\ud800"
    assert len(as_options("x" * 10**6)) < 1100
