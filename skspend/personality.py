"""BigFivePersonalityScorer: from shares of spending to scores on traits.

A panel of shares comes in; a score per customer and trait goes out. Coefficients say how each
category of spending relates to each trait. Maree & Omlin (2021), section III-B.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._utils._sklearn import (
    HasMethods,
    PanelTransformer,
    StrOptions,
    _fit_context,
    array_scaler,
    blocks_of,
    forget_fit,
    one_task,
    robust_scaler,
)
from ._utils._sparse import SparseCube
from ._utils._text import count, warn
from .aggregation._columns import find_shares
from .categories._coefficients import TRAITS, load_coefficients, match_names, match_positions
from .panel import Panel, output_names, validate_panel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray
    from sklearn.preprocessing import RobustScaler

    from ._utils._typing import Aliases, Coefficients, Floats, Integers, Names, PanelLike, Table

__all__ = [
    "TRAITS",
    "TYPES",
    "BigFivePersonalityScorer",
    "encode_types",
    "load_coefficients",
    "personality_types",
    "rank_traits",
]

ROUNDING = 1e-6
"""Quartiles that differ by a smaller share of the standard deviation are equal but for rounding."""
LOW_COVERAGE = 0.1
"""`fit` warns if a smaller share of the spending has a coefficient; the value is a judgement."""


def trait_names(scores: ArrayLike) -> tuple[str, ...]:
    """The traits of scores, of shape (n_customers, n_traits): columns of a frame, or the Big Five.

    Other scores without names are a ValueError.
    """
    columns = getattr(scores, "columns", None)
    if columns is not None and all(isinstance(name, str) for name in columns):
        return tuple(columns)
    n_traits = np.shape(scores)[-1]
    if n_traits != len(TRAITS):
        raise ValueError(
            f"scores has {count(n_traits, 'column')} without names, and the Big Five are "
            f"{len(TRAITS)}. Pass a frame with a column for each trait."
        )
    return TRAITS


def rank_traits(scores: ArrayLike) -> Integers:
    """Order each customer's traits from the strongest, by absolute score.

    Parameters
    ----------
    scores : array-like, shape (n_customers, n_traits)

    Returns
    -------
    ranking : ndarray of int, shape (n_customers, n_traits)
        Positions of traits; the first is the dominant trait (section III-B).

    Examples
    --------
    >>> rank_traits([[0.1, -2.0, 0.5, 0.0, 1.0]]).tolist()
    [[1, 4, 2, 0, 3]]
    """
    return np.argsort(-np.abs(np.asarray(scores)), axis=1, kind="stable")


def personality_types(scores: ArrayLike, *, rank: int = 1) -> Names:
    """Name each customer's dominant trait, or one of lesser rank, and its sign.

    Parameters
    ----------
    scores : array-like, shape (n_customers, n_traits)
        A frame with a column for each trait, or an array of the Big Five.
    rank : int, default=1
        1 for the dominant trait, 2 for the second most dominant, and so on.

    Returns
    -------
    types : ndarray of str, shape (n_customers,)
        Such as ``"conscientiousness-"``; members of ``TYPES`` if the traits are the Big Five.

    Raises
    ------
    ValueError
        If an array has other than five columns.

    Examples
    --------
    >>> personality_types([[0.1, -2.0, 0.5, 0.0, 1.0]]).tolist()
    ['conscientiousness-']
    >>> personality_types([[0.1, -2.0, 0.5, 0.0, 1.0]], rank=2).tolist()
    ['neuroticism+']
    """
    return name_types(trait_names(scores))[encode_types(scores, rank=rank)]


def name_types(traits: Sequence[str]) -> Names:
    """The names of all types: each trait with both signs."""
    return np.array([f"{trait}{sign}" for trait in traits for sign in "+-"], dtype=object)


def encode_types(scores: ArrayLike, *, rank: int = 1) -> Integers:
    """Number each customer's type by its position in `name_types`, for the Big Five in TYPES."""
    scores = np.asarray(scores)
    traits = rank_traits(scores)[:, rank - 1]
    is_negative = scores[np.arange(len(scores)), traits] < 0
    return 2 * traits + is_negative


TYPES: tuple[str, ...] = tuple(name_types(TRAITS))
"""The types of the Big Five."""


class BigFivePersonalityScorer(PanelTransformer):
    """Score personality traits from spending: the Big Five, or those of your own coefficients.

    These scores are weak evidence about a person: scores predicted from spending correlate with
    questionnaires at about r = .15 (Gladstone, Matz & Lemaire 2019).

    Parameters
    ----------
    coefficients : frame, mapping, path or None, default=None
        Table of coefficients, see :func:`load_coefficients`; its columns are the traits. By
        default the bundled directions on the Big Five.
        A model file and skops can hold a mapping (``frame.to_dict()``) or a path, but no frame.
    standardize : bool, default=True
        Scale each score over the customers of `fit`: 0 is their median, and 1 is the standard
        deviation of a normal distribution with their quartiles.
    level : {"overall", "period"}, default="overall"
        One score per trait for all periods together, or one for each period.
    aliases : dict, default=None
        From category names in the data to categories of the table, such as
        ``{"DOG FOODS": "pets"}``. Names that differ only in case need no alias.

    Attributes
    ----------
    traits_ : ndarray of str, shape (n_traits,)
        The traits, in the order of the scores.
    coefficients_ : ndarray, shape (n_features, n_traits)
        The coefficient of every feature, NaN where unknown.
    support_ : ndarray of bool, shape (n_features,)
        Which features have a coefficient for any trait.
    coverage_ : float
        Share of the spending of the customers of `fit` that has a coefficient for any trait. In a
        panel of shares, all customers who spend count alike, whatever they spend.
    scaler_ : RobustScaler or None
        Standardises the scores.
    level_ : {"overall", "period"}
        The parameter `level` as `fit` read it.
    n_periods_ : int
        Number of periods of the panel.

    See Also
    --------
    personality_types : The dominant trait and its sign.
    rank_traits : All traits from the strongest.

    Notes
    -----
    The score of customer i on trait k in period t is :math:`\\sum_c x_{itc} b_{ck}`, with shares x
    and coefficients b; the overall score is its mean over periods. A category without a known
    coefficient adds nothing to a score. Unknown does not mean zero: check ``coverage_``.

    Few customers buy much in a category that counts, so scores have long tails. Median and
    quartiles hardly depend on the tails, so that other customers of the same bank give nearly the
    same scale, and the same types (``docs/measured.md``). If the quartiles of a trait are equal,
    because most customers have the same score, its standard deviation takes their place.

    A nameless array no wider than the table is matched by position to the bundled table, or to
    `coefficients` whose rows are numbered from 0.

    References
    ----------
    Maree & Omlin (2021), section III-B. Matz, Gladstone & Stillwell (2016), Psychological Science
    27(5). Gladstone, Matz & Lemaire (2019), Psychological Science 30(7).

    Examples
    --------
    >>> import pandas as pd
    >>> from skspend import BigFivePersonalityScorer
    >>> shares = pd.DataFrame({"pets": [0.1, 0.0, 0.2], "books": [0.0, 0.3, 0.1]})
    >>> scorer = BigFivePersonalityScorer(standardize=False).set_output(transform="pandas")
    >>> scorer.fit_transform(shares)[["extraversion", "agreeableness"]].round(3)
       extraversion  agreeableness
    0         0.000            0.1
    1        -0.246            0.0
    2        -0.082            0.2
    """

    _parameter_constraints = {
        "coefficients": [
            None,
            str,
            PathLike,
            dict,
            HasMethods("to_pandas"),
            HasMethods("reindex"),
        ],
        "standardize": ["boolean"],
        "level": [StrOptions({"overall", "period"})],
        "aliases": [None, dict],
    }
    traits_: Names
    coefficients_: Floats
    coverage_: float
    scaler_: RobustScaler | None
    level_: Literal["overall", "period"]
    n_periods_: int

    def __init__(
        self,
        coefficients: Coefficients = None,
        *,
        standardize: bool = True,
        level: Literal["overall", "period"] = "overall",
        aliases: Aliases = None,
    ) -> None:
        self.coefficients = coefficients
        self.standardize = standardize
        self.level = level
        self.aliases = aliases

    @one_task
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: PanelLike, y: object = None) -> Self:
        """Match categories to coefficients and learn the scale of the scores.

        Parameters
        ----------
        X : panel, shape (n_customers, n_periods * n_features), or with three dimensions
            Shares of spending or income.
        y : ignored

        Returns
        -------
        self : BigFivePersonalityScorer

        Raises
        ------
        ValueError
            If no category has a coefficient, an alias leads nowhere, or a nameless array is wider
            than the table or meets `coefficients` with names.
        FileNotFoundError
            If `coefficients` is a path that leads to no file.

        Warns
        -----
        UserWarning
            If less than a tenth of the spending in named categories has a coefficient.
        """
        forget_fit(self)
        self.level_ = self.level
        panel = validate_panel(self, X, sparse=True)
        table = load_coefficients(self.coefficients)
        self.traits_ = table.columns.to_numpy(dtype=object)
        self.coefficients_ = (
            match_names(table, panel.features, self.aliases or {})
            if panel.is_named
            else match_positions(table, len(panel.features), self.coefficients is not None)
        )
        spending = _sum_spending(panel.cube)
        if panel.is_named:
            # What has a coefficient is spending, whatever its name ends in.
            spending = np.where(find_shares(panel.features) | self.support_, spending, 0)
        self.coverage_ = float(spending[self.support_].sum() / (spending.sum() or 1))
        if panel.is_named and self.coverage_ < LOW_COVERAGE:
            have = "has" if self.support_.sum() == 1 else "have"
            warn(
                f"Only {self.coverage_:.1%} of the spending has a coefficient: "
                f"{self.support_.sum()} of {count(len(panel.features), 'category', 'categories')} "
                f"{have} one. Pass aliases= or a fuller table to coefficients=."
            )
        self.scaler_ = None
        if self.standardize:
            self.scaler_ = _fit_scaler(self._score(panel.cube).reshape(-1, len(self.traits_)))
        return self

    @property
    def support_(self) -> NDArray[np.bool_]:
        """Which features have a coefficient for any trait, shape (n_features,)."""
        check_is_fitted(self, "coefficients_")
        return np.count_nonzero(~np.isnan(self.coefficients_), axis=1) > 0

    def transform(self, X: PanelLike) -> Table:
        """Score customers.

        Parameters
        ----------
        X : panel, as in `fit`

        Returns
        -------
        scores : frame or ndarray, shape (n_customers, n_traits)
            Or ``n_periods * n_traits`` columns if ``level="period"``. Standardised if
            ``standardize``, else in coefficient units times shares.
        """
        check_is_fitted(self)
        panel = validate_panel(self, X, reset=False, sparse=True)
        scores = self._score(panel.cube)
        if self.scaler_ is not None:
            flat = scores.reshape(-1, len(self.traits_))
            scores = self.scaler_.transform(flat).reshape(scores.shape)
        period = panel.period if self.level_ == "period" else None
        return Panel(scores, period, self.traits_).like(X)

    def _score(self, panel):
        """Scores of shape (n_customers, n_periods or 1, n_traits)."""
        scores = panel @ np.nan_to_num(self.coefficients_).astype(panel.dtype)
        return scores.mean(axis=1, keepdims=True) if self.level_ == "overall" else scores

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Names:
        """The names of the traits, with their period if ``level="period"``.

        Parameters
        ----------
        input_features : array-like of str, default=None
            The columns of X; checked, if given.

        Returns
        -------
        names : ndarray of str
        """
        check_is_fitted(self)
        names = output_names(self, self.traits_, input_features)
        return names if self.level_ == "period" else self.traits_.copy()


def _sum_spending(cube):
    """Absolute spending by category, shape (n_features,)."""
    if isinstance(cube, SparseCube):
        return abs(cube.by_period).sum(axis=0)
    return sum(np.abs(block).sum(axis=(0, 1)) for block in blocks_of(cube))


def _fit_scaler(scores):
    """Fit the scale of scores by trait: by quartiles, or by the deviation where these are equal."""
    scores = scores.astype(np.float64)
    scaler, deviations = robust_scaler().fit(scores), array_scaler().fit(scores).scale_
    low, high = np.quantile(scores, [0.25, 0.75], axis=0)
    scaler.scale_ = np.where(high - low > ROUNDING * deviations, scaler.scale_, deviations)
    return scaler
