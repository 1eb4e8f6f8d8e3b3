"""Replies that come late, are given up on, or break off, at random: none is taken for the reply to another request.

Every event of the load tells its user, by its item and its time, and every answer is looked through for another's.
"""

from __future__ import annotations

import random

from fault_proxy import Delay, Pass, ResetMidReply, Trickle
from fault_row import row
from proxied import NO_NEAR_CACHE
from stack import Context, Stack, losses, sum_of_calls

# The server gives up on a reply after 5 ms: the modes that matter are around it.
MODES = [Pass(), Pass(), Delay(0.002), Delay(0.0049), Delay(0.006), Delay(0.03), ResetMidReply(0.01), Trickle(64, 0.004)]


def rows(context: Context) -> list[dict]:
    calls, hold_s = (5_000, 0.3) if context.quick else (1_000_000, 1.0)
    with Stack(context) as stack:
        schedule = random.Random(stack.seed)
        redis, ledger = stack.redis(), context.work_dir / "ledger.jsonl"
        proxy = stack.proxy(redis)
        profiles = [stack.redis_profiles([proxy.address], name, near_cache=NO_NEAR_CACHE) for name in ("a", "b")]
        # Two servers: each must read from Redis what the other has written.
        servers = [stack.server(each) for each in profiles]
        load = stack.load(servers, "--callers", 64, "--calls", calls, "--duration", 3600, "--updates", 0.05,
                          "--profile-reads", 0.6, "--explain", "--generate-users", 2000, "--ledger", ledger)
        while load.process.poll() is None:
            proxy.mode = schedule.choice(MODES)
            load.sleep_until(load.now() + hold_s)
        proxy.mode = Pass()
        total = load.wait()
        for server in servers:
            server.wait_breaker_closed()
            server.wait_backlog_empty()
        checked = stack.check(ledger, servers)
        replies = sum(server.metric("kindred_redis_ops_total", result="ok") for server in servers)
        # The proxy changes no value, so one that is no profile of the user asked for was the reply to something else.
        corrupt = sum(server.metric("kindred_profile_corrupt_total") for server in servers)
        return losses("crossed_replies", checked, total) + [
            row("crossed_replies/replies that were no profile of the user asked for", corrupt, "", at_most=0),
            row("crossed_replies/answers looked through", sum_of_calls(total), "", at_least=calls),
            row("crossed_replies/replies of Redis among them", replies, "", at_least=1, note=f"faults: {dict(proxy.faults)}"),
        ]
