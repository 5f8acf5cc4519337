"""Micro-segments of the bundled households, in ten lines and a picture.

    python examples/segment_households.py [PICTURE.png]

The households are real, and seen through one retailer's groceries. About 4.5 % of what they spend
has a published coefficient, so their personality scores are weaker evidence still than usual.
"""

import sys

from sklearn.callback import ProgressBar
from sklearn.pipeline import Pipeline

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.datasets import load_complete_journey
from skspend.inspection import describe_segments, name_segments
from skspend.plotting import TrajectoryDisplay

households = load_complete_journey()
log = households.data
scorer = BigFivePersonalityScorer(aliases=households.aliases)

pipeline = Pipeline(
    [
        ("spend", SpendingAggregator(period=2, n_periods=6)),
        ("states", LSTMStateExtractor(n_units=6, scorer=scorer, random_state=0)),
        ("segment", TrajectoryClusterer(random_state=0)),
    ]
)

# Households that shop in all six periods shape the tree; then everybody is placed in it.
is_active = pipeline["spend"].fit(log).active_periods_ == 6
pipeline.set_callbacks(ProgressBar()).fit(log[is_active])
print(f"{len(log)} households in {pipeline.predict(log).max() + 1} segments.")

spend, states, segment = pipeline.named_steps.values()
panel = spend.transform(log)
trajectories = states.transform(panel)
scores = states.scorer_.transform(panel)
names = name_segments(segment, trajectories[is_active], scores[is_active])
described = describe_segments(segment, trajectories, scores, panel, names=names)
top = described[described["depth"] == 1]
print(top[["path", "customers", "strength", "spends_more_on"]].to_string(index=False))

display = TrajectoryDisplay.from_estimator(states, panel)
display.figure_.savefig(sys.argv[1] if len(sys.argv) > 1 else "households.png", dpi=100)
