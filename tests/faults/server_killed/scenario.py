"""kill -9 of kindred-server under updates, again and again: what was acknowledged is there, once, after every restart."""

from __future__ import annotations

import random
import statistics
import time

from fault_row import row
from stack import Context, Stack, losses

WHOLE_KILLS, QUICK_KILLS = 50, 4


def rows(context: Context) -> list[dict]:
    with Stack(context) as stack:
        result = killed(stack, "server_killed/embedded", stack.embedded_profiles())
    with Stack(context) as stack:
        redis = stack.redis()
        return result + killed(stack, "server_killed/redis", stack.redis_profiles([redis.address], "journal"))


def killed(stack: Stack, case: str, profiles: str) -> list[dict]:
    quick = stack.context.quick
    kills = QUICK_KILLS if quick else WHOLE_KILLS
    schedule = random.Random(stack.seed)
    ledger = stack.context.work_dir / f"{case.replace('/', '-')}.jsonl"
    server = stack.server(profiles)
    # Callers that wait for their answers: as many updates as the disk can sync, on any machine.
    load = stack.load([server], "--callers", 8, "--updates", 0.9, "--duration", 3600, "--deadline", 5, "--generate-users",
                      4000, "--retry", "--retry-for", 60, "--ledger", ledger)
    restarts = []
    for _ in range(kills):
        load.sleep_until(load.now() + schedule.uniform(0.2, 1.0))
        server.kill()
        begin = time.monotonic()
        server.start()
        restarts.append(time.monotonic() - begin)
    load.sleep_until(load.now() + 0.5)
    load.interrupt()
    total = load.wait()
    checked = stack.check(ledger, [server])
    return losses(case, checked, None, note=f"{kills} kills under {total['acknowledged']:,} acknowledged updates; "
                  f"{total['retries']:,} calls sent again with their update_id") + [
        row(f"{case}/updates never acknowledged", total["given_up"], "", at_most=0),
        row(f"{case}/answers with another user's events", total["foreign"], "", at_most=0),
        row(f"{case}/restart to ready, median", statistics.median(restarts), "s"),
    ]
