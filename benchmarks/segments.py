"""Whether segments follow the traits, level by level, and whether they are stable.

`trajectory_study` runs on a synthetic bank and on the bundled households. States of single periods,
which have no memory, are also tried as means of the periods so far.

    python benchmarks/segments.py [--customers 26000] [--seeds 2] [--jobs 2]
"""

import warnings

import click
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skspend import BigFivePersonalityScorer, SpendingAggregator
from skspend.datasets import load_complete_journey, make_spending
from skspend.study import trajectory_study
from skspend.study._states import EachPeriod, compared_networks, mean_so_far

N_PERIODS, UNITS = 6, 3


def extractors():
    """Those of the study and more, by name."""
    networks = compared_networks(UNITS)
    by_period = {
        "PCA": EachPeriod(make_pipeline(StandardScaler(), PCA(UNITS))),
        **{name: networks[name] for name in networks if name.startswith("feed-forward")},
    }
    return {
        **networks,
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
        for name, X, scorer in (
            ("Bank", bank.data, BigFivePersonalityScorer(bank.coefficients)),
            ("Households", panel, BigFivePersonalityScorer(aliases=households.aliases)),
        ):
            study = trajectory_study(
                X,
                scorer=scorer,
                n_units=UNITS,
                extractors=extractors(),
                n_jobs=jobs,
                random_state=seed,
            )
            click.echo(f"\n{name}, {len(X):,}, seed {seed}")
            click.echo(study.round(3).to_string(index=False, na_rep=""))


if __name__ == "__main__":
    main()
