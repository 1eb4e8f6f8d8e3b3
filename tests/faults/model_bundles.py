"""Bundles of one catalogue that users have a taste in: versions of it, and what is no version of it."""

from __future__ import annotations

import os
import pathlib
import shutil
from collections.abc import Callable

import numpy as np
from safetensors.numpy import save_file

import bundles
from context import Context

MODEL, SPACE = "faults", "main"
OWN = 15  # items that a user has touched
# A form is (items, users, dimensions): one for loads, one whose every byte can be changed in turn.
SERVED, SMALL = (5_000, 1_000, 32), (70, 12, 5)


def make_bundle(context: Context, name: str, form: tuple[int, int, int] = SERVED, *, version: int = 1,
                rotated: int | None = None) -> pathlib.Path:
    """A sealed bundle <work_dir>/<name>.safetensors.

    Versions differ as two trainings of one data set do: by some noise, so lists and scores are others. `rotated`: item
    vectors alone are turned by a random orthogonal matrix of this seed, as when they were trained anew without the users.
    """
    n_items, n_users, dim = form
    taste = np.random.default_rng(7)  # what users like is the same whatever the seed of the faults
    items, users = taste.normal(size=(n_items, dim)), taste.normal(size=(n_users, dim))
    liked = np.argsort(-users @ items.T, axis=1)[:, :2 * OWN:2]
    noise = np.random.default_rng(100 + version)
    items, users = (matrix + 0.15 * noise.normal(size=matrix.shape) for matrix in (items, users))
    if rotated is not None:
        items = items @ np.linalg.qr(np.random.default_rng(rotated).normal(size=(dim, dim)))[0]
    raw, packed = context.work_dir / f"{name}.raw", context.work_dir / f"{name}.safetensors"
    save_file({**bundles.id_tensors("users.ids", [f"u{u}" for u in range(n_users)]),
               **bundles.id_tensors("items.ids", [f"item-{i}" for i in range(n_items)]),
               "users.seen.offsets": np.arange(n_users + 1, dtype=np.int64) * liked.shape[1],
               "users.seen.values": np.sort(liked, axis=1).astype(np.uint32).ravel(),
               f"space.{SPACE}.users": np.ascontiguousarray(users / np.sqrt(dim), np.float32),
               f"space.{SPACE}.items": np.ascontiguousarray(items / np.sqrt(dim), np.float32)}, str(raw))
    context.run([context.binary("kindred"), "pack", "--in", raw, "--out", packed, "--model", MODEL])
    raw.unlink()
    return packed


def put(models: pathlib.Path, version: int, bundle: pathlib.Path | bytes) -> pathlib.Path:
    """Publishes by rename, as a script without `kindred publish` would: <models>/faults/<version>/bundle.safetensors."""
    folder = models / MODEL / f"{version}.tmp"
    folder.mkdir(parents=True)
    content = bundle if isinstance(bundle, bytes) else bundle.read_bytes()
    with open(folder / "bundle.safetensors", "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    folder.rename(models / MODEL / str(version))
    return models / MODEL / str(version) / "bundle.safetensors"


def remove(models: pathlib.Path, which: Callable[[int], bool]) -> None:
    """Takes versions out of the store, as a retention job does: renamed first, so nobody sees one in part."""
    for folder in (models / MODEL).iterdir():
        if folder.name.isdecimal() and which(int(folder.name)):
            away = folder.with_name(f".gone-{folder.name}")
            folder.rename(away)
            shutil.rmtree(away)
