"""From a bank's raw export to a table of suggestions, and on to segments and a report."""

import json

import pandas as pd
import pytest

from skspend.cli import _files as files

OWN_WORDS = {
    "groceries": "Dagligvarer",
    "dining and drinking": "Kafé & restaurant",
    "travel": "Reise",
    "eating out in pubs": "Uteliv",
    "savings": "Sparekonto",
    "hotels": "Hotell",
}
CODES = {"groceries": 5411, "dining and drinking": 5812, "eating out in pubs": 5813, "travel": 4722,
         "hotels": 7011, "entertainment": 7922, "health and fitness": 7997}  # fmt: skip


@pytest.fixture(scope="module")
def frame(bank_log):
    return bank_log[:60].to_frame()


@pytest.fixture(scope="module")
def export(frame, tmp_path_factory):
    """Transactions as a bank in Norway exports them."""
    names = {"customer": "kontonr", "date": "dato", "category": "kategori", "amount": "beløp"}
    written = frame.assign(
        category=frame["category"].replace(OWN_WORDS), amount=-frame["amount"].round(2)
    ).rename(columns=names)
    path = tmp_path_factory.mktemp("export") / "bank.csv"
    written.to_csv(
        path, sep=";", decimal=",", date_format="%d.%m.%Y", index=False, encoding="cp1252"
    )
    return path


@pytest.fixture(scope="module")
def suggested(run, export, tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "categories.csv"
    return path, run("categories", export, "--outflow", "negative", "--output", path)


def test_the_table_lists_all_categories_by_spending(suggested, frame):
    path, done = suggested
    assert done.exit_code == 0, done.stderr
    table = pd.read_csv(path)
    assert list(table) == ["category", "use_as", "score", "traits", "share", "customers"]
    assert set(table["category"]) == set(frame["category"].replace(OWN_WORDS))
    assert table["share"].is_monotonic_decreasing
    use_as = table.set_index("category")["use_as"]
    ours = {own: theirs for theirs, own in OWN_WORDS.items() if theirs != "groceries"}
    assert use_as[list(ours)].to_dict() == ours
    assert pd.isna(use_as["Dagligvarer"])


def test_the_screen_says_what_the_suggestions_would_reach_and_what_comes_next(suggested, frame):
    path, done = suggested
    share = frame.groupby("category")["amount"].sum() / frame["amount"].sum()
    table = pd.read_csv(path, index_col="category")
    then = table.loc[table["use_as"].notna(), "share"].sum()
    renamed = share[share.index.isin(set(OWN_WORDS) - {"groceries"})].sum()
    assert f"{then:.1%} would have one" in done.output
    assert f"{then - renamed:.1%} of the money spent has a coefficient" in done.output
    assert f"--outflow negative --aliases {path}" in done.output.replace("\n", "")


def test_the_other_sign_is_met_by_the_option(run, export, tmp_path):
    done = run("categories", export, "--output", tmp_path / "t.csv")
    assert done.exit_code == 2
    assert "pass --outflow negative" in done.stderr
    assert not list(tmp_path.iterdir())


def test_categories_that_differ_only_in_capitals_or_spaces_are_noted(run, frame, tmp_path):
    names = frame["category"].where(frame.index % 3 > 0, frame["category"].str.upper())
    frame.assign(category=names.replace({"PETS": " pets"})).to_csv(tmp_path / "b.csv", index=False)
    n = frame["category"].nunique()
    noted = (
        f"{2 * n} of {2 * n} categories differ from another one only in capitals or spaces, such "
        f"as "
    )
    for command in (
        ("categories", tmp_path / "b.csv", "-o", tmp_path / "t.csv"),
        ("segment", tmp_path / "b.csv", "-o", tmp_path / "out", "--no-stability", "--depth", 1),
    ):
        done = run(*command)
        assert done.exit_code == 0, done.output
        assert noted in done.stderr
        assert "Each counts by itself: write them alike" in done.stderr


def test_categories_that_differ_are_not_noted(suggested):
    assert "capitals or spaces" not in suggested[1].stderr


def test_the_record_holds_the_same(run, export, tmp_path, strict, suggested):
    done = run("categories", export, "--outflow", "negative", "--json", "-o", tmp_path / "t.csv")
    record = strict(done.stdout)
    assert record["coverage"] < record["coverage_if_accepted"] < 1
    assert (tmp_path / "t.csv").read_bytes() == suggested[0].read_bytes()
    assert len(record["categories"]) == len(pd.read_csv(tmp_path / "t.csv"))


def test_a_raw_export_gives_the_segments_of_a_clean_file(
    run, run_small, export, suggested, frame, tmp_path
):
    """The raw file by its suggestions, and a clean file with the names of the coefficients."""
    table = pd.read_csv(suggested[0], dtype=str)
    table.to_csv(tmp_path / "edited.csv", sep=";", index=False, encoding="cp1252")
    quick = ("--no-stability", "--depth", 1)
    raw = run_small(
        "segment", export, "--outflow", "negative", "--aliases", tmp_path / "edited.csv", *quick,
        "-o", tmp_path / "raw",
    )  # fmt: skip
    assert raw.exit_code == 0, raw.stderr
    words = {"groceries": "Dagligvarer", "hotels": "Hotell", "savings": "Sparekonto",
             "dining and drinking": "Kafé & restaurant", "eating out in pubs": "Uteliv",
             "travel": "Reise"}  # fmt: skip
    clean = frame.assign(amount=frame["amount"].round(2), category=frame["category"].replace(words))
    clean.to_csv(tmp_path / "clean.csv", index=False)
    table.to_csv(tmp_path / "aliases.csv", columns=["category", "use_as"], index=False)
    run_small("segment", tmp_path / "clean.csv", "--aliases", tmp_path / "aliases.csv", *quick,
              "-o", tmp_path / "clean")  # fmt: skip
    for name in ("segments.parquet", "trajectories.parquet"):
        assert (tmp_path / "raw" / name).read_bytes() == (tmp_path / "clean" / name).read_bytes()
    done = run("report", tmp_path / "raw" / "model.json", export, "-o", tmp_path / "page.html")
    assert done.exit_code == 0, done.stderr


def test_a_model_of_merchant_codes_reads_codes_and_shows_names(run, run_small, frame, tmp_path):
    codes = frame.assign(category=frame["category"].map(CODES)).dropna()
    codes.astype({"category": int}).to_csv(tmp_path / "cards.csv", index=False)
    done = run_small("segment", tmp_path / "cards.csv", "--mcc", "--no-stability", "--depth", 1,
                     "-o", tmp_path / "out")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert "5812" not in done.stdout
    assert "dining and drinking" in (tmp_path / "out" / "model.json").read_text()
    placed = run("predict", tmp_path / "out" / "model.json", tmp_path / "cards.csv", "--json",
                 "-o", tmp_path / "placed.parquet")  # fmt: skip
    assert placed.exit_code == 0, placed.stderr
    ours = pd.read_parquet(tmp_path / "out" / "segments.parquet")["segment"].value_counts()
    assert json.loads(placed.stdout)["segments"] == ours.to_dict()


def test_codes_without_the_option_are_met_by_it(run, frame, tmp_path):
    codes = frame.assign(category=frame["category"].map(CODES)).dropna()
    codes.astype({"category": int}).to_csv(tmp_path / "cards.csv", index=False)
    done = run("segment", tmp_path / "cards.csv", "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert "They look like merchant category codes: pass --mcc." in done.stderr


@pytest.mark.parametrize(
    ("alias", "asked"),
    [
        ("Dagligvare,books", "'Dagligvare'. Did you mean 'Dagligvarer'?"),
        ("Dagligvarer,bookz", "'Dagligvarer' -> 'bookz'. Did you mean 'books'?"),
    ],
)
def test_an_alias_with_a_slip_names_its_file_and_asks_what_was_meant(
    run, export, tmp_path, alias, asked
):
    path = tmp_path / "aliases.csv"
    path.write_text(f"mine,theirs\n{alias}\n")
    done = run("segment", export, "--outflow", "negative", "--aliases", path,
               "-o", tmp_path / "out")  # fmt: skip
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: {path}: 1 alias ")
    assert asked in done.stderr


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_spreadsheet_may_have_written_the_aliases(tmp_path, encoding, separator):
    rows = [
        ("category", "use_as", "score"),
        ("kafé", "books", "1"),
        ("x", "", ""),
        ("NA", "pets", ""),
    ]
    text = "\r\n".join(map(separator.join, rows))
    (tmp_path / "aliases.csv").write_bytes(text.encode(encoding))
    assert files.read_aliases(tmp_path / "aliases.csv") == {"kafé": "books", "NA": "pets"}
