"""Every task runs once, in any number of processes, and a study continues after an interruption."""

import sys
from pathlib import Path

import cloudpickle
import distributed
import joblib
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from skspend.study._tasks import Runner, part_of

DATA = np.arange(6.0)

# Other processes cannot import this file.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def note_and_square(data, number, folder, fails=False):
    """Leave a line in a file for every call."""
    with open(Path(folder) / f"{number}.txt", "a") as file:
        file.write("called\n")
    if fails and number == 2:
        raise RuntimeError("interrupted")
    return data[number] ** 2


def count_threads(data):
    data @ data
    return [found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"]


def tasks_in(folder, **more):
    return [{"number": number, "folder": str(folder), **more} for number in range(4)]


def calls_in(folder):
    return {path.stem: len(path.read_text().splitlines()) for path in folder.glob("*.txt")}


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_any_number_of_jobs_gives_the_same_results_in_the_order_of_the_tasks(
    tmp_path, backend, n_jobs
):
    with joblib.parallel_config(backend=backend):
        results = Runner(n_jobs=n_jobs).run_tasks(note_and_square, DATA, tasks_in(tmp_path))
    assert results == [0, 1, 4, 9]
    assert calls_in(tmp_path) == dict.fromkeys("0123", 1)


def test_dask_gives_the_same(tmp_path):
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        results = Runner(n_jobs=2).run_tasks(note_and_square, DATA, tasks_in(tmp_path))
    assert results == [0, 1, 4, 9]


@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_matrix_products_use_one_thread_so_that_no_last_bit_depends_on_the_jobs(backend, n_jobs):
    with joblib.parallel_config(backend=backend):
        counts = Runner(n_jobs=n_jobs).run_tasks(count_threads, DATA, [{}, {}])
    assert counts[0]
    assert {count for found in counts for count in found} == {1}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_nothing_is_done_twice_with_memory(tmp_path, n_jobs):
    for memory in (
        str(tmp_path / "cache"),
        tmp_path / "cache",
        joblib.Memory(str(tmp_path / "cache"), verbose=0),
    ):
        runner = Runner(n_jobs=n_jobs, memory=memory)
        runner.run_tasks(note_and_square, DATA, tasks_in(tmp_path))
    assert calls_in(tmp_path) == dict.fromkeys("0123", 1)


def test_other_processes_use_the_results_of_a_second_folder(tmp_path):
    for folder in ("first", "second"):
        Runner(memory=tmp_path / folder).run_tasks(note_and_square, DATA, tasks_in(tmp_path))
    Runner(n_jobs=2, memory=tmp_path / "second").run_tasks(
        note_and_square, DATA, tasks_in(tmp_path)
    )
    assert calls_in(tmp_path) == dict.fromkeys("0123", 2)


def test_without_memory_everything_is_done_again(tmp_path):
    for _ in range(2):
        Runner().run_tasks(note_and_square, DATA, tasks_in(tmp_path))
    assert calls_in(tmp_path) == dict.fromkeys("0123", 2)


def test_other_data_are_other_tasks(tmp_path):
    for data in (DATA, DATA + 1):
        runner = Runner(memory=tmp_path / "cache")
        results = runner.run_tasks(note_and_square, data, tasks_in(tmp_path))
    assert results == [1, 4, 9, 16]


def test_results_from_before_an_interruption_are_kept(tmp_path):
    tasks, runner = tasks_in(tmp_path, fails=True), Runner(memory=tmp_path / "cache")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="interrupted"):
            runner.run_tasks(note_and_square, DATA, tasks)
    assert calls_in(tmp_path) == {"0": 1, "1": 1, "2": 2}


def test_progress_is_called_after_each_task(tmp_path):
    calls = []
    runner = Runner(progress=lambda *done: calls.append(done))
    runner.run_tasks(note_and_square, DATA, tasks_in(tmp_path))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_progress_of_parts_counts_the_tasks_of_all_parts(tmp_path):
    calls = []
    for before in (0, 4):
        progress = part_of(lambda *done: calls.append(done), before, 8)
        Runner(progress=progress).run_tasks(note_and_square, DATA, tasks_in(tmp_path))
    assert calls == [(done, 8) for done in range(1, 9)]
    assert part_of(None, 4, 8) is None


def test_more_seeds_begin_with_the_same_ones():
    few, many = (Runner(random_state=3).draw_seeds(count) for count in (2, 5))
    assert many[:2] == few
    assert len(set(many)) == 5
    assert few != Runner(random_state=4).draw_seeds(2)


@pytest.mark.parametrize("repetitions", [0, 1.5, True, "many"])
def test_repetitions_must_be_a_positive_integer(repetitions):
    with pytest.raises(
        ValueError, match=f"repetitions must be a positive integer, got {repetitions!r}"
    ):
        Runner().draw_seeds(repetitions)


def test_an_unknown_keyword_is_refused():
    with pytest.raises(TypeError, match="njobs"):
        Runner(njobs=2)
