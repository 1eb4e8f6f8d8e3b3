#!/usr/bin/env python3
"""Made format_1.safetensors, which is kept as it is: once a release has written a format, its file is never made anew.

    make_format_1.py KINDRED OUT    needs numpy and safetensors; KINDRED is the built `kindred`
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import save_file

ITEMS, USERS, DIM = 6, 4, 3


def ids(table, values):
    encoded = [v.encode() for v in values]
    return {f"{table}.bytes": np.frombuffer(b"".join(encoded), np.uint8),
            f"{table}.offsets": np.cumsum([0] + [len(e) for e in encoded], dtype=np.int64)}


def rows(csr, values):
    return {f"{csr}.offsets": np.cumsum([0] + [len(v) for v in values], dtype=np.int64),
            f"{csr}.values": np.array(sum(values, []), np.uint32)}


def tensors():
    # Multiples of a power of two, so that every number is exact.
    item = np.array([[((i * 7 + j * 3) % 11 - 5) / 4 for j in range(DIM)] for i in range(ITEMS)], np.float32)
    user = np.array([[((u * 5 + j * 2) % 9 - 4) / 2 for j in range(DIM)] for u in range(USERS)], np.float32)
    return {"space.main.items": item, "space.main.users": user,
            **ids("items.ids", ["milk", "bread", "crème brûlée", "tea", "日本茶", "x" * 40]),
            **ids("items.names", ["Milk 1 l", "Bread", "Crème brûlée", "Tea", "", "A long id"]),
            **ids("users.ids", ["ann", "bob", "cay", "dan"]),
            **ids("categories.ids", ["dairy", "drinks"]),
            **rows("users.seen", [[0, 1], [], [1, 2, 5], [3]]),
            **rows("items.categories", [[0, 1], [], [0], [1], [1], []]),
            "items.attr.price": np.array([1.25, 2.5, np.nan, 3.75, 10, 0.5], np.float32)}


def main(kindred, out):
    with tempfile.TemporaryDirectory() as folder:
        raw = pathlib.Path(folder) / "raw.safetensors"
        save_file(tensors(), raw, metadata={
            "kindred.spaces": '{"main":{"dim":3,"family":"svd","fold_in":"ridge","fold_in_lambda":0.5,'
                              '"transform":"log1p","metric":"dot","prior_weight":0.25}}',
            "kindred.training": '{"seed":42}'})
        subprocess.run([kindred, "pack", "--in", raw, "--out", out, "--model", "frozen", "--model-version", "1",
                        "--source", "make_format_1.py"], check=True,
                       env={**os.environ, "SOURCE_DATE_EPOCH": "1769860800"})


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
