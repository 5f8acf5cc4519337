"""Results do not depend on threads, and the limits on threads are restored."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from skspend import FeedForwardExtractor, LSTMStateExtractor
from skspend._utils._threads import in_threads, map_in_threads, one_thread
from skspend.datasets import make_spending
from skspend.networks import _forward as forward


def n_threads():
    return {pool["num_threads"] for pool in threadpool_info()}


def test_threads_are_restored_when_the_last_block_ends():
    with threadpool_limits(2):
        first, second = one_thread(), one_thread()
        with first:
            with pytest.raises(KeyError), second:
                assert n_threads() == {1}
                raise KeyError
            assert n_threads() == {1}
        assert n_threads() == {2}


@pytest.mark.parametrize("Extractor", [LSTMStateExtractor, FeedForwardExtractor])
def test_the_bits_of_a_fit_do_not_depend_on_threads(Extractor):
    """Neither on those of BLAS nor on other fits in the same process."""
    bank = make_spending(1100, random_state=0)
    weights = []

    def fit():
        extractor = Extractor(objective="reconstruct", n_init=1, epochs=2, batch_size=1024)
        weights.append(extractor.set_params(random_state=0).fit(bank.data).weights_)

    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            fit()
    at_once = [threading.Thread(target=fit) for _ in range(3)]
    for thread in at_once:
        thread.start()
    for thread in at_once:
        thread.join()
    assert len(weights) == 5
    for other in weights[1:]:
        for mine, theirs in zip(weights[0], other, strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("Extractor", [LSTMStateExtractor, FeedForwardExtractor])
def test_states_do_not_depend_on_blocks_and_threads(Extractor, bank, monkeypatch):
    single = bank.data.astype(np.float32)
    # In single precision, some processors round the rows of a block by their place in it.
    double = bank.data.astype(np.float64)
    extractor = Extractor(objective="reconstruct", epochs=2, random_state=0).fit(single)
    expected = extractor.transform(double)
    monkeypatch.setattr(forward, "BLOCK", 7)
    monkeypatch.setattr(forward, "MANY_BLOCKS", 10)
    bits = []
    for n_threads in (1, 2, 5):
        with threadpool_limits(n_threads):
            np.testing.assert_allclose(extractor.transform(double), expected, atol=1e-12)
            bits.append(extractor.transform(single))
    for other in bits[1:]:
        np.testing.assert_array_equal(other, bits[0])


def test_an_error_in_a_thread_is_raised_and_threads_are_restored():
    def fail(part):
        raise ValueError(f"part {part}")

    with threadpool_limits(2):
        with pytest.raises(ValueError, match="part 0"):
            in_threads(fail, [0, 1, 2])
        assert n_threads() == {2}


def test_work_inside_one_thread_starts_no_others():
    seen = set()
    with one_thread():
        in_threads(lambda part: seen.add(threading.get_ident()), list(range(20)))
    assert seen == {threading.get_ident()}


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_values_and_few_are_made_ahead(n_threads):
    made = []

    def values():
        for number in range(40):
            made.append(number)
            yield number

    with threadpool_limits(n_threads, user_api="openmp"):
        for mine, result in enumerate(map_in_threads(lambda number: number**2, values())):
            assert result == mine**2
            assert len(made) <= mine + n_threads + 1


def test_the_first_error_is_raised_in_its_place():
    def fail(number):
        if number >= 3:
            raise ValueError(f"value {number}")
        return number

    found = map_in_threads(fail, range(9))
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="value 3"):
        next(found)
