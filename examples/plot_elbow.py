"""
How many units: the elbow
=========================

More units tell more types, and from some number on hardly more. Maree & Omlin (2021) find the
elbow at three units. `GridSearchCV` with `refit=elbow("n_units")` finds it by cross-validation.
"""

# %%
# A synthetic bank, and one to seven units on three folds of its customers.

from sklearn.model_selection import GridSearchCV

from skspend import BigFivePersonalityScorer, LSTMStateExtractor
from skspend.datasets import make_spending
from skspend.model_selection import elbow, elbow_curve
from skspend.plotting import ElbowDisplay

bank = make_spending(3000, random_state=0)
states = LSTMStateExtractor(
    scorer=BigFivePersonalityScorer(bank.coefficients), epochs=40, random_state=0
)
search = GridSearchCV(states, {"n_units": range(1, 8)}, cv=3, refit=elbow("n_units"))
search.fit(bank.data)
print(elbow_curve(search.cv_results_, "n_units").round(3).to_string(index=False))

# %%
# The ring is at the elbow; the intervals are those of the mean over the folds.

display = ElbowDisplay.from_cv_results(search, score_name="accuracy on customers not seen")

# %%
# On these 3,000 customers the elbow is at three, as in the paper: up to there a unit adds .12 to
# the accuracy, and after it .06 or less. Yet seven units tell .58 of the types, and three tell .43.
# The elbow is no constant: on 26,000 customers it is at five, and on the bundled households it
# moves between three and five with the seed (:doc:`/measured`). It says where returns diminish, not
# how many units are right: for segments, look at how well two seeds agree as well.
#
# Next: :ref:`sphx_glr_gallery_plot_stability.py`.
