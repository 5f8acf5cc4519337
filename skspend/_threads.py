"""One thread for the products of matrices, so that no last bit depends on the machine.

With several threads the order in which a library for matrix products adds up varies with their
number, and so do the last bits of what is fitted. For the small matrices here one is as fast.
"""

from contextlib import contextmanager
from threading import Lock

from threadpoolctl import threadpool_limits

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
            _blas = threadpool_limits(1, user_api="blas")
    try:
        with threadpool_limits(1, user_api="openmp"):
            yield
    finally:
        with _lock:
            _n_inside -= 1
            if _n_inside == 0:
                _blas.restore_original_limits()
