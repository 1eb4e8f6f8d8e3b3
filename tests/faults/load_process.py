"""`kindred load` as a child: what it says of each second, as it says it, and what it checks afterwards."""

from __future__ import annotations

import json
import pathlib
import shlex
import signal
import statistics
import subprocess
import threading
import time

from context import BenchError, Context
from fault_row import seed


class Load:
    """Runs at once. `servers`: addresses. `flags`: of `kindred load`."""

    def __init__(self, context: Context, servers: list[str], *flags: object):
        self.command = [str(context.binary("kindred")), "load", "--json", "--seed", str(seed()),
                        *(word for server in servers for word in ("--server", server)), *map(str, flags)]
        self.seconds: dict[int, dict] = {}
        self.total: dict | None = None
        self._head: dict | None = None
        self._started = threading.Event()
        self._errors = context.work_dir / f"load-{time.monotonic_ns()}.log"
        with open(self._errors, "wb") as errors:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                                            text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for text in self.process.stdout:
            line = json.loads(text)
            if "second" in line:
                self.seconds[line["second"]] = line
            elif "total" in line:
                self.total = line["total"]
            else:
                self._head = line
                self._started.set()
        self._started.set()

    def _problem(self, what: str) -> BenchError:
        tail = self._errors.read_text(encoding="utf-8", errors="replace")[-1000:]
        return BenchError(f"{shlex.join(self.command)}: {what}: {tail}")

    @property
    def head(self) -> dict:
        if not self._started.wait(30) or self._head is None:
            raise self._problem("did not start")
        return self._head

    def sleep_until(self, second: float) -> None:
        """Until so many seconds after the load's start, for what a schedule has to do then."""
        time.sleep(max(0.0, self.head["start"] + second - time.time()))

    def now(self) -> float:
        """Seconds since the load's start."""
        return time.time() - self.head["start"]

    def interrupt(self) -> None:
        """Ends the load early; `wait` still gives its report."""
        self.process.send_signal(signal.SIGINT)

    def wait(self, timeout_s: float = 300) -> dict:
        """The totals, when the load is over."""
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            self.process.kill()
            self.process.wait()
            raise self._problem(f"not done after {timeout_s:g} s") from error
        self._reader.join(30)
        if self.total is None:
            raise self._problem(f"exit {self.process.returncode} without a report")
        return self.total

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def p99_ms(self, first: int, last: int) -> float:
        """The median over the seconds from `first` to before `last` of their 99th percentiles."""
        figures = [line["latency_us"]["p99"] / 1000 for second, line in self.seconds.items()
                   if first <= second < last and line["latency_us"]["count"] > 0]
        if not figures:
            raise self._problem(f"no calls in the seconds {first} to {last}")
        return statistics.median(figures)


def run_load(context: Context, servers: list[str], *flags: object, timeout_s: float = 600) -> dict:
    """The totals of a load from its beginning to its end."""
    load = Load(context, servers, *flags)
    try:
        return load.wait(timeout_s)
    finally:
        load.close()


def check_ledger(context: Context, ledger: pathlib.Path, servers: list[str], within_s: float = 20) -> dict:
    """missing, doubled, unread, beyond, found: the worst of all servers, `missing` and `doubled` as lists."""
    command = [str(context.binary("kindred")), "load", "--check-ledger", str(ledger), "--within", str(within_s), "--json",
               "--deadline", "30", *(word for server in servers for word in ("--server", server))]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=within_s + 300)
    lines = [json.loads(text) for text in done.stdout.splitlines()]
    if len(lines) != len(servers):
        raise BenchError(f"{shlex.join(command)}: exit {done.returncode}: {done.stderr[-1000:]}")
    worst = max(lines, key=lambda line: len(line["missing"]) + len(line["doubled"]) + line["unread"])
    return {**worst, "beyond": max(line["beyond"] for line in lines), "found": min(line["found"] for line in lines)}
