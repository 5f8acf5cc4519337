"""Results are written whole or not at all."""

import json
import math
import re
import shutil
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from ._errors import DataError, blame_data

STALE = 7 * 24 * 3600
"""Age in seconds from which a temporary file is taken to be that of a killed run."""


def write_json(record, path):
    """Write strict JSON, whole or not at all."""
    with output_file(path, force=True) as temporary:
        temporary.write_text(json.dumps(strict(record), indent=2, allow_nan=False) + "\n", "utf-8")


def strict(value):
    """Make a record fit for strict JSON: numbers that are not finite become None."""
    if isinstance(value, dict):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def output_folder(folder, names, *, force=False):
    """Give a temporary folder whose files are moved into `folder` at the end, or not at all.

    Parameters
    ----------
    folder : path
        Made if it does not exist.
    names : sequence of str
        The files that will be written.
    force : bool, default=False
        Whether existing outputs may be replaced.

    Raises
    ------
    DataError
        If outputs exist, or the folder cannot be written to. It is raised before any work.
    """
    folder = Path(folder)
    found = [name for name in names if (folder / name).exists()]
    if found and not force:
        raise DataError(
            f"{folder} already holds {', '.join(found)}. Choose another --output, or pass --force "
            f"to replace them."
        )
    # In an existing folder above, so that moving is renaming within one file system.
    base = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    temporary = _temporary(base)
    with blame_data(folder):
        temporary.mkdir()
    try:
        yield temporary
        with blame_data(folder):
            if folder.exists():
                _move_all(temporary, folder)
            else:
                folder.parent.mkdir(parents=True, exist_ok=True)
                temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _temporary(folder):
    """A new name in a folder. Old temporary files of killed runs are removed from the folder."""
    for path in folder.glob(".skspend-*"):
        with suppress(OSError):
            is_ours = re.fullmatch(r"\.skspend-[0-9a-f]{32}", path.name)
            if is_ours and time.time() - path.stat().st_mtime > STALE:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    return folder / f".skspend-{uuid.uuid4().hex}"


def _move_all(temporary, folder):
    """Move new files into a folder, over old ones: all, or none if one cannot be moved."""
    new = list(temporary.iterdir())
    before = temporary / "before"
    before.mkdir()
    try:
        for path in new:
            target = folder / path.name
            if target.exists():
                target.replace(before / path.name)
            path.replace(target)
    except BaseException:
        for path in new:
            if not path.exists():
                (folder / path.name).unlink()
            if (before / path.name).exists():
                (before / path.name).replace(folder / path.name)
        raise


@contextmanager
def output_file(path, *, force=False):
    """Give a temporary path whose file is moved to `path` at the end, or not at all."""
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path} is a folder. Name a file as --output.")
    if not path.parent.is_dir():
        raise DataError(f"{path}: no folder {path.parent}. Make it, or choose another --output.")
    if path.exists() and not force:
        raise DataError(f"{path} already exists. Pass --force to replace it.")
    temporary = _temporary(path.parent)
    with blame_data(path):
        temporary.touch()
    try:
        yield temporary
        with blame_data(path):
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
