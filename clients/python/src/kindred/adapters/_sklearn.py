"""Decompositions of scikit-learn: TruncatedSVD and NMF."""
from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from kindred._ids import BundleError
from kindred.adapters._common import add_interactions, class_names, unsupported
from kindred.bundle import Bundle, Space


def from_sklearn(model: Any, /, user_ids: Sequence[Any], item_ids: Sequence[Any], user_items: Any = None, *,
                 users: Any = None, space: str | None = None, transform: str = "identity", **members: Any) -> Bundle:
    """A fitted TruncatedSVD, NMF or MiniBatchNMF of a users × items matrix, with the ids of its rows and columns.

    users: what `fit_transform` returned; when it is not given, `model.transform(user_items)`.
    transform: what was done to an event's summed weight to get the values of user_items (identity, log1p, binary).

    TruncatedSVD folds in by `ridge` with λ = 0: its components are orthonormal, so that is its own `transform`. NMF folds
    in by `nnls` with λ = alpha_W · (1 − l1_ratio) · n_features, the objective of its `transform`; models with another
    loss or an L1 penalty have none that Kindred knows and are refused.
    """
    kinds = class_names(model)
    components = getattr(model, "components_", None)
    if "TruncatedSVD" not in kinds and not kinds & {"NMF", "MiniBatchNMF"}:
        raise unsupported("from_sklearn", model, "a TruncatedSVD, NMF or MiniBatchNMF of scikit-learn")
    if components is None:
        raise BundleError("from_sklearn: the model has no components_; fit it first")
    items = np.asarray(components).T
    if "TruncatedSVD" in kinds:
        name, made = "svd", Space(items=items, family="svd", fold_in="ridge")
    else:
        loss, l1 = getattr(model, "beta_loss", "frobenius"), getattr(model, "l1_ratio", 0.0)
        penalty = float(getattr(model, "alpha_W", 0.0))
        if loss not in ("frobenius", 2, 2.0):
            raise BundleError(f"from_sklearn: beta_loss is {loss!r}, expected 'frobenius', the loss that is folded in by")
        if penalty > 0 and l1 > 0:
            raise BundleError(f"from_sklearn: alpha_W is {penalty} with l1_ratio {l1}, expected l1_ratio 0: "
                              "a fold-in has a quadratic penalty only")
        name = "nmf"
        made = Space(items=items, family="nmf", fold_in="nnls", fold_in_lambda=penalty * items.shape[0])
    if users is None and user_items is not None:
        users = model.transform(user_items)
    made.users, made.transform = users, transform
    bundle = Bundle(item_ids=list(item_ids), user_ids=list(user_ids), spaces={space or name: made},
                    **{"source": f"scikit-learn {type(model).__name__}", **members})
    add_interactions(bundle, user_items, popularity=bundle.popularity is None)
    return bundle
