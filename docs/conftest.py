"""Code on the pages runs in an empty folder."""

from pathlib import Path

import pytest

collect_ignore_glob = ["*.py", "_build/*", "gallery/*", "reference/*"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def pytest_collection_modifyitems(items):
    """Pages warn of these themselves."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("ignore:Only .* of the spending"))
            item.add_marker(pytest.mark.filterwarnings("ignore:Dask support is moving out"))
