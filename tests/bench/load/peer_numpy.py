"""How the same model is loaded without Kindred: matrices as .npy, everything else a pickled dict of joblib.

    peer_numpy.py make BUNDLE FOLDER     writes users.npy, items.npy and model.joblib from a bundle
    peer_numpy.py load FOLDER            loads them once, and prints seconds and what the process grew by
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
import time

import joblib
import numpy as np


def strings(tensors, table: str) -> list[str]:
    offsets, text = tensors[f"{table}.offsets"], bytes(tensors[f"{table}.bytes"])
    return [text[begin:end].decode() for begin, end in zip(offsets[:-1], offsets[1:])]


def make(bundle: str, folder: pathlib.Path) -> None:
    from safetensors.numpy import load_file

    tensors = load_file(bundle)
    np.save(folder / "users.npy", tensors["space.svd.users"])
    np.save(folder / "items.npy", tensors["space.svd.items"])
    users, items = strings(tensors, "users.ids"), strings(tensors, "items.ids")
    offsets = tensors["users.recommendations.offsets"]
    values, weights = tensors["users.recommendations.values"], tensors["users.recommendations.weights"]
    lists = {users[row]: [(items[i], float(w)) for i, w in zip(values[begin:end], weights[begin:end])]
             for row, (begin, end) in enumerate(zip(offsets[:-1], offsets[1:])) if end > begin}
    joblib.dump({"users": {user: row for row, user in enumerate(users)},
                 "items": {item: row for row, item in enumerate(items)}, "item_ids": items,
                 "recommendations": lists}, folder / "model.joblib")
    print(json.dumps({"lists": len(lists)}))


def resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def load(folder: pathlib.Path) -> None:
    before, start = resident_bytes(), time.perf_counter()
    users, items = np.load(folder / "users.npy"), np.load(folder / "items.npy")
    model = joblib.load(folder / "model.joblib")
    seconds, grown = time.perf_counter() - start, resident_bytes() - before
    assert len(model["users"]) == len(users) and len(model["items"]) == len(items)
    print(json.dumps({"seconds": seconds, "grown_bytes": grown, "numpy": np.__version__,
                      "joblib": joblib.__version__, "lists": len(model["recommendations"])}))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], pathlib.Path(sys.argv[3]))
    else:
        load(pathlib.Path(sys.argv[2]))
