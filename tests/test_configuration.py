"""What holds for every estimator, whatever scikit-learn's global configuration is."""

import os
import pickle
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn import config_context
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from skspend import (
    BigFivePersonalityScorer,
    FactorStateExtractor,
    FeedForwardExtractor,
    LSTMStateExtractor,
    SpendingAggregator,
    SpendingFactors,
    TrajectoryClusterer,
    TransferClassifier,
    TransferRegressor,
    segment_frame,
)
from skspend.datasets import make_spending
from skspend.inspection import segment_importance
from skspend.metrics import direction_scorer, hierarchy_agreement
from skspend.segmentation import Refits, Seen, SegmentModel, aggregate, cluster

SETTINGS = {
    "pandas": {"transform_output": "pandas"},
    "polars": {"transform_output": "polars"},
    "others": {"enable_metadata_routing": True, "assume_finite": True, "working_memory": 1},
    "array_api": {"array_api_dispatch": True},
}
QUICK = {"epochs": 1, "n_init": 1, "random_state": 0}
ESTIMATORS = {
    "aggregator": lambda scorer: SpendingAggregator(period=1),
    "scorer": lambda scorer: scorer,
    "scorer by period": lambda scorer: clone(scorer).set_params(level="period"),
    "factors": lambda scorer: SpendingFactors(2),
    "factor states": lambda scorer: FactorStateExtractor(2),
    "type": lambda scorer: LSTMStateExtractor(2, (2,), n_networks=2, scorer=scorer, **QUICK),
    "paper's network": lambda scorer: LSTMStateExtractor.paper(2, scorer=scorer, **QUICK),
    "autoencoder": lambda scorer: FeedForwardExtractor(2, objective="reconstruct", **QUICK),
    "scores": lambda scorer: FeedForwardExtractor(2, scorer=scorer, objective="scores", **QUICK),
    "y": lambda scorer: LSTMStateExtractor.paper(2, objective="y", **QUICK),
    "k-means of two": lambda scorer: TrajectoryClusterer(1, n_top=2, random_state=0),
    "k-means": lambda scorer: TrajectoryClusterer(1, max_clusters=3, random_state=0),
    "hdbscan": lambda scorer: TrajectoryClusterer(1, clusterer="hdbscan"),
    "own clusterer": lambda scorer: TrajectoryClusterer(1, clusterer=KMeans(2), random_state=0),
    "regressor": lambda scorer: TransferRegressor(alpha=1.0),
    "classifier": lambda scorer: TransferClassifier(),
}

TRANSFERS = {
    "frozen": {},
    "trained": {"trainable": "all", "epochs": 1},
    "from scratch": {"initialization": "random", "epochs": 1, "early_stopping": True},
}
METHODS = (
    "transform", "inverse_transform", "predict", "predict_proba", "predict_levels",
    "predict_target", "strength", "outlier_score", "membership", "pool_states",
)  # fmt: skip


@pytest.fixture(scope="module")
def small_bank():
    return make_spending(60, 3, 6, random_state=0)


@pytest.fixture(scope="module")
def estimators(small_bank):
    """Estimators that are not fitted, by name; they hold a fitted extractor where they need one."""
    scorer = BigFivePersonalityScorer(small_bank.coefficients.to_dict())
    found = {name: make(scorer) for name, make in ESTIMATORS.items()}
    body = FrozenEstimator(clone(found["paper's network"]).fit(small_bank.data))
    for transfer in (TransferRegressor, TransferClassifier):
        for name, how in TRANSFERS.items():
            found[f"{transfer.__name__}, {name}"] = transfer(body, random_state=0, **how)
    return found


@contextmanager
def configured(setting):
    try:
        context = config_context(**SETTINGS[setting])
        with context:
            yield
    except RuntimeError as error:
        if "SCIPY_ARRAY_API" not in str(error):
            raise
        pytest.skip("scikit-learn needs SCIPY_ARRAY_API=1")


def answers(estimator, X):
    """What the methods of a fitted estimator return, as arrays."""
    found = {}
    for name in METHODS:
        if hasattr(estimator, name):
            given = found["transform"] if name == "inverse_transform" else X
            found[name] = np.asarray(getattr(estimator, name)(given))
    return found


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


@pytest.fixture(scope="module")
def expected(estimators, small_bank):
    """The answers of all estimators under the default configuration."""
    X, y = small_bank.data, small_bank.default
    return {name: answers(clone(each).fit(X, y), X) for name, each in estimators.items()}


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_global_configuration_changes_an_answer(setting, estimators, expected, small_bank):
    X, y = small_bank.data, small_bank.default
    for name, estimator in estimators.items():
        with configured(setting):
            fitted = clone(estimator).fit(X, y)
            found = answers(fitted, X)
            # Frames and arrays alike, and in both directions between configurations.
            content = pickle.dumps(fitted)
            model = skops.io.dumps(fitted)
            loaded = answers(pickle.loads(content), X)
            if hasattr(fitted, "score"):
                assert isinstance(fitted.score(X, y), float)
            if hasattr(fitted, "partial_fit"):
                clone(fitted).partial_fit(X, y).partial_fit(X, y)
        assert_equal(found, expected[name])
        assert_equal(loaded, expected[name])
        trusted = skops.io.get_untrusted_types(data=model)
        assert_equal(answers(skops.io.loads(model, trusted=trusted), X), expected[name])


def run_job(path):
    """The main job on a few customers, with its model file, as frames and other results by name."""
    log = make_spending(80, 3, 6, transactions=True, random_state=0).data
    spend, panel, is_active = aggregate(log)
    scorer = BigFivePersonalityScorer(make_spending(2, 1, 6, random_state=0).coefficients.to_dict())
    whole = panel.whole()
    states = LSTMStateExtractor.paper(2, scorer=scorer, **QUICK).fit(whole)
    seen = Seen.of_all(states, panel)
    segment = TrajectoryClusterer(1, random_state=0)
    names = cluster(segment, seen.trajectories, seen.scores, whole)
    pipeline = Pipeline([("spend", spend), ("states", states), ("segment", segment)])
    model = SegmentModel(pipeline, names)
    model.save(path)
    table = model.describe(seen)
    return {
        "names": names,
        "placed": model.predict(log),
        "loaded": SegmentModel.load(path).predict(log),
        "file": path.read_bytes(),
        "described": table,
        "counts": model.summarise(seen, whole, is_active, table),
        "refitted": Refits(pipeline[1:], panel, is_active).compare(model, seen.trajectories),
        "parts": segment_frame(pipeline, log.to_frame(), cutoff="2023-12-31"),
        "importance": segment_importance(states, segment, whole, random_state=0),
        "turns": direction_scorer(pipeline[1:], whole),
        "agreement": hierarchy_agreement(segment.level_labels_, seen.scores, random_state=0),
    }


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    return run_job(tmp_path_factory.mktemp("job") / "model.json")


@pytest.mark.parametrize("setting", ["pandas", "polars", "array_api"])
def test_no_global_configuration_changes_the_main_job(setting, job, tmp_path):
    with configured(setting):
        found = run_job(tmp_path / "model.json")
    for name, expected in job.items():
        if isinstance(expected, pd.DataFrame):
            pd.testing.assert_frame_equal(found[name], expected)
        else:
            np.testing.assert_equal(found[name], expected)


@pytest.mark.slow
def test_no_dispatch_to_other_arrays_changes_an_answer():
    """SciPy reads the variable once, when it is imported."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-karray_api", __file__],
        env=os.environ | {"SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout
    assert "2 passed" in run.stdout
