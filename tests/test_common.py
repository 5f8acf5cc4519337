"""What holds for every public estimator."""

import copy
import functools
import inspect
import io
import pickle
import random
from collections import Counter

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import KMeans
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import (
    check_estimator,
    estimator_checks_generator,
    parametrize_with_checks,
)

import skspend
from skspend import (
    BigFivePersonalityScorer,
    FeedForwardExtractor,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
    TransferClassifier,
    TransferRegressor,
)
from skspend.datasets import make_spending
from skspend.panel import fold

PUBLIC = [getattr(skspend, name) for name in skspend.__all__]
ESTIMATORS = [
    public for public in PUBLIC if inspect.isclass(public) and issubclass(public, BaseEstimator)
]
FEWEST_CHECKS = 40

passed_checks = Counter()


def test_the_estimators_are_public():
    assert {estimator.__name__ for estimator in ESTIMATORS} >= {
        "SpendingAggregator",
        "SpendingFactors",
        "FactorStateExtractor",
        "BigFivePersonalityScorer",
        "FeedForwardExtractor",
        "LSTMStateExtractor",
        "TrajectoryClusterer",
        "TransferClassifier",
        "TransferRegressor",
    }


@parametrize_with_checks([estimator() for estimator in ESTIMATORS])
def test_scikit_learn_check_passes(estimator, check):
    check(estimator)
    passed_checks[type(estimator)] += 1


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: estimator.__name__)
def test_at_least_forty_checks_really_ran(estimator, request):
    selected = sum("test_scikit_learn_check_passes" in item.name for item in request.session.items)
    offered = sum(1 for each in ESTIMATORS for _ in estimator_checks_generator(each()))
    if selected < offered:
        pytest.skip("only some of the checks were selected to run")
    assert passed_checks[estimator] >= FEWEST_CHECKS


RATINGS = make_spending(2, 1, 30, random_state=0).coefficients.reset_index(drop=True).to_dict()
"""Coefficients of 30 categories by position, more than the checks have columns."""
QUICK = {"epochs": 2, "n_init": 1}
SMALL = {"n_units": 2, "hidden_units": (), "n_networks": 2, **QUICK}
"""An LSTM extractor of two small networks."""
CONFIGURATIONS = [
    SpendingAggregator("month", normalize=None),
    SpendingAggregator(12, 1, handle_unknown="ignore"),
    SpendingAggregator("half", handle_unknown="infrequent_if_exist"),
    BigFivePersonalityScorer(RATINGS),
    BigFivePersonalityScorer(RATINGS, level="period"),
    BigFivePersonalityScorer(standardize=False),
    skspend.SpendingFactors(1),
    skspend.SpendingFactors(2),
    skspend.SpendingFactors(12),
    skspend.FactorStateExtractor(1),
    skspend.FactorStateExtractor(2),
    skspend.FactorStateExtractor(12),
    LSTMStateExtractor(objective="reconstruct", **SMALL),
    LSTMStateExtractor(objective="scores", state="both", inputs="categories", **SMALL),
    LSTMStateExtractor(early_stopping=True, n_iter_no_change=1, l2=0.1, **SMALL),
    LSTMStateExtractor(1, (2,), n_networks=1, objective="y", batch_size=4, **QUICK),
    LSTMStateExtractor.paper(epochs=2, n_init=2),
    FeedForwardExtractor(2, objective="reconstruct", **QUICK),
    FeedForwardExtractor(2, hidden_units=(3,), objective="scores", **QUICK),
    FeedForwardExtractor(2, early_stopping=True, n_iter_no_change=1, l2=0.1, **QUICK),
    FeedForwardExtractor(1, objective="y", batch_size=4, **QUICK),
    FeedForwardExtractor(1, epochs=1, n_init=1, engine="keras"),
    TrajectoryClusterer(1, max_clusters=3),
    TrajectoryClusterer(n_top=3, max_clusters=4),
    TrajectoryClusterer(clusterer="hdbscan"),
    TrajectoryClusterer(clusterer=KMeans(2, n_init=1, random_state=0)),
    TrajectoryClusterer(outlier_threshold=0.9, max_fit_samples=50, max_clusters=4),
    TransferRegressor(alpha=1.0),
    TransferRegressor(alpha=1e-3, early_stopping=True),
    TransferRegressor(head=LinearRegression()),
    TransferClassifier(alpha=0.0),
    TransferClassifier(class_weight="balanced"),
    TransferClassifier(head=LogisticRegression()),
]


@parametrize_with_checks([*CONFIGURATIONS, TransferClassifier(alpha="cv")])
def test_scikit_learn_check_passes_with_other_parameters(estimator, check, monkeypatch):
    # Checks depend on whether a penalty is chosen, not on from how many and in how many folds.
    monkeypatch.setattr("skspend.transfer._penalty.PENALTIES", np.array([0.1, 10]))
    monkeypatch.setattr("skspend.transfer._penalty.MOST_FOLDS", 2)
    check(estimator)


def test_every_estimator_is_checked_in_three_more_configurations():
    counts = Counter(type(estimator) for estimator in CONFIGURATIONS)
    assert min(counts[estimator] for estimator in ESTIMATORS) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("output", ["pandas", "polars"])
@pytest.mark.parametrize(
    "estimator",
    [*(estimator() for estimator in ESTIMATORS), *CONFIGURATIONS],
    ids=lambda estimator: str(estimator)[:50],
)
def test_scikit_learn_checks_pass_whatever_output_is_set_globally(estimator, output, monkeypatch):
    """Only the methods see the setting: under it, the scalers of the checks return frames."""

    def configured(method):
        @functools.wraps(method)
        def run(*args, **kwargs):
            with config_context(transform_output=output):
                return method(*args, **kwargs)

        return run

    cls = type(estimator)
    for name in ("fit", "fit_transform", "fit_predict", "partial_fit", "score", *METHODS):
        if hasattr(cls, name):
            monkeypatch.setattr(cls, name, configured(getattr(cls, name)))
    if hasattr(cls, "set_output"):
        estimator.set_output(transform="default")
    check_estimator(estimator, on_skip=None)


def _for_named_columns(cls):
    """An estimator that takes columns named col0, col1 ..., as some of scikit-learn's checks do."""
    if issubclass(cls, BigFivePersonalityScorer):
        return cls(RATINGS, aliases={f"col{number}": str(number) for number in range(3)})
    if hasattr(cls, "pool_states"):
        return cls(2, (), objective="reconstruct", **QUICK)
    return cls()


MORE_CHECKS = [
    "check_param_validation",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_inplace_ensure_writeable",
    "check_f_contiguous_array_estimator",
]
"""Checks that scikit-learn runs on its own estimators beside check_estimator."""


@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")
@pytest.mark.parametrize("check", MORE_CHECKS)
@pytest.mark.parametrize("cls", ESTIMATORS, ids=lambda cls: cls.__name__)
def test_checks_of_scikit_learns_own_estimators_pass(cls, check):
    if ("transformer" in check or "output" in check) and not hasattr(cls, "transform"):
        pytest.skip("for transformers alone")
    if check == "check_inplace_ensure_writeable" and "copy" not in cls._parameter_constraints:
        pytest.skip("for estimators that may work in place")
    getattr(estimator_checks, check)(cls.__name__, _for_named_columns(cls))


@pytest.mark.parametrize("cls", ESTIMATORS, ids=lambda cls: cls.__name__)
def test_parameters_but_the_first_two_are_keyword_only(cls):
    parameters = inspect.signature(cls).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert len(positional) <= 2


@pytest.fixture(scope="module")
def fitted(bank, scorer):
    """Every estimator, fitted on what the one before it makes, with the X that it reads."""
    shares = bank.data
    states = LSTMStateExtractor.paper(scorer=scorer, epochs=5, random_state=0).fit(shares)
    trajectories = states.transform(shares)
    features = FeedForwardExtractor(
        2, hidden_units=(4,), scorer=scorer, epochs=5, random_state=0
    ).fit(shares)
    ensemble = LSTMStateExtractor(
        2, (5, 2), n_networks=3, scorer=scorer, state="both", early_stopping=True, epochs=5,
        random_state=0,
    ).fit(shares)  # fmt: skip
    from_scratch = {"initialization": "random", "epochs": 3, "random_state": 0}
    transfers = [
        transfer(FrozenEstimator(body), **how).fit(shares, bank.default)
        for transfer in (TransferRegressor, TransferClassifier)
        for body, how in ((states, {}), (states, from_scratch), (features, {}))
    ]
    return [
        (SpendingAggregator().fit(shares), shares),
        (clone(scorer).fit(shares), shares),
        (clone(scorer).set_params(level="period").fit(shares), shares),
        (skspend.SpendingFactors().fit(shares), shares),
        (skspend.FactorStateExtractor().fit(shares), shares),
        (states, shares),
        (features, shares),
        (ensemble, shares),
        (TrajectoryClusterer(random_state=0).fit(trajectories), trajectories),
        *((transfer, shares) for transfer in transfers),
    ]


def answer(estimator, X):
    """What a fitted estimator says of X."""
    methods = ("transform", "predict_proba", "predict")
    method = next(method for method in methods if hasattr(estimator, method))
    return np.asarray(getattr(estimator, method)(X))


def through_skops(estimator):
    file = skops.io.dumps(estimator)
    return skops.io.loads(file, trusted=skops.io.get_untrusted_types(data=file))


def through_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    return joblib.load(file)


OTHER = {
    "period": "half", "n_periods": 1, "normalize": None, "categories": ["nothing"],
    "min_frequency": 0.5, "max_categories": 2, "handle_unknown": "ignore", "dtype": "float16",
    "coefficients": None, "standardize": False, "level": "period", "aliases": {"a": "b"},
    "n_factors": 1, "n_units": 9, "hidden_units": (7,), "objective": "y", "state": "hidden",
    "state_noise": 0.9, "step_penalty": 0.9, "epochs": 1, "batch_size": 1, "learning_rate": 1.0,
    "n_networks": 5, "inputs": "categories", "n_ranks": 3,
    "l2": 1.0, "class_weight": "balanced", "n_init": 1, "early_stopping": True,
    "validation_fraction": 0.5, "n_iter_no_change": 1, "max_depth": 1, "clusterer": KMeans(2),
    "n_top": 3, "max_clusters": 2, "min_share": 0.4, "outlier_threshold": 0.0, "max_fit_samples": 2,
    "initialization": "random", "trainable": "all", "alpha": 9.0, "engine": "scikeras",
    "random_state": 7,
}  # fmt: skip
"""Another valid value of each parameter; those that hold estimators are left alone."""
METHODS = (
    "transform", "predict", "predict_proba", "predict_levels", "predict_target", "strength",
    "outlier_score", "membership", "pool_states",
)  # fmt: skip


def all_answers(estimator, X):
    answers = [np.asarray(getattr(estimator, m)(X)) for m in METHODS if hasattr(estimator, m)]
    if hasattr(estimator, "get_feature_names_out"):
        answers.append(estimator.get_feature_names_out())
    return answers


def test_set_params_after_fit_changes_nothing_until_the_next_fit(fitted):
    for estimator, X in fitted:
        changed = copy.deepcopy(estimator)
        names = [name for name in changed.get_params(deep=False) if name in OTHER]
        assert len(names) >= 1
        before = all_answers(changed, X)
        changed.set_params(**{name: OTHER[name] for name in names})
        for found, expected in zip(all_answers(changed, X), before, strict=True):
            np.testing.assert_array_equal(found, expected, strict=True)


def test_fitted_state_is_public(fitted):
    """All that a fit learns has a documented name that ends with an underscore."""
    for estimator, _ in fitted:
        known = {*estimator.get_params(deep=False), "_sklearn_output_config", "_callbacks"}
        private = [name for name in vars(estimator) if name not in known and name[0] == "_"]
        assert not private, f"{type(estimator).__name__}: {private}"


@pytest.mark.parametrize(
    "round_trip",
    [lambda e: pickle.loads(pickle.dumps(e)), through_joblib, through_skops, copy.deepcopy],
    ids=["pickle", "joblib", "skops", "deepcopy"],
)
def test_saving_and_loading_changes_no_answer(fitted, round_trip):
    for estimator, X in fitted:
        np.testing.assert_array_equal(answer(round_trip(estimator), X), answer(estimator, X))


def test_model_files_hold_no_foreign_types(fitted):
    for estimator, _ in fitted:
        untrusted = skops.io.get_untrusted_types(data=skops.io.dumps(estimator))
        assert all(name.startswith(("skspend.", "sklearn.")) for name in untrusted), untrusted


def test_a_fitted_estimator_is_kilobytes(fitted):
    for estimator, _ in fitted:
        assert len(pickle.dumps(estimator)) < 100_000


def test_clone_is_unfitted_and_fits_to_the_same_answer(fitted, bank):
    for estimator, X in fitted:
        again = clone(estimator)
        assert not [name for name in vars(again) if name.endswith("_")]
        np.testing.assert_array_equal(answer(again.fit(X, bank.default), X), answer(estimator, X))


def test_a_cube_gives_what_the_named_table_gives(fitted, bank):
    by_position = {"coefficients": bank.coefficients.reset_index(drop=True)}
    for estimator, X in fitted:
        if isinstance(estimator, (TransferRegressor, TransferClassifier)):
            continue
        cube = fold(X.to_numpy(), 3)
        again = clone(estimator)
        if isinstance(again, BigFivePersonalityScorer):
            again.set_params(**by_position)
        elif getattr(again, "scorer", None) is not None:
            again.set_params(scorer=clone(again.scorer).set_params(**by_position))
        np.testing.assert_allclose(answer(again.fit(cube), cube), answer(estimator, X), atol=1e-12)
        flat = cube.reshape(len(cube), -1)
        np.testing.assert_array_equal(answer(again, flat), answer(again, cube))


def test_polars_gives_what_pandas_gives(fitted, bank):
    for estimator, X in fitted:
        double = X.astype(float)
        frame = pl.from_pandas(double)
        by_pandas = answer(clone(estimator).fit(double, bank.default), double)
        by_polars = answer(clone(estimator).fit(frame, bank.default), frame)
        np.testing.assert_array_equal(by_polars, by_pandas)


def test_transformers_give_the_frame_they_get(fitted):
    for estimator, X in fitted:
        if not hasattr(estimator, "transform"):
            continue
        names = list(estimator.get_feature_names_out())
        pandas = estimator.transform(X)
        assert isinstance(pandas, pd.DataFrame)
        assert list(pandas.columns) == names
        assert pandas.index.equals(X.index)
        polars = estimator.transform(pl.from_pandas(X))
        assert isinstance(polars, pl.DataFrame)
        assert polars.columns == names


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output_decides_the_frame(fitted, library):
    expected = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[library]
    for estimator, X in fitted:
        if not hasattr(estimator, "transform"):
            continue
        out = copy.deepcopy(estimator).set_output(transform=library).transform(X)
        assert isinstance(out, expected)
        assert list(out.columns) == list(estimator.get_feature_names_out())


def test_single_precision_stays_single(fitted):
    for estimator, X in fitted:
        if hasattr(estimator, "transform"):
            single = X.astype(np.float32)
            again = clone(estimator).fit(single)
            assert answer(again, single).dtype == np.float32


def make_pipeline(scorer):
    return Pipeline(
        [
            ("spend", SpendingAggregator(n_periods=3, normalize="income")),
            (
                "states",
                LSTMStateExtractor(3, (), n_networks=2, scorer=scorer, epochs=5, random_state=0),
            ),
            ("segment", TrajectoryClusterer(random_state=0)),
        ]
    )


def test_one_seed_gives_the_same_bits_twice_and_in_another_process(bank, bank_log, scorer):
    first = make_pipeline(scorer).fit(bank_log)
    second = make_pipeline(scorer).fit(bank_log)
    elsewhere = joblib.Parallel(n_jobs=2)(
        joblib.delayed(make_pipeline(scorer).fit)(bank_log) for _ in range(2)
    )
    for other in (second, *elsewhere):
        for mine, theirs in zip(first[1].weights_, other[1].weights_, strict=True):
            np.testing.assert_array_equal(mine, theirs)
        np.testing.assert_array_equal(first[2].centers_, other[2].centers_)


def test_fits_with_and_without_a_seed_follow_each_other_in_any_order(bank, scorer):
    def fit(random_state):
        extractor = FeedForwardExtractor(scorer=scorer, epochs=2, random_state=random_state)
        return extractor.fit(bank.data).weights_[0]

    first = fit(0)
    without = [fit(None), fit(None)]
    np.testing.assert_array_equal(fit(0), first)
    assert not np.array_equal(*without)
    assert not np.array_equal(fit(None), first)


def test_another_seed_gives_another_network(bank, scorer):
    fits = [
        LSTMStateExtractor.paper(scorer=scorer, epochs=1, random_state=seed).fit(bank.data)
        for seed in (0, 1, None, None)
    ]
    kernels = {fit.weights_[0].tobytes() for fit in fits}
    assert len(kernels) == len(fits)


def legacy_state():
    return np.random.get_state()[1].tobytes()  # noqa: NPY002 - the very state to leave alone


def test_fitting_touches_no_global_random_state(bank_log, scorer):
    from tensorflow.python.framework.config import is_op_determinism_enabled

    determinism = is_op_determinism_enabled()
    random.seed(1)
    before = random.getstate(), legacy_state()
    make_pipeline(scorer).fit(bank_log)
    assert (random.getstate(), legacy_state()) == before
    assert is_op_determinism_enabled() == determinism
