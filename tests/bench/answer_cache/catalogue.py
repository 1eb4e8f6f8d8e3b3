"""Writes a bundle of Gaussian factors: catalogue.py BUNDLE ITEMS DIMENSIONS USER…"""

from __future__ import annotations

import sys

import numpy as np
from safetensors.numpy import save_file


def id_tensors(table: str, ids: list[str]) -> dict[str, np.ndarray]:
    encoded = [one.encode() for one in ids]
    return {f"{table}.bytes": np.frombuffer(b"".join(encoded), np.uint8).copy(),
            f"{table}.offsets": np.cumsum([0] + [len(one) for one in encoded]).astype(np.int64)}


if __name__ == "__main__":
    bundle, n_items, dims, *users = sys.argv[1:]
    n_items, dims = int(n_items), int(dims)
    random = np.random.default_rng(1)
    save_file({**id_tensors("users.ids", users), **id_tensors("items.ids", [f"item-{n}" for n in range(n_items)]),
               "space.main.users": random.standard_normal((len(users), dims), np.float32),
               "space.main.items": random.standard_normal((n_items, dims), np.float32)}, bundle)
