"""What profiles in Redis cost beside profiles in memory, by turns on the same machine."""

from __future__ import annotations

from fault_row import row, timing
from proxied import NO_NEAR_CACHE
from stack import Context, Stack, sum_of_calls

USERS = 2_000


def rows(context: Context) -> list[dict]:
    seconds = 0.5 if context.quick else 5
    with Stack(context) as stack:
        redis = stack.redis()
        servers = {"memory": stack.server("{memory: {}}"),
                   "redis": stack.server(stack.redis_profiles([redis.address], "journal")),
                   "redis, read each time": stack.server(
                       stack.redis_profiles([redis.address], "journal-2", near_cache=NO_NEAR_CACHE))}
        for name, server in servers.items():
            # The last one is the first one's reader: what it answers with comes from Redis, not from its own journal.
            if name != "redis, read each time":
                stack.give_profiles(server, USERS)
        servers["redis"].wait_backlog_empty()

        def measure(name: str, callers: int, updates: float) -> dict:
            return stack.run_load([servers[name]], "--callers", callers, "--duration", seconds, "--updates", updates,
                                  "--generate-users", USERS)

        def throughput(name: str, updates: float):
            def one(_: int) -> float:
                total = measure(name, 64, updates)
                return sum_of_calls(total) / total["seconds"]
            return one

        def p50(name: str):
            return lambda _: measure(name, 1, 0)["latency_us"]["p50"]

        reads = context.interleave({name: throughput(name, 0) for name in servers})
        mixed = context.interleave({name: throughput(name, 0.2) for name in servers})
        single = context.interleave({name: p50(name) for name in servers})
        callers = ", ".join(f"{name} {value:.0f} µs" for name, value in single.items())
        return [
            timing_at_least(context, "redis_speed/throughput of reads at 64 callers, of the memory store's",
                            100 * reads["redis"] / reads["memory"], reads),
            timing_at_least(context, "redis_speed/throughput with 20 % updates at 64 callers, of the memory store's",
                            100 * mixed["redis"] / mixed["memory"], mixed),
            row("redis_speed/throughput of reads with no near cache, of the memory store's",
                100 * reads["redis, read each time"] / reads["memory"], "%"),
            timing(context, "redis_speed/p50 added at one caller", single["redis"] - single["memory"], "µs", at_most=60,
                   note=callers),
            timing(context, "redis_speed/p50 added at one caller, each profile read from Redis",
                   single["redis, read each time"] - single["memory"], "µs", at_most=60, note=f"no near cache; {callers}"),
        ]


def timing_at_least(context: Context, case: str, figure: float, calls: dict[str, float]) -> dict:
    return row(case, figure, "%", at_least=None if context.quick else 70,
               note=", ".join(f"{name} {value:,.0f} calls/s" for name, value in calls.items()))
