"""BigFivePersonalityScorer: from shares of spending to scores on five traits.

A panel of shares comes in; out go five scores per customer, from coefficients that say how each
category of spending relates to each trait. Maree & Omlin (2021), section III-B.
"""

from __future__ import annotations

import warnings
from importlib import resources
from os import PathLike
from typing import TYPE_CHECKING, Literal, Self, cast

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from ._utils._sklearn import CallbackSupportMixin, HasMethods, StrOptions, _fit_context, one_task
from .panel import Panel, output_names, validate_panel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from sklearn.utils import Tags

    from ._utils._typing import Aliases, Coefficients, Floats, Integers, Names, PanelLike, Table

TRAITS = ("openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism")
TYPES = tuple(f"{trait}{sign}" for trait in TRAITS for sign in "+-")
RATING_LIMIT = 3
"""Ratings run from -3 to 3 (Matz, Gladstone & Stillwell 2016)."""
LOW_COVERAGE = 0.1
"""Below this share of spending with a known coefficient, `fit` warns: a matter of judgement."""


def rank_traits(scores: ArrayLike) -> Integers:
    """Order each customer's traits from the strongest, by absolute score.

    Parameters
    ----------
    scores : array-like, shape (n_customers, 5)

    Returns
    -------
    ranking : ndarray of int, shape (n_customers, 5)
        Positions in ``TRAITS``; the first is the dominant trait (section III-B).

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
    scores : array-like, shape (n_customers, 5)
    rank : int, default=1
        1 for the dominant trait, 2 for the second most dominant, and so on.

    Returns
    -------
    types : ndarray of str, shape (n_customers,)
        Members of ``TYPES``, such as ``"conscientiousness-"``.

    Examples
    --------
    >>> personality_types([[0.1, -2.0, 0.5, 0.0, 1.0]]).tolist()
    ['conscientiousness-']
    >>> personality_types([[0.1, -2.0, 0.5, 0.0, 1.0]], rank=2).tolist()
    ['neuroticism+']
    """
    return np.array(TYPES, dtype=object)[encode_types(scores, rank=rank)]


def encode_types(scores: ArrayLike, *, rank: int = 1) -> Integers:
    """Number each customer's type, as `personality_types` names it, by its position in TYPES."""
    scores = np.asarray(scores)
    traits = rank_traits(scores)[:, rank - 1]
    is_negative = scores[np.arange(len(scores)), traits] < 0
    return 2 * traits + is_negative


def load_coefficients(source: Coefficients = None) -> pd.DataFrame:
    """Read a table of coefficients: categories by traits.

    Parameters
    ----------
    source : frame, mapping, path or None, default=None
        A frame or mapping of columns with one row per category and the five traits as columns (an
        unknown cell is NaN); or the long form with columns category, trait and value; or the path
        of a CSV file of either form. By default the directions published for Matz, Gladstone &
        Stillwell (2016) and Gladstone, Matz & Lemaire (2019) that are bundled with skspend.

    Returns
    -------
    table : pandas.DataFrame, shape (n_categories, 5)
        Indexed by category.

    Raises
    ------
    ValueError
        If a trait is unknown or has no column, categories repeat, or values leave -3 ... 3.

    Notes
    -----
    The bundled table holds 27 cells over 19 categories, 26 of which are a mere direction, coded +1
    or -1. The full table of 59 categories is in the supplement of Matz et al. (2016).

    Examples
    --------
    >>> load_coefficients().loc["books", "extraversion"]
    np.float64(-0.82)
    """
    if source is None:
        source = resources.files("skspend.categories") / "data" / "published_directions.csv"
        with source.open(encoding="utf-8") as file:
            table = pd.read_csv(file)
    elif isinstance(source, (str, PathLike)):
        table = pd.read_csv(source)
    elif nw.dependencies.is_into_dataframe(source):
        table = nw.from_native(source, eager_only=True).to_pandas()
    else:
        table = pd.DataFrame(cast(dict[str, dict[str, float]], source))
    is_long = {"category", "trait", "value"}.issubset(table.columns)
    if is_long:
        repeated = table.duplicated(["category", "trait"])
        if repeated.any():
            cell = table.loc[repeated, ["category", "trait"]].iloc[0].tolist()
            raise ValueError(f"The coefficient of {cell} is given twice. Keep one.")
        order = table["category"].unique()
        table = table.pivot(index="category", columns="trait", values="value").loc[order]
    elif "category" in table.columns:
        table = table.set_index("category")
    unknown = sorted(set(map(str, table.columns)) - set(TRAITS))
    if unknown:
        raise ValueError(
            f"The coefficients name {unknown}, which are none of the five traits {list(TRAITS)}. "
            f"Rename or drop these columns."
        )
    missing = [trait for trait in TRAITS if trait not in table.columns]
    if missing and not is_long:
        raise ValueError(
            f"The coefficients have no column {missing}. Fill it with NaN if the trait is unknown."
        )
    table = table.reindex(columns=list(TRAITS)).astype(float)
    table.index = table.index.map(str)
    is_repeated = table.index.str.casefold().duplicated()
    if is_repeated.any():
        twice = table.index[is_repeated][0]
        raise ValueError(
            f"The coefficients list category {twice!r} twice (case does not count). Keep one row."
        )
    outside = table.abs().gt(RATING_LIMIT).any(axis=1)
    if outside.any():
        raise ValueError(
            f"{outside.sum()} categories have coefficients outside -3 ... 3, the first is "
            f"{outside.idxmax()!r}. Rescale them to the scale of the ratings."
        )
    return table


class BigFivePersonalityScorer(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Score the Big Five personality traits that spending shows.

    This is weak evidence about a person: scores learned from spending agree with questionnaires at
    about r = .15 (Gladstone, Matz & Lemaire 2019).

    Parameters
    ----------
    coefficients : frame, mapping, path or None, default=None
        Table of coefficients, see :func:`load_coefficients`. By default the bundled directions.
        A mapping (``frame.to_dict()``) or a path can be saved by skops, a frame cannot.
    standardize : bool, default=True
        Scale each score to mean 0 and standard deviation 1 over the customers of `fit`.
    level : {"overall", "period"}, default="overall"
        One score per trait for all periods together, or one for each period.
    aliases : dict, default=None
        From category names in the data to categories of the table, such as
        ``{"DOG FOODS": "pets"}``. Names that agree but for case need none.

    Attributes
    ----------
    coefficients_ : ndarray, shape (n_features, 5)
        The coefficient of every feature, NaN where unknown.
    support_ : ndarray of bool, shape (n_features,)
        Which features have a coefficient for any trait.
    coverage_ : float
        Share of the spending of the customers of `fit` that has a coefficient for any trait.
    scaler_ : StandardScaler or None
        What standardises the scores.
    n_periods_ : int
        Number of periods of the panel.

    See Also
    --------
    personality_types : The dominant trait and its sign.
    rank_traits : All traits from the strongest.

    Notes
    -----
    The score of customer i on trait k in period t is :math:`\\sum_c x_{itc} b_{ck}`, with shares x
    and coefficients b; the overall score is its mean over periods. A category whose coefficient is
    unknown adds nothing, which is not to say that it relates to nothing: look at ``coverage_``.

    A nameless array no wider than the table is matched to it by position.

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
    coefficients_: Floats
    coverage_: float
    scaler_: StandardScaler | None
    n_periods_: int

    def __init__(
        self,
        coefficients: Coefficients = None,
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
            than the table.

        Warns
        -----
        UserWarning
            If less than a tenth of the spending in named categories has a coefficient.
        """
        read = validate_panel(self, X)
        panel, features = read.cube, read.features if read.is_named else None
        table = load_coefficients(self.coefficients)
        self.coefficients_ = (
            _match_positions(table, panel.shape[2])
            if features is None
            else _match_names(table, features, self.aliases or {})
        )
        spending = np.abs(panel).sum(axis=(0, 1))
        self.coverage_ = float(spending[self.support_].sum() / (spending.sum() or 1))
        if features is not None and self.coverage_ < LOW_COVERAGE:
            warnings.warn(
                f"Only {self.coverage_:.1%} of the spending, {self.support_.sum()} of "
                f"{len(features)} categories, has a coefficient. Pass aliases= or a fuller table "
                f"to coefficients=.",
                stacklevel=5,
            )
        self.scaler_ = None
        if self.standardize:
            self.scaler_ = StandardScaler().fit(self._score(panel).reshape(-1, len(TRAITS)))
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
        scores : frame or ndarray, shape (n_customers, 5) or (n_customers, n_periods * 5)
            In standard deviations of the customers of `fit` if ``standardize``, else in
            coefficient units times shares.
        """
        check_is_fitted(self)
        panel = validate_panel(self, X, reset=False)
        scores = self._score(panel.cube)
        if self.scaler_ is not None:
            flat = scores.reshape(-1, len(TRAITS))
            scores = self.scaler_.transform(flat).reshape(scores.shape)
        return Panel(scores, panel.period if self.level == "period" else None, TRAITS).like(X)

    def _score(self, panel):
        """Scores of shape (n_customers, n_periods or 1, 5)."""
        scores = panel @ np.nan_to_num(self.coefficients_).astype(panel.dtype)
        return scores.mean(axis=1, keepdims=True) if self.level == "overall" else scores

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
        names = output_names(self, TRAITS, input_features)
        return names if self.level == "period" else np.array(TRAITS, dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _match_names(table, features, aliases):
    aliases = {str(name): str(target) for name, target in aliases.items()}
    by_name = dict(zip(table.index.str.casefold(), table.to_numpy(), strict=True))
    lost = [(name, target) for name, target in aliases.items() if target.casefold() not in by_name]
    if lost:
        name, target = lost[0]
        raise ValueError(
            f"{len(lost)} aliases lead to categories that the coefficients do not have, the first "
            f"is {name!r} -> {target!r}. They have: {', '.join(table.index)}."
        )
    unknown = np.full(len(TRAITS), np.nan)
    matched = [by_name.get(aliases.get(name, name).casefold(), unknown) for name in features]
    coefficients = np.array(matched, dtype=float)
    if np.isnan(coefficients).all():
        raise ValueError(
            f"None of the {len(features)} categories has a coefficient; the first are "
            f"{list(features[:3])}. Pass aliases= from them to categories of the table "
            f"({', '.join(table.index)}), or your own coefficients=."
        )
    return coefficients


def _match_positions(table, n_features):
    if n_features > len(table):
        raise ValueError(
            f"The array has {n_features} columns without names, the coefficients have "
            f"{len(table)} categories. Pass a frame whose columns name the categories, or "
            f"coefficients= with a row for every column."
        )
    return table.to_numpy()[:n_features]
