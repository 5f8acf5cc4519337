"""What a model knows of the spending of new customers; it does not guess about the rest."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from skspend import LSTMStateExtractor, SpendingAggregator, TrajectoryClusterer, TransactionLog
from skspend.aggregation import _known
from skspend.aggregation._known import known_share
from skspend.report import SegmentReport
from skspend.segmentation import SegmentModel, segment_frame

CUTOFF = "2023-12-31"


@pytest.fixture(scope="module")
def model(bank_log, scorer):
    pipeline = Pipeline(
        [
            ("spend", SpendingAggregator(n_periods=3)),
            ("states", LSTMStateExtractor(2, n_networks=2, scorer=scorer, epochs=2)),
            ("segment", TrajectoryClusterer(1, min_share=0.1, random_state=0)),
        ]
    ).fit(bank_log)
    nodes = range(1, len(pipeline["segment"].parents_))
    return SegmentModel(pipeline, {node: f"segment {node}" for node in nodes})


def rename(log, share, seed=0):
    """The transactions of a log, a share of the categories under names that no model knows."""
    frame = log.to_frame()
    n_renamed = round(share * len(log.categories))
    renamed = np.random.default_rng(seed).permutation(log.categories)[:n_renamed]
    names = {name: f"new {name}" for name in renamed}
    return frame.assign(category=frame["category"].replace(names)), set(renamed)


def refused(share):
    return pytest.raises(ValueError, match=rf"{share}.* of the spending is in .* does not know")


@pytest.mark.parametrize("block", [1, 10**9])
def test_the_known_share_is_that_of_the_amounts(model, bank_log, block, monkeypatch):
    monkeypatch.setattr(_known, "CELLS_OF_BLOCK", block)
    frame, renamed = rename(bank_log, 0.4)
    log = TransactionLog(frame, cutoff=CUTOFF)[:20]
    found = known_share(log, model.pipeline["spend"], allow_unknown=True)
    cube = bank_log[:20].sum_spending(12, 3)
    spent = np.abs(cube).sum(axis=1)
    is_known = ~np.isin(bank_log.categories, list(renamed))
    np.testing.assert_allclose(found, spent[:, is_known].sum(axis=1) / spent.sum(axis=1))


@pytest.mark.filterwarnings("ignore:.*not in fit")
@pytest.mark.parametrize("share", [0, 0.2])
def test_a_model_sums_the_spending_once_and_knows_the_same_share_of_it(
    model, bank_log, share, monkeypatch
):
    spend = model.pipeline["spend"]
    log = TransactionLog(rename(bank_log, share)[0], cutoff=CUTOFF)
    expected, panel = known_share(log, spend), spend.transform(log)
    sums, n_sums = TransactionLog.sum_spending, []

    def count(log, *periods):
        n_sums.append(len(log))
        return sums(log, *periods)

    monkeypatch.setattr(TransactionLog, "sum_spending", count)
    _, seen, known = model.see(log)
    assert n_sums == [len(log)]
    trajectories = model.pipeline["states"].transform(panel)
    pd.testing.assert_frame_equal(seen.trajectories, trajectories, check_exact=True)
    np.testing.assert_array_equal(known, expected)


def test_customers_of_whom_the_model_knows_nothing_have_no_strength(model, bank_log):
    frame, _ = rename(bank_log, 0)
    strange = bank_log.customers[:2]
    frame.loc[frame["customer"] == strange[0], "category"] = "zeppelins"
    before = (frame["customer"] == strange[1]) & (frame["date"] >= "2021-01-01")
    frame.loc[before, "date"] = pd.Timestamp("2020-05-05")
    with pytest.warns(UserWarning, match="zeppelins"):
        table = model.predict(TransactionLog(frame, cutoff=CUTOFF)).set_index("customer")
    assert table.loc[strange[0], "known_share"] == 0
    assert np.isnan(table.loc[strange[1], "known_share"])
    assert (table.loc[strange, "strength"] == 0).all()
    assert (table["known_share"].drop(strange) == 1).all()
    with pytest.warns(UserWarning, match="zeppelins"):
        parts = segment_frame(model.pipeline, frame, cutoff=CUTOFF).set_index("customer")
    pd.testing.assert_series_equal(parts["known_share"], table["known_share"])
    assert (parts.loc[strange, "strength"] == 0).all()


@pytest.mark.filterwarnings("ignore:.*not in fit")
def test_mostly_unknown_spending_is_refused_with_the_largest_categories(model, bank_log):
    frame, _ = rename(bank_log, 0.9)
    log = TransactionLog(frame, cutoff=CUTOFF)
    with refused(r"\d\d\.\d%") as caught:
        model.predict(log)
    spent = frame.groupby("category")["amount"].sum().sort_values(ascending=False)
    largest = next(name for name in spent.index if name.startswith("new "))
    assert f"above all '{largest}' ({spent[largest] / spent.sum():.1%})" in str(caught.value)
    assert "allow_unknown=True" in str(caught.value)
    for refuse in (
        lambda: segment_frame(model.pipeline, frame, cutoff=CUTOFF),
        lambda: SegmentReport.from_estimator(model.pipeline, log, names=model.names),
    ):
        with pytest.raises(ValueError, match="does not know"):
            refuse()
    table = model.predict(log, allow_unknown=True)
    assert (table["known_share"] < 0.5).mean() > 0.9
