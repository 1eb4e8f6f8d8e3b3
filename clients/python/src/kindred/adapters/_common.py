"""What the adapters share."""
from __future__ import annotations

from typing import Any

import numpy as np

from kindred._ids import BundleError, shown
from kindred._rows import is_sparse
from kindred.bundle import Bundle


def class_names(model: Any) -> set[str]:
    """Names of the model's class and of those it comes from, within any library."""
    return {cls.__name__ for cls in type(model).__mro__}


def unsupported(adapter: str, model: Any, takes: str) -> BundleError:
    return BundleError(f"{adapter}: found {shown(model)}, expected {takes}")


def dense(value: Any, what: str) -> np.ndarray:
    """A matrix of factors that may live on a GPU."""
    if value is None:
        raise BundleError(f"{what}: the model has none; fit it first")
    return np.asarray(value.to_numpy() if hasattr(value, "to_numpy") else value)


def add_interactions(bundle: Bundle, user_items: Any, popularity: bool = True) -> None:
    """Sets what users have seen and each item's popularity, from a sparse [n_users × n_items].

    Its values go in only for sparse spaces, whose users have no vector and are folded in from them.
    """
    if user_items is None:
        return
    if not is_sparse(user_items):
        raise BundleError(f"user_items: found {shown(user_items)}, expected a scipy.sparse matrix, users × items")
    csr = user_items.tocsr()
    bundle.seen = csr
    bundle.seen_weights = True if any(space.rows is not None for space in bundle.spaces.values()) else None
    if popularity:
        bundle.popularity = np.bincount(csr.indices, minlength=csr.shape[1]).astype(np.float32)
