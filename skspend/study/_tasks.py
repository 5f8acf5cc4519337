"""Running the fits of a study: in parallel, each of them once, with the same result everywhere."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from numbers import Integral
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypedDict

import joblib
from joblib import Memory, Parallel, delayed
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_memory

from .._utils._threads import one_thread

if TYPE_CHECKING:
    from .._utils._typing import FilePath, RandomState


class How(TypedDict, total=False):
    """How a study runs its independent tasks, most of them one fit each.

    Parameters
    ----------
    n_jobs : int, default=None
        Number of tasks at once, as everywhere in scikit-learn. It changes no figure but seconds.
        The backend is joblib's: choose another by ``joblib.parallel_config(backend="dask")``.
    memory : str, path or joblib.Memory, default=None
        Where the result of each task is kept as soon as it is there. A study that was interrupted
        and is called again with the same arguments continues where it stopped. Results of another
        version of skspend are not used. joblib keeps pickles, which can run code when they are
        read: name a folder to which only you can write.
    progress : callable, default=None
        Called after each task with the number of finished tasks and the number of all tasks.
    random_state : int, RandomState instance or None, default=0
        Seed of everything that is drawn. With None, no result is found again in `memory`.
    """

    n_jobs: int | None
    memory: FilePath | Memory | None
    progress: Callable[[int, int], None] | None
    random_state: RandomState


@dataclass(frozen=True, kw_only=True)
class Runner:
    """Runs the tasks of one study; the fields are described at `How`."""

    n_jobs: int | None = None
    memory: FilePath | Memory | None = None
    progress: Callable[[int, int], None] | None = None
    random_state: RandomState = 0

    def draw_seeds(self, repetitions: int) -> list[int]:
        """Draw a seed for each repetition, because tasks may not share a generator."""
        is_count = isinstance(repetitions, Integral) and not isinstance(repetitions, bool)
        if not is_count or repetitions < 1:
            raise ValueError(f"repetitions must be a positive integer, got {repetitions!r}.")
        random_state = check_random_state(self.random_state)
        return random_state.randint(2**31 - 1, size=repetitions).tolist()

    def run_tasks(
        self, function: Callable[..., Any], data: object, tasks: list[dict[str, Any]]
    ) -> list[Any]:
        """Return ``function(data, **task)`` for each task.

        The function stands at the top level of a module, and all its randomness comes from seeds in
        its arguments. Large arrays and frames in the data are not copied to local processes.
        """
        call, known_as = _call, None
        if self.memory is not None:
            memory = str(self.memory) if isinstance(self.memory, Path) else self.memory
            call = check_memory(memory).cache(_call, ignore=["function", "data"])
            known_as = joblib.hash((_package(), function.__module__, function.__qualname__, data))
            # joblib recomputes a result in a folder without the code of `_call`, and a process
            # writes it into one folder only. A copy of the function is written into each.
            copy = FunctionType(_call.__code__, globals())
            check_memory(memory).cache(copy).check_call_in_cache(known_as, function, data, {})
        try:
            parallel = Parallel(n_jobs=self.n_jobs, return_as="generator")
        except ValueError:  # The backend returns all results at once.
            parallel = Parallel(n_jobs=self.n_jobs)
        results = []
        for result in parallel(delayed(call)(known_as, function, data, task) for task in tasks):
            results.append(result)
            if self.progress is not None:
                self.progress(len(results), len(tasks))
        return results


def part_of(
    progress: Callable[[int, int], None] | None, before: int, total: int
) -> Callable[[int, int], None] | None:
    """Make the progress of a part of a study, after the tasks before it, of all in total."""
    return progress and (lambda done, _: progress(before + done, total))


def _call(known_as, function, data, task):
    """Run one task; `known_as` stands for function and data, which are slow to compare."""
    with one_thread(), warnings.catch_warnings():
        # The study itself warns once about a scorer that covers little of the spending.
        warnings.filterwarnings("ignore", "Only .* of the spending", UserWarning)
        return function(data, **task)


@cache
def _package():
    """Hash the code of skspend, so that any change of it makes all kept results unusable."""
    folder = Path(__file__).parents[1]
    return joblib.hash([path.read_bytes() for path in sorted(folder.rglob("*.py"))])
