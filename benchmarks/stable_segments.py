"""Whether the segments that some fits find again are found again by other fits, too.

A fifth of the customers is held out. The package's steps are fitted on the others, and six times
again with other seeds or on bootstrap samples. Three of these fits say which segments are stable,
and the other three judge them. The script prints, for the held-out customers,

- the number of **top** segments, of **stable** segments of customers, and of **leaves**;
- the mean over customers of the **Jaccard** coefficient that the top segment, the stable segment
  and the leaf of the customer have in the fits that judge;
- of the segments inside the top level, the number of **stable inner** ones, and the share of these
  and of the **other** ones that have a coefficient of 0.5 or more in the fits that judge.

    python benchmarks/stable_segments.py [--customers 5000] [--seeds 3] [--data bank|households]
"""

import warnings

import click
import numpy as np
import pandas as pd
from reproducibility import load
from sklearn.pipeline import make_pipeline

from skspend import LSTMStateExtractor, TrajectoryClusterer
from skspend.inspection import segment_stability
from skspend.inspection._agreement import DISSOLVED, judge_nodes
from skspend.inspection._stability import place
from skspend.segmentation._refits import N_REFITS


def judge(scorer, panel, scheme, seed):
    """Figures of one model."""
    pipeline = make_pipeline(
        LSTMStateExtractor(scorer=scorer, random_state=seed), TrajectoryClusterer(random_state=seed)
    )
    stability = segment_stability(
        pipeline, panel, scheme=scheme, n_repeats=2 * N_REFITS, random_state=seed, n_jobs=-1
    )
    held_out = panel.index.get_indexer(stability.customers.index)
    fitted = np.setdiff1d(np.arange(len(panel)), held_out)
    levels = place(stability.reference, panel)
    others = [(other, place(other, panel)) for other in stability.others]
    chosen, judged = (
        judge_nodes(stability.reference, levels, fits, fitted, held_out).set_index("node")
        for fits in (others[:N_REFITS], others[N_REFITS:])
    )
    stable = chosen["stable"].to_numpy()
    is_inner = (chosen["depth"] > 1).to_numpy()
    is_stable = stable == chosen.index
    is_found = (judged["jaccard"] >= DISSOLVED).reset_index(drop=True)
    # All customers are in the root, in any fit.
    coefficients = np.concatenate([[1.0], judged["jaccard"].fillna(0)])
    tree = stability.reference[-1].tree_
    leaves = tree.index[tree["label"] >= 0].to_numpy()
    leaf = levels[held_out, -1]
    own = {"top": levels[held_out, 0], "stable": stable[leaf - 1], "leaf": leaf}
    return {
        "top": int((chosen["depth"] == 1).sum()),
        "stable": len(np.unique(stable[leaves - 1])),
        "leaves": len(leaves),
        **{f"Jaccard {name}": coefficients[nodes].mean() for name, nodes in own.items()},
        "stable inner": int((is_inner & is_stable).sum()),
        "of them .5": is_found[is_inner & is_stable].mean(),
        "other inner": int((is_inner & ~is_stable).sum()),
        "of these .5": is_found[is_inner & ~is_stable].mean(),
    }


@click.command()
@click.option("--customers", default=5_000, show_default=True)
@click.option("--seeds", default=3, show_default=True)
@click.option("--data", type=click.Choice(["bank", "households"]), multiple=True)
def main(customers, seeds, data):
    """Print the tables."""
    warnings.simplefilter("ignore", UserWarning)
    for name in data or ("households", "bank"):
        panel, scorer = load(name, customers)
        for scheme in ("seed", "bootstrap"):
            rows = pd.DataFrame([judge(scorer, panel, scheme, seed) for seed in range(seeds)])
            click.echo(f"\n{name}, {len(panel):,} customers, {scheme}")
            click.echo(rows.round(2).to_string(index=False))
            click.echo(rows.mean().round(2).to_frame().T.to_string(index=False))


if __name__ == "__main__":
    main()
