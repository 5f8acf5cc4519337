"""SegmentReport: all there is to show about the segments of some customers.

A fitted pipeline and customers come in; out come tidy frames, and from them one page of HTML that
needs no network, and a model card. The drill-down of Maree & Omlin (2021), Fig. 2, for people.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, check_random_state
from skops.card import Card

from ..inspection import describe_segments, name_segments
from ..inspection._segments import tree_order
from . import _card, _page
from ._measures import (
    Customers,
    count_data,
    find_exemplars,
    measure_categories,
    measure_coverage,
    measure_fairness,
    measure_history,
    measure_model,
    measure_quality,
    measure_traits,
    see_customers,
)

if TYPE_CHECKING:
    from .._utils._typing import RandomState

TRANSFER_COLUMNS = ("label", "size", "model", "mse", "mse_interval", "r2", "r2_interval")


@dataclass(eq=False, repr=False)
class SegmentReport:
    """What there is to show about the segments of some customers; made by :meth:`from_estimator`.

    Attributes
    ----------
    pipeline : Pipeline
    names : dict from int to str
        Name of each node of the tree.
    data : dict
        Numbers of customers, periods, categories and transactions, and the days they span.
    quality : DataFrame
        What did not enter the periods: ``reason``, ``transactions``, ``amount``.
    coverage : DataFrame
        Every ``category`` with its ``share`` of all spending, ``has_coefficient``, ``is_read`` (by
        the network) and the coefficients.
    metrics : DataFrame
        By which to judge the model: ``metric``, ``value``, ``low``, ``high``, ``meaning``.
    segments : DataFrame
        Every node but the root, as :func:`~skspend.inspection.describe_segments` describes it,
        what is inside a node after it.
    traits : DataFrame
        ``node`` (0 is everybody), ``trait``, ``mean`` score and its interval, ``low`` to ``high``.
    categories : DataFrame
        ``node``, ``category``, ``share``: what its members spend there, ``others``: what everybody
        else does, ``effect``: the difference in standard deviations.
    history : DataFrame
        ``node``, ``period`` (from 1), ``customers``, ``share``, ``stayed``: how many of them are in
        the node at the last period, ``rate`` with its interval ``low`` to ``high``.
    exemplars : DataFrame
        Up to three customers at the centre of every ``node``: ``customer``, ``type``, ``strength``,
        the traits, ``active_periods``, ``spends_on``.
    transfer : DataFrame or None
        As :func:`~skspend.study.transfer_table` returns it.
    fairness : DataFrame or None
        Rates of every group of each protected ``attribute`` in the segments of the top level, as
        of :func:`~skspend.inspection.segment_fairness`.
    association : DataFrame or None
        For each ``attribute``, how far it and the segments go together: ``cramers_v``, ``p_value``.

    See Also
    --------
    skspend.inspection.describe_segments : The table alone.

    Notes
    -----
    All intervals are at 95 %; they say what other customers would change, with the model as it is.

    References
    ----------
    Maree & Omlin (2021), Fig. 2. Mitchell et al. (2019), Model cards for model reporting.

    Examples
    --------
    >>> from sklearn.pipeline import Pipeline
    >>> from skspend import *
    >>> from skspend.datasets import make_spending
    >>> from skspend.report import SegmentReport
    >>> bank = make_spending(400, 3, 20, random_state=0)
    >>> scorer = BigFivePersonalityScorer(bank.coefficients)
    >>> pipeline = Pipeline([
    ...     ("states", LSTMStateExtractor(scorer=scorer, epochs=20, random_state=0)),
    ...     ("segment", TrajectoryClusterer(max_depth=1, random_state=0)),
    ... ])
    >>> report = SegmentReport.from_estimator(pipeline.fit(bank.data), bank.data)
    >>> int(report.segments["customers"].sum())
    400
    >>> report.metrics["metric"].tolist()
    ['coverage', 'accuracy', 'strength', 'stability', 'turn']
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
    exemplars: pd.DataFrame
    transfer: pd.DataFrame | None
    fairness: pd.DataFrame | None
    association: pd.DataFrame | None
    customers_: Customers
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
        random_state: RandomState = 0,
    ) -> SegmentReport:
        """Measure everything.

        Parameters
        ----------
        pipeline : Pipeline
            Fitted. It ends in a TrajectoryClusterer, and the objective of the extractor before is
            the type or the scores.
        X : TransactionLog or panel
            Customers for the pipeline; those of its `fit`, or better, others.
        names : dict from int to str, default=None
            Names of the nodes, such as a SegmentModel has; by default found from the customers who
            spend in all periods.
        protected : DataFrame or Series, default=None
            Attributes that must not decide about people, such as the bracket of age, indexed by
            customer. Customers without a row count as missing.
        transfer : DataFrame, default=None
            What :func:`~skspend.study.transfer_table` says of models on the same network.
        random_state : int, RandomState instance or None, default=0
            Draws the resamples of the intervals, and the customers whose lines are drawn.

        Returns
        -------
        report : SegmentReport

        Raises
        ------
        TypeError
            If the pipeline has no segments or no traits.
        ValueError
            If nobody spends on a category that the pipeline knows, nobody in `protected` is among
            the customers, or `transfer` lacks a column.
        """
        if transfer is not None:
            _check_transfer(transfer)
        customers = see_customers(pipeline, X)
        random_state = check_random_state(random_state).randint(2**31)
        if names is None:
            # All, if nobody spends in all periods.
            shown = np.flatnonzero(customers.is_active | ~customers.is_active.any())
            names = name_segments(
                customers.clusterer,
                _safe_indexing(customers.trajectories, shown),
                customers.scores.iloc[shown],
            )
        segments = describe_segments(
            customers.clusterer,
            customers.trajectories,
            customers.scores,
            customers.panel,
            names=names,
        )
        fairness = association = None
        if protected is not None:
            attributes = _align(protected, customers.names)
            fairness, association = measure_fairness(customers, names, attributes, random_state)
        return cls(
            pipeline=pipeline,
            names=names,
            data=count_data(customers, X, pipeline),
            quality=measure_quality(X, pipeline),
            coverage=measure_coverage(customers),
            metrics=measure_model(customers, random_state),
            segments=segments.iloc[tree_order(segments)].reset_index(drop=True),
            traits=measure_traits(customers),
            categories=measure_categories(customers),
            history=measure_history(customers),
            exemplars=find_exemplars(customers),
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
            Whether exemplars are called by their identifier instead of by a number.

        Returns
        -------
        page : str
            The same for the same report.
        """
        return _page.render(self, customer_ids=customer_ids)

    def save(self, path: str | os.PathLike[str], *, customer_ids: bool = False) -> None:
        """Write the page to a file; see :meth:`to_html`."""
        Path(path).write_text(self.to_html(customer_ids=customer_ids), encoding="utf-8")

    def model_card(self) -> Card:
        """Make a model card: what the model is, what it was measured at, and what it is not for.

        Returns
        -------
        card : skops.card.Card
            ``card.save("model-card.md")`` writes it, and ``card.add`` adds what only you know.
        """
        return _card.write(self)

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
            f"missing). Pass what skspend.study.transfer_table returns."
        )


def _align(protected: pd.DataFrame | pd.Series, customers: Any) -> pd.DataFrame:
    """Attributes of the customers, in their order."""
    if isinstance(protected, pd.Series):
        protected = protected.to_frame(protected.name or "protected")
    repeated = protected.index.duplicated()
    if repeated.any():
        raise ValueError(
            f"{repeated.sum()} customers are repeated in protected, the first is "
            f"{protected.index[repeated][0]!r}. Keep one row for each."
        )
    aligned = protected.reindex(customers)
    if aligned.isna().all(axis=None):
        raise ValueError(
            f"None of the {len(protected)} customers in protected is among the {len(customers)} of "
            f"the report. Index it by customer: frame.set_index('customer')."
        )
    return aligned
