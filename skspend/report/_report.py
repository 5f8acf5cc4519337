"""SegmentReport: tables, a page and a model card about the segments of customers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, check_random_state

from .._utils._text import count, some
from ..inspection import describe_segments, name_segments
from ..inspection._agreement import NODE_COLUMNS, STABILITY_COLUMNS
from ..inspection._segments import tree_order
from . import _card, _measures as measures, _page
from ._grades import grade
from ._metrics import measure_model
from ._moves import measure_history, measure_moves

if TYPE_CHECKING:
    from skops.card import Card

    from .._utils._typing import RandomState

TRANSFER_NUMBERS = ("size", "mse", "mse_interval", "r2", "r2_interval")
TRANSFER_COLUMNS = ("label", "model", *TRANSFER_NUMBERS)


@dataclass(eq=False, repr=False)
class SegmentReport:
    """Tables, a page and a model card about segments; made by :meth:`SegmentReport.from_estimator`.

    The page makes the hierarchy of Maree & Omlin (2021), Fig. 2, interactive.

    Attributes
    ----------
    pipeline : Pipeline
    names : dict from int to str
        Name of each node of the tree.
    data : dict
        Numbers of customers, periods, categories and transactions, and the days they span.
        ``skspend report`` adds the SHA-256 of the model file.
    quality : DataFrame
        What is not in the periods: ``reason``, ``transactions``, ``amount``.
    coverage : DataFrame
        Every ``category`` with its ``share`` of all spending, ``has_coefficient``, ``is_read`` (by
        the network) and the coefficients.
    metrics : DataFrame
        Figures to judge the model by: ``metric``, ``value``, ``low``, ``high``, ``grade`` ("good",
        "fair", "poor" or ""), ``meaning``.
    segments : DataFrame
        Every node but the root, as :func:`~skspend.inspection.describe_segments` describes it.
        Nodes inside a node follow it.
    traits : DataFrame
        ``node`` (0 is everybody), ``trait``, ``median`` score and its interval, ``low`` to
        ``high``; ``above`` and ``below``: the share of members on each side of everybody's median.
    categories : DataFrame
        ``node`` (0 is everybody), ``category``, ``share``: the mean share of its members,
        ``others``: the mean share of all other customers, ``effect``: the difference in standard
        deviations; ``amount`` and ``amount_others``: what they spend in a period, NaN if only
        shares are known.
    history : DataFrame
        ``node``, ``period`` (from 1), ``customers``, ``share``, ``stayed``: how many of them are in
        the node at the last period, ``rate`` with its interval ``low`` to ``high``.
    moves : DataFrame
        ``customers`` who move between the parts of a segment ``inside`` from period ``start`` to
        ``end``: from the node ``origin`` to ``target``, where -1 is a segment elsewhere.
    exemplars : DataFrame
        Up to three customers nearest to the centre of each ``node``: ``rank``, ``row``,
        ``customer``, ``type``, ``strength``, the traits, ``active_periods``, ``spends_on``.
    node_stability : DataFrame or None
        As it was passed, with a ``grade``.
    transfer : DataFrame or None
        As :func:`~skspend.study.transfer_table` returns it.
    fairness : DataFrame or None
        The rate of each group of each protected ``attribute`` in each segment of the top level, as
        :func:`~skspend.inspection.segment_fairness` returns it.
    association : DataFrame or None
        How strongly each ``attribute`` is associated with the segments: ``cramers_v``, ``p_value``.

    See Also
    --------
    skspend.inspection.describe_segments : The table alone.

    Notes
    -----
    All intervals are at 95 %. They are about the choice of customers; the model is fixed.

    References
    ----------
    Mitchell et al. (2019), Model cards for model reporting.

    Examples
    --------
    >>> from sklearn.pipeline import Pipeline
    >>> from skspend import *
    >>> from skspend.datasets import make_spending
    >>> bank = make_spending(400, 3, 20, random_state=0)
    >>> scorer = BigFivePersonalityScorer(bank.coefficients)
    >>> pipeline = Pipeline([
    ...     ("states", LSTMStateExtractor(scorer=scorer, epochs=20, random_state=0)),
    ...     ("segment", TrajectoryClusterer(max_depth=1, random_state=0)),
    ... ])
    >>> report = SegmentReport.from_estimator(pipeline.fit(bank.data), bank.data)
    >>> int(report.segments["customers"].sum())
    400
    >>> report.metrics["metric"].tolist()[:5]
    ['coverage', 'accuracy', 'strength', 'stay', 'stability']
    >>> report.to_html().startswith("<!doctype html>")
    True
    """

    pipeline: Pipeline
    names: dict[int, str]
    data: dict[str, Any]
    quality: pd.DataFrame
    coverage: pd.DataFrame
    metrics: pd.DataFrame
    segments: pd.DataFrame
    traits: pd.DataFrame
    categories: pd.DataFrame
    history: pd.DataFrame
    moves: pd.DataFrame
    exemplars: pd.DataFrame
    node_stability: pd.DataFrame | None
    transfer: pd.DataFrame | None
    fairness: pd.DataFrame | None
    association: pd.DataFrame | None
    customers_: measures.Customers
    random_state: RandomState = 0

    @classmethod
    def from_estimator(
        cls,
        pipeline: Pipeline,
        X: Any,
        *,
        names: dict[int, str] | None = None,
        protected: pd.DataFrame | pd.Series | None = None,
        transfer: pd.DataFrame | None = None,
        stability: pd.DataFrame | None = None,
        node_stability: pd.DataFrame | None = None,
        allow_unknown: bool = False,
        random_state: RandomState = 0,
    ) -> SegmentReport:
        """Measure everything.

        Parameters
        ----------
        pipeline : Pipeline
            Fitted. It ends in a TrajectoryClusterer. Where no step of it knows traits, the report
            is about spending alone.
        X : TransactionLog or panel
            Customers, better not those of `fit`.
        names : dict from int to str, default=None
            Names of the nodes, such as those of a SegmentModel. By default they come from the
            customers who spend in all periods.
        protected : DataFrame or Series, default=None
            Protected attributes, such as the age bracket, indexed by customer. Customers without a
            row count as missing.
        transfer : DataFrame, default=None
            Results of models on the same network, from :func:`~skspend.study.transfer_table`.
        stability : DataFrame, default=None
            ``agreement`` of :func:`~skspend.inspection.segment_stability`. It adds the metrics
            "same segment" and "reproducibility": whether another fit gives the same segments.
        node_stability : DataFrame, default=None
            ``nodes`` of :func:`~skspend.inspection.segment_stability`, with nodes of this pipeline:
            how well other fits find each segment again.
        allow_unknown : bool, default=False
            Whether more than half of the spending of a log may be in categories that the pipeline
            does not know.
        random_state : int, RandomState instance or None, default=0
            Draws the resamples for intervals, and the customers whose trajectories are shown.

        Returns
        -------
        report : SegmentReport

        Raises
        ------
        TypeError
            If the pipeline has no segments.
        ValueError
            If no customer spends on a category of the model, most of the spending is unknown, more
            money comes in than goes out, no customer of X is in `protected`, or `transfer`,
            `stability` or `node_stability` lacks a column.
        """
        if transfer is not None:
            _check_transfer(transfer)
        if stability is not None:
            _check_stability(stability)
        if node_stability is not None:
            node_stability = _grade_nodes(node_stability)
        customers = measures.see_customers(pipeline, X, allow_unknown=allow_unknown)
        clusterer, trajectories = customers.clusterer, customers.trajectories
        scores = customers.scores
        random_state = check_random_state(random_state).randint(2**31)
        if names is None:
            # All customers, if none spends in all periods.
            shown = np.flatnonzero(customers.is_active | ~customers.is_active.any())
            inside = _safe_indexing(trajectories, shown)
            panel = customers.panel.iloc[shown]
            names = name_segments(clusterer, inside, scores.iloc[shown], panel)
        segments = describe_segments(clusterer, trajectories, scores, customers.panel, names=names)
        fairness = association = None
        if protected is not None:
            attributes = _align(protected, customers.names)
            fairness, association = measures.measure_fairness(
                customers, names, attributes, random_state
            )
        return cls(
            pipeline=pipeline,
            names=names,
            data=measures.count_data(customers, X, pipeline),
            quality=measures.measure_quality(X, pipeline),
            coverage=measures.measure_coverage(customers),
            metrics=measure_model(customers, stability, random_state),
            segments=segments.iloc[tree_order(segments)].reset_index(drop=True),
            traits=measures.measure_traits(customers),
            categories=measures.measure_categories(customers),
            history=measure_history(customers),
            moves=measure_moves(customers),
            exemplars=measures.find_exemplars(customers),
            node_stability=node_stability,
            transfer=transfer,
            fairness=fairness,
            association=association,
            customers_=customers,
            random_state=random_state,
        )

    def to_html(self, *, customer_ids: bool = False) -> str:
        """Write the page: one HTML document that loads nothing from elsewhere.

        Parameters
        ----------
        customer_ids : bool, default=False
            Whether exemplars have their identifiers as names, and not numbers.

        Returns
        -------
        page : str
            Equal reports give equal pages.
        """
        return _page.render(self, customer_ids=customer_ids)

    def save(self, path: str | os.PathLike[str], *, customer_ids: bool = False) -> None:
        """Write the page to a file; see :meth:`to_html`."""
        Path(path).write_text(self.to_html(customer_ids=customer_ids), encoding="utf-8")

    def model_card(self) -> Card:
        """Make a model card: the model, its figures, its intended and its forbidden use.

        Returns
        -------
        card : skops.card.Card
            ``card.save("model-card.md")`` writes it, and ``card.add`` adds a section of your own.
        """
        return _card.write(self)

    def _repr_html_(self) -> str:
        # Without a base of its own, a link within the page would lead to the notebook.
        page = self.to_html().replace("<head>", '<head><base href="about:srcdoc">', 1)
        # In a sandbox, the page can neither read nor change the notebook.
        return (
            f'<iframe srcdoc="{escape(page)}" sandbox="allow-scripts allow-downloads" '
            f'title="Segment report" style="width: 100%; height: 800px; border: 0"></iframe>'
        )

    def __repr__(self) -> str:
        return (
            f"SegmentReport({self.data['customers']:,} customers, {len(self.segments)} segments, "
            f"{self.data['periods']} periods)"
        )


def _check_transfer(transfer: pd.DataFrame) -> None:
    missing = [name for name in TRANSFER_COLUMNS if name not in transfer]
    if missing:
        raise ValueError(
            f"transfer has no column {missing[0]!r} ({len(missing)} of {len(TRANSFER_COLUMNS)} are "
            f"missing). Pass the output of skspend.study.transfer_table."
        )
    for name in TRANSFER_NUMBERS:
        if not pd.api.types.is_numeric_dtype(transfer[name]):
            is_text = pd.to_numeric(transfer[name], errors="coerce").isna() & transfer[name].notna()
            raise ValueError(
                f"transfer holds text in column {name!r}, in {count(is_text.sum(), 'row')}: "
                f"{some(transfer[name][is_text].tolist(), 1)}. Pass the output of "
                f"skspend.study.transfer_table."
            )


def _check_stability(stability: pd.DataFrame) -> None:
    missing = [name for name in STABILITY_COLUMNS if name not in stability]
    if missing or "top" not in stability.index:
        what = f"column {missing[0]!r}" if missing else "row 'top'"
        raise ValueError(
            f"stability has no {what}. Pass the frame agreement of "
            f"skspend.inspection.segment_stability."
        )


def _grade_nodes(nodes: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in NODE_COLUMNS if name not in nodes]
    if missing:
        raise ValueError(
            f"node_stability has no column {missing[0]!r}. Pass the frame nodes of "
            f"skspend.inspection.segment_stability."
        )
    return nodes.assign(grade=[grade("found again", value) for value in nodes["jaccard"]])


def _align(protected: pd.DataFrame | pd.Series, customers: Any) -> pd.DataFrame:
    """Attributes of the customers, in their order."""
    if isinstance(protected, pd.Series):
        protected = protected.to_frame(protected.name or "protected")
    repeated = protected.index.duplicated()
    if repeated.any():
        raise ValueError(
            f"protected has {count(repeated.sum(), 'repeated customer')}, the first is "
            f"{str(protected.index[repeated][0])!r}. Keep one row for each."
        )
    aligned = protected.reindex(customers)
    if aligned.isna().all(axis=None):
        names = [repr(str(index[0])) for index in (protected.index, customers) if len(index)]
        raise ValueError(
            f"protected has {count(len(protected), 'customer')}, but none of the "
            f"{len(customers):,} of the report. The first of each: {', '.join(names)}. Index it by "
            f"customer: frame.set_index('customer')."
        )
    return aligned
