"""How many households change their top-level segment when the data are disturbed.

`noise_study` runs on the 1,792 bundled households that shop in all periods. The disturbances are
5 % additional customers who spend everything on one category, 20 % of noise on every amount, and
both. The disturbed shares are shares of disturbed amounts.

    python benchmarks/stability.py [--seeds 3] [--step-penalty 0.2] [--jobs 2]
"""

import warnings

import click

from skspend import BigFivePersonalityScorer, LSTMStateExtractor, SpendingAggregator
from skspend.datasets import load_complete_journey
from skspend.study._noise import noise_study

N_PERIODS = 6
OUTLIERS, NOISE = 0.05, 0.2


@click.command()
@click.option("--seeds", default=3, show_default=True)
@click.option("--step-penalty", default=0.25, show_default=True)
@click.option("--jobs", default=2, show_default=True)
def main(seeds, step_penalty, jobs):
    """Print the table."""
    warnings.simplefilter("ignore", UserWarning)
    households = load_complete_journey()
    spend = SpendingAggregator(period=2, n_periods=N_PERIODS).fit(households.data)
    study = noise_study(
        spend.transform(households.data)[spend.active_periods_ == N_PERIODS],
        scorer=BigFivePersonalityScorer(aliases=households.aliases),
        extractor=LSTMStateExtractor(step_penalty=step_penalty),
        noise=[0, NOISE],
        outliers=[0, OUTLIERS],
        repetitions=seeds,
        n_jobs=jobs,
    )
    disturbed = study[(study["noise"] > 0) | (study["outliers"] > 0)]
    by_kept = disturbed.pivot_table("changed", ["noise", "outliers", "repetition"], "kept")
    click.echo(by_kept.round(3).to_string())
    click.echo(by_kept.groupby(["noise", "outliers"]).mean().round(3).to_string())


if __name__ == "__main__":
    main()
