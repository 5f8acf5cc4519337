"""A new model beside the one of earlier data: whether customers keep their segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .._utils._errors import blame_data
from ..aggregation._shares import LazyPanel
from ..inspection._matching import compare_levels
from ..inspection._stability import place

if TYPE_CHECKING:
    from typing import Any

    from .._utils._typing import Integers, PanelLike
    from ..transactions import TransactionLog
    from ._model import SegmentModel


def find_nodes(previous: SegmentModel, log: TransactionLog) -> Integers:
    """Find the nodes of customers in a previous model, shape (n_customers, depth).

    Its periods are counted back from the end of the log, whose days the model need not know. An
    error in the data is a DataError.
    """
    with blame_data():
        panel, steps = LazyPanel(log, previous.pipeline["spend"]), previous.pipeline[1:]
        return np.concatenate([place(steps, part) for part in panel])


def compare_models(
    previous: SegmentModel, model: SegmentModel, placed: Integers, trajectories: PanelLike
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Compare the segments of customers in a previous model and in a new one.

    Parameters
    ----------
    previous, model : SegmentModel
    placed : ndarray of int
        The nodes of the customers in the previous model, as returned by :func:`find_nodes`.
    trajectories : frame
        What the first two steps of the new model make of the same customers.

    Returns
    -------
    migration : DataFrame
        ``level``, the paths ``old`` and ``new``, and the number of ``customers`` who move from one
        to the other, or stay.
    moved : dict
        About the top level: ``customers``, the ``same`` share of them that stays in a segment, and
        the names of ``new`` segments and of those that are ``gone``. See
        :func:`~skspend.inspection.match_segments` for when segments are the same.
    """
    models = {"old": previous, "new": model}
    trees = {name: one.pipeline["segment"].tree_ for name, one in models.items()}
    nodes = model.pipeline["segment"].predict_levels(trajectories)
    rows = pd.RangeIndex(len(nodes))
    found = compare_levels(placed, nodes, trees["old"], trees["new"], rows)
    migration = found.migration.rename(columns={"depth": "level"})
    for name, one in models.items():
        migration[name] = migration[name].map(one.path)
    top = found.nodes[(found.nodes["depth"] == 1) & ~found.nodes["same"]]
    new, gone = (top.loc[top[name] > 0, name].sort_values() for name in ("new", "old"))
    return migration, {
        "customers": len(nodes),
        "same": float(found.customers["top"].mean()),
        "new": new.map(model.names).to_list(),
        "gone": gone.map(previous.names).to_list(),
    }
