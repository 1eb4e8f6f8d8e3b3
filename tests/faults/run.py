#!/usr/bin/env python3
"""Breaks what Kindred depends on, under load, and says what came of it (README.md). As tests/bench/run.py, with

    --seed N    of fault schedules and loads (default: KINDRED_SEED, else 1)

and build/faults.json as the default of --out.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
# For the cases too. tests/bench first: `run` is the one there.
sys.path[:0] = [str(HERE.parent / "bench"), str(HERE), str(HERE.parent / "functional")]

import run as bench  # noqa: E402
from fault_row import FORM  # noqa: E402


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("KINDRED_SEED", "1")))
    args, others = parser.parse_known_args(argv)
    # Scenarios, and `kindred load` below them, find it here.
    os.environ["KINDRED_SEED"] = str(args.seed)
    print(f"faults: seed {args.seed} (KINDRED_SEED)", file=sys.stderr, flush=True)
    return bench.main(["--scenarios", str(HERE), "--out", "build/faults.json", *others], FORM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
