"""Model stores for the tests: a tiny raw one written with the safetensors package, and the trained grocery sample."""
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess

import numpy as np
from safetensors.numpy import save_file


def id_tensors(table, ids):
    encoded = [i.encode() for i in ids]
    return {f"{table}.bytes": np.frombuffer(b"".join(encoded), np.uint8).copy(),
            f"{table}.offsets": np.cumsum([0] + [len(e) for e in encoded]).astype(np.int64)}


def write_raw_bundle(path, user_ids, users, item_ids, items, space="main"):
    """Factors and ids only: what any Python trainer can write."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({**id_tensors("users.ids", user_ids), **id_tensors("items.ids", item_ids),
               f"space.{space}.users": np.ascontiguousarray(users, np.float32),
               f"space.{space}.items": np.ascontiguousarray(items, np.float32)}, str(path))
    return path


# 8 × 6, small enough to reason about: users u0…u7, items i0…i5, two dimensions.
RAW_USERS = np.array([[1, 0], [0, 1], [1, 1], [2, 1], [1, 2], [3, 0], [0, 3], [1, -1]], np.float32)
RAW_ITEMS = np.array([[1, 0], [0, 1], [0.5, 0.5], [2, 0], [0, 2], [0.25, 0.75]], np.float32)
RAW_USER_IDS = [f"u{i}" for i in range(len(RAW_USERS))]
RAW_ITEM_IDS = [f"i{i}" for i in range(len(RAW_ITEMS))]


def write_raw_store(root, model="tiny"):
    write_raw_bundle(pathlib.Path(root) / model / "1" / "bundle.safetensors", RAW_USER_IDS, RAW_USERS, RAW_ITEM_IDS,
                     RAW_ITEMS)
    return pathlib.Path(root)


def trained_store(kindred, data, cache, model="groceries"):
    """The sample trained by `kindred train nmf`, once per build: returns the model store's root."""
    inputs = [data / "transactions.csv.gz", data / "products.csv.gz"]
    arguments = ["train", "nmf", "--interactions", str(inputs[0]), "--items", str(inputs[1]), "--user-column", "household_id",
                 "--item-column", "product_id", "--item-name-column", "name", "--category-columns",
                 "department,product_category", "--factors", "12", "--iterations", "20", "--min-item-users", "10",
                 "--seed", "42", "--model", model, "--quiet"]
    digest = hashlib.sha256(repr(arguments[6:]).encode())
    for path in [kindred, *inputs]:
        digest.update(path.read_bytes())
    root = cache / digest.hexdigest()[:16]
    bundle = root / model / "1" / "bundle.safetensors"
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:  # ctest runs several files at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not bundle.exists():
            for old in cache.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            bundle.parent.mkdir(parents=True)
            result = subprocess.run([str(kindred), *arguments, "--out", str(bundle)], stdin=subprocess.DEVNULL,
                                    capture_output=True, text=True, timeout=300, env=os.environ)
            assert result.returncode == 0, f"kindred {' '.join(arguments)}\n{result.stdout}\n{result.stderr}"
    return root
