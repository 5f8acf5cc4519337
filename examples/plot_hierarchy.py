"""
A tree of segments, and what they spend on
==========================================

This example turns one year of grocery purchases at one retailer, by 2,469 real households, into a
tree of segments in which every household has a place. What does a segment mean?
"""

# %%
# The main job is a pipeline of three steps. Households that shop in all six periods shape the tree.

from sklearn.pipeline import Pipeline

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.datasets import load_complete_journey
from skspend.inspection import describe_segments, name_segments
from skspend.plotting import HierarchyDisplay

households = load_complete_journey()
log = households.data
scorer = BigFivePersonalityScorer(aliases=households.aliases)
pipeline = Pipeline(
    [
        ("spend", SpendingAggregator(period=2, n_periods=6)),
        ("states", LSTMStateExtractor(scorer=scorer, random_state=0)),
        ("segment", TrajectoryClusterer(random_state=0)),
    ]
)
is_active = pipeline["spend"].fit(log).active_periods_ == 6
pipeline.fit(log[is_active])
spend, states, segment = pipeline.named_steps.values()
print(f"{states.scorer_.coverage_:.1%} of the spending has a coefficient.")

# %%
# The segments of the top level, with the categories on which their members spend more and less than
# others. All 2,469 households are counted here.

panel = spend.transform(log)
trajectories, scores = states.transform(panel), states.scorer_.transform(panel)
names = name_segments(segment, trajectories[is_active], scores[is_active], panel[is_active])
segments = describe_segments(segment, trajectories, scores, panel, names=names)
top = segments[segments["depth"] == 1].sort_values("customers", ascending=False)
for row in top.itertuples():
    more, less = (", ".join(names) for names in (row.spends_more_on, row.spends_less_on))
    print(f"{row.path:<20} {row.customers:>4}  more: {more or '-'}; less: {less or '-'}")

# %%
# The picture shows the upper two levels of the tree. The height of a segment is its number of
# households among the 1,792 that shape the tree. Its colour is that of the trait that its name
# begins with, or grey if it begins with a category, and it is pale if the trait is low. The labels
# of the top level show what the segment spends more on. ``HierarchyDisplay.from_estimator(segment,
# names)`` draws all levels.

import matplotlib.pyplot as plt

upper = segment.tree_[segment.tree_["depth"] <= 2]
_, ax = plt.subplots(figsize=(6, 9), layout="constrained")
display = HierarchyDisplay(upper, names).plot(ax)
for label in display.texts_.values():
    # Smaller labels cannot be read on a phone.
    label.set_visible(label.get_fontsize() > 6)
# A thin box has room for one line.
for node, categories in top[top["share"] > 0.03].set_index("node")["spends_more_on"].items():
    label = display.texts_[node]
    label.set_va("bottom")
    ax.annotate(
        ", ".join(category.lower().split("/")[0] for category in categories[:2]),
        xy=label.get_position(),
        xytext=(0, -1),
        textcoords="offset points",
        va="top",
        fontsize=7.5,
        color=label.get_color(),
        clip_path=display.patches_[node],
    )

# %%
# The largest segment has 19 % of these households, and four of the eight segments divide further. A
# name is short for what was bought. Few categories have a coefficient here, and `neuroticism+` is
# the segment of households that buy almost nothing in the scored categories. Read the categories,
# not the name, and show both.
#
# Next: :ref:`sphx_glr_gallery_plot_explanation.py`, which spending moves the states.
