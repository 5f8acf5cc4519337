"""The work behind ``skspend segment`` and ``skspend predict``, step by step and without a terminal.

A file of transactions comes in; out come a fitted pipeline, the segment of every customer, and a
folder that holds both. The main job of Maree & Omlin (2021), sections III and IV-A.
"""

import json
import math
import platform
import re
import shutil
import uuid
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import skops.io
from pyarrow import parquet
from sklearn.pipeline import Pipeline

from . import __version__
from .aggregation import SpendingAggregator
from .clustering import TrajectoryClusterer
from .columns import refuse
from .extraction import LSTMStateExtractor
from .inspection import describe_segments, name_segments, segment_path
from .panel import count_active_periods, fold
from .personality import (
    TRAITS,
    BigFivePersonalityScorer,
    load_coefficients,
    personality_types,
)
from .plotting import TrajectoryDisplay
from .transactions import TransactionLog

OUTPUTS = (
    "segments.parquet",
    "trajectories.parquet",
    "trajectories.png",
    "model.skops",
    "run.json",
)
TRUSTED_TYPES = (
    "skspend.aggregation.SpendingAggregator",
    "skspend.clustering.TrajectoryClusterer",
    "skspend.extraction.LSTMStateExtractor",
    "skspend.personality.BigFivePersonalityScorer",
)
"""What a saved model may hold besides what skops itself trusts."""
FEWEST_ACTIVE = 20
"""Two segments of the fewest customers that the clusterer makes a segment of."""
EVERYBODY = "everybody"
"""The segment where nothing divides the customers."""
_LIBRARIES = ("numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "tensorflow", "keras", "skops")


class DataError(ValueError):
    """What the user gave cannot be read or segmented; the message is one line and says why."""


@contextmanager
def blame_data(where=None):
    """Turn what is raised on account of the user's data into a DataError.

    Parameters
    ----------
    where : path or str, default=None
        What begins the message, such as the file.
    """
    try:
        yield
    except DataError:
        raise
    except (ValueError, TypeError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        text = as_options(reason) if where is None else f"{where}: {as_options(reason)}"
        raise DataError(text) from error


def as_options(message):
    """Say a message on one line and in the words of the command line.

    Examples
    --------
    >>> as_options("Pass aliases= or normalize='spending'.")
    'Pass --aliases or --normalize spending.'
    """
    message = re.sub(r"\b(aliases|coefficients|normalize|income)=(?:'(\w+)')?", r"--\1 \2", message)
    return re.sub(
        r"\s+([,)]|\.(?=\s|$)|$)|\s+", lambda match: match[1] or " " * bool(match[0]), message
    )


def read_log(path, columns, *, outflow="positive", income=None):
    """Read transactions from a CSV or Parquet file.

    Parameters
    ----------
    path : str or path
        Ends in ``.csv`` or ``.parquet``.
    columns : dict
        From customer, date, category and amount to the names of these columns.
    outflow : {"positive", "negative"}, default="positive"
        The sign of money spent.
    income : str, default=None
        Name of the column with the customer's yearly income; the mean of a customer's rows counts.

    Returns
    -------
    log : TransactionLog

    Raises
    ------
    DataError
        If the file or a column cannot be read.
    """
    wanted = dict(columns) if income is None else columns | {"income": income}
    with blame_data(path):
        frame = _read_table(Path(path), wanted)
        incomes = None if income is None else _mean_incomes(frame, columns["customer"], income)
        return TransactionLog(frame, **columns, outflow=outflow, income=incomes)


def _read_table(path, columns):
    if path.suffix.lower() == ".parquet":
        _check_columns(parquet.read_schema(path).names, columns)
        return pd.read_parquet(path, columns=list(set(columns.values())))
    if path.suffix.lower() != ".csv":
        raise ValueError(f"a file must end in .csv or .parquet, not {path.suffix!r}.")
    _check_columns(pd.read_csv(path, nrows=0).columns, columns)
    # As text, 007 stays 007, and dates such as 20240131 are no numbers.
    text = {columns[role]: str for role in ("customer", "date", "category")}
    frame = pd.read_csv(path, usecols=list(set(columns.values())), dtype=text)
    customer = frame[columns["customer"]]
    if customer.str.fullmatch(r"0|[1-9]\d{0,17}").all():
        frame[columns["customer"]] = customer.astype(np.int64)
    return frame


def _check_columns(found, columns):
    missing = [f"{name!r} (--{role})" for role, name in columns.items() if name not in found]
    if missing:
        raise ValueError(
            f"no column {', '.join(missing)}. The columns are: {', '.join(map(repr, found))}. "
            f"Name the right ones by these options."
        )


def _mean_incomes(frame, customer, column):
    values = frame[column]
    incomes = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    refuse(
        values.notna().to_numpy() & ~((incomes >= 0) & np.isfinite(incomes)),
        column, "negative, infinite or unreadable income",
        "Write yearly incomes as plain numbers",
    )  # fmt: skip
    means = pd.Series(incomes).groupby(frame[customer].to_numpy()).mean().dropna()
    return pd.DataFrame({customer: means.index, "income": means.to_numpy()})


def read_coefficients(path):
    """Read coefficients as a mapping, which, unlike a frame, can be saved with the model."""
    with blame_data(path):
        # As text, so that a category 0742 stays 0742.
        table = load_coefficients(pd.read_csv(path, dtype={"category": str}))
        if not isinstance(table.index[0], str):
            raise ValueError("no column 'category'. Name the categories in a column of this name.")
        return table.to_dict()


def read_aliases(path):
    """Read a CSV file of two columns: category in the data, category of the coefficients."""
    with blame_data(path):
        table = pd.read_csv(path, dtype=str)
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


def aggregate(log, *, period="year", n_periods=None, normalize="spending"):
    """Fit the first step on all customers.

    Returns
    -------
    spend : SpendingAggregator
    panel : pandas.DataFrame
        Of all customers.
    is_active : ndarray of bool, shape (n_customers,)
        Who spends in all periods; these customers shape the model.

    Raises
    ------
    DataError
        If fewer than 20 customers do.
    """
    spend = SpendingAggregator(period=period, n_periods=n_periods, normalize=normalize)
    with blame_data():
        panel = spend.fit(log).transform(log)
    spends = (fold(panel.to_numpy(), spend.n_periods_) != 0).any(axis=2)
    is_active = spends.all(axis=1)
    if is_active.sum() < FEWEST_ACTIVE:
        raise DataError(_too_few(spends))
    return spend, panel, is_active


def _too_few(spends):
    n_customers, n_periods = spends.shape
    found = (
        f"Only {spends.all(axis=1).sum():,} of {n_customers:,} customers spend in all {n_periods} "
        f"periods, and {FEWEST_ACTIVE} are needed to find segments."
    )
    for fewer in range(n_periods - 1, 0, -1):
        n_active = spends[:, -fewer:].all(axis=1).sum()
        if n_active >= FEWEST_ACTIVE:
            return f"{found} With --periods {fewer}, {n_active:,} do: ask for fewer --periods."
    return f"{found} Fewer --periods do not help: give more customers, or check --date."


def start_tensorflow():
    """Import TensorFlow and let it look at the machine, which takes seconds."""
    from .networks import training

    training.keras.ops.zeros(1)


def train(panel, *, coefficients=None, aliases=None, n_units=3, random_state=0, callback=None):
    """Fit the second step on the active customers.

    Parameters
    ----------
    panel : pandas.DataFrame
        Of the active customers.
    coefficients, aliases : dict, default=None
        See BigFivePersonalityScorer.
    n_units : int, default=3
    random_state : int, default=0
    callback : FitCallback, default=None
        Is told of every epoch; it does not stay in the model.

    Returns
    -------
    states : LSTMStateExtractor
    """
    scorer = BigFivePersonalityScorer(coefficients, aliases=aliases)
    states = LSTMStateExtractor(n_units, scorer=scorer, random_state=random_state)
    if callback is not None:
        states.set_callbacks(callback)
    with blame_data():
        states.fit(panel)
    return states.set_callbacks()


def cluster(trajectories, scores, *, max_depth=3, random_state=0):
    """Fit the third step on the active customers, and name its nodes.

    Returns
    -------
    segment : TrajectoryClusterer
    names : dict from int to str
    """
    segment = TrajectoryClusterer(max_depth=max_depth, random_state=random_state)
    segment.fit(trajectories)
    return segment, name_segments(segment, trajectories, scores)


@dataclass(frozen=True)
class SegmentModel:
    """A fitted pipeline of the steps spend, states and segment, and the names of its nodes."""

    pipeline: Pipeline
    names: dict[int, str]

    def score_customers(self, panel):
        """Standardised scores of customers, by their panel."""
        return self.pipeline["states"].scorer_.transform(panel)

    def path(self, node):
        """The name of a node, after those above it."""
        return segment_path(self.pipeline["segment"], node, self.names) or EVERYBODY

    def place(self, customers, panel, trajectories):
        """Tell every customer's segment.

        Parameters
        ----------
        customers : array-like, shape (n_customers,)
        panel, trajectories : frame
            What the first two steps make of the customers.

        Returns
        -------
        table : pandas.DataFrame
            Columns customer, segment, level1 ..., strength, the five traits, type and
            active_periods.
        """
        segment = self.pipeline["segment"]
        nodes = segment.predict_levels(trajectories)
        paths = {node: self.path(node) for node in np.unique(nodes)}
        levels = [pd.Series(level).map(paths).to_numpy() for level in nodes.T]
        scores = self.score_customers(panel)
        n_periods = self.pipeline["spend"].n_periods_
        return pd.DataFrame(
            {
                "customer": np.asarray(customers),
                "segment": levels[-1],
                **{f"level{number}": level for number, level in enumerate(levels, start=1)},
                "strength": segment.strength(trajectories),
                **{trait: scores[trait].to_numpy() for trait in TRAITS},
                "type": personality_types(scores),
                "active_periods": count_active_periods(fold(panel.to_numpy(), n_periods)),
            }
        )

    def predict(self, log):
        """Tell the segment of every customer of a log; see :meth:`place` for the table."""
        with blame_data():
            panel = self.pipeline["spend"].transform(log)
        return self.place(log.customers, panel, self.pipeline["states"].transform(panel))

    def describe(self, panel, trajectories):
        """Describe all nodes, children after their parent; see describe_segments."""
        segment, scores = self.pipeline["segment"], self.score_customers(panel)
        table = describe_segments(segment, trajectories, scores, panel, names=self.names)
        return table.iloc[_tree_order(table)] if len(table) else table

    def save(self, path):
        """Write the model by skops."""
        names = {str(node): name for node, name in self.names.items()}
        model = {"pipeline": self.pipeline, "names": names}
        skops.io.dump(model, path, compression=zipfile.ZIP_DEFLATED)

    @classmethod
    def load(cls, path):
        """Read a model, and nothing but a model: a file with any type not listed is refused.

        Raises
        ------
        DataError
            If the file is not there, is no model, or holds another type.
        """
        with blame_data(path):
            content = Path(path).read_bytes()
        try:
            foreign = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED_TYPES))
            model = None if foreign else skops.io.loads(content, trusted=list(TRUSTED_TYPES))
        # A damaged file makes skops raise errors of a dozen types.
        except Exception as error:
            raise DataError(f"{path}: this is no readable model of skspend ({error}).") from error
        if foreign:
            raise DataError(
                f"{path}: holds {', '.join(foreign)}, which no model of skspend does. Nothing of "
                f"it was loaded."
            )
        pipeline = model.get("pipeline") if isinstance(model, dict) else None
        steps = getattr(pipeline, "named_steps", {})
        if list(steps) != ["spend", "states", "segment"] or "names" not in model:
            raise DataError(f"{path}: this is no model written by skspend segment.")
        return cls(pipeline, {int(node): name for node, name in model["names"].items()})


def _tree_order(table):
    """Positions of the rows, every node followed by what is below it, large ones first."""
    order = []

    def visit(parent):
        children = table[table["parent"] == parent].sort_values("customers", ascending=False)
        for node in children["node"]:
            order.append(table.index[table["node"] == node][0])
            visit(node)

    visit(0)
    return order


def summarise(model, panel, trajectories, is_active, described):
    """Count and measure the result, as in ``run.json``.

    Returns
    -------
    figures : dict
    """
    spend, states, segment = model.pipeline.named_steps.values()
    top = described[described["depth"] == 1] if len(described) else described
    return {
        "customers": len(panel),
        "customers_active_in_all_periods": int(is_active.sum()),
        "periods": int(spend.n_periods_),
        "categories": len(spend.categories_),
        "coverage": states.scorer_.coverage_,
        "accuracy_in_sample": states.score(panel[is_active]),
        "stability_kappa": segment.score(trajectories[is_active]),
        "top_level_segments": len(top),
        "leaves": int((segment.tree_["label"] >= 0).sum()),
        "largest_share": float(top["share"].max()) if len(top) else 1.0,
        "outside_the_periods": spend.quality_.to_dict(orient="index"),
    }


def draw(trajectories, types, path):
    """Write the picture of the trajectories."""
    TrajectoryDisplay.from_predictions(trajectories, types).figure_.savefig(path)


def versions():
    """Versions of skspend, Python and the libraries that the result depends on."""
    found = {"skspend": __version__, "python": platform.python_version()}
    return found | {name: version(name) for name in _LIBRARIES}


def write_json(record, path):
    """Write strict JSON: what is not a finite number becomes null."""
    path.write_text(json.dumps(_strict(record), indent=2, allow_nan=False) + "\n", "utf-8")


def _strict(value):
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def output_folder(folder, *, force=False):
    """Give a temporary folder whose files are moved into `folder` at the end, or not at all.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    force : bool, default=False
        Whether outputs that are there may be replaced.

    Raises
    ------
    DataError
        If outputs are there, or the folder cannot be written to: before any work.
    """
    folder = Path(folder)
    found = [name for name in OUTPUTS if (folder / name).exists()]
    if found and not force:
        raise DataError(
            f"{folder} already holds {', '.join(found)}. Choose another --output, or pass --force "
            f"to replace them."
        )
    # Within what is there, so that moving is renaming on one file system.
    base = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    temporary = base / f".skspend-{uuid.uuid4().hex}"
    with blame_data(folder):
        temporary.mkdir()
    try:
        yield temporary
        with blame_data(folder):
            if folder.exists():
                for path in temporary.iterdir():
                    path.replace(folder / path.name)
            else:
                folder.parent.mkdir(parents=True, exist_ok=True)
                temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def output_file(path, *, force=False):
    """Give a temporary path whose file is moved to `path` at the end, or not at all."""
    path = Path(path)
    if path.exists() and not force:
        raise DataError(f"{path} is already there. Pass --force to replace it.")
    temporary = path.with_name(f".skspend-{uuid.uuid4().hex}")
    with blame_data(path):
        temporary.touch()
    try:
        yield temporary
        with blame_data(path):
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
