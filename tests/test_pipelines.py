"""The estimators together, as the documentation shows them, on scikit-learn's own tools."""

import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, ShuffleSplit, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    SpendingFactors,
    TrajectoryClusterer,
    TransactionLog,
    TransferRegressor,
)
from skspend._utils import _sklearn
from skspend._utils._sparse import SparseCube
from skspend.datasets import load_complete_journey, make_spending
from skspend.model_selection import elbow
from skspend.segmentation import Seen, SegmentModel, aggregate, cluster, find_nodes


@pytest.fixture
def pipeline(scorer):
    return Pipeline(
        [
            ("spend", SpendingAggregator(n_periods=3, normalize="income")),
            ("states", LSTMStateExtractor(n_networks=2, scorer=scorer, epochs=5, random_state=0)),
            ("segment", TrajectoryClusterer(random_state=0)),
        ]
    )


def test_the_whole_design_runs_as_written():
    bank = make_spending(160, 6, 40, transactions=True, random_state=0)
    log, liquidity = bank.data, bank.liquidity
    pipeline = Pipeline([
        ("spend",   SpendingAggregator(period="year", n_periods=6, normalize="income")),
        ("states",  LSTMStateExtractor.paper(n_units=3, random_state=0)),
        ("segment", TrajectoryClusterer(max_depth=3)),
    ])  # fmt: skip
    segments = pipeline.fit_predict(log)
    assert segments.shape == (160,)
    assert segments.min() == 0

    grid = {"states__n_units": range(1, 4)}
    search = GridSearchCV(pipeline[:2], grid, cv=2, refit=elbow("states__n_units")).fit(log)
    assert search.best_params_["states__n_units"] in grid["states__n_units"]

    spend, states = map(FrozenEstimator, search.best_estimator_)
    transfer = Pipeline([("spend", spend), ("model", TransferRegressor(states))])
    table = GridSearchCV(transfer, {"model__initialization": ["pretrained", "random"]},
                         scoring="neg_mean_squared_error",
                         cv=ShuffleSplit(2, train_size=50, test_size=100),
                         ).fit(log, liquidity)  # fmt: skip
    assert np.isfinite(table.cv_results_["mean_test_score"]).all()


def test_a_few_customers_are_predicted_as_among_all(pipeline, bank_log):
    everybody = pipeline.fit(bank_log).predict(bank_log)
    np.testing.assert_array_equal(pipeline.predict(bank_log[:7]), everybody[:7])


def test_a_search_without_y_tunes_both_steps_and_does_not_depend_on_n_jobs(pipeline, bank_log):
    pipeline.set_params(segment__max_depth=1)  # the score is that of the top level
    grid = {"spend__normalize": ["spending", "income"], "states__n_units": [2, 3]}
    one, two = (
        GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs, error_score="raise").fit(bank_log[:150])
        for n_jobs in (1, 2)
    )
    assert len(one.cv_results_["params"]) == 4
    assert np.isfinite(one.cv_results_["mean_test_score"]).all()
    for key in ("mean_test_score", "std_test_score"):
        np.testing.assert_array_equal(one.cv_results_[key], two.cv_results_[key])


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_with_y_per_customer(pipeline, bank_log, bank, n_jobs):
    spend, states = map(FrozenEstimator, pipeline.fit(bank_log)[:2])
    transfer = Pipeline([("spend", spend), ("model", TransferRegressor(states))])
    grid = {"model__alpha": [0, 3]}
    search = GridSearchCV(transfer, grid, cv=2, n_jobs=n_jobs, error_score="raise")
    search.fit(bank_log, bank.liquidity)
    assert search.predict(bank_log[:5]).shape == (5,)
    assert len(cross_val_predict(transfer, bank_log, bank.liquidity, cv=3)) == 300


@pytest.mark.parametrize(("library", "frame"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_set_output_reaches_every_step(pipeline, bank_log, library, frame):
    out = pipeline[:2].set_output(transform=library).fit_transform(bank_log)
    assert isinstance(out, frame)
    assert list(out.columns)[:2] == ["year1|state0", "year1|state1"]


def test_a_progress_bar_runs_on_the_pipeline(pipeline, bank_log, capsys):
    pipeline.set_callbacks(ProgressBar()).fit(bank_log)
    shown = capsys.readouterr().out
    for step in ("SpendingAggregator", "LSTMStateExtractor", "TrajectoryClusterer"):
        assert step in shown


def test_a_progress_bar_runs_on_the_search(pipeline, bank_log, capsys):
    search = GridSearchCV(pipeline, {"states__n_units": [2]}, cv=2).set_callbacks(ProgressBar())
    search.fit(bank_log[:60])
    assert "GridSearchCV" in capsys.readouterr().out


def test_segments_mean_something_on_real_people():
    """Segments from ten months say more about the next two months than chance."""
    households = load_complete_journey()
    log = households.data
    spend = SpendingAggregator(period=2, n_periods=6)
    active = spend.fit(log).active_periods_ == 6
    panel = spend.transform(log)[active]
    past = panel[[name for name in panel.columns if not name.startswith("period6|")]]
    future = panel[[name for name in panel.columns if name.startswith("period6|")]].to_numpy()
    scorer = BigFivePersonalityScorer(aliases=households.aliases)
    states = LSTMStateExtractor(n_networks=2, scorer=scorer, epochs=10, random_state=0)
    with pytest.warns(UserWarning, match=r"4\.\d% of the spending"):
        trajectories = states.fit_transform(past)
    top = TrajectoryClusterer(1, random_state=0).fit(trajectories).level_labels_[:, 0]

    def explained(labels):
        means = pd.DataFrame(future).groupby(labels).transform("mean").to_numpy()
        between = ((means - future.mean(axis=0)) ** 2).sum(axis=0).sum()
        return between / len(future) / future.var(axis=0).sum()

    shuffled = [explained(np.random.default_rng(seed).permutation(top)) for seed in range(20)]
    assert explained(top) > max(shuffled)


def test_no_step_copies_a_wide_panel_as_a_whole(monkeypatch):
    """Neither for the coverage nor for the scale of the spending."""
    monkeypatch.setattr(_sklearn, "CELLS_AT_ONCE", 100_000)
    shares = np.random.default_rng(0).random((2000, 1000))
    scorer = BigFivePersonalityScorer(make_spending(2, 1, 1000).coefficients.reset_index(drop=True))
    scorer.fit(shares)
    tracemalloc.start()
    scaler = _sklearn.fit_scaler(shares)
    scorer.fit(shares)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < shares.nbytes * 0.6
    assert scorer.coverage_ == 1
    np.testing.assert_allclose(scaler.mean_, shares.mean(axis=0))
    np.testing.assert_allclose(scaler.scale_, shares.std(axis=0))


@pytest.fixture(scope="module")
def wide_log():
    """400 customers who buy a few of 200 categories, of which 8 have a coefficient."""
    rng = np.random.default_rng(0)
    customer, year = np.indices((400, 3)).reshape(2, -1).repeat(2, axis=1)
    frame = {
        "customer": customer,
        "date": (np.datetime64("2021-12") + 12 * year).astype("M8[s]"),
        "category": np.char.add("kind", rng.zipf(1.3, size=len(year)).clip(max=200).astype(str)),
        "amount": rng.normal(20, 15, size=len(year)),
    }
    first = pd.Timestamp("2021-01-01")
    names = pd.DataFrame({"customer": 0, "date": first, "amount": 0.0}, range(1, 201))
    names["category"] = [f"kind{number}" for number in names.index]
    return TransactionLog(pd.concat([pd.DataFrame(frame), names]))


def run_wide(log):
    """The panel of the main job, and other frames by name."""
    names = [f"kind{number}" for number in range(1, 9)]
    ratings = make_spending(2, 1, 8, random_state=0).coefficients.set_axis(names)
    spend, panel, is_active = aggregate(log)
    active = panel.take(is_active)
    scorer = BigFivePersonalityScorer(ratings.to_dict())
    states = LSTMStateExtractor(n_networks=2, epochs=2, scorer=scorer, random_state=0).fit(active)
    seen = Seen.of_all(states, panel)
    segment = TrajectoryClusterer(1, random_state=0)
    names = cluster(segment, seen.trajectories[is_active], seen.scores[is_active], active)
    model = SegmentModel(
        Pipeline([("spend", spend), ("states", states), ("segment", segment)]), names
    )
    described = model.describe(seen)
    scale = {"mean": states.scaler_.mean_, "scale": states.scaler_.scale_}
    return panel.whole(), {
        "segments": model.predict(log),
        "described": described,
        "nodes": pd.DataFrame(find_nodes(model, log)),
        "scale": pd.DataFrame(scale),
        "figures": pd.DataFrame([model.summarise(seen, active, is_active, described)]),
    }


def test_a_wide_panel_is_never_dense_and_gives_the_same_segments(wide_log, monkeypatch):
    dense, expected = run_wide(wide_log)
    monkeypatch.setattr("skspend.aggregation._columns.CELLS_AT_ONCE", 2**16)
    monkeypatch.setattr("skspend.aggregation._shares.CELLS_OF_BLOCK", 2**16)
    with monkeypatch.context() as patch:
        for owner, method in ((SparseCube, "__array__"), (pd.DataFrame.sparse, "to_dense")):
            patch.setattr(owner, method, lambda *_, **__: pytest.fail("It is dense."))
        panel, found = run_wide(wide_log)
    assert panel.sparse.density < 0.1
    pd.testing.assert_frame_equal(panel.sparse.to_dense(), dense)
    for name, table in expected.items():
        pd.testing.assert_frame_equal(found[name], table, rtol=1e-9, atol=1e-9, obj=name)


def test_what_needs_a_dense_panel_reads_a_sparse_one(bank):
    dense = bank.data
    panel = dense.astype(pd.SparseDtype(dense.to_numpy().dtype, 0))
    networks = LSTMStateExtractor.paper(2, objective="reconstruct", epochs=1, random_state=0)
    for estimator in (networks, SpendingFactors(2), SpendingAggregator()):
        found, expected = (clone(estimator).fit_transform(given) for given in (panel, dense))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_only_pandas_frames_have_sparse_columns(wide_log, monkeypatch):
    monkeypatch.setattr("skspend.aggregation._columns.CELLS_AT_ONCE", 2**16)
    spend = SpendingAggregator().fit(wide_log)
    sparse = spend.transform(wide_log)
    dense = spend.set_output(transform="polars").transform(wide_log)
    np.testing.assert_array_equal(dense.to_numpy(), sparse.to_numpy())


def test_a_scaler_before_an_extractor_keeps_periods_with_set_output(bank):
    extractor = LSTMStateExtractor.paper(2, objective="reconstruct", epochs=1, n_init=1)
    nameless = make_pipeline(StandardScaler(), clone(extractor)).fit(bank.data)
    assert nameless[-1].n_periods_ == 1
    scaler = StandardScaler().set_output(transform="pandas")
    assert make_pipeline(scaler, extractor).fit(bank.data)[-1].n_periods_ == 3
    assert "set_output" in LSTMStateExtractor.__doc__
