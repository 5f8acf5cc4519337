"""What a model file may hold: the fitted attributes of each step, their types and their shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import RobustScaler, StandardScaler

from ..aggregation import SpendingAggregator
from ..aggregation._aggregator import MONTHS
from ..categories._coefficients import check_traits
from ..clustering import TrajectoryClusterer
from ..extraction import FactorStateExtractor, LSTMStateExtractor
from ..networks import Network
from ..personality import BigFivePersonalityScorer

if TYPE_CHECKING:
    from .._utils._typing import Integers

STEPS: dict[str, tuple[type[Any], ...]] = {
    "spend": (SpendingAggregator,),
    "states": (LSTMStateExtractor, FactorStateExtractor),
    "segment": (TrajectoryClusterer,),
}
NOT_ONE_EACH = "its stable segments are not one for each segment"
FITTED: dict[type[Any], dict[str, Any]] = {
    SpendingAggregator: {
        "categories_": "text n_categories",
        "infrequent_categories_": "text? n_infrequent",
        "spending_categories_": "text n_spending",
        "income_categories_": "text n_income",
        "inflow_categories_": (None,),
        "statistics_": (("sum",),),
        "flows_": (("out",),),
        "balances_": ((),),
        "n_periods_": "size n_periods",
        "n_months_": "size n_months",
        "period_": (*MONTHS, "period"),
        "left_out_": dict,
        "normalize_": (None, "spending", "income"),
        "handle_unknown_": ("warn", "error", "ignore", "infrequent_if_exist"),
        "dtype_": (None, "float32", "float64"),
    },
    LSTMStateExtractor: {
        "network_": Network,
        "kernels_": list,
        "projection_": "float? n_categories n_inputs",
        "components_": "float? n_network_states n_components",
        "scaler_": "scaler n_categories",
        "input_scaler_": "scaler n_inputs",
        "target_scaler_": "scaler? n_outputs",
        "classes_": "text? n_classes",
        "scorer_": BigFivePersonalityScorer,
        "objective_": ("type", "scores"),
        "state_": ("hidden", "both"),
        "losses_": dict,
        "n_periods_": "size n_periods",
    },
    FactorStateExtractor: {
        "components_": "float n_states n_measures",
        "noise_variance_": "float n_measures",
        "popularity_": "float n_periods n_categories",
        **dict.fromkeys(("means_", "scales_"), "float n_periods n_measures"),
        "scaler_": "scaler n_categories",
        "n_periods_": "size n_periods",
    },
    BigFivePersonalityScorer: {
        "traits_": "text n_traits",
        "coefficients_": "float/nan n_categories n_traits",
        "coverage_": "number",
        "scaler_": "robust n_traits",
        "level_": ("overall",),
        "n_periods_": "size n_periods",
        "n_features_in_": "size n_columns",
    },
    TrajectoryClusterer: {
        "parents_": "int n_nodes",
        "sizes_": "int n_nodes",
        "radii_": "float n_leaves",
        "centers_": "float n_nodes n_states",
        "exemplars_": "int n_nodes n_exemplars",
        "outlier_counts_": "int n_tenths",
        "outlier_threshold_": "number?",
        "n_periods_": "size n_periods",
    },
    StandardScaler: {
        **dict.fromkeys(("mean_", "var_", "scale_"), "float width"),
        "n_samples_seen_": "number",
        "n_features_in_": "size width",
    },
    RobustScaler: {
        **dict.fromkeys(("center_", "scale_"), "float width"),
        "n_features_in_": "size width",
    },
    Network: {
        "recurrent": (True,),
        "n_periods": "size n_periods",
        "n_features": "size n_inputs",
        "encoder": tuple,
        "n_outputs": "size n_outputs",
        "decoder": ((),),
        "reads": ("last",),
        "classifies": (True, False),
        "task_weights": tuple,
        "n_networks": "size n_networks",
    },
}
"""The classes of a model file, and what is checked of each: a class, one of several values, or a
kind with the names of its sizes, which are the same in the whole model. With a question mark it may
be None. Attributes about single customers of `fit` are not among them."""
SCALERS = {"scaler": StandardScaler, "robust": RobustScaler}
DTYPES = {
    "text": ["object"],
    "int": ["int64"],
    "float": ["float64"],
    "float/nan": ["float64"],
    "weights": ["float64", "float32"],
}
MOST_COLUMNS = 1_000_000
"""Columns of a panel or of trajectories; the name of each takes about a hundred bytes."""
MOST_MONTHS = 12_000
"""Months of all periods together: 1,000 years."""
MOST_LEVELS = 100
LARGEST_NUMBER = 1e30
"""Sums of products of larger numbers may overflow in single precision."""


def require(holds: object, otherwise: str) -> None:
    """Raise a ValueError that says `otherwise`, unless something `holds`."""
    if not holds:
        raise ValueError(otherwise)


def check_steps(spend: Any, states: Any, segment: Any) -> None:
    """Refuse fitted steps whose parts contradict each other, by a ValueError or any other error."""
    sizes: dict[str, int] = {}
    for step in (spend, states, segment):
        _check_attributes(step, sizes)
    categories = set(np.asarray(spend.categories_))
    require(len(categories) == sizes["n_categories"], "categories_ repeats a category")
    require(categories and sizes["n_spending"], "it has no categories")
    if isinstance(states, FactorStateExtractor):
        _check_factors(states, sizes)
    else:
        _check_network(states, sizes)
    widest = max(sizes[name] for name in ("n_categories", "n_spending", "n_states"))
    n_periods = sizes["n_periods"]
    is_small = n_periods * widest <= MOST_COLUMNS and n_periods * sizes["n_months"] <= MOST_MONTHS
    require(is_small, "it has too many periods")
    _check_tree(segment.parents_, sizes["n_leaves"])


def _check_factors(states, sizes):
    """Refuse factors of other categories, and numbers to divide by that are not above 0."""
    require(sizes["n_measures"] == 2 * sizes["n_categories"], "its factors are of other categories")
    for name in ("noise_variance_", "scales_"):
        is_above = (getattr(states, name) >= 1 / LARGEST_NUMBER).all()
        require(is_above, f"{name} is not above zero")


def _check_network(states, sizes):
    """Refuse weights, inputs, states and outputs that are not those of the network."""
    check_traits(pd.Index(states.scorer_.traits_))
    is_same = sizes["n_columns"] == sizes["n_periods"] * sizes["n_categories"]
    require(is_same, "its steps are for different panels")
    network = states.network_
    require({type(n) for n in network.encoder} == {int}, "its network has no number of units")
    is_ensemble = network.n_networks > 1
    n_states = network.n_units
    if states.state_ == "both":
        n_states = is_ensemble * n_states + network.n_networks * 2 * sum(network.encoder)
    require(n_states == sizes["n_states"], "its network and its tree have different states")
    if states.projection_ is None:
        is_same = sizes["n_inputs"] == sizes["n_categories"]
        require(is_same, "its network does not read its categories")
    require((states.components_ is not None) == is_ensemble, "components_ is of other networks")
    if is_ensemble:
        found, expected = (
            (sizes["n_network_states"], sizes["n_components"]),
            (network.n_networks * network.n_units, network.n_units),
        )
        require(found == expected, f"components_ has the size {found}, not {expected}")
    require((states.classes_ is not None) == network.classifies, "classes_ is of another network")
    if network.classifies:
        n_outputs = sizes["n_classes"] * len(network.task_weights)
        require(n_outputs == network.n_outputs, "classes_ is of another network")
    shapes = [shape for layer in network.encoder_shapes + network.head_shapes for shape in layer]
    require(len(shapes) == len(states.kernels_), "kernels_ does not have an array for each layer")
    for weights, shape in zip(states.kernels_, shapes, strict=True):
        axes = {str(axis): length for axis, length in enumerate(shape)}
        _check(weights, " ".join(["weights", *axes]), "kernels_", axes)


def _check_attributes(step, sizes):
    for name, kind in FITTED[type(step)].items():
        _check(getattr(step, name), kind, name, sizes)


def _check(value, kind, name, sizes):
    """Refuse a value that is not of its kind, or whose sizes are not those of other values."""
    if isinstance(kind, tuple):
        return require(value in kind, f"{name} is not one of {kind}")
    if isinstance(kind, type):
        require(type(value) is kind, f"{name} is not a {kind.__name__}")
        return _check_attributes(value, sizes) if kind in FITTED else None
    kind, *axes = kind.split()
    if value is None and kind.endswith("?"):
        return None
    if scaler := SCALERS.get(kind.rstrip("?")):
        require(type(value) is scaler, f"{name} is not a {scaler.__name__}")
        width = sizes.setdefault(axes[0], value.n_features_in_)
        _check_attributes(value, {"width": width})
        return require((value.scale_ >= 1 / LARGEST_NUMBER).all(), "scale_ is not above zero")
    if kind == "size":
        require(type(value) is int and value > 0, f"{name} is not a whole number above 0")
        shape = (value,)
    elif kind.startswith("number"):
        require(type(value) in (int, float), f"{name} is not a number")
        shape = ()
    else:
        dtypes = DTYPES[kind.rstrip("?")]
        require(type(value) is np.ndarray, f"{name} is not an array")
        require(value.dtype in dtypes, f"{name} is an array of {value.dtype}, not {dtypes[0]}")
        shape = value.shape
        if value.dtype.kind == "f":
            is_fine = (np.abs(value) <= LARGEST_NUMBER) | (kind.endswith("nan") & np.isnan(value))
            require(is_fine.all(), f"{name} has a number that is not finite, or too large")
    known = [sizes.setdefault(axis, n) for axis, n in zip(axes, shape, strict=True)]
    return require(list(shape) == known, f"{name} has the size {shape}, not {tuple(known)}")


def _check_tree(parents, n_leaves):
    """Refuse nodes that form no tree: each must come after its parent."""
    nodes = np.arange(len(parents))
    is_tree = parents[0] == -1 and ((parents[1:] >= 0) & (parents[1:] < nodes[1:])).all()
    require(is_tree, "its segments form no tree")
    require(len(np.setdiff1d(nodes, parents)) == n_leaves, "radii_ is not of the leaves")
    depths = [0]
    for parent in parents[1:]:
        depths.append(depths[parent] + 1)
    require(max(depths) <= MOST_LEVELS, f"its tree has more than {MOST_LEVELS} levels")


def check_stable(stable: dict[int, int], parents: Integers) -> None:
    """Refuse stable segments unless each is the segment itself, or that of its parent."""
    require(set(stable) == set(range(1, len(parents))), NOT_ONE_EACH)
    # Parents come before their children.
    for node in range(1, len(parents)):
        own, above = stable[node], stable.get(parents[node], 0)
        is_fitting = own == above or (own == node and above == parents[node])
        require(is_fitting, "a stable segment is neither the segment nor the stable one above it")
