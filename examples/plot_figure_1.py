"""
Personality is a matter of degree (Fig. 1)
==========================================

Are there types of people, or only more and less of each trait? In Fig. 1 of Maree & Omlin (2021)
customers are coloured by their dominant trait, and the traits overlap like fuzzy clusters. This
example draws the same picture for a synthetic bank, because the paper's data are not public.
"""

# %%
# The synthetic bank has 8,000 customers, six years and 97 categories of spending. It comes with the
# coefficients that its spending was made with.

from skspend import BigFivePersonalityScorer
from skspend.datasets import make_spending

bank = make_spending(8000, random_state=0)
scorer = BigFivePersonalityScorer(bank.coefficients).fit(bank.data)
scores = scorer.transform(bank.data)
print(scores.quantile([0.25, 0.5, 0.75]).round(2).to_string())

# %%
# Scores are standardised by median and quartiles: the median of every trait is 0, and its quartiles
# are as far apart as those of a normal distribution with a standard deviation of 1. The dominant
# trait of a customer is the trait with the highest absolute score. With its sign it is one of ten
# types.

import pandas as pd

from skspend.personality import personality_types

types = pd.Series(personality_types(scores))
print(types.value_counts(normalize=True).round(3).to_string())

# %%
# The picture shows openness against conscientiousness. Customers with low absolute scores in both
# have another dominant trait. Customers far out along one axis have the colour of that trait. The
# dotted lines mark the scores beyond which openness is the dominant trait of most customers.

from skspend.plotting import PersonalityDisplay

display = PersonalityDisplay.from_predictions(scores)
print({sign: round(float(at), 2) for sign, at in display.thresholds_.items()})

# %%
# There is no gap between the colours. Types are regions of one cloud, and a customer near a border
# could have either type. This picture says nothing about how personality is distributed among
# people: the traits of this bank were drawn from a normal distribution, and scores from the
# spending of real people agree with questionnaires only at r = 0.15.
#
# Next: :ref:`sphx_glr_gallery_plot_figure_2.py`, how the same customers move in a state space.
