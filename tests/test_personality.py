"""Scores by hand, the table of coefficients, and how categories find their coefficients."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import skops.io
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from skspend import BigFivePersonalityScorer
from skspend.panel import fold
from skspend.personality import (
    TRAITS,
    TYPES,
    encode_types,
    load_coefficients,
    personality_types,
    rank_traits,
)

NAN = float("nan")
TABLE = pd.DataFrame(
    {
        "openness": [1.0, -2.0, NAN],
        "conscientiousness": [0.5, 1.0, NAN],
        "extraversion": [0.0, NAN, 3.0],
        "agreeableness": [NAN, NAN, NAN],
        "neuroticism": [-3.0, 2.0, 1.0],
    },
    index=["pets", "travel", "food"],
)
LONG = [
    (category, trait, TABLE.loc[category, trait])
    for category in TABLE.index
    for trait in TRAITS
    if not np.isnan(TABLE.loc[category, trait])
]
LONG = pd.DataFrame(LONG, columns=["category", "trait", "value"])
NAMES = ["year1|pets", "year1|travel", "year2|pets", "year2|travel"]
VALUES = np.array([[0.5, 0.5, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.25, 0.75, 0.5, -0.5]])
SHARES = pd.DataFrame(VALUES, columns=NAMES, index=["ann", "bob", "eve"])
BY_PERIOD = np.array(
    [
        [[-0.5, 0.75, 0.0, 0.0, -0.5], [1.0, 0.5, 0.0, 0.0, -3.0]],
        [[-2.0, 1.0, 0.0, 0.0, 2.0], [0.0, 0.0, 0.0, 0.0, 0.0]],
        [[-1.25, 0.875, 0.0, 0.0, 0.75], [1.5, -0.25, 0.0, 0.0, -2.5]],
    ]
)
RAW = {"coefficients": TABLE.to_dict(), "standardize": False}
NUMBERED = TABLE.reset_index(drop=True)
"""The table for arrays, whose columns have no names."""


def wide(**changed):
    """The table with its categories as a column."""
    return TABLE.reset_index(names="category").assign(**changed)


def test_overall_scores_are_the_mean_of_the_periods_scores():
    scores = BigFivePersonalityScorer(**RAW).fit_transform(SHARES)
    assert scores.index.tolist() == ["ann", "bob", "eve"]
    assert scores.columns.tolist() == list(TRAITS)
    np.testing.assert_allclose(scores, BY_PERIOD.mean(axis=1), atol=1e-15)


def test_scores_by_period_are_shares_times_coefficients():
    scorer = BigFivePersonalityScorer(**RAW, level="period")
    scores = scorer.fit_transform(SHARES)
    assert scores.columns.tolist() == [f"year{year}|{trait}" for year in (1, 2) for trait in TRAITS]
    np.testing.assert_allclose(fold(scores.to_numpy(), 2), BY_PERIOD, atol=1e-15)


@pytest.mark.parametrize("level", ["overall", "period"])
def test_the_median_customer_scores_0_and_normal_scores_have_the_deviation_1(level):
    shares = np.random.default_rng(0).normal(0.5, 0.1, size=(4000, 3, 2))
    scorer = BigFivePersonalityScorer(NUMBERED, level=level).fit(shares)
    scores = scorer.transform(shares).reshape(-1, 5)
    moved = [0, 1, 4]  # no category moves the other traits
    np.testing.assert_allclose(np.median(scores, axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scores[:, moved].std(axis=0), 1, atol=0.03)
    low, high = np.quantile(scores[:, moved], [0.25, 0.75], axis=0)
    np.testing.assert_allclose(high - low, 2 * norm.ppf(0.75))
    one = scorer.transform(shares[:1]).reshape(-1, 5)
    np.testing.assert_array_equal(one, scores[: len(one)])


def test_a_few_large_scores_do_not_change_the_others():
    shares = np.random.default_rng(0).normal(0.5, 0.1, size=(1000, 1, 2))
    scorer = BigFivePersonalityScorer(NUMBERED)
    before = scorer.fit_transform(shares)
    shares[:10] = 50
    np.testing.assert_allclose(scorer.fit_transform(shares)[10:], before[10:], atol=0.1)


def test_a_trait_that_most_customers_score_alike_is_scaled_by_its_deviation():
    shares = np.full((100, 1, 2), 0.2)
    shares[:10, 0, 0] = 0.7
    scores = BigFivePersonalityScorer(NUMBERED).fit_transform(shares)
    np.testing.assert_allclose(scores[:, 0].std(), 1)
    assert np.abs(scores[10:, 0]).max() < 1e-9
    assert (scores[:, 2] == 0).all()  # nobody differs


def test_the_bundled_table_holds_27_cells_over_19_categories():
    table = load_coefficients()
    assert table.shape == (19, 5)
    assert table.notna().sum().sum() == 27
    assert table.columns.tolist() == list(TRAITS)
    assert table.loc["books", "extraversion"] == -0.82
    directions = table.drop(index="books").to_numpy()
    assert set(directions[~np.isnan(directions)]) == {-1.0, 1.0}


@pytest.mark.parametrize(
    "source",
    [
        TABLE,
        TABLE.to_dict(),
        wide(),
        wide()[[*TRAITS[::-1], "category"]],
        wide().to_dict("list"),
        pl.from_pandas(wide()),
        pa.Table.from_pandas(wide()),
        LONG,
        LONG.to_dict("list"),
        pl.from_pandas(LONG),
        LONG.assign(study="ours"),
    ],
    ids=["frame", "dict", "wide", "reversed", "wide dict", "wide polars", "wide pyarrow", "long",
         "long dict", "long polars", "long with notes"],
)  # fmt: skip
def test_a_table_may_come_in_any_form(source):
    # The long form has no row of agreeableness, so that this is no trait of it.
    expected = TABLE.drop(columns="agreeableness") if "trait" in source else TABLE
    pd.testing.assert_frame_equal(load_coefficients(source), expected, check_names=False)
    scorer = BigFivePersonalityScorer(source).fit(SHARES)
    np.testing.assert_array_equal(scorer.coefficients_, expected.loc[["pets", "travel"]])
    assert scorer.traits_.tolist() == list(expected)


@pytest.mark.parametrize("table", [wide(), LONG], ids=["wide", "long"])
@pytest.mark.parametrize("as_path", [str, lambda path: path])
def test_a_table_may_come_from_a_file(table, as_path, tmp_path):
    path = tmp_path / "table.csv"
    table.to_csv(path, index=False)
    expected = TABLE.drop(columns="agreeableness") if "trait" in table else TABLE
    pd.testing.assert_frame_equal(load_coefficients(as_path(path)), expected, check_names=False)
    assert BigFivePersonalityScorer(as_path(path)).fit(SHARES).coverage_ == 1


def test_of_a_path_that_leads_to_no_file_the_error_names_the_path():
    for read in (load_coefficients, lambda path: BigFivePersonalityScorer(path).fit(SHARES)):
        with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
            read("nowhere.csv")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (TABLE * 1.5, ["2 categories", "outside -3 to 3", "'pets'", "Rescale"]),
        (TABLE.replace(3.0, np.inf), ["1 category", "outside", "'food'"]),
        (LONG.replace(3.0, 3.01), ["1 category", "outside", "'food'"]),
        (pd.concat([TABLE, TABLE[:1]]), ["'pets' twice", "Keep one"]),
        (wide(category=["pets", "food", "Pets"]), ["'Pets' twice", "case"]),
        (pd.concat([LONG, LONG[2:3]]), ["['pets', 'extraversion']", "twice", "Keep one"]),
        (TABLE.assign(Openness=1.0), ["'Openness' twice", "case"]),
        (TABLE.assign(n=[1, 2, 500]), ["'food', with 500 for 'n'", "drop a column"]),
        (TABLE.assign(source=["a", np.nan, "b"]), ["'source'", "2 of 3", "'a'", "not numbers"]),
        (TABLE.reset_index(names="kind"), ["'kind'", "3 of 3", "'pets'", "'category'"]),
        (TABLE.assign(type=1.0), ["'type'", "cannot be the name of a trait"]),
        (TABLE.assign(level2=1.0), ["'level2'", "cannot be the name", "level with a number"]),
        (LONG.replace("openness", "more books"), ["'more books'", "cannot be the name"]),
        (TABLE.rename(columns={"openness": "a > b"}), ["'a > b'", "cannot be the name"]),
        (TABLE.rename(columns={"openness": "openness+"}), ["'openness+'", "end in + or -"]),
        (TABLE[[]], ["no traits", "a column for each"]),
    ],
)  # fmt: skip
def test_a_bad_table_is_refused_with_what_is_wrong(source, said):
    with pytest.raises(ValueError) as refusal:
        BigFivePersonalityScorer(source).fit(SHARES)
    assert [words for words in said if words not in str(refusal.value)] == []


def test_reading_a_table_does_not_change_it():
    table, columns = TABLE.copy(deep=True), wide().set_axis([5, 6, 7])
    BigFivePersonalityScorer(table).fit(SHARES)
    load_coefficients(columns)
    pd.testing.assert_frame_equal(table, TABLE)
    pd.testing.assert_frame_equal(columns, wide().set_axis([5, 6, 7]))


@pytest.mark.parametrize(
    "names", [["PETS", "Travel"], ["pets", "TRAVEL"], ["pEtS", "travel"]], ids=str
)
def test_categories_match_whatever_their_case(names):
    renamed = TABLE.rename(index=str.title)
    scorer = BigFivePersonalityScorer(renamed).fit(pd.DataFrame(VALUES[:, :2], columns=names))
    np.testing.assert_array_equal(scorer.coefficients_, TABLE[:2])


@pytest.mark.parametrize(
    ("aliases", "rows"),
    [
        ({"DOG FOODS": "pets"}, ["pets", None]),
        ({"DOG FOODS": "PETS", "trips": "food"}, ["pets", "food"]),
        ({"DOG FOODS": "food", "trips": "food"}, ["food", "food"]),
    ],
    ids=str,
)
def test_aliases_lead_to_categories_of_the_table(aliases, rows):
    shares = pd.DataFrame(VALUES[:, :2], columns=["DOG FOODS", "trips"])
    scorer = BigFivePersonalityScorer(TABLE, aliases=aliases).fit(shares)
    unknown = np.full(5, NAN)
    expected = [unknown if row is None else TABLE.loc[row] for row in rows]
    np.testing.assert_array_equal(scorer.coefficients_, expected)


def test_an_alias_goes_before_the_name_itself():
    scorer = BigFivePersonalityScorer(TABLE, aliases={"pets": "food"}).fit(SHARES)
    np.testing.assert_array_equal(scorer.coefficients_, TABLE.loc[["food", "travel"]])


def test_numbers_as_categories_match_their_text():
    table = TABLE.set_axis([5411, 742, 5999])
    shares = pd.DataFrame(VALUES[:, :3], columns=["742", "5411", "mcc"])
    scorer = BigFivePersonalityScorer(table, aliases={"mcc": 5999}).fit(shares)
    np.testing.assert_array_equal(scorer.coefficients_, TABLE.iloc[[1, 0, 2]])


def test_an_alias_to_nowhere_is_an_error_that_lists_the_goals():
    aliases = {"trips": "voyages", "dogs": "pets", "cats": "felines"}
    with pytest.raises(ValueError, match=r"2 aliases.*'trips' -> 'voyages'.*pets, travel, food"):
        BigFivePersonalityScorer(TABLE, aliases=aliases).fit(SHARES)


@pytest.mark.parametrize(
    ("aliases", "message"),
    [
        ({"Pest": "food"}, r"1 alias is .* not in the data; .*'Pest'\. Did you mean 'pets'\?"),
        ({"qwx": "food", "pets": "food"}, r"1 alias is .* the first is 'qwx'\. Correct or remove"),
        ({"pets": "Foood"}, r"1 alias leads .*'Foood'\. Did you mean 'food'\?"),
    ],
    ids=str,
)
def test_an_alias_with_a_slip_is_an_error_that_asks_what_was_meant(aliases, message):
    with pytest.raises(ValueError, match=message):
        BigFivePersonalityScorer(TABLE, aliases=aliases).fit(SHARES)


def test_the_alias_of_a_category_that_may_be_among_the_infrequent_is_kept():
    shares = pd.DataFrame(VALUES[:, :2], columns=["pets", "infrequent"])
    scorer = BigFivePersonalityScorer(TABLE, aliases={"dogs": "pets"}).fit(shares)
    assert scorer.support_.tolist() == [True, False]


def test_categories_that_look_like_merchant_codes_are_met_by_the_parameter():
    shares = pd.DataFrame(np.ones((2, 2)), columns=["5411", "5812"])
    with pytest.raises(ValueError, match=r"look like merchant category codes: pass mcc=True\."):
        BigFivePersonalityScorer(TABLE).fit(shares)


@pytest.mark.parametrize("table", [TABLE, NUMBERED], ids=["named", "unnamed"])
def test_no_category_with_a_coefficient_is_an_error_that_names_some(table):
    shares = pd.DataFrame(np.ones((2, 4)), columns=["a", "b", "c", "d"])
    with pytest.raises(ValueError, match=r"None of the 4 categories.*\['a', 'b', 'c'\].*aliases="):
        BigFivePersonalityScorer(table).fit(shares)


def test_a_nameless_array_is_matched_by_position():
    scorer = BigFivePersonalityScorer(NUMBERED, standardize=False).fit(VALUES[:, :2])
    np.testing.assert_array_equal(scorer.coefficients_, TABLE[:2])
    np.testing.assert_allclose(scorer.transform(VALUES[:, :2]), BY_PERIOD[:, 0], atol=1e-15)


def test_a_nameless_array_wider_than_the_table_is_an_error():
    with pytest.raises(ValueError, match=r"4 columns without names.*3 categories.*Pass a frame"):
        BigFivePersonalityScorer(NUMBERED).fit(VALUES)


@pytest.mark.parametrize("table", [TABLE, TABLE.to_dict(), LONG], ids=["wide", "mapping", "long"])
def test_names_of_coefficients_are_never_matched_to_an_array_by_position(table):
    for X in (VALUES[:, :2], VALUES.reshape(3, 2, 2), pd.DataFrame(VALUES[:, :2])):
        with pytest.raises(ValueError, match=r"2 columns without names.* such as 'pets'.* a frame"):
            BigFivePersonalityScorer(table).fit(X)
    assert BigFivePersonalityScorer().fit(VALUES).support_.any()


def test_coverage_is_the_share_of_spending_with_a_coefficient():
    shares = pd.DataFrame([[0.5, 0.25, 0.25], [0.25, -0.75, 0.0]], columns=["pets", "zoo", "food"])
    assert BigFivePersonalityScorer(TABLE).fit(shares).coverage_ == 0.5


def test_unknown_is_not_zero_in_coverage():
    shares = pd.DataFrame({"pets": [0.75, 0.75], "food": [0.25, 0.25]})
    table = TABLE.copy()
    table.loc["food"] = 0.0
    scorer = BigFivePersonalityScorer(table).fit(shares)
    assert scorer.coverage_ == 1
    assert scorer.support_.all()
    table.loc["food"] = NAN
    assert BigFivePersonalityScorer(table).fit(shares).coverage_ == 0.75


def test_unknown_coefficients_add_nothing_to_scores():
    shares = SHARES.assign(**{"year1|zoo": 9.0, "year2|zoo": 9.0})
    shares = shares[[*NAMES[:2], "year1|zoo", *NAMES[2:], "year2|zoo"]]
    with_zoo = BigFivePersonalityScorer(**RAW).fit(SHARES).transform(SHARES)
    with pytest.warns(UserWarning, match="coefficient"):
        scorer = BigFivePersonalityScorer(**RAW).fit(shares)
    assert scorer.support_.tolist() == [True, True, False]
    pd.testing.assert_frame_equal(scorer.transform(shares), with_zoo)


@pytest.mark.parametrize("known", [0.0, 0.09, 0.11])
def test_low_coverage_of_named_categories_warns_below_a_tenth(known):
    shares = pd.DataFrame({"pets": [known, known], "zoo": [1 - known] * 2})
    scorer = BigFivePersonalityScorer(TABLE)
    if known > 0.1:
        with warnings.catch_warnings(action="error"):
            scorer.fit(shares)
    else:
        expected = (
            rf"Only {known:.1%} of the spending has a coefficient: 1 of 2 categories has.*aliases="
        )
        with pytest.warns(UserWarning, match=expected) as warned:
            scorer.fit(shares)
        assert warned[0].filename == __file__
    assert scorer.coverage_ == pytest.approx(known)


def test_three_dimensions_give_the_scores_of_two():
    scorer = BigFivePersonalityScorer(NUMBERED, level="period")
    scores = scorer.fit_transform(VALUES.reshape(3, 2, 2))
    assert type(scores) is np.ndarray
    assert scorer.get_feature_names_out()[[0, -1]].tolist() == [
        "period1|openness",
        "period2|neuroticism",
    ]
    by_name = BigFivePersonalityScorer(TABLE, level="period").fit_transform(SHARES)
    np.testing.assert_array_equal(scores, by_name)


@pytest.mark.parametrize("level", ["overall", "period"])
@pytest.mark.parametrize(
    "library", [pl.from_pandas, lambda frame: pa.Table.from_pandas(frame, preserve_index=False)]
)
def test_every_library_gives_the_same_scores_in_its_own_frames(library, level):
    scorer = BigFivePersonalityScorer(TABLE, level=level)
    frame = library(SHARES)
    scores = scorer.fit_transform(frame)
    assert type(scores) is type(frame)
    expected = scorer.fit_transform(SHARES)
    assert list(scorer.get_feature_names_out()) == expected.columns.tolist()
    np.testing.assert_array_equal(np.asarray(scores), expected)


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_set_output_decides_the_library(output):
    scorer = BigFivePersonalityScorer(**RAW).set_output(transform=output)
    scores = scorer.fit(SHARES).transform(SHARES)
    assert isinstance(scores, {"pandas": pd.DataFrame, "polars": pl.DataFrame}[output])
    np.testing.assert_allclose(scores.to_numpy(), BY_PERIOD.mean(axis=1), atol=1e-15)


@pytest.mark.parametrize("standardize", [True, False])
def test_single_precision_stays_single_precision(standardize):
    scorer = BigFivePersonalityScorer(NUMBERED, standardize=standardize)
    single = scorer.fit_transform(VALUES.reshape(3, 2, 2).astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, scorer.fit_transform(VALUES.reshape(3, 2, 2)), atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(arrays(float, (6, 2, 3), elements=st.floats(-1, 1, width=16)), st.permutations(range(6)))
def test_permuting_customers_permutes_scores(cube, permutation):
    scorer = BigFivePersonalityScorer(NUMBERED, standardize=False, level="period")
    scores = scorer.fit_transform(cube)
    np.testing.assert_array_equal(scorer.fit_transform(cube[permutation]), scores[permutation])
    standardised = BigFivePersonalityScorer(NUMBERED).fit(cube)
    again = BigFivePersonalityScorer(NUMBERED).fit(cube[permutation])
    np.testing.assert_allclose(
        again.scaler_.scale_, standardised.scaler_.scale_, rtol=1e-6, atol=1e-12
    )


def test_traits_are_ranked_by_absolute_score():
    scores = [[0.1, -2.0, 0.5, 0.0, 1.0], [3.0, -3.0, 0.0, 2.0, -2.5], [0.0] * 5]
    assert rank_traits(scores).tolist() == [[1, 4, 2, 0, 3], [0, 1, 4, 3, 2], [0, 1, 2, 3, 4]]


@pytest.mark.parametrize(
    ("scores", "kind"),
    [
        ([0.1, -2.0, 0.5, 0.0, 1.0], "conscientiousness-"),
        ([0.1, 0.0, 0.5, 0.0, -0.4], "extraversion+"),
        ([0.0, 0.0, 0.0, -0.1, 0.0], "agreeableness-"),
        ([-1.0, 1.0, 1.0, 1.0, 1.0], "openness-"),
        ([0.0, 0.0, 0.0, 0.0, 2.0], "neuroticism+"),
        ([0.0, 0.0, 0.0, 0.0, 0.0], "openness+"),
    ],
)
def test_a_type_is_the_dominant_trait_and_its_sign(scores, kind):
    assert personality_types([scores]).tolist() == [kind]
    assert personality_types(pd.DataFrame([scores])).tolist() == [kind]
    assert TYPES[encode_types([scores])[0]] == kind


def test_nobody_has_no_types():
    assert personality_types(np.zeros((0, 5))).shape == (0,)


@given(arrays(float, (4, 5), elements=st.floats(-9, 9)))
def test_a_type_agrees_with_the_ranking(scores):
    dominant = rank_traits(scores)[:, 0]
    assert [kind[:-1] for kind in personality_types(scores)] == [TRAITS[k] for k in dominant]
    top = scores[np.arange(4), dominant]
    np.testing.assert_array_equal(np.abs(top), np.abs(scores).max(axis=1))
    assert [kind[-1] for kind in personality_types(scores)] == ["-" if s < 0 else "+" for s in top]


def test_transforming_does_not_change_the_panel():
    shares, array = SHARES.copy(deep=True), VALUES.reshape(3, 2, 2).copy()
    array.flags.writeable = False
    BigFivePersonalityScorer(TABLE).fit_transform(shares)
    BigFivePersonalityScorer(NUMBERED).fit_transform(array)
    pd.testing.assert_frame_equal(shares, SHARES)


@pytest.mark.parametrize(
    "parameters",
    [{"level": "year"}, {"standardize": 2}, {"coefficients": 3}, {"aliases": [("a", "b")]}],
    ids=str,
)
def test_parameters_out_of_range_are_refused_by_name(parameters):
    with pytest.raises(ValueError, match=f"'{next(iter(parameters))}' parameter"):
        BigFivePersonalityScorer(**parameters).fit(SHARES)


@pytest.mark.parametrize(
    "parameters",
    [
        {"coefficients": TABLE.to_dict()},
        {"coefficients": TABLE.to_dict(), "level": "period", "aliases": {"travel": "food"}},
        RAW,
    ],
    ids=["overall", "period", "raw"],
)
def test_a_fitted_scorer_survives_skops(parameters):
    scorer = BigFivePersonalityScorer(**parameters).fit(SHARES)
    loaded = skops.io.loads(
        skops.io.dumps(scorer), trusted=["skspend.personality.BigFivePersonalityScorer"]
    )
    pd.testing.assert_frame_equal(loaded.transform(SHARES), scorer.transform(SHARES))
    pd.testing.assert_frame_equal(loaded.fit(SHARES).transform(SHARES), scorer.transform(SHARES))


def test_any_traits_serve_and_keep_their_order():
    """Materialism and self-control are what spending tells best (Gladstone et al. 2019)."""
    own = TABLE.iloc[:, :2].set_axis(["self-control", "materialism"], axis=1)
    five = BigFivePersonalityScorer(TABLE).fit_transform(SHARES)
    scorer = BigFivePersonalityScorer(own)
    scores = scorer.fit_transform(SHARES)
    assert scores.columns.tolist() == scorer.traits_.tolist() == ["self-control", "materialism"]
    np.testing.assert_array_equal(scores, five.iloc[:, :2])
    expected = [f"{trait}{'+-'[int(row[trait] < 0)]}" for _, row in scores.iterrows()
                for trait in [row.abs().idxmax()]]  # fmt: skip
    assert personality_types(scores).tolist() == expected
    with pytest.raises(ValueError, match="2 columns without names, and the Big Five are 5"):
        personality_types(scores.to_numpy())
    by_period = scorer.set_params(level="period").fit(SHARES)
    assert by_period.get_feature_names_out()[-1] == "year2|materialism"


def test_a_category_with_a_coefficient_is_covered_whatever_its_name_ends_in():
    table = TABLE.rename(index={"pets": "cash:in", "travel": "trips:out"})
    shares = pd.DataFrame(VALUES[:, :2], columns=["cash:in", "trips:out"])
    assert BigFivePersonalityScorer(table).fit(shares).coverage_ == 1
    assert BigFivePersonalityScorer(table[:1]).fit(shares).coverage_ == pytest.approx(0.75 / 3)
