"""Merchant category codes: how they are read, their categories, and unknown codes."""

import re
import warnings
from decimal import Decimal
from importlib import resources

import iso18245
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from skspend import BigFivePersonalityScorer, SpendingAggregator, TransactionLog
from skspend.categories import mcc_to_category
from skspend.categories._mcc import UNKNOWN
from skspend.personality import load_coefficients

NAN = float("nan")
TABLE = pd.read_csv(
    resources.files("skspend.categories") / "data" / "mcc_categories.csv", dtype=str
)
LISTED = sorted(mcc.mcc for mcc in iso18245.get_all_mccs())
PUBLISHED = set(load_coefficients().index)
# What a column may hold: listed codes, other numbers, text, and missing values.
MIXED = st.lists(
    st.sampled_from(LISTED)
    | st.integers(-10, 20_000)
    | st.text(max_size=5)
    | st.sampled_from([None, NAN, 5411.0, 5411.5, " 742 "])
)


def ignore(codes, **options):
    """The categories as a list, without a warning about unknown codes."""
    return list(mcc_to_category(codes, handle_unknown="ignore", **options))


def warning_about(codes, **options):
    """The text of the only warning, which points at the caller."""
    with pytest.warns(UserWarning) as record:
        mcc_to_category(codes, **options)
    assert len(record) == 1
    assert record[0].filename == __file__
    return str(record[0].message)


@pytest.mark.parametrize(
    "code",
    [
        742, "742", "0742", " 0742 ", "742.0", "0742.00", "742.", 742.0, np.int16(742),
        np.float32(742), Decimal("742"), np.str_("742"),
    ],
)  # fmt: skip
def test_a_code_may_lack_leading_zeros_or_have_blanks_around_or_decimals_of_zero(code):
    assert mcc_to_category([code]).tolist() == ["pets"]


@pytest.mark.parametrize(
    "code",
    [
        "abcd", 12345, "12345", "00742", -1, "-742", "+742", 742.5, "742.5", "7 42", "7_42", "0x2e",
        "1e3", "٠٧٤٢", float("inf"), -float("inf"), True, b"0742", 742j, pd.Timestamp("2024-01-01"),
        0, "0000", 9999, "nan", "None", ("0742",),
    ],
)  # fmt: skip
def test_malformed_codes_and_codes_not_listed_are_unknown(code):
    codes = np.empty(2, dtype=object)
    codes[:] = [code, "0742"]
    assert ignore(codes) == [UNKNOWN, "pets"]
    message = warning_about(codes)
    assert "unknown merchant category codes in 1 of 2 rows (50.0%), 1 distinct" in message


@pytest.mark.parametrize("code", [None, NAN, np.nan, pd.NA, pd.NaT, "", "  ", Decimal("NaN")])
def test_missing_or_blank_codes_are_unknown_and_counted_apart(code):
    assert ignore([code, "0742"]) == [UNKNOWN, "pets"]
    expected = "Column 'codes': missing merchant category codes in 1 of 2 rows (50.0%). Their"
    assert warning_about([code, "0742"]).startswith(expected)


@pytest.mark.parametrize(
    ("code", "category"),
    [
        (5411, "groceries"), (5812, "dining and drinking"), (5813, "eating out in pubs"),
        (5814, "fast food and catering"), (7995, "gambling"), (9406, "gambling"),
        (8398, "charities"), (8931, "accountant fees"), (7276, "accountant fees"),
        (5942, "books"), (5994, "newspapers and tobacco"), (5943, "stationery"), (5995, "pets"),
        (3000, "flights"), (3350, "flights"), (4511, "flights"), (3351, "car rental"),
        (3500, "car rental"), (7512, "car rental"), (3501, "hotels"), (3999, "hotels"),
        (7011, "hotels"), (4722, "travel"), (4111, "public transport"),
        (7997, "health and fitness"), (7230, "hair and beauty"), (7832, "entertainment"),
        (5945, "toys and hobbies"),
        (9222, "fines"), (6300, "insurance"), (6211, "investments"), (5542, "fuel"),
        (3998, "public transport"), (8011, "medical care"), (4900, "utilities"),
    ],
)  # fmt: skip
def test_common_codes_have_the_expected_category(code, category):
    assert mcc_to_category([code]).tolist() == [category]


def test_every_code_that_iso18245_lists_has_a_category():
    categories = mcc_to_category(LISTED, handle_unknown="error")
    assert len(categories) > 900
    assert UNKNOWN not in categories


def test_outside_the_private_ranges_only_codes_that_iso18245_lists_have_a_category():
    known = {code for code, name in enumerate(ignore(range(10_000))) if name != UNKNOWN}
    assert known == set(map(int, LISTED)) | set(range(3000, 4000))


def test_the_private_ranges_are_those_that_iso18245_gives():
    expected = {"Airlines": "flights", "Car rental": "car rental", "Lodging": "hotels"}
    ranges = pd.read_csv(resources.files("iso18245") / "data" / "private_ranges.csv")
    assert len(ranges) == 3
    for first, last, kind in ranges.itertuples(index=False):
        codes = [code for code in range(first, last + 1) if code != 3998]
        assert set(mcc_to_category(codes)) == {expected[kind]}


def test_the_table_holds_ranges_in_order_that_do_not_overlap_or_continue_each_other():
    assert TABLE.columns.tolist() == ["first", "last", "category"]
    assert TABLE[["first", "last"]].map(re.compile("[0-9]{4}").fullmatch).notna().all(axis=None)
    first, last = TABLE["first"].astype(int).to_numpy(), TABLE["last"].astype(int).to_numpy()
    assert (first <= last).all()
    assert (last[:-1] < first[1:]).all()
    continued = last[:-1] + 1 == first[1:]
    same = TABLE["category"].to_numpy()[:-1] == TABLE["category"].to_numpy()[1:]
    assert not (continued & same).any()


def test_category_names_are_plain_and_published_ones_are_spelled_as_published():
    names = set(TABLE["category"])
    assert len(names) == 60
    assert all(re.fullmatch("[a-z]+([ -][a-z]+)*", name) for name in names)
    published = {
        "accountant fees", "books", "charities", "dining and drinking", "eating out in pubs",
        "entertainment", "flights", "gambling", "hair and beauty", "health and fitness", "hotels",
        "pets", "stationery", "toys and hobbies", "travel",
    }  # fmt: skip
    assert names & PUBLISHED == published
    assert PUBLISHED - names == {"home insurance", "mortgages", "savings", "traffic fines"}
    assert all(name in mcc_to_category.__doc__.replace("\n    ", " ") for name in published)


@pytest.mark.parametrize(
    ("make", "dtype"),
    [
        (lambda codes: pd.Series(codes, dtype="str"), "str"),
        (lambda codes: pd.Series(codes, dtype="string[python]"), "str"),
        (lambda codes: pd.Series(codes, dtype=object), "str"),
        (lambda codes: pd.Series(codes, dtype="category"), "str"),
        (lambda codes: pd.Series(codes, dtype=pd.ArrowDtype(pa.string())), "str"),
        (lambda codes: pd.Series(codes).astype(float), "str"),
        (lambda codes: pd.Series(codes).astype(float).astype("Int16"), "str"),
        (lambda codes: pd.Series(codes).astype(float).astype("category"), "str"),
        (lambda codes: pl.Series(codes), pl.String),
        (lambda codes: pl.Series(codes).cast(pl.Categorical), pl.String),
        (lambda codes: pl.Series(codes).cast(pl.Enum(["5411", "0742", "9999"])), pl.String),
        (lambda codes: pl.Series(codes).cast(pl.Int16), pl.String),
        (lambda codes: pl.Series(codes).cast(pl.Float64), pl.String),
        (lambda codes: pl.Series(codes).cast(pl.Decimal(6, 2)), pl.String),
        (lambda codes: pa.chunked_array([codes[:1], codes[1:]]), pa.string()),
        (lambda codes: pa.chunked_array([codes]).dictionary_encode(), pa.string()),
        (lambda codes: pa.chunked_array([codes]).cast(pa.float32()), pa.string()),
    ],
)
def test_a_series_of_any_library_and_type_gives_a_series_of_text_of_that_library(make, dtype):
    codes = make(["5411", "0742", None, "5411", "9999"])
    categories = mcc_to_category(codes, handle_unknown="ignore")
    assert type(categories) is type(codes)
    assert getattr(categories, "dtype", getattr(categories, "type", None)) == dtype
    expected = ["groceries", "pets", UNKNOWN, "groceries", UNKNOWN]
    assert [str(category) for category in categories] == expected


@pytest.mark.parametrize(
    "make",
    [
        list, tuple, np.array, lambda codes: np.array(codes, dtype=object), pd.Index, pa.array,
        lambda codes: np.array(codes, dtype=float), lambda codes: np.array(codes, dtype=np.int32),
        lambda codes: pd.array(codes), lambda codes: pd.Categorical(codes),
    ],
)  # fmt: skip
def test_any_other_sequence_gives_an_array_of_objects(make):
    categories = mcc_to_category(make(["5411", "0742", "5411"]))
    assert type(categories) is np.ndarray
    assert categories.dtype == object
    assert categories.tolist() == ["groceries", "pets", "groceries"]


@pytest.mark.parametrize("name", ["mcc", None, 0, ("card", "mcc")])
@pytest.mark.parametrize("index", [None, [7, 7], [("a", 1), ("a", 2)], ["x", None]])
def test_a_pandas_series_keeps_its_name_and_index(name, index):
    codes = pd.Series([5411, 742], name=name, index=index)
    categories = mcc_to_category(codes)
    expected = pd.Series(["groceries", "pets"], name=name, index=codes.index)
    pd.testing.assert_series_equal(categories, expected)
    assert type(categories.index) is type(codes.index)


def test_a_polars_series_keeps_its_name():
    assert mcc_to_category(pl.Series("mcc", [5411])).name == "mcc"


@pytest.mark.parametrize(
    "codes", [[], np.array([], dtype=int), pd.Series([], dtype="str"), pl.Series([], dtype=pl.Int8)]
)
@pytest.mark.parametrize("handle_unknown", ["warn", "error"])
def test_no_codes_give_no_categories_and_no_warning(codes, handle_unknown):
    categories = mcc_to_category(codes, handle_unknown=handle_unknown)
    assert len(categories) == 0
    assert isinstance(categories, np.ndarray if isinstance(codes, list) else type(codes))


def test_the_codes_passed_in_are_left_as_they_are():
    codes = pd.Series([5411, 742, None], name="mcc", dtype=object)
    before = codes.copy()
    ignore(codes)
    pd.testing.assert_series_equal(codes, before)


@settings(max_examples=40)
@given(MIXED)
def test_every_row_has_the_category_that_its_code_has_alone(codes):
    assert ignore(codes) == [ignore([code])[0] for code in codes]


@given(MIXED, st.randoms(use_true_random=False))
def test_permuting_codes_permutes_categories(codes, random):
    order = random.sample(range(len(codes)), len(codes))
    categories = ignore(codes)
    assert ignore([codes[i] for i in order]) == [categories[i] for i in order]


@given(st.lists(st.sampled_from([*LISTED, "9999", "x"]) | st.none()))
def test_every_container_gives_the_same_categories(codes):
    expected = ignore(codes)
    assert ignore(pd.Series(codes, dtype="str")) == expected
    assert ignore(pd.Series(codes, dtype="category")) == expected
    assert ignore(pl.Series(codes, dtype=pl.String)) == expected
    arrow = mcc_to_category(
        pa.chunked_array([pa.array(codes, pa.string())]), handle_unknown="ignore"
    )
    assert arrow.to_pylist() == expected


@given(st.integers(0, 9999), st.integers(0, 3))
def test_a_code_means_the_same_as_a_number_and_as_text_with_up_to_four_digits(code, zeros):
    text = str(code)
    padded = text.zfill(min(len(text) + zeros, 4))
    assert ignore([code]) == ignore([text]) == ignore([padded]) == ignore([float(code)])


def test_the_warning_counts_rows_and_codes_and_shows_the_most_frequent():
    codes = ["x"] * 3 + [5411] * 88 + [9999] * 4 + ["a", "b", "c", "d"] + [None]
    message = warning_about(pd.Series(codes, name="mcc", dtype=object))
    assert message == (
        "Column 'mcc': unknown merchant category codes in 11 of 100 rows (11.0%), 6 distinct, most "
        "often 9999 in 4, 'x' in 3, 'a' in 1, 'b' in 1, 'c' in 1; missing merchant category codes "
        "in 1 of 100 rows (1.0%). Their category is 'unknown'. Correct the codes, name their "
        "categories with overrides=, or pass handle_unknown='ignore'."
    )


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (
            pd.Series([5411, 742, "x", None, "y", "x"], name="mcc", dtype=object),
            "Column 'mcc': unknown merchant category code (such as 'x') in 3 of 6 rows, first in "
            "row 2 (counted from 0). Correct the codes, name their categories with overrides=, or "
            "pass handle_unknown='warn' to call them 'unknown'.",
        ),
        (
            [5411, NAN, " "],
            "Column 'codes': missing merchant category code in 2 of 3 rows, first in row 1 "
            "(counted from 0). Fill in the codes, or pass handle_unknown='warn' to call their "
            "category 'unknown'.",
        ),
    ],
)
def test_errors_name_column_count_first_row_and_remedy(codes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        mcc_to_category(codes, handle_unknown="error")


def test_the_example_of_an_error_is_that_of_the_first_row_also_in_categories_of_another_order():
    codes = pd.Series(pd.Categorical(["5411", "y", "x"], categories=["x", "y", "5411"]))
    with pytest.raises(ValueError, match=r"\(such as 'y'\) in 2 of 3 rows, first in row 1"):
        mcc_to_category(codes, handle_unknown="error")


@pytest.mark.parametrize("handle_unknown", ["warn", "error", "ignore"])
def test_listed_codes_raise_and_warn_nothing(handle_unknown):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mcc_to_category(["5411"], handle_unknown=handle_unknown).tolist() == ["groceries"]


def test_overrides_rename_listed_codes_and_name_others_for_one_call_only():
    overrides = {5999: "comics", "5723": "hunting", " 742 ": "groceries"}
    codes = ["5999", 5723, "0742", "5411"]
    assert mcc_to_category(codes, overrides=overrides, handle_unknown="error").tolist() == [
        "comics", "hunting", "groceries", "groceries"
    ]  # fmt: skip
    assert ignore(codes) == ["other shopping", UNKNOWN, "pets", "groceries"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"handle_unknown": "drop"}, "must be 'warn', 'error' or 'ignore', got 'drop'"),
        ({"handle_unknown": None}, "handle_unknown must be .* got None"),
        ({"overrides": {"abcd": "pets"}}, "'abcd', which is not a code from 0 to 9999"),
        ({"overrides": {None: "pets"}}, "overrides has None, which is not a code from 0 to 9999"),
        ({"overrides": {5999: None}}, "overrides gives code 5999 the category None"),
        ({"overrides": {5999: " "}}, "overrides gives code 5999 the category ' '"),
    ],
)  # fmt: skip
def test_malformed_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        mcc_to_category([5411], **options)


@pytest.mark.parametrize(
    "codes",
    [
        "5411", 5411, None, {5411}, [[5411, 742]], np.zeros((2, 2)), pd.DataFrame({"mcc": [5411]}),
        pl.DataFrame({"mcc": [5411]}), pl.LazyFrame({"mcc": [5411]}),
    ],
)  # fmt: skip
def test_anything_but_a_single_column_is_refused(codes):
    with pytest.raises(TypeError, match="codes must be a Series or a sequence of one dimension"):
        mcc_to_category(codes)


def test_the_scorer_finds_coefficients_for_categories_of_card_payments():
    payments = pd.DataFrame(
        {
            "customer": ["ann", "ann", "bob", "bob", "eve"],
            "date": "2024-05-01",
            "mcc": [5411, 5813, 3042, 7995, 5942],
            "amount": [30.0, 10.0, 30.0, 20.0, 10.0],
        }
    )
    payments["category"] = mcc_to_category(payments["mcc"])
    panel = SpendingAggregator(n_periods=1).fit_transform(TransactionLog(payments))
    scorer = BigFivePersonalityScorer(standardize=False).set_output(transform="pandas").fit(panel)
    # Of shares: a quarter of ann's spending has a coefficient, and all of bob's and eve's.
    assert scorer.coverage_ == pytest.approx((0.25 + 1 + 1) / 3)
    scores = scorer.transform(panel)
    np.testing.assert_allclose(scores["extraversion"], [0.25, 0, -0.82])
    np.testing.assert_allclose(scores["openness"], [0, 0.6, 0])
