"""Every task once, in any number of processes, and the same again after an interruption."""

import sys
from pathlib import Path

import cloudpickle
import distributed
import joblib
import numpy as np
import pytest

from skspend.study._tasks import run_tasks

DATA = np.arange(6.0)

# Other processes cannot import this file.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def note_and_square(data, number, folder, fails=False):
    """Leave a file behind for every call."""
    with open(Path(folder) / f"{number}.txt", "a") as file:
        file.write("called\n")
    if fails and number == 2:
        raise RuntimeError("interrupted")
    return data[number] ** 2


def tasks_in(folder, **more):
    return [{"number": number, "folder": str(folder), **more} for number in range(4)]


def calls_in(folder):
    return {path.stem: len(path.read_text().splitlines()) for path in folder.glob("*.txt")}


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_results_come_in_the_order_of_the_tasks(tmp_path, backend, n_jobs):
    with joblib.parallel_config(backend=backend):
        results = run_tasks(note_and_square, DATA, tasks_in(tmp_path), n_jobs=n_jobs)
    assert results == [0, 1, 4, 9]


def test_dask_gives_the_same(tmp_path):
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        results = run_tasks(note_and_square, DATA, tasks_in(tmp_path), n_jobs=2)
    assert results == [0, 1, 4, 9]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_nothing_is_done_twice_with_memory(tmp_path, n_jobs):
    for memory in (
        str(tmp_path / "cache"),
        tmp_path / "cache",
        joblib.Memory(str(tmp_path / "cache"), verbose=0),
    ):
        run_tasks(note_and_square, DATA, tasks_in(tmp_path), n_jobs=n_jobs, memory=memory)
    assert calls_in(tmp_path) == dict.fromkeys("0123", 1)


def test_without_memory_all_is_done_again(tmp_path):
    for _ in range(2):
        run_tasks(note_and_square, DATA, tasks_in(tmp_path))
    assert calls_in(tmp_path) == dict.fromkeys("0123", 2)


def test_other_data_are_other_tasks(tmp_path):
    for data in (DATA, DATA + 1):
        results = run_tasks(note_and_square, data, tasks_in(tmp_path), memory=tmp_path / "cache")
    assert results == [1, 4, 9, 16]


def test_what_was_done_before_an_interruption_is_kept(tmp_path):
    tasks = tasks_in(tmp_path, fails=True)
    with pytest.raises(RuntimeError, match="interrupted"):
        run_tasks(note_and_square, DATA, tasks, memory=tmp_path / "cache")
    with pytest.raises(RuntimeError, match="interrupted"):
        run_tasks(note_and_square, DATA, tasks, memory=tmp_path / "cache")
    assert calls_in(tmp_path) == {"0": 1, "1": 1, "2": 2}


def test_progress_is_told_after_each_task(tmp_path):
    told = []
    run_tasks(note_and_square, DATA, tasks_in(tmp_path), progress=lambda *done: told.append(done))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
