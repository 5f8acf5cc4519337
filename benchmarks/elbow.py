"""The number of units that the elbow chooses, in searches and with the paper's own protocol.

First, `GridSearchCV` over 1 to 8 units in five folds, with the elbow as its refit rule, for the
paper's LSTM that predicts types. It runs on the bundled households that shop in all periods, and on
a synthetic bank.

With ``--networks``, the paper's protocol on the bank (section III-A: 80 % for training, 20 % for
validation, 20 experiments, 95 % intervals) for its four networks: feed-forward and recurrent,
predictor (accuracy) and autoencoder (R2 over all cells), without noise and penalties.

    python benchmarks/elbow.py [--networks] [--pictures docs/images]
"""

import time
import warnings
from pathlib import Path

import click
import pandas as pd
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skspend import BigFivePersonalityScorer, LSTMStateExtractor, SpendingAggregator
from skspend.datasets import load_complete_journey, make_spending
from skspend.model_selection import elbow, elbow_curve
from skspend.plotting import ElbowDisplay
from skspend.study._elbow import elbow_study, elbow_table

UNITS = range(1, 9)


def search_households(jobs):
    """On the log itself, so that every fold aggregates its own households."""
    households = load_complete_journey()
    log = households.data
    spend = SpendingAggregator(period=2, n_periods=6)
    scorer = BigFivePersonalityScorer(aliases=households.aliases)
    pipeline = Pipeline(
        [("spend", spend), ("states", LSTMStateExtractor.paper(scorer=scorer, random_state=0))]
    )
    grid = {"states__n_units": UNITS}
    search = GridSearchCV(pipeline, grid, cv=5, refit=elbow("states__n_units"), n_jobs=jobs)
    return search.fit(log[spend.fit(log).active_periods_ == 6])


def search_bank(customers, jobs):
    """On a panel of shares of income."""
    bank = make_spending(customers, random_state=0)
    scorer = BigFivePersonalityScorer(bank.coefficients)
    states = LSTMStateExtractor.paper(scorer=scorer, random_state=0)
    search = GridSearchCV(states, {"n_units": UNITS}, cv=5, refit=elbow("n_units"), n_jobs=jobs)
    return search.fit(bank.data)


def curve_of_search(search):
    """The curve, and the number of units at its elbow."""
    (param,) = search.best_params_
    return elbow_curve(search.cv_results_, param), search.best_params_[param]


def curves_of_networks(customers, jobs, repetitions):
    """The curve and the elbow of each of the paper's networks, by name."""
    bank = make_spending(customers, random_state=0)
    scorer = BigFivePersonalityScorer(bank.coefficients)
    results = elbow_study(
        bank.data, scorer=scorer, units=UNITS, repetitions=repetitions, n_jobs=jobs
    )
    table = elbow_table(results).rename(columns={"units": "value"})
    return {
        name: (curve, curve.loc[curve["is_elbow"], "value"].item())
        for name, curve in table.groupby("network", sort=False)
    }


def report(name, curve, chosen, pictures):
    """Print a curve, draw it, and return its row of the table."""
    click.echo(f"\n{name}: {chosen} units")
    click.echo(curve[["value", "score", "low", "high"]].round(4).to_string(index=False))
    if pictures:
        score_name = "R2" if "autoencoder" in name else "accuracy of the type"
        display = ElbowDisplay(curve, float(chosen), "n_units").plot(score_name=score_name)
        display.figure_.savefig(pictures / f"elbow-{name.replace(' ', '-')}.png")
    cells = {
        f"{row.value:g}": f"{row.score:.3f} ± {(row.high - row.low) / 2:.3f}"
        for row in curve.itertuples()
    }
    return {"network": name, "elbow": chosen, **cells}


@click.command()
@click.option("--customers", default=26000, show_default=True)
@click.option("--jobs", default=2, show_default=True)
@click.option("--networks", is_flag=True, help="The paper's protocol for its four networks.")
@click.option("--repetitions", default=20, show_default=True, help="Of the paper's protocol.")
@click.option("--pictures", type=click.Path(path_type=Path), help="Folder for the elbows.")
def main(customers, jobs, networks, repetitions, pictures):
    """Print the curves."""
    warnings.simplefilter("ignore", UserWarning)
    rows = []
    if networks:
        curves = curves_of_networks(customers, jobs, repetitions)
        rows = [report(name, *curve, pictures) for name, curve in curves.items()]
    else:
        for name, search in {
            "households": lambda: search_households(jobs),
            "bank": lambda: search_bank(customers, jobs),
        }.items():
            started = time.perf_counter()
            curve = curve_of_search(search())
            seconds = time.perf_counter() - started
            rows.append(report(name, *curve, pictures) | {"seconds": round(seconds)})
    click.echo("\n" + pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
