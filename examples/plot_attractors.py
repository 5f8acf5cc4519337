"""
Where households go if they go on like this
===========================================

Each period of spending moves the state of a household. If the last period repeats for ever, most
states come to rest at an attractor. Is it in the household's segment of today? And which change of
spending would lead to another one?
"""

# %%
# The pipeline is that of :ref:`sphx_glr_gallery_plot_hierarchy.py`, for the households that shop in
# all six periods of two months.

from sklearn.pipeline import make_pipeline

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.datasets import load_complete_journey
from skspend.inspection import find_attractors, name_segments, smallest_changes
from skspend.plotting import AttractorDisplay

households = load_complete_journey()
spend = SpendingAggregator(period=2, n_periods=6).fit(households.data)
panel = spend.transform(households.data)[spend.active_periods_ == 6]
scorer = BigFivePersonalityScorer(aliases=households.aliases)
pipeline = make_pipeline(
    LSTMStateExtractor(scorer=scorer, random_state=0),
    TrajectoryClusterer(max_depth=1, random_state=0),
).fit(panel)
states, segment = pipeline.named_steps.values()
names = name_segments(segment, None, states.scorer_.transform(panel), panel)

# %%
# Whose attractor lies in the segment of today?

found = find_attractors(pipeline, panel)
customers = found.customers
moves = customers["last_segment"] != customers["segment"]
print(f"{len(panel):,} households, {customers['converged'].mean():.0%} come to rest.")
print(f"{moves.mean():.0%} come to rest in another segment,")
print(f"half of them after {customers.loc[moves, 'periods'].median():.0f} periods or fewer.")
print(f"{len(found.attractors)} common attractors, to which ", end="")
print(f"{(customers['attractor'] >= 0).mean():.0%} of the households go.")

# %%
# The picture shows how some households would go on. The largest attractor is that of the households
# that buy almost nothing in the categories that the network reads.

display = AttractorDisplay(**found, names=names).plot()

# %%
# Does the last period alone decide where a household goes? Here everybody gets the last period of
# the first household, and keeps the earlier periods.

same = panel.copy()
last_period = [name for name in panel if name.startswith("period6|")]
same[last_period] = panel[last_period].iloc[0].to_numpy()
shared = find_attractors(pipeline, same)
print(f"{len(shared.attractors)} common attractors, ", end="")
print(f"in {shared.attractors['segment'].nunique()} segments, ", end="")
print(f"for {(shared.customers['attractor'] >= 0).mean():.0%} of the households.")

# %%
# Which smallest change of one category in the last period leads to an attractor in another segment?
# The search takes longer, so it is run for twenty households.

changes = smallest_changes(pipeline, panel.head(20))
difference = (changes["new_share"] - changes["share"]).abs()
print(f"{changes['category'].notna().sum()} of 20 have such a change.")
print(f"Half of the changes are at most {difference.median():.1%} of the spending.")
named = changes.replace({"segment": names, "new_segment": names}).head(5)
print(named.drop(columns="deviations").round(4).to_string())

# %%
# By the map of the networks, 50 % of the households are on their way to another segment. The
# earlier periods matter little: with the same last period, all households go to one segment. And
# the networks are easily led elsewhere: for each of the twenty households, one category is enough,
# and half of them need no more than 0.3 % of the spending of two months. Attractors describe the
# networks. They were trained on six periods, and some attractors are hundreds of periods away, so
# they are no forecast.
#
# Next: :ref:`sphx_glr_gallery_plot_fairness.py`, who is in the segments.
