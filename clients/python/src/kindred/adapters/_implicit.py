"""Models of `implicit`: ALS, BPR, logistic MF and the item-item recommenders."""
from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from kindred._rows import is_sparse
from kindred.adapters._common import add_interactions, class_names, dense, unsupported
from kindred.bundle import Bundle, Space


def from_implicit(model: Any, /, user_ids: Sequence[Any], item_ids: Sequence[Any], user_items: Any = None, *,
                  space: str | None = None, transform: str = "identity", fold_in_lambda: float | None = None,
                  **members: Any) -> Bundle:
    """A fitted model of `implicit` 0.7 with the ids of its rows.

    user_items: the sparse [n_users × n_items] matrix that it was fitted to; what is in it is left out of answers.
    transform: what was done to an event's summed weight to get the values of that matrix (identity, log1p, binary). An ALS
    model of a matrix with one value, as of ones, gets binary.
    members: of Bundle (model, version, names, categories, …).

    | model | space | fold-in |
    |---|---|---|
    | AlternatingLeastSquares | `als`, dot | `implicit`, as `recalculate_user`: equal for a matrix of one value, else close |
    | BayesianPersonalizedRanking | `bpr`, dot | `observed`: item biases as offsets, λ = `fold_in_lambda` or 1 |
    | LogisticMatrixFactorization | `lmf`, dot | `observed`, the same |
    | ItemItemRecommender, Cosine-, TFIDF-, BM25Recommender | `item_cosine`, … | `neighbors`: Σ value · similarity |
    """
    kinds = class_names(model)
    if "ItemItemRecommender" in kinds:
        name, made = _neighbors(model, kinds)
        user_ids_of_space = user_ids if user_items is not None else ()
    else:
        user_ids_of_space = user_ids
        users = dense(getattr(model, "user_factors", None), "user_factors")
        items = dense(getattr(model, "item_factors", None), "item_factors")
        if "AlternatingLeastSquares" in kinds:
            name, made = "als", _als(model, users, items, user_items, transform)
        elif "BayesianPersonalizedRanking" in kinds:
            name, made = "bpr", _with_offsets(users, items, "bpr", items.shape[1] - 1)
        elif "LogisticMatrixFactorization" in kinds:
            # Its last two columns: user factors have 1 and the user's bias, item factors the item's bias and 1.
            name, made = "lmf", _with_offsets(users, items, "lmf", items.shape[1] - 2)
        else:
            raise unsupported("from_implicit", model, "a fitted model of the library `implicit`: ALS, BPR, logistic "
                                                      "matrix factorization or an item-item recommender")
    if made.transform == "identity":
        made.transform = transform
    if fold_in_lambda is not None:
        made.fold_in_lambda = fold_in_lambda
    bundle = Bundle(item_ids=list(item_ids), user_ids=list(user_ids_of_space), spaces={space or name: made},
                    **{"source": f"implicit {type(model).__name__}", **members})
    add_interactions(bundle, user_items, popularity=bundle.popularity is None)
    return bundle


def _als(model: Any, users: np.ndarray, items: np.ndarray, user_items: Any, transform: str) -> Space:
    # implicit: c = alpha·r, u = (XᵀX + Σ (c − 1) x xᵀ + λI)⁻¹ Σ c x (cpu/als.py, user_linear_equation), with the
    # regularization added once, not per interaction. Kindred's confidence is 1 + α·r, so α is what brings the two
    # together over the values there are: by least squares alpha − Σr / Σr², which is exact when they are all equal.
    values = np.asarray(user_items.tocsr().data, np.float64) if is_sparse(user_items) else np.ones(1)
    values = values[values > 0]
    if not len(values):
        values = np.ones(1)
    alpha = max(0.0, float(model.alpha) - float(values.sum() / np.square(values).sum()))
    made = Space(items=items, users=users, family="als", fold_in="implicit", fold_in_alpha=alpha,
                 fold_in_lambda=float(model.regularization))
    if transform in ("identity", "binary") and is_sparse(user_items) and np.all(values == values[0]):
        # Fitted to one value: an event says that, whatever its own weight.
        made.transform, made.fold_in_alpha = "binary", alpha * float(values[0])
    return made


def _with_offsets(users: np.ndarray, items: np.ndarray, family: str, bias: int) -> Space:
    # The column of item biases goes last, where an `observed` fold-in takes its offsets and a user has 1.
    order = [column for column in range(items.shape[1]) if column != bias] + [bias]
    return Space(items=items[:, order], users=users[:, order], family=family, fold_in="observed", fold_in_lambda=1.0)


def _neighbors(model: Any, kinds: set[str]) -> tuple[str, Space]:
    names = {"CosineRecommender": "item_cosine", "TFIDFRecommender": "item_tfidf", "BM25Recommender": "item_bm25"}
    name = next((names[kind] for kind in names if kind in kinds), "item_item")
    similarity = model.similarity
    if similarity is None:
        raise unsupported("from_implicit", model, "a fitted model; call fit first")
    return name, Space(rows=similarity.tocsr(), family=name.replace("_", "-"), fold_in="neighbors")
