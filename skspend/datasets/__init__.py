"""Data to try the package on: a synthetic bank, bundled households, a local copy of a bank."""

from ._berka import load_berka
from ._complete_journey import load_complete_journey
from ._synthetic import make_spending
from ._trajectories import make_trajectories

__all__ = ["load_berka", "load_complete_journey", "make_spending", "make_trajectories"]
