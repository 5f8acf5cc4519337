import numpy as np

from skspend.personality import TYPES
from skspend.plotting import (
    TRAIT_COLORS,
)
from skspend.plotting._colors import text_color, type_color


def test_the_colours_of_traits_differ():
    assert len(set(TRAIT_COLORS.values())) == 5


def test_text_can_be_read_on_every_colour():
    for name in TYPES:
        background = type_color(name)
        ink = text_color(background)
        assert contrast(background, (0, 0, 0) if ink == "black" else (1, 1, 1)) >= 4.5


def contrast(one, other):
    """By the rules of WCAG 2."""

    def luminance(color):
        c = np.asarray(color)
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
