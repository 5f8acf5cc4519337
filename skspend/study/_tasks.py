"""Running the fits of a study: in parallel, each of them once, and to the same bits everywhere."""

import warnings
from functools import cache
from numbers import Integral
from pathlib import Path

import joblib
from joblib import Parallel, delayed
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_memory

from .._utils._threads import one_thread


def run_tasks(function, data, tasks, *, n_jobs=None, memory=None, progress=None):
    """Call a function on the same data once for each task, and return what it returns.

    Parameters
    ----------
    function : callable
        ``function(data, **task)``, of a module's top level. What it returns must not depend on
        which process it runs in: all randomness comes from a seed in the task.
    data : object
        What all tasks share; large arrays and frames in it are not copied to local processes.
    tasks : list of dict
        Keyword arguments of each call.
    n_jobs : int, default=None
        Number of tasks at once, as everywhere in scikit-learn. The backend is joblib's: choose
        another by ``joblib.parallel_config(backend="dask")``.
    memory : str, path or joblib.Memory, default=None
        Where results are kept, each as soon as it is there. A study that was interrupted and is
        called again with the same arguments goes on where it stopped. Results of another skspend
        are not taken.
    progress : callable, default=None
        Called with the number of tasks that are done and the number of all, after each.

    Returns
    -------
    results : list
        In the order of the tasks.
    """
    call, known_as = _call, None
    if memory is not None:
        memory = check_memory(str(memory) if isinstance(memory, Path) else memory)
        call = memory.cache(_call, ignore=["function", "data"])
        known_as = joblib.hash((_package(), function.__module__, function.__qualname__, data))
    calls = (delayed(call)(known_as, function, data, task) for task in tasks)
    results = []
    for result in _parallel(n_jobs)(calls):
        results.append(result)
        if progress is not None:
            progress(len(results), len(tasks))
    return results


def draw_seeds(random_state, repetitions):
    """A seed for each repetition, as tasks may not share a generator.

    Raises
    ------
    ValueError
        If `repetitions` is no whole number from 1.
    """
    if not isinstance(repetitions, Integral) or isinstance(repetitions, bool) or repetitions < 1:
        raise ValueError(f"repetitions must be a whole number from 1, got {repetitions!r}.")
    return check_random_state(random_state).randint(2**31 - 1, size=repetitions).tolist()


def _parallel(n_jobs):
    """One that gives each result as soon as it is there, where the backend can."""
    try:
        return Parallel(n_jobs=n_jobs, return_as="generator")
    except ValueError:
        return Parallel(n_jobs=n_jobs)


def _call(known_as, function, data, task):
    """Run one task; `known_as` stands for function and data, which take long to compare."""
    with one_thread(), warnings.catch_warnings():
        # Of a scorer that knows little of the spending; a study says so itself, and once.
        warnings.filterwarnings("ignore", "Only .* of the spending", UserWarning)
        return function(data, **task)


@cache
def _package():
    """The whole code of skspend, as a short text that is another one after any change."""
    folder = Path(__file__).parents[1]
    return joblib.hash([path.read_bytes() for path in sorted(folder.rglob("*.py"))])
