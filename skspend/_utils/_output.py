"""Results are written whole or not at all."""

import json
import math
import os
import re
import shutil
import stat
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from ._errors import DataError, blame_data, require_text

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
def output_folder(folder, names, *, force=False, inputs=()):
    """Give a temporary folder whose files are moved into `folder` at the end, or not at all.

    Parameters
    ----------
    folder : path
        Made if it does not exist.
    names : sequence of str
        The files that will be written.
    force : bool, default=False
        Whether existing outputs may be replaced. Only regular files are.
    inputs : sequence of path
        Files that are read, and so never replaced.

    Raises
    ------
    DataError
        If an output exists or is an input, or the folder cannot be written to. It is raised before
        any work; and after the work if another run has written an output meanwhile.
    """
    folder = Path(folder)
    with blame_data(folder):
        for name in names:
            _refuse(folder / name, force, inputs)
        # In an existing folder above, so that moving is renaming within one file system.
        base = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
        if not base.exists():
            raise DataError(f"{base} is a link to nothing. Choose another --output.")
        temporary = _temporary(base)
    new, old = temporary / "new", temporary / "old"
    try:
        try:
            with blame_data(folder):
                new.mkdir(parents=True)
            yield new
            with blame_data(folder):
                if folder.exists():
                    old.mkdir()
                    _move_all(new, folder, old, force, inputs)
                else:
                    folder.parent.mkdir(parents=True, exist_ok=True)
                    new.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except BaseException:
        # A signal may have interrupted the removal.
        shutil.rmtree(temporary, ignore_errors=True)
        raise


@contextmanager
def output_file(path, *, force=False, inputs=()):
    """Give a temporary path whose file is moved to `path` at the end, or not at all."""
    path = Path(path)
    with output_folder(path.parent, [path.name], force=force, inputs=inputs) as folder:
        yield folder / path.name


def _refuse(path, force, inputs):
    """Raise an error if an output may not be written to a path."""
    require_text(path)
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if any(_is_file(other, found) for other in inputs):
        raise DataError(f"{path} is an input of this run. Choose another --output.")
    if not stat.S_ISREG(found.st_mode):
        raise DataError(
            f"{path} is a link, a folder or a device. Only regular files are replaced: choose "
            f"another --output."
        )
    if not force:
        raise DataError(
            f"{path} already exists. Choose another --output, or pass --force to replace it."
        )


def _is_file(path, found):
    """Whether a path leads to the file of a result of stat."""
    try:
        return os.path.samestat(os.stat(path), found)
    except (OSError, ValueError):
        return False


def _temporary(folder):
    """A new name in a folder. Old temporary files of killed runs are removed from the folder."""
    for path in folder.glob(".skspend-*"):
        with suppress(OSError):
            is_ours = re.fullmatch(r"\.skspend-[0-9a-f]{32}", path.name)
            if is_ours and time.time() - path.stat().st_mtime > STALE:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    return folder / f".skspend-{uuid.uuid4().hex}"


def _move_all(new, folder, old, force, inputs):
    """Move new files into a folder, those they replace into `old`; or none if one cannot be."""
    placed = []
    try:
        for path in list(new.iterdir()):
            target = folder / path.name
            # Another run may have written it meanwhile.
            _refuse(target, force, inputs)
            if force and target.exists():
                target.replace(old / path.name)
            placed.append(target)
            if not force:
                target.touch(exist_ok=False)
            path.replace(target)
    except BaseException as error:
        if isinstance(error, FileExistsError):
            placed.pop()  # The other run's.
        for target in placed:
            target.unlink(missing_ok=True)
        for path in old.iterdir():
            path.replace(folder / path.name)
        raise
