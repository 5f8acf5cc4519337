"""What the eight networks of today cost, beside the single network that was the default before.

Both are fitted on the same 80 % of a synthetic bank and run over all of it, in turns. The script
prints the fastest time of each, and its ratios: of the training, of the states of all customers,
and of the tree on top of them. The tree is fast where it finds that nothing divides.

    python benchmarks/cost.py [--customers 26000] [--repeats 2]
"""

import time
import warnings

import click
import pandas as pd
from sklearn.model_selection import train_test_split

from skspend import BigFivePersonalityScorer, LSTMStateExtractor, TrajectoryClusterer
from skspend.datasets import make_spending

FORMER = {
    "hidden_units": (),
    "n_networks": 1,
    "inputs": "categories",
    "n_ranks": 1,
    "step_penalty": 0.1,
    "epochs": 100,
    "n_init": 4,
}


def timed(function, *args):
    started = time.perf_counter()
    result = function(*args)
    return time.perf_counter() - started, result


def measure(settings, scorer, fitted, everybody):
    """Seconds of the steps of one fit."""
    states = LSTMStateExtractor(scorer=scorer, random_state=0, **settings)
    training, _ = timed(states.fit, fitted)
    running, _ = timed(states.transform, everybody)
    tree, found = timed(TrajectoryClusterer(random_state=0).fit, states.transform(fitted))
    n_leaves = int((found.tree_["label"] >= 0).sum())
    return {"training": training, "states": running, "tree": tree, "leaves": n_leaves}


@click.command()
@click.option("--customers", default=26_000, show_default=True)
@click.option("--repeats", default=2, show_default=True)
def main(customers, repeats):
    """Print the table."""
    warnings.simplefilter("ignore", UserWarning)
    bank = make_spending(customers, 6, random_state=0)
    scorer = BigFivePersonalityScorer(bank.coefficients)
    fitted, _ = train_test_split(bank.data, test_size=0.2, random_state=0)
    settings = {
        "3 units, 1 network": {"n_units": 3} | FORMER,
        "6 units, 1 network": {"n_units": 6} | FORMER,
        "default": {},
    }
    rows = [
        {"network": name} | measure(chosen, scorer, fitted, bank.data)
        for _ in range(repeats)
        for name, chosen in settings.items()
    ]
    table = pd.DataFrame(rows).groupby("network", sort=False).min()
    click.echo(table.round(2).to_string())
    ratios = table.loc["default"] / table.drop("default")
    click.echo("\nthe default, as a multiple of\n" + ratios.round(2).to_string())


if __name__ == "__main__":
    main()
