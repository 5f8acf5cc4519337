"""The command as people type it: what it prints, writes and refuses."""

import hashlib
import json
import pickle
import re
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from skspend.cli._files import read_coefficients, read_stability
from skspend.cli._segment import OUTPUTS, _bundled_aliases, _show, _tell_moves
from skspend.datasets import load_complete_journey
from skspend.inspection._agreement import tell_found_again
from skspend.networks import _forward as forward
from skspend.personality import TRAITS, TYPES, load_coefficients
from skspend.segmentation import SegmentModel


@pytest.fixture(scope="module")
def segments(households):
    return pd.read_parquet(households[0] / "segments.parquet")


def test_the_main_job_writes_all_outputs(households):
    folder, done = households
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in folder.iterdir()) == sorted(OUTPUTS)
    assert (folder / "trajectories.png").read_bytes().startswith(b"\x89PNG")


def test_the_record_has_the_digest_of_the_model(households):
    folder, _ = households
    record = json.loads((folder / "run.json").read_text())
    content = (folder / "model.json").read_bytes()
    assert record["model"] == {"sha256": hashlib.sha256(content).hexdigest()}


def test_every_household_has_a_segment_and_the_active_ones_shape_the_tree(households, segments):
    assert len(segments) == segments["customer"].nunique() == 2469
    assert segments["segment"].notna().all()
    assert (segments["active_periods"] == 6).sum() == 1792
    model = SegmentModel.load(households[0] / "model.json")
    assert model.pipeline["segment"].tree_.loc[0, "size"] == 1792


def test_segments_are_many_and_none_is_a_giant(segments):
    top = segments["level1"].value_counts(normalize=True)
    assert len(top) >= 5
    assert top.max() <= 0.4


def test_customers_pass_the_networks_in_several_threads_and_each_product_in_one(
    run_small, bank_file, tmp_path, monkeypatch
):
    in_threads, found = forward.in_threads, []

    def watch(function, parts):
        found.append({pool["user_api"]: pool["num_threads"] for pool in threadpool_info()})
        in_threads(function, parts)

    monkeypatch.setattr(forward, "MANY_BLOCKS", 1)
    monkeypatch.setattr(forward, "in_threads", watch)
    with threadpool_limits(2):
        done = run_small("segment", bank_file, "--no-stability", "--output", tmp_path / "out")
    assert done.exit_code == 0, done.output
    fit, seen, *_ = found
    # A fit runs in one thread, because others may run beside it.
    assert fit == {"blas": 1, "openmp": 1} and seen == {"blas": 1, "openmp": 2}


def test_a_model_is_small_in_either_form(households):
    file = households[0] / "model.json"
    assert file.stat().st_size < 200_000
    assert len(pickle.dumps(SegmentModel.load(file).pipeline)) < 200_000


def test_the_table_of_the_readme_is_that_of_the_households(segments):
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z]+[+-]) \|.*?\b(\d+)\b.*\| (\.\d\d) \|", text, re.MULTILINE)
    found = segments.groupby("level1")["strength"].agg(["size", "mean"])
    assert sorted(name for name, *_ in rows) == sorted(found.index)
    for name, size, strength in rows:
        assert int(size) == found.loc[name, "size"], name
        assert float(strength) == pytest.approx(found.loc[name, "mean"], abs=0.0051), name


def test_there_is_a_second_level(segments):
    parts = segments.groupby("level1")["level2"].nunique()
    assert (parts >= 2).sum() >= 2


def test_the_table_has_the_columns_that_were_promised(segments):
    levels = [name for name in segments if name.startswith("level")]
    expected = [
        "customer",
        "segment",
        *levels,
        "strength",
        *TRAITS,
        "type",
        "active_periods",
        "known_share",
    ]
    assert list(segments.columns) == expected
    assert levels == ["level1", "level2", "level3"]
    assert segments["strength"].between(0, 1).all()
    assert set(segments["type"]) <= set(TYPES)
    assert (segments["segment"] == segments["level3"]).all()
    for lower, upper in zip(levels[1:], levels, strict=False):
        deeper = segments[segments[lower] != segments[upper]]
        assert all(
            a.startswith(f"{b} > ") for a, b in zip(deeper[lower], deeper[upper], strict=True)
        )


def test_the_screen_shows_segments_coverage_and_caution(households, segments):
    screen = households[1].stdout
    for name in segments["level1"].unique():
        assert name in screen
    assert "4.5% of the spending has a coefficient" in screen
    assert "weak evidence (r about .15)" in screen
    assert "groceries" in screen
    assert "cat litter" in screen  # The shop writes capitals.
    assert "Traceback" not in households[1].stderr


@pytest.mark.parametrize("depth", [1, 2, 9])
def test_the_screen_shows_as_many_levels_as_asked(segmented_bank, capsys, depth):
    record = json.loads(segmented_bank[1].stdout)
    record["parameters"]["depth_shown"] = depth
    described = pd.DataFrame(record["segments"])
    _show(described, record, "out", is_bundled=False)
    screen = capsys.readouterr().out
    deeper = int((described["depth"] > depth).sum())
    assert ("  > " in screen) == (depth > 1)
    assert ("inside these: pass --depth-shown" in screen) == (deeper > 0)
    assert not deeper or f"are {deeper} segment" in screen


def test_without_segments_the_screen_says_so_and_has_no_empty_table(segmented_bank, capsys):
    record = json.loads(segmented_bank[1].stdout)
    described = pd.DataFrame(record["segments"]).head(0)
    _show(described, record | {"stability": None}, "out", is_bundled=False)
    screen = capsys.readouterr().out
    assert "These customers do not divide into segments: they are all in one." in screen
    assert "Strength" not in screen


def test_of_many_customers_some_are_fitted_and_all_are_placed(
    run_small, bank_file, segmented_bank, tmp_path, monkeypatch
):
    monkeypatch.setattr("skspend.segmentation._aggregate.MOST_TO_FIT", 150)
    done = run_small(
        "segment", bank_file, "--no-stability", "--without-traits", "--output", tmp_path / "out"
    )
    figures = json.loads((tmp_path / "out" / "run.json").read_text())["figures"]
    n_active = figures["customers_active_in_all_periods"]
    assert figures["customers_fitted"] == 150 < n_active
    screen = re.sub(r"\s+", " ", done.stdout)
    assert f"The segments were fitted on 150 of the {n_active:,} customers who spend" in screen
    placed = pd.read_parquet(tmp_path / "out" / "segments.parquet")
    every = pd.read_parquet(segmented_bank[0] / "segments.parquet")
    assert placed["customer"].tolist() == every["customer"].tolist()
    assert (placed["strength"] > 0).sum() > 150


def test_there_are_no_colour_codes_without_a_terminal(households):
    assert "\x1b" not in households[1].output


def test_native_noise_is_hidden(households):
    for line in households[1].stderr.splitlines():
        assert line.split(":")[0] in {
            "Warning", "Reading", "Aggregating", "Training", "Clustering",
            "Writing",
        }, line  # fmt: skip


def test_a_long_step_gets_a_line(run, model, bank_file, tmp_path, monkeypatch):
    monkeypatch.setattr("skspend.cli._console.WORTH_A_LINE", 0)
    done = run("predict", model, bank_file, "--output", tmp_path / "out.parquet")
    assert re.match(r"Reading: \d+\.\d s\n", done.stderr), done.stderr


def test_the_record_is_strict_json(households, strict):
    record = strict((households[0] / "run.json").read_text())
    assert record["figures"]["customers"] == 2469
    assert record["figures"]["customers_active_in_all_periods"] == 1792
    assert record["figures"]["customers_fitted"] == 1792
    assert 0.04 < record["figures"]["coverage"] < 0.05
    assert record["parameters"]["seed"] == 0
    assert (record["parameters"]["period"], record["parameters"]["periods"]) == (2, 6)
    assert record["parameters"]["normalize"] == "spending"
    assert record["data"]["last_day"] == "2017-12-31"
    assert {"skspend", "python", "tensorflow", "scikit-learn"} <= set(record["versions"])


def test_trajectories_have_a_row_for_every_customer(households, segments):
    trajectories = pd.read_parquet(households[0] / "trajectories.parquet")
    assert trajectories["customer"].tolist() == segments["customer"].tolist()
    assert trajectories.shape == (2469, 1 + 6 * 8)
    assert trajectories.notna().all(axis=None)


HEAVY = (
    *("tensorflow", "keras", "torch", "dask", "polars", "duckdb", "pyspark", "matplotlib", "skops"),
    *("hdbscan", "kneed", "rapidfuzz", "sklearn.cluster", "sklearn.linear_model", "sklearn.tree"),
)
"""What takes long to import, and neither placing customers nor a page about them needs."""


def test_predict_and_report_import_nothing_heavy_and_find_the_segments_of_the_fit(
    segmented_bank, bank_file, tmp_path
):
    code = (
        "import sys; from skspend.cli import main; model, file, table, page = sys.argv[1:]; "
        "main(['predict', model, file, '--output', table], standalone_mode=False); "
        "main(['report', model, file, '--output', page], standalone_mode=False); "
        f"print({{*{HEAVY}}} & set(sys.modules))"
    )
    folder, output = segmented_bank[0], tmp_path / "again.parquet"
    arguments = [folder / "model.json", bank_file, output, tmp_path / "page.html"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "set()", done.stderr
    expected = pd.read_parquet(folder / "segments.parquet").drop(columns="reproduced")
    pd.testing.assert_frame_equal(pd.read_parquet(output), expected)


def test_the_main_job_says_whether_another_fit_gives_the_same(segmented_bank):
    folder, done = segmented_bank
    top = json.loads(done.stdout)["stability"]
    assert json.loads((folder / "run.json").read_text())["stability"] == top
    assert (top["fits"], top["held_out"]) == (3, 60)
    assert -1 <= top["low"] <= top["ari"] <= top["high"] <= 1
    assert 0 < top["same"] <= 1
    table = pd.read_parquet(folder / "segments.parquet")
    assert table.columns.get_loc("reproduced") == table.columns.get_loc("strength") + 1
    assert set(table["reproduced"]) <= {0, 1 / 3, 2 / 3, 1}
    assert table["reproduced"].mean() > 1 / 3
    model = SegmentModel.load(folder / "model.json")
    assert model.stable == {row["node"]: row["stable"] for row in top["nodes"]}
    is_stable = {model.path(row["node"]): row["jaccard"] >= 0.75 for row in top["nodes"]}
    for segment, stable in zip(table["segment"], table["stable_segment"], strict=True):
        parts = segment.split(" > ")
        paths = [" > ".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
        found = list(takewhile(is_stable.get, paths))
        assert stable == (found[-1] if found else "everybody")
    assert top["stable_segments"] == len(set(table["stable_segment"]) - {"everybody"}) > 1
    is_without = table["stable_segment"] == "everybody"
    assert top["customers_without_stable_segment"] == is_without.sum()


def test_the_screen_says_whether_another_fit_gives_the_same(segmented_bank, capsys):
    record = json.loads(segmented_bank[1].stdout)
    described = pd.DataFrame(record["segments"])
    _show(described, record, "out", is_bundled=False)
    top = record["stability"]
    said = " ".join(capsys.readouterr().out.split())
    assert (
        f"Another fit puts {top['same']:.0%} of held-out customers into the same top-level" in said
    )
    assert f"(ARI {top['ari']:.2f}, {top['low']:.2f} to {top['high']:.2f} over 3 fits)." in said
    assert tell_found_again(pd.DataFrame(top["nodes"])) in said
    assert f"is found again; there are {top['stable_segments']} of these." in said


@pytest.mark.parametrize(
    ("n_stable", "n_without", "said"),
    [
        (0, 200, "No segment at the top level is found again, so the stable_segment of every "),
        (1, 0, "is found again; there is 1 of these. Two halves"),
        (3, 1, "there are 3 of these. For 1 customer, even the top-level segment is not found"),
    ],
)
def test_everybody_does_not_count_as_a_segment_that_is_found_again(
    segmented_bank, capsys, n_stable, n_without, said
):
    record = json.loads(segmented_bank[1].stdout)
    record["stability"] |= {
        "stable_segments": n_stable,
        "customers_without_stable_segment": n_without,
    }
    _show(pd.DataFrame(record["segments"]), record, "out", is_bundled=False)
    assert said in " ".join(capsys.readouterr().out.split())


def test_where_no_segment_is_found_again_none_is_counted(run, tmp_path):
    """Customers who buy alike."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2022-01-01", "2023-12-31", freq="MS")
    place = np.arange(60 * len(days))
    frame = pd.DataFrame(
        {
            "customer": place // len(days),
            "date": days[place % len(days)],
            "category": rng.choice(["books", "pets", "travel", "food"], len(place)),
            "amount": rng.integers(1, 900, len(place)) / 10,
        }
    )
    frame.to_parquet(tmp_path / "alike.parquet")
    done = run("segment", tmp_path / "alike.parquet", "--output", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    top = json.loads(done.stdout)["stability"]
    assert max(row["jaccard"] for row in top["nodes"] if row["depth"] == 1) < 0.75
    assert (top["stable_segments"], top["customers_without_stable_segment"]) == (0, 60)


def test_the_screen_says_why_segments_of_few_customers_are_not_compared(run, tmp_path):
    days = pd.date_range("2023-01-01", "2023-12-31", freq="MS")
    place = np.arange(40 * len(days))
    frame = pd.DataFrame(
        {
            "customer": place // len(days),
            "date": days[place % len(days)],
            "category": np.where(place // len(days) % 2, "books", "pets"),
            "amount": 1.0 + place % 7,
        }
    )
    frame.to_parquet(tmp_path / "few.parquet")
    few = tmp_path / "few.parquet"
    done = run("segment", few, "--output", tmp_path / "out")
    said = " ".join(done.stdout.split())
    assert "the 40 customers who spend in the only period; every customer" in said
    assert "not compared with other fits, because fewer than 50 customers spend in the only" in said
    asked = run("segment", few, "--output", tmp_path / "not-asked", "--no-stability")
    assert "not compared" not in asked.stdout


def test_the_screen_says_whether_customers_differ_by_more_than_chance(segmented_bank, capsys):
    record = json.loads(segmented_bank[1].stdout)
    figures = record["figures"]
    for kappa, is_chance in ((figures["split_half_kappa"], False), (0.19, True), (None, None)):
        changed = record | {"figures": figures | {"split_half_kappa": kappa}}
        _show(pd.DataFrame(record["segments"]), changed, "out", is_bundled=False)
        said = " ".join(capsys.readouterr().out.split())
        same = f"Two halves of the time give {figures['same_in_both_halves']:.0%} of the fitted"
        assert (same in said) == (kappa is not None)
        assert ("do not use these segments" in said) == bool(is_chance)
    assert 0.2 < figures["split_half_kappa"] < 1 > figures["same_in_both_halves"] > 0.2


def test_categories_that_count_as_one_are_noted(run, bank_file, tmp_path, monkeypatch):
    monkeypatch.setattr("skspend.segmentation._aggregate.MOST_FOR_FACTORS", 10)
    options = ("--without-traits", "--no-stability", "--depth", 1)
    done = run("segment", bank_file, *options, "--output", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "The 15 categories with the fewest customers count as one, 'infrequent'; " in done.stderr
    placed = run("predict", tmp_path / "out" / "model.json", bank_file, "--output", tmp_path / "p")
    assert placed.exit_code == 0, placed.output


def test_without_stability_nothing_is_said_of_other_fits(households, segments):
    folder, done = households
    assert json.loads((folder / "run.json").read_text())["stability"] is None
    assert "Another fit" not in done.stdout
    assert not {"reproduced", "stable_segment"} & set(segments)


@pytest.fixture(scope="module")
def refitted_bank(run_small, model, bank_file, tmp_path_factory):
    """A fit with another seed that starts from the model of the bank."""
    folder = tmp_path_factory.mktemp("refit") / "out"
    options = ("--previous", model, "--seed", 1, "--no-stability", "--output", folder)
    done = run_small("segment", bank_file, *options)
    assert done.exit_code == 0, done.output
    return folder, done


def test_a_refit_says_who_keeps_the_segment_of_the_previous_model(refitted_bank):
    folder, done = refitted_bank
    moved = json.loads((folder / "run.json").read_text())["previous"]
    said = f"{moved['same']:.0%} of 300 customers keep their top-level segment"
    assert said in " ".join(done.stdout.split())
    assert "migration.parquet" in done.stdout


def test_a_refit_counts_who_moves_between_segments(segmented_bank, refitted_bank):
    migration = pd.read_parquet(refitted_bank[0] / "migration.parquet")
    assert (migration.groupby("level")["customers"].sum() == 300).all()
    top = migration[migration["level"] == 1]
    for name, (folder, _) in {"old": segmented_bank, "new": refitted_bank}.items():
        counts = pd.read_parquet(folder / "segments.parquet")["level1"].value_counts()
        assert top.groupby(name)["customers"].sum().to_dict() == counts.to_dict()


def test_a_previous_model_that_is_none_gets_one_clear_line(run, bank_file, tmp_path):
    done = run("segment", bank_file, "--previous", bank_file, "--output", tmp_path / "out")
    assert done.exit_code == 2
    assert "not a readable model" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (([], []), "93% of 2,317 customers keep their top-level segment."),
        ((["a", "b"], ["c"]), "segment; 2 segments are new: a | b; 1 segment is gone: c."),
    ],
)
def test_one_sentence_says_what_is_new_and_what_is_gone(names, said):
    moved = {"customers": 2317, "same": 0.93, "new": names[0], "gone": names[1]}
    assert _tell_moves(moved).endswith(said)


def test_a_report_shows_the_stability_of_the_record_beside_its_model(
    run, segmented_bank, bank_file, tmp_path
):
    folder, done = segmented_bank
    arguments = bank_file, "--json", "--output"
    beside = run("report", folder / "model.json", *arguments, tmp_path / "beside.html")
    found = {row["metric"]: row for row in json.loads(beside.stdout)["metrics"]}
    top = json.loads(done.stdout)["stability"]
    assert found["same segment"]["value"] == top["same"]
    assert [found["reproducibility"][name] for name in ("value", "low", "high")] == [
        top[name] for name in ("ari", "low", "high")
    ]
    nodes = read_stability(folder / "model.json")["node_stability"]
    tree = json.loads(done.stdout)["segments"]
    assert sorted(nodes["depth"]) == sorted(segment["depth"] for segment in tree)
    assert nodes["jaccard"].between(0, 1).equals(nodes["held_out"] > 0)
    assert nodes.loc[nodes["depth"] == 1, "held_out"].sum() == top["held_out"]
    moved = tmp_path / "model.json"
    moved.write_bytes((folder / "model.json").read_bytes())
    for record in ("", "[]", '{"stability": null}', '{"stability": {"ari": "high"}}'):
        (tmp_path / "run.json").write_text(record)
        assert read_stability(moved) == {}


@pytest.fixture(scope="module")
def own_table(tmp_path_factory, run_small):
    """The households by coefficients of one's own: the folder and what was printed."""
    folder = tmp_path_factory.mktemp("own")
    ratings = pd.DataFrame({"category": ["BEEF", "CHEESE", "pets"]} | dict.fromkeys(TRAITS, 0.5))
    ratings.to_csv(folder / "ratings.csv", index=False)
    done = run_small(
        "segment", "--coefficients", folder / "ratings.csv", "--output", folder / "out",
        "--depth", 1, "--periods", 2, "--no-stability",
    )  # fmt: skip
    return folder / "out", done


def test_report_prints_json_or_nothing(
    run, strict, own_table, few_file, model, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    said = strict(run("report", own_table[0] / "model.json", "--json", "--card").stdout)
    assert (said["output"], said["card"]) == ("skspend-report.html", "skspend-report-card.md")
    assert said["customers"] == 2469
    page, card = (Path(said[name]).read_text(encoding="utf-8") for name in ("output", "card"))
    assert page.startswith("<!doctype html>")
    assert "# Model card" in card
    digest = hashlib.sha256((own_table[0] / "model.json").read_bytes()).hexdigest()
    assert digest in page and digest in card
    quiet = run("report", model, few_file, "--drop-unreadable", "--quiet", "--force")
    assert (quiet.exit_code, quiet.output) == (0, "")


@pytest.mark.parametrize("found", [True, False])
def test_a_report_opens_in_the_browser_if_asked(run, model, few_file, tmp_path, monkeypatch, found):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or found)
    page = tmp_path / "page one.html"
    done = run("report", model, few_file, "--drop-unreadable", "--open", "--output", page)
    assert done.exit_code == 0
    assert opened == [page.as_uri()]
    assert ("No browser was found: open" in done.stderr) != found


def test_predict_finds_the_segments_of_new_customers(
    run, households, household_log, segments, tmp_path
):
    frame = household_log.to_frame()
    few = frame[frame["customer"].isin([1, 7, 8])].assign(
        customer=lambda rows: "new-" + rows["customer"].astype(str)
    )
    few.to_parquet(tmp_path / "few.parquet")
    output = tmp_path / "few-segments.parquet"
    model = households[0] / "model.json"
    done = run("predict", model, tmp_path / "few.parquet", "--output", output)
    assert done.exit_code == 0, done.output
    found = pd.read_parquet(output).set_index("customer")["segment"]
    expected = segments.set_index("customer")["segment"]
    assert found.to_dict() == {f"new-{household}": expected[household] for household in (1, 7, 8)}


def test_ones_own_table_is_segmented_with_ones_own_words(run_small, bank, bank_log, tmp_path):
    names = {"customer": "account", "date": "booked", "category": "kind", "amount": "nok"}
    frame = bank_log[:60].to_frame().rename(columns=names).assign(nok=lambda rows: -rows["nok"])
    frame["kind"] = "K " + frame["kind"]
    frame["wage"] = 500_000 + frame["account"] % 7
    frame.to_csv(tmp_path / "own.csv", index=False)
    table = bank.coefficients.rename_axis("category").reset_index()
    table.to_csv(tmp_path / "ratings.csv", index=False)
    pd.DataFrame({"mine": "K " + table["category"], "theirs": table["category"]}).to_csv(
        tmp_path / "aliases.csv", index=False
    )
    done = run_small(
        "segment", tmp_path / "own.csv", "--customer", "account", "--date", "booked",
        "--category", "kind", "--amount", "nok", "--outflow", "negative", "--income", "wage",
        "--periods", 3, "--coefficients", tmp_path / "ratings.csv",
        "--aliases", tmp_path / "aliases.csv", "--depth", 2, "--seed", 1,
        "--no-stability", "--output", tmp_path / "out",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "100.0% of the spending has a coefficient" in done.stdout
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["figures"]["periods"] == 3
    assert pd.read_parquet(tmp_path / "out" / "trajectories.parquet").shape == (60, 1 + 3 * 8)


def small_table(**changes):
    return pd.DataFrame(
        {"customer": [1, 2], "date": "2024-01-05", "category": "pets", "amount": 1.0} | changes
    )


def broken_files(folder):
    """Files with one thing wrong, and what must be said of it."""
    cases = {
        "missing.csv": (None, "No such file"),
        "empty.csv": ("", "No columns to parse"),
        "header.csv": ("customer,date,category,amount\n", "no transactions"),
        "other.ods": ("x", "a file must end in .csv, "),
        "torn.xlsx": ("x", "this is no Excel workbook that can be read"),
        "torn.parquet": ("PAR1 is how it begins", "arquet"),
        "misnamed.csv": (small_table().rename(columns={"amount": "nok"}), "no column 'amount'"),
        "text.csv": (small_table(amount=["1", "many"]), "'amount'"),
        "dates.csv": (small_table(date=["2024-01-05", "soon"]), "'date'"),
        "blank.csv": (small_table(category=["pets", None]), "'category'"),
        "few.csv": (small_table(), "20 are needed"),
    }
    for name, (content, message) in cases.items():
        if isinstance(content, str):
            (folder / name).write_text(content)
        elif content is not None:
            content.to_csv(folder / name, index=False)
        yield folder / name, message


def test_a_file_with_something_wrong_gets_one_clear_line(run, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for path, message in broken_files(data):
        done = run("segment", path, "--output", tmp_path / "out")
        assert done.exit_code == 2, (path.name, done.output)
        assert done.stderr.startswith("Error: "), (path.name, done.output)
        assert done.stderr.count("\n") == 1, (path.name, done.stderr)
        assert message in done.stderr, (path.name, done.stderr)
        assert [left.name for left in tmp_path.iterdir()] == ["data"], path.name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--period", "week"], "'week' is not one of"),
        (["--period", "\N{SUPERSCRIPT TWO}"], "nor a number of months"),
        (["--period", "9" * 30], "nor a number of months"),
        (["--period", "9" * 5000], "nor a number of months"),
        (["--periods", "1000000"], "spend in all 1,000,000 periods, and 20 are needed"),
        (["--periods", "0"], "0 is not in the range"),
        (["--coefficients", ""], "the name is empty"),
        (["--income", ""], "the name is empty"),
        (["--normalize", "income"], "knows no income"),
        (["--income", "wage"], "no column 'wage' (--income)"),
        (["--aliases", "nowhere.csv"], "No such file"),
        (["--coefficients", "nowhere.csv"], "No such file"),
        (["--periods", "50"], "ask for fewer --periods"),
        (["--colour", "red"], "No such option"),
        (["--income", "amount", "--normalize", "spending"], "--income has no effect"),
    ],
)
def test_an_option_that_cannot_be_gets_one_clear_line(run, bank_file, tmp_path, options, message):
    done = run("segment", bank_file, "--output", tmp_path / "out", *options)
    assert done.exit_code == 2, done.output
    assert done.stderr.count("\n") == 1, done.stderr
    assert message in done.stderr
    assert not list(tmp_path.iterdir())


def test_outputs_that_are_there_are_kept_unless_forced(run_small, few_file, tmp_path):
    (tmp_path / "run.json").write_text("mine")
    done = run_small("segment", few_file, "--output", tmp_path)
    assert done.exit_code == 2
    assert "run.json already exists" in done.stderr
    assert (tmp_path / "run.json").read_text() == "mine"
    options = ("--force", "--depth", 1, "--no-stability", "--drop-unreadable")
    done = run_small("segment", few_file, "--output", tmp_path, *options)
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "run.json").read_text())["figures"]["customers"] == 30


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(run, bank_file, tmp_path):
    (tmp_path / "file").write_text("no folder")
    done = run("segment", bank_file, "--output", tmp_path / "file" / "out")
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1


def test_options_about_columns_need_a_file(run):
    done = run("segment", "--amount", "nok")
    assert done.exit_code == 2
    assert "no FILE is given" in done.stderr


def test_a_failure_in_the_middle_leaves_nothing(run_small, few_file, tmp_path, monkeypatch):
    def interrupt(*_):
        reached.append(True)
        raise KeyboardInterrupt

    reached = []
    monkeypatch.setattr("skspend.cli._segment._draw", interrupt)
    options = ("--no-stability", "--drop-unreadable", "--output", tmp_path / "out")
    done = run_small("segment", few_file, *options)
    assert reached and done.exit_code != 0
    assert not list(tmp_path.iterdir())


def test_coefficients_of_ones_own_categories_need_no_aliases_for_the_households(own_table):
    folder, done = own_table
    assert done.exit_code == 0, done.output
    coverage = json.loads((folder / "run.json").read_text())["figures"]["coverage"]
    assert 0.05 < coverage < 0.2


def test_no_line_of_the_screen_is_too_long(households):
    *lines, where_it_is, how_to_look = households[1].stdout.splitlines()
    assert where_it_is.startswith("Written to")
    assert how_to_look.startswith("To see a report: skspend report")
    assert max(map(len, lines)) <= 100


def test_the_bundled_coefficients_as_a_file_are_those_used_without_one(tmp_path):
    table = load_coefficients()
    table.rename_axis("category").reset_index().to_csv(tmp_path / "same.csv", index=False)
    coefficients = read_coefficients(tmp_path / "same.csv")
    pd.testing.assert_frame_equal(pd.DataFrame(coefficients), table, check_names=False)
    households = load_complete_journey()
    assert _bundled_aliases(households, coefficients) == households.aliases


def test_the_wrong_sign_of_money_spent_is_told(run, bank_log, tmp_path):
    frame = bank_log.to_frame()
    frame["amount"] *= -1
    frame.to_csv(tmp_path / "negative.csv", index=False)
    done = run("segment", tmp_path / "negative.csv", "--output", tmp_path / "out")
    assert done.exit_code == 2
    assert "--outflow negative" in done.stderr


def test_one_period_of_a_number_of_months_is_enough(run_small, few_file, tmp_path):
    options = ("--period", 12, "--periods", 1, "--drop-unreadable")
    out = ("--depth", 1, "--no-stability", "--output", tmp_path / "out")
    done = run_small("segment", few_file, *options, *out)
    assert done.exit_code == 0, done.output
    trajectories = pd.read_parquet(tmp_path / "out" / "trajectories.parquet")
    assert trajectories.columns[1] == "period1|state0"


def test_customers_of_whom_nothing_counts_have_no_strength(run, model, bank_log, tmp_path):
    frame = bank_log.to_frame()
    are_early = frame["customer"].isin(bank_log.customers[:5])
    frame.loc[are_early, "date"] -= pd.DateOffset(years=5)
    frame.to_parquet(tmp_path / "early.parquet")
    output = tmp_path / "out.parquet"
    done = run("predict", model, tmp_path / "early.parquet", "--output", output, "--json")
    assert done.exit_code == 0, done.output
    table = pd.read_parquet(output)
    assert (table.loc[table["active_periods"] == 0, "customer"] == bank_log.customers[:5]).all()
    assert (table["strength"][:5] == 0).all() and (table["strength"][5:] > 0).mean() > 0.9
    n, amount = int(are_early.sum()), frame.loc[are_early, "amount"].sum()
    counted = json.loads(done.stdout)["left_out"]["before the first period"]
    assert counted == {"transactions": n, "amount": pytest.approx(amount)}
    assert done.stderr.splitlines() == [
        f"Not counted: {n:,} of {len(frame):,} transactions are before the first period "
        f"({amount:,.2f} in all).",
        "5 of 300 customers spend nothing in the periods. Their strength is 0, and active_periods "
        "is 0.",
    ]


def test_segment_says_what_lies_before_the_periods(run_small, bank_file, tmp_path):
    out = ("--periods", 1, "--depth", 1, "--no-stability", "--output", tmp_path / "out")
    done = run_small("segment", bank_file, *out)
    assert "Not counted: " in done.stderr and "transactions are before" in done.stderr
    left_out = json.loads((tmp_path / "out" / "run.json").read_text())["figures"]["left_out"]
    n = left_out["before the first period"]["transactions"]
    assert n > 1000 and f"Not counted: {n:,} of" in done.stderr


def test_customers_without_income_are_refused_with_a_remedy_of_the_command_line(
    run, bank_log, tmp_path
):
    frame = bank_log.to_frame().assign(wage=30_000.0)
    frame["customer"] = frame["customer"].astype("int32")
    frame.loc[frame["customer"].isin(bank_log.customers[2:5]), "wage"] = None
    frame.to_parquet(tmp_path / "wage.parquet")
    done = run("segment", tmp_path / "wage.parquet", "--income", "wage", "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert done.stderr == (
        f"Error: 3 of 300 customers have no positive income in any period; the first is "
        f"'{bank_log.customers[2]}'. Give their income or leave their rows out, or use "
        f"--normalize spending and no income.\n"
    )


def test_a_command_refuses_what_the_model_does_not_know(run, segmented_bank, bank_log, tmp_path):
    frame = bank_log[:30].to_frame()
    is_known = frame["category"] == "groceries"
    frame["category"] = frame["category"].where(is_known, "new " + frame["category"])
    frame.to_csv(tmp_path / "other.csv", index=False)
    model = segmented_bank[0] / "model.json"
    for command, out in {"predict": "out.parquet", "report": "out.html"}.items():
        asked = (command, model, tmp_path / "other.csv", "--output", tmp_path / out)
        done = run(*asked)
        assert done.exit_code == 2
        assert "does not know" in done.stderr and "pass --allow-unknown." in done.stderr
        done = run(*asked, "--allow-unknown")
        assert done.exit_code == 0, done.stderr
    table = pd.read_parquet(tmp_path / "out.parquet")
    assert table["known_share"].max() < 0.5


def test_customers_of_whom_the_model_knows_nothing_are_counted(
    run, segmented_bank, bank_log, tmp_path
):
    frame = bank_log[:5].to_frame()
    frame.loc[frame["customer"] == bank_log.customers[0], "category"] = "zeppelins"
    frame.to_csv(tmp_path / "some.csv", index=False)
    out = ("--output", tmp_path / "out.parquet")
    done = run("predict", segmented_bank[0] / "model.json", tmp_path / "some.csv", *out)
    assert "1 of 5 customers spend only in categories that the model does not know" in done.stderr
    assert "spend nothing in the periods" not in done.stderr
