"""The file of a model: what ``skspend segment`` saves, and what ``skspend predict`` believes of it.

A fitted pipeline and the names of its segments go in; out comes a file in the format of skops: a
zip archive of arrays, a ``schema.json`` that says what objects they belong to, and here also a
``versions.json``. On the way back a file is hostile until shown to be harmless, in this order: its
size and its version, then the types it names, then the objects, which must fit together. skops is
given only what has been looked at.
"""

from __future__ import annotations

import copy
import io
import json
import math
import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import sklearn
import skops.io
from packaging.version import Version
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from .. import __version__
from .._utils._errors import DataError, blame_data
from ..aggregation import SpendingAggregator
from ..clustering import TrajectoryClusterer
from ..clustering._tree import N_EXEMPLARS
from ..extraction import LSTMStateExtractor
from ..networks._specification import Network
from ..personality import TRAITS, BigFivePersonalityScorer

if TYPE_CHECKING:
    from .._utils._typing import FilePath

TRUSTED_TYPES: dict[str, tuple[str, ...]] = {
    "DictNode": ("builtins.dict",),
    "ListNode": ("builtins.list",),
    "TupleNode": ("builtins.tuple", "skspend.networks._specification.Network"),
    "JsonNode": ("builtins.str",),
    "TypeNode": ("builtins.str", "numpy.float32", "numpy.float64"),
    "NdArrayNode": ("numpy.ndarray", "numpy.float64", "numpy.int64"),
    "ObjectNode": (
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.StandardScaler",
        "skspend.aggregation.SpendingAggregator",
        "skspend.clustering._tree.TrajectoryClusterer",
        "skspend.extraction._lstm.LSTMStateExtractor",
        "skspend.personality.BigFivePersonalityScorer",
    ),
}
"""All that a model may hold, by the way in which skops makes it. skops by itself trusts far more:
every estimator of scikit-learn, functions of numpy and scipy, archives within the archive."""
LARGEST = 16_000_000
"""Bytes of a file, and of all that is packed in it. The models of the bundled households and of a
bank of 26,000 customers unpack to 0.2 and 0.3 million."""
MOST_MEMBERS = 200
"""Arrays and other members of the archive; a model has about 25."""
MOST_VALUES = 1_000_000
"""Values in ``schema.json``, of which these models have 6,000 and 14,000. An object takes about
five, and skops makes about 1,000 bytes of it."""
MOST_COLUMNS = 100_000
"""Columns of a panel or of trajectories: some hundred bytes each before any customer is read."""
LARGEST_HEADER = 256
"""Bytes of the text at the head of an array, which Python parses; numpy writes 118."""
MOST_MONTHS = 12_000
"""A thousand years: dates go no further back."""
LARGEST_NUMBER = 1e30
"""Beyond, and below its inverse, sums of products in single precision may be no number."""
STEPS: list[tuple[str, type[Any]]] = [
    ("spend", SpendingAggregator),
    ("states", LSTMStateExtractor),
    ("segment", TrajectoryClusterer),
]
OF_CUSTOMERS: dict[str, tuple[str, ...]] = {
    "spend": ("active_periods_",),
    "segment": ("labels_", "level_labels_", "strengths_", "outlier_scores_"),
}
"""What the steps know of every customer of `fit`: it stays out of the file."""
REMEDY = "Copy the file anew, or write it anew with skspend segment."


def write(pipeline: Pipeline, names: dict[int, str], path: FilePath) -> None:
    """Write a model.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted steps spend, states and segment.
    names : dict from int to str
        Names of the nodes of the tree.
    path : path

    Raises
    ------
    DataError
        If :func:`read` would refuse it, or the file cannot be written.
    """
    scorer = getattr(pipeline.named_steps.get("states"), "scorer_", None)
    if hasattr(getattr(scorer, "coefficients", None), "columns"):
        raise DataError(
            f"{path}: the coefficients are a frame, which a model file cannot hold. Fit the scorer "
            f"with coefficients=frame.to_dict()."
        )
    with refuse(path):
        _check(pipeline, names)
        text = {str(node): name for node, name in names.items()}
        content = skops.io.dumps({"pipeline": _without_customers(pipeline), "names": text})
        members = _unpack(content)
        versions = {
            "skspend": __version__,
            "scikit-learn": sklearn.__version__,
            "skops": skops.__version__,
        }
        content = _pack(
            {"versions.json": json.dumps(versions).encode(), **_clean(members, path)},
            zipfile.ZIP_DEFLATED,
        )
    with blame_data(path), open(path, "wb") as file:
        file.write(content)


def read(path: FilePath) -> tuple[Pipeline, dict[int, str]]:
    """Read a model, and nothing but a model.

    Returns
    -------
    pipeline : Pipeline
    names : dict from int to str

    Raises
    ------
    DataError
        If the file is not there, is too large, was written by a newer skspend, holds a type that
        is not listed, or holds objects that do not fit together.
    """
    with blame_data(path), open(path, "rb") as file:
        content = file.read(LARGEST + 1)
    with refuse(path):
        members = _unpack(content)
        _check_version(members.pop("versions.json", None), path)
        model = skops.io.loads(
            _pack(_clean(members, path), zipfile.ZIP_STORED),
            trusted=[name for names in TRUSTED_TYPES.values() for name in names],
        )
        pipeline = model["pipeline"]
        names = {int(node): name for node, name in model["names"].items()}
        _check(pipeline, names)
        _name_columns(pipeline)
    return pipeline, names


@contextmanager
def refuse(path: FilePath) -> Iterator[None]:
    """Turn whatever a damaged or hostile file makes Python raise into one line of DataError."""
    try:
        yield
    except DataError:
        raise
    # Errors of two dozen types, from zlib.error to RecursionError.
    except Exception as error:
        is_told = isinstance(error, (ValueError, zipfile.BadZipFile))
        reason = _printable(str(error)) if is_told else "what it holds does not fit together"
        raise DataError(
            f"{path}: this is no readable model of skspend ({reason.rstrip('.')}). {REMEDY}"
        ) from error


def _printable(text, most=200):
    """What stands in a file, for a line on the screen."""
    text = re.sub(r"\s+", " ", text[:most])
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _unpack(content):
    """Members of an archive by name, no more and no larger than they may be."""
    # The directory is looked at before zipfile makes an object of each of its entries.
    if len(content) > LARGEST or content.count(b"PK\x01\x02") > MOST_MEMBERS:
        raise ValueError(f"it has more than {LARGEST:,} bytes or {MOST_MEMBERS} members")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > LARGEST:
            raise ValueError(f"it unpacks to more than {LARGEST:,} bytes")
        if len({member.filename for member in members}) < len(members):
            raise ValueError("a member comes twice")
        return {member.filename: _unpack_member(archive, member) for member in members}


def _unpack_member(archive, member):
    # Other methods spend memory that the sizes do not tell.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("a member is packed by another method than deflate")
    with archive.open(member) as stream:
        # Without a number, zipfile unpacks all before it cuts to the size that the file states.
        data = stream.read(member.file_size)
    if len(data) != member.file_size:
        raise ValueError("a member is shorter than the file says")
    return data


def _pack(members, compression):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            # Of no date, so that equal models are equal files.
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return buffer.getvalue()


def _check_version(member, path):
    if member is None:
        raise DataError(
            f"{path}: this is no model written by skspend segment: it does not say by which "
            f"version. Name the model.skops that skspend segment writes."
        )
    found = _parse(member)["skspend"]
    if Version(found) > Version(__version__):
        raise DataError(
            f"{path}: written by skspend {_printable(found, 40)}, and this is skspend "
            f"{__version__}, which may misread it. Update by pip install --upgrade skspend, or "
            f"write the model anew here."
        )


def _parse(member):
    if sum(member.count(sign) for sign in (b"{", b"[", b",")) > MOST_VALUES:
        raise ValueError(f"a description has more than {MOST_VALUES:,} values")
    return json.loads(member)


def _clean(members, path):
    """Members for skops: a schema of listed types alone, and its arrays, each of them used once.

    What skops calls the identity of an object is left out, by which a file could have one object
    stand for another, or for a thousand.
    """
    schema = _parse(members.pop("schema.json"))
    arrays, foreign, pending = {}, set(), [schema]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending.extend(value)
        if not isinstance(value, dict):
            continue
        pending.extend(value.values())
        if "__loader__" not in value:
            continue
        value.pop("__id__", None)
        name = f"{value['__module__']}.{value['__class__']}"
        if name not in TRUSTED_TYPES.get(value["__loader__"], ()):
            foreign.add(f"{name} as {value['__loader__']}")
        elif "file" in value:
            data = members.pop(value["file"], None)
            if data is None:
                raise ValueError("an array is missing, or used twice")
            _check_array(data)
            value["file"] = f"{len(arrays)}.npy"
            arrays[value["file"]] = data
    if foreign:
        raise DataError(
            f"{path}: holds {_printable(', '.join(sorted(foreign)))}, which no model of skspend "
            f"does. Nothing of it was loaded. {REMEDY}"
        )
    if members:
        raise ValueError(f"it holds {len(members)} members that belong to nothing")
    return {"schema.json": json.dumps(schema).encode(), **arrays}


def _check_array(data):
    """Refuse an array that is larger than its bytes, or of objects."""
    stream = io.BytesIO(data)
    # numpy repairs some headers, with a warning.
    with warnings.catch_warnings(action="error"):
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("an array is of another version of numpy's format")
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream, LARGEST_HEADER)
    if dtype not in (np.dtype(np.float64), np.dtype(np.int64)):
        raise ValueError(f"an array is of {dtype} instead of numbers")
    if stream.tell() + math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError("an array is not as long as it says")


def _without_customers(pipeline):
    """Copy a pipeline without what it knows of its customers, and without names it can tell."""
    steps = []
    for name, step in pipeline.steps:
        step = copy.copy(step)
        for attribute in OF_CUSTOMERS.get(name, ()):
            vars(step).pop(attribute, None)
        steps.append((name, step))
    _, states, segment = (step for _, step in steps)
    states.scorer_ = copy.copy(states.scorer_)
    for step in (states, states.scorer_, segment):
        vars(step).pop("feature_names_in_", None)
    return Pipeline(steps)


def _name_columns(pipeline):
    spend, states, segment = pipeline.named_steps.values()
    names = spend.get_feature_names_out()
    states.feature_names_in_ = states.scorer_.feature_names_in_ = names
    segment.feature_names_in_ = states.get_feature_names_out()


def _check(pipeline, names):
    """Refuse a pipeline whose parts are not those of a model, or do not fit together."""
    steps = pipeline.steps if type(pipeline) is Pipeline else []
    _require([(name, type(step)) for name, step in steps] == STEPS, "it has other steps")
    spend, states, segment = (step for _, step in steps)
    network, scorer = states.network_, states.scorer_
    _require(type(network) is Network, "its network is none")
    _require(type(scorer) is BigFivePersonalityScorer, "its scorer is none")
    _require(type(scorer.scaler_) is StandardScaler, "its scaler is none")
    for part in (pipeline, spend, states, segment, scorer, scorer.scaler_):
        _require(not any(hasattr(type(part), name) for name in vars(part)), "a method is replaced")
    _check_columns(spend, states, segment)
    _check_weights(states, len(spend.categories_))
    _check_scorer(scorer, len(spend.categories_))
    _check_tree(segment, names)


def _require(holds, otherwise):
    if not holds:
        raise ValueError(otherwise)


def _check_columns(spend, states, segment):
    """Refuse categories, periods and widths of tables that contradict each other."""
    _require(spend._fitted_on_log is True, "it was not fitted on transactions")
    _require(len(spend._roles) == 2, "its categories are neither of spending nor of income")
    for categories in (spend.categories_, *spend._roles, spend.infrequent_categories_):
        if categories is not None:
            _require_array(categories, object, (len(categories),))
            _require(all(type(name) is str for name in categories), "a category is no text")
    n_categories, n_periods = len(set(spend.categories_)), spend.n_periods_
    _require(n_categories == len(spend.categories_), "it has a category twice")
    _require(n_categories and len(spend._roles[0]), "it has no categories")
    is_known = spend.dtype in (None, "float32", "float64", np.float32, np.float64)
    _require(is_known, "its shares are no numbers")
    n_states = segment.centers_.shape[1]
    _require_whole(n_periods, MOST_COLUMNS // max(n_categories, n_states))
    _require_whole(spend._n_months, MOST_MONTHS // n_periods)
    panels = [(states, n_categories), (states.scorer_, n_categories), (segment, n_states)]
    for step, width in panels:
        found = step.n_periods_, step.n_features_in_
        _require(found == (n_periods, n_periods * width), "its steps are of different tables")


def _check_weights(states, n_categories):
    """Refuse a network that is none, or whose weights are not."""
    network = states.network_
    wanted = True, states.n_periods_, n_categories, ()
    found = network.recurrent, network.n_periods, network.n_features, network.decoder
    _require(found == wanted, "its network is for other tables")
    for n_units in (*network.encoder, network.n_outputs):
        _require_whole(n_units, LARGEST)
    shapes = [shape for layer in network.encoder_shapes + network.head_shapes for shape in layer]
    _require(len(shapes) == len(states.weights_), "its network has not all its weights")
    for array, shape in zip(states.weights_, shapes, strict=True):
        _require_array(array, np.float64, shape)


def _check_scorer(scorer, n_categories):
    shape = n_categories, len(TRAITS)
    _require_array(scorer.coefficients_, np.float64, shape, may_be_unknown=True)
    for array in (scorer.scaler_.mean_, scorer.scaler_.scale_):
        _require_array(array, np.float64, (len(TRAITS),))
    smallest = scorer.scaler_.scale_.min()
    _require(smallest >= 1 / LARGEST_NUMBER, "a scale is not above zero")


def _check_tree(segment, names):
    """Refuse a tree that is none: every node comes after its parent, one level below it."""
    parents, depths = segment._parents, segment._depths
    nodes = np.arange(len(parents))
    for array in (parents, depths, segment._labels, segment._sizes):
        _require_array(array, np.int64, nodes.shape)
    is_tree = (
        parents[0] == -1
        and depths[0] == 0
        and ((parents[1:] >= 0) & (parents[1:] < nodes[1:])).all()
        and (depths[1:] == depths[parents[1:]] + 1).all()
    )
    _require(is_tree, "its segments form no tree")
    is_leaf = ~np.isin(nodes, parents)
    labels = np.where(is_leaf, np.cumsum(is_leaf) - 1, -1)
    _require((segment._labels == labels).all(), "its segments are not numbered in order")
    _require_array(segment._typical, np.float64, (is_leaf.sum(),))
    _require_array(segment.centers_, np.float64, (len(nodes), segment.centers_.shape[1]))
    _require_array(segment.exemplars_, np.int64, (len(nodes), N_EXEMPLARS))
    _require(set(names) == set(nodes[1:].tolist()), "its segments have not one name each")
    for name in names.values():
        _require(type(name) is str and name.isprintable(), "a name is no text")


def _require_array(array, dtype, shape, *, may_be_unknown=False):
    _require(type(array) is np.ndarray, "an array is none")
    found, wanted = f"{array.dtype} {array.shape}", f"{np.dtype(dtype)} {shape}"
    _require(array.dtype == dtype and array.shape == shape, f"an array is {found}, not {wanted}")
    if array.dtype.kind == "f":
        is_fine = (np.abs(array) <= LARGEST_NUMBER) | (may_be_unknown & np.isnan(array))
        _require(is_fine.all(), "a number is not finite, or too large")


def _require_whole(number, most):
    _require(type(number) is int and 1 <= number <= most, "a number of its parts cannot be")
