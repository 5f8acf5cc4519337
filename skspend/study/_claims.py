"""What the paper claims, beside what was measured here.

The frames of the studies come in; out comes a table of claims, with the paper's figure, the one
found on each data, and whether the claim holds there by a rule that is written beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from ._elbow import elbow_table
from ._transfer import FEW, MEAN, p_value_of_less, transfer_table

HOLDS, FAILS, UNTESTABLE, MEASURED = "holds", "does not hold", "not testable here", "measured"
FUZZY = 0.25
"""Silhouettes below it show no substantial structure (Kaufman & Rousseeuw 1990, table 2)."""
ALMOST_PERFECT = 0.8
"""Kappas from it on are almost perfect agreement (Landis & Koch 1977)."""
PERPENDICULAR = 90
"""Degrees: from it on a trajectory turns back as much as it goes on; 120 is independent noise."""
SIGNIFICANT = 0.05
ASKED_R2 = 0.05
NAMES = {"bank": "synthetic bank", "households": "households", "berka": "Berka's loans"}


class Claim(NamedTuple):
    """One claim, on one kind of data."""

    claim: str
    source: str
    """Section, table or figure of the paper."""
    paper: str
    """The paper's figure."""
    data: str
    here: str
    verdict: str
    rule: str
    """When it holds."""


def judge_claims(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Put the paper's claims beside what was measured.

    Parameters
    ----------
    frames : dict of str to DataFrame
        What the studies of a :class:`~skspend.study.PaperStudy` returned, by their names;
        some of them are enough.

    Returns
    -------
    claims : DataFrame
        A row for each claim and data: ``claim``, ``source``, ``paper``, ``data``, ``here``,
        ``verdict`` ("holds", "does not hold", or "measured" where the paper gives no figure or has
        left the question for the future) and ``rule``, by which it was judged.

    Examples
    --------
    >>> windows = {"window": ["all", "year", "month"], "same_type": [1.0, 0.6, 0.2]}
    >>> more = {"silhouette": 0.05, "kappa_next": [float("nan"), 0.3, 0.1]}
    >>> claims = judge_claims({"bank-personality": pd.DataFrame(windows | more)})
    >>> claims["verdict"].tolist()
    ['holds', 'holds']
    """
    claims = []
    for name, frame in frames.items():
        data, _, study = name.partition("-")
        claims += _JUDGES[study.split("-")[0]](NAMES[data], frame)
    return pd.DataFrame(claims, columns=Claim._fields)


def _verdict(holds):
    return HOLDS if holds else FAILS


def _by_window(rows, name):
    return ", ".join(
        f"{value:.2f} ({window}{' months' * str(window).isdigit()})"
        for window, value in zip(rows["window"], rows[name], strict=True)
    )


def _personality(data, windows):
    rest = windows[windows["window"] != "all"]
    overall = windows.loc[windows["window"] == "all"].iloc[0]
    shares = _by_window(rest, "same_type")
    return [
        Claim(
            "Scores form fuzzy clusters along the dominant trait",
            "IV-A, Fig. 1",
            "a picture",
            data,
            f"silhouette of the ten types {overall.silhouette:.2f}",
            _verdict(overall.silhouette < FUZZY),
            f"a silhouette below {FUZZY}: no gaps",
        ),
        Claim(
            "Shorter windows give unstable clusters",
            "IV-A",
            "no figure",
            data,
            f"share of windows whose type is the overall one: {shares}",
            _verdict((np.diff(rest["same_type"]) < 0).all()),
            "the shorter the window, the fewer have the overall type",
        ),
    ]


def _elbow(data, results):
    table = elbow_table(results)
    claims = []
    for network, rows in table.groupby("network", sort=False):
        elbow = rows[rows["is_elbow"]].iloc[0]
        curve = ", ".join(f"{row.units}: {row.score:.2f}" for row in rows.itertuples())
        is_told = network == "recurrent predictor"
        half = (elbow.high - elbow.low) / 2
        claims.append(
            Claim(
                f"Three units are the point of diminishing returns ({network})",
                "IV-A",
                "3" if is_told else "no figure",
                data,
                f"{elbow.units}, with {elbow.score:.3f} ± {half:.3f}; all: {curve}",
                _verdict(elbow.units == 3) if is_told else MEASURED,
                "the elbow is at 3",
            )
        )
    return claims


def _trajectories(data, study):
    unseen = study[study["customers"] == "held out"].set_index("states")
    known = study[study["customers"] == "fitted"].set_index("states")
    paper, ours = "recurrent predictor, paper", "recurrent predictor"
    base, raw = "mean scores so far", "raw spending"

    def both(states, name, digits=2):
        values = known.loc[states, name], unseen.loc[states, name]
        return " / ".join(f"{value:.{digits}f}" for value in values)

    def segments(states):
        n_segments = unseen.loc[states, "n_segments"]
        return "one segment" if n_segments == 1 else f"{n_segments} segments"

    def divides(states, bound):
        return unseen.loc[states, "n_segments"] > 1 and unseen.loc[states, "ami"] > bound

    def levels(states):
        row = unseen.loc[states]
        return ", ".join(
            f"level {level}: AMI {row[f'level{level}_ami']:.3f}, p {row[f'level{level}_p']:.3f}"
            for level in (2, 3)
            if np.isfinite(row[f"level{level}_p"])
        )

    def follows_lesser_traits(states):
        p_values = unseen.loc[states, ["level2_p", "level3_p"]].to_numpy(dtype=float)
        return bool((p_values < SIGNIFICANT).all())

    either = "fitted / held out"
    unseen_ami = unseen.loc[base, "ami"]
    claims = []

    def claim(text, here, holds, rule):
        claims.append(Claim(text, "IV-A, Fig. 2", "no figure", data, here, _verdict(holds), rule))

    claim(
        "Trajectories of the recurrent predictor turn little",
        f"{both(paper, 'turn', 0)} degrees ({either}); {both(ours, 'turn', 0)} with noise on the "
        f"states; raw spending {both(raw, 'turn', 0)}",
        unseen.loc[paper, "turn"] < PERPENDICULAR,
        f"held out, below {PERPENDICULAR} degrees",
    )
    claim(
        "Raw spending shows no such trajectories",
        f"{both(raw, 'turn', 0)} degrees ({either}), scores {both('scores', 'turn', 0)}",
        unseen.loc[raw, "turn"] >= PERPENDICULAR,
        f"{PERPENDICULAR} degrees or more",
    )
    for states, what in (
        (paper, "the paper's network"),
        (ours, "with noise on the states and a penalty on steps"),
    ):
        claim(
            f"Trajectories cluster by the dominant trait, {what}",
            f"{segments(states)}, AMI {both(states, 'ami')} ({either}), "
            f"k-means on mean scores {both(base, 'ami')}",
            divides(states, unseen_ami),
            "held out, several segments, and a higher AMI than k-means on mean scores",
        )
    claim(
        "Sub-clusters follow the lesser traits",
        f"held out: {levels(ours)}",
        follows_lesser_traits(ours),
        "held out, levels 2 and 3 agree with second and third trait beyond 95 % of shuffles",
    )
    claim(
        "Every customer stays in the same segment",
        f"kappa, middle to last period, {both(ours, 'kappa', 3)} ({either}), k-means on mean "
        f"scores {both(base, 'kappa', 3)}",
        unseen.loc[ours, "kappa"] >= ALMOST_PERFECT,
        f"held out, kappa of at least {ALMOST_PERFECT}",
    )
    auto = "recurrent autoencoder"
    claim(
        "The recurrent autoencoder has similar trajectories",
        f"{both(auto, 'turn', 0)} degrees ({either})",
        unseen.loc[auto, "turn"] < PERPENDICULAR,
        f"held out, below {PERPENDICULAR} degrees",
    )
    claim(
        "The recurrent autoencoder has no clustering",
        f"{segments(auto)}, AMI {both(auto, 'ami')} ({either})",
        unseen.loc[auto, "ami"] < unseen_ami / 2,
        "held out, less than half of the AMI of k-means on mean scores",
    )
    forward = "feed-forward predictor"
    claim(
        "Feed-forward features cluster by the dominant trait",
        f"{segments(forward)}, AMI {both(forward, 'ami')} ({either})",
        divides(forward, unseen.loc[raw, "ami"] + 0.05),
        "held out, several segments, AMI above that of raw spending by .05",
    )
    claim(
        "Feed-forward features have no sub-clustering",
        f"held out: {levels(forward) or 'no lower levels'}",
        not unseen.loc[forward, "level2_p"] < SIGNIFICANT,
        "held out, level 2 does not agree with the second trait beyond 95 % of shuffles",
    )
    claim(
        "Feed-forward features have neither trajectories nor stability",
        f"{both(forward, 'turn', 0)} degrees, kappa {both(forward, 'kappa')} ({either})",
        unseen.loc[forward, "turn"] >= PERPENDICULAR
        and unseen.loc[forward, "kappa"] < ALMOST_PERFECT,
        f"held out, {PERPENDICULAR} degrees or more and a kappa below {ALMOST_PERFECT}",
    )
    return claims


PAPER_TABLES = {
    ("liquidity", "recurrent"): ("Table 1", "0.81 ± 0.016 against 0.81 ± 0.012"),
    ("liquidity", "feed-forward"): ("Table 1", "0.81 ± 0.035 against 0.81 ± 0.048"),
    ("default", "recurrent"): ("Table 2", "11.4 ± 0.006 against 11.4 ± 0.048"),
    ("default", "feed-forward"): ("Table 2", "6.4 ± 0.002 against 6.7 ± 0.125"),
}
PAPER_WEIGHTS = {"recurrent": (1637, 5), "feed-forward": (506, 6)}


def _transfer(data, study):
    claims = []
    table = transfer_table(study).set_index(["label", "size", "model"])
    for label in study["label"].unique():
        for network in PAPER_WEIGHTS:
            if (label, FEW, f"{network}, random") in table.index:
                claims += _transfer_of(data, study, table, label, network)
    return claims


def _transfer_of(data, study, table, label, network):
    few = table.loc[label].loc[FEW]
    ours, random, best = (
        f"{network}, {kind}" for kind in ("pretrained", "random", "random, best chance")
    )
    source, paper = PAPER_TABLES[label, network]

    def mse(model):
        return f"{few.loc[model, 'mse']:.4f} ± {few.loc[model, 'mse_interval']:.4f}"

    claims = []

    def claim(text, paper, here, verdict, rule):
        text = f"{text} ({network}, {label})"
        claims.append(Claim(text, source, paper, data, here, verdict, rule))

    claim(
        "Pretrained features do as well as random weights trained whole",
        paper,
        f"MSE {mse(ours)} against {mse(random)}, and {mse(best)} at its best chance; knowing "
        f"nothing {mse(MEAN)}",
        _verdict(few.loc[ours, "mse"] <= few.loc[random, "mse"]),
        "the mean MSE is no higher",
    )
    claim(
        "Their interval is narrower",
        paper,
        f"half of it {few.loc[ours, 'mse_interval']:.4f} against "
        f"{few.loc[random, 'mse_interval']:.4f}, and {few.loc[best, 'mse_interval']:.4f} at its "
        f"best chance",
        _verdict(few.loc[ours, "mse_interval"] < few.loc[random, "mse_interval"]),
        "narrower than that of random weights",
    )
    total, head = PAPER_WEIGHTS[network]
    found = few.loc[ours, ["n_weights", "n_trainable_weights"]].astype(int).tolist()
    claim(
        "Far fewer weights are trained",
        f"{head} of {total}",
        f"{found[1]} of {found[0]}",
        _verdict(found[1] < found[0] / 5),
        "less than a fifth",
    )
    seconds = few["seconds"]
    claim(
        "Training takes less time",
        "no figure",
        f"{seconds[ours] * 1000:.0f} ms against {seconds[random] * 1000:.0f} ms",
        _verdict(seconds[ours] < seconds[random]),
        "fewer seconds",
    )
    larger = table.loc[label].query("size > @FEW and model in [@random, @best]")
    if len(larger):
        errors = ", ".join(
            f"{row.mse:.4f} ± {row.mse_interval:.4f} ({size:,}"
            f"{' at its best chance' if model == best else ''})"
            for (size, model), row in larger.iterrows()
        )
        claim(
            f"With {FEW} labels they do as well as random weights on larger data",
            "no figure",
            f"MSE {mse(ours)} against {errors}",
            _verdict((few.loc[ours, "mse"] <= larger["mse"]).all()),
            "no higher MSE at any of these numbers of labels",
        )
    pretrained = [name for name in few.index if name.startswith(network) and "pretrained" in name]
    chosen = few.loc[pretrained, "mse"].idxmin()
    p_mean = few.loc[chosen, "p_better_than_mean"]
    p_best = p_value_of_less(study, label, FEW, chosen, best)
    row = few.loc[chosen]
    claim(
        f"Beyond the paper: the best pretrained one reaches an R2 of {ASKED_R2}",
        "not asked",
        f"{chosen}: R2 {row['r2']:.3f} ± {row['r2_interval']:.3f}; MSE {mse(chosen)}, below the "
        f"mean with p {p_mean:.2g}, below the best chance of random weights, {mse(best)}, with p "
        f"{p_best:.2g}; the paper's own: R2 {few.loc[ours, 'r2']:.3f} ± "
        f"{few.loc[ours, 'r2_interval']:.3f}",
        _verdict(
            row["r2"] >= ASKED_R2
            and p_mean < SIGNIFICANT
            and p_best < SIGNIFICANT
            and row["mse_interval"] < few.loc[best, "mse_interval"]
        ),
        f"R2 of at least {ASKED_R2}, an MSE below mean and best chance (one-sided, paired, "
        f"p < {SIGNIFICANT}), and an interval narrower than that of the best chance",
    )
    return claims


def _window(data, study):
    states = study[study["method"] == "states"]
    others = study[study["method"] == "mean scores so far"]

    lowest, ceiling = states["agreement"].min(), states["agreement"].iloc[-1]
    return [
        Claim(
            "Future work: segments from states do not depend on the window of aggregation",
            "V",
            "a hypothesis",
            data,
            f"adjusted Rand index with the longest window and another seed: states "
            f"{_by_window(states, 'agreement')}; mean scores {_by_window(others, 'agreement')}",
            _verdict(lowest >= 0.8 * ceiling),
            "at no window below .8 of what the seed alone leaves",
        ),
        Claim(
            "Future work: at each window they are more stable in time than segments from scores",
            "V",
            "a hypothesis",
            data,
            f"kappa: states {_by_window(states, 'kappa')}; mean scores "
            f"{_by_window(others, 'kappa')}",
            _verdict((states["kappa"].to_numpy() > others["kappa"].to_numpy()).all()),
            "a higher kappa at each window",
        ),
    ]


def _noise(data, study):
    changed = study.groupby(["kept", "noise", "outliers"])["changed"].mean()

    def series(kept):
        return ", ".join(
            f"{value:.1%} (noise {noise:g}, outliers {outliers:g})"
            for (noise, outliers), value in changed[kept].items()
            if noise or outliers
        )

    return [
        Claim(
            "Future work: noise and outliers",
            "V",
            "to be inspected",
            data,
            f"customers who change their segment, {kept}: {series(name)}",
            MEASURED,
            "",
        )
        for name, kept in (
            ("model", "the model kept as it is"),
            ("network", "the tree grown anew"),
            ("nothing", "all made anew"),
            ("scores", "k-means on mean scores kept as it is"),
        )
    ]


_JUDGES = {
    "personality": _personality,
    "elbow": _elbow,
    "trajectories": _trajectories,
    "transfer": _transfer,
    "window": _window,
    "noise": _noise,
}
