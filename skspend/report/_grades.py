"""When a figure is good, fair or poor; ``docs/howto/report.md`` has the sources."""

from __future__ import annotations

import numpy as np

from ..inspection._agreement import DISSOLVED, FOUND_AGAIN
from ..metrics._halves import AGREE, BY_CHANCE

GOOD, FAIR, POOR = "good", "fair", "poor"
LEAST = {
    # The scorer warns below a tenth; above a half, most of the spending speaks.
    "coverage": (0.5, 0.1),
    # Landis & Koch (1977) for a kappa, which a reduction of errors also is.
    "accuracy": (0.6, 0.4),
    "stability": (0.6, 0.4),
    "split half": (AGREE, BY_CHANCE),
    # Hair, Ringle & Sarstedt (2011).
    "R2": (0.75, 0.5),
    # Kaufman & Rousseeuw (1990): strength is a silhouette with centres instead of customers.
    "strength": (0.5, 0.25),
    # Steinley (2004).
    "reproducibility": (0.8, 0.65),
    # Hennig (2007).
    "found again": (FOUND_AGAIN, DISSOLVED),
}
"""From which value a figure is good, and from which it is fair."""
MOST = {
    # Siddiqi (2006), for all indices of population stability.
    "drift": (0.1, 0.25),
    # Schafer (1999): up to 5 % missing has little effect.
    "left out": (0.01, 0.05),
}
"""Below which value a figure is good, and below which it is fair."""


def grade(kind: str, value: float) -> str:
    """Call a figure good, fair or poor; nothing if it is not finite, or of a kind without rule.

    >>> grade("coverage", 0.046), grade("drift", 0.02), grade("turn", 48)
    ('poor', 'good', '')
    """
    if not np.isfinite(value) or kind not in LEAST | MOST:
        return ""
    if kind in MOST:
        good, fair = MOST[kind]
        return GOOD if value < good else FAIR if value < fair else POOR
    good, fair = LEAST[kind]
    return GOOD if value >= good else FAIR if value >= fair else POOR
