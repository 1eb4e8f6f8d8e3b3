"""Kindred's command line as the scenarios use it: split, train, evaluate; and rows that stand for one case each.

Everything here is measured through the product: nothing is trained or ranked in Python.
"""

from __future__ import annotations

import csv
import gzip
import json
import pathlib
import re
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "bench"))

from context import BenchError, Context, row  # noqa: E402

REPO = HERE.parents[1]
SHARED = REPO.parent / "shared" / "data"
K = 10
# Training and evaluating the largest case takes minutes where a machine is busy.
TIMEOUT_S = 3600
# A case that takes longer says so in its note.
LONG_S = 60


def command_of(scenario: str) -> str:
    return ("tests/bench/run.py --scenarios tests/quality --bin-dir build/release/bin "
            f"--python build/venv/quality/bin/python --out build/quality-part.json --only {scenario}")


class Product:
    """The commands of one build. Configurations go to files in the scenario's scratch folder."""

    def __init__(self, context: Context):
        self.context = context
        self.kindred = context.binary("kindred")

    def run(self, *args: object) -> str:
        return self.context.run([self.kindred, *args], timeout_s=TIMEOUT_S, env=None)

    def split(self, name: str, inputs: Sequence[pathlib.Path], *flags: object) -> tuple[pathlib.Path, pathlib.Path]:
        """NAME-train.csv.gz and NAME-test.csv.gz."""
        train, test = (self.context.work_dir / f"{name}-{part}.csv.gz" for part in ("train", "test"))
        self.run("split", *inputs, *flags, "--out-train", train, "--out-test", test, "--quiet")
        return train, test

    def train(self, name: str, interactions: pathlib.Path, spaces: dict[str, dict[str, Any]],
              **keys: Any) -> tuple[pathlib.Path, float]:
        """A bundle of `spaces` (by `kindred train --config`) and the seconds that it took. One thread: the same bundle
        and the same figures each time."""
        bundle = self.context.work_dir / f"{name}.safetensors"
        config = {"interactions": str(interactions), "out": str(bundle), "model": name, "spaces": spaces, "threads": 1,
                  **keys}
        path = self.context.work_dir / f"{name}.yaml"
        path.write_text(json.dumps(config, indent=1), encoding="utf-8")  # JSON is YAML
        start = time.monotonic()
        self.run("train", "--config", path, "--quiet")
        seconds = time.monotonic() - start
        print(f"quality: trained {name} in {seconds:.0f} s", file=sys.stderr, flush=True)
        return bundle, seconds

    def evaluate(self, *flags: object, ks: str = str(K)) -> dict[str, Any]:
        sample = 200 if self.context.quick else 0
        return json.loads(self.run("evaluate", *flags, "-k", ks, "--sample-users", sample, "--json", "--quiet"))

    def ranking(self, bundle: pathlib.Path, test: pathlib.Path, *flags: object) -> "Ranking":
        return Ranking(self.evaluate("--bundle", bundle, "--test", test, "--values", "off", *flags))


class Ranking:
    """What `kindred evaluate` said of a ranker, at K."""

    def __init__(self, evaluation: dict[str, Any]):
        self.evaluation = evaluation
        self.scored_users = evaluation["scored_users"]

    def figure(self, metric: str = "ndcg", ranker: str = "model") -> float:
        for entry in self.evaluation["rankings"]:
            if entry["name"] == ranker:
                return next(at[metric] for at in entry["at"] if at["k"] == K)
        raise BenchError(f"kindred evaluate gave no figures of '{ranker}'")

    def error(self) -> float:
        """Standard error of the model's NDCG."""
        return next(at["standard_error"]["ndcg"] for at in self.evaluation["rankings"][0]["at"] if at["k"] == K)

    def text(self) -> str:
        return f"{self.scored_users:,} test users, standard error {self.error():.4f}"


def anchor(case: str, figure: float, unit: str, command: str, *, least: float | None = None, note: str | None = None,
           quick: bool = False) -> dict[str, Any]:
    """A row of a figure that must reach `least`; a quick run holds nothing to a bar."""
    if least is None:
        return row(case, figure, unit, command, note=note)
    return row(case, figure, unit, command, peer="the least asked for", peer_figure=least,
               bar=None if quick else 1.0, higher_is_better=True, note=note)


def beside(case: str, figure: float, unit: str, command: str, peer: str, peer_figure: float, *,
           bar: float | None = 1.0, note: str | None = None, quick: bool = False) -> dict[str, Any]:
    """A row of a figure, the higher the better, beside another of the same run."""
    return row(case, figure, unit, command, peer=peer, peer_figure=peer_figure, bar=None if quick else bar,
               higher_is_better=True, note=note)


def guarded(case: str, command: str, measure: Callable[[], dict[str, Any] | list[dict[str, Any]]]) -> list[dict]:
    """The rows of `measure`, or one that says what it died of: a family that is not there costs its own rows only."""
    start = time.monotonic()
    try:
        rows = measure()
        rows = rows if isinstance(rows, list) else [rows]
        seconds = time.monotonic() - start
        for entry in rows:
            if "seconds" in entry:
                continue
            entry["seconds"] = round(seconds, 1)
            if seconds >= LONG_S:
                entry["note"] = "; ".join(filter(None, [entry.get("note"), f"the whole case {seconds:.0f} s"]))
        return rows
    except BenchError as error:
        print(f"quality: {case}: {error}", file=sys.stderr, flush=True)
        return [row(case, None, "", command, error=reason(str(error)))]
    except Exception as error:  # whatever a case dies of becomes a row
        traceback.print_exc()
        return [row(case, None, "", command, error=f"{type(error).__name__}: {error}")]


def reason(text: str) -> str:
    """What a command died of, without its command line and the place in a file that the scenario made."""
    text = text.split("error: ", 1)[-1]
    text = re.sub(r"\S*kindred-bench-\w+-[^/\s]+/", "", text)
    return " ".join(re.sub(r"^\S+\.yaml:\d+: (spaces\.\w+: )?", "", text).split())


def skipped(cases: Sequence[str], command: str, what: pathlib.Path) -> list[dict]:
    """Rows for cases whose data is not on this machine."""
    shown = what.relative_to(REPO.parent) if what.is_relative_to(REPO.parent) else what.name
    print(f"quality: SKIPPED {', '.join(cases)}: ../{shown} is not here", file=sys.stderr, flush=True)
    return [row(case, None, "", command, skipped=f"../{shown} is not here") for case in cases]


def read_rows(path: pathlib.Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path: pathlib.Path, rows: Sequence[dict[str, str]]) -> pathlib.Path:
    if not rows:
        raise BenchError(f"no rows for {path.name}")
    with gzip.open(path, "wt", encoding="utf-8", newline="", compresslevel=1) as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def settings(recipe: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in recipe.items() if key != "family") or "defaults"
