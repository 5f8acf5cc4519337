"""What the commands do with the files they read."""

import numpy as np
import pandas as pd

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
    ]


def test_what_was_dropped_is_in_the_record(run, bank_log, tmp_path):
    frame = bank_log.to_frame().astype({"amount": str})
    frame.loc[5, "amount"] = "many"
    frame.to_csv(tmp_path / "bank.csv", index=False)
    options = ("--output", tmp_path / "out", "--units", 2, "--depth", 1, "--drop-unreadable")
    done = run("segment", tmp_path / "bank.csv", *options)
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
