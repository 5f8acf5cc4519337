"""The README is tested wherever pytest starts."""

import pytest


def pytest_collection_modifyitems(items):
    """It shows households that spend little in the categories with a coefficient."""
    for item in items:
        if item.name == "README.md":
            item.add_marker(pytest.mark.filterwarnings("ignore:Only .* of the spending"))
