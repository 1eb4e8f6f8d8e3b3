"""Exact top-10 of several queries in one call, beside the same queries one at a time."""

from __future__ import annotations

import pathlib
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from context import Context, row  # noqa: E402

SHAPES = ["7214x100", "100000x64", "1000000x64"]
COMMAND = "tests/bench/run.py --bin-dir build/bench/bin --python build/venv/bench/bin/python --only batch"


def measure_shape(context: Context, shape: str) -> list[dict]:
    rounds = [context.google_benchmark("bench_batch", f"--shape={shape}", min_time_s=0.02 if context.quick else 0.3)
              for _ in range(context.rounds)]
    note = (f"median over batches of the time a query, 1 thread, k = 10, {context.rounds} rounds; batches and single "
            "queries by turns in one process, processor time")
    return [row(name.removesuffix("/manual_time"), statistics.median(round_[name]["p50_us"] for round_ in rounds),
                "µs", COMMAND, peer="one at a time, same run",
                peer_figure=statistics.median(round_[name]["single_p50_us"] for round_ in rounds), note=note)
            for name in rounds[0]]


def rows(context: Context) -> list[dict]:
    return [entry for shape in SHAPES for entry in measure_shape(context, shape)]
