"""Code as users write it. A type checker reads it in its strict mode; nothing runs it."""

from collections.abc import Callable
from typing import Any, assert_type

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from skspend import (
    BigFivePersonalityScorer,
    FeedForwardExtractor,
    LSTMStateExtractor,
    SegmentModel,
    SegmentReport,
    SpendingAggregator,
    SpendingFactors,
    TrajectoryClusterer,
    TransactionLog,
    TransferClassifier,
    TransferRegressor,
    mcc_to_category,
    segment_frame,
)
from skspend.datasets import load_berka, load_complete_journey, make_spending, make_trajectories
from skspend.inspection import (
    describe_segments,
    explain_trajectories,
    match_segments,
    name_segments,
    segment_fairness,
    segment_importance,
)
from skspend.metrics import hierarchy_agreement, temporal_stability
from skspend.model_selection import elbow
from skspend.panel import Panel
from skspend.personality import TRAITS, personality_types
from skspend.plotting import (
    TRAIT_COLORS,
    ElbowDisplay,
    ExplanationDisplay,
    HierarchyDisplay,
    PersonalityDisplay,
    TrajectoryDisplay,
)
from skspend.study import QUICK, PaperStudy, personality_study

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]


def select(frame: pd.DataFrame, income: pd.DataFrame) -> TransactionLog:
    frame["category"] = mcc_to_category(frame["mcc"], overrides={5999: "gifts"})
    assert_type(mcc_to_category(frame["mcc"]), pd.Series)
    assert_type(mcc_to_category(["5411", "9999"]), NDArray[np.object_])
    log = TransactionLog(frame, income=income, errors="drop", outflow="negative")
    assert_type(log[0], TransactionLog)
    assert_type(log[:10], TransactionLog)
    assert_type(log[[4, 4, 0]], TransactionLog)
    assert_type(log[np.flatnonzero(log.customers)], TransactionLog)
    is_young = pd.Series(log.customers, index=log.customers).isin([1, 2, 3])
    assert_type(log[is_young], TransactionLog)
    assert_type(log[is_young.to_numpy()], TransactionLog)
    assert_type(log.with_sorted_amounts(), TransactionLog)
    assert_type(log.shape, tuple[int])
    assert_type(log.span, tuple[np.datetime64, np.datetime64])
    assert_type(log.quality_, pd.DataFrame)
    assert_type(log.to_frame(), pd.DataFrame)
    assert_type(log.sum_spending(12, 2), Floats)
    return TransactionLog.scan("bank/*.parquet", resolution="month", cutoff="2024-03-31")


def run(log: TransactionLog, frame: pd.DataFrame) -> pd.DataFrame:
    households = load_complete_journey()
    assert_type(households.data, TransactionLog)
    scorer = BigFivePersonalityScorer(aliases=households.aliases)
    pipeline = Pipeline(
        [
            ("spend", SpendingAggregator(period=2, n_periods=6, dtype=np.float32)),
            ("states", LSTMStateExtractor(n_units=6, scorer=scorer, random_state=0)),
            ("segment", TrajectoryClusterer(max_depth=3)),
        ]
    )
    pipeline.fit(log)
    SegmentReport.from_estimator(pipeline, log).save("report.html", customer_ids=False)
    segments = segment_frame(pipeline, frame, cutoff="2024-03-31")
    assert_type(segments, pd.DataFrame)
    model = SegmentModel.load("model.json")
    assert_type(model, SegmentModel)
    assert_type(model.predict(log), pd.DataFrame)
    return segments


def step_by_step(log: TransactionLog) -> dict[int, str]:
    spend = SpendingAggregator(period="half", n_periods=4).fit(log)
    assert_type(spend, SpendingAggregator)
    assert_type(spend.n_periods_, int)
    assert_type(spend.active_periods_, Integers)
    assert_type(spend.get_feature_names_out(), NDArray[np.object_])
    # set_output decides whether this is an array or the frame of a library.
    panel: pd.DataFrame = spend.transform(log)
    scorer = BigFivePersonalityScorer(level="period").fit(panel)
    assert_type(scorer.coverage_, float)
    assert_type(scorer.coefficients_, Floats)
    states = LSTMStateExtractor(3, (8,), scorer=scorer, state="both").fit(panel)
    assert_type(states, LSTMStateExtractor)
    assert_type(states.partial_fit(panel), LSTMStateExtractor)
    assert_type(states.weights_, list[Floats])
    assert_type(states.network_.n_weights, int)
    assert_type(states.history_, pd.DataFrame)
    assert_type(states.pool_states(panel), Floats)
    assert_type(states.score(panel), float)
    spending: pd.DataFrame = states.inverse_transform(states.transform(panel))
    clusterer = TrajectoryClusterer(max_depth=2).fit(states.transform(panel))
    assert_type(clusterer, TrajectoryClusterer)
    assert_type(clusterer.labels_, Integers)
    assert_type(clusterer.strengths_, Floats)
    assert_type(clusterer.predict_levels(states.transform(panel), period=0), Integers)
    assert_type(clusterer.membership(states.transform(panel)), Floats)
    assert_type(clusterer.tree_, pd.DataFrame)
    assert_type(clusterer.score(states.transform(panel)), float)
    scores = scorer.transform(panel)
    names = name_segments(clusterer, None, scores, spending)
    assert_type(describe_segments(clusterer, None, scores, spending, names=names), pd.DataFrame)
    assert_type(hierarchy_agreement(clusterer.level_labels_, scores), pd.DataFrame)
    assert_type(temporal_stability([1, 2], ["a", "b"]), float)
    assert_type(personality_types(scores), NDArray[np.object_])
    assert_type(Panel.read(panel), Panel)
    assert_type(Panel.read(panel).names, NDArray[np.object_])
    assert_type(Panel.read(panel).active_periods, Integers)
    return names


def transfer() -> Floats:
    bank = make_spending(n_customers=400, random_state=0)
    assert_type(bank.data, pd.DataFrame)
    assert_type(make_spending(transactions=True).data, TransactionLog)
    assert_type(make_trajectories(100).levels, Integers)
    loans = load_berka("berka", label="liquidity", ages=(18, 30))
    assert_type(loans.data, TransactionLog)
    BigFivePersonalityScorer(bank.coefficients)
    BigFivePersonalityScorer(bank.coefficients.to_dict())
    factors = SpendingFactors().fit(bank.data)
    assert_type(factors.loadings_, pd.DataFrame)
    body = FeedForwardExtractor(4, objective="y", epochs=20, random_state=np.random.RandomState(0))
    body.fit(bank.data, factors.transform(bank.data))
    model = TransferRegressor(FrozenEstimator(body), alpha=3)
    model = model.fit(bank.data[:100], bank.liquidity[:100])
    assert_type(model, TransferRegressor)
    assert_type(model.n_weights_, int)
    assert_type(model.weights_, list[Floats])
    assert_type(model.coef_names_, NDArray[np.object_])
    classifier = TransferClassifier(FrozenEstimator(body), class_weight={0: 1.0, 1: 9.0})
    classifier.fit(bank.data, bank.default, sample_weight=np.ones(400))
    assert_type(classifier.predict_proba(bank.data), Floats | list[Floats])
    return model.predict(bank.data)


def look(states: LSTMStateExtractor, tree: TrajectoryClusterer, X: pd.DataFrame) -> list[Figure]:
    explanation = explain_trajectories(states, X, random_state=0)
    assert_type(explanation.fidelity, pd.DataFrame)
    fairness = segment_fairness(tree.labels_, X["group"])
    assert_type(fairness.rates, pd.DataFrame)
    assert_type(segment_importance(states, tree, X), pd.DataFrame)
    refit = TrajectoryClusterer().fit(X, anchor=tree.level_labels_)
    assert_type(match_segments(tree, refit, X).migration, pd.DataFrame)
    trajectories = TrajectoryDisplay.from_estimator(states, X, segment=3)
    assert_type(trajectories, TrajectoryDisplay)
    assert_type(trajectories.drawn_, Integers)
    personality = PersonalityDisplay.from_predictions(
        np.zeros((9, len(TRAITS))), traits=TRAITS[1:3]
    )
    assert_type(personality.ax_, Axes)
    assert_type(personality.thresholds_, dict[str, float])
    hierarchy = HierarchyDisplay.from_estimator(tree, {0: "all"}, ax=personality.ax_)
    assert_type(hierarchy, HierarchyDisplay)
    shown = ExplanationDisplay.from_explanation(explanation).plot(list(trajectories.axes_))
    assert_type(shown, ExplanationDisplay)
    curve = ElbowDisplay.from_cv_results({"param_n_units": [1, 2]})
    assert_type(curve, ElbowDisplay)
    assert_type(TRAIT_COLORS["openness"], str)
    curve.figure_.savefig("elbow.png")
    return [trajectories.figure_, personality.figure_, hierarchy.figure_, shown.figure_]


def study(log: TransactionLog) -> pd.DataFrame:
    rule: Callable[[dict[str, Any]], int] = elbow("n_units")
    paper = PaperStudy(QUICK, n_jobs=2, memory="cache")
    assert_type(paper.bank.types, pd.Series)
    assert_type(paper.effort.customers, int)
    assert_type(paper.studies["bank-elbow"](progress=print), pd.DataFrame)
    print(rule({}))
    return personality_study(log, periods=["year", 3])
