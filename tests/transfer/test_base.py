"""Which parameters, labels and panels the transfer models refuse."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

from skspend import (
    FeedForwardExtractor,
    LSTMStateExtractor,
    TransferClassifier,
    TransferRegressor,
)
from skspend.panel import fold


def refuse(model, X, y, message, error=ValueError, **arguments):
    with pytest.raises(error, match=message):
        model.fit(X, y, **arguments)


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (TransferRegressor(LSTMStateExtractor()), NotFittedError, "FrozenEstimator"),
        (TransferClassifier(FeedForwardExtractor()), NotFittedError, "keeps it fitted"),
        (TransferRegressor(PCA()), ValueError, "or a FeedForwardExtractor, got a PCA"),
        (TransferRegressor(FrozenEstimator(PCA())), ValueError, "got a PCA"),
        (TransferRegressor(None, initialization="random"), ValueError, "extractor=None"),
        (TransferClassifier(trainable="all"), ValueError, "trainable='all' train the network"),
        (TransferRegressor(model=print), ValueError, "pass engine='scikeras' with it"),
        (
            TransferRegressor(LSTMStateExtractor(), model=print, engine="scikeras"),
            ValueError,
            "model= or extractor=, not both",
        ),
        *(
            (
                TransferClassifier(model=print, engine="scikeras", **how),
                ValueError,
                "trainable= and initialization= are for the network of an extractor",
            )
            for how in ({"trainable": "head"}, {"initialization": "random"})
        ),
        *(
            (transfer(**{name: wrong}), ValueError, f"'{name}' parameter of {transfer.__name__}")
            for transfer in (TransferRegressor, TransferClassifier)
            for name, wrong in {
                "extractor": "LSTM",
                "initialization": "lucky",
                "trainable": "body",
                "alpha": -1,
                "engine": "keras",
                "model": "LSTM",
                "epochs": 0,
                "batch_size": 0,
                "learning_rate": 0,
                "early_stopping": "yes",
                "validation_fraction": 1,
                "n_iter_no_change": 0,
                "random_state": "seed",
            }.items()
        ),
        (TransferClassifier(class_weight="equal"), ValueError, "'class_weight' parameter"),
    ],
)
def test_parameters_that_cannot_be_are_refused(bank, model, error, message):
    refuse(model, bank.data, bank.default, message, error)


@pytest.mark.parametrize("transfer", [TransferRegressor, TransferClassifier])
@pytest.mark.parametrize(
    "how",
    [
        {"trainable": "all"},
        {"initialization": "random"},
        {"initialization": "random", "trainable": "head"},
    ],
    ids=["all", "random", "random head"],
)
def test_an_ensemble_is_not_trained_but_kept_frozen(bank, ensemble, transfer, how):
    message = r"2 networks side by side, .* Fit .* LSTMStateExtractor.paper\(\), or keep .* frozen"
    refuse(transfer(ensemble, **how), bank.data, bank.default, message)


@pytest.mark.parametrize("how", [{}, {"trainable": "all"}, {"initialization": "random"}])
def test_labels_that_cannot_be_are_refused(bank, states, how):
    regressor, classifier = TransferRegressor(states, **how), TransferClassifier(states, **how)
    X, missing = bank.data, bank.default.astype(float)
    missing.iloc[7] = np.nan
    for model in (regressor, classifier):
        refuse(model, X, None, "requires y to be passed")
        refuse(model, X, missing, "y contains NaN")
        refuse(model, X, bank.default[:5], "inconsistent numbers of samples")
    refuse(regressor, X, np.repeat("much", 300), "could not convert string to float")
    refuse(classifier, X, np.repeat("never", 300), "one class only, 'never'")
    refuse(classifier, X, bank.liquidity, "Unknown label type: continuous")
    unknown = classifier.set_params(class_weight={0: 1, 1: 2, "often": 3})
    refuse(unknown, X, bank.default, r"names \['often'\], but the classes of y are \[0, 1\]")


def test_several_labels_of_which_one_is_no_choice_are_refused(bank, states):
    labels = np.column_stack([bank.default, np.ones(300)])
    refuse(TransferClassifier(states), bank.data, labels, "one class only, 1.0")


@pytest.mark.parametrize(
    "how", [{"trainable": "all"}, {"initialization": "random"}, {"engine": "scikeras"}]
)
def test_several_labels_of_classes_for_a_network_in_training_are_refused(bank, states, how):
    labels = np.column_stack([bank.default, bank.default])
    refuse(TransferClassifier(states, **how), bank.data, labels, "MultiOutputClassifier")


@pytest.mark.parametrize("transfer", [TransferRegressor, TransferClassifier])
@pytest.mark.parametrize(
    "how", [{"trainable": "all"}, {"initialization": "random"}, {"engine": "scikeras"}]
)
def test_sample_weights_for_a_network_in_training_are_refused(bank, states, transfer, how):
    message = "sample_weight needs a head that is solved exactly"
    refuse(transfer(states, **how), bank.data, bank.default, message, sample_weight=np.ones(300))


@pytest.mark.parametrize("transfer", [TransferRegressor, TransferClassifier])
@pytest.mark.parametrize(
    ("sample_weight", "message"),
    [(np.zeros(300), "at least one non-zero"), (np.ones(7), "shape"), ([np.nan] * 300, "NaN")],
    ids=["zeros", "few", "NaN"],
)
def test_sample_weights_that_weigh_nothing_are_refused(
    bank, states, transfer, sample_weight, message
):
    refuse(transfer(states), bank.data, bank.default, message, sample_weight=sample_weight)


def test_too_few_customers_to_hold_out_are_refused(bank, states):
    once = np.zeros(300, dtype=int)
    once[0] = 1
    for y, fraction in ((once, 0.2), (bank.default, 0.001), (bank.default, 0.999)):
        model = TransferClassifier(
            states, initialization="random", early_stopping=True, validation_fraction=fraction
        )
        refuse(model, bank.data, y, f"cannot hold out validation_fraction={fraction} of 300")


def test_a_panel_of_other_periods_than_the_extractor_knows_is_refused(bank, states):
    two = bank.data.iloc[:, : 2 * 24]
    refuse(TransferRegressor(states), two, bank.liquidity, "feature names should match")
    cube = fold(bank.data.to_numpy(), 3)
    nameless = FrozenEstimator(LSTMStateExtractor(2, objective="reconstruct", epochs=1).fit(cube))
    refuse(TransferRegressor(nameless), cube[:, :2], bank.liquidity, "expecting 72 features")
    other = cube.reshape(300, 4, 18)
    refuse(TransferRegressor(nameless), other, bank.liquidity, "the estimator was fitted on 3")


def test_a_training_that_diverges_is_refused(bank, states):
    model = TransferRegressor(states, initialization="random", learning_rate=1e30, random_state=0)
    refuse(model, bank.data, bank.liquidity, "smaller learning_rate")
