"""A fitted pipeline on parts of a frame, on a cluster: Maree & Omlin (2021), section IV-A."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, gen_batches
from sklearn.utils.validation import check_is_fitted

from .._utils._sparse import is_sparse
from .._utils._threads import one_thread
from ..aggregation import SpendingAggregator
from ..aggregation._known import known_share
from ..clustering import TrajectoryClusterer
from ..clustering._tree import BLOCK
from ..inspection._segments import strengths_of_seen
from ..transactions import TransactionLog
from ..transactions._quality import AFTER_CUTOFF, NothingLeft

if TYPE_CHECKING:
    from narwhals.typing import IntoDataFrame

    from .._utils._typing import Cutoff


def segment_frame(
    pipeline: Pipeline,
    frame: IntoDataFrame,
    *,
    cutoff: Cutoff,
    allow_unknown: bool = False,
    **options: Any,
) -> pd.DataFrame:
    """Find the segment of every customer in a frame. Partitions do not change the result.

    It runs inside Dask's ``map_partitions`` and Spark's ``applyInArrow``, with all transactions of
    a customer in one partition (see ``docs/scale.md`` and ``examples/``). It does not need
    TensorFlow.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted. Its first step takes a TransactionLog, and its last is a TrajectoryClusterer.
    frame : pandas.DataFrame, polars.DataFrame or pyarrow.Table
        One row per transaction, in any order. It may be empty.
    cutoff : date, or Series or dict from customer to date
        The last day that counts, as in TransactionLog. It has no default here: the default of a
        log is the last month of `frame`, which differs between partitions.
    allow_unknown : bool, default=False
        Whether more than half of the spending in `frame` may be in categories that the pipeline
        does not know. In a small part that may happen by chance.
    **options
        As for :class:`~skspend.TransactionLog`. `income` may hold more customers than `frame`. With
        ``errors="drop"``, a warning counts the dropped rows.

    Returns
    -------
    segments : pandas.DataFrame, shape (n_customers, 4 + depth)
        Customers in sorted order, with the columns

        - customer, in the dtype of the column in `frame`;
        - segment, int64: the leaf, as `TrajectoryClusterer.predict` returns it;
        - level1 ... levelN, int64: nodes, as `TrajectoryClusterer.predict_levels` returns them;
        - strength, float64: as `TrajectoryClusterer.strength` returns it, and 0 for customers who
          spend nothing in the periods, or nothing in categories that the pipeline knows;
        - known_share, float64: the share of their spending in categories that the pipeline knows,
          NaN for those who spend nothing.

        An empty frame gives no rows, and the same columns and dtypes.

    Raises
    ------
    TypeError
        If `pipeline` is not a Pipeline that ends in a TrajectoryClusterer, or `frame` is not a
        frame in memory.
    ValueError
        If `cutoff` is None, if too much is unknown, or if TransactionLog or a step of the pipeline
        refuses the data.
    sklearn.exceptions.NotFittedError
        If the pipeline is not fitted.

    Warns
    -----
    UserWarning
        If the transactions of `frame` span fewer months than the periods of the pipeline. In a
        small part that may happen by chance.

    Notes
    -----
    On one kind of processor and with the same versions of the libraries, results are the same to
    the last bit, however customers are partitioned and rows are ordered. There are three reasons.
    Amounts are added up from the smallest to the largest. Customers pass the network in blocks of
    exactly 8,192 rows, the last one padded, because the last bit of a matrix product depends on the
    shape of the matrices. BLAS runs on one thread. A panel of float32 is the exception: processors
    without AVX-512 round its products by the place of a customer in a block, so that strengths
    differ by about 1e-7.

    Examples
    --------
    >>> from sklearn.pipeline import Pipeline
    >>> from skspend import LSTMStateExtractor, SpendingAggregator, TrajectoryClusterer
    >>> from skspend.datasets import make_spending
    >>> log = make_spending(200, 3, 12, transactions=True, random_state=0).data
    >>> pipeline = Pipeline([
    ...     ("spend", SpendingAggregator(n_periods=3)),
    ...     ("states", LSTMStateExtractor.paper(objective="reconstruct", epochs=2)),
    ...     ("segment", TrajectoryClusterer(max_depth=1, random_state=0)),
    ... ]).fit(log)
    >>> frame = log.to_frame()
    >>> whole = segment_frame(pipeline, frame, cutoff="2023-12-31")
    >>> whole.columns.to_list()
    ['customer', 'segment', 'level1', 'strength', 'known_share']
    >>> parts = frame.groupby(frame["customer"] % 2)
    >>> found = [segment_frame(pipeline, part, cutoff="2023-12-31") for _, part in parts]
    >>> pd.concat(found).sort_values("customer", ignore_index=True).equals(whole)
    True
    """
    _check(pipeline, frame, cutoff)
    table = nw.from_native(frame, eager_only=True)
    roles = {options.get(role, role) for role in ("customer", "date", "category", "amount")}
    customer = options.get("customer", "customer")
    if not len(table) and roles <= set(table.columns):
        return _make_frame(pipeline, table[customer], [])
    try:
        log = TransactionLog(frame, cutoff=cutoff, **options)
    except NothingLeft as nothing:
        # In a small part, all transactions may lie after the cutoff.
        log, customers = None, nothing.customers
    else:
        customers = log.customers
        dropped = log.quality_["transactions"].drop(AFTER_CUTOFF).loc[lambda n: n > 0]
        if len(dropped):
            reasons = ", ".join(f"{reason} ({n:,})" for reason, n in dropped.items())
            warnings.warn(f"Transactions were dropped: {reasons}.", stacklevel=2)
    with one_thread():
        blocks = gen_batches(len(customers), BLOCK)
        parts = [_make_trajectories(pipeline, log, block) for block in blocks]
        panels, spends = zip(*parts, strict=True)
        if isinstance(panels[0], np.ndarray):
            panel = np.concatenate(panels)
        else:
            frames = [nw.from_native(panel, eager_only=True) for panel in panels]
            panel = nw.concat(frames).to_native()
        segment = pipeline[-1]
        known = _know(pipeline, log, len(customers), allow_unknown)
        n_padded = len(panel) - len(known)
        padded = np.pad(known, (0, n_padded))
        strengths = strengths_of_seen(segment.strength(panel), np.concatenate(spends), padded)
        found = segment.predict(panel), segment.predict_levels(panel), strengths, known
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
            f"{type(frame).__name__}. For other frames, make a TransactionLog and call the steps."
        )
    if cutoff is None:
        raise ValueError(
            "cutoff=None would count the periods of each part back from its own last month. Pass "
            "the last day that counts, such as '2023-12-31'."
        )


def _know(pipeline, log, n_customers, allow_unknown):
    """The share of each customer's spending in known categories."""
    spend = pipeline[0]
    if log is None or not isinstance(spend, SpendingAggregator):
        return np.full(n_customers, np.nan if log is None else 1.0)
    return known_share(log.with_sorted_amounts(), spend, allow_unknown=allow_unknown)


def _make_trajectories(pipeline, log, block):
    """Trajectories of up to BLOCK customers, and whether each spends anything.

    Both are padded to BLOCK rows by repeating the first ones.
    """
    steps = [step for _, step in pipeline.steps[:-1] if step not in (None, "passthrough")]
    if log is None:
        names = steps[0].get_feature_names_out()
        panel = pd.DataFrame(np.zeros((block.stop - block.start, len(names))), columns=names)
    else:
        # No sum may depend on the order in which a cluster delivers the rows.
        panel = steps[0].transform(log[block].with_sorted_amounts())
        if is_sparse(panel):
            # Whether columns are sparse depends on who else is in the block, and last bits on that.
            panel = panel.sparse.to_dense()
    panel = _safe_indexing(panel, np.resize(np.arange(len(panel)), BLOCK))
    spends = (np.asarray(panel) != 0).any(axis=1)
    for step in steps[1:]:
        panel = step.transform(panel)
    return panel, spends


def _make_frame(pipeline, column, customers, found=None):
    """The returned frame, with customers in the dtype of their column."""
    if found is None:
        depth = max(1, pipeline[-1].tree_["depth"].max())
        found = np.empty(0, np.int64), np.empty((0, depth), np.int64), np.empty(0), np.empty(0)
    segments, nodes, strengths, known = (values[: len(customers)] for values in found)
    column = column.head(0).to_native()
    dtype = (column if isinstance(column, pd.Series) else column.to_pandas()).dtype
    if isinstance(dtype, pd.CategoricalDtype):
        # The categories of the dtype would depend on the partition.
        dtype = dtype.categories.dtype
    return pd.DataFrame(
        {
            "customer": pd.Series(customers, dtype=dtype),
            "segment": segments,
            **{f"level{number}": level for number, level in enumerate(nodes.T, start=1)},
            "strength": strengths,
            "known_share": known,
        }
    )
