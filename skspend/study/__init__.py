"""The paper's experiments, each a function that takes data and returns a tidy frame.

All of them run their fits in parallel by joblib (``n_jobs``, and any backend by
``joblib.parallel_config``), give the same figures for any number of jobs, and keep what is fitted
in ``memory``, so that an interrupted study goes on where it stopped.
"""

from ._claims import judge_claims
from ._elbow import elbow_study, elbow_table, paper_networks
from ._noise import disturb, noise_study
from ._paper import FULL, QUICK, PaperStudy
from ._personality import personality_study
from ._trajectories import network_extractors, trajectory_study
from ._transfer import transfer_models, transfer_study, transfer_table
from ._window import window_study

__all__ = [
    "FULL",
    "QUICK",
    "PaperStudy",
    "disturb",
    "elbow_study",
    "elbow_table",
    "judge_claims",
    "network_extractors",
    "noise_study",
    "paper_networks",
    "personality_study",
    "trajectory_study",
    "transfer_models",
    "transfer_study",
    "transfer_table",
    "window_study",
]
