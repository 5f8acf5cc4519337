"""
Trajectories, and inside a segment (Fig. 2)
===========================================

In Fig. 2 of Maree & Omlin (2021) customers move through the state space of an LSTM of three
units: first all of them, by dominant trait, then those of one segment by their second trait, then
those of one segment inside it by their third. Here the same is done on a synthetic bank.
"""

# %%
# The network learns to tell a customer's type from six years of spending; the clusterer grows a
# tree of segments in its states. The paper does not say how its network was regularised. A hidden
# layer and a penalty on steps hold the states of this one together.

from sklearn.pipeline import make_pipeline

from skspend import BigFivePersonalityScorer, LSTMStateExtractor, TrajectoryClusterer
from skspend.datasets import make_spending
from skspend.inspection import name_segments
from skspend.plotting import TrajectoryDisplay

bank = make_spending(8000, random_state=0)
scorer = BigFivePersonalityScorer(bank.coefficients)
pipeline = make_pipeline(
    LSTMStateExtractor(3, hidden_units=(8,), step_penalty=0.2, scorer=scorer, random_state=0),
    TrajectoryClusterer(random_state=0),
).fit(bank.data)
states, segment = pipeline
kappa = segment.score(states.transform(bank.data))
print(f"accuracy {states.score(bank.data):.2f}, kappa of the top level in time {kappa:.2f}")

# %%
# All customers, in three projections of the three states; a dot is where one stands in the last
# year, full where the dominant trait is high, and hollow where it is low. Without ``ax`` the
# projections are beside each other, as in the paper; here they are to fit on a phone.

import matplotlib.pyplot as plt


def three_of_four():
    """Axes for three projections; the place of the fourth is left to the legend."""
    _, axes = plt.subplots(2, 2, figsize=(6.2, 6.2), layout="constrained")
    axes[1, 1].axis("off")
    return axes.flat[:3]


everybody = TrajectoryDisplay.from_estimator(pipeline, bank.data, ax=three_of_four())
everybody.legend_.set_in_layout(False)

# %%
# The largest segment, by the second most dominant trait of its customers.

scores = states.scorer_.transform(bank.data)
names = name_segments(segment, None, scores)
tree = segment.tree_
top = tree.loc[tree["parent"] == 0, "size"].idxmax()
print(f"{names[top]}: {tree.loc[top, 'size']:,} customers")
inside = TrajectoryDisplay.from_estimator(pipeline, bank.data, segment=top, ax=three_of_four())
inside.legend_.set_in_layout(False)

# %%
# And the largest segment inside it, by the third.

deeper = tree.loc[tree["parent"] == top, "size"].idxmax()
print(f"{names[top]} > {names[deeper]}: {tree.loc[deeper, 'size']:,} customers")
within = TrajectoryDisplay.from_estimator(pipeline, bank.data, segment=deeper, ax=three_of_four())
within.legend_.set_in_layout(False)

# %%
# Customers gather in the corners of the state space, and lines end nearer to where they began than
# to where others do. At
# the top each corner has its colours, for the network was trained to hold the types apart. Inside a
# segment the colours mix. How far the levels of the tree follow the ranks of the traits can be
# measured:

from skspend.metrics import hierarchy_agreement

agreement = hierarchy_agreement(segment.level_labels_, scores, n_permutations=20, random_state=0)
print(agreement[["level", "ami", "baseline", "p_value"]].round(3).to_string(index=False))

# %%
# The top level agrees with the dominant trait, with an adjusted mutual information of .65. At the
# second and third level it is .03 and .01: more than in any of 20 shuffles, and next to nothing. Do
# not read the name of an inner segment as the rank of a trait of its customers. All figures are of
# customers that the network has seen; of others :doc:`/measured` tells.
#
# Next: :ref:`sphx_glr_gallery_plot_hierarchy.py`, the whole tree at once.
