"""Whether segments follow the traits, level by level, and whether they are stable.

`trajectory_study` runs on a synthetic bank with three units, and on the bundled households with
six. In addition to its own networks there is a larger network with a stronger penalty on steps.
States of single periods, which have no memory, are also tried as means of the periods so far.

    python benchmarks/segments.py [--customers 26000] [--seeds 2] [--jobs 2]
"""

import warnings

import click
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
)
from skspend.datasets import load_complete_journey, make_spending
from skspend.study import paper_networks, trajectory_study
from skspend.study._states import EachPeriod, mean_so_far

N_PERIODS = 6


def extractors(n_units):
    """Those of the study and more, by name."""
    networks = paper_networks(n_units)
    by_period = {
        "PCA": EachPeriod(make_pipeline(StandardScaler(), PCA(n_units))),
        **{name: networks[name] for name in networks if name.startswith("feed-forward")},
    }
    return {
        **networks,
        "recurrent predictor, 8 hidden": LSTMStateExtractor(
            n_units, hidden_units=(8,), step_penalty=0.2
        ),
        **{
            f"{name}, mean so far": make_pipeline(states, FunctionTransformer(mean_so_far))
            for name, states in by_period.items()
        },
    }


@click.command()
@click.option("--customers", default=26000, show_default=True)
@click.option("--seeds", default=2, show_default=True)
@click.option("--jobs", default=2, show_default=True)
def main(customers, seeds, jobs):
    """Print the tables."""
    warnings.simplefilter("ignore", UserWarning)
    bank = make_spending(customers, random_state=0)
    households = load_complete_journey()
    spend = SpendingAggregator(period=2, n_periods=N_PERIODS).fit(households.data)
    panel = spend.transform(households.data)[spend.active_periods_ == N_PERIODS]
    for seed in range(seeds):
        for name, X, scorer, n_units in (
            ("Bank", bank.data, BigFivePersonalityScorer(bank.coefficients), 3),
            ("Households", panel, BigFivePersonalityScorer(aliases=households.aliases), 6),
        ):
            study = trajectory_study(
                X,
                scorer=scorer,
                n_units=n_units,
                extractors=extractors(n_units),
                n_jobs=jobs,
                random_state=seed,
            )
            click.echo(f"\n{name}, {len(X):,}, seed {seed}")
            click.echo(study.round(3).to_string(index=False, na_rep=""))


if __name__ == "__main__":
    main()
