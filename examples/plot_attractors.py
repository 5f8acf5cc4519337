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
    LSTMStateExtractor(n_units=6, scorer=scorer, random_state=0),
    TrajectoryClusterer(max_depth=1, random_state=0),
).fit(panel)
states, segment = pipeline.named_steps.values()
names = name_segments(segment, None, states.scorer_.transform(panel))

# %%
# Few households are where they would stay.

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
# Which smallest change of one category in the last period leads to an attractor in another segment?
# The search takes longer, so it is run for a hundred households.

changes = smallest_changes(pipeline, panel.head(100))
difference = (changes["new_share"] - changes["share"]).abs()
print(f"{changes['category'].notna().sum()} of 100 have such a change.")
print(f"Half of the changes are at most {difference.median():.1%} of the spending.")
first = changes.head(5).copy()
first["segment"], first["new_segment"] = (first[name].map(names) for name in ("segment", "new_segment"))
columns = ["segment", "category", "share", "new_share", "new_segment"]
print(first[columns].round(4).to_string())
