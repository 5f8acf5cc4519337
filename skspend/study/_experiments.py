"""The table of the paper's experiments: the data, the study, the claims and the figures of each."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
from scipy.stats import rankdata
from sklearn.base import clone

from ..aggregation import SpendingAggregator
from ..datasets import load_berka, make_spending
from ..extraction import FeedForwardExtractor, LSTMStateExtractor
from ..factors import SpendingFactors
from ..personality import BigFivePersonalityScorer
from . import _claims as claims, _figures as figures
from ._elbow import elbow_study
from ._noise import noise_study
from ._rich import RICH, SHARES, STATISTICS, rich_study
from ._states import paper_networks
from ._tasks import Runner, part_of
from ._trajectories import trajectory_study
from ._transfer import FEW, transfer_models, transfer_study
from ._windows import personality_study, window_study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .._utils._typing import Estimator

DATA = {"bank": "synthetic bank", "households": "households", "berka": "Berka's loans"}
PAPER_CATEGORIES = {"recurrent": 97, "feed-forward": 99}
"""With these, LSTM(4) has the 1,637 weights of Table 1 and five dense units have the 506."""


class Experiment(NamedTuple):
    """One study on one kind of data."""

    data: str
    """A key of `DATA`."""
    run: Callable[[Any, str, dict[str, Any]], pd.DataFrame]
    """From a PaperStudy, `data` and how to run it (see `How`) to a frame."""
    judge: Callable[[pd.DataFrame], Iterator[claims.Claim]]
    draw: Mapping[str, Callable[[pd.DataFrame], Figure]] = {}
    """Figures by what follows the name of the experiment in their names."""


def _personality(paper, data, how):
    customers = paper.customers(data)
    return personality_study(**customers.log, periods=customers.windows[::-1], **how)


def _elbow(paper, data, how):
    effort = paper.effort
    networks = paper_networks()
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
    return trajectory_study(**paper.customers(data).panel, **how)


def _window(paper, data, how):
    customers = paper.customers(data)
    return window_study(**customers.log, periods=customers.windows, **how)


def _noise(paper, data, how):
    customers, effort = paper.customers(data), paper.effort
    some = {"X": customers.panel["X"][: effort.noise_customers]}
    more = {"noise": (0.0, 0.2, 0.5), "repetitions": effort.noise_repetitions}
    return noise_study(**customers.panel | some | more | how)


def _transfer_bank(network, paper, data, how):
    """Pretrain one of the paper's networks on types, as the paper does, and on spending factors."""
    if network == "recurrent":
        types = LSTMStateExtractor.paper(4)
        factors = {"recurrent on factors": LSTMStateExtractor.paper(4, objective="y")}
    else:
        types = FeedForwardExtractor(5, state_noise=0)
        wide = FeedForwardExtractor(5, hidden_units=(32,), objective="y")
        factors = {"feed-forward on factors": FeedForwardExtractor(5, objective="y")}
        factors |= {"feed-forward with 32 hidden on factors": wide}
    effort = paper.effort
    n_categories = PAPER_CATEGORIES[network]
    bank = make_spending(effort.customers, 6, n_categories, random_state=how["random_state"])
    others = bank.data[effort.labelled :]
    labels = {name: bank[name][: effort.labelled] for name in ("liquidity", "default")}
    types.set_params(scorer=BigFivePersonalityScorer(bank.coefficients.to_dict()))
    of_types, *bodies = pretrain(others, [types, *factors.values()], how)
    of_types = {network: of_types}
    factors = dict(zip(factors, bodies, strict=True))
    kinds = ["pretrained", "pretrained, ridge", "pretrained, chosen ridge", "fine-tuned"]
    few = transfer_models(of_types, unlabelled=others) | transfer_models(factors, kinds=kinds)
    more = transfer_models(of_types | factors, kinds=kinds[:2])
    # Only as numbers, because to train a whole network takes long.
    whole = transfer_models(of_types, kinds=["random", "random, best chance"])
    more |= {name: (regressor, None) for name, (regressor, _) in whole.items()}
    labelled = bank.data[: effort.labelled]
    parts = [(labelled, labels, few, (FEW,)), (labelled, labels, more, effort.sizes)]
    return _transfer(parts, effort.repetitions, how)


_transfer_recurrent = partial(_transfer_bank, "recurrent")
_transfer_feed_forward = partial(_transfer_bank, "feed-forward")


def _transfer_berka(paper, data, how):
    """Study accounts with half a year of history, after pretraining on all without labels."""
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
        networks = LSTMStateExtractor.paper(4), FeedForwardExtractor(5)
        networks = [network.set_params(objective="reconstruct") for network in networks]
        bodies = dict(zip(PAPER_CATEGORIES, pretrain(panel, networks, how), strict=True))
        models = transfer_models(bodies, unlabelled=panel)
        parts.append((panel, {label: target}, models, (FEW,)))
    return _transfer(parts, paper.effort.repetitions, how)


def _rich_berka(paper, data, how):
    """Read the half year before the loan by month and as one: shares as above, and more."""
    readings = {}
    for name, raw_kinds, more in ((SHARES, False, {}), (RICH, True, STATISTICS)):
        berka = load_berka(paper.berka, raw_kinds=raw_kinds)
        log = berka.data[berka.complete.to_numpy()]
        spends = SpendingAggregator("month", 6, **more), SpendingAggregator("half", 1, **more)
        readings[name] = tuple(spend.fit_transform(log) for spend in spends)
    default = berka.default[berka.complete]
    days = berka.loans["date"].reindex(default.index)
    is_early = days.rank(method="first") <= len(days) // 2
    effort = {"repetitions": paper.effort.repetitions, "epochs": paper.effort.rich_epochs}
    return rich_study(readings, default, is_early, **effort, **how)


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
    panel: pd.DataFrame,
    extractors: Sequence[Estimator],
    how: dict[str, Any],
    progress: Callable[[int, int], None] | None = None,
) -> list[Estimator]:
    """Fit extractors on customers without labels."""
    runner = Runner(**how | {"progress": progress})
    tasks = [{"extractor": one.set_params(random_state=runner.random_state)} for one in extractors]
    return [pickle.loads(one) for one in runner.run_tasks(_fit, panel, tasks)]


def _fit(panel, extractor):
    """Fit an extractor and pickle it, because a read object has another hash in joblib's memory."""
    factors = SpendingFactors().fit_transform(panel) if extractor.objective == "y" else None
    return pickle.dumps(clone(extractor).fit(panel, factors))


_BOTH = "bank", "households"
_FIGURES = {"": figures.draw_transfer, "-sizes": figures.draw_sizes}
_STUDIES: list[tuple[Any, ...]] = [
    ("personality", _BOTH, _personality, claims.judge_personality),
    ("elbow", _BOTH, _elbow, claims.judge_elbow, {"": figures.draw_elbow}),
    ("trajectories", _BOTH, _trajectories, claims.judge_trajectories),
    ("transfer-recurrent", ["bank"], _transfer_recurrent, claims.judge_transfer, _FIGURES),
    ("transfer-feed-forward", ["bank"], _transfer_feed_forward, claims.judge_transfer, _FIGURES),
    ("window", _BOTH, _window, claims.judge_window, {"": figures.draw_window}),
    ("noise", _BOTH, _noise, claims.judge_noise, {"": figures.draw_noise}),
    ("transfer", ["berka"], _transfer_berka, claims.judge_transfer, {"": figures.draw_transfer}),
    ("rich", ["berka"], _rich_berka, claims.judge_rich, {"": figures.draw_rich}),
]
EXPERIMENTS = {
    f"{data}-{name}": Experiment(data, *rest) for name, kinds, *rest in _STUDIES for data in kinds
}
"""By the names of studies, frames and figures."""
