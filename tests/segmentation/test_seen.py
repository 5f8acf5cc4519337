"""The main job reads the panel of all customers a part at a time."""

import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from skspend import (
    FactorStateExtractor,
    LSTMStateExtractor,
    SegmentModel,
    SpendingAggregator,
    TrajectoryClusterer,
    TransactionLog,
)
from skspend.aggregation import _shares
from skspend.datasets import make_spending
from skspend.inspection._spending import Spending
from skspend.segmentation import PanelSums, Seen, aggregate, find_nodes, measure_drift

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


def fit_model(log, **options):
    steps = FactorStateExtractor(4), TrajectoryClusterer(1, n_top=3, random_state=0)
    names = "spend", "states", "segment"
    pipeline = Pipeline(
        list(zip(names, (SpendingAggregator(n_periods=3, **options), *steps), strict=True))
    ).fit(log)
    nodes = range(1, len(pipeline["segment"].parents_))
    return SegmentModel(pipeline, {node: f"segment {node}" for node in nodes})


def place_all(model, log):
    """The table, the sums, the drift, the nodes and all messages, or the error."""
    with warnings.catch_warnings(record=True, action="always") as told:
        try:
            sums, seen, known = model.see(log)
            table = model.place(log.customers, seen, known)
            drift = measure_drift(*model.pipeline[1:], sums, seen.trajectories)
            return table, sums.active, drift, find_nodes(model, log), [*map(str, told)]
        except ValueError as error:
            return str(error)


def test_customers_are_placed_alike_in_parts_and_at_once(many_log, monkeypatch):
    model = fit_model(many_log)
    frame = many_log.to_frame()
    # Some customers spend nothing in the first year, and two categories are unknown.
    is_late = (frame["customer"] % 3 > 0) | (frame["date"] >= "2022-01-01")
    names = dict(zip(many_log.categories[:2], ("zeppelins", "airships"), strict=True))
    log = TransactionLog(frame[is_late].replace({"category": names}))
    table, active, drift, nodes, told = place_all(model, log)
    monkeypatch.setattr(_shares, "CELLS_OF_PART", 1)
    found = place_all(model, log)
    pd.testing.assert_frame_equal(found[0], table, check_exact=True)
    np.testing.assert_array_equal(found[1], active)
    assert found[2] == drift and drift["spending"] > 0
    np.testing.assert_array_equal(found[3], nodes)
    # One for each of two passes.
    assert len(told) == 2 and "2 categories were not in fit" in told[0]
    assert [text.partition("lineno")[0] for text in found[4]] == [
        text.partition("lineno")[0] for text in told
    ]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("unknown", "of the spending is in 16 categories that the model does not know"),
        ("sign", "what moves comes in"),
        ("income", f"3 of {N_CUSTOMERS:,} customers have no positive income"),
    ],
)
def test_customers_are_refused_alike_in_parts_and_at_once(many_log, case, message, monkeypatch):
    frame = many_log.to_frame()
    options, income = {}, None
    if case == "income":
        income = pd.DataFrame({"customer": many_log.customers, "income": 1000.0})
        options = {"normalize": "income"}
    model = fit_model(TransactionLog(frame, income=income), **options)
    if case == "unknown":
        frame["category"] = "new " + frame["category"].astype(str)
    elif case == "sign":
        frame["amount"] *= -1
    else:
        income.loc[income.index[[0, 1, -1]], "income"] = 0.0
    log = TransactionLog(frame, income=income)
    expected = place_all(model, log)
    assert message in expected
    monkeypatch.setattr(_shares, "CELLS_OF_PART", 1)
    assert place_all(model, log) == expected


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_sums_of_parts_are_those_of_the_whole_panel(many_log, small_parts, dtype):
    spend = SpendingAggregator(n_periods=3, dtype=dtype).fit(many_log)
    panel = _shares.LazyPanel(many_log, spend)
    whole, sums = panel.whole(), PanelSums(3)
    for part in panel:
        sums.add(part)
    np.testing.assert_array_equal(sums.active, whole[sums.is_active].sum())
    assert (
        sums.is_active.sum() == (whole.to_numpy().reshape(-1, 3, 16).any(axis=2).all(axis=1)).sum()
    )
    assert sums.out - sums.back == pytest.approx(whole.to_numpy().sum(), rel=1e-6)


def make_wide_log(n_customers, n_categories):
    dates = np.array(["2021-01-01", "2022-06-01", "2023-12-31"])
    customer, year = np.indices((n_customers, len(dates))).reshape(2, -1)
    frame = {
        "customer": customer,
        "date": dates[year],
        "category": customer * 3 % n_categories,
        "amount": 1.0,
    }
    return TransactionLog(pd.DataFrame(frame))


def test_the_panel_of_all_customers_is_never_held(small_parts, monkeypatch):
    monkeypatch.setattr(_shares, "CUSTOMERS_AT_ONCE", 128)
    log = make_wide_log(2000, 500)
    tracemalloc.start()
    _, panel, is_active = aggregate(log)
    n_seen = sum(len(Spending.of(part).customers) for part in panel)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n_seen == is_active.sum() == 2000
    assert peak < 0.3 * panel.whole().to_numpy().nbytes


@pytest.mark.parametrize("place", [SegmentModel.predict, find_nodes])
def test_a_saved_model_never_holds_the_panel_of_all_customers(small_parts, monkeypatch, place):
    monkeypatch.setattr(_shares, "CUSTOMERS_AT_ONCE", 128)
    log = make_wide_log(3000, 200)
    model = fit_model(log)
    tracemalloc.start()
    placed = place(model, log)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(placed) == 3000
    # In bytes; the mean shares of all are a third of it.
    assert peak < 3000 * 3 * 200 * 8
