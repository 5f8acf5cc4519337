"""Time and memory of the commands on the bundled households, beside the imports they need anyway.

`skspend segment` fits a model with everything it does by default. `skspend predict` and `skspend
report` then read a hundred of the households from CSV. The libraries that nothing can do without,
pandas and scikit-learn's pipelines, are imported in a process of their own. Seconds begin with the
start of Python, and are medians, as processor seconds are; memory is the peak of the largest
process.

    python benchmarks/commands.py [--repeats 5]
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

LIBRARIES = "pandas and scikit-learn"
FIRST_HOUSEHOLDS = """
import sys
from skspend.datasets import load_complete_journey
load_complete_journey().data[:100].to_frame().to_csv(sys.argv[1], index=False)
"""


def run(*arguments):
    """Seconds, processor seconds and gigabytes of a process."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"{arguments} ended with {process.returncode}.")
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20


def measure(names, repeats):
    """Print the medians of several processes, run in turn, and return the last two by name."""
    found = {name: [] for name in names}
    for _ in range(repeats):
        for name, arguments in names.items():
            found[name].append(run(*arguments))
    medians = {}
    for name, runs in found.items():
        seconds, *medians[name] = map(statistics.median, zip(*runs, strict=True))
        busy, memory = medians[name]
        click.echo(f"{name:<24}{seconds:>6.2f} s{busy:>7.2f} processor seconds{memory:>6.2f} GB")
    return medians


@click.command()
@click.option("--repeats", default=5, show_default=True)
def main(repeats):
    """Print the figures."""
    skspend = "-m", "skspend"
    with tempfile.TemporaryDirectory() as folder:
        file, model, output = (Path(folder, name) for name in ("new.csv", "model", "output"))
        # Here they would take memory that Linux counts for every process that is started.
        run("-c", FIRST_HOUSEHOLDS, file)
        fit = measure({"segment": (*skspend, "segment", "--quiet", "--output", model)}, 1)
        job = model / "model.json", file, "--quiet", "--force", "--output", output
        found = measure(
            {
                LIBRARIES: ("-c", "import pandas, sklearn.pipeline"),
                "the imports of predict": ("-c", "import skspend.cli._predict"),
                "the imports of report": ("-c", "import skspend.cli._report"),
                "predict": (*skspend, "predict", *job),
                "report": (*skspend, "report", *job),
            },
            repeats,
        )
    click.echo(f"figure: GB of segment = {fit['segment'][1]:.2f}")
    base, _ = found.pop(LIBRARIES)
    for name, (busy, _) in found.items():
        click.echo(f"figure: time of {name}, in that of {LIBRARIES} = {busy / base:.2f}")


if __name__ == "__main__":
    main()
