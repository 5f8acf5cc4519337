"""Pages are tested wherever pytest starts: first, because they take longest, and each once."""

import gc

import pytest

# What collection makes lives until the end: to look through it for garbage takes long.
gc.disable()

collect_ignore_glob = ["skspend/networks/_keras*.py"]
"""They have no examples, and import TensorFlow."""

COMMANDS = "test_commands_run_in_the_order_of_the_page"
"""A test that runs the code of a page, and its commands; of the README it runs the commands."""


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
