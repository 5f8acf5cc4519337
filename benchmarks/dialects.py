"""Time to read two million transactions from clean CSV, and from the same rows in other dialects.

Every file is read with TransactionLog.scan in a process of its own, in turn with clean CSV, and
the ratio is that of the medians. Seconds are those of the processor, on which other work on the
machine hardly bears. With `--before`, clean CSV is also read by the skspend in the
folder of another version.

    python benchmarks/dialects.py
    git worktree add /tmp/before v0.1.0 && python benchmarks/dialects.py --before /tmp/before
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import numpy as np
import pandas as pd

READ = """
import resource, sys, time
from skspend import TransactionLog
start = time.process_time()
log = TransactionLog.scan(sys.argv[1], resolution="month")
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(log.n_transactions, log.sum_spending(12, 3).sum().hex())
"""
DIALECTS = {
    "clean.csv": {},
    "european.csv": {"sep": ";", "decimal": ",", "date_format": "%d.%m.%Y", "encoding": "cp1252"},
    "american.csv": {"date_format": "%m/%d/%Y"},
    "utf16.csv": {"sep": "\t", "encoding": "utf-16"},
    "packed.csv.gz": {},
}
"""The options of pandas that write the files."""
HERE = Path(__file__).parents[1]


def write(folder, n_rows):
    """Write the same transactions in all dialects."""
    rng = np.random.default_rng(0)
    days = np.datetime64("2021-01-01") + rng.integers(0, 3 * 365, n_rows).astype("m8[D]")
    frame = pd.DataFrame(
        {
            "customer": rng.integers(0, n_rows // 100, n_rows),
            "date": days,
            "category": np.array([f"café {k}" for k in range(40)])[rng.integers(0, 40, n_rows)],
            "amount": rng.lognormal(3, 1, n_rows).round(2),
        }
    )
    for name, options in DIALECTS.items():
        frame.to_csv(folder / name, index=False, **options)


def read(path, package):
    """Return seconds, megabytes, and what was read."""
    done = subprocess.run(
        [sys.executable, "-c", READ, path],
        env=os.environ | {"PYTHONPATH": str(package)},
        cwd=path.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    figures, found = done.stdout.strip().split("\n")
    return *map(float, figures.split()), found


@click.command()
@click.option("--rows", default=2_000_000, show_default=True)
@click.option("--times", default=3, show_default=True, help="How often each file is read.")
@click.option("--before", type=click.Path(exists=True), help="Folder of another version.")
def main(rows, times, before):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write(folder, rows)
        clean = folder / "clean.csv"
        others = {name: (folder / name, HERE) for name in DIALECTS if name != "clean.csv"}
        if before:
            others = {"clean.csv before": (clean, before)} | others
        expected = read(clean, HERE)[2]
        click.echo(f"{'':<18}{'seconds':>9}{'MB':>7}{'clean':>9}{'ratio':>8}")
        for name, (path, package) in others.items():
            pairs = [(read(path, package), read(clean, HERE)) for _ in range(times)]
            for run, _ in pairs:
                assert run[2] == expected, f"{name}: read {run[2]}, not {expected}"
            seconds = statistics.median(run[0] for run, _ in pairs)
            base = statistics.median(run[0] for _, run in pairs)
            memory = max(run[1] for run, _ in pairs)
            click.echo(f"{name:<18}{seconds:>9.2f}{memory:>7.0f}{base:>9.2f}{seconds / base:>8.2f}")


if __name__ == "__main__":
    main()
