"""A folder with the whole study in it: frames, figures, and one page of claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from sklearn.pipeline import make_pipeline

from .._utils._output import output_file
from ..personality import personality_types
from ..plotting import PersonalityDisplay, TrajectoryDisplay
from ._claims import NAMES, UNTESTABLE, judge_claims
from ._figures import draw
from ._transfer import transfer_table

if TYPE_CHECKING:
    from ._paper import PaperStudy

CLAIMS = "claims.md"
LIMITS = (
    "Personality from spending is weak evidence about a person: scores learned from transactions "
    "agree with questionnaires at r = .15 (Gladstone, Matz & Lemaire 2019). Nothing on this page "
    "says what a single customer is like, and no segment may decide about credit, prices or "
    "service."
)
NOT_TESTABLE = {
    "households": "households come without labels",
    "Berka's loans": "the categories of Berka's accounts come without coefficients, and so without "
    "personality",
}
PICTURES = "paper-figures"
"""The step that draws figures 1 and 2."""


def write_study(
    study: PaperStudy, folder: Path, step: Callable[[str], AbstractContextManager[Any]]
) -> pd.DataFrame:
    """Run all studies and write what they find, each as soon as it is there.

    Parameters
    ----------
    study : PaperStudy
    folder : Path
        Has the folders ``frames`` and ``figures``.
    step : callable
        From the name of a study to a context manager, which gives its ``progress``.

    Returns
    -------
    claims : DataFrame
        As :func:`judge_claims` makes it.
    """
    frames, figures = {}, []
    for name, run in study.studies.items():
        with step(name) as progress:
            frames[name] = run(progress)
            _write_frame(frames[name], folder / "frames" / f"{name}.csv")
            for title, figure in draw(name, frames[name]).items():
                figures.append(_write_figure(figure, folder, title))
    with step(PICTURES) as progress:
        for title, display in _paper_figures(study, progress).items():
            figures.append(_write_figure(display.figure_, folder, title))
    claims = judge_claims(frames)
    _write_frame(claims, folder / "claims.csv")
    with output_file(folder / CLAIMS, force=True) as path:
        page = _page(claims, frames, figures, study.effort.customers)
        path.write_text(page, encoding="utf-8")
    return claims


def _write_frame(frame, path):
    with output_file(path, force=True) as temporary:
        frame.to_csv(temporary, index=False)


def _write_figure(figure, folder, title):
    with output_file(folder / "figures" / f"{title}.png", force=True) as temporary:
        figure.savefig(temporary, format="png")
    return title


def _paper_figures(study, progress):
    """Figures 1 and 2, and inside the largest segment of figure 2."""
    panel = study.bank.data
    states, tree = study.fit_drill_down(progress)
    scores = states.scorer_.transform(panel)
    displays = {
        "figure-1": PersonalityDisplay.from_predictions(scores),
        "figure-2": TrajectoryDisplay.from_predictions(
            states.transform(panel), personality_types(scores)
        ),
    }
    top = tree.tree_[tree.tree_["parent"] == 0]
    if len(top):
        displays["figure-2-inside"] = TrajectoryDisplay.from_estimator(
            make_pipeline(states, tree), panel, segment=top["size"].idxmax()
        )
    return displays


def _page(claims, frames, figures, n_customers):
    counts = Counter(claims["verdict"])
    counted = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    lines = [
        "# What the paper claims, and what was found",
        "",
        "Maree & Omlin (2021), *Clustering in Recurrent Neural Networks for Micro-Segmentation "
        f"using Spending Personality*. {len(claims)} claims and data: {counted}. Intervals are of "
        "95 %, by Student's t over repetitions.",
        "",
        LIMITS,
        "",
        f"The synthetic bank has {n_customers:,} customers, whose spending is drawn from traits: "
        "it can show what a method would find if spending were like that, and not that it is.",
    ]
    verdicts = summarise(claims)
    lines += ["", "## In short", "", "| claim | " + " | ".join(verdicts.columns) + " |"]
    lines.append("|---" * (1 + len(verdicts.columns)) + "|")
    lines += [f"| {claim} | " + " | ".join(row) + " |" for claim, row in verdicts.iterrows()]
    reasons = [why for data, why in NOT_TESTABLE.items() if data in verdicts]
    if reasons:
        lines += ["", f"{UNTESTABLE.capitalize()}: {'; '.join(reasons)}."]
    for data, rows in claims.groupby("data", sort=False):
        lines += ["", f"## {data[0].upper()}{data[1:]}", ""]
        lines += ["| claim | paper | here | |", "|---|---|---|---|"]
        for row in rows.itertuples():
            cells = f"{row.claim} ({row.source})", row.paper, row.here, f"**{row.verdict}**"
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    for name, frame in frames.items():
        if "-transfer" in name:
            lines += _transfer_lines(name, transfer_table(frame))
    rules = claims.loc[claims["rule"] != "", ["claim", "rule"]]
    rules = rules.assign(claim=rules["claim"].str.replace(r" \([^)]*\)$", "", regex=True))
    lines += ["", "## By which rules", ""]
    lines += [f"- {row.claim}: {row.rule}." for row in rules.drop_duplicates().itertuples()]
    lines += ["", "## Figures", ""]
    lines += [f"![{title}](figures/{title}.png)" for title in figures]
    return "\n".join(lines) + "\n"


def _transfer_lines(name, table):
    """Tables 1 and 2 of the paper, with what it leaves out, in Markdown."""
    data, _, network = name.partition("-transfer")
    title = f"Tables 1 and 2: {NAMES[data]}{network.replace('-', ', ', 1)}"
    lines = ["", f"## {title}"]
    for (label, size), rows in table.groupby(["label", "size"], sort=False):
        is_class = rows["auc"].notna().any()
        names = ["model", "weights", "trained", "MSE", "R2", "p, against the mean", "seconds"]
        names += ["log loss", "AUC", "Brier"] if is_class else []
        lines += ["", f"{label}, {size:,} labels:", ""]
        lines += ["| " + " | ".join(names) + " |", "|---" + "|---:" * (len(names) - 1) + "|"]
        for row in rows.itertuples():
            counts = row.n_weights, row.n_trainable_weights
            cells = [row.model, *("" if pd.isna(count) else f"{count:,.0f}" for count in counts)]
            cells.append(f"{row.mse:.4f} ± {row.mse_interval:.4f}")
            cells.append(f"{row.r2:.3f} ± {row.r2_interval:.3f}")
            cells.append("" if pd.isna(row.p_better_than_mean) else f"{row.p_better_than_mean:.2g}")
            cells.append(f"{row.seconds:.3f}")
            cells += [f"{row.log_loss:.3f}", f"{row.auc:.3f}", f"{row.brier:.4f}"] * int(is_class)
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def summarise(claims: pd.DataFrame) -> pd.DataFrame:
    """Verdicts by claim, a column for each kind of data, for the screen.

    Returns
    -------
    table : DataFrame
    """
    return (
        claims.drop_duplicates(["claim", "data"])
        .pivot(index="claim", columns="data", values="verdict")
        .reindex(index=pd.unique(claims["claim"]), columns=pd.unique(claims["data"]))
        .fillna(UNTESTABLE)
    )
