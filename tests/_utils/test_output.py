"""Results are written whole or not at all."""

import os
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
    for place, reason in ((tmp_path, "is a folder"), (tmp_path / "no" / "file", "no folder")):
        with pytest.raises(DataError, match=reason), output_file(place, force=True):
            pytest.fail("began to work")


def test_a_message_fits_a_line_of_a_terminal():
    assert as_options("a\n b\u2028c\x1b[31m\ud800") == r"a b c\x1b[31m\ud800"
    assert len(as_options("x" * 10**6)) < 1100
