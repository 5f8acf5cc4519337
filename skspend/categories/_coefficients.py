"""Coefficients of spending categories on traits: tables, and how categories match them.

Maree & Omlin (2021), section III-B; Matz, Gladstone & Stillwell (2016).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from os import PathLike
from typing import TYPE_CHECKING, cast

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from .._utils._text import count, did_you_mean
from ._mcc import ask_about_codes

if TYPE_CHECKING:
    from .._utils._typing import Coefficients, Floats, Names

TRAITS = ("openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism")
"""The Big Five, which the bundled table has. Other tables may have other traits."""
NOT_TRAITS = {
    *("customer", "segment", "stable_segment", "strength", "reproduced", "type"),
    *("active_periods", "known_share"),
    *("node", "parent", "depth", "label", "path", "customers", "share"),
    *("spends_more_on", "spends_less_on", "exemplars", "category", "has_coefficient", "is_read"),
}
"""Columns that stand beside the traits in tables of results, as do level1, level2 and so on."""
INFREQUENT = "infrequent"
"""The category to which SpendingAggregator adds up rare ones, which may have an alias."""
RATING_LIMIT = 3
"""Ratings run from -3 to 3 (Matz, Gladstone & Stillwell 2016)."""


def load_coefficients(source: Coefficients = None) -> pd.DataFrame:
    """Read a table of coefficients: categories by traits.

    Parameters
    ----------
    source : frame, mapping, path or None, default=None
        A frame or mapping with one row per category and one column per trait (NaN for an unknown
        cell), or the long form with columns category, trait and value, or the path of a CSV file
        of either form. The traits may be any, such as materialism and self-control. By default the
        bundled directions on the Big Five, published for Matz, Gladstone & Stillwell (2016) and
        Gladstone, Matz & Lemaire (2019).

    Returns
    -------
    table : pandas.DataFrame, shape (n_categories, n_traits)
        Indexed by category; the columns are the traits, the Big Five in the order of ``TRAITS``.

    Raises
    ------
    ValueError
        If there is no category or no trait, a name cannot be that of a trait, categories repeat,
        or values are not numbers or leave -3 ... 3.
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
    if {"category", "trait", "value"}.issubset(table.columns):
        repeated = table.duplicated(["category", "trait"])
        if repeated.any():
            cell = table.loc[repeated, ["category", "trait"]].iloc[0].tolist()
            raise ValueError(f"The coefficient of {cell} is given twice. Keep one.")
        order, traits = table["category"].unique(), table["trait"].unique()
        table = table.pivot(index="category", columns="trait", values="value").loc[order, traits]
    elif "category" in table.columns:
        table = table.set_index("category")
    if not len(table):
        raise ValueError("The coefficients have no rows. Give one for each category.")
    table = _to_numbers(table)
    check_traits(table.columns)
    if set(table.columns) <= set(TRAITS):
        table = table.reindex(columns=[trait for trait in TRAITS if trait in table.columns])
    table.index = table.index.map(str)
    is_repeated = table.index.str.casefold().duplicated()
    if is_repeated.any():
        twice = table.index[is_repeated][0]
        raise ValueError(
            f"The coefficients list category {twice!r} twice (case does not count). Keep one row."
        )
    outside = table.abs().gt(RATING_LIMIT).any(axis=1)
    if outside.any():
        row = table.loc[outside].iloc[0]
        raise ValueError(
            f"{count(outside.sum(), 'category', 'categories')} with a coefficient outside -3 to 3; "
            f"the first is {row.name!r}, with {row.abs().max():g} for {row.abs().idxmax()!r}. "
            f"Rescale them to the scale of the ratings, or drop a column that is not a trait."
        )
    return table


def _to_numbers(table):
    """The table as floats, with names of traits as text."""
    table = table.rename(columns=str)
    for name, column in table.items():
        if is_numeric_dtype(column.dtype):
            continue
        numbers = pd.to_numeric(column, errors="coerce")
        is_text = numbers.isna() & column.notna()
        if is_text.any():
            raise ValueError(
                f"The coefficients have a column {name!r}, in which {is_text.sum()} of "
                f"{len(table)} values are not numbers; the first is {column[is_text].iloc[0]!r}. "
                f"Call the column of the categories 'category', and drop what is not a trait."
            )
    return table.astype(float)


def check_traits(names: pd.Index) -> None:
    """Refuse names that a name of a segment, or a table of results, could not hold."""
    if not len(names):
        raise ValueError("The coefficients have no traits. Give a column for each trait.")
    if names.str.casefold().duplicated().any():
        twice = names[names.str.casefold().duplicated()][0]
        raise ValueError(
            f"The coefficients have the trait {twice!r} twice (case does not count). Keep one."
        )
    for name in names:
        is_readable = name.strip() == name != "" and name.isprintable()
        is_plain = not (name.endswith(("+", "-")) or {">", "|", ","} & set(name))
        if (
            name in NOT_TRAITS
            or re.fullmatch(r"level\d+", name)
            or name.startswith(("more ", "less "))
            or not (is_readable and is_plain)
        ):
            raise ValueError(
                f"The coefficients have a column {name!r}, which cannot be the name of a trait. "
                f"Use words without > | or a comma that do not end in + or - or begin with more "
                f"or less, and neither level with a number nor any of "
                f"{', '.join(sorted(NOT_TRAITS))}."
            )


@cache
def _published_directions():
    path = resources.files("skspend.categories") / "data" / "published_directions.csv"
    with path.open(encoding="utf-8") as file:
        return load_coefficients(pd.read_csv(file))


def check_aliases(
    table: pd.DataFrame, features: Sequence[str] | Names, aliases: dict[str, str]
) -> None:
    """Refuse aliases to a category that the table lacks, or of one that the data lacks."""
    known = set(table.index.str.casefold())
    lost = [(name, target) for name, target in aliases.items() if target.casefold() not in known]
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


def match_names(table: pd.DataFrame, features: Sequence[str], aliases: dict[str, str]) -> Floats:
    """Coefficients of named categories, shape (n_features, n_traits), NaN where unknown."""
    aliases = {str(name): str(target) for name, target in aliases.items()}
    check_aliases(table, features, aliases)
    by_name = dict(zip(table.index.str.casefold(), table.to_numpy(), strict=True))
    unknown = np.full(table.shape[1], np.nan)
    matched = [by_name.get(aliases.get(name, name).casefold(), unknown) for name in features]
    coefficients = np.array(matched, dtype=float)
    if np.isnan(coefficients).all():
        raise ValueError(
            f"None of the {len(features)} categories has a coefficient; the first are "
            f"{list(features[:3])}.{ask_about_codes(features)} Pass aliases= from your categories "
            f"to those of the table ({', '.join(table.index)}), your own coefficients=, or take "
            f"a FactorStateExtractor, which needs none."
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
