"""From the frames of the study to a folder with its claims, figures, and one page about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from sklearn.pipeline import make_pipeline

from .._utils._output import output_file
from ..personality import personality_types
from ..plotting import PersonalityDisplay, TrajectoryDisplay
from ._experiments import DATA, EXPERIMENTS
from ._paper import FULL
from ._rich import RICH, SHARES, rich_table
from ._states import DEFAULT
from ._trajectories import BASELINE
from ._transfer import FEW, transfer_table

if TYPE_CHECKING:
    from .._utils._typing import FilePath
    from ._paper import PaperStudy

CLAIMS = "claims.md"
VERDICTS = {True: "holds", False: "does not hold", None: "measured"}
UNTESTABLE = "not testable here"
MARKS = {"holds": "✓", "does not hold": "✗", "measured": "○", UNTESTABLE: "\N{EN DASH}"}
"""Signs of the verdicts. On the site, the first word is also the class that gives them a colour."""
TOPICS = {
    "IV-A, Fig. 1": "Personality",
    "IV-A": "Windows and units",
    "IV-A, Fig. 2": "Trajectories and segments",
    "Table 1": "Prediction of liquidity",
    "Table 2": "Prediction of default",
    "V": "Future work",
}
"""What the parts of the paper are about."""
LIMITS = (
    "Personality from spending is weak evidence about a person: scores learned from transactions "
    "agree with questionnaires at r = .15 (Gladstone, Matz & Lemaire 2019). Nothing on this page "
    "describes a single customer, and no segment may decide about credit, prices or service."
)
BASELINE_NOTE = (
    "Claims of the paper are judged on its own networks. The baseline needs no network: its "
    "segments are the types of the mean scores so far. They agree with the types by definition, so "
    "that a network can add only two things: customers keep their segment (kappa), and they move "
    f"straight (turn). The claims about {DEFAULT}, an ensemble of networks, say whether it does."
)
RICH_TITLE = "Beyond the paper: shares and a rich panel of real loans"
RICH_NOTE = (
    "The paper reads shares, and every claim is judged on shares. What a [rich panel]"
    "(#beyond-the-paper-shares-and-a-rich-panel-of-real-loans) of the same transactions predicts "
    "has a section of its own: the panel is skspend's, and no claim is judged by it."
)
NOT_TESTABLE = {
    "households": "households have no labels",
    "Berka's loans": "the categories of Berka's accounts have no coefficients, and so there are no "
    "scores of personality",
}
PAPER_FIGURES = "figure-1", "figure-2", "figure-2-inside"


def judge_claims(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Put the paper's claims beside what was measured.

    Parameters
    ----------
    frames : dict of str to DataFrame
        Frames of :class:`PaperStudy` by the names of its studies, all or some of them.

    Returns
    -------
    claims : DataFrame
        A row for each claim and data: ``claim``, ``source``, ``paper`` (the figure of the paper),
        ``data``, ``here`` (the figure found), ``verdict`` and ``rule``, by which it was judged. The
        verdict is "holds", "does not hold", or "measured" where the paper gives no figure or leaves
        the question to future work.

    Raises
    ------
    ValueError
        If a name is not that of a study.

    Examples
    --------
    >>> windows = {"window": ["all", "year", "month"], "same_type": [1.0, 0.6, 0.2]}
    >>> more = {"silhouette": 0.05, "kappa_next": [float("nan"), 0.3, 0.1]}
    >>> claims = judge_claims({"bank-personality": pd.DataFrame(windows | more)})
    >>> claims["verdict"].tolist()
    ['holds', 'holds']
    """
    unknown = [name for name in frames if name not in EXPERIMENTS]
    if unknown:
        raise ValueError(f"frames has {unknown[0]!r}; expected {', '.join(EXPERIMENTS)}.")
    claims = [
        claim._asdict() | {"data": DATA[experiment.data], "verdict": VERDICTS[claim.holds]}
        for name, experiment in EXPERIMENTS.items()
        if name in frames
        for claim in experiment.judge(frames[name])
    ]
    names = ["claim", "source", "paper", "data", "here", "verdict", "rule"]
    return pd.DataFrame(claims, columns=names)


def write_claims(
    frames: Mapping[str, pd.DataFrame], folder: FilePath, *, n_customers: int = FULL.customers
) -> pd.DataFrame:
    """Write the claims, the figures and the page of a study from its frames, without any fit.

    Parameters
    ----------
    frames : dict of str to DataFrame
        As for :func:`judge_claims`; for example read from CSV files of ``skspend study``.
    folder : str or path
        Gets ``claims.csv``, ``claims.md`` and the figures of the frames in ``figures``. The page
        also shows figures 1 and 2, if they are there already.
    n_customers : int, default=26000
        Number of customers of the synthetic bank, for the page.

    Returns
    -------
    claims : DataFrame
        As from :func:`judge_claims`.
    """
    folder = Path(folder)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        _write_figures(name, frame, folder)
    return _write_claims(frames, folder, n_customers)


def write_study(
    study: PaperStudy, folder: Path, step: Callable[[str], AbstractContextManager[Any]]
) -> pd.DataFrame:
    """Run all studies, and write frames, figures and claims as soon as each is there.

    The folder has the folders ``frames`` and ``figures``. `step` makes a context manager that gives
    the ``progress`` of a study, by its name. The claims are returned.
    """
    frames = {}
    for name, run in study.studies.items():
        with step(name) as progress:
            frames[name] = run(progress)
            _write_frame(frames[name], folder / "frames" / f"{name}.csv")
            _write_figures(name, frames[name], folder)
    with step("paper-figures") as progress:
        for name, figure in _paper_figures(study, progress).items():
            _write_figure(figure, folder, name)
    return _write_claims(frames, folder, study.effort.customers)


def _write_claims(frames, folder, n_customers):
    claims = judge_claims(frames)
    frames = {name: frames[name] for name in EXPERIMENTS if name in frames}
    _write_frame(claims, folder / "claims.csv")
    figures = [f"{name}{suffix}" for name in frames for suffix in EXPERIMENTS[name].draw]
    figures += [name for name in PAPER_FIGURES if (folder / "figures" / f"{name}.png").exists()]
    with output_file(folder / CLAIMS, force=True) as path:
        path.write_text(_page(claims, frames, figures, n_customers), encoding="utf-8")
    return claims


def _write_frame(frame, path):
    with output_file(path, force=True) as temporary:
        frame.to_csv(temporary, index=False)


def _write_figures(name, frame, folder):
    for suffix, draw in EXPERIMENTS[name].draw.items():
        _write_figure(draw(frame), folder, f"{name}{suffix}")


def _write_figure(figure, folder, name):
    with output_file(folder / "figures" / f"{name}.png", force=True) as temporary:
        figure.savefig(temporary, format="png")


def _paper_figures(study, progress):
    """Draw figures 1 and 2, and the largest segment of figure 2 from inside if there are any."""
    panel = study.bank.data
    states, tree = study.fit_drill_down(progress)
    scores = states.scorer_.transform(panel)
    trajectories, types = states.transform(panel), personality_types(scores)
    displays = [PersonalityDisplay.from_predictions(scores)]
    displays.append(TrajectoryDisplay.from_predictions(trajectories, types))
    top = tree.tree_[tree.tree_["parent"] == 0]
    if len(top):
        largest, pipeline = top["size"].idxmax(), make_pipeline(states, tree)
        displays.append(TrajectoryDisplay.from_estimator(pipeline, panel, segment=largest))
    return dict(zip(PAPER_FIGURES, (display.figure_ for display in displays), strict=False))


def _page(claims, frames, figures, n_customers):
    counts = Counter(claims["verdict"])
    found = "; ".join(f"{verdict}: {counts[verdict]}" for verdict in VERDICTS.values())
    verdicts = summarise(claims)
    lines = [
        "# What the paper claims, and what was found",
        "",
        "Maree & Omlin (2021), *Clustering in Recurrent Neural Networks for Micro-Segmentation "
        f"using Spending Personality*. {len(claims)} verdicts ({found}). Intervals are at 95 %, by "
        "Student's t over repetitions.",
        "",
        LIMITS,
        "",
        f"The synthetic bank has {n_customers:,} customers, whose spending is drawn from traits. "
        "It shows what a method finds if spending follows traits, and not that it does.",
        "",
        BASELINE_NOTE,
        "",
        *([RICH_NOTE, ""] if "berka-rich" in frames else []),
        "## By which rules",
        "",
        *_folded("The rule by which each claim is judged", _rule_lines(claims)),
        "",
        "## In short",
    ]
    sources = claims.drop_duplicates("claim").set_index("claim")["source"]
    for source, rows in verdicts.groupby(sources.reindex(verdicts.index), sort=False):
        lines += ["", f"### {TOPICS.get(source, 'Other claims')} ({source})", ""]
        cells = ([claim, *map(_mark, row)] for claim, *row in rows.itertuples())
        lines += _table(["claim", *verdicts.columns], cells)
    if reasons := [why for data, why in NOT_TESTABLE.items() if data in verdicts]:
        lines += ["", f"{UNTESTABLE.capitalize()}: {'; '.join(reasons)}."]
    for data, rows in claims.groupby("data", sort=False):
        named = rows["claim"] + " (" + rows["source"] + ")"
        cells = zip(named, rows["paper"], rows["here"], map(_mark, rows["verdict"]), strict=True)
        lines += ["", f"## {data[0].upper()}{data[1:]}", ""]
        table = _table(["claim", "the paper", "found here", "verdict"], cells)
        lines += _folded(f"{len(rows)} claims and the figures behind them", table)
    for name, frame in frames.items():
        data, is_trajectories, _ = name.partition("-trajectories")
        if is_trajectories:
            lines += ["", f"## States, and the baseline: {DATA[data]}", ""]
            lines += _state_lines(frame)
        data, is_transfer, network = name.partition("-transfer")
        if is_transfer:
            networks = network.lstrip("-") or "recurrent and feed-forward"
            lines += ["", f"## Tables 1 and 2: {DATA[data]}, {networks}", ""]
            lines += _folded("All models", _transfer_lines(transfer_table(frame)))
    if "berka-rich" in frames:
        lines += ["", f"## {RICH_TITLE}", "", *_rich_lines(frames["berka-rich"])]
    lines += ["", "## Figures", ""]
    lines += [f"![{name}](figures/{name}.png)" for name in figures]
    return "\n".join(lines) + "\n"


def _rule_lines(claims):
    rules = claims.loc[claims["rule"] != "", ["claim", "rule"]]
    rules = rules.assign(claim=rules["claim"].str.replace(r" \([^)]*\)$", "", regex=True))
    return [f"- {row.claim}: {row.rule}." for row in rules.drop_duplicates().itertuples()]


def _folded(title, lines):
    """Fold what is long away, below a title that unfolds it."""
    return [f"<details><summary>{title}</summary>", "", *lines, "", "</details>"]


def _mark(verdict):
    return f'<span class="verdict-{verdict.split()[0]}">{MARKS[verdict]} {verdict}</span>'


def _state_lines(study):
    """Write what was found on each kind of states, with the baseline first."""
    forms = {"n_segments": ".0f", "ami": "z.2f", "kappa": "z.2f", "turn": ".0f"}
    study = study.sort_values("customers", kind="stable")  # "fitted" precedes "held out".
    found = study.groupby("states", sort=False)
    rows = [
        [
            f"**baseline**: types of {states}" if states == BASELINE else states,
            *(" / ".join(_number(v, form) for v in pair[name]) for name, form in forms.items()),
        ]
        for states, pair in sorted(found, key=lambda group: group[0] != BASELINE)
    ]
    names = ["fitted / held out", "segments", "AMI", "kappa", "turn, degrees"]
    return _table(names, rows, align="---:")


def _transfer_lines(table):
    """Write tables 1 and 2 of the paper, with the models that it leaves out."""
    lines = []
    for (label, size), rows in table.groupby(["label", "size"], sort=False):
        is_class = rows["auc"].notna().any()
        names = ["model", "weights", "trained", "MSE", "R2", "p, against the mean", "seconds"]
        names += ["log loss", "AUC", "Brier"] if is_class else []
        cells = [
            [
                row.model,
                _number(row.n_weights, ",.0f"),
                _number(row.n_trainable_weights, ",.0f"),
                f"{row.mse:.4f} ± {row.mse_interval:.4f}",
                f"{row.r2:.3f} ± {row.r2_interval:.3f}",
                _number(row.p_better_than_mean, ".2g"),
                f"{row.seconds:.3f}",
                *([f"{row.log_loss:.3f}", f"{row.auc:.3f}", f"{row.brier:.4f}"] * int(is_class)),
            ]
            for row in rows.itertuples()
        ]
        lines += ["", f"{label}, {size:,} labels:", "", *_table(names, cells, align="---:")]
    return lines


def _rich_lines(study):
    """Write what the rich panel predicts beside the shares, of which alone the paper speaks."""
    table, readings = rich_table(study), (SHARES, RICH)

    def lines_of(measures):
        names = [f"{words}, {reading}" for words in measures for reading in readings]
        rows = [[model] for model in study["model"].unique()]
        for row, (name, form), reading in product(rows, measures.values(), readings):
            mean, half = table.loc[(row[0], reading), name]
            row.append(f"{mean:{form}} ± {half:{form}}")
        return _table(["model", *names], rows, align="---:")

    return [
        "Shares are what the paper reads, as in Tables 1 and 2: how the money that is spent is "
        "divided among seven categories. The rich panel has the mean log size of a transaction "
        "instead, by kind as the bank writes it, inflows too. Both are of the same six months "
        "before the same loans.",
        "",
        f"Models learn default from {FEW} labels of the earlier half of the loans, and the later "
        f"half judges: means of {study['repetition'].nunique()} draws of labels. The intervals "
        "show what other labels would change, and not what other loans would change. The rich "
        "panel and the network were chosen on the earlier half alone.",
        "",
        *lines_of({"AUC": ("auc", ".3f"), "lead of the frozen network": ("lead", "z.3f")}),
        "",
        "- mean: everybody has the rate of default of the labels.",
        "- logistic regression: on the six months as one.",
        "- frozen autoencoder: that of the paper, with 4 units; logistic regression on its states.",
        "- frozen network: 16 units that read the months and learned to predict the six months as "
        "one; logistic regression on its states.",
        "- whole network: the same with random weights, all trained on the labels; at its best "
        "chance with early stopping and a chosen learning rate.",
        "- lead: AUC of the frozen network minus that of the model, with the same labels.",
        "",
        "Can the probabilities be used as they are? The calibration error is the mean difference "
        "between the predicted and the observed rate of default in five groups of as many loans:",
        "",
        *lines_of({"Brier": ("brier", ".4f"), "calibration error": ("calibration_error", ".3f")}),
    ]


def _number(value, form):
    return "" if pd.isna(value) else format(value, form)


def _table(names, rows, align="---"):
    """Write a table with this alignment of all columns but the first."""
    lines = [[cell.replace("|", "\\|") for cell in row] for row in (names, *rows)]
    lines.insert(1, ["---", *[align] * (len(names) - 1)])
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def summarise(claims: pd.DataFrame) -> pd.DataFrame:
    """Return the verdicts by claim, with a column for each kind of data."""
    return (
        claims.drop_duplicates(["claim", "data"])
        .pivot(index="claim", columns="data", values="verdict")
        .reindex(index=pd.unique(claims["claim"]), columns=pd.unique(claims["data"]))
        .fillna(UNTESTABLE)
    )
