"""What a scenario gets from the driver: where things are, ways to run ours and peers, and the form of a row."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# One thread in whatever numerical library a peer brings along.
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
                                     "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS")}


class BenchError(Exception):
    """A scenario could not be measured; the message says what was run and what came of it."""


@dataclasses.dataclass(frozen=True)
class Context:
    """bin_dir: our binaries. python: an interpreter with requirements.txt. work_dir: scratch, removed afterwards."""

    bin_dir: pathlib.Path
    python: pathlib.Path
    work_dir: pathlib.Path
    quick: bool

    @property
    def rounds(self) -> int:
        """How often ours and the peers take turns."""
        return 1 if self.quick else 5

    def binary(self, name: str) -> pathlib.Path:
        path = self.bin_dir / name
        if not path.is_file():
            preset = self.bin_dir.parent.name if self.bin_dir.name == "bin" else "bench"
            raise BenchError(f"no binary {path}; build it: scripts/build.sh {preset} {name}")
        return path

    def run(self, argv: Sequence[object], *, env: Mapping[str, str] | None = None, timeout_s: float = 600) -> str:
        """Runs a command to its end and returns its stdout. BenchError with its stderr when it fails."""
        command = [str(arg) for arg in argv]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, stdin=subprocess.DEVNULL,
                                  env={**os.environ, **ONE_THREAD, **(env or {})})
        except OSError as error:
            raise BenchError(f"{shlex.join(command)}: {error}") from error
        except subprocess.TimeoutExpired as error:
            raise BenchError(f"{shlex.join(command)}: not done after {timeout_s:g} s") from error
        if done.returncode != 0:
            tail = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-8:])
            raise BenchError(f"{shlex.join(command)}: exit {done.returncode}: {tail}")
        return done.stdout

    def google_benchmark(self, name: str, *args: object, min_time_s: float | None = None) -> dict[str, dict[str, Any]]:
        """Runs binary `name` and returns its benchmarks by name, counters and all."""
        if min_time_s is None:
            min_time_s = 0.05 if self.quick else 0.5
        with tempfile.NamedTemporaryFile(dir=self.work_dir, suffix=".json") as out:
            self.run([self.binary(name), *args, f"--benchmark_min_time={min_time_s}",
                      f"--benchmark_out={out.name}", "--benchmark_out_format=json"])
            report = json.load(open(out.name, encoding="utf-8"))
        results = {entry["name"]: entry for entry in report["benchmarks"]}
        for entry in results.values():
            if entry.get("error_occurred"):
                raise BenchError(f"{name}: {entry['name']}: {entry['error_message']}")
        if not results:
            raise BenchError(f"{name} {shlex.join(str(a) for a in args)}: ran no benchmark")
        return results

    def peer(self, script: pathlib.Path, *args: object, threads: int = 1, timeout_s: float = 600) -> dict[str, Any]:
        """Runs a peer's script with the peers' interpreter; its last line of stdout is a JSON object."""
        env = {name: str(threads) for name in ONE_THREAD}
        lines = self.run([self.python, script, *args], env=env, timeout_s=timeout_s).strip().splitlines()
        try:
            return json.loads(lines[-1])
        except (IndexError, json.JSONDecodeError) as error:
            raise BenchError(f"{script}: last line of stdout is not JSON: {lines[-1:]}") from error

    def interleave(self, contenders: Mapping[str, Callable[[int], float]]) -> dict[str, float]:
        """Calls each with the round's number, in turn, `rounds` times over; returns the medians.

        Taking turns lets a slow spell of the machine hit all alike.
        """
        figures: dict[str, list[float]] = {name: [] for name in contenders}
        for number in range(self.rounds):
            for name, measure in contenders.items():
                figures[name].append(measure(number))
        return {name: statistics.median(values) for name, values in figures.items()}


def row(case: str, figure: float | None, unit: str, command: str, *, peer: str | None = None,
        peer_figure: float | None = None, bar: float | None = None, higher_is_better: bool = False,
        error: str | None = None, skipped: str | None = None, note: str | None = None) -> dict[str, Any]:
    """A row of bench.json. `ratio` says how many times better than the peer; `bar` is the least that will do.

    A figure allowed to be 1.6 times the peer's has the bar 1/1.6. ok: measured without error, and no bar missed.
    `skipped` says what the machine lacks to measure it: neither ok nor a failure.
    """
    ratio = None
    if figure and peer_figure:
        ratio = figure / peer_figure if higher_is_better else peer_figure / figure
    missed = bar is not None and (ratio is None or ratio < bar)
    result: dict[str, Any] = {
        "case": case, "figure": figure, "unit": unit, "peer": peer, "peer_figure": peer_figure, "ratio": ratio,
        "bar": bar, "ok": error is None and skipped is None and not missed, "command": command,
    }
    if error is not None:
        result["error"] = error
    if skipped is not None:
        result["skipped"] = skipped
    if note is not None:
        result["note"] = note
    return result
