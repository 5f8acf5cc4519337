"""The main job reads the panel of all customers a part at a time."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from skspend import FactorStateExtractor, LSTMStateExtractor, TransactionLog
from skspend.aggregation import _shares
from skspend.datasets import make_spending
from skspend.inspection._spending import Spending
from skspend.segmentation import Seen, aggregate

N_CUSTOMERS = 2 * _shares.CUSTOMERS_AT_ONCE + 100


@pytest.fixture(scope="module")
def many_log():
    return make_spending(N_CUSTOMERS, 3, 16, transactions=True, random_state=0).data


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(_shares, "CELLS_OF_PART", 1)


def test_parts_of_a_panel_are_rows_of_the_whole(many_log, small_parts):
    spend, panel, _ = aggregate(many_log)
    whole, parts = panel.whole(), list(panel)
    pd.testing.assert_frame_equal(whole, spend.transform(many_log), check_exact=True)
    assert len(panel) == len(whole)
    assert [len(part) for part in parts] == [_shares.CUSTOMERS_AT_ONCE] * 2 + [100]
    pd.testing.assert_frame_equal(pd.concat(parts), whole, check_exact=True)
    chosen = np.arange(len(whole)) % 3 == 0
    pd.testing.assert_frame_equal(panel.take(chosen), whole[chosen], check_exact=True)


@pytest.mark.parametrize("states", ["networks", "factors"])
def test_customers_are_seen_alike_in_parts_and_at_once(many_log, small_parts, scorer, states):
    if states == "networks":
        states = LSTMStateExtractor(scorer=scorer, epochs=1, random_state=0)
    else:
        states = FactorStateExtractor(4)
    _, panel, is_active = aggregate(many_log)
    states.fit(panel.take(is_active))
    found, expected = Seen.of_all(states, panel), Seen.of(states, panel.whole())
    for name in ("trajectories", "scores"):
        pd.testing.assert_frame_equal(
            getattr(found, name), getattr(expected, name), check_exact=True
        )
    for name in ("customers", "shares", "active_periods"):
        values, wanted = getattr(found.spending, name), getattr(expected.spending, name)
        np.testing.assert_array_equal(values, wanted)
    assert found.spending.categories == expected.spending.categories


def test_the_panel_of_all_customers_is_never_held(small_parts, monkeypatch):
    monkeypatch.setattr(_shares, "CUSTOMERS_AT_ONCE", 128)
    customer, year = np.indices((2000, 3)).reshape(2, -1)
    frame = {
        "customer": customer,
        "date": [f"{2021 + number}-06-01" for number in year],
        "category": customer * 3 % 500,
        "amount": 1.0,
    }
    log = TransactionLog(pd.DataFrame(frame))
    tracemalloc.start()
    _, panel, is_active = aggregate(log)
    n_seen = sum(len(Spending.of(part).customers) for part in panel)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n_seen == is_active.sum() == 2000
    assert peak < 0.3 * panel.whole().to_numpy().nbytes
