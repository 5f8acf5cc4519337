"""The panel: how it folds, what it refuses, and what comes back."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import BaseEstimator

from skspend.panel import (
    Panel,
    fitted_features,
    fold,
    output_names,
    parse_names,
    unfold,
    validate_panel,
)

NAMES = ["year1|pets", "year1|travel", "year2|pets", "year2|travel"]
VALUES = np.arange(12.0).reshape(3, 4)

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
periods = st.text(st.characters(exclude_categories=["Cs", "Nd"], exclude_characters="|"))


class Receiver(BaseEstimator):
    """An estimator that only takes panels in."""

    def take(self, X, **options):
        return validate_panel(self, X, **options)


def column_names(period, n_periods, features):
    return Panel(np.empty((0, n_periods, len(features))), period, features).names


def named(values=VALUES, names=NAMES):
    return pd.DataFrame(values, columns=names, index=[f"c{row}" for row in range(len(values))])


@given(
    st.tuples(st.integers(0, 5), st.integers(1, 5), st.integers(1, 5)).flatmap(
        lambda shape: arrays(float, shape, elements=st.floats(-9, 9))
    )
)
def test_fold_undoes_unfold(cube):
    table = unfold(cube)
    assert table.shape == (cube.shape[0], cube.shape[1] * cube.shape[2])
    np.testing.assert_array_equal(fold(table, cube.shape[1]), cube)


def test_unfolding_is_period_major_like_the_names():
    cube = np.array([[["year1|pets", "year1|travel"], ["year2|pets", "year2|travel"]]])
    panel = Panel(cube, "year", ["pets", "travel"])
    assert panel.table.tolist() == [NAMES]
    assert panel.names.tolist() == NAMES


@given(periods, st.integers(1, 12), st.lists(words | st.just("a|b3|"), min_size=1, unique=True))
def test_names_are_read_back_as_they_were_given(period, n_periods, features):
    names = column_names(period, n_periods, features)
    assert parse_names(names) == (period, n_periods, features)


@pytest.mark.parametrize(
    "features",
    [["year1|2", "3|4|5"], ["|"], [""], ["7", "07"], ["line\nbreak"], ["pets1", "1"]],
    ids=str,
)
def test_categories_with_bars_and_digits_survive_in_names(features):
    assert parse_names(column_names("half", 11, features)) == ("half", 11, features)


@pytest.mark.parametrize("names", [["pets", "travel"], ["x0", "x1"], ["a|b", "|"], []], ids=str)
def test_names_without_positions_are_plain_features(names):
    assert parse_names(names) == (None, None, names)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([*NAMES, "age"], ["1 of 5 columns", "the first is 'age'", "Drop them"]),
        (NAMES[:3], ["complete panel", "found 'year2|pets' where 'no further column'"]),
        (NAMES[1:], ["complete panel", "'year2|pets'"]),
        (NAMES[2:], ["found 'year2|pets' where 'year1|pets'"]),
        ([NAMES[0], NAMES[2], NAMES[1], NAMES[3]], ["found 'year2|pets' where 'year1|travel'"]),
        (NAMES[::-1], ["found 'year2|travel' where 'year1|travel'", "Sort the columns"]),
        ([*NAMES[:2], "half2|pets", "half2|travel"], ["found 'half2|pets' where 'year2|pets'"]),
        (["year1|pets", "year2|travel"], ["found 'year2|travel' where 'year2|pets'"]),
        (["year01|pets", "year02|pets"], ["found 'year01|pets' where 'year1|pets'"]),
        (["year1|pets", "year3|pets"], ["found 'year3|pets' where 'year2|pets'"]),
    ],
    ids=str,
)
def test_an_incomplete_or_shuffled_panel_is_an_error(names, said):
    with pytest.raises(ValueError) as refusal:
        parse_names(names)
    assert [words for words in said if words not in str(refusal.value)] == []
    with pytest.raises(ValueError, match="columns"):
        Receiver().take(named(np.ones((2, len(names))), names))


@pytest.mark.parametrize(
    ("X", "options", "shape"),
    [
        (named(), {}, (3, 2, 2)),
        (named(), {"n_periods": 2}, (3, 2, 2)),
        (pl.from_pandas(named()), {}, (3, 2, 2)),
        (VALUES.reshape(3, 2, 2), {}, (3, 2, 2)),
        (VALUES.reshape(3, 4, 1), {}, (3, 4, 1)),
        (VALUES, {"n_periods": 2}, (3, 2, 2)),
        (VALUES, {}, (3, 1, 4)),
        (VALUES.tolist(), {"n_periods": 4}, (3, 4, 1)),
        (named(names=list("abcd")), {}, (3, 1, 4)),
        (named(names=list("abcd")), {"n_periods": 2}, (3, 2, 2)),
    ],
)
def test_the_number_of_periods_comes_from_names_shape_or_parameter(X, options, shape):
    receiver = Receiver()
    cube = receiver.take(X, **options).cube
    np.testing.assert_array_equal(cube, VALUES.reshape(shape))
    assert receiver.n_periods_ == shape[1]
    assert receiver.n_features_in_ == 4
    again = receiver.take(X, reset=False).cube
    np.testing.assert_array_equal(again, cube)


@pytest.mark.parametrize(
    ("X", "n_periods", "said"),
    [
        (named(), 4, ["X has 2 periods by its column names", "n_periods=4"]),
        (VALUES.reshape(3, 2, 2), 3, ["X has 2 periods by its second dimension", "n_periods=3"]),
        (VALUES, 3, ["4 columns", "3 periods", "Check n_periods"]),
        (VALUES.reshape(3, 2, 2, 1), None, ["dim 4"]),
        (VALUES[:0], None, ["0 sample"]),
        (np.full((3, 4), np.nan), None, ["NaN"]),
        (np.full((3, 4, 1), np.inf), None, ["infinity"]),
    ],
)
def test_a_panel_that_contradicts_itself_is_an_error(X, n_periods, said):
    with pytest.raises(ValueError) as refusal:
        Receiver().take(X, n_periods=n_periods)
    assert [words for words in said if words not in str(refusal.value)] == []


def test_later_panels_must_have_the_fitted_shape():
    receiver = Receiver()
    receiver.take(VALUES.reshape(3, 2, 2))
    with pytest.raises(ValueError, match=r"4 periods by its second dimension, but .* fitted on 2"):
        receiver.take(VALUES.reshape(3, 4, 1), reset=False)
    with pytest.raises(ValueError, match="expecting 4 features"):
        receiver.take(VALUES[:, :3], reset=False)


def test_later_frames_must_have_the_fitted_columns():
    receiver = Receiver()
    receiver.take(named())
    with pytest.raises(ValueError, match="feature names should match"):
        receiver.take(named(names=[name.replace("pets", "food") for name in NAMES]), reset=False)


@pytest.mark.parametrize(
    ("given_dtype", "kept"),
    [("float64", "float64"), ("float32", "float32"), ("int64", "float64"), ("bool", "float64")],
)
@pytest.mark.parametrize("shape", [(3, 4), (3, 2, 2)])
def test_only_single_precision_is_kept_beside_double(given_dtype, kept, shape):
    assert Receiver().take(VALUES.reshape(shape).astype(given_dtype)).cube.dtype == kept


@pytest.mark.parametrize(
    ("X", "options", "features", "out"),
    [
        (named(), {}, ["pets", "travel"], ["year1|z", "year2|z"]),
        (VALUES.reshape(3, 2, 2), {}, None, ["period1|z", "period2|z"]),
        (VALUES, {}, None, ["z"]),
        (named(names=list("abcd")), {}, list("abcd"), ["z"]),
        (named(names=list("abcd")), {"n_periods": 2}, ["a", "b"], ["period1|z", "period2|z"]),
        (named(names=["x0", "x1", "x2", "x3"]), {}, None, ["z"]),
        (named(names=[f"year1|{name}" for name in "abcd"]), {}, list("abcd"), ["year1|z"]),
        (named(names=[f"period1|{name}" for name in "abcd"]), {}, list("abcd"), ["period1|z"]),
        (named(names=["month1|x0", "month1|x1", "month2|x0", "month2|x1"]), {}, None,
         ["month1|z", "month2|z"]),
    ],
)  # fmt: skip
def test_an_estimator_remembers_its_panel_and_names_its_output_after_it(X, options, features, out):
    receiver = Receiver()
    panel = receiver.take(X, **options)
    assert fitted_features(receiver) == features
    assert panel.is_named == (features is not None)
    assert output_names(receiver, ["z"]).tolist() == out
    assert Panel(panel.cube[..., :1], panel.period, ["z"]).names.tolist() == out


def test_output_names_check_the_input_features():
    receiver = Receiver()
    receiver.take(named())
    assert output_names(receiver, ["z"], NAMES).tolist() == ["year1|z", "year2|z"]
    with pytest.raises(ValueError, match="not equal to feature_names_in_"):
        output_names(receiver, ["z"], NAMES[::-1])


@given(periods | st.none(), st.lists(words, min_size=1, max_size=4, unique=True))
def test_reading_a_frame_and_writing_it_again_changes_nothing(period, features):
    frame = pd.DataFrame(np.ones((2, 2 * len(features))))
    frame.columns = column_names(period, 2, features)
    panel = Panel.read(frame)
    pd.testing.assert_frame_equal(panel.like(frame), frame)


def test_frames_give_frames_of_their_library_and_arrays_give_arrays():
    out, names = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), ["b", "a"]
    panel, expected = Panel(out[:, None], features=names), pd.DataFrame(out, columns=names)
    frame = panel.like(named())
    pd.testing.assert_frame_equal(frame, expected.set_axis(["c0", "c1", "c2"]))
    assert panel.like(pl.from_pandas(named())).equals(pl.from_pandas(expected))
    table = pa.Table.from_pandas(named(), preserve_index=False)
    assert panel.like(table).equals(pa.table({"b": out[:, 0], "a": out[:, 1]}))
    for array in (VALUES, VALUES.reshape(3, 2, 2), VALUES.tolist()):
        np.testing.assert_array_equal(panel.like(array), out)


@pytest.mark.parametrize("library", ["pandas", "polars", "arrow"])
def test_a_later_panel_may_be_shorter_where_that_is_allowed(library):
    receiver = Receiver()
    receiver.take(named())
    frame = named(VALUES[:, :2], NAMES[:2])
    short = {
        "pandas": frame,
        "polars": pl.from_pandas(frame),
        "arrow": pa.Table.from_pandas(frame, preserve_index=False),
    }[library]
    panel = receiver.take(short, reset=False, shorter=True)
    np.testing.assert_array_equal(panel.cube, VALUES[:, None, :2])
    with pytest.raises(ValueError, match="feature"):
        receiver.take(short, reset=False)


def test_a_period_is_active_if_anything_is_spent_even_if_it_adds_up_to_zero():
    cube = np.array([[[0.0, -2.0], [1.0, -1.0], [0.0, 0.0]], np.zeros((3, 2))])
    assert Panel(cube).active_periods.tolist() == [2, 0]


TRANSACTIONS = pd.DataFrame(
    {
        "customer": [1, 1],
        "date": ["2024-01-31", "2024-02-01"],
        "category": ["a", "b"],
        "amount": 1.0,
    }
)


@pytest.mark.parametrize(
    ("X", "said"),
    [
        (
            TRANSACTIONS,
            ["has the columns of transactions", "TransactionLog(frame)"],
        ),
        (pl.from_pandas(TRANSACTIONS), ["has the columns", "TransactionLog(frame)"]),
        (pa.Table.from_pandas(TRANSACTIONS), ["has the columns", "TransactionLog(frame)"]),
        (pl.from_pandas(TRANSACTIONS).lazy(), ["is not in memory", "TransactionLog(frame, ...)"]),
        (ds.dataset(pa.Table.from_pandas(TRANSACTIONS)), ["is not in memory"]),
        (TRANSACTIONS.assign(category=1, date=pd.Timestamp("2024-01-31")), ["has the columns"]),
        (
            TRANSACTIONS.rename(columns={"customer": "konto", "category": "mcc"}),
            ["2 columns of text or dates", "'date'", "customer=..., date=..., category=..."],
        ),
        (named().assign(day=pd.Timestamp("2024-01-31")), ["1 column of text or dates", "'day'"]),
        (named().assign(day=pd.Categorical(["a", "b", "a"])), ["1 column of text or dates"]),
    ],
)
def test_a_table_of_transactions_is_refused_with_the_call_to_write(X, said):
    for read in (Panel.read, Receiver().take):
        with pytest.raises(TypeError) as refusal:
            read(X)
        assert [words for words in said if words not in str(refusal.value)] == []


def test_numbers_of_any_kind_are_no_table_of_transactions():
    frame = named().astype({NAMES[0]: "Int64", NAMES[1]: bool, NAMES[2]: "float32"})
    np.testing.assert_array_equal(Panel.read(frame).table[:, 0], VALUES[:, 0])
    assert Panel.read(frame.astype(object)).cube.shape == (3, 2, 2)
