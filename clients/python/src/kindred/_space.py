"""A space: an item matrix, user vectors, and how events become a vector of it."""
from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

import numpy as np

from kindred._ids import BundleError, shown
from kindred._rows import Rows, from_sparse, is_sparse, make

FOLD_INS = ("ridge", "nnls", "mean", "implicit", "observed", "traits", "sparse", "neighbors", "blend")
TRANSFORMS = ("identity", "log1p", "binary")
METRICS = ("dot", "cosine")
MAX_DIM = 4096
_NAME = re.compile(r"[a-z0-9_]{1,64}\Z")


@dataclass
class Space:
    """One space of a bundle; docs/bundle_format.md says what each member means to the server.

    items: [n_items × d], or `rows`, sparse [n_items × dim] (scipy.sparse or Rows): exactly one of the two, and neither
    in a blend. users: [n_users × d]. average: [d], what a user without events gets (default: derived by the server).
    sources: [n_items × d], what a mean fold-in averages instead of `items`. tokens, basis, average_profile,
    category_vectors, action_vectors: of a `traits` space and of `mean` over tokens.
    """

    items: Any = None
    users: Any = None
    family: str = "external"
    fold_in: str = "ridge"
    fold_in_lambda: float = 0.0
    fold_in_alpha: float | None = None
    transform: str = "identity"
    metric: str = "dot"
    prior_weight: float = 0.0
    actions: Mapping[str, float] = field(default_factory=dict)
    half_life_days: float = 0.0
    parts: Sequence[Mapping[str, Any]] = ()
    rows: Any = None
    dim: int | None = None  # of sparse rows; dense spaces have it from their matrix
    average: Any = None
    sources: Any = None
    tokens: Any = None
    basis: Any = None
    average_profile: Any = None
    category_vectors: Any = None
    action_vectors: Any = None


def matrix(value: Any, shape: Sequence[int | None], what: str) -> np.ndarray:
    """`value` as finite F32 of `shape` (None: any extent), C order; copies only when it must."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise BundleError(f"{what}: is of type {array.dtype}, expected real numbers")
    if array.ndim != len(shape) or any(want is not None and have != want for have, want in zip(array.shape, shape)):
        expected = ", ".join("any" if extent is None else str(extent) for extent in shape)
        raise BundleError(f"{what}: has shape {list(array.shape)}, expected [{expected}]")
    with np.errstate(over="ignore"):
        result = np.ascontiguousarray(array, np.float32)
    finite_rows(result, what)
    return result


def finite_rows(array: np.ndarray, what: str, *, nan: bool = False, low: float = -math.inf) -> None:
    """Checks every number; in blocks, so that a matrix as large as memory needs no second one."""
    step = max(1, (1 << 20) // max(1, array[0].size if len(array) else 1))
    for begin in range(0, len(array), step):
        block = array[begin:begin + step]
        good = np.isfinite(block) & (block >= low)
        if nan:
            good |= np.isnan(block)
        if good.all():
            continue
        at = [int(index) for index in np.argwhere(~good)[0]]
        at[0] += begin
        expected = "a finite number" + (f" ≥ {low:g}" if low > -math.inf else "") + (", or NaN for unknown" if nan else "")
        raise BundleError(f"{what}{at}: found {array[tuple(at)]}, expected {expected} (as a 32-bit float)")


def _number(value: Any, what: str, low: float = -math.inf) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise BundleError(f"{what}: found {shown(value)}, expected a number")
    if not math.isfinite(value) or value < low:
        raise BundleError(f"{what}: found {value}, expected a finite number" + (f" ≥ {low:g}" if low == 0 else ""))
    return float(value)


def _one_of(value: Any, known: Sequence[str], what: str) -> str:
    if value not in known:
        raise BundleError(f"{what}: found {shown(value)}, expected one of {', '.join(known)}")
    return str(value)


def text(value: Any, what: str, limit: int) -> str:
    if not isinstance(value, str) or len(value.encode(errors="replace")) > limit:
        raise BundleError(f"{what}: found {shown(value)}, expected a string of at most {limit} bytes")
    return value


@dataclass
class Sizes:
    """Rows of the bundle's id tables."""

    items: int
    users: int
    categories: int
    tokens: int
    actions: int


def tensors_and_spec(name: str, space: Space, sizes: Sizes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The tensors of a space and its entry in `kindred.spaces`."""
    if not isinstance(name, str) or not _NAME.match(name):
        raise BundleError(f"space {shown(name)}: expected a name of 1 to 64 of a-z, 0-9 and _")
    where = f"space {name!r}"
    fold_in = _one_of(space.fold_in, FOLD_INS, f"{where}, fold_in")
    tensors: dict[str, np.ndarray] = {}

    def put(part: str, value: Any, *shape: int | None) -> np.ndarray:
        array = matrix(value, shape, f"{where}, {part}")
        tensors[f"space.{name}.{part}"] = array
        return array

    if fold_in == "blend":
        if space.items is not None or space.rows is not None:
            raise BundleError(f"{where}: a blend's items are made from its parts, expected none")
        dim = 0  # bundle.py adds those of the parts
    elif (space.items is None) == (space.rows is None):
        raise BundleError(f"{where}: expected `items`, a matrix, or `rows`, a sparse one: one of the two")
    elif space.items is not None:
        if fold_in in ("sparse", "neighbors"):
            raise BundleError(f"{where}: fold_in {fold_in} works on sparse `rows`, found a dense matrix")
        dim = put("items", space.items, sizes.items, None).shape[1]
        if not 1 <= dim <= MAX_DIM:
            raise BundleError(f"{where}: items have {dim} columns, expected 1 to {MAX_DIM}")
    else:
        if fold_in not in ("sparse", "neighbors"):
            raise BundleError(f"{where}: sparse rows need fold_in sparse or neighbors, found {fold_in}")
        if isinstance(space.rows, Rows):
            dim = sizes.items if fold_in == "neighbors" else int(space.dim or 0)
            weights = np.ones(len(space.rows.values)) if space.rows.weights is None else space.rows.weights
            rows = make(space.rows.offsets, space.rows.values, weights, sizes.items, dim, f"{where}, rows")
        elif is_sparse(space.rows):
            dim = int(space.rows.shape[1])
            rows = from_sparse(space.rows, sizes.items, sizes.items if fold_in == "neighbors" else dim,
                               f"{where}, rows", weighted=True)
        else:
            raise BundleError(f"{where}, rows: found {shown(space.rows)}, expected a scipy.sparse matrix")
        assert rows.weights is not None
        for part, array in (("offsets", rows.offsets), ("values", rows.values), ("weights", rows.weights)):
            tensors[f"space.{name}.rows.{part}"] = array

    if space.users is not None:
        if sizes.users == 0:
            raise BundleError(f"{where}: has users, expected user_ids with them")
        put("users", space.users, sizes.users, dim)
    for part, value, shape in (("average", space.average, (dim,)), ("sources", space.sources, (sizes.items, dim))):
        if value is not None:
            put(part, value, *shape)
    if space.tokens is not None:
        width = put("tokens", space.tokens, sizes.tokens, None).shape[1]
        if space.basis is not None:
            put("basis", space.basis, dim, width)
        if space.average_profile is not None:
            put("average_profile", space.average_profile, dim)
        if space.category_vectors is not None:
            put("category_vectors", space.category_vectors, sizes.categories, width)
        if space.action_vectors is not None:
            put("action_vectors", space.action_vectors, sizes.actions, width)

    spec: dict[str, Any] = {
        "family": text(space.family, f"{where}, family", 64),
        "dim": dim,
        "fold_in": fold_in,
        "fold_in_lambda": _number(space.fold_in_lambda, f"{where}, fold_in_lambda", 0),
        "transform": _one_of(space.transform, TRANSFORMS, f"{where}, transform"),
        "metric": _one_of(space.metric, METRICS, f"{where}, metric"),
        "prior_weight": _number(space.prior_weight, f"{where}, prior_weight"),
    }
    if space.fold_in_alpha is not None:
        spec["fold_in_alpha"] = _number(space.fold_in_alpha, f"{where}, fold_in_alpha", 0)
    if space.actions:
        spec["actions"] = {text(action, f"{where}, actions", 256): _number(weight, f"{where}, actions[{action!r}]", 0)
                           for action, weight in space.actions.items()}
    if space.half_life_days:
        spec["half_life_days"] = _number(space.half_life_days, f"{where}, half_life_days", 0)
    if space.parts:
        spec["parts"] = [{"space": text(part["space"], f"{where}, parts", 64),
                          "weight": _number(part.get("weight", 1.0), f"{where}, parts", 0)} for part in space.parts]
    return tensors, spec
