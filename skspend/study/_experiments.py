"""The table of the paper's experiments: the data, the study, the claims and the figures of each."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
from scipy.stats import rankdata
from sklearn.base import clone

from ..aggregation import SpendingAggregator
from ..datasets import load_berka, make_spending
from ..extraction import FeedForwardExtractor, LSTMStateExtractor
from ..factors import SpendingFactors
from ..personality import BigFivePersonalityScorer
from ._claims import (
    Claim,
    judge_elbow,
    judge_noise,
    judge_personality,
    judge_trajectories,
    judge_transfer,
    judge_window,
)
from ._elbow import elbow_study
from ._figures import draw_elbow, draw_noise, draw_sizes, draw_transfer, draw_window
from ._noise import noise_study
from ._states import WITH_NOISE, paper_networks
from ._tasks import Runner, part_of
from ._trajectories import trajectory_study
from ._transfer import FEW, transfer_models, transfer_study
from ._windows import personality_study, window_study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .._utils._typing import Estimator
    from ._paper import PaperStudy

DATA = {"bank": "synthetic bank", "households": "households", "berka": "Berka's loans"}
PAPER_CATEGORIES = {"recurrent": 97, "feed-forward": 99}
"""With these, LSTM(4) has the 1,637 weights of Table 1 and five dense units have the 506."""
PRETRAINED = "pretrained", "pretrained, ridge", "pretrained, chosen ridge", "fine-tuned"
OF_SIZES = "pretrained", "pretrained, ridge"
TRAINED_WHOLE = "random", "random, best chance"


class Experiment(NamedTuple):
    """One study on one kind of data."""

    data: str
    """A key of `DATA`."""
    run: Callable[[PaperStudy, str, dict[str, Any]], pd.DataFrame]
    """From the whole study, `data` and how to run it (see `How`) to a frame."""
    judge: Callable[[pd.DataFrame], Iterator[Claim]]
    draw: Mapping[str, Callable[[pd.DataFrame], Figure]] = {}
    """Figures by what follows the name of the experiment in their names."""
    tables: str = ""
    """The networks in the title of its tables on the page; none without tables."""


def _personality(paper, data, how):
    customers = paper.customers(data)
    return personality_study(**customers.log, periods=customers.windows[::-1], **how)


def _elbow(paper, data, how):
    effort = paper.effort
    networks = paper_networks()
    del networks[WITH_NOISE]
    for network in networks.values():
        network.set_params(epochs=effort.elbow_epochs, n_init=1)
    return elbow_study(
        **paper.customers(data).panel,
        units=effort.units,
        networks=networks,
        repetitions=effort.elbow_repetitions,
        **how,
    )


def _trajectories(paper, data, how):
    customers = paper.customers(data)
    return trajectory_study(**customers.panel, n_units=customers.n_units, **how)


def _window(paper, data, how):
    customers = paper.customers(data)
    return window_study(
        **customers.log, periods=customers.windows, n_units=customers.n_units, **how
    )


def _noise(paper, data, how):
    customers, effort = paper.customers(data), paper.effort
    some = {"X": customers.panel["X"][: effort.noise_customers], "n_units": customers.n_units}
    more = {"noise": (0.0, 0.2, 0.5), "repetitions": effort.noise_repetitions}
    return noise_study(**customers.panel | some | more | how)


def _transfer_recurrent(paper, data, how):
    types = LSTMStateExtractor(4, state_noise=0, step_penalty=0)
    factors = {"recurrent on factors": LSTMStateExtractor(4, objective="y")}
    return _transfer_bank(paper, "recurrent", types, factors, how)


def _transfer_feed_forward(paper, data, how):
    types = FeedForwardExtractor(5, state_noise=0)
    name = "feed-forward with 32 hidden on factors"
    factors = {
        "feed-forward on factors": FeedForwardExtractor(5, objective="y"),
        name: FeedForwardExtractor(5, hidden_units=(32,), objective="y"),
    }
    return _transfer_bank(paper, "feed-forward", types, factors, how)


def _transfer_bank(paper, network, types, factors, how):
    """Pretrain one of the paper's networks on types, as the paper does, and on spending factors."""
    effort, quiet = paper.effort, how | {"progress": None}
    n_categories = PAPER_CATEGORIES[network]
    bank = make_spending(effort.customers, 6, n_categories, random_state=how["random_state"])
    others = bank.data[effort.labelled :]
    labels = {name: bank[name][: effort.labelled] for name in ("liquidity", "default")}
    types.set_params(scorer=BigFivePersonalityScorer(bank.coefficients.to_dict()))
    of_types, *bodies = pretrain(others, [types, *factors.values()], quiet)
    of_types = {network: of_types}
    factors = dict(zip(factors, bodies, strict=True))
    few = transfer_models(of_types, unlabelled=others)
    few |= transfer_models(factors, kinds=PRETRAINED)
    more = transfer_models(of_types | factors, kinds=OF_SIZES)
    # Only as numbers, because to train a whole network takes long.
    whole = transfer_models(of_types, kinds=TRAINED_WHOLE)
    more |= {name: (regressor, None) for name, (regressor, _) in whole.items()}
    labelled = bank.data[: effort.labelled]
    parts = [(labelled, labels, few, (FEW,)), (labelled, labels, more, effort.sizes)]
    return _transfer(parts, effort.repetitions, how)


def _transfer_berka(paper, data, how):
    """Study accounts with half a year of history, after pretraining on all without labels."""
    quiet = how | {"progress": None}
    parts = []
    for label, n_periods in (("liquidity", 3), ("default", 6)):
        berka = load_berka(paper.berka, label=label)
        kept = (berka.complete & berka.liquidity.notna()).to_numpy()
        spend = SpendingAggregator(period="month", n_periods=n_periods)
        panel = spend.fit_transform(berka.data[kept])
        target = berka.target[kept].to_numpy(dtype=float)
        if label == "liquidity":
            # A few accounts with hardly any outflow would dominate every squared error.
            target = rankdata(target) / len(target)
        networks = LSTMStateExtractor(4), FeedForwardExtractor(5)
        networks = [network.set_params(objective="reconstruct") for network in networks]
        bodies = dict(zip(PAPER_CATEGORIES, pretrain(panel, networks, quiet), strict=True))
        models = transfer_models(bodies, unlabelled=panel)
        parts.append((panel, {label: target}, models, (FEW,)))
    return _transfer(parts, paper.effort.repetitions, how)


def _transfer(parts, repetitions, how):
    """Run transfer studies of (panel, labels, models, sizes) with one progress, into one frame."""
    counts = [
        repetitions * len(labels) * len(models) * len(sizes) for _, labels, models, sizes in parts
    ]
    studies = []
    for number, (panel, labels, models, sizes) in enumerate(parts):
        progress = part_of(how["progress"], sum(counts[:number]), sum(counts))
        part = how | {"progress": progress, "sizes": sizes, "repetitions": repetitions}
        studies.append(transfer_study(panel, labels, models, **part))
    return pd.concat(studies, ignore_index=True)


def pretrain(
    panel: pd.DataFrame, extractors: Sequence[Estimator], how: dict[str, Any]
) -> list[Estimator]:
    """Fit extractors on customers without labels."""
    runner = Runner(**how)
    tasks = [{"extractor": one.set_params(random_state=runner.random_state)} for one in extractors]
    return [pickle.loads(one) for one in runner.run_tasks(_fit, panel, tasks)]


def _fit(panel, extractor):
    """Fit an extractor and pickle it, because a read object has another hash in joblib's memory."""
    factors = SpendingFactors().fit_transform(panel) if extractor.objective == "y" else None
    return pickle.dumps(clone(extractor).fit(panel, factors))


EXPERIMENTS = {
    "bank-personality": Experiment("bank", _personality, judge_personality),
    "households-personality": Experiment("households", _personality, judge_personality),
    "bank-elbow": Experiment("bank", _elbow, judge_elbow, {"": draw_elbow}),
    "households-elbow": Experiment("households", _elbow, judge_elbow, {"": draw_elbow}),
    "bank-trajectories": Experiment("bank", _trajectories, judge_trajectories),
    "households-trajectories": Experiment("households", _trajectories, judge_trajectories),
    "bank-transfer-recurrent": Experiment(
        "bank",
        _transfer_recurrent,
        judge_transfer,
        {"": draw_transfer, "-sizes": draw_sizes},
        tables="recurrent",
    ),
    "bank-transfer-feed-forward": Experiment(
        "bank",
        _transfer_feed_forward,
        judge_transfer,
        {"": draw_transfer, "-sizes": draw_sizes},
        tables="feed-forward",
    ),
    "bank-window": Experiment("bank", _window, judge_window, {"": draw_window}),
    "households-window": Experiment("households", _window, judge_window, {"": draw_window}),
    "bank-noise": Experiment("bank", _noise, judge_noise, {"": draw_noise}),
    "households-noise": Experiment("households", _noise, judge_noise, {"": draw_noise}),
    "berka-transfer": Experiment(
        "berka",
        _transfer_berka,
        judge_transfer,
        {"": draw_transfer},
        tables="recurrent and feed-forward",
    ),
}
"""By the names of studies, frames and figures."""
