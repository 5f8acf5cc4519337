"""The whole job at size: one command from Parquet files of transactions to the segments of all.

The files are transactions of make_spending, 300 for each customer over six years, with 5,000
customers in each file. `skspend segment` runs on growing numbers of customers, each in its own
process. The table has the seconds of each stage and the peak memory. The last row extends the
growth from the second largest size to the largest in a straight line; the stages that fit on a
sample are taken as they are.

    python benchmarks/whole_job.py --folder /tmp/bank [--sizes 10000,50000,100000,200000]
"""

import json
import resource
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pandas as pd
from reading import CUSTOMERS_A_FILE, GIGABYTE, link, write_part

from skspend.datasets import make_spending

TRANSACTIONS_EACH = 300
SAMPLED = ["training"]
LARGEST = 1_000_000


def write_bank(folder, n_customers):
    """Write files for so many customers; those that are there are kept. Return their pattern."""
    paths = [folder / f"part{part:03}.parquet" for part in range(n_customers // CUSTOMERS_A_FILE)]
    for number, path in enumerate(paths):
        write_part(path, number, CUSTOMERS_A_FILE * TRANSACTIONS_EACH)
    return link(paths)


def segment(files, coefficients, output):
    """Run the command; return the seconds of its stages and its peak memory in GB."""
    command = [sys.executable, "-m", "skspend", "segment", str(files), "--no-stability", "--quiet"]
    command += ["--coefficients", str(coefficients), "--output", str(output), "--force"]
    subprocess.run(command, check=True, cwd=output.parent)
    record = json.loads((output / "run.json").read_text())
    # The largest child so far is the last one, because sizes grow.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / GIGABYTE
    rows = {"transactions": record["data"]["transactions"]}
    return rows | record["seconds"] | {"GB": peak}


@click.command(help=__doc__)
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option("--sizes", default="10000,50000,100000,200000", show_default=True)
def main(folder, sizes):
    folder.mkdir(parents=True, exist_ok=True)
    coefficients = folder / "coefficients.csv"
    make_spending(100, random_state=0).coefficients.rename_axis("category").to_csv(coefficients)
    found = {}
    for size in sorted(map(int, sizes.split(","))):
        found[size] = segment(write_bank(folder, size), coefficients, folder / "output")
        click.echo(f"{size:,}: {found[size]}")
    table = pd.DataFrame(found).T
    if len(table) > 1:
        table.loc[LARGEST] = {
            name: table[name].iloc[-1]
            if name in SAMPLED
            else np.polyval(np.polyfit(table.index[-2:], table[name].iloc[-2:], 1), LARGEST)
            for name in table.columns.drop("total")
        }
        table.loc[LARGEST, "total"] = table.loc[LARGEST, "reading":"writing"].sum()
    click.echo(table.round(2).to_string())


if __name__ == "__main__":
    main()
