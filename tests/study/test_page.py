"""The folder of a study, written from frames alone."""

import re

import numpy as np
import pandas as pd
import pytest

from skspend.study import write_claims
from skspend.study._page import MARKS, TOPICS, summarise


def elbow(rng):
    networks = ["feed-forward predictor", "recurrent predictor", "recurrent autoencoder"]
    index = pd.MultiIndex.from_product(
        [networks, range(1, 6), range(3)], names=["network", "units", "repetition"]
    )
    rows = index.to_frame(index=False)
    return rows.assign(score=1 - 1 / (rows["units"] + rng.random(len(rows))))


def transfer(rng, sizes):
    kinds = ["pretrained", "random", "random, best chance"]
    models = [f"{network}, {kind}" for network in ("recurrent", "feed-forward") for kind in kinds]
    names = ["label", "size", "model", "repetition"]
    index = pd.MultiIndex.from_product(
        [["liquidity", "default"], sizes, [*models, "mean"], range(3)], names=names
    )
    rows = index.to_frame(index=False)
    values = rng.random((len(rows), 6))
    rows[["mse", "r2", "log_loss", "auc", "brier", "seconds"]] = values
    is_number = rows["label"] == "liquidity"
    rows.loc[is_number, ["log_loss", "auc", "brier"]] = np.nan
    weights = rows["model"].map(lambda name: np.nan if name == "mean" else 1637)
    return rows.assign(r2=-rows["r2"], n_weights=weights, n_trainable_weights=weights / 10)


def rich(rng):
    index = pd.MultiIndex.from_product(
        [["shares", "rich panel"], range(4), ["mean", "logistic regression", "frozen network"]],
        names=["reading", "repetition", "model"],
    )
    rows = index.to_frame(index=False)
    return rows.assign(auc=0.5, brier=rng.random(len(rows)), calibration_error=0.25)


def trajectories(rng):
    states = ["raw spending", "scores", "mean scores so far", "recurrent autoencoder"]
    states += ["feed-forward predictor", "recurrent predictor"]
    states += ["recurrent predictor with noise", "skspend's default"]
    customers = ["fitted", "held out"]
    index = pd.MultiIndex.from_product([states, customers], names=["states", "customers"])
    rows = index.to_frame(index=False)
    names = ["ami", "kappa", "level2_ami", "level2_p", "level3_ami", "level3_p"]
    rows[names] = rng.random((len(rows), 6))
    baseline = rows["states"] == "mean scores so far"
    rows.loc[baseline, ["ami", "kappa"]] = [[1.0, 0.714], [1.0, 0.706]]
    return rows.assign(n_segments=10, turn=90.0)


def window(rng):
    index = pd.MultiIndex.from_product(
        [[1, 2, 6], ["states", "mean scores so far"]], names=["window", "method"]
    )
    rows = index.to_frame(index=False)
    return rows.assign(kappa=rng.random(len(rows)), agreement=rng.random(len(rows)))


def noise(rng):
    kept = ["model", "network", "nothing", "scores"]
    index = pd.MultiIndex.from_product(
        [[0.0, 0.2], [0.0, 0.05], kept], names=["noise", "outliers", "kept"]
    )
    rows = index.to_frame(index=False)
    return rows.assign(changed=rng.random(len(rows)))


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """Frames by name, read from CSV files as after ``skspend study``."""
    rng = np.random.default_rng(0)
    made = {
        "berka-rich": rich(rng),
        "berka-transfer": transfer(rng, [100]),
        "households-noise": noise(rng),
        "households-window": window(rng),
        "bank-transfer-recurrent": transfer(rng, [100, 500]),
        "bank-elbow": elbow(rng),
        "bank-trajectories": trajectories(rng),
    }
    folder = tmp_path_factory.mktemp("frames")
    for name, frame in made.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    return {name: pd.read_csv(folder / f"{name}.csv") for name in made}


@pytest.fixture(scope="module")
def folder(frames, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    write_claims({"households-window": frames["households-window"]}, folder)
    (folder / "figures" / "figure-1.png").write_bytes(b"drawn before")
    claims = write_claims(frames, folder, n_customers=1234)
    pd.testing.assert_frame_equal(claims, pd.read_csv(folder / "claims.csv").fillna(""))
    return folder


def test_every_frame_has_its_figures_and_the_page_shows_them_in_the_order_of_the_study(folder):
    shown = [
        line.removeprefix("![").split("]")[0]
        for line in (folder / "claims.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("![")
    ]
    assert shown == [
        "bank-elbow",
        "bank-transfer-recurrent",
        "bank-transfer-recurrent-sizes",
        "households-window",
        "households-noise",
        "berka-transfer",
        "berka-rich",
        "figure-1",
    ]
    for name in shown[:-1]:
        assert (folder / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_has_every_claim_with_its_verdict_and_rule(folder):
    text = (folder / "claims.md").read_text(encoding="utf-8")
    claims = pd.read_csv(folder / "claims.csv", keep_default_na=False)
    for claim in claims.itertuples():
        verdict = f'<span class="verdict-{claim.verdict.split()[0]}">{MARKS[claim.verdict]}'
        cells = f"{claim.claim} ({claim.source})", claim.paper, claim.here, verdict
        assert f"| {' | '.join(cells)} {claim.verdict}</span> |" in text
        assert claim.rule in text
    assert "The synthetic bank has 1,234 customers" in text
    assert "r = .15" in text


def test_rules_come_first_and_claims_are_grouped_by_their_topic(folder):
    text = (folder / "claims.md").read_text(encoding="utf-8")
    headings = re.findall(r"^##+ (.+)$", text, re.MULTILINE)
    assert headings[:2] == ["By which rules", "In short"]
    claims = pd.read_csv(folder / "claims.csv", keep_default_na=False)
    topics = [heading for heading in headings if heading.endswith(")")]
    assert topics == [f"{TOPICS[source]} ({source})" for source in pd.unique(claims["source"])]
    # What is folded has a line above and below, or it would not be read as Markdown.
    assert text.count("<details>") == text.count("\n\n</details>\n") > 3
    assert text.count("</summary>\n\n") == text.count("<details>")


def test_the_page_has_tables_1_and_2_of_each_transfer_study(folder):
    text = (folder / "claims.md").read_text(encoding="utf-8")
    assert "## Tables 1 and 2: synthetic bank, recurrent\n" in text
    assert "## Tables 1 and 2: Berka's loans, recurrent and feed-forward\n" in text
    assert text.count("default, 100 labels:") == 2
    assert text.count("default, 500 labels:") == 1


def test_the_rich_panel_has_a_section_apart_beside_the_shares(folder):
    text = (folder / "claims.md").read_text(encoding="utf-8")
    (title,) = re.findall("^## (Beyond the paper: .+)$", text, re.MULTILINE)
    above, section = text.split(f"## {title}\n")
    note = f"](#{re.sub('[^a-z]+', '-', title.lower())}) of the same transactions"
    assert note in above.split("## By which rules")[0]
    assert "rich panel" not in above.split("## By which rules")[1]
    assert "means of 4 draws" in section
    assert "| logistic regression | 0.500 ± 0.000 | 0.500 ± 0.000 | 0.000 ± 0.000 |" in section
    assert section.count("| 0.250 ± 0.000 | 0.250 ± 0.000 |\n") == 3


def test_a_page_without_the_loans_says_nothing_of_a_rich_panel(frames, tmp_path):
    write_claims({"households-window": frames["households-window"]}, tmp_path)
    assert "rich panel" not in (tmp_path / "claims.md").read_text(encoding="utf-8")


def test_the_baseline_is_the_first_of_the_states(folder):
    lines = (folder / "claims.md").read_text(encoding="utf-8").splitlines()
    start = lines.index("## States, and the baseline: synthetic bank")
    assert lines[start + 2] == "| fitted / held out | segments | AMI | kappa | turn, degrees |"
    baseline = "| **baseline**: types of mean scores so far | 10 / 10 | 1.00 / 1.00 | 0.71 / 0.71"
    assert lines[start + 4] == f"{baseline} | 90 / 90 |"
    assert lines[start + 5].startswith("| raw spending | 10 / 10 | ")


def test_claims_that_some_data_cannot_test_are_said_to_be_so(folder):
    claims = pd.read_csv(folder / "claims.csv", keep_default_na=False)
    verdicts = summarise(claims)
    assert list(verdicts) == ["synthetic bank", "households", "Berka's loans"]
    noise = verdicts.loc["Future work: noise and outliers"]
    assert noise.tolist() == ["not testable here", "measured", "not testable here"]
    assert "Not testable here: households have no labels" in (folder / "claims.md").read_text()
