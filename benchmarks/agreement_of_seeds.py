"""How well seeds agree on the segments of customers of the fit, and of held-out customers.

    python benchmarks/agreement_of_seeds.py

The script prints the mean adjusted Rand index of every pair of seeds at the top level, and the
adjusted mutual information with the computed types. Both are measured for the customers of the fit
and for held-out customers. The data are the bundled households, and a synthetic bank in which a
fifth of the categories has a coefficient. Networks are compared by what they read:
``objective="y"`` learns the same types from all categories. On the bank with all coefficients,
numbers of units are compared.
"""

from itertools import combinations

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.model_selection import train_test_split

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
)
from skspend.datasets import load_complete_journey, make_spending
from skspend.personality import personality_types

NETWORKS = (3, ()), (5, ()), (8, ()), (5, (8,))
SIZES = {600: 6, 2000: 6, 10_000: 4}
"""Customers of the fit, and seeds."""
READ = {"type": "those with a coefficient", "y": "all"}
"""Objectives, and the categories that the network reads."""
SETTINGS = {"state_noise": 0.2}, {"l2": 0.001}, {"n_init": 64}, {"n_units": 8}
"""What else may help households that the network has not seen."""


def compare(name, fitted, others, scorer, n_seeds, objective="type", **parameters):
    """Print how well seeds agree, and how near to the types they are."""
    scorer = scorer.fit(fitted)
    types = [personality_types(scorer.transform(panel)) for panel in (fitted, others)]
    told = [], []
    for seed in range(n_seeds):
        states = LSTMStateExtractor(
            objective=objective, scorer=scorer, random_state=seed, **parameters
        )
        clusterer = TrajectoryClusterer(max_depth=1, random_state=seed)
        told[0].append(clusterer.fit_predict(states.fit_transform(fitted, types[0])))
        told[1].append(clusterer.predict(states.transform(others)))
    agreement = [
        np.mean([adjusted_rand_score(*pair) for pair in combinations(runs, 2)]) for runs in told
    ]
    information = [
        np.mean([adjusted_mutual_info_score(truth, run) for run in runs])
        for truth, runs in zip(types, told, strict=True)
    ]
    print(
        f"{name}: agreement {agreement[0]:.2f}, of others {agreement[1]:.2f}; "
        f"with the types {information[0]:.2f}, of others {information[1]:.2f}",
        flush=True,
    )


def main():
    households = load_complete_journey()
    spend = SpendingAggregator(period=2, n_periods=6)
    panel = spend.fit_transform(households.data)
    panel = panel[spend.active_periods_ == 6]
    fitted, others = train_test_split(panel, test_size=0.2, random_state=0)
    scorer = BigFivePersonalityScorer(aliases=households.aliases)
    for objective, read in READ.items():
        name = f"{len(fitted):,} households, 6 units, categories read: {read}"
        compare(name, fitted, others, scorer, 6, objective, n_units=6)
    for setting in SETTINGS:
        name = ", ".join(f"{name}={value}" for name, value in setting.items())
        compare(f"  {name}", fitted, others, scorer, 6, **({"n_units": 6} | setting))
    bank = make_spending(12_000, random_state=1)
    others = bank.data[10_000:]
    scorer = BigFivePersonalityScorer(bank.coefficients.iloc[::5])
    for size in SIZES:
        for objective, read in READ.items():
            name = f"{size:,} customers, 5 units, categories read: {read}"
            compare(name, bank.data[:size], others, scorer, 3, objective, n_units=5)
    scorer = BigFivePersonalityScorer(bank.coefficients)
    for size, n_seeds in SIZES.items():
        for n_units, hidden_units in NETWORKS:
            compare(
                f"{size:,} customers, {n_units} units {hidden_units or ''}".rstrip(),
                bank.data[:size],
                others,
                scorer,
                n_seeds,
                n_units=n_units,
                hidden_units=hidden_units,
            )


if __name__ == "__main__":
    main()
