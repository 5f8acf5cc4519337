"""The engine scikeras: networks of an extractor, and models of a user's own."""

import copy
import os
import pickle
import random
from inspect import signature

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import BaggingRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import has_fit_parameter

from skspend import TransferClassifier, TransferRegressor
from skspend.panel import fold


@pytest.mark.parametrize(
    ("transfer", "body", "label", "how"),
    [
        (TransferRegressor, "states", "both", {"initialization": "random"}),
        (
            TransferClassifier,
            "features",
            "thirds",
            {"trainable": "all", "class_weight": "balanced"},
        ),
        (
            TransferClassifier,
            "features",
            "default",
            {
                "initialization": "random",
                "class_weight": {1: 8},
                "early_stopping": True,
                "n_iter_no_change": 1,
                "learning_rate": 0.5,
                "random_state": 1,
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_both_engines_train_a_network_alike_on_full_batches(
    request, bank, thirds, transfer, body, label, how
):
    labels = {
        "default": bank.default,
        "both": np.column_stack([3 * bank.liquidity + 10, bank.default]),
        "thirds": thirds,
    }
    model = transfer(request.getfixturevalue(body), batch_size=300, epochs=6, random_state=0)
    model.set_params(**how)
    method = "predict_proba" if transfer is TransferClassifier else "predict"
    native, by_keras = (
        getattr(model.set_params(engine=engine).fit(bank.data, labels[label]), method)(bank.data)
        for engine in ("native", "scikeras")
    )
    np.testing.assert_allclose(by_keras, native, atol=1e-3 * np.ptp(native))


def test_no_output_that_is_set_globally_reaches_scikeras(bank):
    with config_context(transform_output="polars"):
        model = TransferRegressor(engine="scikeras", epochs=1).fit(bank.data, bank.liquidity)
    assert model.predict(bank.data).shape == (300,)


@pytest.mark.parametrize(
    ("transfer", "body", "initialization", "label"),
    [
        (TransferRegressor, "states", "pretrained", "liquidity"),
        (TransferClassifier, "features", "random", "thirds"),
    ],
    ids=["regressor", "classifier"],
)
def test_a_head_trained_by_keras_nears_the_solved_head(
    request, bank, thirds, transfer, body, initialization, label
):
    y = thirds if label == "thirds" else 3 * bank.liquidity + 10
    model = transfer(
        request.getfixturevalue(body), initialization=initialization, trainable="head", alpha=30,
        batch_size=50, epochs=12, learning_rate=0.06, random_state=0,
    )  # fmt: skip
    method = "predict_proba" if transfer is TransferClassifier else "predict"
    exact = model.fit(bank.data, y)
    weights, solved = exact.weights_, getattr(exact, method)(bank.data)
    near = model.set_params(engine="scikeras").fit(bank.data, y)
    np.testing.assert_allclose(getattr(near, method)(bank.data), solved, atol=np.ptp(solved) / 20)
    for weight, frozen in zip(near.weights_[:-2], weights[:-2], strict=True):
        np.testing.assert_array_equal(weight, frozen)
    assert near.n_trainable_weights_ == exact.coef_.size + np.size(exact.intercept_)


def build_own_model():
    """A model of a user's own with layers that are a function, are frozen or draw at random."""
    import keras

    last = keras.layers.Lambda(lambda panel: panel[:, -1])
    frozen = keras.layers.Dense(3, activation="tanh", trainable=False)
    layers = [last, frozen, keras.layers.Dropout(0.1), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((3, 24)), *layers])
    model.compile("adam", "mse")
    return model


@pytest.fixture(scope="module")
def own_fit(bank):
    """A model of a user's own, fitted; its weights before; and its predictions."""
    own_model = build_own_model()
    before = own_model.get_weights()
    model = TransferRegressor(random_state=0).fit(bank.data, bank.liquidity)
    assert hasattr(model, "coef_")
    model.set_params(engine="scikeras", model=own_model, epochs=2)
    model.fit(bank.data, bank.liquidity)
    return model, before, model.predict(bank.data)


def test_a_copy_of_a_model_of_ones_own_is_trained(own_fit):
    model, before, predicted = own_fit
    for weight, given in zip(model.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, given)
    assert model.model.optimizer.iterations == 0
    trained = model.keras_.get_weights()
    np.testing.assert_array_equal(trained[0], before[0])
    assert not np.array_equal(trained[2], before[2])
    assert (model.n_weights_, model.n_trainable_weights_) == (24 * 3 + 3 + 4, 4)
    assert predicted.shape == (300,)


def test_a_model_of_ones_own_is_cloned_copied_and_saved(bank, own_fit):
    model, _, predicted = own_fit
    assert clone(model).model is model.model
    for same in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model)):
        np.testing.assert_array_equal(same.predict(bank.data), predicted)
        assert isinstance(same.model, type(model.model))


def test_a_fitted_model_is_saved_and_predicts_whatever_its_parameters_are_now(bank, own_fit):
    model, _, predicted = own_fit
    changed = copy.copy(model).set_params(model=None, engine="native", trainable="all")
    saved = pickle.loads(pickle.dumps(changed))
    np.testing.assert_array_equal(saved.predict(bank.data), predicted)


def test_a_model_of_ones_own_replaces_the_head_of_an_earlier_fit(own_fit):
    for name in ("coef_", "coef_names_", "intercept_", "weights_"):
        assert not hasattr(own_fit[0], name)


class Builder:
    """Builds classifiers of a user's own, and keeps what scikeras passes to it."""

    def __init__(self, n_outputs):
        self.n_outputs, self.seen = n_outputs, []

    def build(self, meta):
        import keras

        self.seen.append(meta)
        answer = keras.layers.Dense(
            self.n_outputs, activation="sigmoid" if self.n_outputs == 1 else "softmax"
        )
        layers = [keras.Input(meta["X_shape_"][1:]), keras.layers.Flatten(), answer]
        model = keras.Sequential(layers)
        losses = {1: "binary_crossentropy"}
        model.compile("adam", losses.get(self.n_outputs, "sparse_categorical_crossentropy"))
        return model


@pytest.mark.parametrize(("label", "n_outputs"), [("default", 1), ("thirds", 3)])
def test_a_function_may_build_a_classifier_of_ones_own(bank, thirds, label, n_outputs):
    numbers = thirds if label == "thirds" else bank.default
    names = np.array(["low", "middle", "top"])[: numbers.max() + 1]
    builder = Builder(n_outputs)
    model = TransferClassifier(
        engine="scikeras", model=builder.build, class_weight={"middle": 3}, epochs=2,
        early_stopping=label == "default", random_state=0,
    )  # fmt: skip
    model.fit(bank.data, names[numbers])
    assert builder.seen[0]["n_classes_"] == len(names)
    chances = model.predict_proba(bank.data)
    assert chances.shape == (300, len(names))
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(model.predict(bank.data), names[chances.argmax(axis=1)])
    np.testing.assert_allclose(model.predict_proba(bank.data[:1]), chances[:1], rtol=1e-5)
    if label == "thirds":
        evenly = clone(model).set_params(class_weight=None).fit(bank.data, names[numbers])
        assert chances[:, 1].mean() > evenly.predict_proba(bank.data)[:, 1].mean()


@pytest.mark.parametrize(
    ("transfer", "n_outputs", "needed"),
    [
        (TransferRegressor, 2, r"\(None, 1\)"),
        (TransferClassifier, 3, r"\(None, 1\) or \(None, 2\)"),
    ],
    ids=["regressor", "classifier"],
)
def test_a_model_with_outputs_that_fit_no_label_is_refused(bank, transfer, n_outputs, needed):
    model = transfer(engine="scikeras", model=Builder(n_outputs).build)
    with pytest.raises(ValueError, match=f"{needed} for this y, but it has the shape"):
        model.fit(bank.data, bank.default)


def test_a_model_of_ones_own_is_trained_alike_in_another_process_and_leaves_it_as_it_was(
    bank, own_fit
):
    def is_deterministic(model, X, y):
        from tensorflow.python.framework.config import is_op_determinism_enabled

        return is_op_determinism_enabled()

    model, _, _ = own_fit
    search = GridSearchCV(
        model,
        {"batch_size": [32]},
        cv=[(np.arange(300), np.arange(300))],
        n_jobs=2,
        scoring={"r2": "r2", "is_deterministic": is_deterministic},
        refit=False,
        error_score="raise",
    ).fit(bank.data, bank.liquidity)
    here = model.score(bank.data, bank.liquidity)
    assert search.cv_results_["mean_test_r2"] == pytest.approx(here, rel=1e-5)
    assert search.cv_results_["mean_test_is_deterministic"] == 0


def global_state():
    """State that belongs to the whole process."""
    from tensorflow.python.eager import context
    from tensorflow.python.framework.config import is_op_determinism_enabled

    return (
        random.getstate(),
        repr(np.random.get_state(legacy=False)),  # noqa: NPY002 - the very state to leave alone
        context.global_seed(),
        is_op_determinism_enabled(),
        os.environ.get("TF_DETERMINISTIC_OPS"),
    )


def test_one_seed_gives_the_same_bits_by_keras_and_nothing_global_changes(bank, features):
    import tensorflow as tf

    own_model = build_own_model()
    tf.random.set_seed(5)
    expected = [tf.random.uniform([3]).numpy() for _ in range(2)]
    tf.random.set_seed(5)
    drawn = [tf.random.uniform([3]).numpy()]
    before = global_state()
    model = TransferClassifier(
        features, initialization="random", engine="scikeras", epochs=1, batch_size=100,
        random_state=0,
    )  # fmt: skip
    weights = model.fit(bank.data, bank.default).weights_
    own = TransferRegressor(engine="scikeras", model=own_model, epochs=1, random_state=0)
    own.fit(bank.data, bank.liquidity)

    def fail(meta):
        raise RuntimeError("This model cannot be built.")

    with pytest.raises(RuntimeError, match="cannot be built"):
        own.set_params(model=fail).fit(bank.data, bank.liquidity)
    assert global_state() == before
    drawn.append(tf.random.uniform([3]).numpy())
    np.testing.assert_array_equal(drawn, expected)
    tf.random.set_seed(None)
    cube = fold(bank.data.to_numpy(), 3)
    own_model.fit(cube, bank.liquidity, epochs=1, verbose=0)
    for weight, again in zip(weights, model.fit(bank.data, bank.default).weights_, strict=True):
        np.testing.assert_array_equal(weight, again)


QUICK_KERAS = {"engine": "scikeras", "epochs": 2, "learning_rate": 0.1}
NEED_A_GOOD_FIT = ("_train", "_classes", "class_weight")
"""Parts of the names of checks that compare predictions with labels."""


@pytest.mark.slow  # Each of some hundred fits builds and traces a model.
@parametrize_with_checks([TransferClassifier(**QUICK_KERAS), TransferRegressor(**QUICK_KERAS)])
def test_scikit_learn_check_passes_with_scikeras(estimator, check):
    if any(name in check.func.__name__ for name in NEED_A_GOOD_FIT):
        estimator.set_params(epochs=20)
    check(estimator)


@pytest.mark.parametrize("transfer", [TransferClassifier, TransferRegressor])
def test_only_a_solved_head_offers_sample_weights(transfer):
    assert has_fit_parameter(transfer(), "sample_weight")
    for trained in ({"engine": "scikeras"}, {"trainable": "all"}, {"initialization": "random"}):
        model = transfer().set_params(**trained)
        assert not has_fit_parameter(model, "sample_weight")
        assert list(signature(model.fit).parameters) == ["X", "y"]
        with pytest.raises(ValueError, match="sample_weight needs a head that is solved exactly"):
            model.fit([[0.0], [1.0]], [0, 1], sample_weight=[1, 1])


def test_bagging_draws_customers_for_a_model_without_sample_weights(bank):
    model = TransferRegressor(engine="scikeras", epochs=1)
    bags = BaggingRegressor(model, n_estimators=1, random_state=0)
    assert bags.fit(bank.data, bank.liquidity).predict(bank.data).shape == (300,)
