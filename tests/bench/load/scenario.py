"""From the path of a bundle to its first answer, and what is resident then, beside .npy files and a pickled dict."""

from __future__ import annotations

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from context import Context, row  # noqa: E402

# Users, items and factors, and the users with a ready list.
SHAPE, LISTS = "552782x7214x100", 196308
QUICK_SHAPE, QUICK_LISTS = "20000x2000x32", 7000
# Seconds until it answers by its header alone and after every byte was checked; growth over the size of the file.
HEADER_BUDGET_MS, FULL_BUDGET_MS, RESIDENT_BUDGET = 50.0, 500.0, 0.10
COMMAND = "tests/bench/run.py --bin-dir build/bench/bin --python build/venv/bench/bin/python --only load"


def rows(context: Context) -> list[dict]:
    shape, lists = (QUICK_SHAPE, QUICK_LISTS) if context.quick else (SHAPE, LISTS)
    bundle, legacy = context.work_dir / "load.safetensors", context.work_dir / "legacy"
    legacy.mkdir()
    context.run([context.binary("bench_load"), "--make", bundle, "--shape", shape, "--lists", lists])
    made = context.peer(HERE / "peer_numpy.py", "make", bundle, legacy)
    said: dict[str, dict] = {}
    resident: dict[str, list[float]] = {"header": [], "full": [], "copy": []}

    def ours(name: str):
        def measure(number: int) -> float:
            # A process for each, so that growth is that of its first load.
            results = context.google_benchmark("bench_load", "--bundle", bundle, f"--benchmark_filter=^load/{name}/",
                                               min_time_s=0.1)
            said[name], = results.values()
            resident[name].append(said[name]["resident"])
            return said[name]["p50_ms"]
        return measure

    def peer(number: int) -> float:
        said["peer"] = context.peer(HERE / "peer_numpy.py", "load", legacy)
        return said["peer"]["seconds"] * 1e3

    figures = context.interleave({"header": ours("header"), "full": ours("full"), "copy": ours("copy"), "peer": peer})
    versions = f"numpy {said['peer']['numpy']} + joblib {said['peer']['joblib']}"
    error = None if said["peer"]["lists"] == made["lists"] == lists else "the peer did not load every list"
    file_mib = said["full"]["file_mib"]
    how = (f"{shape} with ids and {lists} ready lists, {file_mib:.0f} MiB in the page cache; golden queries answered; "
           f"{context.rounds} rounds; {versions}: {figures['peer']:.0f} ms, "
           f"grows by {said['peer']['grown_bytes'] / 2**20:.0f} MiB")
    result = []
    for name, budget in (("header", HEADER_BUDGET_MS), ("full", FULL_BUDGET_MS)):
        result.append(row(f"load/{name}/budget", figures[name], "ms", COMMAND, peer="the budget", peer_figure=budget,
                          bar=None if context.quick else 1.0, error=error, note=how))
    for name in ("header", "full", "copy"):
        result.append(row(f"load/{name}", figures[name], "ms", COMMAND, peer=versions, peer_figure=figures["peer"],
                          error=error, note=how))
    grown = max(max(resident[name]) for name in ("header", "full"))
    result.append(row("load/resident", max(grown, 1e-6), "of the file", COMMAND, peer="the budget",
                      peer_figure=RESIDENT_BUDGET, bar=None if context.quick else 1.0, error=error,
                      note="the most that a process grows by until it is ready, mapped; pages of the file it has "
                           f"touched included; {how}"))
    return result
