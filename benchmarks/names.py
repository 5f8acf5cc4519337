"""How many signs in the names of segments contradict the members of the segment.

The main job runs on the bundled households and on a synthetic bank. A sign such as that of
``openness-`` contradicts the members if their median score is on the other side of the median of
everybody. It is checked for the customers of the fit and for all customers. The script also prints
how many names have one part, and how many have more.

    python benchmarks/names.py [--customers 8000] [--seeds 1]
"""

import re
import warnings

import click
import numpy as np
import pandas as pd

from skspend.datasets import load_complete_journey, make_spending
from skspend.inspection import describe_segments
from skspend.personality import TRAITS
from skspend.segmentation import aggregate, cluster, make_steps, train


def count_signs(names, segments, everybody):
    """Signs in the names of the nodes that have members, and how many contradict these."""
    n_signs = n_false = 0
    for segment in segments[segments["customers"] > 0].to_dict("records"):
        for trait, sign in re.findall(rf"({'|'.join(TRAITS)})([+-])", names[segment["node"]]):
            n_signs += 1
            n_false += (segment[trait] > everybody[trait]) != (sign == "+")
    return n_signs, n_false


@click.command()
@click.option("--customers", default=8000, show_default=True)
@click.option("--seeds", default=1, show_default=True)
def main(customers, seeds):
    """Print the table."""
    warnings.simplefilter("ignore", UserWarning)
    households = load_complete_journey()
    _, shares, shops_always = aggregate(households.data, period=2, n_periods=6)
    bank = make_spending(customers, random_state=0)
    rows = []
    for name, panel, is_active, known in (
        ("households", shares.whole(), shops_always, {"aliases": households.aliases}),
        ("bank", bank.data, np.ones(customers, bool), {"coefficients": bank.coefficients}),
    ):
        for seed in range(seeds):
            states, segment = make_steps(random_state=seed, **known).named_steps.values()
            train(states, panel[is_active])
            trajectories, scores = states.transform(panel), states.scorer_.transform(panel)
            parts = (frame[is_active] for frame in (trajectories, scores, panel))
            names = cluster(segment, *parts)
            n_parts = pd.Series(names).str.count(", ") + 1
            row = {"data": name, "seed": seed, "names": len(names)}
            row |= {"of one part": (n_parts == 1).sum(), "of more than two": (n_parts > 2).sum()}
            for who, chosen in {"fit": is_active, "all": np.ones(len(panel), bool)}.items():
                seen = (frame[chosen] for frame in (trajectories, scores, panel))
                segments = describe_segments(segment, *seen, names=names)
                found = count_signs(names, segments, scores[chosen].median())
                row |= dict(zip((f"signs, {who}", f"false, {who}"), found, strict=True))
            rows.append(row)
    table = pd.DataFrame(rows)
    click.echo(table.to_string(index=False))
    click.echo(f"figure: false signs, customers of the fit = {table['false, fit'].sum()}")


if __name__ == "__main__":
    main()
