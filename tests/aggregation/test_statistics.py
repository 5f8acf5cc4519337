"""Counts, means and other statistics of transactions, against a plain reference in pandas."""

from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st
from pyarrow.dataset import dataset

from skspend import BigFivePersonalityScorer, SpendingAggregator, TransactionLog
from skspend.transactions._moments import STATISTICS

# Most logs here are shorter than their periods.
pytestmark = pytest.mark.filterwarnings("ignore:The transactions span")

DAYS = pd.Timestamp("2022-01-01")
MEASURES = {
    "sum": lambda sizes: sizes.sum(),
    "count": lambda sizes: float(len(sizes)),
    "mean": lambda sizes: sizes.mean(),
    "mean_log": lambda sizes: np.log1p(sizes).mean(),
    "max": lambda sizes: sizes.max(),
    "std": lambda sizes: sizes.std(ddof=0),
    "any": lambda sizes: 1.0,
}
ALL = {"statistics": [*STATISTICS], "flows": ["out", "in"], "normalize": None}


@st.composite
def tables(draw):
    """Whole amounts on a few days of a year, by three customers in three categories."""
    n_rows = draw(st.integers(1, 40))
    seed = draw(st.integers(0, 2**31))
    generator = np.random.default_rng(seed)
    amounts = generator.integers(-9, 30, n_rows) * draw(st.sampled_from([1, 10**7]))
    return pd.DataFrame({
        "customer": generator.integers(0, 3, n_rows),
        "date": DAYS + pd.to_timedelta(generator.integers(0, 365, n_rows), unit="D"),
        "category": generator.choice(["pets", "rent", "salary"], n_rows),
        "amount": np.where(generator.random(n_rows) < 0.1, 0, amounts),
    })  # fmt: skip


def aggregate(log, **options):
    steps = SpendingAggregator(3, 3, **(ALL | options)).set_output(transform="pandas")
    return steps.fit_transform(log)


def expect(frame, log):
    """All statistics of the last three quarters but those of net sums, cell by cell."""
    expected = {}
    starts = pd.DatetimeIndex(log.period_edges(3, 3)[0].astype("M8[D]"))
    for customer in log.customers:
        own = frame[frame["customer"] == customer]
        for period, (start, end) in enumerate(pairwise(starts), start=1):
            for flow, sign, names in (("", 1, log.categories), (":in", -1, log.inflow_categories)):
                for name in names:
                    rows = own[(own["category"] == name) & (sign * own["amount"] > 0)]
                    inside = rows[(rows["date"] >= start) & (rows["date"] < end)]
                    sizes = inside["amount"].abs().to_numpy(dtype=float)
                    column = f"period{period}|{name}{flow}"
                    for statistic, compute in MEASURES.items():
                        found = compute(sizes) if len(sizes) else 0.0
                        expected[customer, f"{column}:{statistic}"] = found
                    so_far = rows.loc[(rows["date"] >= starts[0]) & (rows["date"] < end), "date"]
                    last = so_far.max() if len(so_far) else starts[0] - pd.Timedelta(days=1)
                    expected[customer, f"{column}:days_since"] = (end - last).days - 1.0
    return pd.Series(expected).unstack()


@settings(max_examples=12, deadline=None)
@given(tables())
def test_every_statistic_is_that_of_the_single_transactions(frame):
    log = TransactionLog(frame)
    panel = aggregate(log)
    expected = expect(frame, log).reindex(panel.index)
    of_sums = panel.columns[~panel.columns.str.contains(":")]
    # Money spent has refunds subtracted, as in shares; what comes in has no other name.
    expected.columns = expected.columns.str.replace(":in:sum", ":in")
    assert set(panel.columns) - set(of_sums) <= set(expected.columns)
    for column in panel.columns.difference(of_sums):
        np.testing.assert_allclose(panel[column], expected[column], rtol=1e-9, atol=1e-9)
        if column.endswith((":in", ":count", ":mean", ":max", ":any", ":days_since")):
            np.testing.assert_array_equal(panel[column], expected[column])
    plain = SpendingAggregator(3, 3, normalize=None).set_output(transform="pandas")
    np.testing.assert_array_equal(panel[of_sums], plain.fit_transform(log))


@settings(max_examples=10, deadline=None)
@given(tables(), st.sampled_from(["day", "month", "quarter"]), st.booleans())
def test_merged_transactions_that_carry_statistics_know_them_as_single_ones_do(
    frame, resolution, is_negative
):
    options = {"outflow": "negative"} if is_negative else {}
    single = aggregate(TransactionLog(frame, **options))
    options |= {"resolution": resolution, "statistics": [*STATISTICS]}
    sources = {
        "memory": frame,
        "polars": pl.from_pandas(frame).lazy(),
        "pieces": dataset(pa.Table.from_pandas(frame)),
    }
    for name, source in sources.items():
        log = TransactionLog(source, **options)
        found = SpendingAggregator(3, 3, **ALL).set_output(transform="pandas").fit_transform(log)
        assert found.columns.tolist() == single.columns.tolist(), name
        np.testing.assert_allclose(found, single, rtol=1e-9, atol=1e-6, err_msg=name)
        counts = [column for column in single if ":count" in column or ":max" in column]
        np.testing.assert_array_equal(found[counts], single[counts])


@pytest.fixture
def log():
    frame = pd.DataFrame({
        "customer": ["ann", "ann", "ann", "ann", "bob"],
        "date": ["2023-01-31", "2023-01-31", "2023-11-02", "2023-12-05", "2023-02-01"],
        "category": ["pets", "pets", "rent", "salary", "pets"],
        "amount": [20.0, 40.0, 60.0, -500.0, 30.0],
    })  # fmt: skip
    return TransactionLog(frame)


def test_columns_are_named_by_category_flow_and_statistic(log):
    spend = SpendingAggregator(n_periods=1, statistics=["sum", "mean"], flows=["out", "in"])
    panel = spend.set_output(transform="pandas").fit_transform(log)
    assert panel.columns.tolist() == [
        *("year1|pets", "year1|rent", "year1|pets:mean", "year1|rent:mean"),
        *("year1|salary:in", "year1|salary:in:mean"),
    ]
    assert panel.columns.tolist() == spend.get_feature_names_out().tolist()
    assert panel.loc["ann"].tolist() == [0.5, 0.5, 30, 60, 1, 500]


def test_infrequent_categories_are_measured_together(log):
    spend = SpendingAggregator(n_periods=1, statistics=["count", "max"], max_categories=1)
    panel = spend.set_output(transform="pandas").fit_transform(log)
    assert panel.loc["ann"].to_dict() == {"year1|infrequent:count": 3, "year1|infrequent:max": 60}


def test_scores_go_on_reading_shares_of_spending(log):
    coefficients = pd.DataFrame({"openness": [1.0, -1.0]}, index=["pets", "rent"])
    scorer = BigFivePersonalityScorer(coefficients, standardize=False)
    rich = SpendingAggregator(n_periods=1, statistics=["count", "sum"], flows=["in", "out"])
    plain = SpendingAggregator(n_periods=1)
    scores = [scorer.fit_transform(spend.set_output(transform="pandas").fit_transform(log))
              for spend in (rich, plain)]  # fmt: skip
    pd.testing.assert_frame_equal(*scores)
    assert scorer.coverage_ == 1


def test_a_merged_log_refuses_statistics_that_it_does_not_carry(log):
    merged = TransactionLog(log.to_frame(), resolution="month", statistics=["mean"])
    SpendingAggregator(statistics=["mean", "count", "any"]).fit_transform(merged)
    with pytest.raises(ValueError, match=r"does not know max, std .* statistics=\['mean', 'max'"):
        SpendingAggregator(statistics=["mean", "max", "std"]).fit_transform(merged)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"statistics": ["median"]}, "statistics must be 'sum', .* got 'median'"),
        ({"statistics": []}, "statistics must be one or more"),
        ({"flows": ["out", "out"]}, "flows must be one or more .* each once"),
        ({"flows": ["net"]}, "flows must be 'out' or 'in', got 'net'"),
    ],
)
def test_other_statistics_and_flows_are_refused_by_name(log, options, said):
    with pytest.raises(ValueError, match=said):
        SpendingAggregator(**options).fit(log)


def test_a_category_that_ends_like_a_statistic_is_refused_where_columns_could_be_confused(log):
    frame = log.to_frame().replace({"category": {"rent": "rent:mean"}})
    confusing = TransactionLog(frame)
    SpendingAggregator().fit(confusing)
    with pytest.raises(ValueError, match=r"1 category ends .* the first is 'rent:mean'"):
        SpendingAggregator(statistics=["sum", "mean"]).fit(confusing)


def test_a_panel_has_no_single_transactions():
    with pytest.raises(ValueError, match="apply to a TransactionLog"):
        SpendingAggregator(statistics=["count"]).fit(np.ones((3, 4)))
