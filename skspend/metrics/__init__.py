"""How trajectories move, how stable segments are, and whether their hierarchy follows the traits.

Trajectories, segments and trait scores come in; a figure for each claim of section IV-A of Maree &
Omlin (2021) comes out. Each of these is also a scorer for searches, which needs no y. The trees of
two fits are compared as well.
"""

from ._drift import population_stability
from ._halves import split_half_segments
from ._hierarchy import hierarchy_agreement
from ._movement import direction_change, temporal_stability
from ._scorers import direction_scorer, hierarchy_scorer, stability_scorer
from ._trees import tree_agreement

__all__ = [
    "direction_change",
    "direction_scorer",
    "hierarchy_agreement",
    "hierarchy_scorer",
    "population_stability",
    "split_half_segments",
    "stability_scorer",
    "temporal_stability",
    "tree_agreement",
]
