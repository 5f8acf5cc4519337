"""
How much of the spending has a coefficient
==========================================

A trait score is a sum over categories that have been rated. A category without a coefficient adds
nothing. The first question about a score is therefore how much of the spending it is based on.
"""

# %%
# The bundled households buy groceries. The coefficients that come with skspend are the 27 publicly
# retrievable directions, and few of them are about groceries.

import pandas as pd

from skspend import BigFivePersonalityScorer, SpendingAggregator
from skspend.datasets import load_complete_journey
from skspend.personality import TRAITS

households = load_complete_journey()
spend = SpendingAggregator(period=12, n_periods=1)
panel = spend.fit_transform(households.data)
scorer = BigFivePersonalityScorer(aliases=households.aliases).fit(panel)
print(f"{scorer.coverage_:.1%} of the spending has a coefficient.")

# %%
# How much of the spending has a coefficient for each trait?

shares = pd.Series(panel.to_numpy().mean(axis=0), spend.categories_)
coefficients = pd.DataFrame(scorer.coefficients_, spend.categories_, TRAITS)
known = coefficients.dropna(how="all").index
covered = {trait: shares[coefficients[trait].notna()].sum() for trait in TRAITS}
print(pd.Series(covered).map("{:.1%}".format).to_string())

# %%
# The picture shows the largest categories with a coefficient, in the colours of the traits that
# they have coefficients for. Above them are the largest categories without a coefficient.

import matplotlib.pyplot as plt

from skspend.plotting import TRAIT_COLORS

silent = shares.drop(known).nlargest(5)[::-1]
speaking = shares[known].nlargest(12)[::-1]
figure, ax = plt.subplots(figsize=(6, 6), layout="constrained")
for at, (category, share) in enumerate(speaking.items()):
    traits = coefficients.loc[category].dropna().index
    for number, trait in enumerate(traits):
        part = share / len(traits)
        ax.barh(at, part, left=number * part, color=TRAIT_COLORS[trait])
above = range(len(speaking) + 1, len(speaking) + 1 + len(silent))
ax.barh(above, silent, color="0.85")
ax.set(
    yticks=[*range(len(speaking)), *above],
    yticklabels=[*speaking.index.str.lower(), *silent.index.str.lower()],
    xlabel="mean share of a household's spending",
)
ax.xaxis.set_major_formatter("{x:.0%}")
ax.spines[["top", "right"]].set_visible(False)
for trait in TRAITS:
    ax.barh(0, 0, color=TRAIT_COLORS[trait], label=trait)
ax.barh(0, 0, color="0.85", label="no coefficient")
_ = ax.legend(frameon=False, loc="lower right")

# %%
# The five largest categories have no coefficient, and no category with a coefficient has one
# hundredth of the spending. The scores of these households depend on pet food, hair care and
# greeting cards. Keep this in mind when you read the name of a segment. A table for your own
# categories (``coefficients=``) can raise the coverage.
#
# Next: :doc:`/howto/coefficients`, and :ref:`sphx_glr_gallery_plot_hierarchy.py`.
