"""The model file: one JSON document that holds a fitted pipeline and the names of its segments.

Within a step, every JSON object has a single key, which is its type: the dtype of an array, or the
name of a class. The weights of the networks are the only arrays that are not readable text: nobody
reads them, and as decimal numbers they would take three times the space. Of these, the file holds
the bytes, in base64. Reading runs nothing that is in the file. It puts numbers and text into new
objects of a fixed list of classes, and refuses objects that do not fit together.
"""

from __future__ import annotations

import json
import math
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import NoneType
from typing import TYPE_CHECKING

import numpy as np
import sklearn
from packaging.version import Version
from sklearn.pipeline import Pipeline

from .. import __version__
from .._utils._errors import DataError, as_options, blame_data
from .._utils._sklearn import array_scaler, robust_scaler
from ..networks import Network
from ._model_checks import FITTED, NOT_ONE_EACH, STEPS, check_stable, check_steps, require
from ._reading import Reading

if TYPE_CHECKING:
    from .._utils._typing import FilePath

LARGEST = 16_000_000
"""Bytes of a file."""
MOST_VALUES = 1_000_000
"""Values in a file, each of which takes about a hundred bytes of memory."""
CLASSES = {cls.__name__: cls for cls in FITTED} | {
    "StandardScaler": array_scaler,
    "RobustScaler": robust_scaler,
}
ITEMS = {"float64": {float, NoneType}, "int64": {int}, "text": {str}}
"""Types of the items of an array. An unknown number is null."""


def write(
    pipeline: Pipeline,
    names: dict[int, str],
    reading: Reading | None,
    stable: dict[int, int] | None,
    path: FilePath,
) -> None:
    """Write a model; see :meth:`SegmentModel.save`."""
    with refuse(path, "this model cannot be saved", "Save other pipelines with joblib."):
        document = {
            "names": {str(node): name for node, name in names.items()},
            "reading": reading and asdict(reading),
            "stable": None if stable is None else list(map(stable.get, sorted(names))),
            "steps": {name: _encode(step, name) for name, step in pipeline.steps},
            "versions": {"scikit-learn": sklearn.__version__, "skspend": __version__},
        }
        content = json.dumps(document, sort_keys=True, allow_nan=False).encode() + b"\n"
        _rebuild(content)
    with blame_data(path), open(path, "wb") as file:
        file.write(content)


def read(
    path: FilePath,
) -> tuple[Pipeline, dict[int, str], Reading | None, dict[int, int] | None]:
    """Read the attributes of a model; see :meth:`SegmentModel.load`."""
    with blame_data(path), open(path, "rb") as file:
        content = file.read(LARGEST + 1)
    with refuse(path):
        return _rebuild(content)


@contextmanager
def refuse(
    path: FilePath,
    verdict: str = "this is not a readable model of skspend",
    remedy: str = "Copy the file again, or write a new one with skspend segment.",
) -> Iterator[None]:
    """Turn any error that a damaged or hostile file causes into a DataError of one line."""
    try:
        yield
    # The errors are of many types, such as RecursionError, OverflowError and AttributeError.
    except Exception as error:
        is_clear = isinstance(error, ValueError)
        reason = as_options(str(error)[:300]) if is_clear else "its parts do not fit together"
        raise DataError(f"{path}: {verdict} ({reason.rstrip('.')}). {remedy}") from error


def _encode(value, name):
    """Turn a value into what JSON can hold; `name` is what an error calls it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, type | np.dtype):
        return np.dtype(value).name
    if isinstance(value, list):
        return [
            _pack(item) if isinstance(item, np.ndarray) else _encode(item, name) for item in value
        ]
    if isinstance(value, dict):
        # Pairs, as sorted keys would change the order of a dict.
        return {"dict": [[_encode(part, name) for part in pair] for pair in value.items()]}
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f":
            return {value.dtype.name: np.where(np.isnan(value), None, value).tolist()}
        return {"text" if value.dtype.kind in "OU" else value.dtype.name: value.tolist()}
    if type(value) is Network:
        return {"Network": {key: _encode(item, key) for key, item in value._asdict().items()}}
    if isinstance(value, tuple):
        return {"tuple": [_encode(item, name) for item in value]}
    remedy = ": fit with frame.to_dict()" if hasattr(value, "columns") else ""
    kind = type(value)
    require(kind in FITTED, f"{name} is a {kind.__name__}, which no model file holds{remedy}")
    state = vars(value)
    known = [*value.get_params(deep=False), *FITTED[kind]]
    return {kind.__name__: {key: _encode(state[key], key) for key in known if key in state}}


def _pack(array):
    """Turn weights into the name of their dtype, their shape and their bytes."""
    content = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return {"bytes": [array.dtype.name, list(array.shape), b64encode(content).decode()]}


def _unpack(dtype, shape, text):
    require(dtype in ("float32", "float64"), "an array of bytes is not of floats")
    is_shape = all(type(length) is int and length > 0 for length in shape)
    require(is_shape, "the shape of an array is not of whole numbers above 0")
    values = np.frombuffer(b64decode(text, validate=True), np.dtype(dtype).newbyteorder("<"))
    is_whole = len(values) == math.prod(shape)
    require(is_whole, f"an array of the shape {tuple(shape)} has {len(values):,} values")
    return values.reshape(shape).astype(dtype)


def _decode(value):
    """Turn what JSON holds back into a value."""
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    require(len(value) == 1, "an object does not have one type")
    [(kind, content)] = value.items()
    if kind in ITEMS:
        items = np.array(content, dtype=object)
        require(items.ndim > 0, f"an array is not a list of {kind}")
        require(set(map(type, items.flat)) <= ITEMS[kind], f"an array is not of {kind}")
        return items if kind == "text" else items.astype(kind)
    if kind == "bytes":
        return _unpack(*content)
    if kind in ("tuple", "dict"):
        return {"tuple": tuple, "dict": dict}[kind](_decode(content))
    require(kind in CLASSES, f"no model holds an object of type {kind!r}")
    content = {key: _decode(item) for key, item in content.items()}
    if kind == "Network":
        return Network(**content)
    step, fitted = CLASSES[kind](), {key for key in content if key.endswith("_")}
    require(fitted in (set(), set(FITTED[type(step)])), f"a {kind} has other attributes")
    is_known = set(content) - fitted <= set(step.get_params(deep=False))
    require(is_known, f"a {kind} has unknown parameters")
    vars(step).update(content)
    return step


def _rebuild(content):
    """Make the parts of a model from the content of a file."""
    n_values = sum(map(content.count, (b"[", b"{", b",")))
    is_small = len(content) <= LARGEST and n_values <= MOST_VALUES
    require(is_small, f"it has more than {LARGEST:,} bytes or {MOST_VALUES:,} values")
    document = json.loads(
        content.decode(), object_pairs_hook=_unique, parse_float=_finite, parse_constant=_finite
    )
    _check_version(document)
    is_model = "steps" in document
    require(is_model, "it holds no steps: pass the model.json that skspend segment writes")
    require(set(document["steps"]) == set(STEPS), "it has other steps")
    steps = {name: _decode(document["steps"][name]) for name in STEPS}
    for name, step in steps.items():
        require(type(step) in STEPS[name], f"the step {name} is of another class")
    spend, states, segment = steps.values()
    check_steps(spend, states, segment)
    nodes = {str(node): node for node in range(1, len(segment.parents_))}
    require(set(document["names"]) == set(nodes), "its segments do not have one name each")
    names = {node: document["names"][text] for text, node in nodes.items()}
    is_text = all(type(name) is str and name.isprintable() for name in names.values())
    require(is_text, "a name is not printable text")
    states.feature_names_in_ = spend.get_feature_names_out()
    if hasattr(states, "scorer_"):
        states.scorer_.feature_names_in_ = states.feature_names_in_
    states.n_features_in_ = len(states.feature_names_in_)
    segment.feature_names_in_ = states.get_feature_names_out()
    segment.n_features_in_ = len(segment.feature_names_in_)
    reading = Reading.parse(document.get("reading"))
    stable = _parse_stable(document.get("stable"), segment.parents_)
    return Pipeline(list(steps.items())), names, reading, stable


def _parse_stable(found, parents):
    """The stable segment of each node. Older files have none."""
    if found is None:
        return None
    stable = dict(enumerate(found, start=1))
    require(set(map(type, found)) <= {int}, NOT_ONE_EACH)
    check_stable(stable, parents)
    return stable


def _unique(pairs):
    found = dict(pairs)
    require(len(found) == len(pairs), "a key is repeated")
    return found


def _finite(text):
    number = float(text)
    require(math.isfinite(number), f"{text[:40]} is not a finite number")
    return number


def _check_version(document):
    """Refuse what is not a model, or what a newer skspend wrote, whatever else it holds."""
    versions = document.get("versions") if isinstance(document, dict) else None
    found = versions.get("skspend") if isinstance(versions, dict) else None
    if not isinstance(found, str):
        raise ValueError(
            "it does not name the version of skspend that wrote it: pass the model.json that "
            "skspend segment writes"
        )
    if Version(found) > Version(__version__):
        raise ValueError(
            f"skspend {found} wrote it, and this is skspend {__version__}: update with pip install "
            f"--upgrade skspend"
        )
