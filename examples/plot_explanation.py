"""
Which spending moves the states
===============================

A state of a network is a number without a name. A linear model of the spending so far shows which
categories move the state, and how much of the state they explain.
"""

# %%
# The data are the bundled households that shop in all six periods of two months. The networks have
# three units instead of eight, so that there are only three states to draw.

from sklearn.pipeline import make_pipeline

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.datasets import load_complete_journey
from skspend.inspection import explain_trajectories, name_segments, segment_importance
from skspend.plotting import ExplanationDisplay

households = load_complete_journey()
spend = SpendingAggregator(period=2, n_periods=6).fit(households.data)
panel = spend.transform(households.data)[spend.active_periods_ == 6]
scorer = BigFivePersonalityScorer(aliases=households.aliases)
states, segment = make_pipeline(
    LSTMStateExtractor(3, scorer=scorer, random_state=0),
    TrajectoryClusterer(max_depth=1, random_state=0),
).fit(panel)

# %%
# How much do the segments change if one category is shuffled among the households? The importance
# is the share of a segment's members who leave it.

names = name_segments(segment, None, states.scorer_.transform(panel), panel)
importance = segment_importance(states, segment, panel, n_repeats=2, random_state=0)
importance.insert(1, "segment", importance["node"].map(names))
print(importance.groupby("node").head(2).round(3).to_string(index=False))

# %%
# The picture shows, for every state, the categories that move it most, with 95 % intervals. A full
# dot means that more spending raises the state, and a hollow dot that it lowers the state. The last
# panel shows how much of each state the linear model explains.

import matplotlib.pyplot as plt

explanation = explain_trajectories(states, panel, random_state=0)
_, axes = plt.subplots(4, figsize=(6, 10.5), layout="constrained")
display = ExplanationDisplay.from_explanation(explanation, ax=axes, n_categories=6)

# %%
# If dog food is shuffled, 38 % of the members of `agreeableness+` leave it; if cat food is
# shuffled, 24 % do. The first state falls with vitamins and pet food and rises with magazines. The
# second rises with all of its categories, from magazines to makeup. The third falls with dog food
# and magazines and rises with vitamins. Only the 20 categories that have a coefficient move the
# states. The linear model explains 48 to 65 % of each state of the last period. These pictures say
# nothing about the rest. An explanation of the networks is also not an explanation of the
# household.
#
# Next: :ref:`sphx_glr_gallery_plot_attractors.py`, where the states go from here.
