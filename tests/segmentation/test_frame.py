"""Scoring in parts gives what scoring everything at once gives, on whatever engine."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from skspend import (
    FactorStateExtractor,
    FeedForwardExtractor,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.segmentation import segment_frame

CUTOFF = "2023-12-31"


def make_pipeline(scorer, **steps):
    steps = {
        "spend": SpendingAggregator(n_periods=3, handle_unknown="ignore"),
        "states": LSTMStateExtractor(4, n_networks=2, scorer=scorer, epochs=5, random_state=0),
        "segment": TrajectoryClusterer(max_depth=2, random_state=0),
    } | steps
    return Pipeline(list(steps.items()))


@pytest.fixture(scope="module")
def pipeline(bank_log, scorer):
    return make_pipeline(scorer).fit(bank_log)


@pytest.fixture(scope="module")
def frame(bank_log):
    """Transactions in no order, some of them in a category and of a customer new since `fit`, whose
    only ones lie after the cutoff."""
    new = pd.DataFrame(
        {
            "customer": [7, 7, 8, 1000],
            "date": pd.to_datetime(["2022-01-01", "2023-03-01", "2021-05-05", "2024-01-01"]),
            "category": ["zeppelins", "angels", "angels", "groceries"],
            "amount": [0.1, 10.3, -5.7, 1.0],
        }
    )
    return pd.concat([bank_log.to_frame(), new]).sample(frac=1, random_state=0)


def score(frame, pipeline, **options):
    return segment_frame(pipeline, frame, cutoff=CUTOFF, **options)


@pytest.fixture(scope="module")
def whole(pipeline, frame):
    return score(frame, pipeline)


def in_order(parts):
    parts = parts if isinstance(parts, pd.DataFrame) else pd.concat(parts)
    return parts.sort_values("customer", ignore_index=True)


def test_the_result_is_that_of_the_steps(pipeline, bank_log):
    found = score(bank_log.to_frame(), pipeline)
    panel = pipeline[:-1].transform(bank_log)
    segment = pipeline["segment"]
    assert found.columns.to_list() == [
        "customer",
        "segment",
        "level1",
        "level2",
        "strength",
        "known_share",
    ]
    np.testing.assert_array_equal(found["customer"], bank_log.customers)
    np.testing.assert_array_equal(found["segment"], segment.predict(panel))
    np.testing.assert_array_equal(found[["level1", "level2"]], segment.predict_levels(panel))
    np.testing.assert_allclose(found["strength"], segment.strength(panel), atol=1e-9)


def test_a_customer_without_spending_in_the_periods_has_no_strength(whole):
    strengths = whole.set_index("customer")["strength"]
    assert strengths[1000] == 0
    assert (strengths > 0).mean() > 0.9


@pytest.mark.filterwarnings("ignore:The transactions span")
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_parts=st.integers(1, 5), size=st.integers(1, 300))
def test_neither_the_parts_nor_the_order_of_rows_change_a_bit(
    pipeline, frame, whole, seed, n_parts, size
):
    rng = np.random.default_rng(seed)
    customers = rng.choice(whole["customer"], size, replace=False)
    part = pd.Series(rng.integers(n_parts, size=size), customers)
    some = frame[frame["customer"].isin(customers)].sample(frac=1, random_state=rng)
    parts = [score(rows, pipeline) for _, rows in some.groupby(some["customer"].map(part))]
    expected = in_order(whole[whole["customer"].isin(customers)])
    pd.testing.assert_frame_equal(in_order(parts), expected, check_exact=True)


def test_one_customer_alone_has_the_same_bits(pipeline, frame, whole):
    for customer in (0, 7, 8, 299, 1000):
        alone = score(frame[frame["customer"] == customer], pipeline)
        assert alone.equals(whole[whole["customer"] == customer].reset_index(drop=True))


@pytest.mark.parametrize(
    "steps",
    [
        {"spend": SpendingAggregator(n_periods=3, normalize=None)},
        {"spend": SpendingAggregator(period=6, normalize="income")},
        {"states": "passthrough"},
        {"states": MinMaxScaler()},
        {"states": FeedForwardExtractor(2, objective="reconstruct", epochs=2, random_state=0)},
        {"states": FactorStateExtractor(3)},
        {"segment": TrajectoryClusterer(outlier_threshold=0.5, random_state=0)},
    ],
    ids=["amounts", "income", "no network", "scaler", "autoencoder", "factors", "outliers"],
)
def test_other_steps_do_as_well(bank, bank_log, scorer, steps):
    income = bank.income.rename_axis("customer").reset_index()
    income = income.melt("customer", var_name="date", value_name="income")
    income["date"] = income["date"].map({f"year{n}": f"{2020 + n}-12-31" for n in (1, 2, 3)})
    few = bank_log[:100]
    pipeline = make_pipeline(scorer, **steps).fit(few)
    frame = few.to_frame()
    whole = score(frame, pipeline, income=income)
    np.testing.assert_array_equal(whole["segment"], pipeline.predict(few))
    parts = [
        score(rows, pipeline, income=income) for _, rows in frame.groupby(frame["customer"] % 3)
    ]
    assert in_order(parts).equals(whole)


@pytest.mark.parametrize("customers", [np.int32, "str", object, "string[pyarrow]", "category"])
def test_an_empty_part_has_the_columns_and_dtypes_of_a_full_one(pipeline, bank_log, customers):
    frame = bank_log[:20].to_frame()
    if customers != np.int32:
        frame["customer"] = frame["customer"].astype(str)
    frame["customer"] = frame["customer"].astype(customers)
    full, empty = score(frame, pipeline), score(frame[:0], pipeline)
    assert len(empty) == 0
    pd.testing.assert_series_equal(empty.dtypes, full.dtypes)
    assert full["customer"].dtype == ("str" if customers == "category" else customers)


@pytest.mark.parametrize("convert", [pl.from_pandas, pa.Table.from_pandas])
def test_any_frame_in_memory_gives_the_same(pipeline, frame, whole, convert):
    frame = frame.reset_index(drop=True)
    assert score(convert(frame), pipeline).equals(whole)
    empty = score(convert(frame[:0]), pipeline)
    pd.testing.assert_series_equal(empty.dtypes, whole.dtypes)


def test_columns_have_any_names_and_money_any_sign(pipeline, frame, whole):
    names = {"customer": "who", "date": "day", "category": "what", "amount": "how_much"}
    renamed = frame.assign(amount=-frame["amount"]).rename(columns=names)
    found = score(renamed, pipeline, outflow="negative", **names)
    pd.testing.assert_frame_equal(found, whole, check_exact=True)


def test_a_part_whose_panel_would_be_sparse_gives_the_same_bits(
    pipeline, frame, whole, monkeypatch
):
    monkeypatch.setattr("skspend.aggregation._columns.CELLS_AT_ONCE", 0)
    monkeypatch.setattr("skspend.aggregation._columns.DENSITY", np.inf)
    pd.testing.assert_frame_equal(score(frame, pipeline), whole, check_exact=True)


def test_each_customer_may_have_a_cutoff(pipeline, frame):
    customers = np.unique(frame["customer"])
    cutoff = pd.Series(pd.Timestamp("2023-06-30"), customers)
    cutoff[1000] = pd.Timestamp("2023-12-31")
    whole = segment_frame(pipeline, frame, cutoff=cutoff)
    alone = segment_frame(pipeline, frame[frame["customer"] == 1000], cutoff=cutoff)
    assert alone.equals(whole[whole["customer"] == 1000].reset_index(drop=True))


def test_a_row_that_cannot_be_read_is_refused_or_dropped(pipeline, frame, whole):
    bad = pd.concat([frame, frame[:1].assign(amount=np.nan)])
    with pytest.raises(ValueError, match="unreadable amount"):
        score(bad, pipeline)
    with pytest.warns(UserWarning, match="dropped: missing, infinite or unreadable amount .1."):
        assert score(bad, pipeline, errors="drop").equals(whole)


def test_what_cannot_be_scored_is_refused(pipeline, frame, scorer):
    def refuses(error, message, pipeline=pipeline, frame=frame, cutoff=CUTOFF):
        with pytest.raises(error, match=message):
            segment_frame(pipeline, frame, cutoff=cutoff)

    refuses(TypeError, "must be a Pipeline .* got TrajectoryClusterer", pipeline["segment"])
    refuses(TypeError, "one that ends in LSTMStateExtractor", pipeline[:-1])
    refuses(NotFittedError, "not fitted", make_pipeline(scorer))
    refuses(TypeError, "frame in memory, got list", frame=[1])
    refuses(TypeError, "in memory, got LazyFrame", frame=pl.DataFrame(frame[:9]).lazy())
    refuses(ValueError, "cutoff=None", cutoff=None)
    refuses(ValueError, "no column 'amount'", frame=frame[:0].drop(columns="amount"))
    with pytest.raises(TypeError, match="cutoff"):
        segment_frame(pipeline, frame)


def test_the_pipeline_is_kilobytes_and_a_hundred_bytes_for_each_customer_of_fit(pipeline, bank_log):
    assert len(pickle.dumps(pipeline)) < 60_000 + 100 * len(bank_log)


def test_a_fresh_process_needs_no_tensorflow(pipeline, frame, whole, tmp_path):
    (tmp_path / "job.pickle").write_bytes(pickle.dumps((pipeline, frame)))
    code = (
        "import pickle, sys; from skspend.segmentation import segment_frame; "
        "pipeline, frame = pickle.load(open(sys.argv[1], 'rb')); "
        f"segment_frame(pipeline, frame, cutoff='{CUTOFF}').to_pickle(sys.argv[2]); "
        "print({'tensorflow', 'keras', 'torch', 'matplotlib'} & set(sys.modules))"
    )
    files = [str(tmp_path / name) for name in ("job.pickle", "found.pickle")]
    done = subprocess.run(
        [sys.executable, "-c", code, *files], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
    assert pd.read_pickle(files[1]).equals(whole)


@pytest.mark.parametrize("method", ["tasks", "p2p"])
def test_dask_gives_the_same(pipeline, frame, whole, dask_client, method):
    import dask.dataframe as dd
    from dask import delayed

    # Inside of the test: workers cannot import this module.
    def score_part(frame, pipeline):
        return segment_frame(pipeline, frame, cutoff=CUTOFF)

    transactions = dd.from_pandas(frame.reset_index(drop=True), npartitions=3)
    segments = transactions.shuffle(
        "customer", npartitions=5, shuffle_method=method
    ).map_partitions(score_part, delayed(pipeline), meta=score(transactions._meta, pipeline))
    assert in_order(segments.compute()).equals(whole)
    for modules in dask_client.run(lambda: set(sys.modules)).values():
        assert "skspend.segmentation" in modules
        assert not {"tensorflow", "keras"} & modules


@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
@pytest.mark.parametrize("customers", ["int64", "str"])
def test_spark_gives_the_same(pipeline, frame, spark, customers):
    from pyspark.sql import functions as F

    def score_table(table):
        segments = segment_frame(pipeline, table, cutoff=CUTOFF)
        return pa.Table.from_pandas(segments, preserve_index=False)

    frame = frame.astype({"customer": customers})
    transactions = spark.createDataFrame(pa.Table.from_pandas(frame, preserve_index=False))
    schema = spark.createDataFrame(score_table(transactions.limit(0).toArrow())).schema
    bucket = F.pmod(F.hash("customer"), F.lit(5))
    segments = transactions.groupBy(bucket).applyInArrow(score_table, schema)
    whole = score(frame, pipeline)
    assert in_order(segments.toArrow().to_pandas()).equals(whole)


@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
def test_spark_partitions_of_whole_customers_give_the_same(pipeline, frame, whole, spark):
    def score_partition(batches):
        # Batches cut customers in two, and of an empty partition there are none.
        frames = list(batches)
        if frames:
            yield segment_frame(pipeline, pd.concat(frames), cutoff=CUTOFF)

    transactions = spark.createDataFrame(pa.Table.from_pandas(frame, preserve_index=False))
    empty = pa.Table.from_pandas(score(frame[:0], pipeline), preserve_index=False)
    segments = transactions.repartition(5, "customer").mapInPandas(
        score_partition, spark.createDataFrame(empty).schema
    )
    assert in_order(segments.toArrow().to_pandas()).equals(whole)
