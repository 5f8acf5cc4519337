"""The whole study of the paper: every claim of Maree & Omlin (2021), measured on several data."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from ..aggregation import SpendingAggregator
from ..clustering import TrajectoryClusterer
from ..datasets import load_complete_journey, make_spending
from ..extraction import LSTMStateExtractor
from ..personality import BigFivePersonalityScorer
from ._experiments import EXPERIMENTS, pretrain

if TYPE_CHECKING:
    from joblib import Memory

    from .._utils._typing import FilePath, Period, RandomState
    from ..datasets._bunches import Bank


class Effort(NamedTuple):
    """How much of everything is done; by default the full study.

    Customers and windows are those of the bank. `labelled` customers have labels, and the others
    pretrain; `repetitions` and `sizes`, besides 100, are those of the transfer study. `rich_epochs`
    are those of the network that reads the rich panel.
    """

    customers: int = 26_000
    households: int | None = None
    labelled: int = 7_200
    repetitions: int = 20
    sizes: tuple[int, ...] = (50, 500, 2000)
    elbow_repetitions: int = 20
    elbow_epochs: int = 40
    units: tuple[int, ...] = tuple(range(1, 9))
    windows: tuple[Period, ...] = ("month", "quarter", "half", "year")
    window_customers: int = 5_000
    noise_customers: int = 5_000
    noise_repetitions: int = 3
    rich_epochs: int = 300


FULL = Effort()
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
    rich_epochs=60,
)


class Customers(NamedTuple):
    """What the experiments without labels take: arguments for panels and logs, rising windows."""

    panel: dict[str, Any]
    log: dict[str, Any]
    windows: tuple[Period, ...]


class PaperStudy:
    """All experiments of the paper, each on the data that allow it.

    Parameters
    ----------
    effort : Effort, default=FULL
        How much of everything is done: ``FULL``, ``QUICK``, or ``QUICK._replace(...)``.
    berka : str or path, default=None
        Folder of the loan data, see :func:`skspend.datasets.load_berka`.
    n_jobs, memory, random_state
        See :class:`How`; the seed also draws the bank.

    Attributes
    ----------
    studies : dict of str to callable
        By names such as "bank-elbow". Each takes ``progress``, see :class:`How`, and returns a
        frame.

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
        self.how = {"n_jobs": n_jobs, "memory": memory, "random_state": random_state}
        self.studies = {
            name: partial(self._run, experiment)
            for name, experiment in EXPERIMENTS.items()
            if experiment.data != "berka" or berka is not None
        }

    def _run(self, experiment, progress=None):
        return experiment.run(self, experiment.data, self.how | {"progress": progress})

    def customers(self, data: str) -> Customers:
        """Return the customers of "bank" or "households"."""
        return self._bank_customers if data == "bank" else self._households

    @cached_property
    def bank(self) -> Bank[pd.DataFrame]:
        """The synthetic bank, as a panel."""
        return make_spending(self.effort.customers, random_state=self.how["random_state"])

    @cached_property
    def _bank_customers(self):
        size, seed = self.effort.window_customers, self.how["random_state"]
        some = make_spending(size, transactions=True, random_state=seed)
        scorers = [BigFivePersonalityScorer(b.coefficients.to_dict()) for b in (self.bank, some)]
        spend = SpendingAggregator(normalize="income")
        panel = {"X": self.bank.data, "scorer": scorers[0]}
        log = {"log": some.data, "scorer": scorers[1], "spend": spend}
        return Customers(panel, log, self.effort.windows)

    @cached_property
    def _households(self):
        """Take the households that shop in all periods."""
        households = load_complete_journey()
        spend = SpendingAggregator(period=2, n_periods=6).fit(households.data)
        active = np.flatnonzero(spend.active_periods_ == 6)
        log = households.data[active[: self.effort.households]]
        scorer = BigFivePersonalityScorer(aliases=households.aliases)
        panel = {"X": spend.transform(log), "scorer": scorer}
        log = {"log": log, "scorer": scorer, "spend": spend}
        return Customers(panel, log, (1, 2, 3, 6))

    def fit_drill_down(
        self, progress: Callable[[int, int], None] | None = None
    ) -> tuple[LSTMStateExtractor, TrajectoryClusterer]:
        """Fit the network and the tree of the bank that Fig. 2 shows."""
        panel, scorer = self.customers("bank").panel.values()
        (states,) = pretrain(panel, [LSTMStateExtractor(3, scorer=scorer)], self.how, progress)
        tree = TrajectoryClusterer(random_state=self.how["random_state"])
        return states, tree.fit(states.transform(panel))
