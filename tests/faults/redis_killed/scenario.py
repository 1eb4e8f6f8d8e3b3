"""kill -9 of Redis every few seconds, empty each time it comes back: no call fails, and nothing acknowledged is lost."""

from __future__ import annotations

import random
import threading
import time

from fault_row import timing
from stack import Context, Server, Stack, losses

WINDOW_S = 2.0


class Connects(threading.Thread):
    """Samples how many connections the server has tried, and knows the most in any two seconds."""

    def __init__(self, server: Server):
        super().__init__(daemon=True)
        self.server, self.samples, self.over = server, [], threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.1):
            self.samples.append((time.monotonic(), self.server.metric("kindred_redis_connection_attempts_total")))

    def most_a_second(self) -> float:
        most, begin = 0.0, 0
        for at, count in self.samples:
            while at - self.samples[begin][0] > WINDOW_S:
                begin += 1
            most = max(most, (count - self.samples[begin][1]) / WINDOW_S)
        return most


def rows(context: Context) -> list[dict]:
    kills = 3 if context.quick else 20
    with Stack(context) as stack:
        schedule = random.Random(stack.seed)
        redis, ledger = stack.redis(), context.work_dir / "ledger.jsonl"
        server = stack.server(stack.redis_profiles([redis.address], "journal"))
        load = stack.load([server], "--rps", 200 if context.quick else 2000, "--duration", 3600, "--generate-users", 1000,
                          "--profile-reads", 0.1, "--ledger", ledger)
        connects = Connects(server)
        connects.start()
        for _ in range(kills):
            load.sleep_until(load.now() + (schedule.uniform(0.3, 1) if context.quick else schedule.uniform(1, 4)))
            redis.kill()
            load.sleep_until(load.now() + schedule.uniform(0.2, 1) * (1 if context.quick else 3))
            redis.start()
        closed_s = server.wait_breaker_closed()
        load.sleep_until(load.now() + 1)
        load.interrupt()
        total = load.wait()
        connects.over.set()
        connects.join()
        replay_s = server.wait_backlog_empty()
        # A server that has seen none of it: what it has comes from Redis alone.
        fresh = stack.server(stack.redis_profiles([redis.address], "fresh"))
        checked = stack.check(ledger, [server, fresh], within_s=30)
        return losses("redis_killed", checked, total, note=f"{kills} kills; read back through the server and through one "
                      "that has only Redis") + [
            timing(context, "redis_killed/connection attempts a second and node, at most", connects.most_a_second(), "",
                   at_most=2, note=f"over windows of {WINDOW_S:g} s"),
            timing(context, "redis_killed/breaker closed after", closed_s, "s", at_most=10),
            timing(context, "redis_killed/Redis had everything after", replay_s, "s", at_most=10),
        ]
