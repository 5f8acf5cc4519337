"""
Few labels: the paper's Tables 1 and 2
======================================

Maree & Omlin (2021) predict default and liquidity from 100 labels. They compare two identical
networks: one pretrained and frozen, with a head of five weights, and one trained from random
weights. This example is a small repetition on a synthetic bank.
"""

# %%
# The full study, ``skspend study``, has 26,000 customers, 20 repetitions, feed-forward networks,
# other baselines and real loans (:doc:`/study/claims`). This example has 6,000 customers, ten
# repetitions and only recurrent networks.
#
# The bodies are pretrained on 3,000 customers without labels. They learn to predict personality
# types, as in the paper, or spending factors, which skspend adds.

from skspend import BigFivePersonalityScorer, LSTMStateExtractor, SpendingFactors
from skspend.datasets import make_spending
from skspend.study import transfer_models, transfer_study, transfer_table

bank = make_spending(6000, random_state=0)
unlabelled, labelled = bank.data[:3000], bank.data[3000:]
scorer = BigFivePersonalityScorer(bank.coefficients)
on_types = LSTMStateExtractor.paper(4, scorer=scorer, random_state=0).fit(unlabelled)
factors = SpendingFactors().fit_transform(unlabelled)
on_factors = LSTMStateExtractor.paper(4, objective="y", random_state=0).fit(unlabelled, factors)

models = transfer_models(
    {"types": on_types, "factors": on_factors},
    kinds=["pretrained", "pretrained, ridge", "random"],
    unlabelled=unlabelled,
)
chosen = {
    "pretrained on types": "types, pretrained",
    "pretrained on factors": "factors, pretrained, ridge",
    "random weights": "types, random",
    "mean of the labels": "mean",
}
models = {name: models[kind] for name, kind in chosen.items()}

# %%
# In each of ten repetitions the models are fitted on 100 labelled customers, and the error is
# measured on 2,000 others.

labels = {"default": bank.default[3000:], "liquidity": bank.liquidity[3000:]}
study = transfer_study(
    labelled, labels, models, sizes=[100], repetitions=10, test_size=2000, random_state=0
)
table = transfer_table(study)
columns = ["label", "model", "n_weights", "n_trainable_weights", "mse", "mse_interval", "r2"]
print(table[columns].round(3).to_string(index=False))

# %%
# The picture shows the mean squared error with the 95 % interval of the mean over repetitions, and
# the number of trained weights. The dotted line is the error of the mean of the labels, which uses
# no information about a customer.

import matplotlib.pyplot as plt

from skspend.plotting import TRAIT_COLORS

figure, axes = plt.subplots(2, figsize=(6, 6), layout="constrained")
for ax, (label, rows) in zip(axes, table.groupby("label", sort=False), strict=True):
    rows = rows.set_index("model")
    known_of_nobody = ax.axvline(rows.loc["mean of the labels", "mse"], color="0.4", ls=":")
    shown = rows.drop("mean of the labels")[::-1]
    ax.errorbar(
        shown["mse"],
        range(len(shown)),
        xerr=shown["mse_interval"],
        fmt="o",
        capsize=3,
        color=TRAIT_COLORS["openness"],
    )
    names = [
        f"{name}\ntrained: {row.n_trainable_weights:,.0f} of {row.n_weights:,.0f}"
        for name, row in shown.iterrows()
    ]
    ax.set(title=label, xlabel="mean squared error", yticks=range(len(shown)), yticklabels=names)
    ax.set_ylim(-0.5, len(shown) - 0.5)
    ax.spines[["top", "right"]].set_visible(False)
_ = axes[0].legend([known_of_nobody], ["mean of the labels"], frameon=False, loc="center right")

# %%
# Training 1,637 weights on 100 labels does far worse than the mean of the labels: the error is
# 0.128 against 0.083 for default, and 1.52 against 1.03 for liquidity. The frozen network that was
# pretrained on types, as in the paper, does no better than the mean of the labels, and a little
# worse. If it is pretrained on factors and has a ridge penalty on its head, it does better, with an
# R2 of 0.04 and 0.03. In the paper's tables frozen and random recurrent networks have the same
# error. The paper does not give the error of a constant.
#
# On 596 real loans no frozen network helped (:doc:`/measured`). Try it on your own data before you
# rely on it.
#
# Next: :ref:`sphx_glr_gallery_plot_100_labels.py`, how many labels are needed.
