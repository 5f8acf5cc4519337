"""The paper's experiments: functions that take data and return a tidy frame.

Figures are the same for any number of jobs and any backend of joblib. :class:`PaperStudy` runs all
experiments, and :func:`write_claims` writes what they found.
"""

from ._elbow import elbow_study, elbow_table
from ._noise import disturb, noise_study
from ._page import judge_claims, write_claims
from ._paper import FULL, QUICK, PaperStudy
from ._states import paper_networks
from ._tasks import How
from ._trajectories import trajectory_study
from ._transfer import transfer_models, transfer_study, transfer_table
from ._windows import personality_study, window_study

__all__ = [
    "FULL",
    "QUICK",
    "How",
    "PaperStudy",
    "disturb",
    "elbow_study",
    "elbow_table",
    "judge_claims",
    "noise_study",
    "paper_networks",
    "personality_study",
    "trajectory_study",
    "transfer_models",
    "transfer_study",
    "transfer_table",
    "window_study",
    "write_claims",
]
