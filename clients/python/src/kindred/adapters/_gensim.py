"""Embeddings of gensim: Word2Vec, FastText, Doc2Vec's words, KeyedVectors."""
from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np

from kindred._ids import BundleError
from kindred.adapters._common import unsupported
from kindred.bundle import Bundle, Space


def from_gensim(model: Any, /, histories: Mapping[Any, Sequence[Any]] | None = None, *, scoring: str = "cosine",
                keys: Sequence[Any] | None = None, space: str = "item2vec", **members: Any) -> Bundle:
    """A Word2Vec model (or its KeyedVectors) whose words are item ids.

    histories: {user id: [item ids]}; a user's vector is the mean over them, and they are left out of answers. Words that
    the model does not have are passed over.
    keys: the words to take, in this order (default: all, most frequent first).
    scoring: "cosine" ranks as `wv.most_similar` does: unit vectors, the mean of those of the history, cosine.
    "output" ranks as `predict_output_word` does: the mean input vector times the output vectors; it needs the whole
    model, trained with negative sampling.
    """
    vectors = getattr(model, "wv", model)
    if not hasattr(vectors, "key_to_index") or not hasattr(vectors, "vectors"):
        raise unsupported("from_gensim", model, "a Word2Vec model or KeyedVectors of gensim 4")
    if scoring not in ("cosine", "output"):
        raise BundleError(f"scoring: found {scoring!r}, expected 'cosine' or 'output'")
    names = list(vectors.index_to_key) if keys is None else list(keys)
    unknown = [key for key in names if key not in vectors.key_to_index]
    if unknown:
        raise BundleError(f"keys: found {unknown[0]!r}, which the model does not have")
    rows = np.array([vectors.key_to_index[key] for key in names], np.int64)
    inputs = np.asarray(vectors.vectors)[rows].astype(np.float32)
    if scoring == "cosine":
        norms = np.linalg.norm(inputs, axis=1, keepdims=True)
        inputs = inputs / np.where(norms == 0, 1, norms)
        made = Space(items=inputs, family="item2vec", fold_in="mean", metric="cosine")
    else:
        outputs = getattr(model, "syn1neg", None)
        if outputs is None:
            raise BundleError("scoring 'output' needs the whole Word2Vec model, trained with negative > 0")
        made = Space(items=np.asarray(outputs)[rows], sources=inputs, family="item2vec", fold_in="mean")

    row_of = {name: row for row, name in enumerate(names)}
    users = {user: [row_of[item] for item in items if item in row_of] for user, items in (histories or {}).items()}
    if users:
        made.users = np.stack([inputs[items].mean(axis=0) if items else np.zeros(inputs.shape[1], np.float32)
                               for items in users.values()])
    counts = {"popularity": np.array([vectors.get_vecattr(name, "count") for name in names], np.float32)} if (
        "count" in getattr(vectors, "expandos", {})) else {}
    return Bundle(item_ids=names, user_ids=list(users), seen=list(users.values()) if users else None,
                  spaces={space: made}, **{"source": f"gensim {type(model).__name__}", **counts, **members})
