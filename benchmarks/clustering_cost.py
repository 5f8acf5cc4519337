"""How the time and memory of the clusterer grow with the number of customers.

`fit_predict` runs on planted trajectories of 6 periods and 3 states, for 50,000 to a million
customers, each size in its own process. The script prints the exponent of the time. It also prints
the memory added to the earlier peak of the process, as a multiple of the size of the input.

    python benchmarks/clustering_cost.py
"""

import resource
import sys
import time
from multiprocessing import get_context

import click
import numpy as np
from sklearn.utils import gen_batches

from skspend import TrajectoryClusterer
from skspend.datasets import make_trajectories

FEWEST = 50_000
SIZES = (FEWEST, 100_000, 200_000, 500_000, 1_000_000)


def many(customers):
    """Planted trajectories, repeated up to a little noise, without a copy on the way."""
    planted = make_trajectories(FEWEST, random_state=0).data
    trajectories = np.tile(planted, (customers // FEWEST, 1, 1))
    generator = np.random.default_rng(0)
    for block in gen_batches(customers, FEWEST):
        trajectories[block] += generator.normal(scale=0.004, size=planted.shape)
    return trajectories


def peak_bytes():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measure(customers):
    """Seconds to fit and predict, and bytes above what was there, in sizes of the input."""
    TrajectoryClusterer(random_state=0).fit(many(FEWEST)[:2000])
    trajectories = many(customers)
    before = peak_bytes()
    started = time.perf_counter()
    TrajectoryClusterer(random_state=0).fit_predict(trajectories)
    seconds = time.perf_counter() - started
    return seconds, (peak_bytes() - before) / trajectories.nbytes


@click.command()
def main():
    """Print the table."""
    times = []
    for customers in SIZES:
        with get_context("spawn").Pool(1) as pool:
            seconds, extra = pool.apply(measure, (customers,))
        times.append(seconds)
        click.echo(f"{customers:9,} customers {seconds:6.1f} s, memory {extra:.2f} times the input")
    exponent, _ = np.polyfit(np.log(SIZES), np.log(times), 1)
    last = np.log(times[-1] / times[-2]) / np.log(SIZES[-1] / SIZES[-2])
    click.echo(f"time grows as n^{exponent:.2f} over all, as n^{last:.2f} at the end")


if __name__ == "__main__":
    main()
