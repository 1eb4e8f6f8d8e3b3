"""Recommend at one caller on the sample, beside an empty echo on the same server skeleton: what our work adds to gRPC's."""

from __future__ import annotations

import csv
import gzip
import json
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parent.parent.parent
sys.path.insert(0, str(HERE.parent))

from child_server import Server  # noqa: E402
from context import Context, row  # noqa: E402

SAMPLE = REPO / "tests/data/completejourney"
COMMAND = "tests/bench/run.py --bin-dir build/bench/bin --python build/venv/bench/bin/python --only serve"
# Recommend may take 1.6 times an echo.
BAR = 1 / 1.6
USERS = 50


def pinned(core: int, command: list[object]) -> list[str]:
    """On one core, when there is more than one: server and client do not take turns on it."""
    words = [str(word) for word in command]
    return ["taskset", "-c", str(core), *words] if (os.cpu_count() or 1) > 1 else words


def households(count: int) -> list[str]:
    """The first households of the sample: users that the model was trained with."""
    found: dict[str, None] = {}
    with gzip.open(SAMPLE / "transactions.csv.gz", "rt", encoding="utf-8") as file:
        for record in csv.DictReader(file):
            found[record["household_id"]] = None
            if len(found) == count:
                break
    return list(found)


def rows(context: Context) -> list[dict]:
    store = context.work_dir / "models"
    bundle = store / "groceries" / "1" / "bundle.safetensors"
    bundle.parent.mkdir(parents=True)
    # As scripts/demo.sh trains it.
    context.run([context.binary("kindred"), "train", "nmf", "--interactions", SAMPLE / "transactions.csv.gz",
                 "--user-column", "household_id", "--item-column", "product_id", "--items", SAMPLE / "products.csv.gz",
                 "--item-name-column", "name", "--category-columns", "department,product_category", "--factors", 24,
                 "--min-item-users", 10, "--model", "groceries", "--quiet", "--out", bundle])
    config = context.work_dir / "server.yaml"
    # One thread answers, as in the echo server: the other core is the caller's.
    config.write_text("serving: {threads: 1}\nlogging: {level: warn}\n", encoding="utf-8")
    server = [context.binary("kindred-server"), "--config", config, "--models", store, "--listen", "127.0.0.1:0",
              "--admin", "127.0.0.1:0", "--admin-grpc", "127.0.0.1:0", "--items", context.work_dir / "items",
              "--model-state", context.work_dir / "model-state", "--profiles", f"embedded:{context.work_dir / 'profiles'}"]
    calls = 200 if context.quick else 1000
    rounds = 3 if context.quick else 20
    users = [word for user in households(USERS) for word in ("--user", user)]
    with (Server(pinned(0, server), context.work_dir / "server.log") as recommend,
          Server(pinned(0, [context.binary("bench_echo_server")]), context.work_dir / "echo.log") as echo):
        figures = json.loads(context.run(pinned(1, [
            context.binary("bench_serve"), "--echo", echo, "--recommend", recommend, "--rounds", rounds, "--calls",
            calls, "--warm-up", 1000, *users])))
    ours, empty = figures["recommend"], figures["echo"]
    return [
        row("serve/recommend/1 caller p50", ours["p50_us"], "µs", COMMAND, peer="empty echo, same skeleton",
            peer_figure=empty["p50_us"], bar=BAR,
            note=f"10 items for {USERS} trained households of the demo's bundle, embedded profile store; median of "
                 f"{rounds} rounds of {calls} calls in turns with the echo; server and caller on a core each"),
        row("serve/recommend/1 caller p99", ours["p99_us"], "µs", COMMAND, peer="empty echo, same skeleton",
            peer_figure=empty["p99_us"], note="of the same calls"),
    ]
