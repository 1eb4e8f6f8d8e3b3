#!/usr/bin/env python3
"""Chooses the settings that stand in datasets.py, on validation events only: `scripts/quality.sh choose` (README.md).

The training events of a data set are cut once more in the way of the protocol, a model is trained on the earlier part and
asked for the later one; the test events are never read. One parameter after another takes the value that is best while
the others stay (`--rounds` times over), from the family's defaults on or, with --start, from other values. Every run is a
line of build/quality-choice.csv; a run that stands there already is not repeated.

    scripts/quality.sh choose --data online_retail --space als
    scripts/quality.sh choose --data deskdrop --space traits --vary half_life_days=0,1,4,14 --start traits=48
"""

from __future__ import annotations

import argparse
import csv
import json
import pathlib
import sys
import tempfile
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from datasets import COMPLETE_JOURNEY, CUT, DESKDROP, ONLINE_RETAIL, Dataset  # noqa: E402
from product import REPO, BenchError, Context, Product  # noqa: E402

DATA = {data.name: data for data in (ONLINE_RETAIL, DESKDROP, COMPLETE_JOURNEY)}
FIELDS = ("data", "model", "settings", "ndcg@10", "seconds")
# What is varied, in this order. `prior_weight` is β of β · ln(1 + users) / its maximum.
PRIORS = (0, 0.1, 0.35, 0.7, 1.4, 2.8)
HALF_LIVES = (0, 1, 4, 14, 60)
WALK = {"sessions": ("column", "user"), "window": (3, 5, 10, 20), "half_life_days": HALF_LIVES}
GRIDS: dict[str, dict[str, tuple]] = {
    "als": {"half_life_days": HALF_LIVES, "alpha": (1, 5, 20), "regularization": (3, 10, 30), "factors": (64, 128),
            "prior_weight": (0, 0.01, 0.1)},
    "als_all_alike": {"alpha": (0.5, 1, 5, 20), "regularization": (3, 10, 30, 100), "factors": (32, 64, 128),
                      "prior_weight": (0, 0.01, 0.1)},
    "item_cosine": {"half_life_days": HALF_LIVES, "asymmetry": (0.3, 0.5, 0.7), "shrinkage": (0, 10, 30),
                    "user_damping": (0, 0.5), "prior_weight": (0, 0.01, 0.1)},
    "item2vec": {**WALK, "prior_weight": PRIORS, "epochs": (10, 20), "scoring": ("input", "output")},
    "traits": {**WALK, "tokens": ("action", "item"), "traits": (16, 32, 48), "prior_weight": PRIORS, "epochs": (10, 20)},
    "hybrid": {"item2vec": (0, 0.5, 1, 2), "traits": (0, 0.5, 1)},
}


class Choice:
    """The runs of one data set and model. Settings that were tried before are read, not run."""

    def __init__(self, product: Product, data: Dataset, model: str, runs: pathlib.Path):
        self.product, self.data, self.model, self.runs = product, data, model, runs
        self.files: tuple[pathlib.Path, pathlib.Path] | None = None
        self.known: dict[str, float] = {}
        if runs.is_file():
            with runs.open(encoding="utf-8", newline="") as file:
                self.known = {entry["settings"]: float(entry["ndcg@10"]) for entry in csv.DictReader(file)
                              if (entry["data"], entry["model"]) == (data.name, model)}

    def figure(self, settings: dict[str, Any]) -> float:
        key = json.dumps(settings, sort_keys=True)
        if key not in self.known:
            if self.files is None:
                train, _ = self.product.split(self.data.name, self.data.inputs(self.product), *self.data.flags, *CUT)
                self.files = self.data.validation(self.product, train)
            bundle, seconds = self.product.train("choice", self.files[0], **self.recipe(settings), **self.data.keys)
            self.known[key] = self.product.ranking(bundle, self.files[1]).figure()
            self.keep(key, seconds)
        print(f"{self.data.name} {self.model} {self.known[key]:.4f} {key}", flush=True)
        return self.known[key]

    def recipe(self, settings: dict[str, Any]) -> dict[str, Any]:
        if self.model == "hybrid":
            return self.data.blend({name: weight for name, weight in settings.items() if weight})
        family = self.model.removesuffix("_all_alike")
        return {"spaces": {family: {"family": family, **settings}}}

    def keep(self, key: str, seconds: float) -> None:
        new = not self.runs.is_file()
        self.runs.parent.mkdir(parents=True, exist_ok=True)
        with self.runs.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(FIELDS)
            writer.writerow([self.data.name, self.model, key, f"{self.known[key]:.6f}", f"{seconds:.1f}"])

    def best(self, start: dict[str, Any], grid: dict[str, tuple], rounds: int) -> tuple[dict[str, Any], float]:
        settings, ahead = dict(start), self.figure(start)
        for _ in range(rounds):
            before = dict(settings)
            for name, values in grid.items():
                for value in values:
                    figure = self.figure({**settings, name: value}) if settings.get(name) != value else ahead
                    if figure > ahead:
                        settings, ahead = {**settings, name: value}, figure
            if settings == before:
                break
        return settings, ahead


def value_of(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def pairs_of(texts: list[str]) -> dict[str, list[Any]]:
    out = {}
    for text in texts:
        name, found, values = text.partition("=")
        if not found or not values:
            raise SystemExit(f"choose.py: found '{text}', expected NAME=VALUE or NAME=VALUE,VALUE…")
        out[name] = [value_of(value) for value in values.split(",")]
    return out


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin-dir", type=pathlib.Path, default=REPO / "build/release/bin")
    parser.add_argument("--data", choices=list(DATA), required=True)
    parser.add_argument("--space", choices=list(GRIDS), required=True, dest="model",
                        help="a family; als_all_alike is als without a half-life, hybrid the weights of a blend")
    parser.add_argument("--vary", action="append", default=[], metavar="NAME=V,V…", help="instead of the family's grid")
    parser.add_argument("--start", action="append", default=[], metavar="NAME=V", help="instead of the default")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--runs", type=pathlib.Path, default=REPO / "build/quality-choice.csv")
    args = parser.parse_args(argv)
    data = DATA[args.data]
    grid = {name: tuple(values) for name, values in pairs_of(args.vary).items()} or GRIDS[args.model]
    start = {name: values[0] for name, values in pairs_of(args.start).items()}
    if args.model == "hybrid":
        start = start or {"als": 1}
    with tempfile.TemporaryDirectory(prefix="kindred-bench-choose-") as folder:
        context = Context(bin_dir=args.bin_dir.resolve(), python=pathlib.Path(sys.executable),
                          work_dir=pathlib.Path(folder), quick=False)
        try:
            settings, figure = Choice(Product(context), data, args.model, args.runs).best(start, grid, args.rounds)
        except BenchError as error:
            print(f"choose.py: {error}", file=sys.stderr)
            return 1
    print(f"best of {data.name} {args.model}: {figure:.4f} {json.dumps(settings)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
