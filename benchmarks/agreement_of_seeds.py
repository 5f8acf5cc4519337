"""How well seeds agree on the segments of customers of the fit, and of others, by units.

    python benchmarks/agreement_of_seeds.py

A synthetic bank; the mean adjusted Rand index of every two seeds, at the top level. The others are
2,000 customers whom no network has seen.
"""

from itertools import combinations

import numpy as np
from sklearn.metrics import adjusted_rand_score

from skspend import BigFivePersonalityScorer, LSTMStateExtractor, TrajectoryClusterer
from skspend.datasets import make_spending

NETWORKS = (3, ()), (5, ()), (8, ()), (5, (8,))
SIZES = {600: 6, 2000: 6, 10_000: 4}
"""Customers of the fit, and seeds."""


def agreement(runs):
    """Mean adjusted Rand index of every two runs."""
    return np.mean([adjusted_rand_score(*pair) for pair in combinations(runs, 2)])


def main():
    bank = make_spending(12_000, random_state=1)
    scorer = BigFivePersonalityScorer(bank.coefficients)
    others = bank.data[10_000:]
    for size, n_seeds in SIZES.items():
        fitted = bank.data[:size]
        for n_units, hidden_units in NETWORKS:
            own, held_out = [], []
            for seed in range(n_seeds):
                states = LSTMStateExtractor(
                    n_units, hidden_units=hidden_units, scorer=scorer, random_state=seed
                )
                clusterer = TrajectoryClusterer(max_depth=1, random_state=seed)
                own.append(clusterer.fit_predict(states.fit_transform(fitted)))
                held_out.append(clusterer.predict(states.transform(others)))
            print(
                f"{size:>6,} customers, {n_units} units {hidden_units or ''}: "
                f"{agreement(own):.2f}, others {agreement(held_out):.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
