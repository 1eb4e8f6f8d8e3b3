"""Exact top-10 under filters of every selectivity and under 10,000 exclusions, beside the same search without them; and
what 10,000 excluded ids cost a whole request."""

from __future__ import annotations

import pathlib
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from context import Context, row  # noqa: E402

SHAPES = ["100000x64", "1000000x64"]
# A filtered search takes at most 20 % more than one that is not filtered.
FILTER_BAR = 1 / 1.2
# 10,000 exclusions may add this much to a search. Leaving out the best 10,000 has no bar: what follows them lies where
# the catalogue is dense, so that the scan has thousands of candidates however the exclusions are kept.
EXCLUDE_BUDGET_US = 200.0
# Differences of two medians below this are noise.
LEAST_US = 0.1
COMMAND = "tests/bench/run.py --bin-dir build/bench/bin --python build/venv/bench/bin/python --only filter"


def measure_shape(context: Context, shape: str) -> list[dict]:
    rounds = [context.google_benchmark("bench_filter", f"--shape={shape}", min_time_s=0.02 if context.quick else 0.2)
              for _ in range(context.rounds)]
    how = (f"medians of single queries, 16 queries, 1 thread, k = 10, {context.rounds} rounds; restricted and plain "
           "searches by turns in one process, processor time")
    result = []
    for name in rounds[0]:
        case = name.removesuffix("/manual_time")
        figure = statistics.median(round_[name]["p50_us"] for round_ in rounds)
        plain = statistics.median(round_[name]["plain_p50_us"] for round_ in rounds)
        if "/exclude_" in case:
            added = statistics.median(max(round_[name]["p50_us"] - round_[name]["plain_p50_us"], LEAST_US)
                                      for round_ in rounds)
            result.append(row(case, added, "µs", COMMAND, peer="the budget", peer_figure=EXCLUDE_BUDGET_US,
                              bar=None if case.endswith("/best") else 1.0,
                              note=f"what the exclusions add to a search of {plain:.0f} µs; {how}"))
        else:
            way = "f32 rows gathered" if rounds[0][name]["full_scan"] else "codes scanned"
            result.append(row(case, figure, "µs", COMMAND, peer="unfiltered, same run", peer_figure=plain,
                              bar=FILTER_BAR, note=f"{way}; {how}"))
    return result


def measure_ids(context: Context, shape: str) -> list[dict]:
    """From the strings of a request to its answer, through the engine, over a mapped bundle."""
    rounds = [context.google_benchmark("bench_exclude_ids", f"--shape={shape}",
                                       min_time_s=0.02 if context.quick else 0.5)
              for _ in range(context.rounds)]
    result = []
    for name in rounds[0]:
        case = name.removesuffix("/manual_time")
        plain = statistics.median(round_[name]["plain_p50_us"] for round_ in rounds)
        added = statistics.median(max(round_[name]["p50_us"] - round_[name]["plain_p50_us"], LEAST_US)
                                  for round_ in rounds)
        result.append(row(case, added, "µs", COMMAND, peer="the budget", peer_figure=EXCLUDE_BUDGET_US,
                          bar=1.0 if case.endswith("/random") else None,
                          note=f"look-ups, bitmap and search: what they add to a request of {plain:.0f} µs; medians of "
                               f"single requests, 16 users, 1 thread, k = 10, {context.rounds} rounds, processor time"))
    return result


def rows(context: Context) -> list[dict]:
    return [entry for shape in SHAPES for measure in (measure_shape, measure_ids) for entry in measure(context, shape)]
