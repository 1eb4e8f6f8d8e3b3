"""Recommend at one caller with whole answers kept in Redis, all of them hits, beside the same server that computes them."""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import sys
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parent.parent.parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from child_server import Server  # noqa: E402
from context import BenchError, Context, row  # noqa: E402
from redis_child import Redis, free_port, installed  # noqa: E402

SAMPLE = REPO / "tests/data/completejourney"
COMMAND = "tests/bench/run.py --bin-dir build/bench/bin --python build/venv/bench/bin/python --only answer_cache"
USERS = [f"user-{n}" for n in range(50)]
EVENTS = 10  # about so many of each user
GAUSSIAN = ((10_000, 64), (100_000, 64))  # items and dimensions


def pinned(core: int, command: list[object]) -> list[str]:
    """On one core, when there is more than one: servers and caller do not take turns on it; Redis goes where there is room."""
    words = [str(word) for word in command]
    return ["taskset", "-c", str(core), *words] if (os.cpu_count() or 1) > 1 else words


def groceries(context: Context, store: pathlib.Path) -> None:
    """As scripts/demo.sh trains it."""
    bundle = store / "groceries/1/bundle.safetensors"
    bundle.parent.mkdir(parents=True)
    context.run([context.binary("kindred"), "train", "nmf", "--interactions", SAMPLE / "transactions.csv.gz",
                 "--user-column", "household_id", "--item-column", "product_id", "--items", SAMPLE / "products.csv.gz",
                 "--item-name-column", "name", "--category-columns", "department,product_category", "--factors", 24,
                 "--min-item-users", 10, "--model", "groceries", "--quiet", "--out", bundle])


def gaussian(context: Context, store: pathlib.Path, items: int, dims: int) -> None:
    """Factors in which nothing is to be found: of such the engine has to look at the most."""
    bundle = store / "gaussian/1/bundle.safetensors"
    bundle.parent.mkdir(parents=True)
    context.run([context.python, HERE / "catalogue.py", bundle, items, dims, *USERS])


class Asked:
    """A server with the cache on or off, and the calls to it."""

    def __init__(self, context: Context, store: pathlib.Path, redis: str, enabled: bool, folder: pathlib.Path):
        folder.mkdir(parents=True)
        config = folder / "server.yaml"
        config.write_text(
            f"serving: {{threads: 1}}\nlogging: {{level: warn}}\nprofiles: {{redis: {{endpoints: ['{redis}'], journal: "
            f"{{dir: '{folder / 'journal'}'}}, answer_cache: {{enabled: {str(enabled).lower()}}}}}}}\n", encoding="utf-8")
        self.context, self.admin = context, f"127.0.0.1:{free_port()}"
        self.users = folder / "users.txt"
        self.users.write_text("".join(f"{user}\n" for user in USERS), encoding="utf-8")
        self.server = Server(pinned(0, [
            context.binary("kindred-server"), "--config", config, "--models", store, "--listen", "127.0.0.1:0", "--admin",
            self.admin, "--admin-grpc", "127.0.0.1:0", "--items", folder / "items", "--model-state", folder / "model-state",
            "--profiles", "redis"]),
            folder / "server.log")
        self.address = None

    def __enter__(self) -> Asked:
        self.address = self.server.__enter__()
        return self

    def __exit__(self, *unused) -> None:
        self.server.__exit__()

    def load(self, calls: int, *flags: object) -> float:
        """The median of so many calls, in µs."""
        out = self.context.run(pinned(1, [
            self.context.binary("kindred"), "load", "--server", self.address, "--callers", 1, "--connections", 1, "--calls",
            calls, "--duration", 300, "--users", self.users, "--json", *flags]))
        total = json.loads(out.strip().splitlines()[-1])["total"]
        if total["degradations"] or total["failed"]:
            raise BenchError(f"kindred load: {total['failed']} calls failed, degradations {total['degradations']}")
        return total["latency_us"]["p50"]

    def recommend(self, calls: int) -> float:
        return self.load(calls, "--updates", 0)

    def lookups(self) -> dict[str, float]:
        """Look-ups of answers by what became of them."""
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=30) as reply:
            lines = reply.read().decode().splitlines()
        name = "kindred_answer_cache_lookups_total"
        return {result: sum(float(line.split()[-1]) for line in lines if line.startswith(f'{name}{{result="{result}"}}'))
                for result in ("hit", "miss", "error")}


def measure(context: Context, name: str, what: str, store: pathlib.Path) -> dict:
    folder = context.work_dir / name
    rounds, calls = (3, 500) if context.quick else (10, 3000)
    with (Redis(folder / "redis") as redis, Asked(context, store, redis, False, folder / "off") as off,
          Asked(context, store, redis, True, folder / "on") as on):
        off.load(EVENTS * len(USERS), "--updates", 1)
        for asked in (off, on):
            asked.recommend(1000)  # everything is read, and every answer kept
        before = on.lookups()
        figures: dict[Asked, list[float]] = {off: [], on: []}
        for _ in range(rounds):
            for asked, medians in figures.items():
                medians.append(asked.recommend(calls))
        counts = {result: count - before[result] for result, count in on.lookups().items()}
    hits = counts["hit"] / max(1, sum(counts.values()))
    if hits < 0.95:
        raise BenchError(f"{name}: {hits:.1%} of the answers were in the cache ({counts}); expected nearly all")
    computed, cached = (statistics.median(medians) for medians in figures.values())
    return row(f"answer_cache/{name}/computed, 1 caller p50", computed, "µs", COMMAND, peer="the same, kept in Redis",
               peer_figure=cached,
               note=f"10 items of {what} for {len(USERS)} users with about {EVENTS} stored events each, profiles in the near "
                    f"cache; {hits:.1%} of the answers of the other server were hits in a Redis on loopback, to which a network "
                    f"would add its round trip; median of {rounds} rounds of {calls} calls in turns; for information, no bar")


def rows(context: Context) -> list[dict]:
    if not installed():
        return [row("answer_cache", None, "µs", COMMAND, skipped="no redis-server: scripts/install_packages.sh bench")]
    models = context.work_dir / "models"
    groceries(context, models / "groceries")
    made = [measure(context, "groceries", "the demo's bundle", models / "groceries")]
    for items, dims in GAUSSIAN:
        name = f"{items}x{dims}"
        gaussian(context, models / name, items, dims)
        made.append(measure(context, name, f"{items} Gaussian items", models / name))
    return made
