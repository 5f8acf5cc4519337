"""A hundred of the malformed files of benchmarks/fuzz.py."""

import runpy
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "fuzz.py"
N_FILES = 100


@pytest.mark.filterwarnings("ignore")
def test_a_malformed_file_ends_in_a_clean_error_or_in_the_correct_result(tmp_path):
    fuzz = runpy.run_path(str(BENCHMARK))["Fuzz"](tmp_path)
    for number in range(N_FILES):
        fuzz.try_file(0, number)
    assert not fuzz.failures
    assert fuzz.outcomes.total() == N_FILES
    assert fuzz.outcomes["correct result of predict"] > N_FILES / 6
