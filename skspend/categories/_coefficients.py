"""Coefficients of spending categories on the five traits: tables, and how categories match them.

Maree & Omlin (2021), section III-B; Matz, Gladstone & Stillwell (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from os import PathLike
from typing import TYPE_CHECKING, cast

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from .._utils._text import count, did_you_mean
from ._mcc import ask_about_codes

if TYPE_CHECKING:
    from .._utils._typing import Coefficients, Floats

TRAITS = ("openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism")
INFREQUENT = "infrequent"
"""The category to which SpendingAggregator adds up rare ones, which may have an alias."""
RATING_LIMIT = 3
"""Ratings run from -3 to 3 (Matz, Gladstone & Stillwell 2016)."""


def load_coefficients(source: Coefficients = None) -> pd.DataFrame:
    """Read a table of coefficients: categories by traits.

    Parameters
    ----------
    source : frame, mapping, path or None, default=None
        A frame or mapping with one row per category and the five traits as columns (NaN for an
        unknown cell), or the long form with columns category, trait and value, or the path of a
        CSV file of either form. By default the bundled directions, published for Matz, Gladstone &
        Stillwell (2016) and Gladstone, Matz & Lemaire (2019).

    Returns
    -------
    table : pandas.DataFrame, shape (n_categories, 5)
        Indexed by category.

    Raises
    ------
    ValueError
        If there is no category, a trait is unknown or has no column, categories repeat, or values
        leave -3 ... 3.
    FileNotFoundError
        If `source` is a path that leads to no file.

    Notes
    -----
    The bundled table holds 27 cells for 19 categories. In 26 of them only the direction is known,
    coded +1 or -1. The full table of 59 categories is in the supplement of Matz et al. (2016).

    Examples
    --------
    >>> load_coefficients().loc["books", "extraversion"]
    np.float64(-0.82)
    """
    if source is None:
        return _published_directions().copy()
    if isinstance(source, (str, PathLike)):
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
    if not len(table):
        raise ValueError("The coefficients have no rows. Give one for each category.")
    unknown = sorted(set(map(str, table.columns)) - set(TRAITS))
    if unknown:
        raise ValueError(
            f"The coefficients have the columns {unknown}, which are not among the five traits "
            f"{list(TRAITS)}. Rename or drop these columns."
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
            f"{count(outside.sum(), 'category', 'categories')} with a coefficient outside -3 to 3; "
            f"the first is {outside.idxmax()!r}. Rescale them to the scale of the ratings."
        )
    return table


@cache
def _published_directions():
    path = resources.files("skspend.categories") / "data" / "published_directions.csv"
    with path.open(encoding="utf-8") as file:
        return load_coefficients(pd.read_csv(file))


def match_names(table: pd.DataFrame, features: Sequence[str], aliases: dict[str, str]) -> Floats:
    """Coefficients of named categories, shape (n_features, 5), NaN where unknown."""
    aliases = {str(name): str(target) for name, target in aliases.items()}
    by_name = dict(zip(table.index.str.casefold(), table.to_numpy(), strict=True))
    lost = [(name, target) for name, target in aliases.items() if target.casefold() not in by_name]
    if lost:
        name, target = lost[0]
        raise ValueError(
            f"{count(len(lost), 'alias leads', 'aliases lead')} to a category that the table "
            f"does not have; the first is {name!r} -> {target!r}."
            f"{did_you_mean(target, table.index)} It has: {', '.join(table.index)}."
        )
    absent = [name for name in aliases if name not in features]
    if absent and INFREQUENT not in features:
        raise ValueError(
            f"{count(len(absent), 'alias is', 'aliases are')} of a category that is not in the "
            f"data; the first is {absent[0]!r}.{did_you_mean(absent[0], features)} Correct or "
            f"remove it."
        )
    unknown = np.full(len(TRAITS), np.nan)
    matched = [by_name.get(aliases.get(name, name).casefold(), unknown) for name in features]
    coefficients = np.array(matched, dtype=float)
    if np.isnan(coefficients).all():
        raise ValueError(
            f"None of the {len(features)} categories has a coefficient; the first are "
            f"{list(features[:3])}.{ask_about_codes(features)} Pass aliases= from your categories "
            f"to those of the table ({', '.join(table.index)}), or your own coefficients=."
        )
    return coefficients


def match_positions(table: pd.DataFrame, n_features: int, is_given: bool) -> Floats:
    """Coefficients of the first categories of the table, for an array without names.

    A table that is given for it has no names either, but rows numbered from 0.
    """
    if is_given and list(table.index) != [str(number) for number in range(len(table))]:
        raise ValueError(
            f"The array has {n_features} columns without names, and coefficients= names categories "
            f"such as {table.index[0]!r}. Pass a frame whose columns name the categories, or rows "
            f"of coefficients= numbered from 0 in the order of the columns."
        )
    if n_features > len(table):
        raise ValueError(
            f"The array has {n_features} columns without names, the coefficients have "
            f"{len(table)} categories. Pass a frame whose columns name the categories, or "
            f"coefficients= with a row for every column."
        )
    return table.to_numpy()[:n_features]
