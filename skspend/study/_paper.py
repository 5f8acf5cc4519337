"""The whole study of the paper on the data at hand: every claim of Maree & Omlin (2021), measured.

Data comes in, by name: a synthetic bank at the paper's size, the bundled households, and the loans
of a bank if their folder is given. Frames come out, one for each study and data.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.base import clone

from ..aggregation import SpendingAggregator
from ..clustering import TrajectoryClusterer
from ..datasets import load_berka, load_complete_journey, make_spending
from ..extraction import FeedForwardExtractor, LSTMStateExtractor
from ..factors import SpendingFactors
from ..personality import BigFivePersonalityScorer
from ._elbow import elbow_study, paper_networks
from ._noise import noise_study
from ._personality import personality_study
from ._tasks import run_tasks
from ._trajectories import trajectory_study
from ._transfer import FEW, transfer_models, transfer_study
from ._window import window_study

if TYPE_CHECKING:
    from joblib import Memory

    from .._utils._typing import FilePath, Period, RandomState
    from ..datasets._bunches import Bank
    from ..transactions import TransactionLog

PAPER_CATEGORIES = {"recurrent": 97, "feed-forward": 99}
"""With which LSTM(4) has the 1,637 weights of Table 1, and five dense units have the 506."""
PRETRAINED = "pretrained", "pretrained, ridge", "pretrained, chosen ridge", "fine-tuned"
OF_SIZES = "pretrained", "pretrained, ridge"
TRAINED_WHOLE = "random", "random, best chance"
HOUSEHOLD_PERIOD, HOUSEHOLD_PERIODS, HOUSEHOLD_UNITS = 2, 6, 6
"""Months of a period; and as many units as ``skspend segment`` takes."""


class Effort(NamedTuple):
    """How much of everything is done."""

    customers: int
    """Of the synthetic bank."""
    households: int | None
    """Most of those who shop in all periods; None for all."""
    labelled: int
    """Customers whose labels are drawn and predicted; the others pretrain."""
    repetitions: int
    """Of the transfer study, in which fits are short."""
    sizes: tuple[int, ...]
    """Numbers of labels besides 100."""
    elbow_repetitions: int
    elbow_epochs: int
    units: tuple[int, ...]
    windows: tuple[Period, ...]
    window_customers: int
    """Whose transactions are aggregated to months."""
    noise_customers: int
    noise_repetitions: int


FULL = Effort(
    customers=26_000,
    households=None,
    labelled=7_200,
    repetitions=20,
    sizes=(50, 500, 2000),
    elbow_repetitions=5,
    elbow_epochs=40,
    units=tuple(range(1, 9)),
    windows=("month", "quarter", "half", "year"),
    window_customers=5_000,
    noise_customers=5_000,
    noise_repetitions=3,
)
QUICK = Effort(
    customers=2_500,
    households=600,
    labelled=1_200,
    repetitions=3,
    sizes=(500,),
    elbow_repetitions=2,
    elbow_epochs=15,
    units=(1, 2, 3, 5, 8),
    windows=("quarter", "half", "year"),
    window_customers=600,
    noise_customers=600,
    noise_repetitions=1,
)


class PaperStudy:
    """All studies, each on the data that it can be made on.

    Parameters
    ----------
    effort : Effort, default=FULL
    berka : str or path, default=None
        Folder of the loan data, see :func:`skspend.datasets.load_berka`.
    n_jobs : int, default=None
    memory : str, path or joblib.Memory, default=None
        As in every study.
    random_state : int, default=0
        Of the bank and of the studies.

    Attributes
    ----------
    studies : dict of str to callable
        By names such as "bank-elbow". Each is called with ``progress`` and returns a frame.

    Examples
    --------
    >>> for name in PaperStudy().studies:
    ...     print(name)
    bank-personality
    households-personality
    bank-elbow
    households-elbow
    bank-trajectories
    households-trajectories
    bank-transfer-recurrent
    bank-transfer-feed-forward
    bank-window
    households-window
    bank-noise
    households-noise
    """

    effort: Effort
    berka: FilePath | None
    random_state: RandomState
    how: dict[str, Any]
    studies: dict[str, Callable[..., pd.DataFrame]]

    def __init__(
        self,
        effort: Effort = FULL,
        *,
        berka: FilePath | None = None,
        n_jobs: int | None = None,
        memory: FilePath | Memory | None = None,
        random_state: RandomState = 0,
    ) -> None:
        self.effort = effort
        self.berka = berka
        self.random_state = random_state
        self.how = {"n_jobs": n_jobs, "memory": memory}
        self.studies = {
            "bank-personality": self._personality_of_bank,
            "households-personality": self._personality_of_households,
            "bank-elbow": self._elbow_of_bank,
            "households-elbow": self._elbow_of_households,
            "bank-trajectories": self._trajectories_of_bank,
            "households-trajectories": self._trajectories_of_households,
            "bank-transfer-recurrent": self._transfer_recurrent,
            "bank-transfer-feed-forward": self._transfer_feed_forward,
            "bank-window": self._window_of_bank,
            "households-window": self._window_of_households,
            "bank-noise": self._noise_of_bank,
            "households-noise": self._noise_of_households,
        }
        if berka is not None:
            self.studies["berka-transfer"] = self._transfer_berka

    @cached_property
    def bank(self) -> Bank[pd.DataFrame]:
        """The synthetic bank, as a panel."""
        return make_spending(self.effort.customers, random_state=self.random_state)

    @cached_property
    def bank_scorer(self) -> BigFivePersonalityScorer:
        """Knows all of the bank's categories."""
        return BigFivePersonalityScorer(self.bank.coefficients.to_dict())

    @cached_property
    def bank_log(self) -> tuple[TransactionLog, BigFivePersonalityScorer]:
        """The transactions of some customers of such a bank, and their scorer."""
        some = make_spending(
            self.effort.window_customers, transactions=True, random_state=self.random_state
        )
        return some.data, BigFivePersonalityScorer(some.coefficients.to_dict())

    @cached_property
    def households(self) -> tuple[TransactionLog, pd.DataFrame, BigFivePersonalityScorer]:
        """Log, panel and scorer of the households that shop in all periods."""
        households = load_complete_journey()
        spend = SpendingAggregator(period=HOUSEHOLD_PERIOD, n_periods=HOUSEHOLD_PERIODS)
        spend.fit(households.data)
        is_active = spend.active_periods_ == HOUSEHOLD_PERIODS
        log = households.data[np.flatnonzero(is_active)[: self.effort.households]]
        return log, spend.transform(log), BigFivePersonalityScorer(aliases=households.aliases)

    def fit_drill_down(
        self, progress: Callable[[int, int], None] | None = None
    ) -> tuple[LSTMStateExtractor, TrajectoryClusterer]:
        """The network and the tree of the bank that Fig. 2 is drawn of."""
        states = LSTMStateExtractor(
            3,
            hidden_units=(8,),
            step_penalty=0.2,
            scorer=self.bank_scorer,
            random_state=self.random_state,
        )
        (states,) = self._pretrain(self.bank.data, [states], progress)
        trajectories = states.transform(self.bank.data)
        return states, TrajectoryClusterer(random_state=self.random_state).fit(trajectories)

    def _settings(self, progress):
        return {**self.how, "progress": progress, "random_state": self.random_state}

    def _personality_of_bank(self, progress):
        log, scorer = self.bank_log
        spend = SpendingAggregator(normalize="income")
        return personality_study(
            log,
            scorer=scorer,
            spend=spend,
            periods=self.effort.windows[::-1],
            **self._settings(progress),
        )

    def _personality_of_households(self, progress):
        log, _, scorer = self.households
        return personality_study(
            log, scorer=scorer, periods=(6, 3, 2, 1), **self._settings(progress)
        )

    def _elbow_of_bank(self, progress):
        return self._elbow(self.bank.data, self.bank_scorer, progress)

    def _elbow_of_households(self, progress):
        _, panel, scorer = self.households
        return self._elbow(panel, scorer, progress)

    def _elbow(self, panel, scorer, progress):
        networks = {
            name: network.set_params(epochs=self.effort.elbow_epochs, n_init=1)
            for name, network in paper_networks().items()
        }
        return elbow_study(
            panel,
            scorer=scorer,
            units=self.effort.units,
            networks=networks,
            repetitions=self.effort.elbow_repetitions,
            **self._settings(progress),
        )

    def _trajectories_of_bank(self, progress):
        return trajectory_study(self.bank.data, scorer=self.bank_scorer, **self._settings(progress))

    def _trajectories_of_households(self, progress):
        _, panel, scorer = self.households
        return trajectory_study(
            panel, scorer=scorer, n_units=HOUSEHOLD_UNITS, **self._settings(progress)
        )

    def _transfer_recurrent(self, progress):
        types = LSTMStateExtractor(4, state_noise=0, step_penalty=0)
        factors = {"recurrent on factors": LSTMStateExtractor(4, objective="y")}
        return self._transfer_bank("recurrent", types, factors, progress)

    def _transfer_feed_forward(self, progress):
        types = FeedForwardExtractor(5, state_noise=0)
        factors = {
            "feed-forward on factors": FeedForwardExtractor(5, objective="y"),
            "feed-forward with 32 hidden on factors": FeedForwardExtractor(
                5, hidden_units=(32,), objective="y"
            ),
        }
        return self._transfer_bank("feed-forward", types, factors, progress)

    def _transfer_bank(self, network, types, factors, progress):
        """One of the paper's networks, pretrained on types as there, and on spending factors."""
        bank = make_spending(
            self.effort.customers,
            n_categories=PAPER_CATEGORIES[network],
            random_state=self.random_state,
        )
        labelled = bank.data[: self.effort.labelled]
        others = bank.data[self.effort.labelled :]
        types.set_params(scorer=BigFivePersonalityScorer(bank.coefficients.to_dict()))
        bodies = self._pretrain(others, [types, *factors.values()])
        factors = dict(zip(factors, bodies[1:], strict=True))
        of_types = {network: bodies[0]}
        labels = bank.liquidity, bank.default
        labels = {label.name: label[: self.effort.labelled] for label in labels}
        few = transfer_models(of_types, unlabelled=others)
        few |= transfer_models(factors, kinds=PRETRAINED)
        more = transfer_models(of_types | factors, kinds=OF_SIZES)
        whole = transfer_models(of_types, kinds=TRAINED_WHOLE)
        # As numbers alone: networks trained whole take their time.
        more |= {name: (regressor, None) for name, (regressor, _) in whole.items()}
        parts = [(few, (FEW,)), (more, self.effort.sizes)]
        n_fits = [len(models) * len(sizes) for models, sizes in parts]
        studies = []
        for part, (models, sizes) in enumerate(parts):
            settings = self._settings(_part_of(progress, n_fits, part))
            studies.append(
                transfer_study(
                    labelled,
                    labels,
                    models,
                    sizes=sizes,
                    repetitions=self.effort.repetitions,
                    **settings,
                )
            )
        return pd.concat(studies, ignore_index=True)

    def _transfer_berka(self, progress):
        """Accounts with half a year of history; pretraining sees all of them, and no label."""
        studies = []
        for part, (label, n_periods) in enumerate((("liquidity", 3), ("default", 6))):
            berka = load_berka(self.berka, label=label)
            kept = (berka.complete & berka.liquidity.notna()).to_numpy()
            spend = SpendingAggregator(period="month", n_periods=n_periods)
            panel = spend.fit_transform(berka.data[kept])
            target = berka.target[kept].to_numpy(dtype=float)
            if label == "liquidity":
                # A few accounts with hardly any outflow would decide about every squared error.
                target = rankdata(target) / len(target)
            bodies = self._pretrain(
                panel,
                [
                    LSTMStateExtractor(4, objective="reconstruct"),
                    FeedForwardExtractor(5, objective="reconstruct"),
                ],
            )
            bodies = dict(zip(PAPER_CATEGORIES, bodies, strict=True))
            studies.append(
                transfer_study(
                    panel,
                    {label: target},
                    transfer_models(bodies, unlabelled=panel),
                    repetitions=self.effort.repetitions,
                    **self._settings(_part_of(progress, (1, 1), part)),
                )
            )
        return pd.concat(studies, ignore_index=True)

    def _window_of_bank(self, progress):
        log, scorer = self.bank_log
        return window_study(
            log,
            scorer=scorer,
            spend=SpendingAggregator(normalize="income"),
            periods=self.effort.windows,
            **self._settings(progress),
        )

    def _window_of_households(self, progress):
        log, _, scorer = self.households
        return window_study(
            log,
            scorer=scorer,
            periods=(1, 2, 3, 6),
            n_units=HOUSEHOLD_UNITS,
            **self._settings(progress),
        )

    def _noise_of_bank(self, progress):
        some = self.bank.data[: self.effort.noise_customers]
        return self._noise(some, self.bank_scorer, 3, progress)

    def _noise_of_households(self, progress):
        _, panel, scorer = self.households
        return self._noise(panel, scorer, HOUSEHOLD_UNITS, progress)

    def _noise(self, panel, scorer, n_units, progress):
        return noise_study(
            panel,
            scorer=scorer,
            n_units=n_units,
            noise=(0.0, 0.2, 0.5),
            repetitions=self.effort.noise_repetitions,
            **self._settings(progress),
        )

    def _pretrain(self, panel, extractors, progress=None):
        """Fit extractors on customers without labels."""
        tasks = [
            {"extractor": one.set_params(random_state=self.random_state)} for one in extractors
        ]
        fitted = run_tasks(_fit, panel, tasks, progress=progress, **self.how)
        return [pickle.loads(one) for one in fitted]


def _fit(panel, extractor):
    """A fitted extractor, pickled: read again, an object has another hash in joblib's memory."""
    factors = SpendingFactors().fit_transform(panel) if extractor.objective == "y" else None
    return pickle.dumps(clone(extractor).fit(panel, factors))


def _part_of(progress, sizes, part):
    """Progress of one of several studies that follow each other, by their sizes."""
    if progress is None:
        return None
    before, share = sum(sizes[:part]) / sum(sizes), sizes[part] / sum(sizes)

    def report(done, total):
        progress((before + share * done / total) * 1000, 1000)

    return report
