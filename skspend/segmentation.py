"""The work behind ``skspend segment`` and ``skspend predict``, step by step and without a terminal.

A file of transactions comes in; out come a fitted pipeline, the segment of every customer, and a
folder that holds both. The main job of Maree & Omlin (2021), sections III and IV-A.
"""

import platform
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import skops.io
from sklearn.pipeline import Pipeline

from . import __version__
from .aggregation import SpendingAggregator
from .clustering import TrajectoryClusterer
from .extraction import LSTMStateExtractor
from .files import DataError, blame_data
from .inspection import describe_segments, name_segments, segment_path
from .panel import count_active_periods, fold
from .personality import (
    TRAITS,
    BigFivePersonalityScorer,
    personality_types,
)
from .plotting import TrajectoryDisplay

TRUSTED_TYPES = (
    "skspend.aggregation.SpendingAggregator",
    "skspend.clustering.TrajectoryClusterer",
    "skspend.extraction.LSTMStateExtractor",
    "skspend.networks.specification.Network",
    "skspend.personality.BigFivePersonalityScorer",
)
"""What a saved model may hold besides what skops itself trusts."""
FEWEST_ACTIVE = 20
"""Two segments of the fewest customers that the clusterer makes a segment of."""
EVERYBODY = "everybody"
"""The segment where nothing divides the customers."""
_LIBRARIES = ("numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "tensorflow", "keras", "skops")


def aggregate(log, *, period="year", n_periods=None, normalize="spending"):
    """Fit the first step on all customers.

    Returns
    -------
    spend : SpendingAggregator
    panel : pandas.DataFrame
        Of all customers.
    is_active : ndarray of bool, shape (n_customers,)
        Who spends in all periods; these customers shape the model.

    Raises
    ------
    DataError
        If fewer than 20 customers do.
    """
    spend = SpendingAggregator(period=period, n_periods=n_periods, normalize=normalize)
    with blame_data():
        panel = spend.fit(log).transform(log)
    spends = (fold(panel.to_numpy(), spend.n_periods_) != 0).any(axis=2)
    is_active = spends.all(axis=1)
    if is_active.sum() < FEWEST_ACTIVE:
        raise DataError(_too_few(spends))
    return spend, panel, is_active


def _too_few(spends):
    n_customers, n_periods = spends.shape
    found = (
        f"Only {spends.all(axis=1).sum():,} of {n_customers:,} customers spend in all {n_periods} "
        f"periods, and {FEWEST_ACTIVE} are needed to find segments."
    )
    for fewer in range(n_periods - 1, 0, -1):
        n_active = spends[:, -fewer:].all(axis=1).sum()
        if n_active >= FEWEST_ACTIVE:
            return f"{found} With --periods {fewer}, {n_active:,} do: ask for fewer --periods."
    return f"{found} Fewer --periods do not help: give more customers, or check --date."


def train(panel, *, coefficients=None, aliases=None, n_units=3, random_state=0, callback=None):
    """Fit the second step on the active customers.

    Parameters
    ----------
    panel : pandas.DataFrame
        Of the active customers.
    coefficients, aliases : dict, default=None
        See BigFivePersonalityScorer.
    n_units : int, default=3
    random_state : int, default=0
    callback : FitCallback, default=None
        Is told of every epoch; it does not stay in the model.

    Returns
    -------
    states : LSTMStateExtractor
    """
    scorer = BigFivePersonalityScorer(coefficients, aliases=aliases)
    states = LSTMStateExtractor(n_units, scorer=scorer, random_state=random_state)
    if callback is not None:
        states.set_callbacks(callback)
    with blame_data():
        states.fit(panel)
    return states.set_callbacks()


def cluster(trajectories, scores, *, max_depth=3, random_state=0):
    """Fit the third step on the active customers, and name its nodes.

    Returns
    -------
    segment : TrajectoryClusterer
    names : dict from int to str
    """
    segment = TrajectoryClusterer(max_depth=max_depth, random_state=random_state)
    segment.fit(trajectories)
    return segment, name_segments(segment, trajectories, scores)


@dataclass(frozen=True)
class SegmentModel:
    """A fitted pipeline of the steps spend, states and segment, and the names of its nodes."""

    pipeline: Pipeline
    names: dict[int, str]

    def score_customers(self, panel):
        """Standardised scores of customers, by their panel."""
        return self.pipeline["states"].scorer_.transform(panel)

    def path(self, node):
        """The name of a node, after those above it."""
        return segment_path(self.pipeline["segment"], node, self.names) or EVERYBODY

    def place(self, customers, panel, trajectories):
        """Tell every customer's segment.

        Parameters
        ----------
        customers : array-like, shape (n_customers,)
        panel, trajectories : frame
            What the first two steps make of the customers.

        Returns
        -------
        table : pandas.DataFrame
            Columns customer, segment, level1 ..., strength, the five traits, type and
            active_periods.
        """
        segment = self.pipeline["segment"]
        nodes = segment.predict_levels(trajectories)
        paths = {node: self.path(node) for node in np.unique(nodes)}
        levels = [pd.Series(level).map(paths).to_numpy() for level in nodes.T]
        scores = self.score_customers(panel)
        n_periods = self.pipeline["spend"].n_periods_
        return pd.DataFrame(
            {
                "customer": np.asarray(customers),
                "segment": levels[-1],
                **{f"level{number}": level for number, level in enumerate(levels, start=1)},
                "strength": segment.strength(trajectories),
                **{trait: scores[trait].to_numpy() for trait in TRAITS},
                "type": personality_types(scores),
                "active_periods": count_active_periods(fold(panel.to_numpy(), n_periods)),
            }
        )

    def predict(self, log):
        """Tell the segment of every customer of a log; see :meth:`place` for the table."""
        with blame_data():
            panel = self.pipeline["spend"].transform(log)
        return self.place(log.customers, panel, self.pipeline["states"].transform(panel))

    def describe(self, panel, trajectories):
        """Describe all nodes, children after their parent; see describe_segments."""
        segment, scores = self.pipeline["segment"], self.score_customers(panel)
        table = describe_segments(segment, trajectories, scores, panel, names=self.names)
        return table.iloc[_tree_order(table)] if len(table) else table

    def save(self, path):
        """Write the model by skops."""
        names = {str(node): name for node, name in self.names.items()}
        model = {"pipeline": self.pipeline, "names": names}
        skops.io.dump(model, path, compression=zipfile.ZIP_DEFLATED)

    @classmethod
    def load(cls, path):
        """Read a model, and nothing but a model: a file with any type not listed is refused.

        Raises
        ------
        DataError
            If the file is not there, is no model, or holds another type.
        """
        with blame_data(path):
            content = Path(path).read_bytes()
        try:
            foreign = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED_TYPES))
            model = None if foreign else skops.io.loads(content, trusted=list(TRUSTED_TYPES))
        # A damaged file makes skops raise errors of a dozen types.
        except Exception as error:
            raise DataError(f"{path}: this is no readable model of skspend ({error}).") from error
        if foreign:
            raise DataError(
                f"{path}: holds {', '.join(foreign)}, which no model of skspend does. Nothing of "
                f"it was loaded."
            )
        pipeline = model.get("pipeline") if isinstance(model, dict) else None
        steps = getattr(pipeline, "named_steps", {})
        if list(steps) != ["spend", "states", "segment"] or "names" not in model:
            raise DataError(f"{path}: this is no model written by skspend segment.")
        return cls(pipeline, {int(node): name for node, name in model["names"].items()})


def _tree_order(table):
    """Positions of the rows, every node followed by what is below it, large ones first."""
    order = []

    def visit(parent):
        children = table[table["parent"] == parent].sort_values("customers", ascending=False)
        for node in children["node"]:
            order.append(table.index[table["node"] == node][0])
            visit(node)

    visit(0)
    return order


def summarise(model, panel, trajectories, is_active, described):
    """Count and measure the result, as in ``run.json``.

    Returns
    -------
    figures : dict
    """
    spend, states, segment = model.pipeline.named_steps.values()
    top = described[described["depth"] == 1] if len(described) else described
    return {
        "customers": len(panel),
        "customers_active_in_all_periods": int(is_active.sum()),
        "periods": int(spend.n_periods_),
        "categories": len(spend.categories_),
        "coverage": states.scorer_.coverage_,
        "accuracy_in_sample": states.score(panel[is_active]),
        "stability_kappa": segment.score(trajectories[is_active]),
        "top_level_segments": len(top),
        "leaves": int((segment.tree_["label"] >= 0).sum()),
        "largest_share": float(top["share"].max()) if len(top) else 1.0,
        "outside_the_periods": spend.quality_.to_dict(orient="index"),
    }


def draw(trajectories, types, path):
    """Write the picture of the trajectories of the customers who shape the tree."""
    display = TrajectoryDisplay.from_predictions(trajectories, types)
    title = f"{len(types):,} customers in state space, by dominant trait"
    if len(display.drawn_) < len(types):
        title += f" ({len(display.drawn_):,} drawn)"
    display.figure_.suptitle(title)
    display.figure_.savefig(path)


def versions():
    """Versions of skspend, Python and the libraries that the result depends on."""
    found = {"skspend": __version__, "python": platform.python_version()}
    return found | {name: version(name) for name in _LIBRARIES}
