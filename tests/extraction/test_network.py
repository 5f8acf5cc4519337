"""The training of an extractor's network: early stopping, class weights, penalties, optimizers."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import train_test_split

from skspend import FeedForwardExtractor, LSTMStateExtractor
from skspend.networks._losses import mean_loss
from skspend.panel import fold
from skspend.personality import encode_types, personality_types


def test_early_stopping_stops_and_keeps_the_best_weights(bank, scorer):
    extractor = LSTMStateExtractor.paper(
        scorer=scorer, epochs=300, early_stopping=True, n_iter_no_change=4,
        validation_fraction=0.3, learning_rate=0.05, n_init=1, random_state=0,
    ).fit(bank.data)  # fmt: skip
    losses = extractor.history_.validation_loss
    assert len(losses) < 300
    assert losses.idxmin() == len(losses) - 4
    _, held_out = train_test_split(
        np.arange(300), test_size=0.3, random_state=np.random.RandomState(0)
    )
    panel = fold(bank.data.to_numpy(), 3)[held_out]
    target = encode_types(extractor.scorer_.transform(bank.data.iloc[held_out]))
    loss = mean_loss(extractor.network_, panel, target, extractor.weights_, np.ones(10))
    assert loss == pytest.approx(losses.min(), rel=1e-4)


@pytest.mark.parametrize("objective", ["type", "reconstruct"])
@pytest.mark.parametrize("cls", [LSTMStateExtractor, FeedForwardExtractor])
def test_early_stopping_works_for_targets_of_every_shape(bank, scorer, cls, objective):
    extractor = cls(2, (), objective=objective, scorer=scorer, early_stopping=True, epochs=4)
    assert extractor.fit(bank.data).history_.notna().all(axis=None)


def test_balanced_classes_are_predicted_more_evenly(bank):
    y = np.where(np.arange(300) < 30, "rare", "frequent")
    data = bank.data.copy()
    data.loc[y == "rare", "year3|groceries"] += data["year3|groceries"].std()
    n_rare = []
    for class_weight in (None, "balanced"):
        extractor = LSTMStateExtractor.paper(
            objective="y", class_weight=class_weight, epochs=30, random_state=0
        ).fit(data, y)
        n_rare.append((extractor.predict_target(data) == "rare").sum())
    assert n_rare[0] < n_rare[1]


def test_balance_allows_classes_without_customers(bank, scorer):
    extractor = LSTMStateExtractor(n_networks=2, scorer=scorer, class_weight="balanced", epochs=2)
    one_type = bank.data[personality_types(scorer.fit_transform(bank.data)) == "openness+"]
    assert extractor.fit(one_type).score(one_type) >= 0


@pytest.mark.parametrize(
    "extractor",
    [LSTMStateExtractor(2, (), n_networks=2), FeedForwardExtractor(2, objective="reconstruct")],
    ids=["LSTM", "feed-forward"],
)
def test_both_engines_stop_early_with_the_same_weights(bank, scorer, extractor):
    extractor = clone(extractor).set_params(
        scorer=scorer, early_stopping=True, n_iter_no_change=1, epochs=3, n_init=2, l2=0.001,
        batch_size=100, random_state=0,
    )  # fmt: skip
    if extractor.objective == "type":
        extractor.set_params(class_weight="balanced")
    native = clone(extractor).fit(bank.data)
    by_keras = clone(extractor).set_params(engine="keras").fit(bank.data)
    pd.testing.assert_frame_equal(by_keras.history_, native.history_, rtol=1e-4)
    found, expected = (fit.transform(bank.data) for fit in (by_keras, native))
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-3)
    by_keras.partial_fit(bank.data)
    assert len(by_keras.history_) == len(native.history_) + 1


def test_an_optimizer_may_be_an_object_and_survives_clone(bank, scorer):
    import keras  # which takes seconds, in every process that collects tests

    optimizer = keras.optimizers.RMSprop(0.02, momentum=0.5)
    extractor = LSTMStateExtractor.paper(
        2, engine="keras", optimizer=optimizer, scorer=scorer, epochs=2, n_init=1, random_state=0
    )
    losses = clone(extractor).fit(bank.data).history_.loss
    assert losses.iloc[-1] < losses.iloc[0]


def test_a_penalty_keeps_weights_small(bank):
    norms = []
    for l2 in (0.0, 0.01):
        settings = {"objective": "reconstruct", "epochs": 20, "n_init": 1, "random_state": 0}
        extractor = LSTMStateExtractor.paper(l2=l2, **settings)
        recurrent = extractor.fit(bank.data).weights_[1]
        norms.append(np.square(recurrent).sum())
    assert norms[1] < norms[0]


def test_verbose_prints_every_epoch(bank, scorer, capsys):
    extractor = LSTMStateExtractor.paper(scorer=scorer, epochs=2, early_stopping=True, verbose=True)
    extractor.fit(bank.data)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("LSTMStateExtractor: epoch 2 of 2, loss ")
    assert ", validation loss " in lines[1]
