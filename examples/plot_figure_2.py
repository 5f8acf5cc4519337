"""
Trajectories, and inside a segment (Fig. 2)
===========================================

In Fig. 2 of Maree & Omlin (2021) customers move through the state space of an LSTM with three
units. The figure first shows all customers by dominant trait, then the customers of one segment by
their second trait, then those of a segment inside it by their third trait. This example does the
same for a synthetic bank.
"""

# %%
# The networks learn to predict a customer's type from six years of spending. The clusterer grows a
# tree of segments in their states. The paper has one network of three units. The default of skspend
# is eight networks, whose states are projected onto eight dimensions. The pictures show the first
# three, along which customers differ most.

from sklearn.pipeline import make_pipeline

from skspend import BigFivePersonalityScorer, LSTMStateExtractor, TrajectoryClusterer
from skspend.datasets import make_spending
from skspend.inspection import name_segments
from skspend.plotting import TrajectoryDisplay

bank = make_spending(8000, random_state=0)
scorer = BigFivePersonalityScorer(bank.coefficients)
pipeline = make_pipeline(
    LSTMStateExtractor(scorer=scorer, random_state=0),
    TrajectoryClusterer(random_state=0),
).fit(bank.data)
states, segment = pipeline
kappa = segment.score(states.transform(bank.data))
print(f"accuracy {states.score(bank.data):.2f}, kappa of the top level in time {kappa:.2f}")

# %%
# All customers, in three projections of the first three states. A wide line is the mean path of the
# customers of one type, that is of a dominant trait and its sign, and an ellipse holds half of them
# in the last year. Thin lines are single customers. Without ``ax`` the projections are drawn beside
# each other, as in the paper. Here they are arranged to fit on a phone.

import matplotlib.pyplot as plt


def three_of_four():
    """Axes for three projections; the legend takes the place of the fourth."""
    _, axes = plt.subplots(2, 2, figsize=(6.2, 6.2), layout="constrained")
    axes[1, 1].axis("off")
    return axes.flat[:3]


lines = {"max_customers": 600}
everybody = TrajectoryDisplay.from_estimator(pipeline, bank.data, ax=three_of_four(), **lines)
everybody.legend_.set_title("dominant trait")
everybody.legend_.set_in_layout(False)

# %%
# The largest segment that divides further, coloured by the second most dominant trait of its
# customers.

scores = states.scorer_.transform(bank.data)
names = name_segments(segment, None, scores, bank.data)
tree = segment.tree_
divides = tree.index.isin(tree["parent"])
top = tree.loc[divides & (tree["depth"] == 1), "size"].idxmax()
print(f"{names[top]}: {tree.loc[top, 'size']:,} customers")
inside = TrajectoryDisplay.from_estimator(pipeline, bank.data, segment=top, ax=three_of_four())
inside.legend_.set_title("second trait")
inside.legend_.set_in_layout(False)

# %%
# The largest segment inside it, coloured by the third trait.

deeper = tree.loc[tree["parent"] == top, "size"].idxmax()
print(f"{names[top]} > {names[deeper]}: {tree.loc[deeper, 'size']:,} customers")
within = TrajectoryDisplay.from_estimator(pipeline, bank.data, segment=deeper, ax=three_of_four())
within.legend_.set_title("third trait")
within.legend_.set_in_layout(False)

# %%
# Each type ends in a place of its own, because the networks were trained to separate the types.
# Inside a segment the second traits overlap more, and the third traits most. You can measure how
# far the levels of the tree follow the ranks of the traits:

from skspend.metrics import hierarchy_agreement

agreement = hierarchy_agreement(segment.level_labels_, scores, n_permutations=20, random_state=0)
print(agreement[["level", "ami", "baseline", "p_value"]].round(3).to_string(index=False))

# %%
# The top level agrees with the dominant trait, with an adjusted mutual information of 0.74. At the
# second and third level it is 0.18 and 0.09. This is more than in any of 20 shuffles, but little.
# Do not read the name of an inner segment as the rank of a trait of its customers. All figures are
# for customers of the fit; :doc:`/measured` has those for held-out customers.
#
# Next: :ref:`sphx_glr_gallery_plot_hierarchy.py`, the whole tree at once.
