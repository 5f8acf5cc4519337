"""What the states of the bundled households answer to, and whom their segments hold.

    python examples/explain_households.py [PICTURE.png]

Income is the protected attribute: a segment that holds one bracket more often than others may treat
it otherwise, whatever the segment was made from. It is not known of two households in three.
"""

import sys

import pandas as pd
from sklearn.pipeline import make_pipeline

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.datasets import load_complete_journey
from skspend.inspection import name_segments, segment_fairness, segment_importance
from skspend.plotting import ExplanationDisplay

households = load_complete_journey()
spend = SpendingAggregator(period=2, n_periods=6).fit(households.data)
is_active = spend.active_periods_ == 6
panel = spend.transform(households.data)[is_active]
scorer = BigFivePersonalityScorer(aliases=households.aliases)
pipeline = make_pipeline(
    LSTMStateExtractor(n_units=6, scorer=scorer, random_state=0),
    TrajectoryClusterer(random_state=0),
).fit(panel)
states, segment = pipeline
trajectories = states.transform(panel)
names = name_segments(segment, trajectories, states.scorer_.transform(panel))

importance = segment_importance(states, segment, panel, n_repeats=2, random_state=0)
importance.insert(1, "segment", importance["node"].map(names))
print(importance.groupby("node").head(3).round(3).to_string(index=False))

labels = pd.Series(segment.level_labels_[:, 0], panel.index).map(names)
income = households.demographics["income"].reindex(panel.index)
fairness = segment_fairness(labels, income, random_state=0)
print(fairness.association.round(3).to_string())
apart = fairness.rates.query("low > overall or high < overall")
print(apart.sort_values("ratio").round(3).to_string(index=False))

display = ExplanationDisplay.from_estimator(states, panel, random_state=0)
display.figure_.savefig(sys.argv[1] if len(sys.argv) > 1 else "explanation.png", dpi=100)
