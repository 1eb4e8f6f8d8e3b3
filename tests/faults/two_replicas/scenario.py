"""Two servers, one Redis, the same users changed at both at once, updates retried at the other with the same ids."""

from __future__ import annotations

import random

from fault_row import row
from stack import Context, Stack, losses


def rows(context: Context) -> list[dict]:
    seconds, kills = (4, 1) if context.quick else (60, 10)
    with Stack(context) as stack:
        schedule = random.Random(stack.seed)
        redis, ledger = stack.redis(), context.work_dir / "ledger.jsonl"
        servers = [stack.server(stack.redis_profiles([redis.address], name)) for name in ("a", "b")]
        # 20 users: each is changed at both servers within milliseconds, and no history is full at the end.
        load = stack.load(servers, "--rps", 150 if context.quick else 120, "--duration", seconds, "--updates", 0.6,
                          "--profile-reads", 0.2, "--generate-users", 20, "--duplicates", 0.5, "--retry", "--ledger", ledger)
        # And now and then one of them is killed with what it has not told Redis yet.
        for number in range(kills):
            load.sleep_until((number + 0.5 + schedule.uniform(0, 0.3)) * seconds / kills)
            victim = schedule.choice(servers)
            victim.kill()
            victim.start()
        total = load.wait()
        for server in servers:
            server.wait_backlog_empty()
        checked = stack.check(ledger, servers, within_s=30)
        return losses("two_replicas", checked, None, note=f"read back through both; {total['retries']} calls sent again, "
                      f"{kills} kills of a server") + [
            row("two_replicas/answers with another user's events", total["foreign"], "", at_most=0),
            row("two_replicas/updates never acknowledged", total["given_up"], "", at_most=0),
        ]
