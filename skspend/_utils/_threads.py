"""One thread for the products of matrices, so that no last bit depends on the machine.

With several threads the order in which a library for matrix products adds up varies with their
number, and so do the last bits of what is fitted. For the small matrices here one is as fast.
"""

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
def one_thread():
    """Hold BLAS and OpenMP to one thread, and give their threads back at the end.

    The number of BLAS is one for the whole process (that of OpenMP is each thread's own). So of
    several fits that run at once in threads the first sets it and the last restores it; each by
    itself would end the limit of the others.
    """
    global _n_inside, _blas
    with _lock:
        _n_inside += 1
        if _n_inside == 1:
            _take_control()
            _blas = _libraries().limit(limits=1, user_api="blas")
    try:
        with _libraries().limit(limits=1, user_api="openmp"):
            yield
    finally:
        with _lock:
            _n_inside -= 1
            if _n_inside == 0:
                _take_control()
                _blas.restore_original_limits()


def _take_control():
    """Let this thread limit OpenBLAS; from threadpoolctl 3.8 on only the first one could."""
    if hasattr(OpenBLASController, "clear_controlling_thread"):
        OpenBLASController.clear_controlling_thread(force=True)


@cache
def _libraries():
    """Those of NumPy, SciPy and scikit-learn, which are all there by now; looking takes a while."""
    return ThreadpoolController()


def in_threads(function, parts):
    """Call a function on parts of some work, on as many threads as OpenMP would take.

    That is one for each processor, and one alone where somebody works in parallel already, as in
    the processes of a search. No result may depend on which thread did what.

    Parameters
    ----------
    function : callable
        Mostly outside of Python's lock, as NumPy is. What it returns is dropped.
    parts : list
    """
    n_threads = min(_openmp_effective_n_threads(), len(parts))
    if n_threads < 2:
        for part in parts:
            function(part)
        return
    with one_thread(), ThreadPoolExecutor(n_threads) as pool:
        for done in [pool.submit(function, part) for part in parts]:
            done.result()
