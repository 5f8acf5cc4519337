"""Verdicts on hand-made frames, for and against."""

import numpy as np
import pandas as pd
import pytest

from skspend.study import judge_claims


def verdicts(name, frame):
    claims = judge_claims({name: frame})
    return dict(zip(claims["claim"], claims["verdict"], strict=True))


def windows(same_type, silhouette=0.05):
    names = ["all", "year", "month"]
    return pd.DataFrame({"window": names, "same_type": same_type, "silhouette": silhouette})


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (windows([1, 0.6, 0.2]), ["holds", "holds"]),
        (windows([1, 0.2, 0.6]), ["holds", "does not hold"]),
        (windows([1, 0.6, 0.2], silhouette=0.5), ["does not hold", "holds"]),
    ],
)
def test_scores_are_fuzzy_and_unstable_or_not(frame, expected):
    assert list(verdicts("bank-personality", frame).values()) == expected


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.3, 0.5, 0.7, 0.71, 0.71], "holds"),
        ([0.3, 0.7, 0.71, 0.71, 0.71], "does not hold"),
    ],
)
def test_three_units_are_the_elbow_or_not(scores, expected):
    units = pd.DataFrame({"units": range(1, 6), "score": scores, "network": "recurrent predictor"})
    both = [units.assign(repetition=0), units.assign(repetition=1, score=units["score"] + 0.001)]
    claim = "Three units are the point of diminishing returns (recurrent predictor)"
    assert verdicts("households-elbow", pd.concat(both))[claim] == expected


STATES = [
    "raw spending",
    "scores",
    "mean scores so far",
    "recurrent autoencoder",
    "feed-forward predictor",
    "recurrent predictor",
    "recurrent predictor with noise",
    "skspend's default",
]


def trajectories(states="recurrent predictor", **changes):
    """Make a study in which all claims hold, except for changed columns of these states."""
    rows = pd.DataFrame({"states": STATES}).assign(
        n_segments=10, ami=0.3, kappa=0.9, turn=[120, 120, 90, 70, 120, 60, 60, 50],
        level2_ami=0.1, level2_p=0.01, level3_ami=0.1, level3_p=0.01,
    )  # fmt: skip
    rows = rows.set_index("states")
    rows.loc["mean scores so far", ["ami", "kappa"]] = 1.0, 0.7
    rows.loc["recurrent autoencoder", ["ami", "n_segments"]] = 0.0, 1
    rows.loc["raw spending", "ami"] = 0.0
    rows.loc["feed-forward predictor", ["kappa", "level2_p"]] = 0.2, 0.4
    for name, value in changes.items():
        rows.loc[states, name] = value
    rows = rows.reset_index()
    return pd.concat([rows.assign(customers="fitted"), rows.assign(customers="held out")])


def test_in_a_study_like_the_paper_all_claims_hold():
    assert set(verdicts("bank-trajectories", trajectories()).values()) == {"holds"}


@pytest.mark.parametrize(
    ("states", "changes", "claim"),
    [
        ("recurrent predictor", {"turn": 100}, "Trajectories of the recurrent predictor turn"),
        ("recurrent predictor", {"ami": 0.04}, "Trajectories cluster by the dominant trait"),
        ("recurrent predictor", {"n_segments": 1}, "Trajectories cluster by the dominant trait"),
        ("recurrent predictor", {"level3_p": 0.2}, "Sub-clusters follow the lesser traits"),
        ("recurrent predictor", {"level2_p": np.nan}, "Sub-clusters follow the lesser traits"),
        ("recurrent predictor", {"kappa": 0.5}, "Every customer stays in the same segment"),
        ("raw spending", {"turn": 80}, "Raw spending shows no such trajectories"),
        ("recurrent autoencoder", {"turn": 100}, "The recurrent autoencoder has similar"),
        (
            "recurrent autoencoder",
            {"ami": 0.2, "n_segments": 2},
            "The recurrent autoencoder has no clustering",
        ),
        ("feed-forward predictor", {"ami": 0.04}, "Feed-forward features cluster by"),
        ("feed-forward predictor", {"level2_p": 0.01}, "Feed-forward features have no sub-"),
        ("feed-forward predictor", {"turn": 80}, "Feed-forward features have neither"),
        ("feed-forward predictor", {"kappa": 0.9}, "Feed-forward features have neither"),
        ("skspend's default", {"kappa": 0.6}, "Beyond the paper: customers keep their segment"),
        ("skspend's default", {"turn": 100}, "Beyond the paper: customers move straighter"),
    ],
)
def test_a_change_of_one_kind_of_states_refutes_the_one_claim(states, changes, claim):
    found = verdicts("households-trajectories", trajectories(states, **changes))
    (refuted,) = [text for text, verdict in found.items() if verdict == "does not hold"]
    assert refuted.startswith(claim)


def transfer(pretrained, random, best=1.0, mean=0.99, spread=0.01):
    """Squared errors around the given ones."""
    models = {
        "recurrent, pretrained": (pretrained, 5, spread / 10),
        "recurrent, random": (random, 1637, spread),
        "recurrent, random, best chance": (best, 1637, spread),
        "mean": (mean, np.nan, spread),
    }
    noise = np.linspace(-1, 1, 5)
    return pd.concat(
        pd.DataFrame(
            {
                "label": "liquidity",
                "size": size,
                "model": model,
                "repetition": range(5),
                "mse": mse + width * noise * (1 if model != "mean" else -1),
                "r2": 1 - mse,
                "seconds": 0.01 * trained if trained == trained else 0.0,
                "n_weights": 1637,
                "n_trainable_weights": trained,
            }
        )
        for size in (100, 500)
        for model, (mse, trained, width) in models.items()
    )


def test_all_claims_hold_if_pretrained_features_are_better():
    found = verdicts("bank-transfer-recurrent", transfer(pretrained=0.9, random=1.2))
    assert set(found.values()) == {"holds"}
    assert len(found) == 6


def test_claims_fail_if_pretrained_features_are_worse():
    found = verdicts("bank-transfer-recurrent", transfer(pretrained=1.3, random=1.2))
    failed = {text.split(" (")[0] for text, verdict in found.items() if verdict != "holds"}
    assert failed == {
        "Pretrained features do as well as random weights trained whole",
        "With 100 labels they do as well as random weights with more labels",
        "Beyond the paper: the best pretrained features reach an R2 of 0.05",
    }


def test_nothing_but_kappa_and_turn_is_claimed_of_the_default():
    poor = {"ami": 0.0, "level2_p": 1.0, "level3_p": 1.0}
    found = verdicts("bank-trajectories", trajectories("skspend's default", **poor))
    assert set(found.values()) == {"holds"}


@pytest.mark.parametrize("states", ["recurrent predictor with noise", "scores"])
def test_nothing_is_claimed_of_states_that_are_shown_alone(states):
    poor = {"ami": 0.0, "kappa": 0.0, "turn": 180, "level2_p": 1.0}
    found = verdicts("bank-trajectories", trajectories(states, **poor))
    assert set(found.values()) == {"holds"}


@pytest.mark.parametrize(
    ("agreement", "kappa", "expected"),
    [
        ([0.5, 0.5], [0.9, 0.9], ["holds", "holds"]),
        ([0.1, 0.5], [0.9, 0.9], ["does not hold", "holds"]),
        ([0.5, 0.5], [0.9, 0.1], ["holds", "does not hold"]),
    ],
)
def test_windows_matter_or_not(agreement, kappa, expected):
    states = {"window": ["month", "year"], "method": "states"}
    scores = {"window": ["month", "year"], "method": "mean scores so far", "kappa": 0.5}
    study = pd.concat(
        [
            pd.DataFrame(states | {"agreement": agreement, "kappa": kappa}),
            pd.DataFrame(scores | {"agreement": 0.5}),
        ]
    )
    assert list(verdicts("bank-window", study).values()) == expected


def test_noise_is_measured_and_not_judged():
    kept = ["model", "network", "nothing", "scores"]
    study = pd.DataFrame({"noise": 0.2, "outliers": 0.0, "kept": kept, "changed": 0.1})
    found = judge_claims({"households-noise": study})
    assert set(found["verdict"]) == {"measured"}
    assert found["here"].str.contains("10.0% (noise 0.2, outliers 0)", regex=False).all()
    assert (found["data"] == "households").all()


def test_no_claim_is_judged_by_the_rich_panel():
    rows = {"reading": ["shares", "rich panel"], "model": "frozen network", "repetition": 0}
    rich = pd.DataFrame(rows | {"auc": [0.5, 1.0], "brier": 0.0, "calibration_error": 0.0})
    assert judge_claims({"berka-rich": rich}).empty


def test_claims_come_in_the_order_of_the_study_whatever_the_order_of_the_frames():
    kept = ["model", "network", "nothing", "scores"]
    noise = pd.DataFrame({"noise": 0.2, "outliers": 0.0, "kept": kept, "changed": 0.1})
    found = judge_claims({"households-noise": noise, "bank-personality": windows([1, 0.6, 0.2])})
    assert found["data"].unique().tolist() == ["synthetic bank", "households"]


def test_frames_of_unknown_studies_are_refused():
    with pytest.raises(ValueError, match="frames has 'bank-weather'; expected bank-personality"):
        judge_claims({"bank-weather": windows([1, 0.6, 0.2])})
