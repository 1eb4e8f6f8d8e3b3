"""Explicit ratings: RMSE of five folds beside scikit-surprise's SVD and NMF at their defaults, on the same folds."""

from __future__ import annotations

import csv
import gzip
import pathlib
import random
import statistics
import sys
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from product import (K, SHARED, BenchError, Context, Product, command_of, guarded, row, skipped,  # noqa: E402
                     write_rows)

COMMAND = command_of("ratings")
FOLDS = 5
# Ours may be 1 % above the peer's.
BAR = 1 / 1.01
# name → file, delimiter, user, item and value columns, range, recipe.
SETS: dict[str, tuple] = {
    "insteval": (SHARED / "insteval" / "insteval.csv.gz", ",", "s", "d", "y", (1, 5), {}),
    "anime": (SHARED / "anime" / "anime_ratings.tsv.gz", "\t", "User_ID", "Anime_ID", "Feedback", (1, 10), {}),
}


def rows(context: Context) -> list[dict]:
    result = []
    for name, (path, *form) in SETS.items():
        case = f"ratings/{name}/mf"
        if not path.is_file():
            result += skipped([case], COMMAND, path)
        else:
            result += guarded(case, COMMAND, lambda: measure(context, case, path, *form))
    return result


def folds(path: pathlib.Path, delimiter: str, user: str, item: str, value: str) -> list[list[dict[str, str]]]:
    """The rows in five parts, by chance, the same each time."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        ratings = [{"user_id": entry[user], "item_id": entry[item], "rating": entry[value]}
                   for entry in csv.DictReader(file, delimiter=delimiter)]
    random.Random(42).shuffle(ratings)
    return [ratings[number::FOLDS] for number in range(FOLDS)]


def measure(context: Context, case: str, path: pathlib.Path, delimiter: str, user: str, item: str, value: str,
            span: tuple[int, int], recipe: dict[str, Any]) -> list[dict]:
    product = Product(context)
    parts = folds(path, delimiter, user, item, value)
    ours: dict[str, list[float]] = {}
    theirs: dict[str, list[float]] = {"svd": [], "nmf": [], "svd_seconds": [], "nmf_seconds": []}
    version, seconds = "", []
    for number in range(1 if context.quick else FOLDS):
        train = write_rows(context.work_dir / "train.csv.gz",
                           [entry for other, part in enumerate(parts) if other != number for entry in part])
        test = write_rows(context.work_dir / "test.csv.gz", parts[number])
        bundle, took = product.train("ratings", train, {"mf": {"family": "mf", **recipe}}, aggregate="mean")
        seconds.append(took)
        evaluation = product.evaluate("--bundle", bundle, "--train", train, "--test", test, "--values", "identity",
                                      "--predicted-range", f"{span[0]},{span[1]}", ks=str(K))
        if not evaluation["values"]:
            raise BenchError("kindred evaluate compared no values")
        for entry in evaluation["values"]:
            ours.setdefault(entry["name"], []).append(entry["rmse"])
        pairs, wanted = evaluation["value_pairs"], len(parts[number])
        peer = context.peer(HERE / "peer_surprise.py", train, test, *span, timeout_s=3600)
        version = peer["version"]
        for name in theirs:
            theirs[name].append(peer[name])
    mean = {name: statistics.mean(figures) for name, figures in ours.items()}
    note = (f"{len(ours['model'])} folds, trained in {statistics.mean(seconds):.1f} s each; RMSE of "
            + ", ".join(f"the {name} {figure:.4f}" for name, figure in mean.items() if name != "model")
            + f"; {pairs:,} of the last fold's {wanted:,} ratings are of items that training has")
    return [row(case, mean["model"], "RMSE", COMMAND, peer=f"scikit-surprise {version} {name.upper()}",
                peer_figure=statistics.mean(theirs[name]), bar=None if context.quick else BAR,
                note=f"{note}; the peer trains in {statistics.mean(theirs[name + '_seconds']):.1f} s")
            for name in ("svd", "nmf")]
