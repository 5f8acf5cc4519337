"""Threads that change no result: one for products of matrices, several for separate parts.

With several threads the order in which a library for matrix products adds up varies with their
number, and so do the last bits of what is fitted. For the small matrices here one is as fast.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import Lock

from sklearn.utils._openmp_helpers import _openmp_effective_n_threads
from threadpoolctl import OpenBLASController, ThreadpoolController

_lock = Lock()
_n_inside = 0
_blas = None


@contextmanager
def one_thread_of_blas():
    """Hold BLAS to one thread, and give its threads back at the end.

    BLAS has one limit for the whole process. So of several fits that run at once in threads, the
    first sets it and the last restores it.
    """
    global _n_inside, _blas
    with _lock:
        _n_inside += 1
        if _n_inside == 1:
            _take_control()
            _blas = _libraries().limit(limits=1, user_api="blas")
    try:
        yield
    finally:
        with _lock:
            _n_inside -= 1
            if _n_inside == 0:
                _take_control()
                _blas.restore_original_limits()


@contextmanager
def one_thread():
    """Hold BLAS and OpenMP to one thread; what calls :func:`in_threads` inside has no other."""
    with one_thread_of_blas(), _libraries().limit(limits=1, user_api="openmp"):
        yield


def _take_control():
    """Let this thread limit OpenBLAS; from threadpoolctl 3.8 on only the first one could."""
    if hasattr(OpenBLASController, "clear_controlling_thread"):
        OpenBLASController.clear_controlling_thread(force=True)


_libraries = cache(ThreadpoolController)
"""The libraries of NumPy, SciPy and scikit-learn, which are loaded by now; looking takes long."""


def in_threads(function, parts):
    """Call a function on each of a list of parts, on as many threads as OpenMP would take.

    That is one for each processor, or one alone in the processes of a search. No result may depend
    on which thread did what.
    """
    n_threads = min(_openmp_effective_n_threads(), len(parts))
    if n_threads < 2:
        for part in parts:
            function(part)
        return
    with one_thread(), ThreadPoolExecutor(n_threads) as pool:
        for done in [pool.submit(function, part) for part in parts]:
            done.result()


def map_in_threads(function, values, most=None):
    """Yield the results of a function in the order of the values, computing a few ahead.

    There are as many threads as OpenMP would take, or `most` if that is fewer.
    """
    n_threads = _openmp_effective_n_threads()
    if most is not None:
        n_threads = min(n_threads, most)
    if n_threads < 2:
        yield from map(function, values)
        return
    waiting = deque()
    with ThreadPoolExecutor(n_threads) as pool:
        for value in values:
            waiting.append(pool.submit(function, value))
            if len(waiting) > n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
