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
# year, full where the dominant trait is high, and hollow where it is low.

everybody = TrajectoryDisplay.from_estimator(pipeline, bank.data)

# %%
# The largest segment, by the second most dominant trait of its customers.

scores = states.scorer_.transform(bank.data)
names = name_segments(segment, None, scores)
tree = segment.tree_
top = tree.loc[tree["parent"] == 0, "size"].idxmax()
print(f"{names[top]}: {tree.loc[top, 'size']:,} customers")
inside = TrajectoryDisplay.from_estimator(pipeline, bank.data, segment=top)

# %%
# And the largest segment inside it, by the third.

deeper = tree.loc[tree["parent"] == top, "size"].idxmax()
print(f"{names[top]} > {names[deeper]}: {tree.loc[deeper, 'size']:,} customers")
inside_that = TrajectoryDisplay.from_estimator(pipeline, bank.data, segment=deeper)

# %%
# At the top the colours lie apart: the network was trained to hold them apart. Inside a segment
# they mix. How far the levels of the tree follow the ranks of the traits can be measured:

from skspend.metrics import hierarchy_agreement

agreement = hierarchy_agreement(segment.level_labels_, scores, n_permutations=20, random_state=0)
print(agreement[["level", "ami", "baseline", "p_value"]].round(3).to_string(index=False))

# %%
# The top level agrees with the dominant trait. Below it the agreement is more than chance, and
# weak: do not read the name of an inner segment as the rank of a trait of its customers.
#
# Next: :ref:`sphx_glr_gallery_plot_hierarchy.py`, the whole tree at once.
