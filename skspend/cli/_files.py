"""Files that the commands read and prepare, and saved models. An error in one is a single line."""

import hashlib
import json
import os
import re
import shlex
import stat
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from glob import escape, glob
from io import StringIO
from pathlib import Path

import pandas as pd

from .._utils._errors import DataError, blame_data, refuse
from .._utils._output import write_json
from .._utils._text import some
from ..aggregation._aggregator import MONTHS
from ..inspection._agreement import NODE_COLUMNS, STABILITY_COLUMNS
from ..personality import load_coefficients
from ..segmentation import SegmentModel
from ..transactions import TransactionLog
from ..transactions._dialect import Dialect, date_formats, decimals
from ..transactions._periods import coarsest_resolution
from ._console import CommandError, note, say
from ._options import ROLES, TEXT

CHOICES = {"decimal": decimals, "date_format": date_formats}
FORMULA = r"^'?('*[=+@\t\r-])"
"""How a cell begins that a spreadsheet runs. One more ' before it makes it text."""
DECIMAL_COMMA = re.compile(r"\d,\d")
RUN_RECORD = "run.json"
SUGGESTED = ("category", "use_as")
"""The columns of the table of skspend categories that are an alias."""
NOT_IN_MODEL = ("separator", "encoding", "drop_unreadable")
"""Options for a file that a model does not know."""
STUDY_RECORD = "study.json"


def inputs(*names):
    """Return the files that a command reads; a pattern or folder stands for all of its files."""
    return [
        path
        for name in names
        if name
        for path in (name, *glob(name, recursive=True), *glob(f"{escape(name)}/*"))
    ]


def command_line(words, options):
    """A command as a user would type it, with the options that are given."""
    words = ["skspend", *filter(None, words)]
    for name, value in options.items():
        if value:
            words.append(f"--{name.replace('_', '-')}")
            words += [] if value is True else [value]
    return shlex.join(words)


def load_model(path, options):
    """Load a saved model, and refuse options that contradict it."""
    model = SegmentModel.load(path)
    if options["income"] and model.pipeline["spend"].normalize_ != "income":
        raise CommandError("--income has no effect: the model does not normalize by income.")
    fitted = model.reading and model.reading.outflow
    if options["outflow"] and fitted and options["outflow"] != fitted:
        raise CommandError(
            f"--outflow {options['outflow']} contradicts the model, for which money spent was "
            f"{fitted}. Leave the option out, or fit another model."
        )
    return model


def read_stability(model):
    """Read how far other fits agree, and where, from the run.json beside a model, or nothing.

    Two frames, as a SegmentReport takes them, by the names of its parameters.
    """
    try:
        record = json.loads(Path(model).with_name(RUN_RECORD).read_text(encoding="utf-8"))
        top = {name: float(record["stability"][name]) for name in STABILITY_COLUMNS}
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    found = {"stability": pd.DataFrame([top], index=["top"])}
    with suppress(ValueError, TypeError, KeyError):
        # Former records have none.
        nodes = pd.DataFrame(record["stability"]["nodes"], columns=NODE_COLUMNS, dtype=float)
        found["node_stability"] = nodes.astype(dict.fromkeys(NODE_COLUMNS[:3], int))
    return found


def read_log(file, options, period, fitted=None):
    """Read transactions with the column options of a command, and note the dropped rows.

    `fitted` is the reading of a model, which counts for what the options leave open.
    """
    asked = {name: options[name] for name in (*ROLES, "income", "outflow", "mcc", *TEXT)}
    styles = {}
    if fitted is not None:
        known = fitted.columns | {"outflow": fitted.outflow, "mcc": fitted.mcc}
        asked = {name: asked[name] or known.get(name) for name in asked}
        styles = {"decimal": fitted.decimal, "date_format": fitted.date_format}
        styles = {name: style for name, style in styles.items() if style and not asked[name]}
    scan = partial(
        TransactionLog.scan,
        file,
        resolution=coarsest_resolution(MONTHS.get(period, period)),
        errors="drop" if options["drop_unreadable"] else "raise",
        **asked | {"outflow": asked["outflow"] or "positive"},
    )
    with blame_data(file):
        try:
            log = scan()
        except ValueError as error:
            # What can be read in two ways is read as the data of the fit, if all of it can.
            if not any(_may_settle(str(error), *style) for style in styles.items()):
                raise
            try:
                log = scan(**styles)
            except ValueError:
                raise error from None
    for reason, n, amount in log.quality_.itertuples():
        if n:
            total = f" ({amount:,.2f} in all)" if amount else ""
            note(f"Dropped {n:,}: {reason}{total}.")
    return log


def _may_settle(message, option, style):
    """Whether an error is about how text is written, and another way was taken than a style."""
    return f"{option}=" in message and CHOICES[option](style).remedy not in message


def reading(log):
    """How a log was read, for a record; nothing if it was not read from files."""
    return None if log.dialect is None else asdict(log.dialect)


def say_how_read(record):
    """Say how a log was read, from its record."""
    if record is not None:
        say(f"Read as: {Dialect(**record)}.")


def note_alike(categories):
    """Note categories that a bank may have meant as one; which ones, it alone knows."""
    names = pd.Index(categories)
    plain = names.str.casefold().str.split().str.join(" ")
    is_alike = plain.duplicated(keep=False)
    if is_alike.any():
        examples = names[plain == plain[is_alike.argmax()]]
        note(
            f"{is_alike.sum():,} of {len(names):,} categories differ from another one only in "
            f"capitals or spaces, such as {some(examples, 2)}. Each counts by itself: write them "
            f"alike in the file if they are the same."
        )


def note_what_does_not_count(n_transactions, before, table):
    """Note what lies before the periods and who spends nothing in them.

    `before` is the number and the amount of the former of all transactions, and `table` holds the
    segments of the customers.
    """
    n, amount = before
    if n:
        note(
            f"Not counted: {n:,} of {n_transactions:,} transactions are before the first "
            f"period ({amount:,.2f} in all)."
        )
    if n_without := int(table["known_share"].isna().sum()):
        note(
            f"{n_without:,} of {len(table):,} customers spend nothing in the periods. Their "
            f"strength is 0, and active_periods is 0."
        )
    if n_strange := int((table["known_share"] == 0).sum()):
        note(
            f"{n_strange:,} of {len(table):,} customers spend only in categories that the model "
            f"does not know. Their strength is 0, and known_share is 0."
        )


def digest(path):
    """The SHA-256 of a file, by which a copy of a model is known to be the same."""
    with blame_data(path), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_coefficients(path):
    """Read coefficients as a mapping, which a model file can hold."""
    with blame_data(path):
        # As text, so that the category 0742 stays 0742.
        table = load_coefficients(_read_edited(path, dtype={"category": str}))
        if not isinstance(table.index[0], str):
            raise ValueError("no column 'category'. Name the column of the categories 'category'.")
        return table.to_dict()


def read_aliases(path):
    """Read a CSV file of two columns: category in the data, category of the coefficients."""
    with blame_data(path):
        table = _read_edited(path, dtype=str, keep_default_na=False, na_values="")
        if {*SUGGESTED} <= {*table.columns}:
            # What skspend categories writes: a category that is left empty has no alias.
            table = table[list(SUGGESTED)].dropna(subset=SUGGESTED[1])
            table[SUGGESTED[0]] = table[SUGGESTED[0]].str.replace(FORMULA, r"\1", regex=True)
        if table.shape[1] != 2:
            raise ValueError(
                f"{table.shape[1]} columns instead of two, the category in the data and the "
                f"category of the coefficients."
            )
        for name in table.columns:
            refuse(table[name].isna().to_numpy(), name, "missing category", "Fill it in")
        source = table.iloc[:, 0]
        refuse(source.duplicated().to_numpy(), source.name, "repeated category", "Keep one row")
        return dict(zip(source, table.iloc[:, 1], strict=True))


def write_suggestions(table, path):
    """Write the table of skspend categories as UTF-8 without formulas, for a spreadsheet."""
    names = table.index.str.replace(FORMULA, r"'\g<0>", regex=True)
    table.set_axis(names).rename_axis(SUGGESTED[0]).to_csv(path, encoding="utf-8-sig")


def _read_edited(path, **options):
    """Read a small table, which a spreadsheet may have written with signs of its own.

    These are the separator and, where it is no comma, the decimal sign; `options` are of read_csv.
    """
    content = Path(path).read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    header, _, _ = text.partition("\n")
    separator = max(",;\t", key=header.count)
    decimal = "," if separator != "," and DECIMAL_COMMA.search(text) else "."
    return pd.read_csv(StringIO(text), sep=separator, decimal=decimal, **options)


def read_protected(path, customers):
    """Read protected attributes into a frame indexed by the customers of a log.

    The customers of the log may be integers; in the file all are text.
    """
    with blame_data(path):
        table = _read_edited(path, dtype=str)
        if table.shape[1] < 2:
            raise ValueError(
                f"{table.shape[1]} columns, but a column of customers and at least one attribute "
                f"are needed."
            )
        names = table.pop(table.columns[0])
        refuse(names.isna().to_numpy(), names.name, "missing customer", "Fill it in")
        known = dict(zip(map(str, customers), customers, strict=True))
        return table.set_index(pd.Index([known.get(name, name) for name in names]))


def kept_fits():
    """Make the folder of the user in which a study keeps its fits, and return it.

    They are pickles, which can run code when they are read: nobody else may have written them.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    folder = (base if base.is_absolute() else Path.home() / ".cache") / "skspend-study"
    with blame_data(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    # Windows has no such owners, and the folder lies in that of the user.
    is_ours = not hasattr(os, "geteuid") or (
        stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
    )
    if not is_ours:
        raise DataError(
            f"{folder} may hold code of others: it is not a folder that only you can read and "
            f"write. Delete it, or choose another place by the variable XDG_CACHE_HOME."
        )
    return folder


def study_folder(folder, parameters, *, force=False):
    """Make the folder of a study, or return that of an interrupted one with the same parameters."""
    folder = Path(folder)
    record = folder / STUDY_RECORD
    with blame_data(folder):
        found = _study_parameters(record) if record.is_file() else parameters
        if found != parameters:
            if not force:
                raise DataError(
                    f"{folder} holds a study with other options: {found}. Choose another "
                    f"--output, or pass --force to replace it."
                )
            for pattern in ("claims.*", "frames/*.csv", "figures/*.png"):
                for path in folder.glob(pattern):
                    path.unlink()
        write_json({"parameters": parameters}, record)
        for name in ("frames", "figures"):
            (folder / name).mkdir(exist_ok=True)
    return folder


def _study_parameters(record):
    try:
        return json.loads(record.read_text(encoding="utf-8"))["parameters"]
    except (ValueError, TypeError, KeyError):
        return f"unknown, as {record.name} cannot be read"
