"""Folders that ``skspend segment`` has written, made once for all tests of the command line."""

import json
import math
from functools import partial

import pytest
from click.testing import CliRunner

from skspend import LSTMStateExtractor
from skspend.cli import main
from skspend.datasets import load_complete_journey


@pytest.fixture(autouse=True)
def no_step_is_long(monkeypatch):
    """On a slow machine, any step may take long enough for a line of its own."""
    monkeypatch.setattr("skspend.cli._console.WORTH_A_LINE", math.inf)


@pytest.fixture(scope="session")
def run():
    """Call the command in this process."""

    def run(*arguments):
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run


@pytest.fixture(scope="session")
def strict():
    """Read JSON, which has no NaN and no infinity."""
    return partial(
        json.loads, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON")
    )


@pytest.fixture(scope="session")
def run_small(run):
    """The same, with two networks of few epochs in place of eight."""
    small = partial(LSTMStateExtractor, n_networks=2, epochs=5)

    def run_small(*arguments):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("skspend.segmentation._model.LSTMStateExtractor", small)
            return run(*arguments)

    return run_small


@pytest.fixture(scope="session")
def household_log():
    return load_complete_journey().data


@pytest.fixture(scope="session")
def households(tmp_path_factory, run):
    """The main job on the bundled households, fitted once: the folder and what was printed."""
    folder = tmp_path_factory.mktemp("households") / "out"
    return folder, run("segment", "--no-stability", "--output", folder)


@pytest.fixture(scope="session")
def bank_file(tmp_path_factory, bank_log):
    """The transactions of 300 customers."""
    path = tmp_path_factory.mktemp("table") / "bank.csv"
    bank_log.to_frame().to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def few_file(tmp_path_factory, bank_log):
    """The transactions of 30 customers, one of which has an unreadable amount."""
    frame = bank_log[:30].to_frame().astype({"amount": str})
    frame.loc[4, "amount"] = "12,50"
    path = tmp_path_factory.mktemp("table") / "few.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def segmented_bank(tmp_path_factory, run_small, bank_file):
    """The main job on the bank with ``--json``: the folder and what was printed."""
    folder = tmp_path_factory.mktemp("bank") / "out"
    done = run_small("segment", bank_file, "--json", "--output", folder)
    assert done.exit_code == 0, done.output
    return folder, done


@pytest.fixture(scope="session")
def model(segmented_bank):
    """The model file of the bank."""
    return segmented_bank[0] / "model.json"
