"""From a whole bank into one segment, and into one segment of that: the paper's figures 1 and 2.

    python examples/drill_down.py [FOLDER] [CUSTOMERS]

The bank is synthetic, and 26,000 customers large unless told otherwise. What the levels of its tree
have to do with the second and third trait is printed, beside what shuffled traits would show.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.pipeline import make_pipeline

from skspend import BigFivePersonalityScorer, LSTMStateExtractor, TrajectoryClusterer
from skspend.datasets import make_spending
from skspend.inspection import name_segments
from skspend.metrics import hierarchy_agreement
from skspend.plotting import HierarchyDisplay, PersonalityDisplay, TrajectoryDisplay

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
bank = make_spending(int(sys.argv[2]) if len(sys.argv) > 2 else 26_000, random_state=0)
scorer = BigFivePersonalityScorer(bank.coefficients)
pipeline = make_pipeline(
    LSTMStateExtractor(3, hidden_units=(8,), step_penalty=0.2, scorer=scorer, random_state=0),
    TrajectoryClusterer(random_state=0),
).fit(bank.data)
states, segment = pipeline

scores = np.asarray(states.scorer_.transform(bank.data))
print(hierarchy_agreement(segment.level_labels_, scores, random_state=0).round(3).to_string())
described = segment.describe(scores, bank.data)
columns = ["path", "customers", "strength", "spends_more_on", "exemplars"]
print(described.loc[described["depth"] == 1, columns].to_string(index=False))

tree = segment.tree_
top = tree.loc[tree["parent"] == 0, "size"].idxmax()
inside = tree.loc[tree["parent"] == top, "size"].idxmax()
pictures = {
    "personality": PersonalityDisplay.from_estimator(states.scorer_, bank.data),
    "trajectories": TrajectoryDisplay.from_estimator(pipeline, bank.data),
    "segment": TrajectoryDisplay.from_estimator(pipeline, bank.data, segment=top),
    "sub-segment": TrajectoryDisplay.from_estimator(pipeline, bank.data, segment=inside),
    "hierarchy": HierarchyDisplay.from_estimator(segment, name_segments(segment, None, scores)),
}
for name, display in pictures.items():
    display.figure_.savefig(folder / f"{name}.png", dpi=100)
