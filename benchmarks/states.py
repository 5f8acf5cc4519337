"""Time to compute the states, in floors. One floor is the time NumPy needs to sum up the panel.

`transform` of a fitted extractor on float32 arrays, with checks of the input, is compared with
keras.Model.predict at its default batch size and at 8,192. Both use LSTM(3) on 26,000 and on
1,000,000 customers with 6 periods and 97 categories. Memory is what `transform` adds to the earlier
peak of the process, without the returned states.

    python benchmarks/states.py
"""

import os
import resource
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import click
import numpy as np

from skspend import LSTMStateExtractor

SHAPE = 6, 97


def seconds(function, repeats):
    """Median time of some calls, after one that does not count."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return np.median(times)


def peak_megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


@click.command()
@click.option("--most", default=1_000_000, show_default=True, help="Customers of the large panel.")
def main(most):
    """Print the figures."""
    panel = np.random.default_rng(0).standard_normal((most, *SHAPE), dtype=np.float32)
    few = panel[:26000]
    extractor = LSTMStateExtractor.paper(objective="reconstruct", epochs=1, random_state=0)
    extractor.fit(few[:1000])
    before = peak_megabytes()
    states = extractor.transform(panel)
    extra = peak_megabytes() - before - states.nbytes / 1e6
    click.echo(f"{most:,} customers: {extra:.0f} MB of memory above input and output")
    model = extractor.to_keras()
    for customers, repeats in [(few, 15), (panel, 3)][: 1 + (most > len(few))]:
        click.echo(f"{len(customers):,} customers")
        floor = seconds(customers.sum, repeats)
        mine = seconds(lambda: extractor.transform(customers), repeats)  # noqa: B023
        click.echo(f"  floor                {floor * 1e3:8.1f} ms")
        click.echo(f"  skspend              {mine * 1e3:8.1f} ms  {mine / floor:6.1f} floors")
        click.echo(f"figure: floors of the states of {len(customers):,} = {mine / floor:.1f}")
        sizes = (32, 8192) if len(customers) == len(few) else (8192,)
        for batch_size in sizes:
            theirs = seconds(
                lambda: model.predict(customers, batch_size=batch_size, verbose=0),  # noqa: B023
                3 if len(customers) == len(few) else 1,
            )
            click.echo(
                f"  keras, batch {batch_size:5}   {theirs * 1e3:8.1f} ms  "
                f"{theirs / floor:6.1f} floors, {theirs / mine:.0f} times skspend"
            )


if __name__ == "__main__":
    main()
