"""The report that the tutorial ends with, to look at: its code is run, and the page is kept."""

import doctest
import os
import shutil
import tempfile
import warnings
from pathlib import Path


def write_report(app, error):
    """Put ``report.html`` beside the tutorial."""
    if error is not None or app.builder.format != "html":
        return
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Only .* of the spending")
        os.chdir(folder)
        try:
            done = doctest.testfile(str(app.srcdir / "tutorial.md"), module_relative=False)
        finally:
            os.chdir(here)
        if done.failed:
            raise RuntimeError(f"{done.failed} of {done.attempted} examples of the tutorial fail.")
        shutil.copy(Path(folder) / "report.html", app.outdir)


def setup(app):
    """Called by Sphinx."""
    app.connect("build-finished", write_report)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
