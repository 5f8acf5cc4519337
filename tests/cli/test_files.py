"""What the commands do with the files they read."""

import json
import stat

import numpy as np
import pandas as pd
import pytest

from skspend._utils._errors import DataError
from skspend.cli import _files as files
from skspend.personality import TRAITS
from skspend.transactions._quality import MALFORMED

HEADER = "customer,date,category,amount\n"
GOOD = "1,2024-01-05,pets,2\n"
UNREADABLE = GOOD + (
    ",2024-01-05,pets,3\n"
    "1,2024-02-30,pets,4\n"
    "1,9999-12-31,pets,5\n"
    "2,2024-01-05, ,6\n"
    "3,2024-01-05,pets,1e400\n"
    "4,2024-01-05,pets\n"
    "4,2024-01-05,pets,7,8\n"
    "4,2024-01-05,pets,7,8\n"
)


def write(path, rows, header=HEADER):
    path.write_bytes((header + rows).encode())
    return path


def save(frame, path):
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)
    return path


def test_the_command_counts_what_it_dropped(run, model, tmp_path):
    path = write(tmp_path / "bank.csv", UNREADABLE.replace("pets", "groceries"))
    output = tmp_path / "out.parquet"
    assert run("predict", model, path, "--output", output).exit_code == 2
    done = run("predict", model, path, "--output", output, "--drop-unreadable")
    assert done.exit_code == 0, done.output
    assert pd.read_parquet(output)["customer"].tolist() == [1, 2, 3]
    assert done.stderr.splitlines() == [
        "Dropped 1: missing customer (3.00 in all).",
        "Dropped 1: missing or unreadable date (4.00 in all).",
        "Dropped 1: date before 1900 or after 2100 (5.00 in all).",
        "Dropped 1: missing category (6.00 in all).",
        "Dropped 1: missing, infinite or unreadable amount.",
        f"Dropped 3: {MALFORMED}.",
        "Warning: The transactions span 1 of the 36 months that the model reads, and to it nobody "
        "spends in the months before: give the earlier transactions, too.",
        "2 of 3 customers spend nothing in the periods. Their strength is 0, and active_periods is "
        "0.",
    ]


def test_what_was_dropped_is_in_the_record(run_small, bank_log, tmp_path):
    frame = bank_log[:60].to_frame().astype({"amount": str})
    frame.loc[5, "amount"] = "many"
    frame.to_csv(tmp_path / "bank.csv", index=False)
    options = ("--depth", 1, "--drop-unreadable", "--no-stability")
    done = run_small("segment", tmp_path / "bank.csv", "--output", tmp_path / "out", *options)
    assert done.exit_code == 0, done.output
    left_out = pd.read_json(tmp_path / "out" / "run.json")["figures"]["left_out"]
    assert left_out["missing, infinite or unreadable amount"] == {"transactions": 1, "amount": 0.0}
    assert left_out[MALFORMED] == {"transactions": 0, "amount": 0.0}


def test_predict_reads_a_pattern(run, model, bank_log, tmp_path):
    frame = bank_log.to_frame()
    save(frame, tmp_path / "whole.parquet")
    for k, part in enumerate(np.array_split(np.arange(len(frame)), 3)):
        save(frame.iloc[part], tmp_path / f"part{k}.parquet")
    found = []
    for name in ("whole", "part*"):
        output = tmp_path / "out.parquet"
        done = run("predict", model, tmp_path / f"{name}.parquet", "--output", output, "--force")
        assert done.exit_code == 0, done.output
        found.append(pd.read_parquet(output))
    pd.testing.assert_frame_equal(*found)


@pytest.mark.parametrize("text", ['{"parame', "[]", "{}"])
def test_a_study_whose_record_is_broken_is_replaced_if_forced(text, tmp_path):
    record = tmp_path / files.STUDY_RECORD
    record.write_text(text)
    with pytest.raises(DataError, match=r"cannot be read.*--force"):
        files.study_folder(tmp_path, {"seed": 0})
    files.study_folder(tmp_path, {"seed": 0}, force=True)
    assert json.loads(record.read_text(encoding="utf-8")) == {"parameters": {"seed": 0}}


def test_a_study_of_other_options_is_kept_unless_forced(tmp_path):
    files.study_folder(tmp_path, {"seed": 0})
    old = [tmp_path / name for name in ("claims.md", "frames/bank.csv", "figures/bank.png")]
    for path in old:
        path.touch()
    files.study_folder(tmp_path, {"seed": 0})
    with pytest.raises(DataError, match=r"holds a study with other options: .'seed': 0"):
        files.study_folder(tmp_path, {"seed": 1})
    assert all(path.exists() for path in old)
    files.study_folder(tmp_path, {"seed": 1}, force=True)
    assert not any(path.exists() for path in old)


@pytest.mark.parametrize(
    ("reader", "text", "message"),
    [
        (files.read_coefficients, "name,openness\npets,1\n", "column"),
        (files.read_coefficients, f"category,{','.join(TRAITS)}\n", "have no rows"),
        (files.read_aliases, "mine,theirs,more\na,b,c\n", "3 columns instead of two"),
        (files.read_aliases, "mine,theirs\na,\n", "'theirs': missing category in 1 of 1 rows"),
        (files.read_aliases, "mine,theirs\na,b\na,c\n", "'mine': repeated category in 1 of 2"),
        (lambda path: files.read_protected(path, []), "customer\n1\n", "1 columns, but"),
        (lambda path: files.read_protected(path, []), "who,age\n,9\n", "'who': missing customer"),
    ],
)
def test_a_table_of_an_option_with_a_fault_is_refused_in_one_line(tmp_path, reader, text, message):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        reader(path)
    assert str(caught.value).startswith(f"{path}: ") and str(caught.value).isprintable()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
def test_tables_that_a_spreadsheet_has_written_are_read(tmp_path, encoding):
    path = tmp_path / "table.csv"
    text = "category;openness;extraversion\nkjæledyr;-0,82;\nbøker;1;0,5\n"
    path.write_text(text, encoding=encoding)
    found = files.read_coefficients(path)
    assert found["openness"] == {"kjæledyr": -0.82, "bøker": 1}
    assert found["extraversion"]["bøker"] == 0.5
    path.write_text("category;openness\nmat, drikke;-0.82\n", encoding=encoding)
    assert files.read_coefficients(path) == {"openness": {"mat, drikke": -0.82}}
    path.write_text("konto;alder\n7;ung\n8;eldre, 67+\n", encoding=encoding)
    found = files.read_protected(path, [7, 8])
    assert found["alder"].to_dict() == {7: "ung", 8: "eldre, 67+"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home" / ".cache"


@pytest.mark.parametrize("chosen", ["", "here", "/somewhere"])
def test_fits_are_kept_in_the_folder_of_the_user(home, tmp_path, monkeypatch, chosen):
    """A relative name could be that of a folder that came with the data."""
    if chosen == "/somewhere":
        chosen = home = tmp_path / "somewhere"
    monkeypatch.setenv("XDG_CACHE_HOME", str(chosen))
    folder = files.kept_fits()
    assert folder == files.kept_fits() == home / "skspend-study"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not (tmp_path / "here").exists()


def open_to_others(folder, monkeypatch):
    folder.chmod(0o750)


def of_another_user(folder, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: folder.stat().st_uid + 1)


def a_link(folder, monkeypatch):
    folder.rmdir()
    folder.symlink_to(folder.parent)


@pytest.mark.parametrize("plant", [open_to_others, of_another_user, a_link])
def test_a_study_reads_no_fits_that_others_may_have_written(run, home, monkeypatch, plant):
    plant(files.kept_fits(), monkeypatch)
    done = run("study", "--quick", "--output", "out")
    assert done.exit_code == 2
    assert "may hold code of others" in done.stderr and done.stderr.count("\n") == 1
    assert not home.parents[1].joinpath("out").exists()


def test_a_study_reads_nothing_that_lies_in_its_output(run, home, monkeypatch):
    def ask(*_, memory, **more):
        raise DataError(f"in {memory}")

    monkeypatch.setattr("skspend.study.PaperStudy", ask)
    done = run("study", "--quick", "--output", "out")
    assert done.stderr == f"Error: in {home / 'skspend-study'}\n"
