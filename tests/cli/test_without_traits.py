"""``--without-traits``: the commands on categories that have no coefficients."""

import json

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def own_file(tmp_path_factory, bank_log):
    """Transactions in categories that nobody else has."""
    path = tmp_path_factory.mktemp("own") / "own.csv"
    frame = bank_log.to_frame()
    frame["category"] = "K" + pd.Series(pd.factorize(frame["category"])[0]).astype(str)
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory, run, own_file):
    """The folder of the results, and what was printed."""
    folder = tmp_path_factory.mktemp("plain") / "out"
    done = run("segment", own_file, "--without-traits", "--output", folder)
    assert done.exit_code == 0, done.output
    return folder, done


def test_the_error_about_coefficients_names_the_option(run, own_file, tmp_path):
    done = run("segment", own_file, "--output", tmp_path / "out")
    assert done.exit_code == 2
    assert done.stderr.endswith(", your own --coefficients, or find segments --without-traits.\n")


def test_the_screen_says_what_the_names_rest_on(plain):
    shown = " ".join(plain[1].stdout.split())
    assert "The names rest on all spending, and say nothing about personality" in shown
    assert "coefficient" not in shown
    assert "more k" in shown  # Names in capitals are shown in lower case.


def test_the_table_and_the_record_are_without_traits(plain):
    segments = pd.read_parquet(plain[0] / "segments.parquet")
    assert not {"openness", "type"} & {*segments.columns}
    assert "reproduced" in segments
    record = json.loads((plain[0] / "run.json").read_text())
    assert record["parameters"]["without_traits"] is True
    assert record["figures"]["coverage"] is None
    assert record["figures"]["top_level_segments"] > 1


def test_predict_gives_the_same_segments(plain, run, own_file, tmp_path):
    path = tmp_path / "again.parquet"
    done = run("predict", plain[0] / "model.json", own_file, "--output", path)
    assert done.exit_code == 0, done.output
    segments = pd.read_parquet(plain[0] / "segments.parquet").drop(columns="reproduced")
    pd.testing.assert_frame_equal(pd.read_parquet(path), segments)


@pytest.mark.parametrize("option", ["--coefficients", "--aliases"])
def test_options_about_coefficients_are_refused_beside_it(run, own_file, option):
    done = run("segment", own_file, "--without-traits", option, "table.csv")
    assert done.exit_code == 2
    assert done.stderr == (
        f"Error: {option} has no effect with --without-traits. Leave one of them out.\n"
    )
