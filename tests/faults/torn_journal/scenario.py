"""A journal whose end is torn: the server starts, has everything before the tear, and nothing that was never there.

Bytes behind the end are what a write that was cut off by a crash leaves: nothing acknowledged is lost. Bytes missing or
wrong at the end are a disk that lied about its sync: what came before must be there all the same.
"""

from __future__ import annotations

import json
import pathlib
import random
import shutil

from fault_row import row
from stack import BenchError, Context, Stack

UPDATES = 300


def rows(context: Context) -> list[dict]:
    rounds = 2 if context.quick else 20
    with Stack(context) as stack:
        schedule = random.Random(stack.seed)
        ledger = context.work_dir / "ledger.jsonl"
        server = stack.server(stack.embedded_profiles("whole"))
        # One caller: the ledger's order is the journal's.
        total = stack.run_load([server], "--callers", 1, "--updates", 1, "--calls", UPDATES, "--duration", 60,
                               "--generate-users", 40, "--ledger", ledger)
        server.kill()
        if total["acknowledged"] != UPDATES:
            raise BenchError(f"{total['acknowledged']} of {UPDATES} updates were acknowledged: {total['calls']}")
        order = [json.loads(line)["update_id"] for line in ledger.read_text(encoding="utf-8").splitlines()]
        return [line for kind in (append, cut, flip) for line in torn(stack, kind, rounds, schedule, ledger, order)]


def torn(stack: Stack, kind, rounds: int, schedule: random.Random, ledger: pathlib.Path, order: list[str]) -> list[dict]:
    case, folder = f"torn_journal/{kind.__name__}", stack.context.work_dir
    lost, holes, doubled = 0, 0, 0
    for number in range(rounds):
        name = f"{kind.__name__}-{number}"
        shutil.copytree(folder / "whole", folder / name)
        kind(newest_log(folder / name), schedule)
        server = stack.server(stack.embedded_profiles(name))
        checked = stack.check(ledger, [server], within_s=0)
        missing = {line.split(" ")[1] for line in checked["missing"]}
        lost += len(missing)
        holes += missing != set(order[len(order) - len(missing):])
        doubled += len(checked["doubled"])
        server.close()
        shutil.rmtree(folder / name)
    result = [row(f"{case}/journals with a hole", holes, f"of {rounds}", at_most=0),
              row(f"{case}/updates doubled", doubled, "", at_most=0)]
    if kind is append:
        return result + [row(f"{case}/acknowledged updates lost", lost, f"of {rounds * UPDATES:,}", at_most=0)]
    # The tear must have reached an update, or nothing was tried.
    return result + [row(f"{case}/updates behind the tear", lost, f"of {rounds * UPDATES:,}", at_least=1)]


def newest_log(folder: pathlib.Path) -> pathlib.Path:
    """The write-ahead log in use: the one with the highest number."""
    logs = sorted(folder.glob("*.log"), key=lambda path: int(path.stem))
    if not logs or logs[-1].stat().st_size == 0:
        raise BenchError(f"no write-ahead log with content in {folder}: {[path.name for path in folder.iterdir()]}")
    return logs[-1]


def append(log: pathlib.Path, schedule: random.Random) -> None:
    with open(log, "ab") as file:
        file.write(schedule.randbytes(schedule.randint(1, 4096)))


def cut(log: pathlib.Path, schedule: random.Random) -> None:
    content = log.read_bytes().rstrip(b"\0")
    log.write_bytes(content[:len(content) - schedule.randint(1, 2000)])


def flip(log: pathlib.Path, schedule: random.Random) -> None:
    content = bytearray(log.read_bytes())
    end = len(bytes(content).rstrip(b"\0"))
    content[end - schedule.randint(1, 2000)] ^= schedule.randint(1, 255)
    log.write_bytes(content)
