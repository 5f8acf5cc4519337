"""Fits with other seeds, which say whether the segments of a model would be found again."""

from __future__ import annotations

import signal
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from threading import Thread
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from joblib import cpu_count
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

from .._utils._sklearn import default_output
from .._utils._sparse import take
from .._utils._threads import one_thread
from ..inspection._agreement import NODE_COLUMNS, agree, find_same, judge_nodes, share_of_same
from ..inspection._stability import draw_seeds, place
from ._aggregate import sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .._utils._typing import Floats, Integers, PanelLike, RandomState
    from ..aggregation._shares import LazyPanel
    from ._model import SegmentModel

FEWEST_TO_REFIT, MOST_TO_REFIT = 50, 5000
"""Active customers: of fewer, too few would be held out; of more, a sample is drawn."""
WORTH_A_PROCESS = 1000
"""Active customers: fits of fewer take less time than to start a process."""
N_REFITS, HELD_OUT = 3, 0.2
"""Fits with other seeds, each of which costs as much as the model; and the share of customers that
none of them sees."""


class Refits:
    """Three fits of the second and the third step with other seeds.

    Each is made on the same four fifths of the active customers, or of a sample of 5,000 of them.
    If the second step has no seed, each is made on as many customers drawn from these with
    replacement. The other fifth tells whether these fits agree with a model. With two processors,
    two of the fits are made in a process of their own between entering and leaving the context,
    where the model is fitted meanwhile.

    Parameters
    ----------
    steps : Pipeline
        The two steps, unfitted, as those of the model.
    panel : LazyPanel
        What the first step makes of all customers.
    is_active : ndarray of bool, shape (n_customers,)
        As returned by :func:`aggregate`.
    random_state : int, RandomState instance or None, default=0
        Draws the held-out customers and the seeds.
    """

    def __init__(
        self,
        steps: Pipeline,
        panel: LazyPanel,
        is_active: NDArray[np.bool_],
        *,
        random_state: RandomState = 0,
    ) -> None:
        random_state = check_random_state(random_state)
        self.panel = panel
        self.rows = np.flatnonzero(sample(is_active, MOST_TO_REFIT, random_state))
        self.others: list[tuple[Pipeline, Integers | None]] = []
        self.process: Any = None
        if len(self.rows) < FEWEST_TO_REFIT:
            return
        others = [draw_seeds(clone(steps), random_state) for _ in range(N_REFITS)]
        fitted, self.held_out = train_test_split(
            self.rows, test_size=HELD_OUT, random_state=random_state
        )
        self.fitted = np.sort(fitted)
        self.part = panel.take(self.fitted)
        draws: list[Integers | None] = [None] * N_REFITS
        if "random_state" not in steps[0].get_params():
            draws = list(random_state.randint(len(self.part), size=(N_REFITS, len(self.part))))
        self.others = list(zip(others, draws, strict=True))

    def __enter__(self) -> Self:
        if self.others and len(self.rows) >= WORTH_A_PROCESS and cpu_count() > 1:
            context = get_context("spawn")
            self.receiver, sender = context.Pipe(duplex=False)
            work = sender, self.others[1:], self.part
            self.process = context.Process(target=_fit_elsewhere, args=work, daemon=True)
            # Until the process has imported what it needs, it takes no data.
            self.start = Thread(target=_start, args=(self.process, sender), daemon=True)
            self.start.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.start.join()
            if self.process.pid is not None:
                self.process.terminate()
                self.process.join()
            self.receiver.close()

    @default_output
    def compare(
        self,
        model: SegmentModel,
        trajectories: PanelLike,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> tuple[dict[Any, Any], Floats] | None:
        """Measure whether these fits find the segments of a model again.

        Parameters
        ----------
        model : SegmentModel
            Fitted on the active customers.
        trajectories : frame
            Those of all customers.
        progress : callable, default=None
            Called after each fit with the number of finished fits and the number of all fits.

        Returns
        -------
        agreement : dict
            The row "top" of the frame ``agreement`` of
            :func:`~skspend.inspection.segment_stability`, with the model as the reference; and in
            "nodes", the frame ``nodes``.
        reproduced : ndarray, shape (n_customers,)
            The share of the three other fits that put each customer into the top-level segment
            that matches the one of the model; a segment without a match counts as 0. Most customers
            were in these fits, and all active ones in that of the model.

        None if fewer than 50 customers spend in all periods.
        """
        if not self.others:
            return None
        levels = model.pipeline["segment"].predict_levels(trajectories)
        fits = []
        for other in self.others:
            fitted = self._fitted(other)
            placed = [place(fitted, part) for part in self.panel]
            fits.append((fitted, np.concatenate(placed)))
            if progress is not None:
                progress(len(fits), N_REFITS)
        found = [others for _, others in fits]
        same = [find_same(levels, others, self.fitted, self.held_out) for others in found]
        agreement = agree(levels[self.held_out], [each[self.held_out] for each in found], same)
        reproduced = share_of_same(levels[:, 0], [each[:, 0] for each in found], self.rows)
        nodes = judge_nodes(model.pipeline, levels, fits, self.fitted, self.held_out)
        nodes = nodes[[*NODE_COLUMNS, "stable"]]
        return agreement.to_dict("index")["top"] | {"nodes": nodes.to_dict("records")}, reproduced

    def _fitted(self, other):
        # The first one is fitted here, while the process fits the others.
        if self.process is not None and other is not self.others[0]:
            # The process may have been killed, for example where memory is short.
            with suppress(EOFError):
                return self.receiver.recv()
        return _fit(*other, self.part)


def _start(process, sender):
    # Where the machine or the calling script allows no process, all fits are made here.
    with sender, suppress(OSError, RuntimeError):  # The process has its own end of the pipe.
        process.start()


def _fit_elsewhere(sender, others, panel):
    """Fit in another process, one after the other, and send back what is fitted."""
    # Ctrl+C goes to both processes; this one ends with the other.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What is sent waits in a thread until the other process has time for it.
    with ThreadPoolExecutor(1) as thread:
        for other in others:
            thread.submit(sender.send, _fit(*other, panel))


def _fit(pipeline, rows, panel):
    with one_thread(), warnings.catch_warnings():
        # The fit of the model has warned of what is in the data.
        warnings.simplefilter("ignore")
        return pipeline.fit(panel if rows is None else take(panel, rows))
