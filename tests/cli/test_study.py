"""The command ``skspend study``: run whole, interrupted, and gone on with."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from skspend import study
from skspend.cli import main
from skspend.study import _page as page

TINY = study.QUICK._replace(
    customers=400,
    households=120,
    labelled=250,
    repetitions=2,
    sizes=(120,),
    elbow_epochs=2,
    units=(1, 2, 3),
    windows=("half", "year"),
    window_customers=150,
    noise_customers=200,
)
pytestmark = pytest.mark.slow
STUDIES = list(study.PaperStudy().studies)


@pytest.fixture(autouse=True)
def tiny(monkeypatch, tmp_path):
    monkeypatch.setattr(study, "QUICK", TINY)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "kept"))


def run(*arguments):
    return CliRunner().invoke(main, ["study", *arguments], catch_exceptions=False)


def frames_in(folder):
    """Frames by name, without the seconds, which no two runs share."""
    frames = {path.stem: pd.read_csv(path) for path in sorted(folder.glob("frames/*.csv"))}
    return {name: frame.drop(columns="seconds", errors="ignore") for name, frame in frames.items()}


def count_fits(kept):
    return sum("output.pkl" in files for _, _, files in os.walk(kept))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study in one go, by two processes."""
    folder = tmp_path_factory.mktemp("whole") / "study"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "QUICK", TINY)
        patch.setenv("XDG_CACHE_HOME", str(folder.with_name("kept")))
        result = run("--quick", "--jobs", "2", "--output", str(folder))
    assert result.exit_code == 0, result.output
    return folder, result


def test_a_study_writes_frames_figures_and_a_page_of_claims(whole):
    folder, result = whole
    assert set(frames_in(folder)) == set(STUDIES)
    text = (folder / "claims.md").read_text(encoding="utf-8")
    claims = pd.read_csv(folder / "claims.csv", keep_default_na=False)
    assert claims["verdict"].isin(["holds", "does not hold", "measured"]).all()
    for claim in claims.itertuples():
        assert claim.claim in text
        assert claim.here.replace("|", "\\|") in text
    assert "r = .15" in text
    for name in ("figure-1", "figure-2", "bank-elbow", "bank-transfer-recurrent-sizes"):
        assert f"![{name}](figures/{name}.png)" in text
    for picture in folder.glob("figures/*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")
    assert "Trajectories of the recurrent predictor turn little" in result.stdout
    assert "holds" in result.stdout


def test_nothing_half_written_is_left(whole):
    folder, _ = whole
    assert sorted(path.name for path in folder.iterdir()) == [
        "claims.csv", "claims.md", "figures", "frames", "study.json",
    ]  # fmt: skip
    assert not list(folder.rglob(".skspend*"))


def test_the_record_tells_options_versions_and_seconds(whole):
    record = json.loads((whole[0] / "study.json").read_text())
    assert record["parameters"] == {"quick": True, "berka": None, "seed": 0}
    assert set(STUDIES) < set(record["seconds"])
    assert "scikit-learn" in record["versions"]


def test_weights_are_those_of_the_papers_tables(whole):
    for network, counts in (("recurrent", [1637, 5]), ("feed-forward", [506, 6])):
        frame = frames_in(whole[0])[f"bank-transfer-{network}"].set_index("model")
        row = frame.loc[f"{network}, pretrained"].iloc[0]
        assert row[["n_weights", "n_trainable_weights"]].tolist() == counts


class SomeStudies(study.PaperStudy):
    """Those that take few seconds."""

    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        kept = "bank-elbow", "bank-trajectories", "households-noise"
        self.studies = {name: self.studies[name] for name in kept}


def test_an_interrupted_study_goes_on_and_finds_the_same(whole, tmp_path, monkeypatch):
    folder = tmp_path / "study"
    arguments = "--quick", "--jobs", "1", "--output", str(folder)
    monkeypatch.setattr(study, "PaperStudy", SomeStudies)
    with monkeypatch.context() as interrupted:
        write = page._write_frame

        def stop(frame, path):
            if path.stem == "bank-trajectories":
                raise KeyboardInterrupt
            write(frame, path)

        interrupted.setattr(page, "_write_frame", stop)
        assert run(*arguments).exit_code == 130
    assert list(frames_in(folder)) == ["bank-elbow"]
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("output.pkl")}
    assert before
    assert run(*arguments).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    expected, found = frames_in(whole[0]), frames_in(folder)
    assert len(found) == 3
    for name, frame in found.items():
        pd.testing.assert_frame_equal(frame, expected[name], check_exact=True)


def test_a_study_that_is_done_is_only_written_again(whole, monkeypatch):
    folder, _ = whole
    kept = folder.with_name("kept")
    before = count_fits(kept)
    assert before
    monkeypatch.setenv("XDG_CACHE_HOME", str(kept))
    assert run("--quick", "--jobs", "1", "--output", str(folder)).exit_code == 0
    assert count_fits(kept) == before


def test_a_folder_with_another_study_is_left_alone_unless_forced(whole, monkeypatch):
    folder, _ = whole
    text = (folder / "claims.md").read_text(encoding="utf-8")
    result = run("--quick", "--seed", "1", "--output", str(folder))
    assert result.exit_code == 2
    assert "holds a study with other options: {'quick': True" in result.stderr
    assert "--force" in result.stderr
    assert (folder / "claims.md").read_text(encoding="utf-8") == text


def test_a_study_that_is_replaced_leaves_nothing_of_the_other(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "PaperStudy", SomeStudies)
    folder = tmp_path / "study"
    for name in ("frames/berka-transfer.csv", "figures/berka-transfer.png", "claims.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("of another study", encoding="utf-8")
    (folder / "study.json").write_text('{"parameters": {"quick": false}}', encoding="utf-8")
    assert run("--quick", "--output", str(folder)).exit_code == 2
    assert (folder / "frames" / "berka-transfer.csv").exists()
    assert run("--quick", "--output", str(folder), "--force").exit_code == 0
    assert len(frames_in(folder)) == 3
    assert not list(folder.rglob("berka-*"))
    assert "of another study" not in (folder / "claims.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--berka", "nowhere"], "No Berka data in 'nowhere'"),
        (["--seed", "-1"], "--seed"),
        (["--jobs", "0"], "--jobs"),
        (["--output", "/proc/study"], "/proc/study"),
    ],
)
def test_what_cannot_be_is_said_in_one_line_before_any_work(
    tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    result = run("--quick", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not list(Path().rglob("*.csv"))
