"""Pages are tested wherever pytest starts: first, because they take longest, and each once."""

import gc

import pytest
from xdist.scheduler import LoadFileScheduling

# What collection makes lives until the end: to look through it for garbage takes long.
gc.disable()

collect_ignore_glob = ["skspend/networks/_keras*.py"]
"""They have no examples, and import TensorFlow."""

COMMANDS = "test_commands_run_in_the_order_of_the_page"
"""A test that runs the code of a page, and its commands; of the README it runs the commands."""

TOGETHER = {
    "tests/cli": "fits",
    "tests/extraction": "libraries",
    "tests/networks": "libraries",
    "tests/transfer": "libraries",
    "tests/test_common.py": "libraries",
    "tests/test_pipelines.py": "libraries",
    "tests/study/test_tasks.py": "libraries",
    "tests/study/test_transfer.py": "libraries",
}
"""Files and folders that one process tests: they share fits, or Keras and the workers of joblib."""


class FilesTogether(LoadFileScheduling):
    """Gives the tests of a file, or of several, to one process."""

    def _split_scope(self, nodeid):
        path = super()._split_scope(nodeid)
        return next((name for start, name in TOGETHER.items() if path.startswith(start)), path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return FilesTogether(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Leave out the test of a page's code where a test of its code and commands is selected."""
    for item in items:
        # It shows households that spend little in the categories with a coefficient.
        if item.name == "README.md":
            item.add_marker(pytest.mark.filterwarnings("ignore:Only .* of the spending"))
    with_commands = [item for item in items if getattr(item, "originalname", None) == COMMANDS]
    pages = {item.callspec.params["page"] for item in with_commands}
    twice = [item for item in items if item.path in pages and item.name != "README.md"]
    config.hook.pytest_deselected(items=twice)
    others = [item for item in items if item not in twice and item not in with_commands]
    items[:] = with_commands + others


def pytest_collection_finish():
    gc.enable()
    # A test leaves little garbage, and looking for it after every 700 objects takes long.
    gc.set_threshold(10_000)
    # Hypothesis before 6.136 warns then, as it does not see who refers to its own generator.
    gc.freeze()
