"""How many units the elbow chooses: searches as a user runs them, and the paper's own protocol.

First `GridSearchCV` over 1 to 8 units in five folds, with the elbow as its refit rule, for the LSTM
that tells types: on the bundled households that shop in all periods, and on a synthetic bank.

With ``--networks``, the paper's protocol on the bank (section III-D: 80 % for training, 20 % for
validation, 20 experiments, 95 % intervals) for its four networks: feed-forward and recurrent,
predictor (accuracy) and autoencoder (R2 over all cells), without noise and penalties.

    python benchmarks/elbow.py [--networks] [--pictures docs/images]
"""

import time
import warnings
from pathlib import Path

import click
import pandas as pd
from sklearn.model_selection import GridSearchCV, ShuffleSplit
from sklearn.pipeline import Pipeline

from skspend import (
    BigFivePersonalityScorer,
    FeedForwardExtractor,
    LSTMStateExtractor,
    SpendingAggregator,
)
from skspend.datasets import load_complete_journey, make_spending
from skspend.model_selection import elbow, elbow_curve
from skspend.plotting import ElbowDisplay

UNITS = range(1, 9)
PAPER_SPLITS = ShuffleSplit(20, test_size=0.2, random_state=0)
NETWORKS = {
    "feed-forward predictor": FeedForwardExtractor(state_noise=0),
    "recurrent predictor": LSTMStateExtractor(state_noise=0, step_penalty=0),
    "feed-forward autoencoder": FeedForwardExtractor(objective="reconstruct"),
    "recurrent autoencoder": LSTMStateExtractor(objective="reconstruct"),
}


def search_households(jobs):
    """On the log itself, so that every fold aggregates its own households."""
    households = load_complete_journey()
    log = households.data
    spend = SpendingAggregator(period=2, n_periods=6)
    scorer = BigFivePersonalityScorer(aliases=households.aliases)
    pipeline = Pipeline(
        [("spend", spend), ("states", LSTMStateExtractor(scorer=scorer, random_state=0))]
    )
    grid = {"states__n_units": UNITS}
    search = GridSearchCV(pipeline, grid, cv=5, refit=elbow("states__n_units"), n_jobs=jobs)
    return search.fit(log[spend.fit(log).active_periods_ == 6])


def search_bank(customers, jobs, states=None, cv=5):
    """On a panel of shares of income."""
    bank = make_spending(customers, random_state=0)
    scorer = BigFivePersonalityScorer(bank.coefficients)
    states = LSTMStateExtractor() if states is None else states
    states.set_params(scorer=scorer, random_state=0)
    search = GridSearchCV(states, {"n_units": UNITS}, cv=cv, refit=elbow("n_units"), n_jobs=jobs)
    return search.fit(bank.data)


def report(name, search, seconds):
    """Print the curve, and return its row of the table."""
    (param,) = search.best_params_
    curve = elbow_curve(search.cv_results_, param)
    chosen = search.best_params_[param]
    click.echo(f"\n{name}: {chosen} units, {seconds:.0f} s")
    click.echo(curve.drop(columns="candidate").round(4).to_string(index=False))
    at = curve.set_index("value")
    cells = {
        f"{value:g}": f"{row.score:.3f} ± {(row.high - row.low) / 2:.3f}"
        for value, row in at.iterrows()
    }
    return {"network": name, "elbow": chosen, **cells}


@click.command()
@click.option("--customers", default=26000, show_default=True)
@click.option("--jobs", default=2, show_default=True)
@click.option("--networks", is_flag=True, help="The paper's protocol for its four networks.")
@click.option("--pictures", type=click.Path(path_type=Path), help="Folder for the elbows.")
def main(customers, jobs, networks, pictures):
    """Print the curves."""
    searches = {}
    if networks:
        for name, states in NETWORKS.items():
            searches[name] = lambda s=states: search_bank(customers, jobs, s, PAPER_SPLITS)
    else:
        searches["households"] = lambda: search_households(jobs)
        searches["bank"] = lambda: search_bank(customers, jobs)
    rows = []
    for name, run in searches.items():
        started = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            search = run()
        rows.append(report(name, search, time.perf_counter() - started))
        if pictures:
            is_accuracy = "autoencoder" not in name
            display = ElbowDisplay.from_cv_results(
                search, score_name="accuracy of the type" if is_accuracy else "R2"
            )
            display.figure_.savefig(pictures / f"elbow-{name.replace(' ', '-')}.png")
    click.echo("\n" + pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
