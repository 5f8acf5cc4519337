"""Data to try the package on: a synthetic bank, bundled households, local copies of banks' data."""

from ._berka import load_berka
from ._cards import load_age, load_rosbank
from ._complete_journey import load_complete_journey
from ._synthetic import make_spending
from ._trajectories import make_trajectories

__all__ = [
    "load_age",
    "load_berka",
    "load_complete_journey",
    "load_rosbank",
    "make_spending",
    "make_trajectories",
]
