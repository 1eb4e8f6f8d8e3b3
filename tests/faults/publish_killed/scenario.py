"""`kindred publish` killed at random moments: a version is in the store whole or not at all, those before it stay.

Every moment of it is as likely: from its start to a little after its usual end. What it leaves is no version, and the next
one to publish removes it once it is old.
"""

from __future__ import annotations

import os
import pathlib
import random
import shutil
import subprocess
import time

import numpy as np

import bundles
from fault_row import row, seed
from stack import BenchError, Context

ITEMS, DIMENSIONS = 20_000, 32
KEPT = 3  # versions that stay for the next rounds
TIMED = 3


def rows(context: Context) -> list[dict]:
    rounds = 40 if context.quick else 200
    schedule = random.Random(seed())
    bundle, model = make_bundle(context), context.work_dir / "models" / "faults"
    publish(context, bundle, model, 1)
    usual_s = min(publish(context, bundle, model, version) for version in range(2, 2 + TIMED))
    want = bundle.read_bytes()
    there, counts = {version for version in range(2, 2 + TIMED)} | {1}, dict(killed=0, torn=0, lost=0, new=0, old=0)
    for version in range(100, 100 + rounds):
        process = subprocess.Popen(command(context, bundle, model, version), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(schedule.uniform(0, 1.5 * usual_s))
        process.kill()
        counts["killed"] += process.wait() < 0
        found = {int(folder.name) for folder in model.iterdir() if folder.name.isdecimal()}
        counts["torn"] += sum(not whole(model / str(entry), want) for entry in found)
        counts["lost"] += len(there - found)
        counts["new" if version in found else "old"] += 1
        there = prune(model, found)
        grow_old(model)
    publish(context, bundle, model, 1000)
    left = sum(not folder.name.isdecimal() for folder in model.iterdir())
    case = "publish_killed"
    return [row(f"{case}/versions that are not whole", counts["torn"], f"of {rounds} kills", at_most=0),
            row(f"{case}/versions lost", counts["lost"], "", at_most=0),
            row(f"{case}/folders left behind", left, "", at_most=0),
            row(f"{case}/kills that met a publisher at work", counts["killed"], f"of {rounds}", at_least=rounds / 4),
            row(f"{case}/kills before the version was there", counts["old"], f"of {rounds}", at_least=1,
                note=f"{counts['new']} after it; a publication takes {1000 * usual_s:.0f} ms")]


def make_bundle(context: Context) -> pathlib.Path:
    numbers = np.random.default_rng(7)  # the bundle is the same whatever the seed of the faults
    raw, packed = context.work_dir / "raw.safetensors", context.work_dir / "bundle.safetensors"
    bundles.write_raw_bundle(raw, ["trained"], numbers.normal(size=(1, DIMENSIONS)), [f"item-{n}" for n in range(ITEMS)],
                             numbers.normal(size=(ITEMS, DIMENSIONS)))
    context.run([context.binary("kindred"), "pack", "--in", raw, "--out", packed, "--model", "faults"])
    return packed


def command(context: Context, bundle: pathlib.Path, model: pathlib.Path, version: int) -> list[str]:
    return [str(context.binary("kindred")), "publish", str(bundle), str(model), "--version", str(version), "--quiet"]


def publish(context: Context, bundle: pathlib.Path, model: pathlib.Path, version: int) -> float:
    """How long it took."""
    begin = time.monotonic()
    context.run(command(context, bundle, model, version))
    if not whole(model / str(version), bundle.read_bytes()):
        raise BenchError(f"{model / str(version)} is not what was published")
    return time.monotonic() - begin


def whole(folder: pathlib.Path, want: bytes) -> bool:
    return [file.name for file in folder.iterdir()] == ["bundle.safetensors"] and \
        (folder / "bundle.safetensors").read_bytes() == want


def prune(model: pathlib.Path, versions: set[int]) -> set[int]:
    kept = set(sorted(versions)[-KEPT:])
    for version in versions - kept:
        shutil.rmtree(model / str(version))
    return kept


def grow_old(model: pathlib.Path) -> None:
    """Leftovers are removed when nobody can be at work in them any more."""
    for folder in model.iterdir():
        if not folder.name.isdecimal():
            os.utime(folder, (0, 0))
