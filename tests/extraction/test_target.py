"""Targets: what each objective learns, and which categories the network reads for it."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone

from skspend import BigFivePersonalityScorer, FeedForwardExtractor, LSTMStateExtractor
from skspend.datasets import make_spending
from skspend.panel import fold
from skspend.personality import TYPES, personality_types


@pytest.mark.parametrize(
    ("objective", "lstm_shape", "feed_forward_shape"),
    [
        ("type", (300,), (300, 3)),
        ("scores", (300, 5), (300, 15)),
        ("reconstruct", (300, 72), (300, 72)),
        ("y", (300, 1), (300, 1)),
    ],
)
def test_a_network_without_memory_predicts_types_and_scores_of_each_year(
    bank, extractor, objective, lstm_shape, feed_forward_shape
):
    extractor.set_params(objective=objective, epochs=1).fit(bank.data, bank.liquidity)
    is_lstm = isinstance(extractor, LSTMStateExtractor)
    expected = lstm_shape if is_lstm else feed_forward_shape
    assert extractor.predict_target(bank.data).shape == expected


def test_the_type_network_learns_types(bank, scorer):
    extractor = LSTMStateExtractor(n_networks=2, scorer=scorer, epochs=80, random_state=0)
    extractor.fit(bank.data)
    types = personality_types(scorer.fit_transform(bank.data))
    assert (extractor.predict_target(bank.data) == types).mean() == extractor.score(bank.data) > 0.8
    assert extractor.classes_.tolist() == list(TYPES)


def test_the_scores_network_learns_scores(bank, scorer):
    extractor = LSTMStateExtractor(n_networks=2, objective="scores", scorer=scorer, random_state=0)
    assert extractor.fit(bank.data).score(bank.data) > 0.8


def test_the_autoencoder_reproduces_spending_better_with_more_units(bank):
    scores = [
        LSTMStateExtractor.paper(n_units, objective="reconstruct", n_init=1, random_state=0)
        .fit(bank.data)
        .score(bank.data)
        for n_units in (1, 4)
    ]
    assert 0 < scores[0] < scores[1] < 1


def test_y_of_floats_is_learned_as_values(bank):
    extractor = LSTMStateExtractor(n_networks=2, objective="y", random_state=0)
    extractor.fit(bank.data, bank.liquidity)
    assert extractor.classes_ is None
    assert extractor.score(bank.data, bank.liquidity) > 0.1


def test_y_of_text_is_learned_as_classes(bank):
    y = np.where(bank.default == 1, "default", "paid")
    extractor = LSTMStateExtractor(n_networks=2, objective="y", random_state=0).fit(bank.data, y)
    assert extractor.classes_.tolist() == ["default", "paid"]
    assert extractor.score(bank.data, y) > 0.9


def test_y_is_ignored_unless_it_is_the_objective(bank, scorer):
    extractor = LSTMStateExtractor(n_networks=2, scorer=scorer, epochs=2, random_state=0)
    with_y = extractor.fit(bank.data, bank.liquidity).weights_[0]
    np.testing.assert_array_equal(extractor.fit(bank.data).weights_[0], with_y)


@pytest.mark.parametrize("objective", ["type", "scores"])
def test_categories_without_a_coefficient_move_no_states(bank, half_scorer, extractor, objective):
    is_known = np.arange(24) % 2 == 0
    extractor.set_params(objective=objective, scorer=half_scorer, epochs=3).fit(bank.data)
    anything = fold(bank.data.to_numpy(copy=True), 3)
    anything[..., ~is_known] = np.random.default_rng(0).random(anything[..., ~is_known].shape)
    others = pd.DataFrame(anything.reshape(300, -1), columns=bank.data.columns)
    for trained in extractor, extractor.partial_fit(bank.data):
        assert (trained.support_ == is_known).all()
        expected = trained.transform(bank.data)
        np.testing.assert_array_equal(trained.transform(others), expected)


@pytest.mark.parametrize("objective", ["reconstruct", "y"])
def test_a_second_fit_with_another_objective_leaves_nothing_of_the_first(
    bank, half_scorer, extractor, objective
):
    extractor.set_params(scorer=half_scorer, epochs=1, early_stopping=True).fit(bank.data)
    extractor.set_params(objective=objective, early_stopping=False)
    extractor.fit(bank.data, bank.liquidity)
    assert extractor.support_.all()
    assert not hasattr(extractor, "scorer_")
    assert extractor.classes_ is None
    assert list(extractor.losses_) == ["loss"]


class MeanOfAll(TransformerMixin, BaseEstimator):
    """A user's own scorer, which has no coefficients."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return fold(np.asarray(X), 3).mean(axis=1)[:, :5]


def test_with_a_scorer_without_coefficients_the_network_reads_all_categories(bank):
    extractor = LSTMStateExtractor(objective="scores", scorer=MeanOfAll(), epochs=1)
    assert extractor.fit(bank.data).support_.all()
    assert extractor.projection_ is None


def test_reading_only_categories_with_a_coefficient_predicts_types_of_others_better():
    """A network that learns the same classes from all categories overfits."""
    bank = make_spending(600, 3, 97, random_state=0)
    few, others = bank.data.iloc[:300], bank.data.iloc[300:]
    scorer = BigFivePersonalityScorer(bank.coefficients.iloc[::5].to_dict())
    types = LSTMStateExtractor.paper(scorer=scorer, n_init=1, random_state=0).fit(few)
    labels = [personality_types(types.scorer_.transform(data)) for data in (few, others)]
    classes = LSTMStateExtractor.paper(objective="y", n_init=1, random_state=0)
    classes.fit(few, labels[0])
    assert types.score(others) > classes.score(others, labels[1]) + 0.1


def test_partial_fit_takes_no_new_classes(bank):
    extractor = LSTMStateExtractor.paper(objective="y", epochs=1).fit(bank.data, ["a", "b"] * 150)
    with pytest.raises(ValueError, match=r"150 of 300 labels in y .* the first is 'c'"):
        extractor.partial_fit(bank.data, ["a", "c"] * 150)


COLUMN = np.arange(300) % 3
"""Three classes, or values."""
FORMS = {
    "a list": list,
    "a column": lambda column: column[:, None],
    "pandas": pd.Series,
    "nullable integers": lambda column: pd.Series(column, dtype="Int64"),
    "integers of arrow": lambda column: pd.Series(column, dtype="int64[pyarrow]"),
    "a frame": lambda column: pd.DataFrame({"y": column}),
    "polars": pl.Series,
    "arrow": pa.array,
}


@pytest.mark.parametrize("form", FORMS)
def test_labels_in_any_form_are_the_same_classes(bank, form):
    extractor = FeedForwardExtractor(
        2, objective="y", early_stopping=True, epochs=2, n_init=1, random_state=0
    )
    expected = clone(extractor).fit(bank.data, COLUMN).predict_target(bank.data)
    extractor.fit(bank.data, FORMS[form](COLUMN)).partial_fit(bank.data, FORMS[form](COLUMN))
    assert extractor.classes_.tolist() == [0, 1, 2]
    extractor.fit(bank.data, FORMS[form](COLUMN))
    np.testing.assert_array_equal(extractor.predict_target(bank.data), expected)
    assert 0 <= extractor.score(bank.data, FORMS[form](COLUMN)) <= 1


@pytest.mark.parametrize("early_stopping", [False, True])
def test_two_columns_of_classes_are_refused_and_those_of_values_are_learnt(bank, early_stopping):
    extractor = LSTMStateExtractor.paper(2, objective="y", epochs=1, n_init=1)
    extractor.set_params(early_stopping=early_stopping)
    both = np.column_stack([COLUMN, COLUMN])
    with pytest.raises(ValueError, match=r"y has 2 columns of classes \(int64\).* Pass one column"):
        extractor.fit(bank.data, both)
    assert extractor.fit(bank.data, both.astype(float)).predict_target(bank.data).shape == (300, 2)
