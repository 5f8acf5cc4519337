"""From transactions to shares: what they add up to, what the columns are, what is refused."""

import re

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import skops.io
from hypothesis import given, settings, strategies as st
from pyarrow.dataset import dataset
from sklearn.cluster import KMeans
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

from skspend import SpendingAggregator, TransactionLog
from skspend.panel import fold

# Most logs here are shorter than their periods.
pytestmark = pytest.mark.filterwarnings("ignore:The transactions span")

ROWS = [
    ("ann", "2023-01-15", "pets", 30.0),
    ("ann", "2023-03-01", "travel", 90.0),
    ("ann", "2024-12-01", "travel", 10.0),
    ("ann", "2024-12-02", "travel", -60.0),
    ("ann", "2024-12-24", "pets", 50.0),
    ("bob", "2023-12-31", "pets", 8.0),
    ("bob", "2024-06-30", "salary", -400.0),
    ("eve", "2023-05-05", "salary", -40.0),
    ("eve", "2024-05-05", "salary", -80.0),
]
FRAME = pd.DataFrame(ROWS, columns=["customer", "date", "category", "amount"])
NAMES = ["year1|pets", "year1|travel", "year2|pets", "year2|travel"]
AMOUNTS = np.array([[30.0, 90.0, 50.0, -50.0], [8.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
SHARES = np.array([[0.25, 0.75, 0.5, -0.5], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
PANEL = pd.DataFrame(AMOUNTS, columns=NAMES, index=["ann", "bob", "eve"])
LIBRARIES = {
    "pandas": pd.DataFrame,
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
}
FEW = settings(max_examples=40, deadline=None)

parametrize_libraries = pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES.keys())


@pytest.fixture
def log():
    return TransactionLog(FRAME)


@st.composite
def logs(draw):
    """Logs of whole amounts, refunds included."""
    row = st.tuples(
        st.integers(0, 5),
        st.datetimes(pd.Timestamp("2020-01-01"), pd.Timestamp("2024-01-01")),
        st.sampled_from(["pets", "travel", "food"]),
        st.integers(-20, 100).map(float),
    )
    return TransactionLog(
        pd.DataFrame(draw(st.lists(row, min_size=1, max_size=40)), columns=FRAME.columns)
    )


def test_amounts_become_shares_of_spending_by_period(log):
    shares = SpendingAggregator().fit_transform(log)
    pd.testing.assert_frame_equal(
        shares, pd.DataFrame(SHARES, columns=NAMES, index=PANEL.index), check_column_type=False
    )


@pytest.mark.parametrize(
    "as_lazy",
    [
        lambda table: pl.from_arrow(table).lazy(),
        duckdb.from_arrow,
        dataset,
    ],
    ids=["polars", "duckdb", "arrow"],
)
def test_a_table_that_is_not_in_memory_is_refused_with_the_call_to_write(as_lazy):
    frame = as_lazy(pa.Table.from_pandas(FRAME, preserve_index=False))
    with pytest.raises(TypeError, match=r"TransactionLog\(frame"):
        SpendingAggregator().fit(frame)
    np.testing.assert_array_equal(SpendingAggregator().fit_transform(TransactionLog(frame)), SHARES)


def test_without_normalisation_amounts_stay_amounts(log):
    amounts = SpendingAggregator(normalize=None).fit_transform(log)
    pd.testing.assert_frame_equal(amounts, PANEL, check_column_type=False)


@FEW
@given(logs(), st.sampled_from(["year", "half", "quarter", "month", 5]))
def test_absolute_shares_add_up_to_one_in_active_periods_and_to_nothing_elsewhere(log, period):
    aggregator = SpendingAggregator(period=period, n_periods=4)
    panel = fold(aggregator.fit_transform(log).to_numpy(), 4)
    amounts = log.sum_spending(aggregator.n_months_, 4)
    total = np.abs(panel).sum(axis=2)
    np.testing.assert_allclose(total, (amounts != 0).any(axis=2).astype(float))
    np.testing.assert_array_equal(np.sign(panel), np.sign(amounts))


@FEW
@given(logs(), st.data(), st.sampled_from(["spending", None]))
def test_selecting_customers_commutes_with_aggregating(log, data, normalize):
    chosen = data.draw(st.lists(st.integers(0, len(log) - 1), max_size=8))
    aggregator = SpendingAggregator(period="half", n_periods=5, normalize=normalize).fit(log)
    pd.testing.assert_frame_equal(
        aggregator.transform(log[chosen]), aggregator.transform(log).iloc[chosen]
    )


def test_a_fold_without_some_category_still_has_its_column(log):
    aggregator = SpendingAggregator(n_periods=2).fit(log[[1]])
    assert aggregator.get_feature_names_out().tolist() == NAMES
    np.testing.assert_array_equal(aggregator.transform(log), SHARES)


@pytest.mark.parametrize(
    ("period", "n_periods", "name"),
    [
        ("year", 2, "year"),
        ("half", 4, "half"),
        ("quarter", 8, "quarter"),
        ("month", 24, "month"),
        (1, 24, "period"),
        (5, 4, "period"),
        (12, 2, "period"),
        (48, 1, "period"),
    ],
)
def test_by_default_there_are_as_many_whole_periods_as_the_log_spans(log, period, n_periods, name):
    aggregator = SpendingAggregator(period=period).fit(log)
    assert aggregator.n_periods_ == n_periods
    names = aggregator.get_feature_names_out().tolist()
    assert names[:2] == [f"{name}1|pets", f"{name}1|travel"]
    assert names[-1] == f"{name}{n_periods}|travel"
    assert len(names) == 2 * n_periods


@pytest.mark.parametrize(
    ("period", "n_months"), [("year", 12), ("half", 6), ("quarter", 3), ("month", 1)]
)
def test_a_named_period_holds_its_number_of_months(log, period, n_months):
    by_name = SpendingAggregator(period=period, n_periods=24).fit_transform(log)
    by_number = SpendingAggregator(period=n_months, n_periods=24).fit_transform(log)
    np.testing.assert_array_equal(by_name, by_number)
    assert np.flatnonzero(by_name.loc["bob"]).tolist() == [2 * (23 - 12 // n_months)]


@pytest.mark.parametrize(
    "parameters",
    [{"period": "week"}, {"period": 0}, {"period": 1.5}, {"n_periods": 0}, {"normalize": "no"},
     {"categories": "pets"}],
    ids=str,
)  # fmt: skip
def test_parameters_out_of_range_are_refused_by_name(log, parameters):
    with pytest.raises(ValueError, match=f"'{next(iter(parameters))}' parameter"):
        SpendingAggregator(**parameters).fit(log)


@pytest.mark.parametrize("categories", [["travel", "pets"], ["pets"], np.array(["travel"])])
def test_chosen_categories_become_the_columns_and_keep_their_share_of_everything(log, categories):
    shares = SpendingAggregator(categories=categories).fit_transform(log)
    names = [f"year{year}|{category}" for year in (1, 2) for category in categories]
    assert shares.columns.tolist() == names
    whole = pd.DataFrame(SHARES, columns=NAMES, index=PANEL.index)
    pd.testing.assert_frame_equal(shares, whole[names], check_column_type=False)


@pytest.mark.parametrize(
    ("categories", "said"),
    [
        (["pets", "zoo", "bar"], ["2 of 3 categories=", "'bar'", "'pets', 'travel'"]),
        (["salary"], ["1 of 1 categories=", "'salary'"]),
        (["pets", "travel", "pets"], ["categories=", "twice", "once"]),
    ],
)
def test_categories_that_make_no_columns_are_an_error(log, categories, said):
    with pytest.raises(ValueError) as refusal:
        SpendingAggregator(categories=categories).fit(log)
    assert [words for words in said if words not in str(refusal.value)] == []


def test_new_categories_are_named_in_a_warning_and_stay_part_of_the_whole(log):
    aggregator = SpendingAggregator(n_periods=2).fit(log)
    rows = [("bob", "2024-12-31", "zoo", 75.0), ("bob", "2024-12-31", "pets", 25.0)]
    new = TransactionLog(pd.DataFrame(rows, columns=FRAME.columns))
    with pytest.warns(UserWarning, match=r"1 category .* no column: 'zoo'.* 75\.0%") as warned:
        shares = aggregator.transform(new)
    assert shares.loc["bob"].tolist() == [0.0, 0.0, 0.25, 0.0]
    assert warned[0].filename == __file__


def test_new_categories_do_not_warn_where_the_columns_were_chosen(log):
    aggregator = SpendingAggregator(n_periods=2, categories=["pets"]).fit(log)
    new = TransactionLog(FRAME.replace("travel", "zoo"))
    # The refund of 50 at the end is in a category without a role: it may be income.
    np.testing.assert_array_equal(aggregator.transform(new), [[0.25, 1.0], [1.0, 0.0], [0.0, 0.0]])


def test_a_long_list_of_new_categories_is_cut_short(log):
    new = TransactionLog(FRAME[:5].assign(category=list("abcde")).pipe(lambda f: pd.concat(
        [f, f.assign(category=list("fghij"))])).assign(amount=1.0))  # fmt: skip
    with pytest.warns(UserWarning, match="'a', 'b', 'c', 'd', 'e' and 5 more"):
        SpendingAggregator(n_periods=2).fit(log).transform(new)


@pytest.mark.parametrize(
    "rows",
    [
        [("bob", "2024-12-31", "travel", -10.0), ("bob", "2024-12-31", "pets", 30.0)],
        [("bob", "2024-12-31", "travel", -10.0), ("bob", "2024-12-31", "pets", 30.0),
         ("bob", "2024-12-31", "salary", 5.0)],
        [("bob", "2024-12-31", "travel", -10.0), ("bob", "2024-12-31", "pets", 30.0),
         ("bob", "2024-12-31", "salary", -9.0)],
    ],
)  # fmt: skip
def test_what_was_spending_or_income_in_fit_stays_so_in_transform(log, rows):
    aggregator = SpendingAggregator(n_periods=2).fit(log)
    new = TransactionLog(pd.DataFrame(rows, columns=FRAME.columns))
    assert aggregator.transform(new).loc["bob"].tolist() == [0.0, 0.0, 0.75, -0.25]


def test_a_log_of_nothing_but_refunds_gives_negative_shares(log):
    aggregator = SpendingAggregator(n_periods=2).fit(log)
    new = TransactionLog(pd.DataFrame(
        [("bob", "2024-12-31", "travel", -10.0)], columns=FRAME.columns))  # fmt: skip
    assert aggregator.transform(new).loc["bob"].tolist() == [0.0, 0.0, 0.0, -1.0]


def test_a_log_of_nothing_but_new_income_gives_zeros(log):
    aggregator = SpendingAggregator(n_periods=2).fit(log)
    new = TransactionLog(pd.DataFrame(
        [("bob", "2024-12-31", "lottery", -10.0)], columns=FRAME.columns))  # fmt: skip
    assert aggregator.transform(new).loc["bob"].tolist() == [0.0] * 4


@parametrize_libraries
def test_a_table_of_transactions_is_refused_with_the_call_to_write(log, library):
    frame = library(FRAME)
    with pytest.raises(TypeError, match=r"Wrap it: TransactionLog\(frame\)"):
        SpendingAggregator().fit(frame)
    with pytest.raises(TypeError, match=r"Wrap it: TransactionLog\(frame\)"):
        SpendingAggregator().fit(log).transform(frame)


def test_a_table_of_numbers_with_usual_names_is_refused_with_their_call():
    frame = pd.DataFrame({"Kundenr": [1, 2], "dato": 20240101, "kategori": 5411, "beløp": 2.5})
    message = "customer='Kundenr', date='dato', category='kategori', amount='beløp'"
    with pytest.raises(TypeError, match=re.escape(f"Wrap it: TransactionLog(frame, {message})")):
        make_pipeline(SpendingAggregator(), KMeans(1)).fit(frame)


@parametrize_libraries
def test_cross_validation_does_not_split_the_transactions_of_a_customer(library):
    """Rows of a table of transactions would be split, and customers with them."""
    pipeline = make_pipeline(SpendingAggregator(), KMeans(1))
    for validate in (
        lambda X: cross_val_score(pipeline, X, cv=2, error_score="raise"),
        lambda X: GridSearchCV(pipeline, {"kmeans__n_init": [1]}, error_score="raise").fit(X),
    ):
        with pytest.raises(TypeError, match="TransactionLog"):
            validate(library(FRAME))


def test_a_second_fit_leaves_nothing_of_the_first(log):
    aggregator = SpendingAggregator().fit(PANEL)
    assert hasattr(aggregator.fit(log), "spending_categories_")
    assert not hasattr(aggregator, "n_features_in_")
    assert not hasattr(aggregator, "feature_names_in_")
    pd.testing.assert_frame_equal(
        aggregator.transform(log), SpendingAggregator().fit_transform(log)
    )
    assert not hasattr(aggregator.fit(PANEL), "spending_categories_")


def test_a_log_in_a_search_is_split_by_customer(log):
    pipeline = make_pipeline(SpendingAggregator(n_periods=2), KMeans(1, n_init=1))
    search = GridSearchCV(pipeline, {"spendingaggregator__normalize": ["spending", None]}, cv=3)
    assert search.fit(log).best_params_ == {"spendingaggregator__normalize": "spending"}


@parametrize_libraries
def test_a_panel_of_amounts_keeps_its_periods_and_its_library(library):
    frame = library(PANEL)
    aggregator = SpendingAggregator()
    shares = aggregator.fit_transform(frame)
    assert type(shares) is type(frame)
    np.testing.assert_array_equal(np.asarray(shares), SHARES)
    assert aggregator.get_feature_names_out().tolist() == NAMES
    assert aggregator.categories_.tolist() == ["pets", "travel"]
    assert aggregator.n_periods_ == 2


def test_a_pandas_panel_keeps_its_index():
    assert SpendingAggregator().fit_transform(PANEL).index.tolist() == ["ann", "bob", "eve"]


@pytest.mark.parametrize(
    ("X", "n_periods"), [(AMOUNTS.reshape(3, 2, 2), None), (AMOUNTS, 2), (AMOUNTS.tolist(), 2)]
)
def test_arrays_give_the_same_shares_as_arrays(X, n_periods):
    aggregator = SpendingAggregator(n_periods=n_periods)
    shares = aggregator.fit_transform(X)
    assert type(shares) is np.ndarray
    np.testing.assert_array_equal(shares, SHARES)
    assert aggregator.categories_ is None
    assert aggregator.get_feature_names_out()[[0, -1]].tolist() == ["period1|x0", "period2|x1"]


def test_a_nameless_table_is_one_period():
    shares = SpendingAggregator().fit_transform(np.array([[1.0, 3.0, -4.0, 0.0]]))
    assert shares.tolist() == [[0.125, 0.375, -0.5, 0.0]]


@pytest.mark.parametrize("shape", [(3, 4), (3, 2, 2)])
def test_single_precision_stays_single_precision(shape):
    shares = SpendingAggregator().fit_transform(AMOUNTS.reshape(shape).astype(np.float32))
    assert shares.dtype == np.float32


@pytest.mark.parametrize(
    ("X", "found"),
    [(PANEL, "2 periods by its column names"), (AMOUNTS.reshape(3, 4, 1), "4 periods by its sec")],
    ids=["names", "dimensions"],
)
def test_contradicting_numbers_of_periods_are_both_named(X, found):
    with pytest.raises(ValueError, match=f"{found}.*n_periods=3"):
        SpendingAggregator(n_periods=3).fit(X)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [({"normalize": "income"}, "needs a TransactionLog"), ({"categories": ["pets"]}, "columns")],
)
def test_what_only_a_log_knows_cannot_be_asked_of_a_panel(parameters, said):
    with pytest.raises(ValueError, match=said):
        SpendingAggregator(**parameters).fit(PANEL)


def test_logs_and_panels_cannot_be_exchanged_after_fit(log):
    with pytest.raises(ValueError, match="fitted on a log and cannot transform a panel"):
        SpendingAggregator().fit(log).transform(PANEL)
    with pytest.raises(ValueError, match="fitted on a panel and cannot transform a log"):
        SpendingAggregator().fit(PANEL).transform(log)


@pytest.mark.parametrize("library", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
@pytest.mark.parametrize(
    ("output", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)], ids=str
)
def test_set_output_decides_the_library(library, output, kind):
    log = TransactionLog(library(FRAME))
    shares = SpendingAggregator().set_output(transform=output).fit_transform(log)
    assert isinstance(shares, kind)
    assert list(shares.columns) == NAMES
    np.testing.assert_array_equal(shares.to_numpy(), SHARES)


@parametrize_libraries
def test_by_default_a_log_gives_polars_for_polars_and_else_pandas(library):
    frame = library(FRAME)
    shares = SpendingAggregator().fit_transform(TransactionLog(frame)[[1, 0]])
    assert type(shares) is (pl.DataFrame if isinstance(frame, pl.DataFrame) else pd.DataFrame)
    assert list(shares.columns) == NAMES
    np.testing.assert_array_equal(shares.to_numpy(), SHARES[[1, 0]])


def test_no_customers_give_no_rows(log):
    shares = SpendingAggregator(n_periods=2).fit(log).transform(log[[]])
    assert shares.shape == (0, 4)
    assert shares.columns.tolist() == NAMES


def test_active_periods_count_periods_with_spending(log):
    assert SpendingAggregator().fit(log).active_periods_.tolist() == [2, 1, 0]
    assert SpendingAggregator().fit(log[[2, 0]]).active_periods_.tolist() == [0, 2]
    assert SpendingAggregator(n_periods=1).fit(log).active_periods_.tolist() == [1, 0, 0]
    assert SpendingAggregator().fit(PANEL).active_periods_.tolist() == [2, 1, 0]


def test_quality_counts_what_did_not_enter_the_periods():
    log = TransactionLog(FRAME, cutoff="2024-12-01")
    quality = SpendingAggregator(n_periods=1).fit(log).quality_
    counts = quality["transactions"]
    assert counts[counts > 0].to_dict() == {
        "after the cutoff": 2,
        "before the first period": 2,
    }
    assert quality.loc["before the first period", "amount"] == 120.0
    of_bob = SpendingAggregator(n_periods=1).fit(log[[1]]).quality_
    assert (of_bob["transactions"] == 0).all()
    assert len(SpendingAggregator().fit(PANEL).quality_) == 0


def test_income_of_inflow_categories_divides_spending():
    rows = [("ann", "2023-06-01", "salary", -240.0), ("ann", "2024-06-01", "salary", -200.0)]
    log = TransactionLog(pd.concat([FRAME, pd.DataFrame(rows, columns=FRAME.columns)]))
    shares = SpendingAggregator(normalize="income").fit_transform(log)
    assert shares.loc["ann"].tolist() == [0.125, 0.375, 0.25, -0.25]
    assert shares.loc["eve"].tolist() == [0.0] * 4


def test_a_period_without_income_takes_the_mean_of_the_others():
    income = pd.DataFrame(
        [("ann", 100.0, "2022-07-01"), ("ann", 300.0, "2024-07-01"), ("bob", 80.0, "2024-01-01"),
         ("eve", 1.0, "2023-01-01"), ("eve", -50.0, "2024-01-01")],
        columns=["customer", "income", "date"],
    )  # fmt: skip
    log = TransactionLog(FRAME, income=income)
    shares = SpendingAggregator(n_periods=3, normalize="income").fit_transform(log)
    assert shares.loc["ann"].tolist() == [0.0, 0.0, 0.15, 0.45, 1 / 6, -1 / 6]
    assert shares.loc["bob"].tolist() == [0.0, 0.0, 0.1, 0.0, 0.0, 0.0]


def test_yearly_income_is_divided_among_the_periods():
    income = pd.DataFrame({"customer": ["ann", "bob", "eve"], "income": [1200.0, 10.0, 1.0]})
    log = TransactionLog(FRAME, income=income)
    shares = SpendingAggregator("month", n_periods=24, normalize="income").fit_transform(log)
    assert shares.loc["ann", ["month1|pets", "month3|travel"]].tolist() == [0.3, 0.9]


def test_customers_without_income_are_counted_and_the_first_is_named(log):
    with pytest.raises(ValueError, match=r"1 of 3 customers .* first is 'ann'. Give their income"):
        SpendingAggregator(normalize="income").fit(log)
    aggregator = SpendingAggregator(n_periods=2, normalize="income").fit(log[1:])
    with pytest.raises(ValueError, match="1 of 3 customers has no positive income"):
        aggregator.transform(log)


def test_income_normalisation_without_any_income_says_how_to_give_it():
    with pytest.raises(ValueError, match="knows no income"):
        SpendingAggregator(normalize="income").fit(TransactionLog(FRAME[:5]))


@FEW
@given(logs(), st.permutations(range(6)))
def test_permuting_customers_permutes_rows(log, permutation):
    permutation = [position for position in permutation if position < len(log)]
    aggregator = SpendingAggregator("quarter", n_periods=6)
    permuted = aggregator.fit_transform(log[permutation])
    pd.testing.assert_frame_equal(permuted, aggregator.fit_transform(log).iloc[permutation])


def test_transforming_changes_neither_the_panel_nor_the_log(log):
    amounts = AMOUNTS.copy()
    amounts.flags.writeable = False
    for normalize in ("spending", None):
        SpendingAggregator(n_periods=2, normalize=normalize).fit_transform(amounts)
        SpendingAggregator(n_periods=2, normalize=normalize).fit_transform(log)
    np.testing.assert_array_equal(amounts, AMOUNTS)
    assert log == TransactionLog(FRAME)


@pytest.mark.parametrize(
    "X", [TransactionLog(FRAME), PANEL, AMOUNTS], ids=["log", "frame", "array"]
)
def test_a_fitted_aggregator_survives_skops(X):
    aggregator = SpendingAggregator().fit(X)
    loaded = skops.io.loads(
        skops.io.dumps(aggregator), trusted=["skspend.aggregation._aggregator.SpendingAggregator"]
    )
    np.testing.assert_array_equal(loaded.transform(X), aggregator.transform(X))
    assert loaded.get_feature_names_out().tolist() == aggregator.get_feature_names_out().tolist()
    pd.testing.assert_frame_equal(loaded.quality_, aggregator.quality_)
