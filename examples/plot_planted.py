"""
Planted segments are found again
================================

The true segments of real customers are not known. `make_trajectories` plants segments, with
segments inside them and customers who belong to no segment. The clusterer has to find the segments,
their number and the outliers.
"""

# %%
# There are ten main directions, three segments inside each and three inside each of these: 90 in
# all. 5 % of the customers are outliers.

import pandas as pd
from sklearn.metrics import adjusted_mutual_info_score, average_precision_score

from skspend import TrajectoryClusterer
from skspend.datasets import make_trajectories

planted = make_trajectories(10_000, random_state=0)
clusterer = TrajectoryClusterer(max_depth=3, random_state=0)
clusterer.fit(planted.data)
print(clusterer.tree_.groupby("depth").size().to_string())

# %%
# Agreement with the planted segments, level by level, for the customers who belong to one.

belongs = ~planted.is_outlier
for level in range(3):
    found = clusterer.level_labels_[belongs, level]
    agreement = adjusted_mutual_info_score(planted.levels[belongs, level], found)
    print(f"level {level + 1}: {agreement:.3f}")
precision = average_precision_score(planted.is_outlier, clusterer.outlier_scores_)
print(f"outliers, average precision: {precision:.3f}")

# %%
# The picture shows the state of each customer in the last period, in the colour of the top-level
# segment that was found. These segments have no trait. Crosses are customers who belong to no
# segment.

import matplotlib.pyplot as plt

ends = planted.data[:, -1]
top = pd.factorize(clusterer.level_labels_[:, 0])[0]
colors = plt.get_cmap("tab10")(top[belongs])
figure, ax = plt.subplots(figsize=(6, 5.8), layout="constrained")
ax.scatter(*ends[~belongs, :2].T, marker="x", color="0.55", s=25, lw=0.6, label="no segment")
ax.scatter(*ends[belongs, :2].T, c=colors, s=3, label="in a segment")
ax.set(xlabel="state 0", ylabel="state 1", aspect="equal")
ax.spines[["top", "right"]].set_visible(False)
_ = figure.legend(markerscale=1.5, frameon=False, loc="outside lower center", ncols=2)

# %%
# The clusterer finds all ten segments and all ninety of the lowest level. It finds 29 of the thirty
# between them: the three parts of the other one are found a level earlier, so that the tree has 32
# segments there. It finds the outliers with an average precision of 0.997. Planted segments are
# separate by construction. Real segments are not: on the synthetic bank and on real households
# segments touch. :doc:`/measured` has the results for them.
#
# Next: :ref:`sphx_glr_gallery_plot_coverage.py`.
