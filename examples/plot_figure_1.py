"""
Personality is a matter of degree (Fig. 1)
==========================================

Are there types of people, or only more and less of each trait? In Fig. 1 of Maree & Omlin (2021)
customers are coloured by their dominant trait, and the traits overlap like fuzzy clusters. Here
the same picture is drawn of a synthetic bank, as the paper's data are not public.
"""

# %%
# A synthetic bank of 8,000 customers, six years and 97 categories of spending. It comes with the
# coefficients that its spending was made with.

from skspend import BigFivePersonalityScorer
from skspend.datasets import make_spending

bank = make_spending(8000, random_state=0)
scorer = BigFivePersonalityScorer(bank.coefficients).fit(bank.data)
scores = scorer.transform(bank.data)
print(scores.std().round(2).to_string())

# %%
# Scores are standardised, so every trait has a standard deviation of 1. The dominant trait of a
# customer is the one of highest absolute score; with its sign it makes one of ten types.

import pandas as pd

from skspend.personality import personality_types

types = pd.Series(personality_types(scores))
print(types.value_counts(normalize=True).round(3).to_string())

# %%
# Openness against conscientiousness. Customers with little of both have another dominant trait, and
# those far out along one axis are coloured by it. The dotted line marks the score from which on
# openness is the dominant trait of most customers; on the low side of this bank there is no such
# score.

from skspend.plotting import PersonalityDisplay

display = PersonalityDisplay.from_predictions(scores)
print({sign: round(float(at), 2) for sign, at in display.thresholds_.items()})

# %%
# There is no gap between the colours: types are regions of one cloud, and who is near a border may
# be given either name. Nothing here says how personality is distributed among people: the traits of
# this bank were drawn from a normal distribution, and scores from the spending of real people agree
# with questionnaires at r = .15 only.
#
# Next: :ref:`sphx_glr_gallery_plot_figure_2.py`, how the same customers move in a state space.
