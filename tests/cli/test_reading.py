"""A model remembers how the data of its fit was read, and refuses data of another kind."""

import json

import numpy as np
import pandas as pd
import pytest

from skspend._utils._errors import DataError
from skspend.segmentation import Reading, SegmentModel
from skspend.transactions import TransactionLog

NAMES = {"customer": "kontonr", "date": "dato", "category": "kategori", "amount": "beløp"}
OPTIONS = ["--no-stability", "--depth", 1]


def write(frame, path, decimal=",", date="%d/%m/%Y", outflow=-1):
    """Write transactions as a bank in Norway may do."""
    frame = frame.assign(amount=(outflow * frame["amount"]).map("{:.2f}".format))
    frame["amount"] = frame["amount"].str.replace(".", decimal, regex=False)
    frame["date"] = frame["date"].dt.strftime(date)
    frame.rename(columns=NAMES).to_csv(path, sep=";", index=False, encoding="cp1252")
    return path


@pytest.fixture(scope="module")
def bank_log(bank_log):
    """The transactions of a hundred customers."""
    return bank_log[:100]


@pytest.fixture(scope="module")
def frame(bank_log):
    return bank_log.to_frame().assign(date=lambda rows: pd.to_datetime(rows["date"]))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory, run_small, frame):
    """The folder of a fit on such a file."""
    folder = tmp_path_factory.mktemp("fit")
    file = write(frame, folder / "bank.csv")
    done = run_small("segment", file, "--outflow", "negative", *OPTIONS, "-o", folder / "out")
    assert done.exit_code == 0, done.stderr
    return folder / "out"


@pytest.fixture(scope="module")
def model(fitted):
    return SegmentModel.load(fitted / "model.json")


@pytest.fixture
def predict(run, fitted, tmp_path):
    def predict(file, *options):
        out = ("--output", tmp_path / "out.parquet", "--force")
        return run("predict", fitted / "model.json", file, *options, *out)

    return predict


def test_a_model_file_keeps_how_its_data_was_read(model, bank_log):
    assert model.reading.columns == NAMES
    assert model.reading.outflow == "negative"
    assert (model.reading.decimal, model.reading.date_format) == (",", "dd/mm/yyyy")
    amounts = bank_log.to_frame()["amount"]
    assert model.reading.mean_amount == pytest.approx(amounts.abs().mean(), rel=1e-3)


def test_predict_and_report_need_no_options(run, fitted, predict, tmp_path):
    done = predict(fitted.parent / "bank.csv")
    assert done.exit_code == 0, done.stderr
    expected = pd.read_parquet(fitted / "segments.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), expected)
    shown = run(
        "report", fitted / "model.json", fitted.parent / "bank.csv", "-o", tmp_path / "a.html"
    )
    assert shown.exit_code == 0, shown.stderr


def test_a_short_history_is_a_note(run, run_small, fitted, predict, frame, tmp_path):
    file = write(frame[frame["date"] >= "2023-11-01"], tmp_path / "months.csv")
    report = run("report", fitted / "model.json", file, "-o", tmp_path / "a.html")
    for done in (predict(file), report):
        assert done.exit_code == 0, done.stderr
        assert done.stderr.count("Warning: The transactions span 2 of the 36 months") == 1
    done = run_small(
        *("segment", fitted.parent / "bank.csv", "--outflow", "negative", "--periods", 1),
        *(*OPTIONS, "-o", tmp_path / "out"),
    )
    assert done.exit_code == 0, done.stderr
    assert done.stderr.count("Warning: One period is no trajectory") == 1
    assert "(--period)" in done.stderr


def test_what_can_be_read_in_two_ways_is_read_as_the_data_of_the_fit(predict, frame, tmp_path):
    early = frame[frame["date"].dt.day <= 12]
    file = write(early, tmp_path / "early.csv")
    with pytest.raises(ValueError, match=r"can be read with date_format"):
        TransactionLog.scan(file)
    done = predict(file, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["read_as"]["date_format"] == "dd/mm/yyyy"


def test_a_file_is_read_again_only_where_the_way_of_the_fit_may_help(
    predict, frame, fitted, tmp_path, monkeypatch
):
    scan, n_read = TransactionLog.scan, []

    def count(*args, **options):
        n_read.append(options)
        return scan(*args, **options)

    monkeypatch.setattr(TransactionLog, "scan", count)
    text = (fitted.parent / "bank.csv").read_text("cp1252")
    cases = {
        "damaged.csv": text.replace("/2021;", "/1;", 1),
        "headless.csv": text.replace("dato", "tid", 1),
    }
    for name, damaged in cases.items():
        (tmp_path / name).write_text(damaged, "cp1252")
        done = predict(tmp_path / name)
        assert done.exit_code == 2, done.output
        assert len(n_read) == 1, done.stderr
        n_read.clear()
    write(frame[frame["date"].dt.day <= 12], tmp_path / "early.csv")
    assert predict(tmp_path / "early.csv").exit_code == 0
    assert len(n_read) == 2


def test_files_that_are_written_in_another_way_are_read_too(predict, frame, fitted, tmp_path):
    file = write(frame, tmp_path / "iso.csv", ".", "%Y-%m-%d")
    assert predict(file).exit_code == 0
    expected = pd.read_parquet(fitted / "segments.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), expected)


def test_options_that_contradict_the_model_are_refused(predict, fitted):
    done = predict(fitted.parent / "bank.csv", "--outflow", "positive")
    assert done.exit_code == 2
    assert "--outflow positive contradicts the model" in done.stderr


@pytest.mark.parametrize("command", ["predict", "report"])
@pytest.mark.parametrize(("factor", "told"), [(1, "100% of what moves comes in"), (-100, "100 ti")])
def test_data_of_another_kind_is_refused(run, fitted, frame, tmp_path, command, factor, told):
    file = write(frame, tmp_path / "other.csv", outflow=factor)
    done = run(command, fitted / "model.json", file, "--output", tmp_path / "out.html")
    assert done.exit_code == 2
    assert told in done.stderr
    assert not (tmp_path / "out.html").exists()


@pytest.mark.parametrize(("factor", "told"), [(100, "100 times"), (0.01, "1/100 of")])
def test_amounts_in_another_unit_are_refused(model, bank_log, factor, told):
    frame = bank_log.to_frame()
    frame["amount"] *= factor
    with pytest.raises(ValueError, match=rf"is {told} the [\d.]+ of the fit"):
        model.predict(TransactionLog(frame))
    few = TransactionLog(frame[:900])
    assert len(model.predict(few)) == len(few)


@pytest.mark.parametrize(
    "change",
    [
        {"outflow": "up"},
        {"decimal": "'"},
        {"mean_amount": -1.0},
        {"mean_amount": "much"},
        {"columns": {"customer": "a"}},
        {"columns": NAMES | {"amount": 3}},
        {"more": 1},
    ],
    ids=str,
)
def test_a_reading_that_cannot_be_is_no_model(model, fitted, tmp_path, change):
    document = json.loads((fitted / "model.json").read_text())
    document["reading"] |= change
    (tmp_path / "model.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match=r"not a readable model"):
        SegmentModel.load(tmp_path / "model.json")


def test_a_log_in_memory_has_no_reading(bank_log):
    assert Reading.of(bank_log, "positive", False) is None


def test_the_reading_changes_no_segment(model, bank_log):
    other = SegmentModel(model.pipeline, model.names)
    np.testing.assert_array_equal(other.predict(bank_log), model.predict(bank_log))
