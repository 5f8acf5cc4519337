"""Whether segments without traits find archetypes of customers, beside k-means.

Four synthetic banks, new for every seed: archetypes with life events, archetypes
that visit few of many merchants, archetypes that prefer baskets of categories, and `make_spending`,
whose log shares are linear in traits and which has no archetypes: there, the types of the latent
traits are what is to be found. Everything is fitted on 3,000 customers. The table has the adjusted
mutual information (AMI) of the segments of 2,000 others with the archetypes: 0 by chance.

k-means is given as many parts as the top level of the chosen tree has segments, 6. "best" is the
best of 4, 6, 8 and 12 parts, which only those know who have the archetypes. "behind" counts the
seeds in which a method is not ahead of the chosen tree.

A second table is about the number of segments at the top: the AMI, and the adjusted Rand index
(ARI) of two fits to customers drawn with replacement, on those whom neither has seen.

    python benchmarks/without_traits.py [--seeds 5] [--first 100] [--fitted 3000] [--networks]
"""

import warnings

import click
import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from skspend import (
    FactorStateExtractor,
    LSTMStateExtractor,
    SpendingFactors,
    TrajectoryClusterer,
)
from skspend.datasets import make_spending
from skspend.panel import Panel, fold, make_frame
from skspend.personality import encode_types

N_HELD_OUT = 2000
N_ARCHETYPES = 8
N_TOP = 6
PARTS = 4, 6, 8, 12
CHOSEN = f"tree of {N_TOP}, factor states, top"
NUMBERS = 3, 4, 5, 6, 8, 10, 12


def draw_archetypes(n, rng):
    """The archetype of each customer; some are three times as frequent as others."""
    weights = rng.uniform(1, 3, N_ARCHETYPES)
    return rng.choice(N_ARCHETYPES, n, p=weights / weights.sum())


def make_events(n, rng, n_periods=6, n_categories=60):
    """Archetypes who like 8 categories of their own, and change what they buy at an event.

    There are three kinds of event, such as a child or a move, in any archetype. Half of the
    customers have one. It changes six budgets by a factor of six, from then on.
    """
    archetypes = draw_archetypes(n, rng)
    budgets = np.ones((N_ARCHETYPES, n_categories))
    for own in budgets:
        own[rng.choice(n_categories, 8, replace=False)] = 2.5
    budgets *= rng.permutation(1 / np.arange(1, n_categories + 1) ** 0.8)
    events = np.ones((3, n_categories))
    for event in events:
        changed = rng.choice(n_categories, 6, replace=False)
        event[changed] = [6, 6, 6, 6, 1 / 6, 1 / 6]
    odds = -np.log(1 - np.clip(rng.beta(2, 1.5, n_categories), 0.1, 0.97))
    breadth = np.exp(rng.normal(0, 0.4, (n, 1)))
    buys = rng.random((n, n_categories)) < 1 - np.exp(-odds * breadth)
    taste = np.exp(rng.normal(0, 0.9, (n, n_categories)))
    spent = (budgets[archetypes] * taste * buys)[:, None]
    spent = spent * np.exp(rng.normal(0, 0.6, (n, n_periods, n_categories)))
    starts = rng.integers(1, 2 * n_periods, n)
    is_after = np.arange(n_periods) >= starts[:, None]
    kinds = rng.integers(0, len(events), n)
    spent *= np.where(is_after[:, :, None], events[kinds][:, None], 1)
    spent *= rng.random(spent.shape) < 0.85
    income = 30_000 * np.exp(rng.normal(0, 0.5, (n, 1, 1)))
    totals = np.maximum(spent.sum(axis=2, keepdims=True), 1e-9)
    return spent / totals * income * rng.uniform(0.3, 0.9, (n, n_periods, 1)), archetypes


def make_merchants(n, rng, n_periods=25, n_categories=100):
    """Archetypes who know few of many merchants, and pay amounts with a heavy tail.

    Each archetype is four times as likely to know each of ten merchants. Some customers know many
    merchants, others few.
    """
    archetypes = draw_archetypes(n, rng)
    popularity = rng.permutation(1 / np.arange(1, n_categories + 1) ** 1.1)
    chances = np.tile(14 * popularity / popularity.sum(), (N_ARCHETYPES, 1))
    for own in chances:
        own[rng.choice(n_categories, 10, replace=False)] *= 4
    breadth = np.exp(rng.normal(0, 0.5, (n, 1)))
    knows = rng.random((n, n_categories)) < np.minimum(chances[archetypes] * breadth, 0.95)
    rates = knows * rng.gamma(0.5, 1, (n, n_categories))
    visits = rng.poisson(np.repeat(rates[:, None], n_periods, axis=1))
    prices = np.exp(rng.normal(3, 1, n_categories))
    wealth = np.exp(rng.normal(0, 0.5, (n, 1, 1)))
    return visits * prices * rng.pareto(1.5, visits.shape) * wealth, archetypes


def make_baskets(n, rng, n_periods=12, n_categories=80, n_baskets=12):
    """Archetypes who prefer some of twelve baskets; every payment comes out of one of them."""
    archetypes = draw_archetypes(n, rng)
    baskets = rng.dirichlet(np.full(n_categories, 0.12), n_baskets)
    own = rng.dirichlet(np.full(n_baskets, 0.35), N_ARCHETYPES)
    common = rng.dirichlet(np.full(n_baskets, 2.0))
    preferred = 3 * (0.35 * own + 0.65 * common) + 1e-3
    mixes = np.array([rng.dirichlet(preferred[archetype]) for archetype in archetypes]) @ baskets
    n_payments = rng.poisson(np.repeat(rng.gamma(2, 4, (n, 1)), n_periods, axis=1))
    mixes = np.repeat((mixes / mixes.sum(axis=1, keepdims=True))[:, None], n_periods, axis=1)
    spent = rng.multinomial(n_payments, mixes) * np.exp(rng.normal(3, 0.8, n_categories))
    spent = spent * np.exp(rng.normal(0, 0.7, spent.shape))
    return spent * np.exp(rng.normal(0, 0.4, (n, 1, 1))), archetypes


def make_log_linear(n, rng):
    """The bank of the package, with the types of the latent traits."""
    bank = make_spending(n, random_state=rng)
    spent = fold(bank.data.to_numpy(float), 6) * bank.income.to_numpy()[:, :, None]
    return spent, encode_types(bank.traits)


BANKS = {
    "events": make_events,
    "merchants": make_merchants,
    "baskets": make_baskets,
    "log-linear": make_log_linear,
}


def last(states, n_periods):
    """The states at the last period."""
    return fold(np.asarray(states), n_periods)[:, -1]


def run(spent, seed, n_fitted, *, networks):
    """Labels of the held-out customers by method: one for all numbers of parts, or each."""
    n_periods = spent.shape[1]
    totals = spent.sum(axis=2, keepdims=True)
    shares = make_frame(Panel(spent / np.where(totals > 0, totals, 1)))
    logs = make_frame(Panel(np.log1p(spent)))
    train, test = slice(0, n_fitted), slice(n_fitted, None)
    labels = {}

    def divide(name, states, n_top=None):
        tree = TrajectoryClusterer(n_top=n_top, random_state=seed)
        tree.fit(states[train])
        levels = tree.predict_levels(states[test])
        labels[f"{name}, top"], labels[f"{name}, leaves"] = levels[:, 0], levels[:, -1]

    def average(name, states):
        labels[name] = [
            KMeans(n, n_init=5, random_state=seed).fit(states[train]).predict(states[test])
            for n in PARTS
        ]

    amounts = np.log1p(spent.sum(axis=1))
    average("k-means, log amounts", amounts)
    average("k-means, log amounts scaled", StandardScaler().fit_transform(amounts))
    factors = SpendingFactors().fit(shares[train]).transform(shares).to_numpy()
    average("k-means, SpendingFactors", factors)
    divide("tree, SpendingFactors", factors)
    extractor = FactorStateExtractor().fit(shares[train])
    states = extractor.transform(shares)
    average("k-means, factor states", last(states, n_periods))
    divide("tree, factor states", states)
    divide(f"tree of {N_TOP}, factor states", states, N_TOP)
    inputs = {"shares": shares, "log amounts": logs, "factor states": states}
    for name, panel in inputs.items() if networks else ():
        encoder = LSTMStateExtractor(objective="reconstruct", random_state=seed)
        encoded = encoder.fit(panel[train]).transform(panel)
        average(f"k-means, autoencoders of {name}", last(encoded, n_periods))
        divide(f"tree, autoencoders of {name}", encoded)
    return labels


def measure(bank, seed, n_fitted, *, networks):
    """A row for each method."""
    rng = np.random.default_rng(seed)
    spent, archetypes = BANKS[bank](n_fitted + N_HELD_OUT, rng)
    held_out = archetypes[n_fitted:]
    for method, labels in run(spent, seed, n_fitted, networks=networks).items():
        row = {"bank": bank, "seed": seed, "method": method}
        if isinstance(labels, list):
            scores = [adjusted_mutual_info_score(held_out, found) for found in labels]
            yield row | {"AMI": scores[PARTS.index(N_TOP)], "best": max(scores)}
        else:
            score = adjusted_mutual_info_score(held_out, labels)
            yield row | {"AMI": score, "segments": len(np.unique(labels))}


def measure_numbers(bank, seed, n_fitted):
    """A row for each number of segments at the top."""
    rng = np.random.default_rng(seed)
    spent, archetypes = BANKS[bank](n_fitted + N_HELD_OUT, rng)
    panel, held_out = make_frame(Panel(spent)), slice(n_fitted, None)
    fits = []
    for _ in range(2):
        drawn = panel.iloc[rng.integers(n_fitted, size=n_fitted)]
        extractor = FactorStateExtractor().fit(drawn)
        fits.append((extractor.transform(drawn), extractor.transform(panel[held_out])))
    for n in NUMBERS:
        found = [
            TrajectoryClusterer(1, n_top=n, random_state=seed).fit(drawn).predict(others)
            for drawn, others in fits
        ]
        scores = [adjusted_mutual_info_score(archetypes[held_out], labels) for labels in found]
        yield {"segments": n, "AMI": np.mean(scores), "ARI": adjusted_rand_score(*found)}


@click.command()
@click.option("--seeds", default=5, show_default=True)
@click.option("--first", default=100, show_default=True, help="The first seed.")
@click.option("--fitted", default=3000, show_default=True, help="Customers to fit.")
@click.option("--networks", is_flag=True, help="Also autoencoders, which take most of the time.")
def main(seeds, first, fitted, networks):
    """Print the table."""
    # Each seed is a bank of its own, and most have a category that few customers buy.
    warnings.filterwarnings("ignore", message=".*converge")
    for bank in BANKS:
        drawn = range(first, first + seeds)
        rows = [row for seed in drawn for row in measure(bank, seed, fitted, networks=networks)]
        table = pd.DataFrame(rows).drop(columns="bank").groupby("method", sort=False)
        means = table.mean().drop(columns="seed")
        means["lowest"], means["highest"] = table["AMI"].min(), table["AMI"].max()
        by_seed = pd.DataFrame(rows).pivot(index="seed", columns="method", values="AMI")
        means["behind"] = (by_seed.le(by_seed[CHOSEN], axis=0)).sum()
        click.echo(f"\n{bank}\n{means.round(3).to_string(na_rep='')}")
        rows = [row for seed in drawn for row in measure_numbers(bank, seed, fitted)]
        numbers = pd.DataFrame(rows).groupby("segments").mean()
        click.echo(f"\n{numbers.T.round(3).to_string()}")


if __name__ == "__main__":
    main()
