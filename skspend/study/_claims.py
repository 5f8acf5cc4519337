"""What the paper claims, beside what was measured here, by the frames of the studies."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np

from .._utils._text import count
from ._elbow import elbow_table
from ._states import DEFAULT, WITH_NOISE
from ._trajectories import BASELINE
from ._transfer import FEW, MEAN, p_value_of_less, transfer_table

FUZZY = 0.25
"""Lower silhouettes show no substantial structure (Kaufman & Rousseeuw 1990, table 2)."""
ALMOST_PERFECT = 0.8
"""Higher kappas are almost perfect agreement (Landis & Koch 1977)."""
PERPENDICULAR = 90
"""Degrees: with a larger turn a trajectory goes back more than on; 120 is independent noise."""
SIGNIFICANT = 0.05
ASKED_R2 = 0.05
MARGIN_OF_AMI = 0.05
PAPER_TABLES = {
    ("liquidity", "recurrent"): ("Table 1", "0.81 ± 0.016 against 0.81 ± 0.012"),
    ("liquidity", "feed-forward"): ("Table 1", "0.81 ± 0.035 against 0.81 ± 0.048"),
    ("default", "recurrent"): ("Table 2", "11.4 ± 0.006 against 11.4 ± 0.048"),
    ("default", "feed-forward"): ("Table 2", "6.4 ± 0.002 against 6.7 ± 0.125"),
}
PAPER_WEIGHTS = {"recurrent": (1637, 5), "feed-forward": (506, 6)}
KEPT = {
    "model": "network and tree kept",
    "network": "network kept, tree fitted again",
    "nothing": "network and tree fitted again",
    "scores": "types of mean scores",
}
"""What the rows of a noise study are called on the page and in figures."""


class Claim(NamedTuple):
    """A claim, what was found here, and what the paper found; `holds` is None without a rule."""

    claim: str
    here: str
    holds: bool | None
    rule: str
    source: str
    paper: str = "no figure"


def judge_personality(windows):
    rest = windows[windows["window"] != "all"]
    overall = windows.loc[windows["window"] == "all"].iloc[0]
    yield Claim(
        "Scores form fuzzy clusters along the dominant trait",
        f"silhouette of the ten types {overall.silhouette:.2f}",
        overall.silhouette < FUZZY,
        f"the silhouette is below {FUZZY}, so there are no gaps",
        source="IV-A, Fig. 1",
        paper="a picture",
    )
    yield Claim(
        "Shorter windows give unstable clusters",
        f"share of windows with the overall type: {_by_window(rest, 'same_type')}",
        (np.diff(rest["same_type"]) < 0).all(),
        "the share of windows with the overall type falls with each shorter window",
        source="IV-A",
    )


def _by_window(rows, name):
    windows = rows["window"].astype(str)
    windows = [count(int(one), "month") if one.isdigit() else one for one in windows]
    each = zip(windows, rows[name], strict=True)
    return ", ".join(f"{value:.2f} ({window})" for window, value in each)


def judge_elbow(results):
    for network, rows in elbow_table(results).groupby("network", sort=False):
        elbow = rows[rows["is_elbow"]].iloc[0]
        curve = ", ".join(f"{row.units}: {row.score:.2f}" for row in rows.itertuples())
        is_claimed = network == "recurrent predictor"
        half = (elbow.high - elbow.low) / 2
        yield Claim(
            f"Three units are the point of diminishing returns ({network})",
            f"{elbow.units}, with a score of {elbow.score:.3f} ± {half:.3f}; by units: {curve}",
            elbow.units == 3 if is_claimed else None,
            "the elbow is at 3 units",
            source="IV-A",
            paper="3" if is_claimed else "no figure",
        )


def judge_trajectories(study):
    claim = partial(Claim, source="IV-A, Fig. 2")
    beyond = partial(claim, paper="not asked")
    rows = dict(iter(study.set_index("states").groupby("customers")))
    fitted, held_out = rows["fitted"], rows["held out"]
    paper, auto, forward = "recurrent predictor", "recurrent autoencoder", "feed-forward predictor"
    raw, either = "raw spending", "(fitted / held out)"

    def both(states, name, digits=2):
        return " / ".join(f"{found.loc[states, name]:z.{digits}f}" for found in (fitted, held_out))

    def segments(states):
        n_segments = held_out.loc[states, "n_segments"]
        found = "one segment" if n_segments == 1 else f"{n_segments} segments"
        return f"{found}, AMI {both(states, 'ami')} {either}"

    def clusters(states):
        bound = held_out.loc[raw, "ami"] + MARGIN_OF_AMI
        return held_out.loc[states, "n_segments"] > 1 and held_out.loc[states, "ami"] > bound

    def levels(states):
        row = held_out.loc[states]
        found = [
            f"level {level}: AMI {row[f'level{level}_ami']:.3f}, p {row[f'level{level}_p']:.3f}"
            for level in (2, 3)
            if np.isfinite(row[f"level{level}_p"])
        ]
        return f"held out: {', '.join(found) or 'no lower levels'}"

    yield claim(
        "Trajectories of the recurrent predictor turn little",
        f"{both(paper, 'turn', 0)} degrees {either}, {both(WITH_NOISE, 'turn', 0)} with noise on "
        f"the states; raw spending {both(raw, 'turn', 0)}; {BASELINE} {both(BASELINE, 'turn', 0)}",
        held_out.loc[paper, "turn"] < PERPENDICULAR,
        f"held out, the turn is below {PERPENDICULAR} degrees",
    )
    yield claim(
        "Raw spending shows no such trajectories",
        f"{both(raw, 'turn', 0)} degrees {either}; scores {both('scores', 'turn', 0)}",
        held_out.loc[raw, "turn"] >= PERPENDICULAR,
        f"held out, the turn is {PERPENDICULAR} degrees or more",
    )
    by_trait = (
        f"held out, there are several segments, and the AMI exceeds that of raw spending by more "
        f"than {MARGIN_OF_AMI}"
    )
    yield claim(
        "Trajectories cluster by the dominant trait",
        f"{segments(paper)}; types of {BASELINE} {both(BASELINE, 'ami')} by definition",
        clusters(paper),
        by_trait,
    )
    yield claim(
        "Sub-clusters follow the lesser traits",
        levels(paper),
        (held_out.loc[paper, ["level2_p", "level3_p"]].astype(float) < SIGNIFICANT).all(),
        "held out, levels 2 and 3 agree with the second and third trait more than in 95 % of the "
        "shuffles",
    )
    yield claim(
        "Every customer stays in the same segment",
        f"kappa from the middle to the last period {both(paper, 'kappa', 3)} {either}; types of "
        f"{BASELINE} {both(BASELINE, 'kappa', 3)}",
        held_out.loc[paper, "kappa"] >= ALMOST_PERFECT,
        f"held out, kappa is at least {ALMOST_PERFECT}",
    )
    yield claim(
        "The recurrent autoencoder has similar trajectories",
        f"{both(auto, 'turn', 0)} degrees {either}",
        held_out.loc[auto, "turn"] < PERPENDICULAR,
        f"held out, the turn is below {PERPENDICULAR} degrees",
    )
    yield claim(
        "The recurrent autoencoder has no clustering",
        segments(auto),
        not clusters(auto),
        f"held out, there is one segment, or the AMI exceeds that of raw spending by no more than "
        f"{MARGIN_OF_AMI}",
    )
    yield claim(
        "Feed-forward features cluster by the dominant trait",
        segments(forward),
        clusters(forward),
        by_trait,
    )
    yield claim(
        "Feed-forward features have no sub-clustering",
        levels(forward),
        not held_out.loc[forward, "level2_p"] < SIGNIFICANT,
        "held out, level 2 does not agree with the second trait more than in 95 % of the shuffles",
    )
    turn, kappa = held_out.loc[forward, ["turn", "kappa"]]
    yield claim(
        "Feed-forward features have neither trajectories nor stability",
        f"{both(forward, 'turn', 0)} degrees, kappa {both(forward, 'kappa')} {either}",
        turn >= PERPENDICULAR and kappa < ALMOST_PERFECT,
        f"held out, the turn is {PERPENDICULAR} degrees or more and kappa below {ALMOST_PERFECT}",
    )
    yield beyond(
        "Beyond the paper: customers keep their segment more than the type of their mean scores",
        f"{DEFAULT}: kappa from the middle to the last period {both(DEFAULT, 'kappa', 3)}, with "
        f"{segments(DEFAULT)}; types of {BASELINE} {both(BASELINE, 'kappa', 3)}",
        held_out.loc[DEFAULT, "kappa"] > held_out.loc[BASELINE, "kappa"],
        f"held out, kappa of {DEFAULT} is higher than that of the types",
    )
    yield beyond(
        "Beyond the paper: customers move straighter than their mean scores",
        f"{DEFAULT}: {both(DEFAULT, 'turn', 0)} degrees {either}; {BASELINE} "
        f"{both(BASELINE, 'turn', 0)}",
        held_out.loc[DEFAULT, "turn"] < held_out.loc[BASELINE, "turn"],
        f"held out, {DEFAULT} turns less than the mean scores",
    )


def judge_transfer(study):
    table = transfer_table(study).set_index(["label", "size", "model"])
    for label, network in product(study["label"].unique(), PAPER_WEIGHTS):
        if (label, FEW, f"{network}, random") in table.index:
            yield from _judge_transfer(study, table.loc[label], label, network)


def _judge_transfer(study, table, label, network):
    few = table.loc[FEW]
    ours, random = f"{network}, pretrained", f"{network}, random"
    best = f"{random}, best chance"
    source, paper = PAPER_TABLES[label, network]
    total, head = PAPER_WEIGHTS[network]
    found_total, found_head = few.loc[ours, ["n_weights", "n_trainable_weights"]].astype(int)
    width, seconds = few["mse_interval"], few["seconds"]

    def claim(text, here, holds, rule, paper="no figure"):
        return Claim(f"{text} ({network}, {label})", here, holds, rule, source, paper)

    def mse(model):
        return f"{few.loc[model, 'mse']:.4f} ± {width[model]:.4f}"

    yield claim(
        "Pretrained features do as well as random weights trained whole",
        f"MSE {mse(ours)} against {mse(random)}, and {mse(best)} with early stopping and a chosen "
        f"learning rate; predicting the mean {mse(MEAN)}",
        few.loc[ours, "mse"] <= few.loc[random, "mse"],
        "the mean MSE is not higher",
        paper,
    )
    yield claim(
        "The interval of pretrained features is narrower",
        f"half-width {width[ours]:.4f} against {width[random]:.4f}, and {width[best]:.4f} with "
        f"early stopping and a chosen learning rate",
        width[ours] < width[random],
        "it is narrower than that of random weights",
        paper,
    )
    yield claim(
        "Far fewer weights are trained",
        f"{found_head} of {found_total}",
        found_head < found_total / 5,
        "less than a fifth of the weights is trained",
        f"{head} of {total}",
    )
    yield claim(
        "Training takes less time",
        f"{seconds[ours] * 1000:.0f} ms against {seconds[random] * 1000:.0f} ms",
        seconds[ours] < seconds[random],
        "it takes fewer seconds",
    )
    larger = table.query("size > @FEW and model in [@random, @best]")
    if len(larger):
        errors = ", ".join(
            f"{row.mse:.4f} ± {row.mse_interval:.4f} ({size:,} labels"
            f"{', early stopping' if model == best else ''})"
            for (size, model), row in larger.iterrows()
        )
        yield claim(
            f"With {FEW} labels they do as well as random weights with more labels",
            f"MSE {mse(ours)} against {errors}",
            (few.loc[ours, "mse"] <= larger["mse"]).all(),
            "the MSE is not higher than with any of these numbers of labels",
        )
    pretrained = [name for name in few.index if name.startswith(network) and "pretrained" in name]
    chosen = few.loc[pretrained, "mse"].idxmin()
    p_mean = few.loc[chosen, "p_better_than_mean"]
    p_best = p_value_of_less(study, label, FEW, chosen, best)
    r2, r2_interval = few.loc[chosen, ["r2", "r2_interval"]]
    yield claim(
        f"Beyond the paper: the best pretrained features reach an R2 of {ASKED_R2}",
        f"{chosen}: R2 {r2:.3f} ± {r2_interval:.3f}; MSE {mse(chosen)}, below predicting the mean "
        f"with p {p_mean:.2g}, below random weights with early stopping, {mse(best)}, with p "
        f"{p_best:.2g}; the paper's own: R2 {few.loc[ours, 'r2']:.3f} ± "
        f"{few.loc[ours, 'r2_interval']:.3f}",
        r2 >= ASKED_R2 and max(p_mean, p_best) < SIGNIFICANT and width[chosen] < width[best],
        f"R2 is at least {ASKED_R2}, the MSE is below that of predicting the mean and of random "
        f"weights with early stopping (one-sided, paired, p < {SIGNIFICANT}), and the interval is "
        f"narrower than that of the latter",
        "not asked",
    )


def judge_rich(study):
    """Judge nothing: the paper claims nothing about what the rich panel reads."""
    yield from ()


def judge_window(study):
    claim = partial(Claim, source="V", paper="a hypothesis")
    states, scores = (study[study["method"] == method] for method in ("states", BASELINE))
    yield claim(
        "Future work: segments from states do not depend on the window of aggregation",
        f"adjusted Rand index with the longest window and another seed: states "
        f"{_by_window(states, 'agreement')}; types of mean scores "
        f"{_by_window(scores, 'agreement')}",
        states["agreement"].min() >= 0.8 * states["agreement"].iloc[-1],
        "for no window the index is below .8 of that for the longest, where only the seed differs",
    )
    yield claim(
        "Future work: segments from states are more stable in time than segments from scores",
        f"kappa: states {_by_window(states, 'kappa')}; types of mean scores "
        f"{_by_window(scores, 'kappa')}",
        (states["kappa"].to_numpy() > scores["kappa"].to_numpy()).all(),
        "kappa is higher for each window",
    )


def judge_noise(study):
    changed = study.groupby(["kept", "noise", "outliers"])["changed"].mean()
    for kept, words in KEPT.items():
        shares = ", ".join(
            f"{value:.1%} (noise {noise:g}, outliers {outliers:g})"
            for (noise, outliers), value in changed[kept].items()
            if noise or outliers
        )
        here = f"customers who change their segment, {words}: {shares}"
        yield Claim("Future work: noise and outliers", here, None, "", "V", "to be inspected")
