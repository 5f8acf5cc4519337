"""A fitted pipeline applied to a frame of transactions, or to any part of one.

Transactions of some customers come in; out goes one row for each of them. It is what a cluster runs
on every partition: Maree & Omlin (2021), section IV-A, for more customers than one machine holds.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from .._utils._threads import one_thread
from ..clustering import TrajectoryClusterer
from ..clustering._tree import BLOCK
from ..transactions import TransactionLog
from ..transactions._quality import AFTER_CUTOFF, NothingLeft

if TYPE_CHECKING:
    from narwhals.typing import IntoDataFrame, IntoFrame

    from .._utils._typing import Cutoff


def segment_frame(
    pipeline: Pipeline,
    frame: IntoDataFrame,
    *,
    cutoff: Cutoff,
    customer: str = "customer",
    date: str = "date",
    category: str = "category",
    amount: str = "amount",
    income: IntoFrame | None = None,
    outflow: Literal["positive", "negative"] = "positive",
    errors: Literal["raise", "drop"] = "raise",
) -> pd.DataFrame:
    """Tell the segment of every customer in a frame, the same in whatever parts they come.

    Made to run inside of Dask's ``map_partitions`` and Spark's ``applyInArrow``, with all
    transactions of a customer in one partition (``docs/scale.md``, and ``examples/``). It needs no
    TensorFlow.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted. Its first step takes a TransactionLog, its last is a TrajectoryClusterer.
    frame : pandas.DataFrame, polars.DataFrame or pyarrow.Table
        One row per transaction, in any order. It may be empty.
    cutoff : date, or Series or dict from customer to date
        The last day that counts, as in TransactionLog, which has a default. Here there is none: it
        would be the last month of `frame`, and another one in every partition.
    customer, date, category, amount : str
        Names of the columns, as in TransactionLog.
    income : frame, default=None
        As in TransactionLog. It may hold more customers than `frame`.
    outflow : {"positive", "negative"}, default="positive"
        The sign of money spent.
    errors : {"raise", "drop"}, default="raise"
        What to do with a row that cannot be read, as in TransactionLog; a warning counts those that
        are dropped.

    Returns
    -------
    segments : pandas.DataFrame, shape (n_customers, 3 + depth)
        Customers in sorted order, with the columns

        - customer, in the dtype of the column in `frame`;
        - segment, int64: the leaf, as `TrajectoryClusterer.predict` gives it;
        - level1 ... levelN, int64: nodes, as `TrajectoryClusterer.predict_levels` gives them;
        - strength, float64: as `TrajectoryClusterer.strength` gives it.

        Of an empty frame: no rows, and the same columns and dtypes.

    Raises
    ------
    TypeError
        If `pipeline` is no Pipeline that ends in a TrajectoryClusterer, or `frame` is no frame in
        memory.
    ValueError
        If `cutoff` is None, and whatever TransactionLog and the steps of the pipeline refuse.
    sklearn.exceptions.NotFittedError
        If the pipeline is not fitted.

    Notes
    -----
    On one kind of processor and one version of the libraries, results are the same bit by bit
    however customers are put into parts and rows into order, for three reasons. Amounts are added
    up from the smallest to the largest. Customers pass the network in blocks of exactly 8,192, the
    last one filled up, because the last bit of a product of matrices depends on its shape. BLAS has
    one thread.

    Examples
    --------
    >>> from sklearn.pipeline import Pipeline
    >>> from skspend import LSTMStateExtractor, SpendingAggregator, TrajectoryClusterer
    >>> from skspend.datasets import load_complete_journey
    >>> log = load_complete_journey().data
    >>> pipeline = Pipeline([
    ...     ("spend", SpendingAggregator(period=2, n_periods=6)),
    ...     ("states", LSTMStateExtractor(objective="reconstruct", epochs=2, random_state=0)),
    ...     ("segment", TrajectoryClusterer(max_depth=1, random_state=0)),
    ... ]).fit(log)
    >>> frame = log.to_frame()
    >>> whole = segment_frame(pipeline, frame, cutoff="2017-12-31")
    >>> whole.columns.to_list()
    ['customer', 'segment', 'level1', 'strength']
    >>> is_even = frame["customer"] % 2 == 0
    >>> parts = [
    ...     segment_frame(pipeline, frame[part], cutoff="2017-12-31")
    ...     for part in (is_even, ~is_even)
    ... ]
    >>> pd.concat(parts).sort_values("customer", ignore_index=True).equals(whole)
    True
    """
    _check(pipeline, frame, cutoff)
    names: dict[str, Any]
    names = {"customer": customer, "date": date, "category": category, "amount": amount}
    table = nw.from_native(frame, eager_only=True)
    if not len(table) and set(names.values()) <= set(table.columns):
        return _make_frame(pipeline, table[customer], [])
    try:
        log = TransactionLog(
            frame, income=income, cutoff=cutoff, outflow=outflow, errors=errors, **names
        )
    except NothingLeft as nothing:
        # In a small part, it may be that everything lies after the cutoff.
        log, customers = None, nothing.customers
    else:
        customers = log.customers
        _warn_of_dropped(log)
    with one_thread():
        trajectories = [
            _make_trajectories(pipeline, log, block) for block in gen_batches(len(customers), BLOCK)
        ]
        found = _place(pipeline[-1], _stack(trajectories))
    return _make_frame(pipeline, table[customer], customers, found)


def _check(pipeline, frame, cutoff):
    last = pipeline.steps[-1][1] if isinstance(pipeline, Pipeline) else pipeline
    if last is pipeline or not isinstance(last, TrajectoryClusterer):
        raise TypeError(
            f"pipeline must be a Pipeline that ends in a TrajectoryClusterer, got "
            f"{'one that ends in ' if last is not pipeline else ''}{type(last).__name__}."
        )
    check_is_fitted(pipeline)
    if not nw.dependencies.is_into_dataframe(frame):
        raise TypeError(
            f"frame must be a pandas, polars or pyarrow frame in memory, got "
            f"{type(frame).__name__}. TransactionLog reads what is not in memory."
        )
    if cutoff is None:
        raise ValueError(
            "cutoff=None would count the periods of every part back from its own last month. Pass "
            "the last day that counts, such as '2023-12-31'."
        )


def _warn_of_dropped(log):
    dropped = log.quality_["transactions"].drop(AFTER_CUTOFF)
    if dropped.any():
        reasons = ", ".join(f"{reason} ({n:,})" for reason, n in dropped[dropped > 0].items())
        warnings.warn(f"Transactions were dropped: {reasons}.", stacklevel=3)


def _make_trajectories(pipeline, log, block):
    """Trajectories of up to BLOCK customers, the first ones repeated until they are BLOCK."""
    steps = [step for _, step in pipeline.steps[:-1] if step not in (None, "passthrough")]
    if log is None:
        names = steps[0].get_feature_names_out()
        panel = pd.DataFrame(np.zeros((block.stop - block.start, len(names))), columns=names)
    else:
        # No sum may depend on the order in which a cluster delivers the rows.
        panel = steps[0].transform(log[block].with_sorted_amounts())
    if len(panel) < BLOCK:
        panel = _take(panel, np.resize(np.arange(len(panel)), BLOCK))
    for step in steps[1:]:
        panel = step.transform(panel)
    return panel


def _place(clusterer, trajectories):
    """Segments, nodes and strengths."""
    nodes = clusterer.predict_levels(trajectories)
    if clusterer.outlier_threshold is None:
        segments = clusterer.tree_["label"].to_numpy()[nodes[:, -1]]
    else:
        segments = clusterer.predict(trajectories)
    return segments, nodes, clusterer.strength(trajectories)


def _take(panel, rows):
    """Rows of an array or of a frame of any library."""
    frame = nw.from_native(panel, eager_only=True, pass_through=True)
    return nw.to_native(frame[rows], pass_through=True)


def _stack(panels):
    if isinstance(panels[0], np.ndarray):
        return np.concatenate(panels)
    return nw.concat([nw.from_native(panel, eager_only=True) for panel in panels]).to_native()


def _make_frame(pipeline, column, customers, found=None):
    """The result, with customers in the dtype of their column."""
    if found is None:
        depth = max(1, pipeline[-1].tree_["depth"].max())
        found = np.empty(0, np.int64), np.empty((0, depth), np.int64), np.empty(0)
    segments, nodes, strengths = (values[: len(customers)] for values in found)
    column = column.head(0).to_native()
    dtype = (column if isinstance(column, pd.Series) else column.to_pandas()).dtype
    if isinstance(dtype, pd.CategoricalDtype):
        # Which categories there are would depend on the partition.
        dtype = dtype.categories.dtype
    return pd.DataFrame(
        {
            "customer": pd.Series(customers, dtype=dtype),
            "segment": segments,
            **{f"level{number}": level for number, level in enumerate(nodes.T, start=1)},
            "strength": strengths,
        }
    )
