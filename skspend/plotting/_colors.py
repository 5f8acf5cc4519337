"""Colours of traits, those of the Big Five the same in every picture.

matplotlib is imported where a picture is drawn: the report takes its colours from here, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from ..inspection._names import first_word
from ..personality import TRAITS

if TYPE_CHECKING:
    from .._utils._typing import Floats

# Okabe & Ito's palette for the colour-blind, without its yellow and grey.
TRAIT_COLORS = dict(
    zip(TRAITS, ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00"), strict=True)
)
# Of Tol's palette "muted", what differs most from those.
OTHER_COLORS = ("#882255", "#117733", "#332288", "#999933", "#AA4499", "#44AA99", "#661100")
NO_TRAIT = "#BBBBBB"
PALE = 0.55
"""Share of white in the colour of a low trait."""


def trait_colors(traits: Iterable[str]) -> dict[str, str]:
    """A colour for each trait: its own among the Big Five, else the next of other colours."""
    others = cycle(OTHER_COLORS)
    return {trait: TRAIT_COLORS.get(trait) or next(others) for trait in traits}


def type_color(name: str) -> tuple[float, float, float]:
    """Colour of what a type or a name begins with, such as ``"openness-"``: pale if it is low."""
    from matplotlib.colors import to_rgb

    trait, is_low = first_word(name)
    white = PALE if is_low else 0
    color = to_rgb(TRAIT_COLORS.get(trait, NO_TRAIT))
    red, green, blue = (white + (1 - white) * part for part in color)
    return red, green, blue


def name_colors(names: Sequence[str]) -> Floats:
    """A colour for each name, that of its trait where this distinguishes them, as RGB rows."""
    from matplotlib import colormaps

    colors = np.array([type_color(name) for name in names])
    if len(np.unique(colors, axis=0)) < len(names):
        palette = colormaps["tab20"]
        colors = np.array([palette(number % palette.N)[:3] for number in range(len(names))])
    return colors


def text_color(background: tuple[float, float, float]) -> str:
    """Black or white, whichever is easier to read on a colour (WCAG 2, relative luminance)."""
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in background]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "white"
