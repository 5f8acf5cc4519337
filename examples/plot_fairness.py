"""
Who is in a segment
===================

Segments are made without income, age or sex. They may still contain some groups more often than
others. If you treat segments differently, you also treat these groups differently.
"""

# %%
# Segments of the bundled households that shop in all six periods, and the bracket of their yearly
# income. The income is known for 765 of these 1,792 households.

import pandas as pd
from sklearn.pipeline import make_pipeline

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.datasets import load_complete_journey
from skspend.inspection import name_segments, segment_fairness

households = load_complete_journey()
spend = SpendingAggregator(period=2, n_periods=6).fit(households.data)
panel = spend.transform(households.data)[spend.active_periods_ == 6]
scorer = BigFivePersonalityScorer(aliases=households.aliases)
states, segment = make_pipeline(
    LSTMStateExtractor(scorer=scorer, random_state=0),
    TrajectoryClusterer(max_depth=1, random_state=0),
).fit(panel)
names = name_segments(segment, None, states.scorer_.transform(panel), panel)
labels = pd.Series(segment.level_labels_[:, 0], panel.index).map(names)

bracket = pd.cut(
    households.income.reindex(panel.index) / 1000,
    [0, 35, 75, 1000],
    labels=["under 35,000", "35,000 to 75,000", "over 75,000"],
)
is_known = bracket.notna()
fairness = segment_fairness(labels[is_known], bracket[is_known], random_state=0)
print(fairness.association.round(3).to_string())

# %%
# The picture shows the rate of each group in each segment with its 95 % interval. The grey bar is
# the rate of all three groups together.

import matplotlib.pyplot as plt

rates = fairness.rates
is_apart = (rates["overall"] < rates["low"]) | (rates["overall"] > rates["high"])
print(rates.loc[is_apart, ["segment", "group", "rate", "overall"]].round(2).to_string(index=False))

segments = rates.groupby("segment")["overall"].first().sort_values().index
figure, ax = plt.subplots(figsize=(6, 7), layout="constrained")
overall = rates.groupby("segment")["overall"].first().reindex(segments)
ax.barh(range(len(segments)), overall, height=0.8, color="0.9", label="all three")
styles = ("v", "0.5"), ("o", "0.3"), ("^", "0")
for offset, (group, rows), (marker, color) in zip(
    (0.25, 0, -0.25), rates.groupby("group", observed=True, sort=False), styles, strict=True
):
    rows = rows.set_index("segment").reindex(segments)
    below, above = rows["rate"] - rows["low"], rows["high"] - rows["rate"]
    at = [number + offset for number in range(len(segments))]
    ax.errorbar(rows["rate"], at, xerr=[below, above], fmt=marker, color=color, label=group)
ax.set(
    yticks=range(len(segments)),
    yticklabels=segments,
    xlabel="share of the households of a bracket",
    xlim=(0, None),
)
ax.xaxis.set_major_formatter("{x:.0%}")
ax.spines[["top", "right"]].set_visible(False)
_ = ax.legend(frameon=False, loc="lower right")

# %%
# If an interval does not reach the end of the grey bar, the group is in the segment more or less
# often than the three groups together. One of twenty such intervals misses it by chance, so the p
# value above is for all of them at once. The clearest case is `neuroticism+`: 16 % of the
# households under 35,000 are in it, and 4 % of those over 75,000. If you treat this segment worse,
# you treat poor households worse, although income was never used. A weaker association is not proof
# of fairness: more than half of the households are not in the picture, and other attributes were
# not tested.
#
# Next: the report, ``skspend report --protected FILE.csv``, has the same table for every attribute.
